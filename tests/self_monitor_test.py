#!/usr/bin/env python3
"""A Millrace that records its own metrics: all that /metrics shows, metadata, the target, and the end of it.

    tests/self_monitor_test.py [--millrace PROGRAM]

Where there is a Prometheus (scripts/judge.sh), it scrapes itself, and must tell of its target in the same form.
"""
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import processes, program  # noqa: E402
from judge.client import Client  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
MILLRACE = str(ROOT / "build/server/millrace")
JUDGE = None
INTERVAL = "--self-monitor.interval=50ms"
REPORTS = {"up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
           "scrape_series_added"}
SAMPLE = re.compile(r'^([a-z_]+)(?:\{(.*)\})? (\S+)$')


def millrace(folder, *flags):
    port = processes.free_port()
    command = [MILLRACE, "serve", f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}",
               INTERVAL, *flags]
    return processes.Server("millrace", command, port, folder / "millrace.log")


def series_of(text):
    """The series of an exposition, each as a set of labels."""
    found = set()
    for line in text.splitlines():
        sample = SAMPLE.match(line)
        if sample:
            labels = re.findall(r'([a-z_]+)="([^"]*)"', sample.group(2) or "")
            found.add(frozenset([("__name__", sample.group(1)), *labels]))
    return found


def shape(value):
    """A JSON value without what differs from server to server: keys and types."""
    if isinstance(value, dict):
        return {key: shape(member) for key, member in value.items() if key not in ("labels", "droppedTargetCounts")}
    if isinstance(value, list):
        return [shape(member) for member in value]
    return type(value).__name__


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="millrace-self-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def get(self, port, path, *params):
        client = Client(port)
        self.addCleanup(client.close)
        return client.send("GET", path, params)

    def data(self, port, path, *params):
        answer = self.get(port, path, *params)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json["data"]

    def ask(self, port, query, at=None):
        return self.data(port, "/api/v1/query", ("query", query), ("time", repr(at or time.time())))["result"]

    def wait_for(self, port, query, what):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found = self.ask(port, query)
            if found:
                return found
            time.sleep(0.05)
        self.fail(f"there was never {what}")


class Records(Case):
    def test_all_that_metrics_shows(self):
        with millrace(self.folder) as server:
            # A request whose answer is counted has a histogram; it is there once a later round has come.
            self.wait_for(server.port, 'prometheus_http_request_duration_seconds_bucket{handler="/api/v1/query"}',
                          "a bucket")
            shown = series_of(self.get(server.port, "/metrics").body.decode())
            self.wait_for(server.port, 'prometheus_http_requests_total{handler="/metrics"} > 0', "a later round")
            found = self.data(server.port, "/api/v1/series", ("match[]", '{job="millrace"}'))
            ours = {"job": "millrace", "instance": f"127.0.0.1:{server.port}"}.items()
            recorded = {frozenset(labels.items() - ours) for labels in found}
            for labels in found:
                self.assertGreaterEqual(labels.items(), ours)
            self.assertEqual(shown - recorded, set())
            self.assertEqual({name for (_, name), *_ in map(sorted, recorded - shown)} - REPORTS
                             - {name for name in (dict(labels)["__name__"] for labels in recorded)
                                if name.startswith("prometheus_http_")}, set())
            self.assertLessEqual(REPORTS, {dict(labels)["__name__"] for labels in recorded})

    def test_values_and_what_is_told_of_a_scrape(self):
        with millrace(self.folder) as server:
            self.wait_for(server.port, "count_over_time(up[1m]) >= 3", "three rounds")
            self.assertEqual(self.ask(server.port, "up")[0]["value"][1], "1")
            samples = int(self.ask(server.port, "scrape_samples_scraped")[0]["value"][1])
            self.assertGreater(samples, 50)
            self.assertEqual(self.ask(server.port, "max_over_time(scrape_series_added[1m]) >= 50") == [], False)
            self.assertEqual(self.ask(server.port, "process_start_time_seconds != on () group_left () "
                                                   "min_over_time(process_start_time_seconds[1m])"), [])
            self.assertEqual(len(self.ask(server.port, "rate(process_cpu_seconds_total[1m])")), 1)
            self.assertEqual(float(self.ask(server.port, 'prometheus_tsdb_head_samples_appended_total{type="float"} > 50')
                                   [0]["value"][1]) > 50, True)

    def test_metadata(self):
        with millrace(self.folder) as server:
            self.wait_for(server.port, "up", "a round")
            told = self.data(server.port, "/api/v1/metadata")
            self.assertEqual(told["process_open_fds"],
                             [{"type": "gauge", "help": "Number of open file descriptors.", "unit": ""}])
            self.assertEqual(told["prometheus_http_request_duration_seconds"][0]["type"], "histogram")
            by_target = self.data(server.port, "/api/v1/targets/metadata", ("match_target", '{job="millrace"}'))
            self.assertEqual({entry["metric"]: {"type": entry["type"], "help": entry["help"], "unit": entry["unit"]}
                              for entry in by_target}, {name: entries[0] for name, entries in told.items()})
            one = self.data(server.port, "/api/v1/targets/metadata", ("metric", "process_open_fds"))
            self.assertEqual([sorted(entry) for entry in one], [["help", "target", "type", "unit"]])
            self.assertEqual(self.data(server.port, "/api/v1/targets/metadata", ("match_target", '{job="x"}')), [])
            self.assertEqual(self.get(server.port, "/api/v1/targets/metadata", ("match_target", "{")).status, 400)
            self.assertEqual(self.get(server.port, "/api/v1/targets/metadata", ("limit", "x")).status, 400)


