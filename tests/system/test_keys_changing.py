"""Certificates that come, change and go (PROTOCOL section 8): on connections that stand as well."""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import each
from fabric_keys import LET_IN, KeysCase
from fabric_packets import new_cookie
from fabric_process import BINARY, eventually


class Coming(KeysCase):
    def test_a_key_that_was_added_comes_in(self):
        """PROTOCOL 8: without a restart"""
        bob = self.key("bob", "client")
        self.broker
        self.assertNotEqual(self.knock_as(bob), LET_IN)
        self.authorize(bob)
        self.wait_for_log("1 added")
        self.assertEqual(self.knock_as(bob), LET_IN)

    def test_our_worker_comes_in_when_its_key_does(self):
        """the library dials again after a refusal"""
        bob = self.key("bob", "worker")
        worker = self.process(BINARY, "worker", "--broker", self.broker.worker_endpoint, "--curve",
                              bob.secret_file, "--server-key", self.own.certificate, "--echo")
        self.assertTrue(worker.err.wait_for("key was refused"))
        self.authorize(bob)
        worker.wait_for_output("ready\n")

    def test_a_file_that_is_written_slowly_is_no_lasting_trouble(self):
        """half of it is no certificate, and the whole is one"""
        bob = self.key("bob", "client")
        text = bob.certificate.read_text()
        self.broker
        with open(self.folder / "bob.cert", "w") as file:
            file.write(text[:60])
            file.flush()
            file.write(text[60:])
        self.wait_for_log("1 added")
        self.assertEqual(self.knock_as(bob), LET_IN)


class Going(KeysCase):
    def test_a_removed_keys_worker_is_treated_as_gone(self):
        """issue: a removed key's worker is treated as gone"""
        eve = self.authorize(self.key("eve", "worker"))
        client, worker = self.client_of(self.alice), self.worker_of(eve, 2)
        lost, kept = client.run("p"), client.run("p", retries=1)
        worker.take(lost), worker.take(kept)
        self.forbid(eve)
        client.expect_result("WORKER_WENT_AWAY", lost)
        other = self.worker_of(self.hal)
        other.finish(other.take(kept))
        client.expect_result("OK", kept)
        worker.finish(lost, "too late")
        client.expect_nothing()
        self.assertNotEqual(self.knock_as(eve, worker_side=True), LET_IN)
        self.wait_for_log("eve", "may not come in any more")

    def test_a_removed_clients_tasks_are_orphans(self):
        """issue: a removed client's tasks as orphans; PROTOCOL 5.7"""
        eve = self.authorize(self.key("eve", "client"))
        client, worker = self.client_of(eve), self.worker_of(self.hal, 2)
        finishes, cancels = client.run("p"), client.run("p", orphan="cancel")
        worker.take(finishes), worker.take(cancels)
        self.forbid(eve)
        worker.expect("CANCEL", cookie=cancels)
        worker.finish(finishes)
        worker.finish(cancels, rc="CANCELLED")
        eventually(lambda: self.count("tasks", "outcomes", "OK") == 1, "the other one finishes")
        self.assertNotEqual(self.knock_as(eve), LET_IN)

    def test_what_it_still_says_counts_for_nothing(self):
        """every message is checked by the key it came with"""
        eve = self.authorize(self.key("eve", "client"))
        client, worker = self.client_of(eve), self.worker_of(self.hal, 10)
        client.ask("$ping")
        self.forbid(eve)
        self.wait_for_log("1 removed")
        for _ in range(10):
            client.run("p")
        worker.expect_nothing()
        self.assertEqual(self.count("tasks", "accepted"), 0)

    def test_a_key_that_lost_its_role_goes_from_that_side_only(self):
        """changed is as good as removed, for the side"""
        both = self.authorize(self.key("both", "client,worker"))
        client, worker = self.client_of(both), self.worker_of(both)
        cookie = client.run("p")
        worker.take(cookie)
        self.authorize(both, both.text("client"))
        client.expect_result("WORKER_WENT_AWAY", cookie)
        self.assertEqual(client.ask("$ping").rc, "OK")
        self.assertNotEqual(self.knock_as(both, worker_side=True), LET_IN)

    def test_a_folder_that_is_gone_has_no_keys(self):
        """as if all were removed"""
        client = self.client_of(self.alice)
        client.ask("$ping")
        self.folder.rename(self.scratch.path / "elsewhere")
        self.wait_for_log("3 removed")
        self.assertNotEqual(self.knock_as(self.alice), LET_IN)
        (self.scratch.path / "elsewhere").rename(self.folder)
        self.wait_for_log("3 may come in; 3 added, 0 changed", count=2)
        self.assertEqual(self.knock_as(self.alice), LET_IN)

    def test_a_folder_that_everybody_may_write_to_changes_nothing(self):
        """and the log says so"""
        self.broker
        os.chmod(self.folder, 0o777)
        eve = self.authorize(self.key("eve", "client"))
        self.wait_for_log("ERROR", "everybody", "still holds")
        self.assertNotEqual(self.knock_as(eve), LET_IN)
        self.assertEqual(self.knock_as(self.alice), LET_IN)


