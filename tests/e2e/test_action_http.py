"""Actions without tappet.v1: POST /action, CloudEvents by HTTP and by WebSocket, `tappet emit`, and the steps that wait for one."""

import json
import subprocess

import pytest
from action import Client
from daemon import BUILD, TAPPET, wait_until
from openapi import Document

STEPS = [{"id": "nothing", "sleep": "0s"}]
ALL = ("action:>", "subscribe")
EVENT = {"specversion": "1.0", "id": "1", "source": "/shop/eu", "type": "orders.eu.created", "subject": "order 7",
         "datacontenttype": "application/json", "data": {"total": 500}}
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


def listening(topic, **more):
    return {"plugin": "action", "with": {"topic": topic}, **more}


@pytest.fixture(name="served")
def served_fixture(daemon):
    daemon.configure(plugins={"webhook": {}, "action": {}})
    daemon.workflow("orders", STEPS, params={"got": {"default": ""}}, triggers=[
        listening("orders.>", params={"got": ".data | tojson"})])
    daemon.workflow("audit", STEPS, triggers=[listening("orders.>", when=".data.total > 100")])
    daemon.workflow("secret", STEPS, triggers=[listening("orders.>")])
    daemon.start()
    daemon.secret = daemon.token("orders", "audit", scopes=ALL)
    return daemon


class Witness:
    """Keeps which documented answers have been seen; an undocumented one fails."""

    def __init__(self, daemon):
        self.served, self.document, self.seen = daemon, Document(), set()

    def send(self, status, method, path, body=None, headers=None, control=False):
        answer = self.served.request(method, path, body, headers, control)
        assert answer.status == status, answer.body
        self.seen.add(self.document.check_answer(method, path, answer))


def post(daemon, topic, data=None, token=None, headers=None):
    fields = {"Authorization": f"Bearer {token or daemon.secret}", **(headers or {})}
    return daemon.request("POST", f"/action/{topic}", {} if data is None else data, fields)


def send(daemon, event, kind=STRUCTURED, token=None):
    return daemon.request("POST", "/event", event, {"Authorization": f"Bearer {token or daemon.secret}", "Content-Type": kind})


def activities(daemon):
    return daemon.api("GET", "/activities?limit=500").json["activities"]


def got(daemon, activity):
    return json.loads(daemon.detail(activity)["params"]["got"])


def by_workflow(answer):
    return {one["workflow"]: one["activityId"] for one in answer["activities"]}


# ---- POST /action/{topic}


def test_an_action_is_posted(served):
    answer = post(served, "orders.eu.created", {"total": 5})
    assert answer.status == 200 and answer.json["matched"] == 2
    assert set(by_workflow(answer.json)) == {"orders"}
    assert [(one["workflow"], one["reason"]) for one in answer.json["refused"]] == [("audit", "filter")]
    assert got(served, by_workflow(answer.json)["orders"]) == {"total": 5}
    assert post(served, "nobody.listens").json == {"matched": 0, "activities": [], "refused": []}
    assert {one["workflow"] for one in activities(served)} == {"orders"}


