"""SIGKILL at random moments under load from many connections; then everything that was promised is checked.

TAPPET_KILLS (32) is how often; TAPPET_SEED repeats the moments of a run.
"""

import collections
import http.client
import json
import os
import queue
import random
import threading
import time

import pytest
from daemon import FINAL, wait_until

KILLS = int(os.environ.get("TAPPET_KILLS", "32"))
SEED = int(os.environ.get("TAPPET_SEED", str(random.randrange(1 << 32))))
CONNECTIONS = 16
# Per life of the daemon, so that what is accepted can also be worked off.
TRACED, CHEAP = 60, 300

# Every attempt holds a lock with all its processes: whoever comes too early sees it. >> is O_APPEND.
TRACED_STEP = """#!/bin/bash
name=$TAPPET_ACTIVITY.$TAPPET_STEP
exec 9>"{folder}/locks/$name"
flock -n 9 || echo "overlap $name $TAPPET_ATTEMPT" >> "{folder}/trace"
echo "begin $name $TAPPET_ATTEMPT" >> "{folder}/trace"
sleep 0.0$((RANDOM % 6))
echo "end $name $TAPPET_ATTEMPT" >> "{folder}/trace"
echo "attempt=$TAPPET_ATTEMPT" >> "$TAPPET_OUTPUT"
"""


class Load:
    """Connections that post until all keys are accepted; a key that got no answer is sent again in the next life."""

    def __init__(self, daemon, tokens):
        self.daemon = daemon
        self.tokens = tokens
        self.waiting = queue.Queue()
        self.accepted = {}
        self.wrong = []
        self.lock = threading.Lock()
        self.count = 0

    def add(self, workflow, count):
        for _ in range(count):
            self.count += 1
            self.waiting.put((workflow, f"key-{self.count}"))

    def post(self, connection, workflow, key):
        body = json.dumps({"token": self.tokens[workflow], "note": key})
        connection.request("POST", "/webhook/payload", body, {"Idempotency-Key": key})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status == 200:
            activity = json.loads(content)["activityId"]
            with self.lock:
                if self.accepted.setdefault(key, activity) != activity:
                    self.wrong.append(f"{key}: {activity} and {self.accepted[key]}")
            return True
        if answer.status != 503:
            self.wrong.append(f"{key}: {answer.status} {content!r}")
        return False

    def work(self):
        connection = http.client.HTTPConnection(*self.daemon.address, timeout=30)
        while True:
            try:
                workflow, key = self.waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done = self.post(connection, workflow, key)
            except (OSError, http.client.HTTPException):
                self.waiting.put((workflow, key))
                return
            if not done:
                self.waiting.put((workflow, key))
                time.sleep(0.05)

    def start(self):
        self.threads = [threading.Thread(target=self.work) for _ in range(CONNECTIONS)]
        for thread in self.threads:
            thread.start()

    def join(self):
        for thread in self.threads:
            thread.join()


def pages(daemon, path, member, cursor, limit=500):
    """All members of a listing; cursor(item) is the query for what comes behind it."""
    query = ""
    while True:
        page = daemon.api("GET", f"{path}?limit={limit}{query}").json[member]
        if not page:
            return
        yield from page
        query = cursor(page[-1])


def all_activities(daemon):
    return {activity["id"]: activity for activity in
            pages(daemon, "/activities", "activities", lambda last: f"&before={last['id']}")}


# Only who names every type sees every number.
EVERY_TYPE = "activity.*,step.*,workflow.*,trigger.*,step.log,trigger.refused"


def all_events(daemon):
    def page(since):
        return daemon.api("GET", f"/events?since={since}&limit=500&types={EVERY_TYPE}").json["events"]

    events = page(0)
    while events:
        yield from events
        events = page(events[-1]["seq"])


def live_once(daemon, load, moments):
    """One life: started, put under load, killed at a random moment (sometimes while it starts)."""
    if moments.random() < 0.2:
        daemon.start(wait=None)
        time.sleep(moments.uniform(0, 0.1))
        daemon.kill()
    daemon.start()
    load.add("traced", TRACED)
    load.add("cheap", CHEAP)
    load.start()
    time.sleep(moments.uniform(0.02, 2.0))
    daemon.kill()
    load.join()
    return dict(load.accepted)


def check_accepted(daemon, accepted):
    stored = all_activities(daemon)
    missing = [activity for activity in accepted.values() if activity not in stored]
    assert not missing, f"acknowledged and not there: {missing[:10]}"
    return stored


