"""What breaks the rules of WebSocket (RFC 6455, and RFC 7692 for compression) on a raw socket: each is answered by the close code,
or the status, that is meant for it, whether it comes whole or byte by byte; and others notice nothing."""

import base64
import json
import socket
import threading
import zlib

import pytest
from abuse import memory_of
from daemon import BUILD, DEADLINE, Daemon, wait_until
from rawws import (BINARY, CLOSE, CONTINUATION, DEFLATE, KEY, MASK, PING, PONG, TEXT, RawSocket, close_frame, frame, upgrade)

MIB = 1 << 20
STEPS = [{"id": "nothing", "sleep": "0s"}]
TRIGGERS = [{"plugin": "action", "with": {"topic": "made.>"}}]
PROTOCOL, BAD_TEXT, TOO_BIG = 1002, 1007, 1009
SAY_PING = b'{"type":"ping"}'
SAY_PONG = b'{"type":"pong"}'


@pytest.fixture(scope="module", name="served")
def served_fixture():
    daemon = Daemon()
    daemon.configure(plugins={"action": {}}, limits={"connections": 1000, "connectionsPerAddress": 1000})
    daemon.workflow("w", STEPS, triggers=TRIGGERS)
    daemon.start()
    daemon.secret = daemon.token("w", scopes=("action:>", "subscribe"))
    yield daemon
    daemon.close()


def opened(daemon, one_by_one=False, **headers):
    raw = RawSocket(daemon.address, one_by_one)
    raw.agreed = raw.upgrade(Authorization=f"Bearer {daemon.secret}", **headers)
    return raw


def peak(daemon):
    """Of its memory. Sanitizers keep freed memory, so with them nothing is judged."""
    return memory_of(daemon.process, "VmHWM") if BUILD.name == "release" else 0


def answers(raw):
    """Whether it works as it should: a ping of tappet.v1 is answered."""
    raw.write(frame(TEXT, SAY_PING))
    fin, rsv, opcode, payload = raw.frame()
    return (fin, rsv, opcode, json.loads(payload)) == (1, 0, TEXT, {"type": "pong"})


