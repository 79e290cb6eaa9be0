"""The example plugins: each on real input in a real daemon, and by the rules of the ABI."""

import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
import websockets
from action import LOOP
from daemon import BUILD, wait_until

EXAMPLES = BUILD / "examples"
STEPS = [{"id": "nothing", "sleep": "0s"}]


def with_example(daemon, example, trigger, env=None):
    """A daemon with this plugin and one workflow, "site", whose trigger has these options."""
    daemon.configure(plugins={"webhook": {}, example: {"load": str(EXAMPLES / f"{example}.so")}})
    daemon.workflow("site", STEPS, params={"payload": {"default": ""}},
                    triggers=[{"plugin": example, "id": "it", "with": trigger, "params": {"payload": "tojson"}}])
    return daemon.start(env=env)


def payloads(daemon):
    """What the activities were started with, oldest first."""
    answer = daemon.api("GET", "/activities?limit=100")
    assert answer.status == 200, answer.body
    return [json.loads(daemon.detail(row["id"])["params"]["payload"]) for row in reversed(answer.json["activities"])]


def wait_payloads(daemon, expected):
    wait_until(lambda: len(payloads(daemon)) >= len(expected), f"{len(expected)} activities")
    assert payloads(daemon) == expected


def broken_rules(example, *arguments):
    done = subprocess.run([BUILD / "tappet", "plugin-check", EXAMPLES / f"{example}.so", "--json", *arguments], text=True,
                          capture_output=True, check=False, timeout=300)
    return [rule for rule in json.loads(done.stdout)["rules"] if rule["result"] == "fail"]


# ---- challenge


def test_challenge_answers_the_handshake_and_takes_events(daemon):
    with_example(daemon, "challenge", {"path": "/page", "verifyToken": {"env": "VERIFY"}}, env={"VERIFY": "V"})
    echo = daemon.request("GET", "/page?hub.mode=subscribe&hub.challenge=c42&hub.verify_token=V")
    assert (echo.status, echo.body) == (200, b"c42")
    assert daemon.request("GET", "/page?hub.mode=subscribe&hub.challenge=c&hub.verify_token=W").status == 403
    assert daemon.request("POST", "/page", {"a": 1}).status == 403
    answer = daemon.request("POST", "/page?hub.verify_token=V", {"a": 1})
    assert answer.status == 202, answer.body
    wait_payloads(daemon, [{"a": 1}])


def test_challenge_keeps_the_rules():
    assert broken_rules("challenge", "--trigger", '{"path": "/page", "verifyToken": {"env": "HOME"}}') == []


# ---- fifo


def test_fifo_starts_an_activity_for_each_line(daemon):
    path = daemon.folder / "lines"
    os.mkfifo(path)
    with_example(daemon, "fifo", {"path": str(path)})
    path.write_text('{"n": 1}\nnonsense\n{"n": 2}\n', encoding="utf-8")
    wait_payloads(daemon, [{"n": 1}, {"n": 2}])


def test_fifo_keeps_the_rules(tmp_path):
    path = tmp_path / "lines"
    os.mkfifo(path)
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    over = threading.Event()

    def write():
        while not over.wait(0.005):
            # No more than somebody reads: each time that the plugin is loaded it would take all at once.
            if not select.select([fd], [], [], 0)[0]:
                os.write(fd, b'{"a":1}\n{"a":2}\n')

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert broken_rules("fifo", "--trigger", json.dumps({"path": str(path)})) == []
    finally:
        over.set()
        writer.join()
        os.close(fd)


# ---- poller


def test_poller_goes_on_where_it_was_after_a_kill(daemon):
    path = daemon.folder / "lines"
    path.write_text('{"n": 1}\n{"n": 2}\n', encoding="utf-8")
    with_example(daemon, "poller", {"path": str(path), "every": "50ms"})
    wait_payloads(daemon, [{"n": 1}, {"n": 2}])
    daemon.kill()
    with path.open("a", encoding="utf-8") as lines:
        lines.write('{"n": 3}\n')
    daemon.start()
    wait_payloads(daemon, [{"n": 1}, {"n": 2}, {"n": 3}])


def test_poller_keeps_the_rules(tmp_path):
    path = tmp_path / "lines"
    path.write_text("".join(f'{{"n": {n}}}\n' for n in range(100)), encoding="utf-8")
    assert broken_rules("poller", "--trigger", json.dumps({"path": str(path), "every": "1s"})) == []


# ---- command


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_command_starts_an_activity_for_each_line_and_ends_with_the_daemon(daemon):
    with_example(daemon, "command", {"command": "echo $$; echo 'a \"b\"'; exec sleep 1000"})
    wait_until(lambda: len(payloads(daemon)) == 2, "two activities")
    first, second = payloads(daemon)
    assert second == {"line": 'a "b"'}
    assert not gone(int(first["line"]))
    assert daemon.stop() == 0
    assert gone(int(first["line"]))


def test_command_keeps_the_rules():
    assert broken_rules("command", "--trigger", json.dumps({"command": "echo 1; echo 2"})) == []


