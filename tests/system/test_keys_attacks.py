"""Attacks on a broker with keys. After each it serves on, and its log says who and why."""

import contextlib
import os
import pathlib
import random
import socket
import sys
import threading
import time
import unittest

import zmq

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import each
from fabric_keys import LET_IN, KeysCase, Relay
from fabric_packets import new_cookie
from fabric_process import DEADLINE, eventually, free_tcp
from fabric_zmtp import GREETING, RawPeer, carrier, command, frame, ready

CURVE_GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"CURVE".ljust(20, b"\0") + bytes(32)


class AtTheGate(KeysCase):
    """Those who have no key that is known."""

    def setUp(self):
        super().setUp()
        self.good = self.good_pair()

    def tearDown(self):
        self.assert_serves(*self.good)
        super().tearDown()

    @property
    def sides(self):
        return ((self.broker.client_endpoint, "client side"), (self.broker.worker_endpoint, "worker side"))

    def test_no_key(self):
        """a libzmq peer without any"""
        for endpoint, side in self.sides:
            self.assertNotEqual(self.knock(endpoint), LET_IN)
            self.wait_for_log("WARNING", "no handshake", side)

    def test_another_servers_key(self):
        """who takes the broker for another one learns nothing, and neither does the broker"""
        eve = self.key("eve")
        for worker_side, (_, side) in zip((False, True), self.sides):
            key = self.hal if worker_side else self.alice
            self.assertNotEqual(self.knock_as(key, worker_side, server=eve), LET_IN)
            self.wait_for_log("WARNING", "no handshake", side)

    def test_an_unknown_key(self):
        """and the log has its beginning, and where it came from"""
        eve = self.key("eve", "client,worker,admin")
        for worker_side, (_, side) in zip((False, True), self.sides):
            self.assertEqual(self.knock_as(eve, worker_side), "key")
            self.wait_for_log("WARNING", eve.public[:8].decode(), side, "127.0.0.1")

    def test_a_known_public_key_without_its_secret(self):
        """a certificate is no secret, and opens nothing"""
        eve = self.key("eve")
        self.assertNotEqual(
            self.knock(self.broker.client_endpoint, (self.alice.public, eve.secret, self.own.public)), LET_IN
        )

    def test_plain_zmtp(self):
        """octets by hand, a RUN behind them without waiting"""
        for endpoint, side in self.sides:
            peer = RawPeer(endpoint, handshake=False)
            self.addCleanup(peer.close)
            with contextlib.suppress(OSError):  # it may be thrown out before it has said all
                peer.send(GREETING + ready())
                peer.run("p", new_cookie())
            self.assertTrue(peer.is_closed(DEADLINE))
            self.wait_for_log("WARNING", side)
        self.assertEqual(self.count("tasks", "accepted"), 0)

    def test_plain_zmtp_that_claims_a_user(self):
        """FACTS 2: a raw client can forge User-Id and roles in its metadata"""

        def claim(name, value):
            return bytes([len(name)]) + name + len(value).to_bytes(4, "big") + value

        metadata = claim(b"Socket-Type", b"DEALER") + claim(b"User-Id", self.alice.public)
        peer = RawPeer(self.broker.client_endpoint, handshake=False)
        self.addCleanup(peer.close)
        with contextlib.suppress(OSError):  # as above
            peer.send(GREETING + command(b"READY", metadata + claim(b"role", b"admin")))
            peer.run("p", new_cookie())
        self.assertTrue(peer.is_closed(DEADLINE))
        self.assertEqual(self.count("tasks", "accepted"), 0)

    def test_forged_properties_of_a_good_key(self):
        """roles in ZMTP's metadata are never looked at"""
        bob = self.authorize(self.key("bob", "client", "text.*"))
        self.wait_for_log("1 added")
        peer = self._peer_with_metadata(bob, (b"X-role:admin", b"X-User-Id:" + self.root.public))
        self.assertEqual(peer.ask("$tasks").rc, "FORBIDDEN")

    def _peer_with_metadata(self, key, properties):
        from fabric_peers import Client, _context

        class Liar(Client):
            def __init__(self, endpoint, broker, keys):
                self.codec, self._broker, self._patience, self._early = "json", broker, DEADLINE, []
                self._socket = _context.socket(zmq.DEALER)
                self._socket.linger = 0
                for text in properties:
                    self._socket.setsockopt(zmq.METADATA, text)
                (self._socket.curve_publickey, self._socket.curve_secretkey,
                 self._socket.curve_serverkey) = keys
                self._socket.connect(endpoint)

        return self._peer(Liar(self.broker.client_endpoint, self.broker, self.keys_of(key)))

    def test_http_and_garbage(self):
        """what is no ZMTP at all"""
        noise = random.Random(7)
        talk = [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
                b'{"packet_type":"RUN"}\n', bytes(4096), b"\xff" * 4096, b"\x01",
                CURVE_GREETING + command(b"HELLO", bytes(192)), CURVE_GREETING + command(b"INITIATE", bytes(500)),
                CURVE_GREETING + b"\x06" + b"\xff" * 8, CURVE_GREETING + frame(bytes(10)),
                CURVE_GREETING[:20] + b"\xff" * 44]
        talk += [noise.randbytes(noise.randrange(1, 500)) for _ in range(20)]
        for endpoint, side in self.sides:
            for octets in talk:
                with carrier(endpoint) as stream:
                    try:
                        stream.sendall(octets)
                        stream.shutdown(socket.SHUT_WR)
                        while stream.recv(4096):
                            pass
                    except OSError:
                        pass  # thrown out before it had said all
            self.wait_for_log("WARNING", side)
        self.assertEqual(self.count("dropped", "bad_packet"), 0)

    def test_handshakes_that_are_begun_and_left(self):
        """each holds a descriptor for a few seconds, and no longer"""
        before = len(os.listdir(f"/proc/{self.broker.pid}/fd"))
        begun = (b"", CURVE_GREETING[:10], CURVE_GREETING, CURVE_GREETING + command(b"HELLO", bytes(192))[:100])
        streams = []
        for endpoint, _ in self.sides:
            for octets in begun * 25:
                stream = carrier(endpoint)
                stream.sendall(octets)
                streams.append(stream)
        self.assert_serves(*self.good)
        eventually(lambda: len(os.listdir(f"/proc/{self.broker.pid}/fd")) <= before + 4,
                   "the broker has let go of them")
        self.wait_for_log("took too long")
        for stream in streams:
            stream.close()

    @each("as it was", "in one piece, again and again")
    def test_recorded_octets_are_played_back(self, how):
        """fresh keys for each connection: what was recorded opens nothing"""
        relay = Relay(self.broker.client_endpoint)
        self.addCleanup(relay.close)
        client, worker = self.client_of(self.alice, endpoint=relay.endpoint), self.good[1]
        cookie = client.run("p", "recorded")
        worker.finish(worker.take(cookie))
        client.expect_result("OK", cookie)
        accepted = self.count("tasks", "accepted")
        for _ in range(1 if how == "as it was" else 20):
            with carrier(self.broker.client_endpoint) as stream:
                try:
                    stream.sendall(relay.sent[:64])
                    if how == "as it was":
                        stream.recv(64)
                    stream.sendall(relay.sent[64:])
                    while stream.recv(4096):
                        pass
                except OSError:
                    pass  # thrown out
        self.wait_for_log("WARNING", "no handshake", "client side")
        self.assertEqual(self.count("tasks", "accepted"), accepted)
        worker.expect_nothing()

    def test_octets_that_were_changed_on_the_way(self):
        """every octet of a packet counts; the connection ends, the broker does not"""
        noise = random.Random(3)
        relay = Relay(self.broker.client_endpoint)
        self.addCleanup(relay.close)
        client = self.client_of(self.alice, endpoint=relay.endpoint)
        client.ask("$ping")
        accepted = self.count("tasks", "accepted")
        near, far = relay._streams[1:3]
        far.sendall(noise.randbytes(300))
        client.run("p")
        self.good[1].expect_nothing()
        self.assertEqual(self.count("tasks", "accepted"), accepted)