def deflate(data, end=False):
    """One message's payload (RFC 7692 section 7.2.1); with `end` its last block says that it is the last of all."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(data)
    if end:
        return packed + packer.flush(zlib.Z_FINISH) + b"\x00"
    packed += packer.flush(zlib.Z_SYNC_FLUSH)
    return packed[:-4]


# ---- Frames that are none

UTF8 = "κόσμε".encode()
VIOLATIONS = {
    "an unmasked text": (frame(TEXT, SAY_PING, mask=None), PROTOCOL),
    "an unmasked ping": (frame(PING, mask=None), PROTOCOL),
    "an unmasked close": (frame(CLOSE, b"\x03\xe8", mask=None), PROTOCOL),
    "compression that was not agreed on": (frame(TEXT, deflate(SAY_PING), rsv=4), PROTOCOL),
    "the second reserved bit": (frame(TEXT, SAY_PING, rsv=2), PROTOCOL),
    "the third reserved bit": (frame(TEXT, SAY_PING, rsv=1), PROTOCOL),
    "a reserved bit of a ping": (frame(PING, rsv=4), PROTOCOL),
    "a reserved bit of a close": (frame(CLOSE, b"\x03\xe8", rsv=4), PROTOCOL),
    **{f"opcode {opcode}": (frame(opcode, b"x"), PROTOCOL) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "a fragmented ping": (frame(PING, fin=False) + frame(CONTINUATION), PROTOCOL),
    "a fragmented close": (frame(CLOSE, b"\x03\xe8", fin=False), PROTOCOL),
    "a ping of 126 bytes": (frame(PING, b"x" * 126), PROTOCOL),
    "a close of 126 bytes": (close_frame(1000, b"x" * 124), PROTOCOL),
    "a continuation of nothing": (frame(CONTINUATION, SAY_PING), PROTOCOL),
    "a first continuation that is not the last": (frame(CONTINUATION, b"x", fin=False), PROTOCOL),
    "a continuation after the end": (frame(TEXT, b"{", fin=False) + frame(CONTINUATION, b"}") + frame(CONTINUATION, b"x"),
                                     PROTOCOL),
    "a text within a text": (frame(TEXT, b"{", fin=False) + frame(TEXT, SAY_PING), PROTOCOL),
    "a binary within a text": (frame(TEXT, b"{", fin=False) + frame(BINARY, b"x"), PROTOCOL),
    "a length in two bytes that has room in none": (frame(TEXT, SAY_PING, length_bytes=2), PROTOCOL),
    "a length in eight bytes that has room in two": (frame(TEXT, b"x" * 200, length_bytes=8), PROTOCOL),
    "a length with the highest bit": (frame(TEXT, b"x", length_bytes=8, length=1 << 63 | 1), PROTOCOL),
    "text that is not UTF-8": (frame(TEXT, b"\xff\xfe"), BAD_TEXT),
    "text with a surrogate": (frame(TEXT, b"\xed\xa0\x80"), BAD_TEXT),
    "text that is written longer than it may be": (frame(TEXT, b"\xc0\xaf"), BAD_TEXT),
    "text beyond Unicode": (frame(TEXT, b"\xf4\x90\x80\x80"), BAD_TEXT),
    "text that is cut at its end": (frame(TEXT, UTF8[:-1]), BAD_TEXT),
    "text that is wrong across fragments": (frame(TEXT, UTF8[:3], fin=False) + frame(CONTINUATION, b"\xff"), BAD_TEXT),
    "text that is cut at the end of its last fragment": (frame(TEXT, b"x", fin=False) + frame(CONTINUATION, UTF8[:-1]), BAD_TEXT),
    "text that is wrong in its first fragment": (frame(TEXT, b"\xce\xff", fin=False) + frame(CONTINUATION, b"x"), BAD_TEXT),
    "a close of one byte": (frame(CLOSE, b"\x03"), PROTOCOL),
    **{f"close code {code}": (close_frame(code), PROTOCOL)
       for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)},
    "a close whose reason is not UTF-8": (close_frame(1000, b"\xff"), BAD_TEXT),
    "a frame that says that it is too big": (frame(TEXT, b"x", length_bytes=8, length=1 << 40), TOO_BIG),
}
COMPRESSED = {
    "garbage": (frame(TEXT, b"\x07" + b"\xff" * 30, rsv=4), (PROTOCOL, BAD_TEXT)),
    "a reference to what was never there": (frame(TEXT, b"\x03\x02\x00\x00", rsv=4), (PROTOCOL, BAD_TEXT)),
    "a continuation that says that it is compressed": (
        frame(TEXT, deflate(SAY_PING)[:3], fin=False, rsv=4) + frame(CONTINUATION, deflate(SAY_PING)[3:], rsv=4), (PROTOCOL,)),
    "a compressed ping": (frame(PING, deflate(b"x"), rsv=4), (PROTOCOL,)),
    "the second reserved bit": (frame(TEXT, SAY_PING, rsv=6), (PROTOCOL,)),
    "text that is not UTF-8": (frame(TEXT, deflate(b"\xff\xfe"), rsv=4), (BAD_TEXT,)),
    "text that is cut at its end": (frame(TEXT, deflate(UTF8[:-1]), rsv=4), (BAD_TEXT,)),
    "a bomb": (frame(TEXT, deflate(bytes(50 * MIB)), rsv=4), (TOO_BIG,)),
    "a bomb in fragments": (frame(TEXT, deflate(b" " * 50 * MIB)[:20], fin=False, rsv=4) +
                            frame(CONTINUATION, deflate(b" " * 50 * MIB)[20:]), (TOO_BIG,)),
}


def check_closed(raw, data, codes):
    raw.write(data)
    closed = raw.closing()
    assert closed and closed[0] in codes, closed
    # What is said after that is not listened to; the connection ends by the side that found the mistake.
    raw.write(close_frame(closed[0]))
    assert raw.ends()


@pytest.mark.parametrize("one_by_one", [False, True], ids=["whole", "bytes"])
@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_violation_is_answered_by_its_close_code(served, name, one_by_one):
    data, code = VIOLATIONS[name]
    with opened(served, one_by_one) as raw:
        check_closed(raw, data, (code,))


@pytest.mark.parametrize("one_by_one", [False, True], ids=["whole", "bytes"])
@pytest.mark.parametrize("name", COMPRESSED)
def test_a_violation_of_compression_is_answered_by_its_close_code(served, name, one_by_one):
    data, codes = COMPRESSED[name]
    with opened(served, one_by_one, Sec_WebSocket_Extensions=DEFLATE) as raw:
        assert raw.agreed["sec-websocket-extensions"].startswith(DEFLATE)
        check_closed(raw, data, codes)


@pytest.mark.parametrize("name", ["one", "fragments", "compressed"])
def test_a_message_beyond_the_maximum_is_closed_with_1009(served, name):
    text = json.dumps({"type": "ping", "x": "y" * 2 * MIB}).encode()
    data = {"one": frame(TEXT, text),
            "fragments": b"".join(frame(CONTINUATION if at else TEXT, text[at:at + 50_000], fin=at + 50_000 >= len(text))
                                  for at in range(0, len(text), 50_000)),
            "compressed": frame(TEXT, deflate(text), rsv=4)}[name]
    with opened(served, **({"Sec_WebSocket_Extensions": DEFLATE} if name == "compressed" else {})) as raw:
        check_closed(raw, data, (TOO_BIG,))


def test_a_bomb_takes_no_memory(served):
    before = peak(served)
    bomb = frame(TEXT, deflate(bytes(500 * MIB)), rsv=4)
    for _ in range(5):
        with opened(served, Sec_WebSocket_Extensions=DEFLATE) as raw:
            check_closed(raw, bomb, (TOO_BIG,))
    assert peak(served) - before < 32 * MIB


# ---- What is unusual and allowed

ALLOWED = {
    "fragments": frame(TEXT, SAY_PING[:4], fin=False) + frame(CONTINUATION, SAY_PING[4:9], fin=False) +
                 frame(CONTINUATION, SAY_PING[9:]),
    "empty fragments": frame(TEXT, fin=False) + frame(CONTINUATION, SAY_PING, fin=False) + frame(CONTINUATION),
    "a letter in two fragments": frame(TEXT, b'{"id":"' + UTF8[:1], fin=False) +
                                 frame(CONTINUATION, UTF8[1:] + b'","type":"ping"}'),
    "a mask of zeros": frame(TEXT, SAY_PING, mask=bytes(4)),
    "a pong that nobody asked for": frame(PONG, b"hello") + frame(TEXT, SAY_PING),
    "a length in two bytes": frame(TEXT, SAY_PING + b" " * 200),
    "a length in eight bytes": frame(TEXT, SAY_PING + b" " * 70_000),
    "the longest message": frame(TEXT, SAY_PING + b" " * (MIB - len(SAY_PING))),
}
ALLOWED_COMPRESSED = {
    "one frame": frame(TEXT, deflate(SAY_PING), rsv=4),
    "without compression": frame(TEXT, SAY_PING),
    "fragments": frame(TEXT, deflate(SAY_PING)[:5], fin=False, rsv=4) + frame(CONTINUATION, deflate(SAY_PING)[5:]),
    "a block that says it is the last": frame(TEXT, deflate(SAY_PING, end=True), rsv=4),
    "a stored block": frame(TEXT, b"\x00" + len(SAY_PING).to_bytes(2, "little") + (0xFFFF - len(SAY_PING)).to_bytes(2, "little") +
                            SAY_PING + b"\x00", rsv=4),
    "the longest message": frame(TEXT, deflate(SAY_PING + b" " * (MIB - len(SAY_PING))), rsv=4),
}


def slow(name):
    return name == "the longest message"


@pytest.mark.parametrize("one_by_one", [False, True], ids=["whole", "bytes"])
@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_allowed_is_understood(served, name, one_by_one):
    with opened(served, one_by_one and not slow(name)) as raw:
        raw.write(ALLOWED[name])
        _, _, opcode, payload = raw.frame()
        assert opcode == TEXT and json.loads(payload)["type"] == "pong"
        assert answers(raw)


def text_of(raw):
    """The next message, decompressed where it was compressed (without a context of those before)."""
    _, rsv, opcode, payload = raw.frame()
    assert opcode == TEXT and rsv in (0, 4)
    return zlib.decompressobj(-15).decompress(payload + b"\x00\x00\xff\xff") if rsv else payload


@pytest.mark.parametrize("one_by_one", [False, True], ids=["whole", "bytes"])
@pytest.mark.parametrize("name", ALLOWED_COMPRESSED)
def test_what_is_allowed_is_understood_with_compression(served, name, one_by_one):
    with opened(served, one_by_one and not slow(name), Sec_WebSocket_Extensions=DEFLATE + "; server_no_context_takeover") as raw:
        for _ in range(2):
            raw.write(ALLOWED_COMPRESSED[name])
            assert json.loads(text_of(raw)) == {"type": "pong"}


def test_what_was_said_before_is_referred_to(served):
    """A compressor that goes on from message to message, unless the daemon has asked for one that forgets (context takeover)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    with opened(served, Sec_WebSocket_Extensions=DEFLATE + "; server_no_context_takeover") as raw:
        forgets = "client_no_context_takeover" in raw.agreed["sec-websocket-extensions"]
        for _ in range(3):
            packed = (packer.compress(SAY_PING) + packer.flush(zlib.Z_FULL_FLUSH if forgets else zlib.Z_SYNC_FLUSH))[:-4]
            raw.write(frame(TEXT, packed, rsv=4))
            assert json.loads(text_of(raw)) == {"type": "pong"}


