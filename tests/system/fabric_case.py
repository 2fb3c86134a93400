"""The base of the system tests: a broker, peers of it, and the promise that all of them end."""

import contextlib
import functools
import sys
import time
import unittest

from fabric_packets import BOTH, JSON, cookie_uuid
from fabric_peers import Client, Worker, __file__ as peers_file
from fabric_process import DEADLINE, Broker, Process, Scratch, zfabric

MS = 0.001
EARLY = 0.015  # s: how much sooner than told a clock of whole ms may ring


def each(*values):
    """A test for each value: `test_x (self, value)` becomes `test_x__VALUE` for all of them."""

    def mark(test):
        test.values = values
        return test

    return mark


def _test_of(test, value):
    @functools.wraps(test)
    def one(self):
        test(self, value)

    del one.values
    return one


both_codecs = each(*BOTH)


class FabricCase(unittest.TestCase):
    """Each test has its own broker, started when it is first asked for."""

    maxDiff = 2000

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for name, test in list(vars(cls).items()):
            for value in getattr(test, "values", ()):
                label = value[0] if isinstance(value, tuple) else value
                setattr(cls, f"{name}__{label}", _test_of(test, value))
            if hasattr(test, "values"):
                delattr(cls, name)

    def setUp(self):
        self.scratch = Scratch()
        self.addCleanup(self.scratch.remove)
        self._broker = None
        self._peers = []
        self.addCleanup(self._close_peers)

    def _close_peers(self):
        for peer in self._peers:
            peer.vanish()

    # -- processes

    def start(self, *options, **endpoints):
        """Starts the test's broker with options of its own; it must exit with 0 in the end."""
        self._broker = self.start_broker(*options, **endpoints)
        return self._broker

    def start_broker(self, *options, **endpoints):
        broker = Broker(*options, scratch=self.scratch, **endpoints)
        self.addCleanup(broker.end)
        broker.wait_ready()
        self.addCleanup(broker.stop)
        return broker

    @property
    def broker(self):
        return self._broker or self.start()

    def process(self, *argv, **kwargs):
        process = Process(*argv, **kwargs)
        self.addCleanup(process.end)
        return process

    def holding_worker(self, capacity=1):
        """A worker in a process of its own that takes tasks and never answers."""
        endpoint = self.broker.worker_endpoint
        worker = self.process(sys.executable, peers_file, endpoint, capacity)
        worker.wait_for_output("registered\n")
        return worker

    # -- peers

    def client(self, codec=JSON, endpoint=None, **kwargs):
        endpoint = endpoint or self.broker.client_endpoint
        return self._peer(Client(endpoint, codec, broker=self._broker, **kwargs))

    def stranger(self, codec=JSON, endpoint=None, **kwargs):
        """A worker that has not registered."""
        endpoint = endpoint or self.broker.worker_endpoint
        return self._peer(Worker(endpoint, codec, broker=self._broker, **kwargs))

    def worker(self, capacity=1, pipelines=None, codec=JSON, endpoint=None, **keys):
        return self.stranger(codec, endpoint).register(capacity, pipelines, **keys)

    def _peer(self, peer):
        self._peers.append(peer)
        return peer

    def pair(self, client_codec=JSON, worker_codec=None, capacity=1):
        """A client and a registered worker."""
        return (
            self.client(client_codec),
            self.worker(capacity, codec=worker_codec or client_codec),
        )

    # -- assertions

    def assert_same_cookies(self, packets, cookies):
        self.assertEqual([p.cookie for p in packets], [cookie_uuid(c) for c in cookies])

    def assert_bad(self, packet, key=None):
        """A RESULT BAD_PACKET whose `error` names the key (PROTOCOL 4)."""
        self.assertEqual((packet.type, packet.rc), ("RESULT", "BAD_PACKET"), packet)
        self.assertTrue(packet.error, packet)
        if key is not None:
            self.assertIn(key, packet.error)

    @contextlib.contextmanager
    def takes_at_least(self, milliseconds):
        """The body takes that long, and not very much longer."""
        began = time.monotonic()
        yield
        took = time.monotonic() - began
        self.assertGreaterEqual(took, milliseconds * MS - EARLY)
        self.assertLess(took, milliseconds * MS + DEADLINE)

    def let_pass(self, milliseconds):
        """For rules about time: what must not happen has had that long to happen."""
        time.sleep(milliseconds * MS)


class CommandCase(FabricCase):
    """Tests of commands that end by themselves."""

    def run_client(self, *arguments, stdin=""):
        """`zfabric run|cancel|status ...` against the test's broker."""
        command, *rest = arguments
        return zfabric(command, "--broker", self.broker.client_endpoint, *rest, stdin=stdin)

    def assert_refused(self, finished, *names):
        """Exit status 1 or 2 and one line that names what is wrong."""
        self.assertIn(finished.status, (1, 2), finished)
        self.assertEqual(len(finished.err_lines), 1, finished)
        for name in names:
            self.assertIn(name, finished.err_lines[0])
