"""Who may send what, and what comes back (PROTOCOL sections 3 and 4)."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import FabricCase, both_codecs
from fabric_packets import BOTH, MSGPACK, new_cookie


class WrongSide(FabricCase):
    def assert_unsupported(self, peer, header):
        peer.send(header)
        answer = peer.expect("RESULT", "UNSUPPORTED_PACKET_TYPE", header.get("cookie"))
        self.assertEqual("cookie" in header, answer.cookie is not None, answer)

    @both_codecs
    def test_a_client_that_sends_a_workers_packet_gets_unsupported_packet_type(self, codec):
        """PROTOCOL 3: clients send RUN, CANCEL, HEARTBEAT"""
        client, worker = self.pair(codec)
        cookie = client.run("p", stream=True)
        worker.take(cookie)
        for header in (
            {"packet_type": "REGISTER", "capacity": 1},
            {"packet_type": "REGISTER", "capacity": 1, "cookie": new_cookie()},
            {"packet_type": "PARTIAL", "cookie": cookie, "seq": 0},
            {"packet_type": "RESULT", "cookie": cookie, "rc": "OK"},
            {"packet_type": "SHUTDOWN"},
        ):
            with self.subTest(header=header):
                self.assert_unsupported(client, header)
        worker.finish(cookie)
        client.expect_result("OK", cookie)

    @both_codecs
    def test_a_worker_that_sends_a_clients_packet_gets_unsupported_packet_type(self, codec):
        """PROTOCOL 3: workers send REGISTER, PARTIAL, RESULT, SHUTDOWN, HEARTBEAT"""
        client, worker = self.pair(codec)
        cookie = client.run("p")
        worker.take(cookie)
        for header in (
            {"packet_type": "RUN", "cookie": new_cookie(), "pipeline": "p"},
            {"packet_type": "RUN", "cookie": new_cookie(), "pipeline": "$ping"},
            {"packet_type": "CANCEL", "cookie": cookie},
        ):
            with self.subTest(header=header):
                self.assert_unsupported(worker, header)
        worker.finish(cookie)
        client.expect_result("OK", cookie)

    @both_codecs
    def test_a_type_that_is_none_gets_unsupported_packet_type(self, codec):
        """PROTOCOL 3: anything else gets RESULT UNSUPPORTED_PACKET_TYPE, with its cookie if any"""
        for peer in self.pair(codec):
            for packet_type in ("", "run", "RUN ", "HEARTBEATS", "PING", "\0RUN", "R\u00dcN", "X" * 1000):
                for header in ({}, {"cookie": new_cookie()}):
                    with self.subTest(peer=peer, packet_type=packet_type, header=header):
                        self.assert_unsupported(peer, {"packet_type": packet_type, **header})


class Heartbeats(FabricCase):
    @both_codecs
    def test_the_broker_answers_each_with_one(self, codec):
        """PROTOCOL 3: the broker answers one with one"""
        for peer in self.pair(codec):
            for _ in range(3):
                peer.send({"packet_type": "HEARTBEAT"})
            peer.send({"packet_type": "NONE"})
            for _ in range(3):
                peer.expect("HEARTBEAT")
            peer.expect("RESULT", "UNSUPPORTED_PACKET_TYPE")

    def test_each_is_answered_in_its_own_codec(self):
        """PROTOCOL 6: each peer is answered in its own codec"""
        for peer in self.pair():
            for codec in (*BOTH, *BOTH):
                peer.codec = codec
                peer.send({"packet_type": "HEARTBEAT"})
                peer.expect("HEARTBEAT", codec=codec)


class Registration(FabricCase):
    @both_codecs
    def test_a_worker_that_the_broker_does_not_know_is_told_so(self, codec):
        """PROTOCOL 3: it gets REGISTER without `capacity` as the answer to anything but a REGISTER"""
        for header in (
            {"packet_type": "HEARTBEAT"},
            {"packet_type": "RESULT", "cookie": new_cookie(), "rc": "OK"},
            {"packet_type": "PARTIAL", "cookie": new_cookie(), "seq": 0},
            {"packet_type": "SHUTDOWN"},
        ):
            with self.subTest(header=header):
                worker = self.stranger(codec)
                worker.send(header)
                self.assertIsNone(worker.expect("REGISTER").header.get("capacity"))
                worker.register()
                worker.expect_nothing()

    def test_a_worker_is_given_nothing_before_it_registers(self):
        """PROTOCOL 3, 5.2"""
        client, worker = self.client(), self.stranger()
        worker.send({"packet_type": "HEARTBEAT"})
        worker.expect("REGISTER")
        cookie = client.run("p")
        client.sync()
        worker.send({"packet_type": "HEARTBEAT"})
        worker.expect("REGISTER")
        worker.register()
        worker.take(cookie)

    def test_a_client_needs_no_registration(self):
        """PROTOCOL 3"""
        self.client().expect_nothing()


class Refusals(FabricCase):
    """Answers of the broker itself carry the cookie and no payload that matters."""

    def test_one_bad_packet_does_not_disturb_the_next(self):
        """PROTOCOL 5.1: a bad one is answered at once and leaves no trace"""
        client, worker = self.pair()
        for number in range(50):
            cookie = new_cookie()
            client.run("p", cookie=cookie, priority=77)
            client.run("p", number, cookie=cookie)
            self.assert_bad(client.recv(), "priority")
            worker.serve(1)
            self.assertEqual(client.expect_result("OK", cookie).document(), number)

    def test_a_cookie_is_answered_as_it_was_spelled(self):
        """PROTOCOL 2: in msgpack also bin of 16 octets"""
        packed, text = self.client(MSGPACK), self.client()
        for client, cookie in (
            (packed, b"0123456789abcdef"),
            (packed, new_cookie()),
            (text, new_cookie()),
            (text, new_cookie().upper()),
        ):
            with self.subTest(cookie=cookie):
                client.run("p", cookie=cookie, wait=0)
                client.expect_result("NO_CAPACITY", cookie)
                client.run("$none", cookie=cookie)
                client.expect_result("BAD_PACKET", cookie)
                client.cancel(cookie)
                client.expect_result("COOKIE_NOT_FOUND", cookie)

    def test_what_the_worker_says_reaches_the_client(self):
        """PROTOCOL 4: rc, error, stacktrace of a worker"""
        client, worker = self.pair()
        for rc in ("OK", "PROCESSOR_EXCEPTION", "EXCEPTION", "CANCELLED"):
            with self.subTest(rc=rc):
                cookie = client.run("p")
                said = {"error": "it \"broke\"\n", "stacktrace": ["line 1", "", "\u00e9"]}
                worker.finish(worker.take(cookie), {"half": True}, rc=rc, **said)
                result = client.expect_result(rc, cookie)
                self.assertEqual({k: result.header[k] for k in said}, said)
                self.assertEqual(result.document(), {"half": True})


if __name__ == "__main__":
    unittest.main()