class Inside(KeysCase):
    """Those who have a key, and try for more than it may."""

    def setUp(self):
        super().setUp()
        self.good = self.good_pair()

    def tearDown(self):
        self.assert_serves(*self.good)
        super().tearDown()

    def test_a_client_that_registers_as_a_worker(self):
        """on either side"""
        self.assertEqual(self.knock_as(self.alice, worker_side=True), "key")
        self.wait_for_log("alice", "role is not for the worker side")
        client = self.client_of(self.alice)
        client.send({"packet_type": "REGISTER", "capacity": 1})
        client.expect("RESULT", "UNSUPPORTED_PACKET_TYPE")

    def test_a_worker_that_claims_anothers_routing_id(self):
        """PROTOCOL 1: a chosen id is refused, and steals nobody's place"""
        client, worker = self.good
        cookie = client.run("p")
        worker.take(cookie)
        eve = self.authorize(self.key("eve", "worker"))
        self.wait_for_log("1 added")
        for routing_id in (b"victim", b"\x01\x02\x03\x04\x05", b"\xff" * 255):
            thief = self.stranger_of(eve, routing_id=routing_id)
            thief.send({"packet_type": "REGISTER", "capacity": 100})
            self.assert_bad(thief.expect("RESULT"), "routing id")
        worker.finish(cookie, "mine")
        self.assertEqual(client.expect_result("OK", cookie).document(), "mine")

    def test_results_for_anothers_cookie(self):
        """PROTOCOL 5.5: from any other worker is counted and dropped"""
        client, worker = self.good
        cookie = client.run("p", stream=True)
        run = worker.take(cookie)
        eve = self.authorize(self.key("eve", "worker"))
        self.wait_for_log("1 added")
        thief = self.worker_of(eve, 1, ["other"])
        thief.finish(cookie, "forged")
        thief.partial(cookie, "forged", seq=0)
        thief.expect_nothing()
        worker.finish(run, "true")
        self.assertEqual(client.expect_result("OK", cookie).document(), "true")
        self.assertEqual(self.count("dropped", "result_of_another_worker"), 1)

    def test_a_worker_on_the_client_side(self):
        """and whatever else its role is not for"""
        self.assertEqual(self.knock_as(self.hal), "key")
        worker = self.good[1]
        worker.send({"packet_type": "RUN", "cookie": new_cookie(), "pipeline": "p"})
        worker.expect("RESULT", "UNSUPPORTED_PACKET_TYPE")

    def test_header_tricks(self):
        """what two readers would read differently is never routed, and names are octets"""
        bob = self.authorize(self.key("bob", "client", "text.*,pay"))
        self.wait_for_log("1 added")
        client = self.client_of(bob)
        start = '{"packet_type":"RUN","cookie":"%s",' % new_cookie()
        bad = ['"pipeline":"pay","pipeline":"secret"}', '"pipeline":"secret","pipelin\\u0065":"pay"}',
               '"pipeline":"pay\\u0000secret"}', '"pipeline":"pay\\n"}', '"pipeline":["pay"]}',
               '"pipeline":"pay"}{"pipeline":"secret"}', '"pipeline":"pay","packet_type":"CANCEL"}',
               '"pipeline":"\\ud800"}']
        for rest in bad:
            client.send_frames((start + rest).encode())
            self.assert_bad(client.expect("RESULT"))
        forbidden = ["Pay", "pay ", " pay", "pa\\u0443", "p\\u0430y", "PAY", "text", "texts.x", "Text.x", "*",
                     "text*", "te\\u0445t.x", "/text.x", "pay.x", "p*"]
        for name in forbidden:
            client.send_frames((start + '"pipeline":"%s"}' % name).encode())
            packet = client.expect("RESULT")
            self.assertEqual(packet.rc, "FORBIDDEN", name)
        client.send_frames(b'\x83\xabpacket_type\xa3RUN\xa8pipeline\xa3pay\xa8pipeline\xa6secret')
        self.assert_bad(client.recv(codec="any"))
        self.good[1].expect_nothing()
        # An escape is the name that it spells, for all readers.
        client.send_frames((start + '"pipeline":"\\u0070ay"}').encode())
        self.good[1].finish(self.good[1].take())
        client.expect_result("OK")

    def test_a_worker_with_look_alike_prefixes(self):
        """the overlap is by octets as well"""
        bob = self.authorize(self.key("bob", "worker", "text.*"))
        self.wait_for_log("1 added")
        worker = self.stranger_of(bob)
        for pattern in ("text", "Text.*", "t\u0435xt.*", "texts*", "tex*x"):
            worker.send({"packet_type": "REGISTER", "capacity": 1, "pipelines": [pattern]})
            worker.expect("RESULT", "FORBIDDEN")
        for pattern in ("$status", "te\0xt.*", ""):
            worker.send({"packet_type": "REGISTER", "capacity": 1, "pipelines": [pattern]})
            self.assert_bad(worker.expect("RESULT"))

    def test_a_key_that_floods_with_what_is_forbidden(self):
        """no trace but a bounded log"""
        bob = self.authorize(self.key("bob", "client", "text.*"))
        self.wait_for_log("1 added")
        client = self.client_of(bob)
        for _ in range(3000):
            client.run("secret")
        for _ in range(3000):
            client.expect_result("FORBIDDEN")
        self.wait_for_log("more packets that were refused")
        self.assertEqual(self.count("tasks", "accepted"), 0)