def check_trace(folder, details):
    """No attempt overlapped another one, none ran twice, and none came after the one that was committed."""
    attempts = collections.defaultdict(list)
    running = {}
    for line in (folder / "trace").read_text().splitlines():
        what, name, attempt = line.split()
        assert what != "overlap", line
        if what == "begin":
            attempts[name].append(int(attempt))
            running[name] = int(attempt)
        else:
            assert running[name] == int(attempt), f"{line}, while attempt {running[name]} was running"
    for name, begun in attempts.items():
        assert begun == sorted(set(begun)), f"{name} began as {begun}"
        activity, _, step = name.partition(".")
        final = details[activity]["steps"][["one", "two"].index(step)]
        assert final["outputs"] == {"attempt": str(final["attempt"])}, name
        assert begun[-1] == final["attempt"], f"{name} began as {begun}, attempt {final['attempt']} was committed"
    return attempts


def check_events(events):
    numbers = [event["seq"] for event in events]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "the event numbers have holes"
    ended = collections.Counter()
    for event in events:
        if event["event"].startswith("activity.") and event["event"].split(".")[1] in FINAL:
            ended[event["activityId"]] += 1
    assert set(ended.values()) <= {1}, "an activity ended twice"
    return ended


@pytest.mark.skipif(KILLS < 1, reason="TAPPET_KILLS says so")
def test_nothing_acknowledged_is_lost_over_many_kills(daemon):
    print(f"TAPPET_SEED={SEED}")
    moments = random.Random(SEED)
    (daemon.folder / "locks").mkdir()
    script = TRACED_STEP.format(folder=daemon.folder)
    daemon.configure(executor={"concurrency": 16})
    daemon.workflow("traced", [{"id": "one", "script": script}, {"id": "two", "script": script}])
    daemon.workflow("cheap", [{"id": "nap", "sleep": "0s"}])
    daemon.start()
    load = Load(daemon, {slug: daemon.token(slug) for slug in ("traced", "cheap")})
    daemon.kill()

    for _ in range(KILLS):
        before = live_once(daemon, load, moments)
        daemon.start()
        check_accepted(daemon, before)
        daemon.kill()

    daemon.start()
    load.start()
    load.join()
    assert load.waiting.empty() and not load.wrong, load.wrong[:10]
    assert len(load.accepted) == load.count
    assert len(set(load.accepted.values())) == load.count

    # Once per key, also for those that were cut off before their answer.
    stored = wait_until(lambda: (lambda all_: all_ if all(a["status"] in FINAL for a in all_.values()) else None)(
        all_activities(daemon)), "all activities to end", deadline=180, pause=0.5)
    assert set(stored) == set(load.accepted.values())
    assert {activity["status"] for activity in stored.values()} == {"completed"}

    traced = {name.split(".")[0] for name in os.listdir(daemon.folder / "locks")}
    attempts = check_trace(daemon.folder, {activity: daemon.detail(activity) for activity in traced})
    ended = check_events(list(all_events(daemon)))
    assert set(ended) == set(stored)
    again = sum(len(begun) > 1 for begun in attempts.values())
    print(f"{KILLS} kills, {load.count} activities, {len(attempts)} traced steps, {again} of them ran more than once")
    assert KILLS < 10 or again > 0, "no kill hit a running step: the test proves nothing"


def processes_with(mark):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    if mark.encode() in file.read():
                        found.append(int(name))
            except OSError:
                pass
    return found


def test_what_a_step_left_behind_is_ended_before_it_runs_again(daemon):
    """Also what made itself a session of its own."""
    mark = f"tappet-orphan-{os.getpid()}-{time.monotonic_ns()}"
    seen = daemon.folder / "seen"
    daemon.workflow("w", [{"id": "work", "script": [
        "#!/bin/bash",
        f"[ $TAPPET_ATTEMPT = 2 ] && {{ pgrep -cf '[t]{mark[1:]}' > {seen}; exit 0; }}",
        f"setsid bash -c 'exec -a {mark} sleep 600' &",
        f"bash -c 'exec -a {mark} sleep 600' &",
        f"touch {daemon.folder}/mark",
        "wait"]}])
    daemon.start()
    token = daemon.token("w")
    activity = daemon.fire(token)
    wait_until(lambda: len(processes_with(mark)) >= 2, "the children")
    daemon.kill()
    assert len(processes_with(mark)) >= 2
    daemon.start()
    assert daemon.wait_end(token, activity)["status"] == "completed"
    assert seen.read_text().strip() == "0"
    assert processes_with(mark) == []
