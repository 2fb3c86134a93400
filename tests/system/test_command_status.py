"""`zfabric status`, `cancel`, `version`, and the command itself."""

import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import CommandCase
from fabric_packets import new_cookie
from fabric_process import BINARY, DEADLINE, free_tcp, zfabric

COMMANDS = ("broker", "worker", "run", "cancel", "status", "keygen", "bench", "version")


class Status(CommandCase):
    def busy(self):
        """A fabric with something to tell."""
        self.start("--queue", "4321")
        client, worker = self.client(), self.worker(7, ["p"], name="the-worker")
        running = client.run("p")
        worker.take(running)
        waiting = client.run("some.pipeline")
        client.expect_nothing()
        return running, waiting

    def test_it_tells_a_person_what_is_there(self):
        """from `$status`, `$workers`, `$tasks`"""
        running, waiting = self.busy()
        finished = self.run_client("status")
        self.assertEqual((finished.status, finished.err), (0, ""), finished)
        for word in ("the-worker", "some.pipeline", "7"):
            self.assertIn(word, finished.out)

    def test_json_is_one_document_with_everything(self):
        """status --json"""
        running, waiting = self.busy()
        finished = self.run_client("status", "--json")
        self.assertEqual((finished.status, finished.err), (0, ""), finished)
        document = json.loads(finished.out)
        self.assertIsInstance(document, dict)
        text = json.dumps(document)
        for word in ("the-worker", "some.pipeline", "4321", running, waiting):
            self.assertIn(word, text)

    def test_an_idle_fabric_has_a_status_too(self):
        """PROTOCOL 7: with no worker there"""
        finished = self.run_client("status")
        self.assertEqual(finished.status, 0, finished)
        self.assertTrue(finished.out)

    def test_names_cannot_command_the_terminal(self):
        """PROTOCOL 2: name: shown in the status"""
        self.worker(name="\x1b[2Jclear\n")
        finished = self.run_client("status")
        self.assertEqual(finished.status, 0, finished)
        self.assertNotIn("\x1b", finished.out)
        self.assertIn("clear", finished.out)


class Cancel(CommandCase):
    def test_it_cancels_a_task_of_another(self):
        """`zfabric cancel COOKIE`; PROTOCOL 5: any client that knows a task's cookie may cancel it"""
        client = self.client()
        cookie = client.run("p")
        client.expect_nothing()
        finished = self.run_client("cancel", cookie)
        self.assertEqual(finished.status, 0, finished)
        client.expect_result("CANCELLED", cookie)

    def test_it_cancels_a_running_task(self):
        """PROTOCOL 5.6"""
        client, worker = self.pair()
        cookie = client.run("p")
        worker.take(cookie)
        self.assertEqual(self.run_client("cancel", cookie.upper()).status, 0)
        worker.expect("CANCEL", cookie=cookie)
        worker.finish(cookie, rc="CANCELLED")
        client.expect_result("CANCELLED", cookie)

    def test_a_task_that_is_not_there_is_reported(self):
        """PROTOCOL 4, COOKIE_NOT_FOUND"""
        finished = self.run_client("cancel", new_cookie())
        self.assertNotEqual(finished.status, 0)
        self.assertIn("COOKIE_NOT_FOUND: ", finished.err)

    def test_a_cookie_that_is_none_is_refused(self):
        """a bad option: one line that names it"""
        self.assert_refused(self.run_client("cancel", "not-a-cookie"), "not-a-cookie")
        self.assert_refused(self.run_client("cancel"))


class TheCommand(CommandCase):
    def test_version_is_the_brokers(self):
        """`zfabric version`; PROTOCOL 7, $ping"""
        finished = zfabric("version")
        self.assertEqual((finished.status, finished.err), (0, ""))
        self.assertIn(self.client().ask("$ping").document()["version"], finished.out)

    def test_help_everywhere_with_an_example(self):
        """`--help` everywhere, with an example"""
        for arguments in ((), *((command,) for command in COMMANDS)):
            with self.subTest(arguments=arguments):
                finished = zfabric(*arguments, "--help")
                self.assertEqual((finished.status, finished.err), (0, ""), finished)
                self.assertIn("example", finished.out.lower())
        for command in COMMANDS:
            self.assertIn(command, zfabric("--help").out)

    def test_an_unknown_command_is_named(self):
        """a bad option: one line that names it, exit status 2 or 1"""
        self.assert_refused(zfabric("satus"), "satus")

    def test_an_unknown_option_names_the_nearest_known_one(self):
        """unknown options name the nearest known one"""
        for command, wrong, right in (
            ("status", "--jsn", "--json"),
            ("cancel", "--brokr", "--broker"),
            ("version", "--hlep", "--help"),
        ):
            with self.subTest(command=command):
                self.assert_refused(zfabric(command, wrong), wrong, right)

    def test_a_broker_that_is_not_there_does_not_hang_a_client(self):
        """PROTOCOL 4, BROKER_WENT_AWAY: the connection to it is lost"""
        commands = (["status"], ["cancel", new_cookie()], ["run", "p"])
        nobody = free_tcp()
        running = [self.process(BINARY, *words, "--broker", nobody) for words in commands]
        for process in running:
            self.assertNotEqual(process.wait(2 * DEADLINE), 0)
            self.assertTrue(process.err.text)


if __name__ == "__main__":
    unittest.main()
