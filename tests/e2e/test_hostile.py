"""Hostile payloads against filters: the examples' own, and some that look harmless. Each costs its one emission; the daemon
neither stalls nor ends, and everything that was refused is recorded."""

import json
import re
import threading
import time

import pytest

from daemon import ROOT

NOTHING = [{"id": "nothing", "sleep": "0s"}]

# Harmless with what their authors had in mind.
HARMLESS = {
    "repeated": {"when": "(\"x\" * .body.n) | length > 0"},
    "counted": {"when": "[range(.body.n)] | length > 0"},
    "deep": {"when": "[.. | numbers] | length >= 0"},
    "flattened": {"params": {"p": ".body | flatten | tostring"}},
    "grown": {"dedup": "reduce range(.body.n) as $i (\"k\"; . + .)"},
    "matched": {"when": ".body.s | test(\"^(a+)+$\")"},
    "endless": {"when": "last(repeat(.body.n))"},
}

HOSTILE = {
    "a huge number": {"n": 1e9, "s": "x"},
    "a number out of range": {"n": 1e308, "s": ""},
    "a negative one": {"n": -1e9, "s": None},
    "text where a number should be": {"n": "1e9", "s": 7},
    "a deep list": {"n": 1, "s": json.loads("[" * 55 + "]" * 55)},
    "a long text": {"n": 1, "s": "a" * 200_000 + "!"},
    "many keys": {"n": 1, "s": {f"k{i}": [i] * 3 for i in range(5_000)}},
    "nothing": {},
    "nulls": {"n": None, "s": None, "ref": None, "head_commit": None},
}

ANSWERS = {200, 409, 422, 503}


def example_triggers():
    """Whatever filters the examples have, as triggers of the webhook plugin."""
    found = {}
    for path in sorted((ROOT / "examples" / "workflows").glob("*.json")):
        definition = json.loads(re.sub(r"^\s*//.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE))
        for number, trigger in enumerate(definition.get("triggers", [])):
            filters = {key: trigger[key] for key in ("when", "params", "dedup") if key in trigger}
            key = definition.get("concurrency", {}).get("key")
            if filters or key:
                found[f"{path.stem}-{number}"] = (filters, definition.get("params", {}), definition.get("concurrency"))
    return found


def define(daemon):
    for slug, filters in HARMLESS.items():
        daemon.workflow(slug, NOTHING, params={"p": {}}, triggers=[{"plugin": "webhook", **filters}])
    examples = example_triggers()
    for slug, (filters, params, concurrency) in examples.items():
        more = {"concurrency": concurrency} if concurrency else {}
        daemon.workflow(slug, NOTHING, params=params, triggers=[{"plugin": "webhook", **filters}], **more)
    daemon.workflow("quiet", NOTHING)
    return [*HARMLESS, *examples]


class Pulse(threading.Thread):
    """Somebody else, who wants nothing but an answer now and then."""

    def __init__(self, daemon, token):
        super().__init__()
        self.daemon, self.token = daemon, token
        self.worst, self.over = 0.0, threading.Event()

    def run(self):
        while not self.over.wait(0.05):
            begin = time.monotonic()
            self.daemon.fire(self.token)
            self.worst = max(self.worst, time.monotonic() - begin)


def test_the_examples_have_filters_to_be_attacked():
    assert example_triggers()


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_payload_costs_one_emission(daemon, kind):
    slugs = define(daemon)
    daemon.start()
    tokens = {slug: daemon.token(slug) for slug in slugs}
    pulse = Pulse(daemon, daemon.token("quiet"))
    pulse.start()
    answers = {slug: daemon.post(tokens[slug], **HOSTILE[kind]) for slug in slugs}
    pulse.over.set()
    pulse.join()
    assert {answer.status for answer in answers.values()} <= ANSWERS, kind
    # A filter has a second of its own at the most; the loop waits for none.
    assert pulse.worst < 20, "others had to wait for a filter"
    assert daemon.running
    refused = {slug for slug, answer in answers.items() if answer.status in (409, 422)}
    recorded = {each["workflow"] for each in daemon.api("GET", "/refusals?limit=1000").json["refusals"]}
    assert refused <= recorded
    assert daemon.post(tokens["deep"], n=1).status == 200


def test_a_program_that_never_ends_is_named_in_the_refusal(daemon):
    define(daemon)
    daemon.start()
    assert daemon.post(daemon.token("endless"), n=1).status == 409
    refusal = daemon.api("GET", "/refusals?workflow=endless").json["refusals"][0]
    assert refusal["reason"] == "filter"
    assert "too long" in refusal["sample"]
