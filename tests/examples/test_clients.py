"""Each example, run as a reader of it would run it, against a real broker and worker."""

import os
import signal
import subprocess
import sys
import tempfile
import unittest
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ZFABRIC = os.environ.get('ZFABRIC', os.path.join(ROOT, 'build', 'dev', 'bin', 'zfabric'))
PATIENCE = 30 * float(os.environ.get('ZFABRIC_SLOW', '1'))  # seconds

# The same in every language: the variables in capitals come back.
SHOUT = 'shout=tr a-z A-Z'
SHOUTED = "{'TEXT': 'HELLO, FABRIC'}"


class Case(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix='zf-')
        self.addCleanup(scratch.cleanup)
        self.clients = 'ipc://%s/clients' % scratch.name
        self.workers = workers = 'ipc://%s/workers' % scratch.name
        broker = self.start('broker', '--serve', self.clients, '--listen', workers)
        self.assertEqual(broker.stdout.readline(), 'ready\n')
        self.start('worker', '--broker', workers, '--run', SHOUT)

    def start(self, *arguments):
        process = subprocess.Popen([ZFABRIC, *arguments], stdout=subprocess.PIPE, text=True,
                                   stdin=subprocess.DEVNULL)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def run_example(self, *command):
        done = subprocess.run([*command, self.clients], cwd=os.path.join(ROOT, 'examples'),
                              text=True, capture_output=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()


class Clients(Case):
    def test_python(self):
        self.assertEqual(self.run_example(sys.executable, 'python/run_task.py'), SHOUTED)


class Workers(Case):
    """Examples that serve: `count` counts and tells how far it is, for as many as want it."""

    def check(self, *command):
        worker = subprocess.Popen([*command, self.workers], cwd=os.path.join(ROOT, 'examples'),
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.addCleanup(self.end, worker)
        self.assertEqual(self.count('3').communicate(timeout=PATIENCE)[0].split(),
                         ['1', '2', '3', '3'])
        # One that is cancelled, one that fails, and two that finish although the worker is told to end.
        cookie = str(uuid.uuid4())
        longest = self.count('1000000', '--cookie', cookie)
        self.assertEqual(longest.stdout.readline(), '1\n')
        failing = self.count('"not a number"')
        failing.communicate(timeout=PATIENCE)
        self.assertEqual(failing.returncode, 18)  # PROCESSOR_EXCEPTION
        subprocess.run([ZFABRIC, 'cancel', '--broker', self.clients, cookie], check=True,
                       stdout=subprocess.DEVNULL, timeout=PATIENCE)
        longest.communicate(timeout=PATIENCE)
        self.assertEqual(longest.returncode, 20)  # CANCELLED
        last = [self.count('20'), self.count('20')]
        for run in last:
            self.assertEqual(run.stdout.readline(), '1\n')
        worker.send_signal(signal.SIGINT)
        for run in last:
            self.assertEqual(run.communicate(timeout=PATIENCE)[0].split()[-1], '20')
        self.assertEqual(worker.wait(PATIENCE), 0)

    def count(self, *options):
        run = subprocess.Popen([ZFABRIC, 'run', '--broker', self.clients, '--stream', 'count',
                                *options], text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(run.stderr.close)
        self.addCleanup(self.end, run)
        return run

    def test_python(self):
        self.check(sys.executable, 'python/worker.py')


class Readme(unittest.TestCase):
    def test_it_shows_the_same(self):
        with open(os.path.join(ROOT, 'examples', 'python', 'run_task.py'), encoding='utf-8') as file:
            program = file.read()
        with open(os.path.join(ROOT, 'README.md'), encoding='utf-8') as file:
            self.assertIn('```python\n%s```' % program, file.read())


if __name__ == '__main__':
    unittest.main()
