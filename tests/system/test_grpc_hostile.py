"""The gRPC door (PROTOCOL section 9) and those who misbehave: they hurt themselves only."""

import pathlib
import re
import socket
import ssl
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import fabric_grpc
import legacy_peers as legacy
from fabric_case import each
from fabric_grpc import METHOD, Code, Ended, GrpcCase, InTheBroker, document, encode
from fabric_packets import new_cookie
from fabric_process import DEADLINE, SLOW, descriptors, eventually

MIB = 1024 * 1024
OUTBOX = MIB
# Beside the outbox: the windows of HTTP/2, what is on its way, the pages that an allocator keeps.
SLACK = 64 * MIB if SLOW == 1 else 500 * MIB
# Of --half-frames 16MiB and what gRPC's library, which counts it, takes before it has counted.
HALVES = 2 * SLACK
SPARE = 16  # descriptors: what libraries keep for the next one
GZIP = fabric_grpc.grpc.Compression.Gzip

# ---- octets of HTTP/2 (RFC 9113)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    0, 1, 3, 4, 6, 7, 8, 9,
)  # fmt: skip
END_STREAM, END_HEADERS, ACK = 1, 4, 1
FRAME, WINDOW = 16384, 65535 - 16384  # octets: of a frame; left after the first one
PLAIN = {":method": "POST", ":scheme": "http", ":path": METHOD, ":authority": "x",
         "content-type": "application/grpc", "te": "trailers"}  # fmt: skip


def frame(kind, flags=0, stream=0, octets=b"", length=None):
    length = len(octets) if length is None else length
    return struct.pack("!I", length)[1:] + struct.pack("!BBI", kind, flags, stream) + octets


def block(**fields):
    """Fields as HPACK literals."""
    octets = b""
    for name, value in fields.items():
        name, value = name.encode(), value.encode()
        octets += b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value
    return octets


def opening(stream=1, **fields):
    return frame(HEADERS, END_HEADERS, stream, block(**{**PLAIN, **fields}))


def counted(octets, compressed=0, length=None):
    """A message as it travels in DATA."""
    return struct.pack("!BI", compressed, len(octets) if length is None else length) + octets


HELLO = PREFACE + frame(SETTINGS)
BROKEN = {
    "zeros": bytes(4096),
    "random": bytes((n * n * 37 + n) % 251 for n in range(1, 65536)),
    "http1": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(600),
    "legacy": legacy.pack(packet_type="RUN", cookie=new_cookie(), pipeline="$ping"),
    "half_preface": PREFACE[:10] + b"x" * 64,
    "no_settings": PREFACE + frame(PING, 0, 0, bytes(8)) + bytes(64),
    "long_frame": HELLO + frame(DATA, 0, 1, b"", 0xFFFFFF) + bytes(64),
    "bad_settings": HELLO + frame(SETTINGS, 0, 0, bytes(5)),
    "bad_hpack": HELLO + frame(HEADERS, END_HEADERS, 1, b"\xff" * 40),
    "broken_headers": HELLO + frame(HEADERS, 0, 1, block(**PLAIN)) + frame(PING, 0, 0, bytes(8)),
    "bad_ping": HELLO + frame(PING, 0, 0, bytes(7)),
    "bad_reset": HELLO + frame(RST_STREAM, 0, 1, bytes(3)),
}
STREAMS = {
    "half_a_message": opening() + frame(DATA, END_STREAM, 1, counted(b"abc", length=100)),
    "half_a_count": opening() + frame(DATA, END_STREAM, 1, b"\0\0"),
    "end_at_once": frame(HEADERS, END_HEADERS | END_STREAM, 1, block(**PLAIN)),
    "other_content": opening(**{"content-type": "text/html"}) + frame(DATA, END_STREAM, 1, b"hi"),
    "no_path": frame(HEADERS, END_HEADERS | END_STREAM, 1, block(**{":method": "POST"})),
    "get": opening(**{":method": "GET"}) + frame(DATA, END_STREAM, 1, b""),
    "bad_timeout": opening(**{"grpc-timeout": "soon"}) + frame(DATA, END_STREAM, 1, b""),
    "reset": opening() + frame(RST_STREAM, 0, 1, bytes(4)),
}


# What HTTP/2 or gRPC forbids, and gRPC's own library bears with.
BORNE = {
    "data_on_no_stream": frame(DATA, 0, 0, b"x"),
    "even_stream": opening(2),
    "too_long": opening() + frame(DATA, 0, 1, counted(b"", length=0xFFFFFFFF)),
    "no_such_flag": opening() + frame(DATA, 0, 1, counted(b"xx", compressed=7)),
    "not_compressed": opening() + frame(DATA, 0, 1, counted(b"\0\1", compressed=1)),
}


