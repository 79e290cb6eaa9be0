"""`tappet import`: what adnanh/webhook and the imported workflows make of the same requests."""

import hashlib
import hmac
import http.client
import json
import shutil
import socket
import subprocess

import pytest
from daemon import wait_until

HOOKS = [
    {"id": "deploy", "execute-command": "/bin/echo", "response-message": "taken", "success-http-response-code": 201,
     "include-command-output-in-response": True,
     "pass-arguments-to-command": [{"source": "payload", "name": "head.id"}, {"source": "payload", "name": "commits.1.by"},
                                   {"source": "string", "name": "$(x)"}, {"source": "header", "name": "X-Event"},
                                   {"source": "url", "name": "q"}],
     "trigger-rule": {"and": [
         {"match": {"type": "payload-hmac-sha256", "secret": "s3cret", "parameter": {"source": "header", "name": "X-Sign"}}},
         {"or": [{"match": {"type": "value", "value": "main", "parameter": {"source": "payload", "name": "ref"}}},
                 {"not": {"match": {"type": "regex", "regex": "^feature-[0-9]+$",
                                    "parameter": {"source": "payload", "name": "ref"}}}}]}]}},
    {"id": "plain", "execute-command": "/bin/true", "response-message": "thanks",
     "response-headers": [{"name": "X-A", "value": "b"}], "http-methods": ["POST"]},
    {"id": "env", "execute-command": "/usr/bin/env", "include-command-output-in-response": True,
     "pass-environment-to-command": [{"envname": "WHO", "source": "payload", "name": "who"}]},
]
BODY = {"ref": "main", "head": {"id": 7}, "commits": [{}, {"by": "a b"}]}


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def ask(address, path, body, headers, method="POST"):
    connection = http.client.HTTPConnection(*address, timeout=30)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    result = answer.status, answer.read(), dict(answer.getheaders())
    connection.close()
    return result


@pytest.fixture
def original(tmp_path):
    """The program itself, with these hooks."""
    program = shutil.which("webhook")
    assert program, "the package webhook"
    port = free_port()
    (tmp_path / "hooks.json").write_text(json.dumps(HOOKS), encoding="utf-8")
    process = subprocess.Popen([program, "-hooks", tmp_path / "hooks.json", "-ip", "127.0.0.1", "-port", str(port)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def up():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(up, "the original")
    yield "127.0.0.1", port
    process.terminate()
    process.wait(30)


def test_the_same_requests_get_the_same_answers(daemon, original):
    (daemon.folder / "hooks.json").write_text(json.dumps(HOOKS), encoding="utf-8")
    told = daemon.cli("import", "hooks.json")
    assert "workflows made: 3" in told.stdout and told.stderr == "", told.stderr
    daemon.cli("check")
    daemon.start()
    json_type = {"Content-Type": "application/json"}

    def both(path, body, headers=None, method="POST"):
        text = json.dumps(body).encode()
        more = {**json_type, **(headers or {})}
        return ask(original, path, text, more, method), ask(daemon.address, path, text, more, method)

    def signed(body, secret=b"s3cret"):
        return {"X-Sign": hmac.new(secret, json.dumps(body).encode(), hashlib.sha256).hexdigest(), "X-Event": "push"}

    for body in (BODY, {**BODY, "ref": "other"}, {**BODY, "head": {}}, {**BODY, "commits": []}):
        there, here = both("/hooks/deploy?q=1%202", body, signed(body))
        assert there[0] == here[0] == 201, (there, here)
        assert there[1].rstrip() == here[1].rstrip(), (there, here)
    # Not wanted: there it is said with 200, here as well.
    there, here = both("/hooks/deploy", {**BODY, "ref": "feature-7"}, signed({**BODY, "ref": "feature-7"}))
    assert there[0] == here[0] == 200 and b"not satisfied" in there[1] and json.loads(here[1]) == {"refused": "filter"}
    # A wrong signature never starts anything.
    there, here = both("/hooks/deploy", BODY, signed(BODY, b"other"))
    assert there[0] >= 400 or b"not satisfied" in there[1]
    assert here[0] == 401
    there, here = both("/hooks/plain", {})
    assert (there[0], there[1], there[2]["X-A"]) == (here[0], here[1], here[2]["X-A"]) == (200, b"thanks", "b")
    there, here = both("/hooks/plain", {}, method="PUT")
    assert there[0] == here[0] == 405
    there, here = both("/hooks/env", {"who": "Ada L"})
    assert b"WHO=Ada L\n" in there[1] and b"WHO=Ada L" in here[1]
    there, here = both("/hooks/nothing", {})
    assert there[0] == here[0] == 404
    started = daemon.api("GET", "/activities?limit=100").json["activities"]
    assert len(started) == 6, started


def test_of_an_id_that_no_path_can_have_the_path_is_said_to_be_lost(daemon):
    (daemon.folder / "odd.json").write_text(json.dumps([{"id": "My Hook!", "execute-command": "/bin/true"}]), encoding="utf-8")
    told = daemon.cli("import", "odd.json")
    assert "it answers at /webhook/in/my-hook only" in told.stdout + told.stderr, told
    written = json.loads((daemon.folder / "workflows" / "my-hook.json").read_text(encoding="utf-8"))
    assert "path" not in written["triggers"][0]["with"]
    daemon.cli("check")
