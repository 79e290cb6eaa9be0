"""Triggers that connect out: to a server of Python's `websockets`, which nobody here has written."""

import asyncio
import contextlib
import json
import ssl
import threading
from http import HTTPStatus

import pytest
import websockets
from certificates import Authority
from daemon import wait_until

STEPS = [{"id": "note", "set": {"data": "$(params.data)"}}]


class Feed(threading.Thread):
    """A server that numbers what it sends, and begins behind the number that a client names."""

    def __init__(self, context=None, token=None):
        super().__init__(daemon=True)
        self.context, self.token = context, token
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.port, self.server = 0, None
        self.items, self.heard, self.clients, self.since = [], [], set(), []
        self.closes = []
        self.start()
        self.ready.wait(30)

    def run(self):
        self.loop.run_until_complete(self._listen())
        self.ready.set()
        self.loop.run_forever()

    async def _listen(self):
        self.server = await websockets.serve(self._serve, "127.0.0.1", self.port, ssl=self.context,
                                             process_request=self._check, subprotocols=["feed.v1"], ping_interval=None)
        self.port = self.server.sockets[0].getsockname()[1]

    async def _check(self, path, headers):
        if self.token and headers.get("Authorization") != f"Bearer {self.token}":
            return HTTPStatus.UNAUTHORIZED, [], b"who?"
        return None

    async def _serve(self, socket, path="/"):
        self.clients.add(socket)
        try:
            opening = json.loads(await socket.recv())
            self.since.append(opening.get("since"))
            for item in self.items[opening.get("since") or 0:]:
                await socket.send(json.dumps(item))
            async for message in socket:
                self.heard.append(message)
        except websockets.WebSocketException:
            pass
        finally:
            self.closes.append(socket.close_code)
            self.clients.discard(socket)

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def say(self, **item):
        """To all that are there, and to whoever comes later and has not seen it."""
        item = {"seq": len(self.items) + 1, "id": f"m{len(self.items) + 1}", **item}
        self.items.append(item)

        self.say_raw(json.dumps(item))

    def say_raw(self, message):
        async def send():
            for socket in set(self.clients):
                # One that has just been cut comes again, and asks for what it has not seen.
                with contextlib.suppress(websockets.ConnectionClosed):
                    await socket.send(message)
        self.call(send())

    def cut(self):
        async def abort():
            for socket in set(self.clients):
                socket.transport.abort()
        self.call(abort())

    def stop(self):
        async def close():
            self.server.close()
            await self.server.wait_closed()
        if self.server:
            self.call(close())
            self.server = None

    def again(self):
        """On the same port."""
        self.call(self._listen())

    def end(self):
        self.stop()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.join(30)


@pytest.fixture(name="feed")
def feed_fixture():
    feed = Feed()
    yield feed
    feed.end()


def connecting(feed, scheme="ws", host="127.0.0.1", **more):
    return {"plugin": "action", "params": {"data": ".data.n"},
            "with": {"connect": f"{scheme}://{host}:{feed.port}/feed?quiet=1", "open": {"since": "$(cursor)"},
                     "cursor": ".seq", "key": ".id", "backoff": {"min": "100ms", "max": "400ms"}, **more}}


def serve(daemon, feed, start=True, **more):
    daemon.configure(plugins={"action": {}})
    daemon.workflow("numbers", STEPS, params={"data": {"type": "number", "default": 0}}, triggers=[connecting(feed, **more)])
    if start:
        daemon.start()


def started(daemon):
    """What the activities were about, in the order of their ids."""
    rows, after = [], ""
    while after is not None:
        page = daemon.api("GET", f"/activities?limit=200{after and '&cursor=' + after}").json
        rows, after = rows + page["activities"], page["next"]
    return [daemon.detail(row["id"])["params"]["data"] for row in sorted(rows, key=lambda row: row["id"])]


def health(daemon):
    triggers = daemon.api("GET", "/triggers").json["triggers"]
    return next(one for one in triggers if one["plugin"] == "action")["health"]


def test_each_message_starts_an_activity_in_its_order(daemon, feed):
    serve(daemon, feed, reply={"ack": "$(message.id)", "activity": "$(activity.id)", "was": "$(outcome)"})
    wait_until(lambda: feed.clients, "the daemon to connect")
    for n in range(20):
        feed.say(n=n)
    wait_until(lambda: len(feed.heard) == 20, "all to be answered")
    assert started(daemon) == list(range(20))
    answers = [json.loads(message) for message in feed.heard]
    assert [answer["ack"] for answer in answers] == [f"m{n + 1}" for n in range(20)]
    assert {answer["was"] for answer in answers} == {"accepted"}
    ids = {row["id"] for row in daemon.api("GET", "/activities?limit=100").json["activities"]}
    assert {answer["activity"] for answer in answers} == ids
    assert health(daemon)["state"] == "running"


def test_messages_may_be_large_fragmented_and_no_json(daemon, feed):
    daemon.configure(plugins={"action": {}})
    trigger = connecting(feed)
    trigger["params"] = {"data": ".data | if type == \"string\" then length else (.text | length) end"}
    daemon.workflow("numbers", STEPS, params={"data": {"type": "number", "default": 0}}, triggers=[trigger])
    daemon.start()
    wait_until(lambda: feed.clients, "the daemon to connect")
    feed.say(text="x" * 200_000)
    feed.say_raw(["{\"text\": \"ab", "cd", "ef\"}"])
    feed.say_raw("no json")
    wait_until(lambda: len(started(daemon)) == 3, "three activities")
    assert started(daemon) == [200_000, 6, 7]
    feed.say_raw(b"\x00\x01")
    wait_until(lambda: any(row["reason"] == "malformed" for row in
                           daemon.api("GET", "/refusals").json["refusals"]), "the binary one to be recorded")


