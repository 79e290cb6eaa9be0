"""SIGKILL at random moments while a thousand schedules fire; then every instant of each of them has to be there exactly once, as an
activity or in an account.

TAPPET_KILLS (32) is how often in all tests together; TAPPET_SEED repeats the moments of a run.
"""

import collections
import contextlib
import datetime
import os
import random
import sqlite3
import time

import pytest
from daemon import wait_until

KILLS = int(os.environ.get("TAPPET_KILLS", "32")) // 4
SEED = int(os.environ.get("TAPPET_SEED", str(random.randrange(1 << 32))))
API = "/plugins/schedule/schedules"
COUNT = 1000
# They end by themselves, so that what is expected has an end.
LASTS_S = 20 + 2 * KILLS
ANCHOR = "2026-01-01T00:00:00Z"


def utc(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant_ms(text):
    return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def make_schedules(daemon, end_s):
    """A fifth of them every second, the others seldom; each policy has its share."""
    options = [{"workflow": "job", "every": "1s" if i % 5 == 0 else f"{5 + i % 7}s", "anchor": ANCHOR, "end": utc(end_s),
                "misfire": ("all", "once", "skip")[i % 3], "catchupMax": 5000, "grace": ("1s", "100ms")[i % 2]}
               for i in range(COUNT)]
    schedules = []
    for at in range(0, COUNT, 250):
        answer = daemon.api("POST", API, options[at:at + 250])
        assert answer.status == 201, answer.body
        schedules += answer.json["schedules"]
    made = {}
    for asked, schedule in zip(options, schedules):
        created = daemon.api("GET", f"{API}/{schedule['id']}").json["createdAt"]
        made[schedule["id"]] = {**asked, "created": instant_ms(created)}
    return made


def expected(options, end_s):
    """The instants after the making, up to the end."""
    step = int(options["every"][:-1]) * 1000
    first = options["created"] - (options["created"] - instant_ms(ANCHOR)) % step + step
    return range(first, end_s * 1000 + 1, step)


def all_are_completed(daemon):
    """All but the one of the definition, which is listed first."""
    listed = daemon.api("GET", f"{API}?status=active&limit=2").json
    return [s["source"] for s in listed["schedules"]] == ["definition"]


def read_ledger(path, made):
    """Per schedule how often each instant was fired or accounted for, as the store has it."""
    ledger = collections.defaultdict(collections.Counter)
    kinds = collections.Counter()
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        for name, at in store.execute("SELECT coalesce(activity.subject, source.trigger_id), input.occurred_ms FROM activity"
                                      " JOIN source ON source.num = activity.source JOIN input ON input.num = activity.input"):
            ledger[name][at] += 1
            kinds["fired"] += 1
        for name, first, last, count, outcome in store.execute(
                "SELECT trigger_id, first_ms, last_ms, count, outcome FROM account"):
            step = int(made[name]["every"][:-1]) * 1000
            instants = range(first, last + 1, step)
            assert len(instants) == count, (name, first, last, count)
            ledger[name].update(instants)
            kinds[outcome] += count
    return ledger, kinds


@pytest.mark.skipif(KILLS < 1, reason="TAPPET_KILLS says so")
def test_no_instant_is_lost_or_doubled_over_many_kills(daemon):
    print(f"TAPPET_SEED={SEED}")
    moments = random.Random(SEED)
    # Accepted, not executed: this is about what fires.
    daemon.configure(plugins={"schedule": {}}, executor={"concurrency": 0})
    daemon.workflow("job", [{"id": "say", "set": {"x": "1"}}], triggers=[
        {"id": "later", "plugin": "schedule", "with": {"at": "2099-01-01T00:00:00Z"}}])
    daemon.start()
    end_s = int(time.time()) + LASTS_S
    made = make_schedules(daemon, end_s)
    for kill in range(KILLS):
        time.sleep(moments.uniform(0.02, 2.0))
        daemon.kill()
        # Each third time it stays down, so that something is missed; sometimes it dies while it starts.
        time.sleep(2.5 if kill % 3 == 0 else 0)
        if moments.random() < 0.3:
            daemon.start(wait=None)
            time.sleep(moments.uniform(0, 0.2))
            daemon.kill()
        daemon.start()
    wait_until(lambda: time.time() > end_s and all_are_completed(daemon), "all schedules to end",
               deadline=LASTS_S + 120, pause=0.5)
    daemon.stop()
    ledger, kinds = read_ledger(daemon.folder / "tappet.db", made)
    assert set(ledger) == set(made)
    for name, options in made.items():
        wanted = collections.Counter(expected(options, end_s))
        lost, doubled = wanted - ledger[name], ledger[name] - wanted
        assert not lost and not doubled, (name, options, sorted(lost), sorted(doubled.items()))
    print(f"{KILLS} kills, {COUNT} schedules, instants by outcome: {dict(kinds)}")
    assert kinds["fired"] > COUNT and kinds[1] > 0, "nothing was missed: the test proves nothing"