class Changing(KeysCase):
    def test_a_clients_rights_change_under_it(self):
        """PROTOCOL 8: on connections that stand as well"""
        client = self.client_of(self.alice)
        worker = self.worker_of(self.hal, 10)
        worker.take(client.run("p"))
        self.authorize(self.alice, self.alice.text("client", "q"))
        self.wait_for_log("1 changed")
        client.expect_result("FORBIDDEN", client.run("p"))
        worker.take(client.run("q"))

    def test_a_workers_overlap_changes_under_it(self):
        """and what waits is given to it"""
        client = self.client_of(self.alice)
        self.authorize(self.hal, self.hal.text("worker", "a*"))
        self.wait_for_log("1 changed")
        worker = self.worker_of(self.hal, 10, ["*"])
        waits = client.run("b")
        self.authorize(self.hal, self.hal.text("worker", "b,c"))
        worker.take(waits)
        cookie = client.run("a", wait=0)
        client.expect_result("NO_CAPACITY", cookie)

    def test_a_file_under_another_name_is_the_same_key(self):
        """renaming takes nobody out"""
        client = self.client_of(self.alice)
        client.ask("$ping")
        (self.folder / "alice.cert").rename(self.folder / "bob")
        self.authorize(self.key("eve", "client"))
        self.wait_for_log("1 added, 0 changed, 0 removed")
        self.assertEqual(client.ask("$ping").rc, "OK")


class BadCertificates(KeysCase):
    """None lets anybody in, harms the others, or goes unsaid."""

    def assert_opens_nothing(self, key, *words):
        self.wait_for_log("certificates: ", "opens nothing", *words)
        self.assertNotEqual(self.knock_as(key), LET_IN)
        self.assert_serves(*self.good_pair())

    @each(590, 4096, 70000, 3000000)
    def test_metadata_of_any_length_is_safe(self, length):
        """DESIGN 4.7: zauth overflows at 590 octets"""
        eve = self.key("eve", "client")
        self.authorize(eve, eve.text("client", "x" * length))
        self.assert_opens_nothing(eve, "eve")

    def test_a_long_list_of_pipelines_is_read(self):
        """as many as a worker may register"""
        bob = self.key("bob", "client")
        self.authorize(bob, bob.text("client", ",".join(f"pipeline-number-{n}" for n in range(1024))))
        client, worker = self.client_of(bob), self.worker_of(self.hal, 10)
        worker.take(client.run("pipeline-number-1023"))
        client.expect_result("FORBIDDEN", client.run("pipeline-number-1024"))

    def test_a_list_that_is_too_long_is_refused(self):
        """1,025"""
        eve = self.key("eve", "client")
        self.authorize(eve, eve.text("client", ",".join(f"p{n}" for n in range(1025))))
        self.assert_opens_nothing(eve, "too many")

    @each(
        ("no_role", lambda key: key.text(), "role"),
        ("a_role_that_is_none", lambda key: key.text("root"), "role"),
        ("an_empty_role", lambda key: key.text(""), "role"),
        ("a_role_twice", lambda key: key.text('client"\n    role = "admin'), "twice"),
        ("a_dollar", lambda key: key.text("client", "$tasks"), "pipelines"),
        ("a_zero_octet", lambda key: key.text("client\0"), "zero"),
        ("two_keys", lambda key: key.text("client", more=f'    public-key = "{"0" * 40}"'), "twice"),
        ("half", lambda key: key.text("client")[:70], "eve"),
        ("rubbish", lambda key: "\xff\xfe rubbish" * 1000, "eve"),
        ("nothing", lambda key: "", "public-key"),
    )
    def test_what_is_not_understood_opens_nothing(self, value):
        """fail closed"""
        _, text, word = value
        eve = self.key("eve", "client")
        self.authorize(eve, text(eve))
        self.assert_opens_nothing(eve, word)

    def test_what_is_no_file_is_no_certificate(self):
        """a folder, a FIFO that would hold up the reader, a link to nothing"""
        (self.folder / "folder").mkdir()
        os.mkfifo(self.folder / "fifo")
        (self.folder / "link").symlink_to("/none")
        self.assert_serves(*self.good_pair())

    def test_secret_and_hidden_files_are_passed_over(self):
        """and those of editors"""
        eve = self.key("eve", "client")
        text = eve.certificate.read_text()
        for name in ("eve.cert_secret", ".eve.cert", "eve.cert~"):
            (self.folder / name).write_text(text)
        self.broker
        self.assertNotEqual(self.knock_as(eve), LET_IN)

    def test_a_certificate_that_everybody_may_write_to_opens_nothing(self):
        """they could give themselves any role"""
        eve = self.authorize(self.key("eve", "client"))
        os.chmod(self.folder / "eve.cert", 0o666)
        self.assert_opens_nothing(eve, "everybody")

    def test_of_two_with_one_key_the_first_counts(self):
        """and the log says so"""
        text = self.alice.text("admin")
        (self.folder / "zz").write_text(text)
        client, worker = self.good_pair()
        self.assert_serves(client, worker)
        self.assertEqual(client.ask("$tasks").rc, "FORBIDDEN")
        self.wait_for_log("zz opens nothing", "same key")


if __name__ == "__main__":
    unittest.main()
