"""A tree that a daemon watches, what is done to it, and what has been told of it: checked change by change, and as a whole, by
replaying it over the tree as it was at the beginning.

What was told is read from the store, in the order of its commits; that is the same as by API, but thousands at a time.
"""

import base64
import calendar
import collections
import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import time
from urllib.parse import quote

import pytest
from daemon import wait_until

STEPS = [{"id": "nothing", "set": {"x": "1"}}]
# Long enough that what belongs together comes within it on a busy machine.
SETTLE = "250ms"
# Files with this name say that all before them has been told; they are no part of a test.
MARK = "sentinel-"
MARK_NUMBER = re.compile(MARK + r"(\d+)")
# Options that leave out some of the changes: then the tree cannot be made of what was told.
FILTERS = {"include", "exclude", "gitignore", "kinds", "types", "attributes", "minSize", "minAge", "followSymlinks"}
DIFFERENCES = ("type", "size", "mtime", "ctime", "inode")
INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z")
CHANGE_KEYS = {"root", "kind", "path", "relative", "name", "type", "size", "mtime", "ctime", "inode"}
# They change with each entry of a folder, and are not told of one.
NOT_OF_FOLDERS = {"size", "mtime", "ctime"}
MAY_HAVE = {"differs", "from", "fromRelative", "pathBase64", "fromBase64", "open"}
RENAME_EXCHANGE = 2
PATH_MAX = 4096
PATIENCE = 60.0
LATE = 20.0

State = collections.namedtuple("State", DIFFERENCES)
# What a test expects: `differs` is None where it does not matter.
Told = collections.namedtuple("Told", ("kind", "path", "origin", "differs", "open"), defaults=(None, None, None))


def created(*paths, **more):
    return [Told("created", path, **more) for path in paths]


def removed(*paths):
    return [Told("removed", path) for path in paths]


def changed(path, *differs, **more):
    return [Told("changed", path, None, frozenset(differs) or None, **more)]


def moved(path, origin):
    return [Told("moved", path, origin)]


