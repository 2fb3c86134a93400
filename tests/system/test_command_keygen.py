"""`zfabric keygen`, and what commands say of key files that are not right."""

import os
import pathlib
import stat
import sys
import unittest

import zmq.auth

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import CommandCase
from fabric_process import BINARY, Process, zfabric


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


class Keygen(CommandCase):
    def setUp(self):
        super().setUp()
        self.name = str(self.scratch.path / "alice")
        self.public = pathlib.Path(self.name + ".cert")
        self.secret = pathlib.Path(self.name + ".cert_secret")

    def keygen(self, *options):
        return zfabric("keygen", self.name, *options)

    def test_it_writes_two_files_and_prints_their_names(self):
        """issue: NAME.cert (public) and NAME.cert_secret (mode 0600)"""
        finished = self.keygen("--role", "client", "--pipelines", "a*,b")
        self.assertEqual((finished.status, finished.err), (0, ""), finished)
        self.assertEqual(finished.out.split(), [str(self.public), str(self.secret)])
        self.assertEqual((mode(self.public), mode(self.secret)), (0o644, 0o600))
        public, none = zmq.auth.load_certificate(self.public)
        both = zmq.auth.load_certificate(self.secret)
        self.assertIsNone(none)
        self.assertEqual(both[0], public)
        self.assertEqual(zmq.curve_public(both[1]), public)
        self.assertIn('role = "client"', self.public.read_text())
        self.assertIn('pipelines = "a*,b"', self.public.read_text())
        self.assertNotIn(both[1].decode(), self.public.read_text())

    def test_keys_are_not_made_twice(self):
        """two pairs differ"""
        self.keygen()
        zfabric("keygen", self.name + "2")
        self.assertNotEqual(self.secret.read_text(), pathlib.Path(self.name + "2.cert_secret").read_text())

    def test_no_umask_opens_the_secret(self):
        """issue: umask-proof"""
        for number, mask in enumerate((0, 0o777, 0o077)):
            name = f"{self.name}{number}"
            process = Process("/bin/sh", "-c", f'umask {mask:o}; exec "$0" keygen "$1"', BINARY, name)
            self.addCleanup(process.end)
            self.assertEqual(process.wait(), 0, process.err.text)
            self.assertEqual(mode(name + ".cert_secret"), 0o600)

    def test_it_overwrites_nothing(self):
        """issue: refuses to overwrite; if one is there, neither is made"""
        for there, other in ((self.public, self.secret), (self.secret, self.public)):
            there.write_text("mine")
            finished = self.keygen()
            self.assert_refused(finished, str(there), "already")
            self.assertEqual(finished.status, 1)
            self.assertEqual(there.read_text(), "mine")
            self.assertFalse(other.exists())
            there.unlink()

    def test_it_does_not_follow_a_link(self):
        """nor one that leads nowhere"""
        elsewhere = self.scratch.path / "elsewhere"
        self.secret.symlink_to(elsewhere)
        self.assert_refused(self.keygen(), str(self.secret))
        self.assertFalse(elsewhere.exists())

    def test_what_a_broker_would_not_understand_is_refused(self):
        """and nothing is written"""
        for options in (["--role", "boss"], ["--role", "client,"], ["--pipelines", "a"],
                        ["--role", "client", "--pipelines", "a,,b"],
                        ["--role", "client", "--pipelines", "$status"],
                        ["--role", "client", "--pipelines", 'a"b'],
                        ["--role", "client", "--pipelines", "x" * 256]):
            finished = self.keygen(*options)
            self.assert_refused(finished)
            self.assertEqual(finished.status, 2, options)
        self.assertEqual(list(self.scratch.path.iterdir()), [])

    def test_a_folder_that_is_not_there_is_named(self):
        """and the exit status is 1"""
        finished = zfabric("keygen", self.name + "/none/x")
        self.assert_refused(finished, self.name)
        self.assertEqual(finished.status, 1)


class KeyFiles(CommandCase):
    """--curve and --server-key of the commands that connect."""

    COMMANDS = (["run", "p"], ["cancel", "00000000-0000-4000-8000-000000000000"], ["status"],
                ["worker", "--echo"])

    def setUp(self):
        super().setUp()
        self.name = str(self.scratch.path / "k")
        self.assertEqual(zfabric("keygen", self.name).status, 0)
        self.public, self.secret = self.name + ".cert", self.name + ".cert_secret"

    def refused(self, *options, names=()):
        for command in self.COMMANDS:
            self.assert_refused(zfabric(*command, *options), *names)

    def test_one_goes_with_the_other(self):
        """--curve with --server-key"""
        self.refused("--curve", self.secret, names=["--server-key"])
        self.refused("--server-key", self.public, names=["--curve"])

    def test_a_secret_that_others_may_read_is_refused(self):
        """issue: a secret file that others can read is refused"""
        for bits in (0o640, 0o604, 0o660, 0o602):
            os.chmod(self.secret, bits)
            self.refused("--curve", self.secret, "--server-key", self.public,
                         names=[self.secret, "chmod 600"])

    def test_what_is_no_secret_certificate_is_refused(self):
        """each with its name and a reason"""
        other = self.name + "2"
        zfabric("keygen", other)
        mixed = pathlib.Path(other + ".cert_secret").read_text().splitlines()
        mixed[-2] = pathlib.Path(self.secret).read_text().splitlines()[-2]
        rubbish = self.scratch.file("rubbish\0")
        swapped = self.scratch.file("\n".join(mixed) + "\n")
        long = self.scratch.file("#" * 1000000)
        fifo = self.scratch.path / "fifo"
        os.mkfifo(fifo, 0o600)
        for path in (self.public, rubbish, swapped, long, fifo, self.scratch.path, "/none"):
            if path != "/none" and path != self.scratch.path:
                os.chmod(path, 0o600)
            self.refused("--curve", path, "--server-key", self.public, names=["--curve", str(path)])
        self.refused("--curve", self.secret, "--server-key", rubbish, names=["--server-key"])


if __name__ == "__main__":
    unittest.main()