def test_after_a_cut_and_after_a_kill_it_goes_on_behind_what_was_committed(daemon, feed):
    serve(daemon, feed)
    wait_until(lambda: feed.since == [None], "the first connection")
    feed.say(n=0)
    feed.say(n=1)
    wait_until(lambda: len(started(daemon)) == 2, "two activities")
    feed.cut()
    wait_until(lambda: feed.since == [None, 2], "the cursor to be named")
    feed.say(n=2)
    wait_until(lambda: len(started(daemon)) == 3, "the third")
    daemon.kill()
    feed.say(n=3)
    daemon.start()
    wait_until(lambda: len(started(daemon)) == 4, "what came meanwhile")
    assert feed.since[-1] == 3
    assert started(daemon) == [0, 1, 2, 3]


def test_kills_under_load_lose_nothing_and_double_nothing(daemon, feed):
    serve(daemon, feed)
    for round_number in range(4):
        wait_until(lambda: feed.clients, "the daemon to connect")
        for n in range(50):
            feed.say(n=round_number * 50 + n)
        daemon.kill()
        daemon.start()
    wait_until(lambda: len(started(daemon)) >= 200, "all of them")
    assert sorted(started(daemon)) == list(range(200))


def test_a_message_that_comes_twice_starts_one_activity(daemon, feed):
    serve(daemon, feed, reply="$(outcome)")
    wait_until(lambda: feed.clients, "the daemon to connect")
    feed.say(n=1)
    feed.say_raw(json.dumps(feed.items[0]))
    wait_until(lambda: feed.heard == ["accepted", "duplicate"], "both answers")
    assert started(daemon) == [1]


def test_a_filter_refuses_and_the_cursor_moves_on(daemon, feed):
    daemon.configure(plugins={"action": {}})
    daemon.workflow("numbers", STEPS, params={"data": {"type": "number", "default": 0}},
                    triggers=[{**connecting(feed, reply="$(outcome)"), "when": ".data.n > 10"}])
    daemon.start()
    wait_until(lambda: feed.clients, "the daemon to connect")
    feed.say(n=1)
    feed.say(n=11)
    feed.say(n=2)
    wait_until(lambda: feed.heard == ["refused", "accepted", "refused"], "the answers")
    daemon.restart()
    wait_until(lambda: feed.since[-1] == 3, "the cursor of the one that was refused")
    assert started(daemon) == [11]


def test_health_says_why_it_waits_and_what_can_never_work(daemon, feed):
    feed.token = "right"
    serve(daemon, feed, headers={"Authorization": "Bearer wrong"})
    wait_until(lambda: health(daemon).get("state") == "backing-off" and "401" in health(daemon)["reason"], "the reason")
    feed.token = None
    wait_until(lambda: health(daemon)["state"] == "running", "it to connect after all")
    feed.stop()
    wait_until(lambda: health(daemon)["state"] == "backing-off", "it to notice the end")
    feed.again()
    wait_until(lambda: health(daemon)["state"] == "running", "it to connect again")


def test_an_authority_that_cannot_be_read_is_named(daemon, feed):
    serve(daemon, feed, scheme="wss", caFile="/nowhere/ca.pem")
    wait_until(lambda: "/nowhere/ca.pem" in health(daemon).get("reason", ""), "the reason")
    assert health(daemon)["state"] == "backing-off"
    assert daemon.request("GET", "/healthz").status == 200


def test_an_address_that_can_never_work_is_the_end_of_that_trigger_alone(daemon, feed):
    serve(daemon, feed, host="not a host")
    wait_until(lambda: health(daemon)["state"] == "dead", "the trigger to be dead")
    assert health(daemon)["reason"]
    assert daemon.request("GET", "/healthz").status == 200


def test_certificates_are_verified_by_ones_own_authority(daemon, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    feed = Feed(context, token="t0")
    try:
        serve(daemon, feed, start=False, scheme="wss", host="localhost", caFile=str(authority.cert),
              headers={"Authorization": {"env": "FEED_TOKEN"}})
        daemon.start(env={"FEED_TOKEN": "Bearer t0"})
        wait_until(lambda: feed.clients, "the daemon to connect")
        feed.say(n=5)
        wait_until(lambda: started(daemon) == [5], "the activity")
        assert "Bearer t0" not in daemon.log_text(everything=True)
        daemon.stop()
        daemon.workflow("numbers", STEPS, params={"data": {"type": "number", "default": 0}},
                        triggers=[connecting(feed, scheme="wss", host="localhost")])
        daemon.start()
        wait_until(lambda: health(daemon)["state"] == "backing-off" and "certificate" in health(daemon)["reason"],
                   "a stranger to be refused")
    finally:
        feed.end()


def test_silence_is_the_end_of_a_connection_that_should_speak(daemon, feed):
    serve(daemon, feed, stall="500ms")
    wait_until(lambda: len(feed.since) >= 3, "it to connect again and again")
    assert 4000 in feed.closes


def test_a_stop_says_goodbye(daemon, feed):
    serve(daemon, feed, heartbeat={"every": "100ms", "send": {"op": "beat"}})
    wait_until(lambda: len(feed.heard) >= 3, "the heart to beat")
    assert json.loads(feed.heard[0]) == {"op": "beat"}
    daemon.stop()
    wait_until(lambda: not feed.clients, "the end")
    assert feed.closes == [1001]


def test_a_mistake_is_told_at_its_place(daemon, feed):
    serve(daemon, feed, start=False, cursor="seq", open={"since": "$(offset)"}, stall="1ms")
    done = daemon.cli("check", check=False)
    assert done.returncode != 0
    for words in ("a path begins with a dot", "a message may name $(cursor) only", "expected a duration"):
        assert words in done.stdout + done.stderr
