"""Processes under test: started with their output collected, ended by their pid.

Every wait here has a deadline. ZFABRIC names the binary, ZFABRIC_SLOW says how many times slower
than a plain build it is (sanitizers).
"""

import contextlib
import os
import pathlib
import random
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.path.abspath(os.environ.get("ZFABRIC", ROOT / "build" / "dev" / "bin" / "zfabric"))
SLOW = float(os.environ.get("ZFABRIC_SLOW", "1"))
PIPE = subprocess.PIPE
DEADLINE = 15 * SLOW  # seconds; for what should come at once
PAUSE = 0.005  # seconds between two looks at something that tells no event


def eventually(probe, what, seconds=DEADLINE):
    """Calls probe () until it returns something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(PAUSE)


class Collector(threading.Thread):
    """Reads one pipe to its end."""

    def __init__(self, pipe):
        super().__init__(daemon=True)
        self._pipe = pipe
        self._octets = bytearray()
        self._news = threading.Condition()
        self._ended = False
        self.start()

    def run(self):
        while octets := self._pipe.read1(65536):
            with self._news:
                self._octets += octets
                self._news.notify_all()
        self._pipe.close()
        with self._news:
            self._ended = True
            self._news.notify_all()

    @property
    def text(self):
        with self._news:
            return self._octets.decode("utf-8", "replace")

    def wait_for(self, wanted, seconds=DEADLINE):
        """Waits for the text `wanted`; False if the pipe ended or the time was over before it."""
        found = lambda: wanted.encode() in self._octets
        with self._news:
            self._news.wait_for(lambda: found() or self._ended, seconds)
            return found()


class Process:
    """A running program. stop () or kill () ends it; as a cleanup, end () is enough."""

    def __init__(self, *argv, env=None, stdin=subprocess.DEVNULL, cwd=None):
        self.argv = [str(word) for word in argv]
        self._popen = subprocess.Popen(
            self.argv,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})},
            cwd=cwd,
        )
        self.pid = self._popen.pid
        self.out = Collector(self._popen.stdout)
        self.err = Collector(self._popen.stderr)

    @property
    def status(self):
        """The exit status (negative: a signal), None while it runs."""
        return self._popen.poll()

    def report(self, problem):
        return AssertionError(
            f"{problem}\ncommand: {' '.join(self.argv)}\nstatus: {self.status}\n"
            f"stdout:\n{self.out.text}\nstderr:\n{self.err.text}"
        )

    def signal(self, number):
        self._popen.send_signal(number)

    def write(self, text):
        """Writes to its standard input (started with stdin=PIPE) and closes it."""
        with contextlib.suppress(BrokenPipeError):  # it may end without reading
            with self._popen.stdin as pipe:
                pipe.write(text.encode())

    def feed(self, text):
        """Writes to its standard input, with more to come."""
        self._popen.stdin.write(text.encode())
        self._popen.stdin.flush()

    def wait_for_output(self, text):
        if not self.out.wait_for(text):
            raise self.report(f"never printed {text!r}")

    def wait(self, seconds=DEADLINE):
        """Waits until it has ended by itself; its status."""
        if not self._ends_within(seconds):
            problem = self.report(f"still runs after {seconds:.0f} s")
            self.kill()
            raise problem
        self.out.join(DEADLINE)
        self.err.join(DEADLINE)
        return self.status

    def _ends_within(self, seconds):
        """As Popen.wait (), which looks only every 50 ms."""
        if self.status is None:
            pidfd = os.pidfd_open(self.pid)
            try:
                poll = select.poll()  # any descriptor, unlike select ()
                poll.register(pidfd, select.POLLIN)
                poll.poll(seconds * 1000)
            finally:
                os.close(pidfd)
        return self.status is not None

    def stop(self, seconds=DEADLINE):
        """SIGTERM; its status."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self):
        """SIGKILL, also to a stopped process, and reaps it."""
        if self.status is None:
            self._popen.kill()
            self._popen.wait()

    def end(self):
        """The cleanup: whatever became of the test, it is gone after this."""
        if self._popen.stdin and not self._popen.stdin.closed:
            self._popen.stdin.close()
        if self.status is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            if not self._ends_within(5 * SLOW):
                self.kill()
        self.out.join(DEADLINE)
        self.err.join(DEADLINE)


