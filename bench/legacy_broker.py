"""A broker of the legacy protocol with asyncio: what the doors are compared to.

It does the work that a zfabric broker does for such peers, in plain Python: packets are checked, a
task goes to the longest idle worker that serves its pipeline, clients take turns, tasks that wait
have a place in a bounded queue and a time limit, cookies collide, a CANCEL finds its task, and who
leaves is cleared away. `legacy_broker.py [--bare] CLIENT_SOCKET WORKER_SOCKET` prints `ready`;
--bare leaves out all of that but the first worker with a free slot, the least that carries a task.
"""

import asyncio
import collections
import json
import struct
import sys
import uuid

QUEUE, QUEUE_WAIT, CLIENT_TASKS = 10000, 60, 4096
TYPES = {"REGISTER", "RUN", "CANCEL", "RESULT", "SHUTDOWN"}
CODES = {"OK", "BAD_PACKET", "UNSUPPORTED_PACKET_TYPE", "NO_CAPACITY", "COOKIE_NOT_FOUND",
         "COOKIE_COLLISION", "WORKER_WENT_AWAY", "BROKER_WENT_AWAY", "PROCESSOR_EXCEPTION",
         "EXCEPTION"}  # fmt: skip
TEXTS = ("pipeline", "variables", "result", "error")


