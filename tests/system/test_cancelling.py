"""CANCEL (PROTOCOL section 5, step 6): queued, running, by others, unknown, with the grace."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import FabricCase, both_codecs
from fabric_packets import BOTH, MSGPACK, new_cookie


class Waiting(FabricCase):
    @both_codecs
    def test_a_waiting_task_is_cancelled_at_once(self, codec):
        """PROTOCOL 5.6: CANCEL of a waiting task ends it at once with CANCELLED"""
        client = self.client(codec)
        cookies = [client.run("p") for _ in range(3)]
        client.cancel(cookies[1])
        client.expect_result("CANCELLED", cookies[1])
        client.expect_nothing()
        worker = self.worker(3, codec=codec)
        self.assert_same_cookies([worker.take(), worker.take()], [cookies[0], cookies[2]])
        worker.expect_nothing()

    def test_another_client_may_cancel_it(self):
        """PROTOCOL 5: any client that knows a task's cookie may cancel it; section 4, OK"""
        client, other = self.client(), self.client(MSGPACK)
        cookie = client.run("p")
        client.expect_nothing()
        other.cancel(cookie.upper())
        other.expect_result("OK", cookie)
        client.expect_result("CANCELLED", cookie)
        other.expect_nothing()


class Running(FabricCase):
    def running(self, codec="json", **keys):
        client, worker = self.pair(codec)
        cookie = client.run("p", **keys)
        worker.take(cookie)
        return client, worker, cookie

    @both_codecs
    def test_it_goes_to_the_worker_whose_result_ends_the_task(self, codec):
        """PROTOCOL 5.6: CANCEL of a running task goes to its worker"""
        client, worker, cookie = self.running(codec)
        client.cancel(cookie)
        worker.expect("CANCEL", cookie=cookie)
        client.expect_nothing()
        worker.finish(cookie, rc="CANCELLED", error="as you wish")
        self.assertEqual(client.expect_result("CANCELLED", cookie).error, "as you wish")
        client.expect_nothing()

    def test_a_worker_that_was_quicker_answers_ok(self):
        """PROTOCOL 5.6: CANCELLED, or OK if it was quicker"""
        client, worker, cookie = self.running()
        client.cancel(cookie)
        worker.expect("CANCEL", cookie=cookie)
        worker.finish(cookie, [42])
        self.assertEqual(client.expect_result("OK", cookie).document(), [42])
        client.expect_nothing()

    def test_another_client_may_cancel_it(self):
        """PROTOCOL 5: any client that knows a task's cookie may cancel it; section 4, OK"""
        client, worker, cookie = self.running()
        other = self.client(MSGPACK)
        other.cancel(bytes.fromhex(cookie.replace("-", "")))
        worker.expect("CANCEL", cookie=cookie)
        worker.finish(cookie, rc="CANCELLED")
        client.expect_result("CANCELLED", cookie)
        other.expect_result("OK", cookie)
        for peer in (client, other):
            peer.expect_nothing()

    def test_two_cancels_make_one_result(self):
        """PROTOCOL 3: every RUN that is not detached gets exactly one"""
        client, worker, cookie = self.running()
        for _ in range(2):
            client.cancel(cookie)
        worker.expect("CANCEL", cookie=cookie)
        worker.finish(cookie, rc="CANCELLED")
        worker.sync()
        results = [packet for packet in client.sync() if packet.rc == "CANCELLED"]
        self.assert_same_cookies(results, [cookie])

    def test_partials_go_on_until_the_result(self):
        """PROTOCOL 5.4: PARTIALs of the worker that holds the task"""
        client, worker, cookie = self.running(stream=True)
        client.cancel(cookie)
        worker.expect("CANCEL", cookie=cookie)
        worker.partial(cookie, "last words", seq=0)
        worker.finish(cookie, rc="CANCELLED")
        self.assertEqual(client.expect("PARTIAL", cookie=cookie).document(), "last words")
        client.expect_result("CANCELLED", cookie)

    def test_a_worker_goes_on_serving_after_a_cancel(self):
        """PROTOCOL 3: the RESULT frees the slot"""
        client, worker = self.pair(capacity=2)
        for _ in range(20):
            kept, dropped = client.run("p"), client.run("p")
            for cookie in (kept, dropped):
                worker.take(cookie)
            client.cancel(dropped)
            worker.expect("CANCEL", cookie=dropped)
            worker.finish(dropped, rc="CANCELLED")
            client.expect_result("CANCELLED", dropped)
            worker.finish(kept)
            client.expect_result("OK", kept)

    def test_a_detached_task_can_be_cancelled_by_another(self):
        """PROTOCOL 5: any client that knows a task's cookie may cancel it"""
        client, worker, cookie = self.running(detach=True)
        other = self.client()
        other.cancel(cookie)
        other.expect_result("OK", cookie)
        worker.expect("CANCEL", cookie=cookie)
        worker.finish(cookie, rc="CANCELLED")
        worker.sync()
        client.expect_nothing()


