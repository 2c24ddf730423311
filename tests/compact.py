#!/usr/bin/env python3
"""Hours of samples by remote write: they become blocks and longer blocks under queries, and none is lost.

    tests/compact.py [--millrace PROGRAM]

The samples are of the past, so that 34 hours pass in seconds. Where there is a Prometheus (scripts/judge.sh),
it opens what was written and answers alike, and promtool reads every block.
"""
import http.client
import json
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import processes, program  # noqa: E402
from judge.client import Client, metric  # noqa: E402
from judge.native_series import Histogram  # noqa: E402
from judge.remote_write import (encode_histograms, encode_labels, encode_samples, encode_series,  # noqa: E402
                                encode_times, snappy)
from judge.series import STALE  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
MILLRACE = str(ROOT / "build/server/millrace")
JUDGE = None

HOUR, STEP = 3600, 60
BEGIN = 1_699_963_200  # a multiple of 18 hours
HOURS = 34
STEPS = HOURS * HOUR // STEP
BATCH = 10  # samples of a series in a request
FLOATS, WHOLE, CUSTOM = 24, 6, 4
ALL = '{__name__=~"floats|whole|custom"}'
WAIT_SECONDS = 60


def at(step):
    return BEGIN + step * STEP


def float_of(series, step):
    if series % 5 == 3 and step % 50 == 7:
        return STALE
    return step * (series + 1) % 977 + series / 3


def whole_of(series, step):
    return Histogram(3, {0: step % 13 + 1, 1: 2, 5: step}, {-2: series}, zero_count=3, sum=step / 7)


def custom_of(series, step):
    return Histogram(-53, {0: step, 2: series + 1}, zero_threshold=0.0, bounds=(0.5, 1.0, 2.0), sum=step / 3,
                     whole=series % 2 == 0)


def is_stale(value):
    return struct.pack("<d", value) == struct.pack("<d", STALE)


# How many samples queries find up to a step.
FOUND = []
for place in range(STEPS):
    new = WHOLE + CUSTOM + sum(not is_stale(float_of(series, place)) for series in range(FLOATS))
    FOUND.append(new + (FOUND[-1] if FOUND else 0))


def request(first):
    """Samples of all series, of BATCH steps."""
    steps = range(first, min(first + BATCH, STEPS))
    moments = [at(step) * 1000 for step in steps]
    times = encode_times(moments)
    body = b""
    for series in range(FLOATS):
        labels = encode_labels({"__name__": "floats", "series": f"f{series}"})
        values = [float_of(series, step) for step in steps]
        body += encode_series(labels, encode_samples(times, values))
    for name, count, of in (("whole", WHOLE, whole_of), ("custom", CUSTOM, custom_of)):
        for series in range(count):
            labels = encode_labels({"__name__": name, "series": f"{name[0]}{series}"})
            body += encode_series(labels, encode_histograms(moments, [of(series, step) for step in steps]))
    return snappy(body)


def millrace(data, *flags):
    port = processes.free_port()
    command = [MILLRACE, "serve", f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}",
               "--web.enable-remote-write-receiver", "--self-monitor=false", "--storage.tsdb.retention.time=100y",
               *flags]
    return processes.Server("millrace", command, port, pathlib.Path(data).parent / "millrace.log")


def blocks(data):
    """(first hour, last hour, level) of each block that has no other one in its place."""
    metas = []
    for path in pathlib.Path(data).glob("*/meta.json"):
        try:
            metas += [json.loads(path.read_text())] if len(path.parent.name) == 26 else []
        except FileNotFoundError:
            pass  # it goes just now
    parents = {parent["ulid"] for meta in metas for parent in meta["compaction"].get("parents", [])}
    hours = [[(meta[end] / 1000 - BEGIN) / HOUR for end in ("minTime", "maxTime")] for meta in metas]
    return sorted((*hour, meta["compaction"]["level"]) for hour, meta in zip(hours, metas)
                  if meta["ulid"] not in parents)


class Reader(threading.Thread):
    """Asks again and again for what was acknowledged: all of it is there, each sample once."""

    def __init__(self, port, progress, seed):
        super().__init__()
        self.client = Client(port)
        self.progress = progress  # steps that are acknowledged, in a list of one
        self.random = random.Random(seed)
        self.done = threading.Event()
        self.count = 0
        self.fault = None

    def ask(self):
        step = self.progress[0] - 1
        if step < 0:
            return
        found = self.number(f"sum(count_over_time({ALL}[{HOURS + 1}h]))", step)
        if found != FOUND[step]:
            raise AssertionError(f"{found} samples up to step {step}, not {FOUND[step]}")
        step = self.random.randint(0, step)
        window = min(self.random.randint(1, 400), step + 1)
        found = self.number(f'count_over_time(floats{{series="f0"}}[{window}m])', step)
        if found != window:
            raise AssertionError(f"{found} samples in {window} minutes up to step {step}")
        self.count += 1

    def number(self, query, step):
        return float(self.client.result(query, at(step))[0]["value"][1])

    def run(self):
        try:
            while not self.done.is_set():
                self.ask()
        except Exception as fault:  # told by who started it
            self.fault = fault

    def end(self):
        self.done.set()
        self.join()
        self.client.close()
        if self.fault:
            raise self.fault


