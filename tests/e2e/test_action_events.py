"""Subscriptions to events over WebSocket: who sees what, and that nothing is missing or doubled, whatever happens in between."""

import re

import pytest
from action import Client, Closed, ends, events_of
from daemon import wait_until
from follower import Follower, paged, told

STEPS = [{"id": "one", "sleep": "0s"}, {"id": "two", "sleep": "1ms"}]
ALL = ("action:>", "subscribe")
OF_ONE = ["activity.accepted", "activity.started", "step.started", "step.ended", "step.started", "step.ended", "activity.completed"]


def listening(*topics, **more):
    return {"plugin": "action", "with": {"topic": list(topics) if len(topics) > 1 else topics[0]}, **more}


def configure(daemon, **more):
    daemon.configure(plugins={"webhook": {}, "action": {}}, **more)
    daemon.workflow("w", STEPS, triggers=[listening("w.>"), {"plugin": "webhook"}])
    daemon.workflow("other", STEPS, team="Others", triggers=[listening("other.>")])
    daemon.workflow("secret", STEPS, team="Secret", triggers=[listening("w.>")])


@pytest.fixture(name="served")
def served_fixture(daemon):
    configure(daemon)
    daemon.start()
    daemon.secret = daemon.token("w", "other", scopes=ALL)
    return daemon


def start(client, topic="w.made"):
    answer = client.action(topic)
    assert answer["type"] == "ack", answer
    return answer["activities"][0]["activityId"]


# ---- What is told


def test_an_activity_is_told_of_from_its_acceptance_to_its_end(served):
    with Client(served, served.secret) as client:
        begin = client.subscribe()
        activity = start(client)
        seen = client.until_end(activity)
    assert sorted(event["event"] for event in seen) == sorted(OF_ONE)
    assert seen[0]["event"] == OF_ONE[0] and seen[-1]["event"] == OF_ONE[-1]
    for event in seen:
        assert event["workflow"] == "w" and event["activityId"] == activity and isinstance(event["data"], dict)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])
    assert told(seen) == told(paged(served, begin, workflow="w"))


@pytest.mark.parametrize("filter_, expected", [
    ({"types": ["activity.completed"]}, {("w", "activity.completed"), ("other", "activity.completed")}),
    ({"types": ["activity.*"], "workflow": "w"}, {("w", f"activity.{what}") for what in ("accepted", "started", "completed")}),
    ({"types": ["step.ended", "activity.accepted"], "team": "Others"}, {("other", "step.ended"), ("other", "activity.accepted")}),
    ({"workflow": "other"}, {("other", what) for what in OF_ONE}),
    ({"team": "Testers", "types": ["step.*"]}, {("w", "step.started"), ("w", "step.ended")}),
    ({"workflow": "w", "team": "Others"}, set()), ({"team": "Nobody"}, set()), ({"types": ["activity.cancelled"]}, set())])
def test_a_filter_leaves_out_what_was_not_asked_for(served, filter_, expected):
    with Client(served, served.secret) as client:
        client.subscribe("s1", filter=filter_)
        client.subscribe("all")
        first, second = start(client), start(client, "other.made")
        ended, seen = set(), set()
        while ended != {first, second}:
            message = client.hear()
            for event in events_of(message):
                if message["sub"] == "s1":
                    seen.add((event["workflow"], event["event"]))
                elif ends(event):
                    ended.add(event["activityId"])
        client.ping()
        seen |= {(event["workflow"], event["event"]) for message in client.kept if message["sub"] == "s1"
                 for event in events_of(message)}
    assert seen == expected


def test_a_workflow_is_named_by_its_id_too(served):
    number = served.api("GET", "/workflows/w").json["id"]
    with Client(served, served.secret) as client:
        client.subscribe(filter={"workflow": number, "types": ["activity.completed"]})
        start(client, "other.made")
        activity = start(client)
        assert [event["activityId"] for event in client.until(ends)] == [activity]