class Scratch:
    """A short-named directory for sockets and files, and free endpoints."""

    def __init__(self):
        self._directory = tempfile.TemporaryDirectory(prefix="zf-")
        self.path = pathlib.Path(self._directory.name)
        self._names = 0

    def file(self, text=None):
        """The path of a new file; with `text`, it is written."""
        self._names += 1
        path = self.path / f"f{self._names}"
        if text is not None:
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def ipc(self):
        return f"ipc://{self.file()}"

    def remove(self):
        self._directory.cleanup()


def claim_port():
    """A port that no other test asks for while this process lives.

    Below the range that the kernel gives to outgoing connections, so that none of them takes it
    before the server under test is up. Claims of concurrent tests meet in the abstract UNIX names,
    which the kernel lets go of with the process.
    """
    for _ in range(1000):
        port = random.randrange(10_000, 32_000)
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0zfabric-test-port-{port}")
        except OSError:
            claim.close()
            continue
        _CLAIMS.append(claim)
        return port
    raise AssertionError("no port is free")


_CLAIMS = []


def free_tcp(host="127.0.0.1"):
    """A tcp endpoint that nobody listens on; None where the host can't be bound."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((host, 0))
    except OSError:
        return None
    for _ in range(100):
        port = claim_port()
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
        except OSError:
            continue
        return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"
    raise AssertionError(f"no port of {host} is free")


def listify(value):
    return [value] if isinstance(value, str) else list(value)


class Broker(Process):
    """`zfabric broker` with given options, ready to be used.

    `client_endpoint` and `worker_endpoint` are the first ones of each side. The drain is short,
    so that a test that failed with a task running does not hold up its end.
    """

    def __init__(self, *options, scratch, serve=None, listen=None):
        serve = listify(serve or scratch.ipc())
        listen = listify(listen or scratch.ipc())
        argv = [BINARY, "broker"]
        for endpoint in serve:
            argv += ["--serve", endpoint]
        for endpoint in listen:
            argv += ["--listen", endpoint]
        if "--drain" not in options:
            argv += ["--drain", "100"]
        super().__init__(*argv, *options)
        self.client_endpoint = serve[0]
        self.worker_endpoint = listen[0]

    def wait_ready(self):
        if not self.out.wait_for("ready\n"):
            problem = self.report("the broker did not get ready")
            self.kill()
            raise problem
        return self

    def check_alive(self):
        if self.status is not None:
            raise self.report("the broker has ended")

    def stop(self, seconds=DEADLINE):
        """SIGTERM, and exit status 0 (PROTOCOL 5.9)."""
        if self.status is None:
            self.signal(signal.SIGTERM)
        if self.wait(seconds) != 0:
            raise self.report("the broker did not exit with 0")


class Finished:
    """What a command left behind."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err
        self.err_lines = err.splitlines()

    def __repr__(self):
        return f"status {self.status}\nstdout:\n{self.out}\nstderr:\n{self.err}"


def zfabric(*arguments, stdin=""):
    """Runs `zfabric ARGUMENTS` to its end."""
    process = Process(BINARY, *arguments, stdin=subprocess.PIPE)
    try:
        process.write(stdin)
        status = process.wait(2 * DEADLINE)
        return Finished(status, process.out.text, process.err.text)
    finally:
        process.end()


def alive(pid):
    """Whether the process runs; a zombie does not."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def children(pid):
    """(pid, state letter) of each child of `pid`."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(parent) == pid:
                found.append((int(entry.name), state))
    return found


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))
