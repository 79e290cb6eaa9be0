"""`tappet schedule`: when a cron pattern fires, without a daemon."""

import json
import subprocess
from pathlib import Path

import pytest

from daemon import TAPPET

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "cron-sample.jsonl"


def schedule(*arguments, text=None):
    return subprocess.run([TAPPET, "schedule", *arguments], input=text, text=True, capture_output=True, check=False,
                          timeout=60)


def answers(text, *arguments):
    done = schedule("next", "--jsonl", *arguments, text=text)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_line_of_the_sample_is_answered_as_it_says():
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()
    found = answers("\n".join(lines) + "\n")
    assert len(found) == len(lines) > 170
    wrong = []
    for line, answer in zip(lines, found):
        expected = json.loads(line)
        if answer["valid"] != expected["valid"] or (answer["valid"] and answer["next"] != expected["next"]):
            wrong.append(f"{line}\n  {answer}")
        assert answer["valid"] or answer["error"]
    assert not wrong, "\n".join(wrong)


def test_lines_come_from_a_file_too_and_the_last_one_needs_no_end(tmp_path):
    path = tmp_path / "lines"
    path.write_text('{"expr":"0 9 * * *","from":"2026-01-01T00:00:00Z"}\n\n{"expr":"x"}', encoding="utf-8")
    done = schedule("next", "--jsonl", str(path))
    first, second = map(json.loads, done.stdout.splitlines())
    assert first == {"valid": True, "next": ["2026-01-01T09:00:00+00:00"]}
    assert second["valid"] is False
    assert schedule("next", "--jsonl", str(tmp_path / "none")).returncode == 4


