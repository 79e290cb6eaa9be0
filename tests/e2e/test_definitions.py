"""Definitions: loaded at start, reloaded as a whole or not at all."""

import json
import signal

from daemon import wait_until

STEPS = [{"id": "nothing", "sleep": "0s"}]


def slugs(daemon):
    return {workflow["slug"] for workflow in daemon.cli_json("workflows")["workflows"] if not workflow["removed"]}


def definitions_health(daemon):
    parts = daemon.request("GET", "/healthz").json["parts"]
    return next(part for part in parts if part["part"] == "definitions")


def test_sighup_takes_up_new_and_changed_files(daemon):
    daemon.workflow("one", STEPS)
    daemon.start()
    token = daemon.token("one")
    before = daemon.wait_end(token, daemon.fire(token))
    daemon.workflow("one", [{"id": "other", "name": "Other", "sleep": "0s"}])
    daemon.workflow("two", STEPS)
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: slugs(daemon) == {"one", "two"}, "the new workflow")
    after = daemon.wait_end(token, daemon.fire(token))
    assert after["workflowId"] == before["workflowId"]
    assert after["workflowRevisionid"] != before["workflowRevisionid"]
    assert after["steps"][0]["taskName"] == "Other"


def test_one_broken_file_refuses_the_whole_reload(daemon):
    daemon.workflow("one", STEPS)
    daemon.start()
    daemon.workflow("two", STEPS)
    broken = daemon.workflow("three", STEPS)
    broken.write_text('{"steps": [{"id": "x", "sleep": "0s", "colour": "red"}]}')
    daemon.signal(signal.SIGHUP)
    daemon.wait_log("reload refused, nothing changed")
    line = daemon.wait_log("mistake in a definition")
    assert line["file"].endswith("three.json") and "colour" in line["what"]
    assert slugs(daemon) == {"one"}
    assert definitions_health(daemon)["state"] == "degraded"
    refused = daemon.cli("reload", check=False)
    assert refused.returncode != 0 and "colour" in refused.stdout + refused.stderr
    broken.unlink()
    daemon.cli("reload")
    assert slugs(daemon) == {"one", "two"}
    assert definitions_health(daemon)["state"] == "ok"


def test_a_file_broken_at_start_is_set_aside_and_health_says_so(daemon):
    daemon.workflow("good", STEPS)
    daemon.workflow("bad", STEPS).write_text("{ nonsense")
    daemon.start()
    assert slugs(daemon) == {"good"}
    health = daemon.request("GET", "/healthz")
    assert definitions_health(daemon)["state"] == "degraded" and health.json["status"] == "degraded"
    assert daemon.post(daemon.token("good")).status == 200
    daemon.workflow("bad", STEPS)
    daemon.cli("reload")
    assert slugs(daemon) == {"good", "bad"}
    wait_until(lambda: daemon.request("GET", "/healthz").json["status"] == "ok", "health to be well again")


def test_a_file_broken_while_stopped_keeps_its_last_good_revision(daemon):
    path = daemon.workflow("one", STEPS)
    daemon.start()
    token = daemon.token("one")
    before = daemon.wait_end(token, daemon.fire(token))
    daemon.stop()
    path.write_text("{ nonsense")
    daemon.start()
    after = daemon.wait_end(token, daemon.fire(token))
    assert after["workflowRevisionid"] == before["workflowRevisionid"]


def test_a_removed_file_disables_its_workflow_and_keeps_its_history(daemon):
    path = daemon.workflow("one", STEPS)
    daemon.start()
    token = daemon.token("one")
    activity = daemon.fire(token)
    daemon.wait_end(token, activity)
    path.unlink()
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: slugs(daemon) == set(), "the workflow to be gone")
    assert daemon.post(token).status in (403, 409)
    assert daemon.detail(activity)["status"] == "completed"


def test_comments_and_white_space_make_no_revision(daemon):
    path = daemon.workflow("one", STEPS)
    daemon.start()
    token = daemon.token("one")
    before = daemon.wait_end(token, daemon.fire(token))["workflowRevisionid"]
    definition = json.loads(path.read_text())
    path.write_text("// a comment\n" + json.dumps(dict(reversed(definition.items())), indent=4))
    daemon.cli("reload")
    assert daemon.wait_end(token, daemon.fire(token))["workflowRevisionid"] == before


def test_check_finds_all_mistakes_with_their_places(daemon):
    daemon.workflow("one", STEPS).write_text('{\n  "steps": [\n    {"id": "a", "sleep": "1 fortnight"},\n'
                                             '    {"id": "b", "needs": ["nobody"], "run": ["true"]}\n  ]\n}\n')
    daemon.workflow("two", STEPS, triggers=[{"plugin": "webhook", "with": {"colour": "red"}}])
    done = daemon.cli("check", check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 1
    assert "one.json:3:" in output and "one.json:4:" in output and "nobody" in output
    assert "two.json:" in output and "colour" in output


def test_a_mistake_in_the_configuration_keeps_the_daemon_from_starting(daemon):
    daemon.configure(colour="red")
    daemon.start(wait=None)
    assert daemon.wait_exit() != 0
    assert "colour" in daemon.log_text()


def test_a_second_daemon_on_the_same_store_is_refused(daemon, make_daemon):
    daemon.workflow("one", STEPS)
    daemon.start()
    second = make_daemon()
    second.configure(store=f"sqlite:{daemon.folder}/tappet.db", control={"path": str(second.folder / "tappet.sock")})
    second.start(wait=None)
    assert second.wait_exit() != 0
    assert "another daemon uses this store" in second.log_text()
    assert daemon.post(daemon.token("one")).status == 200
