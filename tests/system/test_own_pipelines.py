"""The broker's own pipelines (PROTOCOL section 7).

Where the section gives words and not keys, a value is looked for under any key that has the word.
"""

import pathlib
import re
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import FabricCase, both_codecs
from fabric_packets import JSON, MSGPACK, cookie_uuid, encode, new_cookie
from fabric_process import eventually


def leaves(document, path=""):
    """(path, value) of every value in a document, the path in lower case."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from leaves(value, f"{path}/{key}".lower())
    elif isinstance(document, list):
        for value in document:
            yield from leaves(value, path)
    else:
        yield path, document


class OwnPipelineCase(FabricCase):
    def ask(self, pipeline, document=None, codec=JSON):
        """The document with which the broker answers a new client."""
        client = self.client(codec)
        packet = client.ask(pipeline, document)
        self.assertEqual(packet.rc, "OK", packet)
        client.expect_nothing()
        client.vanish()
        return packet.document()

    def values(self, document, words):
        found = [value for path, value in leaves(document) if re.search(words, path)]
        self.assertTrue(found, f"nothing is called {words} in {document}")
        return found

    def number(self, document, words):
        """The one number that is called like that."""
        numbers = [v for v in self.values(document, words) if isinstance(v, (int, float))]
        self.assertTrue(numbers, f"no number is called {words} in {document}")
        return numbers[0]


class Ping(OwnPipelineCase):
    @both_codecs
    def test_ping_tells_the_version_and_the_protocol(self, codec):
        """PROTOCOL 7, $ping"""
        answer = self.ask("$ping", codec=codec)
        self.assertEqual(answer["protocol"], 1)
        self.assertRegex(answer["version"], r"^\d+\.\d+")

    def test_it_needs_no_variables_and_no_worker_and_does_not_wait(self):
        """PROTOCOL 7: answered by the broker itself, with no worker there"""
        client = self.client()
        for keys in ({}, {"wait": 0}, {"payload": b"{}"}, {"variables": "{}"}, {"timeout": 60000}):
            self.assertEqual(client.ask("$ping", **keys).rc, "OK")

    def test_many_are_answered_in_order(self):
        """PROTOCOL 7"""
        client = self.client()
        cookies = [client.run("$ping") for _ in range(500)]
        self.assert_same_cookies([client.expect_result("OK") for _ in cookies], cookies)


class OtherNames(OwnPipelineCase):
    @both_codecs
    def test_another_name_is_a_bad_packet_and_no_worker_gets_it(self, codec):
        """PROTOCOL 7: another name that starts with `$`; a worker's `*` does not reach them"""
        client, worker = self.pair(codec, capacity=100)
        for name in ("$", "$nope", "$PING", "$ping ", "$ping.x", "$statusx", "$*", "$$ping"):
            with self.subTest(name=name):
                self.assert_bad(client.ask(name))
        for name in ("$ping", "$status", "$workers", "$tasks", "$metrics"):
            self.assertEqual(client.ask(name).rc, "OK")
        worker.expect_nothing()
        worker.take(client.run("a$ping"))


class Status(OwnPipelineCase):
    @both_codecs
    def test_status_counts_clients_workers_slots_and_the_queue(self, codec):
        """PROTOCOL 7, $status: counts of clients, workers, slots, queue length and limit"""
        self.start("--queue", "4321")
        client = self.client()
        workers = [self.worker(3, ["p"]), self.worker(4, ["p"])]
        running = [client.run("p") for _ in range(2)]
        taken = [worker.take() for worker in workers]
        self.assertEqual(len(taken), len(running))
        for _ in range(5):
            client.run("nobody")
        client.expect_nothing()
        status = self.ask("$status", codec=codec)
        self.assertIn(2, self.values(status, "worker"))
        self.assertIn(7, self.values(status, "slot"))
        self.assertIn(2, self.values(status, "slot|busy"))
        self.assertIn(5, self.values(status, "queue"))
        self.assertIn(4321, self.values(status, "queue"))
        self.assertGreaterEqual(self.number(status, "client"), 1)
        self.assertGreaterEqual(self.number(status, "uptime"), 0)

    def test_status_counts_tasks_by_outcome(self):
        """PROTOCOL 7, $status: tasks by outcome"""
        client, worker = self.pair()
        for rc, count in (("OK", 5), ("PROCESSOR_EXCEPTION", 3), ("CANCELLED", 2)):
            for _ in range(count):
                cookie = client.run("p")
                worker.finish(worker.take(cookie), rc=rc)
                client.expect_result(rc, cookie)
        status = self.ask("$status")
        self.assertIn(3, self.values(status, "processor.?exception$"))
        self.assertIn(2, self.values(status, "cancelled$"))
        ok = self.values(status, r"\bok$")
        self.assertTrue({5, 6} & set(ok), status)  # 6 where $status counts itself

    def test_status_counts_octets_and_rates(self):
        """PROTOCOL 7, $status: octets, and rates"""
        client, worker = self.pair()
        before = sum(v for v in self.values(self.ask("$status"), "octets") if v is not None)
        for _ in range(3):
            cookie = client.run("p", "x" * 100000)
            worker.finish(worker.take(cookie))
            client.expect_result("OK", cookie)
        status = self.ask("$status")
        self.assertGreaterEqual(sum(self.values(status, "octets")) - before, 300000)
        self.values(status, "rate")


