"""Clients that mean harm, and one that only wants an answer; for tests/e2e/test_abuse.py and the full-sized tests/bench/run abuse."""

import http.client
import re
import resource
import socket
import subprocess
import threading
import time

from daemon import DEADLINE, wait_until

# What each connection may take beside limits.memory: a head and a first piece of a body, a little of answers, and itself.
HEAD, BODY_LOW, OUTPUT_LOW, ITSELF = 16 << 10, 16 << 10, 64 << 10, 8 << 10
PER_CONNECTION = HEAD + BODY_LOW + OUTPUT_LOW + ITSELF
# An idle one holds nothing but itself.
IDLE = ITSELF
SLOW_MODES = {
    "head": ["-H"],
    "body": ["-B", "-s", "8192"],
    # Requests for much in one connection, and hardly anything of it read.
    "read": ["-X", "-k", "10", "-w", "64", "-y", "512", "-n", "5", "-z", "16"],
}


def raise_file_limit():
    """As far as it goes; how many connections a test may hold."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard - 200


def memory_of(process, name="VmRSS"):
    """Bytes; VmHWM is the most that there ever were."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return int(re.search(rf"^{name}:\s+(\d+) kB", status.read(), re.MULTILINE)[1]) * 1024


class Probe(threading.Thread):
    """Somebody else, who asks again and again, each time on a new connection; any answer but 200 is a failure."""

    def __init__(self, daemon, path="/healthz"):
        super().__init__()
        self.daemon_, self.path = daemon, path
        self.over = threading.Event()
        self.times, self.wrong = [], []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()

    def run(self):
        while not self.over.wait(0.02):
            begin = time.monotonic()
            try:
                status = self.daemon_.request("GET", self.path).status
            except (OSError, http.client.HTTPException) as error:
                status = error
            if status != 200:
                self.wrong.append(status)
            self.times.append(time.monotonic() - begin)


def hold(address, count, say=b""):
    """That many connections, which say this and no more."""
    held = []
    for _ in range(count):
        held.append(socket.create_connection(address, timeout=DEADLINE))
        if say:
            held[-1].sendall(say)
    return held


def release(held):
    for connection in held:
        connection.close()


def connections(daemon):
    """How many are open, this one included."""
    text = daemon.request("GET", "/metrics", control=True).body.decode("utf-8")
    return int(float(re.search(r"^tappet_http_connections (\S+)", text, re.MULTILINE)[1]))


def wait_connections(daemon, count):
    wait_until(lambda: connections(daemon) >= count, f"{count} connections")


def slowhttptest(daemon, mode, count, seconds, path):
    """Runs it; it asks on a connection of its own all the time, and tells whether there was an answer."""
    command = ["slowhttptest", *SLOW_MODES[mode], "-c", count, "-r", count, "-l", seconds, "-i", 2, "-p", 5, "-v", 1,
               "-u", "http://%s:%d%s" % (*daemon.address, path)]
    done = subprocess.run([str(part) for part in command], text=True, capture_output=True, check=False,
                          timeout=seconds + DEADLINE, stdin=subprocess.DEVNULL)
    said = re.findall(r"service available:\s+(\w+)", re.sub(r"\x1b\[[0-9;]*m", "", done.stdout))
    assert said, done.stdout + done.stderr
    return all(word == "YES" for word in said)
