"""`zfabric run` with one task: what it sends, what it prints, how it ends."""

import json
import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import CommandCase, both_codecs
from fabric_packets import MSGPACK, cookie_uuid, new_cookie
from fabric_process import BINARY, PIPE, eventually, zfabric


class RunCase(CommandCase):
    def running(self, *arguments, **kwargs):
        """`zfabric run ...` as a process."""
        endpoint = self.broker.client_endpoint
        return self.process(BINARY, "run", "--broker", endpoint, *arguments, **kwargs)

    def carried_out(self, *arguments, answer=None, codec="json", stdin="", **keys):
        """Runs it with a worker that answers; the RUN as the worker got it, and how it ended."""
        worker = self.worker(codec=codec)
        process = self.running(*arguments, stdin=PIPE)
        process.write(stdin)
        run = worker.take()
        worker.finish(run, answer, **keys)
        process.wait()
        worker.register(0)  # out of the way of the next one
        return run, process

    def assert_ok(self, process):
        self.assertEqual(process.wait(), 0, process.err.text)


class WhatItSends(RunCase):
    @both_codecs
    def test_variables_go_as_they_are(self, codec):
        """`zfabric run PIPELINE [VARIABLES]`, --codec"""
        for document in ({"a": [1, "\u00e9", None]}, "text", 12, []):
            with self.subTest(document=document):
                run, process = self.carried_out("--codec", codec, "a.b", json.dumps(document), codec=codec)
                self.assert_ok(process)
                self.assertEqual((run.header["pipeline"], run.encoding), ("a.b", codec))
                self.assertEqual(run.document(), document)

    def test_variables_may_come_from_a_file_or_standard_input(self):
        """--file FILE|-"""
        path = self.scratch.file('{"from": "a file"}')
        run, process = self.carried_out("p", "--file", path)
        self.assert_ok(process)
        self.assertEqual(run.document(), {"from": "a file"})
        run, process = self.carried_out("p", "--file", "-", stdin='{"from": "a pipe"}')
        self.assert_ok(process)
        self.assertEqual(run.document(), {"from": "a pipe"})

    def test_variables_may_be_set_one_by_one(self):
        """--set KEY=VALUE..."""
        run, process = self.carried_out("p", "--set", "word=some text", "--set", "n=1", "--set", "e=a=b")
        self.assert_ok(process)
        document = run.document()
        self.assertEqual((document["word"], document["e"]), ("some text", "a=b"))
        self.assertIn(document["n"], (1, "1"))
        self.assertEqual(set(document), {"word", "n", "e"})

    def test_options_become_header_keys(self):
        """--timeout MS --wait MS --priority N --retries N --cookie UUID; PROTOCOL 2"""
        cookie = new_cookie()
        options = ("--timeout", "60000", "--wait", "5000", "--priority", "8", "--retries", "3")
        run, process = self.carried_out("p", *options, "--cookie", cookie)
        self.assert_ok(process)
        wanted = {"timeout": 60000, "wait": 5000, "priority": 8, "retries": 3}
        self.assertEqual({key: run.header.get(key) for key in wanted}, wanted)
        self.assertEqual(run.cookie, cookie_uuid(cookie))

    def test_it_says_no_more_than_it_was_told(self):
        """PROTOCOL 2, header keys: defaults"""
        run, process = self.carried_out("p")
        self.assert_ok(process)
        self.assertEqual(run.header.get("priority", 5), 5)
        self.assertEqual(run.header.get("retries", 0), 0)
        for key in ("timeout", "wait"):
            self.assertIsNone(run.header.get(key))
        for key in ("detach", "stream"):
            self.assertFalse(run.header.get(key))

    def test_every_run_has_a_cookie_of_its_own(self):
        """PROTOCOL 2: cookie: a UUID that the client chooses"""
        cookies = {self.carried_out("p")[0].cookie for _ in range(3)}
        self.assertEqual(len(cookies), 3)


