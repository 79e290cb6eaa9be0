"""Senders that speak as they please: /webhook/in/WORKFLOW, paths of triggers' own, signatures, answers, handshakes, CloudEvents."""

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import time

import pytest
from daemon import wait_until

STEPS = [{"id": "say", "script": 'echo "word=$TAPPET_PARAM_WORD" >> "$TAPPET_OUTPUT"'}]
PARAMS = {"word": {"default": "none"}, "payload": {"default": ""}}


def hook(daemon, options, start=True, steps=None, env=None, **trigger):
    """A daemon with the workflow "site", whose webhook trigger "in" has these options."""
    one = {"plugin": "webhook", "id": "in", "with": options, "params": {"payload": "tojson"}}
    one.update(trigger)
    daemon.workflow("site", steps or STEPS, params=PARAMS, triggers=[one])
    return daemon.start(env=env) if start else daemon


def payload_of(daemon, activity):
    return json.loads(daemon.detail(activity)["params"]["payload"])


def post(daemon, body=b"", path="/webhook/in/site", method="POST", **headers):
    return daemon.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})


def accepted(answer, status=200):
    assert answer.status == status, answer.body
    return answer.json["activityId"]


# ---- Bodies


@pytest.mark.parametrize("kind,content_type,body,value", [
    ("json", "application/json", b'{"a": [1, 2]}', {"a": [1, 2]}),
    ("json", "application/vnd.x+json; charset=utf-8", b'"text"', "text"),
    ("json", "application/x-www-form-urlencoded", b'{"as": "curl -d sends it"}', {"as": "curl -d sends it"}),
    ("form", "application/x-www-form-urlencoded", b"a=1&b=x%20y+z&a=2&c", {"a": ["1", "2"], "b": "x y z", "c": ""}),
    ("text", "text/plain", "grüße\n\"q\"".encode(), "grüße\n\"q\""),
    ("bytes", "application/octet-stream", b"\x00\xff", base64.b64encode(b"\x00\xff").decode()),
    ("bytes", "text/plain", b"\xff", base64.b64encode(b"\xff").decode()),
    ("bytes", "text/plain", b"a\x00b", base64.b64encode(b"a\x00b").decode()),
])
def test_any_body_comes_as_what_it_is(daemon, kind, content_type, body, value):
    hook(daemon, {"auth": "none"})
    activity = accepted(post(daemon, body, "/webhook/in/site/in?x=1&x=2&y=%41", "PUT", Content_Type=content_type, X_Other="no"))
    payload = payload_of(daemon, activity)
    assert payload["bodyType"] == kind and payload["body"] == value
    assert payload.get("encoding") == ("base64" if kind == "bytes" else None)
    assert payload["method"] == "PUT" and payload["path"] == "/webhook/in/site/in"
    assert payload["query"] == {"x": ["1", "2"], "y": "A"}
    assert payload["headers"]["content-type"] == content_type and "x-other" not in payload["headers"]
    assert payload["remote"] == "127.0.0.1"


def test_an_empty_body_is_null_and_get_starts_too(daemon):
    hook(daemon, {"auth": "none", "headers": ["X-A"]})
    payload = payload_of(daemon, accepted(post(daemon, None, method="GET", X_A="1")))
    assert payload["body"] is None and payload["headers"]["x-a"] == "1"
    head = daemon.request("HEAD", "/webhook/in/site")
    assert head.status == 405
    assert daemon.request("PATCH", "/webhook/in/site", b"{}").status == 405


def test_what_is_no_json_is_refused_and_cannot_bring_members_of_its_own(daemon):
    hook(daemon, {"auth": "none", "body": "json"})
    for body in (b"{", b'1,"remote":"10.0.0.1"', b"nonsense", b'{"a":1} x'):
        answer = post(daemon, body)
        assert answer.status == 400 and answer.type == "malformed", body
    assert post(daemon, b"&".join(b"a=1" for _ in range(2000)), "/webhook/in/site?" + "a&" * 1001).status == 400


def test_a_body_that_comes_byte_by_byte_is_one_body(daemon):
    hook(daemon, {"auth": "none"})
    connection = daemon.connect()
    connection.connect()
    text = b'POST /webhook/in/site HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"a": 17}'
    for at in range(len(text)):
        connection.sock.sendall(text[at:at + 1])
    answer = connection.sock.recv(65536)
    connection.close()
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert payload_of(daemon, json.loads(answer.partition(b"\r\n\r\n")[2])["activityId"])["body"] == {"a": 17}


# ---- Who may


