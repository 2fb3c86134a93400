"""What the shared library shows the world begins with zfabric_, and its public headers' functions
are all there. Argument: the library.
"""

import re
import subprocess
import sys

import source

DECLARED = re.compile(r'\bZFABRIC_EXPORT\b[^;{]*?\b(zfabric_\w+)\s*\(')


def main():
    library = sys.argv[1]
    shown = set()
    report = source.Report()
    lines = subprocess.run(['nm', '-D', '--defined-only', library], text=True, check=True,
                           capture_output=True).stdout.splitlines()
    for line in lines:
        name = line.split()[-1].split('@')[0]
        # What a sanitizer puts into everything that it builds is not ours.
        if re.match(r'_{1,3}(asan|tsan|ubsan|odr_asan|sanitizer)', name):
            continue
        shown.add(name)
        if not name.startswith('zfabric_'):
            report.say(library, 0, 'shows %s' % name)
    for path in source.files(source.LIBRARY, ('.h',)):
        for name in DECLARED.findall(source.code(source.read(path))):
            if name not in shown:
                report.say(path, 1, '%s () is declared, but the library does not have it' % name)
    report.finish(len(lines))


if __name__ == '__main__':
    main()
