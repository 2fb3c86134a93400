"""A broker that stops, and workers that leave in good order (PROTOCOL 3, SHUTDOWN; section 5, step 9)."""

import pathlib
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import DEADLINE, FabricCase, both_codecs

LONG = "600000"  # ms: longer than any test


class BrokerThatStops(FabricCase):
    def stopping(self, codec="json", capacity=2, drain=LONG):
        """A broker that was told to stop while a task runs: broker, client, worker, cookie."""
        broker = self.start("--drain", drain)
        client, worker = self.pair(codec, capacity=capacity)
        cookie = client.run("p", stream=True)
        worker.take(cookie)
        broker.signal(signal.SIGTERM)
        worker.expect("SHUTDOWN")
        return broker, client, worker, cookie

    def assert_ends(self, broker):
        self.assertEqual(broker.wait(), 0, broker.err.text)

    @both_codecs
    def test_running_tasks_finish(self, codec):
        """PROTOCOL 5.9: sends SHUTDOWN to the workers, waits for running tasks, exits 0"""
        broker, client, worker, cookie = self.stopping(codec)
        worker.partial(cookie, "piece", seq=0)
        worker.finish(cookie, "done")
        self.assertEqual(client.expect("PARTIAL", cookie=cookie).document(), "piece")
        self.assertEqual(client.expect_result("OK", cookie).document(), "done")
        self.assert_ends(broker)

    def test_new_tasks_are_refused(self):
        """PROTOCOL 5.9: refuses new RUNs with BROKER_WENT_AWAY"""
        broker, client, worker, cookie = self.stopping()
        for keys in ({}, {"wait": 0}, {"priority": 9}):
            refused = client.run("p", **keys)
            client.expect_result("BROKER_WENT_AWAY", refused)
        worker.expect_nothing()
        worker.finish(cookie)
        client.expect_result("OK", cookie)
        self.assert_ends(broker)

    def test_running_tasks_can_be_cancelled_meanwhile(self):
        """PROTOCOL 5.6, 5.9"""
        broker, client, worker, cookie = self.stopping()
        client.cancel(cookie)
        worker.expect("CANCEL", cookie=cookie)
        worker.finish(cookie, rc="CANCELLED")
        client.expect_result("CANCELLED", cookie)
        self.assert_ends(broker)

    def test_a_running_task_whose_worker_dies_meanwhile_ends(self):
        """PROTOCOL 5.8, 5.9"""
        broker, client, worker, cookie = self.stopping()
        worker.close()
        client.expect_result("WORKER_WENT_AWAY", cookie)
        self.assert_ends(broker)

    def test_what_waits_is_answered_and_never_runs(self):
        """PROTOCOL 5.9: answers what is left with BROKER_WENT_AWAY"""
        broker = self.start("--drain", LONG)
        client, worker = self.pair()
        running, waiting = client.run("p"), client.run("p")
        worker.take(running)
        client.expect_nothing()
        broker.signal(signal.SIGTERM)
        worker.expect("SHUTDOWN")
        worker.finish(running)
        results = {packet.header["cookie"]: packet.rc for packet in (client.recv(), client.recv())}
        self.assertEqual(results, {running: "OK", waiting: "BROKER_WENT_AWAY"})
        self.assert_ends(broker)
        self.assertFalse(worker.has_news())

    def test_the_drain_is_bounded(self):
        """PROTOCOL 5.9: waits up to --drain for running tasks"""
        with self.takes_at_least(400):
            broker, client, worker, cookie = self.stopping(drain="400")
            client.expect_result("BROKER_WENT_AWAY", cookie)
        self.assert_ends(broker)

    def test_a_second_sigterm_ends_it_at_once(self):
        """PROTOCOL 5.9: answers what is left with BROKER_WENT_AWAY, and exits 0"""
        broker, client, worker, cookie = self.stopping()
        began = time.monotonic()
        broker.signal(signal.SIGTERM)
        client.expect_result("BROKER_WENT_AWAY", cookie)
        self.assert_ends(broker)
        self.assertLess(time.monotonic() - began, DEADLINE)

    def test_an_idle_broker_ends_at_once(self):
        """PROTOCOL 5.9"""
        broker = self.start("--drain", LONG)
        client, worker = self.pair()
        worker.serve(0)
        client.expect_nothing()
        broker.signal(signal.SIGTERM)
        worker.expect("SHUTDOWN")
        self.assert_ends(broker)

    def test_a_detached_task_is_waited_for(self):
        """PROTOCOL 5.9: waits up to --drain for running tasks"""
        broker = self.start("--drain", LONG)
        client, worker = self.pair()
        cookie = client.run("p", detach=True)
        worker.take(cookie)
        broker.signal(signal.SIGTERM)
        worker.expect("SHUTDOWN")
        worker.expect_nothing()
        self.assertIsNone(broker.status)
        worker.finish(cookie)
        self.assert_ends(broker)

    def test_many_results_are_delivered_before_it_ends(self):
        """PROTOCOL 3: every RUN that is not detached gets exactly one"""
        broker = self.start("--drain", LONG)
        client, worker = self.client(), self.worker(1000)
        cookies = {client.run("p") for _ in range(3000)}
        taken = [worker.take() for _ in range(1000)]
        client.expect_nothing()
        broker.signal(signal.SIGTERM)
        worker.expect("SHUTDOWN")
        for run in taken:
            worker.finish(run, "x" * 1000)
        results = [client.recv() for _ in cookies]
        self.assertEqual({packet.header["cookie"] for packet in results}, cookies)
        codes = [packet.rc for packet in results]
        self.assertEqual((codes.count("OK"), codes.count("BROKER_WENT_AWAY")), (1000, 2000))
        self.assert_ends(broker)


