"""Who may enter which room (docs: CONTRIBUTING.md), which files are pure, and no circles."""

import fnmatch
import os
import re

import source

# What a room's files may include of ours, besides the room itself.
MAY_ENTER = {
    'fabric': (),
    'codec': ('fabric',),
    'broker': ('fabric', 'codec'),
    'worker': ('fabric', 'codec'),
    'client': ('fabric', 'codec'),
    'transports': ('fabric', 'codec', 'client/zfabric_client.h', 'worker/zfabric_worker.h'),
    'load': ('fabric', 'codec', 'client/zfabric_client.h', 'worker/zfabric_worker.h'),
    'cli': ('fabric', 'codec', 'broker', 'worker', 'client', 'transports', 'load'),
    'bench': ('fabric', 'codec', 'broker', 'worker', 'client', 'transports', 'load',
              'tests/support'),
    'examples': (),
    'tests': ('fabric', 'codec', 'broker', 'worker', 'client', 'transports', 'load', 'cli'),
}

# Public headers that stand above the classes: the umbrella, and payloads of other libraries' types.
GATHER = ('fabric/zfabric.h', 'fabric/zfabric_jansson.h', 'fabric/zfabric_msgpack.h')

# The only files of the library that may speak to ZeroMQ.
SPEAK_ZMQ = {
    'fabric/wire.c', 'fabric/frame.c', 'fabric/dealer.c', 'fabric/meter.c', 'fabric/context.c',
    'broker/broker.c', 'broker/ears.c', 'broker/sockets.h', 'broker/sockets.c',
    'broker/gate.h', 'broker/gate.c',
    'worker/worker.c',
    'client/client.c', 'client/api.c',
}

# The only files of the library that may also use clocks, threads, files and processes. All others
# are pure: the same input gives the same output.
IMPURE = SPEAK_ZMQ | {
    'fabric/condition.c', 'fabric/condition.h', 'fabric/moment.c', 'fabric/fault.c',
    'broker/ears.h', 'broker/loop*', 'broker/recording_file.c',
    'broker/key_folder.c',
    # The worker's threads and its processes; what they decide is in task_manager.c.
    'worker/guard.c', 'worker/process.c', 'worker/runner.c', 'worker/spawn.c', 'worker/worker_*',
    'client/baton.c', 'client/baton.h', 'client/call.c', 'client/call.h', 'client/client.h', 'client/headers.c',
    'client/hub.c', 'client/hub.h', 'client/owner.c', 'client/start.c',
    'fabric/mailbox.c',
    'fabric/key_file.c',
    # The doors' loop, and what it moves octets with; framing, packets, tasks and slots are pure.
    'transports/bridge.*', 'transports/carrier*', 'transports/desk.*', 'transports/door*',
    'transports/entrance.*', 'transports/guest*', 'transports/patience.*', 'transports/peer.*', 'transports/stand_in.*', 'transports/tls.*', 'transports/uplink.*',
    # A file that is read again; and a date from a number that it is given.
    # gRPC's threads, and what comes from them.
    'transports/rpc_absent.c', 'transports/rpc_call.*', 'transports/rpc_h*', 'transports/rpc_library.*',
    'transports/rpc_s*', 'transports/rpc_tag.h',
    'transports/http_token.*', 'transports/http_response.c',
}


def listed(path, patterns):
    return any(fnmatch.fnmatch(path, pattern) for pattern in patterns)


ZMQ = re.compile(r'^(zmq|czmq|z[a-z]+_?[a-z]*)\.h$')
WORLD = {'time.h', 'sys/time.h', 'pthread.h', 'threads.h', 'unistd.h', 'signal.h',
         'poll.h', 'sys/poll.h', 'sys/epoll.h', 'sys/socket.h', 'fcntl.h', 'sys/wait.h'}
# <stdio.h> may be there for snprintf (), which is pure, but for nothing else.
STDIO = re.compile(r'(?<![\w.>])(fopen|fdopen|freopen|fclose|fflush|fread|fwrite|fgets|fputs|fgetc|'
                   r'fputc|fprintf|vfprintf|fscanf|fseek|ftell|getc|getchar|putc|putchar|puts|getline|'
                   r'printf|vprintf|scanf|perror|popen|remove|rename|tmpfile)\s*\(|\b(stdin|stdout|stderr|FILE)\b')
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def includes(path):
    """(line, quoted or not, what) for each."""
    text = source.code(source.read(path), keep_strings=True)
    return [(text.count('\n', 0, match.start()) + 1, match.group(1) == '"', match.group(2))
            for match in INCLUDE.finditer(text)]


