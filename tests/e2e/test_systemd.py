"""What the service manager is told (sd_notify(3)), and the sockets that it passes (sd_listen_fds(3))."""

import http.client
import os
import signal
import socket
import sys
import threading

from certificates import Authority
from daemon import DEADLINE, ROOT, UnixConnection, wait_until


def test_readiness_reload_and_stop_are_told_to_systemd(daemon):
    daemon.workflow("nap", [{"id": "nap", "sleep": "0s"}])
    path = daemon.folder / "notify.sock"
    heard = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.settimeout(0.1)

        def has_heard(word):
            try:
                heard.extend(notify.recv(4096).decode().splitlines())
            except TimeoutError:
                pass
            return word in heard

        daemon.start(env={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "200000"})
        wait_until(lambda: has_heard("READY=1"), "READY=1")
        wait_until(lambda: has_heard("WATCHDOG=1"), "the watchdog's beat")
        heard.clear()
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: has_heard("RELOADING=1"), "RELOADING=1")
        wait_until(lambda: has_heard("READY=1"), "READY=1 after the reload")
        daemon.signal(signal.SIGTERM)
        wait_until(lambda: has_heard("STOPPING=1"), "STOPPING=1")
        assert daemon.wait_exit() == 0


# ---- Sockets


def listening(family, address):
    made = socket.socket(family)
    made.bind(address)
    made.listen()
    return made


def start_with(daemon, *sockets, wait="ready"):
    numbers = [one.fileno() for one in sockets]
    daemon.wrapper = [sys.executable, str(ROOT / "tests" / "lib" / "activate.py"), ",".join(map(str, numbers))]
    daemon.start(wait=wait, pass_fds=numbers)


def get(connection, path="/healthz"):
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_sockets_that_are_passed_are_served_by_the_listeners_with_their_addresses(daemon):
    cert, key = Authority(daemon.folder).issue("server", "localhost")
    http_path, control_path = str(daemon.folder / "http.sock"), str(daemon.folder / "tappet.sock")
    tcp, tls = listening(socket.AF_INET, ("127.0.0.1", 0)), listening(socket.AF_INET, ("127.0.0.1", 0))
    unix, control = listening(socket.AF_UNIX, http_path), listening(socket.AF_UNIX, control_path)
    os.chmod(control_path, 0o600)
    daemon.configure(listen=[
        "127.0.0.1:%d" % tcp.getsockname()[1], f"unix:{http_path}",
        {"address": "127.0.0.1:%d" % tls.getsockname()[1], "tls": {"cert": str(cert), "key": str(key)}}])
    start_with(daemon, tls, control, unix, tcp)
    context = Authority(daemon.folder, "other").context()
    context.load_verify_locations(daemon.folder / "authority.pem")
    assert get(http.client.HTTPConnection(*tcp.getsockname(), timeout=DEADLINE)) == 200
    assert get(UnixConnection(http_path)) == 200
    assert get(UnixConnection(control_path), "/api/v1/workflows") == 200
    assert get(http.client.HTTPSConnection("localhost", tls.getsockname()[1], context=context, timeout=DEADLINE)) == 200
    assert [line["socket"] for line in daemon.logs() if line["message"] == "listening"] == ["passed"] * 4
    # They are not the daemon's: they stay, and who comes meanwhile waits for the next one.
    assert daemon.stop() == 0
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(get(UnixConnection(http_path))))
    waiting.start()
    start_with(daemon, tls, control, unix, tcp)
    waiting.join()
    assert answers == [200]
    for one in (tcp, tls, unix, control):
        one.close()


def test_other_sockets_are_dropped_and_other_listeners_bound(daemon):
    stranger = listening(socket.AF_INET, ("127.0.0.2", 0))
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", 0))
    start_with(daemon, stranger, datagrams)
    assert daemon.request("GET", "/healthz").status == 200
    dropped = [line for line in daemon.logs() if line["message"] == "a socket that was passed fits no listener"]
    assert len(dropped) == 2
    assert all(line["socket"] == "own" for line in daemon.logs() if line["message"] == "listening")
    stranger.close()
    datagrams.close()


def test_steps_get_nothing_of_the_sockets(daemon):
    seen = daemon.folder / "seen"
    daemon.workflow("w", [{"id": "look", "script": f"env | grep -c ^LISTEN_ > {seen}; ls -l /proc/self/fd >> {seen}"}])
    listener = listening(socket.AF_UNIX, str(daemon.folder / "http.sock"))
    daemon.configure(listen=["127.0.0.1:0", f"unix:{daemon.folder}/http.sock"])
    start_with(daemon, listener)
    token = daemon.token("w")
    daemon.wait_end(token, daemon.fire(token))
    text = seen.read_text(encoding="utf-8")
    assert text.startswith("0\n") and f"socket:[{inode(listener)}]" not in text
    listener.close()


def inode(one):
    return os.fstat(one.fileno()).st_ino


def test_it_is_started_by_the_first_connection(daemon):
    path = daemon.folder / "http.sock"
    daemon.configure(listen=["127.0.0.1:0", f"unix:{path}"])
    daemon.wrapper = ["systemd-socket-activate", "--listen", str(path)]
    daemon.start(wait=None)
    wait_until(lambda: connects(path), "the socket")
    assert get(UnixConnection(path)) == 200
    assert daemon.wait_log("listening", address=f"unix:{path}")["socket"] == "passed"


def connects(path):
    """The path is there before anybody listens at it."""
    try:
        UnixConnection(path).connect()
        return True
    except (FileNotFoundError, ConnectionRefusedError):
        return False


def test_a_control_socket_that_lets_everybody_in_is_refused(daemon):
    control = listening(socket.AF_UNIX, str(daemon.folder / "tappet.sock"))
    os.chmod(daemon.folder / "tappet.sock", 0o666)
    with control:
        start_with(daemon, control, wait=None)
        assert daemon.wait_exit() == 1
    assert "the control socket that was passed lets in more users than control.mode" in daemon.log_text()
