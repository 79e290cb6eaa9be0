"""One who wants every event exactly once, and reconnects whenever the connection ends."""

import queue
import random
import threading
import time

import websockets
from action import Client, Closed, Refused, events_of

# The daemon is away, or on its way.
AWAY = (OSError, EOFError, TimeoutError, Refused, websockets.WebSocketException)


class Follower(threading.Thread):
    """Reads until it is stopped. `restless` is how likely it leaves by itself after a message, with a word or without."""

    def __init__(self, daemon, token, begin, restless=0.0, seed=0, **fields):
        super().__init__(daemon=True)
        self.served, self.token, self.fields = daemon, token, fields
        self.restless, self.moments = restless, random.Random(seed)
        self.last, self.events, self.wrong = begin, [], []
        self.connections = self.batches = 0
        self.over = False

    def run(self):
        while not self.over:
            try:
                client = Client(self.served, self.token, compression=self.moments.random() < 0.5)
                client.say(type="subscribe", id="s1", since=self.last, **self.fields)
            except AWAY:
                time.sleep(0.02)
                continue
            self.connections += 1
            self.follow(client)

    def follow(self, client):
        try:
            while not self.over:
                self.take(client)
                if self.moments.random() < self.restless:
                    break
        except Closed:
            return
        if self.moments.random() < 0.5:
            client.socket.cut()
        else:
            client.close()

    def take(self, client):
        try:
            message = client.hear(0.2)
        except queue.Empty:
            return
        if message["type"] not in ("subscribed", "event", "events", "position"):
            self.wrong.append(message)
        self.batches += message["type"] == "events"
        self.events += events_of(message)
        if message["type"] == "position":
            self.last = message["seq"]
        elif events_of(message):
            self.last = self.events[-1]["seq"]

    def stop(self):
        self.over = True
        self.join(60)
        assert not self.is_alive() and not self.wrong, self.wrong[:5]


def told(events):
    """What the API and a subscription have in common."""
    return [(event["seq"], event["event"], event["time"], event.get("workflow"), event.get("activityId")) for event in events]


def paged(daemon, since, **query):
    """Every event behind `since`, by pages of the API."""
    filters = "".join(f"&{key}={value}" for key, value in query.items())
    while True:
        page = daemon.api("GET", f"/events?since={since}&limit=500{filters}").json
        yield from page["events"]
        since = page["next"]
        if since >= page["newest"]:
            return
