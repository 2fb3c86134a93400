"""The flight recorder: SIGUSR2 writes down what happened, and it can be played again."""

import os
import pathlib
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import FabricCase, both_codecs
from fabric_packets import MSGPACK
from fabric_process import DEADLINE, Broker, eventually

REPLAY = pathlib.Path(os.environ.get("ZFABRIC_BUILD", ""), "tests", "bin", "replay")


class RecordingCase(FabricCase):
    def replay(self, path):
        """The story's lines: events, actions, and at last how it ended."""
        done = subprocess.run([REPLAY, path], text=True, capture_output=True, timeout=DEADLINE,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout.splitlines()


class Recordings(RecordingCase):
    def setUp(self):
        super().setUp()
        self.directory = self.scratch.path / "recordings"
        self.directory.mkdir()
        self.start("--recordings", str(self.directory))

    def record(self):
        """Sends SIGUSR2; the path of the new file."""
        before = set(self.directory.iterdir())
        self.broker.signal(signal.SIGUSR2)
        eventually(lambda: set(self.directory.iterdir()) - before, "a recording")
        (path,) = set(self.directory.iterdir()) - before
        if not self.broker.err.wait_for(str(path)):
            raise self.broker.report(f"never told of {path}")
        return path

    @both_codecs
    def test_a_recording_tells_the_same_story(self, codec):
        """The replay compares its actions with the broker's: status 0 says they are the same."""
        client, worker = self.pair(codec, capacity=2)
        cookies = [client.run("p", {"n": n}, priority=n) for n in range(5)]
        worker.serve(5)
        for _ in cookies:
            client.expect_result("OK")
        *story, end = self.replay(self.record())
        actions = [line for line in story if line.startswith("> ")]
        self.assertEqual(sum(" RUN k" in line for line in actions), 5)
        self.assertEqual(sum(" RESULT k" in line and " OK" in line for line in actions), 5)
        self.assertIn("all invariants hold", end)
        self.assertNotIn("missing", end)

    def test_it_tells_what_the_peers_saw(self):
        client, worker = self.client(MSGPACK), self.worker()
        running, waiting = client.run("p"), client.run("q", {"long": "x" * 5000})
        worker.take(running)
        client.cancel(waiting)
        client.expect_result("CANCELLED", waiting)
        worker.finish(running, "y" * 5000)
        client.expect_result("OK", running)
        client.run("p", cookie="none")
        client.expect_result("BAD_PACKET")
        story = self.replay(self.record())
        told = [line.split()[2:5] for line in story if line.startswith("> c")]
        self.assertEqual(told[:2], [["RESULT", "k2", "CANCELLED"], ["RESULT", "k1", "OK"]])

    def test_when_events_are_missing_it_begins_with_the_workers(self):
        client, worker = self.pair(capacity=100)
        for _ in range(25):
            for _ in range(100):
                client.run("p", None)
            worker.serve(100)
            for _ in range(100):
                client.expect_result("OK")
        *story, end = self.replay(self.record())
        self.assertIn("the first 1 are workers", end)
        self.assertIn("events before are missing", end)
        self.assertIn("REGISTER", story[0])
        self.assertGreater(sum(" RUN k" in line and line[0] == ">" for line in story), 1900)

    def test_each_signal_makes_a_new_file_that_only_its_owner_reads(self):
        first, second = self.record(), self.record()
        self.assertNotEqual(first, second)
        for path in (first, second):
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
            self.replay(path)

    def test_nothing_is_written_over_and_nothing_followed(self):
        target = self.scratch.file()
        pid = self.broker.pid
        target.write_text("precious")
        link = self.directory / f"zfabric-{pid}-1.recording"
        link.symlink_to(target)
        self.broker.signal(signal.SIGUSR2)
        self.assertTrue(self.broker.err.wait_for("no recording in"))
        self.assertEqual(target.read_text(), "precious")
        self.replay(self.record())


class Crashes(RecordingCase):
    def test_an_abort_leaves_a_recording(self):
        """As a failed assertion does: abort () raises SIGABRT."""
        directory = self.scratch.path / "recordings"
        directory.mkdir()
        broker = Broker("--recordings", str(directory), scratch=self.scratch)
        self.addCleanup(broker.end)
        broker.wait_ready()
        client = self.client(endpoint=broker.client_endpoint)
        worker = self.worker(endpoint=broker.worker_endpoint)
        cookie = client.run("p", [1])
        worker.finish(worker.take(cookie))
        client.expect_result("OK", cookie)
        client.sync()
        broker.signal(signal.SIGABRT)
        self.assertEqual(eventually(lambda: broker.status, "its end"), -signal.SIGABRT)
        (path,) = directory.iterdir()
        self.assertIn("RESULT k1 OK", "\n".join(self.replay(path)))


if __name__ == "__main__":
    if not REPLAY.exists():
        print(f"no {REPLAY}")
        sys.exit(77)
    unittest.main()
