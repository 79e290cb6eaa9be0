"""`tappet subscribe` and `tappet emit`, by HTTP and by WebSocket with a token: what they show, and what breaks in between."""

import base64
import hashlib
import json
import os
import re
import socket
import subprocess
import threading

import pytest
from daemon import TAPPET, wait_until

STEPS = [{"id": "nothing", "sleep": "0s"}]
ALL = ("action:>", "subscribe")
WAYS = ("http", "websocket")


@pytest.fixture(name="served")
def served_fixture(daemon):
    daemon.configure(plugins={"webhook": {}, "action": {}})
    daemon.workflow("orders", STEPS, team="Shop", triggers=[
        {"id": "created", "plugin": "action", "with": {"topic": "orders.>"}}])
    daemon.workflow("bills", STEPS, triggers=[
        {"id": "big", "plugin": "action", "with": {"topic": "orders.>"}, "when": ".data.total > 100"}])
    daemon.start()
    daemon.secret = daemon.token("orders", "bills", scopes=ALL)
    return daemon


def environment(daemon, way, token=None):
    found = {**os.environ, "NO_COLOR": "1"}
    if way == "websocket":
        found.update(TAPPET_TOKEN=token or daemon.secret, TAPPET_SERVER=f"ws://127.0.0.1:{daemon.address[1]}")
    return found


def tappet(daemon, way, *arguments, token=None):
    return subprocess.run([str(TAPPET), *arguments], cwd=daemon.folder, env=environment(daemon, way, token), text=True,
                          capture_output=True, timeout=120, check=False)


