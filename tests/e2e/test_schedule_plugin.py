"""The schedule plugin over the wire: schedules of definitions, and those that are made by API or command line."""

import concurrent.futures
import contextlib
import datetime
import http.server
import json
import os
import pty
import subprocess
import threading
import time

import pytest
from daemon import DEADLINE, TAPPET, wait_until

API = "/plugins/schedule"
STEPS = [{"id": "say", "set": {"x": "$(params.n)"}}]
HOURLY = {"id": "hourly", "plugin": "schedule", "with": {"cron": "0 * * * *", "name": "Every hour"}}
FAR = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=3)).strftime("%Y-%m-%dT%H:00:00Z")


def seconds(text):
    """Whole ones: an interval begins at some millisecond."""
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def begin(daemon, *triggers, with_=None, **more):
    """A daemon with the workflow `job`; without triggers it has one that the tests do not live to see."""
    daemon.configure(plugins={"webhook": {}, "schedule": {"with": with_ or {}}})
    daemon.workflow("job", STEPS, params={"n": {"default": "0"}}, triggers=list(triggers) or [HOURLY], **more)
    return daemon.start()


def call(daemon, method, path, body=None, status=200):
    answer = daemon.api(method, API + path, body)
    assert answer.status == status, (method, path, answer.status, answer.body)
    return answer.json if answer.body else None


def make(daemon, **options):
    return call(daemon, "POST", "/schedules", {"workflow": "job", **options}, 201)


def why(daemon, **match):
    """What is known of the starts of `job`, the oldest first, as far as it matches."""
    page = daemon.api("GET", "/workflows/job/why?window=1h&limit=500").json
    assert not page.get("more"), "more than one page"
    return [i for i in reversed(page["timeline"]) if all(i.get(key) == value for key, value in match.items())]


def fires(daemon, trigger=None):
    """The causes of what was started by a schedule, in the order of their instants."""
    found = [i["cause"] for i in why(daemon, kind="accepted", trigger="schedule")
             if trigger is None or i["triggerId"] == trigger]
    return sorted(found, key=lambda cause: seconds(cause["scheduledAt"]))


def instants(daemon, trigger=None):
    return [seconds(cause["scheduledAt"]) for cause in fires(daemon, trigger)]


def accounts(daemon, outcome, trigger=None):
    return [i for i in why(daemon, kind="account", outcome=outcome) if trigger is None or i["triggerId"] == trigger]


def wait_fires(daemon, count, trigger=None):
    return wait_until(lambda: len(fires(daemon, trigger)) >= count and fires(daemon, trigger), f"{count} fires")


# ---- Definitions


def test_a_trigger_fires_at_every_instant_once(daemon):
    begin(daemon, {"id": "tick", "plugin": "schedule", "with": {"every": "1s", "params": {"n": "7"}}})
    wait_fires(daemon, 3)
    daemon.cli("disable", "job")
    found = instants(daemon, "tick")
    assert found == [found[0] + i for i in range(len(found))]
    activity = next(i["activityId"] for i in why(daemon, kind="accepted", triggerId="tick"))
    detail = wait_until(lambda: (lambda d: d if d["status"] == "completed" else None)(daemon.detail(activity)), "its end")
    assert detail["trigger"] == "schedule" and detail["params"]["n"] == "7"
    assert detail["steps"][0]["outputs"] == {"x": "7"}


def test_schedules_of_definitions_are_shown_and_not_changed(daemon):
    begin(daemon)
    found = call(daemon, "GET", "/schedules/job%2Fhourly")
    assert found["source"] == "definition" and found["trigger"] == "hourly" and found["name"] == "Every hour"
    assert found["status"] == "active" and seconds(found["next"]) % 3600 == 0
    for method, body in (("PATCH", {"name": "x"}), ("PUT", {"every": "1h"}), ("DELETE", None)):
        assert daemon.api(method, API + "/schedules/job%2Fhourly", body).type == "from-definition"
    call(daemon, "GET", "/schedules/job%2Fnone", status=404)