def test_a_posted_action_starts_a_workflow_once_by_its_key(served):
    first, again = [post(served, "orders.x", {"n": 1}, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert by_workflow(first.json) == by_workflow(again.json)
    assert len(activities(served)) == 1
    # The same as by WebSocket.
    with Client(served, served.secret) as client:
        assert by_workflow(client.action("orders.x", {"n": 1}, key="k")) == by_workflow(first.json)


@pytest.mark.parametrize("topic, body, status", [
    ("orders.*", {}, 422), ("orders..x", {}, 422), ("%20", {}, 422), ("x" * 256, {}, 422), ("orders.x", "{", 422),
    ("orders.x", "nonsense", 422), ("orders.x", "x" * (2 << 20), 413)], ids=range(7))
def test_what_is_wrong_with_a_posted_action_is_told(served, topic, body, status):
    answer = post(served, topic, body)
    assert answer.status == status and answer.type, answer.body
    assert activities(served) == []


def test_a_posted_action_needs_a_token_that_may(served):
    assert served.request("POST", "/action/orders.x", {}).status == 401
    assert post(served, "orders.x", token="wrong").status == 401
    assert post(served, "orders.x", token=served.token("orders", scopes=("action:mail.>",))).status == 403
    assert post(served, "orders.x", token=served.token("orders")).status == 403
    assert served.request("POST", f"/action/orders.x?token={served.secret}", {"total": 1}).status == 200
    assert served.request("GET", "/action/orders.x", headers={"Authorization": f"Bearer {served.secret}"}).status == 405
    assert len(activities(served)) == 1


def test_when_there_is_no_room_a_posted_action_is_told_to_come_again(daemon):
    daemon.configure(plugins={"action": {}}, executor={"concurrency": 0}, limits={"queue": 1})
    daemon.workflow("orders", STEPS, triggers=[listening("orders.>")])
    daemon.start()
    daemon.secret = daemon.token("orders", scopes=ALL)
    assert post(daemon, "orders.x").status == 200
    answer = post(daemon, "orders.x")
    assert answer.status == 503 and answer.headers["Retry-After"]
    assert len(activities(daemon)) == 1


# ---- CloudEvents


def test_an_event_is_an_action_of_its_type_in_all_modes(served):
    structured = send(served, EVENT)
    assert structured.status == 200, structured.body
    activity = by_workflow(structured.json)["orders"]
    assert got(served, activity) == EVENT["data"]
    attributes = {f"ce-{name}": value for name, value in EVENT.items() if name not in ("data", "datacontenttype")}
    binary = served.request("POST", "/event", EVENT["data"], {
        "Authorization": f"Bearer {served.secret}", "Content-Type": "application/json", **attributes, "ce-id": "2"})
    assert binary.status == 200, binary.body
    assert got(served, by_workflow(binary.json)["orders"]) == EVENT["data"]
    batch = send(served, [{**EVENT, "id": "3"}, {**EVENT, "id": "4", "type": "nobody.listens"}, {**EVENT, "id": "5"}], BATCH)
    assert batch.status == 200, batch.body
    assert len(activities(served)) == 8


def test_an_event_is_known_by_its_source_and_id(served):
    first, again = send(served, EVENT), send(served, EVENT)
    assert by_workflow(first.json) == by_workflow(again.json)
    other = send(served, {**EVENT, "source": "/shop/nl"})
    assert set(by_workflow(other.json).values()).isdisjoint(by_workflow(first.json).values())
    assert len(activities(served)) == 4


@pytest.mark.parametrize("event, kind, statuses", [
    ({**EVENT, "specversion": "0.3"}, STRUCTURED, (400, 422)), ({**EVENT, "id": ""}, STRUCTURED, (400, 422)),
    ({**EVENT, "type": "no topic"}, STRUCTURED, (400, 422)), ("{", STRUCTURED, (400, 422)), ([], STRUCTURED, (400, 422)),
    ({}, BATCH, (400, 422)), ([EVENT, {}], BATCH, (400, 422)), ({"total": 1}, "application/json", (400, 415, 422))])
def test_what_is_no_event_is_refused(served, event, kind, statuses):
    answer = send(served, event, kind)
    assert answer.status in statuses and answer.type, answer.body
    assert activities(served) == []


def test_an_event_needs_a_token_that_may(served):
    assert served.request("POST", "/event", EVENT, {"Content-Type": STRUCTURED}).status == 401
    assert send(served, EVENT, token=served.token("orders", scopes=("action:mail.>",))).status == 403


def test_events_come_by_websocket(served):
    with Client(served, served.secret, protocols=("cloudevents.json",)) as client:
        assert client.socket.protocol == "cloudevents.json"
        for number in range(3):
            client.send(json.dumps({**EVENT, "id": str(number)}))
        wait_until(lambda: len(activities(served)) == 6, "the activities")
        client.send(json.dumps({**EVENT, "id": "2"}))
        client.send(json.dumps({**EVENT, "id": "3"}))
        wait_until(lambda: len(activities(served)) == 8, "the activities")


def test_of_two_subprotocols_one_is_chosen(served):
    with Client(served, served.secret, protocols=("cloudevents.json", "tappet.v1")) as client:
        assert client.socket.protocol in ("tappet.v1", "cloudevents.json")
    with Client(served, served.secret, protocols=()) as client:
        assert client.socket.protocol is None
        client.ping()


# ---- tappet emit


def test_emit_tells_what_it_has_started(served):
    done = served.cli_json("emit", "orders.eu.created", '{"total": 5}')
    assert set(by_workflow(done)) == {"orders", "secret"} and done["refused"][0]["workflow"] == "audit"
    shown = served.cli("emit", "orders.eu.paid", '{"total": 500}').stdout
    for slug in ("orders", "audit", "secret"):
        assert slug in shown
    assert len(activities(served)) == 5


def test_emit_finds_the_plugin_under_another_name(daemon):
    daemon.configure(plugins={"deeds": {"load": str(BUILD / "plugins" / "action.so")}})
    daemon.workflow("orders", STEPS, triggers=[{**listening("orders.>"), "plugin": "deeds"}])
    daemon.start()
    assert set(by_workflow(daemon.cli_json("emit", "orders.x"))) == {"orders"}


def test_emit_reads_data_from_its_input(served):
    done = subprocess.run([str(TAPPET), "emit", "orders.x", "-", "--json"], cwd=served.folder, input='{"n": [1]}', text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert got(served, by_workflow(json.loads(done.stdout))["orders"]) == {"n": [1]}


@pytest.mark.parametrize("arguments", [("orders.*", "{}"), ("orders.x", "{"), ("", "{}")])
def test_emit_refuses_what_is_no_action(served, arguments):
    done = served.cli("emit", *arguments, check=False)
    assert done.returncode != 0 and done.stderr
    assert activities(served) == []


def test_emit_works_without_the_plugin(daemon):
    daemon.workflow("waits", [{"id": "paid", "wait": {"topic": "order.paid"}}])
    daemon.start()
    activity = daemon.cli_json("run", "waits")["activityId"]
    wait_until(lambda: daemon.detail(activity)["status"] == "waiting", "the step to wait")
    assert daemon.cli_json("emit", "order.paid", "{}")["released"] == 1
    wait_until(lambda: daemon.detail(activity)["status"] == "completed", "the activity to end")


# ---- Steps that wait


def waiting_workflow(daemon, slug):
    daemon.workflow(slug, [{"id": "pause", "sleep": "100ms"}, {"id": "paid", "wait": {
        "topic": "order.$(params.order).paid", "match": ".amount > 0", "outputs": {"amount": ".data.amount"}}}],
        params={"order": {"default": "7"}})


@pytest.mark.parametrize("way", ["websocket", "post", "event", "emit"])
def test_a_step_that_waits_is_released_by_an_action(daemon, way):
    daemon.configure(plugins={"webhook": {}, "action": {}})
    waiting_workflow(daemon, "waits")
    waiting_workflow(daemon, "uncovered")
    daemon.start()
    daemon.secret = daemon.token("waits", scopes=ALL)
    activity, other = [daemon.cli_json("run", slug)["activityId"] for slug in ("waits", "uncovered")]
    for one in (activity, other):
        wait_until(lambda one=one: daemon.detail(one)["status"] == "waiting" and "waitsFor" in str(daemon.detail(one)), "the step")

    def say(amount):
        if way == "websocket":
            with Client(daemon, daemon.secret) as client:
                assert client.action("order.7.paid", {"amount": amount})["type"] == "ack"
        elif way == "post":
            assert post(daemon, "order.7.paid", {"amount": amount}).status == 200
        elif way == "event":
            assert send(daemon, {**EVENT, "id": str(amount), "type": "order.7.paid", "data": {"amount": amount}}).status == 200
        else:
            daemon.cli("emit", "order.7.paid", json.dumps({"amount": amount}))

    say(0)
    assert daemon.detail(activity)["status"] == "waiting"
    say(12)
    ended = wait_until(lambda: daemon.detail(activity)["status"] == "completed" and daemon.detail(activity), "the end")
    assert ended["steps"][1]["outputs"] == {"amount": "12"}
    # An administrator releases all, a token what it covers.
    if way == "emit":
        wait_until(lambda: daemon.detail(other)["status"] == "completed", "the other workflow's end")
    else:
        assert daemon.detail(other)["status"] == "waiting"


def test_an_action_that_came_before_the_step_began_releases_it(daemon):
    """For which nobody had listened: it is recorded."""
    daemon.configure(plugins={"webhook": {}, "action": {}})
    daemon.workflow("waits", [{"id": "pause", "sleep": "1s"}, {"id": "paid", "wait": {"topic": "order.paid"}}])
    daemon.start()
    token = daemon.token("waits", scopes=ALL)
    activity = daemon.cli_json("run", "waits")["activityId"]
    with Client(daemon, token) as client:
        assert client.action("order.paid")["matched"] == 0
    wait_until(lambda: daemon.detail(activity)["status"] == "completed", "the activity to end")


# ---- docs/openapi.yaml


def test_every_documented_answer_of_the_plugin_occurs_and_no_other(served):
    served.configure(plugins={"webhook": {}, "action": {"with": {"matches": 2}}})
    served.restart()
    witness, admin = Witness(served), "/api/v1/plugins/action/actions/"
    good = {"Authorization": f"Bearer {served.secret}"}
    limited = {"Authorization": f"Bearer {served.token('orders', scopes=('action:mail.>',))}"}
    many = {"Authorization": f"Bearer {served.token('orders', 'audit', 'secret', scopes=ALL)}"}
    structured = {"Content-Type": STRUCTURED}
    for path, body, headers in (("/action/orders.x", {}, {}), ("/event", {**EVENT, "id": "docs"}, structured)):
        witness.send(200, "POST", path, body, {**good, **headers})
        witness.send(400, "POST", path + "?token=other", body, {**good, **headers})
        witness.send(401, "POST", path, body, headers)
        witness.send(403, "POST", path, body, {**limited, **headers})
        witness.send(413, "POST", path, " " * (2 << 20), {**good, **headers})
        witness.send(429, "POST", path, {**EVENT, "id": "many"} if headers else {}, {**many, **headers})
    witness.send(422, "POST", "/action/orders.*", {}, good)
    witness.send(422, "POST", "/action/orders.x", "{", good)
    witness.send(422, "POST", "/event", {}, {**good, **structured})
    witness.send(200, "POST", "/event", [{**EVENT, "id": "b1"}, {**EVENT, "id": "b2"}], {**good, "Content-Type": BATCH})
    witness.send(200, "OPTIONS", "/event", None, {"WebHook-Request-Origin": "sender.example"})
    witness.send(204, "OPTIONS", "/event")
    witness.send(200, "POST", admin + "nobody.listens", {}, control=True)
    witness.send(429, "POST", admin + "orders.x", {}, control=True)
    witness.send(422, "POST", admin + "orders.*", {}, control=True)
    witness.send(413, "POST", admin + "orders.x", " " * (2 << 20), control=True)
    witness.send(401, "POST", admin + "orders.x", {})
    key = (served.folder / "admin.token").read_text().strip()
    witness.send(403, "POST", admin + "orders.x", {}, {"Authorization": f"Bearer {key}", "Host": "evil.example"})
    missing = {one for one in witness.document.documented(witness.document.of_plugins) - witness.seen if one[2] < 500}
    assert not missing, sorted(missing)
