"""A broker that runs out of descriptors goes on with those it has (EMFILE)."""

import pathlib
import resource
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import each
from fabric_faults import FaultCase, Usage
from fabric_process import descriptors, eventually
from fabric_zmtp import carrier

DESCRIPTORS = 64
RESERVE = 16  # that no connection gets
MORE_THAN_THAT = 150


class Descriptors(FaultCase):
    def begin(self, kind):
        """A broker that may have DESCRIPTORS, soft and hard."""
        self.start(serve=self.endpoint(kind), listen=self.endpoint(kind))
        resource.prlimit(self.broker.pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))

    def crowd(self):
        """More connections than there can be; the broker has taken what it can."""
        streams = []
        for _ in range(MORE_THAN_THAT):
            streams.append(self.connection())
        full = lambda: descriptors(self.broker.pid) >= DESCRIPTORS - RESERVE
        eventually(full, "the broker has no descriptor left for connections")
        told = lambda: "connections refused; the limit is 64" in self.broker.err.text
        eventually(told, "the broker says so")
        return streams

    def connection(self):
        stream = carrier(self.broker.client_endpoint)
        self.addCleanup(stream.close)
        return stream

    def assert_served(self, client, worker):
        for _ in range(20):
            cookie = client.run("p")
            worker.serve(1, lambda run: None)
            client.expect_result("OK", cookie)

    # libzmq's listener of ipc would end the process, and that of tcp would turn for ever.
    @each("tcp", "ipc")
    def test_who_is_there_is_served_and_others_get_in_later(self, kind):
        self.begin(kind)
        client, worker = self.pair()
        self.assert_served(client, worker)
        before = Usage(self.broker)
        streams = self.crowd()
        self.tell(f"before {before}; with {MORE_THAN_THAT} more {Usage(self.broker)}")
        self.assert_served(client, worker)
        self.let_pass(300)  # for what it might do all the time
        self.assert_served(client, worker)
        self.assertLess(len(self.broker.err.text.splitlines()), 50, self.broker.err.text[:2000])
        late = self.client()
        late.send({"packet_type": "HEARTBEAT"})
        for stream in streams:
            with stream:
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes(8))
        late.expect("HEARTBEAT")
        self.assert_served(self.client(), worker)
        enough = before.descriptors + 2  # the late ones
        eventually(lambda: descriptors(self.broker.pid) <= enough, "descriptors are given back")
        self.broker.check_alive()


if __name__ == "__main__":
    unittest.main()