@pytest.mark.parametrize("options, words", [
    ({"cron": "0 25 * * *"}, "hour, character 3"),
    ({"every": "0s"}, "every"),
    ({"every": "1h", "cron": "@daily"}, "expected one of"),
    ({}, "expected one of"),
    ({"cron": "@daily", "timezone": "Mars/Base"}, "Mars/Base"),
    ({"cron": "@daily", "colour": "red"}, "colour"),
    ({"at": "2001-01-01T00:00:00Z"}, "past"),
    ({"cron": "@daily", "end": "2001-01-01T00:00:00Z"}, "past"),
])
def test_what_makes_no_sense_is_refused_and_says_why(daemon, options, words):
    begin(daemon)
    answer = daemon.api("POST", API + "/schedules", {"workflow": "job", **options})
    assert (answer.status, answer.type) == (422, "invalid-schedule")
    assert words in answer.json["detail"]
    assert len(call(daemon, "GET", "/schedules")["schedules"]) == 1


# ---- By API


def test_a_schedule_made_by_api_fires_and_is_there_after_a_restart(daemon):
    begin(daemon)
    made = make(daemon, every="1s", params={"n": "5"}, name="Tick", labels={"team": "web"})
    wait_fires(daemon, 2, made["id"])
    call(daemon, "POST", f"/schedules/{made['id']}/pause")
    before = instants(daemon, made["id"])
    daemon.restart()
    kept = wait_until(lambda: (lambda a: a.json if a.status == 200 else None)(
        daemon.api("GET", f"{API}/schedules/{made['id']}")), "the schedule")
    assert kept["status"] == "paused" and kept["pausedBy"] == "people" and kept["name"] == "Tick"
    assert kept["options"] == {"every": "1s", "params": {"n": "5"}, "name": "Tick", "labels": {"team": "web"}}
    assert kept["createdAt"] == made["createdAt"]
    assert instants(daemon, made["id"]) == before
    call(daemon, "POST", f"/schedules/{made['id']}/resume")
    wait_fires(daemon, len(before) + 2, made["id"])
    after = instants(daemon, made["id"])
    assert after[:len(before)] == before and len(set(after)) == len(after)
    assert {(at - before[0]) % 1 for at in after} == {0}, "another beat"


def test_a_schedule_is_changed_and_deleted(daemon):
    begin(daemon)
    path = "/schedules/" + make(daemon, cron="0 9 * * *", timezone="Asia/Tokyo", labels={"a": "b"})["id"]
    found = call(daemon, "PATCH", path, {"cron": "30 9 * * *", "name": "Half past", "labels": None})
    assert found["options"] == {"cron": "30 9 * * *", "timezone": "Asia/Tokyo", "name": "Half past"}
    assert found["next"].endswith("09:30:00+09:00")
    found = call(daemon, "PUT", path, {"workflow": "job", "at": [FAR]})
    assert found["options"] == {"at": [FAR]} and seconds(found["next"]) == seconds(FAR)
    assert daemon.api("PUT", API + path, {"at": "2001-01-01T00:00:00Z"}).status == 422
    assert call(daemon, "GET", path)["options"] == {"at": [FAR]}
    call(daemon, "DELETE", path, status=204)
    call(daemon, "GET", path, status=404)
    call(daemon, "DELETE", path, status=404)
    daemon.restart()
    call(daemon, "GET", path, status=404)


def test_a_list_is_made_as_a_whole_or_not_at_all(daemon):
    begin(daemon)
    wrong = [{"workflow": "job", "every": "1h"}, {"workflow": "job", "every": "never"}]
    answer = daemon.api("POST", API + "/schedules", wrong)
    assert answer.status == 422 and "schedule" in answer.json["detail"]
    assert len(call(daemon, "GET", "/schedules")["schedules"]) == 1
    made = []
    for number in range(4):
        answer = call(daemon, "POST", "/schedules", [{"workflow": "job", "every": f"{i + 1}h"} for i in range(250)], 201)
        assert len(answer["schedules"]) == 250, number
        made += [s["id"] for s in answer["schedules"]]
    assert daemon.api("POST", API + "/schedules", [{"workflow": "job", "every": "1h"}] * 251).type == "too-many"
    daemon.restart()
    found, query = [], "?limit=300"
    while query:
        page = call(daemon, "GET", "/schedules" + query)
        found += [s["id"] for s in page["schedules"]]
        query = f"?limit=300&after={page['next']}" if "next" in page else None
    assert found == ["job/hourly"] + sorted(made)


