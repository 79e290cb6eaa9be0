"""What people and programs say to what waits: approvals, actions, and starting something once more."""

import os

from daemon import FINAL, wait_until

API = "/api/v1"
ME = f"api (control, uid {os.getuid()})"
ASK = {"id": "ask", "approve": "Ship $(params.what)?"}
PARAMS = {"what": {"type": "string", "default": "it"}}


def run(daemon, slug, **params):
    answer = daemon.api("POST", f"/workflows/{slug}/run", {"params": params})
    assert answer.status == 200, answer.body
    return answer.json["activityId"]


def wait_for(daemon, activity, *statuses):
    def there():
        detail = daemon.detail(activity)
        return detail if detail["status"] in statuses else None

    return wait_until(there, f"{activity} to be {' or '.join(statuses)}")


def decide(daemon, activity, verb, body=None, step="ask"):
    return daemon.api("POST", f"/activities/{activity}/steps/{step}/{verb}", body)


def test_who_approves_lets_the_activity_go_on(daemon):
    daemon.workflow("ship", [ASK, {"id": "note", "set": {"who": "$(steps.ask.outputs.by)",
                                                            "why": "$(steps.ask.outputs.comment)"}}], params=PARAMS)
    daemon.start()
    activity = run(daemon, "ship", what="the site")
    waiting = wait_for(daemon, activity, "waiting")
    assert waiting["steps"][0]["waitsFor"] == {"approval": "Ship the site?"}
    answer = decide(daemon, activity, "approve", {"by": "Ann", "comment": "go on"})
    assert answer.status == 200 and answer.json == {"activityId": activity, "step": "ask"}
    ended = wait_for(daemon, activity, *FINAL)
    assert ended["status"] == "completed" and ended["steps"][1]["outputs"] == {"who": "Ann", "why": "go on"}
    assert decide(daemon, activity, "approve").type == "answered"


def test_who_rejects_fails_the_step_and_is_named(daemon):
    daemon.workflow("ship", [ASK], params=PARAMS)
    daemon.start()
    activity = run(daemon, "ship")
    wait_for(daemon, activity, "waiting")
    assert decide(daemon, activity, "approve", step="nobody").status == 404
    assert decide(daemon, "0" * 24, "approve").status == 404
    assert decide(daemon, activity, "reject", {"colour": "red"}).status == 422
    assert decide(daemon, activity, "reject").status == 200
    ended = wait_for(daemon, activity, *FINAL)
    assert ended["status"] == "failure" and f"rejected by {ME}" in ended["steps"][0]["message"]


def test_a_question_is_not_answered_before_it_is_asked(daemon):
    daemon.workflow("ship", [{"id": "rest", "sleep": "1h"}, {"id": "ask", "approve": True}])
    daemon.start()
    activity = run(daemon, "ship")
    wait_for(daemon, activity, "waiting")
    assert decide(daemon, activity, "approve").type == "not-waiting"


def test_an_action_releases_what_waits_for_it(daemon):
    daemon.workflow("order", [{"id": "paid", "wait": {"topic": "order.$(params.what).paid",
                                                      "outputs": {"amount": ".data.amount"}}}], params=PARAMS)
    daemon.start()
    activity = run(daemon, "order", what="o7")
    wait_for(daemon, activity, "waiting")
    first = daemon.api("POST", "/actions/order.o8.paid", {"amount": 1}).json
    assert first["released"] == 0
    second = daemon.api("POST", "/actions/order.o7.paid", {"amount": 12})
    assert second.status == 200 and second.json == {"seq": first["seq"] + 1, "released": 1}
    ended = wait_for(daemon, activity, *FINAL)
    assert ended["status"] == "completed" and ended["steps"][0]["outputs"] == {"amount": "12"}
    assert daemon.api("POST", "/actions/order.*", {}).status == 422
    assert daemon.api("POST", "/actions/order", "{").type == "invalid-json"
    assert daemon.api("POST", "/actions/order", "[1]").status == 200


