"""What stands between the network and the store: TLS beside nginx with the same certificate, signatures beside none, and many
clients that want nothing or mean harm. Parts of bench.py, whose tools each function is given."""

import statistics
import time
from contextlib import contextmanager
from types import SimpleNamespace

from abuse import Probe, hold, memory_of, raise_file_limit, release, slowhttptest, wait_connections
from certificates import Authority, openssl

# As large as what senders usually send.
BODY = '{"event":"push","text":"%s"}' % ("x" * 1000)
HANDSHAKE = {"Connection": "close"}


def tls_port(daemon):
    ports = [line["address"].rpartition(":")[2] for line in daemon.logs() if line["message"] == "listening"]
    return int(ports[-1])


def medians(bench, ways):
    """Requests per second of each way, all in turn in each round, so that they share the machine's moods."""
    rates = [[load().rate for load in ways] for _ in range(bench.ROUNDS)]
    return [statistics.median(column) for column in zip(*rates)]


# ---- TLS


@contextmanager
def tls_pair(bench, kind):
    folder = bench.WORK / "certificates"
    folder.mkdir(exist_ok=True)
    cert, key = Authority(folder).issue("server", "localhost", key=kind)
    tls = {"cert": str(cert), "key": str(key)}
    with bench.nginx((cert, key)) as theirs, bench.Served(
            bench.NOTHING, executor={"concurrency": 0}, listen=["127.0.0.1:0", {"address": "127.0.0.1:0", "tls": tls}]) as daemon:
        yield SimpleNamespace(daemon=daemon, ours=tls_port(daemon), theirs=theirs.port)


def measure_tls(bench):
    for kind in ("ec", "rsa"):
        with tls_pair(bench, kind) as pair:
            def get(port, path, **more):
                return lambda: bench.Load(port, path, None, 64, scheme="https", **more)

            shaking, theirs_shaking = medians(bench, [get(pair.ours, "/readyz", headers=HANDSHAKE),
                                                      get(pair.theirs, "/", headers=HANDSHAKE)])
            bench.row(f"TLS handshakes, {kind.upper()}, a request each", shaking, "/s",
                      f"nginx return 200: {theirs_shaking:,.0f} /s", shaking / theirs_shaking, ">= 0.5",
                      shaking / theirs_shaking >= 0.5)
            if kind == "rsa":
                return
            ours, theirs = medians(bench, [get(pair.ours, "/readyz"), get(pair.theirs, "/")])
            bench.row("GET /readyz over TLS, 64 connections", ours, "/s", f"nginx return 200: {theirs:,.0f} /s", ours / theirs,
                      ">= 0.5", ours / theirs >= 0.5)
            body = bench.body_for(pair.daemon)
            secure, plain = medians(bench, [
                lambda: bench.Load(pair.ours, "/webhook/payload", body, 64, scheme="https"),
                lambda: bench.Load(pair.daemon.address[1], "/webhook/payload", body, 64)])
            bench.row("POST /webhook/payload over TLS, 64 connections", secure, "/s", f"without TLS: {plain:,.0f} /s",
                      secure / plain)


# ---- Signatures


def signed_by_github(folder):
    (folder / "secret").write_text("s3cret", encoding="ascii")
    (folder / "body").write_text(BODY, encoding="ascii")
    digest = openssl("dgst", "-sha256", "-hmac", "s3cret", folder / "body").split()[-1]
    return {"preset": "github", "secret": {"file": str(folder / "secret")}}, {"X-Hub-Signature-256": f"sha256={digest}"}


def signed_by_discord(folder):
    now, key = str(int(time.time())), folder / "ed25519.key"
    openssl("genpkey", "-algorithm", "ed25519", "-out", key)
    openssl("pkey", "-in", key, "-pubout", "-outform", "DER", "-out", folder / "public")
    # The key itself is at the end of what X.509 puts around it.
    (folder / "secret").write_text((folder / "public").read_bytes()[-32:].hex(), encoding="ascii")
    (folder / "signed").write_text(now + BODY, encoding="ascii")
    openssl("pkeyutl", "-sign", "-inkey", key, "-rawin", "-in", folder / "signed", "-out", folder / "signature")
    signature = (folder / "signature").read_bytes().hex()
    return ({"preset": "discord", "secret": {"file": str(folder / "secret")}},
            {"X-Signature-Ed25519": signature, "X-Signature-Timestamp": now})


