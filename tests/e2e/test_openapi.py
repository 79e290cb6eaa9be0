"""docs/openapi.yaml and the daemon say the same: everything documented is made to occur, and nothing else occurs.

A new answer of the daemon is one line in CASES. Answers to all operations alike (no token, a foreign host, a body that is too
large) are made for each by rule. Of 500 and 503 each operation has the same few, by faults of the disk and at start and stop; one of
each kind is made here, and the unit tests and test_disk.py make the rest.
"""

import http.client
import re
import signal
import threading

import pytest
from daemon import ROOT, Response, wait_until
from openapi import Document

NOBODY = "0" * 24
API = "/api/v1"
MADE = {"steps": [{"id": "say", "run": ["echo"]}]}
EVENTS = {"Accept": "text/event-stream"}

# (method, path, body, headers, status). {names} are filled in from what the fixture has made. In this order.
CASES = [
    ("GET", "", None, {}, 200),
    ("GET", "/workflows", None, {}, 200),
    ("GET", "/workflows?x=1", None, {}, 400),
    ("GET", "/workflows/w", None, {}, 200),
    ("GET", "/workflows/w", None, {"If-None-Match": "*"}, 304),
    ("GET", "/workflows/nobody", None, {}, 404),
    ("PUT", "/workflows/made", MADE, {}, 201),
    ("PUT", "/workflows/made", MADE, {}, 200),
    ("PUT", "/workflows/made", MADE, {"If-None-Match": "*"}, 412),
    ("PUT", "/workflows/made", {"colour": "red"}, {}, 422),
    ("PUT", "/workflows/made", "", {}, 400),
    ("PUT", "/workflows/w", MADE, {}, 409),
    ("GET", "/workflows/made/revisions", None, {}, 200),
    ("GET", "/workflows/made/revisions?limit=0", None, {}, 400),
    ("GET", "/workflows/nobody/revisions", None, {}, 404),
    ("GET", "/workflows/made/revisions/1", None, {}, 200),
    ("GET", "/workflows/made/revisions/9", None, {}, 404),
    ("GET", "/workflows/made/diff", None, {}, 200),
    ("GET", "/workflows/made/diff?x=1", None, {}, 400),
    ("GET", "/workflows/made/diff?from=9", None, {}, 404),
    ("GET", "/workflows/made/why", None, {}, 200),
    ("GET", "/workflows/made/why?window=x", None, {}, 400),
    ("GET", "/workflows/nobody/why", None, {}, 404),
    ("DELETE", "/workflows/made", None, {"If-Match": NOBODY}, 412),
    ("DELETE", "/workflows/made", None, {}, 204),
    ("DELETE", "/workflows/made", None, {}, 404),
    ("DELETE", "/workflows/w", None, {}, 409),
    ("POST", "/workflows/w/run", {}, {}, 200),
    ("POST", "/workflows/w/run", "{", {}, 400),
    ("POST", "/workflows/nobody/run", {}, {}, 404),
    ("POST", "/workflows/locked/run", {}, {}, 409),
    ("POST", "/workflows/w/run", {"params": {"x": 1}}, {}, 422),
    ("POST", "/workflows/w/run", {}, {"Idempotency-Key": "k"}, 200),
    ("POST", "/workflows/w/run", {}, {"Idempotency-Key": "k"}, 200),
    ("POST", "/workflows/w/run", {"payload": 1}, {"Idempotency-Key": "k"}, 409),
    ("GET", "/workflows/w/triggers/webhook", None, {}, 200),
    ("GET", "/workflows/w/triggers/nobody", None, {}, 404),
    ("GET", "/triggers", None, {}, 200),
    ("GET", "/triggers?state=running&plugin=webhook&workflow=w", None, {}, 200),
    ("GET", "/triggers?state=well", None, {}, 400),
    ("GET", "/triggers?workflow=nobody", None, {}, 404),
    ("GET", "/activities", None, {}, 200),
    ("GET", "/activities?limit=1", None, {}, 200),
    ("GET", "/activities?status=failure,completed&team=Testers&trigger=webhook&until=0s", None, {}, 200),
    ("GET", "/activities?status=well", None, {}, 400),
    ("GET", "/activities?workflow=nobody", None, {}, 404),
    ("GET", "/activities/{ended}", None, {}, 200),
    ("GET", "/activities/{running}", None, {}, 200),
    ("GET", f"/activities/{NOBODY}", None, {}, 404),
    ("GET", "/activities/{ended}/logs", None, {}, 200),
    ("GET", "/activities/{ended}/logs?follow=true", None, {}, 200),
    ("GET", "/activities/{ended}/logs?follow=true", None, EVENTS, 200),
    ("GET", "/activities/{ended}/logs?after=x", None, {}, 400),
    ("GET", f"/activities/{NOBODY}/logs?follow=true", None, {}, 404),
    ("POST", "/activities/{running}/cancel", "{", {}, 400),
    ("POST", "/activities/{running}/cancel", {"x": 1}, {}, 422),
    ("POST", "/activities/{running}/cancel", None, {}, 200),
    ("POST", "/activities/{ended}/cancel", None, {}, 409),
    ("POST", f"/activities/{NOBODY}/cancel", None, {}, 404),
    ("POST", "/activities/{ended}/replay", None, {}, 200),
    ("POST", "/activities/{ended}/replay", {"revision": "latest"}, {}, 200),
    ("POST", "/activities/{ended}/replay", "{", {}, 400),
    ("POST", "/activities/{ended}/replay", {"revision": "x"}, {}, 422),
    ("POST", f"/activities/{NOBODY}/replay", {}, {}, 404),
    ("POST", "/workflows/rest/disable", {}, {}, 200),
    ("POST", "/activities/{running}/replay", {}, {}, 409),
    ("POST", "/activities/{asking}/steps/ask/approve", {"by": "Ann", "comment": "yes"}, {}, 200),
    ("POST", "/activities/{refusing}/steps/ask/reject", {}, {}, 200),
    ("POST", "/actions/order.paid", {"amount": 1}, {}, 200),
    ("POST", "/actions/order.paid", "{", {}, 400),
    ("POST", "/actions/order.*", {}, {}, 422),
    ("POST", "/tokens", {"workflow": "w", "label": "x", "expires": "1h"}, {}, 201),
    ("POST", "/tokens", {"team": "Testers"}, {}, 201),
    ("POST", "/tokens", "[]", {}, 400),
    ("POST", "/tokens", {"workflow": "nobody"}, {}, 422),
    ("GET", "/tokens", None, {}, 200),
    ("GET", "/tokens?x=1", None, {}, 400),
    ("GET", "/tokens?workflow=nobody", None, {}, 404),
    ("POST", "/tokens/{token}/renew", {}, {}, 200),
    ("POST", "/tokens/{token}/renew", "{", {}, 400),
    ("POST", "/tokens/{token}/renew", {"expires": "yesterday"}, {}, 422),
    ("POST", f"/tokens/{NOBODY}/renew", {}, {}, 404),
    ("DELETE", "/tokens/{token}", None, {}, 204),
    ("DELETE", f"/tokens/{NOBODY}", None, {}, 404),
    ("GET", "/events?limit=1000", None, {}, 200),
    ("GET", "/events?types=activity.*&team=Testers", None, {}, 200),
    ("GET", "/events?types=x", None, {}, 400),
    ("GET", "/events?workflow=nobody", None, {}, 404),
    ("GET", "/refusals", None, {}, 200),
    ("GET", "/refusals?limit=0", None, {}, 400),
    ("GET", "/refusals?workflow=nobody", None, {}, 404),
    ("GET", "/plugins", None, {}, 200),
    ("POST", "/reload", {}, {}, 200),
    ("POST", "/reload", "{", {}, 400),
    ("POST", "/reload", {"x": 1}, {}, 422),
    ("POST", "/backup", {"path": "copy.db"}, {}, 200),
    ("POST", "/backup", {"path": "copy2.db"}, {"Accept": "application/x-ndjson"}, 200),
    ("POST", "/backup", {"path": "copy2.db"}, {"Accept": "application/x-ndjson"}, 200),
    ("POST", "/backup", {"path": "copy.db"}, {}, 409),
    ("POST", "/backup", {"path": "nowhere/copy.db"}, {}, 422),
    ("POST", "/backup", "{", {}, 400),
    ("GET", "/metrics", None, {}, 200),
] + [case for verb, step in (("approve", "{asking}"), ("reject", "{refusing}")) for case in (
    ("POST", f"/activities/{step}/steps/ask/{verb}", {}, {}, 409),
    ("POST", f"/activities/{step}/steps/ask/{verb}", "{", {}, 400),
    ("POST", f"/activities/{step}/steps/ask/{verb}", {"x": 1}, {}, 422),
    ("POST", f"/activities/{NOBODY}/steps/ask/{verb}", {}, {}, 404))
] + [case for path in ("", "/triggers/webhook") for switch in ("disable", "enable") for case in (
    ("POST", f"/workflows/w{path}/{switch}", {}, {}, 200),
    ("POST", f"/workflows/w{path}/{switch}", "{", {}, 400),
    ("POST", f"/workflows/nobody{path}/{switch}", {}, {}, 404),
    ("POST", f"/workflows/w{path}/{switch}", {"x": 1}, {}, 422))]