def nanoseconds(text):
    match = INSTANT.fullmatch(text)
    assert match, f"no instant with nanoseconds: {text}"
    return calendar.timegm(time.strptime(match.group(1), "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(match.group(2))


def type_of(mode):
    for test, name in ((stat.S_ISREG, "file"), (stat.S_ISDIR, "directory"), (stat.S_ISLNK, "symlink")):
        if test(mode):
            return name
    return "other"


def state_of(path, follow=False):
    """None when there is nothing. A link that leads nowhere is a link, also where they are followed."""
    try:
        found = os.stat(path) if follow and os.path.exists(path) else os.lstat(path)
    except OSError:
        return None
    return State(type_of(found.st_mode), found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def snapshot(root, types=("file", "symlink")):
    """The state of everything in the tree, by its name relative to the root, in bytes."""
    found = {}
    folders = [b""]
    while folders:
        folder = folders.pop()
        with contextlib.suppress(FileNotFoundError), os.scandir(os.path.join(os.fsencode(root), folder)) as entries:
            for entry in entries:
                name = os.path.join(folder, entry.name)
                state = state_of(entry.path)
                if state is None:
                    continue  # gone, or its path is too long
                if state.type == "directory":
                    folders.append(name)
                if state.type in types:
                    found[name] = state
    return found


def differences(before, after):
    return frozenset(name for name in DIFFERENCES if getattr(before, name) != getattr(after, name))


class Change:
    """One that was told, after a look at its form."""

    def __init__(self, told, root, activity, created_ms):
        self.told, self.activity, self.created_ms = told, activity, created_ms
        keys = CHANGE_KEYS - (NOT_OF_FOLDERS if told["type"] == "directory" else set())
        assert keys <= set(told) | {"root"} and set(told) <= keys | MAY_HAVE, told
        self.kind = told["kind"]
        self.key = self.bytes_of("path", "pathBase64", "relative", root)
        self.origin = None
        assert ("from" in told) == ("fromRelative" in told) == (self.kind == "moved"), told
        if self.kind == "moved":
            self.origin = self.bytes_of("from", "fromBase64", "fromRelative", root)
        assert told["name"] == told["relative"].rpartition("/")[2], told
        times = [nanoseconds(told[key]) if key in told else 0 for key in ("mtime", "ctime")]
        self.state = State(told["type"], told.get("size", 0), *times, told["inode"])
        self.differs = frozenset(told.get("differs", ()))
        assert len(self.differs) == len(told.get("differs", ())) and self.differs <= set(DIFFERENCES), told
        assert self.kind == "moved" or bool(self.differs) == (self.kind == "changed"), told
        assert told.get("open", True) is True, told
        self.open = told.get("open", False)

    def bytes_of(self, path, encoded, relative, root):
        """The name below the root; where it is not UTF-8, the text has U+FFFD for what is wrong."""
        told = self.told
        assert told[path] == f"{str(root).rstrip('/')}/{told[relative]}", told
        if encoded not in told:
            return told[relative].encode("utf-8")
        whole = base64.b64decode(told[encoded], validate=True)
        assert whole.decode("utf-8", "replace") == told[path] and "\ufffd" in told[path], told
        return whole[len(os.fsencode(str(root).rstrip("/"))) + 1:]

    @property
    def path(self):
        return os.fsdecode(self.key)

    @property
    def mark(self):
        """The number of a sentinel."""
        match = MARK_NUMBER.match(os.path.basename(self.path))
        return int(match.group(1)) if match else None

    @property
    def is_mark(self):
        return self.mark is not None

    def __repr__(self):
        origin = f" < {os.fsdecode(self.origin)}" if self.origin is not None else ""
        return f"{self.kind} {self.path}{origin} {sorted(self.differs)}{' open' if self.open else ''}"


class Journal:
    """The state that a reader of all changes has in mind. A change that does not go on from there is a fault."""

    def __init__(self, states, strict=True):
        self.states, self.strict = dict(states), strict

    def expect(self, true, change):
        assert true or not self.strict, f"does not go on from what was told before: {change!r}: {self.states.get(change.key)}"

    def compare(self, change, before):
        # Of a folder nothing but its coming and going is told, so that of times less is known.
        if before is None or change.state.type == "directory":
            return
        real = differences(before, change.state)
        # A rename alone sets the ctime on most file systems.
        allowed = {real, real - {"ctime"}} if change.kind == "moved" else {real}
        assert change.differs in allowed, (repr(change), sorted(real), before, change.state)
        assert change.kind == "moved" or real, f"the same is told again: {change!r}"

    def take(self, change):
        if change.is_mark:
            return
        known = self.states.get(change.key)
        if change.kind in ("created", "moved"):
            self.expect(known is None, change)
        else:
            self.expect(known is not None, change)
        if change.kind == "moved":
            origin = self.states.pop(change.origin, None)
            self.expect(origin is not None, change)
            self.compare(change, origin)
            assert origin is None or origin.inode == change.state.inode, repr(change)
        elif change.kind == "changed":
            self.compare(change, known)
        if change.kind != "removed":
            self.states[change.key] = change.state
            return
        # What was known last.
        assert known in (None, change.state) or change.state.type == "directory", (repr(change), known, change.state)
        self.states.pop(change.key, None)


class Store:
    """What is committed, also while the daemon writes."""

    def __init__(self, path):
        self.path, self.connection, self.number = path, None, 0

    def rows(self):
        """The new ones: (trigger id, activity, created_ms, payload, cause)."""
        if self.connection is None:
            self.connection = sqlite3.connect(f"file:{quote(str(self.path))}?mode=ro", uri=True, timeout=30)
        found = self.connection.execute(
            "SELECT input.num, source.trigger_id, hex(activity.id), activity.created_ms, input.payload, input.cause"
            " FROM input JOIN activity ON activity.input = input.num JOIN source ON source.num = activity.source"
            " WHERE input.num > ? ORDER BY input.num", (self.number,)).fetchall()
        if found:
            self.number = found[-1][0]
        return [(row[1], row[2], row[3], json.loads(row[4]), json.loads(row[5])) for row in found]

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Watched:
    """One trigger: its root, and all that it has told."""

    def __init__(self, name, root):
        self.name, self.root = name, root
        self.batches = []  # one list of changes for each activity
        self.seen = 0      # of the changes, those that a test has looked at
        self.changes, self.marks = [], set()

    def take(self, activity, created_ms, payload, cause):
        if "changes" in payload:
            assert set(payload) == {"root", "count", "changes"} and payload["root"] == str(self.root), payload
            assert payload["count"] == len(payload["changes"]) > 0, payload
            assert cause == {"root": str(self.root), "count": payload["count"]}, cause
            assert all("root" not in told for told in payload["changes"]), payload
            batch = payload["changes"]
        else:
            assert payload["root"] == str(self.root), payload
            assert cause == {"path": payload["path"], "kind": payload["kind"]}, (cause, payload)
            batch = [payload]
        changes = [Change(told, self.root, activity, created_ms) for told in batch]
        self.batches.append(changes)
        self.changes += changes
        self.marks |= {change.mark for change in changes}


class World:
    """A tree in a folder of its own (`tree`), a folder beside it (`outside`), and a daemon with triggers on it."""

    def __init__(self, daemon, folder):
        self.daemon = daemon
        self.move_to(folder)
        self.options, self.triggers, self.opened, self.config = {}, {}, [], {}
        self.store, self.journal = None, None
        self.marks, self.mark_kind, self.mark_suffix, self.mark_size = 0, "created", "", 0

    def move_to(self, folder):
        self.tree, self.outside = folder / "tree", folder / "outside"
        for each in (self.tree, self.outside):
            each.mkdir(exist_ok=True)

    # ---- The daemon

    def begin(self, *, ready=(None,), mark="created", suffix="", size=0, **options):
        """Watches the tree, or what `triggers` ({id: options}) say, and waits for those in `ready` (the first one). `mark`,
        `suffix` and `size` make the sentinels such that the options let them through."""
        self.mark_kind, self.mark_suffix, self.mark_size = mark, suffix, size
        if mark in ("removed", "changed", "moved"):
            for number in range(1, 100):
                self.write(f"{MARK}{number}{suffix}", f"{number}\n")
        self.define(**options)
        self.store = Store(self.daemon.folder / "tappet.db")
        first = next(iter(self.triggers.values()))
        exact = not FILTERS & set(self.options) and first.root == self.tree
        self.journal = Journal({} if self.options.get("existing") == "emit" else snapshot(self.tree), strict=exact)
        self.daemon.start()
        for name in ready:
            self.get_ready(name)
        return self

    def define(self, triggers=None, root=None, **options):
        """Writes the files of the daemon; what was told before stays. `root` is what is told as such, if not the path."""
        triggers = triggers or {"tree": {"path": str(self.tree), **options}}
        triggers = {name: {"settle": SETTLE, **with_} for name, with_ in triggers.items()}
        for name, with_ in triggers.items():
            if name not in self.triggers:
                self.triggers[name] = Watched(name, root or self.daemon.folder / with_["path"])
        self.options = next(iter(triggers.values()))
        # Accepted, not executed: this is about what is told.
        self.daemon.configure(plugins={"filewatch": {}}, executor={"concurrency": 0}, **self.config)
        self.daemon.workflow("watch", STEPS, triggers=[
            {"id": name, "plugin": "filewatch", "with": with_} for name, with_ in triggers.items()])

    def reload(self, **options):
        self.define(**options)
        self.daemon.cli("reload")

    def get_ready(self, name=None):
        """A change is told from when the tree has been looked at first."""
        def told():
            self.mark()
            with contextlib.suppress(AssertionError):
                return wait_until(lambda: self.is_any_told(name), "a sentinel", 2)
            return False

        wait_until(told, f"the trigger to be ready: {self.health(name)}", PATIENCE)
        self.new(name)

    def get_ready_by(self, change, name=None):
        """Where there can be no sentinel: does something again and again until that is told."""
        def told():
            change()
            with contextlib.suppress(AssertionError):
                return wait_until(lambda: self.pending(name), "a change", 2)
            return False

        wait_until(told, f"the trigger to be ready: {self.health(name)}", PATIENCE)
        self.new(name)

    def health(self, name=None):
        answer = self.daemon.api("GET", "/triggers?workflow=watch").json["triggers"]
        found = {trigger["id"]: trigger["health"] for trigger in answer}
        return found[name or next(iter(self.triggers))]

    def wait_health(self, state, *words, name=None):
        def so():
            health = self.health(name)
            return health if health["state"] == state and all(
                word in health.get("reason", "") for word in words) else None

        try:
            return wait_until(so, f"the health {state} {words}", PATIENCE)
        except AssertionError as error:
            raise AssertionError(f"{error}, not {self.health(name)}") from None

    def healths(self):
        """All that was told of it, the oldest first."""
        found, since = [], 0
        while True:
            page = self.daemon.api("GET", f"/events?since={since}&limit=1000&types=trigger.health").json
            found += [event["data"] for event in page["events"]]
            since = page["next"]
            if since >= page["newest"]:
                return found

    # ---- What has been told

    def read(self):
        for name, activity, created_ms, payload, cause in self.store.rows():
            self.triggers[name].take(activity, created_ms, payload, cause)

    def watched(self, name=None):
        return self.triggers[name] if name else next(iter(self.triggers.values()))

    def is_told(self, number, name=None):
        self.read()
        return number in self.watched(name).marks

    def is_any_told(self, name=None):
        self.read()
        return bool(self.watched(name).marks)

    def mark(self):
        """Does something that will be told; its number."""
        self.marks += 1
        path = f"{MARK}{self.marks}{self.mark_suffix}"
        if self.mark_kind == "removed":
            os.unlink(self.tree / path)
        elif self.mark_kind == "changed":
            self.append(path, "more\n")
        elif self.mark_kind == "moved":
            os.rename(self.tree / path, self.tree / f"{MARK}{self.marks}-moved{self.mark_suffix}")
        elif self.mark_kind == "directory":
            os.mkdir(self.tree / path)
        elif self.mark_kind == "symlink":
            os.symlink("nothing", self.tree / path)
        elif self.mark_kind == "old":
            # In one piece, also for a scan that comes in between.
            os.close(os.open(self.outside / path, os.O_CREAT))
            os.utime(self.outside / path, (1000, 1000))
            os.rename(self.outside / path, self.tree / path)
        else:
            self.write(path, f"{self.marks}\n".ljust(self.mark_size, "x"))
        return self.marks

    def sync(self, name=None):
        """Until all is told: what had its last event before a sentinel is told before it. The second one is there to catch
        what comes late. Returns the new changes, without sentinels."""
        for _ in range(2):
            number = self.mark()
            try:
                wait_until(lambda number=number: self.is_told(number, name), f"sentinel {number}", PATIENCE)
            except AssertionError as error:
                raise AssertionError(f"{error}; the last that was told: {self.watched(name).changes[-20:]}") from None
        return self.new(name)

    def pending(self, name=None):
        self.read()
        watched = self.watched(name)
        return [change for change in watched.changes[watched.seen:] if not change.is_mark]

    def new(self, name=None):
        """The changes since the last call."""
        found = self.pending(name)
        watched = self.watched(name)
        if watched is self.watched():
            for change in watched.changes[watched.seen:]:
                self.journal.take(change)
        watched.seen = len(watched.changes)
        return found

    def wait(self, count, name=None):
        """Where no sentinel can be: until so many are told."""
        try:
            wait_until(lambda: len(self.pending(name)) >= count, f"{count} changes", PATIENCE)
        except AssertionError as error:
            raise AssertionError(f"{error}, there are {self.pending(name)}") from None
        return self.new(name)

    def expect(self, *wanted, name=None, tolerate=None, sentinel=True):
        """Exactly these changes have come, whatever their order. `tolerate` says which others may have."""
        wanted = [told for part in wanted for told in part]
        found = self.sync(name) if sentinel else self.wait(len(wanted), name)
        # What is found by listing folders may be later than a sentinel, on a busy machine.
        end = time.monotonic() + LATE
        while collections.Counter(map(plain, wanted)) - collections.Counter(map(plain, found)) and time.monotonic() < end:
            time.sleep(0.02)
            found += self.new(name)
        compare(found, wanted, tolerate)
        return found

    def check_whole(self):
        """The tree is what was told, and nothing but that."""
        if self.journal.strict:
            real = {key: state for key, state in snapshot(self.tree).items() if not key.startswith(MARK.encode())}
            end = time.monotonic() + LATE
            while self.journal.states != real and time.monotonic() < end:
                time.sleep(0.02)
                self.new()
            compare_states(self.journal.states, real)
            return
        follow = bool(self.options.get("followSymlinks"))
        for key, state in self.journal.states.items():
            path = os.path.join(os.fsencode(self.watched().root), key)
            if any(change.key == key for change in self.watched().changes) and len(path) < PATH_MAX:
                real = state_of(path, follow)
                unknown = {"ctime": 0} if not self.options.get("attributes", True) else {}
                if state.type == "directory":
                    unknown = {"size": 0, "mtime": 0, "ctime": 0}
                assert "kinds" in self.options or (
                    real is not None and state._replace(**unknown) == real._replace(**unknown)), (key, state, real)

    # ---- What is done to the tree

    def sh(self, script):
        environment = {**os.environ, "OUT": str(self.outside), "TREE": str(self.tree), "LC_ALL": "C.UTF-8", "HOME": "/nowhere",
                       "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        for who in ("AUTHOR", "COMMITTER"):
            environment |= {f"GIT_{who}_NAME": "Tester", f"GIT_{who}_EMAIL": "tester@example.org"}
        cwd = self.tree if self.tree.is_dir() else "/"
        done = subprocess.run(["bash", "-e", "-u", "-o", "pipefail", "-c", script], cwd=cwd, env=environment, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=300)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def make(self, files):
        """{name: text, bytes, None for a folder, or a Link}."""
        for name, text in files.items():
            path = self.tree / name
            if text is None:
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(text, Link):
                os.symlink(text.target.replace("$OUT", str(self.outside)), path)
            else:
                self.write(name, text)

    def write(self, name, text):
        with open(self.tree / name, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode("utf-8"))

    def append(self, name, text):
        with open(self.tree / name, "ab") as file:
            file.write(text.encode("utf-8"))

    def open(self, name, mode="ab"):
        """Kept open, unbuffered, until the end of the test or `close`."""
        self.opened.append(open(self.tree / name, mode, buffering=0))  # pylint: disable=consider-using-with
        return self.opened[-1]

    def exchange(self, one, other):
        libc = ctypes.CDLL(None, use_errno=True)
        done = libc.renameat2(-100, os.fsencode(self.tree / one), -100, os.fsencode(self.tree / other), RENAME_EXCHANGE)
        assert done == 0, os.strerror(ctypes.get_errno())

    def close(self):
        for file in self.opened:
            file.close()
        if self.store is not None:
            self.store.close()
        if self.daemon.running:
            # A test that failed may have left it stopped.
            self.daemon.signal(signal.SIGCONT)
        # Deeper than shutil can go.
        subprocess.run(["chmod", "-R", "u+rwx", "--", self.tree], check=False, capture_output=True)
        subprocess.run(["rm", "-rf", "--", self.tree, self.outside], check=True)


class Link:
    """In `make`: a symbolic link; $OUT in the target is the folder outside."""

    def __init__(self, target):
        self.target = target


def plain(told):
    """To be counted and sorted."""
    return (told.kind, os.fsencode(told.path), os.fsencode(told.origin or b""))


def compare(found, wanted, tolerate=None):
    have = collections.Counter(plain(change) for change in found)
    want = collections.Counter(plain(told) for told in wanted)
    missing, beyond = want - have, have - want
    if tolerate is not None:
        for change in found:
            if plain(change) in beyond and tolerate(change):
                del beyond[plain(change)]
    assert not missing and not beyond, f"missing: {sorted(missing.elements())}\nbeyond: {sorted(beyond.elements())}"
    changes = {plain(change): change for change in found}
    for told in wanted:
        change = changes[plain(told)]
        assert told.differs is None or change.differs == told.differs, (repr(change), sorted(told.differs))
        assert told.open is None or change.open == told.open, repr(change)


def compare_states(told, real):
    wrong = {os.fsdecode(key): (told.get(key), real.get(key)) for key in set(told) | set(real) if told.get(key) != real.get(key)}
    assert not wrong, f"{len(wrong)} of {len(real)} are not as told (told, real): {dict(list(wrong.items())[:20])}"


@pytest.fixture(name="world")
def world_fixture(daemon, tmp_path):
    world = World(daemon, tmp_path)
    yield world
    world.close()


def missing(*programs):
    return [program for program in programs if not shutil.which(program)]
