"""Each language's client with each language's worker, through one broker, as examples/README.md says.

`test_matrix.py WORK`: each language's folder is copied to WORK, where what it needs is fetched and it
is built. A language that lacks what it needs here, or can't get it, is skipped, printed, and named in
WORK/skipped, which ./check shows at its end. One that has all it needs and does not build has failed.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest

import msgpack
import zmq

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system"))

from fabric_keys import Key  # noqa: E402
from fabric_peers import Client  # noqa: E402
from fabric_process import Broker, Process, Scratch, eventually, free_tcp  # noqa: E402
from fabric_process import DEADLINE  # noqa: E402

PATIENCE = 4 * DEADLINE  # seconds: for what hangs; compilers' and interpreters' starts are slow
BUILDING = 900  # seconds, for fetching and building one language
EXACT = {"integers": [0, -1, 2**53 + 1, -(2**63), 2**63, 2**64 - 1],
         "floats": [0.1, -2.5, 1e300, 5e-324],
         "texts": ["", "Grüße", "\U0001f600", "\u0000\u001f\"\\/", "日本"],
         "others": [None, True, False, {}, [], {"": [[]]}]}
MEBIBYTE = "x" * 2**20


class Unbuilt(Exception):
    """Why a language can't be used."""


class Language:
    def __init__(self, source, work):
        self.name, self.source, self.folder = source.name, source, work / source.name
        self.table = json.loads((source / "matrix.json").read_text())

    def step(self, name):
        """Runs the commands of a step in the folder; what went wrong, or None."""
        for command in self.table.get(name, []):
            try:
                done = subprocess.run(command, cwd=self.folder, stdin=subprocess.DEVNULL, text=True, timeout=BUILDING,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            except subprocess.TimeoutExpired:
                return f"{' '.join(command)}: took more than {BUILDING} s"
            if done.returncode:
                return f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout[-3000:]}"
        return None

    def prepare(self):
        """Raises Unbuilt if it can't be had here; AssertionError if it is there and does not build."""
        lacking = [need for need in self.table["needs"] if shutil.which(need) is None]
        if lacking:
            raise Unbuilt("no " + ", ".join(lacking))
        copy_changed(self.source, self.folder)
        problem = self.step("fetch")
        if problem:
            raise Unbuilt(problem)
        problem = self.step("build")
        if problem:
            raise AssertionError(f"{self.name} does not build: {problem}")

    def argv(self, role):
        """The python3 of a table is the one that has zmq: this one. Variables of the environment may stand in it."""
        program, *rest = map(os.path.expandvars, self.table[role])
        return [sys.executable if program == "python3" else program, *rest]

    def sources(self):
        return [path for path in self.source.rglob("*") if path.suffix in SUFFIXES and path.is_file()]


class Router:
    """The broker's end of a worker's connection, and nothing more: says what it is told to."""

    def __init__(self):
        self.endpoint = free_tcp()
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(self.endpoint)

    def wait_for(self, packet_type):
        """The next packet of that type; others are left out."""
        end = time.monotonic() + PATIENCE
        while self.socket.poll(max(0, 1000 * (end - time.monotonic()))):
            self.peer, header, *_ = self.socket.recv_multipart()
            self.codec = json if header.startswith(b"{") else msgpack
            header = self.codec.loads(header)
            if header["packet_type"] == packet_type:
                return header
            if time.monotonic() > end:
                break
        raise AssertionError(f"no {packet_type}")

    def send(self, packet_type, **keys):
        header = self.codec.dumps({"packet_type": packet_type, **keys})
        self.socket.send_multipart([self.peer, header.encode() if self.codec is json else header, b""])


SUFFIXES = {".py", ".js", ".mjs", ".go", ".rs", ".java", ".c"}


def copy_changed(source, target):
    """Times are kept, so that only what changed is built again."""
    for path in source.rglob("*"):
        to = target / path.relative_to(source)
        if path.is_dir():
            to.mkdir(parents=True, exist_ok=True)
        elif not to.exists() or to.read_bytes() != path.read_bytes():
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, to)


