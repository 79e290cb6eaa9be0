"""Many schedules in one daemon: what they take, how late they fire, and whether anything wakes up for nothing. Parts of bench.py,
whose tools each function is given."""

import json
import subprocess
import threading
import time
from datetime import datetime
from pathlib import Path

from daemon import BUILD

BATCH = 250
FIRING = 40
FIRE_SECONDS = 12
QUIET_SECONDS = 5
API = "/plugins/schedule"


def make(daemon, count, of):
    """So many schedules by API, a batch at a time; of(number) has the options."""
    for first in range(0, count, BATCH):
        batch = [{"workflow": "w0", **of(number)} for number in range(first, min(first + BATCH, count))]
        answer = daemon.api("POST", f"{API}/schedules", batch)
        assert answer.status == 201, answer.body


def resident_mib(pid):
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def spread(number):
    zones = ("UTC", "Europe/Amsterdam", "America/New_York")
    return {"cron": f"{number % 60} {number // 60 % 24} 1 1 {number % 7}", "timezone": zones[number % 3]}


def is_loaded(daemon):
    return daemon.api("GET", f"{API}/schedules?limit=1").status == 200


def measure_many(bench):
    count = 100_000 if bench.QUICK else 1_000_000
    with bench.Served(bench.NOTHING, plugins={"schedule": {}}) as daemon:
        begin = time.monotonic()
        make(daemon, count, spread)
        bench.row(f"schedules made by API, {count:,} of them", count / (time.monotonic() - begin), "/s")
        daemon.stop()
        begin = time.monotonic()
        daemon.start()
        bench.wait_until(lambda: is_loaded(daemon), "all schedules", deadline=300)
        bench.row(f"start with {count:,} schedules", time.monotonic() - begin, "s")
        memory = resident_mib(daemon.process.pid)
        bench.row(f"resident memory with {count:,} schedules", memory, "MiB", f"{memory * 2**20 / count:.0f} bytes each", None,
                  "<= 400 MB" if count == 1_000_000 else "", memory * 1.048576 <= 400 if count == 1_000_000 else None)


def measure_storm(bench):
    done = subprocess.run([BUILD / "tests" / "bench_schedule_storm"], text=True, capture_output=True, check=True)
    found = json.loads(done.stdout)
    bench.row("a million due at once, put back", found["rearm_ms"], "ms", f"{found['bytes']} bytes each", None, "<= 250 ms",
              found["rearm_ms"] <= 250)


def switches(pid):
    """How often its threads have gone to sleep."""
    return sum(int(line.split()[1]) for status in Path(f"/proc/{pid}/task").glob("*/status")
               for line in status.read_text().splitlines() if line.startswith("voluntary"))


def measure_quiet(bench):
    with bench.Served(bench.NOTHING, plugins={"schedule": {}}) as daemon:
        before = []
        for count in (0, 1000):
            make(daemon, count, lambda number: {"cron": "0 0 1 1 *"})
            time.sleep(2)
            begin = switches(daemon.process.pid)
            time.sleep(QUIET_SECONDS)
            before.append((switches(daemon.process.pid) - begin) / QUIET_SECONDS)
        bench.row("wake-ups with 1,000 schedules that wait", before[1], "/s", f"without any: {before[0]:.1f} /s", None,
                  "none more", before[1] <= before[0] + 1)


def lateness(daemon):
    """Milliseconds from the instant of each fire to its being handed over, as the ledger has it."""
    timeline = daemon.api("GET", "/workflows/w0/why?window=1m&limit=500").json["timeline"]
    causes = [item["cause"] for item in timeline if item["kind"] == "accepted" and "scheduledAt" in item.get("cause", {})]
    return [(datetime.fromisoformat(cause["firedAt"].replace("Z", "+00:00")) -
             datetime.fromisoformat(cause["scheduledAt"])).total_seconds() * 1000 for cause in causes]


def fire(bench, load):
    with bench.Served(bench.NOTHING, workflows=2, plugins={"webhook": {}, "schedule": {}}) as daemon:
        make(daemon, FIRING, lambda number: {"every": "1s"})
        # The load is on another workflow: the ledger of this one stays short.
        body = json.dumps({"token": daemon.token("w1"), "properties": {}})
        other = threading.Thread(target=lambda: bench.Load(daemon.address[1], "/webhook/payload", body, 64, FIRE_SECONDS))
        if load:
            other.start()
        time.sleep(FIRE_SECONDS)
        times = lateness(daemon)
        if load:
            other.join()
    assert len(times) > FIRING
    return times


def measure_lateness(bench):
    for load in (False, True):
        times = fire(bench, load)
        p99 = bench.percentile(times, 0.99)
        bench.row(f"lateness of a fire, p99, {'64 clients that POST' if load else 'nothing else to do'}", p99, "ms",
                  f"p50: {bench.percentile(times, 0.5):.1f} ms", None, "<= 5 ms", p99 <= 5)


def measure_schedules(bench):
    measure_storm(bench)
    measure_quiet(bench)
    measure_lateness(bench)
    measure_many(bench)
