"""How the daemon ends: in order, in time, and at once when asked twice."""

import http.client
import os
import signal
import socket
import time

from daemon import wait_until


def test_sigterm_lets_running_steps_end(daemon):
    daemon.configure(executor={"concurrency": 4, "drain": "30s"})
    mark = daemon.folder / "mark"
    daemon.workflow("w", [{"id": "work", "script": f"touch {mark}; sleep 1; echo done=yes >> $TAPPET_OUTPUT"}])
    daemon.start()
    token = daemon.token("w")
    activity = daemon.fire(token)
    wait_until(mark.exists, "the step to run")
    assert daemon.stop() == 0
    daemon.start()
    document = daemon.wait_end(token, activity)
    assert document["status"] == "completed"
    assert daemon.detail(activity)["steps"][0]["attempt"] == 1


def test_what_outlives_the_drain_is_ended_and_runs_again_later(daemon):
    daemon.configure(executor={"concurrency": 4, "drain": "200ms"})
    pids = daemon.folder / "pids"
    daemon.workflow("w", [{"id": "work", "script": f"echo $$ >> {pids}; [ $TAPPET_ATTEMPT = 2 ] || sleep 600"}])
    daemon.start()
    token = daemon.token("w")
    activity = daemon.fire(token)
    wait_until(lambda: pids.exists() and pids.read_text().strip(), "the step to run")
    assert daemon.stop() == 0
    assert not os.path.exists(f"/proc/{int(pids.read_text().split()[0])}")
    daemon.start()
    assert daemon.wait_end(token, activity)["status"] == "completed"
    assert daemon.detail(activity)["steps"][0]["attempt"] == 2


def test_a_second_signal_ends_at_once(daemon):
    daemon.configure(executor={"concurrency": 4, "drain": "10m"})
    mark = daemon.folder / "mark"
    daemon.workflow("w", [{"id": "work", "script": f"touch {mark}; sleep 600"}])
    daemon.start()
    daemon.fire(daemon.token("w"))
    wait_until(mark.exists, "the step to run")
    daemon.signal(signal.SIGTERM)
    daemon.wait_log("stopping")
    begin = time.monotonic()
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_exit() == 128 + signal.SIGTERM
    assert time.monotonic() - begin < 5
    # What was left running is ended by the next start.
    daemon.configure()
    daemon.workflow("w", [{"id": "work", "sleep": "0s"}])
    daemon.start()


def test_a_stop_does_not_wait_for_idle_connections(daemon):
    daemon.workflow("w", [{"id": "nothing", "sleep": "0s"}])
    daemon.start()
    idle = http.client.HTTPConnection(*daemon.address)
    idle.request("GET", "/healthz")
    idle.getresponse().read()
    silent = socket.create_connection(daemon.address)
    half = socket.create_connection(daemon.address)
    half.sendall(b"POST /webhook/payload HTTP/1.1\r\nHost: x\r\nContent-Le")
    begin = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - begin < 20
    for connection in (idle, silent, half):
        connection.close()


def test_sigint_stops_as_well(daemon):
    daemon.workflow("w", [{"id": "nothing", "sleep": "0s"}])
    daemon.start()
    daemon.signal(signal.SIGINT)
    assert daemon.wait_exit() == 0
    assert not (daemon.folder / "tappet.sock").exists()
