"""The manual is clean, and whole: each exported function stands with its prototype and some words on
just one page of section 3, each page has a program for an example, what pages refer to is there, and
neither groff nor mandoc has anything to say of them. Argument: the pages' folder.
"""

import glob
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.environ['ZFABRIC_SOURCE'], 'tests/house'))

import source

FOLDER = sys.argv.pop(1)
PAGES = sorted(glob.glob(FOLDER + '/*.[1-8]'))
DECLARED = re.compile(r'^ZFABRIC_EXPORT ([^;{]*?\b(zfabric_\w+)\s*\([^;]*\));', re.M)
# What scdoc always does.
USUAL = re.compile(r'WARNING: skipping paragraph macro: PP (empty|after S[HS])')


def run(*command, **more):
    return subprocess.run(command, text=True, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **more).stdout


def shown(page):
    """As a reader sees it, wide enough for prototypes not to be broken."""
    text = run('groff', '-man', '-Tutf8', '-P-cbou', '-rLL=2000n', page)
    return text.replace('\u2010', '-').replace('\u2212', '-').replace('\u2019', "'")


def section(text, name):
    match = re.search(r'^%s\n(.*?)(?=^[A-Z]|\Z)' % name, text, re.M | re.S)
    return match.group(1) if match else ''


class Manual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pages = {os.path.basename(page): shown(page) for page in PAGES}

    def of_section(self, number):
        return {name: text for name, text in self.pages.items() if name.endswith('.' + number)}

    def test_each_function_is_on_one_page_with_its_prototype_and_words(self):
        pages = self.of_section('3')
        count = 0
        for path in source.files(source.LIBRARY, ('.h',)):
            text = source.code(source.read(path))
            for prototype, name in DECLARED.findall(text):
                count += 1
                wanted = re.sub(r'\s+', ' ', prototype) + ';'
                found = [page for page, words in pages.items()
                         if wanted in re.sub(r'\s+', ' ', section(words, 'SYNOPSIS'))]
                self.assertEqual(len(found), 1, '%s is on %s' % (wanted, found))
                told = re.search(r'^ +[^\n]*\b%s \(\)[^\n]*\n +\S' % name,
                                 section(pages[found[0]], 'FUNCTIONS'), re.M)
                self.assertTrue(told, '%s does not tell about %s ()' % (found[0], name))
        self.assertGreater(count, 30)

    def test_each_public_type_is_told(self):
        words = ' '.join(section(text, 'TYPES') for text in self.of_section('3').values())
        for path in source.files(source.LIBRARY, ('.h',)):
            if os.path.basename(path).startswith('zfabric_'):
                for name in re.findall(r'\b(zfabric_\w+(?:_t|_fn))\)?(?:;| \()', source.read(path)):
                    self.assertRegex(words, r'\b%s\b' % name)

    def test_each_page_has_what_a_page_has(self):
        for name, text in self.pages.items():
            for heading in ('NAME', 'DESCRIPTION', 'EXAMPLE', 'SEE ALSO'):
                self.assertTrue(section(text, heading), '%s has no %s' % (name, heading))

    def test_examples_are_programs_that_are_built_and_run(self):
        """examples/c is; the page shows the whole of one."""
        programs = {re.sub(r'\s+', ' ', source.read(path)).strip()
                    for path in source.files(('examples',), ('.c',))}
        for name, text in self.of_section('3').items():
            self.assertIn(re.sub(r'\s+', ' ', section(text, 'EXAMPLE')).strip(), programs, name)

    def test_what_is_referred_to_is_there(self):
        for name, text in self.pages.items():
            for other in re.findall(r'\b(zfabric[\w-]*)\((\d)\)', text):
                self.assertIn('.'.join(other), self.pages, name)

    def test_nothing_is_lost_on_the_way(self):
        """An escape that went wrong leaves a backslash, or a mark of emphasis in a word."""
        for name, text in self.of_section('3').items():
            for part in 'NAME', 'DESCRIPTION', 'FUNCTIONS':
                prose = re.sub(r'^ {11,}.*$', '', section(text, part), flags=re.M) \
                    if part == 'DESCRIPTION' else section(text, part)
                self.assertNotRegex(prose, r'\\|`', '%s, %s' % (name, part))

    def test_groff_and_mandoc_have_nothing_to_say(self):
        for page in PAGES:
            self.assertEqual(run('groff', '-man', '-Tutf8', '-ww', '-z', page), '', page)
            words = run('mandoc', '-T', 'lint', '-W', 'warning', page).splitlines()
            self.assertEqual([line for line in words if not USUAL.search(line)], [], page)


if __name__ == '__main__':
    unittest.main()