class WorkersThatLeave(FabricCase):
    @both_codecs
    def test_a_worker_that_leaves_gets_nothing_more_and_finishes(self, codec):
        """PROTOCOL 3: give me nothing more; I leave when I have finished"""
        client, worker = self.pair(codec, capacity=3)
        running = [client.run("p", stream=True) for _ in range(2)]
        for cookie in running:
            worker.take(cookie)
        worker.leave()
        waiting = client.run("p")
        client.expect_nothing()
        worker.partial(running[0], "piece", seq=0)
        for cookie in running:
            worker.finish(cookie, "done")
        self.assertEqual(client.expect("PARTIAL", cookie=running[0]).document(), "piece")
        for cookie in running:
            client.expect_result("OK", cookie)
        worker.close()
        client.expect_nothing()
        self.worker(codec=codec).take(waiting)

    def test_what_waits_goes_to_another(self):
        """PROTOCOL 5.2: a worker with a free slot"""
        client, leaving, staying = self.client(), self.worker(5, name="a"), self.worker(5, name="b")
        leaving.leave()
        for _ in range(5):
            staying.take(client.run("p"))
        self.assertEqual(client.ask("p", wait=0).rc, "NO_CAPACITY")

    def test_a_leaving_worker_that_dies_too_early_went_away(self):
        """PROTOCOL 4, WORKER_WENT_AWAY: the worker died or left"""
        client, worker = self.pair(capacity=2)
        lost, retried = client.run("p"), client.run("p", retries=1)
        for cookie in (lost, retried):
            worker.take(cookie)
        worker.leave()
        worker.close()
        client.expect_result("WORKER_WENT_AWAY", lost)
        self.worker().take(retried)

    def test_a_leaving_worker_can_be_told_to_cancel(self):
        """PROTOCOL 5.6: CANCEL of a running task goes to its worker"""
        client, worker = self.pair()
        cookie = client.run("p")
        worker.take(cookie)
        worker.leave()
        client.cancel(cookie)
        worker.expect("CANCEL", cookie=cookie)
        worker.finish(cookie, rc="CANCELLED")
        client.expect_result("CANCELLED", cookie)


if __name__ == "__main__":
    unittest.main()
