"""Legacy peers, after PROTOCOL 9 and nothing of this project's own code: sockets, struct and json.

They do as ReasonChip's peers do: every key is sent, null where it is empty; `variables` and `result`
are strings of JSON text; a packet type or code that the legacy protocol does not have is the end.

Run as a program, this file is a worker that echoes: `legacy_peers.py worker ENDPOINT CAPACITY`.
"""

import json
import os
import pathlib
import socket
import ssl
import struct
import sys
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_process import DEADLINE

TYPES = {"REGISTER", "SHUTDOWN", "RUN", "CANCEL", "RESULT"}
CODES = {
    "OK",
    "BAD_PACKET",
    "UNSUPPORTED_PACKET_TYPE",
    "NO_CAPACITY",
    "COOKIE_NOT_FOUND",
    "COOKIE_COLLISION",
    "WORKER_WENT_AWAY",
    "BROKER_WENT_AWAY",
    "PROCESSOR_EXCEPTION",
    "EXCEPTION",
}
KEYS = ("packet_type", "cookie", "capacity", "pipeline", "variables", "detach", "rc", "error",
        "stacktrace", "result")  # fmt: skip
TEXTS = ("pipeline", "variables", "error", "result")


class Closed(Exception):
    """The other side closed the connection."""


def check(packet, extended=False):
    """What a strict reader of the legacy protocol looks at."""
    kind, rc = packet["packet_type"], packet.get("rc")
    if kind not in TYPES and not (extended and kind == "PARTIAL"):
        raise AssertionError(f"not a legacy packet type: {packet}")
    if rc is not None and rc not in CODES:
        raise AssertionError(f"not a legacy code: {packet}")
    if packet.get("cookie") is not None:
        uuid.UUID(packet["cookie"])
    for key in TEXTS:
        if packet.get(key) is not None and not isinstance(packet[key], str):
            raise AssertionError(f"{key} is no string: {packet}")
    trace = packet.get("stacktrace")
    if trace is not None and not all(isinstance(line, str) for line in trace):
        raise AssertionError(f"stacktrace is not lines: {packet}")
    return packet


def once(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise AssertionError(f"a key appears twice: {names}")
    return dict(pairs)


def frame(octets):
    return struct.pack("!I", len(octets)) + octets


def pack(**keys):
    return frame(json.dumps({key: keys.get(key) for key in KEYS} | keys).encode())


def dial(endpoint, tls=None):
    scheme, _, rest = endpoint.partition("://")
    if scheme in ("socket", "json+unix"):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(DEADLINE)
        sock.connect(rest)
        return sock
    host, _, port = rest.rpartition(":")
    sock = socket.create_connection((host.strip("[]"), int(port)), DEADLINE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if scheme == "json+tls":
        sock = (tls or blind_tls()).wrap_socket(sock)
    return sock


def blind_tls():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Peer:
    def __init__(self, endpoint, tls=None, extended=False):
        self.sock = dial(endpoint, tls)
        self._in = bytearray()
        self._extended = extended

    def close(self):
        self.sock.close()

    vanish = close

    def send_octets(self, octets):
        self.sock.sendall(octets)

    def send(self, **keys):
        self.send_octets(pack(**keys))

    def hear(self):
        """Takes some of what has come, without a look at it yet."""
        octets = self.sock.recv(1 << 16)
        if not octets:
            raise Closed
        self._in += octets

    def _read(self, count):
        while len(self._in) < count:
            self.hear()
        taken, self._in = bytes(self._in[:count]), self._in[count:]
        return taken

    def recv(self, seconds=DEADLINE):
        """The next packet; Closed at the end of the stream."""
        self.sock.settimeout(seconds)
        (length,) = struct.unpack("!I", self._read(4))
        return check(
            json.loads(self._read(length), object_pairs_hook=once), extended=self._extended
        )

    def expect(self, packet_type, **keys):
        packet = self.recv()
        wanted = {"packet_type": packet_type, **keys}
        found = {key: packet.get(key) for key in wanted}
        if found != wanted:
            raise AssertionError(f"wanted {wanted}, got {packet}")
        return packet

    def expect_closed(self):
        """The other side closes, with nothing said before."""
        try:
            packet = self.recv()
        except (Closed, ConnectionResetError, BrokenPipeError, ssl.SSLError):
            return
        raise AssertionError(f"wanted the end, got {packet}")

    def has_news(self, milliseconds):
        self.sock.settimeout(milliseconds / 1000)
        try:
            octets = self.sock.recv(1 << 16)
        except (TimeoutError, ssl.SSLWantReadError):
            return bool(self._in)
        self._in += octets
        return True


class Client(Peer):
    def run(self, pipeline, *document, cookie=None, variables=None, **keys):
        """Sends a RUN; its cookie."""
        cookie = cookie or str(uuid.uuid4())
        if document:
            variables = json.dumps(document[0])
        self.send(packet_type="RUN", cookie=cookie, pipeline=pipeline, variables=variables, **keys)
        return cookie

    def cancel(self, cookie):
        self.send(packet_type="CANCEL", cookie=cookie)

    def expect_result(self, rc="OK", cookie=None):
        return self.expect("RESULT", rc=rc, **({"cookie": cookie} if cookie else {}))

    def ask(self, pipeline, *document, **keys):
        cookie = self.run(pipeline, *document, **keys)
        packet = self.recv()
        assert packet["cookie"] == cookie, packet
        return packet


class Worker(Peer):
    def register(self, capacity=1, **keys):
        self.send(packet_type="REGISTER", capacity=capacity, **keys)
        return self

    def take(self, cookie=None):
        return self.expect("RUN", **({"cookie": cookie} if cookie else {}))

    def finish(self, run, *document, rc="OK", **keys):
        result = json.dumps(document[0]) if document else None
        cookie = run if isinstance(run, str) else run["cookie"]
        self.send(packet_type="RESULT", cookie=cookie, rc=rc, result=result, **keys)


def document(packet, key="result"):
    return json.loads(packet[key])


def echo(endpoint, capacity):
    worker = Worker(endpoint).register(capacity)
    print("registered", flush=True)
    while True:
        packet = worker.recv(3600)
        if packet["packet_type"] == "SHUTDOWN":
            return
        if packet["packet_type"] == "RUN":
            worker.send(packet_type="RESULT", cookie=packet["cookie"], rc="OK",
                        result=packet.get("variables"))  # fmt: skip


if __name__ == "__main__":
    echo(sys.argv[2], int(sys.argv[3]))