def sign(secret, body):
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def test_a_signed_sender_gets_in_and_nobody_else(daemon):
    options = {"path": "/github", "signature": {"preset": "github", "secret": [{"env": "NEW"}, {"env": "OLD"}]}}
    hook(daemon, options, env={"NEW": "n3w", "OLD": "0ld"}, when='.headers["x-github-event"] == "push"')
    body = b'{"ref": "main"}'
    for secret, path in (("n3w", "/github"), ("0ld", "/webhook/in/site")):
        good = post(daemon, body, path, X_Hub_Signature_256=sign(secret, body), X_GitHub_Event="push",
                    X_GitHub_Delivery=f"d-{secret}", Content_Type="application/json")
        payload = payload_of(daemon, accepted(good))
        assert payload["body"] == {"ref": "main"} and payload["headers"]["x-github-event"] == "push"
        assert "x-hub-signature-256" not in payload["headers"]
    again = post(daemon, body, "/github", X_Hub_Signature_256=sign("n3w", body), X_GitHub_Event="push",
                 X_GitHub_Delivery="d-n3w", Content_Type="application/json", User_Agent="another")
    assert accepted(again) == accepted(post(daemon, body, "/github", X_Hub_Signature_256=sign("n3w", body),
                                            X_GitHub_Event="push", X_GitHub_Delivery="d-n3w"))
    other = post(daemon, body, "/github", X_Hub_Signature_256=sign("n3w", body), X_GitHub_Event="star", X_GitHub_Delivery="s")
    assert other.status == 200 and other.json == {"refused": "filter"}
    assert post(daemon, body + b" ", "/github", X_Hub_Signature_256=sign("n3w", body)).status == 401
    assert post(daemon, body, "/github").status == 401
    # The token is no way around the signature.
    assert daemon.post(daemon.token("site"), {"word": "x"}).status == 403


def test_without_a_signature_the_token_of_the_workflow_is_needed(daemon):
    hook(daemon, {})
    token = daemon.token("site")
    assert post(daemon, b"{}").status == 401
    assert post(daemon, b"{}", "/webhook/in/site?token=wrong").status == 401
    payload = payload_of(daemon, accepted(post(daemon, b"{}", f"/webhook/in/site?token={token}&a=1")))
    assert payload["query"] == {"a": "1"} and token not in json.dumps(payload)
    accepted(post(daemon, b"{}", Authorization=f"Bearer {token}"))
    accepted(daemon.post(token, {"word": "x"}))


def test_addresses_and_their_pace_are_bounded(daemon):
    hook(daemon, {"auth": "none", "allow": ["192.0.2.0/24"]})
    assert post(daemon, b"{}").status == 403
    daemon.stop()
    hook(daemon, {"auth": "none", "allow": ["127.0.0.0/8"], "perAddress": "3/1m"})
    left = []
    for _ in range(3):
        answer = post(daemon, b"{}")
        accepted(answer)
        left.append(answer.headers["RateLimit-Remaining"])
    assert left == ["2", "1", "0"]
    slow = post(daemon, b"{}")
    assert slow.status == 429 and 1 <= int(slow.headers["Retry-After"]) <= 21 and slow.headers["RateLimit-Limit"] == "3"
    refused = wait_until(lambda: [one for one in daemon.api("GET", "/workflows/site/why").json["timeline"]
                                  if one["kind"] == "refused" and one["reason"] == "rate"], "the refusal")
    assert refused[0]["triggerId"] == "in"


def test_an_unknown_workflow_and_one_that_is_switched_off_look_the_same(daemon):
    hook(daemon, {"auth": "none"})
    assert post(daemon, b"{}", "/webhook/in/nobody").status == 404
    assert post(daemon, b"{}", "/webhook/in/site/other").status in (404, 503)
    daemon.cli("disable", "site")
    assert post(daemon, b"{}").status == 404


# ---- Answers


def test_wait_answers_with_the_document_or_in_time(daemon):
    hook(daemon, {"auth": "none", "wait": "20s"}, steps=[{"id": "say", "sleep": "200ms"}])
    document = post(daemon, b"{}", "/webhook/in/site?wait=20s")
    assert document.status == 200 and document.json["status"] == "completed" and document.json["trigger"] == "webhook"
    late = post(daemon, b"{}", "/webhook/in/site?wait=1ms")
    assert late.status == 202 and list(late.json) == ["activityId"]
    assert post(daemon, b"{}", "/webhook/in/site?wait=soon").status == 400


def test_a_reply_is_made_of_outputs(daemon):
    hook(daemon, {"auth": "none", "reply": {
        "status": 201, "headers": {"X-Word": "$(steps.say.outputs.word)"},
        "body": {"id": "$(activity.id)", "word": "$(steps.say.outputs.word)", "plain": "$$(x)"}}},
         params={"word": ".body.word", "payload": "tojson"})
    answer = post(daemon, json.dumps({"word": 'a "b"'}).encode())
    assert answer.status == 201 and answer.headers["X-Word"] == 'a "b"'
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json["word"] == 'a "b"' and answer.json["plain"] == "$(x)" and len(answer.json["id"]) == 24


