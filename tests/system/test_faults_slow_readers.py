"""Peers that do not read hurt themselves only (docs/operating.md, --outbox)."""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import each
from fabric_faults import MIB, FaultCase, Usage, memory
from fabric_packets import new_cookie
from fabric_process import SLOW, eventually
from fabric_zmtp import RawPeer

OUTBOX = 4 * MIB
# Beside the two bounds of an outbox's size (in libzmq, and behind it): what is on its way in, the
# pages that an allocator keeps, and what a message costs beyond its octets.
SLACK = 48 * MIB if SLOW == 1 else 400 * MIB
BOUND = 2 * OUTBOX + SLACK
SPARE = 32 * OUTBOX  # of all clients
LET_GO = 10 * SLOW  # seconds; a few are the rule
RECEIVE_BUFFER = 16384  # octets that the system keeps for who does not read


class SlowReaders(FaultCase):
    def setUp(self):
        super().setUp()
        self.start("--outbox", OUTBOX)

    def deaf_client(self):
        client = RawPeer(self.broker.client_endpoint, RECEIVE_BUFFER)
        self.addCleanup(client.close)
        return client

    def deaf_task(self, client, worker, **keys):
        """A task of a client that reads nothing, taken by the worker: its cookie."""
        cookie = new_cookie()
        client.run("p", cookie, **keys)
        worker.take(cookie)
        return cookie

    def status(self, client):
        return client.ask("$status").document()

    def until_gone(self, clients):
        """Waits until the broker counts so many clients; how long it took."""
        return self.until_status(lambda s: s["clients"] == clients, f"{clients} clients")


