#!/usr/bin/env python3
"""Deleting series, cleaning tombstones, snapshots: what the answers are, and what is there afterwards.

    tests/admin_test.py [--millrace PROGRAM]

Where there is a Prometheus (scripts/judge.sh), it gets the same requests and must answer alike, and reads the
directories that Millrace leaves as Millrace reads them.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import processes, program  # noqa: E402
from judge.client import Client  # noqa: E402
from judge.native_series import Histogram  # noqa: E402
from judge.remote_write import Writer, encode_histogram, encode_labels, encode_samples, encode_times  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
MILLRACE = str(ROOT / "build/server/millrace")
JUDGE = None
DELETE, CLEAN, SNAPSHOT = (f"/api/v1/admin/tsdb/{name}" for name in ("delete_series", "clean_tombstones", "snapshot"))
HOUR = 3600
STEP = 30
SERIES = 12
# So much of the end is in the head when the blocks before it were made.
HOURS = 7


def millrace(data, *flags, name="millrace"):
    port = processes.free_port()
    command = [MILLRACE, "serve", f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}",
               "--web.enable-remote-write-receiver", "--self-monitor=false", *flags]
    return processes.Server(name, command, port, pathlib.Path(data).parent / f"{name}.log")


def prometheus(data, name="judge"):
    return processes.prometheus(JUDGE, data, features=["native-histograms"], flags=(), name=name)


def judge_needed(test):
    def run(self):
        if JUDGE is None:
            self.skipTest("there is no Prometheus")
        test(self)
    run.__name__ = test.__name__
    return run


class Case(unittest.TestCase):
    """Each test has a directory; samples end now, and begin some hours ago."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="millrace-admin-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.end = int(time.time()) // STEP * STEP
        self.begin = self.end - HOURS * HOUR

    def serve(self, *flags):
        return millrace(self.folder / "data", "--web.enable-admin-api", *flags)

    def send(self, port, path, *params, method="POST"):
        client = Client(port)
        try:
            if method != "POST":
                return client.send(method, path, params)
            return client.send("POST", path, params)
        finally:
            client.close()

    def good(self, port, path, *params, method="POST"):
        answer = self.send(port, path, *params, method=method)
        self.assertIn(answer.status, (200, 204), answer.body)
        return answer

    def fill(self, port):
        """Counters and one native histogram, an hour a request: blocks are made as time goes on."""
        writer = Writer(port)
        for hour in range(HOURS):
            moments = [self.begin + hour * HOUR + step for step in range(0, HOUR, STEP)]
            times = encode_times([1000 * moment for moment in moments])
            for number in range(SERIES):
                labels = encode_labels({"__name__": "c", "n": str(number), "parity": "eo"[number % 2]})
                writer.add(labels, encode_samples(times, [float(moment % 100000 + number) for moment in moments]))
            writer.add(encode_labels({"__name__": "h"}), b"".join(
                encode_histogram(Histogram(3, {0: 1 + moment % 7, 2: 2}, sum=float(moment % 97)), 1000 * moment)
                for moment in moments))
            writer.flush()
        writer.close()

    def contents(self, port):
        """All that is there: counts, sums and last values of each series in steps, and the series."""
        found = []
        for query in ("count_over_time(c[10m])", "sum_over_time(c[10m])", "count_over_time(h[10m])", "sum(h)"):
            answer = self.good(port, "/api/v1/query_range", ("query", query), ("start", self.begin), ("end", self.end),
                               ("step", "613"))
            found.append(sorted(json.dumps(row, sort_keys=True) for row in answer.json["data"]["result"]))
        return found

    def count(self, port, what="c"):
        rows = self.good(port, "/api/v1/query", ("query", f"sum(count_over_time({what}[{HOURS + 1}h]))"),
                         ("time", self.end)).json["data"]["result"]
        return int(rows[0]["value"][1]) if rows else 0

    def wait_for_blocks(self, folder):
        deadline = time.monotonic() + 30
        while not self.blocks(folder):
            self.assertLess(time.monotonic(), deadline, "no block was made")
            time.sleep(0.1)

    def blocks(self, folder):
        return sorted(path.parent.name for path in folder.glob("*/meta.json"))