def test_many_make_and_delete_at_once(daemon):
    """What is answered is there, also after a crash, and what was deleted is not."""
    begin(daemon)

    def work(number):
        name = make(daemon, every="1h", name=f"n{number}")["id"]
        if number % 2:
            call(daemon, "DELETE", f"/schedules/{name}", status=204)
            return None
        return name

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        names = {name for name in pool.map(work, range(100)) if name}
    daemon.kill()
    daemon.start()

    def listed():
        return {s["id"] for s in call(daemon, "GET", "/schedules?limit=500")["schedules"] if s["source"] == "api"}

    wait_until(lambda: listed() == names, "the fifty that are left")


def test_lists_are_narrowed(daemon):
    daemon.workflow("other", STEPS, params={"n": {"default": "0"}}, triggers=[HOURLY])
    begin(daemon)
    web = make(daemon, every="1h", labels={"team": "web"})["id"]
    paused = make(daemon, every="1h", labels={"team": "db"}, paused=True)["id"]

    def listed(query):
        return {s["id"] for s in call(daemon, "GET", "/schedules" + query)["schedules"]}

    assert listed("") == {"job/hourly", "other/hourly", web, paused}
    assert listed("?workflow=other") == {"other/hourly"}
    assert listed("?label=team") == {web, paused} and listed("?label=team%3Dweb") == {web}
    assert listed("?status=paused") == {paused}
    for query in ("?status=well", "?limit=0", "?after=x"):
        call(daemon, "GET", "/schedules" + query, status=400)


# ---- What people do


def test_what_falls_into_a_pause_does_not_fire_and_is_accounted_for(daemon):
    begin(daemon)
    name = make(daemon, every="1s")["id"]
    wait_fires(daemon, 1, name)
    paused = call(daemon, "POST", f"/schedules/{name}/pause")
    since = seconds(paused["pausedSince"])
    assert daemon.api("POST", f"{API}/schedules/{name}/pause").type == "state"
    wait_until(lambda: time.time() > since + 3, "three seconds of pause")
    call(daemon, "POST", f"/schedules/{name}/resume")
    resumed = time.time()
    wait_until(lambda: instants(daemon, name)[-1] > resumed, "a fire after the pause")
    call(daemon, "POST", f"/schedules/{name}/pause")
    account = accounts(daemon, "paused", name)
    assert sum(a["count"] for a in account) >= 2
    expected = instants(daemon, name)
    for a in account:
        assert a["count"] == seconds(a["last"]) - seconds(a["first"]) + 1
        expected += [seconds(a["first"]) + i for i in range(a["count"])]
    assert sorted(expected) == [min(expected) + i for i in range(len(expected))], "an instant is lost or double"


def test_what_was_made_paused_fires_once_it_is_resumed(daemon):
    begin(daemon)
    name = daemon.cli("schedule", "create", "job", "--every", "1s", "--paused").stdout.strip()
    assert call(daemon, "GET", f"/schedules/{name}")["status"] == "paused"
    daemon.restart()
    wait_until(lambda: daemon.api("GET", f"{API}/schedules/{name}").status == 200, "the schedule")
    daemon.cli("schedule", "resume", name)
    wait_fires(daemon, 1, name)
    daemon.restart()
    wait_fires(daemon, len(fires(daemon, name)) + 1, name)


def test_one_instant_is_skipped_and_only_that_one(daemon):
    begin(daemon)
    name = make(daemon, every="1s")["id"]
    skipped = seconds(call(daemon, "POST", f"/schedules/{name}/skip")["skipped"])
    assert seconds(call(daemon, "GET", f"/schedules/{name}").get("next", FAR)) > skipped
    wait_until(lambda: (instants(daemon, name) or [0])[-1] > skipped, "the fire after it")
    account = accounts(daemon, "skipped", name)
    assert [(a["count"], seconds(a["first"])) for a in account] == [(1, skipped)]
    assert skipped not in instants(daemon, name)
    path = "/schedules/job%2Fhourly/skip"
    assert "skipped" in call(daemon, "POST", path)
    assert daemon.api("POST", API + path).type == "state"
    assert "skipped" not in call(daemon, "DELETE", path)


