"""Corners of the filewatch plugin in which something would be missed, or told of for ever, without a measure of its own."""

import os

from daemon import wait_until
from filewatch import changed, created, moved, removed, world_fixture  # noqa: F401

WRITTEN = ("size", "mtime", "ctime")


def test_a_log_that_is_rotated_while_its_writer_keeps_the_new_one_open_is_told_when_that_is_closed(world):
    world.make({"log": "1\n"})
    world.begin()
    os.rename(world.tree / "log", world.tree / "log.1")
    with open(world.tree / "log", "w", encoding="utf-8") as log:
        log.write("new\n")
        log.flush()
        world.expect(created("log.1"))
    world.expect(changed("log", "inode", *WRITTEN))


def test_a_name_that_was_moved_from_and_is_made_again_is_told(world):
    world.make({"a": "1\n"})
    world.begin()
    with open(world.tree / "a", "a", encoding="utf-8") as writer:
        writer.write("2\n")
        writer.flush()
        os.rename(world.tree / "a", world.tree / "b")
        world.expect()
    world.write("a", "new\n")
    found = world.wait(2)
    assert {told.path for told in found} == {"a", "b"}
    world.check_whole()


def test_a_folder_that_becomes_a_link_to_where_it_has_gone_is_gone(world):
    world.make({"d/a": "1\n", "d/s/b": "1\n"})
    world.begin()
    world.sh("mv d d2; ln -s d2 d")
    world.expect(moved("d2/a", "d/a"), moved("d2/s/b", "d/s/b"), created("d"))


def test_what_is_excluded_at_a_reload_is_not_told_any_more(world):
    world.make({"build/o": "1\n", "build/s/o": "1\n", "a": "1\n"})
    world.begin()
    world.reload(exclude="build/")
    world.journal.strict = False
    world.expect()
    world.sh("echo 22 > build/o; echo 1 > build/n; echo 1 > build/s/n; echo 22 > a")
    world.expect(changed("a", *WRITTEN))


def test_what_waits_is_told_although_other_options_come_in_between(world):
    world.begin(minAge="2s")
    world.write("new", "1\n")
    world.reload(minAge="2s", exclude="zzz")
    found = world.wait(1)
    assert [(told.kind, told.path) for told in found] == [("created", "new")]


def test_a_link_to_a_folder_is_followed_when_patterns_name_what_is_in_it(world):
    (world.outside / "docs").mkdir()
    (world.outside / "docs" / "x.md").write_text("1\n")
    world.begin(followSymlinks=True, include="**/*.md", suffix=".md")
    os.symlink(world.outside / "docs", world.tree / "docs")
    world.expect(created("docs/x.md"))


def test_times_that_do_not_fit_are_the_farthest_that_do(world):
    world.begin()
    world.sh("touch -d 2300-01-01T00:00:00Z a")
    found = world.wait(1)
    assert found[0].kind == "created" and found[0].told["mtime"].startswith("2262-")


def test_all_folders_of_a_file_system_without_events_are_polled(world):
    world.daemon.configure(plugins={"filewatch": {}})
    world.daemon.workflow("watch", [{"id": "a", "sleep": "0s"}],
                          triggers=[{"plugin": "filewatch", "with": {"path": "/proc/sys/net/ipv4", "kinds": "removed"}}])
    world.daemon.start()

    def health():
        triggers = world.daemon.api("GET", "/workflows/watch").json["triggers"]
        return triggers[0]["health"]

    found = wait_until(lambda: health()["state"] == "degraded" and health(), "the health")
    folders = sum(1 for _ in os.walk("/proc/sys/net/ipv4")) + 1
    assert found["reason"].startswith(f"{folders} folders are polled: their file system sends no events")
