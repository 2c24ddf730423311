#!/usr/bin/env python3
"""A server whose configuration changes while it runs: what is in force, what a bad file does, and who may ask for it.

    tests/reload_test.py [--millrace PROGRAM]

Where there is a Prometheus (scripts/judge.sh), it is given the same files, and must show and do the same.
"""
import http.client
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import processes, program  # noqa: E402
from judge.client import Client, metric  # noqa: E402
from judge.remote_write import encode_labels, encode_samples, encode_series, encode_times, snappy  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
MILLRACE = str(ROOT / "build/server/millrace")
JUDGE = None
NOW = int(time.time())
# Sections and keys that Millrace has no meaning for, as a Prometheus shows them when nothing was said of them.
FOREIGN = """\
  scrape_protocols:
  - OpenMetricsText1.0.0
  - OpenMetricsText0.0.1
  - PrometheusText1.0.0
  - PrometheusText0.0.4
  metric_name_validation_scheme: utf8
  metric_name_escaping_scheme: allow-utf-8
runtime:
  gogc: 75
  enable_http2: true
otlp:
  translation_strategy: UnderscoreEscapingWithSuffixes
""".splitlines()
FULL = r"""
global:
  scrape_interval: 20s
  evaluation_interval: 30s
  external_labels: {region: "eu", replica: "1", y: "no", long: "%s"}
storage:
  tsdb: {out_of_order_time_window: 90m}
  exemplars: {max_exemplars: 5}
remote_read:
- url: http://user:word@127.0.0.1:9/api/v1/read?a=b
  name: "12"
  remote_timeout: 90s
  chunked_read_limit: 1000
  read_recent: true
  filter_external_labels: false
  required_matchers: {job: x, a: "a: b"}
  headers: {X-A: "1e3", X-B: "'", X-C: "# no", X-D: "2020-01-01", X-E: "= ~", X-F: "ünï"}
  basic_auth: {username: "0x1f", password: secret word}
- url: https://h:1/
  authorization: {credentials: secret word}
  tls_config: {server_name: other, insecure_skip_verify: true}
  follow_redirects: false
  proxy_url: http://p:secret@proxy:3128
- url: http://h/a
  remote_timeout: 1s
  bearer_token: secret word
- url: http://h/b
  authorization: {type: Token, credentials_file: token}
""" % ("words " * 30).strip()


