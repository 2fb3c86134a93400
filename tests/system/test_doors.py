"""Doors for legacy peers (PROTOCOL section 9): pairings over every carrier, places, keys, TLS."""

import json
import os
import pathlib
import signal
import socket
import ssl
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import legacy_peers as legacy
from fabric_case import each
from fabric_doors import CARRIERS, CODECS, DoorCase, of_pair
from fabric_keys import KeysCase
from fabric_process import BINARY, Broker, eventually, free_tcp, zfabric


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

    @each(*(f"{carrier}_{codec}" for carrier in CARRIERS for codec in CODECS))
    def test_legacy_client_and_native_worker(self, pair):
        carrier, codec = of_pair(pair)
        self.open_doors(carrier)
        client, worker = self.legacy_client(), self.worker(codec=codec)
        cookie = client.run("greet", {"n": 2**53 + 1})
        run = worker.take(cookie)
        self.assertEqual(run.document(), {"n": 2**53 + 1})
        worker.finish(run, {"ok": [True]})
        self.assertEqual(legacy.document(client.expect_result("OK", cookie)), {"ok": [True]})

    @each(*(f"{carrier}_{codec}" for carrier in CARRIERS for codec in CODECS))
    def test_native_client_and_legacy_worker(self, pair):
        carrier, codec = of_pair(pair)
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


class PairingsInTheBroker(Pairings):
    """The same, through doors of the broker's own process."""

    def open_places(self, serve, listen, *options):
        native = self.scratch.ipc(), self.scratch.ipc()
        self.bridge = self.start(
            "--drain", "10s", *options, serve=[native[0], serve], listen=[native[1], listen]
        )
        self.addCleanup(self._close_peers)
        self.client_door, self.worker_door = self.door("clients"), self.door("workers")


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
        worker.expect_closed()
        self.assertEqual(self.bridge.wait(), 0)
        self.assertFalse(path.exists())

    def test_what_a_killed_one_left_behind(self):
        """Its folder in /tmp goes when the next one comes; that of one who lives stays."""
        def start():
            broker = Broker(
                scratch=self.scratch, serve=[self.scratch.ipc(), self.place("unix")]
            )
            self.addCleanup(broker.end)
            fds = pathlib.Path(f"/proc/{broker.wait_ready().pid}/fd").iterdir()
            (lock,) = (at for at in map(os.readlink, fds) if "/zfabric-door-" in at)
            return broker, os.path.dirname(lock)

        lives, its_folder = start()
        dies, left = start()
        dies.kill()
        self.assertTrue(os.path.exists(left))
        comes, _ = start()
        self.assertFalse(os.path.exists(left))
        self.assertTrue(os.path.exists(its_folder))
        lives.stop()
        comes.stop()
        self.assertFalse(os.path.exists(its_folder))


class WithKeys(DoorCase, KeysCase):
    """A broker with keys: who comes through a door has the rights of the bridge's key."""

    def open_keyed(self, **keys):
        arguments = ["--server-key", self.own.certificate]
        for name, key in keys.items():
            arguments += [f"--{name.replace('_', '-')}", key.secret_file]
        self.open_doors("tcp", *arguments)

    def test_both_sides(self):
        self.open_keyed(curve=self.alice, worker_curve=self.hal)
        client = self.legacy_client()
        worker = self._peer(legacy.Worker(self.worker_door)).register(1)
        cookie = client.run("p", 1)
        worker.finish(worker.take(cookie), 2)
        self.assertEqual(legacy.document(client.expect_result("OK", cookie)), 2)

    def test_what_the_key_may_not(self):
        """PROTOCOL 8 and 9: FORBIDDEN is an EXCEPTION to legacy peers"""
        narrow = self.authorize(self.key("narrow", "client", "allowed.*"))
        self.open_keyed(curve=narrow, worker_curve=self.hal)
        worker = self._peer(legacy.Worker(self.worker_door)).register(1)
        client = self.legacy_client()
        cookie = client.run("other")
        packet = client.expect_result("EXCEPTION", cookie)
        self.assertTrue(packet["error"].startswith("FORBIDDEN"), packet)
        cookie = client.run("allowed.x", 1)
        worker.finish(worker.take(cookie), 2)
        client.expect_result("OK", cookie)

    def test_a_client_key_for_workers(self):
        self.open_keyed(curve=self.alice)
        worker = self._peer(legacy.Worker(self.worker_door)).register(1)
        self.assertTrue(self.bridge.err.wait_for("no broker for workers: "))
        self.assertFalse(worker.has_news(50))

    def test_doors_of_a_broker_with_keys(self):
        """Its own process has no key for them to come with."""
        done = zfabric(
            "broker", "--curve", self.own.secret_file, "--authorized", self.folder,
            "--serve", "json+tcp://127.0.0.1:*",
        )  # fmt: skip
        self.assertEqual(done.status, 2)
        self.assertIn("zfabric bridge", done.err)


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
