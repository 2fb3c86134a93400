"""Tasks a second of one legacy client: through a door to a native worker, and through an asyncio broker.

`legacy.py ZFABRIC [TASKS]`. The client sends frames made beforehand and checks that each cookie came
back OK once; the native pair beside it is `zfabric bench` with the same window.
"""

import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import uuid

WINDOW = 256
PIPE = subprocess.PIPE
HERE = os.path.dirname(os.path.abspath(__file__))


def frame(**packet):
    octets = json.dumps(packet).encode()
    return struct.pack("!I", len(octets)) + octets


def start(*argv):
    process = subprocess.Popen(argv, stdout=PIPE, stderr=subprocess.DEVNULL)
    process.stdout.readline()  # "ready"
    return process


def dial(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    return sock


def frames(sock):
    """Batches of frames, as they come."""
    rest = b""
    while octets := sock.recv(1 << 20):
        rest += octets
        at, found = 0, []
        while len(rest) - at >= 4 + (length := int.from_bytes(rest[at : at + 4], "big")):
            if len(rest) - at < 4:
                break
            found.append(rest[at + 4 : at + 4 + length])
            at += 4 + length
        rest = rest[at:]
        yield found


def run(path, count):
    cookies = [str(uuid.uuid4()) for _ in range(count)]
    tasks = [
        frame(packet_type="RUN", cookie=cookie, pipeline="echo", variables='{"n": 1}')
        for cookie in cookies
    ]
    answers, sent, sock = [], 0, dial(path)
    began = time.perf_counter()
    sock.sendall(b"".join(tasks[:WINDOW]))
    sent = min(WINDOW, count)
    for found in frames(sock):
        answers += found
        more = tasks[sent : sent + len(found)]
        sent += len(more)
        if more:
            sock.sendall(b"".join(more))
        if len(answers) >= count:
            break
    took = time.perf_counter() - began
    ended = [json.loads(answer) for answer in answers]
    assert sorted(e["cookie"] for e in ended) == sorted(cookies), "a task was lost or doubled"
    assert all(e["rc"] == "OK" and e["result"] == '{"n": 1}' for e in ended), "a task failed"
    return count / took


def echo(path, capacity):
    """A legacy worker in a process of its own, as quick as it can be in Python."""
    sock = dial(path)
    sock.sendall(frame(packet_type="REGISTER", capacity=capacity))
    print("ready", flush=True)
    for found in frames(sock):
        out = b""
        for octets in found:
            packet = json.loads(octets)
            out += frame(packet_type="RESULT", cookie=packet["cookie"], rc="OK",
                         result=packet["variables"])  # fmt: skip
        sock.sendall(out)


def compare(zfabric, count):
    with tempfile.TemporaryDirectory(prefix="zf-") as folder:
        native, workers = f"ipc://{folder}/c", f"ipc://{folder}/w"
        door = f"{folder}/door"
        broker = start(zfabric, "broker", "--serve", native, "--serve", f"socket://{door}",
                       "--listen", workers)  # fmt: skip
        worker = start(zfabric, "worker", "--broker", workers, "--echo", "--capacity", "512")
        try:
            through = run(door, count)
            for process in (worker, broker):
                process.terminate()
                process.wait()
            report = subprocess.run(
                [zfabric, "bench", "--count", str(count), "--workers", "1", "--capacity", "512",
                 "--window", str(WINDOW), "--library"], capture_output=True, text=True,
            )  # fmt: skip
        finally:
            for process in (worker, broker):
                process.kill()
                process.wait()
        print(f"legacy client, door, native worker: {through:,.0f} tasks/s")
        print(f"native client, native worker (zfabric bench):\n{report.stdout}")
        few = max(count // 10, 1000)
        plain = start(sys.executable, f"{HERE}/legacy_broker.py", f"{folder}/pc", f"{folder}/pw")
        peer = start(sys.executable, os.path.abspath(__file__), "--echo", f"{folder}/pw", "512")
        try:
            slow = run(f"{folder}/pc", few)
        finally:
            for process in (peer, plain):
                process.kill()
                process.wait()
        print(f"legacy client, asyncio broker, legacy worker: {slow:,.0f} tasks/s")
        print(f"door / asyncio: {through / slow:.1f}")


if __name__ == "__main__":
    if sys.argv[1] == "--echo":
        echo(sys.argv[2], int(sys.argv[3]))
    else:
        compare(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 50000)
