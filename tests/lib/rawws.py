"""WebSocket as bytes on a socket (RFC 6455), for those who break its rules; and a proxy that hands on byte by byte."""

import socket
import struct
import threading

from daemon import DEADLINE

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
MASK = bytes((0x37, 0xFA, 0x21, 0x3D))
DEFLATE = "permessage-deflate"


def masked(payload, mask=MASK):
    pattern = mask * (len(payload) // 4 + 1)
    return (int.from_bytes(payload, "big") ^ int.from_bytes(pattern[:len(payload)], "big")).to_bytes(len(payload), "big")


def frame(opcode, payload=b"", fin=True, rsv=0, mask=MASK, length_bytes=None, length=None):
    """`length_bytes` (0, 2 or 8) is how the length is written, `length` what is claimed."""
    length = len(payload) if length is None else length
    if length_bytes is None:
        length_bytes = 0 if length < 126 else 2 if length < 1 << 16 else 8
    short = {0: length, 2: 126, 8: 127}[length_bytes]
    head = bytes((fin << 7 | rsv << 4 | opcode, (0x80 if mask else 0) | short))
    head += {0: b"", 2: struct.pack(">H", length & 0xFFFF), 8: struct.pack(">Q", length)}[length_bytes]
    return head + (mask + masked(payload, mask) if mask else payload)


def close_frame(code=None, reason=b""):
    return frame(CLOSE, b"" if code is None else struct.pack(">H", code) + reason)


def upgrade(path="/action", drop=(), **headers):
    """The head of a good request, with some headers left out or put instead (names with _ for -)."""
    fields = {"Host": "localhost", "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
              "Sec-WebSocket-Key": KEY, **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items() if name not in drop)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


class RawSocket:
    """A connection that says whatever it is told to, whole or byte by byte."""

    def __init__(self, address, one_by_one=False):
        self.one_by_one = one_by_one
        self.socket = socket.create_connection(address, timeout=DEADLINE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def write(self, data):
        """What is not wanted any more may be refused: the answer is looked at later."""
        try:
            for piece in ([data[at:at + 1] for at in range(len(data))] if self.one_by_one else [data]):
                self.socket.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def read(self, count):
        while len(self.rest) < count:
            piece = self.socket.recv(65536)
            if not piece:
                raise EOFError
            self.rest += piece
        found, self.rest = self.rest[:count], self.rest[count:]
        return found

    def head(self):
        """Of an answer: its status, and its headers by small names."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.read(1)
        first, *lines = head.decode().rstrip("\r\n").split("\r\n")
        fields = {}
        for name, _, value in (line.partition(": ") for line in lines):
            fields[name.lower()] = f"{fields[name.lower()]}, {value}" if name.lower() in fields else value
        return int(first.split(" ")[1]), fields

    def upgrade(self, **headers):
        self.socket.sendall(upgrade(**headers))
        status, fields = self.head()
        assert status == 101 and fields["sec-websocket-accept"] == ACCEPT, (status, fields)
        return fields

    def frame(self):
        """(fin, rsv, opcode, payload); EOFError at the end."""
        first, second = self.read(2)
        assert second < 0x80, "a server must not mask"
        length = second
        if second == 126:
            length, = struct.unpack(">H", self.read(2))
        elif second == 127:
            length, = struct.unpack(">Q", self.read(8))
        return first >> 7, first >> 4 & 7, first & 15, self.read(length)

    def closing(self):
        """(code, reason) of the close frame that comes, after which the connection ends; None when it ends without."""
        try:
            while True:
                _, _, opcode, payload = self.frame()
                if opcode == CLOSE:
                    break
        except (EOFError, ConnectionResetError):
            return None
        code = struct.unpack(">H", payload[:2])[0] if payload else 1005
        return code, payload[2:].decode()

    def ends(self):
        """Whether nothing more comes until the other side ends the connection."""
        try:
            return not self.rest and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


class ByteProxy:
    """Before a server: hands everything on in both directions, one byte at a time."""

    def __init__(self, address):
        self.target = address
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # A thread that waits in accept() is not woken by close().
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.open:
            connection.close()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(self.target)
            self.open += near, far
            for one, other in ((near, far), (far, near)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    @staticmethod
    def _pump(one, other):
        try:
            while piece := one.recv(4096):
                for at in range(len(piece)):
                    other.send(piece[at:at + 1])
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass
