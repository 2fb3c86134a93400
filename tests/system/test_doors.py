"""Doors for legacy peers (PROTOCOL section 9): pairings over every carrier, and hostile octets."""

import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import legacy_peers as legacy
from fabric_case import FabricCase, each
from fabric_packets import JSON, MSGPACK, new_cookie
from fabric_process import BINARY, eventually, free_tcp

CARRIERS = ("tcp", "unix", "tls")


class DoorCase(FabricCase):
    def setUp(self):
        super().setUp()
        self.bridge = None
        self.certificates = None

    def make_certificate(self, name="door"):
        """A self-signed certificate; (cert, key)."""
        cert, key = self.scratch.path / f"{name}.pem", self.scratch.path / f"{name}.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", f"/CN={name}"],
            check=True, capture_output=True,
        )  # fmt: skip
        return cert, key

    def place(self, carrier):
        if carrier == "unix":
            return f"socket://{self.scratch.file()}"
        return f"json+{carrier}://127.0.0.1:*"

    def open_doors(self, carrier="tcp", *options):
        options = list(options)
        if carrier == "tls":
            self.certificates = self.make_certificate()
            options += ["--tls-cert", self.certificates[0], "--tls-key", self.certificates[1]]
        self.start_bridge(self.place(carrier), self.place(carrier), *options)

    def start_bridge(self, serve, listen, *options):
        self.bridge = self.process(
            BINARY, "bridge", "--broker", self.broker.client_endpoint,
            "--worker-broker", self.broker.worker_endpoint, "--serve", serve, "--listen", listen,
            "--drain", "100", *options,
        )  # fmt: skip
        self.bridge.wait_for_output("ready\n")
        self.client_door, self.worker_door = self.door("clients"), self.door("workers")

    def door(self, side):
        """Where the bridge says that a door is."""
        found = lambda: re.search(f"a door for {side}: (.*)\n", self.bridge.err.text)
        return eventually(found, f"a door for {side}").group(1)

    def legacy_client(self, **keys):
        return self._peer(legacy.Client(self.client_door, **keys))

    def legacy_worker(self, capacity=1, **keys):
        """Registered: the broker knows it when this returns."""
        asker = self.client()
        before = len(asker.ask("$workers").document())
        worker = self._peer(legacy.Worker(self.worker_door)).register(capacity, **keys)
        eventually(
            lambda: len(asker.ask("$workers").document()) > before, "the worker is registered"
        )
        return worker


class Pairings(DoorCase):
    @each(*CARRIERS)
    def test_legacy_client_and_legacy_worker(self, carrier):
        self.open_doors(carrier)
        client, worker = self.legacy_client(), self.legacy_worker()
        cookie = client.run("greet", {"who": 'é "x"\n'})
        run = worker.take(cookie)
        self.assertEqual(run["pipeline"], "greet")
        self.assertEqual(json.loads(run["variables"]), {"who": 'é "x"\n'})
        worker.finish(run, [1, None, "zwei"])
        self.assertEqual(legacy.document(client.expect_result("OK", cookie)), [1, None, "zwei"])

    @each(*((carrier, codec) for carrier in CARRIERS for codec in (JSON, MSGPACK)))
    def test_legacy_client_and_native_worker(self, pair):
        carrier, codec = pair
        self.open_doors(carrier)
        client, worker = self.legacy_client(), self.worker(codec=codec)
        cookie = client.run("greet", {"n": 2**53 + 1})
        run = worker.take(cookie)
        self.assertEqual(run.document(), {"n": 2**53 + 1})
        worker.finish(run, {"ok": [True]})
        self.assertEqual(legacy.document(client.expect_result("OK", cookie)), {"ok": [True]})

    @each(*((carrier, codec) for carrier in CARRIERS for codec in (JSON, MSGPACK)))
    def test_native_client_and_legacy_worker(self, pair):
        carrier, codec = pair
        self.open_doors(carrier)
        client, worker = self.client(codec), self.legacy_worker()
        cookie = client.run("greet", {"n": [1, 2]})
        run = worker.take()
        self.assertEqual(json.loads(run["variables"]), {"n": [1, 2]})
        worker.finish(run, "done")
        self.assertEqual(client.expect_result("OK", cookie).document(), "done")

    def test_legacy_processes(self):
        self.open_doors()
        worker = self.process(
            sys.executable, legacy.__file__, "worker", self.worker_door, 4
        )
        worker.wait_for_output("registered\n")
        client = self.legacy_client()
        cookies = {client.run("echo", number): number for number in range(200)}
        for _ in range(200):
            packet = client.expect_result("OK")
            self.assertEqual(legacy.document(packet), cookies.pop(packet["cookie"]))
        self.bridge.signal(signal.SIGTERM)
        self.assertEqual(worker.wait(), 0)
        self.assertEqual(self.bridge.wait(), 0)

    def test_a_large_payload_goes_both_ways(self):
        self.open_doors("tls")
        client, worker = self.legacy_client(), self.legacy_worker()
        text = 'x"\\é' * 1_000_000
        cookie = client.run("p", text)
        run = worker.take(cookie)
        self.assertEqual(json.loads(run["variables"]), text)
        worker.finish(run, text)
        self.assertEqual(legacy.document(client.expect_result("OK", cookie)), text)


class LegacyWays(DoorCase):
    def test_codes_that_they_do_not_know(self):
        """PROTOCOL 9: CANCELLED, TIMED_OUT and FORBIDDEN become EXCEPTION"""
        self.open_doors()
        client, worker = self.legacy_client(), self.worker()
        for rc in ("CANCELLED", "TIMED_OUT", "FORBIDDEN"):
            run = worker.take(client.run("p"))
            worker.finish(run, rc=rc, error='said "no"', stacktrace=["a", "b"])
            packet = client.expect_result("EXCEPTION")
            self.assertEqual(packet["error"], f'{rc}: said "no"')
            self.assertEqual(packet["stacktrace"], ["a", "b"])

    def test_a_worker_that_does_not_answer_a_cancel(self):
        """The bridge answers, and the slot comes back."""
        self.open_doors()
        client, worker = self.legacy_client(), self.legacy_worker()
        cookie = client.run("p")
        worker.take(cookie)
        client.cancel(cookie)
        worker.expect("CANCEL", cookie=cookie)
        packet = client.expect_result("EXCEPTION", cookie)
        self.assertTrue(packet["error"].startswith("CANCELLED"))
        after = client.run("p")
        run = worker.take(after)
        worker.finish(run, 1)
        client.expect_result("OK", after)

    def test_a_worker_that_leaves_after_a_cancel(self):
        self.open_doors()
        client, worker = self.legacy_client(), self.legacy_worker()
        cookie = client.run("p")
        worker.take(cookie)
        client.cancel(cookie)
        worker.expect("CANCEL", cookie=cookie)
        worker.close()
        client.expect_result("EXCEPTION", cookie)
        asker = self.client()
        eventually(lambda: asker.ask("$workers").document() == [], "the worker is gone")

    def test_one_cookie_on_two_connections(self):
        """PROTOCOL 4: COOKIE_COLLISION; the task that is there is not disturbed"""
        self.open_doors()
        one, two, worker = self.legacy_client(), self.legacy_client(), self.legacy_worker(2)
        cookie = one.run("p", 1)
        run = worker.take(cookie)
        two.run("p", 2, cookie=cookie)
        two.expect_result("COOKIE_COLLISION", cookie)
        worker.finish(run, "first")
        self.assertEqual(legacy.document(one.expect_result("OK", cookie)), "first")
        two.run("p", 2, cookie=cookie)
        worker.finish(worker.take(cookie), "second")
        self.assertEqual(legacy.document(two.expect_result("OK", cookie)), "second")

    def test_cancel_by_another_connection(self):
        self.open_doors()
        one, two, worker = self.legacy_client(), self.legacy_client(), self.worker()
        cookie = one.run("p")
        run = worker.take(cookie)
        two.cancel(cookie)
        two.expect_result("OK", cookie)
        worker.expect("CANCEL", cookie=cookie)
        worker.finish(run, rc="CANCELLED")
        one.expect_result("EXCEPTION", cookie)
        two.cancel(cookie)
        two.expect_result("COOKIE_NOT_FOUND", cookie)

    def test_a_client_that_leaves(self):
        """PROTOCOL 5.7: orphan"""
        self.open_doors()
        client, worker = self.legacy_client(), self.worker(2)
        finish, cancel = client.run("p"), client.run("p", orphan="cancel")
        worker.take(finish)
        worker.take(cancel)
        client.close()
        worker.expect("CANCEL", cookie=cancel)
        worker.expect_nothing()

    def test_partials_only_for_who_asked(self):
        self.open_doors()
        client, worker = self.legacy_client(extended=True), self.worker(2)
        run = worker.take(client.run("p"))
        worker.partial(run, 1, seq=0)
        worker.finish(run, 2)
        client.expect("RESULT", result="2")
        run = worker.take(client.run("p", stream=True))
        worker.partial(run, 1, seq=0)
        worker.finish(run, 2)
        client.expect("PARTIAL", result="1")
        client.expect("RESULT", result="2")


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

    def test_many_connections(self):
        self.open_doors()
        clients = [self.legacy_client() for _ in range(400)]
        for client in clients:
            client.run("$ping")
        for client in clients:
            client.expect_result("OK")

    def test_a_client_that_never_reads(self):
        """Thrown out, and nobody else waits for it."""
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


class Places(DoorCase):
    def test_a_stale_socket_file_is_replaced_and_a_live_one_not(self):
        path = self.scratch.file()
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(str(path))
        stale.close()
        self.start_bridge(f"socket://{path}", self.place("unix"), "--socket-mode", "0660")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o660)
        self.legacy_client().ask("$ping")
        again = self.process(BINARY, "bridge", "--serve", f"socket://{path}")
        self.assertEqual(again.wait(), 1)
        self.assertIn("in use", again.err.text)
        self.legacy_client().ask("$ping")
        self.assertEqual(self.bridge.stop(), 0)
        self.assertFalse(path.exists())

    def test_a_file_is_not_replaced(self):
        path = self.scratch.file("precious")
        bridge = self.process(BINARY, "bridge", "--serve", f"socket://{path}")
        self.assertEqual(bridge.wait(), 1)
        self.assertEqual(path.read_text(), "precious")

    def test_beyond_loopback_it_wants_certificates(self):
        bridge = self.process(BINARY, "bridge", "--serve", "json+tcp://0.0.0.0:*")
        self.assertEqual(bridge.wait(), 1)
        self.assertIn("--insecure", bridge.err.text)

    def test_no_broker(self):
        place = free_tcp()
        self.bridge = self.process(
            BINARY, "bridge", "--broker", place, "--serve", "json+tcp://127.0.0.1:*"
        )
        client = self._peer(legacy.Client(self.door("clients")))
        client.run("p")
        client.expect_result("BROKER_WENT_AWAY")


class InTheBroker(DoorCase):
    def test_doors_of_the_broker_itself(self):
        path = self.scratch.file()
        native = [self.scratch.ipc(), self.scratch.ipc()]
        self.bridge = self.start(
            "--drain", "10s",
            serve=[native[0], f"socket://{path}"],
            listen=[native[1], "json+tcp://127.0.0.1:*"],
        )  # fmt: skip
        self.client_door, self.worker_door = self.door("clients"), self.door("workers")
        client, worker = self.legacy_client(), self.legacy_worker(2)
        cookie = client.run("p", 1)
        worker.finish(worker.take(cookie), 2)
        self.assertEqual(legacy.document(client.expect_result("OK", cookie)), 2)
        cookie = self.client().run("p", 1)
        worker.finish(worker.take(cookie), 2)
        # It stops in order: what runs is answered, workers are told.
        cookie = client.run("p", 3)
        run = worker.take(cookie)
        self.bridge.signal(signal.SIGTERM)
        worker.expect("SHUTDOWN")
        worker.finish(run, 4)
        self.assertEqual(legacy.document(client.expect_result("OK", cookie)), 4)
        self.assertEqual(self.bridge.wait(), 0)
        self.assertFalse(path.exists())


class Tls(DoorCase):
    def test_certificates_of_clients(self):
        cert, key = self.make_certificate("client")
        self.open_doors("tls", "--tls-ca", cert, "--tls-require-client-cert")
        context = legacy.blind_tls()
        context.load_cert_chain(cert, key)
        self.legacy_client(tls=context).ask("$ping")
        with self.assertRaises((ssl.SSLError, OSError, legacy.Closed)):
            legacy.Client(self.client_door).ask("$ping")

    @each("1.2", "1.3")
    def test_versions(self, version):
        self.open_doors("tls", "--tls-version", version)
        client = self.legacy_client()
        client.ask("$ping")
        self.assertEqual(client.sock.version(), f"TLSv{version}")

    def test_certificates_are_read_again(self):
        self.open_doors("tls")
        client = self.legacy_client()
        before = client.sock.getpeercert(True)
        cert, key = self.make_certificate("other")
        cert.rename(self.certificates[0])
        key.rename(self.certificates[1])
        self.bridge.signal(signal.SIGHUP)
        self.assertTrue(self.bridge.err.wait_for("read again"))
        client.ask("$ping")
        self.assertNotEqual(self.legacy_client().sock.getpeercert(True), before)
        self.certificates[0].write_text("rubbish")
        self.bridge.signal(signal.SIGHUP)
        self.assertTrue(self.bridge.err.wait_for("stay as they were"))
        self.legacy_client().ask("$ping")


if __name__ == "__main__":
    unittest.main()
