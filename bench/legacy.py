"""Tasks a second of one legacy client: through a door to a native worker, and through an asyncio broker.

`legacy.py ZFABRIC [TASKS [ROUNDS]]`, in turns; medians. The client sends frames made beforehand and checks that each cookie came
back OK once; the native pair beside it is `zfabric bench` with the same window.
"""

import json
import os
import socket
import statistics
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
    """Tasks a second. All frames of a direction are of one length, so that the client only counts octets
    while it is timed: what is measured is what is between it and the worker."""
    cookies = [str(uuid.uuid4()) for _ in range(count)]
    tasks = memoryview(b"".join(
        frame(packet_type="RUN", cookie=cookie, pipeline="echo", variables='{"n": 1}')
        for cookie in cookies
    ))  # fmt: skip
    task, answers, sent, sock = len(tasks) // count, bytearray(), min(WINDOW, count), dial(path)
    began = time.perf_counter()
    sock.sendall(tasks[: sent * task])
    answers += sock.recv(4, socket.MSG_WAITALL)
    answer = 4 + int.from_bytes(answers, "big")
    while len(answers) < count * answer:
        answers += sock.recv(1 << 20)
        more = min(WINDOW + len(answers) // answer, count)
        if more > sent:
            sock.sendall(tasks[sent * task : more * task])
            sent = more
    took = time.perf_counter() - began
    ended = [json.loads(answers[at + 4 : at + answer]) for at in range(0, len(answers), answer)]
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


def through_python(folder, count, options):
    plain = start(sys.executable, f"{HERE}/legacy_broker.py", *options, f"{folder}/pc", f"{folder}/pw")
    peer = start(sys.executable, os.path.abspath(__file__), "--echo", f"{folder}/pw", "512")
    try:
        return run(f"{folder}/pc", count)
    finally:
        for process in (peer, plain):
            process.kill()
            process.wait()
        os.unlink(f"{folder}/pc")
        os.unlink(f"{folder}/pw")


def through_door(zfabric, folder, count):
    native, workers = f"ipc://{folder}/c", f"ipc://{folder}/w"
    door = f"{folder}/door"
    broker = start(zfabric, "broker", "--serve", native, "--serve", f"socket://{door}",
                   "--listen", workers)  # fmt: skip
    worker = start(zfabric, "worker", "--broker", workers, "--echo", "--capacity", "512")
    try:
        return run(door, count)
    finally:
        for process in (worker, broker):
            process.terminate()
            process.wait()


def natively(zfabric, count):
    argv = [zfabric, "bench", "--json", "--count", str(count), "--workers", "1", "--capacity", "512",
            "--window", str(WINDOW), "--library"]  # fmt: skip
    report = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return json.loads(report)["tasks_per_second"]


def compare(zfabric, count, rounds):
    rows = {"door": [], "native": [], "asyncio": [], "asyncio, the least": []}
    with tempfile.TemporaryDirectory(prefix="zf-") as folder:
        for _ in range(rounds):
            rows["door"].append(through_door(zfabric, folder, count))
            rows["native"].append(natively(zfabric, count))
            rows["asyncio"].append(through_python(folder, count // 5, []))
            rows["asyncio, the least"].append(through_python(folder, count // 5, ["--bare"]))
    for name, rates in rows.items():
        ratios = [door / rate for door, rate in zip(rows["door"], rates)]
        print(f"{name:20} {statistics.median(rates):10,.0f} tasks/s   door / {name}: "
              f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1] == "--echo":
        echo(sys.argv[2], int(sys.argv[3]))
    else:
        numbers = [int(text) for text in sys.argv[2:]]
        compare(sys.argv[1], *(numbers + [100000, 5][len(numbers) :]))
