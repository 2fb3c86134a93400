"""The least that a broker of the legacy protocol has to do, with asyncio: what the doors are compared to.

Clients and workers of framed JSON, tasks to the first worker with a free slot, results back by their
cookies. `legacy_broker.py CLIENT_SOCKET WORKER_SOCKET`; prints `ready`.
"""

import asyncio
import collections
import json
import struct
import sys

waiting = collections.deque()  # (packet, client's writer)
workers = {}  # writer: free slots
running = {}  # cookie: (client's writer, worker's writer)


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


async def assign():
    while waiting:
        worker = next((writer for writer, free in workers.items() if free), None)
        if worker is None:
            return
        packet, client = waiting.popleft()
        workers[worker] -= 1
        running[packet["cookie"]] = (client, worker)
        await send(worker, packet)


async def serve_client(reader, writer):
    async for packet in packets(reader):
        if packet["packet_type"] == "RUN":
            waiting.append((packet, writer))
            await assign()


async def serve_worker(reader, writer):
    async for packet in packets(reader):
        if packet["packet_type"] == "REGISTER":
            workers[writer] = packet["capacity"]
        elif packet["packet_type"] == "RESULT":
            client, _ = running.pop(packet["cookie"])
            workers[writer] += 1
            await send(client, packet)
        await assign()
    workers.pop(writer, None)


async def main(client_path, worker_path):
    await asyncio.start_unix_server(serve_client, client_path)
    await asyncio.start_unix_server(serve_worker, worker_path)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