class Subscriber(threading.Thread):
    """Reads the lines of `tappet subscribe` until it ends."""

    def __init__(self, daemon, way, *arguments):
        super().__init__(daemon=True)
        self.lines = []
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen([str(TAPPET), "subscribe", *arguments], cwd=daemon.folder, env=environment(daemon, way),
                                        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.start()

    def run(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def events(self):
        events = [json.loads(line) for line in self.lines]
        return [{key: value for key, value in event.items() if key != "workflowId"} for event in events]

    def wait(self):
        status = self.process.wait(120)
        self.join(10)
        return status

    def end(self):
        self.process.terminate()
        self.wait()


def newest(daemon):
    return daemon.api("GET", "/events?since=0").json["newest"]


def expected(daemon, since, upto=None, **query):
    filters = "".join(f"&{key}={value}" for key, value in query.items())
    events = []
    while True:
        page = daemon.api("GET", f"/events?since={since}&limit=500{filters}").json
        events += page["events"]
        since = page["next"]
        if since >= page["newest"]:
            # By WebSocket a workflow has no other name than its slug.
            return [{key: value for key, value in event.items() if key != "workflowId"} for event in events[:upto]]


# ---- subscribe


@pytest.mark.parametrize("way", WAYS)
def test_subscribe_shows_what_comes_for_its_filter(served, way):
    begin = newest(served)
    reader = Subscriber(served, way, "activity.accepted,activity.completed", "--workflow", "orders", "--since", str(begin),
                        "--json", "--count", "4")
    for number in range(2):
        assert tappet(served, way, "emit", "orders.new", json.dumps({"total": 500, "n": number})).returncode == 0
    assert reader.wait() == 0
    wanted = expected(served, begin, 4, workflow="orders", types="activity.accepted,activity.completed")
    assert reader.events() == wanted and len(wanted) == 4


@pytest.mark.parametrize("way", WAYS)
def test_subscribe_is_pretty_for_people(served, way):
    begin = newest(served)
    served.cli("emit", "orders.new")
    done = tappet(served, way, "subscribe", "--types", "activity.*", "--team", "Shop", "--since", str(begin), "--count", "2")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2 and " activity.accepted orders " in lines[0] and "\033" not in done.stdout


@pytest.mark.parametrize("way", WAYS)
def test_subscribe_goes_on_without_gap_or_double_through_restarts(served, way):
    begin = newest(served)
    reader = Subscriber(served, way, "--since", str(begin), "--json")
    # At the same port again.
    served.configure(plugins={"webhook": {}, "action": {}}, listen=[f"127.0.0.1:{served.address[1]}"])
    for end in (served.kill, served.stop, None):
        for _ in range(20):
            served.cli("emit", "orders.new")
        if end:
            end()
            served.start()
    ended = lambda: not served.api("GET", "/activities?status=inProgress,waiting,notstarted").json["activities"]
    wait_until(ended, "the activities to end")
    wanted = expected(served, begin)
    wait_until(lambda: len(reader.lines) >= len(wanted), "the events")
    reader.end()
    assert [event["seq"] for event in reader.events()] == [event["seq"] for event in wanted]
    assert len(wanted) > 60 * 3


@pytest.mark.parametrize("way", WAYS)
def test_subscribe_begins_where_the_daemon_is_when_that_is_less(served, way):
    reader = Subscriber(served, way, "activity.accepted", "--since", str(newest(served) + 100000), "--json", "--count", "1")

    def comes():
        served.cli("emit", "orders.new")
        return reader.lines
    wait_until(comes, "an event")
    assert reader.wait() == 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("arguments, code", [
    (("--workflow", "nobody"), 4), (("--since", "x"), 2), (("--count", "0"), 2), (("a", "--types", "b"), 2),
    (("--workflow", "x" * 20000), 2)], ids=range(5))
def test_subscribe_tells_what_is_wrong(served, way, arguments, code):
    done = tappet(served, way, "subscribe", *arguments)
    assert done.returncode == code and done.stderr.startswith("tappet: "), done.stderr


def test_subscribe_needs_a_token_that_may(served):
    for token, said in (("wrong", "does not take the token"), (served.token("orders", scopes=("action:>",)), "")):
        done = tappet(served, "websocket", "subscribe", token=token)
        assert done.returncode == 5 and said in done.stderr, done.stderr


def test_a_token_sees_what_it_covers_only(served):
    begin = newest(served)
    served.cli("emit", "orders.new", '{"total": 500}')
    done = tappet(served, "websocket", "subscribe", "activity.accepted", "--since", str(begin), "--json", "--count", "1",
                  token=served.token("bills", scopes=("subscribe",)))
    assert json.loads(done.stdout)["workflow"] == "bills"


@pytest.mark.parametrize("server", ["ws://127.0.0.1:1", "http://127.0.0.1:1"])
@pytest.mark.parametrize("command", [("subscribe",), ("emit", "orders.new")])
def test_a_daemon_that_is_not_there_is_told(served, server, command):
    done = served.cli(*command, "--server", server, check=False)
    assert done.returncode == 3 and done.stderr


# ---- emit


@pytest.mark.parametrize("way", WAYS)
def test_emit_shows_what_was_started_and_what_was_refused(served, way):
    done = tappet(served, way, "emit", "orders.new", '{"total": 5}', "--key", "k1")
    assert done.returncode == 0, done.stderr
    words = [line.split() for line in done.stdout.splitlines()]
    assert [line[:2] for line in words] == [["started", "orders/created"], ["refused", "bills/big"]]
    assert words[1][2] == "filter:"
    again = tappet(served, way, "emit", "orders.new", '{"total": 5}', "--key", "k1")
    assert again.stdout.split()[:3] == ["known", "orders/created", words[0][2]]
    answer = json.loads(tappet(served, way, "emit", "orders.new", '{"total": 5}', "--key", "k1", "--json").stdout)
    assert answer["activities"][0]["activityId"] == words[0][2] and answer["matched"] == 2
    assert tappet(served, way, "emit", "nobody.listens").stdout == "nobody listens to nobody.listens; it is recorded\n"


@pytest.mark.parametrize("way", WAYS)
def test_emit_tells_how_many_steps_went_on(served, way):
    served.workflow("waits", [{"id": "paid", "wait": {"topic": "order.paid"}}])
    served.cli("reload")
    activity = served.cli_json("run", "waits")["activityId"]
    wait_until(lambda: served.detail(activity)["status"] == "waiting" and "waitsFor" in str(served.detail(activity)), "the step")
    done = tappet(served, way, "emit", "order.paid", token=served.token("waits", scopes=ALL))
    assert done.stdout == "steps that waited for it: 1\n", done.stderr
    wait_until(lambda: served.detail(activity)["status"] == "completed", "the end")


@pytest.mark.parametrize("way", WAYS)
def test_emit_tells_what_is_wrong(served, way):
    for arguments, codes in ((("orders.*",), (2, 5)), (("orders.new", "{"), (2,)), (("orders.new", "{}", "--key", ""), (2,)),
                             (("orders.new", "{}", "--key", "x" * 256), (2,))):
        done = tappet(served, way, "emit", *arguments)
        assert done.returncode in codes and done.stderr, (arguments, done)
    if way == "websocket":
        done = tappet(served, way, "emit", "orders.new", token=served.token("orders", scopes=("action:mail.>",)))
        assert done.returncode == 5 and "not for this topic" in done.stderr


def test_emit_tells_what_is_too_large_for_the_daemon(served):
    served.configure(plugins={"webhook": {}, "action": {"with": {"message": "1KiB"}}}, listen=[f"127.0.0.1:{served.address[1]}"])
    served.stop()
    served.start()
    done = tappet(served, "websocket", "emit", "orders.new", json.dumps("x" * 5000))
    assert done.returncode == 2 and "larger than the daemon takes" in done.stderr, done.stderr


@pytest.mark.parametrize("answer, code", [
    (None, 7), ({"type": "error", "id": "a1", "code": "busy", "message": "Later.", "retryAfterMs": 3000}, 5)])
def test_emit_tells_what_it_knows_when_its_token_is_not_taken_any_more(daemon, answer, code):
    def serve(listener):
        link = listener.accept()[0]
        key = re.search(rb"Sec-WebSocket-Key: *(\S+)", link.recv(65536), re.I).group(1)
        accepted = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        link.sendall(b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: tappet.v1\r\n"
                     b"Sec-WebSocket-Accept: " + accepted + b"\r\n\r\n")
        link.recv(65536)
        text = json.dumps(answer).encode() if answer else b""
        # Then it closes, without a word.
        link.sendall((bytes([0x81, len(text)]) + text if text else b"") + b"\x88\x00")
        link.close()
        link = listener.accept()[0]
        link.recv(65536)
        link.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
        link.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        done = subprocess.run([str(TAPPET), "emit", "orders.new", "--server", f"ws://127.0.0.1:{listener.getsockname()[1]}"],
                              cwd=daemon.folder, env={**os.environ, "TAPPET_TOKEN": "t"}, text=True, capture_output=True,
                              timeout=60, check=False)
        thread.join(10)
    assert done.returncode == code, done
    assert done.stderr.splitlines() == ["tappet: the connection is gone; waiting for the daemon",
                                        "tappet: the daemon does not take the token of TAPPET_TOKEN"]


def test_emit_needs_the_plugin_for_a_key(daemon):
    daemon.start()
    done = daemon.cli("emit", "orders.new", "{}", "--key", "k", check=False)
    assert done.returncode == 5 and "plugin" in done.stderr
