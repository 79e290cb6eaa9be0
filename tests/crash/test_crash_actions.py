"""SIGKILL at random moments while actions come in and ten subscribers come and go: each of them has to see every event exactly once
and in order, and every action that was acknowledged has started each workflow exactly once.

TAPPET_KILLS (32) is how often in all tests together; TAPPET_SEED repeats the moments of a run.
"""

import collections
import os
import queue
import random
import threading
import time

import pytest
from action import Client, Closed
from daemon import FINAL, wait_until
from follower import AWAY, Follower, paged, told

KILLS = int(os.environ.get("TAPPET_KILLS", "32")) // 3
SEED = int(os.environ.get("TAPPET_SEED", str(random.randrange(1 << 32))))
SUBSCRIBERS, SENDERS, ON_THE_WAY = 10, 4, 16
PER_LIFE = 400
STEPS = [{"id": "nothing", "sleep": "0s"}]
TYPES = ["activity.*", "step.*"]


class Load:
    """Connections that send until all actions are acknowledged; one that was not is sent again, with its key."""

    def __init__(self, daemon, token):
        self.daemon, self.token = daemon, token
        self.waiting = queue.SimpleQueue()
        self.started, self.refused, self.wrong = {}, collections.defaultdict(set), []
        self.lock = threading.Lock()
        self.count = self.resent = 0

    def add(self, count):
        for _ in range(count):
            self.waiting.put(self.count)
            self.count += 1

    def settle(self, number, answer):
        with self.lock:
            for one in answer["activities"]:
                if self.started.setdefault((number, one["workflow"]), one["activityId"]) != one["activityId"]:
                    self.wrong.append(answer)
            for one in answer["refused"]:
                self.refused[one["workflow"]].add(number)
                if one["reason"] != "filter":
                    self.wrong.append(answer)

    def hear(self, client, unknown):
        answer = client.hear()
        number = int(answer["id"])
        unknown.discard(number)
        if answer["type"] == "ack":
            self.settle(number, answer)
        elif answer["code"] in ("busy", "outcome-unknown", "internal"):
            self.waiting.put(number)
            time.sleep(0.01)
        else:
            self.wrong.append(answer)

    def send(self, client, unknown):
        """False: there is nothing to be sent."""
        try:
            number = self.waiting.get_nowait()
        except queue.Empty:
            return False
        unknown.add(number)
        client.say(type="action", id=str(number), topic="load.made", data={"n": number}, key=f"key-{number}")
        return True

    def work(self):
        unknown = set()
        try:
            client = Client(self.daemon, self.token)
            more = True
            while more or unknown:
                while more and len(unknown) < ON_THE_WAY:
                    more = self.send(client, unknown)
                if unknown:
                    self.hear(client, unknown)
                    more = True
            client.close()
        except (Closed, *AWAY):
            pass
        for number in unknown:
            self.resent += 1
            self.waiting.put(number)

    def start(self):
        self.threads = [threading.Thread(target=self.work) for _ in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def join(self):
        for thread in self.threads:
            thread.join()


def listening(**more):
    return [{"plugin": "action", "with": {"topic": "load.>"}, **more}]


def all_activities(daemon):
    """Ids and statuses by workflow."""
    found, before = collections.defaultdict(dict), ""
    while page := daemon.api("GET", f"/activities?limit=500{before}").json["activities"]:
        for one in page:
            found[one["workflow"]][one["id"]] = one["status"]
        before = f"&before={page[-1]['id']}"
    return found


def have_ended(daemon):
    found = all_activities(daemon)
    return found if all(status in FINAL for ids in found.values() for status in ids.values()) else None


@pytest.mark.skipif(KILLS < 1, reason="TAPPET_KILLS says so")
def test_events_are_seen_and_workflows_started_exactly_once_over_many_kills(daemon):
    print(f"TAPPET_SEED={SEED}")
    moments = random.Random(SEED)
    daemon.configure(plugins={"webhook": {}, "action": {}}, executor={"concurrency": 16})
    daemon.workflow("each", STEPS, triggers=listening())
    daemon.workflow("even", STEPS, triggers=listening(when=".data.n % 2 == 0"))
    daemon.workflow("uncovered", STEPS, triggers=listening())
    daemon.start()
    token = daemon.token("each", "even", scopes=("action:load.>", "subscribe"))
    begin = daemon.api("GET", "/events").json["newest"]
    followers = [Follower(daemon, token, begin, restless=0.01, seed=SEED + i, filter={"types": TYPES}, batch=i % 2 == 0)
                 for i in range(SUBSCRIBERS)]
    for follower in followers:
        follower.start()
    load = Load(daemon, token)
    for _ in range(KILLS):
        load.add(PER_LIFE)
        load.start()
        time.sleep(moments.uniform(0.02, 1.5))
        daemon.kill()
        load.join()
        if moments.random() < 0.3:
            daemon.start(wait=None)
            time.sleep(moments.uniform(0, 0.2))
            daemon.kill()
        daemon.start()
    while not load.waiting.empty():
        load.start()
        load.join()
    assert not load.wrong, load.wrong[:10]

    stored = wait_until(lambda: have_ended(daemon), "all activities to end", deadline=180, pause=0.5)
    wanted = collections.defaultdict(set)
    for (_, workflow), activity in load.started.items():
        wanted[workflow].add(activity)
    assert {workflow: set(ids) for workflow, ids in stored.items()} == wanted
    assert len(wanted["each"]) == load.count and len(wanted["even"]) == (load.count + 1) // 2
    assert load.refused == {"even": set(range(1, load.count, 2))}

    expected = told(paged(daemon, begin, types=",".join(TYPES)))
    for follower in followers:
        wait_until(lambda follower=follower: len(follower.events) >= len(expected), "all events", deadline=180)
        follower.stop()
        assert told(follower.events) == expected
        assert follower.connections > KILLS
    connections = sum(follower.connections for follower in followers)
    print(f"{KILLS} kills, {load.count} actions, {load.resent} of them sent again, {len(expected)} events, {connections} connections")
    assert KILLS < 10 or load.resent > 0, "no kill cut an action off: the test proves nothing"
