"""Tasks a second of legacy clients: through a door to a native worker, and through an asyncio broker.

`legacy.py ZFABRIC [TASKS [ROUNDS]]`, in turns; medians. The clients are `bench_legacy_load`, which stands beside ZFABRIC in a build
folder; the native pair is `zfabric bench`, each of its clients a process. With $REASONCHIP, a Python that has it,
ReasonChip's own broker as well (legacy_reasonchip.py).
"""

import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile

SHAPES = ((1, 256), (64, 4))  # connections, tasks on their way on each
REASONCHIP = os.environ.get("REASONCHIP")
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


def run(zfabric, path, shape, count):
    """Tasks a second; the load generator ends with an error if a task was lost, doubled or changed."""
    argv = [os.path.join(os.path.dirname(zfabric), "bench_legacy_load"), path, *map(str, shape), str(count)]
    return float(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()[0])


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


def through_python(zfabric, folder, shape, count, *broker):
    plain = start(*broker, f"{folder}/pc", f"{folder}/pw")
    peer = start(sys.executable, os.path.abspath(__file__), "--echo", f"{folder}/pw", "512")
    try:
        return run(zfabric, f"{folder}/pc", shape, count)
    finally:
        for process in (peer, plain):
            process.kill()
            process.wait()
        os.unlink(f"{folder}/pc")
        os.unlink(f"{folder}/pw")


def through_door(zfabric, folder, shape, count):
    native, workers = f"ipc://{folder}/c", f"ipc://{folder}/w"
    door = f"{folder}/door"
    broker = start(zfabric, "broker", "--serve", native, "--serve", f"socket://{door}",
                   "--listen", workers)  # fmt: skip
    worker = start(zfabric, "worker", "--broker", workers, "--echo", "--capacity", "512")
    try:
        return run(zfabric, door, shape, count)
    finally:
        for process in (worker, broker):
            process.terminate()
            process.wait()


def natively(zfabric, shape, count):
    clients, window = shape
    argv = [zfabric, "bench", "--json", "--count", str(count), "--workers", "1", "--capacity", "512",
            "--clients", str(clients), "--window", str(window), "--library"]  # fmt: skip
    report = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return json.loads(report)["tasks_per_second"]


def compare(zfabric, folder, shape, count, rounds):
    python = (sys.executable, f"{HERE}/legacy_broker.py")
    others = {"asyncio": python, "asyncio, the least": (*python, "--bare")}
    if REASONCHIP:
        others["ReasonChip's own"] = (REASONCHIP, f"{HERE}/legacy_reasonchip.py")
    rows = {"door": [], "native": [], **{name: [] for name in others}}
    for _ in range(rounds):
        rows["door"].append(through_door(zfabric, folder, shape, count))
        rows["native"].append(natively(zfabric, shape, count))
        for name, broker in others.items():
            rows[name].append(through_python(zfabric, folder, shape, count // 10, *broker))
    print("connections: {}, tasks on their way on each: {}".format(*shape))
    for name, rates in rows.items():
        ratios = [door / rate for door, rate in zip(rows["door"], rates)]
        print(f"{name:20} {statistics.median(rates):10,.0f} tasks/s   door / {name}: "
              f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")  # fmt: skip


def main(zfabric, count=100000, rounds=5):
    with tempfile.TemporaryDirectory(prefix="zf-") as folder:
        for shape in SHAPES:
            compare(zfabric, folder, shape, int(count), int(rounds))


if __name__ == "__main__":
    if sys.argv[1] == "--echo":
        echo(sys.argv[2], int(sys.argv[3]))
    else:
        main(*sys.argv[1:])
