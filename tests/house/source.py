"""The sources as the house's tests see them: which files there are, and C without its comments."""

import os
import re
import sys

ROOT = os.environ.get('ZFABRIC_SOURCE') or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

LIBRARY = ('fabric', 'codec', 'broker', 'worker', 'client', 'transports')
ROOMS = LIBRARY + ('load', 'cli', 'bench', 'examples', 'tests')


def files(rooms=ROOMS, endings=('.c', '.h')):
    """Paths from the root, in order."""
    found = []
    for room in rooms:
        for folder, folders, names in os.walk(os.path.join(ROOT, room)):
            folders[:] = [f for f in folders
                          if not f.startswith('.') and f not in ('build', 'node_modules')]
            found += [os.path.relpath(os.path.join(folder, name), ROOT)
                      for name in names if name.endswith(tuple(endings))]
    return sorted(found)


def read(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
        return file.read()


TOKEN = re.compile(r'''//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*\'''', re.S)


def code(text, keep_strings=False):
    """The text with comments (and what strings say) blanked out; lines stay where they are."""
    def blank(match):
        token = match.group()
        if token[0] == '/':
            return re.sub(r'[^\n]', ' ', token)
        return token if keep_strings else token[0] + token[-1]
    return TOKEN.sub(blank, text)


class Report:
    """Collects what is wrong as `path:line: words`, like a compiler."""

    def __init__(self):
        self.problems = []

    def say(self, path, line, words):
        self.problems.append('%s:%d: %s' % (path, line, words))

    def finish(self, checked):
        for problem in self.problems:
            print(problem)
        print('%d checked, %d wrong' % (checked, len(self.problems)))
        if not checked:
            print('nothing was found to check')
        sys.exit(1 if self.problems or not checked else 0)
