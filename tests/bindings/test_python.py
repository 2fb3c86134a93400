"""The Python package as its users have it, against a real broker: clients, workers, and breaks."""

import asyncio
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import unittest
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "bindings" / "python"
sys.path[:0] = [str(PACKAGE), str(ROOT / "tests" / "system")]

import zfabric  # noqa: E402
from fabric_process import Broker, Process, Scratch, eventually  # noqa: E402
from fabric_process import DEADLINE, zfabric as command  # noqa: E402
from zfabric import aio  # noqa: E402


def build(worker, gate):
    """The handlers of all tests; `gate` is set when a waiting one has begun."""

    @worker.pipeline("echo")
    async def echo(variables, task):
        return variables

    @worker.pipeline("plain.*")
    def plain(variables, task):
        return [task.pipeline, threading.current_thread().name.startswith("zfabric-task")]

    @worker.pipeline("count")
    async def count(variables, task):
        for number in range(variables):
            await task.send_partial(number)
        return variables

    @worker.pipeline("plain.count")
    def plain_count(variables, task):
        for number in range(variables):
            task.partial(number)
        return variables

    @worker.pipeline("fail")
    async def fail(variables, task):
        raise zfabric.ProcessorException("not today")

    @worker.pipeline("bug")
    def bug(variables, task):
        return {}["missing"]

    @worker.pipeline("hang")
    async def hang(variables, task):
        gate.set()
        await asyncio.Event().wait()

    @worker.pipeline("plain.hang")
    def plain_hang(variables, task):
        gate.set()
        task.wait_cancelled()
        task.raise_if_cancelled()

    waiting = []

    @worker.pipeline("meet")
    async def meet(variables, task):
        waiting.append(asyncio.Event())
        mine = waiting[-1]
        if len(waiting) == 4:
            for event in waiting:
                event.set()
        await mine.wait()
        return "met"

    return worker


class Fabric(unittest.TestCase):
    def setUp(self):
        self.scratch = Scratch()
        self.addCleanup(self.scratch.remove)
        self.serve, self.listen = self.scratch.ipc(), self.scratch.ipc()
        self.broker = self.new_broker()
        self.gate = threading.Event()

    def new_broker(self, *options):
        broker = Broker(*options, scratch=self.scratch, serve=self.serve, listen=self.listen)
        self.addCleanup(broker.end)
        return broker.wait_ready()

    def worker(self, **options):
        worker = build(zfabric.Worker(self.listen, capacity=4, **options), self.gate)
        thread = threading.Thread(target=worker.run, daemon=True)
        thread.start()

        def end():
            worker.drain()
            thread.join(DEADLINE)
            self.assertFalse(thread.is_alive())

        self.addCleanup(end)
        self.assertTrue(worker.registered.wait(DEADLINE))
        return worker

    def client(self, **options):
        client = zfabric.Client(self.serve, **options)
        client.__enter__()
        self.addCleanup(client.__exit__)
        return client

    def raises(self, kind, call, *args, **options):
        with self.assertRaises(kind) as caught:
            call(*args, **options)
        return caught.exception