def test_a_reply_without_outputs_comes_at_once_and_a_failure_is_told(daemon):
    hook(daemon, {"auth": "none", "reply": {"status": 202, "body": "thanks"}}, steps=[{"id": "say", "sleep": "1h"}])
    answer = post(daemon, b"{}")
    assert (answer.status, answer.body) == (202, b"thanks")
    daemon.stop()
    hook(daemon, {"auth": "none", "reply": {"body": "$(steps.say.outputs.word)"}}, steps=[{"id": "say", "run": ["false"]}])
    failed = post(daemon, b"{}")
    assert failed.status == 500 and failed.type == "failure"


def test_the_same_key_starts_once(daemon):
    hook(daemon, {"auth": "none", "success": 202})
    first = accepted(post(daemon, b'{"a": 1}', Idempotency_Key="k"), 202)
    assert accepted(post(daemon, b'{"a": 1}', Idempotency_Key="k"), 200) == first
    other = post(daemon, b'{"a": 2}', Idempotency_Key="k")
    assert other.status == 409 and other.type == "conflict"
    assert post(daemon, b'{"a": 1}', "/webhook/in/site?x=1", Idempotency_Key="k").status == 409
    assert post(daemon, b'{"a": 1}', method="PUT", Idempotency_Key="k").status == 409
    assert post(daemon, b"{}", Idempotency_Key="k" * 256).status == 400


def test_the_same_key_from_elsewhere_starts_nothing_again(daemon):
    """A retry may come by another address, with another time in its signature, and ask for the end."""
    hook(daemon, {"auth": "none", "success": 202, "headers": "*"})
    first = accepted(post(daemon, b'{"a": 1}', "/webhook/in/site?x=1", Idempotency_Key="k", X_Time="1"), 202)
    again = {"Idempotency-Key": "k", "X-Time": "2"}
    with contextlib.closing(http.client.HTTPConnection(*daemon.address, source_address=("127.0.0.2", 0))) as other:
        other.request("POST", "/webhook/in/site?x=1&wait=30s", b'{"a": 1}', again)
        answer = other.getresponse()
        assert answer.status == 200 and json.loads(answer.read())["id"] == first
    assert payload_of(daemon, first)["remote"] == "127.0.0.1"