def test_one_activity_is_followed_from_its_beginning(served):
    with Client(served, served.secret) as client:
        start(client)
        activity = start(client)
        start(client)
        client.subscribe(filter={"activity": activity}, since=0)
        seen = client.until(ends)
    assert {event["activityId"] for event in seen} == {activity}
    assert sorted(event["event"] for event in seen) == sorted(OF_ONE)


def test_nobody_is_told_of_what_the_token_does_not_cover(served):
    with Client(served, served.secret) as client, Client(served, served.token("secret", scopes=ALL)) as other:
        client.subscribe(since=0)
        other.subscribe(since=0)
        mine, theirs = start(client), start(other)
        assert theirs != mine
        assert {event["workflow"] for event in client.until_end(mine)} == {"w", "other"}
        assert {event["workflow"] for event in other.until_end(theirs)} == {"secret"}
        client.ping()
        assert "secret" not in str(client.kept)


def test_changes_of_definitions_and_switches_are_told(served):
    with Client(served, served.secret) as client:
        client.subscribe(filter={"types": ["workflow.*"]})
        served.workflow("w", STEPS[:1], triggers=[listening("w.>")])
        served.cli("reload")
        served.cli("disable", "w")
        served.cli("enable", "w")
        seen = client.until(lambda event: event["event"] == "workflow.enabled")
    assert [event["event"] for event in seen][-2:] == ["workflow.disabled", "workflow.enabled"]
    assert "workflow.changed" in [event["event"] for event in seen] and {event["workflow"] for event in seen} == {"w"}


def test_logs_and_refusals_are_told_to_those_who_name_them(served):
    served.workflow("loud", [{"id": "talk", "run": ["echo", "hello"]}], triggers=[listening("loud.>", when=".data.go")])
    served.cli("reload")
    token = served.token("loud", scopes=ALL)
    with Client(served, token) as client:
        client.subscribe("all")
        client.subscribe("named", filter={"types": ["step.log", "trigger.refused", "activity.completed"]})
        assert client.action("loud.now")["refused"][0]["reason"] == "filter"
        activity = client.action("loud.now", {"go": True})["activities"][0]["activityId"]
        seen, wanted = {"all": [], "named": []}, {("all", "activity.completed"), ("named", "activity.completed"),
                                                  ("named", "trigger.refused"), ("named", "step.log")}
        while wanted:
            message = client.hear()
            for event in events_of(message):
                seen[message["sub"]].append(event)
                wanted.discard((message["sub"], event["event"]))
    names = {sub: {event["event"] for event in events} for sub, events in seen.items()}
    assert not {"step.log", "trigger.refused"} & names["all"]
    assert names["named"] == {"step.log", "trigger.refused", "activity.completed"}
    log = next(event for event in seen["named"] if event["event"] == "step.log")
    assert log["activityId"] == activity and "hello" in str(log["data"])
    refused = next(event for event in seen["named"] if event["event"] == "trigger.refused")
    assert refused["workflow"] == "loud" and "filter" in str(refused["data"])


# ---- From a number on


def test_what_was_is_told_and_then_what_comes(served):
    with Client(served, served.secret) as client:
        ended = [start(client) for _ in range(30)]
        client.subscribe(filter={"types": ["activity.completed"]}, since=0)
        ended += [start(client) for _ in range(30)]
        seen = []
        for event in client.events():
            seen.append(event)
            if len(seen) == 60:
                break
        assert {event["activityId"] for event in seen} == set(ended)
        numbers = [event["seq"] for event in seen]
        assert numbers == sorted(set(numbers))
        client.subscribe("s2", filter={"types": ["activity.completed"]}, since=numbers[39])
        again = []
        for event in client.events("s2"):
            again.append(event)
            if len(again) == 20:
                break
        assert [event["seq"] for event in again] == numbers[40:]


