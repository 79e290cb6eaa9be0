"""`tappet logs -f` and `tappet run --follow`: at once, to the end, and over restarts of the daemon."""

import subprocess

import pytest
from daemon import DEADLINE, TAPPET, wait_until


def talk(daemon, name, *words):
    """A step that says the words, each when the file of its name is there."""
    lines = ["#!/bin/sh", "echo begin"]
    for word in words:
        lines += [f"while [ ! -e {daemon.folder}/{word} ]; do sleep 0.02; done", f"echo {word}"]
    return {"id": name, "script": lines}


@pytest.fixture
def command(daemon):
    """Starts a command whose output is read while it runs."""
    started = []

    def start(*arguments):
        out = daemon.folder / f"out{len(started)}"
        with out.open("wb") as file:
            started.append(subprocess.Popen([str(TAPPET), *arguments], cwd=daemon.folder, stdin=subprocess.DEVNULL,
                                            stdout=file, stderr=subprocess.STDOUT))
        return started[-1], out

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def wait_text(out, text):
    wait_until(lambda: text in out.read_text(), f"{text!r} to be printed")


def say(daemon, word):
    (daemon.folder / word).touch()


def test_a_log_is_printed_while_it_is_written(daemon, command):
    daemon.workflow("w", [talk(daemon, "talk", "one", "two")])
    daemon.start()
    activity = daemon.fire(daemon.token("w"))
    process, out = command("logs", "-f", activity)
    for word in ("begin", "one", "two"):
        if word != "begin":
            assert word not in out.read_text()
            say(daemon, word)
        wait_text(out, f"talk | {word}\n")
    assert process.wait(DEADLINE) == 0
    assert out.read_text() == "talk | begin\ntalk | one\ntalk | two\n"


def test_a_followed_run_tells_begin_log_and_end_in_order(daemon, command):
    daemon.workflow("w", [talk(daemon, "talk", "one"), {"id": "rest", "sleep": "10ms"}])
    daemon.start()
    process, out = command("run", "w", "--follow")
    wait_text(out, "talk: inProgress\n")
    wait_text(out, "talk | begin\n")
    assert "completed" not in out.read_text()
    say(daemon, "one")
    assert process.wait(DEADLINE) == 0
    lines = [line.split(" in ")[0] for line in out.read_text().splitlines()]
    for earlier, later in (("talk: inProgress", "talk | begin"), ("talk | begin", "talk | one"),
                           ("talk | one", "talk: completed"), ("talk: completed", "rest: completed")):
        assert lines.index(earlier) < lines.index(later), lines
    assert lines[-1].endswith(" completed")


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_following_goes_on_over_a_restart(daemon, command, end):
    daemon.configure(executor={"concurrency": 8, "drain": "0s"})
    daemon.workflow("w", [talk(daemon, "talk", "one", "two")])
    daemon.start()
    say(daemon, "one")
    run, run_out = command("run", "w", "--follow")
    wait_text(run_out, "talk | one\n")
    activity = run_out.read_text().split()[0]
    logs, logs_out = command("logs", "-f", activity)
    wait_text(logs_out, "talk | one\n")
    getattr(daemon, end)()
    for out in (run_out, logs_out):
        wait_text(out, "waiting for it")
    daemon.start()
    # The interrupted step runs again, so its words come once more.
    for out in (run_out, logs_out):
        wait_until(lambda out=out: out.read_text().count("talk | one\n") == 2, "the second attempt")
    say(daemon, "two")
    assert run.wait(DEADLINE) == 0 and logs.wait(DEADLINE) == 0
    for out in (run_out, logs_out):
        assert out.read_text().count("talk | two\n") == 1
        assert out.read_text().count("talk | begin\n") == 2