def test_run_starts_it_at_once_even_when_it_is_paused(daemon):
    begin(daemon)
    name = make(daemon, every="1h", params={"n": "3"}, paused=True)["id"]
    activity = call(daemon, "POST", f"/schedules/{name}/run")["activityId"]
    detail = daemon.detail(activity)
    assert detail["params"]["n"] == "3" and detail["trigger"] == "schedule"
    assert [cause.get("manual") for cause in fires(daemon)] == [True]


def test_a_backfill_fires_each_instant_of_the_range_once(daemon):
    begin(daemon)
    name = make(daemon, cron="0 0 * * *", timezone="Europe/Amsterdam")["id"]
    path = f"/schedules/{name}/backfill"
    span = {"from": "2026-03-01T00:00:00", "to": "2026-03-31T12:00:00"}
    assert call(daemon, "POST", path, span) == {"count": 31}
    assert fires(daemon) == []
    call(daemon, "POST", path, {**span, "start": True})
    found = wait_fires(daemon, 31, name)
    wait_until(lambda: "backfill" not in call(daemon, "GET", f"/schedules/{name}"), "its end")
    assert len(fires(daemon)) == 31 and len({cause["backfill"] for cause in found}) == 1
    assert [c["scheduledAt"] for c in found] == [f"2026-03-{d:02}T00:00:00+0{2 if d > 29 else 1}:00" for d in range(1, 32)]
    for body in ({}, {"from": "x", "to": "y"}, {"from": "2026-03-02T00:00:00", "to": "2026-03-01T00:00:00"},
                 {"from": "2026-03-01T00:00:00", "to": FAR}, {"from": "2026-03-01T01:00:00", "to": "2026-03-01T02:00:00"}):
        assert daemon.api("POST", API + path, body).type == "invalid-range"


def test_switching_a_trigger_or_a_workflow_off_stops_its_schedules(daemon):
    begin(daemon, {"id": "tick", "plugin": "schedule", "with": {"every": "1s"}})
    name = make(daemon, every="1s")["id"]
    wait_fires(daemon, 1, "tick")
    daemon.cli("disable", "job/tick")
    count = len(fires(daemon, "tick"))
    wait_fires(daemon, len(fires(daemon, name)) + 2, name)
    assert len(fires(daemon, "tick")) == count
    daemon.cli("disable", "job")
    counts = len(fires(daemon, name))
    off = time.time()
    wait_until(lambda: time.time() > off + 2, "two seconds")
    assert len(fires(daemon, name)) == counts
    daemon.cli("enable", "job")
    daemon.cli("enable", "job/tick")
    wait_fires(daemon, counts + 1, name)
    wait_fires(daemon, count + 1, "tick")


# ---- Downtime


@pytest.mark.parametrize("policy", ["once", "all", "skip"])
def test_what_was_missed_while_the_daemon_was_down_follows_the_policy(daemon, policy):
    begin(daemon)
    name = make(daemon, every="1s", misfire=policy, grace="100ms")["id"]
    before = wait_fires(daemon, 1, name)
    daemon.kill()
    down = time.time()
    wait_until(lambda: time.time() > down + 3.5, "some instants to pass")
    up = time.time()
    daemon.start()
    wait_until(lambda: (instants(daemon, name) or [0])[-1] > up + 1, "a fire after the start")
    call(daemon, "POST", f"/schedules/{name}/pause")
    late = [cause for cause in fires(daemon, name) if cause.get("late")]
    missed = sum(a["count"] for a in accounts(daemon, "missed", name))
    if policy == "once":
        # The newest one stands for the others.
        assert late[0]["missedCount"] >= 2 and seconds(late[0]["scheduledAt"]) > down and missed >= late[0]["missedCount"]
        assert " late, for " in daemon.cli("why", "job").stdout
    elif policy == "all":
        assert len([cause for cause in late if seconds(cause["scheduledAt"]) < up]) >= 3 and missed == 0
    else:
        assert late == [] and missed >= 3
        assert "expected occurrences missed" in daemon.cli("why", "job").stdout
    assert len(before) <= len(instants(daemon, name)) == len(set(instants(daemon, name)))


