"""What steps do: outputs, logs, time limits, retries, cancellation, and what is left of them."""

import os

import pytest
from daemon import wait_until


@pytest.fixture
def run(daemon):
    """Runs steps as a workflow and gives the activity as the API shows it when it has ended."""
    def call(steps, properties=None, **more):
        daemon.workflow("w", steps, **more)
        daemon.start()
        daemon.secret = daemon.token("w")
        activity = daemon.fire(daemon.secret, properties)
        daemon.wait_end(daemon.secret, activity)
        return daemon.detail(activity)

    return call


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rpartition(")")[2].split()[0] != "Z"


def read_pids(path):
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def test_outputs_are_handed_on_and_arguments_are_not_split(run):
    ended = run([{"id": "make", "script": 'printf "one=a b\\ntwo<<END\\nx\\ny\\nEND\\n" >> "$TAPPET_OUTPUT"'},
                 {"id": "use", "script": 'echo unused'},
                 {"id": "show",
                  "run": ["sh", "-c", 'printf "count=%s\\nfirst=%s\\n" "$#" "$1" >> "$TAPPET_OUTPUT"', "sh",
                          "$(steps.make.outputs.one)", "$(params.who)"]}],
                {"who": "$(id); rm -rf /"}, params={"who": {"type": "string"}})
    assert ended["status"] == "completed"
    assert ended["steps"][0]["outputs"] == {"one": "a b", "two": "x\ny"}
    assert ended["steps"][2]["outputs"] == {"count": "2", "first": "a b"}


def test_the_environment_is_clean(run, daemon, monkeypatch):
    monkeypatch.setenv("LEAKED_SECRET", "hunter2")
    ended = run([{"id": "env", "script": "env", "env": {"GIVEN": "yes-$(activity.id)"}}])
    log = daemon.cli("logs", ended["id"]).stdout
    names = {line.split("=")[0].split()[-1] for line in log.splitlines() if "=" in line}
    assert "LEAKED_SECRET" not in names
    assert {"PATH", "HOME", "TAPPET_ACTIVITY", "TAPPET_STEP", "TAPPET_ATTEMPT", "TAPPET_RUN", "GIVEN"} <= names
    assert f"GIVEN=yes-{ended['id']}" in log


def test_a_failing_step_fails_the_activity_and_skips_what_needs_it(run):
    ended = run([{"id": "fail", "run": ["sh", "-c", "exit 7"]}, {"id": "after", "sleep": "0s"},
                 {"id": "beside", "needs": [], "sleep": "0s"}])
    assert ended["status"] == "failure"
    assert [step["status"] for step in ended["steps"]] == ["failure", "skipped", "completed"]
    assert ended["steps"][0]["exitCode"] == 7


def test_a_step_that_does_not_exist_as_a_program_fails_with_words(run):
    ended = run([{"id": "ghost", "run": ["/no/such/program"]}])
    assert ended["status"] == "failure"
    assert ended["steps"][0]["message"]


def test_the_daemon_finds_its_helper_program(run):
    ended = run([{"id": "held", "noNewPrivileges": True, "limits": {"files": 33},
                  "script": "[ $(ulimit -n) = 33 ] && grep -q 'NoNewPrivs:.1' /proc/self/status"}])
    assert ended["status"] == "completed", ended


def test_the_message_of_a_failure_ends_with_the_last_lines_and_without_secrets(run, daemon):
    (daemon.folder / "site.env").write_text("KEY=hush-hush\n")
    ended = run([{"id": "a", "envFile": "site.env", "script": "echo said; echo no way with $KEY >&2; exit 5"}])
    assert ended["steps"][0]["message"] == "exited with code 5: no way with ***"


def test_always_goes_on_after_a_failure(run):
    ended = run([{"id": "fail", "run": ["false"]}, {"id": "tidy", "always": True, "sleep": "0s"}])
    assert ended["steps"][1]["status"] == "completed"
    assert ended["status"] == "completed"


def test_retries_are_attempts_with_a_backoff(run):
    ended = run([{"id": "third", "script": '[ "$TAPPET_ATTEMPT" = 3 ]', "retry": {"attempts": 3, "backoff": "20ms"}}])
    assert ended["status"] == "completed"
    assert ended["steps"][0]["attempt"] == 3


def test_retries_end(run):
    ended = run([{"id": "never", "run": ["false"], "retry": {"attempts": 2, "backoff": "10ms"}}])
    assert ended["status"] == "failure"
    assert ended["steps"][0]["attempt"] == 2


def test_a_time_limit_ends_the_whole_process_group(daemon):
    pids = daemon.folder / "pids"
    daemon.workflow("w", [{"id": "long", "timeout": "700ms",
                           "script": f"trap '' TERM; sleep 600 & echo $$ $! > {pids}; wait; sleep 600"}])
    daemon.start()
    token = daemon.token("w")
    activity = daemon.fire(token)
    assert daemon.wait_end(token, activity)["status"] == "failure"
    found = read_pids(pids)
    assert len(found) == 2
    wait_until(lambda: not any(alive(pid) for pid in found), "the children to be gone")
    assert "time" in daemon.detail(activity)["steps"][0]["message"]


def test_a_step_ended_by_a_signal_says_which(run):
    ended = run([{"id": "shot", "script": "kill -KILL $$"}])
    assert ended["status"] == "failure"
    message = ended["steps"][0]["message"]
    assert "9" in message or "KILL" in message.upper()


