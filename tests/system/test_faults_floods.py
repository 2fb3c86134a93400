"""Storms of connections, tasks, large payloads and rubbish: the service goes on, and nothing stays."""

import contextlib
import pathlib
import random
import resource
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import zmq

from fabric_case import each
from fabric_faults import MIB, FaultCase, Usage, memory
from fabric_packets import JSON, decode, encode, new_cookie
from fabric_process import DEADLINE, SLOW, descriptors, eventually, free_tcp
from fabric_zmtp import GREETING, LONG, MORE, RawPeer, frame, ready

CONNECTIONS = 5000 if SLOW == 1 else 1000
RUNS = 1000000 if SLOW == 1 else 20000
OWN = 200  # descriptors that a test needs beside its connections
HEARTBEAT = encode({"packet_type": "HEARTBEAT"}, JSON)
KEPT = 16 * MIB  # that a storm may leave behind
REQUESTS = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),  # a TLS hello
    b"\xff" * 64,
    b"\0",
    b"",
)


def descriptor_limit():
    """Raises this process's limit (a child's as well) as far as it goes, and returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return 1 << 20 if hard == resource.RLIM_INFINITY else hard


class Floods(FaultCase):
    def setUp(self):
        super().setUp()
        self.limit = descriptor_limit()

    def begin(self, *options, **endpoints):
        """A broker, and a client that pings it all the time; used once, to have warmed up."""
        self.start(*options, **endpoints)
        client, worker = self.pair()
        client.run("warm")
        worker.serve(1, lambda run: None)
        client.expect_result()
        worker.leave()
        for peer in (client, worker):
            peer.close()
        self.pings = self.ping_meanwhile()
        self.until_calm()
        self.before = Usage(self.broker)

    def until_calm(self):
        """Nobody is there but the client that pings and the one that asks."""
        self.until_status(
            lambda s: s["clients"] == 2 and s["workers"] == 0 and s["tasks"]["open"] == 0,
            "nobody is there any more",
        )

    def assert_as_before(self):
        """Descriptors are back where they were, and memory near there; the service went on."""
        self.until_calm()
        enough = self.before.descriptors + 2  # the client that asked last may still be leaving
        eventually(lambda: descriptors(self.broker.pid) <= enough, "descriptors are given back")
        self.tell(f"before {self.before}; after {Usage(self.broker)}; {self.pings.end()}")
        if SLOW > 1:
            return  # a sanitizer's allocator keeps what was freed, to find who uses it
        thrifty = lambda: memory(self.broker.pid) - self.before.memory < KEPT
        eventually(thrifty, "memory is given back", 4 * DEADLINE)
        self.tell(f"and at last {Usage(self.broker)}")


class Connections(Floods):
    def crowd(self, context, count, endpoint):
        """So many sockets that have said something."""
        sockets = []
        for _ in range(count):
            sockets.append(context.socket(zmq.DEALER))
            sockets[-1].linger = 0
            sockets[-1].connect(endpoint)
            sockets[-1].send(HEARTBEAT)
        return sockets

    def context(self, count):
        context = zmq.Context()
        context.max_sockets = count + 10  # closed ones count for a while
        self.addCleanup(context.destroy, 0)
        return context

    @each("ipc", "tcp")
    def test_as_many_as_there_may_be(self, kind):
        # Each takes two descriptors here: the connection and the socket's own signal.
        count = min(CONNECTIONS, (self.limit - OWN) // 2)
        self.begin(serve=self.endpoint(kind))
        sockets = self.crowd(self.context(count), count, self.broker.client_endpoint)
        for socket in sockets:
            self.assertTrue(socket.poll(int(DEADLINE * 1000)), "a client was not answered")
            self.assertEqual(decode(socket.recv(), JSON)["packet_type"], "HEARTBEAT")
        self.until_clients(count + 2)
        self.tell(f"{count} connections: {Usage(self.broker)}")
        self.assertLess(memory(self.broker.pid), self.before.memory + count * 40960 * SLOW + KEPT)
        for socket in sockets:
            socket.close(0)
        self.assert_as_before()

    def until_clients(self, count):
        return self.until_status(lambda s: s["clients"] == count, f"{count} clients")

    @each("ipc", "tcp")
    def test_300_that_come_and_go(self, kind):
        """Ten rounds, half of them clients with tasks, half of them workers"""
        self.begin(serve=self.endpoint(kind), listen=self.endpoint(kind))
        context = self.context(3000)
        for _ in range(10):
            clients = self.crowd(context, 150, self.broker.client_endpoint)
            workers = self.crowd(context, 150, self.broker.worker_endpoint)
            for number, client in enumerate(clients):
                run = {"packet_type": "RUN", "cookie": new_cookie(), "pipeline": f"p{number}",
                       "orphan": "cancel"}
                client.send(encode(run, JSON))
            for number, worker in enumerate(workers):
                register = {"packet_type": "REGISTER", "capacity": 2, "pipelines": [f"p{number}"]}
                worker.send(encode(register, JSON))
            # They go as soon as the broker has said anything to them.
            for socket in clients + workers:
                self.assertTrue(socket.poll(int(DEADLINE * 1000)), "a peer was not answered")
                socket.close(0)
        self.assert_as_before()


class Tasks(Floods):
    BATCH = 2000

    def test_runs_without_end(self):
        """The queue is bounded, and so is what a client has open (PROTOCOL 5.3)"""
        self.begin("--client-tasks", 1 << 30)
        client = self.client()
        socket = client._socket
        began, open_tasks, refused = time.monotonic(), 0, 0
        for first in range(0, RUNS, self.BATCH):
            for number in range(first, first + self.BATCH):
                socket.send(b'{"packet_type":"RUN","pipeline":"p","orphan":"cancel","cookie":'
                            b'"00000000-0000-4000-8000-%012d"}' % number)
            refused += self.count_refusals(socket)
        socket.send(HEARTBEAT)
        while b"HEARTBEAT" not in (octets := socket.recv_multipart()[0]) or b"probe" in octets:
            refused += self.is_refusal(octets)
        took = time.monotonic() - began
        status = client.ask("$status").document()
        open_tasks = status["queue"]["length"]
        self.assertEqual(open_tasks, 10000)
        self.assertEqual(refused, RUNS - 10000, self.broker.err.text)
        self.tell(f"{RUNS} RUNs in {took:.1f} s, {refused} refused; {Usage(self.broker)} meanwhile")
        client.vanish()
        self.assert_as_before()

    def count_refusals(self, socket):
        count = 0
        with contextlib.suppress(zmq.Again):
            while True:
                count += self.is_refusal(socket.recv_multipart(zmq.DONTWAIT)[0])
        return count

    def is_refusal(self, octets):
        """The broker may also ask whether somebody is still there."""
        if b"probe" in octets:
            return False
        self.assertIn(b"NO_CAPACITY", octets)
        return True


class Sizes(Floods):
    LIMIT = 4 * MIB  # --max-payload

    def begin_small(self):
        self.begin("--max-payload", self.LIMIT)

    def test_payloads_at_the_limit_and_above(self):
        self.begin_small()
        client, worker = self.pair()
        cookie = client.run("p", payload=b"x" * self.LIMIT, encoding="raw")
        self.assertEqual(len(worker.take(cookie).payload), self.LIMIT)
        worker.finish(cookie, payload=b"y" * self.LIMIT, encoding="raw")
        self.assertEqual(len(client.expect_result("OK", cookie).payload), self.LIMIT)
        for _ in range(20):
            cookie = client.run("p", payload=b"x" * (self.LIMIT + 1), encoding="raw")
            client.expect_result("BAD_PACKET", cookie)
        worker.expect_nothing()
        worker.leave()
        for peer in (client, worker):
            peer.close()
        self.assert_as_before()

    def test_far_above_it_the_connection_ends(self):
        self.begin_small()
        other, worker = self.pair()
        for _ in range(10):
            peer = RawPeer(self.broker.client_endpoint)
            self.addCleanup(peer.close)
            # What is claimed is not believed: one octet of a tebibyte is enough to end it.
            peer.send(frame(HEARTBEAT, MORE) + b"\x02" + (1 << 40).to_bytes(8, "big") + b"x")
            self.assertTrue(peer.is_closed(DEADLINE))
        other.run("p")
        worker.serve(1, lambda run: None)
        other.expect_result("OK")
        worker.leave()
        for peer in (other, worker):
            peer.close()
        self.assert_as_before()

    def test_frames_without_end(self):
        """libzmq gathers a message before anybody can refuse it: bounded here by the test alone"""
        self.begin_small()
        peer = RawPeer(self.broker.client_endpoint)
        self.addCleanup(peer.close)
        piece, sent, end = frame(b"x" * 65536, MORE), 0, time.monotonic() + 2
        while sent < 100 * MIB and time.monotonic() < end:
            peer.send(piece * 4)
            sent += 4 * len(piece)
        self.tell(f"{sent / MIB:.0f} MiB of frames: {Usage(self.broker)}")
        peer.close()
        self.assert_as_before()


class Rubbish(Floods):
    def test_frames_and_handshakes_that_stop(self):
        """Half-written; each stays for a while, and goes"""
        self.begin(serve=free_tcp(), listen=free_tcp())
        run = frame(b'{"packet_type":"RUN"', MORE)
        peers = []
        for endpoint in (self.broker.client_endpoint, self.broker.worker_endpoint):
            for octets in (GREETING[:1], GREETING[:11], GREETING, GREETING + ready()[:5]):
                peers.append(RawPeer(endpoint, handshake=False))
                peers[-1].send(octets)
            for octets in (run[:1], run[:9], run, run + bytes([LONG, 0, 0])):
                peers.append(RawPeer(endpoint))
                peers[-1].send(octets)
        worker = self.worker()
        client = self.client()
        client.run("p")
        worker.serve(1, lambda run: None)
        client.expect_result("OK")
        worker.leave()
        for peer in (client, worker, *peers):
            peer.close()
        self.assert_as_before()

    def test_a_handshake_that_stops_is_ended(self):
        """The broker does not wait for ever for who says nothing"""
        self.begin(serve=free_tcp())
        silent = RawPeer(self.broker.client_endpoint, handshake=False)
        self.addCleanup(silent.close)
        began = time.monotonic()
        self.assertTrue(silent.is_closed(6 + DEADLINE))
        self.tell(f"ended after {time.monotonic() - began:.1f} s")
        self.assert_as_before()

    def test_200_strangers(self):
        """HTTP, TLS and noise on both sides; some stay, some go at once"""
        seed = random.SystemRandom().randrange(1 << 32)
        chance = random.Random(seed)
        self.begin(serve=free_tcp(), listen=free_tcp())
        stay = []
        for number in range(200):
            endpoint = (self.broker.client_endpoint, self.broker.worker_endpoint)[number % 2]
            octets = chance.choice((*REQUESTS, chance.randbytes(chance.randrange(1, 4096))))
            stranger = RawPeer(endpoint, handshake=False)
            with contextlib.suppress(OSError):  # it may be thrown out before the end
                stranger.send(octets)
            if number % 4:
                stranger.close()
            else:
                stay.append(stranger)
        for stranger in stay:
            stranger.close()
        self.tell(f"seed {seed}")
        self.assert_as_before()


if __name__ == "__main__":
    unittest.main()
