"""The plugin filewatch beside inotifywait (inotify-tools) and chokidar (npm), on one tree of very many small files: time to ready,
memory of a file, what it takes when nothing happens, changes in one go, and the time to tell of one. A part of bench.py, whose
tools it is given. file_tree.c makes the tree and the changes.

All three do what people use them for, and tell a reader of their own: lines of a pipe, or the stream of events of the daemon, which
come when the activities are durable."""

import json
import os
import random
import re
import select
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

from daemon import DEADLINE

HERE = Path(__file__).resolve().parent
# The limit of node's heap is below what chokidar takes for a million files.
CHOKIDAR_HEAP_MIB = 12_000
PATIENCE = 900
# Nothing more is told when there was nothing for so long (s): who looks at the whole tree again must have the time.
OVER = 15
FILES_EACH = 10
CHANGED = "changed"


def scale(bench):
    """(folders, changed in one go, changed one by one, seconds of quiet)"""
    return (1_000, 2_000, 50, 2) if bench.QUICK else (100_000, 20_000, 300, 10)


# ---- The tree


def remove(folder):
    """All that is in it with as many hands as there are; for a million files that is worth it."""
    tops = "".join(f"{path}\0" for path in folder.glob("*"))
    subprocess.run(["xargs", "-0", "-r", "-n1", "-P", str(os.cpu_count()), "rm", "-rf", "--"], input=tops, text=True, check=False)
    shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(work):
    """Of those that were killed."""
    for folder in work.glob("tree-*"):
        if not Path(f"/proc/{folder.name.partition('-')[2]}").exists():
            remove(folder)


def end(*_):
    sys.exit("ended by a signal")


@contextmanager
def tree_of(bench, folders):
    remove_leftovers(bench.WORK)
    root = bench.WORK / f"tree-{os.getpid()}"
    before = signal.signal(signal.SIGTERM, end)
    try:
        root.mkdir(parents=True)
        begin = time.monotonic()
        subprocess.run([bench.WORK / "file_tree", "make", root, str(folders), str(FILES_EACH)], check=True)
        made = time.monotonic() - begin
        # What is still to be written would be in the way of what is measured.
        os.sync()
        # Once as every watcher does it at least: the caches are warm for all.
        begin = time.monotonic()
        subprocess.run(["find", root, "-type", "f", "-size", "+1000c"], check=True)
        yield SimpleNamespace(root=root, folders=folders, files=folders * FILES_EACH, made=made, walked=time.monotonic() - begin)
    finally:
        remove(root)
        signal.signal(signal.SIGTERM, before)


def change_all(bench, tree, count):
    """When the first one was changed, by the monotonic clock."""
    done = subprocess.run([bench.WORK / "file_tree", "change", tree.root, str(tree.folders), str(FILES_EACH), str(count)],
                          text=True, capture_output=True, check=True)
    return int(done.stdout.split()[0]) / 1e9


