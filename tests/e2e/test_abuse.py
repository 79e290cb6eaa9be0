"""Clients that mean harm, in great numbers: others get their answers meanwhile, and the memory stays within what the limits
say. tests/bench/run abuse does the same at full size and prints the figures."""

import socket
import ssl
import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from abuse import (IDLE, PER_CONNECTION, SLOW_MODES, Probe, connections, hold, memory_of, raise_file_limit, release,
                   slowhttptest, wait_connections)
from certificates import Authority
from daemon import BUILD, DEADLINE, wait_until

COUNT = 200
MIB = 1 << 20
# What the daemon itself needs more when it is busy: its heap's slack, threads' stacks, caches of the store.
SLACK = 12 * MIB
NOTHING = [{"id": "nothing", "sleep": "0s"}]


@pytest.fixture(autouse=True, scope="module")
def files():
    raise_file_limit()


class Bounded:
    """The memory at its peak has grown by this at most. Sanitizers keep freed memory, so with them nothing is judged."""

    def __init__(self, daemon, bound):
        self.process, self.bound = daemon.process, bound + SLACK
        self.before = memory_of(daemon.process)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        grown = memory_of(self.process, "VmHWM") - self.before
        assert kind or BUILD.name != "release" or grown <= self.bound, f"{grown:,} bytes, not {self.bound:,}"


def serve_with_tls(daemon):
    authority = Authority(daemon.folder)
    cert, key = authority.issue("server", "localhost")
    daemon.configure(listen=["127.0.0.1:0", {"address": "127.0.0.1:0", "tls": {"cert": str(cert), "key": str(key)}}])
    daemon.start()
    ports = [line["address"].rpartition(":")[2] for line in daemon.logs() if line["message"] == "listening"]
    daemon.tls = ("127.0.0.1", int(ports[-1]))
    return authority.context()


# ---- Slow ones


@pytest.mark.parametrize("mode", SLOW_MODES)
def test_slow_clients_of_slowhttptest_keep_nobody_waiting(daemon, mode):
    daemon.start()
    path = "/webhook/payload" if mode == "body" else "/metrics"
    with Bounded(daemon, COUNT * PER_CONNECTION), Probe(daemon) as probe:
        assert slowhttptest(daemon, mode, COUNT, 6, path)
    assert not probe.wrong and probe.times


