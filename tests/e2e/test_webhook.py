"""The webhook as its callers know it: every answer of POST /webhook/payload and of /webhook/status/{activityId}."""

import re
import uuid

import pytest
from daemon import wait_until

ID = re.compile(r"[0-9a-f]{24}\Z")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000\Z")
OUTPUT = {"id": "greet", "name": "Run Custom Task 1", "script": 'echo "BMRG_TEST=Tyson is awesome" >> "$TAPPET_OUTPUT"'}
PARAMS = {"who": {"type": "string", "default": "nobody"}, "count": {"type": "number"}}


@pytest.fixture
def hook(daemon):
    """A daemon with one workflow, and a token for it."""
    daemon.workflow("deploy", [OUTPUT, {"id": "pause", "name": "Pause", "sleep": "50ms"}], team="Tysons Test Team",
                    params=PARAMS)
    daemon.start()
    daemon.secret = daemon.token("deploy")
    return daemon


def test_the_status_of_an_ended_activity_key_by_key(hook):
    activity = hook.fire(hook.secret, {"who": "Ada"})
    assert ID.match(activity)
    document = hook.wait_end(hook.secret, activity)

    assert list(document) == ["creationDate", "duration", "id", "status", "workflowId", "workflowRevisionid", "trigger",
                              "steps", "teamName"]
    assert TIME.match(document["creationDate"])
    assert type(document["duration"]) is int and document["duration"] >= 50
    assert document["id"] == activity
    assert document["status"] == "completed"
    assert ID.match(document["workflowId"]) and ID.match(document["workflowRevisionid"])
    assert document["trigger"] == "webhook"
    assert document["teamName"] == "Tysons Test Team"

    first, second = document["steps"]
    for order, step in enumerate((first, second), 1):
        assert list(step) == ["activityId", "duration", "flowTaskStatus", "id", "order", "startTime", "taskId",
                              "taskName", "outputs"]
        assert step["activityId"] == activity
        assert type(step["duration"]) is int and 0 <= step["duration"] <= document["duration"]
        assert step["flowTaskStatus"] == "completed"
        assert ID.match(step["id"]) and step["id"] != activity
        assert type(step["order"]) is int and step["order"] == order
        assert TIME.match(step["startTime"]) and step["startTime"] >= document["creationDate"]
        assert uuid.UUID(step["taskId"]).version == 5
    assert first["id"] != second["id"] and first["taskId"] != second["taskId"]
    assert first["taskName"] == "Run Custom Task 1"
    assert first["outputs"] == {"BMRG_TEST": "Tyson is awesome"}
    assert second["taskName"] == "Pause"
    assert second["outputs"] == {}
    assert second["duration"] >= 50


def test_all_steps_stand_there_before_they_begin_and_lack_what_has_not_happened(daemon):
    daemon.workflow("slow", [{"id": "wait", "run": ["sleep", "600"]}, {"id": "after", "sleep": "1s"}])
    daemon.start()
    token = daemon.token("slow")
    activity = daemon.fire(token)
    document = daemon.wait_step(token, activity, 1, "inProgress")
    assert "duration" not in document and document["status"] == "inProgress"
    first, second = document["steps"]
    assert "startTime" in first and "duration" not in first
    assert second["flowTaskStatus"] == "notstarted" and "startTime" not in second and "duration" not in second
    assert first["outputs"] == {} and second["outputs"] == {}
    assert daemon.request("DELETE", f"/webhook/status/{activity}", {"token": token}).status == 200
    assert daemon.wait_end(token, activity)["status"] == "cancelled"


def test_task_ids_stay_across_revisions_and_revisions_do_not(hook):
    before = hook.wait_end(hook.secret, hook.fire(hook.secret))
    hook.workflow("deploy", [OUTPUT, {"id": "pause", "name": "Pause", "sleep": "10ms"}], params=PARAMS)
    hook.cli("reload")
    after = hook.wait_end(hook.secret, hook.fire(hook.secret))
    assert [step["taskId"] for step in before["steps"]] == [step["taskId"] for step in after["steps"]]
    assert before["workflowId"] == after["workflowId"]
    assert before["workflowRevisionid"] != after["workflowRevisionid"]


@pytest.mark.parametrize("content_type", [None, "application/x-www-form-urlencoded", "text/plain", "application/json"])
def test_the_body_is_json_whatever_its_content_type_says(hook, content_type):
    headers = {"Content-Type": content_type} if content_type else {}
    assert hook.post(hook.secret, {"who": "Ada"}, headers).status == 200


def test_the_token_comes_in_body_header_or_query(hook):
    bearer = {"Authorization": f"Bearer {hook.secret}"}
    assert hook.request("POST", "/webhook/payload", {"properties": {"who": "x"}}, bearer).status == 200
    assert hook.request("POST", f"/webhook/payload?token={hook.secret}", {}).status == 200
    assert hook.request("POST", f"/webhook/payload?token={hook.secret}", {"token": hook.secret}, bearer).status == 200
    assert hook.request("POST", "/webhook/payload", None, bearer).status == 200
    activity = hook.fire(hook.secret)
    assert hook.request("GET", f"/webhook/status/{activity}", None, bearer).status == 200
    assert hook.request("GET", f"/webhook/status/{activity}?token={hook.secret}").status == 200


