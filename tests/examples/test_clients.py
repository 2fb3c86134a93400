"""Each example, run as a reader of it would run it, against a real broker and worker."""

import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ZFABRIC = os.environ.get('ZFABRIC', os.path.join(ROOT, 'build', 'dev', 'bin', 'zfabric'))
PATIENCE = 30 * float(os.environ.get('ZFABRIC_SLOW', '1'))  # seconds

# The same in every language: the variables in capitals come back.
SHOUT = 'shout=tr a-z A-Z'
SHOUTED = "{'TEXT': 'HELLO, FABRIC'}"


class Examples(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix='zf-')
        self.addCleanup(scratch.cleanup)
        self.clients = 'ipc://%s/clients' % scratch.name
        workers = 'ipc://%s/workers' % scratch.name
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

    def test_python(self):
        self.assertEqual(self.run_example(sys.executable, 'python/run_task.py'), SHOUTED)


class Readme(unittest.TestCase):
    def test_it_shows_the_same(self):
        with open(os.path.join(ROOT, 'examples', 'python', 'run_task.py'), encoding='utf-8') as file:
            program = file.read()
        with open(os.path.join(ROOT, 'README.md'), encoding='utf-8') as file:
            self.assertIn('```python\n%s```' % program, file.read())


if __name__ == '__main__':
    unittest.main()
