"""TLS on a listener: what it speaks, whom it shows what, whom it lets in, and that nobody harms it by it."""

import http.client
import re
import socket
import ssl
import struct
import subprocess
import threading
import time
from types import SimpleNamespace

import pytest

from certificates import Authority
from daemon import DEADLINE, TAPPET, wait_until

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture
def authority(daemon):
    return Authority(daemon.folder)


def serve(daemon, pair, **tls):
    """Starts the daemon with TLS; what is plain is metrics and health beside it."""
    configure(daemon, pair, **tls)
    daemon.start()
    daemon.plain = daemon.address
    ports = [line["address"].rpartition(":")[2] for line in daemon.logs() if line["message"] == "listening"]
    daemon.tls = ("127.0.0.1", int(ports[-1]))


def configure(daemon, pair, **tls):
    if pair:
        tls = {"cert": str(pair[0]), "key": str(pair[1]), **tls}
    daemon.configure(listen=["127.0.0.1:0", {"address": "127.0.0.1:0", "tls": tls}])


def connect(daemon, context, name="localhost"):
    raw = socket.create_connection(daemon.tls, timeout=DEADLINE)
    return context.wrap_socket(raw, server_hostname=name)


def read_all(connection):
    """Until close_notify; an end without it is an SSLError."""
    answer = b""
    while True:
        piece = connection.recv(65536)
        if not piece:
            return answer
        answer += piece


def ask(daemon, context, name="localhost"):
    with connect(daemon, context, name) as connection:
        connection.sendall(REQUEST)
        answer = read_all(connection)
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        # What a closed connection does not tell any more.
        return SimpleNamespace(version=connection.version(), session=connection.session)


def handshakes(daemon):
    """By outcome, as /metrics tells by the plain listener."""
    text = daemon.request("GET", "/metrics").body.decode("utf-8")
    return {outcome: int(count) for outcome, count in
            re.findall(r'^tappet_tls_handshakes_total\{outcome="(\w+)"\} (\d+)', text, re.MULTILINE)}


def shown_names(connection):
    return [name for _, name in connection.getpeercert()["subjectAltName"]]


# ---- What it speaks


def test_requests_are_served_over_tls_as_without_it(daemon, authority):
    daemon.workflow("hello", [{"id": "nap", "sleep": "0s"}])
    serve(daemon, authority.issue("server", "localhost"))
    token = daemon.token("hello")
    connection = http.client.HTTPSConnection("localhost", daemon.tls[1], context=authority.context(), timeout=DEADLINE)
    for _ in range(3):
        connection.request("POST", "/webhook/payload", f'{{"token": "{token}"}}')
        assert connection.getresponse().read().startswith(b'{"activityId"')
    # Larger than a record, in both directions.
    connection.request("POST", "/webhook/payload", "x" * 900_000)
    answer = connection.getresponse()
    assert answer.status == 400
    answer.read()
    connection.close()
    assert handshakes(daemon)["full"] == 1


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken_and_end_by_close_notify(daemon, authority, version):
    serve(daemon, authority.issue("server", "localhost"))
    context = authority.context()
    context.minimum_version = context.maximum_version = version
    assert ask(daemon, context).version == version.name.replace("_", ".")


def s_client(daemon, *arguments, stdin=""):
    return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{daemon.tls[1]}", *map(str, arguments)],
                          input=stdin, text=True, capture_output=True, timeout=DEADLINE, check=False)


def test_older_versions_are_refused(daemon, authority):
    serve(daemon, authority.issue("server", "localhost"))
    # Even by a client that lowers its own demands.
    done = s_client(daemon, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert "alert protocol version" in done.stderr
    assert done.returncode != 0
    assert handshakes(daemon)["failed"] == 1


def test_the_lowest_version_is_what_the_configuration_says(daemon, authority):
    serve(daemon, authority.issue("server", "localhost"), minVersion="1.3")
    context = authority.context()
    ask(daemon, context)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        ask(daemon, context)


def test_http_1_1_is_agreed_on_and_other_protocols_are_refused(daemon, authority):
    serve(daemon, authority.issue("server", "localhost"))
    context = authority.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with connect(daemon, context) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"
    context.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError, match="no application protocol"):
        ask(daemon, context)
    ask(daemon, authority.context())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed_also_after_a_reload(daemon, authority, version):
    serve(daemon, authority.issue("server", "localhost"))
    context = authority.context()
    context.minimum_version = context.maximum_version = version
    first = ask(daemon, context)
    authority.issue("server", "localhost")
    assert daemon.api("POST", "/reload").status == 200
    with context.wrap_socket(socket.create_connection(daemon.tls, timeout=DEADLINE), server_hostname="localhost",
                             session=first.session) as second:
        second.sendall(REQUEST)
        assert read_all(second).startswith(b"HTTP/1.1 200 ")
        assert second.session_reused
    assert handshakes(daemon) == {"full": 1, "resumed": 1, "failed": 0, "aborted": 0}