class Raw:
    """A connection of octets."""

    def __init__(self, endpoint, receive_buffer=None):
        host, _, port = endpoint.partition("://")[2].rpartition(":")
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(DEADLINE)
        self.sock.connect((host, int(port)))

    def close(self):
        self.sock.close()

    vanish = close

    def send(self, octets):
        """False if the other side has closed."""
        try:
            self.sock.sendall(octets)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def expect_closed(self):
        try:
            while self.sock.recv(1 << 16):
                pass
        except (ConnectionResetError, BrokenPipeError):
            pass

    def frames(self):
        """What comes: (kind, flags, stream, octets)."""
        came = b""
        while True:
            while len(came) >= 9 and len(came) >= 9 + (length := int.from_bytes(came[:3], "big")):
                kind, flags, stream = struct.unpack("!BBI", came[3:9])
                yield kind, flags, stream, came[9 : 9 + length]
                came = came[9 + length :]
            octets = self.sock.recv(1 << 16)
            if not octets:
                return
            came += octets

    def hoard(self, count, stream=1):
        """Sends `count` octets of DATA as far as it is let, until the stream ends."""
        windows = {0: WINDOW, stream: WINDOW}
        frames = self.frames()
        while count > 0:
            size = min(count, FRAME, *windows.values())
            if size > 0:
                if not self.send(frame(DATA, 0, stream, bytes(size))):
                    return
                count -= size
                windows = {which: left - size for which, left in windows.items()}
                continue
            kind, flags, which, octets = next(frames, (GOAWAY, 0, 0, b""))
            if kind in (RST_STREAM, GOAWAY) or kind == HEADERS and flags & END_STREAM:
                return
            if kind == WINDOW_UPDATE:
                windows[which] += int.from_bytes(octets, "big")
            elif kind in (SETTINGS, PING) and not flags & ACK:
                self.send(frame(kind, ACK, 0, octets if kind == PING else b""))

    def expect_stream_ended(self, stream=1):
        """By its last headers, by a reset, or with the connection."""
        for kind, flags, which, _ in self.frames():
            if which == stream and (kind == RST_STREAM or kind == HEADERS and flags & END_STREAM):
                return


def peak(pid):
    """The most octets that were ever resident."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024


class HostileCase(GrpcCase):
    def raw(self, **keys):
        return self._peer(Raw(self.client_door, **keys))

    def assert_served(self):
        """A new peer is, from its connection to its task's result."""
        pipeline = new_cookie()  # no other worker's, who has left but is not yet gone
        connection, worker = self.connect(), self.worker(pipelines=[pipeline])
        client = connection.client()
        cookie = client.run(pipeline, 1)
        worker.finish(worker.take(cookie), 2)
        self.assertEqual(document(client.expect_result("OK", cookie)), 2)
        connection.close()
        worker.close()


