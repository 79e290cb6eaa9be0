"""The action listener under load: acknowledged actions, events to many subscribers beside nats-server and mosquitto, and the memory
of those that only wait. Parts of bench.py, whose tools each function is given. ws_load.c makes the load."""

import json
import socket
import statistics
import subprocess
from contextlib import ExitStack

from abuse import memory_of, raise_file_limit, release, wait_connections
from certificates import Authority
from daemon import DEADLINE
from edge import tls_port

TRIGGERS = [{"plugin": "action", "with": {"topic": "load.>"}}]
# Unacknowledged ones of each connection.
PIPELINED = 8
SUBSCRIBERS = 1000
# Messages that are under way to all subscribers at once, of each server alike.
WINDOW = 256


def served(bench, **more):
    """Actions are accepted and told of, not executed: what steps cost is measured elsewhere. Idle clients answer no pings."""
    return bench.Served(bench.NOTHING, triggers=TRIGGERS, plugins={"action": {"with": {"ping": "1h"}}},
                        executor={"concurrency": 0}, **more)


def token_of(daemon):
    return daemon.token("w0", scopes=("action:>", "subscribe"))


def load(bench, kind, wire, port, connections, window, token=""):
    done = subprocess.run([bench.WORK / "ws_load", kind, wire, str(port), str(bench.SECONDS), str(connections), str(window),
                           token], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# ---- Actions


def measure_actions(bench):
    raise_file_limit()
    for connections in (1, 64, 1000):
        with served(bench) as daemon:
            token = token_of(daemon)
            found = [load(bench, "actions", "tappet", daemon.address[1], connections, PIPELINED, token)
                     for _ in range(bench.ROUNDS)]
        rate = statistics.median(one["rate"] for one in found)
        judged = connections > 1
        bench.row(f"actions acknowledged, durable, {connections:,} connections, {PIPELINED} in flight each", rate, "/s",
                  f"told busy: {sum(one['busy'] for one in found):,}", None, ">= 40,000 /s" if judged else "",
                  rate >= 40_000 if judged else None)
        for name in ("p50", "p99"):
            bench.row(f"  {name}", statistics.median(one[f"{name}_ms"] for one in found), "ms")


# ---- Events


def nats(bench):
    port = bench.free_port()
    return bench.Server(["/usr/sbin/nats-server", "-a", "127.0.0.1", "-p", str(port)], port)


def mosquitto(bench):
    port = bench.free_port()
    config = bench.WORK / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nuser root\n", encoding="ascii")
    return bench.Server(["/usr/sbin/mosquitto", "-c", str(config)], port)


def measure_fanout(bench):
    """All of them in turn in each round, in which the others have nothing to do."""
    raise_file_limit()
    with ExitStack() as stack:
        ports = {"nats": stack.enter_context(nats(bench)).port, "mqtt": stack.enter_context(mosquitto(bench)).port}
        daemon = stack.enter_context(served(bench))
        ports.update(dict.fromkeys(("tappet", "batch"), daemon.address[1]))
        token = token_of(daemon)
        rounds = [{wire: load(bench, "fanout", wire, port, SUBSCRIBERS, WINDOW, token)["rate"] for wire, port in ports.items()}
                  for _ in range(bench.ROUNDS)]
    rates = {wire: statistics.median(one[wire] for one in rounds) for wire in ports}
    for wire, other, name, how in (("batch", "nats", "nats-server", "several in a frame"),
                                   ("tappet", "mqtt", "mosquitto", "one in a frame")):
        ratio = rates[wire] / rates[other]
        bench.row(f"deliveries of an event of 200 bytes, {SUBSCRIBERS:,} subscribers, {how}", rates[wire], "/s",
                  f"{name}: {rates[other]:,.0f} /s", ratio, ">= 1", ratio >= 1)


# ---- Those who wait


def upgrade(connection, token):
    connection.sendall(f"GET /action HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                       f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                       f"Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: tappet.v1\r\n"
                       f"Authorization: Bearer {token}\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += connection.recv(1)
    assert answer.startswith(b"HTTP/1.1 101 "), answer


def hold_sockets(address, count, token, context=None):
    held = []
    for _ in range(count):
        connection = socket.create_connection(address, timeout=DEADLINE)
        if context:
            connection = context.wrap_socket(connection, server_hostname="localhost")
        upgrade(connection, token)
        held.append(connection)
    return held


def measure_sockets(bench):
    # Both ends of each are here, but in two processes.
    count = min(10_000, raise_file_limit()) // (10 if bench.QUICK else 1)
    folder = bench.WORK / "certificates"
    folder.mkdir(exist_ok=True)
    authority = Authority(folder)
    cert, key = authority.issue("server", "localhost")
    listen = ["127.0.0.1:0", {"address": "127.0.0.1:0", "tls": {"cert": str(cert), "key": str(key)}}]
    for kind in ("plain", "TLS"):
        with served(bench, listen=listen, connections=2 * count) as daemon:
            token, context = token_of(daemon), None if kind == "plain" else authority.context()
            address = daemon.address if kind == "plain" else ("127.0.0.1", tls_port(daemon))
            # What the first ones make grow is not theirs alone.
            held = hold_sockets(address, 100, token, context)
            before = memory_of(daemon.process)
            held += hold_sockets(address, count - 100, token, context)
            wait_connections(daemon, count)
            each = (memory_of(daemon.process) - before) / (count - 100)
            release(held)
        judged = kind == "plain"
        bench.row(f"memory of an idle WebSocket, {kind}, {count:,} of them", each, "bytes", "", None,
                  "<= 10 KB" if judged else "", each <= 10_240 if judged else None)
