"""The action listener by two clients that nobody here has written: who may connect, what an action starts, and what is answered to
what is wrong. test_action_events.py has the subscriptions, test_action_http.py what comes without WebSocket."""

import json
import time

import pytest
from action import Address, Client, Closed, NodeSocket, PythonSocket, Refused, ends
from certificates import Authority
from daemon import Daemon, wait_until
from rawws import ByteProxy

STEPS = [{"id": "nothing", "sleep": "0s"}]
ALL = ("action:>", "subscribe")


def listening(*topics, **more):
    return {"plugin": "action", "with": {"topic": list(topics) if len(topics) > 1 else topics[0]}, **more}


def make_workflows(daemon):
    daemon.workflow("orders", STEPS, team="Shop", params={"total": {"type": "number", "default": 0}, "text": {"default": ""}},
                    triggers=[listening("orders.*.created", params={"total": ".data.total", "text": ".data.text // \"\""})])
    daemon.workflow("mail", STEPS, team="Shop", triggers=[listening("orders.>", "mail.send")])
    daemon.workflow("audit", STEPS, team="Audit", triggers=[listening("orders.>", when=".data.total > 100")])
    daemon.workflow("secret", STEPS, team="Secret", triggers=[listening("orders.>")])
    daemon.workflow("hook", STEPS)


@pytest.fixture(name="served")
def served_fixture(daemon):
    daemon.configure(plugins={"webhook": {}, "action": {}})
    make_workflows(daemon)
    daemon.start()
    daemon.secret = daemon.token("orders", "mail", "audit", scopes=ALL)
    return daemon


def activities(daemon, **query):
    filters = "".join(f"&{key}={value}" for key, value in query.items())
    return daemon.api("GET", f"/activities?limit=500{filters}").json["activities"]


# ---- By both, in all ways


@pytest.fixture(scope="module", name="everywhere")
def everywhere_fixture():
    """A daemon that listens in all ways."""
    daemon = Daemon()
    authority = Authority(daemon.folder)
    cert, key = authority.issue("server", "localhost")
    path = daemon.folder / "listener.sock"
    daemon.configure(plugins={"webhook": {}, "action": {}}, listen=[
        "127.0.0.1:0", f"unix:{path}", {"address": "127.0.0.1:0", "tls": {"cert": str(cert), "key": str(key)}}])
    make_workflows(daemon)
    daemon.start()
    ports = [line["address"].rpartition(":")[2] for line in daemon.logs() if line["message"] == "listening"]
    secure = ("127.0.0.1", int([port for port in ports if port.isdigit()][-1]))
    daemon.secret = daemon.token("orders", "mail", "audit", scopes=ALL)
    with ByteProxy(daemon.address) as plain, ByteProxy(secure) as slow:
        daemon.ways = {"tcp": Address(daemon.address), "unix": Address(unix=path),
                       "tls": Address(secure, context=authority.context(), ca=authority.cert), "tcp by bytes": Address(plain.address),
                       "tls by bytes": Address(slow.address, context=authority.context(), ca=authority.cert)}
        yield daemon
    daemon.close()


@pytest.mark.parametrize("fragments", [0, 5], ids=["whole", "fragments"])
@pytest.mark.parametrize("compression", [False, True], ids=["plain", "deflate"])
@pytest.mark.parametrize("way", ["tcp", "unix", "tls", "tcp by bytes", "tls by bytes"])
@pytest.mark.parametrize("library", [PythonSocket, NodeSocket], ids=["python", "npm"])
def test_actions_start_workflows_and_their_events_are_told(everywhere, library, way, compression, fragments):
    client = Client(everywhere.ways[way], everywhere.secret, library=library, compression=compression, fragments=fragments)
    assert client.socket.protocol == "tappet.v1" and client.socket.compressed == compression
    begin = client.subscribe("s1", filter={"workflow": "orders", "types": ["activity.*"]})
    assert begin == client.subscribe("s2", filter={"types": ["step.ended"]})
    text = "Zoë ✓ \u0001 \U0001F600" * (20 if "bytes" in way else 2000)
    answer = client.action("orders.eu.created", {"total": 12.5, "text": text})
    assert answer["type"] == "ack" and answer["matched"] == 3
    assert [one["workflow"] for one in answer["refused"]] == ["audit"] and answer["refused"][0]["reason"] == "filter"
    started = {one["workflow"]: one for one in answer["activities"]}
    assert set(started) == {"orders", "mail"} and {one["trigger"] for one in started.values()} == {"action"}
    activity = started["orders"]["activityId"]
    seen = client.until_end(activity, "s1")
    client.kept = []
    assert [event["event"] for event in seen] == ["activity.accepted", "activity.started", "activity.completed"]
    assert {(event["workflow"], event["activityId"]) for event in seen} == {("orders", activity)}
    numbers = [event["seq"] for event in seen]
    assert begin < numbers[0] and numbers == sorted(set(numbers))
    assert client.ask("unsubscribe", id="s1")["type"] == "unsubscribed"
    assert client.ask("nonsense")["code"] == "unknown-type"
    client.ping()
    client.close()
    assert client.wait_closed().code == 1000
    detail = everywhere.detail(activity)
    assert detail["params"] == {"total": 12.5, "text": text} and detail["trigger"] == "action"


