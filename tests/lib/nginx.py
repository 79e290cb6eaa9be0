"""nginx as a proxy before a daemon, in a folder of the test, as the user who runs the test."""

import os
import socket
import subprocess

from daemon import DEADLINE, wait_until

# What docs/operations.md tells people to write, with the paths and ports of the test.
CONFIG = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {maps}
    upstream tappet {{
        server {upstream};
        keepalive 16;
    }}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {cert};
        ssl_certificate_key {key};
        {documented}
    }}
}}
"""


class Nginx:
    def __init__(self, folder, upstream, pair, documented, maps=""):
        self.folder = folder / "nginx"
        self.folder.mkdir()
        # It takes over sockets of its own address that are listed in NGINX, and so no port has to be guessed.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            self.process = self.start(listener, upstream, pair, documented, maps)
        try:
            wait_until(self.answers, "nginx")
        except AssertionError:
            self.close()
            raise

    def start(self, listener, upstream, pair, documented, maps):
        config = self.folder / "nginx.conf"
        config.write_text(CONFIG.format(
            folder=self.folder, port=self.port, upstream=upstream, cert=pair[0], key=pair[1], documented=documented,
            maps=maps, user="user root;" if os.geteuid() == 0 else ""), encoding="utf-8")
        number = listener.fileno()
        return subprocess.Popen(["/usr/sbin/nginx", "-c", config, "-e", self.folder / "error.log"], pass_fds=[number],
                                env={**os.environ, "NGINX": f"{number};"}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL)

    def answers(self):
        """It has come through its configuration when it writes its number down."""
        assert self.process.poll() is None, (self.folder / "error.log").read_text(encoding="utf-8")
        return (self.folder / "nginx.pid").exists()

    def close(self):
        self.process.terminate()
        self.process.wait(DEADLINE)
