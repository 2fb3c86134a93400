"""Keys in force (PROTOCOL section 8): who may come in, and what each may do, over the wire."""

import os
import pathlib
import signal
import sys
import unittest

import zmq

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import both_codecs, each
from fabric_keys import LET_IN, KeysCase
from fabric_packets import BOTH, JSON, MSGPACK, new_cookie, other
from fabric_process import BINARY, Process, free_tcp, zfabric


class Admitted(KeysCase):
    @both_codecs
    def test_tasks_go_their_way(self, codec):
        """PROTOCOL 8, between all codecs"""
        client = self.client_of(self.alice, codec)
        for workers in BOTH:
            worker = self.worker_of(self.hal, codec=workers)
            cookie = client.run("p", [1, "two"])
            run = worker.take(cookie)
            self.assertEqual(run.document(), [1, "two"])
            worker.finish(run, {"three": 3})
            self.assertEqual(client.expect_result("OK", cookie).document(), {"three": 3})
            worker.leave()

    def test_ipc_has_keys_as_well(self):
        """both sides, every endpoint"""
        self.start(serve=self.scratch.ipc(), listen=self.scratch.ipc())
        self.assert_serves(*self.good_pair())
        self.assertNotEqual(self.knock(self.broker.client_endpoint), LET_IN)

    def test_a_req_may_be_a_client(self):
        """PROTOCOL 1"""
        worker = self.worker_of(self.hal)
        client = self.client_of(self.alice, kind=zmq.REQ)
        cookie = client.run("p")
        worker.finish(worker.take(cookie))
        client.expect_result("OK", cookie)

    def test_payloads_at_the_limit_pass(self):
        """--max-payload counts what the peers say, not what the encryption adds"""
        size = 100000
        self.start("--max-payload", str(size))
        client, worker = self.good_pair()
        cookie = client.run("p", payload=b"x" * size, encoding="raw")
        run = worker.take(cookie)
        self.assertEqual(run.payload, b"x" * size)
        worker.finish(run, payload=b"y" * size, encoding="raw")
        self.assertEqual(client.expect_result("OK", cookie).payload, b"y" * size)
        cookie = client.run("p", payload=b"x" * (size + 1), encoding="raw")
        client.expect_result("BAD_PACKET", cookie)

    def test_our_own_client_and_worker_pass_payloads_at_the_limit(self):
        """the libraries bound what comes in as well"""
        self.start("--max-payload", "70000")
        self.fleet("--echo", "--max-payload", "70000")
        document = '"' + "x" * 69998 + '"'
        finished = self.command("run", self.alice, "--max-payload", "70000", "echo", document)
        self.assertEqual((finished.status, len(finished.out.strip())), (0, 70000), finished.err)

    # -- commands

    def options_of(self, key):
        return ["--curve", key.secret_file, "--server-key", self.own.certificate]

    def command(self, name, key, *arguments, stdin=""):
        return zfabric(name, "--broker", self.broker.client_endpoint, *self.options_of(key), *arguments,
                       stdin=stdin)

    def fleet(self, *options):
        worker = self.process(BINARY, "worker", "--broker", self.broker.worker_endpoint,
                              *self.options_of(self.hal), *options)
        worker.wait_for_output("ready\n")
        return worker

    def test_the_commands_have_keys(self):
        """issue: --curve FILE --server-key FILE for worker, run, cancel, status"""
        self.fleet("--echo", "--run", "shout=tr a-z A-Z")
        finished = self.command("run", self.alice, "shout", '{"a": "b"}')
        self.assertEqual((finished.status, finished.out.strip()), (0, '{"A": "B"}'), finished)
        cookie = new_cookie()
        self.assertEqual(self.command("cancel", self.alice, cookie).status, 22)
        self.assertEqual(self.command("cancel", self.root, cookie).status, 14)
        finished = self.command("status", self.root)
        self.assertEqual(finished.status, 0, finished)
        self.assertIn("shout", finished.out)
        finished = self.command("status", self.alice)
        self.assertEqual(finished.status, 0, finished)
        self.assertNotIn("shout", finished.out)
        self.assertEqual(self.command("run", self.root, "echo", "1").status, 22)

    def test_many_lines_have_keys(self):
        """run --each"""
        self.fleet("--echo")
        lines = "".join(f"{n}\n" for n in range(500))
        finished = self.command("run", self.alice, "--each", "-", "echo", stdin=lines)
        self.assertEqual((finished.status, finished.out), (0, lines), finished.err)

    def test_who_is_refused_is_told_why(self):
        """DESIGN 4.6: the library reports the reason"""
        eve = self.key("eve", "client")
        self.assertIn("key was refused", self.command("run", eve, "p", "1").err)
        finished = zfabric("run", "--broker", self.broker.client_endpoint, "--curve", self.alice.secret_file,
                           "--server-key", eve.certificate, "p", "1")
        self.assertIn("server key", finished.err)
        finished = zfabric("run", "--broker", self.broker.client_endpoint, "p", "1")
        self.assertIn("key", finished.err)

    def test_no_secret_is_ever_told(self):
        """issue: secrets are never logged, nor in argv, a recording or the status"""
        self.start("--verbose", "--recordings", self.scratch.path)
        worker = self.fleet("--echo", "--verbose")
        told = self.command("status", self.root, "--json").out
        self.command("run", self.alice, "echo", "1")
        self.broker.signal(signal.SIGUSR2)
        self.wait_for_log("recorded")
        recording = next(self.scratch.path.glob("*.recording")).read_bytes().decode("latin-1")
        argv = pathlib.Path(f"/proc/{worker.pid}/cmdline").read_text()
        for text in (self.broker.err.text, worker.err.text, told, recording, argv):
            for key in (self.own, self.alice, self.hal, self.root):
                self.assertNotIn(key.secret.decode(), text)