# ---- Compression is agreed on

# What is offered, and whether that is taken (RFC 7692 section 7.1: an offer with what is unknown or wrong is declined).
OFFERS = [
    ("permessage-deflate", True), ("permessage-deflate; client_max_window_bits", True),
    ("permessage-deflate; client_max_window_bits=10", True), ('permessage-deflate; client_max_window_bits="10"', True),
    ("permessage-deflate; server_no_context_takeover; client_no_context_takeover", True),
    ("x-webkit-deflate-frame, permessage-deflate", True), ("permessage-deflate; foo, permessage-deflate", True),
    ("permessage-deflate; foo", False), ("permessage-deflate; server_max_window_bits=7", False),
    ("permessage-deflate; server_max_window_bits=16", False), ("permessage-deflate; server_max_window_bits", False),
    ("permessage-deflate; server_max_window_bits=09", False), ("permessage-deflate; client_max_window_bits=x", False),
    ("permessage-deflate; server_no_context_takeover=1", False),
    ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", False),
    ("x-webkit-deflate-frame", False), ("permessage-deflated", False),
]


@pytest.mark.parametrize("offer, taken", OFFERS)
def test_an_offer_is_taken_or_left(served, offer, taken):
    with opened(served, Sec_WebSocket_Extensions=offer) as raw:
        said = raw.agreed.get("sec-websocket-extensions", "")
        assert said.startswith(DEFLATE) == taken, said
        assert "client_max_window_bits" not in said or "client_max_window_bits" in offer
        raw.write(frame(TEXT, SAY_PING))
        assert json.loads(text_of(raw)) == {"type": "pong"}