class BadPackets(HostileCase):
    @each("empty", "octets", "truncated", "utf8_type", "utf8_pipeline", "utf8_variables", "wire_type",
          "group")  # fmt: skip
    def test_what_is_no_packet(self, which):
        """BAD_PACKET, and the stream goes on"""
        self.open_grpc()
        good = encode(packet_type="RUN", cookie=new_cookie(), pipeline="$ping")
        octets = {
            "empty": b"",
            "octets": b"\xff\xff\xff",
            "truncated": good[:-3],
            "utf8_type": b"\x0a\x02\xff\xfe",
            "utf8_pipeline": good + b"\x1a\x02\xc0\x80",
            "utf8_variables": good + b"\x22\x03\xed\xa0\x80",
            "wire_type": b"\x08\x01\x12\x00",
            "group": good + b"\x6b",
        }[which]
        client = self.grpc_client()
        for _ in range(3):
            client.send_octets(octets)
            self.assertTrue(client.expect_result("BAD_PACKET")["error"])
        client.ask("$ping")
        worker = self.grpc_worker()
        worker.send_octets(octets)
        self.assertTrue(worker.expect("RESULT", rc="BAD_PACKET")["error"])
        cookie = client.run("p", 1)
        worker.finish(worker.take(cookie))
        client.expect_result("OK", cookie)

    def test_keys_that_are_wrong(self):
        """PROTOCOL 2 and 4: `error` names the key"""
        self.open_grpc()
        client, good = self.grpc_client(), new_cookie()
        for key, packet in [
            ("cookie", {"pipeline": "p"}),
            ("cookie", {"pipeline": "p", "cookie": ""}),
            ("cookie", {"pipeline": "p", "cookie": "x"}),
            ("cookie", {"pipeline": "p", "cookie": good + "0"}),
            ("pipeline", {"cookie": good}),
            ("pipeline", {"cookie": good, "pipeline": "p" * 256}),
            ("pipeline", {"cookie": good, "pipeline": "a\nb"}),
        ]:
            client.send(packet_type="RUN", **packet)
            said = client.expect_result("BAD_PACKET")
            self.assertIn(key, said["error"])
            self.assertEqual(said.get("cookie"), good if key == "pipeline" else None)
        client.send(packet_type="CANCEL")
        self.assertIn("cookie", client.expect_result("BAD_PACKET")["error"])
        for kind in ("WHAT", "SHUTDOWN", "RESULT", "PARTIAL"):
            client.send(packet_type=kind, cookie=good, rc="OK")
            client.expect_result("UNSUPPORTED_PACKET_TYPE", good)
        client.ask("$ping")

    def test_workers(self):
        self.open_grpc()
        worker, client = self.grpc_worker(), self.client()
        worker.register(70_000)
        self.assertIn("capacity", worker.expect("RESULT", rc="BAD_PACKET")["error"])
        worker.send(packet_type="RESULT", cookie=new_cookie(), rc="OK", result="1")
        worker.send(packet_type="RESULT", rc="OK", result="1")
        self.assertIn("cookie", worker.expect("RESULT", rc="BAD_PACKET")["error"])
        cookie = client.run("p")
        worker.take(cookie)
        worker.finish(cookie, rc="NO_SUCH_CODE")
        worker.expect("RESULT", rc="BAD_PACKET")
        client.expect_result("EXCEPTION", cookie)
        cookie = client.run("p")
        worker.finish(worker.take(cookie), "done")
        self.assertEqual(client.expect_result("OK", cookie).document(), "done")

    def test_fields_of_tomorrow(self):
        """What a message has beyond the fields that are known is no fault."""
        self.open_grpc()
        client = self.grpc_client()
        cookie = new_cookie()
        packet = encode(packet_type="RUN", cookie=cookie, pipeline="$ping")
        client.send_octets(packet + b"\xa2\x06\x03abc" + b"\xa8\x06\x01")
        client.expect_result("OK", cookie)

    def test_many_at_once(self):
        """Good ones and bad ones, each answered in its turn"""
        self.open_grpc()
        client = self.grpc_client()
        cookies = [new_cookie() for _ in range(300)]
        for cookie in cookies:
            client.send_octets(
                b"\xff", encode(packet_type="RUN", cookie=cookie, pipeline="$ping")
            )
        bad, good = 0, []
        for _ in range(600):
            packet = client.expect("RESULT")
            if packet["rc"] == "OK":
                good.append(packet["cookie"])
            else:
                self.assertEqual(packet["rc"], "BAD_PACKET")
                bad += 1
        self.assertEqual((bad, good), (300, cookies))


class BadPacketsInTheBroker(InTheBroker, BadPackets):
    pass


