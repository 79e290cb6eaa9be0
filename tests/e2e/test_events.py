"""Events and logs as they come: over restarts, under load, and at the end of the daemon."""

import http.client
import json
import threading
import time

import pytest
from daemon import wait_until
from sse import EventStream

STEPS = [{"id": "one", "sleep": "0s"}, {"id": "two", "sleep": "1ms"}]


@pytest.fixture
def served(daemon):
    daemon.workflow("w", STEPS)
    daemon.workflow("other", STEPS, team="Others")
    return daemon.start()


def paged(daemon, since, **query):
    """Every event behind `since`, by pages."""
    events = []
    filters = "".join(f"&{key}={value}" for key, value in query.items())
    while True:
        page = daemon.api("GET", f"/events?since={since}&limit=500{filters}").json
        assert "gap" not in page
        events += page["events"]
        since = page["next"]
        if since >= page["newest"]:
            return events


def is_real(event):
    return event.type not in ("position", "gap")


class Follower(threading.Thread):
    """Reads until it is stopped, and goes on by Last-Event-ID when its stream ends."""

    def __init__(self, daemon, path):
        super().__init__(daemon=True)
        self.served, self.path = daemon, path
        self.events, self.last_id, self.streams = [], None, 0
        self.over = False

    def run(self):
        while not self.over:
            try:
                stream = EventStream(self.served, self.path, self.last_id)
            except (OSError, AssertionError):
                time.sleep(0.02)  # the daemon is away
                continue
            self.streams += 1
            try:
                for event in stream:
                    self.last_id = event.id
                    if is_real(event):
                        self.events.append(event.data)
            except (OSError, http.client.HTTPException):
                pass  # killed
            stream.close()


def test_nothing_is_missed_or_doubled_over_load_and_restarts(served):
    token = served.token("w")
    begin = served.api("GET", "/events?since=0").json["newest"]
    follower = Follower(served, f"/events?since={begin}")
    follower.start()
    wait_until(lambda: follower.streams, "the stream")
    for end in (served.stop, served.kill, None):
        fired = [served.fire(token) for _ in range(150)]
        if end:
            end()
            served.start()
    for activity in fired:
        served.wait_end(token, activity)
    expected = paged(served, begin)
    assert len(expected) > 450 * 3
    wait_until(lambda: len(follower.events) >= len(expected), "all events")
    follower.over = True
    served.stop()
    follower.join(30)
    assert not follower.is_alive()
    assert [event["seq"] for event in follower.events] == [event["seq"] for event in expected]
    assert follower.events == expected
    assert follower.streams >= 3


def test_a_filtered_reader_sees_its_own_and_its_cursor_moves(served):
    begin = served.api("GET", "/events?since=0").json["newest"]
    stream = EventStream(served, f"/events?since={begin}&team=Others&types=activity.*")
    token, other = served.token("w"), served.token("other")
    for _ in range(300):
        activity = served.fire(token)
    served.wait_end(token, activity)
    moved = stream.until(lambda event: event.type == "position" and event.id > begin)
    assert [event for event in moved if is_real(event)] == []
    served.wait_end(other, served.fire(other))
    seen = stream.until(lambda event: event.type == "activity.completed")
    stream.close()
    mine = [event.data for event in seen if is_real(event)]
    assert {event["workflow"] for event in mine} == {"other"}
    assert mine == paged(served, begin, team="Others", types="activity.*")


def test_streams_end_in_order_and_do_not_hold_up_the_stop(served):
    streams = [EventStream(served, "/events") for _ in range(5)]
    begin = time.monotonic()
    assert served.stop() == 0
    assert time.monotonic() - begin < 8
    for stream in streams:
        assert all(event.type == "position" for event in stream)
        stream.close()


def test_a_reader_that_pauses_holds_nothing_up_and_misses_nothing(served):
    token = served.token("w")
    stream = EventStream(served, "/events")
    for _ in range(300):
        activity = served.fire(token)
    served.wait_end(token, activity)
    newest = served.api("GET", "/events").json["newest"]
    assert stream.until(lambda event: event.id == newest)[-1].id == newest
    stream.close()


def test_a_log_is_followed_to_its_end(daemon):
    daemon.workflow("w", [{"id": "talk", "script": [
        "#!/bin/sh", "echo one", f"while [ ! -e {daemon.folder}/go ]; do sleep 0.05; done", "echo two"]}])
    daemon.start()
    token = daemon.token("w")
    activity = daemon.fire(token)
    connection = daemon.connect(control=True)
    connection.request("GET", f"/api/v1/activities/{activity}/logs?follow=true")
    answer = connection.getresponse()
    lines = iter(answer.readline, b"")
    assert json.loads(next(lines))["text"] == "one\n"
    (daemon.folder / "go").touch()
    rest = [json.loads(line) for line in lines if line.strip()]
    connection.close()
    assert [record.get("text") for record in rest] == ["two\n", None]
    assert rest[-1] == {"next": rest[0]["position"], "ended": True}
    assert daemon.wait_end(token, activity)["status"] == "completed"
