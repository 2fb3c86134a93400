"""Lists files over 500 lines and functions over 60: a sense of proportion, not a gate."""

import re

import source

FILE_LINES = 500
FUNCTION_LINES = 60

# At the margin: something with an argument list, its brace alone on the next line.
START = re.compile(r'^([A-Za-z_][^;{}=#]*?\b(\w+)\s*\([^;{}]*\))\s*\n\{', re.M)


def functions(text):
    """(name, first line, number of lines): from the brace at the margin to the one that ends it."""
    for match in START.finditer(text):
        end = text.find('\n}', match.end())
        if end < 0:
            continue
        first = text.count('\n', 0, match.start()) + 1
        yield match.group(2), first, text.count('\n', match.end(), end)


def main():
    long = []
    paths = source.files(source.LIBRARY + ('load', 'cli', 'bench', 'tests'))
    for path in paths:
        text = source.read(path)
        lines = text.count('\n')
        if lines > FILE_LINES and not path.startswith('tests/'):
            long.append('%s: %d lines' % (path, lines))
        for name, first, count in functions(source.code(text)):
            if count > FUNCTION_LINES:
                long.append('%s:%d: %s () has %d lines' % (path, first, name, count))
    for line in long:
        print('long: ' + line)
    print('%d files, %d long things' % (len(paths), len(long)))


if __name__ == '__main__':
    main()
