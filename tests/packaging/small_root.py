"""A small Debian in a folder, made of the packages that are installed here: the essential ones, and
what the given packages depend on, but not these themselves. Nothing is fetched.

    small_root.py FOLDER PACKAGE.deb...

So a dependency that a package lacks is missing there. What nobody reads there (manuals, locales,
Python, firmware) is left out; dpkg's own records are there, so that dpkg --root works on it.
"""

import os
import re
import shutil
import subprocess
import sys

INFO = '/var/lib/dpkg/info'
LEFT_OUT = re.compile(r'^/usr/(share/(doc|man|info|locale|i18n|zoneinfo|bash-completion|lintian|gconv|'
                      r'polkit-1|perl)|lib/(python|udev/hwdb|locale|[^/]+/gconv))')


def ask(*command):
    return subprocess.run(command, text=True, check=True, capture_output=True).stdout


def alternatives(depends):
    """`a (>= 1) | b, c` -> [['a', 'b'], ['c']]"""
    return [[re.match(r'\s*([a-z0-9][a-z0-9+.-]*)', one).group(1) for one in group.split('|')]
            for group in depends.split(',') if group.strip()]


class Installed:
    def __init__(self):
        self.paragraphs, self.depends, self.provided, self.essential = {}, {}, {}, []
        with open('/var/lib/dpkg/status', encoding='utf-8') as status:
            for paragraph in status.read().split('\n\n'):
                self.add(paragraph)

    def add(self, paragraph):
        fields = dict(re.findall(r'^([A-Za-z-]+): *(.*)$', paragraph, re.M))
        if fields.get('Status') != 'install ok installed':
            return
        name = fields['Package']
        self.paragraphs[name] = paragraph
        self.depends[name] = alternatives(
            fields.get('Pre-Depends', '') + ',' + fields.get('Depends', ''))
        for group in alternatives(fields.get('Provides', '')):
            self.provided.setdefault(group[0], name)
        if fields.get('Essential') == 'yes':
            self.essential.append(name)

    def choose(self, group):
        for name in group:
            if name in self.paragraphs:
                return name
            if name in self.provided:
                return self.provided[name]
        raise SystemExit('not installed here: ' + ' | '.join(group))

    def closure(self, groups):
        found, left = set(), self.essential + [self.choose(group) for group in groups]
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                left += [self.choose(group) for group in self.depends[name]]
        return sorted(found)


def records_of(name):
    """The files that dpkg keeps of a package, whose name may have its architecture in it."""
    return [entry for entry in os.listdir(INFO)
            if re.match(re.escape(name) + r'(:[a-z0-9]+)?\.[a-z0-9]+$', entry)]


def copy(root, names):
    paths = {'/'}
    for name in names:
        for entry in records_of(name):
            if entry.endswith('.list'):
                with open(os.path.join(INFO, entry), encoding='utf-8') as lines:
                    paths.update(lines.read().splitlines())
    for folder in 'bin', 'sbin', 'lib', 'lib64':
        paths.update(('/' + folder, '/usr/' + folder))
    # /usr first: /bin and its like lead there.
    wanted = [path for path in sorted(paths, key=lambda path: (not path.startswith('/usr'), path))
              if os.path.lexists(path) and not LEFT_OUT.match(path)]
    pack = subprocess.Popen(['tar', '-C', '/', '--no-recursion', '-cf', '-', '--null', '-T', '-'],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    unpack = subprocess.Popen(['tar', '-C', root, '-xpf', '-'], stdin=pack.stdout)
    pack.stdout.close()
    pack.stdin.write(b'\0'.join(('.' + path).encode() for path in wanted))
    pack.stdin.close()
    if pack.wait() or unpack.wait():
        raise SystemExit('the files could not be copied')


def record(root, installed, names):
    admin = os.path.join(root, 'var/lib/dpkg')
    for folder in 'info', 'updates', 'triggers', 'alternatives', 'parts':
        os.makedirs(os.path.join(admin, folder), exist_ok=True)
    with open(os.path.join(admin, 'status'), 'w', encoding='utf-8') as status:
        status.write(''.join(installed.paragraphs[name] + '\n\n' for name in names))
    shutil.copy(os.path.join(INFO, 'format'), os.path.join(admin, 'info'))
    for name in names:
        for entry in records_of(name):
            shutil.copy(os.path.join(INFO, entry), os.path.join(admin, 'info', entry))
    # Who is interested in which trigger, as far as they are there.
    triggers = '/var/lib/dpkg/triggers'
    for entry in os.listdir(triggers):
        if entry in ('File', 'Lock', 'Unincorp'):
            continue
        with open(os.path.join(triggers, entry), encoding='utf-8') as lines:
            kept = [line for line in lines if re.split('[/:\n]', line)[0] in names]
        if kept:
            with open(os.path.join(admin, 'triggers', entry), 'w', encoding='utf-8') as out:
                out.writelines(kept)


def furnish(root):
    """What an installation makes rather than unpacks."""
    for entry in 'passwd', 'group':
        shutil.copy('/usr/share/base-passwd/%s.master' % entry, os.path.join(root, 'etc', entry))
    for path, mode in (('tmp', 0o1777), ('run', 0o755), ('dev', 0o755), ('proc', 0o755),
                       ('var/lib', 0o755), ('etc/systemd/system', 0o755)):
        os.makedirs(os.path.join(root, path), exist_ok=True)
        os.chmod(os.path.join(root, path), mode)
    os.mknod(os.path.join(root, 'dev/null'), 0o20666, os.makedev(1, 3))
    os.chmod(os.path.join(root, 'dev/null'), 0o666)
    for command in 'pwconv', 'grpconv', 'ldconfig':
        subprocess.run(['chroot', root, command], check=True)


def main():
    root, packages = sys.argv[1], sys.argv[2:]
    own = {ask('dpkg-deb', '-f', package, 'Package').strip() for package in packages}
    groups = []
    for package in packages:
        groups += [group for group in alternatives(ask('dpkg-deb', '-f', package, 'Depends'))
                   if not own & set(group)]
    installed = Installed()
    names = installed.closure(groups)
    copy(root, names)
    record(root, installed, names)
    furnish(root)
    print('%d packages' % len(names))


if __name__ == '__main__':
    main()
