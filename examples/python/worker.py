"""A worker in Python: tasks run at the same time, as coroutines. worker.py [BROKER]; Ctrl-C or SIGTERM: it finishes first.

Speaks the protocol (docs/PROTOCOL.md) itself; needs pyzmq only.
"""
import asyncio
import json
import os
import signal
import sys
import traceback

import zmq
import zmq.asyncio

CAPACITY = 100


async def shout(variables, send_partial):
    return {name: value.upper() for name, value in variables.items()}


async def count(last, send_partial):
    for number in range(1, last + 1):
        await asyncio.sleep(0.02)  # instead of work that waits for something
        await send_partial(number)
    return last


async def echo(variables, send_partial):
    return variables


async def sleep(seconds, send_partial):
    await send_partial("asleep")
    await asyncio.sleep(seconds)  # a CANCEL ends it here
    return seconds


async def fail(message, send_partial):
    raise ValueError(message)


HANDLERS = {"shout": shout, "count": count, "echo": echo, "sleep": sleep, "fail": fail}


class Worker:
    def __init__(self, endpoint):
        self.socket = zmq.asyncio.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 2000  # ms, for the last results
        use_keys(self.socket)
        self.socket.connect(endpoint)
        self.tasks = {}  # by cookie: the handler, and who reports its end

    async def send(self, packet_type, payload=None, **keys):
        frames = [json.dumps({"packet_type": packet_type, **keys}).encode()]
        if payload is not None:
            frames.append(json.dumps(payload).encode())
        await self.socket.send_multipart(frames)

    async def work(self, cookie, pipeline, payload):
        seq = 0

        async def send_partial(piece):
            nonlocal seq
            await self.send("PARTIAL", piece, cookie=cookie, seq=seq)
            seq += 1

        return await HANDLERS[pipeline](json.loads(payload or b"null"), send_partial)

    async def report(self, cookie, task):
        try:
            await self.send("RESULT", await task, cookie=cookie, rc="OK")
        except asyncio.CancelledError:
            await self.send("RESULT", cookie=cookie, rc="CANCELLED")
        except Exception as problem:  # whatever a handler raises is its task's end, not ours
            await self.send("RESULT", cookie=cookie, rc="PROCESSOR_EXCEPTION", error=repr(problem),
                            stacktrace=traceback.format_tb(problem.__traceback__)[-20:])
        del self.tasks[cookie]

    async def register(self):
        await self.send("REGISTER", capacity=CAPACITY, pipelines=list(HANDLERS), heartbeat=2000)

    async def keep_in_touch(self):
        while True:  # so that either side notices when the other is gone
            await self.send("HEARTBEAT")
            await asyncio.sleep(1)

    def take(self, header, payload):
        cookie = header.get("cookie")
        if header["packet_type"] == "RUN":
            task = asyncio.create_task(self.work(cookie, header["pipeline"], payload))
            self.tasks[cookie] = (task, asyncio.create_task(self.report(cookie, task)))
        elif header["packet_type"] == "CANCEL" and cookie in self.tasks:
            self.tasks[cookie][0].cancel()

    async def serve(self):
        await self.register()
        beats = asyncio.create_task(self.keep_in_touch())
        try:
            while True:
                header, *payload = await self.socket.recv_multipart()
                header = json.loads(header)
                if header["packet_type"] == "SHUTDOWN":
                    break
                if header["packet_type"] == "REGISTER" and "capacity" not in header:
                    await self.register()  # the broker does not know us: a new one, say
                self.take(header, payload[0] if payload else b"")
        except asyncio.CancelledError:
            await self.send("SHUTDOWN")
        await asyncio.gather(*(report for _, report in self.tasks.values()))  # they finish first
        beats.cancel()


def use_keys(socket):
    """CURVE, if the environment has keys: the broker's public one, and our own two."""
    if "ZFABRIC_SERVER_KEY" in os.environ:
        socket.curve_serverkey = os.environ["ZFABRIC_SERVER_KEY"].encode()
        socket.curve_publickey = os.environ["ZFABRIC_PUBLIC_KEY"].encode()
        socket.curve_secretkey = os.environ["ZFABRIC_SECRET_KEY"].encode()


async def main():
    worker = Worker(sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:51530")
    serving = asyncio.create_task(worker.serve())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    await serving


asyncio.run(main())