@pytest.mark.parametrize("batch", [False, True], ids=["single", "batch"])
def test_nothing_is_missed_or_doubled_over_load_and_restarts(served, batch):
    begin = served.api("GET", "/events?since=0").json["newest"]
    followers = [Follower(served, served.secret, begin, batch=batch) for _ in range(3)]
    for follower in followers:
        follower.start()
    wait_until(lambda: all(follower.connections for follower in followers), "the followers")
    for end in (served.stop, served.kill, None):
        with Client(served, served.secret) as client:
            for number in range(300):
                client.say(type="action", id=f"n{number}", topic="w.made", data={})
            answers = [client.hear() for _ in range(300)]
            assert {answer["type"] for answer in answers} == {"ack"}
            if end:
                end()
        if end:
            served.start()
    wait_until(lambda: not served.api("GET", "/activities?status=notstarted,inProgress").json["activities"], "all to end")
    expected = told(event for event in paged(served, begin) if event.get("workflow") != "secret")
    assert len(expected) >= 900 * len(OF_ONE)
    for follower in followers:
        wait_until(lambda follower=follower: len(follower.events) >= len(expected), "all events")
        follower.stop()
        assert told(follower.events) == expected
        assert follower.connections >= 3
        assert bool(follower.batches) == batch


def test_a_filtered_reader_learns_how_far_it_is(served):
    with Client(served, served.secret) as client:
        begin = client.subscribe(filter={"team": "Nobody"})
        for _ in range(300):
            activity = start(client)
        newest = wait_until(lambda: served.detail(activity)["status"] == "completed" and
                            served.api("GET", "/events").json["newest"], "the last one")
        while True:
            message = client.hear()
            assert message["type"] == "position" and message["sub"] == "s1" and message["seq"] > begin
            begin = message["seq"]
            # It is told about every thousand, which may be a batch more.
            if begin >= newest - 1200:
                break


def test_what_is_not_kept_any_more_is_told_as_a_gap(daemon):
    configure(daemon, retention={"activities": "1s", "events": "1s"})
    daemon.start()
    token = daemon.token("w", scopes=ALL)
    with Client(daemon, token) as client:
        for _ in range(20):
            activity = start(client)

        def oldest():
            page = daemon.api("GET", "/events?since=1&limit=1").json
            return page.get("gap", {}).get("to")

        wait_until(oldest, "the events to be deleted", pause=0.2)
        client.subscribe(since=1)
        message = client.hear()
        assert (message["type"], message["sub"]) == ("gap", "s1") and message["from"] == 2, message
        assert message["to"] >= message["from"]
        activity = start(client)
        seen = client.until_end(activity)
        assert all(event["seq"] > message["to"] for event in seen)


def test_several_events_come_in_one_frame_to_those_who_take_them(served):
    with Client(served, served.secret) as client:
        for _ in range(200):
            activity = start(client)
        wait_until(lambda: served.detail(activity)["status"] == "completed", "the last one")
        kinds = {}
        for batch in (True, False):
            client.subscribe(f"s{batch}", filter={"workflow": "w"}, since=0, batch=batch)
            seen, kinds[batch] = [], []
            while len(seen) < 200 * len(OF_ONE):
                message = client.hear()
                kinds[batch].append(message["type"])
                seen += events_of(message)
            numbers = [event["seq"] for event in seen]
            assert numbers == sorted(set(numbers)), "not in order"
            client.ask("unsubscribe", id=f"s{batch}")
        assert "events" in kinds[True] and len(kinds[True]) < 700
        assert "events" not in kinds[False]


# ---- Coming and going


def test_nothing_comes_after_an_unsubscribe(served):
    with Client(served, served.secret) as client:
        client.subscribe()
        client.subscribe("s2")
        assert client.ask("unsubscribe", id="s1") == {"type": "unsubscribed", "id": "s1"}
        client.kept = []
        activity = start(client)
        client.until_end(activity, "s2")
        client.ping()
        assert all(message["sub"] == "s2" for message in client.kept)
        client.subscribe("s1")
        client.until_end(start(client), "s1")


def test_a_name_of_a_subscription_is_used_once_at_a_time(served):
    with Client(served, served.secret) as client:
        client.subscribe()
        assert client.ask("subscribe", id="s1")["type"] == "error"
        client.kept = []
        seen = client.until_end(start(client))
        assert len(seen) == len(OF_ONE), "the first one goes on"