# ---- Questions


def test_a_schedule_is_validated_explained_and_computed_without_being_made(daemon):
    begin(daemon, with_={"timezone": "Europe/Amsterdam"})
    assert call(daemon, "POST", "/validate", {"cron": "0 9 * * 1-5"}) == {"valid": True}
    wrong = call(daemon, "POST", "/validate", {"cron": "0 9 * * 8"})
    assert wrong["valid"] is False and wrong["option"] == "cron" and "day of week" in wrong["error"]
    said = call(daemon, "POST", "/explain", {"cron": "30 2 * * *"})
    assert "02:30" in said["text"] and said["timezone"] == "Europe/Amsterdam" and len(said["changes"]) == 2
    found = call(daemon, "POST", "/next", {"cron": "30 2 * * *", "from": "2026-03-28T00:00:00", "n": 3})["next"]
    assert [f["at"] for f in found] == ["2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00",
                                        "2026-03-30T02:30:00+02:00"]
    assert "shifted" in found[1]["note"] and "note" not in found[0]
    assert len(call(daemon, "GET", "/schedules")["schedules"]) == 1


def test_the_calendar_has_all_of_them_in_the_order_of_time(daemon):
    begin(daemon, {"id": "nine", "plugin": "schedule", "with": {"cron": "0 9 * * *"}})
    ten = make(daemon, cron="0 10 * * *")["id"]
    make(daemon, cron="0 11 * * *", paused=True)
    once = make(daemon, at="2099-05-02T09:30:00Z")["id"]
    found = call(daemon, "GET", "/next?from=2099-05-02T00:00:00Z&to=2099-05-03T12:00:00Z")
    assert [(i["at"][5:16], i["id"]) for i in found["next"]] == [
        ("05-02T09:00", "job/nine"), ("05-02T09:30", once), ("05-02T10:00", ten), ("05-03T09:00", "job/nine"), ("05-03T10:00", ten)]
    assert found["more"] is False
    less = call(daemon, "GET", "/next?from=2099-05-02T00:00:00Z&to=2099-05-03T12:00:00Z&limit=2")
    assert less["next"] == found["next"][:2] and less["more"] is True
    assert call(daemon, "GET", "/next?from=2099-05-02T00:00:00Z&workflow=other")["next"] == []
    call(daemon, "GET", "/next?from=yesterday", status=400)


def test_only_administrators_are_answered(daemon):
    begin(daemon)
    for headers in ({}, {"Authorization": f"Bearer {daemon.token('job')}"}):
        for method, path in (("GET", "/schedules"), ("POST", "/schedules"), ("GET", "/next"), ("POST", "/validate")):
            assert daemon.request(method, f"/api/v1{API}{path}", headers=headers).status in (401, 403)


# ---- By command line


def test_the_command_line_makes_shows_changes_and_deletes(daemon):
    begin(daemon, with_={"timezone": "Europe/Amsterdam"})
    done = daemon.cli("schedule", "create", "job", "--cron", "0 7 * * mon", "--name", "Weekly", "--label", "team=web",
                      "-p", "n=7", "--exclude", "2099-01-05", "--exclude", "2099-01-12", "--catchup-max", "5")
    name = done.stdout.strip()
    assert "at 07:00 on Monday" in done.stderr and "next at" in done.stderr
    document = daemon.cli_json("schedule", "show", name)
    assert document["options"] == {"cron": "0 7 * * mon", "name": "Weekly", "labels": {"team": "web"}, "params": {"n": "7"},
                                   "exclude": ["2099-01-05", "2099-01-12"], "catchupMax": 5}
    assert "team=web" in daemon.cli("schedule", "show", name).stdout
    listed = daemon.cli("schedule", "list").stdout
    assert "Weekly" in listed and "job/hourly" in listed
    assert "job/hourly" not in daemon.cli("schedule", "list", "--label", "team=web").stdout
    # Another kind takes the place of the one it had.
    daemon.cli("schedule", "set", name, "--every", "2h", "--unset", "exclude", "--unset", "label", "-p", "n=8")
    assert daemon.cli_json("schedule", "show", name)["options"] == {
        "every": "2h", "name": "Weekly", "params": {"n": "8"}, "catchupMax": 5}
    assert len(daemon.cli("schedule", "next", name, "-n", "3").stdout.splitlines()) == 3
    assert name in daemon.cli("schedule", "next", "-w", "job").stdout
    assert daemon.cli("schedule", "pause", name, "job/hourly").stdout == f"{name} paused\njob/hourly paused\n"
    assert daemon.cli("schedule", "next").stdout.split() == ["AT", "WORKFLOW", "SCHEDULE", "NAME"]
    daemon.cli("schedule", "resume", name, "job/hourly")
    assert "is left out" in daemon.cli("schedule", "skip", name).stdout
    assert "nothing is left out" in daemon.cli("schedule", "skip", "--undo", name).stdout
    followed = daemon.cli("schedule", "run", name, "--follow")
    assert daemon.detail(followed.stdout.splitlines()[0])["params"]["n"] == "8"
    assert daemon.cli("schedule", "delete", name).stdout == f"{name} deleted\n"
    assert daemon.cli("schedule", "show", name, check=False).returncode == 4