def test_cancel_ends_running_processes_and_what_would_follow(daemon):
    pids = daemon.folder / "pids"
    daemon.workflow("w", [{"id": "long", "script": f"sleep 600 & echo $! > {pids}; wait"},
                          {"id": "after", "sleep": "0s"}])
    daemon.start()
    token = daemon.token("w")
    activity = daemon.fire(token)
    wait_until(lambda: read_pids(pids), "the child to run")
    answer = daemon.request("DELETE", f"/webhook/status/{activity}", {"token": token})
    assert answer.status == 200
    document = daemon.wait_end(token, activity)
    assert document["status"] == "cancelled"
    assert [step["flowTaskStatus"] for step in document["steps"]] == ["cancelled", "cancelled"]
    wait_until(lambda: not any(alive(pid) for pid in read_pids(pids)), "the child to be gone")


def test_cancel_by_the_command_line(daemon):
    daemon.workflow("w", [{"id": "long", "sleep": "10m"}])
    daemon.start()
    token = daemon.token("w")
    activity = daemon.fire(token)
    daemon.cli("cancel", activity)
    assert daemon.wait_end(token, activity)["status"] == "cancelled"


def test_logs_keep_both_streams_per_step(run, daemon):
    ended = run([{"id": "one", "script": "echo to-stdout; echo to-stderr >&2"},
                 {"id": "two", "run": ["echo", "second"]}])
    records = daemon.api("GET", f"/activities/{ended['id']}/logs").json["records"]
    texts = {(record["step"], record["stream"]): record["text"] for record in records}
    assert texts[("one", "stdout")] == "to-stdout\n"
    assert texts[("one", "stderr")] == "to-stderr\n"
    assert texts[("two", "stdout")] == "second\n"
    assert "second" in daemon.cli("logs", ended["id"], "two").stdout
    assert "second" not in daemon.cli("logs", ended["id"], "one").stdout


def test_a_log_beyond_the_limit_is_cut_with_a_mark_and_the_step_goes_on(daemon):
    daemon.configure(limits={"log": "64KiB"})
    daemon.workflow("w", [{"id": "loud", "script": "yes noise | head -c 4000000; echo done=1 >> $TAPPET_OUTPUT"}])
    daemon.start()
    token = daemon.token("w")
    activity = daemon.fire(token)
    document = daemon.wait_end(token, activity)
    assert document["status"] == "completed" and document["steps"][0]["outputs"] == {"done": "1"}
    records, after = [], 0
    while True:
        page = daemon.api("GET", f"/activities/{activity}/logs?after={after}").json
        if not page["records"]:
            break
        records += page["records"]
        after = page["next"]
    assert 32 * 1024 < sum(len(record["text"]) for record in records) < 80 * 1024
    assert "cut" in records[-1]["text"] and records[-1]["stream"] not in ("stdout", "stderr")
    assert "cut" in daemon.cli("logs", activity).stdout.splitlines()[-1]


def test_run_follows_to_the_end_and_exits_with_the_outcome(daemon):
    daemon.workflow("good", [{"id": "say", "run": ["echo", "hello $(params.who)"]}], params={"who": {"type": "string"}})
    daemon.workflow("bad", [{"id": "fail", "run": ["false"]}])
    daemon.start()
    done = daemon.cli("run", "good", "-p", "who=Ada", "--follow")
    assert "hello Ada" in done.stdout
    assert daemon.cli("run", "bad", "--follow", check=False).returncode == 1
    assert daemon.cli("run", "good", "-p", "colour=red", check=False).returncode not in (0, 1)


def test_scratch_folders_are_shared_by_steps_and_removed(run, daemon):
    ended = run([{"id": "write", "script": "echo x > file; pwd"}, {"id": "read", "run": ["cat", "file"]}])
    assert ended["status"] == "completed"
    folder = daemon.cli("logs", ended["id"], "write").stdout.split()[-1]
    wait_until(lambda: not os.path.exists(folder), "the scratch folder to be gone")


def test_steps_without_needs_between_them_run_side_by_side(daemon):
    meet = daemon.folder
    script = "touch {m}/{a}; n=0; while [ ! -e {m}/{b} ]; do n=$((n+1)); [ $n -lt 600 ] || exit 1; sleep 0.05; done"
    daemon.workflow("w", [{"id": "left", "needs": [], "script": script.format(m=meet, a="left", b="right")},
                          {"id": "right", "needs": [], "script": script.format(m=meet, a="right", b="left")}])
    daemon.start()
    token = daemon.token("w")
    assert daemon.wait_end(token, daemon.fire(token))["status"] == "completed"


def test_the_limit_on_steps_at_once_is_kept(daemon):
    daemon.configure(executor={"concurrency": 2})
    trace = daemon.folder / "trace"
    daemon.workflow("w", [{"id": "one", "script": f"echo + >> {trace}; sleep 0.2; echo - >> {trace}"}])
    daemon.start()
    token = daemon.token("w")
    activities = [daemon.fire(token) for _ in range(8)]
    for activity in activities:
        assert daemon.wait_end(token, activity)["status"] == "completed"
    running = most = 0
    for line in trace.read_text().split():
        running += 1 if line == "+" else -1
        most = max(most, running)
    assert running == 0 and most == 2