class Unknown(FabricCase):
    def test_a_task_that_is_not_there_is_not_found(self):
        """PROTOCOL 4, COOKIE_NOT_FOUND: CANCEL of a task that is not there"""
        for codec in BOTH:
            client = self.client(codec)
            cookie = new_cookie()
            client.cancel(cookie)
            client.expect_result("COOKIE_NOT_FOUND", cookie)

    def test_a_task_that_has_ended_is_not_found(self):
        """PROTOCOL 4, COOKIE_NOT_FOUND"""
        client, worker = self.pair()
        cookie = client.run("p")
        worker.finish(worker.take(cookie))
        client.expect_result("OK", cookie)
        for peer in (client, self.client()):
            peer.cancel(cookie)
            peer.expect_result("COOKIE_NOT_FOUND", cookie)
        worker.expect_nothing()


class Grace(FabricCase):
    GRACE = 300  # ms

    def deaf(self):
        """A task that was cancelled and whose worker took no notice, and one that waits behind it."""
        self.start("--cancel-grace", self.GRACE)
        client, worker = self.pair()
        cookie, behind = client.run("p", stream=True), client.run("p")
        client.expect_nothing()
        worker.take(cookie)
        with self.takes_at_least(self.GRACE):
            client.cancel(cookie)
            client.expect_result("CANCELLED", cookie)
        worker.expect("CANCEL", cookie=cookie)
        return client, worker, cookie, behind

    def test_the_broker_answers_when_the_worker_does_not(self):
        """PROTOCOL 5.6: if none comes within --cancel-grace, the broker answers CANCELLED itself"""
        client, worker, cookie, behind = self.deaf()
        client.expect_nothing()

    def test_the_slot_stays_taken_until_the_workers_result(self):
        """PROTOCOL 5.6: and the slot stays taken until the worker's RESULT comes"""
        client, worker, cookie, behind = self.deaf()
        worker.expect_nothing()
        worker.partial(cookie, "late", seq=0)
        worker.expect_nothing()
        worker.finish(cookie, rc="CANCELLED")
        worker.take(behind)
        worker.finish(cookie)
        worker.expect_nothing()
        client.expect_nothing()
        worker.finish(behind)
        client.expect_result("OK", behind)

    def test_the_slot_is_free_when_the_worker_goes(self):
        """PROTOCOL 5.6: or the worker goes"""
        client, worker, cookie, behind = self.deaf()
        worker.close()
        self.worker().take(behind)
        client.expect_nothing()

    def test_a_worker_that_answers_in_time_is_not_overruled(self):
        """PROTOCOL 5.6"""
        self.start("--cancel-grace", "1000")
        client, worker = self.pair()
        cookie = client.run("p")
        worker.take(cookie)
        client.cancel(cookie)
        worker.expect("CANCEL", cookie=cookie)
        worker.finish(cookie, "done")
        client.expect_result("OK", cookie)
        self.let_pass(1100)
        client.expect_nothing()

    def test_the_cookie_can_be_used_again_after_the_broker_answered(self):
        """PROTOCOL 4, COOKIE_COLLISION: a task that is there"""
        client, worker, cookie, behind = self.deaf()
        client.run("p", "again", cookie=cookie)
        client.expect_nothing()
        worker.finish(cookie, rc="CANCELLED")
        worker.take(behind)
        worker.finish(behind)
        client.expect_result("OK", behind)
        self.assertEqual(worker.take(cookie).document(), "again")
        worker.finish(cookie, "again")
        self.assertEqual(client.expect_result("OK", cookie).document(), "again")


if __name__ == "__main__":
    unittest.main()