def test_the_command_line_goes_by_the_administrators_token_too(daemon):
    begin(daemon)
    server = ("--server", "http://{}:{}".format(*daemon.address))
    env = {"TAPPET_TOKEN": (daemon.folder / "admin.token").read_text().strip()}
    name = daemon.cli("schedule", "create", "job", "--every", "1h", *server, env=env).stdout.strip()
    assert name in daemon.cli("schedule", "list", *server, env=env).stdout
    assert daemon.cli("schedule", "list", *server, env={"TAPPET_TOKEN": daemon.token("job")}, check=False).returncode == 5


def test_the_command_line_says_what_is_wrong(daemon):
    begin(daemon)

    def fails(code, words, *arguments, text=None):
        done = daemon.cli("schedule", *arguments, check=False)
        assert (done.returncode, done.stdout) == (code, ""), (arguments, done)
        assert words in done.stderr, done.stderr

    fails(2, "one of --cron, --every and --at", "create", "job")
    fails(2, "one of --cron, --every and --at", "create", "job", "--every", "1h", "--cron", "@daily")
    fails(2, "usage: tappet schedule create", "create")
    fails(2, "a label is NAME=VALUE", "create", "job", "--every", "1h", "--label", "team")
    fails(2, "--catchup-max must be a number", "create", "job", "--every", "1h", "--catchup-max", "x")
    fails(2, "--name has no place beside --file", "create", "job", "--name", "x", "--file", "-")
    fails(5, "past", "create", "job", "--at", "2001-01-01T00:00")
    fails(5, "hour, character 3", "create", "job", "--cron", "0 25 * * *")
    fails(5, "workflow", "create", "nobody", "--every", "1h")
    fails(5, "definition", "delete", "job/hourly")
    fails(2, "say what is to change", "set", "job/hourly")
    fails(2, "--unset must be", "set", "job/hourly", "--unset", "paused")
    fails(4, "no such schedule", "pause", "job/none", "0" * 24)
    fails(2, "--from and --to", "backfill", "job/hourly")
    fails(2, "is for a pattern", "next", "job/hourly", "--timezone", "UTC")
    fails(2, "is for schedules", "next", "@daily", "--to", "2030-01-01")
    # Without the plugin there is nothing to ask.
    daemon.stop()
    daemon.configure()
    daemon.workflow("job", STEPS, params={"n": {"default": "0"}})
    daemon.start()
    for words in (("list",), ("next",), ("show", "job/hourly"), ("create", "job", "--every", "1h")):
        fails(4, 'has no plugin "schedule"', *words)


def test_the_command_line_asks_before_it_fills_the_past(daemon):
    begin(daemon)
    span = ("--from", "2026-03-01T00:00", "--to", "2026-03-01T03:30")
    done = daemon.cli("schedule", "backfill", "job/hourly", *span, check=False)
    assert done.returncode == 2 and "would start 4 activities" in done.stderr
    assert fires(daemon) == []
    assert daemon.cli("schedule", "backfill", "job/hourly", *span, "--yes").stdout.startswith("4 activities")
    wait_fires(daemon, 4)
    assert daemon.cli("schedule", "backfill", "--stop", "job/hourly", check=False).returncode == 5
    assert ", by a backfill: activity" in daemon.cli("why", "job").stdout