class Target(Case):
    def test_is_told(self):
        with millrace(self.folder) as server:
            self.wait_for(server.port, "count_over_time(up[1m]) >= 2", "a whole round")  # samples come first, then its state
            target, = self.data(server.port, "/api/v1/targets")["activeTargets"]
            self.assertEqual((target["health"], target["lastError"], target["scrapeInterval"], target["scrapeTimeout"]),
                             ("up", "", "50ms", "50ms"))
            self.assertEqual(target["labels"], {"instance": f"127.0.0.1:{server.port}", "job": "millrace"})
            self.assertEqual(self.data(server.port, "/api/v1/scrape_pools"), {"scrapePools": ["millrace"]})
            for params, count, dropped in ((("state", "ANY"), 1, {"millrace": "0"}), (("state", "active"), 1, None),
                                           (("state", "dropped"), 0, {"millrace": "0"}),
                                           (("scrapePool", "millrace"), 1, {"millrace": "0"}),
                                           (("scrapePool", "other"), 0, {"millrace": "0"})):
                data = self.data(server.port, "/api/v1/targets", params)
                self.assertEqual((len(data["activeTargets"]), data["droppedTargetCounts"]), (count, dropped), params)

    def test_its_pool_and_what_relabels_it(self):
        with millrace(self.folder) as server:
            self.wait_for(server.port, "up", "a round")
            self.assertEqual(self.data(server.port, "/api/v1/scrape_pools/config", ("scrapePool", "millrace")), {
                "yaml": "job_name: millrace\nscrape_interval: 50ms\nscrape_timeout: 50ms\nmetrics_path: /metrics\nscheme: http\n"
                        f"static_configs:\n- targets:\n  - 127.0.0.1:{server.port}\n"})
            steps = "/api/v1/targets/relabel_steps"
            self.assertEqual(self.data(server.port, steps, ("scrapePool", "millrace"), ("labels", '{"a":"b"}')), {"steps": []})
            for path, params, said in (
                    ("/api/v1/scrape_pools/config", (), "no scrapePool parameter provided"),
                    ("/api/v1/scrape_pools/config", (("scrapePool", "x"),), 'error retrieving scrape config: scrape pool "x" not found'),
                    (steps, (("labels", "{}"),), "no scrapePool parameter provided"),
                    (steps, (("scrapePool", "x"),), "no labels parameter provided"),
                    (steps, (("scrapePool", "x"), ("labels", '{"a":1}')), "error parsing labels: not an object of texts"),
                    (steps, (("scrapePool", "x"), ("labels", "{}")), 'error retrieving scrape config: scrape pool "x" not found')):
                answer = self.get(server.port, path, *params)
                self.assertEqual((answer.status, answer.json["errorType"], answer.json["error"]), (400, "bad_data", said))

    def test_has_the_form_of_prometheus(self):
        if JUDGE is None:
            self.skipTest("there is no Prometheus")
        port = processes.free_port()
        config = self.folder / "judge.yml"
        config.write_text("global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: prometheus\n"
                          f'    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]\n')
        command = [JUDGE, f"--config.file={config}", f"--storage.tsdb.path={self.folder / 'judge-data'}",
                   f"--web.listen-address=127.0.0.1:{port}"]
        with processes.Server("judge", command, port, self.folder / "judge.log"), millrace(self.folder) as server:
            for one in (port, server.port):
                self.wait_for(one, "up", "a round")
            self.assertEqual({entry["metric"]["__name__"] for entry in self.ask(port, '{__name__=~"up|scrape_.*"}')},
                             {entry["metric"]["__name__"] for entry in self.ask(server.port, '{__name__=~"up|scrape_.*"}')})
            for state in ("", "active", "dropped"):
                theirs, ours = (self.data(one, "/api/v1/targets", ("state", state)) for one in (port, server.port))
                self.assertEqual(shape(ours), shape(theirs))
                if state != "dropped":
                    self.assertEqual(sorted(ours["activeTargets"][0]["labels"]),
                                     sorted(theirs["activeTargets"][0]["labels"]))
            entries = [self.data(one, "/api/v1/targets/metadata", ("metric", "process_open_fds"))
                       for one in (port, server.port)]
            self.assertEqual(shape(entries[1]), shape(entries[0]))


