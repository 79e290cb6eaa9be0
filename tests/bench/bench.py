"""The measurements behind tests/bench/run. Read the results as ratios: both sides ran in the same minutes."""

import functools
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))

import edge  # noqa: E402
import schedules  # noqa: E402
import sockets  # noqa: E402
import watchers  # noqa: E402
from daemon import BUILD, ROOT, Daemon, wait_until  # noqa: E402

WORK = ROOT / "build" / "bench"
QUEUE = 100_000_000
QUICK = "--quick" in sys.argv
SECONDS = 2 if QUICK else 5
ROUNDS = 1 if QUICK else 3
IN_FLIGHT = 16
NOTHING = [{"id": "nothing", "sleep": "0s"}]

rows = []


def row(what, value, unit="", reference="", ratio=None, goal="", met=None):
    rows.append((what, f"{value:,.0f} {unit}" if value >= 100 else f"{value:.2f} {unit}", reference,
                 "" if ratio is None else f"{ratio:.2f}", goal, "" if met is None else ("yes" if met else "NO")))
    print(".", end="", flush=True)


def table():
    heads = ("measured", "value", "beside", "ratio", "goal", "met")
    widths = [max(len(str(line[i])) for line in [heads, *rows]) for i in range(len(heads))]
    print()
    for line in [heads, *rows]:
        print("  ".join(str(cell).ljust(width) for cell, width in zip(line, widths)).rstrip())


# ---- Tools


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_port(port):
    def there():
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        except OSError:
            return False

    wait_until(there, f"port {port}")


UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}


class Load:
    """What wrk says: requests per second, p50 and p99 in milliseconds. Nothing but 200 is let through."""

    def __init__(self, port, path, body, connections, seconds=SECONDS, scheme="http", headers=()):
        script = WORK / "post.lua"
        fields = {**({} if body is None else {"Content-Type": "application/json"}), **dict(headers)}
        script.write_text("".join(f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}\n" for name, value in fields.items())
                          + ("" if body is None else f'wrk.method = "POST"\nwrk.body = {json.dumps(body)}\n'))
        output = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script,
                                 f"{scheme}://127.0.0.1:{port}{path}"], text=True, capture_output=True, check=True).stdout
        assert "Non-2xx" not in output and "Socket errors" not in output, output
        self.rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))
        self.count = int(re.search(r"(\d+) requests in", output).group(1))
        self.p50, self.p99 = (self.time(output, percent) for percent in ("50%", "99%"))

    @staticmethod
    def time(output, percent):
        number, unit = re.search(rf"^\s+{percent}\s+([\d.]+)(\w+)$", output, re.MULTILINE).groups()
        return float(number) * UNITS[unit]


