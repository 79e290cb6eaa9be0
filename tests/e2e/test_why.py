"""Why a workflow did or did not start, as the interface and the command line tell it."""

import os
import re

from daemon import wait_until

STEPS = [{"id": "say", "set": {"x": "1"}}]
FILTERED = [{"plugin": "webhook", "when": ".body.properties.go == \"yes\""}]


def why(daemon, slug, query=""):
    answer = daemon.api("GET", f"/workflows/{slug}/why{query}")
    assert answer.status == 200, answer.body
    return answer.json


def kinds(answer):
    return [one["kind"] for one in answer["timeline"]]


def test_starts_refusals_switches_and_revisions_are_one_timeline(daemon):
    daemon.workflow("w", STEPS, triggers=FILTERED, params={"go": {"type": "string"}})
    daemon.start()
    token = daemon.token("w")
    activity = daemon.fire(token, {"go": "yes"})
    daemon.wait_end(token, activity)
    daemon.cli("disable", "w/webhook")
    daemon.cli("enable", "w/webhook")
    daemon.cli("disable", "w")
    for _ in range(3):
        assert daemon.api("POST", "/workflows/w/run").type == "disabled"

    def counted():
        answer = why(daemon, "w")
        return answer if sum(one.get("count", 0) for one in answer["timeline"]) == 3 else None

    # Refusals are flushed within a second.
    answer = wait_until(counted, "the refusals")
    times = [one["time"] for one in answer["timeline"]]
    assert times == sorted(times, reverse=True)
    assert sorted(set(kinds(answer))) == ["accepted", "disabled", "enabled", "refused", "revision"]
    by_kind = {one["kind"]: one for one in reversed(answer["timeline"])}
    accepted = by_kind["accepted"]
    assert accepted["activityId"] == activity and accepted["status"] == "completed"
    assert accepted["triggerId"] == "webhook" and isinstance(accepted["cause"], dict)
    assert by_kind["refused"]["reason"] == "disabled" and by_kind["refused"]["triggerId"] == "manual"
    assert by_kind["revision"]["by"] == "folder" and by_kind["revision"]["number"] == 1
    assert [one.get("triggerId") for one in answer["timeline"] if one["kind"] == "disabled"] == [None, "webhook"]
    assert answer["now"]["enabled"] is False and answer["now"]["revision"] == 1
    daemon.restart()
    assert kinds(why(daemon, "w")) == kinds(answer)


def test_what_a_filter_refused_says_so(daemon):
    daemon.workflow("w", STEPS, triggers=FILTERED, params={"go": {"type": "string"}})
    daemon.start()
    assert daemon.post(daemon.token("w"), {"go": "no"}).status == 409
    refused = wait_until(lambda: [one for one in why(daemon, "w")["timeline"] if one["kind"] == "refused"],
                         "the refusal")
    assert refused[0]["reason"] == "filter" and refused[0]["count"] == 1


def test_a_call_to_what_is_switched_off_is_told_of_its_workflow(daemon):
    daemon.workflow("w", STEPS)
    daemon.start()
    token = daemon.token("w")
    daemon.cli("disable", "w/webhook")
    assert daemon.post(token).status == 409
    refused = wait_until(lambda: [one for one in why(daemon, "w")["timeline"] if one["kind"] == "refused"],
                         "the refusal")
    assert refused[0]["reason"] == "disabled" and refused[0]["count"] == 1


def test_only_the_window_is_told_and_no_more_than_asked_for(daemon):
    daemon.workflow("w", STEPS)
    daemon.start()
    for _ in range(4):
        daemon.cli("run", "w")
    assert kinds(why(daemon, "w", "?at=2h")) == []
    assert len(why(daemon, "w", "?window=1h")["timeline"]) == 5
    around = why(daemon, "w", "?at=0s&window=1m")
    assert len(around["timeline"]) == 5 and not around["more"]
    limited = why(daemon, "w", "?limit=2")
    assert kinds(limited) == ["accepted", "accepted"] and limited["more"]
    at = why(daemon, "w")["timeline"][-1]["time"]
    assert "revision" in kinds(why(daemon, "w", f"?at={at}&window=1ms"))
    for wrong in ("at=x", "window=0s", "window=9999d", "limit=501", "x=1"):
        assert daemon.api("GET", f"/workflows/w/why?{wrong}").status == 400, wrong


def test_removal_and_return_are_told(daemon):
    daemon.start()
    path = "/workflows/made"
    daemon.api("PUT", path, {"steps": STEPS})
    daemon.api("DELETE", path)
    daemon.api("PUT", path, {"steps": STEPS})
    answer = why(daemon, "made")
    assert kinds(answer) == ["returned", "removed", "revision"]
    assert {one["by"] for one in answer["timeline"]} == {f"api (control, uid {os.getuid()})"}


def test_the_command_line_tells_it_in_sentences_in_order_of_time(daemon):
    daemon.workflow("w", STEPS)
    daemon.start()
    activity = daemon.cli("run", "w").stdout.strip()
    wait_until(lambda: daemon.detail(activity)["status"] == "completed", "the end")
    daemon.cli("disable", "w/webhook")
    lines = [re.sub(r"^\S+ \S+  ", "", line) for line in daemon.cli("why", "w").stdout.splitlines()]
    assert lines == ["revision 1 made by folder", f"started by manual of admin: activity {activity}, completed",
                     "webhook switched off", "now                  the workflow is enabled, at revision 1",
                     "now                  webhook (webhook) is switched off"]
    assert "nothing happened" in daemon.cli("why", "w", "--at", "2020-01-31 09:00").stdout
    assert daemon.cli_json("why", "w", "--window", "1h")["workflow"] == "w"
    assert daemon.cli("why", "nobody", check=False).returncode == 4