# Made in a test of its own, since it takes more than one request.
ELSEWHERE = {("POST", "/api/v1/reload", 409)}



@pytest.fixture(scope="module")
def document():
    return Document()


@pytest.fixture
def served(daemon):
    daemon.workflow("w", [{"id": "say", "run": ["echo", "hello"]}])
    daemon.workflow("rest", [{"id": "rest", "sleep": "1h"}])
    daemon.workflow("ask", [{"id": "ask", "approve": "Well?"}])
    daemon.workflow("locked", [{"id": "say", "run": ["echo"]}], manual=False)
    return daemon.start()


@pytest.fixture
def known(served):
    """What paths and bodies may name."""
    token = served.token("w")
    activity = served.fire(token)
    served.wait_end(token, activity)
    running = served.cli_json("run", "rest")["activityId"]
    asking, refusing = [served.cli_json("run", "ask")["activityId"] for _ in range(2)]
    for one in (asking, refusing):
        wait_until(lambda one=one: served.detail(one)["status"] == "waiting", "the question to be asked")
    return {"ended": activity, "running": running, "asking": asking, "refusing": refusing, "token": served.api("GET", "/tokens").json["tokens"][0]["id"]}


class Witness:
    """Sends requests and keeps which documented answers have been seen; an undocumented one fails."""

    def __init__(self, daemon, document):
        self.served, self.document, self.seen = daemon, document, set()

    def send(self, method, path, body=None, headers=None, control=True, status=None):
        answer = self.served.request(method, path, body, headers, control=control)
        assert status in (None, answer.status), f"{method} {path}: {answer.status} {answer.body}"
        self.seen.add(self.document.check_answer(method, path, answer))
        return answer