def test_subscriptions_of_a_connection_are_bounded(served):
    with Client(served, served.secret) as client:
        answers = [client.ask("subscribe", id=f"s{number}") for number in range(1100)]
        refused = [answer for answer in answers if answer["type"] == "error"]
        assert refused and {answer["code"] for answer in refused} == {"too-many"}
        assert answers[0]["type"] == "subscribed"
        client.ask("unsubscribe", id="s0")
        client.subscribe("again")


def count_cut(daemon):
    return sum(daemon.metrics()["tappet_plugin_slow_total"].samples.values())


@pytest.mark.parametrize("batch", [False, True], ids=["single", "batch"])
def test_who_reads_too_slowly_is_told_the_last_number_and_cut(daemon, batch):
    configure(daemon)
    daemon.configure(plugins={"webhook": {}, "action": {"with": {"slow": "1s"}}})
    daemon.workflow("long", [{"id": f"s{number}", "sleep": "0s"} for number in range(30)], triggers=[listening("long.>")])
    daemon.start()
    token = daemon.token("long", scopes=ALL)
    slow = Client(daemon, token, idle=True, compression=False)
    slow.say(type="subscribe", id="s1", since=0, batch=batch)
    with Client(daemon, token) as client:

        def is_cut():
            for _ in range(50):
                start(client, "long.made")
            return count_cut(daemon)

        wait_until(is_cut, "the slow one to be cut", deadline=180)
    slow.socket.listen()
    assert slow.hear()["type"] == "subscribed"
    seen, told_last = [], None
    with pytest.raises(Closed) as closed:
        while True:
            message = slow.hear()
            seen += events_of(message)
            if message["type"] == "error":
                assert (message["id"], message["code"]) == ("s1", "too-slow")
                told_last = message["seq"]
    assert closed.value.code == 4408
    last = int(re.fullmatch(r"last (\d+)", closed.value.reason)[1])
    # All up to this one were sent: it goes on behind it, and misses nothing.
    assert last == seen[-1]["seq"] and told_last in (None, last)
    wait_until(lambda: not daemon.api("GET", "/activities?status=notstarted,inProgress").json["activities"], "all to end")
    expected = told(paged(daemon, 0, workflow="long"))
    with Client(daemon, token) as client:
        client.subscribe(since=last, batch=True)
        rest = client.until(lambda event: event["seq"] == expected[-1][0])
    assert told(seen + rest) == expected


def test_a_slow_reader_holds_nobody_up(served):
    slow = Client(served, served.secret, idle=True)
    slow.say(type="subscribe", id="s1", since=0)
    with Client(served, served.secret) as client:
        client.subscribe(filter={"types": ["activity.completed"]})
        for _ in range(200):
            activity = start(client)
        client.until_end(activity)
    slow.socket.listen()
    assert slow.hear()["type"] == "subscribed"
    assert slow.until_end(activity)[-1]["activityId"] == activity
    slow.close()


def test_a_workflow_that_changes_its_team_is_told_to_whom_it_belongs_now(served):
    with Client(served, served.token(team="Others", scopes=("subscribe",))) as client, Client(served, served.secret) as other:
        other.subscribe()
        other.until_end(start(other))
        client.subscribe()
        served.workflow("w", STEPS, team="Others", triggers=[listening("w.>")])
        served.cli("reload")
        activity = start(other)
        seen = client.until_end(activity)
    assert {event["activityId"] for event in seen if event["workflow"] == "w" and "activityId" in event} == {activity}


def test_events_of_a_trigger_are_told_to_its_followers(served):
    """Health, when it changes: here of one that connects to where nobody is."""
    with Client(served, served.secret) as client:
        client.subscribe(filter={"types": ["trigger.health"]}, since=0)
        served.workflow("w", STEPS, triggers=[{"plugin": "action", "with": {"connect": "ws://127.0.0.1:9/nobody"}}])
        served.cli("reload")
        seen = client.until(lambda event: event["data"]["state"] != "running")
    event = seen[-1]
    assert event["workflow"] == "w" and event["data"]["trigger"] == "action" and event["data"]["reason"]
