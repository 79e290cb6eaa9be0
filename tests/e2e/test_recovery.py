"""After kill -9 nothing that was acknowledged is missing, and what was interrupted goes on."""

import os

from daemon import wait_until


def test_a_step_cut_off_by_a_kill_runs_again_as_attempt_2(daemon):
    pids = daemon.folder / "pids"
    daemon.workflow("w", [{"id": "first", "script": f"echo $$ >> {pids}; [ $TAPPET_ATTEMPT = 2 ] || sleep 600"},
                          {"id": "second", "sleep": "0s"}])
    daemon.start()
    token = daemon.token("w")
    activity = daemon.fire(token)
    wait_until(pids.exists, "the step to run")
    wait_until(lambda: pids.read_text().strip(), "its pid")
    daemon.kill()
    daemon.start()
    assert daemon.wait_end(token, activity)["status"] == "completed"
    detail = daemon.detail(activity)
    assert [step["attempt"] for step in detail["steps"]] == [2, 1]
    orphan = int(pids.read_text().split()[0])
    wait_until(lambda: not os.path.exists(f"/proc/{orphan}"), "the first attempt to be gone")
    assert "2" in daemon.cli("status", activity).stdout


def test_an_interrupted_attempt_is_no_retry(daemon):
    mark = daemon.folder / "mark"
    daemon.workflow("w", [{"id": "only", "retry": {"attempts": 2, "backoff": "10ms"},
                           "script": f"case $TAPPET_ATTEMPT in 1) touch {mark}; sleep 600;; 2) exit 1;; esac"}])
    daemon.start()
    token = daemon.token("w")
    activity = daemon.fire(token)
    wait_until(mark.exists, "the step to run")
    daemon.kill()
    daemon.start()
    assert daemon.wait_end(token, activity)["status"] == "completed"
    assert daemon.detail(activity)["steps"][0]["attempt"] == 3


def test_a_step_that_says_so_fails_after_a_crash(daemon):
    mark = daemon.folder / "mark"
    daemon.workflow("w", [{"id": "once", "onCrash": "fail", "script": f"touch {mark}; sleep 600"}])
    daemon.start()
    token = daemon.token("w")
    activity = daemon.fire(token)
    wait_until(mark.exists, "the step to run")
    daemon.kill()
    daemon.start()
    assert daemon.wait_end(token, activity)["status"] == "failure"
    assert daemon.detail(activity)["steps"][0]["attempt"] == 1


def test_a_sleep_goes_on_over_a_kill(daemon):
    daemon.workflow("w", [{"id": "nap", "sleep": "1500ms"}])
    daemon.start()
    token = daemon.token("w")
    activity = daemon.fire(token)
    daemon.wait_step(token, activity, 1, "waiting")
    daemon.kill()
    daemon.start()
    document = daemon.wait_end(token, activity)
    assert document["status"] == "completed"
    assert document["steps"][0]["duration"] >= 1500


def test_a_queue_that_was_only_accepted_runs_after_a_kill(daemon):
    daemon.workflow("w", [{"id": "go", "run": ["true"]}])
    daemon.configure(executor={"concurrency": 0})
    daemon.start()
    token = daemon.token("w")
    activities = [daemon.fire(token) for _ in range(25)]
    daemon.kill()
    daemon.configure()
    daemon.start()
    for activity in activities:
        assert daemon.wait_end(token, activity)["status"] == "completed"


def test_ids_go_on_sorting_and_event_numbers_growing_over_restarts(daemon):
    daemon.workflow("w", [{"id": "go", "sleep": "0s"}])
    daemon.start()
    token = daemon.token("w")
    ids, numbers = [], []
    for _ in range(3):
        ids.append(daemon.fire(token))
        daemon.wait_end(token, ids[-1])
        daemon.kill()
        daemon.start()
    events = daemon.api("GET", "/events?since=0").json["events"]
    numbers = [event["seq"] for event in events]
    assert ids == sorted(ids)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