def admin(daemon):
    return {"Authorization": "Bearer " + (daemon.folder / "admin.token").read_text().strip()}


def test_the_document_is_one(document):
    document.check()


def test_every_route_is_documented_and_every_path_is_a_route(document):
    source = (ROOT / "core" / "api" / "api.c").read_text(encoding="utf-8")
    routes = {(method, pattern) for methods, pattern in re.findall(r'\{SURFACE_\w+,\s*"([A-Z,]+)",\s*"([^"]+)"', source)
              for method in methods.split(",")}
    assert len(routes) > 20
    assert routes == set(document.operations)


def test_every_documented_answer_occurs_and_no_other(served, known, document):
    witness = Witness(served, document)
    for method, path, body, headers, status in CASES:
        witness.send(method, API + path.format(**known), body, headers, status=status)
    for method, pattern in document.operations:
        path = re.sub(r"\{[^}]+\}", NOBODY, pattern)
        if path.startswith(API):
            witness.send(method, path, None, {}, control=False, status=401)
            witness.send(method, path, None, {**admin(served), "Host": "evil.example"}, control=False, status=403)
        if method in ("POST", "PUT"):
            witness.send(method, path, " " * (2 << 20), status=413)
    assert witness.send("GET", "/healthz", status=200).json["status"] == "ok"
    witness.send("GET", "/readyz", status=200)
    witness.send("GET", "/metrics", status=200)
    witness.send("GET", "/metrics", headers={"Host": "evil.example"}, control=False, status=403)
    missing = {one for one in document.documented() - witness.seen - ELSEWHERE if one[2] < 500}
    assert not missing, sorted(missing)


def test_a_refused_reload_names_the_mistakes(served, document):
    (served.folder / "workflows" / "bad.json").write_text('{"steps": 1}', encoding="utf-8")
    answer = Witness(served, document).send("POST", API + "/reload", {}, status=422)
    assert answer.type == "invalid-definitions" and answer.json["mistakes"]


def test_two_reloads_at_once_are_one_too_many(served, document):
    witness = Witness(served, document)
    statuses = []

    def reload():
        statuses.append(witness.send("POST", API + "/reload", {}).status)

    def conflict():
        threads = [threading.Thread(target=reload) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return 409 in statuses

    wait_until(conflict, "a reload while another is under way")
    assert set(statuses) == {200, 409}


def test_what_has_no_room_is_answered_503(daemon, document):
    daemon.configure(executor={"concurrency": 0}, limits={"queue": 1})
    daemon.workflow("rest", [{"id": "rest", "sleep": "1h"}])
    daemon.start()
    witness = Witness(daemon, document)

    def full():
        answer = witness.send("POST", API + "/workflows/rest/run", {})
        return answer.status == 503 and answer

    answer = wait_until(full, "a full queue")
    assert answer.type == "queue-full" and answer.headers["Retry-After"]


def test_while_it_stops_it_is_not_ready(daemon, document):
    daemon.configure(executor={"concurrency": 8, "drain": "3s"})
    daemon.workflow("busy", [{"id": "busy", "run": ["sleep", "60"]}])
    daemon.start()
    activity = daemon.cli_json("run", "busy")["activityId"]
    wait_until(lambda: daemon.detail(activity)["status"] == "inProgress", "the step to run")
    # A request that has begun is still answered; new connections are not taken any more.
    connection = daemon.connect(control=True)
    connection.connect()
    connection.sock.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nX: ")
    assert daemon.api("GET", "").json["ready"]
    daemon.signal(signal.SIGTERM)
    wait_until(lambda: not can_connect(daemon), "the listeners to be closed")
    connection.sock.sendall(b"x\r\n\r\n")
    answer = http.client.HTTPResponse(connection.sock)
    answer.begin()
    assert document.check_answer("GET", "/readyz", Response(answer)) == ("GET", "/readyz", 503)
    connection.close()
    assert daemon.wait_exit() == 0


def can_connect(daemon):
    connection = daemon.connect(control=True)
    try:
        connection.connect()
        return True
    except OSError:
        return False
    finally:
        connection.close()