def test_a_small_window_is_kept_to_or_declined(served):
    with opened(served, Sec_WebSocket_Extensions="permessage-deflate; server_max_window_bits=10") as raw:
        said = raw.agreed.get("sec-websocket-extensions", "")
        assert not said or any(f"server_max_window_bits={bits}" in said.split("; ") for bits in (8, 9, 10)), said


# ---- Closing


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999])
def test_a_close_is_answered_by_its_code(served, code):
    with opened(served) as raw:
        raw.write(close_frame(code, "Tschüß".encode()))
        assert raw.closing()[0] == code
        assert raw.ends()


def test_a_close_without_a_code_is_answered(served):
    with opened(served) as raw:
        raw.write(close_frame())
        assert raw.closing()[0] in (1000, 1005)
        assert raw.ends()


@pytest.mark.parametrize("one_by_one", [False, True], ids=["whole", "bytes"])
def test_nothing_is_heard_after_a_close(served, one_by_one):
    before = len(served.api("GET", "/activities").json["activities"])
    action = json.dumps({"type": "action", "id": "late", "topic": "made.late", "data": {}}).encode()
    with opened(served, one_by_one) as raw:
        raw.write(close_frame(1000) + frame(TEXT, action) + frame(0xF, b"nonsense"))
        assert raw.closing()[0] == 1000
        assert raw.ends()
    assert len(served.api("GET", "/activities").json["activities"]) == before


