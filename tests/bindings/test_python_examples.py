"""examples/python by its one command, as its README says."""

import os
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "python"
ZFABRIC = os.environ.get("ZFABRIC", str(ROOT / "build" / "dev" / "bin" / "zfabric"))
PATIENCE = 45 * float(os.environ.get("ZFABRIC_SLOW", "1"))  # seconds

OUTPUT = """-- run_task
{'text': 'HELLO, FABRIC'}
-- ask
{'text': 'HELLO, FABRIC'}
-- client
run: {'text': 'HELLO, FABRIC'}
stream: [1, 2, 3, 4, 5, 5]
cancel: CANCELLED
many: 1000 {'n': 'TASK 999'}
"""


class Run(unittest.TestCase):
    def test_one_command_starts_everything_and_ends_it(self):
        done = subprocess.run([FOLDER / "run"], text=True, capture_output=True, timeout=PATIENCE, check=False,
                              env={**os.environ, "ZFABRIC": ZFABRIC, "PYTHON": sys.executable})
        self.assertEqual((done.stdout, done.returncode), (OUTPUT, 0), done.stderr)

    def test_they_are_short(self):
        for path in FOLDER.glob("*.py"):
            self.assertLess(len(path.read_text().splitlines()), 150, path.name)

    def test_the_guide_shows_the_same(self):
        guide = (ROOT / "docs" / "writing-a-client.md").read_text()
        self.assertIn("```python\n%s```" % (FOLDER / "ask.py").read_text(), guide)


if __name__ == "__main__":
    unittest.main()
