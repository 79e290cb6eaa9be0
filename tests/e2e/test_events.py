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


def first(daemon, types, condition=lambda event: True):
    """The first event of these types from the beginning on, by a stream, and the same by pages."""
    stream = EventStream(daemon, f"/events?since=0&types={types}")
    found = stream.until(lambda event: is_real(event) and condition(event.data))[-1].data
    stream.close()
    assert found in paged(daemon, 0, types=types)
    return found


def not_told_unasked(daemon, *types):
    """Neither without a filter nor by a pattern."""
    for query in ({}, {"types": "*"}, {"types": "step.*,trigger.*"}):
        assert not {event["event"] for event in paged(daemon, 0, **query)} & set(types)


def test_what_steps_write_comes_to_those_who_name_it(daemon):
    daemon.workflow("w", [{"id": "talk", "script": ["#!/bin/sh", "echo one $KEY", "echo two >&2"],
                           "envFile": "talk.env"}])
    (daemon.folder / "talk.env").write_text("KEY=very-secret\n", encoding="utf-8")
    daemon.start()
    token = daemon.token("w")
    live = EventStream(daemon, "/events?types=step.log")
    activity = daemon.fire(token)
    daemon.wait_end(token, activity)
    seen = [live.until(is_real)[-1].data for _ in range(2)]
    live.close()
    assert {event["data"]["text"] for event in seen} == {"one ***\n", "two\n"}
    said = first(daemon, "step.log", lambda event: event["data"]["stream"] == "stdout")
    assert said in seen
    assert said["activityId"] == activity and said["workflow"] == "w"
    assert said["data"] == {"order": 1, "attempt": 1, "stream": "stdout", "position": said["data"]["position"],
                            "text": "one ***\n"}
    records = daemon.api("GET", f"/activities/{activity}/logs").json["records"]
    assert said["data"]["position"] in [record["position"] for record in records]
    not_told_unasked(daemon, "step.log")
    daemon.restart()
    assert first(daemon, "step.log", lambda event: event["data"]["stream"] == "stdout") == said
    not_told_unasked(daemon, "step.log")


def test_refusals_are_told_to_those_who_name_them(served):
    live = EventStream(served, "/events?types=trigger.refused")
    for _ in range(3):
        assert served.post("tpt_nobody").status == 401
    count = 0
    for event in live:
        if is_real(event):
            assert event.data["data"]["reason"] == "token" and event.data["data"]["plugin"] == "webhook"
            count += event.data["data"]["count"]
        if count >= 3:
            break
    live.close()
    assert count == 3
    told = first(served, "trigger.refused")
    not_told_unasked(served, "trigger.refused")
    served.restart()
    assert first(served, "trigger.refused") == told
    not_told_unasked(served, "trigger.refused")


def test_duplicates_are_told_once_a_flush_and_counted_once(daemon):
    daemon.workflow("w", STEPS, triggers=[{"plugin": "webhook", "dedup": ".body.n"}])
    daemon.start()
    token = daemon.token("w")
    live = EventStream(daemon, "/events?types=trigger.refused")
    activity = daemon.post(token, n=1).json["activityId"]
    for _ in range(20):
        assert daemon.post(token, n=1).json["activityId"] == activity
    told = []
    while sum(event["data"]["count"] for event in told) < 20:
        told.append(live.until(is_real)[-1].data)
    live.close()
    assert {event["data"]["reason"] for event in told} == {"duplicate"}
    assert {event["workflow"] for event in told} == {"w"}
    assert len(told) < 20
    refusals = daemon.api("GET", "/refusals?workflow=w").json["refusals"]
    assert sum(refusal["count"] for refusal in refusals) == 20


def test_a_trigger_that_cannot_run_is_told_also_after_a_restart(daemon):
    daemon.workflow("w", STEPS)
    daemon.workflow("signed", STEPS, triggers=[{"plugin": "webhook", "with": {
        "signature": {"preset": "github", "secret": {"file": "signed.key"}}}}])
    key = daemon.folder / "signed.key"
    daemon.start()
    begin = daemon.api("GET", "/events").json["newest"]
    told = first(daemon, "trigger.health", lambda event: event["data"]["state"] == "dead")
    assert told["workflow"] == "signed" and "signed.key" in told["data"]["reason"]
    assert [event["workflow"] for event in paged(daemon, 0, types="trigger.*")] == ["signed"]
    key.write_text("0123456789abcdef0123456789abcdef", encoding="utf-8")
    key.chmod(0o600)
    daemon.restart()
    assert paged(daemon, 0, types="trigger.health")[0] == told
    assert {event["workflow"] for event in paged(daemon, begin, types="trigger.health")} <= {"signed"}