REPLAY = pathlib.Path(os.environ.get("ZFABRIC_BUILD", ""), "tests", "bin", "replay")


@unittest.skipUnless(REPLAY.is_file(), "replay was not built")
class Recordings(KeysCase):
    """What keys decided is decided again in a replay, which knows no keys but their numbers."""

    def replay(self):
        self.broker.signal(signal.SIGUSR2)
        self.wait_for_log("recorded")
        recording = next(self.scratch.path.glob("*.recording"))
        replay = self.process(REPLAY, recording)
        self.assertEqual(replay.wait(), 0, replay.out.text[-3000:])
        return replay.out.text.splitlines()

    def test_a_replay_decides_the_same(self):
        """status 0: the same actions as the broker's"""
        self.start("--recordings", self.scratch.path)
        bob = self.authorize(self.key("bob", "client,worker", "text.*"))
        self.wait_for_log("1 added")
        client, worker = self.client_of(bob), self.worker_of(bob, 10, ["*"])
        client.expect_result("FORBIDDEN", client.run("other"))
        cookie = client.run("text.x")
        worker.take(cookie)
        self.authorize(bob, bob.text("client", "other"))
        client.expect_result("WORKER_WENT_AWAY", cookie)
        client.expect_result("NO_CAPACITY", client.run("other", wait=0))
        story = self.replay()
        self.assertIn("FORBIDDEN", "\n".join(story))
        self.assertNotIn("other actions", story[-1])
        self.assertNotIn("missing", story[-1])

    def test_keys_that_came_before_the_first_event_are_known(self):
        """the prelude: what each key may do, then each worker's REGISTER"""
        self.start("--recordings", self.scratch.path)
        client, worker = self.good_pair()
        self.assert_serves(client, worker)
        for _ in range(5000):
            client.send({"packet_type": "HEARTBEAT"})
        client.expect("HEARTBEAT")
        for _ in range(4999):
            client.expect("HEARTBEAT")
        cookie = client.run("p", 1)
        worker.finish(worker.take(cookie))
        client.expect_result("OK", cookie)
        story = self.replay()
        self.assertIn("missing", story[-1])
        self.assertNotIn("FORBIDDEN", "\n".join(story))
        self.assertIn("RESULT", story[-3] + story[-2] + story[-4])


