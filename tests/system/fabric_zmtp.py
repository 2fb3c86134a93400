"""A peer of raw octets: just enough of ZMTP 3.0 with the NULL mechanism to misbehave in it."""

import contextlib
import json
import socket
import struct
import time

from fabric_process import DEADLINE

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
MORE, LONG, COMMAND = 1, 2, 4


def carrier(endpoint, receive_buffer=None):
    """A connected socket of the operating system for an ipc or tcp endpoint."""
    kind, _, address = endpoint.partition("://")
    if kind == "ipc":
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        target = address
    else:
        host, _, port = address.rpartition(":")
        stream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        target = (host, int(port))
    stream.settimeout(DEADLINE)
    if receive_buffer:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    stream.connect(target)
    return stream


def frame(octets, flags=0):
    """A frame as it travels."""
    if len(octets) > 255 or flags & LONG:
        return struct.pack(">BQ", flags | LONG, len(octets)) + octets
    return struct.pack(">BB", flags, len(octets)) + octets


def command(name, content=b""):
    return frame(bytes([len(name)]) + name + content, COMMAND)


def ready(socket_type=b"DEALER"):
    key = b"Socket-Type"
    value = bytes([len(key)]) + key + struct.pack(">I", len(socket_type)) + socket_type
    return command(b"READY", value)


class RawPeer:
    """A connection that reads nothing unless it is told to."""

    def __init__(self, endpoint, receive_buffer=None, handshake=True):
        self.stream = carrier(endpoint, receive_buffer)
        self._heard = b""
        if handshake:
            self.shake()

    def close(self):
        self.stream.close()

    def send(self, octets):
        self.stream.sendall(octets)

    def shake(self):
        self.send(GREETING)
        self._read(len(GREETING))
        self.send(ready())
        self._read_frame()

    def _read(self, count):
        while len(self._heard) < count:
            self.hear(max(count - len(self._heard), 1 << 16))
        octets, self._heard = self._heard[:count], self._heard[count:]
        return octets

    def hear(self, most):
        """Takes what has come, at least an octet, without a look at it yet."""
        piece = self.stream.recv(most)
        if not piece:
            raise AssertionError("the broker closed the connection")
        self._heard += piece

    def _read_frame(self):
        flags, size = self._read(2)
        if flags & LONG:
            size = struct.unpack(">Q", bytes([size]) + self._read(7))[0]
        return flags, self._read(size)

    def receive(self):
        """The next packet: its header, and its payload or None. PINGs are answered."""
        frames, flags = [], MORE
        while flags & MORE:
            flags, octets = self._read_frame()
            if flags & COMMAND:
                self.live()
                flags = MORE
            else:
                frames.append(octets)
        return json.loads(frames[0]), frames[1] if len(frames) > 1 else None

    def packet(self, header, *payload):
        """Sends a packet with a JSON header."""
        frames = [json.dumps(header).encode(), *payload]
        last = len(frames) - 1
        self.send(b"".join(frame(f, 0 if n == last else MORE) for n, f in enumerate(frames)))

    def run(self, pipeline, cookie, **keys):
        self.packet({"packet_type": "RUN", "cookie": cookie, "pipeline": pipeline, **keys})

    def live(self):
        """Answers a PING that was not read: not to be taken for a silent host."""
        with contextlib.suppress(OSError):  # it may have been let go
            self.send(command(b"PONG"))

    def is_closed(self, seconds):
        """Whether the broker ends the connection within a time; what it says is thrown away."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.stream.settimeout(left)
            try:
                if not self.stream.recv(1 << 20):
                    return True
            except TimeoutError:
                return False
            except OSError:
                return True
        return False
