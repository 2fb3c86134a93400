"""`cmake --install` brings what tests/packaging/installed.txt lists and nothing else, each public
header and the manual of each subcommand among it; a configuration that was written in is kept. The
service that it installs suits systemd, and is shut in well. Arguments: the version, the type of the
build.
"""

import fnmatch
import glob
import os
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE, BUILD = os.environ['ZFABRIC_SOURCE'], os.environ['ZFABRIC_BUILD']
VERSION, CONFIG = sys.argv.pop(1), sys.argv.pop(1).lower()
EXPOSURE_MAX = 1.5  # of 10, as systemd-analyze counts it


def run(*command, **more):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, **more)


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.prefix = os.path.join(cls.scratch.name, 'prefix')
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.install()
        cls.unit = os.path.join(cls.prefix, 'lib/systemd/system/zfabric-broker.service')

    @classmethod
    def install(cls):
        done = run('cmake', '--install', BUILD, '--prefix', cls.prefix)
        if done.returncode:
            raise AssertionError(done.stdout)
        return done.stdout

    def found(self):
        return sorted(os.path.relpath(os.path.join(folder, name), self.prefix)
                      for folder, _, names in os.walk(self.prefix) for name in names)

    def listed(self):
        text = open(os.path.join(SOURCE, 'tests/packaging/installed.txt'), encoding='utf-8').read()
        library = os.path.dirname(glob.glob(self.prefix + '/lib/**/libzfabric.so', recursive=True)[0])
        for word, means in (('LIB', os.path.relpath(library, self.prefix)), ('VERSION', VERSION),
                            ('MAJOR', VERSION.split('.')[0]), ('CONFIG', CONFIG)):
            text = text.replace(word, means)
        return text.split()

    def test_what_is_listed_is_there_and_nothing_else(self):
        found, patterns = self.found(), self.listed()
        for pattern in patterns:
            self.assertTrue(fnmatch.filter(found, pattern), pattern)
        for path in found:
            self.assertTrue(any(fnmatch.fnmatch(path, pattern) for pattern in patterns), path)

    def test_each_public_header_is_there(self):
        headers = {os.path.basename(path) for room in ('fabric', 'broker', 'client', 'worker')
                   for path in glob.glob(os.path.join(SOURCE, room, 'zfabric*.h'))}
        self.assertEqual(set(os.listdir(self.prefix + '/include')), headers | {'zfabric_version.h'})

    def test_each_subcommand_has_its_manual(self):
        words = run(self.prefix + '/bin/zfabric', '--help').stdout
        commands = re.findall(r'^  (\w+)', words.split('Commands:')[1].split('\n\n')[0], re.M)
        pages = set(os.listdir(self.prefix + '/share/man/man1'))
        self.assertEqual(pages, {'zfabric.1'} | {'zfabric-%s.1' % name for name in commands
                                                 if name != 'version'})

    def test_nothing_knows_where_it_was_built(self):
        for path in self.found():
            if path.startswith(('bin/', 'share/')) or '.so' in path:
                continue  # what a debugger is told
            text = open(os.path.join(self.prefix, path), encoding='utf-8').read()
            for folder in SOURCE, BUILD:
                self.assertNotIn(folder + '/', text, path)

    def test_a_configuration_is_not_overwritten(self):
        path = self.prefix + '/etc/zfabric/broker.conf'
        before = open(path, encoding='utf-8').read()
        self.addCleanup(lambda: open(path, 'w', encoding='utf-8').write(before))
        with open(path, 'a', encoding='utf-8') as file:
            file.write('queue = 5\n')
        self.assertIn('Kept: ', self.install())
        self.assertEqual(open(path, encoding='utf-8').read(), before + 'queue = 5\n')

    def test_the_broker_takes_its_configuration(self):
        """It is read whole: a bad option behind it is what is complained of."""
        path = self.prefix + '/etc/zfabric/broker.conf'
        done = run(self.prefix + '/bin/zfabric', 'broker', '--config', path, '--serve', 'nonsense')
        self.assertIn('nonsense', done.stdout)
        self.assertNotIn('broker.conf', done.stdout)

    def test_what_the_configuration_shows_are_the_defaults(self):
        text = open(self.prefix + '/etc/zfabric/broker.conf', encoding='utf-8').read()
        words = run(self.prefix + '/bin/zfabric', 'broker', '--help').stdout
        shown = re.findall(r'^# ([a-z-]+) = (.*)$', text, re.M)
        self.assertGreater(len(shown), 5)
        for name, value in shown:
            default = re.search(r'--%s [^(]*\(default: ([^)]*)\)' % name, words)
            self.assertIsNotNone(default, name)
            self.assertEqual(milliseconds(default.group(1)), milliseconds(value), name)

    def test_systemd_finds_nothing_wrong_with_the_service(self):
        done = run('systemd-analyze', 'verify', '--man=no', self.unit)
        self.assertEqual((done.returncode, done.stdout), (0, ''))

    def test_the_service_is_shut_in(self):
        done = run('systemd-analyze', 'security', '--offline=true', '--no-pager',
                   '--threshold=%d' % (EXPOSURE_MAX * 10), self.unit)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_service_has_limits_and_time_to_drain(self):
        unit = dict(re.findall(r'^(\w+)=(.*)$', open(self.unit, encoding='utf-8').read(), re.M))
        words = run(self.prefix + '/bin/zfabric', 'broker', '--help').stdout
        drain = int(milliseconds(re.search(r'--drain [^(]*\(default: ([^)]*)\)', words).group(1)))
        self.assertGreater(int(unit['TimeoutStopSec']) * 1000, drain)
        self.assertTrue(unit['MemoryMax'] and unit['TasksMax'])
        self.assertGreater(int(unit['LimitNOFILE']), 1024)
        self.assertEqual(unit['Type'], 'notify')


def milliseconds(text):
    match = re.fullmatch(r'(\d+)s', text)
    return str(int(match.group(1)) * 1000) if match else text


if __name__ == '__main__':
    unittest.main()