class Start(KeysCase):
    def refuses(self, *names, secret=None, folder=None, options=()):
        finished = zfabric("broker", "--serve", self.scratch.ipc(), "--listen", self.scratch.ipc(),
                           "--curve", secret or self.own.secret_file,
                           "--authorized", folder or self.folder, *options)
        self.assert_refused(finished, *names)

    def test_one_option_goes_with_the_other(self):
        """issue: --curve FILE --authorized DIR"""
        for options in (["--curve", self.own.secret_file], ["--authorized", self.folder]):
            self.assert_refused(zfabric("broker", *options), "--curve", "--authorized")

    def test_a_secret_that_others_may_read_is_refused(self):
        """issue: is refused"""
        for bits in (0o604, 0o640, 0o620, 0o666):
            os.chmod(self.own.secret_file, bits)
            self.refuses(str(self.own.secret_file), "chmod")

    def test_files_that_are_not_right_are_named(self):
        """and the broker does not start"""
        self.refuses(str(self.own.certificate), secret=self.own.certificate)
        self.refuses("/none", secret="/none")
        self.refuses("/none", folder="/none")
        self.refuses(str(self.own.certificate), folder=self.own.certificate)
        os.chmod(self.folder, 0o777)
        self.refuses(str(self.folder), "everybody")

    def test_inproc_is_refused(self):
        """it has no keys"""
        self.refuses("inproc", options=["--serve", "inproc://x"])

    def test_options_may_stand_in_the_file(self):
        """issue: also in the config file"""
        serve = self.scratch.ipc()
        config = self.scratch.file(
            f"curve = {self.own.secret_file}\nauthorized = {self.folder}\n"
            f"serve = {serve}\nlisten = {self.scratch.ipc()}\n"
        )
        broker = self.process(BINARY, "broker", "--config", config)
        broker.wait_for_output("ready\n")
        self.assertEqual(self.knock(serve, self.keys_of(self.alice)), LET_IN)
        self.assertNotEqual(self.knock(serve), LET_IN)
        self.assertEqual(broker.stop(), 0)

    def test_with_keys_tcp_is_bound_beyond_loopback_without_a_warning(self):
        """PROTOCOL 1: not without keys"""
        self.start(serve="tcp://0.0.0.0:*", listen="tcp://[::]:*")
        self.assertNotIn("insecure", self.broker.err.text)
        self.assertNotIn("WARNING", self.broker.err.text)

    @each("tcp://0.0.0.0:*", "tcp://*:*", "tcp://[::]:*", "tcp://[::ffff:0.0.0.0]:*",
          "tcp://[::ffff:10.0.0.1]:*", "tcp://eth0:*", "tcp://10.1.2.3:*", "tcp://localhost.example:*",
          "tcp://128.0.0.1:*", "tcp://0:*", "tcp://127.1:*", "tcp://2130706433:*", "tcp://[::1%lo]:*")
    def test_without_keys_nothing_but_loopback_is_bound(self, endpoint):
        """issue: off loopback no tcp without keys unless --insecure"""
        finished = zfabric("broker", "--serve", endpoint, "--listen", self.scratch.ipc())
        self.assert_refused(finished, endpoint)
        self.assertIn("--insecure", finished.err)

    def test_insecure_warns_at_every_start(self):
        """issue: and then a warning at every start"""
        for _ in range(2):
            broker = self.process(BINARY, "broker", "--insecure", "--serve", "tcp://0.0.0.0:*",
                                  "--listen", self.scratch.ipc())
            broker.wait_for_output("ready\n")
            self.assertTrue(broker.err.wait_for("WARNING insecure"), broker.err.text)
            self.assertEqual(broker.stop(), 0)

    def test_an_empty_folder_lets_nobody_in_and_says_so(self):
        """and serves when the first certificate comes"""
        for key in (self.alice, self.hal, self.root):
            self.forbid(key)
        self.assertNotEqual(self.knock_as(self.alice), LET_IN)
        self.wait_for_log("nobody may come in")
        self.authorize(self.alice)
        self.wait_for_log("1 added")
        self.assertEqual(self.knock_as(self.alice), LET_IN)


