"""A disk that fills up: nothing acknowledged is lost, what runs ends, and the service comes back by itself."""

import os
import subprocess
from pathlib import Path

import pytest
from daemon import wait_until

SIZE = "96m"
# Who is not root may still mount in a user namespace of his own, where the system allows that.
UNSHARE = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-m"]


@pytest.fixture
def small_disk(make_daemon, tmp_path):
    """A daemon whose folder is a small tmpfs in a mount namespace of its own; seen through /proc/PID/root."""
    inside = Path("/run") if os.path.isdir("/run") else Path("/mnt")
    probe = subprocess.run([*UNSHARE, "sh", "-c", f"mount -t tmpfs -o size=1m none {inside}"],
                           capture_output=True, text=True, check=False)
    if probe.returncode:
        pytest.skip(f"mounting is not permitted here: {probe.stderr.strip()}")
    keeper = subprocess.Popen([*UNSHARE, "--propagation", "private", "sh", "-c",
                               f"mount -t tmpfs -o size={SIZE},mode=0700 none {inside} && mkdir {inside}/t && "
                               "echo up && exec sleep 100000"], stdout=subprocess.PIPE, text=True)
    try:
        assert keeper.stdout.readline() == "up\n"
        outside = Path(f"/proc/{keeper.pid}/root{inside}/t")
        yield keeper.pid, inside / "t", outside, make_daemon
    finally:
        keeper.kill()
        keeper.wait()


def fill(path):
    """Writes until nothing more goes in."""
    with open(path, "ab", buffering=0) as file:
        for size in (1 << 20, 1 << 16, 1 << 12, 1 << 8):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                pass


def test_a_full_disk_loses_nothing_that_was_acknowledged(small_disk):
    keeper, inside, outside, make_daemon = small_disk
    enter = ["nsenter", f"--target={keeper}", "--mount"]
    if os.geteuid() != 0:
        enter += ["--user", "--preserve-credentials"]
    daemon = make_daemon(wrapper=enter)
    mark, go = daemon.folder / "mark", daemon.folder / "go"
    daemon.configure(store=f"sqlite:{inside}/tappet.db", control={"path": str(daemon.folder / "tappet.sock")})
    daemon.workflow("w", [{"id": "wait", "script": f"touch {mark}; while [ ! -e {go} ]; do sleep 0.05; done"}])
    daemon.workflow("quick", [{"id": "go", "sleep": "0s"}])
    daemon.start()
    token, quick = daemon.token("w"), daemon.token("quick")
    running = daemon.fire(token)
    wait_until(mark.exists, "the step to run")

    ballast = outside / "ballast"
    accepted, refused = [running], None

    def until_refused():
        nonlocal refused
        fill(ballast)
        answer = daemon.post(quick, None, note="x" * 20000)
        if answer.status == 200:
            accepted.append(answer.json["activityId"])
            return False
        refused = answer
        return True

    wait_until(until_refused, "the disk to be full", pause=0)
    assert refused.status == 503 and int(refused.headers["Retry-After"]) > 0
    wait_until(lambda: daemon.request("GET", "/readyz").status == 503, "the daemon to say that it takes nothing")
    assert daemon.metrics()["tappet_store_degraded"].value() == 1

    go.touch()
    assert daemon.wait_end(token, running)["status"] == "completed"

    ballast.unlink()
    wait_until(lambda: daemon.request("GET", "/readyz").status == 200, "the service to return by itself")
    assert daemon.metrics()["tappet_store_degraded"].value() == 0
    answer = wait_until(lambda: (lambda a: a if a.status == 200 else None)(daemon.post(quick)), "a new activity")
    accepted.append(answer.json["activityId"])
    daemon.kill()
    daemon.start()
    for activity in accepted:
        assert wait_until(lambda: daemon.detail(activity)["status"] == "completed", f"{activity} to end")