PER_SERIES = HOURS * HOUR // STEP


class Answers(Case):
    CASES = (
        ("nothing", DELETE, ()),
        ("no selector", DELETE, (("match[]", ""),)),
        ("half a selector", DELETE, (("match[]", "c{"),)),
        ("an expression", DELETE, (("match[]", "rate(c[5m])"),)),
        ("a bad start", DELETE, (("match[]", "c"), ("start", "x"))),
        ("a bad end", DELETE, (("match[]", "c"), ("end", "x"))),
        ("a start behind the end", DELETE, (("match[]", "c"), ("start", "2000000000"), ("end", "10"))),
        ("an empty selector", DELETE, (("match[]", "{}"),)),
        ("what is not there", DELETE, (("match[]", "nothing"),)),
        ("everything", DELETE, (("match[]", '{n=~".*"}'),)),
        ("a limit", DELETE, (("match[]", "nothing"), ("limit", "x"))),
        ("clean", CLEAN, ()),
        ("no boolean", SNAPSHOT, (("skip_head", "maybe"),)),
        ("snapshot", SNAPSHOT, (("skip_head", "T"),)),
        ("snapshot", SNAPSHOT, ()),
    )

    def both(self, ours, theirs):
        for name, path, params in self.CASES:
            for method in ("POST", "PUT", "GET"):
                with self.subTest(name, method=method):
                    left, right = (self.send(server.port, path, *params, method=method) for server in (ours, theirs))
                    self.assertEqual(left.status, right.status, left.body + right.body)
                    texts = [re.sub(rb"\d{8}T\d{6}Z-[0-9a-f]{16}", b"NAME", answer.body) for answer in (left, right)]
                    self.assertEqual(*texts)
                    for header in ("Content-Type", "Allow"):
                        self.assertEqual(left.headers.get(header), right.headers.get(header))

    @judge_needed
    def test_are_those_of_prometheus(self):
        with self.serve() as ours, prometheus(self.folder / "judge-data") as theirs:
            for server in (ours, theirs):
                writer = Writer(server.port)
                writer.add(encode_labels({"__name__": "c"}), encode_samples(encode_times([1000 * self.end]), [1.0]))
                writer.close()
            self.both(ours, theirs)

    def test_where_it_is_not_enabled(self):
        with millrace(self.folder / "data") as server:
            for path in (DELETE, CLEAN, SNAPSHOT):
                answer = self.send(server.port, path, ("match[]", "up"))
                self.assertEqual((answer.status, answer.json), (500, {
                    "status": "error", "errorType": "unavailable", "error": "admin APIs disabled"}))

    def test_features_tell_whether_it_is_enabled(self):
        for flags, enabled in (("--web.enable-admin-api",), True), ((), False):
            with millrace(self.folder / "data", *flags) as server:
                api = self.send(server.port, "/api/v1/features", method="GET").json["data"]["api"]
                self.assertEqual((api["admin"], api["remote_write_receiver"]), (enabled, True))

    def test_a_bad_selector_deletes_nothing(self):
        with self.serve() as server:
            self.fill(server.port)
            answer = self.send(server.port, DELETE, ("match[]", "c"), ("match[]", "{"))
            self.assertEqual(answer.status, 400)
            self.assertEqual(self.count(server.port), SERIES * PER_SERIES)

    def test_not_where_it_only_reads(self):
        done = subprocess.run([MILLRACE, "serve", "--web.enable-admin-api", "--storage.tsdb.read-only"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("flag --web.enable-admin-api: nothing can be written with --storage.tsdb.read-only", done.stderr)


class Deletes(Case):
    def delete_some(self, port):
        """A series as a whole, a part of others over blocks and head, the histogram's middle."""
        self.good(port, DELETE, ("match[]", 'c{n="3"}'))
        self.good(port, DELETE, ("match[]", 'c{parity="e"}'), ("start", self.begin + HOUR), ("end", self.end - HOUR),
                  method="PUT")
        self.good(port, DELETE, ("match[]", "h"), ("match[]", 'c{n="5"}'), ("start", self.begin + 2 * HOUR),
                  ("end", self.begin + 3 * HOUR - 1))

    LEFT = {"c": (SERIES - 1) * PER_SERIES - 6 * ((HOURS - 2) * HOUR // STEP + 1) - HOUR // STEP,
            "h": PER_SERIES - HOUR // STEP}

    def check_left(self, port):
        self.assertEqual({what: self.count(port, what) for what in self.LEFT}, self.LEFT)

    def test_at_once_and_behind_a_restart(self):
        with self.serve() as server:
            self.fill(server.port)
            self.wait_for_blocks(self.folder / "data")
            self.delete_some(server.port)
            self.check_left(server.port)
            before = self.contents(server.port)
        with self.serve() as server:
            self.check_left(server.port)
            self.assertEqual(self.contents(server.port), before)
            server.process.kill()
            server.process.wait()
        with self.serve() as server:
            self.assertEqual(self.contents(server.port), before)

    def test_leave_what_comes_later(self):
        with self.serve() as server:
            writer = Writer(server.port)
            labels = encode_labels({"__name__": "c"})
            writer.add(labels, encode_samples(encode_times([1000 * (self.end - 60)]), [1.0]))
            writer.flush()
            self.good(server.port, DELETE, ("match[]", "c"))
            self.assertEqual(self.count(server.port), 0)
            writer.add(labels, encode_samples(encode_times([1000 * self.end]), [2.0]))
            writer.close()
            self.assertEqual(self.count(server.port), 1)

    def test_cleaned_they_take_no_room(self):
        data = self.folder / "data"
        with self.serve() as server:
            self.fill(server.port)
            self.wait_for_blocks(data)
            self.delete_some(server.port)
            before, blocks = self.contents(server.port), self.blocks(data)
            self.good(server.port, CLEAN)
            self.assertEqual(set(blocks) & set(self.blocks(data)), set())
            self.assertEqual(len(self.blocks(data)), len(blocks))
            for name in self.blocks(data):
                self.assertNotIn("numTombstones", (data / name / "meta.json").read_text())
            self.assertEqual(self.contents(server.port), before)
            self.good(server.port, DELETE, ("match[]", '{__name__!=""}'))
            self.good(server.port, CLEAN)
            self.assertEqual(self.blocks(data), [])
            self.assertEqual(self.count(server.port), 0)

    @judge_needed
    def test_are_what_prometheus_reads_and_would_have_done(self):
        with self.serve() as ours, prometheus(self.folder / "judge-data") as theirs:
            for server in (ours, theirs):
                self.fill(server.port)
                self.delete_some(server.port)
            expected = self.contents(theirs.port)
            self.assertEqual(self.contents(ours.port), expected)
        with prometheus(self.folder / "data", name="reader") as reader:
            self.check_left(reader.port)
            self.assertEqual(self.contents(reader.port), expected)
            self.good(reader.port, CLEAN)
        with self.serve() as ours:
            self.assertEqual(self.contents(ours.port), expected)


class Snapshots(Case):
    def test_hold_all_or_only_blocks(self):
        with self.serve() as server:
            self.fill(server.port)
            self.wait_for_blocks(self.folder / "data")
            self.good(server.port, DELETE, ("match[]", 'c{n="3"}'))
            before = self.contents(server.port)
            whole, blocks = (self.good(server.port, SNAPSHOT, *params).json["data"]["name"]
                             for params in ((), (("skip_head", "1"),)))
            self.good(server.port, DELETE, ("match[]", '{__name__!=""}'))
            self.assertEqual(self.count(server.port), 0)
        snapshots = self.folder / "data" / "snapshots"
        self.assertRegex(whole, r"^\d{8}T\d{6}Z-[0-9a-f]{16}$")
        self.assertEqual(len(self.blocks(snapshots / whole)), len(self.blocks(snapshots / blocks)) + 1)
        with millrace(snapshots / whole) as server:
            self.assertEqual(self.contents(server.port), before)
        with millrace(snapshots / blocks) as server:
            self.assertTrue(0 < self.count(server.port) < (SERIES - 1) * PER_SERIES)
        if JUDGE:
            with prometheus(snapshots / whole) as reader:
                self.assertEqual(self.contents(reader.port), before)


if __name__ == "__main__":
    program.main(sys.modules[__name__])
