"""The filewatch plugin when the system does not go along: health and metrics, lost events, limits of watches, folders that cannot
be read, file systems that come and go.
"""

import os
import signal
import stat
import subprocess

import pytest
from daemon import wait_until
from filewatch import World, changed, compare, created, removed, snapshot, world_fixture  # noqa: F401

METRICS = {"events", "overflows", "folders_watched", "folders_polled", "files", "changes", "scans", "pending"}
WRITTEN = ("size", "mtime", "ctime")
NOBODY = 65534


def metrics(world):
    """By their names without what is before and behind."""
    found = {}
    for name, family in world.daemon.metrics().items():
        for series, value in family.samples.items():
            if dict(series.labels) == {"plugin": "filewatch"}:
                found[name.removeprefix("tappet_plugin_").removesuffix("_total")] = value
    return found


def metric(world, name):
    return metrics(world)[name]


# ---- Health and metrics


def test_metrics_count(world):
    world.make({f"{number}/f": "1\n" for number in range(5)})
    world.begin()
    assert METRICS <= set(metrics(world)), metrics(world)
    events, told = metric(world, "events"), metric(world, "changes")
    world.sh("echo 22 > 1/f; echo 1 > 1/g")
    world.expect(changed("1/f", *WRITTEN), created("1/g"))
    assert metric(world, "changes") == told + 4 and metric(world, "events") > events
    wait_until(lambda: metric(world, "files") == len(snapshot(world.tree)), "the number of files")
    assert metric(world, "overflows") == 0
    # The tree, what is in it, and the folder that it lies in.
    assert 6 <= metric(world, "folders_watched") <= 8 and metric(world, "folders_polled") == 0
    wait_until(lambda: metric(world, "pending") == 0, "nothing to be pending")


def test_events_that_were_lost_are_made_up_for(world):
    world.make({f"old/{number}": "1\n" for number in range(2000)})
    world.make({f"{number}": None for number in range(50)})
    world.begin()
    overflows = metric(world, "overflows")
    world.daemon.signal(signal.SIGSTOP)
    for number in range(12500):
        world.write(f"{number % 50}/{number}", "1\n")
    for number in range(0, 1000):
        os.unlink(world.tree / f"old/{number}")
    for number in range(1000, 1500):
        world.append(f"old/{number}", "2\n")
    for number in range(1500, 1700):
        os.rename(world.tree / f"old/{number}", world.tree / f"{number % 50}/was-{number}")
    world.daemon.signal(signal.SIGCONT)
    found = world.sync()
    count = 12500 + 1000 + 500 + 200
    if len(found) < count:
        found += world.wait(count - len(found))
    # Each once, and nothing else.
    assert len(found) == count
    world.check_whole()
    assert metric(world, "overflows") > overflows
    world.wait_health("running")
    healths = world.healths()
    assert any(health["state"] == "degraded" and "lost" in health.get("reason", "") for health in healths), healths


