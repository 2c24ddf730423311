#!/usr/bin/env python3
"""Samples in by remote write: what comes back, also behind a restart; what is refused, and how.

    tests/write_test.py [--millrace PROGRAM]

Where there is a Prometheus (scripts/judge.sh), it gets the same requests and must answer alike.
"""
import http.client
import json
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import processes, program  # noqa: E402
from judge.client import Client, metric, metrics  # noqa: E402
from judge.native_series import Histogram, stale  # noqa: E402
from judge.remote_write import (encode_histogram, encode_histogram_body, encode_labels, encode_samples,  # noqa: E402
                                encode_series, encode_times, field, snappy, varint)
from judge.remote_write_2 import CONTENT_TYPE, Request  # noqa: E402
from judge.series import STALE  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
RECEIVER = "--web.enable-remote-write-receiver"
PROTOBUF = "application/x-protobuf"
WRITTEN = "X-Prometheus-Remote-Write-{}-Written"
MILLRACE = str(ROOT / "build/server/millrace")
JUDGE = None

COUNTS = Histogram(3, {0: 1, 1: 2, 5: 4}, {-2: 1}, zero_count=3, sum=4.5)
FLOATS = Histogram(0, {0: 1.5, 1: 0.25}, whole=False, sum=1.0)
CUSTOM = Histogram(-53, {0: 1, 2: 2}, zero_threshold=0.0, bounds=(0.5, 1.0, 2.0), sum=3.0)


def now_ms():
    return int(time.time() * 1000)


def series(labels, *samples):
    """A 1.0 series of floats: (ms, value) each."""
    times = encode_times([moment for moment, _ in samples])
    return encode_series(encode_labels(labels), encode_samples(times, [value for _, value in samples]))


def histogram_series(name, *samples):
    return encode_series(encode_labels({"__name__": name}),
                         b"".join(encode_histogram(histogram, moment) for moment, histogram in samples))


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()

    @property
    def written(self):
        """Samples, histograms, exemplars; None each where it is not told."""
        numbers = [self.headers.get(WRITTEN.format(kind)) for kind in ("Samples", "Histograms", "Exemplars")]
        return [int(number) if number else None for number in numbers]


def send(port, body, kind=PROTOBUF, encoding="snappy"):
    headers = {name: value for name, value in (("Content-Type", kind), ("Content-Encoding", encoding)) if value}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/api/v1/write", body=body, headers=headers)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def send_1(port, *parts):
    return send(port, snappy(b"".join(parts)))


def send_2(port, request):
    return send(port, snappy(request.encode()), CONTENT_TYPE)


def millrace(data, *flags):
    """A Millrace that owns its directory and takes samples."""
    port = processes.free_port()
    command = [MILLRACE, "serve", f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}",
               RECEIVER, "--self-monitor=false", *flags]
    return processes.Server("millrace", command, port, pathlib.Path(data).parent / "millrace.log")


def result(port, query, at_ms):
    client = Client(port)
    try:
        return json.loads(json.dumps(client.result(query, at_ms / 1000)))
    finally:
        client.close()


def judge_needed(test):
    def run(self):
        if JUDGE is None:
            self.skipTest("there is no Prometheus")
        test(self)
    return run


