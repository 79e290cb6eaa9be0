"""Copies of the store: made under load, checked, started from, and put in the place of the store."""

import json
import os
import shutil
import sqlite3
import stat
import threading

from daemon import wait_until

STEPS = [{"id": "say", "set": {"x": "1"}}]


def admin(daemon):
    return {"Authorization": "Bearer " + (daemon.folder / "admin.token").read_text().strip()}


def ids(daemon):
    return {one["id"] for one in daemon.api("GET", "/activities?limit=500").json["activities"]}


class Load:
    """Starts activities until it is left; `accepted` are those that were acknowledged."""

    def __init__(self, daemon):
        self.daemon, self.accepted, self.over = daemon, [], threading.Event()
        self.thread = threading.Thread(target=self.fire)

    def fire(self):
        while not self.over.is_set():
            answer = self.daemon.api("POST", "/workflows/w/run")
            if answer.status == 200:
                self.accepted.append(answer.json["activityId"])

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def test_a_backup_under_load_has_all_that_was_acknowledged_before_and_starts_as_a_store(daemon, make_daemon):
    daemon.workflow("w", STEPS)
    daemon.start()
    copy = daemon.folder / "copy.db"
    with Load(daemon) as load:
        wait_until(lambda: len(load.accepted) >= 20, "some activities")
        before = set(load.accepted)
        assert "copy.db" in daemon.cli("backup", "copy.db").stdout
        wait_until(lambda: len(load.accepted) >= len(before) + 5, "the load to go on")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert "no fault" in daemon.cli("check", "--store", "copy.db").stdout
    other = make_daemon()
    other.workflow("w", STEPS)
    shutil.copyfile(copy, other.folder / "tappet.db")
    other.start()
    assert before - ids(other) == set()
    activity = other.cli("run", "w").stdout.strip()
    wait_until(lambda: other.detail(activity)["status"] == "completed", "the copy to run something")


def test_a_backup_is_never_written_over_a_file_and_only_by_the_control_socket(daemon):
    daemon.start()
    there = daemon.folder / "there"
    there.write_text("mine")
    assert daemon.cli("backup", "there", check=False).returncode == 5
    assert there.read_text() == "mine"
    assert daemon.cli("backup", "nowhere/copy.db", check=False).returncode == 5
    answer = daemon.request("POST", "/api/v1/backup", {"path": "copy.db"}, admin(daemon))
    assert answer.status == 403 and answer.type == "control-only"
    assert daemon.api("POST", "/backup", {}).status == 422
    assert not (daemon.folder / "copy.db").exists()


def test_the_commands_file_is_in_the_callers_folder_and_the_interfaces_in_the_daemons(daemon):
    daemon.start()
    elsewhere = daemon.folder / "elsewhere"
    elsewhere.mkdir()
    daemon.cli("backup", "elsewhere/../elsewhere/one.db")
    assert (elsewhere / "one.db").exists()
    answer = daemon.api("POST", "/backup", {"path": "two.db"}).json
    assert answer["path"] == str(daemon.folder / "two.db")
    assert answer["bytes"] == (daemon.folder / "two.db").stat().st_size


def test_the_progress_of_a_backup_ends_with_its_outcome(daemon):
    daemon.start()

    def lines(path):
        answer = daemon.request("POST", "/api/v1/backup", {"path": path}, {"Accept": "application/x-ndjson"},
                                control=True)
        assert answer.status == 200 and answer.headers["Content-Type"] == "application/x-ndjson"
        return [json.loads(line) for line in answer.body.decode().splitlines() if line]

    assert lines("copy.db")[-1]["bytes"] > 0
    assert lines("copy.db")[-1]["type"] == "tappet:exists"
    assert lines("other.db")[-1]["bytes"] > 0


def test_restore_goes_back_to_the_backup_and_keeps_what_was_there(daemon):
    daemon.workflow("w", STEPS)
    daemon.start()
    kept = daemon.cli("run", "w").stdout.strip()
    daemon.cli("backup", "copy.db")
    lost = daemon.cli("run", "w").stdout.strip()
    refused = daemon.cli("restore", "copy.db", check=False)
    assert refused.returncode == 5 and "a daemon runs" in refused.stderr
    assert ids(daemon) == {kept, lost}
    # Its journal is still there.
    daemon.kill()
    before = daemon.cli_json("restore", "copy.db")["before"]
    assert stat.S_IMODE((daemon.folder / "tappet.db").stat().st_mode) == 0o600
    assert (daemon.folder / "copy.db").exists()
    daemon.start()
    assert ids(daemon) == {kept}
    daemon.stop()
    for suffix in ("", "-wal"):
        if os.path.exists(before + suffix):
            shutil.move(before + suffix, str(daemon.folder / "tappet.db") + suffix)
    daemon.start()
    assert ids(daemon) == {kept, lost}


def test_restore_puts_a_backup_where_no_store_was(daemon):
    daemon.workflow("w", STEPS)
    daemon.start()
    activity = daemon.cli("run", "w").stdout.strip()
    daemon.cli("backup", "copy.db")
    daemon.stop()
    (daemon.folder / "tappet.db").unlink()
    assert daemon.cli_json("restore", "copy.db")["before"] is None
    daemon.start()
    assert ids(daemon) == {activity}


def test_what_is_no_sound_backup_is_not_put_in_place(daemon):
    daemon.workflow("w", STEPS)
    daemon.start()
    activity = daemon.cli("run", "w").stdout.strip()
    daemon.cli("backup", "copy.db")
    daemon.stop()
    content = (daemon.folder / "tappet.db").read_bytes()
    (daemon.folder / "text.db").write_text("no store at all")
    with sqlite3.connect(daemon.folder / "copy.db") as base:
        base.execute("DELETE FROM input")
    base.close()
    for bad, code in (("text.db", 1), ("copy.db", 1), ("nobody.db", 4), ("tappet.db", 1)):
        assert daemon.cli("restore", bad, check=False).returncode == code, bad
    checked = daemon.cli("check", "--store", "copy.db", "--json", check=False)
    assert checked.returncode == 1 and any(activity in fault for fault in json.loads(checked.stdout)["faults"])
    assert (daemon.folder / "tappet.db").read_bytes() == content
    assert not list(daemon.folder.glob("tappet.db.before*")) and not list(daemon.folder.glob("*.restoring"))


def test_a_store_is_checked_beside_its_daemon(daemon):
    daemon.workflow("w", STEPS)
    daemon.start()
    with Load(daemon) as load:
        wait_until(lambda: len(load.accepted) >= 5, "some activities")
        assert daemon.cli_json("check", "--store") == {"ok": True, "store": str(daemon.folder / "tappet.db"), "faults": []}
    assert daemon.cli("check", "copy.db", check=False).returncode == 2
