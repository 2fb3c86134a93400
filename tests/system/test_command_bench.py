"""`zfabric bench`: what it measures is plausible, and a broker that loses its way is found out."""

import json
import pathlib
import sys
import unittest
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import CommandCase
from fabric_process import BINARY, alive, children, eventually, zfabric

COUNT = 500

# A broker that answers tasks itself, and one of them wrongly.
LIAR = """#!/usr/bin/python3
import json, sys, zmq

WRONG = {wrong!r}
context = zmq.Context()
serve, listen = context.socket(zmq.ROUTER), context.socket(zmq.ROUTER)
serve.bind(sys.argv[2])
listen.bind(sys.argv[4])
print("ready", flush=True)
poller, count = zmq.Poller(), 0
poller.register(listen, zmq.POLLIN)
poller.register(serve, zmq.POLLIN)
while True:
    for socket, _ in poller.poll():
        peer, header, *payload = socket.recv_multipart()
        if socket is listen:
            socket.send_multipart([peer, b'{{"packet_type":"REGISTER","capacity":1}}'])
            continue
        count += 1
        cookie, rc = json.loads(header)["cookie"], "OK"
        lie = WRONG if count == 400 else None
        if lie == "end":
            sys.exit(1)
        if lie == "rc":
            rc = "EXCEPTION"
        if lie == "cookie":
            cookie = "0" + cookie[1:] if cookie[0] != "0" else "1" + cookie[1:]
        if lie == "payload":
            payload[0] = payload[0][:20] + b"!" + payload[0][21:]
        result = json.dumps({{"packet_type": "RESULT", "cookie": cookie, "rc": rc}}).encode()
        for _ in range(2 if lie == "double" else 1):
            socket.send_multipart([peer, result, *payload])
"""


def bench(*options):
    return zfabric("bench", "--count", str(COUNT), *options)