class Case(unittest.TestCase):
    """Each test has a directory, and servers as it needs them."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="millrace-write-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def serve(self, *flags):
        return millrace(self.folder / "data", *flags)

    def check(self, answer, status, text):
        self.assertEqual((answer.status, answer.text), (status, text))


class Samples(Case):
    def ask_all(self, port, at):
        return [result(port, query, at) for query in (
            "up", "changes(up[10m])", "counts", "floats", "custom", "two", "stopped", "count_over_time(stopped[10m])",
            "histogram_quantile(0.5, counts)")]

    def write_all(self, port, at):
        """Floats, histograms of all kinds, stale markers; both versions."""
        answer = send_1(
            port,
            series({"__name__": "up", "job": "a"}, (at - 30000, 1.0), (at - 15000, 0.0), (at, 2.5)),
            histogram_series("counts", (at - 15000, COUNTS), (at, COUNTS)),
            histogram_series("floats", (at, FLOATS)),
            histogram_series("custom", (at, CUSTOM)),
            histogram_series("stopped", (at - 15000, COUNTS), (at, stale(COUNTS))),
            series({"__name__": "gone"}, (at - 15000, 1.0), (at, STALE)))
        self.check(answer, 204, "")
        request = Request()
        request.add({"__name__": "two", "z": "1", "a": "2"}, [(at - 15000, 1.0), (at, 7.0)])
        request.add({"__name__": "two_counts"}, histograms=[encode_histogram_body(COUNTS, at)])
        answer = send_2(port, request)
        self.check(answer, 204, "")
        self.assertEqual(answer.written, [2, 1, 0])

    def test_come_back_behind_a_restart_too(self):
        at = now_ms()
        with self.serve() as server:
            self.write_all(server.port, at)
            before = self.ask_all(server.port, at)
            self.assertEqual([len(answer) for answer in before], [1, 1, 1, 1, 1, 1, 0, 1, 1])
            self.assertEqual(before[0][0]["value"][1], "2.5")
            self.assertEqual(before[2][0]["histogram"][1]["count"], "11")
            self.assertEqual(before[4][0]["histogram"][1]["buckets"], [["3", "-Inf", "0.5", "1"], ["0", "1", "2", "2"]])
            self.assertEqual(before[5][0]["metric"], {"__name__": "two", "a": "2", "z": "1"})
            self.assertEqual(metric(server.port, 'prometheus_tsdb_head_samples_appended_total{type="float"}'), 7)
            self.assertEqual(metric(server.port, 'prometheus_tsdb_head_samples_appended_total{type="histogram"}'), 7)
            self.assertEqual(metric(server.port, "prometheus_tsdb_head_series_created_total"), 8)
        with self.serve() as server:
            self.assertEqual(self.ask_all(server.port, at), before)

    def test_are_there_after_a_kill(self):
        at = now_ms()
        with self.serve() as server:
            self.write_all(server.port, at)
            before = self.ask_all(server.port, at)
            server.process.kill()
            server.process.wait()
        with self.serve() as server:
            self.assertEqual(self.ask_all(server.port, at), before)

    def test_all_or_nothing_of_1_0(self):
        at = now_ms()
        with self.serve() as server:
            send_1(server.port, series({"__name__": "up"}, (at, 1.0)))
            answer = send_1(server.port, series({"__name__": "other"}, (at, 1.0)),
                            series({"__name__": "up"}, (at - 1, 1.0)))
            self.check(answer, 400, 'out of order sample for series {__name__="up"}\n')
            self.assertEqual(answer.written, [None, None, None])
            self.assertEqual(result(server.port, "other", at), [])

    def test_the_good_of_2_0(self):
        at = now_ms()
        request = Request()
        request.add({"__name__": "good"}, [(at, 1.0)])
        request.add([1, 99], [(at, 1.0)])
        request.add({"__name__": "early"}, [(at, 1.0)])
        request.add({"__name__": "empty"})
        with self.serve() as server:
            send_1(server.port, series({"__name__": "early"}, (at + 1, 1.0)))
            answer = send_2(server.port, request)
            self.check(answer, 400,
                       "parsing labels for series [1 99]: labelRefs 1 (name) = 99 (value) outside of symbols table "
                       '(size 5)\nout of order sample for series {__name__="early"}\n'
                       'TimeSeries must contain at least one sample or histogram for series {__name__="empty"}\n')
            self.assertEqual(answer.written, [1, 0, 0])
            self.assertEqual(len(result(server.port, "good", at)), 1)


class Metadata(Case):
    def test_of_both_versions(self):
        at = now_ms()
        up = b"\x08\x02" + field(0x12, b"up") + field(0x22, b"Is it?") + field(0x2A, b"bool")
        request = Request()
        for suffix in ("bucket", "sum", "count"):
            request.add({"__name__": f"h_{suffix}"}, [(at, 1.0)], metadata=(3, "How long.", "s"))
        with self.serve() as server:
            self.check(send_1(server.port, series({"__name__": "up"}, (at, 1.0)), field(0x1A, up)), 204, "")
            self.check(send_2(server.port, request), 204, "")
            client = Client(server.port)
            self.addCleanup(client.close)
            self.assertEqual(client.send("GET", "/api/v1/metadata").json["data"], {
                "h": [{"type": "histogram", "help": "How long.", "unit": "s"}],
                "up": [{"type": "gauge", "help": "Is it?", "unit": "bool"}]})
            self.assertEqual(list(client.send("GET", "/api/v1/metadata", [("metric", "up")]).json["data"]), ["up"])

    def test_of_series_come_back_behind_a_kill_when_asked_for(self):
        for flags, expected in (([], {}), (["--enable-feature=metadata-wal-records"],
                                           {"c_total": [{"type": "counter", "help": "So many.", "unit": "bytes"}]})):
            request = Request()
            request.add({"__name__": "c_total"}, [(now_ms(), 1.0)], metadata=(1, "So many.", "bytes"))
            with self.serve(*flags) as server:
                self.check(send_2(server.port, request), 204, "")
                server.process.kill()
                server.process.wait()
            with self.serve() as server:
                client = Client(server.port)
                self.addCleanup(client.close)
                self.assertEqual(client.send("GET", "/api/v1/metadata").json["data"], expected)


class Exemplars(Case):
    def asked(self, port, query):
        client = Client(port)
        try:
            return client.send("GET", "/api/v1/query_exemplars", [("query", query)])
        finally:
            client.close()

    def write(self, port, at):
        """What each request is answered: one that is good, one whose exemplar is behind."""
        answers = []
        for moment in (at, at - 1000):
            request = Request()
            request.add({"job": "a", "__name__": "c"}, [(at, 1.0)],
                        exemplars=[({"trace_id": "x"}, moment, 1.5), ({"t" * 130: "x"}, moment, 2.0)])
            answers.append(send_2(port, request))
        return answers

    def test_are_kept_in_a_ring(self):
        at = now_ms()
        with self.serve("--enable-feature=exemplar-storage") as server:
            good, behind = self.write(server.port, at)
            self.check(good, 204, "")
            self.assertEqual(good.written, [1, 0, 1])
            self.check(behind, 400, 'out of order exemplar for series {__name__="c", job="a"}\n')
            self.assertEqual(behind.written, [1, 0, 0])
            self.assertEqual(self.asked(server.port, "rate(c[5m])").json["data"], [{
                "seriesLabels": {"__name__": "c", "job": "a"},
                "exemplars": [{"labels": {"trace_id": "x"}, "value": "1.5", "timestamp": f"{at / 1000:.3f}"
                               if at % 1000 else str(at // 1000)}]}])
            self.assertEqual(self.asked(server.port, "other").json["data"], [])
            self.assertEqual(metric(server.port, "prometheus_tsdb_exemplar_exemplars_in_storage"), 1)

    def test_come_back_behind_a_kill(self):
        with self.serve("--enable-feature=exemplar-storage") as server:
            self.write(server.port, now_ms())
            before = self.asked(server.port, "c").json["data"]
            self.assertEqual(len(before), 1)
            server.process.kill()
            server.process.wait()
        with self.serve("--enable-feature=exemplar-storage") as server:
            self.assertEqual(self.asked(server.port, "c").json["data"], before)

    @judge_needed
    def test_a_prometheus_finds_them_in_our_log_and_we_in_its(self):
        feature = "exemplar-storage"
        with self.serve(f"--enable-feature={feature}") as server:
            self.write(server.port, now_ms())
            before = self.asked(server.port, "c").body
        with processes.prometheus(JUDGE, self.folder / "data", features=[feature], flags=(), name="judge") as judge:
            self.assertEqual(self.asked(judge.port, "c").body, before)
            self.write(judge.port, now_ms())
            both = self.asked(judge.port, "c").body
            self.assertNotEqual(both, before)
        with self.serve(f"--enable-feature={feature}") as server:
            self.assertEqual(self.asked(server.port, "c").body, both)

    @judge_needed
    def test_as_prometheus_keeps_them(self):
        at = now_ms()
        feature = "exemplar-storage"
        judge = processes.prometheus(JUDGE, self.folder / "judge-data", features=[feature], flags=(), name="judge")
        with self.serve(f"--enable-feature={feature}") as ours, judge:
            for answers in zip(self.write(ours.port, at), self.write(judge.port, at)):
                self.assertEqual(*[(answer.status, answer.text, answer.written) for answer in answers])
            for query in ("c", "sum(c) + other", "other", "1"):
                answers = self.asked(ours.port, query), self.asked(judge.port, query)
                self.assertEqual(*[(answer.status, answer.body) for answer in answers])


class Refusals(Case):
    def test_it_is_off_by_default(self):
        with self.serve() as server:
            pass
        server.command.remove(RECEIVER)
        with server:
            self.check(send(server.port, b"\x00"), 404,
                       "remote write receiver needs to be enabled with --web.enable-remote-write-receiver\n")

    def test_a_directory_that_is_read_only(self):
        command = [MILLRACE, "serve", f"--storage.tsdb.path={self.folder}", RECEIVER, "--storage.tsdb.read-only"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(ended.returncode, 2)
        self.assertIn("nothing can be written with --storage.tsdb.read-only", ended.stderr)

    def test_limits(self):
        at = now_ms()
        flags = ("--storage.remote.write-body-limit=8KiB", "--storage.remote.write-decoded-limit=4KiB",
                 "--storage.remote.write-series-limit=2", "--storage.remote.write-label-limit=3",
                 "--storage.remote.write-label-name-length-limit=10",
                 "--storage.remote.write-label-value-length-limit=20")
        up = {"__name__": "up"}
        cases = [
            ([series(up, (at, 1.0))] * 3, "the request has 3 series; the limit is 2 "
                                          "(--storage.remote.write-series-limit)"),
            ([series(up | {"a": "1", "b": "2", "c": "3"}, (at, 1.0))],
             "too many labels (metric: up, number of labels: 4, limit: 3, --storage.remote.write-label-limit)"),
            ([series(up | {"a" * 11: "1"}, (at, 1.0))],
             "label name too long (metric: up, label name: aaaaaaaaaaa, length: 11, limit: 10, "
             "--storage.remote.write-label-name-length-limit)"),
            ([series(up | {"a": "1" * 21}, (at, 1.0))],
             "label value too long (metric: up, label name: a, length: 21, limit: 20, "
             "--storage.remote.write-label-value-length-limit)"),
            ([bytes(4097)], "decoded size exceeds the 4096 bytes limit"),
        ]
        with self.serve(*flags) as server:
            for parts, why in cases:
                self.check(send_1(server.port, *parts), 400, why + "\n")
            self.check(send(server.port, bytes(8193)), 413, "request body exceeds the 8192 bytes limit\n")
            self.check(send_1(server.port, series(up, (at, 1.0))), 204, "")

    def test_a_bomb_costs_nothing(self):
        with self.serve() as server:
            before = metric(server.port, "process_resident_memory_bytes")
            bomb = varint(32 << 20) + b"\x00z"
            for _ in range(100):
                self.check(send(server.port, bomb), 400, "snappy: corrupt input\n")
            # The densest block there is, of series that take forty times their bytes.
            body = b"\x0a\x00" * 30 + b"\x0a" * 4
            dense = varint(64 + 64 * 300000) + b"\xfc" + struct.pack("<I", 63) + body + b"\xfe\x40\x00" * 300000
            self.assertEqual(send(server.port, dense).status, 400)
            deadline = time.monotonic() + 10  # the connection gives it back behind its answer
            while metric(server.port, "millrace_request_memory_bytes") > 0:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.01)
            self.assertLess(metric(server.port, "process_resident_memory_bytes") - before, 80 << 20)

    def test_memory_for_requests_has_an_end(self):
        at = now_ms()
        body = snappy(series({"__name__": "up"}, (at, 1.0)) + field(0x7A, bytes(3 << 20)))
        with self.serve("--web.request-memory=5MiB") as server:
            self.check(send(server.port, body), 400,
                       "the request needs more memory than --web.request-memory allows\n")
            self.check(send(server.port, bytes(6 << 20)), 503, "too many large requests at once; try again later\n")
            self.check(send_1(server.port, series({"__name__": "up"}, (at, 1.0))), 204, "")

    def test_other_methods(self):
        with self.serve() as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            connection.request("GET", "/api/v1/write")
            self.assertEqual(connection.getresponse().status, 405)
            connection.close()


def requests_of_1_0(at):
    """Name and body, in the order they are sent."""
    up = {"__name__": "up", "job": "a"}
    wide = Histogram(0, {0: 1, 1: 1}, sum=1.0)
    return [
        ("a sample", snappy(series(up, (at, 1.0)))),
        ("the same again", snappy(series(up, (at, 1.0)))),
        ("another value", snappy(series(up, (at, 2.0)))),
        ("out of order", snappy(series(up, (at - 1000, 2.0)))),
        ("out of bounds", snappy(series(up, (at - 36000000, 2.0)))),
        ("the future", snappy(series(up, (at + 700000, 2.0)))),
        ("nearly the future", snappy(series({"__name__": "soon"}, (at + 500000, 2.0)))),
        ("no metric name", snappy(series({"job": "a"}, (at, 2.0)))),
        ("a label twice", snappy(encode_series(encode_labels(up) + encode_labels({"job": "b"}), b""))),
        ("histograms", snappy(histogram_series("h", (at, COUNTS), (at + 1, wide)))),
        ("an early histogram", snappy(histogram_series("h", (at - 1, COUNTS)))),
        ("a float among histograms", snappy(series({"__name__": "h"}, (at + 1, 1.0)))),
        ("nothing", b"\x00"),
        ("no snappy", b"xx"),
        ("an empty body", b""),
        ("no protobuf", snappy(b"\x0b")),
        ("cut short", snappy(series(up, (at, 1.0))[:-3])),
        ("a wrong type of field", snappy(field(0x0A, b"\x08\x01"))),
        ("a group that ends", snappy(b"\x0c")),
        ("the field 0", snappy(b"\x00\x01")),
        ("more than there may be", varint(33 << 20) + b"\xfe\x40\x00" * 600000),
    ]


def late_requests(at):
    """With a window of half an hour."""
    up = {"__name__": "up", "job": "a"}
    return [
        ("late", snappy(series(up, (at - 60000, 3.0), (at - 50000, 4.0)))),
        ("late and backwards", snappy(series(up, (at - 20000, 5.0), (at - 30000, 6.0)))),
        ("late and the same time", snappy(series(up, (at - 20000, 7.0)))),
        ("a new series", snappy(series({"__name__": "late"}, (at - 1200000, 1.0)))),
        ("and back again", snappy(series({"__name__": "late"}, (at, 2.0), (at - 600000, 3.0)))),
        ("late histograms", snappy(histogram_series("h", (at - 30000, COUNTS), (at - 40000, CUSTOM), (at - 35000, FLOATS)))),
        ("a stale marker", snappy(series(up, (at - 10000, STALE)))),
        ("too old", snappy(series(up, (at - 3600000, 1.0)))),
        ("a histogram too old", snappy(histogram_series("h", (at - 3600000, COUNTS)))),
    ]


def requests_of_2_0(at):
    """Without numbers that lead nowhere: those end the connection of 3.5."""
    requests = []

    def add(name, *all_series):
        request = Request()
        for given in all_series:
            request.add(*given[:1], **given[1])
        requests.append((name, request))

    up = {"__name__": "two", "job": "a"}
    add("a sample", (up, {"samples": [(at, 1.0)]}))
    add("good and bad", (up, {"samples": [(at + 1, 1.0), (at - 5, 1.0), (at + 2, 2.0)]}),
        ({"job": "a"}, {"samples": [(at, 1.0)]}),
        ({"__name__": "other"}, {"samples": [(at, 1.0)]}))
    add("another value", (up, {"samples": [(at + 2, 3.0)]}))
    add("the future", (up, {"samples": [(at + 700000, 3.0)]}))
    add("histograms", ({"__name__": "h2"}, {"histograms": [encode_histogram_body(COUNTS, at)]}))
    add("an early histogram", ({"__name__": "h2"}, {"histograms": [encode_histogram_body(COUNTS, at - 1)]}))
    return requests


# What Prometheus 3.5 says otherwise, and later releases as we do.
OTHERWISE = {
    "more than there may be": "decoded size exceeds the 33554432 bytes limit\n",
}


# Without those that tell of sizes, times and pages, and those that are not there at 0.
COUNTED = re.compile(
    r"^(prometheus_tsdb_(?:head_(?:out_of_order_)?samples_appended|out_of_order_samples|too_old_samples|head_series_created"
    r"|head_series_removed|head_chunks_created|head_chunks_removed|checkpoint_creations|checkpoint_deletions"
    r"|wal_truncations)\S*_total\S*|prometheus_tsdb_out_of_bound_samples_total{type=\"float\"}"
    r"|prometheus_api_remote_write_invalid_labels_samples_total"
    r"|prometheus_tsdb_head_(?:series|chunks|max_time|max_time_seconds)"
    r"|prometheus_tsdb_(?:out_of_order_wbl|wal)_(?:segment_current|writes_failed_total)) (\S+)$", re.M)


def counted(port, chunks):
    return {name: float(value) for name, value in COUNTED.findall(metrics(port))
            if float(value) and (chunks or "_chunks" not in name)}


class LikePrometheus(Case):
    """3.5.3 and Millrace, given the same requests. Our 1.0 answers name the series besides."""
    maxDiff = None

    def both(self, config=processes.EMPTY_CONFIG):
        judge = processes.prometheus(JUDGE, self.folder / "judge-data", features=["native-histograms"], flags=(), name="judge",
                                     config=config)
        path = self.folder / "millrace.yml"
        path.write_text(config)
        return self.serve(f"--config.file={path}"), judge

    def alike(self, name, ours, theirs):
        with self.subTest(name):
            self.assertEqual(ours.status, theirs.status, ours.text + theirs.text)
            if name in OTHERWISE:
                self.assertEqual(ours.text, OTHERWISE[name])
                return
            text = re.sub(r" for series \{.*\}$", "", ours.text, flags=re.M)
            self.assertEqual(text, re.sub(r" for series \{.*\}$", "", theirs.text, flags=re.M))
            self.assertEqual(ours.written, theirs.written)
            self.assertEqual(ours.headers.get("Content-Type"), theirs.headers.get("Content-Type"))

    @judge_needed
    def test_answers_to_1_0(self):
        ours, judge = self.both()
        with ours, judge:
            at = now_ms()
            for name, body in requests_of_1_0(at):
                self.alike(name, send(ours.port, body), send(judge.port, body))
            for query in ("up", "h", "soon", 'count({__name__!=""})'):
                self.assertEqual(result(ours.port, query, at + 500000), result(judge.port, query, at + 500000))

    @judge_needed
    def test_answers_to_2_0(self):
        ours, judge = self.both()
        with ours, judge:
            at = now_ms()
            for name, request in requests_of_2_0(at):
                answers = send_2(ours.port, request), send_2(judge.port, request)
                self.alike(name, *answers)
                self.assertEqual(answers[0].text, answers[1].text)
            for query in ("two", "h2", 'count({__name__!=""})'):
                self.assertEqual(result(ours.port, query, at + 2), result(judge.port, query, at + 2))

    @judge_needed
    def test_samples_out_of_order(self):
        window = processes.EMPTY_CONFIG + "storage:\n  tsdb:\n    out_of_order_time_window: 30m\n"
        ours, judge = self.both(window)
        queries = ("up[1h]", "h[1h]", "late[1h]", "two[1h]", 'count({__name__!=""})')
        with ours, judge:
            at = now_ms()
            for name, body in requests_of_1_0(at) + late_requests(at):
                self.alike(name, send(ours.port, body), send(judge.port, body))
            for name, request in requests_of_2_0(at):
                self.alike(name, send_2(ours.port, request), send_2(judge.port, request))
            wanted = [result(judge.port, query, at + 2000) for query in queries]
            for query, answer in zip(queries, wanted):
                self.assertEqual(result(ours.port, query, at + 2000), answer)
            self.assertEqual(metric(ours.port, 'millrace_remote_write_refused_samples_total{reason="too_old"}'), 3)
        with self.serve() as again:
            for query, answer in zip(queries, wanted):
                self.assertEqual(result(again.port, query, at + 2000), answer)

    @judge_needed
    def test_counters(self):
        for window in ("", "storage:\n  tsdb:\n    out_of_order_time_window: 30m\n"):
            with self.subTest(window):
                ours, judge = self.both(processes.EMPTY_CONFIG + window)
                with ours, judge:
                    at = now_ms()
                    for _, body in requests_of_1_0(at) + (late_requests(at) if window else []):
                        send(ours.port, body), send(judge.port, body)
                    for _, request in requests_of_2_0(at):
                        send_2(ours.port, request), send_2(judge.port, request)
                    chunks = not window  # late samples stand in chunks of their own kind
                    self.assertEqual(counted(ours.port, chunks), counted(judge.port, chunks))
                for data in ("data", "judge-data"):
                    shutil.rmtree(self.folder / data)

    @judge_needed
    def test_content_that_is_not_taken(self):
        ours, judge = self.both()
        body = snappy(series({"__name__": "up"}, (now_ms(), 1.0)))
        with ours, judge:
            for kind in (None, PROTOBUF, "text/plain", PROTOBUF + ";proto", PROTOBUF + ";a=b", PROTOBUF + ";a=b=c",
                         PROTOBUF + ";proto=prometheus.WriteRequest"):
                self.alike(kind, send(ours.port, body, kind), send(judge.port, body, kind))
            unknown = PROTOBUF + ";proto=x.Y"
            self.assertEqual(send(ours.port, body, unknown).status, send(judge.port, body, unknown).status)
            self.alike("no encoding", send(ours.port, body, PROTOBUF, None), send(judge.port, body, PROTOBUF, None))
            self.assertEqual(send(ours.port, body, PROTOBUF, "gzip").status, 415)


if __name__ == "__main__":
    program.main(sys.modules[__name__])