def test_what_was_asked_before_a_close_is_done(served):
    action = json.dumps({"type": "action", "id": "in-time", "topic": "made.early", "data": {}, "key": "in-time"}).encode()
    before = len(served.api("GET", "/activities").json["activities"])
    with opened(served) as raw:
        raw.write(frame(TEXT, action) + close_frame(1000))
        assert raw.closing()[0] == 1000
    wait_until(lambda: len(served.api("GET", "/activities").json["activities"]) == before + 1, "the activity")


@pytest.mark.parametrize("how", ["shutdown", "reset", "inside a frame", "inside a message"])
def test_who_leaves_without_a_word_leaves_nothing_behind(served, how):
    before = sockets_open(served)
    raw = opened(served)
    assert sockets_open(served) == before + 1
    if how == "inside a frame":
        raw.write(frame(TEXT, SAY_PING)[:7])
    if how == "inside a message":
        raw.write(frame(TEXT, SAY_PING, fin=False))
    if how == "reset":
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    raw.socket.close()
    wait_until(lambda: sockets_open(served) == before, "the connection to be forgotten")


def sockets_open(daemon):
    """Connections beside the one that asks."""
    samples = daemon.metrics()["tappet_http_connections"].samples
    return int(sum(samples.values())) - 1


# ---- Upgrades that are none


