"""The examples in C: as the build has them, and as a user builds them from an installed copy.

Argument: the C compiler.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ['ZFABRIC_BUILD'])
ZFABRIC = os.environ['ZFABRIC']
SANITIZE = os.environ.get('ZFABRIC_SANITIZE')
COMPILER = sys.argv.pop(1) if len(sys.argv) > 1 else 'cc'
PATIENCE = 60 * float(os.environ.get('ZFABRIC_SLOW', '1'))  # seconds

HELLO = '"hello, world"\n'
BATCH = '10000 tasks, 0 failed, sum %d\n' % sum(number * number for number in range(10000))
STREAM = ''.join('%d of 10\n' % number for number in range(1, 11)) + 'result: 10\n'
EMBEDDED = '"hello"\n'


class Built(unittest.TestCase):
    """Those of the build."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix='zf-')
        self.addCleanup(scratch.cleanup)
        self.clients = 'ipc://%s/clients' % scratch.name
        self.workers = 'ipc://%s/workers' % scratch.name
        self.broker = self.start(ZFABRIC, 'broker', '--serve', self.clients,
                                 '--listen', self.workers)
        self.assertEqual(self.broker.stdout.readline(), 'ready\n')

    def start(self, *command):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   text=True)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()

    def worker(self):
        return self.start(BUILD / 'examples' / 'c' / 'worker', self.workers)

    def example(self, name, *arguments):
        return subprocess.run([BUILD / 'examples' / 'c' / name, *(arguments or [self.clients])],
                              text=True, capture_output=True, timeout=PATIENCE, check=False)

    def expect(self, name, output):
        done = self.example(name)
        self.assertEqual((done.stderr, done.stdout, done.returncode), ('', output, 0))

    def test_hello(self):
        self.worker()
        self.expect('hello', HELLO)

    def test_batch(self):
        self.worker()
        self.expect('batch', BATCH)

    def test_stream(self):
        self.worker()
        self.expect('stream', STREAM)

    def test_embedded(self):
        self.expect('embedded', EMBEDDED)

    def test_a_worker_that_is_interrupted_finishes_first(self):
        worker = self.worker()
        stream = self.start(BUILD / 'examples' / 'c' / 'stream', self.clients)
        self.assertEqual(stream.stdout.readline(), '1 of 10\n')
        worker.send_signal(signal.SIGINT)
        self.assertEqual(stream.stdout.read(), STREAM[len('1 of 10\n'):])
        self.assertEqual(worker.wait(PATIENCE), 0)

    def test_a_worker_that_the_broker_sends_home_ends(self):
        worker = self.worker()
        self.expect('hello', HELLO)
        self.broker.terminate()
        self.assertEqual(worker.wait(PATIENCE), 0)

    def test_a_task_that_fails_is_told(self):
        self.worker()
        done = subprocess.run([ZFABRIC, 'run', '--broker', self.clients, 'hello', '7'],
                              text=True, capture_output=True, timeout=PATIENCE, check=False)
        self.assertIn('a short string is wanted', done.stderr)

    def test_what_is_wrong_is_said(self):
        for name in 'hello', 'batch', 'stream', 'worker':
            done = self.example(name, 'nonsense')
            self.assertEqual(done.returncode, 1)
            self.assertIn('nonsense', done.stderr)


@unittest.skipIf(SANITIZE, "a sanitizer's library wants programs that have it, too")
class Installed(unittest.TestCase):
    """The one command of the README, in a copy of the folder."""

    def test_make_run(self):
        scratch = tempfile.TemporaryDirectory(prefix='zf-')
        self.addCleanup(scratch.cleanup)
        prefix = os.path.join(scratch.name, 'prefix')
        folder = os.path.join(scratch.name, 'c')
        subprocess.run(['cmake', '--install', BUILD, '--prefix', prefix], check=True,
                       stdout=subprocess.DEVNULL)
        shutil.copytree(ROOT / 'examples' / 'c', folder)
        done = subprocess.run(['make', '-s', 'run', 'PREFIX=' + prefix, 'CC=' + COMPILER,
                               'CFLAGS=-Wall -Wextra -Werror'],
                              cwd=folder, text=True, capture_output=True, timeout=PATIENCE,
                              check=False)
        self.assertEqual((done.stderr, done.returncode), ('', 0))
        self.assertEqual(done.stdout, '-- hello\n%s-- batch\n%s-- stream\n%s-- embedded\n%s'
                         % (HELLO, BATCH, STREAM, EMBEDDED))


class Sources(unittest.TestCase):
    def test_they_are_short(self):
        for path in (ROOT / 'examples' / 'c').glob('*.c'):
            self.assertLess(len(path.read_text().splitlines()), 80, path.name)


if __name__ == '__main__':
    unittest.main()
