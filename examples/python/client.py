"""A client in Python: many tasks at once on one socket. client.py [BROKER]; worker.py serves what it runs.

With more arguments it does one thing: examples/README.md. Speaks the protocol (docs/PROTOCOL.md) itself; needs pyzmq only.
"""
import asyncio
import json
import os
import sys
import time
import uuid

import zmq
import zmq.asyncio

SILENCE = 5  # seconds without a word from the broker: it went away


class Failed(Exception):
    """A task that did not end with OK; the first argument is its code."""


class Client:
    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.tasks = {}  # by cookie: what its packets go to
        self.connect()

    def connect(self):
        """A fresh socket each time: the broker takes who comes back for somebody new."""
        self.socket = zmq.asyncio.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 2000  # ms, for the last packets
        use_keys(self.socket)
        self.socket.connect(self.endpoint)
        self.heard = time.monotonic()
        self.reader = asyncio.create_task(self.read())
        self.beats = asyncio.create_task(self.keep_in_touch())

    async def send(self, packet_type, payload=None, **keys):
        frames = [json.dumps({"packet_type": packet_type, **keys}).encode()]
        if payload is not None:
            frames.append(json.dumps(payload).encode())
        await self.socket.send_multipart(frames)

    async def read(self):
        while True:
            header, *payload = await self.socket.recv_multipart()
            self.heard = time.monotonic()
            header = json.loads(header)
            task = self.tasks.get(header.get("cookie"))
            if task is not None and header["packet_type"] in ("PARTIAL", "RESULT"):
                task.put_nowait((header, json.loads(payload[0]) if payload and payload[0] else None))

    async def keep_in_touch(self):
        while time.monotonic() - self.heard < SILENCE:
            await self.send("HEARTBEAT")  # the broker answers one with one
            await asyncio.sleep(1)
        await self.disconnect()
        for task in self.tasks.values():
            task.put_nowait(({"packet_type": "RESULT", "rc": "BROKER_WENT_AWAY"}, None))
        self.connect()

    async def disconnect(self):
        self.reader.cancel()
        await asyncio.sleep(0.001)  # pyzmq's look at the socket that is due comes before: after close () it fails
        self.socket.close()

    async def close(self):
        self.beats.cancel()
        await self.disconnect()

    async def stream(self, pipeline, variables, cookie=None, **options):
        """Yields the pieces of the result, and then the result."""
        cookie = cookie or str(uuid.uuid4())
        packets = self.tasks[cookie] = asyncio.Queue()
        try:
            await self.send("RUN", variables, cookie=cookie, pipeline=pipeline, **options)
            while True:
                header, value = await packets.get()
                if header["packet_type"] == "RESULT" and header["rc"] != "OK":
                    raise Failed(header["rc"], header.get("error", ""), header.get("stacktrace", []))
                yield value
                if header["packet_type"] == "RESULT":
                    break
        finally:
            del self.tasks[cookie]

    async def run(self, pipeline, variables, **options):
        return [value async for value in self.stream(pipeline, variables, **options)][-1]

    async def cancel(self, cookie):
        await self.send("CANCEL", cookie=cookie)


def use_keys(socket):
    """CURVE, if the environment has keys: the broker's public one, and our own two."""
    if "ZFABRIC_SERVER_KEY" in os.environ:
        socket.curve_serverkey = os.environ["ZFABRIC_SERVER_KEY"].encode()
        socket.curve_publickey = os.environ["ZFABRIC_PUBLIC_KEY"].encode()
        socket.curve_secretkey = os.environ["ZFABRIC_SECRET_KEY"].encode()


def show(value):
    print(json.dumps(value), flush=True)


async def command(client, verb, pipeline, variables):
    """One of run, stream, cancel and many; examples/README.md says what each prints."""
    variables = json.loads(sys.stdin.read() if variables == "-" else variables)
    cookie = str(uuid.uuid4())
    try:
        if verb == "many":  # each of an array of variables, all at once
            show(await asyncio.gather(*(client.run(pipeline, each) for each in variables)))
        elif verb == "run":
            show(await client.run(pipeline, variables))
        else:
            async for piece in client.stream(pipeline, variables, cookie=cookie, stream=True):
                show(piece)
                if verb == "cancel":
                    await client.cancel(cookie)
    except Failed as failed:
        show(dict(zip(("rc", "error", "stacktrace"), failed.args)))
        sys.exit(1)
    finally:
        await client.close()


async def main():
    client = Client(sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:51520")
    if len(sys.argv) > 2:
        return await command(client, *sys.argv[2:])

    print("run:", await client.run("shout", {"text": "hello, fabric"}))

    print("stream:", [piece async for piece in client.stream("count", 5, stream=True)])

    cookie = str(uuid.uuid4())
    try:
        async for _ in client.stream("count", 1000000, cookie=cookie, stream=True):
            await client.cancel(cookie)
    except Failed as failed:
        print("cancel:", failed.args[0])

    words = await asyncio.gather(*(client.run("shout", {"n": f"task {n}"}) for n in range(1000)))
    print("many:", len(words), words[-1])
    await client.close()


asyncio.run(main())