class Clients(SlowReaders):
    @each(1024, 10240, MIB)
    def test_pieces_beyond_the_outbox_are_dropped_and_counted(self, size):
        watcher, worker = self.client(), self.worker()
        before, pings, deaf = Usage(self.broker), self.ping_meanwhile(), self.deaf_client()
        cookie = self.deaf_task(deaf, worker, stream=True)
        total = max(12 * OUTBOX // size, 4)
        payload, highest = b"x" * size, 0
        for seq in range(total):
            worker.partial(cookie, payload=payload, encoding="raw", seq=seq)
            if seq % 64 == 0 or size == MIB:
                worker.sync()
                highest = max(highest, memory(self.broker.pid))
        worker.sync()
        dropped = self.status(watcher)["dropped"]["peer_does_not_read"]
        highest = max(highest, memory(self.broker.pid))
        self.assertGreater(dropped, 0)
        self.assertLess(highest - before.memory, BOUND)
        self.tell(f"{dropped} of {total} pieces dropped; memory {before.memory / MIB:.1f} MiB "
                  f"before, {highest / MIB:.1f} at most; {pings.end()}")

    @each(20, 100)
    def test_it_is_let_go_when_results_have_no_room(self, count):
        """When it took nothing for a while, which is short if there is much. And its other
        tasks are as those of a client that died"""
        worker = self.worker(128)
        before, pings, deaf = Usage(self.broker), self.ping_meanwhile(), self.deaf_client()
        orphan = self.deaf_task(deaf, worker, orphan="cancel")
        cookies = [self.deaf_task(deaf, worker) for _ in range(count)]
        payload, highest = b"x" * MIB, 0
        for cookie in cookies:
            worker.finish(cookie, payload=payload, encoding="raw")
            while worker.has_news():
                self.assertEqual(worker.recv().type, "CANCEL")
                orphan = None
            highest = max(highest, memory(self.broker.pid))
        if orphan:
            worker.expect("CANCEL", cookie=orphan)
        self.until_gone(2)  # the one that asks, and the one that pings
        said = pings.end()
        self.assertTrue(deaf.is_closed(LET_GO))
        self.assertLess(highest - before.memory, BOUND + min(count * MIB, SPARE))
        self.assertIn("does not read", self.broker.err.text)
        eventually(lambda: memory(self.broker.pid) - before.memory < SLACK, "memory is given back")
        self.tell(f"memory {before.memory / MIB:.1f} MiB before, {highest / MIB:.1f} at most, "
                  f"{memory(self.broker.pid) / MIB:.1f} after; {said}")

    def test_one_that_reads_loses_nothing_of_a_burst(self):
        """64 results of 256 KiB at once, within the bounds of one that is slow to begin"""
        self.start("--outbox", 16 * MIB)
        client, worker = self.pair(capacity=64)
        cookies = [client.run("p") for _ in range(64)]
        for cookie in cookies:
            worker.take(cookie)
        payload = bytes(range(256)) * 1024
        for cookie in cookies:
            worker.finish(cookie, payload=payload, encoding="raw")
        worker.sync()
        for cookie in cookies:
            result = client.expect_result("OK", cookie)
            self.assertEqual(result.payload, payload)
        self.assertEqual(self.status(client)["dropped"]["peer_does_not_read"], 0)

    def test_one_that_reads_slowly_loses_nothing(self):
        """Twelve times its bound waits for it, and it takes a little now and then"""
        slow, worker = self.deaf_client(), self.worker(64)
        cookies = [self.deaf_task(slow, worker) for _ in range(48)]
        payload = bytes(range(256)) * 4096
        for cookie in cookies:
            worker.finish(cookie, payload=payload, encoding="raw")
            worker.sync()
            slow.hear(4096)
        self.expect_all(slow, cookies, payload)

    def test_a_large_result_may_take_long(self):
        """Longer than a peer may take nothing; others wait behind it"""
        slow, worker = self.deaf_client(), self.worker(2)
        cookies = [self.deaf_task(slow, worker) for _ in range(2)]
        payload = b"x" * (2 * OUTBOX)
        for cookie in cookies:
            worker.finish(cookie, payload=payload, encoding="raw")
        for _ in range(50):  # 5 s
            slow.hear(65536)
            self.let_pass(100)
        self.expect_all(slow, cookies, payload)

    def expect_all(self, slow, cookies, payload):
        ended = set()
        for _ in cookies:
            header, found = slow.receive()
            self.assertEqual((header["packet_type"], header["rc"]), ("RESULT", "OK"))
            self.assertEqual(found, payload)
            ended.add(header["cookie"])
        self.assertEqual(ended, set(cookies))

    def test_many_at_once(self):
        """The bounds add up, one for each; and nothing is left of them that a next storm adds to"""
        worker = self.worker(64)
        before, pings = Usage(self.broker), self.ping_meanwhile()
        highest, after = [], []
        for _ in range(3):
            highest.append(self.storm(worker, 8))
            after.append(memory(self.broker.pid))
        shown = lambda octets: ", ".join(f"{value / MIB:.0f}" for value in octets)
        self.tell(f"3 times 8 clients: memory {before.memory / MIB:.1f} MiB before, "
                  f"{shown(highest)} at most, {shown(after)} after each; {pings.end()}")
        for value in highest:
            self.assertLess(value - before.memory, 8 * 2 * OUTBOX + SLACK)
        if SLOW == 1:  # a sanitizer's allocator keeps what was freed, to find who uses it
            self.assertLess(after[2] - after[0], SLACK / 2)

    def storm(self, worker, count):
        """So many clients that don't read, and their going; the most memory that was used."""
        deaf = [self.deaf_client() for _ in range(count)]
        cookies = [self.deaf_task(client, worker, stream=True) for client in deaf]
        payload, highest = b"x" * 65536, 0
        for seq in range(4 * OUTBOX // len(payload)):
            for cookie in cookies:
                worker.partial(cookie, payload=payload, encoding="raw", seq=seq)
            if seq % 16 == 0:
                worker.sync()
                highest = max(highest, memory(self.broker.pid))
        for cookie in cookies:
            worker.finish(cookie)
        worker.sync()
        for client in deaf:
            client.close()
        self.until_gone(2)  # the one that asks, and the one that pings
        return highest


class Workers(SlowReaders):
    CAPACITY = 64

    def deaf_worker(self):
        worker = RawPeer(self.broker.worker_endpoint, RECEIVE_BUFFER)
        self.addCleanup(worker.close)
        worker.packet({"packet_type": "REGISTER", "capacity": self.CAPACITY})
        self.until_status(lambda status: status["workers"] == 1, "a worker")
        return worker

    @each(0, 1)
    def test_one_that_does_not_read_is_let_go(self, retries):
        """Its tasks are answered, or another worker gets them (PROTOCOL 5.8)"""
        deaf = self.deaf_worker()
        client, pings = self.client(), self.ping_meanwhile()
        payload = b"x" * (256 * 1024)
        began = time.monotonic()
        cookies = [client.run("p", payload=payload, encoding="raw", retries=retries)
                   for _ in range(self.CAPACITY)]
        if retries:
            self.until_gone_while_it_lives(deaf)
            self.worker(self.CAPACITY).serve(self.CAPACITY, lambda run: len(run.payload))
        ended = set()
        while len(ended) < self.CAPACITY:
            if not client.has_news(500):
                deaf.live()
                continue
            ended.add(client.expect_result("OK" if retries else "WORKER_WENT_AWAY").cookie)
        took = time.monotonic() - began
        self.assertEqual(len(ended), len(cookies))
        self.assertLess(took, LET_GO)
        self.tell(f"let go and all {len(ended)} tasks ended after {took:.1f} s; {pings.end()}")

    def until_gone_while_it_lives(self, deaf):
        def gone(status):
            if status["workers"]:
                self.let_pass(200)
                deaf.live()
            return status["workers"] == 0

        self.until_status(gone, "no worker")


if __name__ == "__main__":
    unittest.main()
