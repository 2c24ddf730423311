#!/usr/bin/env python3
"""What /metrics tells under Prometheus's names: the same families, types, labels and, where the load says it, values.

    tests/metrics_test.py [--millrace PROGRAM]

Both get the same samples by remote write, the same queries and the same admin calls. The expectations stand below;
where there is a Prometheus (scripts/judge.sh), it is held against them, too, and against Millrace.
"""
import http.client
import json
import pathlib
import re
import shutil
import sys
import tempfile
import time
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import client, directory, processes, program, remote_write  # noqa: E402
from judge.native_series import Histogram  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
MILLRACE = str(ROOT / "build/server/millrace")
JUDGE = None
HOUR_MS = 3600 * 1000
HISTOGRAM = Histogram(0, {1: 1, 2: 2}, sum=6.0)
FLAGS = ("--web.enable-remote-write-receiver", "--web.enable-admin-api", "--enable-feature=exemplar-storage,native-histograms",
         "--storage.tsdb.retention.time=10y")

# Families of a Prometheus that have no meaning here: it scrapes, finds targets, evaluates rules, alerts, forwards
# samples, and numbers its appends; "branch" and the like are of how a Go program is built.
NOT_HERE = re.compile(
    r"go_|net_conntrack_|prometheus_(sd|target|treecache|rule|notifications|template|interner)_|prometheus_tsdb_isolation_"
    r"|prometheus_remote_storage_(samples|exemplars|histograms)_in_total|prometheus_remote_storage_(highest_timestamp|string)"
    r"|prometheus_engine_query_log_failures_total|prometheus_api_remote_write_without_metadata_appended_samples_total"
    r"|prometheus_tsdb_(compactions_skipped|head_series_not_found|snapshot_replay_error)_total"
    r"|prometheus_web_federation_warnings_total|prometheus_api_notification_|prometheus_build_info$")
# Of a Prometheus newer than the one that can be had.
NEWER = {"prometheus_engine_query_duration_histogram_seconds", "prometheus_engine_query_samples_read_total",
         "prometheus_tsdb_head_appenders_created_total", "prometheus_tsdb_head_native_histogram_series",
         "prometheus_tsdb_retention_limit_percentage", "prometheus_tsdb_sample_ooo_delta"}

# What both must tell behind load(): the type of a family, and the values of its series that the load decides.
EXPECTED = {
    "prometheus_tsdb_head_samples_appended_total": ("counter", {'{type="float"}': 4800, '{type="histogram"}': 3}),
    "prometheus_tsdb_head_series": ("gauge", {"": 11}),
    "prometheus_tsdb_head_series_created_total": ("counter", {"": 11}),
    "prometheus_tsdb_head_series_removed_total": ("counter", {"": 0}),
    "prometheus_tsdb_out_of_order_samples_total": ("counter", {'{type="float"}': 1}),
    "prometheus_tsdb_head_active_appenders": ("gauge", {"": 0}),
    "prometheus_tsdb_mmap_chunk_corruptions_total": ("counter", {"": 0}),
    "prometheus_tsdb_mmap_chunks_total": ("counter", {}),
    "prometheus_tsdb_snapshot_replay_error_total": ("counter", {"": 0}),
    "prometheus_tsdb_wal_corruptions_total": ("counter", {"": 0}),
    "prometheus_tsdb_clean_start": ("gauge", {"": 1}),
    "prometheus_tsdb_compactions_failed_total": ("counter", {"": 0}),
    "prometheus_tsdb_reloads_failures_total": ("counter", {"": 0}),
    "prometheus_tsdb_wal_truncations_failed_total": ("counter", {"": 0}),
    "prometheus_tsdb_wal_writes_failed_total": ("counter", {"": 0}),
    "prometheus_tsdb_wal_segment_current": ("gauge", {"": 0}),
    "prometheus_tsdb_wal_record_part_writes_total": ("counter", {}),
    "prometheus_tsdb_wal_record_parts_bytes_written_total": ("counter", {}),
    "prometheus_tsdb_wal_record_bytes_saved_total": ("counter", {}),
    "prometheus_tsdb_wal_fsync_duration_seconds": ("summary", {}),
    "prometheus_tsdb_compaction_chunk_samples": ("histogram", {"_count": 41, "_sum": 4803, '_bucket{le="4"}': 1}),
    "prometheus_tsdb_compaction_chunk_range_seconds": ("histogram", {"_count": 41}),
    "prometheus_tsdb_compaction_chunk_size_bytes": ("histogram", {"_count": 41}),
    "prometheus_tsdb_tombstone_cleanup_seconds": ("histogram", {"_count": 1, '_bucket{le="+Inf"}': 1}),
    "prometheus_web_federation_errors_total": ("counter", {"": 0}),
    "prometheus_config_last_reload_successful": ("gauge", {"": 1}),
    "prometheus_engine_query_duration_seconds": ("summary", {'_count{slice="inner_eval"}': 2}),
    "prometheus_engine_queries": ("gauge", {"": 0}),
    "process_network_receive_bytes_total": ("counter", {}),
    "process_network_transmit_bytes_total": ("counter", {}),
    "promhttp_metric_handler_requests_in_flight": ("gauge", {"": 1}),
    "promhttp_metric_handler_requests_total": ("counter", {'{code="200"}': 0, '{code="500"}': 0, '{code="503"}': 0}),
}
# Both decide by themselves where they cut chunks and what a record holds: about the same.
ALIKE = ("prometheus_tsdb_wal_record_part_writes_total", "prometheus_tsdb_wal_record_parts_bytes_written_total",
         "prometheus_tsdb_wal_record_bytes_saved_total", "prometheus_tsdb_head_chunks",
         "prometheus_tsdb_compaction_chunk_size_bytes", "prometheus_tsdb_compaction_chunk_range_seconds")