# ---- Who may connect


@pytest.mark.parametrize("by", ["header", "query", "message"])
def test_a_token_is_shown_in_three_ways(served, by):
    with Client(served, served.secret, by=by) as client:
        assert client.action("mail.send")["matched"] == 1


@pytest.mark.parametrize("by", ["header", "query"])
def test_a_wrong_token_gets_no_connection(served, by):
    with pytest.raises(Refused) as refused:
        Client(served, "wrong", by=by)
    assert refused.value.status == 401


def test_a_wrong_token_in_a_message_ends_the_connection(served):
    client = Client(served, "wrong", by="message")
    assert client.wait_closed().code == 4401


def test_tokens_that_contradict_each_other_are_refused(served):
    with pytest.raises(Refused) as refused:
        Client(served, served.secret, by="query", headers={"Authorization": "Bearer other"})
    assert refused.value.status == 400


@pytest.mark.parametrize("text", [
    "nonsense", '{"type":"ping"}', '{"type":"action","id":"a","topic":"mail.send"}', '{"type":"subscribe","id":"a"}'])
def test_nothing_but_a_token_is_listened_to_at_first(served, text):
    client = Client(served)
    client.send(text)
    with pytest.raises(Closed) as closed:
        while client.hear()["code"] in ("unauthorized", "bad-message"):
            pass
    assert closed.value.code == 4401
    assert activities(served) == []


def test_another_token_may_be_shown_later(served):
    with Client(served, served.token("hook", scopes=ALL), by="message") as client:
        assert client.hear()["type"] == "authenticated"
        assert client.action("mail.send")["matched"] == 0
        assert client.ask("auth", token=served.secret)["type"] == "authenticated"
        assert client.action("mail.send")["matched"] == 1


def test_who_shows_no_token_in_time_is_cut(served):
    begin = time.monotonic()
    client = Client(served)
    assert client.wait_closed().code == 4401
    assert 4 < time.monotonic() - begin < 15


def test_those_without_a_token_are_few(served):
    """And do not keep others out who have one."""
    waiting = []
    with pytest.raises((Refused, Closed)):
        for _ in range(300):
            waiting.append(Client(served))
            # When the bound shows itself by cutting.
            if not waiting[-1].heard.empty():
                waiting[-1].hear()
    with Client(served, served.secret) as client:
        assert client.action("mail.send")["matched"] == 1
    for client in waiting:
        client.close()


def test_a_token_may_do_what_its_scopes_say(served):
    with Client(served, served.token("mail", scopes=("action:mail.>",))) as client:
        assert client.action("mail.send")["matched"] == 1
        assert client.action("orders.eu.created")["code"] == "forbidden"
        assert client.ask("subscribe", id="s1")["code"] == "forbidden"
    with Client(served, served.token("mail", scopes=("subscribe",))) as client:
        assert client.action("mail.send")["code"] == "forbidden"
        client.subscribe()
    assert len(activities(served)) == 1


def test_a_token_without_a_scope_for_it_gets_no_connection_or_nothing_done(served):
    """The usual one, for webhooks."""
    try:
        client = Client(served, served.token("mail"))
    except Refused as refused:
        assert refused.status == 403
    else:
        assert client.action("mail.send")["code"] == "forbidden"
        client.close()
    assert activities(served) == []


def test_a_token_of_a_team_covers_what_belongs_to_it(served):
    with Client(served, served.token(team="Shop", scopes=ALL)) as client:
        assert {one["workflow"] for one in client.action("orders.eu.created")["activities"]} == {"orders", "mail"}


