"""Prometheus' view of a broker: what promtool, and a reader of the text, make of its metrics."""

import os
import pathlib
import re
import subprocess
import sys
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fabric_case import FabricCase
from fabric_process import free_tcp

RULES = pathlib.Path(os.environ["ZFABRIC_SOURCE"]) / "examples/prometheus"
GUIDE = pathlib.Path(os.environ["ZFABRIC_SOURCE"]) / "docs/operating.md"
ODD = 'a "name" \\n of\\ p\u00e4ckets{}'
SERIES = re.compile(r'^([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)$')
LABEL = re.compile(r'([a-z]+)="((?:[^"\\]|\\.)*)"')
ESCAPED = {"\\n": "\n", "\\\\": "\\", '\\"': '"'}


def read_series(text):
    """{(name, ((label, value), ...)): number} of a text; no series is there twice."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = SERIES.match(line).groups()
        labels = tuple(
            (label, re.sub(r"\\.", lambda pair: ESCAPED[pair.group()], text))
            for label, text in LABEL.findall(labels or "")
        )
        assert (name, labels) not in found, line
        found[name, labels] = float(value)
    return found


class Metrics(FabricCase):
    def setUp(self):
        super().setUp()
        self.door = free_tcp().replace("tcp:", "http:")
        self.start(serve=[self.scratch.ipc(), self.door])

    def document(self):
        packet = self.client().ask("$metrics")
        self.assertEqual(packet.rc, "OK", packet)
        return packet.document()

    def text(self):
        """What Prometheus gets."""
        with urllib.request.urlopen(self.door + "/metrics") as answer:
            self.assertEqual(answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
            return answer.read().decode()

    def busy(self):
        """A broker with tasks in all places."""
        client, worker = self.client(), self.worker(3, ["p", "w*", ODD])
        for pipeline, rc in (("p", "OK"), ("p", "EXCEPTION"), (ODD, "OK"), ("well", "CANCELLED")):
            cookie = client.run(pipeline)
            worker.finish(worker.take(cookie), rc=rc)
            client.expect_result(rc, cookie)
        client.run("nobody", wait=1)
        client.expect_result("NO_CAPACITY")
        for pipeline in ("p", "p", ODD, "p", "nobody"):
            client.run(pipeline)
        for _ in range(3):
            worker.take()
        client.expect_nothing()

    def promtool(self, text):
        done = subprocess.run(
            ["promtool", "check", "metrics"], input=text, text=True, capture_output=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    def test_promtool_finds_nothing_wrong(self):
        """Issue: `promtool check metrics` passes"""
        self.assertEqual(self.promtool(self.text()), (0, ""))
        self.busy()
        text = self.text()
        self.assertEqual(self.promtool(text), (0, ""))
        # It does look: a gauge called like a counter, a label that does not end.
        self.assertNotEqual(self.promtool("# HELP a b\n# TYPE a_total gauge\na_total 1\n")[0], 0)
        self.assertNotEqual(self.promtool(text.replace('pipeline="p"', 'pipeline="p""'))[0], 0)

    def test_the_numbers_are_the_documents(self):
        """Issue: tasks by outcome and pipeline, queue length, waiting and running time"""
        self.busy()
        document = self.document()
        series = read_series(self.text())
        rows = {row["pipeline"] or "other": row for row in document["pipelines"]}
        self.assertEqual(set(rows), {"other", "p", "well", ODD})
        for name, row in rows.items():
            pipeline = ("pipeline", name)
            for rc, count in row["outcomes"].items():
                self.assertEqual(series["zfabric_tasks_total", (pipeline, ("rc", rc))], count)
            self.assertEqual(series["zfabric_tasks_queued", (pipeline,)], row["queued"])
            self.assertEqual(series["zfabric_tasks_running", (pipeline,)], row["running"])
            for family, key in (("waiting", "waited"), ("running", "ran")):
                family = f"zfabric_task_{family}_seconds"
                count = sum(row[key]["counts"])
                self.assertEqual(series[f"{family}_count", (pipeline,)], count)
                self.assertEqual(series[f"{family}_bucket", (pipeline, ("le", "+Inf"))], count)
                self.assertEqual(series[f"{family}_sum", (pipeline,)], row[key]["sum"] / 1000)
                buckets = [v for (n, l), v in series.items() if n == f"{family}_bucket" and pipeline in l]
                self.assertEqual(buckets, sorted(buckets))
                self.assertEqual(len(buckets), len(document["bounds"]) + 1)
        self.assertEqual(series["zfabric_queue_length", ()], 2)
        self.assertEqual(series["zfabric_slots_busy", ()], 3)
        self.assertGreater(series["zfabric_sent_bytes_total", ()], document["octets"]["out"])
        self.assertEqual(
            series["process_start_time_seconds", ()], document["process"]["started"] / 1000
        )

    def test_all_are_in_the_guide(self):
        """docs/operating.md lists each metric, and none that is not there"""
        self.busy()
        told = set(re.findall(r"^# TYPE (\S+)", self.text(), re.M))
        listed = set(re.findall(r"^\| `((?:zfabric|process)_\w+)", GUIDE.read_text(), re.M))
        self.assertEqual(told, listed)


    def test_the_examples_alerts_are_of_metrics_that_are_there(self):
        """examples/prometheus: no alert is silent because its metric has another name"""
        self.busy()
        families = set(re.findall(r"^# TYPE (\S+)", self.text(), re.M))
        used = set(re.findall(r"(?:zfabric|process)_[a-z_]+", (RULES / "zfabric.rules.yml").read_text()))
        self.assertGreater(len(used), 8)
        self.assertLessEqual({re.sub("_bucket$", "", name) for name in used}, families)


class Alerts(unittest.TestCase):
    def test_they_are_valid_and_ring_when_they_should(self):
        """examples/prometheus"""
        for arguments in (
            ("check", "config", "prometheus.yml"),
            ("check", "rules", "zfabric.rules.yml"),
            ("test", "rules", "zfabric.rules.test.yml"),
        ):
            done = subprocess.run(
                ["promtool", *arguments], cwd=RULES, text=True, capture_output=True, check=False
            )
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