class WhatItPrints(RunCase):
    @both_codecs
    def test_the_result_goes_to_stdout(self, codec):
        """prints the result on stdout; exit status 0 for OK"""
        for answer in ({"a": [1, "\u00e9", None]}, [], 12.5, True):
            with self.subTest(answer=answer):
                for worker_codec in ("json", "msgpack"):
                    _, process = self.carried_out("--codec", codec, "p", answer=answer, codec=worker_codec)
                    self.assert_ok(process)
                    self.assertEqual(json.loads(process.out.text), answer)
                    self.assertEqual(process.err.text, "")

    def test_raw_results_are_printed_as_they_are(self):
        """prints the result on stdout; PROTOCOL 2, encoding"""
        worker = self.worker()
        process = self.running("p")
        worker.finish(worker.take(), payload=b"just\noctets\n", encoding="raw")
        self.assert_ok(process)
        self.assertEqual(process.out.text.rstrip("\n"), "just\noctets")

    def test_partials_are_printed_as_they_come(self):
        """--stream; PROTOCOL 2, stream"""
        worker = self.worker()
        process = self.running("p", "--stream")
        run = worker.take()
        self.assertIs(run.header["stream"], True)
        for word in ("first-piece", "second-piece"):
            worker.partial(run, word, seq=0 if word.startswith("first") else 1)
            process.wait_for_output(word)
        worker.finish(run, "the-end")
        self.assert_ok(process)
        words = ("first-piece", "second-piece", "the-end")
        places = [process.out.text.index(word) for word in words]
        self.assertEqual(places, sorted(places))

    def test_detach_does_not_wait(self):
        """--detach; PROTOCOL 2: no RESULT is wanted"""
        process = self.running("p", "--detach")
        self.assert_ok(process)
        run = self.worker().take()
        self.assertIs(run.header["detach"], True)

    def test_detach_still_reports_a_refusal(self):
        """PROTOCOL 2: unless the task is refused at once"""
        finished = self.run_client("run", "p", "--detach", "--wait", "0")
        self.assertNotEqual(finished.status, 0)
        self.assertIn("NO_CAPACITY: ", finished.err)

    def test_errors_go_to_stderr_with_their_stack_trace(self):
        """errors as `CODE: message` and the stack trace on stderr"""
        said = {"rc": "PROCESSOR_EXCEPTION", "error": "it broke", "stacktrace": ["at one", "at two"]}
        _, process = self.carried_out("p", **said)
        self.assertNotEqual(process.wait(), 0)
        self.assertIn("PROCESSOR_EXCEPTION: it broke\n", process.err.text)
        for line in said["stacktrace"]:
            self.assertIn(line, process.err.text)

    def test_what_a_worker_says_cannot_command_the_terminal(self):
        """errors as `CODE: message` on stderr"""
        _, process = self.carried_out("p", rc="EXCEPTION", error="\x1b]0;title\x07", stacktrace=["\x1b[2J"])
        self.assertNotEqual(process.wait(), 0)
        self.assertNotIn("\x1b", process.err.text)