def some_files(tree, count):
    """That many, all over it."""
    chooser = random.Random(1)
    for number in chooser.sample(range(tree.folders // 1000 * 9 * 110), count):
        yield (tree.root / f"top{number // 990:03}" / f"middle{number % 990 // 110}" / f"leaf{number % 110:03}" /
               f"file{chooser.randrange(FILES_EACH):02}.txt")


# ---- Those who watch


class Told:
    """Counts what comes by a descriptor: each `mark` is something that was told."""

    def __init__(self, file, mark):
        self.file, self.mark, self.rest = file, mark, b""
        self.count, self.last = 0, 0.0

    def read(self, seconds):
        """Waits for more, and takes what there is; False when there was nothing."""
        if not select.select([self.file], [], [], seconds)[0]:
            return False
        piece = os.read(self.file.fileno(), 1 << 20)
        now = time.monotonic()
        assert piece, "the watcher has ended"
        self.rest += piece
        found = self.rest.count(self.mark)
        # Too short for another one that is whole.
        self.rest = self.rest[-(len(self.mark) - 1):] if len(self.mark) > 1 else b""
        if found:
            self.count, self.last = self.count + found, now
        return True

    def drain(self, seconds=0.0):
        """Until there was nothing for so long."""
        while self.read(seconds):
            pass

    def wait(self, count, seconds):
        """Until that many were told; False when the time was over before."""
        deadline = time.monotonic() + seconds
        while self.count < count:
            if not self.read(max(0.0, deadline - time.monotonic())):
                return False
        return True


class Program:
    """Another watcher: tells that it is ready by a line, and each change by one."""

    def __init__(self, name, command, ready, mark, cwd):
        self.name, self.command, self.ready, self.mark, self.cwd = name, command, ready, mark, cwd
        self.process = self.told = self.cpu = None

    def start(self, root):
        """How long it took; `cpu` is what it took of the processors meanwhile."""
        begin = time.monotonic()
        self.process = subprocess.Popen([*self.command, str(root)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, bufsize=0, cwd=self.cwd)
        assert Told(self.process.stdout, self.ready).wait(1, PATIENCE), f"{self.name} is not ready after {PATIENCE} s"
        elapsed = time.monotonic() - begin
        self.cpu = cpu_of_process(self.pid)
        self.told = Told(self.process.stdout, self.mark)
        return elapsed

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def changes_told(self):
        return self.told.count


def inotifywait(bench):
    # What filewatch tells of. A file is told when its writer has closed it.
    command = ["inotifywait", "-m", "-r", "-e", "close_write,create,delete,move", "--format", "%e %w%f"]
    return Program("inotifywait", command, b"Watches established.\n", b"CLOSE_WRITE", bench.WORK)


def chokidar(bench):
    """tests/bench/npm/chokidar.mjs, beside the library."""
    shutil.copy(HERE / "npm" / "chokidar.mjs", bench.WORK / "npm")
    command = ["node", f"--max-old-space-size={CHOKIDAR_HEAP_MIB}", "chokidar.mjs"]
    return Program("chokidar", command, b"ready\n", b"change ", bench.WORK / "npm")


def watchers(bench):
    """Where the registry of npm could not be reached, chokidar is left out."""
    there = (bench.WORK / "npm" / "node_modules" / "chokidar").is_dir()
    return [inotifywait(bench), chokidar(bench)] if there else [inotifywait(bench)]


class Tappet:
    """The daemon with one trigger. Activities are accepted and told of, not executed."""

    def __init__(self, bench, daemon):
        self.bench, self.daemon = bench, daemon
        self.socket = self.told = self.cpu = None
        self.inputs = 0

    def define(self, **options):
        self.daemon.workflow("w0", self.bench.NOTHING, triggers=[{"id": "tree", "plugin": "filewatch", "with": options}])

    def start(self, files):
        """Until all of them are known and all is well. How long it took, and `cpu`."""
        begin = time.monotonic()
        self.daemon.start(wait=None)
        self.bench.wait_until(lambda: self.is_ready(files), "the tree to be watched", PATIENCE, 0.005)
        elapsed = time.monotonic() - begin
        self.cpu = cpu_of_process(self.pid)
        self.daemon.address = self.daemon.find_address()
        self.listen()
        return elapsed

    def is_ready(self, files):
        assert self.daemon.running, self.daemon.log_text()
        # The journal's files are counted before the first look at the tree is over, which the log tells of.
        if b'"message":"watching"' not in self.daemon.log_path.read_bytes()[self.daemon.log_begin:]:
            return False
        # It does not listen yet.
        with suppress(OSError):
            if self.metric("files") != files:
                return False
            triggers = self.daemon.api("GET", "/triggers?workflow=w0").json.get("triggers", [])
            return [each["health"]["state"] for each in triggers] == ["running"]
        return False

    def metric(self, name):
        """None before the plugin is there."""
        text = self.daemon.request("GET", "/metrics", control=True).body.decode("utf-8")
        found = re.search(rf'^tappet_plugin_{name}{{plugin="filewatch"}} (\S+)$', text, re.MULTILINE)
        return float(found[1]) if found else None

    def listen(self):
        """To what is accepted. An answer to HTTP/1.0 comes in one piece, so that no event is cut by the length of a chunk."""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(self.daemon.config["control"]["path"])
        self.socket.sendall(b"GET /api/v1/events?types=activity.accepted HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n")
        assert Told(self.socket, b"event: position").wait(1, DEADLINE), "no stream of events"
        self.told = Told(self.socket, b"event: activity.accepted")
        self.inputs = self.query("SELECT coalesce(max(num), 0) FROM input")[0][0]

    @property
    def pid(self):
        return self.daemon.process.pid

    def stop(self):
        if self.socket:
            self.socket.close()
            self.socket = None
        if self.daemon.process:
            self.daemon.stop()

    def query(self, statement, *values):
        with closing(sqlite3.connect(f"file:{self.daemon.folder}/tappet.db?mode=ro", uri=True, timeout=30)) as store:
            return store.execute(statement, values).fetchall()

    def changes_told(self):
        """Different files among those that were told since the start, however many were in an activity."""
        rows = self.query("SELECT payload FROM input WHERE num > ?", self.inputs)
        payloads = [json.loads(row[0]) for row in rows]
        changes = [change for payload in payloads for change in payload.get("changes", [payload])]
        return len({change["path"] for change in changes if change["kind"] == CHANGED})


# ---- What is measured of each


def cpu_of_process(pid):
    """Seconds, also of threads that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_ms(pid):
    """What all its threads have taken. What those took that have ended is forgotten: only for the times when none does."""
    total = 0
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError):
            total += int(path.read_text().split()[0])
    return total / 1e6


def wait_quiet(pid):
    """Until it has done next to nothing for a second, or for a minute at most: some never come to rest."""
    deadline, last = time.monotonic() + 60, cpu_ms(pid)
    while time.monotonic() < deadline:
        time.sleep(1)
        now = cpu_ms(pid)
        if now - last < 5:
            return
        last = now


def memory(pid):
    """Bytes: (resident, its share of them)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return tuple(int(re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024 for name in ("Rss", "Pss"))


def idle(watcher, seconds):
    """Milliseconds of CPU for so many seconds of quiet, and the memory then."""
    wait_quiet(watcher.pid)
    begin = cpu_ms(watcher.pid)
    time.sleep(seconds)
    return cpu_ms(watcher.pid) - begin, memory(watcher.pid)


def per_file(with_tree, without, files):
    return tuple((some - few) / files for some, few in zip(with_tree, without))


def one_go(bench, watcher, tree, count):
    """(seconds from the first change until the last one was told, how many were)"""
    watcher.told.drain(1.0)
    before, told_before = watcher.told.count, watcher.changes_told()
    watcher.told.last = begin = change_all(bench, tree, count)
    # A burst is fewer activities than changes; whether those were all is looked up only when nothing comes, as it takes time.
    while not watcher.told.wait(before + count, 1.0) and time.monotonic() - watcher.told.last < OVER:
        if watcher.changes_told() - told_before >= count:
            break
    watcher.told.drain(1.0)
    return watcher.told.last - begin, watcher.changes_told() - told_before


def one_by_one(watcher, tree, count):
    """Milliseconds from close() until it was told, of each; how many never were; and how often one was told again."""
    times, moments = [], random.Random(2)
    watcher.told.drain(1.0)
    first = watcher.told.count
    for path in some_files(tree, count):
        with path.open("ab", buffering=0) as file:
            file.write(b"more\n")
        begin, before = time.monotonic(), watcher.told.count
        if watcher.told.wait(before + 1, 5.0):
            times.append((watcher.told.last - begin) * 1000)
        # In step with nothing.
        watcher.told.drain(moments.uniform(0.01, 0.03))
    return SimpleNamespace(times=times, lost=count - len(times), again=watcher.told.count - first - len(times))


def measure_other(bench, watcher, tree, empty):
    found = SimpleNamespace(name=watcher.name)
    _, changed, single, quiet = scale(bench)
    try:
        watcher.start(empty)
        found.base_idle, base = idle(watcher, quiet)
        watcher.stop()
        ready, found.cpu = [watcher.start(tree.root)], watcher.cpu
        found.idle, full = idle(watcher, quiet)
        found.each = per_file(full, base, tree.files)
        while len(ready) < bench.ROUNDS and ready[0] < 30:
            watcher.stop()
            ready.append(watcher.start(tree.root))
        found.ready = statistics.median(ready)
        wait_quiet(watcher.pid)
        found.seconds, found.told = one_go(bench, watcher, tree, changed)
        found.single = one_by_one(watcher, tree, single)
    finally:
        watcher.stop()
    return found


@contextmanager
def daemon_of(bench):
    """One with an empty store."""
    with bench.Served(bench.NOTHING, start=False, plugins={"filewatch": {}}, executor={"concurrency": 0}) as daemon:
        watcher = Tappet(bench, daemon)
        try:
            yield watcher
        finally:
            watcher.stop()


def start_again(watcher, tree, **options):
    """With other options, until it has come to rest."""
    watcher.stop()
    watcher.define(path=str(tree.root), **options)
    watcher.start(tree.files)
    wait_quiet(watcher.pid)


def measure_starts(bench, watcher, tree, base, found):
    watcher.define(path=str(tree.root))
    found.first, found.first_cpu = watcher.start(tree.files), watcher.cpu
    wait_quiet(watcher.pid)
    found.first_each = per_file(memory(watcher.pid), base, tree.files)
    again = []
    for _ in range(bench.ROUNDS):
        watcher.stop()
        again.append(watcher.start(tree.files))
    found.again, found.again_cpu = statistics.median(again), watcher.cpu
    found.idle, full = idle(watcher, scale(bench)[-1])
    found.each = per_file(full, base, tree.files)
    found.store = sum(path.stat().st_size for path in watcher.daemon.folder.glob("tappet.db*")) / tree.files
    found.told_at_start = watcher.query("SELECT count(*) FROM input")[0][0]


def measure_ours(bench, tree, empty):
    found = SimpleNamespace(seconds={}, told={}, overflows={})
    _, changed, single, quiet = scale(bench)
    with daemon_of(bench) as watcher:
        watcher.define(path=str(empty))
        watcher.start(0)
        found.base_idle, base = idle(watcher, quiet)
    with daemon_of(bench) as watcher:
        measure_starts(bench, watcher, tree, base, found)
        for batch in ("burst", "file"):
            start_again(watcher, tree, settle="10ms", batch=batch)
            found.seconds[batch], found.told[batch] = one_go(bench, watcher, tree, changed)
            found.overflows[batch] = watcher.metric("overflows_total")
        start_again(watcher, tree, settle="0ms")
        found.single = one_by_one(watcher, tree, single)
    return found


# ---- The table


def rows_beside(bench, what, value, unit, theirs, goal="", met=None):
    """One line for each of the others; the goal is judged once."""
    for other, beside in theirs:
        text = f"{beside:,.0f}" if beside >= 100 else f"{beside:.2f}"
        bench.row(what, value, unit, f"{other.name}: {text} {unit}", value / beside if beside > 0 else None, goal, met)
        what, goal, met = "  the same", "", None


def tell_starts(bench, ours, others, files):
    full = not bench.QUICK
    for name, seconds, cpu in (("first start", ours.first, ours.first_cpu), ("with its journal", ours.again, ours.again_cpu)):
        rows_beside(bench, f"filewatch: ready with {files:,} files, {name}", seconds, "s",
                    [(other, other.ready) for other in others], "< 3 s" if full else "", seconds < 3 if full else None)
        rows_beside(bench, "  CPU meanwhile", cpu, "s", [(other, other.cpu) for other in others])
    bench.row("  told at the starts", ours.told_at_start, "", "", None, "none", ours.told_at_start == 0)


def tell_memory(bench, ours, others):
    for number, name in enumerate(("RSS", "PSS")):
        # Of few files it is what the daemon takes anyway.
        each, judged = ours.each[number], number == 0 and not bench.QUICK
        rows_beside(bench, f"filewatch: memory of a file, {name}", each, "bytes", [(other, other.each[number]) for other in others],
                    "< 150 bytes" if judged else "", each < 150 if judged else None)
        bench.row("  after the first start", ours.first_each[number], "bytes")
    bench.row("filewatch: store of a file", ours.store, "bytes")


def tell_idle(bench, ours, others, seconds):
    rows_beside(bench, f"filewatch: CPU for {seconds} s of quiet", ours.idle, "ms", [(other, other.idle) for other in others],
                "none more", ours.idle - ours.base_idle <= 1)
    bench.row("  on an empty folder", ours.base_idle, "ms",
              ", ".join(f"{other.name}: {other.base_idle:.2f} ms" for other in others))


def tell_changes(bench, ours, others, count):
    for batch in ("burst", "file"):
        told = ours.told[batch]
        rows_beside(bench, f"filewatch: {count:,} files changed in one go, batch {batch}", told / ours.seconds[batch], "told/s",
                    [(other, other.told / other.seconds) for other in others])
        bench.row("  of them told", told, "", ", ".join(f"{other.name}: {other.told:,}" for other in others), None, "all",
                  told == count)
        bench.row("  overflows meanwhile", ours.overflows[batch])


def tell_latency(bench, ours, others):
    for share, name in ((0.5, "median"), (0.99, "p99")):
        rows_beside(bench, f"filewatch: from close() to told, {name}", bench.percentile(ours.single.times, share), "ms",
                    [(other, bench.percentile(other.single.times, share)) for other in others])
    for name, what in (("lost", "never told"), ("again", "told again")):
        value = getattr(ours.single, name)
        bench.row(f"  {what}", value, "", ", ".join(f"{other.name}: {getattr(other.single, name)}" for other in others), None,
                  "none", value == 0)


def measure_filewatch(bench):
    folders, changed, _, quiet = scale(bench)
    limit = int(Path("/proc/sys/fs/inotify/max_user_watches").read_text())
    assert limit > folders + 1000, f"fs.inotify.max_user_watches is {limit:,}: too little for {folders:,} folders"
    empty = bench.WORK / "empty"
    empty.mkdir(parents=True, exist_ok=True)
    with tree_of(bench, folders) as tree:
        others = [measure_other(bench, watcher, tree, empty) for watcher in watchers(bench)]
        ours = measure_ours(bench, tree, empty)
    bench.row(f"a tree of {folders:,} folders and {tree.files:,} files made", tree.made, "s",
              f"find, all looked at: {tree.walked:.2f} s")
    tell_starts(bench, ours, others, tree.files)
    tell_memory(bench, ours, others)
    tell_idle(bench, ours, others, quiet)
    tell_changes(bench, ours, others, changed)
    tell_latency(bench, ours, others)
