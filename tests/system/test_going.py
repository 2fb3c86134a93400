"""Peers that go away (PROTOCOL section 5, steps 7 and 8): retries, orphans, promised heartbeats."""

import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import FabricCase, both_codecs
from fabric_packets import BOTH, cookie_uuid, new_cookie
from fabric_process import SLOW, eventually


class WorkersThatGo(FabricCase):
    @both_codecs
    def test_a_closed_connection_ends_its_tasks(self, codec):
        """PROTOCOL 5.8: end with WORKER_WENT_AWAY; section 4"""
        client, worker = self.client(codec), self.worker(3)
        cookies = [client.run("p") for _ in range(3)]
        for cookie in cookies:
            worker.take(cookie)
        worker.close()
        results = [client.expect_result("WORKER_WENT_AWAY") for _ in cookies]
        self.assertEqual({p.header["cookie"] for p in results}, set(cookies))
        client.expect_nothing()

    def test_a_killed_process_ends_its_tasks(self):
        """PROTOCOL 5.8: a connection that broke is noticed within 1 s"""
        worker = self.holding_worker()
        client = self.client()
        cookie = client.run("p")
        worker.wait_for_output(f"took {cookie}\n")
        worker.kill()
        client.expect_result("WORKER_WENT_AWAY", cookie)
        client.expect_nothing()

    def test_a_silent_host_ends_its_tasks(self):
        """PROTOCOL 5.8: a silent host within 5 s"""
        worker = self.holding_worker()
        client = self.client()
        cookie = client.run("p")
        worker.wait_for_output(f"took {cookie}\n")
        worker.signal(signal.SIGSTOP)
        client.expect_result("WORKER_WENT_AWAY", cookie, seconds=5 + 10 * SLOW)
        worker.kill()

    def test_results_that_it_sent_before_are_delivered(self):
        """PROTOCOL 5.5: RESULT from the worker that holds the task ends it"""
        client, worker = self.pair(capacity=100)
        cookies = [client.run("p", number) for number in range(100)]
        for run in [worker.take() for _ in cookies]:
            worker.finish(run, run.document())
        worker.close()
        self.assert_same_cookies([client.expect_result("OK") for _ in cookies], cookies)

    def test_it_is_given_nothing_any_more(self):
        """PROTOCOL 5.8"""
        client, one, two = self.client(), self.worker(10, name="one"), self.worker(10, name="two")
        one.close()
        eventually(
            lambda: len(client.ask("$workers").document()) == 1, "the closed worker is forgotten"
        )
        for _ in range(5):
            two.take(client.run("p"))

    def test_a_worker_that_comes_back_starts_with_a_clean_slate(self):
        """PROTOCOL 5.2: never more tasks than its capacity"""
        client = self.client()
        for _ in range(10):
            worker = self.worker(1)
            cookie = client.run("p")
            worker.take(cookie)
            worker.close()
            client.expect_result("WORKER_WENT_AWAY", cookie)


class Retries(FabricCase):
    def test_a_task_is_given_to_another_worker(self):
        """PROTOCOL 2: retries; section 5.8: requeued while they have retries"""
        client, first = self.client(), self.worker()
        cookie = client.run("p", {"a": 1}, retries=1)
        original = first.take(cookie)
        second = self.worker()
        first.close()
        again = second.take(cookie)
        self.assertEqual(again.frames, original.frames)
        second.finish(again, "done")
        self.assertEqual(client.expect_result("OK", cookie).document(), "done")
        client.expect_nothing()

    def test_a_task_is_retried_as_often_as_it_says(self):
        """PROTOCOL 4, WORKER_WENT_AWAY: and no retries are left"""
        client = self.client()
        for retries in (0, 1, 3):
            cookie = client.run("p", retries=retries)
            for _ in range(retries + 1):
                client.expect_nothing()
                worker = self.worker()
                worker.take(cookie)
                worker.close()
            client.expect_result("WORKER_WENT_AWAY", cookie)
        worker = self.worker()
        worker.expect_nothing()

    def test_a_retried_task_goes_to_the_front(self):
        """PROTOCOL 5.8: its tasks are requeued at the front"""
        client, other, worker = self.client(), self.client(), self.worker(1)
        first = client.run("p", retries=1)
        worker.take(first)
        behind = [peer.run("p") for peer in (other, client, other, client)]
        for peer in (client, other):
            peer.expect_nothing()
        worker.close()
        last = self.worker(0)
        eventually(lambda: self.state_of(first) == "queued", "the task is requeued")
        last.register(1)
        served = [run.header["cookie"] for run in last.serve(5, lambda run: None)]
        self.assertEqual(served[0], first)
        self.assertCountEqual(served[1:], behind)

    def state_of(self, cookie):
        asker = self.client()
        states = {cookie_uuid(t["cookie"]): t["state"] for t in asker.ask("$tasks").document()}
        asker.vanish()
        return states.get(cookie_uuid(cookie))

    def test_wait_is_over_once_a_worker_had_the_task(self):
        """PROTOCOL 2: wait: until the task is first given to a worker"""
        client, worker = self.pair()
        cookie = client.run("p", retries=1, wait=100)
        worker.take(cookie)
        worker.close()
        eventually(lambda: self.state_of(cookie) == "queued", "the task is requeued")
        self.let_pass(250)
        client.expect_nothing()
        self.worker().take(cookie)

    def test_a_retried_task_still_has_its_timeout(self):
        """PROTOCOL 2: timeout: the whole task must end within this time"""
        client, worker = self.pair()
        with self.takes_at_least(500):
            cookie = client.run("p", retries=100, timeout=500)
            worker.take(cookie)
            worker.close()
            client.expect_result("TIMED_OUT", cookie)

    def test_the_first_workers_late_result_does_not_count(self):
        """PROTOCOL 5.5: dropped from any other worker than the one that holds the task"""
        client, second = self.client(), self.worker(0)
        first = self.worker(1, heartbeat=400)
        cookie = client.run("p", retries=1)
        first.take(cookie)
        second.register(1)
        second.take(cookie)
        first.expect_not_known()
        first.finish(cookie, "late")
        self.assertIsNone(first.expect("REGISTER").header.get("capacity"))
        client.expect_nothing()
        second.finish(cookie, "right")
        self.assertEqual(client.expect_result("OK", cookie).document(), "right")


