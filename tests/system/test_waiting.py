"""Tasks that wait (PROTOCOL section 5, step 3): order, turns, bounds."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import FabricCase, both_codecs

LONG = 600000  # ms: longer than any test


class OrderCase(FabricCase):
    def submit(self, client, count=1, **keys):
        """RUNs that are waiting at the broker when this returns; their cookies."""
        cookies = [client.run("p", **keys) for _ in range(count)]
        client.expect_nothing()
        return cookies

    def served(self, count, worker=None):
        """The cookies of the next tasks that one worker with one slot gets, in order."""
        worker = worker or self.worker()
        return [run.header["cookie"] for run in worker.serve(count, lambda run: None)]


class Order(OrderCase):
    @both_codecs
    def test_one_clients_tasks_of_one_priority_run_as_they_arrived(self, codec):
        """PROTOCOL 5.3: in order of arrival"""
        cookies = self.submit(self.client(codec), 40)
        self.assertEqual(self.served(40, self.worker(codec=codec)), cookies)

    def test_higher_priorities_are_served_first(self):
        """PROTOCOL 5.3: by priority; section 2: 9 is served first, default 5"""
        client = self.client()
        by_priority = {p: [] for p in range(10)}
        for priority in (3, 9, 0, 5, 7, None, 1, 8, 2, 6, 4, 9, 0, None, 5):
            keys = {} if priority is None else {"priority": priority}
            by_priority[5 if priority is None else priority] += self.submit(client, **keys)
        wanted = [cookie for p in range(9, -1, -1) for cookie in by_priority[p]]
        self.assertEqual(self.served(len(wanted)), wanted)

    def test_a_high_priority_overtakes_what_waits_already(self):
        """PROTOCOL 5.3: by priority, then in turn between clients"""
        one, two = self.client(), self.client()
        first = self.submit(one, 3)
        urgent = self.submit(two, 2, priority=6)
        self.assertEqual(self.served(5), urgent + first)

    def test_clients_take_turns(self):
        """PROTOCOL 5.3: then in turn between clients"""
        sizes = (7, 3, 1, 3)
        queues = [self.submit(self.client(), size) for size in sizes]
        served = self.served(sum(sizes))
        for round_number in range(max(sizes)):
            turn = {queue[round_number] for queue in queues if len(queue) > round_number}
            got, served = set(served[: len(turn)]), served[len(turn) :]
            self.assertEqual(got, turn, f"round {round_number}")

    def test_clients_take_turns_within_each_priority(self):
        """PROTOCOL 5.3: by priority, then in turn between clients"""
        one, two = self.client(), self.client()
        low = (self.submit(one, 2, priority=1), self.submit(two, 2, priority=1))
        high = (self.submit(one, 2, priority=8), self.submit(two, 2, priority=8))
        served = self.served(8)
        for queues in (high, low):
            for number in range(2):
                self.assertEqual(set(served[:2]), {queue[number] for queue in queues})
                served = served[2:]

    def test_one_that_submits_much_delays_anothers_first_by_a_turn_at_most(self):
        """PROTOCOL 5.3: then in turn between clients"""
        greedy, worker = self.client(), self.worker()
        self.submit(greedy, 500)
        run = worker.take()
        for _ in range(5):
            late = self.submit(self.client())[0]
            served = []
            for _ in range(2):
                worker.finish(run)
                run = worker.take()
                served.append(run.header["cookie"])
            self.assertIn(late, served)
            self.assertTrue(all(p.rc == "OK" for p in greedy.sync()))

    def test_a_task_that_nobody_serves_holds_nobody_up(self):
        """PROTOCOL 5.3: a task for which no worker with room comes holds nobody up"""
        client, full, worker = self.client(), self.worker(1, ["full"]), self.worker(1, ["p"])
        running = client.run("full")
        full.take(running)
        for _ in range(5):
            client.run("nobody", priority=9)
            client.run("full", priority=9)
        cookies = [client.run("p", priority=0) for _ in range(3)]
        for cookie in cookies:
            worker.finish(worker.take(cookie))
            client.expect_result("OK", cookie)
        full.expect_nothing()

    def test_what_waits_goes_to_the_worker_that_serves_it(self):
        """PROTOCOL 5.2, 5.3"""
        client = self.client()
        cookies = {name: client.run(name) for name in ("b.x", "a", "c")}
        client.expect_nothing()
        for name, pattern in (("a", "a"), ("b.x", "b.*"), ("c", "*")):
            self.worker(9, [pattern]).take(cookies[name])


class Wait(OrderCase):
    @both_codecs
    def test_wait_0_is_refused_at_once_where_no_worker_is_free(self, codec):
        """PROTOCOL 2: wait 0: none; section 4, NO_CAPACITY"""
        client = self.client(codec)
        self.assertEqual(client.ask("p", wait=0).rc, "NO_CAPACITY")
        worker = self.worker(codec=codec)
        cookie = client.run("p", wait=0)
        worker.take(cookie)
        self.assertEqual(client.ask("p", wait=0).rc, "NO_CAPACITY")
        worker.finish(cookie)
        client.expect_result("OK", cookie)
        worker.take(client.run("p", wait=0))

    def test_a_refused_task_leaves_no_trace(self):
        """PROTOCOL 5.1"""
        client = self.client()
        cookie = client.run("p", wait=0)
        client.expect_result("NO_CAPACITY", cookie)
        client.run("p", cookie=cookie)
        client.expect_nothing()
        self.assertEqual(self.served(1), [cookie])
        client.expect_result("OK", cookie)

    def test_wait_bounds_the_time_in_the_queue(self):
        """PROTOCOL 2: longest time in the queue; section 4, NO_CAPACITY"""
        client, worker = self.client(), self.worker(1, ["q"])
        with self.takes_at_least(300):
            cookie = client.run("p", wait=300)
            client.expect_result("NO_CAPACITY", cookie)
        worker.register(1, ["*"])
        worker.expect_nothing()

    def test_wait_ends_when_the_task_is_given_to_a_worker(self):
        """PROTOCOL 2: until the task is first given to a worker"""
        client, worker = self.pair()
        cookie = client.run("p", wait=100)
        worker.take(cookie)
        self.let_pass(250)
        client.expect_nothing()
        worker.finish(cookie)
        client.expect_result("OK", cookie)

    def test_the_shortest_wait_ends_first(self):
        """PROTOCOL 2: wait"""
        client = self.client()
        waits = (900, 300, 600)
        with self.takes_at_least(900):
            cookies = {wait: client.run("p", wait=wait) for wait in waits}
            for wait in sorted(waits):
                client.expect_result("NO_CAPACITY", cookies[wait])

    def test_queue_wait_is_the_default_and_not_a_bound(self):
        """PROTOCOL 2: wait, default: the broker's --queue-wait"""
        self.start("--queue-wait", "300")
        client = self.client()
        patient = client.run("p", wait=LONG)
        with self.takes_at_least(300):
            hasty = client.run("p")
            client.expect_result("NO_CAPACITY", hasty)
        self.assertEqual(self.served(1), [patient])


