"""`zfabric worker`: commands as tasks."""

import contextlib
import os
import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import CommandCase, both_codecs
from fabric_process import BINARY, alive, children, descriptors, eventually, zfabric


class WorkerCase(CommandCase):
    def command(self, *options, **commands):
        """`zfabric worker` with a command for each pipeline (`a__b=` is pipeline `a.b`)."""
        argv = [BINARY, "worker", "--broker", self.broker.worker_endpoint, *options]
        for pipeline, command in commands.items():
            argv += ["--run", f"{pipeline.replace('__', '.')}={command}"]
        self.addCleanup(self.kill_left_over)
        return self.process(*argv)

    def kill_left_over(self):
        """Ends what a worker that failed to do so left running."""
        for path in self.scratch.path.glob("*.pid"):
            pid = path.read_text().strip()
            if pid and alive(int(pid)) and self.is_a_task(pid):
                os.kill(int(pid), signal.SIGKILL)

    def is_a_task(self, pid):
        with contextlib.suppress(OSError):
            return b"ZFABRIC_COOKIE=" in pathlib.Path(f"/proc/{pid}/environ").read_bytes()

    def until(self, gate):
        """A shell loop that ends when the file is there, or the test's directory is not."""
        return f"while [ -d {self.scratch.path} ] && [ ! -e {gate} ]; do sleep 0.02; done"

    def pid_in(self, name):
        """The pid that a command writes into NAME.pid, once it is there."""
        path = self.scratch.path / f"{name}.pid"
        return int(eventually(lambda: path.exists() and path.read_text().strip(), f"{path}"))

    def listed(self):
        return self.client().ask("$workers").document()


class Output(WorkerCase):
    @both_codecs
    def test_the_payload_is_its_input_and_its_output_the_result(self, codec):
        """payload on its standard input, standard output as the result"""
        self.command(count="wc -c", cat="cat")
        client = self.client(codec)
        self.assertEqual(client.ask("cat", {"a": [1, "\u00e9"]}).document(), {"a": [1, "\u00e9"]})
        packet = client.ask("count", "seven")
        self.assertEqual(int(packet.document()), len(b'"seven"'))

    @both_codecs
    def test_output_is_a_string_unless_it_is_a_json_document(self, codec):
        """as a JSON string in JSON, or as it is when it is a JSON document"""
        self.command(
            text="printf 'two\\nlines'",
            json="echo '{\"a\": [1, 2.5]}'",
            number="echo 12",
            none="true",
        )
        client = self.client(codec)
        self.assertEqual(client.ask("text").document(), "two\nlines")
        self.assertEqual(client.ask("json").document(), {"a": [1, 2.5]})
        self.assertEqual(client.ask("number").document(), 12)
        packet = client.ask("none")
        self.assertEqual(packet.rc, "OK")
        self.assertIn(packet.payload and packet.document(), (b"", "", None))

    @both_codecs
    def test_output_text_is_always_a_string(self, codec):
        """--output raw|text|json says so outright"""
        self.command("--output", "text", number="printf 12", quotes="printf '\"a\\\\b'")
        client = self.client(codec)
        self.assertEqual(client.ask("number").document(), "12")
        self.assertEqual(client.ask("quotes").document(), '"a\\b')

    @both_codecs
    def test_output_raw_is_passed_as_it_is(self, codec):
        """--output raw|text|json says so outright; PROTOCOL 2, encoding"""
        self.command("--output", "raw", octets="printf '\\377\\000{'")
        packet = self.client(codec).ask("octets")
        self.assertEqual((packet.encoding, packet.payload), ("raw", b"\xff\0{"))

    @both_codecs
    def test_output_json_is_a_document(self, codec):
        """--output raw|text|json says so outright"""
        self.command("--output", "json", good="echo '[1, {}]'", bad="echo '[1,'")
        client = self.client(codec)
        self.assertEqual(client.ask("good").document(), [1, {}])
        self.assertNotEqual(client.ask("bad").rc, "OK")

    def test_a_msgpack_worker_says_the_same(self):
        """--codec json|msgpack"""
        self.command("--codec", "msgpack", text="printf hello", json="echo '{\"a\": [1]}'")
        for codec in ("json", "msgpack"):
            client = self.client(codec)
            self.assertEqual(client.ask("text").document(), "hello")
            self.assertEqual(client.ask("json").document(), {"a": [1]})
        self.assertEqual(self.listed()[0]["codec"], "msgpack")

    def test_every_line_is_a_partial_where_streams_are_wanted(self):
        """With --stream each line of output is a PARTIAL; PROTOCOL 2, seq"""
        self.command("--stream", lines="for i in 1 2 3 4 5; do echo line $i; done")
        client = self.client()
        cookie = client.run("lines", stream=True)
        for seq in range(5):
            partial = client.expect("PARTIAL", cookie=cookie)
            self.assertEqual(partial.header.get("seq"), seq)
            self.assertEqual(partial.document().rstrip("\n"), f"line {seq + 1}")
        client.expect_result("OK", cookie)
        self.assertEqual(client.ask("lines").rc, "OK")

    def test_lines_are_sent_as_they_come(self):
        """With --stream each line of output is a PARTIAL"""
        gate = self.scratch.path / "gate"
        self.command("--stream", lines=f"echo first; {self.until(gate)}; echo last")
        client = self.client()
        cookie = client.run("lines", stream=True)
        client.expect("PARTIAL", cookie=cookie)
        gate.touch()
        client.expect("PARTIAL", cookie=cookie)
        client.expect_result("OK", cookie)

    def test_much_input_and_much_output_do_not_stall(self):
        """payload on its standard input, standard output as the result"""
        self.command(cat="cat", blind="exec <&-; echo blind")
        client = self.client()
        document = ["x" * 1000] * 5000
        self.assertEqual(client.ask("cat", document).document(), document)
        self.assertEqual(client.ask("blind", document).document().strip(), "blind")

    @both_codecs
    def test_the_built_in_echo(self, codec):
        """--echo serves a built-in `echo` pipeline in the process"""
        self.command("--echo", "--capacity", "3", "--name", "parrot")
        client = self.client(codec)
        for document in ({"a": [1, None, "\u00e9"]}, "text", 0):
            self.assertEqual(client.ask("echo", document).document(), document)
        (worker,) = self.listed()
        self.assertEqual((worker["name"], worker["capacity"]), ("parrot", 3))
        self.assertEqual(worker["pipelines"], ["echo"])