HERE, ABSENT, BROKEN = {}, {}, {}


def prepare(work):
    for path in sorted((ROOT / "examples").glob("*/matrix.json")):
        language = Language(path.parent, work)
        try:
            language.prepare()
            HERE[language.name] = language
        except Unbuilt as reason:
            ABSENT[language.name] = str(reason)
        except AssertionError as problem:
            BROKEN[language.name] = str(problem)
    work.mkdir(parents=True, exist_ok=True)
    (work / "skipped").write_text(
        "".join(f"SKIPPED: examples/{name}: {reason}\n" for name, reason in ABSENT.items()))


class Matrix(unittest.TestCase):
    def setUp(self):
        self.scratch = Scratch()
        self.addCleanup(self.scratch.remove)
        self.broker = Broker(scratch=self.scratch, serve=free_tcp(), listen=free_tcp())  # JeroMQ's ipc is its own
        self.addCleanup(self.broker.end)
        self.broker.wait_ready()

    def worker(self, language, env=None):
        worker = Process(*language.argv("worker"), self.broker.worker_endpoint, cwd=language.folder, env=env)
        self.addCleanup(worker.end)
        return worker

    def client(self, language, verb, pipeline, variables, env=None):
        """The values that it printed, and its exit status."""
        done = subprocess.run(
            [*language.argv("client"), self.broker.client_endpoint, verb, pipeline, "-"], text=True, cwd=language.folder, env={**os.environ, **(env or {})},
            encoding="utf-8", input=json.dumps(variables), capture_output=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.stderr, "")
        return [json.loads(line) for line in done.stdout.splitlines()], done.returncode

    def pair(self, client):
        self.assertEqual(self.client(client, "run", "echo", EXACT), ([EXACT], 0))
        (back,), status = self.client(client, "run", "echo", EXACT)
        same = [json.dumps(each, sort_keys=True) for each in (back, EXACT)]  # 1 is not True, nor 1.0; maps have no order
        self.assertEqual((same[0], status), (same[1], 0))
        self.assertEqual(self.client(client, "run", "echo", MEBIBYTE), ([MEBIBYTE], 0))
        self.assertEqual(self.client(client, "stream", "count", 5), ([1, 2, 3, 4, 5, 5], 0))
        self.assertEqual(self.client(client, "many", "echo", list(range(200))), ([list(range(200))], 0))
        (asleep, end), status = self.client(client, "cancel", "sleep", 10 * PATIENCE)
        self.assertEqual((asleep, end["rc"], status), ("asleep", "CANCELLED", 1))
        (end,), status = self.client(client, "run", "fail", "not tödäy")
        self.assertEqual((end["rc"], status), ("PROCESSOR_EXCEPTION", 1))
        self.assertIn("not tödäy", end["error"])
        self.assertTrue(end["stacktrace"] and all(isinstance(line, str) for line in end["stacktrace"]))

    def test_each_client_with_each_worker(self):
        for serving, worker in HERE.items():
            process = self.worker(worker)
            for asking, client in HERE.items():
                with self.subTest(client=asking, worker=serving):
                    self.pair(client)
            process.signal(signal.SIGTERM)
            self.assertEqual(process.wait(PATIENCE), 0, serving)

    def test_a_worker_comes_back(self):
        """After its broker was killed and another one is there, and not before it can."""
        for name, language in HERE.items():
            with self.subTest(worker=name):
                ends = {"serve": self.broker.client_endpoint, "listen": self.broker.worker_endpoint}
                process = self.worker(language)
                self.assertEqual(self.ask_status("workers"), 1)
                self.broker.kill()
                self.broker = Broker(scratch=self.scratch, **ends)
                self.addCleanup(self.broker.end)
                self.broker.wait_ready()
                self.assertEqual(self.ask_status("workers"), 1)
                client = HERE.get(name) or next(iter(HERE.values()))
                self.assertEqual(self.client(client, "run", "echo", [name]), ([[name]], 0))
                process.signal(signal.SIGTERM)
                self.assertEqual(process.wait(PATIENCE), 0, name)
                self.assertEqual(self.ask_status("workers", 0), 0)

    def test_a_worker_keeps_its_promise(self):
        """Heartbeats, as it said in its REGISTER; again when it is not known; and it leaves when it is told to."""
        for name, language in HERE.items():
            with self.subTest(worker=name):
                router = Router()
                self.addCleanup(router.socket.close)
                process = Process(*language.argv("worker"), router.endpoint, cwd=language.folder)
                self.addCleanup(process.end)
                first = router.wait_for("REGISTER")
                self.assertGreaterEqual(first["heartbeat"], 100)
                self.assertGreaterEqual(first["capacity"], 2)
                self.assertLessEqual({"echo", "count", "sleep", "fail"}, set(first["pipelines"]))
                router.send("REGISTER", capacity=first["capacity"])
                for _ in range(2):
                    router.wait_for("HEARTBEAT")
                router.send("REGISTER")  # without a capacity: I don't know you
                self.assertEqual(router.wait_for("REGISTER"), first)
                router.send("REGISTER", capacity=first["capacity"])
                router.send("SHUTDOWN")
                self.assertEqual(process.wait(PATIENCE), 0, name)

    def key(self, name, role):
        return Key(self.scratch.path, name, role)

    def test_keys(self):
        """Each language's own client and worker at a broker with keys."""
        own, folder = self.key("broker", None), self.scratch.path / "authorized"
        folder.mkdir()
        environments = {}
        for role in "client", "worker":
            key = self.key(role, role)
            shutil.copy(key.certificate, folder)
            environments[role] = {"ZFABRIC_SERVER_KEY": own.public.decode(), "ZFABRIC_PUBLIC_KEY": key.public.decode(),
                                  "ZFABRIC_SECRET_KEY": key.secret.decode()}
        self.broker = Broker("--curve", own.secret_file, "--authorized", folder,
                             scratch=self.scratch, serve=free_tcp(), listen=free_tcp())
        self.addCleanup(self.broker.end)
        self.broker.wait_ready()
        for name, language in HERE.items():
            if language.table.get("curve"):
                with self.subTest(language=name):
                    worker = self.worker(language, environments["worker"])
                    self.assertEqual(self.client(language, "run", "echo", [name], environments["client"]), ([[name]], 0))
                    worker.signal(signal.SIGTERM)
                    self.assertEqual(worker.wait(PATIENCE), 0, name)

    def test_vectors(self):
        for name, language in HERE.items():
            if "vectors" in language.table:
                with self.subTest(language=name):
                    done = subprocess.run([*language.argv("vectors"), ROOT / "tests" / "vectors"], cwd=language.folder,
                                          text=True, capture_output=True, timeout=PATIENCE, check=False)
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def ask_status(self, key, wanted=1):
        """A number of $status, as soon as it is the wanted one."""
        asker = Client(self.broker.client_endpoint)
        try:
            eventually(lambda: asker.ask("$status").document()[key] == wanted, f"{wanted} {key}", PATIENCE)
        finally:
            asker.vanish()
        return wanted

    def test_all_that_are_here_were_built(self):
        self.assertEqual(BROKEN, {})

    def test_the_sources_are_short(self):
        for language in HERE.values():
            for path in language.sources():
                self.assertLess(len(path.read_text().splitlines()), 150, str(path))


if __name__ == "__main__":
    prepare(pathlib.Path(sys.argv.pop(1)).resolve())
    print(f"languages: {', '.join(HERE)}; {len(ABSENT)} skipped")
    for name, reason in ABSENT.items():
        print(f"SKIPPED: {name}: {reason}")
    sys.stdout.flush()
    if not HERE and not BROKEN:
        sys.exit("no language at all")
    unittest.main()