def measure_signed(bench):
    for name, sign in (("github, HMAC-SHA256", signed_by_github), ("discord, Ed25519", signed_by_discord)):
        folder = bench.WORK / sign.__name__
        folder.mkdir(exist_ok=True)
        signature, headers = sign(folder)
        triggers = [{"plugin": "webhook", "id": "plain", "with": {"auth": "none"}},
                    {"plugin": "webhook", "id": "signed", "with": {"signature": signature}}]
        with bench.Served(bench.NOTHING, executor={"concurrency": 0}, triggers=triggers) as daemon:
            wrong = {header: value[:-1] + ("0" if value[-1] != "0" else "1") for header, value in headers.items()}
            assert daemon.request("POST", "/webhook/in/w0/signed", BODY, wrong).status == 401

            def post(trigger, **more):
                return lambda: bench.Load(daemon.address[1], f"/webhook/in/w0/{trigger}", BODY, 64, **more)

            signed, plain = medians(bench, [post("signed", headers=headers), post("plain")])
        bench.row(f"POST /webhook/in, {name}, 64 connections", signed, "/s", f"unsigned: {plain:,.0f} /s", signed / plain)


# ---- Abuse


def probed(bench, name, daemon, act):
    """What others notice meanwhile."""
    before = memory_of(daemon.process)
    with Probe(daemon) as probe:
        result = act()
    assert not probe.wrong, probe.wrong[:5]
    times = [seconds * 1000 for seconds in probe.times]
    bench.row(f"{name}: others wait, p99", bench.percentile(times, 0.99), "ms",
              f"at the worst: {max(times):,.1f} ms of {len(times):,} requests")
    return (memory_of(daemon.process) - before), result


def measure_idle_connections(bench, daemon, address, kind, count, act):
    def open_all():
        held = act(address, count)
        wait_connections(daemon, count)
        return held

    grown, held = probed(bench, f"{count:,} idle connections, {kind}", daemon, open_all)
    bench.row("  memory of each", grown / count, "bytes")
    release(held)


def hold_tls(context):
    """Each with its handshake complete before the next: there is a time-out for those that wait."""
    def act(address, count):
        return [context.wrap_socket(raw, server_hostname="localhost") for _ in range(count) for raw in hold(address, 1)]

    return act


def measure_abuse(bench):
    # Both ends of each are here, but in two processes.
    count = min(10_000, raise_file_limit()) // (10 if bench.QUICK else 1)
    folder = bench.WORK / "certificates"
    folder.mkdir(exist_ok=True)
    authority = Authority(folder)
    cert, key = authority.issue("server", "localhost")
    listen = ["127.0.0.1:0", {"address": "127.0.0.1:0", "tls": {"cert": str(cert), "key": str(key)}}]
    for kind in ("plain", "TLS"):
        with bench.Served(bench.NOTHING, listen=listen, connections=2 * count) as daemon:
            address = daemon.address if kind == "plain" else ("127.0.0.1", tls_port(daemon))
            measure_idle_connections(bench, daemon, address, kind, count,
                                     hold if kind == "plain" else hold_tls(authority.context()))
    for mode in ("head", "body", "read"):
        with bench.Served(bench.NOTHING, listen=listen, connections=2 * count) as daemon:
            slow = 300 if bench.QUICK else 2000
            path = "/webhook/payload" if mode == "body" else "/metrics"
            grown, served = probed(bench, f"slowhttptest, slow {mode}, {slow:,} connections", daemon,
                                   lambda: slowhttptest(daemon, mode, slow, 3 * bench.SECONDS, path))
            bench.row("  memory at its peak", memory_of(daemon.process, "VmHWM") / 2**20, "MiB",
                      "it calls the service available" if served else "it calls the service down", None, "available", served)