class Flood(KeysCase):
    """1,000 failed handshakes a second, or as many as this machine makes, while clients work."""

    CLIENTS, TASKS, HANDSHAKES = 8, 250, 3000

    def attack(self, over, tried, number):
        noise = random.Random(number)
        ends = (self.broker.client_endpoint, self.broker.worker_endpoint)
        talk = (CURVE_GREETING, GREETING + ready(), b"GET / HTTP/1.0\r\n\r\n",
                CURVE_GREETING + command(b"HELLO", bytes(192)), noise.randbytes(200))
        while not over.is_set() or tried[number] < self.HANDSHAKES // 4:
            try:
                with carrier(ends[tried[number] % 2]) as stream:
                    stream.sendall(talk[tried[number] % len(talk)])
            except OSError:
                pass  # the broker throws out whom it likes
            tried[number] += 1
            time.sleep(0.003)  # four of these make some 1,000 a second

    def work(self, client, failures):
        try:
            for number in range(self.TASKS):
                cookie = client.run("p", number)
                if client.expect_result("OK", cookie).document() != number:
                    raise AssertionError("the result of another task")
        except BaseException as failure:
            failures.append(failure)

    def serve(self, worker):
        for _ in range(self.CLIENTS * self.TASKS):
            run = worker.take()
            worker.finish(run, run.document())

    def test_clients_work_undisturbed(self):
        """issue: while 8 clients work undisturbed"""
        self.start("-v")
        began = time.monotonic()
        over, tried, failures = threading.Event(), [0] * 4, []
        worker = self.worker_of(self.hal, 100)
        clients = [self.client_of(self.alice) for _ in range(self.CLIENTS)]
        attackers = [threading.Thread(target=self.attack, args=(over, tried, n)) for n in range(4)]
        workers = [threading.Thread(target=self.work, args=(c, failures)) for c in clients]
        for thread in attackers + workers:
            thread.start()
        self.serve(worker)
        for thread in workers:
            thread.join()
        over.set()
        for thread in attackers:
            thread.join()
        took = time.monotonic() - began
        self.assertEqual(failures, [])
        self.assertGreaterEqual(sum(tried), self.HANDSHAKES)
        outcomes = self.count("tasks", "outcomes")
        self.assertEqual(outcomes["OK"], self.CLIENTS * self.TASKS)
        self.assertEqual(sum(outcomes.values()), self.CLIENTS * self.TASKS)
        self.wait_for_log("more")
        lines = [l for l in self.broker.err.text.splitlines() if "WARNING" in l]
        self.assertLess(len(lines), (took + 20) * 8 * 6, "a log at a bounded rate")
        self.assert_serves(clients[0], worker)


if __name__ == "__main__":
    unittest.main()