def test_on_a_terminal_the_command_line_asks(daemon):
    begin(daemon)

    def answer(word):
        leader, follower = pty.openpty()
        with subprocess.Popen([TAPPET, "schedule", "backfill", "job/hourly", "--from", "2026-03-01T00:00", "--to",
                               "2026-03-01T01:30"], cwd=daemon.folder, stdin=follower, stdout=follower, stderr=follower) as done:
            os.close(follower)
            shown = b""
            while b"[y/N]" not in shown:
                shown += os.read(leader, 1000)
            os.write(leader, word)
            code = done.wait(DEADLINE)
        os.close(leader)
        assert b"Start 2 activities of job/hourly? [y/N]" in shown
        return code

    assert answer(b"\n") == 6 and fires(daemon) == []
    assert answer(b"y\n") == 0
    wait_fires(daemon, 2)


def test_the_command_line_makes_many_from_a_file(daemon):
    begin(daemon)
    many = [{"cron": f"{i % 60} 3 * * *", "name": f"n{i}"} for i in range(2300)]
    (daemon.folder / "many.json").write_text(json.dumps(many), encoding="utf-8")
    done = daemon.cli("schedule", "create", "job", "--file", "many.json")
    names = done.stdout.split()
    assert len(set(names)) == 2300 and done.stderr == ""
    assert daemon.cli_json("schedule", "show", names[2299])["name"] == "n2299"
    (daemon.folder / "one.json").write_text(json.dumps({"workflow": "job", "every": "1h"}), encoding="utf-8")
    assert len(daemon.cli_json("schedule", "create", "--file", "one.json")["schedules"]) == 1
    # The seventh 250 have a mistake: those before are there, and it is said.
    many[1500]["cron"] = "x"
    (daemon.folder / "many.json").write_text(json.dumps(many), encoding="utf-8")
    done = daemon.cli("schedule", "create", "job", "--file", "many.json", check=False)
    assert done.returncode == 5 and len(done.stdout.split()) == 1500
    assert "1500 of 2300 were made; from schedule 1501 on there is none" in done.stderr


@contextlib.contextmanager
def answering(*answers):
    """What stands in for a daemon: gives these answers one after the other, None being none at all. Yields what was asked
    and the options that lead there."""
    asked, left = [], list(answers)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            answer = left.pop(0)
            self.close_connection = True
            if answer is None:
                return
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield asked, ("--server", f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


def test_a_batch_without_an_answer_may_have_been_made(daemon):
    (daemon.folder / "many.json").write_text(json.dumps([{"every": "1h"}] * 600), encoding="utf-8")
    with answering({"schedules": [{"id": "x"}] * 250}, None) as (asked, server):
        done = daemon.cli("schedule", "create", "job", "--file", "many.json", *server, env={"TAPPET_TOKEN": "x"}, check=False)
    assert [len(batch) for batch in asked] == [250, 250]
    assert done.returncode == 7 and len(done.stdout.split()) == 250
    assert "250 of 600 were made; whether schedules 251 to 500 were is not known, behind them there is none" in done.stderr
    # Here nothing has arrived.
    done = daemon.cli("schedule", "create", "job", "--file", "many.json", *server, env={"TAPPET_TOKEN": "x"}, check=False)
    assert done.returncode == 3 and "0 of 600 were made; from schedule 1 on there is none" in done.stderr


def test_what_is_filled_is_what_was_counted(daemon):
    with answering({"count": 3}, {"id": "job/hourly", "backfill": {"done": 0, "total": 4}}) as (asked, server):
        done = daemon.cli("schedule", "backfill", "job/hourly", "--from", "2026-03-01T00:00", "--yes", *server,
                          env={"TAPPET_TOKEN": "x"})
    assert asked[0]["to"] == asked[1]["to"] and "start" not in asked[0] and asked[1]["start"] is True
    assert done.stdout.startswith("4 activities")