class Limits(HostileCase):
    def test_a_message_that_is_too_long(self):
        """RESOURCE_EXHAUSTED, to that stream alone"""
        self.open_grpc("grpc", "--max-payload", "1000")
        connection = self.connect()
        long, other = connection.client(), connection.client()
        other.ask("$ping")
        try:
            long.run("p", "x" * MIB)
        except Ended:
            pass
        long.expect_end(Code.RESOURCE_EXHAUSTED)
        other.ask("$ping")

    def test_of_any_length(self):
        """What is not whole is bounded for all of them together (--half-frames)."""
        self.open_grpc("grpc", "--max-payload", "1MiB", "--half-frames", "16MiB")
        self.assert_served()
        before = peak(self.bridge.pid)
        for _ in range(4):
            client = self.grpc_client()
            try:
                client.run("p", "x" * (256 * MIB))
                client.recv()
            except Ended:
                pass
            client.expect_end(Code.RESOURCE_EXHAUSTED)
        self.assertLess(peak(self.bridge.pid) - before, HALVES)
        self.assert_served()

    def test_halves_together(self):
        """Many that are good as far as they go, and never end"""
        self.open_grpc("grpc", "--max-payload", "8MiB", "--half-frames", "16MiB")
        self.assert_served()
        before = peak(self.bridge.pid)
        start = counted(b"x" * 60_000, length=8 * MIB)
        hoarders = [self.raw() for _ in range(60)]
        for raw in hoarders:
            raw.send(HELLO + opening() + frame(DATA, 0, 1, start[:16_384]))
            raw.hoard(8 * MIB - MIB)
        self.assert_served()
        self.assertLess(peak(self.bridge.pid) - before, HALVES)
        for raw in hoarders:
            raw.close()
        self.assert_served()

    def test_a_worker_s(self):
        self.open_grpc("grpc", "--max-payload", "1000")
        worker, client = self.grpc_worker(), self.client()
        cookie = client.run("p")
        worker.take(cookie)
        try:
            worker.finish(cookie, "x" * MIB)
        except Ended:
            pass
        worker.expect_end(Code.RESOURCE_EXHAUSTED)
        client.expect_result("WORKER_WENT_AWAY", cookie)

    def test_compressed(self):
        """Much in little is not unpacked beyond the limit; compression may be unknown here."""
        self.open_grpc("grpc", "--max-payload", "1MiB")
        client = self.connect().client(compression=GZIP)
        try:
            client.ask("$ping")
        except Ended:
            client.expect_end(Code.UNIMPLEMENTED)
        before = peak(self.bridge.pid)
        client = self.connect().client(compression=GZIP)
        try:
            client.run("p", "x" * (256 * MIB))
            client.recv()
        except Ended:
            pass
        client.expect_end(Code.RESOURCE_EXHAUSTED, Code.UNIMPLEMENTED)
        self.assertLess(peak(self.bridge.pid) - before, SLACK)
        self.assert_served()

    def test_much_metadata(self):
        self.open_grpc()
        for size in (4000, 20_000, MIB):
            connection = self.connect()
            client = connection.client(metadata=(("a-key", "x" * size),))
            try:
                client.ask("$ping")
            except Ended:
                self.assertGreater(size, 4000)
            connection.close()
        self.assert_served()


class Calls(HostileCase):
    @each("/a.B/C", "/reasonchip.ReasonChipService/Other", "/", "x", METHOD + "/", METHOD.lower(),
          "/grpc.health.v1.Health/Other")  # fmt: skip
    def test_methods_that_are_not_there(self, method):
        self.open_grpc()
        connection = self.connect()
        client = connection.client()
        client.ask("$ping")
        stream = connection.client(method=method)
        stream.expect_end(Code.UNIMPLEMENTED)
        self.assertEqual(connection.unary(method, b"abc")[0], Code.UNIMPLEMENTED)
        client.ask("$ping")

    def test_one_message_there_and_back(self):
        """It need not be called as a stream."""
        self.open_grpc()
        octets = encode(packet_type="RUN", cookie=new_cookie(), pipeline="$ping")
        code, _, answer = self.connect().unary(METHOD, octets)
        self.assertEqual((code, fabric_grpc.decode(answer)["rc"]), (Code.OK, "OK"))

    @each("Check", "Watch")
    def test_health_of_garbage(self, method):
        self.open_grpc()
        connection = self.connect()
        code, _, _ = connection.unary(f"/{fabric_grpc.HEALTH}/{method}", b"\xff\xff")
        self.assertNotEqual(code, Code.OK)
        self.assertEqual(connection.check(), fabric_grpc.SERVING)

    def test_streams_opened_and_reset(self):
        """Thousands, with a task in each"""
        self.open_grpc()
        self.assert_served()
        used = descriptors(self.bridge.pid) + SPARE
        raw = self.raw()
        raw.send(HELLO)
        for at in range(1, 6001, 2):
            packet = encode(packet_type="RUN", cookie=new_cookie(), pipeline="$ping")
            if not raw.send(
                opening(at) + frame(DATA, 0, at, counted(packet)) + frame(RST_STREAM, 0, at, bytes(4))
            ):
                break  # it had enough of that one
        self.assert_served()
        self.assertLess(peak(self.bridge.pid), SLACK + 64 * MIB)
        raw.close()
        self.until_no_tasks()
        eventually(lambda: descriptors(self.bridge.pid) <= used, "descriptors are given back")

    def test_connections_that_come_and_go(self):
        self.open_grpc()
        self.assert_served()
        used = descriptors(self.bridge.pid) + SPARE
        for round in range(40):
            raw = [Raw(self.client_door) for _ in range(5)]
            for number, one in enumerate(raw):
                octets = encode(packet_type="REGISTER", capacity=1) if round % 2 else b"\xff"
                one.send([b"", PREFACE[:9], HELLO, HELLO + opening(),
                          HELLO + opening() + frame(DATA, 0, 1, counted(octets))][number])  # fmt: skip
            for one in raw:
                one.close()
        self.assert_served()
        self.until_workers(0)
        eventually(lambda: descriptors(self.bridge.pid) <= used, "descriptors are given back")


