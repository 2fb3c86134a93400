"""Workers and clients whose broker is killed, stopped and started again (PROTOCOL 4, 5.8)."""

import pathlib
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import each
from fabric_faults import FaultCase
from fabric_process import SLOW, eventually

SOON = 10 * SLOW  # seconds; a worker is back within 1 s, a generous multiple of which this is
SILENCE = 5  # seconds: a broker that says nothing for so long went away
over_both = each("ipc", "tcp")


class ComingBack(FaultCase):
    def begin(self, kind="ipc"):
        return self.start_mortal(serve=self.endpoint(kind), listen=self.endpoint(kind))

    def until_registered(self, slots, endpoint=None):
        """Waits for one worker with so many slots, none of them busy; the seconds it took."""

        def good(status):
            return status["workers"] == 1 and status["slots"] == {"total": slots, "busy": 0}

        return self.until_status(good, f"one worker with {slots} slots", endpoint)

    def assert_serves(self, pipeline, slots):
        """As many tasks as there are slots run, and all end."""
        client = self.client()
        for cookie in [client.run(pipeline, 1) for _ in range(slots)]:
            self.assertEqual(client.expect("RESULT").rc, "OK")
        client.vanish()

    def assert_comes_back(self, slots):
        self.restart()
        took = self.until_registered(slots)
        self.tell(f"registered {took:.2f} s after the broker was ready")
        self.assertLess(took, SOON)


class Workers(ComingBack):
    def gate(self):
        """The name of a file, and a command that ends when it is there or the test is over."""
        gate = self.scratch.file()
        loop = f"while [ -d {self.scratch.path} ] && [ ! -e {gate} ]; do sleep 0.05; done"
        return gate, loop

    def until_busy(self, slots):
        self.until_status(lambda s: s["slots"]["busy"] == slots, f"{slots} busy slots")

    @over_both
    def test_an_idle_worker_registers_again(self, kind):
        self.begin(kind)
        self.command_worker("--echo", "--capacity", "7")
        self.until_registered(7)
        self.assert_comes_back(7)
        self.assert_serves("echo", 7)

    @over_both
    def test_a_worker_whose_slots_are_full_registers_again(self, kind):
        """It has its whole capacity: what it was doing was another broker's"""
        self.begin(kind)
        gate, loop = self.gate()
        self.command_worker("--echo", "--capacity", "3", "--run", f"hold={loop}")
        self.until_registered(3)
        client = self.client()
        for _ in range(3):
            client.run("hold")
        self.until_busy(3)
        client.vanish()
        self.assert_comes_back(3)
        gate.touch()
        self.assert_serves("echo", 3)
        self.until_registered(3)

    def test_a_worker_in_the_middle_of_a_stream_registers_again(self):
        self.begin()
        _, loop = self.gate()
        lines = loop.replace("sleep 0.05", "echo line")  # as fast as it can
        self.command_worker("--echo", "--capacity", "2", "--stream", "--run", f"lines={lines}")
        self.until_registered(2)
        client = self.client()
        for _ in range(2):
            client.run("lines", stream=True)
        for _ in range(100):
            client.expect("PARTIAL")
        client.vanish()
        self.assert_comes_back(2)
        self.assert_serves("echo", 2)

    def test_a_worker_that_is_told_to_leave_meanwhile_ends(self):
        """No broker is there to hear its SHUTDOWN; it does not wait for one"""
        broker = self.begin()
        worker = self.command_worker("--echo")
        self.until_status(lambda status: status["workers"] == 1, "a worker")
        broker.kill()
        worker.signal(signal.SIGTERM)
        worker.wait()

    def test_quick_restarts(self):
        """Five in a row, with a worker and a client that stay"""
        self.begin("tcp")
        self.command_worker("--echo", "--capacity", "4")
        batch = self.command_each("echo", "--unordered")
        times = []
        for number in range(5):
            self.restart()
            times.append(self.until_registered(4))
            self.assertLess(times[-1], SOON)
            # A line that is read before the client knows of its loss ends with BROKER_WENT_AWAY.
            self.until_status(lambda status: status["clients"] == 2, "the client is back")
            batch.feed(f'"round {number}"\n')
            batch.wait_for_output(f"round {number}")
        self.tell("registered after " + ", ".join(f"{took:.2f}" for took in times) + " s")
        batch.write("")
        self.assertEqual(batch.wait(), 0, batch.err.text)


