"""20,000 tasks in mixed codecs, with hostile peers meanwhile: each gets exactly one RESULT."""

import pathlib
import random
import socket
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import DEADLINE, FabricCase
from fabric_packets import BOTH, JSON, MSGPACK, encode, new_cookie

TASKS = 20000
WINDOW = 250  # tasks that one client has under way
SEED = 20260123


class Crew:
    """Threads whose exceptions are the test's."""

    def __init__(self, case):
        self.stop = threading.Event()
        self._case = case
        self._threads = []
        self._failures = []
        case.addCleanup(self._end)

    def add(self, work, *arguments):
        """Starts work (crew, *arguments) in a thread of its own."""
        thread = threading.Thread(target=self._guard, args=(work, arguments))
        self._threads.append(thread)
        thread.start()
        return thread

    def _guard(self, work, arguments):
        try:
            work(self, *arguments)
        except BaseException as failure:
            self._failures.append(failure)
            self.stop.set()

    def _end(self):
        self.stop.set()
        for thread in self._threads:
            thread.join()

    def join(self, threads):
        for thread in threads:
            thread.join()

    def check(self):
        self._end()
        if self._failures:
            raise self._failures[0]


def answer_to(document):
    return {"n": document["n"], "twice": document["n"] * 2, "text": document["text"] + "\u00e9"}


def work(crew, worker, served):
    """Serves tasks until it is told to stop; keeps count of them."""
    while not crew.stop.is_set():
        if worker.has_news(100):
            packet = worker.recv()
            if packet.type != "RUN":
                raise AssertionError(f"a worker got {packet}")
            served.append(packet.cookie)
            worker.finish(packet, answer_to(packet.document()))


def ask(crew, client, numbers):
    """Runs one task for each number, WINDOW at a time; each must have its one right RESULT."""
    todo, open_tasks = iter(numbers), {}

    def submit():
        number = next(todo, None)
        if number is not None:
            document = {"n": number, "text": "x" * (number % 300), "list": [1.5, None, number]}
            open_tasks[client.run("load", document)] = document

    for _ in range(WINDOW):
        submit()
    while open_tasks and not crew.stop.is_set():
        packet = client.recv(4 * DEADLINE)
        document = open_tasks.pop(packet.header["cookie"])  # KeyError: a second RESULT
        if packet.rc != "OK" or packet.document() != answer_to(document):
            raise AssertionError(f"wrong answer to {document}: {packet}")
        submit()
    client.expect_nothing()


def scramble(world, octets):
    """A valid packet with a few octets changed, cut or doubled."""
    octets = bytearray(octets)
    for _ in range(world.randrange(1, 4)):
        place = world.randrange(len(octets))
        change = world.randrange(3)
        if change == 0:
            octets[place] = world.randrange(256)
        elif change == 1:
            del octets[place:]
        else:
            octets[place:place] = octets[: world.randrange(40)]
        if not octets:
            break
    return bytes(octets)


def nonsense(world):
    """The frames of one message that no honest peer would send, or that goes to the wrong side."""
    cookie = new_cookie()
    headers = (
        {"packet_type": "RUN", "cookie": cookie, "pipeline": "hostile", "wait": 0, "x": [{}]},
        {"packet_type": "CANCEL", "cookie": cookie},
        {"packet_type": "RESULT", "cookie": cookie, "rc": "OK", "stacktrace": ["a"]},
        {"packet_type": "PARTIAL", "cookie": cookie, "seq": 1},
        {"packet_type": "HEARTBEAT"},
        {"packet_type": "RUN", "cookie": cookie, "pipeline": "$explain", "variables": "[{"},
    )
    header = encode(world.choice(headers), world.choice(BOTH))
    kind = world.randrange(6)
    if kind == 0:
        return [world.randbytes(world.randrange(100))]
    if kind == 1:
        return [header, *[world.randbytes(9)] * world.randrange(1, 12)]
    if kind == 2:
        return [b""] * world.randrange(1, 5)
    if kind == 3:
        return [header]
    return [scramble(world, header), world.randbytes(world.randrange(50))]


def annoy(crew, peer, seed):
    """Sends nonsense and takes what comes, until it is told to stop."""
    world = random.Random(seed)
    while not crew.stop.is_set():
        peer.send_frames(*nonsense(world))
        while peer.has_news(1):
            peer.recv_frames()


def knock(crew, endpoint, seed):
    """Connects without ZeroMQ, says something, and hangs up."""
    world = random.Random(seed)
    greeting = b"\xff" + b"\0" * 8 + b"\x7f\x03\x00NULL" + b"\0" * 48
    while not crew.stop.wait(0.01):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(DEADLINE)
            try:
                connection.connect(endpoint.removeprefix("ipc://"))
                connection.sendall(world.choice((b"", greeting, greeting[:20], b"GET / HTTP/1.1\r\n\r\n")))
                connection.sendall(world.randbytes(world.randrange(200)))
            except OSError:
                pass  # it may hang up on us, as long as it stays up itself


class Load(FabricCase):
    def run_load(self, hostile):
        workers = [self.worker(20, ["load"], BOTH[number % 2]) for number in range(8)]
        clients = [self.client(BOTH[number % 2]) for number in range(4)]
        crew, served = Crew(self), []
        for worker in workers:
            crew.add(work, worker, served)
        for annoyance in hostile:
            crew.add(*annoyance)
        crew.join(
            [crew.add(ask, client, range(first, TASKS, 4)) for first, client in enumerate(clients)]
        )
        crew.check()
        self.assertEqual(len(served), TASKS)
        self.assertEqual(len(set(served)), TASKS)

    def test_each_of_20000_tasks_gets_exactly_one_result(self):
        """PROTOCOL 3: every RUN that is not detached gets exactly one; section 6"""
        self.run_load([])
        self.assertEqual(self.client().ask("$tasks").document(), [])

    def test_hostile_peers_change_nothing(self):
        """PROTOCOL 2: a bad packet; 5.1: answered at once and leaves no trace"""
        broker = self.start("--queue", "100000")
        hostile = [
            (annoy, self.client(JSON), SEED),
            (annoy, self.client(MSGPACK), SEED + 1),
            (annoy, self.stranger(JSON), SEED + 2),
            (annoy, self.worker(1, ["nobody"], MSGPACK), SEED + 3),
            (knock, broker.client_endpoint, SEED + 4),
            (knock, broker.worker_endpoint, SEED + 5),
        ]
        with self.subTest(seed=SEED):
            self.run_load(hostile)
        self.assertEqual(self.client().ask("$ping").rc, "OK")


if __name__ == "__main__":
    unittest.main()