class Octets(HostileCase):
    @each(*BROKEN)
    def test_what_is_no_http2(self, name):
        """The connection is closed, and others are served."""
        self.open_grpc()
        good = self.grpc_client()
        good.ask("$ping")
        raw = self.raw()
        raw.send(BROKEN[name])
        raw.sock.shutdown(socket.SHUT_WR) if name == "zeros" else None
        raw.expect_closed()
        good.ask("$ping")
        self.assert_served()

    @each(*STREAMS)
    def test_what_is_no_grpc(self, name):
        """The stream ends, and others are served."""
        self.open_grpc()
        good = self.grpc_client()
        good.ask("$ping")
        raw = self.raw()
        raw.send(HELLO + STREAMS[name])
        if name == "reset":
            raw.send(opening(3) + frame(DATA, END_STREAM, 3, b""))
        raw.expect_stream_ended(3 if name == "reset" else 1)
        good.ask("$ping")
        self.assert_served()

    def test_what_is_borne(self):
        self.open_grpc()
        good = self.grpc_client()
        for octets in BORNE.values():
            self.raw().send(HELLO + octets)
            good.ask("$ping")
        self.assert_served()

    def test_a_message_in_pieces(self):
        """Octet by octet"""
        self.open_grpc()
        raw = self.raw()
        raw.send(HELLO + opening())
        octets = counted(encode(packet_type="RUN", cookie=new_cookie(), pipeline="$ping"))
        for at in range(len(octets)):
            raw.send(frame(DATA, 0, 1, octets[at : at + 1]))
        raw.send(frame(DATA, END_STREAM, 1))
        said = b""
        for kind, flags, stream, came in raw.frames():
            if kind == DATA:
                said += came
            if stream == 1 and kind == HEADERS and flags & END_STREAM:
                break
        self.assertEqual(fabric_grpc.decode(said[5:])["rc"], "OK")

    def test_those_who_say_nothing(self):
        self.open_grpc()
        silent = [self.raw() for _ in range(200)]
        for one in silent[::2]:
            one.send(HELLO[:30])
        self.assert_served()

    def test_at_a_door_with_tls(self):
        self.open_grpc("grpcs")
        self.assert_served()
        for octets in BROKEN.values():
            raw = self.raw()
            raw.send(octets)
            raw.close()
        raw = self.raw()
        raw.send(HELLO)
        raw.sock.shutdown(socket.SHUT_WR)
        raw.expect_closed()
        context = legacy.blind_tls()
        context.set_alpn_protocols(["h2"])
        inside = context.wrap_socket(self.raw().sock)
        inside.sendall(b"GET / HTTP/1.1\r\n\r\n" * 50)
        try:
            while inside.recv(1 << 16):
                pass
        except (ssl.SSLError, ConnectionResetError):
            pass
        self.assert_served()

    @each("ping", "settings", "window", "continuation")
    def test_floods(self, kind):
        """Of frames that cost the sender little, by one who reads nothing"""
        self.open_grpc()
        self.assert_served()
        before = peak(self.bridge.pid)
        one = {
            "ping": frame(PING, 0, 0, bytes(8)),
            "settings": frame(SETTINGS, 0, 0, struct.pack("!HI", 4, 65535)),
            "window": frame(WINDOW_UPDATE, 0, 0, struct.pack("!I", 1)),
            "continuation": frame(CONTINUATION, 0, 1, block(x="y" * 100)),
        }[kind]
        raw = self.raw(receive_buffer=16384)
        raw.send(HELLO + (frame(HEADERS, 0, 1, block(**PLAIN)) if kind == "continuation" else b""))
        raw.sock.settimeout(2)
        try:
            for _ in range(200):
                if not raw.send(one * 1000):
                    break
        except TimeoutError:
            pass  # nobody reads it any more: that is a bound as well
        self.assert_served()
        self.assertLess(peak(self.bridge.pid) - before, SLACK)


