"""`zfabric run --each`: one task a line."""

import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import CommandCase, both_codecs
from fabric_process import BINARY, PIPE


def plain(line):
    """A line as it was, whether it travelled as a number or as a string."""
    return line.strip().strip('"')


class EachCase(CommandCase):
    def each(self, lines, *options):
        """`zfabric run p --each -` with those lines as its input, and more to come from nobody."""
        process = self.process(
            *(BINARY, "run", "--broker", self.broker.client_endpoint, "p", "--each", "-", *options),
            stdin=PIPE,
        )
        process.write("".join(f"{line}\n" for line in lines))
        return process

    def printed(self, process):
        return [plain(line) for line in process.out.text.splitlines()]

    def answer_in_groups(self, worker, total, size, order=reversed, codes=()):
        """Takes `size` tasks, answers them in another order with what they said, and so on."""
        done = 0
        while done < total:
            group = [worker.take() for _ in range(min(size, total - done))]
            for run in order(group):
                rc = "PROCESSOR_EXCEPTION" if plain(str(run.document())) in codes else "OK"
                worker.finish(run, run.document(), rc=rc)
            done += len(group)


class Each(EachCase):
    LINES = [str(number) for number in range(100, 160)]

    @both_codecs
    def test_results_come_in_input_order(self, codec):
        """results as lines (in input order)"""
        worker = self.worker(100, codec=codec)
        process = self.each(self.LINES, "--jobs", "12", "--codec", codec)
        self.answer_in_groups(worker, 60, 12)
        self.assertEqual(process.wait(), 0, process.err.text)
        self.assertEqual(self.printed(process), self.LINES)

    def test_unordered_results_come_as_they_come(self):
        """--unordered as they come"""
        worker = self.worker(100)
        process = self.each(self.LINES[:10], "--jobs", "10", "--unordered")
        runs = [worker.take() for _ in range(10)]
        by_line = {plain(str(run.document())): run for run in runs}
        self.assertEqual(set(by_line), set(self.LINES[:10]))
        order = list(reversed(self.LINES[:10]))
        for line in order:
            worker.finish(by_line[line], by_line[line].document())
            process.wait_for_output(line)
        self.assertEqual(process.wait(), 0, process.err.text)
        self.assertEqual(self.printed(process), order)

    def test_at_most_jobs_are_in_flight(self):
        """--jobs N in flight"""
        worker = self.worker(100)
        process = self.each(self.LINES[:9], "--jobs", "3")
        held = [worker.take() for _ in range(3)]
        for _ in range(6):
            self.assertFalse(worker.has_news(30))
            worker.finish(held.pop(0), 0)
            held.append(worker.take())
        for run in held:
            worker.finish(run, 0)
        self.assertEqual(process.wait(), 0, process.err.text)

    def test_a_file_may_be_named(self):
        """--each FILE|-"""
        worker = self.worker(10)
        path = self.scratch.file("1\n2\n3")
        arguments = ("run", "--broker", self.broker.client_endpoint, "p", "--each", path)
        process = self.process(BINARY, *arguments)
        self.answer_in_groups(worker, 3, 1)
        self.assertEqual(process.wait(), 0, process.err.text)
        self.assertEqual(self.printed(process), ["1", "2", "3"])

    def test_one_result_is_one_line(self):
        """results as lines"""
        worker = self.worker(10)
        process = self.each(["1", "2"], "--jobs", "1")
        for answer in ({"a": ["x\ny", 1]}, "two\nlines"):
            worker.finish(worker.take(), answer)
        self.assertEqual(process.wait(), 0, process.err.text)
        self.assertEqual(len(process.out.text.splitlines()), 2, process.out.text)

    def test_no_lines_are_no_tasks(self):
        """exit status 0 only if all were OK"""
        process = self.each([])
        self.assertEqual(process.wait(), 0, process.err.text)
        self.assertEqual(process.out.text, "")

    def test_one_failure_is_the_failure_of_all_and_stops_nobody(self):
        """exit status 0 only if all were OK"""
        worker = self.worker(100)
        process = self.each(self.LINES, "--jobs", "10")
        self.answer_in_groups(worker, 60, 10, codes=("107", "155"))
        self.assertNotEqual(process.wait(), 0)
        self.assertIn("PROCESSOR_EXCEPTION", process.err.text)
        printed = self.printed(process)
        wanted = [line for line in self.LINES if line not in ("107", "155")]
        self.assertEqual([line for line in printed if line in wanted], wanted)

    def test_a_summary_tells_how_many_there_were(self):
        """a summary"""
        worker = self.worker(100)
        process = self.each(self.LINES, "--jobs", "10")
        self.answer_in_groups(worker, 60, 10, codes=("107",))
        process.wait()
        self.assertRegex(process.err.text, r"\b(59|60)\b")
        self.assertRegex(process.err.text, r"\b1\b")

    def test_many_lines_go_through(self):
        """PROTOCOL 3: every RUN gets exactly one"""
        lines = [str(number) for number in range(3000)]
        worker = self.worker(500)
        process = self.each(lines, "--jobs", "200")
        self.answer_in_groups(worker, 3000, 1)
        self.assertEqual(process.wait(), 0, process.err.text)
        self.assertEqual(self.printed(process), lines)

    def test_ctrl_c_cancels_what_is_in_flight_and_starts_nothing_more(self):
        """Ctrl-C cancels the task and waits for its end"""
        self.start("--cancel-grace", "600000")
        worker = self.worker(100)
        process = self.each(self.LINES, "--jobs", "3")
        runs = [worker.take() for _ in range(3)]
        process.signal(signal.SIGINT)
        cancelled = {worker.expect("CANCEL").cookie for _ in runs}
        self.assertEqual(cancelled, {run.cookie for run in runs})
        for run in runs:
            worker.finish(run, rc="CANCELLED")
        self.assertNotEqual(process.wait(), 0)
        self.assertFalse(worker.has_news())


if __name__ == "__main__":
    unittest.main()