# What the alerts and the overview of prometheus-mixin ask of a server that scrapes nothing and has no rules.
MIXIN = ("prometheus_config_last_reload_successful", "prometheus_tsdb_reloads_failures_total",
         "prometheus_tsdb_compactions_failed_total", "prometheus_tsdb_head_samples_appended_total",
         "prometheus_engine_queries", "prometheus_engine_queries_concurrent_max", "prometheus_build_info",
         "process_start_time_seconds", "prometheus_tsdb_head_series", "prometheus_tsdb_head_chunks",
         "prometheus_engine_query_duration_seconds", "prometheus_tsdb_wal_segment_current")


def send(port, method, path, **params):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path + "?" + urllib.parse.urlencode(params))
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def write(port, series):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/api/v1/write", remote_write.snappy(remote_write.field(0x0A, series)), {
            "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
            "X-Prometheus-Remote-Write-Version": "0.1.0"})
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def floats(times, values):
    return remote_write.encode_samples(remote_write.encode_times(times), values)


def load(port):
    """Ten series over two hours and one of histograms, a sample out of order, queries, and what an admin does."""
    end = int(time.time()) // 7200 * 7200 * 1000
    times = range(end - 2 * HOUR_MS, end, 15000)
    writer = remote_write.Writer(port)
    for i in range(10):
        writer.add(remote_write.encode_labels({"__name__": "m", "i": str(i)}),
                   floats(times, [float(k % (i + 1)) for k in range(len(times))]))
    writer.add(remote_write.encode_labels({"__name__": "h"}), remote_write.encode_histograms(times[:3], [HISTOGRAM] * 3))
    writer.close()
    late = remote_write.encode_labels({"__name__": "m", "i": "1"}) + floats(times[-8:-7], [99.0])
    said = [write(port, late)]
    for query in ("m", "sum(rate(m[5m]))", "m{"):
        said.append(send(port, "GET", "/api/v1/query", query=query, time=end // 1000))
    said.append(send(port, "GET", "/federate", **{"match[]": "m"}))
    said += [send(port, "POST", f"/api/v1/admin/tsdb/{deed}") for deed in ("snapshot", "clean_tombstones")]
    return said


class Family:
    def __init__(self, kind):
        self.kind = kind
        self.values = {}  # by what stands behind the family's name: "_sum", '{code="200"}'
        self.labels = set()


def families(text):
    found = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            found[name] = Family(kind)
        elif not line.startswith("#"):
            series, value = line.rsplit(" ", 1)
            full = series.split("{")[0]
            name = full if full in found else re.sub("_(bucket|sum|count)$", "", full)
            found[name].values[series[len(name):]] = float(value)
            found[name].labels.add((full[len(name):], tuple(sorted(re.findall(r'([a-z_]+)="', series)))))
    return found


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="millrace-metrics-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def check_as_json(self, port, text):
        """/api/v1/status/self_metrics has the same, of families that have any."""
        shown = {name: family for name, family in families(text).items() if family.values}
        status, body = get(port, "/api/v1/status/self_metrics")
        told = {family["name"]: family for family in json.loads(body)["data"]}
        self.assertEqual((status, list(told)), (200, sorted(shown)))
        for name, family in told.items():
            self.assertEqual(family["type"], shown[name].kind.upper(), name)
            labels = {tuple(sorted(label["name"] for label in metric.get("label", ()))) for metric in family["metric"]}
            parts = {"histogram": {"le"}, "summary": {"quantile"}}.get(shown[name].kind, set())
            self.assertEqual(labels, {tuple(sorted(set(names) - parts)) for _, names in shown[name].labels}, name)
        samples, = told["prometheus_tsdb_compaction_chunk_samples"]["metric"]
        self.assertEqual((samples["histogram"]["sampleCount"], samples["histogram"]["sampleSum"]), ("41", 4803))
        self.assertEqual(samples["histogram"]["bucket"][0], {"cumulativeCount": "1", "upperBound": 4})
        self.assertEqual(len(samples["histogram"]["bucket"]), 12)
        _, body = get(port, "/api/v1/status/self_metrics?metric_name_pattern=prometheus_tsdb_(head_series|clean.*)")
        self.assertEqual([family["name"] for family in json.loads(body)["data"]],
                         ["prometheus_tsdb_clean_start", "prometheus_tsdb_head_series"])
        status, body = get(port, "/api/v1/status/self_metrics?metric_name_pattern=(")
        self.assertEqual((status, json.loads(body)["error"][:28]), (400, "invalid metric_name_pattern:"))

    def told(self, name, command):
        port = processes.free_port()
        server = processes.Server(name, [*command, f"--storage.tsdb.path={self.folder / name}",
                                         f"--web.listen-address=127.0.0.1:{port}", *FLAGS], port, self.folder / f"{name}.log")
        with server:
            self.assertEqual(load(port), [400, 200, 200, 400, 200, 200, 204])
            text = client.metrics(port)
            if name == "ours":
                self.check_as_json(port, text)
            return families(text)

    def ours(self):
        return self.told("ours", [MILLRACE, "serve", "--self-monitor=false"])

    def theirs(self):
        if not JUDGE:
            self.skipTest("no Prometheus")
        config = self.folder / "theirs.yml"
        config.write_text("")
        return self.told("theirs", [JUDGE, f"--config.file={config}", "--log.level=warn"])

    def server(self, name, data, *command):
        port = processes.free_port()
        return processes.Server(name, [*command, f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}", *FLAGS],
                                port, self.folder / f"{name}.log")

    def test_what_a_log_has_lost_the_series_of(self):
        """Segments are cut at a start: the first one, which is emptied, has all series, and the second one refers to them."""
        data, ours = self.folder / "data", (MILLRACE, "serve", "--self-monitor=false")
        begin = int(time.time()) * 1000
        for shift in (-20000, -10000):
            with self.server("ours", data, *ours) as server:
                writer = remote_write.Writer(server.port)
                for i in range(3):
                    writer.add(remote_write.encode_labels({"__name__": "m", "i": str(i)}),
                               floats(range(begin + shift, begin + shift + 4000, 1000), [1.0, 2.0, 3.0, 4.0]))
                writer.add(remote_write.encode_labels({"__name__": "h"}),
                           remote_write.encode_histograms([begin + shift], [HISTOGRAM]))
                writer.close()
                self.assertEqual(send(server.port, "POST", "/api/v1/admin/tsdb/delete_series", **{"match[]": 'm{i="2"}'}), 204)
        first, second = sorted(path for path in (data / "wal").iterdir() if path.is_file())[:2]
        self.assertGreater(second.stat().st_size, 0)
        first.write_bytes(b"")
        for snapshot in data.glob("chunk_snapshot.*"):  # it has them, too
            shutil.rmtree(snapshot)
        name = "prometheus_tsdb_wal_replay_unknown_refs_total"
        for who, command in (("theirs", (JUDGE, f"--config.file={self.folder / 'theirs.yml'}")), ("ours", ours)):
            if who == "theirs":
                (self.folder / "theirs.yml").write_text("")
            if command[0]:
                with self.server(who, directory.copy(data, self.folder / who), *command) as server:
                    found = families(client.metrics(server.port))
                self.assertEqual((found[name].kind, found[name].values), ("counter", {
                    '{type="series"}': 4, '{type="samples"}': 12, '{type="histograms"}': 1, '{type="tombstones"}': 1}), who)

    def check_expected(self, found):
        for name, (kind, values) in EXPECTED.items():
            self.assertIn(name, found)
            self.assertEqual(found[name].kind, kind, name)
            self.assertTrue(found[name].values, name)
            for series, value in values.items():
                self.assertEqual(found[name].values.get(series), value, name + series)

    def test_ours(self):
        found = self.ours()
        self.check_expected(found)
        for name in MIXIN:
            self.assertIn(name, found)
        for name in ALIKE:
            self.assertGreater(max(found[name].values.values()), 0, name)

    def test_as_a_prometheus(self):
        theirs = self.theirs()
        ours = self.ours()
        self.check_expected(theirs)
        self.assertEqual({name for name in theirs if name not in ours and not NOT_HERE.match(name)}, set())
        self.assertEqual({name for name in ours if name not in theirs and not name.startswith("millrace_")} - NEWER, set())
        for name in sorted(set(ours) & set(theirs)):
            if NOT_HERE.match(name):
                continue
            self.assertEqual(ours[name].kind, theirs[name].kind, name)
            if not name.startswith("prometheus_http_"):  # routes are not the same
                self.assertEqual(ours[name].labels, theirs[name].labels, name)
        for name in ALIKE:
            for series, value in theirs[name].values.items():
                self.assertAlmostEqual(ours[name].values[series], value, delta=2 + value / 50, msg=name + series)


if __name__ == "__main__":
    program.main(sys.modules[__name__])
