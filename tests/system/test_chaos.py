"""Workers, clients and the broker are killed at random under load; every RUN has exactly one end.

    CHAOS_SECONDS=600 CHAOS_SEED=7 ZFABRIC=... python3 tests/system/test_chaos.py

With CHAOS_SPARE_BROKER=1 the broker lives on, and with CHAOS_SAMPLES=FILE its memory (KiB) and
descriptors are written there once a second: a soak.

Clients are raw peers that count what they get. An epoch is the life of one broker: what is open when
it is killed has ended by that (BROKER_WENT_AWAY, a client library would say); all else must get one
RESULT, and nothing may get two. Workers are `zfabric worker` processes; a second kind of client is
`zfabric run --each`, which must print a line for every line that it was given.
"""

import os
import pathlib
import random
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import zmq

from fabric_case import FabricCase
from fabric_packets import BOTH, Packet, cookie_uuid, decode, encode, new_cookie
from fabric_process import BINARY, DEADLINE, SLOW, Broker, descriptors, eventually

SECONDS = float(os.environ.get("CHAOS_SECONDS", "60" if SLOW == 1 else "15"))
SEED = int(os.environ.get("CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
SPARE_BROKER = os.environ.get("CHAOS_SPARE_BROKER") == "1"
SAMPLES = os.environ.get("CHAOS_SAMPLES")
WORKERS = 4
CLIENTS = 6
OPEN = 40  # tasks of one client at once
LINES = 400  # of one `zfabric run --each`
# What may end a task that was well formed and has a cookie of its own, while its broker lives.
ENDS = {"OK", "NO_CAPACITY", "WORKER_WENT_AWAY", "CANCELLED", "TIMED_OUT", "PROCESSOR_EXCEPTION"}


class CountingClient:
    """Keeps OPEN tasks open; knows of each how often it has ended."""

    def __init__(self, chaos, number):
        self.chaos, self.codec = chaos, BOTH[number % len(BOTH)]
        self.open = {}
        self.ended = 0
        self.codes = {}
        self.connect()

    def connect(self):
        self.socket = self.chaos.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(self.chaos.serve)

    def submit(self):
        chance = self.chaos.random
        cookie = new_cookie()
        header = {"packet_type": "RUN", "cookie": cookie, "pipeline": chance.choice(["echo", "nap"])}
        if chance.random() < 0.5:
            header["retries"] = chance.randrange(4)
        if chance.random() < 0.1:
            header["timeout"] = chance.randrange(1, 200)
        if chance.random() < 0.2:
            header["priority"] = chance.randrange(10)
        if chance.random() < 0.3:
            header["orphan"] = "cancel"
        self.open[cookie_uuid(cookie)] = header
        self.send(header, encode({"n": self.ended}, self.codec))
        if chance.random() < 0.05:
            self.send({"packet_type": "CANCEL", "cookie": cookie})

    def send(self, header, *payload):
        self.socket.send_multipart([encode(header, self.codec), *payload])

    def work(self):
        while self.socket.poll(0):
            self.take(Packet(self.socket.recv_multipart()))
        while len(self.open) < OPEN and self.chaos.loading:
            self.submit()

    def take(self, packet):
        if packet.type != "RESULT":
            return
        rc = packet.header["rc"]
        # A CANCEL may come after the end; a second end would be something else.
        if rc == "COOKIE_NOT_FOUND":
            return
        header = self.open.pop(cookie_uuid(packet.header["cookie"]), None)
        self.chaos.case.assertIsNotNone(header, f"a second end, or a stranger's: {packet}")
        self.chaos.case.assertIn(rc, ENDS, packet)
        if rc == "OK" and header["pipeline"] == "echo":
            self.chaos.case.assertIn("n", decode(packet.payload, packet.encoding))
        self.ended += 1
        self.codes[rc] = self.codes.get(rc, 0) + 1

    def vanish(self):
        """Dies with all that it has open; another one comes."""
        self.socket.close()
        self.open.clear()
        self.connect()

    def broker_died(self):
        """What came before the end counts; the rest has ended by it."""
        while self.socket.poll(20):
            self.take(Packet(self.socket.recv_multipart()))
        self.chaos.gone += len(self.open)
        self.vanish()


class Chaos:
    def __init__(self, case):
        self.case = case
        self.random = random.Random(SEED)
        self.context = zmq.Context()
        self.serve, self.listen = case.scratch.ipc(), case.scratch.ipc()
        self.loading = True
        self.gone = 0
        self.kills = {"worker": 0, "client": 0, "broker": 0}
        self.broker = None
        self.batch = None
        self.batches = 0
        self.start_broker()
        self.workers = [self.start_worker(number) for number in range(WORKERS)]
        self.clients = [CountingClient(self, number) for number in range(CLIENTS)]

    def start_broker(self):
        self.broker = Broker("--queue", "300", scratch=self.case.scratch,
                             serve=self.serve, listen=self.listen)
        self.case.addCleanup(self.broker.end)
        self.broker.wait_ready()

    def start_worker(self, number):
        worker = self.case.process(
            BINARY, "worker", "--broker", self.listen, "--capacity", "8", "--name", f"w{number}",
            "--codec", BOTH[number % len(BOTH)], "--echo", "--run", "nap=sleep 0.02")
        return worker

    # -- what goes wrong

    def kill_worker(self):
        number = self.random.randrange(WORKERS)
        self.workers[number].kill()
        self.workers[number] = self.start_worker(number)
        self.kills["worker"] += 1

    def kill_client(self):
        self.random.choice(self.clients).vanish()
        self.kills["client"] += 1

    def kill_broker(self):
        self.broker.kill()
        for client in self.clients:
            client.broker_died()
        self.start_broker()
        self.kills["broker"] += 1

    def mischief(self):
        weights = [6, 3, 0 if SPARE_BROKER else 1]
        self.random.choices([self.kill_worker, self.kill_client, self.kill_broker], weights)[0]()

    def sample(self, seconds):
        pages = int(pathlib.Path(f"/proc/{self.broker.pid}/statm").read_text().split()[1])
        with open(SAMPLES, "a") as file:
            print(f"{seconds:.1f},{pages * 4},{descriptors(self.broker.pid)}", file=file)

    # -- a client of another make

    def look_after_batch(self):
        if self.batch and self.batch.status is None:
            return
        if self.batch:
            self.batch.wait(DEADLINE)  # all that it printed has been read then
            lines = self.batch.out.text.splitlines()
            self.case.assertEqual(len(lines), LINES, self.batch.err.text[-2000:])
            for number, line in enumerate(lines):
                self.case.assertIn(line, (str(number), "null"))
            self.batches += 1
            self.batch = None
        if self.loading:
            self.batch = self.case.process(
                BINARY, "run", "echo", "--each", "-", "--jobs", "16", "--retries", "5",
                "--broker", self.serve, stdin=subprocess.PIPE)
            self.batch.write("".join(f"{number}\n" for number in range(LINES)))

    # -- the run

    def work(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for client in self.clients:
                client.work()
            self.look_after_batch()
            zmq.select([client.socket for client in self.clients], [], [], 0.005)
            self.broker.check_alive()

    def settle(self):
        """No more mischief and no new tasks: all that is open ends."""
        self.loading = False
        end = time.monotonic() + 40 * SLOW + 20
        while any(client.open for client in self.clients) or self.batch:
            self.work(0.05)
            if time.monotonic() > end:
                left = [header for client in self.clients for header in client.open.values()]
                self.case.fail(f"seed {SEED}: {len(left)} tasks never ended, {left[:3]} among them; "
                               f"batch {self.batch and self.batch.err.text[-500:]}")


class ChaosCase(FabricCase):
    def test_every_task_has_exactly_one_end(self):
        """PROTOCOL 3: every RUN that is not detached gets exactly one RESULT; 5.7, 5.8"""
        chaos = Chaos(self)
        self.addCleanup(chaos.context.destroy, 0)
        start = time.monotonic()
        sampled = -1
        while time.monotonic() < start + SECONDS:
            chaos.work(chaos.random.uniform(0.05, 0.5))
            chaos.mischief()
            if SAMPLES and int(time.monotonic() - start) > sampled:
                sampled = int(time.monotonic() - start)
                chaos.sample(sampled)
        chaos.settle()
        self.check_nothing_is_left(chaos)
        codes = {}
        for client in chaos.clients:
            for rc, count in client.codes.items():
                codes[rc] = codes.get(rc, 0) + count
        print(f"seed {SEED}: {SECONDS:.0f} s, kills {chaos.kills}, ends {codes}, "
              f"{chaos.gone} ended by the broker's end, {chaos.batches} batches of {LINES}")
        self.assertGreater(codes.get("OK", 0), 0)
        for worker in chaos.workers:
            worker.signal(signal.SIGTERM)
            self.assertEqual(worker.wait(DEADLINE), 0, worker.err.text)
        chaos.broker.stop()

    def check_nothing_is_left(self, chaos):
        """Slots, queue and records are empty when nobody has anything open."""
        client = self.client(endpoint=chaos.serve)
        seen = {}

        def idle():
            status = client.ask("$status").document()
            seen.update(status)
            return (status["slots"]["busy"] == 0 and status["queue"]["length"] == 0
                    and status["tasks"]["open"] == 0 and status["workers"] == WORKERS
                    and status["clients"] <= CLIENTS + 1)

        # Results of orphans may still come; a client that a new broker has not heard is none yet.
        try:
            eventually(idle, "an idle broker")
        except AssertionError as problem:
            raise AssertionError(f"{problem}; seed {SEED}, kills {chaos.kills}: {seen}") from None
        self.assertLess(descriptors(chaos.broker.pid), 40 + CLIENTS + WORKERS)


if __name__ == "__main__":
    unittest.main()