def test_pages_of_other_origins(daemon):
    hook(daemon, {"auth": "none", "cors": {"origins": ["https://a.example"], "headers": ["X-A"], "maxAge": "1h"}})
    preflight = daemon.request("OPTIONS", "/webhook/in/site", None,
                               {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"})
    assert preflight.status == 204 and preflight.headers["Access-Control-Allow-Origin"] == "https://a.example"
    assert preflight.headers["Access-Control-Allow-Headers"] == "X-A" and preflight.headers["Access-Control-Max-Age"] == "3600"
    assert post(daemon, b"{}", Origin="https://a.example").headers["Access-Control-Allow-Origin"] == "https://a.example"
    assert post(daemon, b"{", Origin="https://a.example", Content_Type="application/json").headers["Access-Control-Allow-Origin"]
    assert post(daemon, b"{}", Origin="https://b.example").headers["Access-Control-Allow-Origin"] is None


# ---- Handshakes


def test_challenges_are_answered_and_nothing_starts(daemon):
    hook(daemon, {"auth": "none", "handshake": {"challenge": "hub.challenge", "verifyToken": {"env": "V"}}}, env={"V": "v"})
    answer = daemon.request("GET", "/webhook/in/site?hub.challenge=%3Cb%3E&hub.verify_token=v")
    assert (answer.status, answer.body) == (200, b"<b>")
    assert answer.headers["Content-Type"].startswith("text/plain") and answer.headers["X-Content-Type-Options"] == "nosniff"
    assert daemon.request("GET", "/webhook/in/site?hub.challenge=c&hub.verify_token=w").status == 403
    assert daemon.api("GET", "/activities").json["activities"] == []
    daemon.stop()
    hook(daemon, {"auth": "none", "allow": ["192.0.2.1"], "handshake": {"challenge": "validationToken"}})
    assert daemon.request("POST", "/webhook/in/site?validationToken=c", b"").status == 403


def test_slack_gets_its_challenge_back_when_it_has_signed(daemon):
    hook(daemon, {"signature": {"preset": "slack", "secret": {"env": "S"}}}, env={"S": "s"})
    body, now = b'{"type":"url_verification","challenge":"c1"}', str(int(time.time()))
    signature = "v0=" + hmac.new(b"s", b"v0:" + now.encode() + b":" + body, hashlib.sha256).hexdigest()
    headers = {"X_Slack_Request_Timestamp": now, "X_Slack_Signature": signature, "Content_Type": "application/json"}
    assert post(daemon, body, **headers).json == {"challenge": "c1"}
    headers["X_Slack_Signature"] = signature[:-1] + ("0" if signature[-1] != "0" else "1")
    assert post(daemon, body, **headers).status == 401


# ---- CloudEvents


EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "subject": "x", "data": {"n": 1}}


def test_cloudevents_in_all_three_modes(daemon):
    hook(daemon, {"auth": "none", "cloudEvents": True})
    structured = accepted(post(daemon, json.dumps(EVENT).encode(), Content_Type="application/cloudevents+json"))
    payload = payload_of(daemon, structured)
    assert payload["event"]["type"] == "t" and payload["body"] == {"n": 1} and "data" not in payload["event"]
    # The same source and id are the same event, in whatever mode they come.
    binary = post(daemon, b'{"n": 1}', ce_specversion="1.0", ce_id="1", ce_source="/s", ce_type="t", Content_Type="application/json")
    assert accepted(binary) == structured
    other = accepted(post(daemon, b'{"n": 2}', ce_specversion="1.0", ce_id="2", ce_source="/s", ce_type="t%20u",
                          Content_Type="application/json"))
    assert payload_of(daemon, other)["event"] == {"specversion": "1.0", "id": "2", "source": "/s", "type": "t u",
                                                  "datacontenttype": "application/json"}
    assert payload_of(daemon, other)["body"] == {"n": 2}
    batch = post(daemon, json.dumps([EVENT, {**EVENT, "id": "3"}]).encode(), Content_Type="application/cloudevents-batch+json")
    assert batch.status == 200 and batch.json["activities"][0] == structured and len(set(batch.json["activities"])) == 2
    for wrong in ({**EVENT, "specversion": "0.3"}, {**EVENT, "id": ""}, {**EVENT, "Bad": 1}, [EVENT], {**EVENT, "data_base64": "AA=="},
                  {**{key: EVENT[key] for key in EVENT if key != "data"}, "data_base64": 1}):
        assert post(daemon, json.dumps(wrong).encode(), Content_Type="application/cloudevents+json").status == 400


def test_a_sender_of_cloudevents_is_told_that_it_may(daemon):
    hook(daemon, {"auth": "none", "cloudEvents": True})
    answer = daemon.request("OPTIONS", "/webhook/in/site", None, {"WebHook-Request-Origin": "sender.example"})
    assert answer.status == 200 and answer.headers["WebHook-Allowed-Origin"] == "sender.example"


# ---- Definitions


def test_every_mistake_of_a_trigger_is_found_at_its_place(daemon):
    hook(daemon, {"path": ["/api/x", "a"], "methods": ["HEAD"], "body": "xml", "success": 99, "perAddress": "often",
                  "signature": {"preset": "githb", "secret": {"env": "S"}}, "reply": {"body": "$(steps.x)"},
                  "cors": {"origins": ["a"]}, "handshake": "hello", "headers": ["a b"]}, start=False)
    told = daemon.cli("check", check=False)
    assert told.returncode == 1
    for words in ("one of the daemon's own", "begins with a slash", "expected GET, POST", "expected auto, json", "200 to 299",
                  'such as "60/1m"', 'did you mean "github"', "$(steps.ID.outputs.NAME)", "expected origins", '"slack"',
                  "name of a header"):
        assert words in told.stderr, (words, told.stderr)
    assert all(line.split(":")[1].isdigit() for line in told.stderr.splitlines() if "site.json" in line)


def test_two_triggers_cannot_have_one_path(daemon):
    hook(daemon, {"auth": "none", "path": "/one"}, start=False)
    daemon.workflow("other", STEPS, params=PARAMS, triggers=[{"plugin": "webhook", "with": {"auth": "none", "path": "/one"}}])
    told = daemon.cli("check", check=False)
    assert told.returncode == 1 and "path /one: trigger" in told.stderr and "other" in told.stderr + "site"
    (daemon.folder / "workflows" / "other.json").unlink()
    daemon.start()
    accepted(post(daemon, b"{}", "/one"))
    made = daemon.api("PUT", "/workflows/made", {"steps": STEPS, "params": PARAMS,
                                                 "triggers": [{"plugin": "webhook", "with": {"path": "/one"}}]})
    assert made.status == 422 or made.status == 400, made.body
    assert b"path /one" in made.body


def test_what_was_answered_is_there_after_a_kill(daemon):
    hook(daemon, {"auth": "none", "path": "/one"}, steps=[{"id": "say", "sleep": "1h"}])
    ids = [accepted(post(daemon, json.dumps({"n": n}).encode(), "/one")) for n in range(20)]
    daemon.kill()
    daemon.start()
    assert {row["id"] for row in daemon.api("GET", "/activities?limit=100").json["activities"]} == set(ids)