def test_renegotiation_is_refused(daemon, authority):
    serve(daemon, authority.issue("server", "localhost"))
    done = s_client(daemon, "-tls1_2", stdin="R\n")
    assert "RENEGOTIATING" in done.stdout + done.stderr
    assert "no renegotiation" in done.stderr
    assert handshakes(daemon)["full"] == 1


# ---- Whom it shows what


def test_a_client_is_shown_the_certificate_of_the_name_that_it_asks_for(daemon, authority):
    first = authority.issue("first", "localhost")
    more = [authority.issue("exact", "api.example.org"), authority.issue("wild", "*.example.org"),
            authority.issue("rsa", "both.example.net", key="rsa"), authority.issue("ec", "both.example.net")]
    serve(daemon, first, certificates=[{"cert": str(cert), "key": str(key)} for cert, key in more])
    for name, names in {"localhost": ["localhost"], "api.example.org": ["api.example.org"],
                        "www.example.org": ["*.example.org"], "API.example.ORG": ["api.example.org"]}.items():
        assert shown_names(ask_open(daemon, authority.context(), name)) == names
    # Nobody has these: the first one is for all others.
    for name in ("a.b.example.org", "example.org", "other.example.com", None):
        context = authority.context()
        context.check_hostname = False
        assert shown_names(ask_open(daemon, context, name)) == ["localhost"]
    # Of several for one name a client gets the kind that it can use.
    context = authority.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    for kind in ("RSA", "ECDSA"):
        context.set_ciphers(f"ECDHE-{kind}-AES128-GCM-SHA256")
        assert shown_names(ask_open(daemon, context, "both.example.net")) == ["both.example.net"]


def ask_open(daemon, context, name):
    """A connection that has been answered and is open still, so that its certificate can be looked at."""
    connection = connect(daemon, context, name)
    connection.sendall(REQUEST.replace(b"close", b"keep-alive"))
    assert connection.recv(20).startswith(b"HTTP/1.1 200")
    return connection


# ---- Whom it lets in


def test_clients_are_let_in_by_a_certificate_of_the_named_authority(daemon, authority):
    stranger = Authority(daemon.folder, "stranger")
    serve(daemon, authority.issue("server", "localhost"), clientCa=str(authority.cert))
    good = authority.issue("good", subject="/O=Example, Inc/CN=build")
    ask(daemon, authority.context(good))
    for bad, words in ((None, "CERTIFICATE_REQUIRED"), (authority.issue("old", days=-1), "CERTIFICATE_EXPIRED"),
                       (stranger.issue("wrong"), "UNKNOWN_CA")):
        with pytest.raises(ssl.SSLError, match=words):
            ask(daemon, authority.context(bad))
    assert handshakes(daemon)["full"] == 1
    assert handshakes(daemon)["failed"] == 3


def test_a_client_may_come_without_a_certificate_where_it_is_optional(daemon, authority):
    stranger = Authority(daemon.folder, "stranger")
    serve(daemon, authority.issue("server", "localhost"), clientCa=str(authority.cert), clientAuth="optional")
    ask(daemon, authority.context())
    ask(daemon, authority.context(authority.issue("good")))
    with pytest.raises(ssl.SSLError, match="UNKNOWN_CA"):
        ask(daemon, authority.context(stranger.issue("wrong")))