# ---- homeassistant


class Home:
    """The WebSocket API of Home Assistant, as far as the plugin speaks it; each connection gets the same events."""

    def __init__(self, token, events):
        self.token, self.events, self.subscriptions = token, events, []
        self.socket = None
        self.server = LOOP.call(self.listen())

    async def listen(self):
        return await websockets.serve(self.serve, "127.0.0.1", 0)

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/api/websocket"

    async def serve(self, socket, _path):
        self.socket = socket
        await socket.send('{"type":"auth_required","ha_version":"2024.1.0"}')
        answer = json.loads(await socket.recv())
        if answer != {"type": "auth", "access_token": self.token}:
            await socket.send('{"type":"auth_invalid","message":"Invalid access token"}')
            return
        await socket.send('{"type":"auth_ok"}')
        asked = json.loads(await socket.recv())
        self.subscriptions.append(asked)
        await socket.send(json.dumps({"id": asked["id"], "type": "result", "success": True}))
        for event in self.events:
            await socket.send(json.dumps({"id": asked["id"], "type": "event", "event": event}))
        await socket.wait_closed()

    async def end(self):
        self.server.close()
        await self.server.wait_closed()

    def close(self):
        LOOP.call(self.end())


@pytest.fixture
def home():
    server = Home("T", [{"event_type": "state_changed", "data": {"n": n}} for n in range(20)])
    yield server
    server.close()


def with_home(daemon, home, token):
    return with_example(daemon, "homeassistant", {"url": home.url, "token": {"env": "TOKEN"}, "event": "state_changed"},
                        env={"TOKEN": token})


def test_homeassistant_takes_events_in_their_order_and_connects_again(daemon, home):
    with_home(daemon, home, "T")
    wait_payloads(daemon, [{"id": 1, "type": "event", "event": event} for event in home.events])
    LOOP.call(home.socket.close(1012))
    wait_until(lambda: len(payloads(daemon)) == 2 * len(home.events), "the events of the second connection")
    assert home.subscriptions == 2 * [{"id": 1, "type": "subscribe_events", "event_type": "state_changed"}]


def test_homeassistant_tells_that_its_token_was_turned_down(daemon, home):
    with_home(daemon, home, "wrong")
    wait_until(lambda: daemon.api("GET", "/workflows/site/triggers/it").json["health"]["state"] == "dead", "the trigger to be dead")
    assert daemon.api("GET", "/workflows/site/triggers/it").json["health"]["reason"] == "the token was turned down"
    assert payloads(daemon) == []


def test_homeassistant_keeps_the_rules_with_all_kinds_of_peers():
    assert broken_rules("homeassistant", "--trigger", json.dumps({"url": "ws://home.example/api/websocket"})) == []


# ---- pgnotify


class Postgres:
    """A server of its own on a UNIX socket; it refuses to run as root."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="tappet-pg-"))
        self.bin = max(Path("/usr/lib/postgresql").glob("*/bin"))
        self.user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        if self.user:
            shutil.chown(self.folder, "postgres", "postgres")
        self.folder.chmod(0o755)
        self.process = None
        self.run("initdb", "-D", self.folder / "data", "-A", "trust", "-U", "tester", "--no-sync")

    def run(self, program, *arguments):
        subprocess.run([*self.user, self.bin / program, *arguments], cwd="/", check=True, capture_output=True)

    def start(self):
        self.process = subprocess.Popen([*self.user, self.bin / "postgres", "-D", self.folder / "data", "-k", self.folder,
                                         "-c", "listen_addresses=", "-F"], cwd="/", stderr=subprocess.DEVNULL)
        wait_until(lambda: self.sql("SELECT 1"), "the server")

    def sql(self, text):
        return subprocess.run([self.bin / "psql", "-h", self.folder, "-U", "tester", "-c", text, "postgres"], cwd="/",
                              capture_output=True, check=False).returncode == 0

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


@pytest.fixture
def postgres():
    server = Postgres()
    server.start()
    yield server
    if server.process.poll() is None:
        server.stop()
    shutil.rmtree(server.folder)


def test_pgnotify_takes_notifications_and_connects_again(daemon, postgres):
    with_example(daemon, "pgnotify", {"connection": {"env": "CONNECTION"}, "channel": "orders"},
                 env={"CONNECTION": f"host={postgres.folder} user=tester dbname=postgres"})
    first = {"channel": "orders", "payload": 'a "b"'}

    def arrived(count, payload):
        postgres.sql(f"NOTIFY orders, '{payload}'")
        return len(payloads(daemon)) >= count

    wait_until(lambda: arrived(1, 'a "b"'), "a notification", pause=0.2)
    assert payloads(daemon)[0] == first
    postgres.stop()
    postgres.start()
    wait_until(lambda: arrived(1, "again") and {"channel": "orders", "payload": "again"} in payloads(daemon),
               "a notification after the restart", pause=0.2)


def test_pgnotify_keeps_the_rules_without_a_server():
    assert broken_rules("pgnotify") == []
