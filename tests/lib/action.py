"""A client of the action listener for tests: what it says and hears is one JSON object each, and its calls block. The protocol below
is Python's `websockets` or npm's `ws`, two that nobody here has written."""

import asyncio
import itertools
import json
import queue
import shutil
import subprocess
import threading

import pytest
import websockets
from daemon import DEADLINE, ROOT

PROTOCOL = "tappet.v1"
SENDERS = ROOT / "build" / "senders"


class Closed(Exception):
    def __init__(self, code, reason):
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class Refused(Exception):
    """No upgrade: the status of the answer."""

    def __init__(self, status):
        super().__init__(status)
        self.status = status


class Address:
    """Where to connect to: plain, by TLS (a context of ssl and the file of its authority), or by a UNIX socket."""

    def __init__(self, tcp=None, unix=None, context=None, ca=None):
        self.tcp, self.unix, self.context, self.ca = tcp, unix, context, ca

    @property
    def uri(self):
        # A certificate is for a name.
        host = "localhost" if self.context else "127.0.0.1"
        return f"{'wss' if self.context else 'ws'}://{host}:{self.tcp[1]}" if self.tcp else "ws://localhost"


# ---- Python's websockets


class Loop(threading.Thread):
    """Where all connections of a test process live."""

    def __init__(self):
        super().__init__(daemon=True)
        self.loop = asyncio.new_event_loop()
        self.start()

    def run(self):
        self.loop.run_forever()

    def call(self, coroutine, deadline=DEADLINE):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(deadline)


LOOP = Loop()


class PythonSocket:
    """With `idle` nothing is read before listen(): the other side is held up by TCP."""

    def __init__(self, address, path, protocols, headers, compression, heard, idle=False):
        self.heard = heard
        way = {"subprotocols": protocols or None, "extra_headers": headers, "ping_interval": None, "max_size": None,
               "compression": "deflate" if compression else None, "close_timeout": 5, "max_queue": 8}
        if address.context:
            way["ssl"] = address.context
        self.socket = LOOP.call(self._connect(address, path, way))
        self.protocol = self.socket.subprotocol
        self.compressed = bool(self.socket.extensions)
        if not idle:
            self.listen()

    @staticmethod
    async def _connect(address, path, way):
        try:
            if address.unix:
                return await websockets.unix_connect(str(address.unix), address.uri + path, **way)
            return await websockets.connect(address.uri + path, **way)
        except websockets.InvalidStatusCode as error:
            raise Refused(error.status_code) from None

    def listen(self):
        asyncio.run_coroutine_threadsafe(self._listen(), LOOP.loop)

    async def _listen(self):
        try:
            async for text in self.socket:
                self.heard.put(text)
        except websockets.ConnectionClosed:
            pass
        self.heard.put(Closed(self.socket.close_code, self.socket.close_reason))

    def send(self, pieces):
        LOOP.call(self._send(pieces))

    async def _send(self, pieces):
        try:
            await self.socket.send(pieces[0] if len(pieces) == 1 else pieces)
        except websockets.ConnectionClosed:
            pass  # it is heard of

    def close(self):
        LOOP.call(self.socket.close())

    def cut(self):
        LOOP.loop.call_soon_threadsafe(self.socket.transport.abort)


# ---- npm's ws


class NodeSocket:
    """tests/e2e/npm/socket.mjs, beside the libraries."""

    def __init__(self, address, path, protocols, headers, compression, heard):
        if not shutil.which("node") or not (SENDERS / "node_modules" / "ws").is_dir():
            pytest.skip(f"{SENDERS} is not there: tests/run e2e makes it")
        self.heard = heard
        shutil.copy(ROOT / "tests" / "e2e" / "npm" / "socket.mjs", SENDERS / "socket.mjs")
        uri = f"ws+unix://{address.unix}:" if address.unix else address.uri
        options = {"url": uri + path, "protocols": protocols, "headers": headers, "compression": compression,
                   "ca": str(address.ca) if address.ca else None}
        self.process = subprocess.Popen(["node", "socket.mjs", json.dumps(options)], cwd=SENDERS, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1)
        first = json.loads(self.process.stdout.readline())
        if "refused" in first:
            self.process.wait(DEADLINE)
            raise Refused(first["refused"])
        self.protocol, self.compressed = first["protocol"] or None, bool(first["extensions"])
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            found = json.loads(line)
            self.heard.put(found["text"] if "text" in found else Closed(found["closed"], found["reason"]))

    def send(self, pieces):
        self.process.stdin.write(json.dumps(pieces) + "\n")

    def close(self):
        """It closes when there is nothing more to be sent."""
        self.process.stdin.close()
        self.process.wait(DEADLINE)