class Metrics(OwnPipelineCase):
    def metrics(self, codec=JSON):
        document = self.ask("$metrics", codec=codec)
        return document, {row["pipeline"]: row for row in document["pipelines"]}

    @both_codecs
    def test_metrics_count_tasks_by_pipeline_and_outcome(self, codec):
        """PROTOCOL 7, $metrics: tasks by pipeline: waiting, running, outcomes"""
        client, worker = self.client(codec), self.worker(2, ["p", "q"], codec)
        for pipeline, rc in (("p", "OK"), ("p", "OK"), ("p", "EXCEPTION"), ("q", "CANCELLED")):
            cookie = client.run(pipeline)
            worker.finish(worker.take(cookie), rc=rc)
            client.expect_result(rc, cookie)
        for _ in range(3):
            client.run("p")
        worker.take(), worker.take()
        client.run("nobody", wait=1)
        client.expect_result("NO_CAPACITY")
        client.run("nobody")
        client.expect_nothing()
        document, rows = self.metrics(codec)
        self.assertEqual(set(rows), {None, "p", "q"})
        self.assertEqual(
            {name: (row["queued"], row["running"]) for name, row in rows.items()},
            {None: (1, 0), "p": (1, 2), "q": (0, 0)},
        )
        ended = {name: {rc: n for rc, n in row["outcomes"].items() if n} for name, row in rows.items()}
        self.assertEqual(
            ended,
            {None: {"NO_CAPACITY": 1}, "p": {"OK": 2, "EXCEPTION": 1}, "q": {"CANCELLED": 1}},
        )
        for rc, count in document["tasks"]["outcomes"].items():
            self.assertEqual(sum(row["outcomes"][rc] for row in rows.values()), count)

    def test_metrics_tell_how_long_tasks_waited_and_ran(self):
        """PROTOCOL 7, $metrics: histograms, in ms; the last bucket has what is longer than all"""
        client, worker = self.pair()
        first, second = client.run("p"), client.run("p")
        task = worker.take(first)
        self.let_pass(30)
        worker.finish(task)
        worker.finish(worker.take(second))
        client.expect_result("OK", first)
        client.expect_result("OK", second)
        document, rows = self.metrics()
        self.assertEqual(document["bounds"], sorted(document["bounds"]))
        for name in ("waited", "ran"):
            histogram = rows["p"][name]
            self.assertEqual(len(histogram["counts"]), len(document["bounds"]) + 1)
            self.assertEqual(sum(histogram["counts"]), 2)
            self.assertGreaterEqual(histogram["sum"], 29)
            longest = max(i for i, count in enumerate(histogram["counts"]) if count)
            self.assertGreaterEqual(([*document["bounds"], float("inf")])[longest], 29)

    def test_metrics_know_the_process_and_its_connections(self):
        """PROTOCOL 7, $metrics: connections, process"""
        client, worker = self.pair()
        client.sync()
        before, _ = self.metrics()
        self.assertEqual(before["connections"]["workers"], {"accepted": 1, "closed": 0})
        worker.close()
        eventually(
            lambda: self.metrics()[0]["connections"]["workers"] == {"accepted": 1, "closed": 1},
            "the connection is counted as closed",
        )
        after, _ = self.metrics()
        clients = after["connections"]["clients"]
        self.assertGreater(clients["accepted"], before["connections"]["clients"]["accepted"])
        process = after["process"]
        self.assertGreater(process["resident"], 1 << 20)
        self.assertGreater(process["virtual"], process["resident"])
        self.assertGreater(process["descriptors"], 10)
        self.assertLessEqual(process["descriptors"], process["descriptors_max"])
        self.assertLess(abs(process["started"] / 1000 - time.time()), 3600)
        self.assertGreaterEqual(process["processor"], before["process"]["processor"])

    def test_metrics_have_what_status_has(self):
        """PROTOCOL 7, $metrics: all of $status"""
        self.assertLessEqual(set(self.ask("$status")), set(self.ask("$metrics")))


