"""What the tests of faults share: brokers that are killed and come back, and what a process uses."""

import os
import pathlib
import subprocess
import threading
import time

from fabric_case import FabricCase
from fabric_packets import JSON
from fabric_peers import Client
from fabric_process import BINARY, DEADLINE, Broker, descriptors, eventually, free_tcp

MIB = 1024 * 1024
PAGE = os.sysconf("SC_PAGE_SIZE")


def memory(pid):
    """Resident octets."""
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


class Usage:
    """What a broker uses at one moment."""

    def __init__(self, broker):
        self.memory = memory(broker.pid)
        self.descriptors = descriptors(broker.pid)

    def __str__(self):
        return f"{self.memory / MIB:.1f} MiB, {self.descriptors} descriptors"


class Pinger(threading.Thread):
    """A client that asks for `$ping` all the time: whether the service goes on, and how fast."""

    PAUSE = 0.01  # seconds between two

    def __init__(self, broker):
        super().__init__(daemon=True)
        self._client = Client(broker.client_endpoint, JSON, broker=broker)
        self._over = threading.Event()
        self._failure = None
        self.slowest = 0.0
        self.count = 0
        self.start()

    def run(self):
        try:
            while not self.count or not self._over.wait(self.PAUSE):
                began = time.monotonic()
                if self._client.ask("$ping").rc != "OK":
                    raise AssertionError("a $ping was not answered with OK")
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.count += 1
        except BaseException as failure:
            self._failure = failure
        finally:
            self._client.vanish()

    def stop(self):
        self._over.set()
        self.join()

    def end(self):
        """Stops; AssertionError if the service did. How it was, in words."""
        self.stop()
        if self._failure:
            raise self._failure
        return f"{self.count} pings, the slowest took {self.slowest * 1000:.0f} ms"


class FaultCase(FabricCase):
    """Tests in which the broker may be killed."""

    def start_mortal(self, *options, serve=None, listen=None):
        """Starts the test's broker; it need not exit with 0 if the test kills it."""
        broker = Broker(*options, scratch=self.scratch, serve=serve, listen=listen)
        self.addCleanup(self.end_mortal, broker)
        broker.wait_ready()
        self._broker = broker
        return broker

    def end_mortal(self, broker):
        if broker.status is None:
            broker.stop()
        broker.end()

    def restart(self):
        """Kills the test's broker and starts another one on its endpoints."""
        serve, listen = self.broker.client_endpoint, self.broker.worker_endpoint
        self.broker.kill()
        return self.start_mortal(serve=serve, listen=listen)

    def endpoint(self, kind):
        return self.scratch.ipc() if kind == "ipc" else free_tcp()

    def command_worker(self, *options, listen=None):
        """A `zfabric worker` of the test's broker."""
        endpoint = listen or self.broker.worker_endpoint
        return self.process(BINARY, "worker", "--broker", endpoint, *options)

    def command_each(self, pipeline, *options, serve=None):
        """A `zfabric run --each` that is given lines by feed ()."""
        endpoint = serve or self.broker.client_endpoint
        return self.process(
            *(BINARY, "run", pipeline, "--each", "-", "--broker", endpoint, *options),
            stdin=subprocess.PIPE,
        )

    def ping_meanwhile(self):
        pinger = Pinger(self.broker)
        self.addCleanup(pinger.stop)
        return pinger

    def until_status(self, good, what, endpoint=None):
        """Waits until `good ($status)`; the seconds that it took."""
        began = time.monotonic()
        client = self.client(endpoint=endpoint)
        seen = []

        def look():
            seen[:] = [client.ask("$status").document()]
            return good(seen[0])

        try:
            eventually(look, what, 2 * DEADLINE)
        except AssertionError as late:
            raise AssertionError(f"{late}: {seen}") from None
        client.vanish()
        return time.monotonic() - began

    def tell(self, text):
        """Numbers for who reads the log."""
        print(f"{self.id().rpartition('.')[2]}: {text}", flush=True)
