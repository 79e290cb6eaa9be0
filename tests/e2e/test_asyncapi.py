"""docs/asyncapi.yaml and the daemon say the same: everything that is documented can be made to occur, nothing else occurs, and the
daemon refuses exactly what the document does not allow to be sent."""

import copy
import json
import re

import pytest
from action import Client, Closed, events_of
from asyncapi import HEARD, SAID, Document, Witness
from daemon import ROOT, wait_until

STEPS = [{"id": "nothing", "sleep": "0s"}]
ALL = ("action:>", "subscribe")
# Of faults that are made elsewhere, or take long: tests/plugins/action, test_action_events.py.
CODES_ELSEWHERE = {"outcome-unknown", "internal", "too-slow", "busy"}
TYPES_ELSEWHERE = {"activity.invalid", "trigger.health"}


def listening(topic, **more):
    return {"plugin": "action", "with": {"topic": topic}, **more}


@pytest.fixture(scope="module", name="document")
def document_fixture():
    return Document()


@pytest.fixture(name="served")
def served_fixture(daemon):
    daemon.configure(plugins={"webhook": {}, "action": {}}, retention={"activities": "2s", "events": "2s"})
    daemon.workflow("w", STEPS, triggers=[listening("w.>")])
    daemon.workflow("talks", [{"id": "say", "run": ["echo", "hello"]}, {"id": "paid", "wait": {"topic": "paid"}}],
                    triggers=[listening("talks.>", when=".data.go")])
    daemon.workflow("fails", [{"id": "no", "run": ["false"]}], triggers=[listening("fails")])
    daemon.workflow("rests", [{"id": "rest", "sleep": "1h"}], triggers=[listening("rests")])
    daemon.start()
    daemon.secret = daemon.token("w", "talks", "fails", "rests", scopes=ALL)
    return daemon


def test_the_document_is_one(document):
    document.check()


def test_every_type_of_event_is_documented(document):
    source = (ROOT / "core" / "model" / "event.c").read_text(encoding="utf-8")
    stored = set(re.findall(r'\[EVENT_\w+\] = "([a-z.]+)"', source))
    documented = set(document.root["components"]["schemas"]["EventType"]["enum"])
    assert documented == stored | {"step.log", "trigger.refused"}


def types_of(seen):
    return {event["event"] for message in seen for event in events_of(message)}


def act(client):
    """Starts, releases, refuses, knows again; with every type of event that comes of that."""
    client.subscribe("all", since=0)
    client.subscribe("some", filter={"types": ["activity.*", "step.log", "trigger.refused"]}, batch=True)
    client.action("w.made", key="k")
    assert client.action("w.made", key="k")["activities"][0]["duplicate"]
    assert client.action("w.made", {"n": 1}, key="k")["refused"][0]["reason"] == "conflict"
    assert client.action("talks.now")["refused"]
    activity = client.action("talks.now", {"go": True})["activities"][0]["activityId"]
    client.until(lambda event: event["event"] == "step.waiting", "all")
    assert client.action("paid")["released"] == 1
    client.until_end(activity, "all")
    client.until_end(client.action("fails")["activities"][0]["activityId"], "all")
    return client.action("rests")["activities"][0]["activityId"]


def misbehave(client, limited):
    client.send("nonsense")
    assert client.hear()["code"] == "bad-message"
    client.send('{"type":"nonsense","id":"x"}')
    assert client.answer("x")["code"] == "unknown-type"
    client.send('{"type":"action","id":"y","topic":"a..b"}')
    assert client.answer("y")["code"] == "invalid-value"
    assert client.ask("unsubscribe", id="nobody")["code"] == "not-found"
    assert [client.ask("subscribe", id=f"m{number}")["type"] for number in range(70)][-1] == "error"
    assert limited.action("w.made")["code"] == "forbidden"