def test_a_token_that_is_revoked_ends_its_connections(served):
    made = served.cli_json("token", "create", "mail", "--scope", "action:>", "--scope", "subscribe")
    with Client(served, made["token"]) as client, Client(served, made["token"], by="message") as second, \
            Client(served, served.secret) as other:
        client.subscribe()
        second.ping()
        served.cli("token", "revoke", made["id"])
        assert client.wait_closed().code == 4401
        assert second.wait_closed().code == 4401
        other.ping()


def test_a_token_that_expires_ends_its_connections(served):
    made = served.cli_json("token", "create", "mail", "--scope", "action:>", "--expires", "2s")
    client = Client(served, made["token"])
    client.ping()
    assert client.wait_closed().code == 4401


def test_nothing_is_done_for_a_token_after_its_revocation(served):
    made = served.cli_json("token", "create", "mail", "--scope", "action:>")
    client = Client(served, made["token"])
    client.ping()
    served.cli("token", "revoke", made["id"])
    try:
        assert client.action("mail.send")["code"] == "unauthorized"
    except Closed as closed:
        assert closed.code == 4401
    assert activities(served) == []


def test_a_page_of_another_site_is_refused_and_one_that_is_named_is_not(daemon):
    daemon.configure(plugins={"action": {"with": {"origins": ["https://app.example"]}}})
    daemon.workflow("mail", STEPS, triggers=[listening("mail.send")])
    daemon.start()
    token = daemon.token("mail", scopes=ALL)
    with pytest.raises(Refused) as refused:
        Client(daemon, token, headers={"Origin": "https://evil.example"})
    assert refused.value.status == 403
    with Client(daemon, token, headers={"Origin": "https://app.example"}) as client:
        assert client.action("mail.send")["matched"] == 1


# ---- What an action starts


def test_nobody_learns_of_what_a_token_does_not_cover(served):
    with Client(served, served.token("hook", "mail", scopes=ALL)) as client:
        answer = client.action("orders.eu.created", {"total": 500})
    assert [one["workflow"] for one in answer["activities"]] == ["mail"]
    assert answer["matched"] == 1 and answer["refused"] == []
    assert "secret" not in str(answer) and "audit" not in str(answer)
    assert {one["workflow"] for one in activities(served)} == {"mail"}


def test_an_action_for_which_nobody_listens_is_acknowledged(served):
    with Client(served, served.secret) as client:
        answer = client.action("nobody.listens")
    assert (answer["matched"], answer["activities"], answer["refused"]) == (0, [], [])


@pytest.mark.parametrize("topic, matched", [
    ("orders.eu.created", {"orders", "mail"}), ("orders.eu.paid", {"mail"}), ("orders.created", {"mail"}),
    ("orders.eu.nl.created", {"mail"}), ("orders", set()), ("mail.send", {"mail"}), ("mail.send.now", set()),
    ("Orders.eu.created", set()), ("x.orders.eu.created", set())])
def test_a_pattern_stands_for_what_it_says(served, topic, matched):
    with Client(served, served.token("orders", "mail", scopes=ALL)) as client:
        assert {one["workflow"] for one in client.action(topic)["activities"]} == matched


def test_an_action_starts_a_workflow_once_by_its_key(served):
    with Client(served, served.secret) as client:
        first = client.action("orders.eu.created", {"total": 5}, key="k1")
        again = client.action("orders.eu.created", {"total": 5}, key="k1")
        other = client.action("orders.eu.created", {"total": 5}, key="k2")
    ids = [sorted(one["activityId"] for one in answer["activities"]) for answer in (first, again, other)]
    assert ids[0] == ids[1] and len(set(ids[0] + ids[2])) == 4
    served.restart()
    with Client(served, served.secret) as client:
        later = client.action("orders.eu.created", {"total": 5}, key="k1")
    assert sorted(one["activityId"] for one in later["activities"]) == ids[0]
    assert len(activities(served)) == 4


def test_a_key_with_other_data_starts_nothing(served):
    with Client(served, served.secret) as client:
        client.action("mail.send", {"n": 1}, key="k1")
        answer = client.action("mail.send", {"n": 2}, key="k1")
    assert answer["activities"] == [] and answer["refused"][0]["reason"] == "conflict"
    assert len(activities(served)) == 1