def write_all(port):
    progress = [0]
    readers = [Reader(port, progress, seed) for seed in (1, 2)]
    for reader in readers:
        reader.start()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        for first in range(0, STEPS, BATCH):
            connection.request("POST", "/api/v1/write", body=request(first), headers={
                "Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"})
            response = connection.getresponse()
            said = response.read().decode()
            if response.status != 204:
                raise AssertionError(f"step {first}: {response.status} {said}")
            progress[0] = min(first + BATCH, STEPS)
    finally:
        connection.close()
        for reader in readers:
            reader.end()
    return sum(reader.count for reader in readers)


def everything(port):
    """All series with all their samples, as they were answered, floats and histograms."""
    client = Client(port)
    try:
        found = client.result(f"{ALL}[{HOURS + 1}h]", at(STEPS))
    finally:
        client.close()
    return sorted(found, key=lambda series: sorted(series["metric"].items()))


def wait_for(what, expected):
    deadline = time.monotonic() + WAIT_SECONDS
    while (found := what()) != expected and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


class Compaction(unittest.TestCase):
    """The samples are written once; each test takes a copy of the directory."""

    EXPECTED = [(0, 18, 3), (18, 24, 2), (24, 30, 2), (30, 32, 1)]

    @classmethod
    def setUpClass(cls):
        cls.base = pathlib.Path(tempfile.mkdtemp(prefix="millrace-compact-"))
        cls.data = cls.base / "data"
        with millrace(cls.data) as server:
            cls.asked = write_all(server.port)
            cls.blocks = wait_for(lambda: blocks(cls.data), cls.EXPECTED)
            cls.failed = metric(server.port, "prometheus_tsdb_compactions_failed_total")
            cls.written = metric(server.port, "prometheus_tsdb_compactions_total")
            # The head is cut a moment after its block is there.
            cls.truncations = wait_for(lambda: metric(server.port, "prometheus_tsdb_head_truncations_total"), 16)
            cls.found = everything(server.port)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.base)

    def setUp(self):
        self.copy = self.base / self.id().rsplit(".", 1)[-1]
        shutil.copytree(self.data, self.copy)
        self.addCleanup(shutil.rmtree, self.copy)

    def check_samples(self, found, first=0):
        self.assertEqual(len(found), FLOATS + WHOLE + CUSTOM)
        for series in found:
            name, number = series["metric"]["__name__"], int(series["metric"]["series"][1:])
            steps = [step for step in range(first, STEPS)]
            if name == "floats":
                values = [(at(step), float_of(number, step)) for step in steps if not is_stale(float_of(number, step))]
                self.assertEqual([(int(moment), float(value)) for moment, value in series["values"]], values)
                continue
            of = whole_of if name == "whole" else custom_of
            histograms = [(at(step), of(number, step)) for step in steps]
            self.assertEqual([(int(moment), float(h["count"]), float(h["sum"])) for moment, h in series["histograms"]],
                             [(moment, h.count, h.sum) for moment, h in histograms])

    def test_blocks_grow_under_queries(self):
        self.assertEqual(self.blocks, self.EXPECTED)
        self.assertEqual(self.failed, 0)
        self.assertGreaterEqual(self.written, 16 + 5 + 1)
        self.assertEqual(self.truncations, 16)
        self.assertGreater(self.asked, 20)
        self.check_samples(self.found)

    def test_nothing_is_left_half_done(self):
        whole = re.compile(r"[0-9A-Z]{26}|chunks_head|wal|wbl|lock|chunk_snapshot\.\d{6}\.\d{10}")
        self.assertEqual([path.name for path in self.copy.iterdir() if not whole.fullmatch(path.name)], [])

    def test_a_restart_finds_all(self):
        with millrace(self.copy) as server:
            self.assertEqual(everything(server.port), self.found)

    def test_retention_takes_the_oldest_blocks(self):
        port = None
        with millrace(self.copy, "--storage.tsdb.retention.time=8h") as server:
            port = server.port
            left = [(24, 30, 2), (30, 32, 1)]
            self.assertEqual(wait_for(lambda: blocks(self.copy), left), left)
            self.assertEqual(metric(port, "prometheus_tsdb_time_retentions_total"), 1)
            self.assertEqual(metric(port, "prometheus_tsdb_size_retentions_total"), 0)
            self.assertEqual(wait_for(lambda: metric(port, "prometheus_tsdb_blocks_loaded"), 2), 2)
            self.check_samples(everything(port), first=24 * HOUR // STEP)

    def test_who_only_reads_removes_nothing(self):
        with processes.millrace(MILLRACE, self.copy, flags=["--storage.tsdb.retention.time=1h"]) as server:
            self.assertEqual(everything(server.port), self.found)
        self.assertEqual(blocks(self.copy), self.EXPECTED)

    def test_prometheus_answers_alike(self):
        if JUDGE is None:
            self.skipTest("there is no Prometheus")
        with processes.prometheus(JUDGE, self.copy, flags=()) as judge:
            theirs = everything(judge.port)
        self.check_samples(theirs)
        self.assertEqual(theirs, self.found)
        with millrace(self.copy) as server:
            self.assertEqual(everything(server.port), self.found)

    def test_promtool_reads_every_block(self):
        promtool = pathlib.Path(JUDGE or "/").parent / "promtool"
        if not promtool.exists():
            self.skipTest("there is no promtool")
        for path in self.copy.glob("*/meta.json"):
            done = subprocess.run([promtool, "tsdb", "analyze", self.copy, path.parent.name], capture_output=True,
                                  text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"Total Series: {FLOATS + WHOLE + CUSTOM}", done.stdout)


if __name__ == "__main__":
    program.main(sys.modules[__name__])
