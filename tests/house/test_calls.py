"""Calls that are not made here, and what to do instead."""

import re

import source

# Tests may: their input is their own, and the sanitizers watch.
IN_PROGRAMS = {
    'strcpy': 'knows no end: use a slice or snprintf',
    'strcat': 'knows no end: use a buffer',
    'stpcpy': 'knows no end: use a slice or snprintf',
    'sprintf': 'knows no end: use snprintf',
    'vsprintf': 'knows no end: use vsnprintf',
    'strtok': 'keeps state for all threads',
    'alloca': 'has no error',
    'atoi': 'has no error: read the digits or use strtoull with its checks',
    'atol': 'has no error',
    'atoll': 'has no error',
    'atof': 'has no error',
    'asctime': 'keeps state for all threads',
    'ctime': 'keeps state for all threads',
    'gmtime': 'keeps state for all threads: use gmtime_r',
    'localtime': 'keeps state for all threads: use localtime_r',
}

EVERYWHERE = {
    'gets': 'knows no end',
    'tmpnam': 'is a race: use mkstemp or mkdtemp',
    'mktemp': 'is a race: use mkstemp or mkdtemp',
    'tempnam': 'is a race: use mkstemp or mkdtemp',
    'rand': 'is not the same everywhere: use a seed of our own',
    'usleep': 'waits for time instead of an event',
    'sleep': 'waits for time instead of an event',
}

# The library tells its caller; it does not print, and it does not end the program.
IN_THE_LIBRARY = {
    'printf': 'prints',
    'fprintf': 'prints',
    'vprintf': 'prints',
    'vfprintf': 'prints',
    'dprintf': 'prints',
    'puts': 'prints',
    'putchar': 'prints',
    'perror': 'prints',
    'zsys_info': 'prints',
    'zsys_error': 'prints',
    'exit': 'ends the program',
    'abort': 'ends the program',
    'system': 'runs a shell in our name',
    'popen': 'runs a shell in our name',
    'signal': 'is the program\'s business',
    'setenv': 'changes the program for all threads',
    'zstr_sendf': 'blocks, and copies',
}

CALL = re.compile(r'(?<![\w.>])([A-Za-z_]\w*)\s*\(')


def main():
    report = source.Report()
    paths = source.files()
    for path in paths:
        room = path.split('/')[0]
        banned = dict(EVERYWHERE)
        if room != 'tests':
            banned.update(IN_PROGRAMS)
        if room in source.LIBRARY:
            banned.update(IN_THE_LIBRARY)
        text = source.code(source.read(path))
        for match in CALL.finditer(text):
            words = banned.get(match.group(1))
            if words:
                line = text.count('\n', 0, match.start()) + 1
                report.say(path, line, '%s () %s' % (match.group(1), words))
    report.finish(len(paths))


if __name__ == '__main__':
    main()