class Plain(Fabric):
    def test_documents_come_back_in_every_mix_of_codecs(self):
        document = {"ü": [1, -(2**63), 2**64 - 1, 0.1, None, True, "\U0001f600"], "": {}}
        for theirs in "json", "msgpack":
            worker = self.worker(codec=theirs)
            for ours in "json", "msgpack":
                client = self.client(codec=ours)
                self.assertEqual(client.run("echo", document), document)
                self.assertEqual(client.run("echo", "x" * 2**20), "x" * 2**20)
            worker.drain()

    def test_plain_handlers_run_in_threads_by_prefix(self):
        self.worker()
        self.assertEqual(self.client().run("plain.any"), ["plain.any", True])

    def test_partials_come_in_order(self):
        self.worker()
        client = self.client()
        for pipeline in "count", "plain.count":
            self.assertEqual(list(client.stream(pipeline, 3000)), list(range(3000)))

    def test_errors_tell_their_kind_and_place(self):
        self.worker()
        client = self.client()
        failed = self.raises(zfabric.ProcessorException, client.run, "fail")
        self.assertEqual(failed.error, "not today")
        failed = self.raises(zfabric.WorkerException, client.run, "bug")
        self.assertEqual(failed.error, "KeyError: 'missing'")
        self.assertTrue(any("in bug" in line for line in failed.stacktrace))

    def test_running_tasks_are_cancelled(self):
        self.worker()
        client = self.client()
        for pipeline in "hang", "plain.hang":
            self.gate.clear()
            task = client.start(pipeline)
            self.assertTrue(self.gate.wait(DEADLINE))
            task.cancel()
            self.raises(zfabric.Cancelled, task.result, DEADLINE)

    def test_a_run_has_its_options(self):
        client = self.client()
        self.raises(zfabric.NoCapacity, client.run, "nobody", wait=0)
        self.raises(zfabric.TimedOut, client.run, "nobody", timeout=1)
        self.raises(zfabric.BadPacket, client.run, "$nothing")
        self.raises(zfabric.BadPacket, client.run, "echo", priority=10)
        cookie = str(uuid.uuid4())
        client.start("nobody", cookie=cookie, priority=9, retries=1, orphan="cancel")
        other = self.client(codec="json")
        self.raises(zfabric.CookieCollision, other.run, "nobody", cookie=cookie)
        self.raises(zfabric.CookieCollision, client.run, "nobody", cookie=cookie)

    def test_an_api_like_reasonchips(self):
        self.worker()
        api = zfabric.Api(self.client())
        self.assertEqual(api.run_pipeline("echo", {"a": 1}), {"a": 1})
        cookie = api.run_pipeline("hang", detached=True)
        self.assertTrue(self.gate.wait(DEADLINE))
        api.client.cancel(cookie)

    def test_all_of_a_capacity_run_at_once(self):
        self.worker()
        client = self.client()
        tasks = [client.start("meet") for _ in range(4)]
        self.assertEqual([task.result(DEADLINE) for task in tasks], ["met"] * 4)


class Asyncio(Fabric):
    def test_many_at_once(self):
        self.worker()

        async def main():
            async with aio.Client(self.serve, max_tasks=100) as client:
                return await asyncio.gather(*(client.run("echo", n) for n in range(2000)))

        self.assertEqual(asyncio.run(main()), list(range(2000)))

    def test_cancelling_a_run_cancels_the_task(self):
        self.worker()

        async def main():
            async with aio.Client(self.serve) as client:
                run = asyncio.create_task(client.run("hang"))
                await asyncio.to_thread(self.gate.wait, DEADLINE)
                run.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await run
                while (await client.run("$status"))["slots"]["busy"]:
                    pass

        asyncio.run(asyncio.wait_for(main(), DEADLINE))