# ---- tappet.v1


class Client:
    """`by` is how the token is shown: "header", "query" or "message" (None: not at all)."""

    def __init__(self, where, token=None, by="header", path="/action", protocols=(PROTOCOL,), headers=None, compression=True,
                 fragments=0, library=PythonSocket, **more):
        where = where if isinstance(where, Address) else Address(getattr(where, "address", where))
        self.fragments = fragments
        self.numbers = itertools.count(1)
        self.kept = []
        self.heard = queue.SimpleQueue()
        headers = dict(headers or {})
        if token and by == "header":
            headers["Authorization"] = f"Bearer {token}"
        if token and by == "query":
            path += f"?token={token}"
        self.socket = library(where, path, list(protocols), headers, compression, self.heard, **more)
        if token and by == "message":
            self.say(type="auth", token=token)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # ---- What is heard

    def hear(self, deadline=DEADLINE):
        """The next message; raises Closed, or queue.Empty when nothing comes."""
        return self.kept.pop(0) if self.kept else self._take(deadline)

    def _take(self, deadline=DEADLINE):
        found = self.heard.get(timeout=deadline)
        if isinstance(found, Closed):
            self.heard.put(found)
            raise found
        assert isinstance(found, str), found
        return json.loads(found)

    def wait_closed(self, deadline=DEADLINE):
        self.kept = []
        while True:
            try:
                self._take(deadline)
            except Closed as closed:
                return closed

    # ---- What is said

    def send(self, text):
        """Bytes go as a binary message."""
        size = self.fragments or len(text) or 1
        self.socket.send([text[at:at + size] for at in range(0, len(text), size)] or [text])

    def say(self, **message):
        self.send(json.dumps(message, ensure_ascii=False))

    def ask(self, kind, **fields):
        """Says it with an id of its own and gives what is answered to that; the rest can be heard later."""
        fields.setdefault("id", f"q{next(self.numbers)}")
        self.say(type=kind, **fields)
        return self.answer(fields["id"])

    def answer(self, number):
        for index, message in enumerate(self.kept):
            if message.get("id") == number:
                return self.kept.pop(index)
        while True:
            message = self._take()
            if message.get("id") == number:
                return message
            self.kept.append(message)

    def action(self, topic, data=None, **more):
        return self.ask("action", topic=topic, data={} if data is None else data, **more)

    def subscribe(self, sub="s1", **fields):
        """The number after which its events come."""
        answer = self.ask("subscribe", id=sub, **fields)
        assert answer["type"] == "subscribed", answer
        return answer["seq"]

    def ping(self):
        """When it is answered, all that was said before has been heard; what came meanwhile stays to be heard."""
        self.say(type="ping")
        seen = []
        while not seen or seen[-1]["type"] != "pong":
            seen.append(self._take())
        self.kept += seen[:-1]

    # ---- Events

    def events(self, sub="s1", deadline=DEADLINE):
        """The events of a subscription, one by one, without end; positions and gaps are left out."""
        while True:
            message = self.hear(deadline)
            assert message["type"] in ("event", "events", "position", "gap"), message
            if message["sub"] == sub:
                yield from events_of(message)

    def until(self, condition, sub="s1"):
        """All events up to the first of which the condition holds."""
        seen = []
        for event in self.events(sub):
            seen.append(event)
            if condition(event):
                return seen
        return seen

    def until_end(self, activity, sub="s1"):
        return self.until(lambda event: event.get("activityId") == activity and ends(event), sub)


def events_of(message):
    return message.get("events", [message] if message["type"] == "event" else [])


def ends(event):
    return event["event"] in ("activity.completed", "activity.failed", "activity.cancelled", "activity.invalid")