class Workers(OwnPipelineCase):
    def test_workers_are_listed_with_what_they_do(self):
        """PROTOCOL 7, $workers"""
        client = self.client()
        self.assertEqual(self.ask("$workers"), [])
        plain = self.worker(2, ["a", "b.*"], name="w\u00f6rker one")
        packed = self.worker(3, ["p"], MSGPACK, name="two")
        for rc in ("OK", "OK", "EXCEPTION", "OK"):
            cookie = client.run("p")
            packed.finish(packed.take(cookie), rc=rc)
            client.expect_result(rc, cookie)
        plain.take(client.run("a"))
        one, two = sorted(self.ask("$workers"), key=lambda worker: worker["capacity"])
        for worker, wanted in (
            (one, {"name": "w\u00f6rker one", "codec": "json", "capacity": 2, "busy": 1}),
            (two, {"name": "two", "codec": "msgpack", "capacity": 3, "busy": 0}),
        ):
            self.assertEqual({key: worker[key] for key in wanted}, wanted)
            self.assertIn("address", worker)
        self.assertEqual(one["pipelines"], ["a", "b.*"])
        self.assertNotEqual(one["id"], two["id"])
        self.assertEqual((self.number(one, "done"), self.number(one, "failed")), (0, 0))
        self.assertIn(self.number(two, "done"), (3, 4))
        self.assertEqual(self.number(two, "failed"), 1)
        self.assertGreaterEqual(self.number(two, "heard|seen|silent|idle|last"), 0)

    def test_a_worker_that_registers_again_is_listed_once_and_as_it_is_now(self):
        """PROTOCOL 3: it replaces capacity, pipelines and name"""
        worker = self.worker(2, ["a"], name="old")
        worker.register(5, ["b", "c"], name="new")
        (listed,) = self.ask("$workers", codec=MSGPACK)
        self.assertEqual((listed["capacity"], listed["name"]), (5, "new"))
        self.assertEqual(listed["pipelines"], ["b", "c"])

    def test_a_worker_that_went_is_not_listed(self):
        """PROTOCOL 7, $workers"""
        worker = self.worker()
        self.assertEqual(len(self.ask("$workers")), 1)
        worker.close()
        eventually(lambda: not self.ask("$workers"), "the worker is forgotten")


class Tasks(OwnPipelineCase):
    @both_codecs
    def test_tasks_are_listed_with_their_state(self, codec):
        """PROTOCOL 7, $tasks: `queued`, `running`, `cancelling`"""
        client, worker = self.client(), self.worker(2, ["p"])
        states = {"running": client.run("p"), "cancelling": client.run("p")}
        for _ in states:
            worker.take()
        states["queued"] = client.run("nobody")
        client.cancel(states["cancelling"])
        client.expect_nothing()
        tasks = {cookie_uuid(t["cookie"]): t for t in self.ask("$tasks", codec=codec)}
        self.assertEqual(len(tasks), 3)
        for state, cookie in states.items():
            task = tasks[cookie_uuid(cookie)]
            self.assertEqual(task["state"], state)
            self.assertEqual(task["pipeline"], "nobody" if state == "queued" else "p")
            self.assertGreaterEqual(self.number(task, "age"), 0)
            self.assertIn("client", task)
            self.number(task, "attempt")
        running = tasks[cookie_uuid(states["running"])]
        self.assertEqual(self.number(running, "attempt"), 1)
        self.assertTrue(running["worker"])

    def test_at_most_a_thousand_are_listed(self):
        """PROTOCOL 7, $tasks: an array of at most 1,000"""
        client = self.client()
        for _ in range(1100):
            client.run("p")
        client.expect_nothing()
        self.assertEqual(len(self.ask("$tasks")), 1000)

    def test_a_task_that_ended_is_not_listed(self):
        """PROTOCOL 7, $tasks"""
        client, worker = self.pair()
        cookie = client.run("p")
        worker.finish(worker.take(cookie))
        client.expect_result("OK", cookie)
        self.assertEqual(self.ask("$tasks"), [])