def is_public(path):
    return os.path.basename(path).startswith('zfabric')


def locate(what):
    """The path of one of our headers; public ones may be named flat, as they are installed."""
    if os.path.exists(os.path.join(source.ROOT, what)):
        return what
    for room in source.LIBRARY:
        if '/' not in what and os.path.exists(os.path.join(source.ROOT, room, what)):
            return room + '/' + what
    return None


def check_room(report, path, line, what):
    room = path.split('/')[0]
    target = locate(what)
    if what == 'zfabric_version.h': # made from fabric/zfabric_version.h.in
        return
    if what.endswith('.pb-c.h') and os.path.exists(
            os.path.join(source.ROOT, what.replace('.pb-c.h', '.proto'))):
        return
    if target is None:
        report.say(path, line, 'no such header: "%s"' % what)
        return
    if '/' not in what and not is_public(target):
        report.say(path, line, 'name its room: "%s"' % target)
    if path in GATHER and is_public(target):
        return
    if room == 'examples' and is_public(target):
        return
    if room != 'examples' and target == 'fabric/zfabric.h' and room in source.LIBRARY:
        report.say(path, line, 'the umbrella header is for programs')
    if listed(target, IMPURE) and room in source.LIBRARY and not listed(path, IMPURE):
        report.say(path, line, 'is pure, and this is not: "%s"' % what)
    allowed = (room,) + MAY_ENTER[room]
    if not any(target == place or target.startswith(place + '/') for place in allowed):
        report.say(path, line, '%s may not enter %s: "%s"' % (room, target.split('/')[0], what))


def check_world(report, path, line, what):
    if path.split('/')[0] not in source.LIBRARY:
        return
    if ZMQ.match(what) and not listed(path, SPEAK_ZMQ):
        report.say(path, line, 'may not speak to ZeroMQ: <%s>' % what)
    elif what in WORLD and not listed(path, IMPURE):
        report.say(path, line, 'is pure, and this is not: <%s>' % what)


def check_stdio(report, path):
    text = source.code(source.read(path))
    for match in STDIO.finditer(text):
        line = text.count('\n', 0, match.start()) + 1
        report.say(path, line, 'is pure, and this is not: %s' % (match.group(1) or match.group(2)))


def check_own_header_first(report, path, found):
    """thing.c: thing.h, zfabric_thing.h, or the thing's inner header, thing_inner.h."""
    if not path.endswith('.c') or path.split('/')[0] not in source.LIBRARY:
        return
    stem = os.path.splitext(path)[0]
    room, name = stem.split('/', 1)
    own = [h for h in (stem + '.h', '%s/zfabric_%s.h' % (room, name)) if locate(h)]
    first = found[0][2] if found else ''
    if own and first not in own and not first.startswith(stem + '_'):
        report.say(path, found[0][0] if found else 1, 'first comes its own header: "%s"' % own[0])


def check_circles(report, graph):
    done, way = set(), []

    def visit(path):
        if path in way:
            circle = way[way.index(path):] + [path]
            report.say(path, 1, 'includes itself: ' + ' -> '.join(circle))
            return
        if path in done:
            return
        way.append(path)
        for target in graph.get(path, ()):
            visit(target)
        way.pop()
        done.add(path)

    for path in sorted(graph):
        visit(path)


def check_guard(report, path):
    if not path.endswith('.h'):
        return
    name = re.sub(r'[^A-Z0-9]', '_', (os.path.basename(path) if is_public(path) else path).upper())
    if '#ifndef %s\n#define %s\n' % (name, name) not in source.read(path):
        report.say(path, 1, 'its include guard is not %s' % name)


def main():
    report = source.Report()
    graph = {}
    paths = source.files()
    for path in paths:
        found = includes(path)
        for line, ours, what in found:
            if ours:
                check_room(report, path, line, what)
            else:
                check_world(report, path, line, what)
        check_own_header_first(report, path, found)
        if path.split('/')[0] in source.LIBRARY and not listed(path, IMPURE):
            check_stdio(report, path)
        check_guard(report, path)
        graph[path] = [locate(what) for _, ours, what in found if ours and locate(what)]
    check_circles(report, graph)
    report.finish(len(paths))


if __name__ == '__main__':
    main()