def test_an_answer_does_not_wait_for_the_next_line():
    with subprocess.Popen([TAPPET, "schedule", "next", "--jsonl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        for hour in range(3):
            process.stdin.write(json.dumps({"expr": f"0 {hour} * * *", "from": "2026-01-01T12:00:00Z"}) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["next"] == [f"2026-01-02T0{hour}:00:00+00:00"]
        process.stdin.close()
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("line, error", [
    ("nonsense", "expected"),
    ("[]", 'an object with "expr"'),
    ("{}", '"expr" is missing'),
    ('{"expr": 5}', '"expr" must be a string'),
    ('{"expr": "* * * * *", "dialect": "perl"}', "expected auto, unix"),
    ('{"expr": "* * * * *", "opts": {"day": "xor"}}', "expected or, and"),
    ('{"expr": "* * * * *", "opts": {"dst_gap": "x"}}', "expected run_after or skip"),
    ('{"expr": "* * * * *", "tz": "Mars/Base"}', "tzdata"),
    ('{"expr": "* * * * *", "from": "yesterday"}', "from"),
    ('{"expr": "* * * * *", "n": -1}', '"n" must be'),
    ('{"expr": "* * * * *", "n": 99999}', '"n" must be'),
])
def test_a_line_that_cannot_be_understood_is_answered_with_a_reason(line, error):
    answer, after = answers(line + '\n{"expr": "@reboot"}\n')
    assert answer["valid"] is False
    assert error in answer["error"]
    assert after == {"valid": True, "next": []}


def test_a_line_that_is_too_long_ends_it():
    done = schedule("next", "--jsonl", text='{"expr":"' + "*" * 200000)
    assert done.returncode == 1
    assert "65536 bytes" in done.stderr


def test_n_goes_before_the_length_of_next():
    line = {"expr": "@daily", "from": "2026-01-01T00:00:00Z", "next": ["", "", ""]}
    assert len(answers(json.dumps(line))[0]["next"]) == 3
    assert len(answers(json.dumps({**line, "n": 7}))[0]["next"]) == 7
    assert len(answers(json.dumps({**line, "next": None}))[0]["next"]) == 1


def test_people_see_what_the_clock_shifts_skips_and_doubles():
    zone = ("--timezone", "Europe/Amsterdam")
    done = schedule("next", "30 2 * * *", *zone, "--from", "2026-03-28T12:00", "-n", "2")
    assert done.stdout.splitlines() == [
        "2026-03-29T03:00:00+02:00  shifted: the clock passes over 2026-03-29 02:30", "2026-03-30T02:30:00+02:00"]
    done = schedule("next", "30 2 * * *", *zone, "--from", "2026-03-28T12:00", "-n", "1", "--dst-gap", "skip")
    assert done.stdout.splitlines() == [
        "-                          2026-03-29 02:30 is passed over by the clock: skipped",
        "2026-03-30T02:30:00+02:00"]
    done = schedule("next", "30 2 * * *", *zone, "--from", "2026-10-24T12:00", "-n", "2", "--dst-overlap", "both")
    assert done.stdout.splitlines() == [
        "2026-10-25T02:30:00+02:00  2026-10-25 02:30 comes twice: the first time",
        "2026-10-25T02:30:00+01:00  2026-10-25 02:30 comes twice: the second time"]


def test_an_end_is_said():
    assert schedule("next", "0 0 30 2 *").stdout == "it never fires\n"
    assert schedule("next", "@reboot").stdout == "whenever the daemon starts\n"
    done = schedule("next", "0 0 0 1 1 * 2030", "--dialect", "unix", "--from", "2029-01-01", "-n", "3")
    assert done.stdout == "2030-01-01T00:00:00+00:00\nafter that it does not fire any more\n"


def test_options_change_what_a_pattern_means():
    def first(*arguments):
        done = schedule("next", *arguments, "--from", "2026-01-01", "-n", "1")
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert first("0 0 1 * mon", "--day", "and") == "2026-06-01T00:00:00+00:00"
    assert first("0 0 * * 1", "--dow", "1-7") == "2026-01-04T00:00:00+00:00"
    assert first("0 0 */10 * sun", "--dialect", "robfig") == "2026-01-04T00:00:00+00:00"
    assert first("H H * * *", "--id", "a") != first("H H * * *", "--id", "b")


@pytest.mark.parametrize("arguments, code, error", [
    (["next", "* * *"], 2, "expected 5, 6 or 7 fields"),
    (["next", "* * * * *", "-n", "0"], 2, "-n must be"),
    (["next", "* * * * *", "-n", "x"], 2, "-n must be"),
    (["next", "* * * * *", "--dialect", "x"], 2, "--dialect must be"),
    (["next", "* * * * *", "--day", "x"], 2, "--day must be"),
    (["next", "* * * * *", "--dow", "x"], 2, "--dow must be"),
    (["next", "* * * * *", "--dst-gap", "x"], 2, "--dst-gap must be"),
    (["next", "* * * * *", "--dst-overlap", "x"], 2, "--dst-overlap must be"),
    (["next", "* * * * *", "--timezone", "UTC+3"], 2, "time zone"),
    (["next", "* * * * *", "--timezone", "../../etc/passwd"], 2, "time zone"),
    (["next", "* * * * *", "--from", "soon"], 2, "from"),
    (["explain", "60 * * * *"], 2, "minute, character 1"),
    (["explain"], 2, "usage"),
])
def test_mistakes_on_the_command_line_are_told(arguments, code, error):
    done = schedule(*arguments)
    assert done.returncode == code
    assert error in done.stderr
    assert done.stdout == ""


def test_programs_get_json():
    done = schedule("next", "0 9 * * *", "--from", "2026-01-01T00:00:00Z", "-n", "1", "--json")
    assert json.loads(done.stdout) == {"valid": True, "next": ["2026-01-01T09:00:00+00:00"]}
    done = schedule("next", "x", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["valid"] is False
    done = schedule("explain", "0 9 * * 1-5", "--timezone", "Europe/Amsterdam", "--json")
    found = json.loads(done.stdout)
    assert found.pop("tzdata").startswith("20")
    assert found == {"text": "at 09:00 on Monday to Friday, Europe/Amsterdam", "dialect": "unix",
                     "timezone": "Europe/Amsterdam", "changes": []}


def test_explain_says_what_the_next_changes_of_the_clock_do():
    done = schedule("explain", "30 2 * * *", "--timezone", "Europe/Amsterdam", "--from", "2026-01-01")
    assert done.stdout.splitlines() == [
        "at 02:30 every day, Europe/Amsterdam",
        "2026-03-29 02:30 is passed over by the clock: shifted to 2026-03-29T03:00:00+02:00",
        "2026-10-25 02:30 comes twice, as the clock is set back to 2026-10-25T02:00: fires once"]


def test_help_and_completion_know_it():
    assert "--dst-overlap RULE" in subprocess.run([TAPPET, "help", "schedule", "next"], text=True, capture_output=True,
                                                  check=True).stdout
    script = subprocess.run([TAPPET, "completion", "bash"], text=True, capture_output=True, check=True).stdout
    assert '"schedule") seconds="list show create set delete pause resume run skip backfill next explain"' in script