class ExitStatus(RunCase):
    def test_every_code_has_its_own(self):
        """exit status 0 for OK and a documented one for each other code; PROTOCOL 4"""
        statuses = {"OK": self.carried_out("p")[1].wait()}
        for rc in ("PROCESSOR_EXCEPTION", "EXCEPTION", "CANCELLED"):
            statuses[rc] = self.carried_out("p", rc=rc, error="e")[1].wait()
        client = self.client()
        there = client.run("nobody")
        client.expect_nothing()
        for rc, arguments in (
            ("NO_CAPACITY", ["nobody", "--wait", "0"]),
            ("TIMED_OUT", ["nobody", "--timeout", "100"]),
            ("BAD_PACKET", ["$nobody"]),
            ("COOKIE_COLLISION", ["nobody", "--cookie", there]),
        ):
            finished = self.run_client("run", *arguments)
            self.assertIn(f"{rc}: ", finished.err)
            statuses[rc] = finished.status
        statuses["COOKIE_NOT_FOUND"] = self.run_client("cancel", new_cookie()).status
        statuses["WORKER_WENT_AWAY"] = self.of_a_worker_that_went()
        statuses["BROKER_WENT_AWAY"] = self.of_a_broker_that_stops()
        self.assertEqual(statuses.pop("OK"), 0)
        self.assertNotIn(0, statuses.values())
        self.assertEqual(len(set(statuses.values())), len(statuses), statuses)

    def of_a_worker_that_went(self):
        worker = self.worker(1, ["p"])
        process = self.running("p")
        worker.take()
        worker.close()
        status = process.wait()
        self.assertIn("WORKER_WENT_AWAY: ", process.err.text)
        return status

    def of_a_broker_that_stops(self):
        worker = self.worker(1, ["p"])
        process = self.running("p")
        worker.take()
        self.broker.signal(signal.SIGTERM)
        status = process.wait()
        self.assertIn("BROKER_WENT_AWAY: ", process.err.text)
        return status

    def test_a_bad_option_is_named(self):
        """unknown options name the nearest known one; a bad option: one line, exit status 2 or 1"""
        for wrong, *names in (
            (["p", "--priorty", "1"], "--priorty", "--priority"),
            (["p", "--priority", "10"], "--priority"),
            (["p", "--timeout", "0"], "--timeout"),
            (["p", "--retries", "101"], "--retries"),
            (["p", "--wait", "-1"], "--wait"),
            (["p", "--cookie", "x"], "--cookie"),
            (["p", "--codec", "xml"], "--codec"),
            (["p", "--set", "novalue"], "--set"),
            (["p", "--file", "/nowhere/at/all"], "/nowhere/at/all"),
            (["p", "{not json"],),
            ([],),
            (["p", "1", "2"],),
        ):
            with self.subTest(wrong=wrong):
                self.assert_refused(self.run_client("run", *wrong), *names)

    def test_help(self):
        """`--help` everywhere, with an example"""
        finished = zfabric("run", "--help")
        self.assertEqual((finished.status, finished.err), (0, ""))
        for option in (
            *("--broker", "--codec", "--file", "--set", "--stream", "--detach", "--timeout", "--wait"),
            *("--priority", "--retries", "--cookie", "--each", "--jobs", "--unordered"),
        ):
            self.assertIn(option, finished.out)
        self.assertIn("example", finished.out.lower())


class Interrupted(RunCase):
    def interrupted(self):
        self.start("--cancel-grace", "600000")
        worker = self.worker()
        process = self.running("p")
        run = worker.take()
        process.signal(signal.SIGINT)
        worker.expect("CANCEL", cookie=run.header["cookie"])
        return worker, process, run

    def test_ctrl_c_cancels_the_task_and_waits_for_its_end(self):
        """Ctrl-C cancels the task and waits for its end"""
        worker, process, run = self.interrupted()
        self.assertIsNone(process.status)
        worker.finish(run, rc="CANCELLED", error="stopped by hand")
        self.assertNotEqual(process.wait(), 0)
        self.assertIn("CANCELLED: stopped by hand", process.err.text)

    def test_a_task_that_was_quicker_is_printed(self):
        """PROTOCOL 5.6: or OK if it was quicker"""
        worker, process, run = self.interrupted()
        worker.finish(run, {"done": True})
        self.assertEqual(process.wait(), 0)
        self.assertEqual(json.loads(process.out.text), {"done": True})

    def test_a_second_ctrl_c_leaves(self):
        """a second one leaves"""
        worker, process, run = self.interrupted()
        process.signal(signal.SIGINT)
        self.assertNotEqual(process.wait(), 0)
        worker.finish(run, rc="CANCELLED")

    def test_ctrl_c_ends_a_waiting_task(self):
        """PROTOCOL 5.6: CANCEL of a waiting task ends it at once with CANCELLED"""
        process = self.running("p", "--cookie", (cookie := new_cookie()))
        client = self.client()
        explained = lambda: client.ask("$explain", {"cookie": cookie}).rc == "OK"
        eventually(explained, "the task waits")
        process.signal(signal.SIGINT)
        self.assertNotEqual(process.wait(), 0)
        self.assertIn("CANCELLED: ", process.err.text)


class MsgpackResults(RunCase):
    def test_what_json_cannot_say_is_still_reported(self):
        """prints the result on stdout, or an error on stderr, and never nothing"""
        worker = self.worker(codec=MSGPACK)
        process = self.running("p", "--codec", "msgpack")
        worker.finish(worker.take(), {"b": b"\xff\x00"})
        process.wait()
        self.assertTrue(process.out.text or process.err.text)


if __name__ == "__main__":
    unittest.main()