async def packets(reader):
    try:
        while True:
            (length,) = struct.unpack("!I", await reader.readexactly(4))
            yield json.loads(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return


async def send(writer, packet):
    octets = json.dumps(packet).encode()
    writer.write(struct.pack("!I", len(octets)) + octets)
    await writer.drain()


class Bare:
    def __init__(self):
        self.waiting = collections.deque()  # (packet, client's writer)
        self.workers = {}  # writer: free slots
        self.running = {}  # cookie: (client's writer, worker's writer)

    async def assign(self):
        while self.waiting:
            worker = next((writer for writer, free in self.workers.items() if free), None)
            if worker is None:
                return
            packet, client = self.waiting.popleft()
            self.workers[worker] -= 1
            self.running[packet["cookie"]] = (client, worker)
            await send(worker, packet)

    async def serve_client(self, reader, writer):
        async for packet in packets(reader):
            if packet["packet_type"] == "RUN":
                self.waiting.append((packet, writer))
                await self.assign()

    async def serve_worker(self, reader, writer):
        async for packet in packets(reader):
            if packet["packet_type"] == "REGISTER":
                self.workers[writer] = packet["capacity"]
            elif packet["packet_type"] == "RESULT":
                client, _ = self.running.pop(packet["cookie"])
                self.workers[writer] += 1
                await send(client, packet)
            await self.assign()
        self.workers.pop(writer, None)


class Problem(Exception):
    def __init__(self, rc, error):
        super().__init__(error)
        self.rc = rc


def check(packet):
    """Types and values of the keys that are there; the cookie, if there is one."""
    if not isinstance(packet, dict) or packet.get("packet_type") not in TYPES:
        raise Problem("UNSUPPORTED_PACKET_TYPE", "packet_type")
    for key in TEXTS:
        if packet.get(key) is not None and not isinstance(packet[key], str):
            raise Problem("BAD_PACKET", f"{key}: not a string")
    if packet.get("rc") is not None and packet["rc"] not in CODES:
        raise Problem("BAD_PACKET", "rc: unknown")
    if packet.get("detach") not in (None, True, False):
        raise Problem("BAD_PACKET", "detach: not a boolean")
    if packet.get("cookie") is None:
        return None
    try:
        return uuid.UUID(packet["cookie"])
    except (ValueError, AttributeError):
        raise Problem("BAD_PACKET", "cookie: not a UUID") from None


class Task:
    __slots__ = ("client", "cookie", "packet", "worker", "limit")

    def __init__(self, client, cookie, packet):
        self.client, self.cookie, self.packet = client, cookie, packet
        self.worker = self.limit = None


class Client:
    def __init__(self, writer):
        self.writer, self.waiting, self.open = writer, collections.deque(), set()


class Worker:
    def __init__(self, writer):
        self.writer, self.capacity, self.pipelines, self.running = writer, 0, None, set()

    def serves(self, pipeline):
        return self.pipelines is None or any(
            pipeline.startswith(p[:-1]) if p.endswith("*") else pipeline == p
            for p in self.pipelines
        )


class Broker:
    def __init__(self):
        self.tasks = {}  # cookie: Task
        self.queued = 0
        self.turns = collections.OrderedDict()  # clients that have something waiting
        self.idle = collections.OrderedDict()  # workers with a free slot, the longest idle first

    async def answer(self, writer, packet, rc, error=None):
        cookie = packet.get("cookie") if isinstance(packet, dict) else None
        await send(writer, {"packet_type": "RESULT", "cookie": cookie, "rc": rc, "error": error})

    # -- tasks

    def worker_for(self, pipeline):
        return next((worker for worker in self.idle if worker.serves(pipeline)), None)

    def forget(self, task):
        self.tasks.pop(task.cookie, None)
        task.client.open.discard(task)
        if task.limit:
            task.limit.cancel()

    async def give(self, task, worker):
        if task.limit:
            task.limit.cancel()
            task.limit = None
        task.worker = worker
        worker.running.add(task)
        del self.idle[worker]
        if len(worker.running) < worker.capacity:
            self.idle[worker] = None  # behind all others
        await send(worker.writer, task.packet)

    def expire(self, task):
        if task.worker is None and task.cookie in self.tasks:
            self.unqueue(task)
            self.forget(task)
            asyncio.ensure_future(
                self.answer(task.client.writer, task.packet, "NO_CAPACITY", "it waited too long")
            )

    def queue(self, task):
        task.client.waiting.append(task)
        task.limit = asyncio.get_running_loop().call_later(QUEUE_WAIT, self.expire, task)
        self.turns.setdefault(task.client)
        self.queued += 1

    def unqueue(self, task):
        task.client.waiting.remove(task)
        self.queued -= 1
        if not task.client.waiting:
            self.turns.pop(task.client, None)

    async def assign(self):
        """What waits, one of each client in turn, as long as there is a worker for it."""
        for _ in range(len(self.turns)):
            if not self.idle:
                return
            client = next(iter(self.turns))
            task = client.waiting[0]
            worker = self.worker_for(task.packet["pipeline"])
            self.turns.move_to_end(client)
            if worker:
                self.unqueue(task)
                await self.give(task, worker)

    # -- clients

    async def run(self, client, cookie, packet):
        if cookie is None or not packet.get("pipeline"):
            raise Problem("BAD_PACKET", "a RUN needs a cookie and a pipeline")
        if cookie in self.tasks:
            raise Problem("COOKIE_COLLISION", "a task has this cookie")
        if self.queued >= QUEUE or len(client.open) >= CLIENT_TASKS:
            raise Problem("NO_CAPACITY", "the queue is full")
        task = Task(client, cookie, packet)
        self.tasks[cookie] = task
        client.open.add(task)
        worker = None if client.waiting else self.worker_for(packet["pipeline"])
        if worker:
            await self.give(task, worker)
        else:
            self.queue(task)

    async def cancel(self, client, cookie, packet):
        task = self.tasks.get(cookie)
        if not task:
            raise Problem("COOKIE_NOT_FOUND", "no task has this cookie")
        if task.worker:
            await send(task.worker.writer, packet)
        else:
            self.unqueue(task)
            self.forget(task)
            await self.answer(task.client.writer, task.packet, "EXCEPTION", "CANCELLED")

    async def serve_client(self, reader, writer):
        client = Client(writer)
        async for packet in packets(reader):
            try:
                cookie = check(packet)
                if packet["packet_type"] == "RUN":
                    await self.run(client, cookie, packet)
                elif packet["packet_type"] == "CANCEL":
                    await self.cancel(client, cookie, packet)
                else:
                    raise Problem("UNSUPPORTED_PACKET_TYPE", "clients send RUN and CANCEL")
            except Problem as problem:
                await self.answer(writer, packet, problem.rc, str(problem))
        for task in list(client.waiting):
            self.unqueue(task)
            self.forget(task)

    # -- workers

    async def result(self, worker, cookie, packet):
        task = self.tasks.get(cookie)
        if not task or task.worker is not worker:
            return
        self.forget(task)
        worker.running.discard(task)
        self.idle.setdefault(worker)
        await send(task.client.writer, packet)

    async def serve_worker(self, reader, writer):
        worker = Worker(writer)
        async for packet in packets(reader):
            try:
                cookie = check(packet)
                if packet["packet_type"] == "REGISTER":
                    worker.capacity, worker.pipelines = packet["capacity"], packet.get("pipelines")
                    self.idle.setdefault(worker)
                elif packet["packet_type"] == "RESULT":
                    await self.result(worker, cookie, packet)
                await self.assign()
            except Problem as problem:
                await self.answer(writer, packet, problem.rc, str(problem))
        self.idle.pop(worker, None)
        for task in worker.running:
            self.forget(task)
            await self.answer(task.client.writer, task.packet, "WORKER_WENT_AWAY", "it left")


async def main(broker, client_path, worker_path):
    await asyncio.start_unix_server(broker.serve_client, client_path)
    await asyncio.start_unix_server(broker.serve_worker, worker_path)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    bare = sys.argv[1] == "--bare"
    asyncio.run(main(Bare() if bare else Broker(), *sys.argv[1 + bare :]))