class Keeper:
    """Namespaces of their own, in which a daemon may be started, and commands run."""

    def __init__(self, kinds, script):
        self.kinds = kinds
        self.process = subprocess.Popen(["unshare", *kinds, "sh", "-e", "-c", f"{script}\necho up\nexec sleep 100000"],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "up\n":
            why = self.process.stderr.read()
            self.close()
            pytest.skip(f"not permitted here: {why.strip()}")

    @property
    def enter(self):
        command = ["nsenter", f"--target={self.process.pid}"]
        if "--user" in self.kinds or "-r" in self.kinds:
            command += ["--user", "--preserve-credentials"]
        return command + (["--mount"] if "-m" in self.kinds else [])

    def run(self, script, **variables):
        environment = {**os.environ, **{key: str(value) for key, value in variables.items()}}
        done = subprocess.run([*self.enter, "sh", "-e", "-c", script], env=environment, text=True, capture_output=True, check=False,
                              timeout=60)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture(name="keep")
def keep_fixture():
    kept = []

    def keep(kinds, script="true"):
        kept.append(Keeper(kinds, script))
        return kept[-1]

    yield keep
    for keeper in kept:
        keeper.close()


@pytest.fixture(name="world_of")
def world_of_fixture(make_daemon, tmp_path):
    """Worlds whose daemon is started by another command."""
    made = []

    def make(wrapper):
        made.append(World(make_daemon(wrapper=wrapper), tmp_path))
        return made[-1]

    yield make
    for world in made:
        world.close()


def test_folders_beyond_the_limit_of_watches_are_polled(keep, world_of):
    keeper = keep(["-U", "-r", "-m"] if os.geteuid() else ["--user", "-r"], "echo 20 > /proc/sys/user/max_inotify_watches")
    world = world_of(keeper.enter)
    world.make({f"{number}/f": "1\n" for number in range(60)})
    world.begin(pollInterval="200ms", pollIntervalMax="500ms")
    world.wait_health("degraded", "max_user_watches", "polled")
    world.sh("for i in $(seq 0 59); do echo 22 > $i/f; mkdir $i/n; echo 1 > $i/n/g; done")
    names = [f"{number}" for number in range(60)]
    world.expect([told for name in names for told in changed(f"{name}/f", *WRITTEN)], created(*[f"{name}/n/g" for name in names]))
    world.sh("rm */f")
    world.expect(removed(*[f"{name}/f" for name in names]))
    world.check_whole()
    assert metric(world, "folders_polled") > 0
    world.sh("rm -r ?/ ??/")
    world.expect(removed(*[f"{name}/n/g" for name in names]))
    world.wait_health("running")


def test_without_polling_the_limit_of_watches_is_told(keep, world_of):
    keeper = keep(["-U", "-r", "-m"] if os.geteuid() else ["--user", "-r"], "echo 20 > /proc/sys/user/max_inotify_watches")
    world = world_of(keeper.enter)
    world.make({f"{number}/f": "1\n" for number in range(60)})
    world.begin(poll="never", ready=())
    world.wait_health("degraded", "max_user_watches")


def test_a_folder_that_may_not_be_read_is_told_of_and_waited_for(make_daemon):
    """Root may read everything; then the daemon is somebody else."""
    wrapper = []
    if os.geteuid() == 0:
        wrapper = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    daemon = make_daemon(wrapper=wrapper)
    (daemon.folder / "files").mkdir()
    world = World(daemon, daemon.folder / "files")
    world.make({"d/a": "1\n", "d/b": "1\n", "e/c": "1\n"})
    start = daemon.start

    def give_away(folder, paths):
        for path in (folder, *paths) if wrapper else ():
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)

    def start_as_somebody_else(*arguments, **more):
        # Not what is watched: another ctime would be told.
        give_away(daemon.folder, [path for path in daemon.folder.rglob("*") if world.tree.parent not in path.parents])
        return start(*arguments, **more)

    daemon.start = start_as_somebody_else
    give_away(world.tree, world.tree.rglob("*"))
    try:
        world.begin()
        os.chmod(world.tree / "d", 0)
        if wrapper:
            world.sh("echo 22 > d/a; echo 1 > d/n; echo 1 > e/n")
        world.wait_health("degraded", str(world.tree / "d"))
        world.expect(created("e/n") if wrapper else [])
        os.chmod(world.tree / "d", stat.S_IRWXU | stat.S_IRWXG | stat.S_IRWXO)
        world.expect(changed("d/a", *WRITTEN) + created("d/n") if wrapper else [])
        world.wait_health("running")
        os.chmod(world.tree / "d", 0)
        world.wait_health("degraded", str(world.tree / "d"))
        daemon.restart()
        world.wait_health("degraded", str(world.tree / "d"))
        world.expect()
        os.chmod(world.tree / "d", stat.S_IRWXU | stat.S_IRWXG | stat.S_IRWXO)
        world.wait_health("running")
        world.expect()
        world.check_whole()
    finally:
        world.close()


# ---- File systems that come and go

MOUNT = ["-m", "--propagation", "private"] if os.geteuid() == 0 else ["-r", "-m", "--propagation", "private"]