class Server:
    """A program beside which the daemon is measured."""

    def __init__(self, command, port):
        self.port = port
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_port(port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def nginx(pair=None):
    """With a certificate and its key it speaks TLS."""
    port = free_port()
    # Its own default knows nothing of TLS 1.3, which costs more.
    tls = f"ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {pair[0]}; ssl_certificate_key {pair[1]};" if pair else ""
    config = WORK / "nginx.conf"
    config.write_text(f"""daemon off; master_process off; worker_processes 1;
pid {WORK}/nginx.pid; error_log {WORK}/nginx.log;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {WORK}/nginx-body;
server {{ listen 127.0.0.1:{port} {"ssl" if pair else ""} backlog=4096; {tls} location / {{ return 200 "ok"; }} }} }}
""")
    return Server(["/usr/sbin/nginx", "-p", str(WORK), "-c", str(config)], port)


def other_webhook():
    port = free_port()
    hooks = WORK / "hooks.json"
    hooks.write_text(json.dumps([{"id": "go", "execute-command": "/bin/true"}]))
    return Server(["/usr/bin/webhook", "-hooks", str(hooks), "-ip", "127.0.0.1", "-port", str(port)], port)


class Served:
    """A daemon in a fresh folder on a real disk, removed at the end."""

    def __init__(self, steps, workflows=1, start=True, triggers=None, connections=10_000, **config):
        folder = WORK / f"d{os.getpid()}-{time.monotonic_ns()}"
        folder.mkdir(parents=True)
        self.daemon = Daemon(folder)
        self.daemon.configure(limits={"queue": QUEUE, "connections": connections},
                              control={"path": f"/tmp/tappet-bench-{os.getpid()}.sock"}, **config)
        for number in range(workflows):
            self.daemon.workflow(f"w{number}", steps, **({"triggers": triggers} if triggers else {}))
        if start:
            self.daemon.start()

    def __enter__(self):
        return self.daemon

    def __exit__(self, *_):
        self.daemon.close()


def body_for(daemon):
    return json.dumps({"token": daemon.token("w0"), "properties": {}})


def counter(daemon, name):
    for line in daemon.request("GET", "/metrics").body.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    return 0.0


# ---- (a) A durable answer


def measure_webhook():
    for connections in (1, 64, 256):
        ours, theirs = [], []
        with nginx() as reference, Served(NOTHING, executor={"concurrency": 0}) as daemon:
            body = body_for(daemon)
            for _ in range(ROUNDS):
                theirs.append(Load(reference.port, "/", body, connections))
                ours.append(Load(daemon.address[1], "/webhook/payload", body, connections))
        with other_webhook() as other:
            third = Load(other.port, "/hooks/go", body, connections, seconds=2)
        rate, bare = (statistics.median(load.rate for load in loads) for loads in (ours, theirs))
        p50, p99 = (statistics.median(getattr(load, name) for load in ours) for name in ("p50", "p99"))
        name = f"POST /webhook/payload, {connections} connections"
        judged = connections == 64
        row(name, rate, "/s", f"nginx return 200: {bare:,.0f} /s", rate / bare, ">= 0.35" if judged else "",
            rate / bare >= 0.35 if judged else None)
        row("  the same", rate, "/s", f"adnanh/webhook, /bin/true: {third.rate:,.0f} /s", rate / third.rate)
        row("  p50", p50, "ms", f"nginx: {statistics.median(load.p50 for load in theirs):.2f} ms")
        row("  p99", p99, "ms", f"nginx: {statistics.median(load.p99 for load in theirs):.2f} ms", None,
            "< 10 ms" if judged else "", p99 < 10 if judged else None)


# ---- (b) Activities from POST to completed


def post_burst(daemon, body, count):
    """Requests one behind the other on one connection, none waiting for an answer: cheap for the client."""
    request = (f"POST /webhook/payload HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()
    with socket.create_connection(daemon.address) as connection:
        sender = threading.Thread(target=connection.sendall, args=(request * count,))
        sender.start()
        answers = connection.makefile("rb")
        for _ in range(count):
            assert answers.readline().startswith(b"HTTP/1.1 200 "), "not accepted"
            length = 0
            while (line := answers.readline()) != b"\r\n":
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            answers.read(length)
        sender.join()


def activities_per_second(steps, count, **config):
    """From the first POST until the last one of `count` has ended."""
    done = 'tappet_activities_total{outcome="completed"}'
    with Served(steps, **config) as daemon:
        body = body_for(daemon)
        begin = time.monotonic()
        post_burst(daemon, body, count)
        wait_until(lambda: counter(daemon, done) >= count, "all activities to end", deadline=600, pause=0.02)
        return count / (time.monotonic() - begin)


def spawn_loop():
    output = subprocess.run([WORK / "spawn_loop", "/bin/true", str(IN_FLIGHT), str(SECONDS)], text=True,
                            capture_output=True, check=True).stdout
    return float(output)


def measure_activities():
    rate = statistics.median(activities_per_second(NOTHING, 8000 * SECONDS) for _ in range(ROUNDS))
    row("activities to completed, sleep: 0", rate, "/s", "", None, ">= 8,000 /s", rate >= 8000)
    spawning = [{"id": "true", "run": ["/bin/true"]}]
    executor = {"concurrency": IN_FLIGHT}
    large = {"webhook": {}, "heap": {"load": str(WORK / "heap.so"), "with": {"size": "1GiB"}}}
    bare, small, heap = [], [], []
    for _ in range(ROUNDS):
        bare.append(spawn_loop())
        small.append(activities_per_second(spawning, 1000 * SECONDS, executor=executor))
        heap.append(activities_per_second(spawning, 1000 * SECONDS, executor=executor, plugins=large))
    bare_rate = statistics.median(bare)
    for name, rates in (("run /bin/true", small), ("run /bin/true, 1 GiB heap", heap)):
        rate = statistics.median(rates)
        row(f"activities to completed, {name}", rate, "/s", f"bare posix_spawn: {bare_rate:,.0f} /s", rate / bare_rate,
            ">= 0.50", rate / bare_rate >= 0.5)


# ---- (c) Idle


def private_mib(pid):
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(kib) for kib in re.findall(r"^Private_(?:Clean|Dirty):\s+(\d+)", text, re.MULTILINE)) / 1024


def settled_mib(pid):
    """When it has not changed for half a second."""
    last, since = private_mib(pid), time.monotonic()
    while time.monotonic() - since < 0.5:
        time.sleep(0.05)
        if abs(private_mib(pid) - last) > 0.05:
            last, since = private_mib(pid), time.monotonic()
    return last


def time_to_ready(daemon):
    begin = time.monotonic()
    daemon.start(wait=None)
    wait_until(lambda: b'"message":"ready"' in daemon.log_path.read_bytes()[daemon.log_begin:], "ready", pause=0.001)
    elapsed = time.monotonic() - begin
    daemon.address = daemon.find_address()
    return elapsed * 1000


def measure_idle():
    for workflows, ready_goal in ((1, 100), (10_000, 1500)):
        with Served(NOTHING, workflows, start=False) as daemon:
            first = time_to_ready(daemon)
            daemon.stop()
            again = []
            for _ in range(ROUNDS):
                again.append(time_to_ready(daemon))
                memory = settled_mib(daemon.process.pid)
                daemon.stop()
        ready = statistics.median(again)
        judged = workflows == 1
        row(f"private memory when idle, {workflows:,} workflows", memory, "MiB", "", None,
            "<= 12 MiB" if judged else "", memory <= 12 if judged else None)
        row(f"time to ready, {workflows:,} workflows", ready, "ms", f"first start: {first:,.0f} ms", None,
            f"<= {ready_goal:,} ms", ready <= ready_goal)


# ---- (d) A long queue


MILLION = 100_000 if QUICK else 1_000_000
LOOK_UPS = 2_000


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def look_up_p99(daemon, ids):
    """Milliseconds for the status document of one activity, over the control socket."""
    connection = daemon.connect(control=True)
    times = []
    for activity in ids:
        begin = time.monotonic()
        connection.request("GET", f"/api/v1/activities/{activity}")
        answer = connection.getresponse()
        answer.read()
        times.append((time.monotonic() - begin) * 1000)
        assert answer.status == 200, activity
    connection.close()
    return percentile(times, 0.99)


def some_ids(daemon, count):
    """Pages of ids all over the queue: the newest, and those before instants that lie between."""
    newest = daemon.api("GET", "/activities?limit=500").json["activities"]
    oldest_time, newest_time = int(daemon.first_id[:12], 16), int(newest[0]["id"][:12], 16)
    found = [each["id"] for each in newest]
    step = 0
    while len(found) < count:
        step += 1
        bound = f"{oldest_time + (newest_time - oldest_time) * (step % 20) // 20:012x}" + "f" * 12
        page = daemon.api("GET", f"/activities?limit=500&before={bound}").json["activities"]
        found.extend(each["id"] for each in page)
    return found[:: max(1, len(found) // count)][:count]


def measure_queue():
    done = 'tappet_activities_total{outcome="completed"}'
    with Served(NOTHING, executor={"concurrency": 0}) as daemon:
        body = body_for(daemon)
        daemon.first_id = daemon.fire(json.loads(body)["token"])
        begin = time.monotonic()
        post_burst(daemon, body, MILLION)
        accepting = MILLION / (time.monotonic() - begin)
        row(f"accepting {MILLION:,} activities, one connection", accepting, "/s")
        memory = settled_mib(daemon.process.pid)
        row("private memory with all of them queued", memory, "MiB", "", None, "<= 100 MiB", memory <= 100)
        p99 = look_up_p99(daemon, some_ids(daemon, LOOK_UPS))
        row("status document, p99", p99, "ms", "", None, "< 5 ms", p99 < 5)
        daemon.stop()
        daemon.configure(limits={"queue": QUEUE}, control=daemon.config["control"], executor={"concurrency": 64})
        ready = time_to_ready(daemon)
        row("time to ready with the queue", ready, "ms")
        begin, first = time.monotonic(), counter(daemon, done)
        ids, peak = some_ids(daemon, LOOK_UPS), 0
        p99 = look_up_p99(daemon, ids)
        row("status document while the queue is worked off, p99", p99, "ms")
        while counter(daemon, done) < MILLION:
            peak = max(peak, private_mib(daemon.process.pid))
            time.sleep(0.2)
        row("working the queue off, sleep: 0", (MILLION - first) / (time.monotonic() - begin), "/s")
        row("private memory meanwhile, peak", peak, "MiB", "", None, "<= 100 MiB", peak <= 100)
        daemon.stop()
        daemon.configure(control=daemon.config["control"], executor={"concurrency": 64},
                         retention={"activities": "1s", "events": "1s"})
        daemon.start()
        begin = time.monotonic()
        wait_until(lambda: not daemon.api("GET", "/activities?limit=1").json["activities"], "retention", deadline=900,
                   pause=0.2)
        rate = MILLION / (time.monotonic() - begin)
        row("retention, activities deleted", rate, "/s", f"accepted: {accepting:,.0f} /s", rate / accepting)


def memory_with_triggers(count):
    """Of a daemon with 1,000 workflows of so many triggers each, started a second time."""
    with Served(NOTHING, 1000, start=False,
                triggers=[{"id": f"t{number}", "plugin": "webhook"} for number in range(count)]) as daemon:
        daemon.start()
        daemon.stop()
        daemon.start()
        return settled_mib(daemon.process.pid)


def measure_triggers():
    done = subprocess.run([BUILD / "tests" / "bench_triggers", BUILD / "tests" / "tiny" / "misnamed.so"], text=True,
                          capture_output=True, check=True)
    found = json.loads(done.stdout)
    count = f"{found['triggers']:,} triggers of one plugin"
    row(f"{count}: add all", found["add_s"], "s", goal="< 1", met=found["add_s"] < 1)
    row(f"{count}: memory of each", found["bytes_each"], "bytes", goal="<= 300", met=found["bytes_each"] <= 300)
    row(f"{count}: remove one", found["remove_ms"], "ms")
    many, few = memory_with_triggers(100), memory_with_triggers(1)
    row("1,000 workflows of 100 triggers: private memory of a daemon", many, "MiB", f"of 1 trigger: {few:,.0f} MiB")
    row("  definitions and plugin included, of each trigger", (many - few) * 2**20 / 99_000, "bytes")


# What others take for the next instant: supertinycron 330-8,600 ns, robfig/cron 250-5,000 ns, croner 50,000 ns.
def robfig():
    """The same of robfig/cron, of Debian's package."""
    program = WORK / "robfig"
    subprocess.run(["go", "build", "-o", program, HERE / "robfig.go"], check=True, env={
        "PATH": os.environ["PATH"], "HOME": str(WORK), "GO111MODULE": "off", "GOPATH": "/usr/share/gocode",
        "GOCACHE": str(WORK / "go-cache")})
    return json.loads(subprocess.run([program], text=True, capture_output=True, check=True).stdout)


def measure_schedule():
    theirs = robfig()
    done = subprocess.run([BUILD / "tests" / "bench_schedule"], text=True, capture_output=True, check=True)
    found = json.loads(done.stdout)

    def beside(name):
        return f"robfig/cron {theirs[name]:,.0f} ns", found[name] / theirs[name]

    row("schedule: a pattern read", found["parse_ns"], "ns", *beside("parse_ns"))
    row("schedule: next instant, UTC", found["utc_ns"], "ns", *beside("utc_ns"), "<= 50 ns", found["utc_ns"] <= 50)
    row("schedule: from instant to instant, UTC", found["utc_chain_ns"], "ns")
    row("schedule: next instant, Amsterdam", found["zoned_ns"], "ns", *beside("zoned_ns"), "<= 150 ns",
        found["zoned_ns"] <= 150)
    row("schedule: from instant to instant, Amsterdam", found["zoned_chain_ns"], "ns")
    row("schedule: next instant at the worst", found["worst_ns"], "ns", found["worst"], None, "<= 5,000 ns",
        found["worst_ns"] <= 5000)
    row("schedule: a zone loaded", found["zone_ms"], "ms")
    lines = (ROOT / "tests" / "data" / "cron-sample.jsonl").read_text(encoding="utf-8")
    text = lines * (100_000 // lines.count("\n"))
    begin = time.monotonic()
    subprocess.run([BUILD / "tappet", "schedule", "next", "--jsonl"], input=text, text=True, capture_output=True, check=True)
    row("schedule: 100,000 lines of --jsonl", time.monotonic() - begin, "s")


def main():
    parts = {"webhook": measure_webhook, "activities": measure_activities, "idle": measure_idle,
             "queue": measure_queue, "triggers": measure_triggers, "schedule": measure_schedule}
    tools = sys.modules[__name__]
    for name, measure in (("tls", edge.measure_tls), ("signed", edge.measure_signed), ("abuse", edge.measure_abuse),
                          ("schedules", schedules.measure_schedules), ("actions", sockets.measure_actions),
                          ("fanout", sockets.measure_fanout), ("sockets", sockets.measure_sockets),
                          ("filewatch", watchers.measure_filewatch)):
        parts[name] = functools.partial(measure, tools)
    named = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    unknown = set(named) - set(parts)
    if unknown:
        sys.exit(f"no such part: {', '.join(unknown)} ({', '.join(parts)})")
    for name, measure in parts.items():
        if not named or name in named:
            measure()
    table()
    missed = sum(line[-1] == "NO" for line in rows)
    return 1 if missed and "--strict" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