class Breaks(Fabric):
    def test_a_broker_that_dies_ends_tasks_and_its_successor_is_found(self):
        self.worker()
        client = self.client()
        task = client.start("hang")
        self.assertTrue(self.gate.wait(DEADLINE))
        self.broker.kill()
        self.raises(zfabric.BrokerWentAway, task.result, DEADLINE)
        self.new_broker()
        self.assertEqual(client.run("echo", 1, connect=DEADLINE), 1)

    def test_a_silent_broker_is_given_up(self):
        self.worker()
        client = self.client()
        # Whether the worker gives the broker up as well, or hears of it in time, is open. If it does not, the
        # broker has to end the task, for the worker does not drain before.
        task = client.start("hang", orphan="cancel")
        self.assertTrue(self.gate.wait(DEADLINE))
        self.broker.signal(signal.SIGSTOP)
        self.raises(zfabric.BrokerWentAway, task.result, 2 * DEADLINE)
        self.broker.signal(signal.SIGCONT)
        # If the worker does, it may be after it was given this task, which then goes to its next connection.
        self.assertEqual(client.run("echo", 1, connect=DEADLINE, retries=100), 1)

    def test_several_endpoints_are_tried_in_turn(self):
        self.worker()
        with zfabric.Client([self.scratch.ipc(), self.serve]) as client:
            self.assertEqual(client.run("echo", 1), 1)

    def test_without_a_broker_it_says_so(self):
        with zfabric.Client(self.scratch.ipc()) as client:
            self.raises(zfabric.BrokerWentAway, client.run, "echo", connect=0.5)

    def is_refused(self, client):
        try:
            return client.run("quick", wait=0) != 1
        except zfabric.NoCapacity:
            return True

    def test_sigterm_drains_a_worker_process(self):
        program = self.scratch.file(
            "import sys, zfabric\n"
            "worker = zfabric.Worker(sys.argv[1], capacity=2)\n"
            "@worker.pipeline('ask')\n"
            "def ask(variables, task):\n"
            "    print('begun', flush=True)\n"
            "    sys.stdin.readline()\n"
            "    return 'done'\n"
            "@worker.pipeline('quick')\n"
            "def quick(variables, task):\n"
            "    return 1\n"
            "worker.run()\n")
        worker = Process(sys.executable, program, self.listen, stdin=subprocess.PIPE,
                         env={"PYTHONPATH": str(PACKAGE)})
        self.addCleanup(worker.end)
        client = self.client()
        task = client.start("ask")
        worker.wait_for_output("begun")
        worker.signal(signal.SIGTERM)
        eventually(lambda: self.is_refused(client), "the worker's draining")
        worker.feed("go\n")
        self.assertEqual(task.result(DEADLINE), "done")
        self.assertEqual(worker.wait(), 0)

    def test_a_broker_that_stops_sends_workers_home(self):
        worker = zfabric.Worker(self.listen)
        build(worker, self.gate)
        thread = threading.Thread(target=worker.run, daemon=True)
        thread.start()
        self.assertTrue(worker.registered.wait(DEADLINE))
        self.broker.stop()
        thread.join(DEADLINE)
        self.assertFalse(thread.is_alive())


class Secured(Fabric):
    def new_broker(self, *options):
        for name, role in ("broker", ()), ("alice", ("--role", "client")), ("hal", ("--role", "worker")), \
                ("eve", ("--role", "client")):
            done = command("keygen", self.scratch.path / name, *role)
            self.assertEqual(done.status, 0, done)
        known = self.scratch.path / "authorized"
        known.mkdir()
        for name in "alice", "hal":
            (known / f"{name}.cert").write_bytes((self.scratch.path / f"{name}.cert").read_bytes())
        return super().new_broker("--curve", str(self.scratch.path / "broker.cert_secret"),
                                  "--authorized", str(known), *options)

    def keys(self, name):
        path = self.scratch.path
        return zfabric.Keys.load(path / f"{name}.cert_secret", path / "broker.cert")

    def test_known_keys_come_in_and_others_learn_why_not(self):
        self.worker(keys=self.keys("hal"))
        self.assertEqual(self.client(keys=self.keys("alice")).run("echo", 1), 1)
        failed = self.raises(zfabric.BrokerWentAway, self.client(keys=self.keys("eve")).run, "echo",
                             connect=2)
        self.assertIn("does not know this key", failed.error)


class Installed(unittest.TestCase):
    def test_pip_installs_it_with_its_types(self):
        scratch = Scratch()
        self.addCleanup(scratch.remove)
        source, target = scratch.path / "source", scratch.path / "target"
        shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("__pycache__"))
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", "-q", "--no-build-isolation", "--no-deps", "--no-index",
             "--root-user-action=ignore", "--target", target, source],
            capture_output=True, text=True, check=False, env={**os.environ, "HOME": str(scratch.path)})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((target / "zfabric" / "py.typed").exists())
        done = subprocess.run([sys.executable, "-c", "import zfabric; print(zfabric.__file__)"], text=True,
                              capture_output=True, check=True, cwd=target, env={**os.environ, "PYTHONPATH": str(target)})
        self.assertTrue(done.stdout.startswith(str(target)))


if __name__ == "__main__":
    unittest.main()
