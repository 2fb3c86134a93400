"""How tasks end (PROTOCOL section 5): results, late ones, PARTIALs, cookies, timeouts."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import FabricCase, both_codecs
from fabric_packets import MSGPACK, new_cookie
from fabric_process import SLOW

LONG = 600000  # ms: longer than any test


class Results(FabricCase):
    @both_codecs
    def test_a_task_gets_exactly_one_result(self, codec):
        """PROTOCOL 3: every RUN that is not detached gets exactly one"""
        client, worker = self.pair(codec)
        cookie = client.run("p", {"a": [1, 2]})
        run = worker.take(cookie)
        self.assertEqual(run.document(), {"a": [1, 2]})
        for answer in ("first", "second"):
            worker.finish(run, answer)
        worker.finish(run, "third", rc="EXCEPTION")
        worker.expect_nothing()
        self.assertEqual(client.expect_result("OK", cookie).document(), "first")
        client.expect_nothing()

    def test_many_tasks_share_one_socket(self):
        """PROTOCOL 1: one client socket multiplexes any number of tasks; cookies tell them apart"""
        client, worker = self.pair(capacity=100)
        numbers = {client.run("p", number): number for number in range(100)}
        for run in reversed([worker.take() for _ in numbers]):
            worker.finish(run, run.document() * 2)
        for _ in range(100):
            result = client.expect_result()
            self.assertEqual(result.document(), numbers.pop(result.header["cookie"]) * 2)

    def test_a_result_of_another_worker_is_dropped(self):
        """PROTOCOL 5.5: a PARTIAL or RESULT from any other worker is dropped"""
        client, holder, thief = self.client(), self.worker(1, ["p"]), self.worker(1, ["q"])
        cookie = client.run("p", stream=True)
        holder.take(cookie)
        thief.partial(cookie, "stolen", seq=0)
        thief.finish(cookie, "stolen")
        thief.expect_nothing()
        client.expect_nothing()
        holder.finish(cookie, "mine")
        self.assertEqual(client.expect_result("OK", cookie).document(), "mine")

    def test_a_dropped_result_frees_no_slot(self):
        """PROTOCOL 5.5, 5.2: never sent more tasks than its capacity"""
        client, one, two = self.client(), self.worker(1, ["p", "one"]), self.worker(1, ["two"])
        cookies = [client.run("one"), client.run("two"), client.run("p")]
        one.take(cookies[0])
        two.take(cookies[1])
        client.sync()
        for worker, cookie in ((one, cookies[1]), (two, cookies[0]), (one, new_cookie())):
            worker.finish(cookie)
        one.finish(cookies[2])
        for worker in (one, two):
            worker.expect_nothing()
        one.finish(cookies[0])
        one.take(cookies[2])

    def test_a_result_of_a_waiting_task_is_dropped(self):
        """PROTOCOL 5.5: RESULT from the worker that holds the task ends it"""
        client, worker = self.client(), self.worker(1, ["q"])
        cookie = client.run("p")
        client.sync()
        worker.finish(cookie)
        worker.expect_nothing()
        client.expect_nothing()
        worker.register(1, ["p"])
        worker.take(cookie)


class Partials(FabricCase):
    @both_codecs
    def test_partials_come_in_order_and_before_the_result(self, codec):
        """PROTOCOL 5.4, 3: a piece of the result, in order, before the RESULT"""
        client, worker = self.pair(codec)
        cookie = client.run("p", stream=True)
        run = worker.take(cookie)
        for seq in range(200):
            worker.partial(run, {"piece": seq}, seq=seq)
        worker.finish(run, "end")
        for seq in range(200):
            partial = client.expect("PARTIAL", cookie=cookie)
            self.assertEqual((partial.header["seq"], partial.document()), (seq, {"piece": seq}))
        client.expect_result("OK", cookie)

    def test_partials_of_a_task_that_did_not_ask_are_dropped(self):
        """PROTOCOL 2: stream; without it they are dropped at the broker"""
        client, worker = self.pair(capacity=2)
        for keys in ({}, {"stream": False}):
            cookie = client.run("p", **keys)
            worker.take(cookie)
            worker.partial(cookie, 1, seq=0)
            worker.expect_nothing()
            client.expect_nothing()
            worker.finish(cookie)
            client.expect_result("OK", cookie)

    def test_no_partial_comes_after_the_result(self):
        """PROTOCOL 5.5: for a task that has ended, dropped"""
        client, worker = self.pair()
        cookie = client.run("p", stream=True)
        worker.take(cookie)
        worker.finish(cookie)
        worker.partial(cookie, "late", seq=0)
        worker.expect_nothing()
        client.expect_result("OK", cookie)
        client.expect_nothing()

    def test_a_partial_frees_no_slot(self):
        """PROTOCOL 3: the RESULT frees the slot"""
        client, worker = self.pair()
        first, second = client.run("p", stream=True), client.run("p")
        client.sync()
        worker.take(first)
        worker.partial(first, 1, seq=0)
        worker.expect_nothing()
        client.expect("PARTIAL", cookie=first)
        worker.finish(first)
        worker.take(second)


class Detached(FabricCase):
    @both_codecs
    def test_a_detached_task_runs_and_gets_no_result(self, codec):
        """PROTOCOL 2: detach: no RESULT is wanted"""
        client, worker = self.pair(codec)
        for rc in ("OK", "EXCEPTION"):
            cookie = client.run("p", [1], detach=True)
            run = worker.take(cookie)
            worker.finish(run, rc=rc)
            worker.expect_nothing()
            client.expect_nothing()
        worker.take(client.run("p"))

    def test_a_detached_task_that_is_refused_at_once_gets_a_result(self):
        """PROTOCOL 2: unless the task is refused at once (section 5, steps 1 to 3)"""
        self.start("--queue", "1")
        client = self.client()
        waiting = client.run("q", detach=True)
        for rc, pipeline, keys in (
            ("BAD_PACKET", "p", {"priority": 10}),
            ("BAD_PACKET", "$none", {}),
            ("COOKIE_COLLISION", "p", {"cookie": waiting}),
            ("NO_CAPACITY", "p", {"wait": 0}),
            ("NO_CAPACITY", "p", {}),
        ):
            with self.subTest(rc=rc, pipeline=pipeline, keys=keys):
                self.assertEqual(client.ask(pipeline, detach=True, **keys).rc, rc)


class Cookies(FabricCase):
    def test_the_cookie_of_a_task_that_is_there_collides(self):
        """PROTOCOL 4, COOKIE_COLLISION; that task is not disturbed"""
        client, other, packed = self.client(), self.client(), self.client(MSGPACK)
        cookie = new_cookie()
        octets = bytes.fromhex(cookie.replace("-", ""))
        client.run("p", "original", cookie=cookie)
        client.expect_nothing()
        worker = self.worker(2)
        for state in ("queued", "running"):
            if state == "running":
                worker.take(cookie)
            for peer, spelling in ((client, cookie), (other, cookie.upper()), (packed, octets)):
                with self.subTest(state=state, spelling=spelling):
                    peer.run("p", cookie=spelling)
                    peer.expect_result("COOKIE_COLLISION", cookie)
        worker.expect_nothing()
        worker.finish(cookie, "original")
        self.assertEqual(client.expect_result("OK", cookie).document(), "original")
        for peer in (other, packed):
            peer.expect_nothing()

    def test_a_cookie_can_be_used_again_after_its_tasks_end(self):
        """PROTOCOL 4, COOKIE_COLLISION: a task that is there"""
        one, two, worker = self.client(), self.client(), self.worker()
        cookie = new_cookie()
        for client in (one, two, one, one):
            client.run("p", cookie=cookie)
            worker.finish(worker.take(cookie))
            client.expect_result("OK", cookie)

    def test_a_late_result_does_not_end_a_new_task_with_the_same_cookie(self):
        """PROTOCOL 5.5: RESULT from the worker that holds the task"""
        client, old, new = self.client(), self.worker(1, ["old"]), self.worker(1, ["new"])
        cookie = client.run("old", timeout=200)
        old.take(cookie)
        client.expect_result("TIMED_OUT", cookie)
        old.expect("CANCEL", cookie=cookie)
        client.run("new", cookie=cookie)
        client.expect_nothing()
        old.finish(cookie, "late")
        old.expect_nothing()
        client.expect_nothing()
        new.take(cookie)
        new.finish(cookie, "right")
        self.assertEqual(client.expect_result("OK", cookie).document(), "right")


class Timeouts(FabricCase):
    @both_codecs
    def test_a_waiting_task_times_out(self, codec):
        """PROTOCOL 2: timeout; section 4, TIMED_OUT"""
        client, worker = self.client(codec), self.worker(0, codec=codec)
        with self.takes_at_least(300):
            cookie = client.run("p", timeout=300, wait=LONG)
            client.expect_result("TIMED_OUT", cookie)
        worker.register(1)
        worker.expect_nothing()

    @both_codecs
    def test_a_running_task_times_out_and_its_worker_is_told(self, codec):
        """PROTOCOL 4, TIMED_OUT: the worker is sent a CANCEL"""
        client, worker = self.pair(codec)
        with self.takes_at_least(300):
            cookie = client.run("p", timeout=300, stream=True)
            worker.take(cookie)
            client.expect_result("TIMED_OUT", cookie)
        worker.expect("CANCEL", cookie=cookie)
        worker.partial(cookie, 1, seq=0)
        worker.finish(cookie, rc="CANCELLED")
        worker.expect_nothing()
        client.expect_nothing()

    def test_the_slot_stays_taken_until_the_worker_lets_go(self):
        """PROTOCOL 5.2, 3: the RESULT frees the slot"""
        client, worker = self.pair()
        first = client.run("p", timeout=200)
        worker.take(first)
        second = client.run("p")
        client.expect_result("TIMED_OUT", first)
        self.assertEqual([p.type for p in worker.sync()], ["CANCEL"])
        worker.finish(first, rc="CANCELLED")
        worker.take(second)
        worker.finish(second)
        client.expect_result("OK", second)

    def test_the_time_in_the_queue_counts(self):
        """PROTOCOL 2: the whole task must end within this time"""
        client, worker = self.client(), self.worker(1, ["p"])
        first, second = client.run("p"), client.run("p", timeout=800)
        worker.take(first)
        client.expect_nothing()
        self.let_pass(400)
        worker.finish(first)
        client.expect_result("OK", first)
        clock = client.run("nobody.serves.this", timeout=600)
        client.expect_result("TIMED_OUT", second)
        client.expect_result("TIMED_OUT", clock)

    def test_a_task_that_ends_in_time_is_not_timed_out(self):
        """PROTOCOL 2: timeout"""
        client, worker = self.pair()
        timeout = int(1000 * min(SLOW, 3))
        cookie = client.run("p", timeout=timeout)
        worker.finish(worker.take(cookie))
        client.expect_result("OK", cookie)
        self.let_pass(timeout + 100)
        client.expect_nothing()
        worker.expect_nothing()

    def test_deadlines_ring_in_their_order(self):
        """PROTOCOL 2: timeout"""
        client = self.client()
        cookies = {ms: client.run("p", timeout=ms) for ms in (900, 300, 600)}
        for ms in sorted(cookies):
            client.expect_result("TIMED_OUT", cookies[ms])


if __name__ == "__main__":
    unittest.main()
