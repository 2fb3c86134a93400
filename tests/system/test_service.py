"""The broker as a service: what it tells the manager that started it (sd_notify (3))."""

import os
import pathlib
import select
import signal
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import DEADLINE, FabricCase
from fabric_process import BINARY


class Manager:
    """The socket that a service manager listens on, by path or in the abstract space."""

    def __init__(self, name):
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name.startswith("@") else name)
        self.socket.settimeout(DEADLINE)

    def heard(self):
        lines = self.socket.recv(4096).decode().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def has_news(self):
        return bool(select.select([self.socket], [], [], 0)[0])


class Service(FabricCase):
    def manager(self, name=None):
        manager = Manager(name or os.path.join(self.scratch.path, "notify"))
        self.addCleanup(manager.socket.close)
        return manager

    def service(self, manager, *options):
        return self.process(BINARY, "broker", *options, env={"NOTIFY_SOCKET": manager.name})

    def endpoints(self):
        return "--serve", self.scratch.ipc(), "--listen", self.scratch.ipc()

    def test_it_tells_when_it_serves_and_when_it_stops(self):
        manager = self.manager()
        broker = self.service(manager, *self.endpoints(), "--drain", "90s")
        self.assertEqual(manager.heard()["READY"], "1")
        self.assertEqual(broker.out.wait_for("ready\n"), True)
        broker.signal(signal.SIGTERM)
        last = manager.heard()
        self.assertEqual(last["STOPPING"], "1")
        self.assertGreater(int(last["EXTEND_TIMEOUT_USEC"]), 90_000_000)
        self.assertEqual(broker.wait(), 0)
        self.assertFalse(manager.has_news())

    def test_a_drain_without_an_end_is_told_as_such(self):
        manager = self.manager()
        broker = self.service(manager, *self.endpoints(), "--drain", str(2**64 - 1))
        self.assertEqual(manager.heard()["READY"], "1")
        broker.signal(signal.SIGTERM)
        self.assertGreater(int(manager.heard()["EXTEND_TIMEOUT_USEC"]), 2**63)
        self.assertEqual(broker.wait(), 0)

    def test_a_name_in_the_abstract_space_will_do(self):
        manager = self.manager("@zfabric-test-%d" % os.getpid())
        broker = self.service(manager, *self.endpoints())
        self.assertEqual(manager.heard()["READY"], "1")
        broker.signal(signal.SIGTERM)
        self.assertEqual(broker.wait(), 0)

    def test_one_that_can_not_start_is_never_ready(self):
        manager = self.manager()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            serve = "tcp://127.0.0.1:%d" % taken.getsockname()[1]
            broker = self.service(manager, "--serve", serve, "--listen", self.scratch.ipc())
            self.assertEqual(broker.wait(), 1)
        self.assertFalse(manager.has_news())

    def test_a_manager_that_is_gone_or_none_changes_nothing(self):
        for name in "/nonexistent/notify", "@", "", "relative", "/" + "x" * 200:
            with self.subTest(name=name):
                broker = self.process(BINARY, "broker", *self.endpoints(), env={"NOTIFY_SOCKET": name})
                self.assertTrue(broker.out.wait_for("ready\n"))
                broker.signal(signal.SIGTERM)
                self.assertEqual(broker.wait(), 0)


if __name__ == "__main__":
    unittest.main()
