"""Each header compiles alone: public ones as C11 and as C++17, with nothing but each other to be
found; private ones as C17. Arguments: the C compiler, the C++ compiler, the build's folder.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import source

STRICT = ['-Wall', '-Wextra', '-Wpedantic', '-Werror', '-fsyntax-only']


def compile_alone(command, header):
    program = '#include "%s"\nextern int alone;\n' % header
    done = subprocess.run(command + ['-'], input=program, text=True, capture_output=True, check=False)
    return header, command, done.returncode, done.stderr


def main():
    cc, cxx, build = sys.argv[1:4]
    flat = ['-I' + os.path.join(build, folder) for folder in ('include', 'generated')]
    rooted = ['-I' + source.ROOT, '-I' + os.path.join(build, 'generated')]
    rooted += ['-iquote', os.path.join(build, 'include')]
    c11 = [cc, '-x', 'c', '-std=c11'] + STRICT + flat
    cxx17 = [cxx, '-x', 'c++', '-std=c++17'] + STRICT + flat
    c17 = [cc, '-x', 'c', '-std=c17', '-D_GNU_SOURCE'] + STRICT + rooted

    jobs = [(command, 'zfabric_version.h') for command in (c11, cxx17)]
    for path in source.files(source.ROOMS, ('.h',)):
        name = os.path.basename(path)
        if name.startswith('zfabric') and path.split('/')[0] in source.LIBRARY:
            jobs += [(c11, name), (cxx17, name)]
        elif not path.startswith(('examples/', 'tests/')):
            jobs += [(c17, path)]

    report = source.Report()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, command, status, words in pool.map(lambda job: compile_alone(*job), jobs):
            if status:
                report.say(header, 1, 'does not compile alone (%s)\n%s'
                           % (command[3], words.rstrip()))
    report.finish(len(jobs))


if __name__ == '__main__':
    main()
