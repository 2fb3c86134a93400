"""A network between broker and worker whose link goes down and comes up again (PROTOCOL 5.8).

Two network namespaces with a pair of virtual links between them: for root, and with iproute2.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_faults import FaultCase
from fabric_process import BINARY, SLOW

IP = shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
NAMES = [f"zf{os.getpid()}{side}" for side in "ab"]  # of namespaces and links: 15 octets at most
ADDRESSES = ("10.213.77.1", "10.213.77.2")  # known in the namespaces only
SILENCE = 5  # seconds: a silent host is noticed within
SLACK = 3 * SLOW


def ip(*words):
    subprocess.run([IP, *words], check=True, capture_output=True, timeout=30)


def remove():
    """All that set_up () made, or a part of it; the links go with their namespaces."""
    for name in NAMES:
        subprocess.run([IP, "netns", "del", name], capture_output=True, timeout=30, check=False)
    subprocess.run([IP, "link", "del", NAMES[0]], capture_output=True, timeout=30, check=False)


def set_up():
    for name in NAMES:
        ip("netns", "add", name)
    ip("link", "add", NAMES[0], "type", "veth", "peer", "name", NAMES[1])
    for name, address in zip(NAMES, ADDRESSES):
        ip("link", "set", name, "netns", name)
        ip("-n", name, "addr", "add", f"{address}/24", "dev", name)
        ip("-n", name, "link", "set", name, "up")
        ip("-n", name, "link", "set", "lo", "up")


class Network(FaultCase):
    def setUp(self):
        super().setUp()
        if not IP:
            self.skipTest("no `ip`: install iproute2")
        self.addCleanup(remove)
        try:
            set_up()
        except subprocess.CalledProcessError as failed:
            self.skipTest(f"no network namespaces here: {failed.stderr.decode().strip()}")

    def start_inside(self):
        """The broker in the first namespace; clients reach it by a file."""
        serve, listen = self.scratch.ipc(), f"tcp://{ADDRESSES[0]}:51530"
        far = f"tcp://{ADDRESSES[0]}:51520"
        broker = self.process(
            *(IP, "netns", "exec", NAMES[0], BINARY, "broker", "--insecure", "--drain", "100"),
            *("--serve", serve, "--serve", far, "--listen", listen),
        )
        broker.wait_for_output("ready\n")
        return serve, listen, far

    def until_one_worker(self, serve):
        good = lambda s: s["workers"] == 1 and s["slots"] == {"total": 2, "busy": 0}
        return self.until_status(good, "one worker with two free slots", serve)

    def test_a_link_that_goes_down_and_up(self):
        serve, listen, _ = self.start_inside()
        worker = self.process(
            *(IP, "netns", "exec", NAMES[1], BINARY, "worker", "--broker", listen),
            *("--capacity", "2", "--echo", "--run", "hold=sleep 600"),
        )
        self.until_one_worker(serve)
        client = self.client(endpoint=serve)
        held = client.run("hold")
        self.until_status(lambda s: s["slots"]["busy"] == 1, "a running task", serve)
        ip("-n", NAMES[1], "link", "set", NAMES[1], "down")
        began = time.monotonic()
        client.expect_result("WORKER_WENT_AWAY", held)
        noticed = time.monotonic() - began
        self.assertLess(noticed, SILENCE + SLACK)
        self.assertEqual(client.ask("echo", wait=0).rc, "NO_CAPACITY")
        ip("-n", NAMES[1], "link", "set", NAMES[1], "up")
        back = self.until_one_worker(serve)
        self.tell(f"noticed after {noticed:.1f} s; registered {back:.1f} s after it was up again")
        self.assertEqual(client.ask("echo", 1).document(), 1)
        self.assertIsNone(worker.status)

    def test_a_client_whose_host_falls_silent(self):
        """Of clients the kernel tells; heartbeats are for those that stop while their host goes on."""
        serve, listen, far = self.start_inside()
        self.process(
            *(IP, "netns", "exec", NAMES[0], BINARY, "worker", "--broker", listen),
            *("--capacity", "2", "--run", "hold=sleep 600"),
        )
        self.until_one_worker(serve)
        self.process(
            *(IP, "netns", "exec", NAMES[1], BINARY, "run", "--broker", far),
            *("--orphan", "cancel", "hold"),
        )
        self.until_status(lambda s: s["slots"]["busy"] == 1, "a running task", serve)
        ip("-n", NAMES[1], "link", "set", NAMES[1], "down")
        began = time.monotonic()
        self.until_status(lambda s: s["slots"]["busy"] == 0, "a cancelled task", serve)
        noticed = time.monotonic() - began
        self.assertLess(noticed, SILENCE + SLACK)
        self.tell(f"noticed after {noticed:.1f} s")


if __name__ == "__main__":
    unittest.main()