class Surroundings(WorkerCase):
    def test_the_environment_names_the_task(self):
        """ZFABRIC_COOKIE and ZFABRIC_PIPELINE in its environment"""
        self.command(first__env='printf %s "$ZFABRIC_COOKIE $ZFABRIC_PIPELINE"', second="true")
        client = self.client()
        cookie = client.run("first.env")
        said = client.expect_result("OK", cookie).document().split()
        self.assertEqual([said[0].lower(), said[1]], [cookie, "first.env"])

    def test_it_serves_the_pipelines_that_it_was_given(self):
        """any number of --run PIPELINE=COMMAND; a command may have `=` in it"""
        self.command(one="echo a=b", two="echo two")
        client = self.client()
        self.assertEqual(client.ask("one").document().strip(), "a=b")
        self.assertEqual(client.ask("two").document().strip(), "two")
        self.assertEqual(client.ask("three", wait=0).rc, "NO_CAPACITY")
        self.assertCountEqual(self.listed()[0]["pipelines"], ["one", "two"])

    def test_the_capacity_is_the_number_of_processors(self):
        """--capacity N (number of processors)"""
        self.command(one="true")
        (worker,) = eventually(self.listed, "the worker registers")
        self.assertIn(worker["capacity"], (os.cpu_count(), len(os.sched_getaffinity(0))))

    def test_it_runs_as_many_at_once_as_its_capacity_and_no_more(self):
        """PROTOCOL 5.2; capacity never exceeded"""
        here = self.scratch.path
        self.command(
            *("--capacity", "3"),
            job=f"touch {here}/run.$ZFABRIC_COOKIE; {self.until(here / 'gate')}",
        )
        client = self.client()
        for _ in range(6):
            client.run("job")
        eventually(lambda: len(list(here.glob("run.*"))) == 3, "three run at once")
        client.expect_nothing()
        self.assertEqual(len(list(here.glob("run.*"))), 3)
        (here / "gate").touch()
        for _ in range(6):
            client.expect_result("OK")

    def test_two_hundred_tasks_leave_no_zombie_and_no_descriptor(self):
        """No zombies, no descriptor leaks"""
        worker = self.command("--capacity", "4", ok="cat", bad="cat >&2; exit 3")
        client = self.client()

        def tasks(count):
            for number in range(count):
                client.run(("ok", "bad")[number % 2], number)
            self.assertEqual({client.recv().rc for _ in range(count)}, {"OK", "PROCESSOR_EXCEPTION"})

        tasks(20)
        eventually(lambda: not children(worker.pid), "its children are reaped")
        before = descriptors(worker.pid)
        tasks(200)
        eventually(lambda: not children(worker.pid), "its children are reaped")
        eventually(lambda: descriptors(worker.pid) <= before, "its descriptors are closed")

    def test_a_stopped_worker_finishes_what_it_has(self):
        """PROTOCOL 3, SHUTDOWN: I leave when I have finished"""
        gate = self.scratch.path / "gate"
        worker = self.command(job=f"echo > {gate}.started; {self.until(gate)}; echo done")
        client = self.client()
        cookie = client.run("job")
        eventually(pathlib.Path(f"{gate}.started").exists, "the command runs")
        worker.signal(signal.SIGTERM)
        gate.touch()
        self.assertEqual(client.expect_result("OK", cookie).document().strip(), "done")
        self.assertEqual(worker.wait(), 0, worker.err.text)