def mounted_world(keep, world_of, **options):
    """$DISK is a tmpfs with a file on it, not yet in the tree."""
    keeper = keep(MOUNT, "mount -t tmpfs none /mnt && umount /mnt")
    world = world_of(keeper.enter)
    world.make({"a": "1\n", "m": None})
    disk = world.outside / "disk"
    disk.mkdir()
    world.begin(**options)
    world.journal.strict = False
    keeper.run("mount -t tmpfs none $DISK; echo 1 > $DISK/f; mkdir $DISK/d; echo 1 > $DISK/d/g", DISK=disk)

    def run(script):
        keeper.run(script, DISK=disk, TREE=world.tree)

    return world, run


def test_a_file_system_that_is_unmounted_is_waited_for(keep, world_of):
    world, run = mounted_world(keep, world_of)
    run("mount --bind $DISK $TREE/m")
    compare(world.wait(2), created("m/f", "m/d/g"))
    run("echo 22 > $TREE/m/f; echo 1 > $TREE/m/d/h")
    world.expect(changed("m/f", *WRITTEN), created("m/d/h"))
    run("umount $TREE/m")
    world.wait_health("degraded", "mounted")
    world.write("b", "1\n")
    world.expect(created("b"))
    run("echo 333 > $DISK/f; rm $DISK/d/g; mount --bind $DISK $TREE/m")
    compare(world.wait(2), changed("m/f", *WRITTEN) + removed("m/d/g"))
    world.wait_health("running")
    run("echo 4444 > $TREE/m/f")
    world.expect(changed("m/f", *WRITTEN))


def test_a_file_system_that_is_unmounted_while_the_daemon_is_down_is_waited_for(keep, world_of):
    world, run = mounted_world(keep, world_of)
    run("mount --bind $DISK $TREE/m")
    compare(world.wait(2), created("m/f", "m/d/g"))
    world.daemon.stop()
    run("umount $TREE/m; echo 333 > $DISK/f")
    world.daemon.start()
    world.wait_health("degraded", "mounted")
    world.expect()
    run("mount --bind $DISK $TREE/m")
    compare(world.wait(1), changed("m/f", *WRITTEN))
    world.expect()
    world.wait_health("running")


def test_a_file_system_that_is_unmounted_is_removed_when_that_is_asked_for(keep, world_of):
    world, run = mounted_world(keep, world_of, whenUnmounted="removed")
    for _ in range(2):
        run("mount --bind $DISK $TREE/m")
        compare(world.wait(2), created("m/f", "m/d/g"))
        run("umount $TREE/m")
        compare(world.wait(2), removed("m/f", "m/d/g"))
    world.expect()
    world.wait_health("running")


def test_a_file_system_is_mounted_over_files_and_goes_again(keep, world_of):
    world, run = mounted_world(keep, world_of, whenUnmounted="removed")
    world.write("m/under", "1\n")
    world.expect(created("m/under"))
    run("mount --bind $DISK $TREE/m")
    compare(world.wait(3), created("m/f", "m/d/g") + removed("m/under"))
    run("umount $TREE/m")
    compare(world.wait(3), removed("m/f", "m/d/g") + created("m/under"))
    world.expect()


def test_a_root_on_a_file_system_that_is_unmounted_is_waited_for(keep, world_of):
    keeper = keep(MOUNT, "mount -t tmpfs none /mnt && umount /mnt")
    world = world_of(keeper.enter)
    disk, tree = world.outside / "disk", world.tree
    disk.mkdir()
    keeper.run("mount -t tmpfs none $DISK; mkdir $DISK/r; echo 1 > $DISK/r/a; mount --bind $DISK $TREE", DISK=disk, TREE=tree)
    world.begin(ready=(), triggers={"tree": {"path": str(tree / "r")}})
    world.journal.strict = False

    def run(script):
        keeper.run(script, DISK=disk, TREE=tree)

    world.get_ready_by(lambda: run("echo more >> $TREE/r/a"))
    run("umount $TREE")
    world.wait_health("degraded", "mounted")
    run("echo 1 > $DISK/r/b; mount --bind $DISK $TREE")
    compare(world.wait(1), created("b"))
    world.wait_health("running")
    run("rm $TREE/r/a")
    compare(world.wait(1), removed("a"))
