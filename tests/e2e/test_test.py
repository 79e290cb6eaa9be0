"""`tappet test`: what a workflow would make of an event."""

import json

TRIGGERS = [
    {"id": "push", "plugin": "webhook", "when": ".body.ref | startswith(\"refs/heads/\")",
     "params": {"branch": ".body.ref | sub(\"refs/heads/\"; \"\")"}, "dedup": ".body.id"},
    {"id": "tag", "plugin": "webhook", "when": ".body.ref | startswith(\"refs/tags/\")"},
]
STEPS = [
    {"id": "build", "run": ["make", "BRANCH=$(params.branch)", "KEY=$(params.key)"], "env": {"T": {"env": "NO_SUCH"}}},
    {"id": "tell", "http": {"url": "http://127.0.0.1/$(activity.id)", "body": {"out": "$(steps.build.outputs.x)"}}},
]
PARAMS = {"branch": {"default": "main"}, "key": {"type": "secret"}}


def make(daemon):
    daemon.workflow("deploy", STEPS, triggers=TRIGGERS, params=PARAMS, concurrency={"key": ".params.branch"})
    event = daemon.folder / "event.json"
    event.write_text(json.dumps({"body": {"ref": "refs/heads/next", "id": 17}}) + "\n", encoding="utf-8")
    return str(event)


def test_it_shows_the_trigger_that_matches_and_every_final_argument(daemon):
    event = make(daemon)
    result = daemon.cli_json("test", "deploy", "-e", event, "-p", "key=hunter22")
    push, tag = result["triggers"]
    assert push == {"id": "push", "plugin": "webhook", "matches": True, "dedup": "17", "lane": "next", "limit": 1,
                    "params": {"branch": "next", "key": "***"}}
    assert (tag["matches"], tag["reason"]) == (False, "filter")
    build, tell = result["steps"]
    assert build["run"] == ["make", "BRANCH=next", "KEY=***"]
    assert build["env"] == {"T": "***"}
    assert tell["http"]["url"] == "http://127.0.0.1/$(activity.id)"
    assert tell["http"]["body"] == {"out": "$(steps.build.outputs.x)"}


def test_people_read_why_a_trigger_does_not_match(daemon):
    make(daemon)
    done = daemon.cli("test", "deploy", check=False)
    assert done.returncode == 5
    assert "push (webhook): does not match" in done.stdout
    assert "refused  filter: when: " in done.stdout
    assert "steps" not in done.stdout


def test_a_run_by_hand_asks_no_filter(daemon):
    make(daemon)
    result = daemon.cli_json("test", "deploy", "-t", "manual", "-p", "branch=x")
    assert [trigger["id"] for trigger in result["triggers"]] == ["manual"]
    assert result["steps"][0]["run"][1] == "BRANCH=x"


def test_nothing_is_run_and_no_store_is_made(daemon):
    event = make(daemon)
    daemon.cli("test", "deploy", "-e", event)
    assert not (daemon.folder / "tappet.db").exists()


def test_mistakes_name_what_is_wrong(daemon):
    event = make(daemon)
    assert daemon.cli("test", "nope", check=False).returncode == 4
    assert 'has no trigger "x"' in daemon.cli("test", "deploy", "-t", "x", check=False).stderr
    assert "-e" in daemon.cli("help", "test").stdout
    (daemon.folder / "event.json").write_text("{oops", encoding="utf-8")
    assert "not JSON: expected a key in double quotes (byte 1)" in daemon.cli("test", "deploy", "-e", event, check=False).stderr


def test_who_forgets_the_event_is_told_so(daemon):
    make(daemon)
    assert "--event" in daemon.cli("test", "deploy", check=False).stderr
    assert "--event" not in daemon.cli("test", "deploy", "-e", "event.json", check=False).stderr