def test_what_was_acknowledged_is_there_after_a_kill(served):
    with Client(served, served.secret) as client:
        acknowledged = [client.action("mail.send")["activities"][0]["activityId"] for _ in range(20)]
        served.kill()
    served.start()
    assert {one["id"] for one in activities(served)} >= set(acknowledged)


def test_a_workflow_that_is_switched_off_is_not_started(served):
    served.cli("disable", "mail")
    with Client(served, served.secret) as client:
        answer = client.action("mail.send")
        assert answer["activities"] == []
        served.cli("enable", "mail")
        assert len(client.action("mail.send")["activities"]) == 1


def test_a_definition_that_changes_listens_to_its_new_topic(served):
    with Client(served, served.secret) as client:
        served.workflow("mail", STEPS, triggers=[listening("post.send")])
        served.cli("reload")
        assert client.action("mail.send")["matched"] == 0
        assert client.action("post.send")["matched"] == 1


def test_many_actions_on_the_way_are_each_acknowledged_once(served):
    count = 2000
    with Client(served, served.secret) as client:
        for number in range(count):
            client.say(type="action", id=f"n{number}", topic="mail.send", data={"n": number})
        answers = [client.hear() for _ in range(count)]
        client.ping()
        assert client.kept == []
    assert {answer["type"] for answer in answers} <= {"ack", "error"}
    assert sorted(answer["id"] for answer in answers) == sorted(f"n{number}" for number in range(count))
    acknowledged = [answer for answer in answers if answer["type"] == "ack"]
    assert all(answer["code"] == "busy" and answer["retryAfterMs"] > 0 for answer in answers if answer["type"] == "error")
    ids = {answer["activities"][0]["activityId"] for answer in acknowledged}
    assert len(ids) == len(acknowledged)
    total = served.metrics()["tappet_activities_total"].samples if ids else {}
    assert sum(total.values()) <= len(ids)


def test_who_sends_more_than_there_is_room_for_is_told_when_to_come_again(daemon):
    daemon.configure(plugins={"action": {}}, executor={"concurrency": 0}, limits={"queue": 1})
    daemon.workflow("mail", STEPS, triggers=[listening("mail.send")])
    daemon.start()
    with Client(daemon, daemon.token("mail", scopes=ALL)) as client:
        assert len(client.action("mail.send")["activities"]) == 1
        answer = client.action("mail.send")
        assert (answer["type"], answer["code"]) == ("error", "busy") and answer["retryAfterMs"] > 0
        client.ping()
    assert len(activities(daemon)) == 1


def test_data_may_be_any_json_and_reaches_the_workflow(served):
    served.workflow("mail", STEPS, params={"got": {"default": ""}}, triggers=[
        listening("mail.send", params={"got": ".data | tojson"})])
    served.cli("reload")
    with Client(served, served.secret) as client:
        for data in ({"a": [1, None, {"b": "\u2713"}]}, [1, 2], "text", 17, True, None):
            client.say(type="action", id="x", topic="mail.send", data=data)
            answer = client.answer("x")
            activity = answer["activities"][0]["activityId"]
            assert json.loads(served.detail(activity)["params"]["got"]) == data


# ---- What is wrong