class Explain(OwnPipelineCase):
    @both_codecs
    def test_explain_tells_the_place_of_a_waiting_task_and_what_it_waits_for(self, codec):
        """PROTOCOL 7, $explain: how many workers serve its pipeline, how many of them are full ..."""
        client = self.client()
        full = [self.worker(1, ["p"]) for _ in range(3)]
        for worker in full:
            client.run("p")
        for worker in full:
            worker.take()
        draining = self.worker(2, ["p", "d"])
        draining.take(client.run("d"))
        draining.leave()
        for _ in range(2):
            self.worker(0, ["p"])
        self.worker(1, ["other"])
        waiting = [client.run("p", timeout=600000) for _ in range(3)]
        client.expect_nothing()
        told = [self.ask("$explain", {"cookie": cookie}, codec) for cookie in waiting]
        for document in told:
            self.assertEqual(document["state"], "queued")
            self.assertGreaterEqual(self.number(document, "age"), 0)
            self.assertEqual(self.number(document, "serv|workers"), 6)
            self.assertEqual(self.number(document, "full"), 3)
            self.assertEqual(self.number(document, "drain"), 1)
            self.assertEqual(self.number(document, "paused"), 2)
            self.assertGreater(self.number(document, "deadline"), 1)
            self.assertLessEqual(self.number(document, "deadline"), 600000)
        places = [self.number(document, "place|position") for document in told]
        self.assertEqual([place - places[0] for place in places], [0, 1, 2])
        self.assertIn(places[0], (0, 1))

    def test_explain_tells_the_worker_and_the_attempts_of_a_running_task(self):
        """PROTOCOL 7, $explain: its worker and attempts"""
        client, first = self.client(), self.worker(name="first")
        cookie = client.run("p", retries=5)
        first.take(cookie)
        first.close()
        second = self.worker(name="second")
        second.take(cookie)
        document = self.ask("$explain", {"cookie": cookie})
        self.assertEqual(document["state"], "running")
        self.assertEqual(self.number(document, "attempt"), 2)
        (listed,) = self.ask("$workers")
        self.assertIn(document["worker"], (listed["id"], listed["name"]))
        client.cancel(cookie)
        second.expect("CANCEL", cookie=cookie)
        self.assertEqual(self.ask("$explain", {"cookie": cookie})["state"], "cancelling")

    @both_codecs
    def test_a_task_that_is_not_there_is_not_found(self, codec):
        """PROTOCOL 7, $explain: COOKIE_NOT_FOUND if it is not there"""
        client = self.client(codec)
        packet = client.ask("$explain", {"cookie": new_cookie()})
        self.assertEqual(packet.rc, "COOKIE_NOT_FOUND")

    def test_variables_may_be_inline_and_cookies_in_any_letter_case(self):
        """PROTOCOL 2: the legacy form; cookie in any letter case"""
        client, packed = self.client(), self.client(MSGPACK)
        cookie = client.run("p")
        client.expect_nothing()
        for packet in (
            client.ask("$explain", variables='{"cookie": "%s"}' % cookie),
            client.ask("$explain", {"cookie": cookie.upper()}),
            packed.ask("$explain", {"cookie": cookie}),
            packed.ask("$explain", variables=encode({"cookie": cookie}, MSGPACK)),
        ):
            self.assertEqual(packet.rc, "OK", packet)
            self.assertEqual(packet.document()["state"], "queued")

    def test_variables_that_name_no_task_are_refused(self):
        """PROTOCOL 7, $explain: variables {"cookie": "..."}"""
        client = self.client()
        for payload in (None, b"", b"{}", b'{"cookie": 1}', b'{"cookie": "x"}', b"[]", b"null", b"{"):
            with self.subTest(payload=payload):
                packet = client.ask("$explain", payload=payload)
                self.assertNotEqual(packet.rc, "OK")
        self.assertEqual(client.ask("$ping").rc, "OK")


if __name__ == "__main__":
    unittest.main()