class PromisedHeartbeats(FabricCase):
    def test_a_worker_that_breaks_its_promise_has_gone(self):
        """PROTOCOL 5.8: a promised heartbeat missed within 3 of its intervals"""
        client, worker = self.client(), self.stranger()
        with self.takes_at_least(300):
            worker.register(1, heartbeat=300)
            cookie = client.run("p")
            worker.take(cookie)
            client.expect_result("WORKER_WENT_AWAY", cookie)

    def test_it_is_told_to_register_again_and_may(self):
        """PROTOCOL 3: a worker that the broker does not know gets REGISTER without capacity"""
        client, worker = self.client(), self.stranger()
        worker.register(1, heartbeat=400)
        cookie = client.run("p")
        worker.take(cookie)
        client.expect_result("WORKER_WENT_AWAY", cookie)
        worker.expect_not_known()
        worker.register(1)
        worker.take(client.run("p"))

    def test_anything_that_it_sends_keeps_the_promise(self):
        """PROTOCOL 2, heartbeat: to send something at least this often"""
        interval = int(600 * min(SLOW, 3))
        client, worker = self.client(), self.stranger()
        worker.register(1, heartbeat=interval)
        cookie = client.run("p", stream=True)
        worker.take(cookie)
        for number in range(10):
            self.let_pass(interval / 3)
            worker.partial(cookie, number, seq=number)
        worker.finish(cookie)
        for _ in range(10):
            client.expect("PARTIAL", cookie=cookie)
        client.expect_result("OK", cookie)

    def test_who_promises_nothing_may_be_silent(self):
        """PROTOCOL 2: heartbeat"""
        client, worker = self.pair()
        cookie = client.run("p")
        worker.take(cookie)
        self.let_pass(1500)
        worker.finish(cookie)
        client.expect_result("OK", cookie)


class ClientsThatGo(FabricCase):
    def gone(self, watcher, cookie):
        tasks = watcher.ask("$tasks").document()
        return cookie_uuid(cookie) not in [cookie_uuid(task["cookie"]) for task in tasks]

    @both_codecs
    def test_running_orphans_that_said_cancel_are_cancelled(self, codec):
        """PROTOCOL 5.7: its tasks with orphan: cancel are cancelled"""
        client, worker = self.pair(codec, capacity=2)
        cookies = [client.run("p", orphan="cancel") for _ in range(2)]
        for cookie in cookies:
            worker.take(cookie)
        client.close()
        cancelled = {worker.expect("CANCEL").cookie for _ in cookies}
        self.assertEqual(cancelled, {cookie_uuid(cookie) for cookie in cookies})
        for cookie in cookies:
            worker.finish(cookie, rc="CANCELLED")
        another = self.client(codec)
        for _ in range(2):
            worker.take(another.run("p"))

    def test_waiting_orphans_that_said_cancel_never_run(self):
        """PROTOCOL 5.7"""
        client, watcher = self.client(), self.client()
        cookie = client.run("p", orphan="cancel")
        client.expect_nothing()
        client.close()
        eventually(lambda: self.gone(watcher, cookie), "the orphan is gone")
        self.worker().expect_nothing()

    def test_the_others_finish_and_their_results_are_dropped(self):
        """PROTOCOL 5.7: the others finish, and their results are dropped; orphan: finish (default)"""
        client, watcher = self.client(), self.client()
        cookies = [client.run("p"), client.run("p", orphan="finish"), client.run("p")]
        client.expect_nothing()
        client.run("p", cookie=new_cookie(), orphan="cancel")
        cancelled = client.run("p", orphan="cancel")
        worker = self.worker(1)
        worker.take(cookies[0])
        client.close()
        eventually(lambda: self.gone(watcher, cancelled), "the client's going was noticed")
        worker.finish(cookies[0])
        self.assert_same_cookies(worker.serve(2, lambda run: 1), cookies[1:])
        worker.expect_nothing()
        watcher.expect_nothing()

    def test_its_cookies_can_be_used_again(self):
        """PROTOCOL 4, COOKIE_COLLISION: a task that is there"""
        client, watcher, worker = self.client(), self.client(), self.worker()
        cookie = client.run("p")
        worker.take(cookie)
        client.close()
        worker.finish(cookie)
        worker.expect_nothing()
        watcher.run("p", "mine", cookie=cookie)
        self.assertEqual(worker.take(cookie).document(), "mine")
        worker.finish(cookie)
        watcher.expect_result("OK", cookie)

    def test_clients_that_come_and_go_leave_nothing_behind(self):
        """PROTOCOL 5.7; section 7, $tasks"""
        watcher = self.client()
        for number in range(60):
            client = self.client(BOTH[number % 2])
            client.run("p", orphan="cancel")
            client.close()
        eventually(lambda: not watcher.ask("$tasks").document(), "no task is left")


if __name__ == "__main__":
    unittest.main()
