"""Which worker gets a task (PROTOCOL section 5, step 2), and workers that change their mind."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import FabricCase


class ChoiceCase(FabricCase):
    def fill(self, client, worker, pipeline, count):
        """Gives `worker` that many tasks, by a pipeline that only it serves; their cookies."""
        cookies = [client.run(pipeline) for _ in range(count)]
        for cookie in cookies:
            worker.take(cookie)
        return cookies

    def assert_goes_to(self, client, worker, others, pipeline="x"):
        cookie = client.run(pipeline)
        worker.take(cookie)
        for peer in others:
            peer.expect_nothing()
        return cookie


class Pipelines(ChoiceCase):
    def test_a_task_goes_only_to_a_worker_that_serves_its_pipeline(self):
        """PROTOCOL 2, header keys: exact names, or prefixes that end in `*`"""
        client = self.client()
        exact = self.worker(100, ["report", "a.b.c"])
        prefix = self.worker(100, ["image.*", "r*port"])
        several = self.worker(100, ["x", "y", "z*"])
        everyone = {exact, prefix, several}
        for pipeline, worker in (
            ("report", exact), ("a.b.c", exact), ("image.", prefix), ("image.resize", prefix),
            ("x", several), ("y", several), ("z", several), ("zebra", several), ("z*", several),
        ):
            with self.subTest(pipeline=pipeline):
                self.assert_goes_to(client, worker, everyone - {worker}, pipeline)
        for pipeline in ("reports", "repor", "Report", "a.b", "image", "images.x", "xx", "Z", "\u00e9"):
            with self.subTest(pipeline=pipeline):
                self.assertEqual(client.ask(pipeline, wait=0).rc, "NO_CAPACITY")

    def test_an_exact_name_and_a_prefix_serve_alike(self):
        """PROTOCOL 5.2: to the least loaded that serves the pipeline"""
        client = self.client()
        exact, prefix, star = (self.worker(1, [p]) for p in ("job.a", "job.*", "*"))
        cookies = {client.run("job.a") for _ in range(3)}
        taken = {worker.take().header["cookie"] for worker in (exact, prefix, star)}
        self.assertEqual(taken, cookies)


class LeastLoaded(ChoiceCase):
    def test_the_smallest_share_of_capacity_in_use_wins(self):
        """PROTOCOL 5.2: to the least loaded by the share of its capacity in use"""
        client = self.client()
        for small, small_busy, large, large_busy, wins in (
            (2, 1, 4, 1, "large"),
            (2, 1, 10, 4, "large"),
            (2, 1, 10, 6, "small"),
            (3, 1, 100, 34, "small"),
            (3, 1, 100, 33, "large"),
            (1, 0, 1000, 1, "small"),
        ):
            with self.subTest(small=(small_busy, small), large=(large_busy, large)):
                workers = {
                    "small": self.worker(small, ["small", "x"]),
                    "large": self.worker(large, ["large", "x"]),
                }
                self.fill(client, workers["small"], "small", small_busy)
                self.fill(client, workers["large"], "large", large_busy)
                winner = workers.pop(wins)
                self.assert_goes_to(client, winner, workers.values())
                for worker in (winner, *workers.values()):
                    worker.register(0, ["nothing"])

    def test_a_full_worker_is_passed_over(self):
        """PROTOCOL 5.2: a free slot"""
        client = self.client()
        full, free = self.worker(1, ["full", "x"]), self.worker(100, ["free", "x"])
        self.fill(client, full, "full", 1)
        self.fill(client, free, "free", 98)
        for _ in range(2):
            self.assert_goes_to(client, free, [full])

    def test_among_equals_the_one_idle_longest_wins(self):
        """PROTOCOL 5.2: among equals to the one idle longest"""
        client = self.client()
        names = ("a", "b", "c")
        workers = {name: self.worker(1, [name, "x"]) for name in names}
        for order in (("a", "b", "c"), ("c", "a", "b"), ("b", "a", "c")):
            with self.subTest(order=order):
                tasks = {name: self.fill(client, workers[name], name, 1)[0] for name in names}
                for name in order:
                    workers[name].finish(tasks[name])
                    client.expect_result("OK", tasks[name])
                last = [self.assert_goes_to(client, workers[name], []) for name in order]
                for name, cookie in zip(order, last):
                    workers[name].finish(cookie)
                    client.expect_result("OK", cookie)


class Capacity(ChoiceCase):
    def test_a_worker_is_never_sent_more_than_its_capacity(self):
        """PROTOCOL 5.2: never more tasks than its capacity"""
        client, worker = self.pair(capacity=3)
        cookies = [client.run("p") for _ in range(10)]
        client.sync()
        held = [worker.take(cookie) for cookie in cookies[:3]]
        worker.expect_nothing()
        for cookie in cookies[3:]:
            worker.finish(held.pop(0))
            held.append(worker.take(cookie))
            worker.expect_nothing()

    def test_one_result_makes_room_for_one_task_only(self):
        """PROTOCOL 3: a RESULT frees the slot"""
        client, worker = self.pair(capacity=2)
        cookies = [client.run("p") for _ in range(5)]
        client.sync()
        first = worker.take(cookies[0])
        worker.take(cookies[1])
        for _ in range(3):
            worker.finish(first)
        worker.take(cookies[2])
        worker.expect_nothing()

    def test_capacity_0_is_none_for_now(self):
        """PROTOCOL 2, header keys: capacity 0: none for now"""
        client, worker = self.pair(capacity=0)
        cookie = client.run("p")
        client.sync()
        worker.expect_nothing()
        worker.register(1)
        worker.take(cookie)
        worker.register(0)
        second = client.run("p")
        client.sync()
        worker.finish(cookie)
        client.expect_result("OK", cookie)
        worker.expect_nothing()
        worker.register(1)
        worker.take(second)


class RegisteringAgain(ChoiceCase):
    def test_it_replaces_the_capacity_and_does_not_add_to_it(self):
        """PROTOCOL 3: sent again it replaces capacity"""
        client, worker = self.pair(capacity=2)
        worker.register(2)
        worker.register(3)
        cookies = [client.run("p") for _ in range(6)]
        client.sync()
        held = [worker.take(cookie) for cookie in cookies[:3]]
        worker.expect_nothing()
        worker.register(4)
        held.append(worker.take(cookies[3]))
        worker.expect_nothing()
        self.shrinks_below_what_is_running(client, worker, held, cookies[4:])

    def shrinks_below_what_is_running(self, client, worker, held, waiting):
        worker.register(2)
        for _ in range(2):
            worker.finish(held.pop())
            client.expect_result("OK")
            worker.expect_nothing()
        worker.finish(held.pop())
        worker.take(waiting[0])
        worker.expect_nothing()
        worker.finish(held.pop())
        worker.take(waiting[1])

    def test_it_touches_no_running_task(self):
        """PROTOCOL 3: and touches no running task"""
        client, worker = self.pair(capacity=2)
        cookie = client.run("p", stream=True)
        worker.take(cookie)
        worker.register(0, ["q"], name="another")
        worker.partial(cookie, "piece", seq=0)
        worker.finish(cookie, "done")
        self.assertEqual(client.expect("PARTIAL", cookie=cookie).document(), "piece")
        self.assertEqual(client.expect_result("OK", cookie).document(), "done")

    def test_it_replaces_the_pipelines(self):
        """PROTOCOL 3: sent again it replaces pipelines"""
        client, worker = self.client(), self.worker(10, ["old", "both"])
        worker.register(10, ["new", "both"])
        cookies = [client.run("new"), client.run("both")]
        self.assert_same_cookies([worker.take(), worker.take()], cookies)
        self.assertEqual(client.ask("old", wait=0).rc, "NO_CAPACITY")
        waiting = client.run("old")
        client.sync()
        worker.register(10, ["old"])
        worker.take(waiting)

    def test_a_bad_one_changes_nothing(self):
        """PROTOCOL 2, header keys: pipelines; section 4, BAD_PACKET"""
        client, worker = self.pair(capacity=1)
        worker.send({"packet_type": "REGISTER", "capacity": 5, "pipelines": ["$x"]})
        self.assert_bad(worker.recv(), "pipelines")
        cookies = [client.run("p"), client.run("p")]
        client.sync()
        worker.take(cookies[0])
        worker.expect_nothing()


if __name__ == "__main__":
    unittest.main()