def test_a_session_is_not_taken_up_when_other_authorities_count(daemon, authority):
    other = Authority(daemon.folder, "other")
    trusted = daemon.folder / "trusted.pem"
    trusted.write_bytes(authority.cert.read_bytes())
    serve(daemon, authority.issue("server", "localhost"), clientCa=str(trusted))
    context = authority.context(authority.issue("good"))
    first = ask(daemon, context)
    trusted.write_bytes(other.cert.read_bytes())
    assert daemon.api("POST", "/reload").status == 200
    with pytest.raises(ssl.SSLError):
        with context.wrap_socket(socket.create_connection(daemon.tls, timeout=DEADLINE), server_hostname="localhost",
                                 session=first.session) as second:
            second.sendall(REQUEST)
            read_all(second)


# ---- Whom it turns away


def send_plain(daemon, data, one_by_one=False):
    with socket.create_connection(daemon.tls, timeout=DEADLINE) as connection:
        try:
            for piece in ([bytes([byte]) for byte in data] if one_by_one else [data]):
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            return read_all(connection)
        except (ConnectionResetError, BrokenPipeError):
            return None


@pytest.mark.parametrize("one_by_one", [False, True])
def test_plain_http_is_told_to_come_by_https(daemon, authority, one_by_one):
    serve(daemon, authority.issue("server", "localhost"))
    answer = send_plain(daemon, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nsomething", one_by_one)
    assert answer.startswith(b"HTTP/1.1 400 ") and b"https://" in answer
    assert handshakes(daemon)["failed"] == 1


GARBAGE = {
    "zeros": b"\x00" * 500,
    "a record that is too long": b"\x16\x03\x01\xff\xff" + b"\x00" * 70000,
    "another protocol": b"SSH-2.0-x\r\n",
    "a hello that is cut short": b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
    "a hello of SSL 2": b"\x80\x2e\x01\x00\x02" + b"a" * 41,
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_is_cut(daemon, authority, kind):
    serve(daemon, authority.issue("server", "localhost"))
    answer = send_plain(daemon, GARBAGE[kind])
    # A TLS alert at most.
    assert not answer or (answer[0] == 0x15 and len(answer) == 7)
    ask(daemon, authority.context())


def test_a_handshake_that_takes_too_long_is_cut(daemon, authority):
    serve(daemon, authority.issue("server", "localhost"))
    begin = time.monotonic()
    with socket.create_connection(daemon.tls, timeout=DEADLINE) as silent, \
            socket.create_connection(daemon.tls, timeout=DEADLINE) as slow:
        slow.sendall(b"\x16\x03\x01\x01\x00")
        # A byte now and then does not put it off.
        stop = threading.Event()

        def drip():
            while not stop.wait(0.5):
                try:
                    slow.sendall(b"\x01")
                except OSError:
                    return

        drops = threading.Thread(target=drip)
        drops.start()
        try:
            assert silent.recv(1) == b""
            try:
                assert slow.recv(1) == b""
            except ConnectionResetError:
                pass
        finally:
            stop.set()
            drops.join()
    assert 8 < time.monotonic() - begin < 30
    assert handshakes(daemon)["aborted"] + handshakes(daemon)["failed"] == 2


# ---- Pieces, and ends


class Pieces:
    """A client whose TLS records go out as the test likes."""

    def __init__(self, daemon, context, piece):
        self.raw = socket.create_connection(daemon.tls, timeout=DEADLINE)
        self.raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.piece = piece
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.run(self.tls.do_handshake)

    def flush(self):
        data = self.outgoing.read()
        for at in range(0, len(data), self.piece):
            self.raw.sendall(data[at:at + self.piece])

    def run(self, call, *arguments):
        while True:
            try:
                result = call(*arguments)
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                data = self.raw.recv(65536)
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()

    def read_all(self):
        answer = b""
        while True:
            try:
                piece = self.run(self.tls.read, 65536)
            except ssl.SSLZeroReturnError:
                return answer
            if not piece:
                return answer
            answer += piece


def test_records_may_come_byte_by_byte(daemon, authority):
    serve(daemon, authority.issue("server", "localhost"))
    client = Pieces(daemon, authority.context(), 1)
    client.run(client.tls.write, REQUEST)
    assert client.read_all().startswith(b"HTTP/1.1 200 ")
    client.raw.close()


def test_a_client_that_has_said_all_is_answered(daemon, authority):
    serve(daemon, authority.issue("server", "localhost"))
    client = Pieces(daemon, authority.context(), 65536)
    client.tls.write(REQUEST.replace(b"close", b"keep-alive"))
    try:
        client.tls.unwrap()
    except ssl.SSLWantReadError:
        pass  # close_notify is out: TLS 1.3 has half-closed connections
    client.flush()
    assert b"HTTP/1.1 200 " in decrypt_rest(client)
    client.raw.close()


def decrypt_rest(client):
    """What comes until the end; the client's own side of the connection is closed already."""
    answer = b""
    while True:
        data = client.raw.recv(65536)
        if not data:
            break
        client.incoming.write(data)
        try:
            answer += client.tls.read(65536)
        except ssl.SSLError:
            pass
    return answer


def test_a_request_that_is_cut_is_not_served(daemon, authority):
    daemon.workflow("hello", [{"id": "nap", "sleep": "0s"}])
    serve(daemon, authority.issue("server", "localhost"))
    client = Pieces(daemon, authority.context(), 65536)
    client.run(client.tls.write, b"POST /webhook/payload HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
    # The end of the connection without close_notify, which anybody on the way could have made.
    client.raw.shutdown(socket.SHUT_WR)
    assert b"HTTP/1.1" not in decrypt_rest(client)
    client.raw.close()


def test_a_reset_amid_everything_harms_nobody(daemon, authority):
    serve(daemon, authority.issue("server", "localhost"))
    context = authority.context()
    for stage in range(12):
        client = Pieces(daemon, context, 65536)
        if stage % 3:
            client.run(client.tls.write, REQUEST[:stage * 5])
        client.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.raw.close()
    ask(daemon, context)


def test_a_slow_reader_of_much_gets_all_of_it(daemon, authority):
    daemon.workflow("loud", [{"id": "say", "script": "yes | head -c 900000"}])
    serve(daemon, authority.issue("server", "localhost"))
    token = daemon.token("loud")
    activity = daemon.fire(token)
    daemon.wait_end(token, activity)
    path = f"/api/v1/activities/{activity}/logs?limit=1000"
    expected = daemon.request("GET", path, control=True).body
    admin = (daemon.folder / "admin.token").read_text(encoding="utf-8").strip()
    context = authority.context()
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(DEADLINE)
    raw.connect(daemon.tls)
    with context.wrap_socket(raw, server_hostname="localhost") as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {admin}\r\n"
                           "Connection: close\r\n\r\n".encode())
        answer = b""
        while True:
            piece = connection.recv(3000)
            if not piece:
                break
            answer += piece
    assert answer.partition(b"\r\n\r\n")[2] == expected
    assert len(expected) > 100_000


def test_an_idle_connection_is_ended_by_close_notify_when_the_daemon_stops(daemon, authority):
    serve(daemon, authority.issue("server", "localhost"))
    connection = ask_open(daemon, authority.context(), "localhost")
    while b"\r\n\r\n" not in connection.recv(4096):
        pass
    stopper = threading.Thread(target=daemon.stop)
    stopper.start()
    assert read_all(connection) is not None  # an end without close_notify would raise
    connection.close()
    stopper.join()


# ---- Files


def check(daemon, *arguments):
    return subprocess.run([TAPPET, "check", *arguments], cwd=daemon.folder, text=True, capture_output=True,
                          timeout=DEADLINE, check=False)


def broken_files(folder, authority):
    """(certificate, key, what is said), by name."""
    good, key = authority.issue("good", "localhost")
    empty, text = folder / "empty.pem", folder / "text.pem"
    empty.touch()
    text.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", encoding="utf-8")
    locked = folder / "locked.pem"
    subprocess.run(["openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:secret", "-out", locked], check=True)
    return {
        "a key of another": (good, authority.issue("other")[1], "is not the key of the certificate in"),
        "no such certificate": (folder / "none.pem", key, "No such file or directory"),
        "no such key": (good, folder / "none.pem", "No such file or directory"),
        "a folder": (folder, key, "Is a directory"),
        "an empty certificate": (empty, key, "expected certificates in PEM"),
        "an empty key": (good, empty, "expected a private key in PEM"),
        "a broken certificate": (text, key, "a certificate in it cannot be read"),
        "a key with a password": (good, locked, "protected by a password"),
        "a weak key": (*authority.issue("weak", key="weak"), "key too small"),
    }


def test_files_that_cannot_be_used_are_mistakes_with_a_place(daemon, authority):
    for name, (cert, key, words) in broken_files(daemon.folder, authority).items():
        configure(daemon, (cert, key))
        done = check(daemon)
        assert done.returncode == 1 and words in done.stderr, (name, done.stderr)
        assert re.search(r"^tappet\.json:1:\d+: ", done.stderr, re.MULTILINE) or "tappet.json:1:" in done.stderr
        started = subprocess.run([TAPPET, "serve"], cwd=daemon.folder, text=True, capture_output=True,
                                 timeout=DEADLINE, check=False)
        assert started.returncode == 2 and words in started.stderr, (name, started.stderr)
    configure(daemon, authority.issue("server", "localhost"), clientCa=str(daemon.folder / "none.pem"))
    assert "none.pem: No such file" in check(daemon).stderr


def test_an_expired_certificate_and_an_open_key_are_warnings(daemon, authority):
    old = authority.issue("old", "localhost", days=-1)
    configure(daemon, old)
    done = check(daemon)
    assert done.returncode == 0 and "warning: the certificate has expired" in done.stderr
    assert "no mistakes" in done.stdout
    assert '"warnings":[{"file"' in check(daemon, "--json").stdout
    cert, key = authority.issue("open", "localhost")
    key.chmod(0o644)
    configure(daemon, (cert, key))
    assert f"everybody on this machine may read {key}" in check(daemon).stderr
    serve(daemon, old)
    assert "has expired" in daemon.wait_log("doubtful certificate")["what"]


# ---- Renewal


def serials(daemon, context, count=1):
    found = []
    for _ in range(count):
        with connect(daemon, context) as connection:
            found.append(connection.getpeercert()["serialNumber"])
    return found


def certificates_health(daemon):
    parts = daemon.request("GET", "/healthz").json["parts"]
    return next(part for part in parts if part["part"] == "certificates")


def test_a_renewed_certificate_is_shown_to_new_connections_and_old_ones_go_on(daemon, authority):
    serve(daemon, authority.issue("server", "localhost"))
    context = authority.context()
    old = ask_open(daemon, context, "localhost")
    before = serials(daemon, context)
    authority.issue("server", "localhost", days=60)
    assert serials(daemon, context) == before
    assert daemon.cli("reload").stdout == "reloaded\n"
    assert serials(daemon, context) != before
    old.sendall(REQUEST)
    assert read_all(old).count(b"HTTP/1.1 200 ") == 1
    expiry = re.search(r"^tappet_tls_certificate_expiry_timestamp_seconds\{certificate=.*\} (\S+)",
                       daemon.request("GET", "/metrics").body.decode("utf-8"), re.MULTILINE)
    assert float(expiry[1]) > time.time() + 50 * 86400


def test_a_broken_new_certificate_leaves_the_one_before(daemon, authority):
    cert, key = authority.issue("server", "localhost")
    serve(daemon, (cert, key))
    context = authority.context()
    before = serials(daemon, context)
    good = key.read_bytes()
    key.write_bytes(authority.issue("other", "localhost")[1].read_bytes())
    answer = daemon.api("POST", "/reload")
    assert answer.status == 422 and "is not the key of the certificate" in answer.body.decode("utf-8")
    assert "tappet.json:1:" in answer.body.decode("utf-8")
    assert "is not the key" in daemon.wait_log("mistake in a certificate")["what"]
    health = certificates_health(daemon)
    assert health["state"] == "degraded" and "the ones before stay" in health["reason"]
    assert serials(daemon, context) == before
    key.write_bytes(good)
    assert daemon.api("POST", "/reload").status == 200
    assert certificates_health(daemon)["state"] == "ok"


def test_renewals_amid_load_cost_no_request(daemon, authority):
    serve(daemon, authority.issue("server", "localhost"))
    context = authority.context()
    stop, wrong, served = threading.Event(), [], []

    def load():
        while not stop.is_set():
            try:
                ask(daemon, context)
                served.append(1)
            except (OSError, AssertionError) as error:
                wrong.append(error)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            authority.issue("server", "localhost")
            count = len(served)
            assert daemon.api("POST", "/reload").status == 200
            wait_until(lambda: len(served) > count + 5 or wrong, "requests after the reload")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong
    assert len(served) > 20