class WhoDoesNotRead(HostileCase):
    def setUp(self):
        super().setUp()
        # All clients of a bridge are one to the broker, which would let it go if it were slow.
        self.start("--outbox", 512 * MIB)

    def test_a_client(self):
        """It is thrown out, with memory in bounds, and nobody else waits for it."""
        self.open_grpc("grpc", "--outbox", OUTBOX)
        self.assert_served()
        deaf, worker, other = self.grpc_client(read=False), self.worker(100), self.grpc_client()
        before = peak(self.bridge.pid)
        for _ in range(100):
            deaf.run("p")
        payload = b'"' + b"x" * MIB + b'"'
        for _ in range(100):
            worker.finish(worker.take(), payload=payload)
        worker.sync()
        for number in range(50):
            cookie = other.run("p", number)
            worker.finish(worker.take(cookie), number)
            self.assertEqual(document(other.expect_result("OK", cookie)), number)
        self.assertLess(peak(self.bridge.pid) - before, SLACK)
        deaf.start_reading()
        results = 0
        try:
            while deaf.recv():
                results += 1
        except Ended:
            pass
        self.assertLess(results, 100)
        self.assertNotEqual(deaf.status()[0], Code.OK)
        self.until_no_tasks()

    def test_pieces_for_a_client(self):
        self.open_grpc("grpc", "--outbox", OUTBOX)
        self.assert_served()
        deaf, worker, other = self.grpc_client(read=False), self.worker(2), self.grpc_client()
        before = peak(self.bridge.pid)
        run = worker.take(deaf.run("p", stream=True))
        for seq in range(2000):
            worker.partial(run, payload=b'"' + b"x" * 65536 + b'"', seq=seq)
        worker.sync()
        cookie = other.run("p", 1)
        worker.finish(worker.take(cookie), 2)
        other.expect_result("OK", cookie)
        self.assertLess(peak(self.bridge.pid) - before, SLACK)

    def test_a_worker(self):
        self.open_grpc("grpc", "--outbox", OUTBOX)
        connection, client = self.connect(self.worker_door), self.client()
        self.known(lambda: connection.worker(read=False).register(100))
        before = peak(self.bridge.pid)
        payload = b'"' + b"x" * MIB + b'"'
        cookies = [client.run("p", payload=payload) for _ in range(100)]
        early = client.sync()
        self.assertEqual(self.grpc_client().ask("$ping")["rc"], "OK")
        self.assertLess(peak(self.bridge.pid) - before, SLACK)
        connection.close()
        self.until_workers(0)
        other = self.worker(100)
        ended = {str(packet.cookie): packet.rc for packet in early}

        def all_ended():
            while other.has_news():
                other.finish(other.take(), 1)
            while client.has_news():
                packet = client.expect("RESULT")
                ended[str(packet.cookie)] = packet.rc
            return len(ended) == len(cookies)

        eventually(all_ended, "every task has its result")
        self.assertEqual(set(ended), set(cookies))
        self.assertIn("WORKER_WENT_AWAY", ended.values())
        self.assertLessEqual(set(ended.values()), {"OK", "WORKER_WENT_AWAY"})

    def test_it_is_late(self):
        """Who is slow for a moment gets its results, though they are beyond the bounds."""
        self.open_grpc("grpc", "--outbox", MIB)
        slow, worker = self.grpc_client(read=False, extended=True), self.worker(20)
        cookies = [slow.run("p") for _ in range(12)]
        runs = [worker.take(cookie) for cookie in cookies]
        for at, run in enumerate(runs):
            worker.finish(run, f"{at:3}" * 500_000)
        slow.start_reading()
        for at, cookie in enumerate(cookies):
            self.assertEqual(document(slow.expect_result("OK", cookie)), f"{at:3}" * 500_000)

    def test_it_catches_up(self):
        """Who is slow for a while, within the bounds, loses nothing."""
        self.open_grpc("grpc", "--outbox", 32 * MIB)
        slow, worker = self.grpc_client(read=False, extended=True), self.worker(2)
        cookie = slow.run("p", stream=True)
        run = worker.take(cookie)
        for seq in range(200):
            worker.partial(run, seq, seq=seq)
            worker.partial(run, payload=b'"' + b"x" * 50_000 + b'"', seq=seq)
        worker.finish(run, "end")
        worker.sync()
        slow.start_reading()
        for seq in range(200):
            self.assertEqual(document(slow.expect("PARTIAL", cookie=cookie)), seq)
            self.assertEqual(len(slow.expect("PARTIAL")["result"]), 50_002)
        self.assertEqual(document(slow.expect_result("OK", cookie)), "end")


if __name__ == "__main__":
    unittest.main()