def test_a_replay_has_the_same_parameters_on_its_own_revision_or_the_latest(daemon):
    def define(name):
        daemon.workflow("w", [{"id": "say", "name": name, "set": {"what": "$(params.what)"}}], params=PARAMS)

    define("Old")
    daemon.start()
    activity = run(daemon, "w", what="this")
    before = wait_for(daemon, activity, *FINAL)
    define("New")
    daemon.cli("reload")
    same = daemon.api("POST", f"/activities/{activity}/replay")
    again = wait_for(daemon, same.json["activityId"], *FINAL)
    assert again["revisionId"] == before["revisionId"] and again["steps"][0]["outputs"] == {"what": "this"}
    assert again["trigger"] == "replay" and again["cause"] == {"of": activity, "by": ME}
    latest = daemon.api("POST", f"/activities/{activity}/replay", {"revision": "latest"}).json["activityId"]
    assert wait_for(daemon, latest, *FINAL)["steps"][0]["name"] == "New"
    assert daemon.api("POST", f"/activities/{activity}/replay", {"revision": "first"}).status == 422
    assert daemon.api("POST", f"/activities/{'0' * 24}/replay").status == 404
    daemon.cli("disable", "w")
    assert daemon.api("POST", f"/activities/{activity}/replay").type == "disabled"


def test_the_same_key_starts_it_once(daemon):
    daemon.workflow("w", [{"id": "say", "set": {"what": "$(params.what)"}}], params=PARAMS)
    daemon.start()

    def once(key, what):
        return daemon.request("POST", API + "/workflows/w/run", {"params": {"what": what}}, {"Idempotency-Key": key},
                              control=True)

    first = once("k1", "a")
    assert "duplicate" not in first.json
    assert once("k1", "a").json == {"activityId": first.json["activityId"], "duplicate": True}
    daemon.restart()
    assert once("k1", "a").json["duplicate"]
    assert once("k1", "b").type == "conflict"
    assert once("k2", "a").json["activityId"] != first.json["activityId"]
    assert once("k" * 249, "a").type == "invalid-value" and once("k" * 248, "a").status == 200


def test_the_command_line_shows_what_is_asked_and_answers_it(daemon):
    daemon.workflow("ship", [ASK, {"id": "note", "set": {"who": "$(steps.ask.outputs.by)"}}], params=PARAMS)
    daemon.start()
    activity = run(daemon, "ship", what="the site")
    wait_for(daemon, activity, "waiting")
    shown = daemon.cli("status", activity).stdout
    assert "Ship the site?" in shown and f"tappet approve {activity} ask" in shown
    assert daemon.cli("approve", activity, "nobody", check=False).returncode == 4
    assert daemon.cli("approve", activity, "ask", "--by", "Ann").stdout == "approved\n"
    assert daemon.cli("approve", activity, "ask", check=False).returncode == 5
    assert wait_for(daemon, activity, *FINAL)["steps"][1]["outputs"] == {"who": "Ann"}
    again = daemon.cli_json("replay", activity)["activityId"]
    wait_for(daemon, again, "waiting")
    assert daemon.cli_json("approve", again, "ask", "--reject", "--comment", "no")["step"] == "ask"
    assert wait_for(daemon, again, *FINAL)["status"] == "failure"


def test_the_command_line_emits_and_replays_with_the_outcome(daemon):
    daemon.workflow("order", [{"id": "paid", "wait": {"topic": "paid", "outputs": {"amount": ".data.amount"}}}])
    daemon.start()
    activity = run(daemon, "order")
    wait_for(daemon, activity, "waiting")
    assert "waits for an action paid" in daemon.cli("status", activity).stdout
    (daemon.folder / "data.json").write_text('{"amount": 3}\n')
    assert daemon.cli_json("emit", "paid", "@data.json")["released"] == 1
    wait_for(daemon, activity, *FINAL)
    assert daemon.cli("emit", "paid", "{", check=False).returncode == 2
    assert daemon.cli("emit", "no topic", check=False).returncode == 5
    daemon.workflow("quick", [{"id": "fail", "run": ["false"]}])
    daemon.cli("reload")
    failed = run(daemon, "quick")
    assert daemon.cli("replay", failed, "--follow", check=False).returncode == 1
    assert daemon.cli("replay", "0" * 24, check=False).returncode == 4