class Failures(WorkerCase):
    @both_codecs
    def test_a_non_zero_exit_is_a_processor_exception(self, codec):
        """PROCESSOR_EXCEPTION with the status in `error` and the last lines of stderr in `stacktrace`"""
        self.command(bad="echo out; echo first >&2; echo 'last \u00e9' >&2; exit 37")
        packet = self.client(codec).ask("bad")
        self.assertEqual(packet.rc, "PROCESSOR_EXCEPTION")
        self.assertIn("37", packet.error)
        self.assertEqual(packet.header["stacktrace"], ["first", "last \u00e9"])

    def test_much_on_stderr_keeps_the_last_lines(self):
        """the last lines of stderr in `stacktrace`; PROTOCOL 2: a header is at most 65,536 octets"""
        self.command(
            lines="seq 100000 >&2; exit 1",
            octets="head -c 1000000 /dev/zero | tr '\\0' '\\377' >&2; exit 1",
            wide="head -c 1000000 /dev/zero | tr '\\0' '\"' >&2; exit 1",
        )
        client = self.client()
        packet = client.ask("lines")
        self.assertEqual(packet.rc, "PROCESSOR_EXCEPTION")
        self.assertEqual(packet.header["stacktrace"][-1], "100000")
        for pipeline in ("octets", "wide"):
            self.assertEqual(client.ask(pipeline).rc, "PROCESSOR_EXCEPTION")

    def test_a_command_that_kills_itself_did_not_succeed(self):
        """A non-zero exit is PROCESSOR_EXCEPTION"""
        self.command(dead="kill -9 $$", missing="/nowhere/at/all")
        client = self.client()
        self.assertIn(client.ask("dead").rc, ("PROCESSOR_EXCEPTION", "EXCEPTION"))
        self.assertEqual(client.ask("missing").rc, "PROCESSOR_EXCEPTION")

    def test_output_over_max_payload_ends_the_task(self):
        """output is bounded by --max-payload, past which the task is ended with EXCEPTION"""
        here = self.scratch.path
        self.command(
            *("--max-payload", "10000", "--output", "raw"),
            fits="head -c 10000 /dev/zero",
            over="head -c 10001 /dev/zero",
            endless=f"echo $$ > {here}/yes.pid; exec yes",
        )
        client = self.client()
        self.assertEqual(client.ask("fits").payload, bytes(10000))
        for pipeline in ("over", "endless"):
            packet = client.ask(pipeline)
            self.assertEqual(packet.rc, "EXCEPTION")
            self.assertTrue(packet.error)
        pid = self.pid_in("yes")
        eventually(lambda: not alive(pid), "the endless command is ended")
        self.assertEqual(client.ask("fits").rc, "OK")


class Cancel(WorkerCase):
    def cancelled(self, command, *pids):
        """Starts a command that writes NAME.pid files, cancels it; its pids, once it has ended."""
        self.command(job=command)
        client = self.client()
        cookie = client.run("job")
        found = [self.pid_in(name) for name in pids]
        client.cancel(cookie)
        client.expect_result("CANCELLED", cookie)
        return found

    def test_cancel_ends_the_whole_process_group(self):
        """CANCEL ends its process group: SIGTERM; RESULT CANCELLED"""
        here = self.scratch.path
        inner = f"sh -c 'sleep 1000 & echo $! > {here}/grandchild.pid; wait'"
        pids = self.cancelled(
            f"sleep 1000 & echo $! > {here}/child.pid; {inner} & echo $$ > {here}/shell.pid; wait",
            *("child", "grandchild", "shell"),
        )
        for pid in pids:
            eventually(lambda: not alive(pid), "every process of the group is ended")

    def test_a_command_may_end_in_its_own_way_at_sigterm(self):
        """CANCEL ends its process group: SIGTERM, then SIGKILL after two seconds"""
        here = self.scratch.path
        self.cancelled(
            f"trap 'echo bye > {here}/said; exit 0' TERM; echo $$ > {here}/shell.pid;"
            + self.until(here / "never"),
            "shell",
        )
        self.assertEqual((here / "said").read_text(), "bye\n")

    def test_a_command_that_ignores_sigterm_is_killed_after_two_seconds(self):
        """SIGTERM, then SIGKILL after two seconds"""
        here = self.scratch.path
        with self.takes_at_least(2000):
            pids = self.cancelled(
                f"trap '' TERM; sleep 1000 & echo $! > {here}/child.pid; echo $$ > {here}/shell.pid;"
                + self.until(here / "never"),
                *("child", "shell"),
            )
        for pid in pids:
            eventually(lambda: not alive(pid), "what ignores SIGTERM is killed")

    def test_a_timeout_ends_it_as_well_and_the_slot_is_free_again(self):
        """PROTOCOL 4, TIMED_OUT: the worker is sent a CANCEL"""
        here = self.scratch.path
        self.command("--capacity", "1", job=f"echo $$ > {here}/job.pid; exec sleep 1000", next="echo 1")
        client = self.client()
        cookie = client.run("job", timeout=1000)
        pid = self.pid_in("job")
        client.expect_result("TIMED_OUT", cookie)
        eventually(lambda: not alive(pid), "the command is ended")
        self.assertEqual(client.ask("next").document(), 1)