class Ends(Case):
    def test_with_stale_markers(self):
        with millrace(self.folder) as server:
            self.wait_for(server.port, "count_over_time(up[1m]) >= 2", "two rounds")
        end = time.time()
        with millrace(self.folder, "--self-monitor=false") as server:
            self.assertEqual(len(self.ask(server.port, "count_over_time(up[1m])", end)), 1)
            self.assertEqual(self.ask(server.port, '{job="millrace"}', end), [])

    def test_or_does_not_begin(self):
        with millrace(self.folder, "--no-self-monitor") as server:
            time.sleep(0.3)
            self.assertEqual(self.ask(server.port, '{job="millrace"}'), [])
            self.assertEqual(self.data(server.port, "/api/v1/targets"),
                             {"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": {}})
            self.assertEqual(self.data(server.port, "/api/v1/scrape_pools"), {"scrapePools": []})
            self.assertEqual(self.data(server.port, "/api/v1/targets/metadata"), [])

    def test_and_never_writes_where_it_only_reads(self):
        (self.folder / "data").mkdir()
        with millrace(self.folder, "--storage.tsdb.read-only") as server:
            time.sleep(0.3)
            self.assertEqual(self.data(server.port, "/api/v1/targets")["activeTargets"], [])
        self.assertEqual(list((self.folder / "data").iterdir()), [])

    def test_needs_an_interval(self):
        done = subprocess.run([MILLRACE, "serve", "--self-monitor.interval=0s"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("flag --self-monitor.interval: must be above 0", done.stderr)


class FullDisk(Case):
    """The log of samples may not grow any more, until it may again; the one that is told of it is shorter."""

    LINES = ("Own metrics cannot be recorded", "Own metrics are recorded again")

    def counts(self):
        log = (self.folder / "millrace.log").read_text()
        return [log.count(line) for line in self.LINES]

    def test_is_told_once(self):
        with millrace(self.folder) as server:
            self.wait_for(server.port, "up", "a round")
            size = max(file.stat().st_size for file in (self.folder / "data" / "wal").iterdir())
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            self.assertNotEqual(self.wait_until(server, "down")["lastError"], "")
            time.sleep(0.5)
            self.assertEqual(self.counts(), [1, 0], (self.folder / "millrace.log").read_text())
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            self.assertEqual(self.wait_until(server, "up")["lastError"], "")
            deadline = time.monotonic() + 20
            while self.counts() != [1, 1]:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.02)

    def wait_until(self, server, health):
        deadline = time.monotonic() + 20
        while True:
            target, = self.data(server.port, "/api/v1/targets")["activeTargets"]
            if target["health"] == health:
                return target
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)


if __name__ == "__main__":
    program.main(sys.modules[__name__])
