"""The filewatch plugin over the wire: options and mistakes in them, what an activity gets, batches, and the life of a trigger.
What is told of what happens in a tree is in test_filewatch_scenarios.py, and of the system around it in test_filewatch_system.py.
"""

import datetime
import json
import os
import random
import shutil
import time

import pytest
from daemon import wait_until
from filewatch import (PATIENCE, SETTLE, changed, compare, created,  # noqa: F401
                       moved, nanoseconds, removed, snapshot, world_fixture)
from mistakes import check

OPTIONS = {
    "path": None, "include": None, "exclude": None, "gitignore": "false", "kinds": None, "types": None, "settle": "500ms",
    "settleFor": None, "settleMax": "10m", "waitForClose": "true", "batch": "file", "batchLimit": "1000",
    "followSymlinks": "false", "attributes": "true", "minSize": "0", "minAge": "0", "existing": "ignore", "poll": "auto", "pollInterval": "2s",
    "pollIntervalMax": "1m", "whenUnmounted": "wait",
}
LISTS = {"include", "exclude", "kinds", "types"}
WRITTEN = ("size", "mtime", "ctime")
SEED = int(os.environ.get("TAPPET_SEED", str(random.randrange(1 << 32))))


# ---- Options


def test_the_plugin_shows_its_options_and_a_sample(daemon):
    shown = daemon.cli("plugins", "show", "filewatch").stdout
    assert all(f"`{key}`" in shown for key in OPTIONS), shown
    daemon.configure(plugins={"filewatch": {}})
    daemon.start()
    plugin = daemon.api("GET", "/plugins").json["plugins"][0]
    options = {option["key"]: option for option in plugin["triggerOptions"]}
    zeros = {"0", "0s", "0ms", None}
    for key, default in OPTIONS.items():
        assert options[key].get("default") == default or {options[key].get("default"), default} <= zeros, options[key]
        assert options[key]["multi"] == (key in LISTS) and options[key]["required"] == (key == "path"), options[key]
        assert options[key]["help"].endswith("."), options[key]
    assert set(options) == set(OPTIONS)
    sample = json.loads(shown.split("```json\n")[1].split("```")[0])
    told = sample["changes"][0] if "changes" in sample else sample
    assert {"kind", "path", "relative", "name", "type", "size", "mtime", "ctime", "inode"} <= set(told)


