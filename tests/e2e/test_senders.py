"""The libraries that senders themselves publish, against the verification of webhooks in both directions, and as clients of
a daemon. tests/run puts them into build/senders (tests/e2e/npm says which); the tests are skipped where they are not there."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ["TAPPET_BUILD"])
SENDERS = ROOT / "build" / "senders"
TOOL = BUILD / "tests" / "verify_webhook"


@pytest.fixture(scope="module", name="node")
def node_fixture():
    """Runs one of the scripts, beside the libraries, and gives its lines."""
    if not shutil.which("node"):
        pytest.skip("there is no node")
    if not (SENDERS / "node_modules").is_dir():
        pytest.skip(f"{SENDERS} is not there: tests/run e2e makes it")

    def run(script, text="", arguments=()):
        shutil.copy(ROOT / "tests" / "e2e" / "npm" / script, SENDERS / script)
        done = subprocess.run(["node", script, *arguments], cwd=SENDERS, input=text, text=True, capture_output=True, timeout=60,
                              check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def verify(lines, *options):
    done = subprocess.run([str(TOOL), *options], input="".join(line + "\n" for line in lines), text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def changed(line, key):
    """The line with one character of the body, or of the signature, replaced by another."""
    request = json.loads(line)
    if key == "body":
        request["body"] = request["body"].replace("e", "E", 1)
    else:
        name = next(name for name in request["headers"] if "signature" in name)
        value = request["headers"][name]
        request["headers"][name] = value[:30] + ("1" if value[30] != "1" else "2") + value[31:]
    return json.dumps(request)


def test_what_their_libraries_sign_passes(node):
    lines = node("sign.mjs")
    assert len(lines) == 12
    assert verify(lines) == ["ok"] * 12


@pytest.mark.parametrize("key", ["body", "signature"])
def test_what_was_changed_on_its_way_does_not_pass(node, key):
    lines = [changed(line, key) for line in node("sign.mjs")]
    assert verify(lines) == ["The signature does not match."] * 12


def test_their_libraries_accept_what_is_signed_here(node):
    signed = verify(node("sign.mjs"), "--sign")
    assert node("verify.mjs", "".join(line + "\n" for line in signed)) == ["ok"] * 12
    wrong = [changed(line, "body") for line in signed]
    answers = node("verify.mjs", "".join(line + "\n" for line in wrong))
    assert len(answers) == 12 and all(answer.startswith("refused") for answer in answers)


# ---- CloudEvents


ORDER = {"id": "1", "source": "/shop/eu", "type": "order.created", "subject": "order 7", "time": "2026-01-31T12:00:00.000Z",
         "dataschema": "https://schemas.example.org/order", "region": "eu", "data": {"total": 12.5, "by": "Zo\u00eb \u2713"}}
ATTRIBUTES = {"specversion": "1.0", **{name: value for name, value in ORDER.items() if name != "data"}}


@pytest.fixture(name="cloud")
def cloud_fixture(node, daemon):
    """A daemon that takes orders of the European shop, and a function that sends events to it in some mode."""
    trigger = {"plugin": "webhook", "with": {"auth": "none", "cloudEvents": True}, "params": {"payload": "tojson"},
               "when": '.event.type == "order.created" and .event.region == "eu" and (.event.source | startswith("/shop/"))'}
    daemon.workflow("orders", [{"id": "nothing", "sleep": "0s"}], params={"payload": {"default": ""}}, triggers=[trigger])
    daemon.start()

    def send(*requests):
        lines = "".join(json.dumps({"mode": mode, "events": events}) + "\n" for mode, *events in requests)
        return [json.loads(line) for line in
                node("cloudevents.mjs", lines, ["http://%s:%d/webhook/in/orders" % daemon.address])]

    send.payload = lambda activity: json.loads(daemon.detail(activity)["params"]["payload"])
    send.count = lambda: len(daemon.api("GET", "/activities").json["activities"])
    return send


@pytest.mark.parametrize("mode", ["binary", "structured", "batch"])
def test_events_of_their_library_arrive_with_attributes_and_data(cloud, mode):
    [answer] = cloud((mode, ORDER))
    payload = cloud.payload(answer["activities"][0] if mode == "batch" else answer["activityId"])
    event = payload["event"]
    assert event.pop("datacontenttype", "application/json").startswith("application/json")
    assert event == ATTRIBUTES
    assert payload["body"] == ORDER["data"]


def test_a_filter_reads_the_attributes_of_events_in_all_modes(cloud):
    elsewhere, other = {**ORDER, "id": "2", "region": "us"}, {**ORDER, "id": "3", "type": "order.paid"}
    refused = {"refused": "filter"}
    assert cloud(("binary", elsewhere), ("structured", elsewhere), ("binary", other)) == [refused] * 3
    [batch] = cloud(("batch", elsewhere, ORDER, other))
    assert batch["activities"][0] is None and batch["activities"][1] and batch["activities"][2] is None
    assert cloud.count() == 1


def test_an_event_is_known_by_source_and_id_in_whatever_mode_it_comes(cloud):
    binary, structured, batch = cloud(("binary", ORDER), ("structured", ORDER), ("batch", ORDER, ORDER))
    assert structured == binary and batch["activities"] == [binary["activityId"]] * 2
    assert cloud.count() == 1
    others = cloud(("structured", {**ORDER, "source": "/shop/nl"}), ("binary", {**ORDER, "id": "2"}))
    assert len({binary["activityId"], *(one["activityId"] for one in others)}) == 3


def test_bytes_in_an_event_arrive_as_base64(cloud):
    picture = {name: value for name, value in ORDER.items() if name != "data"}
    picture.update(datacontenttype="image/png", bytes="iVBORw0K/w==")
    [first] = cloud(("structured", picture))
    [second] = cloud(("binary", {**picture, "id": "2"}))
    for answer in (first, second):
        payload = cloud.payload(answer["activityId"])
        assert payload["event"]["datacontenttype"] == "image/png" and "data_base64" not in payload["event"]
        assert (payload["bodyType"], payload["encoding"], payload["body"]) == ("bytes", "base64", picture["bytes"])
