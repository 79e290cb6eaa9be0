"""SIGKILL at random moments while a tree changes 100,000 times; then all that was told, replayed over the tree as it was at the
beginning, has to be the tree, and nothing may have been told twice: by a trigger of single changes and by one of bursts.

TAPPET_KILLS (32) is how often in all tests together; TAPPET_SEED repeats the changes and the moments of a run.
"""

import collections
import json
import os
import random
import threading
import time

import pytest
from daemon import wait_until
from filewatch import Journal, compare_states, snapshot, world_fixture  # noqa: F401

KILLS = int(os.environ.get("TAPPET_KILLS", "32")) // 4
SEED = int(os.environ.get("TAPPET_SEED", str(random.randrange(1 << 32))))
CHANGES = 100_000
FOLDERS, NAMES = 200, 40
LASTS_S = 3.0 * KILLS


class Writer(threading.Thread):
    """Changes files and folders, evenly over LASTS_S."""

    def __init__(self, tree, seed):
        super().__init__(daemon=True)
        self.tree, self.random = str(tree), random.Random(seed)
        self.done, self.failed = collections.Counter(), None

    def folder(self):
        return f"{self.tree}/{self.random.randrange(FOLDERS)}"

    def file(self):
        return f"{self.folder()}/{self.random.randrange(NAMES)}"

    def write(self):
        """Seldom from the beginning: file systems take their time for that."""
        with open(self.file(), "wb" if self.random.random() < 0.02 else "ab") as file:
            file.write(self.random.randbytes(self.random.randrange(100)))

    def make_folder(self):
        os.mkdir(self.folder())

    def remove(self):
        os.unlink(self.file())

    def rename(self):
        os.rename(self.file(), self.file())

    def replace(self):
        path = self.file()
        with open(path + ".tmp", "wb") as file:
            file.write(self.random.randbytes(50))
        os.rename(path + ".tmp", path)

    def chmod(self):
        os.chmod(self.file(), self.random.choice((0o600, 0o644, 0o640)))

    def rename_folder(self):
        os.rename(self.folder(), self.folder())

    def move_into(self):
        os.rename(self.folder(), f"{self.folder()}/below")

    def move_out(self):
        os.rename(f"{self.folder()}/below", self.folder())

    def remove_folder(self):
        folder = self.folder()
        for name in os.listdir(folder):
            if name != "below":
                os.unlink(f"{folder}/{name}")
        os.rmdir(folder)

    def run(self):
        kinds = {self.write: 1000, self.remove: 100, self.rename: 50, self.replace: 20, self.chmod: 100, self.make_folder: 4,
                 self.rename_folder: 4, self.move_into: 2, self.move_out: 4, self.remove_folder: 2}
        begin = time.monotonic()
        try:
            while (number := sum(self.done.values())) < CHANGES:
                change = self.random.choices(list(kinds), list(kinds.values()))[0]
                try:
                    change()
                except OSError:
                    continue  # what is not there, or no place for it
                self.done[change.__name__] += 1
                if number % 100 == 0:
                    time.sleep(max(0, begin + number * LASTS_S / CHANGES - time.monotonic()))
        except BaseException as error:
            self.failed = error
            raise


def kill_and_start(daemon, moments, number):
    daemon.kill()
    # Each third time it stays down, so that there is much to be found; sometimes it dies while it starts.
    time.sleep(1.0 if number % 3 == 0 else 0)
    if moments.random() < 0.5:
        daemon.start(wait=None)
        time.sleep(moments.uniform(0, 0.5))
        daemon.kill()
    daemon.start()


def check(trigger, begin, end):
    """Each change goes on from what was told before it, and at the end nothing is missing."""
    journal = Journal(begin)
    for change in trigger.changes:
        journal.take(change)
    compare_states(journal.states, {key: state for key, state in end.items() if not key.startswith(b"sentinel-")})
    # What goes to and fro with its folder may be moved there twice, without any other difference.
    told = collections.Counter(json.dumps(change.told, sort_keys=True) for change in trigger.changes if change.kind != "moved")
    twice = [text for text, count in told.items() if count > 1]
    assert not twice, f"{len(twice)} were told twice: {twice[:5]}"


@pytest.mark.skipif(KILLS < 1, reason="TAPPET_KILLS says so")
def test_what_was_told_is_the_tree_over_many_kills(world):
    print(f"TAPPET_SEED={SEED}")
    moments = random.Random(SEED)
    writer = Writer(world.tree, SEED)
    for number in range(0, FOLDERS, 2):
        for name in range(0, NAMES, 2):
            world.make({f"{number}/{name}": "1\n"})
    begin = snapshot(world.tree)
    # Accepted, not executed.
    world.config = {"limits": {"queue": 1000000}}
    tree = {"path": str(world.tree), "settle": "50ms"}
    world.begin(ready=("single", "bursts"), triggers={"single": tree, "bursts": {**tree, "batch": "burst", "batchLimit": 500}})
    writer.start()
    for number in range(KILLS):
        time.sleep(moments.uniform(0.05, LASTS_S / KILLS))
        kill_and_start(world.daemon, moments, number)
    wait_until(lambda: not writer.is_alive(), "all changes", deadline=LASTS_S + 300, pause=0.2)
    assert writer.failed is None and sum(writer.done.values()) == CHANGES
    for name in world.triggers:
        number = world.mark()
        wait_until(lambda name=name, number=number: world.is_told(number, name), f"the end of {name}", deadline=300, pause=0.2)
    world.daemon.stop()
    world.read()
    end = snapshot(world.tree)
    for trigger in world.triggers.values():
        check(trigger, begin, end)
        kinds = collections.Counter(change.kind for change in trigger.changes if not change.is_mark)
        print(f"{trigger.name}: {KILLS} kills, {dict(writer.done)}: {len(trigger.batches)} activities, {dict(kinds)}")
        assert sum(kinds.values()) > CHANGES / 100 and len(kinds) == 4, "little was told: the test proves nothing"
