#!/usr/bin/python3
"""What clients that do not read cost the others: round trips of an innocent client, in turns.

    ZFABRIC=build/dev/bin/zfabric bench/neighbours.py [ROUNDS [SECONDS]]

In each round three spells: nobody else is there; a worker streams PARTIALs to 8 clients that read
them; the same to 8 that don't. The second says what the work itself costs on this machine, so the
third is to be compared with it. Prints the median and the 99th percentile of each spell, and the
medians over the rounds.
"""

import json
import multiprocessing
import os
import pathlib
import statistics
import sys
import tempfile
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "system"))

import zmq

from fabric_process import Broker
from fabric_zmtp import RawPeer

OTHERS = 8
PIECE = b"x" * 65536
SPELLS = ("alone", "readers", "deaf")


def packet(**keys):
    return json.dumps(keys).encode()


def dealer(endpoint):
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(endpoint)
    return socket


def register(endpoint, pipeline, capacity):
    worker = dealer(endpoint)
    worker.send(packet(packet_type="REGISTER", capacity=capacity, pipelines=[pipeline]))
    worker.recv_multipart()
    return worker


def next_run(worker):
    """The next RUN's cookie; the broker's probes are passed over."""
    while True:
        header = json.loads(worker.recv_multipart()[0])
        if header["packet_type"] == "RUN":
            return header["cookie"]


def echo(endpoint):
    """The innocent client's worker."""
    worker = register(endpoint, "echo", 1)
    while True:
        cookie = next_run(worker)
        worker.send(packet(packet_type="RESULT", rc="OK", cookie=cookie))


def stream(endpoint):
    """Streams to whoever asks, in turns, for ever; 2,000 pieces a second at most."""
    worker = register(endpoint, "stream", OTHERS)
    cookies = [next_run(worker) for _ in range(OTHERS)]
    while True:
        for cookie in cookies:
            worker.send_multipart([packet(packet_type="PARTIAL", cookie=cookie, encoding="raw"), PIECE])
        time.sleep(OTHERS / 2000)


def read(endpoint):
    client = dealer(endpoint)
    client.send(packet(packet_type="RUN", cookie=str(uuid.uuid4()), pipeline="stream", stream=True))
    while True:
        client.recv_multipart()


def not_read(endpoint):
    client = RawPeer(endpoint, 16384)
    client.run("stream", str(uuid.uuid4()), stream=True)
    while True:
        time.sleep(1)
        client.live()  # a PING that nobody reads would end the connection


def round_trips(client, seconds):
    took, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        client.send(packet(packet_type="RUN", cookie=str(uuid.uuid4()), pipeline="echo"))
        while json.loads(client.recv_multipart()[0])["packet_type"] != "RESULT":
            pass
        took.append((time.perf_counter() - began) * 1e6)
    return statistics.median(took), statistics.quantiles(took, n=100)[98]


def spell(kind, broker, client, seconds):
    others = []
    if kind != "alone":
        act = read if kind == "readers" else not_read
        jobs = [(stream, broker.worker_endpoint)] + [(act, broker.client_endpoint)] * OTHERS
        others = [multiprocessing.Process(target=job, args=(at,), daemon=True) for job, at in jobs]
    for other in others:
        other.start()
    if others:
        round_trips(client, 1)  # until all are at it, and the outboxes full
    measured = round_trips(client, seconds)
    for other in others:
        other.kill()
        other.join()
    return measured


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 2
    multiprocessing.set_start_method("spawn")
    with tempfile.TemporaryDirectory(prefix="zf-") as folder:
        serve, listen = f"ipc://{folder}/c", f"ipc://{folder}/w"
        broker = Broker("--outbox", 4 << 20, scratch=None, serve=serve, listen=listen)
        broker.wait_ready()
        worker = multiprocessing.Process(target=echo, args=(listen,), daemon=True)
        worker.start()
        client = dealer(serve)
        found = {kind: [] for kind in SPELLS}
        for number in range(rounds):
            for kind in SPELLS:
                found[kind].append(spell(kind, broker, client, seconds))
                print(f"{number} {kind:8} p50 {found[kind][-1][0]:6.0f} us  p99 {found[kind][-1][1]:6.0f} us", flush=True)
        for kind in SPELLS:
            p50, p99 = (statistics.median(column) for column in zip(*found[kind]))
            print(f"median {kind:8} p50 {p50:6.0f} us  p99 {p99:6.0f} us")
        worker.kill()
        broker.stop()


if __name__ == "__main__":
    main()
