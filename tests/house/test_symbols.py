"""What the shared library shows the world is what its public headers declare, no more and no less;
what a released one showed is still there (packaging/debian/libzfabric0.symbols); and its soname is
what the version says. Arguments: the library, the version.
"""

import os
import re
import subprocess
import sys

import source

DECLARED = re.compile(r'\bZFABRIC_EXPORT\b[^;{]*?\b(zfabric_\w+)\s*\(')
SYMBOLS = 'packaging/debian/libzfabric0.symbols'


def ask(*command):
    return subprocess.run(command, text=True, check=True, capture_output=True).stdout


def shown_by(library):
    for line in ask('nm', '-D', '--defined-only', library).splitlines():
        name = line.split()[-1].split('@')[0]
        # What a sanitizer puts into everything that it builds is not ours.
        if not re.match(r'_{1,3}(asan|tsan|ubsan|odr_asan|sanitizer)', name):
            yield name


def declared():
    """Each function of the public headers, and in which."""
    for path in source.files(source.LIBRARY, ('.h',)):
        functions = DECLARED.findall(source.code(source.read(path)))
        if functions and not os.path.basename(path).startswith('zfabric'):
            functions = []
        yield from ((name, path) for name in functions)


def main():
    library, version = sys.argv[1:3]
    report = source.Report()
    shown, wanted = set(shown_by(library)), dict(declared())
    for name in sorted(shown - set(wanted)):
        report.say(library, 0, 'shows %s, which no public header declares' % name)
    for name in sorted(set(wanted) - shown):
        report.say(wanted[name], 1, '%s () is declared, but the library does not have it' % name)
    for name in sorted(set(re.findall(r'^ (\w+)@', source.read(SYMBOLS), re.M)) - shown):
        report.say(SYMBOLS, 1, 'the library has lost %s: programs that use it need a new soname'
                   % name)
    soname = re.search(r'SONAME.*\[(.*)\]', ask('readelf', '-d', library)).group(1)
    if soname != 'libzfabric.so.' + version.split('.')[0]:
        report.say(library, 0, 'is called %s, though it is of version %s' % (soname, version))
    if os.path.basename(os.path.realpath(library)) != 'libzfabric.so.' + version:
        report.say(library, 0, 'is not libzfabric.so.' + version)
    report.finish(len(shown))


if __name__ == '__main__':
    main()