class Bench(CommandCase):
    def measure(self, *options):
        finished = bench("--json", *options)
        self.assertEqual((finished.status, finished.err), (0, ""), finished)
        return json.loads(finished.out)

    def check(self, found, count=COUNT):
        self.assertEqual(found["tasks"], count)
        self.assertGreater(found["tasks_per_second"], 0)
        self.assertAlmostEqual(found["tasks_per_second"] * found["seconds"], count, delta=1)
        latency = found["latency_us"]
        shares = [latency[key] for key in ("least", "p50", "p90", "p99", "p999", "most")]
        self.assertEqual(shares, sorted(shares))
        self.assertGreater(shares[0], 0)
        self.assertLessEqual(shares[-1], found["seconds"] * 1e6)

    def test_it_starts_everything_and_measures_it(self):
        """zfabric-bench(1)"""
        found = self.measure()
        self.check(found)
        self.assertGreater(found["broker_cpu_us"], 0)
        self.assertGreater(found["workers_cpu_us"], 0)
        self.assertGreater(found["clients_cpu_us"], 0)
        self.assertGreaterEqual(found["memory"]["most"], found["memory"]["end"])
        self.assertGreater(found["memory"]["start"], 1 << 20)

    def test_over_tcp_in_msgpack_with_several_of_each(self):
        """--transport, --codec, --workers, --capacity, --clients, --window, --size"""
        found = self.measure(
            "--transport", "tcp", "--codec", "msgpack", "--workers", "3", "--capacity", "2",
            "--clients", "4", "--window", "7", "--size", "70000",
        )
        self.check(found)
        self.assertEqual((found["codec"], found["size"], found["clients"]), ("msgpack", 70000, 4))

    def test_payloads_of_every_form(self):
        """--size, around what has another form"""
        for size in (0, 1, 2, 33):
            for codec in ("json", "msgpack"):
                with self.subTest(size=size, codec=codec):
                    self.check(self.measure("--size", str(size), "--codec", codec))

    def test_by_the_library(self):
        """--library"""
        for codec in ("json", "msgpack"):
            with self.subTest(codec=codec):
                found = self.measure("--library", "--codec", codec)
                self.check(found)
                self.assertEqual(found["peers"], "library")

    def test_with_keys(self):
        """--curve"""
        for options in ((), ("--library",), ("--transport", "tcp", "--idle-clients", "3")):
            with self.subTest(options=options):
                found = self.measure("--curve", *options)
                self.check(found)
                self.assertTrue(found["curve"])
        self.assert_refused(
            bench("--curve", "--broker", "ipc:///tmp/x", "--listen", "ipc:///tmp/y"), "--curve")

    def test_what_stands_around_is_weighed(self):
        """--idle-clients, --waiting"""
        found = self.measure("--idle-clients", "50", "--waiting", "2000")
        self.check(found)
        self.assertIn("idle_client", found["memory"])
        self.assertGreater(found["memory"]["waiting_task"], 64)

    def test_a_broker_that_runs(self):
        """--broker, --listen, --pid"""
        endpoints = ("--broker", self.broker.client_endpoint, "--listen",
                     self.broker.worker_endpoint)
        found = self.measure(*endpoints)
        self.check(found)
        self.assertNotIn("broker_cpu_us", found)
        found = self.measure(*endpoints, "--pid", str(self.broker.pid))
        self.assertGreater(found["broker_cpu_us"], 0)
        status = self.client().ask("$status").document()
        # Two runs, each with a tenth of its tasks before the clock starts.
        self.assertEqual(status["tasks"]["outcomes"]["OK"], 2 * (COUNT + COUNT // 10))

    def test_for_a_person_and_as_a_drawing(self):
        """--plot"""
        file = self.scratch.file()
        finished = bench("--plot", str(file))
        self.assertEqual((finished.status, finished.err), (0, ""), finished)
        for word in ("tasks/s", "latency", "processor", "memory", "once and whole"):
            self.assertIn(word, finished.out)
        drawing = xml.etree.ElementTree.parse(file).getroot()
        self.assertTrue(drawing.tag.endswith("svg"))
        self.assertGreater(len(list(drawing)), 10)

    def test_a_drawing_that_cannot_be_written_is_said(self):
        """exit status 1, and a line that names it"""
        finished = bench("--plot", "/nowhere/at/all.svg")
        self.assert_refused(finished, "/nowhere/at/all.svg")

    def liar(self, wrong):
        program = self.scratch.file(LIAR.format(wrong=wrong))
        program.chmod(0o755)
        return program

    def test_a_broker_that_tells_the_truth_passes(self):
        """--program; and the liars below lie"""
        found = self.measure("--program", str(self.liar(None)))
        self.check(found)

    def test_a_broker_that_lies_is_found_out(self):
        """every task comes back once and whole"""
        for wrong, words in (
            ("double", "second"),
            ("payload", "changed"),
            ("cookie", "another client"),
            ("rc", "EXCEPTION"),
            ("end", "ended"),
        ):
            with self.subTest(wrong=wrong):
                self.assert_refused(bench("--program", str(self.liar(wrong))), words)

    def test_a_broker_that_does_not_start_is_said_with_its_words(self):
        """--program"""
        self.assert_refused(bench("--program", "/nowhere/at/all"), "/nowhere/at/all")
        grumpy = self.scratch.file("#!/bin/sh\necho early >&2\necho not today >&2\nexit 1\n")
        grumpy.chmod(0o755)
        self.assert_refused(bench("--program", str(grumpy)), "not today")

    def test_options_that_contradict_each_other(self):
        """exit status 2"""
        for options in (
            ("--broker", "ipc:///tmp/x"),
            ("--listen", "ipc:///tmp/x"),
            ("--pid", "1"),
            ("--broker", "ipc:///tmp/x", "--listen", "ipc:///tmp/y", "--program", "/bin/true"),
        ):
            with self.subTest(options=options):
                finished = bench(*options)
                self.assertEqual(finished.status, 2, finished)
                self.assert_refused(finished)

    def test_nothing_is_left_behind(self):
        """processes and folders, whether it ends or is ended"""
        before = set(pathlib.Path("/tmp").glob("zfabric-bench-*"))
        running = self.process(BINARY, "bench", "--count",
                               "100000000", "--workers", "2")
        # broker, two workers, client
        eventually(lambda: len(children(running.pid)) == 4, "four children")
        pids = [pid for pid, _ in children(running.pid)]
        self.assertEqual(running.stop(), 130)
        for pid in pids:
            eventually(lambda: not alive(pid), "its child has ended")
        self.assertEqual(set(pathlib.Path("/tmp").glob("zfabric-bench-*")) - before, set())

    def test_it_does_not_outlive_its_parent(self):
        """a benchmark that is killed takes all with it"""
        running = self.process(BINARY, "bench", "--count", "100000000")
        eventually(lambda: len(children(running.pid)) == 4, "four children")
        pids = [pid for pid, _ in children(running.pid)]
        words = pathlib.Path(f"/proc/{pids[0]}/cmdline").read_text().split("\0")
        running.kill()
        for pid in pids:
            eventually(lambda: not alive(pid), "its child has ended")
        # Nobody was left to clean up.
        sockets = [pathlib.Path(word[len("ipc://"):]) for word in words if word.startswith("ipc://")]
        for socket in sockets:
            socket.unlink(missing_ok=True)
        sockets[0].parent.rmdir()


if __name__ == "__main__":
    unittest.main()