class Roles(KeysCase):
    def test_the_handshake_tells_the_sides_apart(self):
        """DESIGN 4.6: the domain; PROTOCOL 8: roles"""
        both = self.authorize(self.key("both", "client,worker"))
        self.broker
        for key, client, worker in ((self.alice, True, False), (self.hal, False, True),
                                    (self.root, True, False), (both, True, True)):
            self.assertEqual(self.knock_as(key) == LET_IN, client, key.name)
            self.assertEqual(self.knock_as(key, worker_side=True) == LET_IN, worker, key.name)
        self.wait_for_log("WARNING", "alice", "worker side", "127.0.0.1")

    @both_codecs
    def test_forbidden_over_the_wire(self, codec):
        """PROTOCOL 8: a RUN outside of it; an overlap that is empty; 7: for admin keys only"""
        bob = self.authorize(self.key("bob", "client,worker", "text.*"))
        client = self.client_of(bob, codec)
        cookie = client.run("other", 1)
        self.assertTrue(client.expect_result("FORBIDDEN", cookie).error)
        for pipeline in ("$workers", "$tasks"):
            self.assertEqual(client.ask(pipeline).rc, "FORBIDDEN")
        self.assertEqual(client.ask("$status").rc, "OK")
        worker = self.stranger_of(bob, codec)
        worker.send({"packet_type": "REGISTER", "capacity": 1, "pipelines": ["other"]})
        worker.expect("RESULT", "FORBIDDEN")
        worker.register(1, ["*"])
        worker.take(client.run("text.x"))

    def test_a_task_is_its_keys_own(self):
        """PROTOCOL 5: only the same key or an admin may cancel"""
        bob = self.client_of(self.authorize(self.key("bob", "client")))
        client, worker = self.good_pair()
        cookie = client.run("p")
        worker.take(cookie)
        bob.cancel(cookie)
        bob.expect_result("FORBIDDEN", cookie)
        self.assertEqual(bob.ask("$explain", {"cookie": cookie}).rc, "FORBIDDEN")
        self.assertEqual(self.client_of(self.root).ask("$explain", {"cookie": cookie}).rc, "OK")
        again = self.client_of(self.alice)
        again.cancel(cookie)
        again.expect_result("OK", cookie)
        worker.expect("CANCEL", cookie=cookie)

    def test_the_log_says_who_was_forbidden_at_a_bounded_rate(self):
        """issue: who and why, at a bounded rate"""
        bob = self.client_of(self.authorize(self.key("bob", "client", "text.*")))
        for _ in range(500):
            bob.run("other")
        for _ in range(500):
            bob.expect_result("FORBIDDEN")
        self.wait_for_log("bob", "may not run")
        self.wait_for_log("more packets that were refused")


class Libraries(KeysCase):
    """libzfabric's own client and worker are behind the commands; here another language's libzmq."""

    def test_a_certificate_of_pyzmq_serves(self):
        """issue: with any language's libzmq as a peer"""
        zmq.auth.create_certificates(self.scratch.path, "py")
        text = (self.scratch.path / "py.key").read_text()
        text = text.replace("metadata\n", 'metadata\n    role = "client,worker"\n')
        (self.folder / "py.key").write_text(text)
        public, secret = zmq.auth.load_certificate(self.scratch.path / "py.key_secret")
        keys = (public, secret, self.own.public)
        client = self.client(JSON, self.broker.client_endpoint, keys=keys)
        worker = self.stranger(MSGPACK, self.broker.worker_endpoint, keys=keys).register(1)
        cookie = client.run("p", [1])
        worker.finish(worker.take(cookie), [2])
        self.assertEqual(client.expect_result("OK", cookie).document(), [2])


if __name__ == "__main__":
    unittest.main()