# The place where the mistake is told is marked.
MISTAKES = {
    "no path": ('§"with": {}', "path"),
    "an unknown option": ('"with": {"path": "/x", §"colour": 1}', "colour"),
    "an unknown kind": ('"with": {"path": "/x",\n "kinds": ["created", §"made"]}', "created"),
    "an unknown kind, not in a list": ('"with": {"path": "/x", "kinds": §"made"}', "created"),
    "an unknown type": ('"with": {"path": "/x",\n\n "types": [§"folder"]}', "directory"),
    "an unknown batch": ('"with": {"path": "/x", "batch": §"all"}', "burst"),
    "an unknown settleFor": ('"with": {"path": "/x", "settleFor": §"tree"}', "batch"),
    "an unknown existing": ('"with": {"path": "/x", "existing": §"tell"}', "emit"),
    "an unknown poll": ('"with": {"path": "/x", "poll": §"sometimes"}', "always"),
    "an unknown whenUnmounted": ('"with": {"path": "/x", "whenUnmounted": §"ignore"}', "removed"),
    "a glob that has no end": ('"with": {"path": "/x", "include": ["*.md",\n §"[a"]}', "["),
    "a glob that excludes and has no end": ('"with": {"path": "/x", "exclude": §"a[b"}', "["),
    "an empty glob": ('"with": {"path": "/x", "exclude": ["a", §""]}', "empty"),
    "a glob that ends in a backslash": ('"with": {"path": "/x", "exclude": ["a", §"a\\\\"]}', "\\"),
    "an empty path": ('"with": {"path": §""}', "path"),
    "a batchLimit of 0": ('"with": {"path": "/x", "batch": "burst", "batchLimit": §0}', "10000"),
    "a batchLimit that is too large": ('"with": {"path": "/x", "batchLimit": §10001}', "10000"),
    "an interval above its maximum": ('"with": {"path": "/x", "pollInterval": "2m", "pollIntervalMax": §"1m"}', "pollInterval"),
    "an interval of nothing": ('"with": {"path": "/x", "pollInterval": §"0s"}', "0s"),
    "a settle that is no duration": ('"with": {"path": "/x", "settle": §"soon"}', "duration"),
    "a minSize that is no size": ('"with": {"path": "/x", "minSize": §"big"}', "size"),
    "a gitignore that is no boolean": ('"with": {"path": "/x", "gitignore": §"yes"}', "true"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_its_place(name, daemon):
    text, word = MISTAKES[name]
    text = '{ "steps": [ { "id": "x", "set": { "x": "1" } } ],\n  "triggers": [ { "plugin": "filewatch",\n ' + text + " } ] }\n"
    before, _, after = text.partition("§")
    daemon.configure(plugins={"filewatch": {}})
    (daemon.folder / "workflows" / "w.json").write_text(before + after, encoding="utf-8")
    found, code = check(daemon.folder)
    line, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
    if "path" in word and "with" in after:
        # Where a table tells of what is missing is the host's affair.
        assert code == 1 and len(found["w.json"]) == 1 and word in found["w.json"][0]
        return
    assert code == 1 and len(found["w.json"]) == 1, found
    assert found["w.json"][0].startswith(f"{line}:{column}: ") and word in found["w.json"][0], (found, line, column)


def test_all_mistakes_are_told_at_once_and_what_is_right_is_none(daemon):
    daemon.configure(plugins={"filewatch": {}})
    for name, with_ in {
            "wrong": {"path": "/x", "kinds": ["made"], "batchLimit": 0, "include": ["[a"]},
            "relative": {"path": "some/where", "include": "*.md"}, "dots": {"path": "../x/./y/"},
            "full": {"path": "/x", "include": ["**/*.md", "!a", "/b/", "[a-z]?*", "[!a]", "\\!x", "#x"], "exclude": "*~",
                     "gitignore": True, "kinds": ["created", "changed", "removed", "moved"],
                     "types": ["file", "directory", "symlink", "other"], "settle": "0s", "settleFor": "batch", "settleMax": "0s",
                     "waitForClose": False, "batch": "burst", "batchLimit": 10000, "followSymlinks": True, "attributes": False,
                     "minSize": "1KiB", "minAge": "1h", "existing": "emit", "poll": "never", "pollInterval": "1m",
                     "pollIntervalMax": "1m", "whenUnmounted": "removed"}}.items():
        daemon.workflow(name, [{"id": "x", "set": {"x": "1"}}], triggers=[{"plugin": "filewatch", "with": with_}])
    found, code = check(daemon.folder)
    assert code == 1 and set(found) == {"wrong.json"} and len(found["wrong.json"]) == 3, found


def test_a_relative_path_begins_at_the_configuration(world):
    tree = world.daemon.folder / "files" / "here"
    tree.mkdir(parents=True)
    world.tree, outside = tree, world.tree
    world.begin(triggers={"tree": {"path": "files/here/"}}, root=tree)
    world.write("a", "1\n")
    world.expect(created("a"))
    world.tree = outside


# ---- What an activity gets


def test_an_activity_gets_the_change_and_says_its_cause(world):
    world.define()
    world.daemon.configure(plugins={"filewatch": {}})
    say = {"what": "$(trigger.kind) $(trigger.path)", "by": "$(trigger.cause.path)"}
    world.daemon.workflow("watch", [{"id": "say", "set": say}], params={"change": {"type": "object"}}, triggers=[
        {"plugin": "filewatch", "with": {"path": str(world.tree), "settle": SETTLE, "existing": "emit"}, "when": '.name == "a"',
         "params": {"change": "."}}])
    world.write("a", "1\n")
    world.daemon.start()

    def completed():
        return world.daemon.api("GET", "/activities?workflow=watch&status=completed").json["activities"]

    detail = world.daemon.detail(wait_until(completed, "an activity")[0]["id"])
    path = str(world.tree / "a")
    assert detail["trigger"] == "filewatch" and detail["cause"] == {"path": path, "kind": detail["params"]["change"]["kind"]}
    change = detail["params"]["change"]
    assert change["root"] == str(world.tree) and change["path"] == path and change["name"] == change["relative"] == "a"
    assert detail["steps"][0]["outputs"] == {"what": f"{change['kind']} {path}", "by": path}
    timeline = world.daemon.api("GET", "/workflows/watch/why?window=1h").json["timeline"]
    accepted = [one for one in timeline if one["kind"] == "accepted"]
    assert accepted[0]["cause"]["path"] == path


def test_a_change_has_the_attributes_to_the_nanosecond(world):
    world.begin()
    world.write("a", "12345")
    os.utime(world.tree / "a", ns=(1, 1234567890123456789))
    told = world.expect(created("a"))[0].told
    real = os.stat(world.tree / "a")
    assert told["mtime"] == "2009-02-13T23:31:30.123456789Z" and nanoseconds(told["ctime"]) == real.st_ctime_ns
    assert (told["type"], told["size"], told["inode"]) == ("file", 5, real.st_ino)
    assert "differs" not in told and "open" not in told and "pathBase64" not in told
    os.unlink(world.tree / "a")
    gone = world.expect(removed("a"))[0].told
    assert {**told, "kind": "removed"} == gone


def test_what_a_filter_refuses_is_told_once(world):
    """It is recorded as refused, and not told again after a restart."""
    world.define()
    path = world.daemon.folder / "workflows" / "watch.json"

    def with_filter():
        definition = json.loads(path.read_text(encoding="utf-8"))
        definition["triggers"][0]["when"] = ".size != 4"
        path.write_text(json.dumps(definition), encoding="utf-8")

    define = world.define
    world.define = lambda **options: (define(**options), with_filter())
    world.begin()
    world.journal.strict = False
    world.write("a", "1234")
    world.write("b", "1\n")
    world.expect(created("b"))
    world.daemon.restart()
    world.expect()
    world.append("a", "5")
    world.expect(changed("a", *WRITTEN))

    def refused():
        return [one["count"] for one in world.daemon.api("GET", "/workflows/watch/why?window=1h").json["timeline"]
                if one["kind"] == "refused" and one["reason"] == "filter"]

    assert sum(wait_until(refused, "the refusal")) == 1


def test_changes_are_told_in_the_order_of_their_last_events(world):
    world.begin(settle="1s")
    names = [f"f{number}" for number in range(8)]
    for name in names + ["f0", "f3"]:
        world.append(name, "x")
        end = time.monotonic() + 0.03
        wait_until(lambda end=end: time.monotonic() > end, "another instant", pause=0.005)
    assert [change.path for change in world.sync()] == ["f1", "f2", "f4", "f5", "f6", "f7", "f0", "f3"]
    world.check_whole()


# ---- When it is told


def settled_ms(change):
    """From its last write to when it was told."""
    return change.created_ms - change.state.mtime / 1e6


def test_a_change_is_told_after_the_quiet_time_and_not_before(world):
    world.begin(settle="1s")
    world.write("a", "1\n")
    assert settled_ms(world.wait(1)[0]) >= 990


def test_a_file_that_is_never_quiet_is_told_now_and_then(world):
    world.begin(settle="1s", settleMax="1500ms")

    def drip():
        world.append("a", "x")
        return len(world.pending()) >= 2

    wait_until(drip, "two changes", PATIENCE, pause=0.05)
    found = world.sync()
    assert [change.kind for change in found] == ["created"] + ["changed"] * (len(found) - 1)
    assert found[1].created_ms - found[0].created_ms >= 1400
    assert found[-1].state.size == (world.tree / "a").stat().st_size
    world.check_whole()


def test_without_a_limit_a_file_is_told_only_when_it_is_quiet(world):
    world.begin(settle="500ms", settleMax="0s")
    end = time.monotonic() + 3
    while time.monotonic() < end:
        world.append("a", "x")
        assert not world.pending()
        time.sleep(0.05)
    world.expect(created("a"))
    world.check_whole()


def test_a_file_is_told_once_it_is_old_enough(world):
    world.begin(minAge="2s", mark="old")
    world.write("new", "1\n")
    world.write("old", "1\n")
    os.utime(world.tree / "old", (1000, 1000))
    world.expect(created("old"))
    found = world.wait(1)
    compare(found, created("new"))
    assert settled_ms(found[0]) >= 1990
    world.expect()


def test_a_batch_waits_until_all_is_quiet(world):
    world.begin(settle="1s", settleFor="batch")
    world.write("first", "1\n")
    for _ in range(40):
        world.append("last", "x")
        time.sleep(0.05)
    found = world.sync()
    compare(found, created("first", "last"))
    last = max(change.state.mtime for change in found) / 1e6
    assert all(change.created_ms >= last + 990 for change in found)


# ---- Bursts


def batches(world):
    """Without those of sentinels alone, which come with nothing else."""
    return [batch for batch in world.watched().batches if not all(change.is_mark for change in batch)]


def test_a_burst_is_one_activity(world):
    world.make({"old/a": "1\n", "old/b": "1\n", "x": "1\n"})
    world.begin(settle="700ms", settleFor="batch", batch="burst")
    world.sh("for i in $(seq 50); do echo $i > $i; done; mv old new; rm x; mkdir d; echo 1 > d/f")
    wanted = created(*map(str, range(1, 51)), "d/f") + moved("new/a", "old/a") + moved("new/b", "old/b") + removed("x")
    compare(world.wait(len(wanted)), wanted)
    assert [len(batch) for batch in batches(world)] == [len(wanted)]
    world.expect()
    world.check_whole()


def test_what_is_due_together_is_one_activity(world):
    world.begin(settle="500ms", batch="burst")
    names = [f"{number}" for number in range(200)]
    for name in names:
        world.write(name, "1\n")
    world.expect(created(*names))
    # Fewer than one each, by far; how many is a matter of time.
    assert len(batches(world)) <= 100
    world.check_whole()


def test_a_burst_that_is_too_large_is_split(world):
    world.begin(settle="700ms", settleFor="batch", batch="burst", batchLimit=20)
    names = [f"{number}" for number in range(50)]
    for name in names:
        world.write(name, "1\n")
    compare(world.wait(50), created(*names))
    assert [len(batch) for batch in batches(world)] == [20, 20, 10]
    world.expect()
    world.check_whole()


def test_a_burst_is_as_large_as_it_may_be(world):
    """Its journal goes with it: 10,000 files with long names in one activity, or in several if that is more than one may hold."""
    world.begin(settle="2s", settleFor="batch", batch="burst", batchLimit=10000)
    names = [f"{number:0200}" for number in range(10000)]
    for name in names:
        world.write(name, "1\n")
    compare(world.wait(10000), created(*names))
    world.daemon.kill()
    os.unlink(world.tree / names[0])
    world.daemon.start()
    world.expect(removed(names[0]))
    world.check_whole()


# ---- What is there at the beginning


def test_what_exists_is_told_at_the_first_start_when_asked_for(world):
    world.make({"a": "1\n", "d/b": "1\n", "c.txt": "1\n"})
    world.begin(existing="emit", exclude="*.txt")

    def told():
        world.read()
        return [change for change in world.watched().changes if not change.is_mark]

    wait_until(lambda: len(told()) >= 2, "what exists")
    compare(told(), created("a", "d/b"))
    world.watched().seen = len(world.watched().changes)
    world.daemon.restart()
    world.expect()
    world.append("a", "2\n")
    world.expect(changed("a", *WRITTEN))


def test_what_exists_is_told_when_the_daemon_dies_while_it_does_so(world):
    names = [f"{number % 10}/{number}" for number in range(3000)]
    world.make({name: "1\n" for name in names})
    world.begin(existing="emit", ready=())
    for _ in range(3):
        before = len(world.pending())
        wait_until(lambda before=before: len(world.pending()) > before or before == len(names), "some", PATIENCE)
        world.daemon.kill()
        world.daemon.start()
    world.expect(created(*names))
    world.check_whole()


def test_a_path_that_is_not_there_is_waited_for(world):
    os.rmdir(world.tree)
    world.begin(ready=())
    reason = world.wait_health("degraded", "not there")["reason"]
    assert str(world.tree) in reason or "path" in reason
    world.sh("mkdir $TREE; cd $TREE; mkdir d; echo 1 > d/f; echo 1 > a")
    world.expect(created("d/f", "a"))
    assert world.wait_health("running")
    world.check_whole()


def test_a_path_whose_folders_are_not_there_is_waited_for(world):
    tree, world.tree = world.tree, world.tree / "x" / "y" / "z"
    world.begin(ready=())
    world.wait_health("degraded", "not there")
    (tree / "x").mkdir()
    (tree / "x" / "other").write_text("1\n")
    world.wait_health("degraded", "not there")
    world.tree.mkdir(parents=True)
    world.write("a", "1\n")
    world.expect(created("a"))
    shutil.rmtree(tree / "x")
    compare(world.wait(1), removed("a"))
    world.wait_health("degraded", "not there")
    world.tree.mkdir(parents=True)
    world.write("b", "1\n")
    world.expect(created("b"))
    world.wait_health("running")
    world.tree = tree


# ---- One file


@pytest.mark.parametrize("options", [
    {}, {"poll": "always", "pollInterval": "100ms", "pollIntervalMax": "200ms"}], ids=["events", "polled"])
def test_a_file_is_watched_by_itself(world, options):
    world.make({"a": "1\n", "b": "1\n", "d/x": "1\n"})
    world.begin(ready=(), triggers={"tree": {"path": str(world.tree / "a"), **options}}, root=world.tree)

    world.get_ready_by(lambda: world.append("a", "x\n"))
    # Each step's list is whole, since the next one would come with what is beyond it.
    for step, wanted in (
            ("echo 22 >> b; echo 1 > a1; rm d/x; echo 22222222222 > a", changed("a", *WRITTEN)),
            ("echo 333 > tmp; mv tmp a", changed("a", "inode", *WRITTEN)),
            ("rm a", removed("a")),
            ("echo 1 > a", created("a")),
            ("mv a c", removed("a")),
            ("mv c a", created("a")),
            ("rm a; mkdir a", removed("a")),
            ("rmdir a; echo 1 > a", created("a")),
            ("chmod 600 a", changed("a", "ctime"))):
        world.sh(step)
        found = world.wait(len(wanted))
        compare(found, wanted)
        assert found[0].told["path"] == str(world.tree / "a") and found[0].told["root"] == str(world.tree)
    world.daemon.stop()
    world.append("a", "3\n")
    world.daemon.start()
    compare(world.wait(1), changed("a", *WRITTEN))
    world.sh("rm a")
    compare(world.wait(1), removed("a"))
    world.wait_health("degraded", "not there")


def test_a_file_that_is_not_there_is_waited_for(world):
    world.begin(ready=(), triggers={"tree": {"path": str(world.tree / "a")}}, root=world.tree)
    world.wait_health("degraded", "not there")
    world.sh("echo 1 > b; echo 1 > a")
    compare(world.wait(1), created("a"))
    world.wait_health("running")
    world.sh("rm a b")
    compare(world.wait(1), removed("a"))


# ---- Several triggers


def test_triggers_on_one_tree_have_a_journal_each(world):
    world.make({"a.md": "1\n"})
    tree = str(world.tree)
    world.begin(ready=("all", "bursts"), triggers={
        "all": {"path": tree}, "texts": {"path": tree, "include": "*.md", "settle": "600ms", "existing": "emit"},
        "bursts": {"path": tree, "batch": "burst", "kinds": ["created"], "settleFor": "batch"}})
    compare(world.wait(1, "texts"), created("a.md"))
    world.sh("echo 1 > b.md; echo 1 > c; echo 22 > a.md")
    world.expect(created("b.md", "c"), changed("a.md", *WRITTEN))
    compare(world.wait(2, "bursts"), created("b.md", "c"))
    compare(world.wait(2, "texts"), created("b.md") + changed("a.md", *WRITTEN))
    world.daemon.stop()
    world.sh("rm b.md; echo 1 > d.md")
    world.daemon.start()
    world.expect(removed("b.md"), created("d.md"))
    compare(world.wait(1, "bursts"), created("d.md"))
    compare(world.wait(2, "texts"), removed("b.md") + created("d.md"))


def test_a_tree_and_a_part_of_it_are_watched_by_two(world):
    world.make({"d/e/f": "1\n"})
    part, file = world.tree / "d" / "e", world.tree / "d" / "e" / "f"
    world.begin(triggers={"tree": {"path": str(world.tree)}, "part": {"path": str(part), "settle": "100ms"},
                          "file": {"path": str(file)}})
    world.triggers["file"].root = part
    for name in ("part", "file"):
        world.get_ready_by(lambda: world.append("d/e/f", "x"), name)
    for name in world.triggers:
        world.sync()
        world.new(name)
    world.sh("echo 22 > d/e/f; echo 1 > d/e/g; echo 1 > d/h")
    world.expect(changed("d/e/f", *WRITTEN), created("d/e/g", "d/h"))
    compare(world.wait(2, "part"), changed("f", *WRITTEN) + created("g"))
    compare(world.wait(1, "file"), changed("f", *WRITTEN))
    world.sh("mv d/e x")
    world.expect(moved("x/f", "d/e/f"), moved("x/g", "d/e/g"))
    compare(world.wait(2, "part"), removed("f", "g"))
    compare(world.wait(1, "file"), removed("f"))
    world.wait_health("degraded", "not there", name="part")
    world.sh("mv x d/e")
    world.expect(moved("d/e/f", "x/f"), moved("d/e/g", "x/g"))
    compare(world.wait(2, "part"), created("f", "g"))
    world.sh("echo 4444 > d/e/f")
    world.expect(changed("d/e/f", *WRITTEN))
    compare(world.wait(1, "part"), changed("f", *WRITTEN))
    world.check_whole()


# ---- Switched off, changed, and removed


@pytest.mark.parametrize("what", ["watch", "watch/tree"])
def test_what_changes_while_it_is_switched_off_is_told_once_it_is_on_again(world, what):
    world.make({"a": "1\n", "b": "1\n", "c": "1\n"})
    world.begin()
    world.daemon.cli("disable", what)
    world.sh("echo 22 > a; rm b; mv c d; echo 1 > n")
    world.daemon.cli("enable", what)
    world.expect(changed("a", *WRITTEN), removed("b"), moved("d", "c"), created("n"))
    world.check_whole()


def test_a_wider_pattern_tells_nothing_of_what_was_there(world):
    world.make({"a.md": "1\n", "a.txt": "1\n", "d/b.txt": "1\n"})
    world.begin(include="*.md", suffix=".md")
    world.reload(include=["*.md", "*.txt"])
    world.expect()
    world.sh("echo 22 > a.txt; rm d/b.txt; echo 1 > c.txt; echo 22 > a.md")
    world.expect(changed("a.txt", *WRITTEN), removed("d/b.txt"), created("c.txt"), changed("a.md", *WRITTEN))


def test_a_narrower_pattern_tells_nothing_of_what_is_left_out(world):
    world.make({"a.md": "1\n", "a.txt": "1\n", "d/b.txt": "1\n"})
    world.begin(suffix=".md")
    world.reload(include="*.md")
    world.expect()
    world.sh("echo 22 > a.txt; rm d/b.txt; echo 22 > a.md")
    world.expect(changed("a.md", *WRITTEN))


@pytest.mark.parametrize("before, after", [
    ({}, {"followSymlinks": True}), ({"gitignore": True}, {}), ({"minSize": "1KiB"}, {}),
    ({"types": ["file"]}, {"types": ["file", "directory"]}), ({"exclude": "d"}, {}), ({}, {"poll": "always", "pollInterval": "100ms"}), ({"batch": "file"}, {"batch": "burst"}),
    ({"settle": "100ms"}, {"settle": "300ms"}),
], ids=["followSymlinks", "gitignore", "minSize", "types", "exclude", "poll", "batch", "settle"])
def test_other_options_tell_nothing_of_what_was_there(world, before, after):
    world.make({"a": "1\n", "d/b": "1\n", ".gitignore": "*.log\n", "x.log": "1\n"})
    (world.outside / "o").write_text("1\n")
    os.symlink(world.outside, world.tree / "link")
    world.begin(size=2000, **before)
    world.journal.strict = False
    world.reload(**after)
    world.expect()
    world.sh("echo 22 > a; rm d/b")
    world.expect(changed("a", *WRITTEN), removed("d/b"))


def test_another_path_begins_anew(world):
    world.make({"one/a": "1\n", "two/b": "1\n"})
    tree = world.tree
    world.tree = tree / "one"
    world.begin()
    world.tree = world.triggers["tree"].root = tree / "two"
    world.journal.strict = False
    world.reload()
    world.expect()
    world.sh("echo 22 > b; echo 1 > ../one/c")
    world.expect(changed("b", *WRITTEN))
    world.tree = tree


def test_a_reload_in_a_storm_of_changes_loses_nothing(world):
    world.begin()
    for number in range(8):
        world.sh(f"for i in $(seq 100); do echo $i > {number}-$i; done")
        world.reload(settle=f"{100 + number * 20}ms")
    world.expect(created(*[f"{number}-{i}" for number in range(8) for i in range(1, 101)]))
    world.check_whole()


# ---- Anything at all


def random_step(world, rng):
    """One thing that can be done to a tree of few names, so that they often meet."""
    folders = [""] + [os.fsdecode(name) + "/" for name in snapshot(world.tree, ["directory"]) if name.count(b"/") < 3]
    files = [os.fsdecode(name) for name in snapshot(world.tree, ["file"]) if not name.startswith(b"sentinel-")]
    names = files + [folder[:-1] for folder in folders if folder]
    new = rng.choice(folders) + rng.choice("abcdef")
    what = rng.randrange(12)
    try:
        if what <= 3 or not names:
            with open(world.tree / new, rng.choice(["ab", "wb"])) as file:
                file.write(rng.randbytes(rng.randrange(200)))
        elif what == 4:
            os.mkdir(world.tree / new)
        elif what == 5 and files:
            os.unlink(world.tree / rng.choice(files))
        elif what == 6:
            shutil.rmtree(world.tree / rng.choice(names))
        elif what <= 8:
            os.rename(world.tree / rng.choice(names), world.tree / new)
        elif what == 9 and files:
            os.chmod(world.tree / rng.choice(files), rng.choice([0o600, 0o644]))
        elif what == 10:
            world.exchange(rng.choice(names), rng.choice(names))
        elif files:
            source = rng.choice(files)
            shutil.copy2(world.tree / source, world.outside / "new")
            os.rename(world.outside / "new", world.tree / source)
    except (OSError, AssertionError):
        pass  # what cannot be done, such as moving a folder into itself


@pytest.mark.parametrize("options", [
    {}, {"batch": "burst", "settle": "50ms"}, {"settle": "0s"},
    {"poll": "always", "pollInterval": "100ms", "pollIntervalMax": "200ms"}, {"settleFor": "batch", "settleMax": "500ms", "batch": "burst"},
], ids=["by file", "in bursts", "at once", "polled", "by batch"])
def test_what_is_told_of_random_changes_is_what_the_tree_has_become(world, options):
    print(f"TAPPET_SEED={SEED}")
    rng = random.Random(SEED)
    world.begin(**options)
    for end in (None, world.daemon.restart, world.daemon.kill, None):
        for number in range(600):
            random_step(world, rng)
            if number == 400 and end:
                end()
                if not world.daemon.running:
                    for _ in range(100):
                        random_step(world, rng)
                    world.daemon.start()
        world.sync()
        world.check_whole()


def test_a_day_is_told_as_its_date(world):
    """Dates of all years that a file may have are read and written alike."""
    world.begin()
    for year in (1902, 1969, 1970, 2000, 2038, 2100, 2261):
        world.write(f"{year}", "1\n")
        stamp = datetime.datetime(year, 2, 28, 23, 59, 59, tzinfo=datetime.timezone.utc).timestamp()
        os.utime(world.tree / f"{year}", (stamp, stamp))
    found = world.expect(created("1902", "1969", "1970", "2000", "2038", "2100", "2261"))
    assert {change.path: change.told["mtime"] for change in found} == {
        change.path: f"{change.path}-02-28T23:59:59.000000000Z" for change in found}
    world.check_whole()
