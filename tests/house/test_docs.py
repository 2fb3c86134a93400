"""What the documents say of the command is what the command says of itself: its subcommands, the
broker's options and their defaults, the exit statuses; and links lead somewhere.
"""

import os
import re
import subprocess
import unittest

import source

ZFABRIC = os.environ['ZFABRIC']
OPTION = re.compile(r'--[a-z][a-z-]+')


def ask(*arguments):
    return subprocess.run([ZFABRIC, *arguments], text=True, capture_output=True, check=True).stdout


def commands():
    """The subcommands that `zfabric --help` lists."""
    listed = ask('--help').split('Commands:')[1].split('\n\n')[0]
    return re.findall(r'^  (\w+)', listed, re.M)


def options(command):
    """The options of a subcommand's help, in the lines that begin with one."""
    return {match.group(1) for match in
            re.finditer(r'^ +(?:-\w, )?(--[a-z][a-z-]+)', ask(command, '--help'), re.M)}


class Documents(unittest.TestCase):
    def test_each_command_is_in_the_first_man_page(self):
        page = source.read('man/zfabric.1.scd')
        self.assertEqual(set(re.findall(r'^\*zfabric (\w+)\*$', page, re.M)), set(commands()))

    def test_the_readme_has_the_brokers_options(self):
        table = source.read('README.md').split("## The broker's options")[1].split('\n## ')[0]
        documented = set(re.findall(r'^\| `(?:-\w, )?(--[a-z][a-z-]+)', table, re.M))
        self.assertEqual(documented, options('broker') - {'--help'})

    def test_the_readme_has_the_brokers_defaults(self):
        readme = source.read('README.md')
        rows = re.split(r'\n +(?:-\w, )?(?=--)', ask('broker', '--help'))
        for row in rows[1:]:
            name, default = OPTION.match(row).group(), re.search(r'\(default: ([^)]*)\)', row)
            if default:
                told = re.search(r'^\| `(?:-\w, )?%s\b[^|]*\|([^|]*)\|' % name, readme, re.M)
                self.assertEqual(told.group(1).strip().strip('`'), default.group(1), name)

    def test_the_readme_has_the_codes_with_their_statuses(self):
        codes = re.findall(r'^    X \((\w+), "(.*)"\)', source.read('fabric/zfabric_result.h'), re.M)
        self.assertGreater(len(codes), 10)
        readme = source.read('README.md')
        for number, (name, meaning) in enumerate(codes):
            if number:
                self.assertIn('| %d | %s | ' % (10 + number, name), readme)

    def test_links_lead_somewhere(self):
        for folder in '', 'docs/':
            for name in sorted(os.listdir(os.path.join(source.ROOT, folder))):
                if not name.endswith('.md'):
                    continue
                for link in re.findall(r'\]\(([^)#:]+)(?:#[^)]*)?\)', source.read(folder + name)):
                    self.assertTrue(os.path.exists(os.path.join(source.ROOT, folder, link)),
                                    '%s%s: %s' % (folder, name, link))


if __name__ == '__main__':
    unittest.main()