def test_every_documented_message_occurs_and_no_other(served, document):
    seen = []

    def witness(token, **keywords):
        return Witness(document, seen, served, token, **keywords)

    with witness(served.secret, by="message") as client, witness(served.token("w", scopes=("subscribe",))) as limited:
        assert client.hear()["type"] == "authenticated"
        resting = act(client)
        served.api("POST", f"/activities/{resting}/cancel")
        client.until_end(resting, "all")
        served.workflow("w", STEPS, triggers=[listening("w.>")], description="changed")
        served.cli("reload")
        served.cli("disable", "w")
        served.cli("enable", "w")
        client.until(lambda event: event["event"] == "workflow.enabled", "all")
        client.say(type="subscribe", id="none", filter={"team": "Nobody"}, since=0)
        client.answer("none")
        wait_until(lambda: client.ping() or {"trigger.refused", "step.log"} <= types_of(seen), "what was asked for by name")
        client.ask("unsubscribe", id="all")
        client.kept = []
        misbehave(client, limited)
        wait_until(lambda: served.api("GET", "/events?since=1&limit=1").json.get("gap"), "events to be deleted", pause=0.2)
        client.kept = []
        limited.subscribe("old", since=1)
        wait_until(lambda: limited.hear()["type"] == "gap", "the gap")
    stranger = witness(None)
    stranger.say(type="ping")
    with pytest.raises(Closed):
        while stranger.hear():
            pass
    assert {message["type"] for message in seen} >= set(document.messages[HEARD]) - {"events", "position"}
    codes = {message["code"] for message in seen if message["type"] == "error"}
    assert codes == set(document.root["components"]["schemas"]["ErrorCode"]["enum"]) - CODES_ELSEWHERE
    assert types_of(seen) >= set(document.root["components"]["schemas"]["EventType"]["enum"]) - TYPES_ELSEWHERE


def test_events_in_one_frame_are_as_documented(served, document):
    seen = []
    with Witness(document, seen, served, served.secret) as client:
        for _ in range(100):
            client.action("w.made")
        client.subscribe(since=0, batch=True, filter={"types": ["activity.accepted"]})
        client.subscribe("nobody", filter={"team": "Nobody"})
        count = 0
        for _ in client.events():
            count += 1
            if count == 100:
                break
        for _ in range(200):
            client.action("w.made")
        while client.hear()["type"] != "position":
            pass
    assert {"events", "position"} <= {message["type"] for message in seen}


def test_a_busy_daemon_says_so_as_documented(daemon, document):
    daemon.configure(plugins={"action": {}}, executor={"concurrency": 0}, limits={"queue": 1})
    daemon.workflow("w", STEPS, triggers=[listening("w.>")])
    daemon.start()
    seen = []
    with Witness(document, seen, daemon, daemon.token("w", scopes=ALL)) as client:
        client.action("w.made")
        assert client.action("w.made")["code"] == "busy"


# ---- What may be sent


WRONG = {"string": [17, True, None, [], {}, ""], "integer": ["1", -1, 1.5, True, None], "boolean": ["true", 1, None],
         "object": [[], "x", 17, None], "array": [{}, "x", []]}


def variants(document):
    """(message, what was done to it) for each example: without each member, with one more, with values of other types."""
    for name, message in document.messages[SAID].items():
        for example in message["examples"]:
            for key in example["payload"]:
                if key != "type":
                    left = copy.deepcopy(example["payload"])
                    del left[key]
                    yield left, f"{name} without {key}"
                schema = document.resolve(message["payload"]["properties"][key])
                for value in WRONG.get(schema.get("type"), []):
                    yield {**example["payload"], key: value}, f"{name} with {key} = {value!r}"
            yield {**example["payload"], "surplus": 1}, f"{name} with one more"
            for key in ("workflow", "team", "activity", "types"):
                for value in (17, None, "", [], ["nonsense"], [17]):
                    if name == "subscribe":
                        yield {**example["payload"], "filter": {key: value}}, f"filter with {key} = {value!r}"
    yield {"type": "subscribe", "id": "i", "filter": {"surplus": 1}}, "filter with one more"
    yield {"type": "action", "id": "i" * 128, "topic": "w"}, "the longest id"
    yield {"type": "action", "id": "i" * 129, "topic": "w"}, "a longer id"
    yield {"type": "action", "id": "i", "topic": "w" * 255}, "the longest topic"
    yield {"type": "action", "id": "i", "topic": "w" * 256}, "a longer topic"
    yield {"type": "action", "id": "i", "topic": "w", "key": "k" * 255}, "the longest key"
    yield {"type": "action", "id": "i", "topic": "w", "key": "k" * 256}, "a longer key"


def answer_to(daemon, message):
    """The first answer on a connection of its own."""
    with Client(daemon, daemon.secret) as client:
        client.send(json.dumps(message))
        try:
            return client.hear()
        except Closed as closed:
            return {"type": "error", "code": closed.code}


def test_exactly_what_is_documented_is_taken(served, document):
    wrong = []
    for message, what in variants(document):
        # One that is good, so that nothing else is wrong.
        if message.get("token") == document.messages[SAID]["auth"]["examples"][0]["payload"]["token"]:
            message["token"] = served.secret
        answer = answer_to(served, message)
        taken = answer["type"] != "error" or answer["code"] in ("not-found", "forbidden")
        if taken != document.is_valid(SAID, message):
            wrong.append((what, answer))
    assert not wrong, wrong