class Killed(WorkerCase):
    def test_a_killed_worker_leaves_no_command_running(self):
        """What a command leaves running in its group is killed when the worker itself is killed"""
        here = self.scratch.path
        stubborn = "trap '' HUP INT TERM"
        inner = f"sh -c \"{stubborn}; sleep 1000 & echo \\$! > {here}/grandchild.pid; wait\""
        worker = self.command(
            *("--capacity", "2"),
            tree=f"sleep 1000 & echo $! > {here}/child.pid; {inner} & echo $$ > {here}/shell.pid; wait",
            one=f"{stubborn}; echo $$ > {here}/one.pid; exec sleep 1000",
        )
        client = self.client()
        client.run("tree")
        client.run("one")
        pids = [self.pid_in(name) for name in ("child", "grandchild", "shell", "one")]
        worker.kill()
        for pid in pids:
            eventually(lambda pid=pid: not alive(pid), "every process of both groups is killed")
        for _ in range(2):
            client.expect_result("WORKER_WENT_AWAY")

    def test_the_guard_goes_with_the_worker(self):
        """It ends with the program"""
        worker = self.command(ok="echo 1")
        self.assertEqual(self.client().ask("ok").document(), 1)
        (guard,) = self.guards(worker)
        worker.stop()
        eventually(lambda: not alive(guard), "the guard is gone")

    def test_without_its_guard_the_worker_works_on(self):
        """And what it runs ends with it even then, but for what the shells started"""
        here = self.scratch.path
        worker = self.command(ok="echo 1", job=f"echo $$ > {here}/job.pid; exec sleep 1000")
        client = self.client()
        self.assertEqual(client.ask("ok").document(), 1)
        (guard,) = self.guards(worker)
        os.kill(guard, signal.SIGKILL)
        eventually(lambda: not alive(guard), "the guard is gone")
        self.assertEqual(client.ask("ok").document(), 1)
        client.run("job")
        pid = self.pid_in("job")
        worker.kill()
        eventually(lambda: not alive(pid), "the command is killed")

    def guards(self, worker):
        """Processes of the worker's program that are not the worker: by what they were started with."""
        command = pathlib.Path(f"/proc/{worker.pid}/cmdline").read_bytes()
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if path.read_bytes() == command and int(path.parent.name) != worker.pid:
                    found.append(int(path.parent.name))
        return found


class BadOptions(WorkerCase):
    def test_help_and_refusals(self):
        """`--help` everywhere, with an example; unknown options name the nearest known one"""
        finished = zfabric("worker", "--help")
        self.assertEqual(finished.status, 0)
        for word in (
            *("--broker", "--capacity", "--codec", "--name"),
            *("--run", "--echo", "--stream", "--output"),
        ):
            self.assertIn(word, finished.out)
        self.assertIn("example", finished.out.lower())
        for wrong, named in (
            (["--capcity", "1"], "--capacity"),
            (["--echo", "--capacity", "x"], "--capacity"),
            (["--echo", "--codec", "xml"], "--codec"),
            (["--echo", "--output", "xml"], "--output"),
            (["--run", "no-command"], "--run"),
            (["--run", "$own=true"], "$own"),
            (["--echo", "--broker", "nonsense"], "nonsense"),
        ):
            with self.subTest(wrong=wrong):
                self.assert_refused(zfabric("worker", *wrong), named)


if __name__ == "__main__":
    unittest.main()
