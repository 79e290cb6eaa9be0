"""Reads server-sent events as they come (WHATWG HTML, "Server-sent events")."""

import json
from dataclasses import dataclass


@dataclass
class Event:
    id: int
    type: str
    data: dict


class EventStream:
    """One request; iterating gives its events until the daemon ends it."""

    def __init__(self, daemon, path, last_id=None):
        self.connection = daemon.connect(control=True)
        headers = {"Accept": "text/event-stream"}
        if last_id is not None:
            headers["Last-Event-ID"] = str(last_id)
        self.connection.request("GET", "/api/v1" + path, headers=headers)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()
        assert self.answer.headers["Content-Type"] == "text/event-stream"

    def __iter__(self):
        fields = {}
        # A read that is cut off raises IncompleteRead, which fails the test.
        for line in self.answer:
            key, _, value = line.decode().rstrip("\n").partition(": ")
            if key:
                fields[key] = value
            elif "data" in fields:
                yield Event(int(fields["id"]), fields["event"], json.loads(fields["data"]))
                fields = {}

    def until(self, condition):
        """Everything up to the first event of which the condition holds."""
        seen = []
        for event in self:
            seen.append(event)
            if condition(event):
                return seen
        raise AssertionError(f"the stream ended after {seen[-3:]}")

    def close(self):
        self.connection.close()
