"""Each language's client with each language's worker, through one broker, as examples/README.md says.

A language that lacks what it needs here is skipped, printed and counted.
"""

import json
import pathlib
import shutil
import signal
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system"))

from fabric_process import Broker, Process, Scratch  # noqa: E402
from fabric_process import DEADLINE  # noqa: E402

PATIENCE = 4 * DEADLINE  # seconds: for what hangs; compilers' and interpreters' starts are slow
EXACT = {"integers": [0, -1, 2**53 + 1, -(2**63), 2**63, 2**64 - 1],
         "floats": [0.1, -2.5, 1e300, 5e-324],
         "texts": ["", "Grüße", "\U0001f600", "\u0000\u001f\"\\/", "日本"],
         "others": [None, True, False, {}, [], {"": [[]]}]}
MEBIBYTE = "x" * 2**20


def languages():
    """Those that are here, by name, and why the others are not."""
    here, absent = {}, {}
    for path in sorted((ROOT / "examples").glob("*/matrix.json")):
        language = {"folder": path.parent, **json.loads(path.read_text())}
        lacking = [need for need in language["needs"] if shutil.which(need) is None]
        if lacking:
            absent[path.parent.name] = "no " + ", ".join(lacking)
        else:
            here[path.parent.name] = language
    return here, absent


HERE, ABSENT = languages()


def argv(language, role):
    """The python3 of a table is the one that has zmq: this one."""
    program, *rest = language[role]
    folder = language["folder"]
    return [sys.executable if program == "python3" else program,
            *(str(folder / word) if (folder / word).is_file() else word for word in rest)]


class Matrix(unittest.TestCase):
    def setUp(self):
        self.scratch = Scratch()
        self.addCleanup(self.scratch.remove)
        self.broker = Broker(scratch=self.scratch)
        self.addCleanup(self.broker.end)
        self.broker.wait_ready()

    def worker(self, language):
        worker = Process(*argv(language, "worker"), self.broker.worker_endpoint)
        self.addCleanup(worker.end)
        return worker

    def client(self, language, verb, pipeline, variables):
        """The values that it printed, and its exit status."""
        done = subprocess.run(
            [*argv(language, "client"), self.broker.client_endpoint, verb, pipeline, "-"], text=True,
            encoding="utf-8", input=json.dumps(variables), capture_output=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.stderr, "")
        return [json.loads(line) for line in done.stdout.splitlines()], done.returncode

    def pair(self, client):
        self.assertEqual(self.client(client, "run", "echo", EXACT), ([EXACT], 0))
        (back,), status = self.client(client, "run", "echo", EXACT)
        self.assertEqual((repr(back), status), (repr(EXACT), 0))  # 1 is not True, nor 1.0
        self.assertEqual(self.client(client, "run", "echo", MEBIBYTE), ([MEBIBYTE], 0))
        self.assertEqual(self.client(client, "stream", "count", 5), ([1, 2, 3, 4, 5, 5], 0))
        self.assertEqual(self.client(client, "many", "echo", list(range(200))), ([list(range(200))], 0))
        (asleep, end), status = self.client(client, "cancel", "sleep", 10 * PATIENCE)
        self.assertEqual((asleep, end["rc"], status), ("asleep", "CANCELLED", 1))
        (end,), status = self.client(client, "run", "fail", "not tödäy")
        self.assertEqual((end["rc"], status), ("PROCESSOR_EXCEPTION", 1))
        self.assertIn("not tödäy", end["error"])
        self.assertTrue(end["stacktrace"] and all(isinstance(line, str) for line in end["stacktrace"]))

    def test_each_client_with_each_worker(self):
        for serving, worker in HERE.items():
            process = self.worker(worker)
            for asking, client in HERE.items():
                with self.subTest(client=asking, worker=serving):
                    self.pair(client)
            process.signal(signal.SIGTERM)
            self.assertEqual(process.wait(PATIENCE), 0, serving)

    def test_the_sources_are_short(self):
        for language in HERE.values():
            for role in "client", "worker":
                for word in language[role]:
                    path = language["folder"] / word
                    if path.is_file():
                        self.assertLess(len(path.read_text().splitlines()), 150, str(path))


if __name__ == "__main__":
    print(f"languages: {', '.join(HERE)}; {len(ABSENT)} skipped")
    for name, reason in ABSENT.items():
        print(f"SKIPPED: {name}: {reason}")
    sys.stdout.flush()
    if not HERE:
        sys.exit("no language at all")
    unittest.main()