def test_different_tokens_are_a_bad_request(hook):
    answer = hook.request("POST", "/webhook/payload?token=other", {"token": hook.secret})
    assert (answer.status, answer.type) == (400, "malformed")
    answer = hook.request("POST", "/webhook/payload", {"token": hook.secret}, {"Authorization": "Bearer other"})
    assert answer.status == 400


@pytest.mark.parametrize("body", [b"{}", b"", b'{"token":"wrong"}', b'{"token":""}', b'{"token":5}', b'{"token":null}'])
def test_a_missing_or_wrong_token_is_unauthorized(hook, body):
    answer = hook.request("POST", "/webhook/payload", body)
    assert (answer.status, answer.type) == (401, "token")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("body", [b"token=T", b"{", b'{"token":"T"', b'{"token":"T"}x', b"[]", b'"T"',
                                  b'{"token":"T",}', b'{"token":"a","token":"b"}'])
def test_a_body_that_is_no_object_is_a_bad_request(hook, body):
    answer = hook.request("POST", "/webhook/payload", body)
    assert (answer.status, answer.type) == (400, "malformed")


@pytest.mark.parametrize("properties", [[], "text", 5, True])
def test_properties_have_to_be_an_object(hook, properties):
    assert hook.post(hook.secret, properties).status == 400


def test_broken_json_inside_the_body_is_a_bad_request(hook):
    for rest in ('"x":[}', '"properties":{"who":tru}', '"x":01', '"x":"\\q"', '"properties":{},"properties":{}'):
        answer = hook.request("POST", "/webhook/payload", '{"token":"%s",%s}' % (hook.secret, rest))
        assert answer.status == 400, rest


def test_an_unknown_property_is_named(hook):
    answer = hook.post(hook.secret, {"colour": "red"})
    assert (answer.status, answer.type) == (422, "parameters")
    assert "colour" in answer.json["detail"]


def test_a_property_of_the_wrong_type_is_named(hook):
    answer = hook.post(hook.secret, {"count": "many"})
    assert (answer.status, answer.type) == (422, "parameters")
    assert "count" in answer.json["detail"]


def test_further_keys_are_accepted_and_kept_without_the_token(daemon):
    daemon.workflow("show", [{"id": "cat", "script": 'cat "$TAPPET_INPUT"'}])
    daemon.start()
    token = daemon.token("show")
    activity = daemon.post(token, None, extra={"deep": [1, 12345678901234567890]}).json["activityId"]
    daemon.wait_end(token, activity)
    log = daemon.cli("logs", activity).stdout
    assert "12345678901234567890" in log and "deep" in log
    assert token not in log


def test_the_token_is_stored_and_logged_nowhere(hook):
    escaped = "".join(f"\\u{ord(c):04x}" for c in hook.secret)
    bodies = [f'{{"token":"{hook.secret}"}}', f'{{"tok\\u0065n":"{escaped}"}}']
    for body in bodies:
        assert hook.request("POST", "/webhook/payload", body).status == 200
    assert hook.request("POST", f"/webhook/payload?token={hook.secret}", {"properties": {"no": 1}}).status == 422
    hook.stop()
    for path in hook.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert hook.secret.encode() not in content, path
            assert escaped.encode() not in content, path


def test_the_same_idempotency_key_gives_the_same_activity(hook):
    key = {"Idempotency-Key": "order-17"}
    first = hook.fire(hook.secret, {"who": "Ada"}, key)
    assert hook.fire(hook.secret, {"who": "Ada"}, key) == first
    answer = hook.post(hook.secret, {"who": "Bob"}, key)
    assert (answer.status, answer.type) == (409, "conflict")
    hook.kill()
    hook.start()
    assert hook.fire(hook.secret, {"who": "Ada"}, key) == first
    assert len(hook.cli_json("activities")["activities"]) == 1


def test_an_idempotency_key_longer_than_255_bytes_is_a_bad_request(hook):
    assert hook.post(hook.secret, None, {"Idempotency-Key": "k" * 256}).status == 400
    assert hook.post(hook.secret, None, {"Idempotency-Key": "k" * 255}).status == 200


def test_a_token_without_the_scope_is_forbidden(hook):
    activity = hook.fire(hook.secret)
    only = {scope: hook.token("deploy", scopes=[scope]) for scope in ("trigger", "status", "cancel")}
    answer = hook.post(only["status"])
    assert (answer.status, answer.type) == (403, "scope")
    path = f"/webhook/status/{activity}"
    assert hook.request("GET", path, {"token": only["trigger"]}).status == 403
    assert hook.request("GET", path, {"token": only["status"]}).status == 200
    assert hook.request("DELETE", path, {"token": only["status"]}).status == 403
    assert hook.request("DELETE", path, {"token": only["cancel"]}).status in (200, 409)