def test_bodies_that_never_end_take_no_more_than_the_limit(daemon):
    daemon.workflow("w", NOTHING)
    daemon.configure(limits={"memory": "8MiB"})
    daemon.start()
    token = daemon.token("w")
    head = b"POST /webhook/payload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
    with Bounded(daemon, 8 * MIB + COUNT * PER_CONNECTION), Probe(daemon) as probe, ThreadPoolExecutor(8) as pool:
        held = list(pool.map(lambda _: most_of_a_body(daemon.address, head), range(COUNT)))
        # Most are told that there is no room, and small requests are served all the same.
        wait_until(lambda: sum(map(is_refused, held)) > COUNT // 2, "most of them to be refused")
        daemon.fire(token)
    assert not probe.wrong
    release(held)
    wait_until(lambda: connections(daemon) == 1, "them to be gone")
    assert daemon.post(token, {"unknown": "x" * 500_000}).status == 422


def most_of_a_body(address, head):
    """A connection that owes the last byte of its body."""
    connection = socket.create_connection(address, timeout=DEADLINE)
    try:
        connection.sendall(head + b"x" * 999_999)
    except (BrokenPipeError, ConnectionResetError):
        pass
    connection.setblocking(False)
    return connection


def is_refused(connection):
    """It has an answer although it has not said all, or that was cut."""
    try:
        return connection.recv(1, socket.MSG_PEEK) in (b"H", b"")
    except BlockingIOError:
        return False
    except OSError:
        return True


# ---- Many


def test_idle_connections_take_little(daemon):
    daemon.start()
    with Bounded(daemon, 1000 * IDLE), Probe(daemon) as probe:
        held = hold(daemon.address, 1000)
        wait_connections(daemon, 1001)
    assert not probe.wrong
    release(held)


def test_a_flood_beyond_the_limit_is_refused_and_ends_with_it(daemon):
    daemon.configure(limits={"connections": COUNT})
    daemon.workflow("w", NOTHING)
    daemon.start()
    token = daemon.token("w")
    friend = daemon.connect()
    friend.request("GET", "/healthz")
    assert friend.getresponse().read()
    with Bounded(daemon, 2 * COUNT * PER_CONNECTION):
        held = hold(daemon.address, 3 * COUNT)
        wait_connections(daemon, COUNT + 1)
        # Who is in, stays in; who has to do something about it, gets in.
        friend.request("POST", "/webhook/payload", f'{{"token": "{token}"}}')
        assert friend.getresponse().read().startswith(b'{"activityId"')
        assert daemon.api("GET", "/activities?limit=1").status == 200
        answers = [answer for answer in map(first_bytes, held[COUNT:]) if answer]
        assert answers and all(answer.startswith(b"HTTP/1.1 503 ") and b"Retry-After: " in answer for answer in answers)
    release(held)
    wait_until(lambda: connections(daemon) <= 2, "them to be gone")
    assert daemon.request("GET", "/healthz").status == 200


def first_bytes(connection):
    try:
        return connection.recv(4096)
    except ConnectionResetError:
        return b""


def test_a_flood_leaves_steps_the_descriptors_that_they_need(make_daemon):
    daemon = make_daemon(wrapper=["prlimit", "--nofile=400:400"])
    daemon.workflow("w", [{"id": "run", "run": ["/bin/true"]}])
    daemon.start()
    assert daemon.wait_log("limits.connections is more than the limit of open files allows")["taken"] < 400
    token = daemon.token("w")
    friend = daemon.connect()
    friend.connect()
    held = hold(daemon.address, 500)
    wait_connections(daemon, 200)
    friend.request("POST", "/webhook/payload", f'{{"token": "{token}"}}')
    assert friend.getresponse().read().startswith(b'{"activityId"')
    wait_until(lambda: 'outcome="completed"} 1' in daemon.request("GET", "/metrics", control=True).body.decode("utf-8"),
               "the activity to complete")
    release(held)


# ---- TLS


def test_garbage_and_handshakes_that_do_not_go_on_keep_nobody_waiting(daemon):
    context = serve_with_tls(daemon)
    kinds = [b"", b"\x16\x03\x01\x02\x00\x01", b"\x16\x03\x01\xff\xff" + b"\x00" * 30000, b"GET / HTTP/1.1\r\n\r\n", bytes(500)]
    with Bounded(daemon, COUNT * PER_CONNECTION), Probe(daemon) as probe:
        held = []
        for kind in kinds:
            held += hold(daemon.tls, COUNT // len(kinds), kind)
        with socket.create_connection(daemon.tls, timeout=DEADLINE) as raw:
            with context.wrap_socket(raw, server_hostname="localhost") as other:
                other.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                assert other.recv(4096).startswith(b"HTTP/1.1 200 ")
    assert not probe.wrong
    release(held)


@pytest.mark.parametrize("version,letter", [("-tls1_2", "R"), ("-tls1_3", "K")])
def test_requests_for_new_keys_without_end_cost_only_their_own_connection(daemon, version, letter):
    serve_with_tls(daemon)
    command = ["openssl", "s_client", "-connect", "127.0.0.1:%d" % daemon.tls[1], version]
    with Bounded(daemon, 10 * PER_CONNECTION), Probe(daemon) as probe:
        clients = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                   for _ in range(10)]
        told = [client.communicate(f"{letter}\n" * 300, timeout=DEADLINE)[1] for client in clients]
    assert not probe.wrong
    if letter == "R":
        assert all("no renegotiation" in words for words in told)


def test_a_storm_of_resets_amid_handshakes_leaves_nothing_behind(daemon):
    context = serve_with_tls(daemon)
    reset = struct.pack("ii", 1, 0)
    with Bounded(daemon, 10 * PER_CONNECTION), Probe(daemon) as probe:
        for number in range(COUNT):
            raw = socket.create_connection(daemon.tls, timeout=DEADLINE)
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
            with pytest.raises(ssl.SSLWantReadError):
                tls.do_handshake()
            raw.sendall(outgoing.read()[:number * 5])
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            raw.close()
        wait_until(lambda: connections(daemon) <= 2, "them to be gone")
    assert not probe.wrong
