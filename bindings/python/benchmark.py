"""Tasks a second through a broker and a worker of its own: the package's client beside `zfabric run --each`.

    benchmark.py [TASKS]     ZFABRIC: the command
"""

import asyncio
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from zfabric import Client, Worker, aio  # noqa: E402

ZFABRIC = os.environ.get("ZFABRIC", "zfabric")
WINDOW = 256  # tasks open at once


def serve(endpoint):
    worker = Worker(endpoint, capacity=1000, codec="json")

    @worker.pipeline("echo")
    async def echo(variables, task):
        return variables

    worker.run()


async def many(endpoint, codec, tasks):
    async with aio.Client(endpoint, codec=codec, max_tasks=WINDOW) as client:
        await client.run("echo", 0)
        start = time.monotonic()
        await asyncio.gather(*(client.run("echo", n) for n in range(tasks)))
        return time.monotonic() - start


def one_by_one(endpoint, tasks):
    with Client(endpoint) as client:
        client.run("echo", 0)
        start = time.monotonic()
        for n in range(tasks):
            client.run("echo", n)
        return time.monotonic() - start


def command(endpoint, folder, tasks):
    lines = pathlib.Path(folder, "tasks")
    lines.write_text("".join(json.dumps(n) + "\n" for n in range(tasks)))
    start = time.monotonic()
    with lines.open() as feed:
        subprocess.run([ZFABRIC, "run", "--broker", endpoint, "--each", "-", "--jobs", str(WINDOW), "--quiet", "echo"], stdin=feed,
                       stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - start


def main():
    tasks = int(sys.argv[1]) if len(sys.argv) > 1 else 20000
    with tempfile.TemporaryDirectory(prefix="zf-") as folder:
        clients, workers = f"ipc://{folder}/clients", f"ipc://{folder}/workers"
        broker = subprocess.Popen([ZFABRIC, "broker", "--serve", clients, "--listen", workers], stderr=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL)
        worker = subprocess.Popen([sys.executable, __file__, "--serve", workers])
        try:
            for name, count, seconds in (
                    ("aio.Client, msgpack", tasks, asyncio.run(many(clients, "msgpack", tasks))),
                    ("aio.Client, json", tasks, asyncio.run(many(clients, "json", tasks))),
                    ("Client, one by one", tasks // 10, one_by_one(clients, tasks // 10)),
                    ("zfabric run --each", tasks, command(clients, folder, tasks))):
                print(f"{name:24} {count / seconds:8.0f} tasks/s")
        finally:
            for process in worker, broker:
                process.terminate()
                process.wait()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2])
    else:
        main()