class Clients(ComingBack):
    def holder(self, slots):
        """A worker that takes tasks of `echo` and never answers; it goes with its broker."""
        return self.worker(slots, ["echo"])

    def until_open(self, count):
        self.until_status(lambda s: s["tasks"]["open"] == count, f"{count} open tasks")

    @over_both
    def test_what_was_open_ends_and_the_rest_goes_on(self, kind):
        """PROTOCOL 4, BROKER_WENT_AWAY: the connection to it is lost"""
        self.begin(kind)
        self.holder(3)
        batch = self.command_each("echo")
        batch.feed("1\n2\n3\n4\n5\n")  # three run and two wait
        self.until_open(5)
        self.restart()
        batch.wait_for_output("null\n" * 5)
        eventually(lambda: batch.err.text.count("BROKER_WENT_AWAY") == 5, "five reasons")
        self.command_worker("--echo")
        batch.feed("6\n7\n")
        batch.wait_for_output("null\n6\n7\n")
        batch.write("8\n")
        self.assertEqual(batch.wait(), 1)
        self.assertTrue(batch.out.text.endswith("7\n8\n"), batch.out.text)

    def test_tasks_given_while_no_broker_is_there_end(self):
        """They run when it comes back, or end with BROKER_WENT_AWAY; none hangs"""
        broker = self.begin()
        self.command_worker("--echo", "--capacity", "4")
        batch = self.command_each("echo")
        batch.feed("1\n")
        batch.wait_for_output("1\n")
        broker.kill()
        batch.feed("".join(f"{number}\n" for number in range(2, 52)))
        self.let_pass(300)
        self.start_mortal(serve=broker.client_endpoint, listen=broker.worker_endpoint)
        batch.write("52\n")
        batch.wait()
        lines = batch.out.text.splitlines()
        self.assertEqual(len(lines), 52, batch.out.text)
        for number, line in enumerate(lines, 1):
            self.assertIn(line, (str(number), "null"))
        self.tell(f"{lines.count('null')} of 51 tasks failed")


class SilentBrokers(ComingBack):
    """A stopped broker keeps its connections and answers nothing."""

    def stop_for_a_while(self, broker):
        broker.signal(signal.SIGSTOP)
        self.addCleanup(broker.signal, signal.SIGCONT)
        return time.monotonic()

    def assert_given_up(self, began, what):
        took = time.monotonic() - began
        self.tell(f"{what} gave the broker up after {took:.1f} s")
        self.assertGreater(took, 0.5)
        self.assertLess(took, SILENCE + SOON)

    def test_it_is_given_up_and_found_again(self):
        broker = self.begin()
        worker = self.command_worker("--echo", "--capacity", "3")
        self.until_registered(3)
        batch = self.command_each("echo")
        batch.feed("1\n")
        batch.wait_for_output("1\n")
        began = self.stop_for_a_while(broker)
        batch.feed("2\n")
        batch.wait_for_output("1\nnull\n")
        self.assert_given_up(began, "the client")
        eventually(lambda: "BROKER_WENT_AWAY" in batch.err.text, "the client says why")
        eventually(lambda: "said nothing" in worker.err.text, "the worker says why it left")
        self.assert_given_up(began, "the worker")
        broker.signal(signal.SIGCONT)
        took = self.until_registered(3)
        self.tell(f"registered {took:.2f} s after the broker went on")
        self.assertLess(took, SOON)
        self.assert_serves("echo", 3)
        batch.write("3\n")
        self.assertEqual(batch.wait(), 1)
        self.assertEqual(batch.out.text, "1\nnull\n3\n")

    def test_another_broker_is_there(self):
        """A client goes to the next of its brokers; a worker serves all of its own"""
        first, second = self.begin(), self.begin("tcp")
        worker = self.command_worker(
            *("--broker", second.worker_endpoint, "--echo", "--capacity", "3"),
            listen=first.worker_endpoint,
        )
        for broker in (first, second):
            self.until_registered_somewhere(broker)
        both = f"{first.client_endpoint},{second.client_endpoint}"
        batch = self.command_each("echo", serve=both)
        batch.feed("1\n")
        batch.wait_for_output("1\n")
        # Whichever it came to: on a slow machine it may have given up the first one already.
        there = first if self.has_run_any(first) else second
        began = self.stop_for_a_while(there)
        batch.feed("2\n")
        batch.wait_for_output("1\nnull\n")
        self.assert_given_up(began, "the client")
        batch.write("3\n")
        self.assertEqual(batch.wait(), 1)
        self.assertEqual(batch.out.text, "1\nnull\n3\n")
        there.signal(signal.SIGCONT)
        self.until_registered_somewhere(there)
        self.assertIsNone(worker.status)

    def has_run_any(self, broker):
        status = self.client(endpoint=broker.client_endpoint).ask("$status").document()
        return status["tasks"]["accepted"] > 0

    def until_registered_somewhere(self, broker):
        good = lambda status: status["workers"] == 1 and status["slots"]["busy"] == 0
        self.until_status(good, "one worker", broker.client_endpoint)


if __name__ == "__main__":
    unittest.main()
