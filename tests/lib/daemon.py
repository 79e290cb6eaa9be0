"""A Tappet daemon for tests: a folder of its own, any free port, and everything gone afterwards.

TAPPET_BUILD names the build tree (build/asan by default).
"""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import exposition

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("TAPPET_BUILD", ROOT / "build" / "asan")).resolve()
TAPPET = BUILD / "tappet"
# Sanitizers and a busy machine are slow; a test that waits this long has failed.
DEADLINE = 60.0
FINAL = ("completed", "failure", "invalid", "cancelled")


def wait_until(condition, what, deadline=DEADLINE, pause=0.02):
    """Calls condition until it gives something true, which is returned."""
    end = time.monotonic() + deadline
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < end, f"waited {deadline:.0f} s for {what}"
        time.sleep(pause)


class Response:
    def __init__(self, answer):
        self.status = answer.status
        self.headers = answer.headers
        self.body = answer.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def type(self):
        """The stable word of a problem document."""
        assert self.headers["Content-Type"] == "application/problem+json", self.body
        return self.json["type"].rpartition(":")[2]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=DEADLINE)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Daemon:
    """A folder with tappet.json and workflows/, and the process that serves it (at most one at a time)."""

    def __init__(self, folder=None, wrapper=(), configure=True):
        # Not pytest's folders: the path of a UNIX socket may have 107 bytes only.
        self.folder = Path(folder or tempfile.mkdtemp(prefix="tappet-"))
        self.wrapper = list(wrapper)
        self.process = None
        self.address = None
        self.log_path = self.folder / "daemon.log"
        self.log_begin = 0
        (self.folder / "workflows").mkdir(exist_ok=True)
        self.log_path.touch()
        if configure:
            self.configure()

    # ---- Files

    def configure(self, **changes):
        self.config = {"listen": ["127.0.0.1:0"], "plugins": {"webhook": {}}, "executor": {"concurrency": 8}}
        self.config.update(changes)
        (self.folder / "tappet.json").write_text(json.dumps(self.config), encoding="utf-8")

    def workflow(self, slug, steps, **more):
        definition = {"name": slug.title(), "team": "Testers", "triggers": [{"plugin": "webhook"}], "steps": steps}
        definition.update(more)
        path = self.folder / "workflows" / f"{slug}.json"
        path.write_text(json.dumps(definition), encoding="utf-8")
        return path

    # ---- The process

    def start(self, *arguments, wait="ready", env=None, pass_fds=()):
        assert self.process is None
        self.log_begin = self.log_path.stat().st_size
        command = [*self.wrapper, str(TAPPET), "serve", "-c", str(self.folder / "tappet.json"), "--log-json",
                   *arguments]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.folder, env={**os.environ, **(env or {})}, pass_fds=pass_fds)
        if wait:
            self.wait_log(wait)
            self.address = self.find_address()
        return self

    def find_address(self):
        for line in self.logs():
            host, _, port = line.get("address", "").rpartition(":")
            if line["message"] == "listening" and port.isdigit():
                return host.strip("[]"), int(port)
        return None

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait_exit(self, deadline=DEADLINE):
        status = self.process.wait(deadline)
        self.process = None
        return status

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.wait_exit()

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.wait_exit()

    def restart(self):
        if self.process:
            self.stop()
        return self.start()

    def close(self):
        """Ends the daemon; whatever a sanitizer found fails the test."""
        status = 0
        if self.process is not None:
            try:
                status = self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
                status = "hung"
        log = self.log_text(everything=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        assert status == 0, f"the daemon ended with {status}:\n{log[-8000:]}"
        for mark in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer"):
            assert mark not in log, log[-8000:]

    # ---- Its log

    def log_text(self, everything=False):
        with self.log_path.open("rb") as log:
            log.seek(0 if everything else self.log_begin)
            return log.read().decode("utf-8", "replace")

    def logs(self):
        """The lines since the last start, as objects."""
        lines = []
        for line in self.log_text().splitlines():
            if line.startswith("{"):
                try:
                    lines.append(json.loads(line))
                except ValueError:
                    pass  # half a line
        return lines

    def wait_log(self, message, deadline=DEADLINE, **fields):
        def there():
            for line in self.logs():
                if line.get("message") == message and all(line.get(key) == value for key, value in fields.items()):
                    return line
            assert self.running or message in self.log_text(), f"the daemon ended:\n{self.log_text()}"
            return None

        return wait_until(there, f"the log line {message!r}", deadline)

    # ---- HTTP

    def connect(self, control=False):
        if control:
            return UnixConnection(self.config.get("control", {}).get("path") or self.folder / "tappet.sock")
        return http.client.HTTPConnection(*self.address, timeout=DEADLINE)

    def request(self, method, path, body=None, headers=None, control=False):
        connection = self.connect(control)
        try:
            if body is not None and not isinstance(body, (bytes, str)):
                body = json.dumps(body)
            connection.request(method, path, body, headers or {})
            return Response(connection.getresponse())
        finally:
            connection.close()

    def api(self, method, path, body=None):
        """By the control socket, where everybody is admin."""
        return self.request(method, "/api/v1" + path, body, control=True)

    def metrics(self):
        """What /metrics says, strictly read: families by name."""
        answer = self.request("GET", "/metrics")
        assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return exposition.parse(answer.body.decode("utf-8"))

    def post(self, token, properties=None, headers=None, **more):
        body = {"token": token, **more}
        if properties is not None:
            body["properties"] = properties
        return self.request("POST", "/webhook/payload", body, headers)

    def fire(self, token, properties=None, headers=None):
        """An accepted payload: the activity's id."""
        answer = self.post(token, properties, headers)
        assert answer.status == 200, answer.body
        return answer.json["activityId"]

    def status(self, token, activity):
        answer = self.request("GET", f"/webhook/status/{activity}", {"token": token})
        assert answer.status == 200, answer.body
        return answer.json

    def wait_status(self, token, activity, *statuses):
        def there():
            document = self.status(token, activity)
            return document if document["status"] in statuses else None

        return wait_until(there, f"{activity} to be {' or '.join(statuses)}")

    def wait_end(self, token, activity):
        return self.wait_status(token, activity, *FINAL)

    def wait_step(self, token, activity, order, status):
        def there():
            document = self.status(token, activity)
            return document if document["steps"][order - 1]["flowTaskStatus"] == status else None

        return wait_until(there, f"step {order} of {activity} to be {status}")

    def detail(self, activity):
        """The activity as the API shows it, with attempts and messages."""
        answer = self.api("GET", f"/activities/{activity}")
        assert answer.status == 200, answer.body
        return answer.json

    # ---- The command line

    def cli(self, *arguments, check=True, env=None):
        # The configuration is looked for in the current folder.
        done = subprocess.run([str(TAPPET), *arguments], cwd=self.folder, text=True, capture_output=True,
                              timeout=DEADLINE, env={**os.environ, **(env or {})}, check=False)
        assert not check or done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def cli_json(self, *arguments):
        return json.loads(self.cli(*arguments, "--json").stdout)

    def token(self, *workflows, scopes=(), team=None):
        arguments = [part for scope in scopes for part in ("--scope", scope)]
        if team:
            arguments += ["--team", team]
        return self.cli_json("token", "create", *workflows, *arguments)["token"]
