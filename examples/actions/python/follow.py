"""follow.py URL [TOPIC [JSON]]: sends one action, prints what it did, and follows events from then on. The number of the last one
is kept in the file `position`, and the next run goes on behind it. The token is in TAPPET_TOKEN. Ctrl-C ends it."""

import asyncio
import json
import os
import random
import sys
import time
import uuid
from pathlib import Path

import websockets

POSITION = Path("position")
UNAUTHORIZED = 4401
PAUSE, PAUSE_MAX = 0.5, 30  # seconds between two attempts: it doubles


class Program:
    """What is to be said on each connection, and up to where events were dealt with."""

    def __init__(self, topic, data):
        self.position = int(POSITION.read_text(encoding="ascii")) if POSITION.exists() else None
        # Sent again after a broken connection, it has the same key and starts nothing again.
        self.action = topic and {"type": "action", "id": "a", "topic": topic, "data": data, "key": uuid.uuid4().hex}

    async def begin(self, socket):
        subscribe = {"type": "subscribe", "id": "s", "batch": True}
        if self.position is not None:
            subscribe["since"] = self.position
        await socket.send(json.dumps(subscribe))
        if self.action:
            await socket.send(json.dumps(self.action))

    def remember(self, seq):
        """A program that does something with its events keeps the number together with what it did."""
        self.position = seq
        POSITION.write_text(f"{seq}\n", encoding="ascii")

    def take_event(self, event):
        if self.position is not None and event["seq"] <= self.position:
            return
        print("event", event["seq"], event["event"], f"workflow={event.get('workflow')}", flush=True)
        self.remember(event["seq"])

    def take(self, message):
        kind = message["type"]
        if kind == "ack" or (kind == "error" and message.get("id") == "a"):
            print("ack", json.dumps(message), flush=True)
            self.action = None
        elif kind == "error":
            print("error", message["code"], message["message"], file=sys.stderr)
        elif kind in ("subscribed", "position"):
            self.remember(message["seq"])
        elif kind == "gap":
            print("gap", message["from"], message["to"], flush=True)
            self.remember(message["to"])
        for event in message.get("events", [message] if kind == "event" else []):
            self.take_event(event)


async def follow_once(url, program):
    headers = {"Authorization": f"Bearer {os.environ.get('TAPPET_TOKEN', '')}"}
    async with websockets.connect(url, subprotocols=["tappet.v1"], extra_headers=headers, max_size=16 << 20) as socket:
        print("connected", file=sys.stderr)
        await program.begin(socket)
        async for text in socket:
            program.take(json.loads(text))


def is_denied(error):
    return getattr(error, "status_code", 0) in (401, 403) or getattr(error, "code", 0) == UNAUTHORIZED


async def follow(url, program):
    pause = PAUSE
    while True:
        begin = time.monotonic()
        try:
            await follow_once(url, program)
        except (OSError, asyncio.TimeoutError, websockets.WebSocketException) as error:
            print("not connected:", error, file=sys.stderr)
            if is_denied(error):
                sys.exit("the token is not taken")
        # A connection that held begins anew. With jitter, so that not everybody comes back at once.
        pause = PAUSE if time.monotonic() - begin > pause else min(2 * pause, PAUSE_MAX)
        await asyncio.sleep(pause * random.uniform(0.5, 1))


def main():
    if len(sys.argv) not in (2, 3, 4):
        sys.exit("usage: follow.py URL [TOPIC [JSON]]")
    topic = sys.argv[2] if len(sys.argv) > 2 else None
    data = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
    try:
        asyncio.run(follow(sys.argv[1], Program(topic, data)))
    except KeyboardInterrupt:
        pass


main()