HANDSHAKES = {
    "no key": (upgrade(drop=["Sec-WebSocket-Key"]), 400),
    "an empty key": (upgrade(Sec_WebSocket_Key=""), 400),
    "a key that is too short": (upgrade(Sec_WebSocket_Key=base64.b64encode(bytes(15)).decode()), 400),
    "a key that is too long": (upgrade(Sec_WebSocket_Key=base64.b64encode(bytes(17)).decode()), 400),
    "a key that is no base64": (upgrade(Sec_WebSocket_Key="!" * 22 + "=="), 400),
    "two keys": (upgrade().replace(b"\r\n\r\n", f"\r\nSec-WebSocket-Key: {KEY}\r\n\r\n".encode()), 400),
    "version 8": (upgrade(Sec_WebSocket_Version="8"), 426),
    "version 14": (upgrade(Sec_WebSocket_Version="14"), 426),
    "version 013": (upgrade(Sec_WebSocket_Version="013"), 426),
    "no version": (upgrade(drop=["Sec-WebSocket-Version"]), (400, 426)),
    "no Connection: upgrade": (upgrade(Connection="keep-alive"), 426),
    "no Upgrade": (upgrade(drop=["Upgrade"]), 426),
    "an upgrade to something else": (upgrade(Upgrade="h2c"), 426),
    "no upgrade at all": (upgrade(drop=["Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"]), 426),
    "HTTP/1.0": (upgrade().replace(b"HTTP/1.1", b"HTTP/1.0"), (400, 426, 505)),
    "POST": (upgrade().replace(b"GET", b"POST").replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\n\r\n"), (400, 405, 426)),
    "a body": (upgrade(Content_Length="5") + b"hello", 400),
    "a chunked body": (upgrade(Transfer_Encoding="chunked") + b"0\r\n\r\n", 400),
    "a subprotocol that nobody speaks": (upgrade(Sec_WebSocket_Protocol="mqtt"), 400),
    "a page of another site": (upgrade(Origin="https://evil.example"), 403),
    "a page without a site": (upgrade(Origin="null"), 403),
}


@pytest.mark.parametrize("one_by_one", [False, True], ids=["whole", "bytes"])
@pytest.mark.parametrize("name", HANDSHAKES)
def test_an_upgrade_that_is_none_is_answered_by_its_status(served, name, one_by_one):
    request, statuses = HANDSHAKES[name]
    with RawSocket(served.address, one_by_one) as raw:
        raw.write(request)
        status, headers = raw.head()
        assert status in (statuses if isinstance(statuses, tuple) else (statuses,)), (status, raw.rest)
        assert headers["content-type"] == "application/problem+json"
        if status == 426:
            assert headers["sec-websocket-version"] == "13"
            assert headers["upgrade"].lower() == "websocket" and "upgrade" in headers["connection"].lower()


UPGRADES = {
    "words in other letters": upgrade(Upgrade="WebSocket", Connection="UPGRADE"),
    "a list of what the connection is for": upgrade(Connection="keep-alive, Upgrade"),
    "a list of what to upgrade to": upgrade(Upgrade="h2c, websocket"),
    "spaces around the key": upgrade(Sec_WebSocket_Key=f"  {KEY}  "),
    "several subprotocols": upgrade(Sec_WebSocket_Protocol="mqtt, tappet.v1"),
    "the daemon's own site": upgrade(Origin="http://localhost"),
    "a length of nothing": upgrade(Content_Length="0"),
}


@pytest.mark.parametrize("one_by_one", [False, True], ids=["whole", "bytes"])
@pytest.mark.parametrize("name", UPGRADES)
def test_an_upgrade_may_look_different(served, name, one_by_one):
    request = UPGRADES[name].replace(b"\r\n\r\n", f"\r\nAuthorization: Bearer {served.secret}\r\n\r\n".encode())
    with RawSocket(served.address, one_by_one) as raw:
        # The first frame comes with it.
        raw.write(request + frame(TEXT, SAY_PING))
        status, headers = raw.head()
        assert status == 101, raw.rest
        assert headers.get("sec-websocket-protocol") == ("tappet.v1" if b"tappet.v1" in request else None)
        assert raw.frame()[2:] == (TEXT, SAY_PONG)


# ---- Pings


@pytest.mark.parametrize("one_by_one", [False, True], ids=["whole", "bytes"])
def test_a_ping_is_answered_with_what_it_carries(served, one_by_one):
    with opened(served, one_by_one) as raw:
        for payload in (b"", b"x", bytes(range(125))):
            raw.write(frame(PING, payload))
            assert raw.frame() == (1, 0, PONG, payload)
        # In the middle of a message, too.
        raw.write(frame(TEXT, SAY_PING[:5], fin=False) + frame(PING, b"now") + frame(CONTINUATION, SAY_PING[5:]))
        assert raw.frame() == (1, 0, PONG, b"now")
        assert raw.frame()[2:] == (TEXT, SAY_PONG)


def test_many_pings_are_answered(served):
    count = 20_000
    with opened(served) as raw:
        writer = threading.Thread(target=raw.write, args=(b"".join(frame(PING, b"%d" % i) for i in range(count)),))
        writer.start()
        # The last one has to be answered, of those before as many as the server likes (RFC 6455 section 5.5.3).
        while (got := raw.frame())[3] != b"%d" % (count - 1):
            assert got[2] == PONG
        writer.join()
        assert answers(raw)


def test_pings_whose_answers_nobody_reads_take_no_memory(served):
    flood = b"".join(frame(PING, bytes(125)) for _ in range(8000))
    with opened(served) as raw:
        before = peak(served)
        raw.socket.settimeout(1)
        sent = 0
        try:
            while sent < 64 * MIB:
                raw.socket.sendall(flood)
                sent += len(flood)
        except (socket.timeout, ConnectionError):
            pass
        assert served.request("GET", "/healthz").status == 200
        assert peak(served) - before < 16 * MIB


def test_others_are_served_after_all_that(served):
    with opened(served) as raw:
        assert answers(raw)
    assert MASK != bytes(4) and served.request("GET", "/healthz").status == 200


@pytest.fixture(name="impatient")
def impatient_fixture(daemon):
    daemon.configure(plugins={"action": {"with": {"ping": "1s", "pingTimeout": "1s"}}})
    daemon.workflow("w", STEPS, triggers=TRIGGERS)
    daemon.start()
    daemon.secret = daemon.token("w", scopes=("action:>", "subscribe"))
    return daemon


def test_a_quiet_client_is_asked_and_stays_when_it_answers(impatient):
    with opened(impatient) as raw:
        for _ in range(4):
            _, _, opcode, payload = raw.frame()
            assert opcode == PING
            raw.write(frame(PONG, payload))
        assert answers(raw)


def test_a_client_that_gives_no_sign_of_life_is_cut(impatient):
    with opened(impatient) as raw:
        raw.socket.settimeout(DEADLINE)
        assert raw.frame()[2] == PING
        raw.closing()
        assert raw.ends()
    wait_until(lambda: sockets_open(impatient) == 0, "the connection to be forgotten")
