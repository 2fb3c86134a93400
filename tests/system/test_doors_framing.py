"""The framing of the legacy doors (PROTOCOL section 9): pieces, garbage, bounds."""

import pathlib
import resource
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import legacy_peers as legacy
from fabric_case import each
from fabric_doors import CARRIERS, DoorCase
from fabric_packets import new_cookie
from fabric_process import SLOW, eventually


def raise_descriptors():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Framing(DoorCase):
    def ping(self, cookie=None):
        return legacy.pack(packet_type="RUN", cookie=cookie or new_cookie(), pipeline="$ping")

    def test_octet_by_octet_and_many_at_once(self):
        self.open_doors()
        client = self.legacy_client()
        octets = self.ping()
        for at in range(len(octets)):
            client.send_octets(octets[at : at + 1])
        client.expect_result("OK")
        client.send_octets(b"".join(self.ping() for _ in range(500)))
        for _ in range(500):
            client.expect_result("OK")

    @each(b"", b"{", b"[]", b"nonsense", b'{"packet_type":1}', b"\xff" * 40, b'{"cookie":"x"}')
    def test_what_is_no_packet_is_answered(self, octets):
        """PROTOCOL 9: BAD_PACKET where a frame boundary is still known"""
        self.open_doors()
        client = self.legacy_client()
        client.send_octets(legacy.frame(octets) + self.ping())
        client.expect_result("BAD_PACKET")
        client.expect_result("OK")

    @each(b"\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01")
    def test_what_is_no_length_closes(self, octets):
        self.open_doors()
        client = self.legacy_client()
        client.send_octets(octets)
        client.expect_result("BAD_PACKET")
        client.expect_closed()
        self.legacy_client().ask("$ping")

    def test_a_frame_that_is_too_long_is_skipped(self):
        self.open_doors("tcp", "--max-payload", "1000")
        client = self.legacy_client()
        client.send_octets(legacy.frame(b"x" * 1_000_000) + self.ping())
        client.expect_result("BAD_PACKET")
        client.expect_result("OK")

    def test_unsupported_types(self):
        self.open_doors()
        client = self.legacy_client()
        client.send(packet_type="REGISTER", capacity=1)
        client.expect_result("UNSUPPORTED_PACKET_TYPE")
        client.send(packet_type="WHAT")
        client.expect_result("UNSUPPORTED_PACKET_TYPE")

    @each(*CARRIERS)
    def test_half_a_frame_for_ever(self, carrier):
        """It is closed; who has begun none may be still as long as it likes."""
        self.open_doors(carrier, "--frame-timeout", "300")
        still, begun = self.legacy_client(), self.legacy_client()
        begun.send_octets(self.ping()[:7])
        begun.expect_closed()
        still.ask("$ping")

    def test_a_frame_that_goes_on(self):
        """However long it takes: each octet of it gives it the whole time again."""
        timeout = 500 * SLOW
        self.open_doors("tcp", "--frame-timeout", f"{timeout:.0f}")
        dripping = self.legacy_client()
        octets = self.ping()
        for at in range(12):
            dripping.send_octets(octets[at : at + 1])
            self.assertFalse(dripping.has_news(timeout / 5))
        dripping.send_octets(octets[12:])
        dripping.expect_result("OK")

    def test_half_frames_together(self):
        """Beyond the bound who holds most is thrown out, and no frame is refused for it."""
        self.open_doors("tcp", "--half-frames", "1MiB")
        small = self.legacy_client()
        octets = self.ping()
        small.send_octets(octets[:20])
        hoarders = [self.legacy_client() for _ in range(12)]
        for hoarder in hoarders:
            hoarder.send_octets(legacy.frame(b"{" * 400_000)[:300_000])
        thrown_out = 0
        for hoarder in hoarders[:-1]:
            try:
                # Those that are left have a packet now, if not a good one.
                hoarder.send_octets(b"{" * 100_004)
                hoarder.expect_result("BAD_PACKET")
            except (legacy.Closed, ConnectionResetError, BrokenPipeError):
                thrown_out += 1
        self.assertGreaterEqual(thrown_out, 8)
        self.assertLess(thrown_out, 12)
        small.send_octets(octets[20:])
        small.expect_result("OK")

    def test_many_connections(self):
        self.open_doors()
        raise_descriptors()
        clients = [self.legacy_client() for _ in range(2000)]
        for client in clients:
            client.run("$ping")
        for client in clients:
            client.expect_result("OK")

    @each(*CARRIERS)
    def test_a_client_that_reads_late(self, carrier):
        """What it does not take waits for it, in order; and what it says, until it has read."""
        self.open_doors(carrier)
        late, worker = self.legacy_client(), self.worker(100)
        sent = [late.run("p", "") for _ in range(40)]
        # All of them first: it is not read any more when too much waits for it.
        runs = [worker.take(cookie) for cookie in sent]
        for at, run in enumerate(runs):
            worker.finish(run, f"{at:3}" * 50_000)
        self.legacy_client().ask("$ping")
        last = late.run("p", "")
        for at, cookie in enumerate(sent):
            packet = late.expect_result("OK", cookie)
            self.assertEqual(legacy.document(packet), f"{at:3}" * 50_000)
        worker.finish(worker.take(last), "the last")
        self.assertEqual(legacy.document(late.expect_result("OK", last)), "the last")

    @each(*CARRIERS)
    def test_a_client_that_reads_slowly(self, carrier):
        """It gets everything, though ten times its bound waits for it."""
        self.open_doors(carrier, "--outbox", "1MiB")
        slow, worker = self.legacy_client(), self.worker(100)
        sent = [slow.run("p", "") for _ in range(40)]
        runs = [worker.take(cookie) for cookie in sent]
        for at, run in enumerate(runs):
            worker.finish(run, f"{at:3}" * 100_000)
            slow.hear()
        for at, cookie in enumerate(sent):
            packet = slow.expect_result("OK", cookie)
            self.assertEqual(legacy.document(packet), f"{at:3}" * 100_000)

    def test_pieces_are_left_out_for_one_that_reads_slowly(self):
        self.open_doors("unix", "--outbox", "1MiB")
        slow, worker = self.legacy_client(extended=True), self.worker(1)
        cookie = slow.run("p", "", stream=True)
        run = worker.take(cookie)
        for _ in range(40):
            worker.partial(run, "x" * 300_000)
            slow.hear()
        worker.finish(run, "whole")
        count = 0
        while (packet := slow.recv())["packet_type"] == "PARTIAL":
            count += 1
        self.assertEqual((packet["rc"], legacy.document(packet)), ("OK", "whole"))
        self.assertGreater(count, 0)
        self.assertLess(count, 40)

    def test_a_client_that_never_reads(self):
        """Thrown out when it took nothing for a while, and nobody else waits for it."""
        self.open_doors("tcp", "--outbox", "1MiB")
        deaf, worker = self.legacy_client(), self.worker(100)
        for _ in range(60):
            deaf.run("p")
        for _ in range(60):
            worker.finish(worker.take(), "x" * 300_000)
        self.legacy_client().ask("$ping")

        def thrown_out():
            deaf.sock.setblocking(False)
            try:
                deaf.sock.send(self.ping())
            except (BrokenPipeError, ConnectionResetError):
                return True
            except BlockingIOError:
                pass
            return False

        eventually(thrown_out, "the deaf one is thrown out")


if __name__ == "__main__":
    unittest.main()