def test_a_token_has_to_cover_exactly_one_workflow_with_a_webhook_trigger(daemon):
    daemon.workflow("one", [OUTPUT])
    daemon.workflow("two", [OUTPUT])
    daemon.workflow("deaf", [OUTPUT], triggers=[])
    daemon.start()
    assert daemon.post(daemon.token("one", "two")).status == 403
    assert daemon.post(daemon.token("deaf")).status == 403
    assert daemon.post(daemon.token(team="Testers")).status == 403
    assert daemon.post(daemon.token("two")).status == 200


def test_an_activity_of_another_workflow_looks_like_one_that_does_not_exist(daemon):
    daemon.workflow("mine", [OUTPUT])
    daemon.workflow("yours", [OUTPUT])
    daemon.start()
    mine, yours = daemon.token("mine"), daemon.token("yours")
    activity = daemon.fire(mine)
    answers = [daemon.request(method, f"/webhook/status/{name}", {"token": yours})
               for method in ("GET", "DELETE") for name in (activity, "0" * 24, "nonsense")]
    assert {answer.status for answer in answers} == {404}
    assert len({answer.json["detail"] for answer in answers}) == 1
    assert daemon.wait_end(mine, activity)["status"] == "completed"


def test_status_needs_a_token(hook):
    activity = hook.fire(hook.secret)
    for body in (None, {}, {"token": "wrong"}):
        answer = hook.request("GET", f"/webhook/status/{activity}", body)
        assert (answer.status, answer.type) == (401, "token")
    assert hook.request("GET", f"/webhook/status/{activity}", b"nonsense").status == 400


def test_cancelling_what_has_ended_is_a_conflict(hook):
    activity = hook.fire(hook.secret)
    hook.wait_end(hook.secret, activity)
    answer = hook.request("DELETE", f"/webhook/status/{activity}", {"token": hook.secret})
    assert (answer.status, answer.type) == (409, "ended")


def test_a_disabled_workflow_takes_nothing_until_it_is_enabled(hook):
    hook.cli("disable", "deploy")
    answer = hook.post(hook.secret)
    assert (answer.status, answer.type) == (409, "disabled")
    hook.cli("enable", "deploy")
    assert hook.post(hook.secret).status == 200


def test_a_disabled_trigger_takes_nothing_also_after_a_restart(hook):
    hook.cli("disable", "deploy/webhook")
    assert hook.post(hook.secret).type == "disabled"
    hook.restart()
    assert hook.post(hook.secret).type == "disabled"
    hook.cli("enable", "deploy/webhook")
    assert hook.post(hook.secret).status == 200


def test_a_full_queue_answers_503_and_stores_nothing_of_it(daemon):
    daemon.workflow("deploy", [OUTPUT])
    daemon.configure(executor={"concurrency": 0}, limits={"queue": 3})
    daemon.start()
    token = daemon.token("deploy")
    accepted = [daemon.fire(token) for _ in range(3)]
    answer = daemon.post(token)
    assert (answer.status, answer.type) == (503, "queue-full")
    assert int(answer.headers["Retry-After"]) > 0
    listed = daemon.cli_json("activities")["activities"]
    assert sorted(activity["id"] for activity in listed) == sorted(accepted)


def test_a_body_beyond_the_limit_is_too_large(daemon):
    daemon.workflow("deploy", [OUTPUT])
    daemon.configure(limits={"body": "4KiB"})
    daemon.start()
    token = daemon.token("deploy")
    assert daemon.post(token, None, note="x" * 5000).status == 413
    assert daemon.post(token, None, note="x" * 3000).status == 200


def test_other_methods_are_not_allowed(hook):
    answer = hook.request("GET", "/webhook/payload")
    assert answer.status == 405 and "POST" in answer.headers["Allow"]
    assert hook.request("POST", "/webhook/status/" + "0" * 24, {}).status == 405


def test_many_requests_on_one_connection_are_answered_in_order(hook):
    connection = hook.connect()
    seen = set()
    for number in range(50):
        body = '{"token":"%s","properties":{"count":%d}}' % (hook.secret, number)
        connection.request("POST", "/webhook/payload", body)
        answer = connection.getresponse()
        assert answer.status == 200
        seen.add(answer.read())
    connection.close()
    assert len(seen) == 50


def test_refusals_are_recorded_with_their_reason(hook):
    hook.post("wrong")
    hook.post(hook.secret, {"colour": "red"})

    def recorded():
        reasons = {refusal["reason"] for refusal in hook.api("GET", "/refusals").json["refusals"]}
        return {"token", "parameters"} <= reasons

    wait_until(recorded, "both refusals to be recorded")