@pytest.mark.parametrize("text, code", [
    ("", "bad-message"), ("nonsense", "bad-message"), ("[]", "bad-message"), ("17", "bad-message"), ("{}", "bad-message"),
    ('{"type":', "bad-message"), ('{"type":"ping"}{"type":"ping"}', "bad-message"), ('{"type":17}', "bad-message"),
    ('{"type":"ping"} x', "bad-message"), ("[" * 5000, "bad-message"),
    ('{"type":"action","id":"a","topic":"mail.send","data":%s}' % ("[" * 100 + "]" * 100), "bad-message"),
    ('{"type":"nonsense","id":"a"}', "unknown-type"), ('{"type":"ack","id":"a"}', "unknown-type"),
    ('{"type":"PING","id":"a"}', "unknown-type"),
    ('{"type":"ping","x":1}', "bad-message"), ('{"type":"ping","type":"ping"}', "bad-message"), ('{"type":"ping","id":17}', "bad-message"),
    ('{"type":"action","id":"a"}', "bad-message"), ('{"type":"action","topic":"mail.send"}', "bad-message"),
    ('{"type":"action","id":"a","topic":17}', "invalid-value"),
    ('{"type":"action","id":"a","topic":""}', "invalid-value"), ('{"type":"action","id":"a","topic":"a..b"}', "invalid-value"),
    ('{"type":"action","id":"a","topic":".a"}', "invalid-value"), ('{"type":"action","id":"a","topic":"orders.*"}', "invalid-value"),
    ('{"type":"action","id":"a","topic":"a b"}', "invalid-value"),
    ('{"type":"action","id":"a","topic":"%s"}' % ("a" * 256), "invalid-value"),
    ('{"type":"action","id":"a","topic":"mail.send","key":17}', "invalid-value"),
    ('{"type":"action","id":"a","topic":"mail.send","key":"%s"}' % ("k" * 1000), "invalid-value"),
    ('{"type":"subscribe","id":"a","filter":[]}', "invalid-value"), ('{"type":"subscribe","id":"a","filter":{"x":1}}', "invalid-value"),
    ('{"type":"subscribe","id":"a","filter":{"types":["nonsense"]}}', "invalid-value"),
    ('{"type":"subscribe","id":"a","filter":{"types":"activity.*"}}', "invalid-value"),
    ('{"type":"subscribe","id":"a","filter":{"activity":"x"}}', "invalid-value"),
    ('{"type":"subscribe","id":"a","since":-1}', "invalid-value"), ('{"type":"subscribe","id":"a","since":"x"}', "invalid-value"),
    ('{"type":"subscribe","id":"a","since":1.5}', "invalid-value"), ('{"type":"subscribe","id":"a","batch":"yes"}', "invalid-value"),
    ('{"type":"subscribe"}', "bad-message"),
    ('{"type":"subscribe","id":"a","filter":{"workflow":"nobody"}}', "not-found"),
    ('{"type":"subscribe","id":"a","filter":{"workflow":"secret"}}', "not-found"),
    ('{"type":"unsubscribe","id":"a"}', "not-found"), ('{"type":"auth","id":"a","token":17}', "invalid-value")])
def test_what_is_wrong_is_told_and_the_connection_stays(everywhere, text, code):
    with Client(everywhere.ways["tcp"], everywhere.secret) as client:
        client.send(text)
        answer = client.hear()
        assert (answer["type"], answer["code"]) == ("error", code) and answer["message"], answer
        if '"id":"a"' in text and code != "bad-message":
            assert answer["id"] == "a"
        client.ping()
        assert client.kept == []


def test_bytes_that_are_no_text_are_not_taken(everywhere):
    with Client(everywhere.ways["tcp"], everywhere.secret) as client:
        client.send(b'{"type":"ping"}')
        try:
            assert client.hear()["code"] == "bad-message"
        except Closed as closed:
            assert closed.code == 1003


def test_a_message_that_is_too_big_ends_the_connection(everywhere):
    client = Client(everywhere.ways["tcp"], everywhere.secret)
    client.say(type="ping", x="y" * (2 << 20))
    assert client.wait_closed().code == 1009


def test_a_daemon_that_stops_says_so_and_acknowledges_what_it_has_stored(served):
    client = Client(served, served.secret)
    client.subscribe()
    acknowledged = []
    for number in range(200):
        client.say(type="action", id=f"n{number}", topic="mail.send", data={})
    assert served.stop() == 0
    with pytest.raises(Closed) as closed:
        while True:
            message = client.hear()
            if message["type"] == "ack":
                acknowledged += [one["activityId"] for one in message["activities"]]
    assert closed.value.code == 1001
    served.start()
    assert {one["id"] for one in activities(served)} >= set(acknowledged)


def test_what_the_secret_is_stands_in_no_log(served):
    with Client(served, served.secret, by="query") as client:
        client.action("mail.send")
    with pytest.raises(Refused):
        Client(served, served.secret[:-2] + "xx", by="query")
    assert served.secret[:-2] not in served.log_text()


def test_an_action_that_started_something_is_its_cause(served):
    with Client(served, served.secret) as client:
        activity = client.action("mail.send", {"n": 1})["activities"][0]["activityId"]
        client.subscribe(filter={"activity": activity}, since=0)
        client.until(ends)
    timeline = wait_until(lambda: served.api("GET", "/workflows/mail/why").json["timeline"], "the timeline")
    accepted = next(item for item in timeline if item["kind"] == "accepted")
    assert accepted["activityId"] == activity and accepted["cause"]["topic"] == "mail.send"
    assert accepted["cause"]["remote"].startswith("127.0.0.1")