def request(port, method, path, body=None, headers=None):
    """Status, and the text of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def ask(port, path, *params):
    client = Client(port)
    try:
        return client.send("GET", path, params).json["data"]
    finally:
        client.close()


def query(port, text, at=NOW):
    return [float(item["value"][1]) for item in ask(port, "/api/v1/query", ("query", text), ("time", str(at)))["result"]]


def shown(port):
    return ask(port, "/api/v1/status/config")["yaml"]


def write(port, seconds_ago, value, name="written"):
    """One sample by remote write: the status."""
    times = encode_times([(NOW - seconds_ago) * 1000])
    body = snappy(encode_series(encode_labels({"__name__": name}), encode_samples(times, [float(value)])))
    return request(port, "POST", "/api/v1/write", body, {
        "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0"})[0]


def lines_of(port, prefix):
    """Samples of /metrics: name, labels, value."""
    found = re.findall(rf"^({prefix}[a-z_]*)(?:{{(.*)}})? (\S+)$", request(port, "GET", "/metrics")[1], re.M)
    return {(name, frozenset(re.findall(r'([a-z_]+)="([^"]*)"', labels)), value) for name, labels, value in found}


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="millrace-reload-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "token").write_text("t")
        self.file = self.folder / "config.yml"
        self.file.write_text("")

    def millrace(self, *flags, name="millrace", lifecycle=True, config=True):
        port = processes.free_port()
        command = [MILLRACE, "serve", f"--storage.tsdb.path={self.folder / name}", f"--web.listen-address=127.0.0.1:{port}",
                   "--self-monitor=false", "--web.enable-remote-write-receiver", *flags]
        command += [f"--config.file={self.file}"] if config else []
        command += ["--web.enable-lifecycle"] if lifecycle else []
        server = processes.Server(name, command, port, self.folder / f"{name}.log").start()
        self.addCleanup(self.end, server)
        return server

    def end(self, server):
        """Nothing is wrong at the end either, and with a sanitizer nothing is left."""
        server.stop()
        self.assertEqual(server.process.returncode, 0, server.last_words())

    def prometheus(self, *flags):
        if not JUDGE:
            self.skipTest("no Prometheus")
        port = processes.free_port()
        command = [JUDGE, f"--config.file={self.file}", f"--storage.tsdb.path={self.folder / 'theirs'}",
                   f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver", "--web.enable-lifecycle",
                   *flags]
        server = processes.Server("prometheus", command, port, self.folder / "theirs.log").start()
        self.addCleanup(server.stop)
        return server

    def reload(self, server, text):
        self.file.write_text(text)
        status, said = request(server.port, "POST", "/-/reload")
        self.assertEqual((status, said), (200, ""))


class Lifecycle(Case):
    def test_nobody_may_ask_unless_it_is_enabled(self):
        server = self.millrace(lifecycle=False)
        for path in ("/-/reload", "/-/quit"):
            for method in ("POST", "PUT"):
                self.assertEqual(request(server.port, method, path), (403, "Lifecycle API is not enabled."))
            self.assertEqual(request(server.port, "GET", path), (405, "Only POST or PUT requests allowed"))
        self.assertTrue(server.is_ready())

    def test_a_request_ends_it(self):
        server = self.millrace()
        self.assertEqual(request(server.port, "POST", "/-/quit"), (200, "Requesting termination... Goodbye!"))
        self.assertEqual(server.process.wait(30), 0)

    def test_a_prometheus_says_the_same(self):
        ours, theirs = self.millrace(), self.prometheus()
        for method, path in (("GET", "/-/reload"), ("GET", "/-/quit"), ("PUT", "/-/reload"), ("POST", "/-/reload"),
                             ("DELETE", "/-/reload"), ("PUT", "/-/quit")):
            expected = request(theirs.port, method, path)
            found = request(ours.port, method, path)
            self.assertEqual(found[0], expected[0], (method, path))
            if expected[0] == 200 or method == "GET":
                self.assertEqual(found[1], expected[1], (method, path))
        self.assertEqual(ours.process.wait(30), 0)

    def test_live_notifications_as_a_prometheus_without_subscribers(self):
        said = []
        for server in (self.millrace(), self.prometheus("--web.max-notifications-subscribers=0")):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            connection.request("GET", "/api/v1/notifications/live")
            response = connection.getresponse()
            said.append((response.status, response.getheader("Content-Type"), response.getheader("Cache-Control"), response.read()))
            connection.close()
        self.assertEqual(said[0], said[1])


class Reload(Case):
    def test_a_bad_file_changes_nothing(self):
        self.file.write_text("global: {external_labels: {a: b}}\n")
        server = self.millrace()
        before, since = shown(server.port), metric(server.port, "prometheus_config_last_reload_success_timestamp_seconds")
        self.assertAlmostEqual(since, time.time(), delta=60)
        self.file.write_text("global: {external_labels: {a: c}}\nstorage: {tsdb: {retention: {percentage: 101}}}\n")
        status, said = request(server.port, "POST", "/-/reload")
        self.assertEqual(status, 500)
        self.assertEqual(said, f'failed to reload config: couldn\'t load configuration (--config.file="{self.file}"): '
                               f'{self.file}:2: "101" is not in the range [0, 100]\n')
        self.assertEqual(shown(server.port), before)
        self.assertEqual(metric(server.port, "prometheus_config_last_reload_successful"), 0)
        self.assertEqual(metric(server.port, "prometheus_config_last_reload_success_timestamp_seconds"), since)
        self.assertEqual(ask(server.port, "/api/v1/notifications")[0]["text"], "Configuration reload has failed.")
        self.assertIs(ask(server.port, "/api/v1/status/runtimeinfo")["reloadConfigSuccess"], False)
        self.file.unlink()
        self.assertEqual(request(server.port, "POST", "/-/reload")[0], 500)
        self.reload(server, "global: {external_labels: {a: c}}\n")
        self.assertIn("a: c", shown(server.port))
        self.assertEqual(metric(server.port, "prometheus_config_last_reload_successful"), 1)
        self.assertGreater(metric(server.port, "prometheus_config_last_reload_success_timestamp_seconds"), since)
        self.assertIs(ask(server.port, "/api/v1/status/runtimeinfo")["reloadConfigSuccess"], True)
        self.assertEqual(ask(server.port, "/api/v1/notifications"), [])
        log = server.log.read_text()
        self.assertIn('msg="Error reloading config"', log)
        self.assertIn('msg="Completed loading of configuration file"', log)

    def test_a_signal_asks_for_it(self):
        server = self.millrace(lifecycle=False)
        for label in ("one", "two"):
            self.file.write_text(f"global: {{external_labels: {{a: {label}}}}}\n")
            server.process.send_signal(signal.SIGHUP)
            deadline = time.monotonic() + 20
            while f"a: {label}" not in shown(server.port):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.01)
        self.file.write_text("{")
        server.process.send_signal(signal.SIGHUP)
        while metric(server.port, "prometheus_config_last_reload_successful"):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        self.assertIn("a: two", shown(server.port))

    def test_without_a_file_it_is_as_it_was(self):
        server = self.millrace(config=False)
        before = shown(server.port)
        self.assertEqual(request(server.port, "POST", "/-/reload")[0], 200)
        self.assertEqual(shown(server.port), before)

    def test_the_window_of_late_samples(self):
        servers = [self.millrace()] + ([self.prometheus()] if JUDGE else [])
        expected = [204, 400, 204, 400, 204, 400]
        for server in servers:
            found = [write(server.port, 0, 1), write(server.port, 1800, 2)]
            self.reload(server, "storage: {tsdb: {out_of_order_time_window: 1h}}\n")
            found += [write(server.port, 1800, 2), write(server.port, 7200, 3)]
            self.reload(server, "storage: {tsdb: {out_of_order_time_window: 3h}}\n")
            found += [write(server.port, 7200, 3)]
            self.reload(server, "")
            found += [write(server.port, 1200, 4)]
            self.assertEqual(found, expected, server.name)
            self.assertEqual(query(server.port, "sum_over_time(written[4h])"), [6], server.name)

    def test_the_step_of_subqueries(self):
        servers = [self.millrace()] + ([self.prometheus()] if JUDGE else [])
        for interval in ("", "global: {evaluation_interval: 15s}", "global: {evaluation_interval: 2m}"):
            counts = []
            for server in servers:
                self.reload(server, interval)
                counts.append(query(server.port, "count_over_time(vector(1)[10m:])"))
            self.assertEqual(len({tuple(count) for count in counts}), 1, counts)
            self.assertEqual(counts[0], [{"": 10, "1": 40, "2": 5}[interval[30:31]]])

    def test_the_number_of_exemplars(self):
        server = self.millrace("--enable-feature=exemplar-storage", "--storage.exemplars.max=7")
        self.assertEqual(metric(server.port, "prometheus_tsdb_exemplar_max_exemplars"), 7)
        for text, count in (("storage: {exemplars: {max_exemplars: 3}}", 3), ("storage: {exemplars: {max_exemplars: 0}}", 0),
                            ("", 7)):
            self.reload(server, text)
            self.assertEqual(metric(server.port, "prometheus_tsdb_exemplar_max_exemplars"), count)

    def test_retention(self):
        server = self.millrace("--storage.tsdb.retention.size=1GB")

        def limits():
            return [metric(server.port, f"prometheus_tsdb_retention_limit_{name}")
                    for name in ("seconds", "bytes", "percentage")]
        self.assertEqual(limits(), [0, 1 << 30, 0])
        for text, told, expected in (
                ("{time: 90d}", "90d", [90 * 86400, 0, 0]),
                ("{size: 512MB, time: 1d}", "1d or 512MiB", [86400, 512 << 20, 0]),
                ("{size: 1GB, percentage: 12.5}", "12.5%", [0, 1 << 30, 12.5]),
                ("{}", "", [0, 0, 0]),
                ("null", "1GiB", [0, 1 << 30, 0])):
            self.reload(server, f"storage: {{tsdb: {{retention: {text}}}}}\n")
            self.assertEqual(limits(), expected, text)
            self.assertEqual(ask(server.port, "/api/v1/status/runtimeinfo")["storageRetention"], told)

    def test_retention_of_the_file_takes_blocks_away(self):
        subprocess.run([MILLRACE, "demo-data", self.folder / "millrace", "--instances", "1", "--hours", "6"], check=True,
                       capture_output=True, timeout=120)
        flags = ("--storage.tsdb.retention.time=100y", "--storage.tsdb.max-block-duration=2h")
        server = self.millrace(*flags)
        self.assertGreaterEqual(metric(server.port, "prometheus_tsdb_blocks_loaded"), 3)
        server.stop()
        self.file.write_text("storage: {tsdb: {retention: {time: 2h}}}\n")
        server = self.millrace(*flags)
        deadline = time.monotonic() + 30
        while metric(server.port, "prometheus_tsdb_blocks_loaded") > 2:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)


class RemoteRead(Case):
    def test_endpoints_come_and_go(self):
        far = self.millrace(name="far", config=False)
        self.assertEqual(write(far.port, 10, 5), 204)
        server = self.millrace()
        self.assertEqual(query(server.port, "written"), [])
        self.reload(server, f"remote_read: [{{url: 'http://127.0.0.1:{far.port}/api/v1/read', read_recent: true}}]\n")
        self.assertEqual(query(server.port, "written"), [5])
        self.assertEqual([labels["__name__"] for labels in ask(
            server.port, "/api/v1/series", ("match[]", "written"), ("start", str(NOW - 100)))], ["written"])
        self.reload(server, "")
        self.assertEqual(query(server.port, "written"), [])

    def test_it_counts_its_questions_as_a_prometheus(self):
        far = self.millrace(name="far", config=False)
        self.assertEqual(write(far.port, 10, 5), 204)
        self.file.write_text(f"remote_read:\n- {{url: 'http://127.0.0.1:{far.port}/api/v1/read', name: far, read_recent: true}}\n")
        servers = [self.millrace()] + ([self.prometheus()] if JUDGE else [])
        told = []
        for server in servers:
            request(server.port, "GET", "/api/v1/query?query=written")
            told.append({line for line in lines_of(server.port, "prometheus_remote_read_client_")
                         if not re.search("seconds_(bucket|sum)", line[0])})
        self.assertIn(("prometheus_remote_read_client_queries_total", frozenset({
            ("code", "200"), ("remote_name", "far"), ("response_type", "chunked"),
            ("url", f"http://127.0.0.1:{far.port}/api/v1/read")}), "1"), told[0])
        self.assertEqual(told[0], told[-1])

    def test_queries_go_on_while_it_changes(self):
        far = self.millrace(name="far", config=False)
        for i in range(20):
            self.assertEqual(write(far.port, 10, i, f"written_{i}"), 204)
        server = self.millrace()
        text = f"remote_read: [{{url: 'http://127.0.0.1:{far.port}/api/v1/read', read_recent: true}}]\n"
        self.reload(server, text)
        faults, counts, ends = [], set(), time.monotonic() + 4
        ended = threading.Event()

        def go_on():
            while not ended.is_set() and not faults:
                try:
                    counts.add(tuple(query(server.port, 'count({__name__=~"written_.+"})')))
                except Exception as fault:  # whatever it is, it is to be told
                    faults.append(repr(fault))
        threads = [threading.Thread(target=go_on) for _ in range(3)]
        for thread in threads:
            thread.start()
        rounds = 0
        try:
            while (time.monotonic() < ends or rounds < 6) and not faults:
                self.reload(server, text if rounds % 2 else "")
                rounds += 1
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        self.assertEqual(faults, [])
        self.assertLessEqual(counts, {(), (20.0,)})


class Metrics(Case):
    def test_what_dashboards_show_is_there(self):
        servers = [self.millrace()] + ([self.prometheus()] if JUDGE else [])
        told = []
        for server in servers:
            for path in ("/api/v1/query?query=1", "/api/v1/labels"):
                request(server.port, "GET", path)
            told.append({(name, frozenset(labels)) for prefix in (
                "prometheus_ready", "prometheus_config_last_reload_", "prometheus_engine_queries",
                "prometheus_engine_query_duration_seconds", "prometheus_http_request_duration_seconds",
                "prometheus_http_response_size_bytes", "process_(?!network)") for name, labels, _ in lines_of(server.port, prefix)
                if ("handler", "/-/ready") not in labels and ("slice", "result_sort") not in labels})
        self.assertIn(("prometheus_ready", frozenset()), told[0])
        self.assertIn(("prometheus_engine_query_duration_seconds", frozenset({("slice", "inner_eval"), ("quantile", "0.99")})),
                      told[0])
        self.assertEqual(told[-1] - told[0], set())


class Shown(Case):
    """/api/v1/status/config."""

    def compare(self, text, *flags):
        self.file.write_text(text)
        ours, theirs = self.millrace(*flags), self.prometheus(*flags)
        # Releases before 3.10 have no retention in the file, and so show none.
        found = shown(ours.port).replace("    retention:\n      time: 15d\n", "")
        found = found.replace("storage:\n  tsdb:\nremote", "remote").replace("storage:\n  tsdb:\n  ex", "storage:\n  ex")
        found = found.removesuffix("storage:\n  tsdb:\n")
        expected = shown(theirs.port)
        for line in FOREIGN:
            expected = expected.replace(line + "\n", "")
        self.assertEqual(found.rstrip("\n"), expected.rstrip("\n"))
        self.assertNotIn("secret", found.replace("<secret>", ""))

    def test_nothing(self):
        self.compare("")

    def test_all_there_is(self):
        self.compare(FULL)

    def test_exemplars(self):
        self.compare("", "--enable-feature=exemplar-storage")

    def test_no_exemplars(self):
        self.compare("storage: {exemplars: {max_exemplars: 0}}")

    def test_what_is_kept_is_the_flags_unless_it_is_said(self):
        server = self.millrace("--storage.tsdb.retention.time=30d", "--storage.tsdb.retention.size=1GB")
        self.assertIn("    retention:\n      time: 30d\n      size: 1GiB\n", shown(server.port))
        self.reload(server, "storage: {tsdb: {retention: {time: 1w}}}")
        self.assertIn("    retention:\n      time: 1w\n", shown(server.port))
        self.assertNotIn("size", shown(server.port))


if __name__ == "__main__":
    program.main(sys.modules[__name__])