class Bounds(OrderCase):
    def test_a_full_queue_refuses_at_once(self):
        """PROTOCOL 5.3: the queue is bounded (--queue)"""
        self.start("--queue", "3")
        one, two = self.client(), self.client()
        waiting = self.submit(one, 2) + self.submit(two, 1)
        for client in (one, two):
            for priority in (0, 9):
                self.assertEqual(client.ask("p", priority=priority).rc, "NO_CAPACITY")
        self.assertCountEqual(self.served(3), waiting)

    def test_the_queue_has_room_again_when_a_task_leaves_it(self):
        """PROTOCOL 5.3, 5.6"""
        self.start("--queue", "2")
        client = self.client()
        first, second = self.submit(client, 2)
        client.cancel(first)
        client.expect_result("CANCELLED", first)
        third = self.submit(client)[0]
        self.assertEqual(client.ask("p").rc, "NO_CAPACITY")
        self.assertEqual(self.served(2), [second, third])

    def test_what_runs_is_not_in_the_queue(self):
        """PROTOCOL 5.3"""
        self.start("--queue", "1")
        client, worker = self.pair(capacity=5)
        running = self.submit(client, 5)
        self.assert_same_cookies([worker.take() for _ in running], running)
        waiting = self.submit(client)[0]
        self.assertEqual(client.ask("p").rc, "NO_CAPACITY")
        worker.finish(running[0])
        worker.take(waiting)

    def test_a_client_has_at_most_client_tasks_open(self):
        """PROTOCOL 5.3: a client has at most --client-tasks open"""
        self.start("--client-tasks", "3")
        client, other, worker = self.client(), self.client(), self.worker(2)
        held = [worker.take(cookie) for cookie in self.submit(client, 2)]
        waiting = self.submit(client)[0]
        self.assertEqual(client.ask("p").rc, "NO_CAPACITY")
        others = self.submit(other, 3)
        worker.finish(held[0])
        client.expect_result("OK")
        self.submit(client)
        self.assertEqual(client.ask("p").rc, "NO_CAPACITY")
        self.assertIn(worker.take().header["cookie"], [waiting, *others])

    def test_the_broker_goes_on_when_everything_is_full(self):
        """PROTOCOL 5.3; section 7: answered by the broker itself"""
        self.start("--queue", "10", "--client-tasks", "20")
        clients = [self.client() for _ in range(10)]
        for client in clients:
            for _ in range(30):
                client.run("p")
        refused = [p for client in clients for p in client.sync()]
        self.assertEqual({p.rc for p in refused}, {"NO_CAPACITY"})
        self.assertEqual(len(refused), 300 - 10)
        self.assertEqual(self.client().ask("$ping").rc, "OK")


if __name__ == "__main__":
    unittest.main()
