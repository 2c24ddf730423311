#!/usr/bin/env python3
"""Starts a server on demo data and asks it as clients do: statuses, headers, forms, streams, and its end.

    tests/api_test.py [--millrace PROGRAM]
"""
import argparse
import contextlib
import gzip
import http.client
import json
import os
import pathlib
import pty
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[1]
MILLRACE = str(ROOT / "build/server/millrace")
END = 1760000400  # of the demo data, 2025-10-09T09:00:00Z
HOURS = 3
# Computes for many seconds without writing anything.
LONG = {"query": "max(stddev_over_time(http_request_duration_seconds_bucket[20m:1s]))",
        "start": END - 3 * 3600, "end": END, "step": 1}
# An answer of many megabytes.
LARGE = {"query": '{__name__=~"node.+|http.+"}', "start": END - 3 * 3600, "end": END, "step": 15}


class Server:
    """A millrace of its own on 127.0.0.1; use it with `with`."""

    def __init__(self, data, *flags):
        self.command = [MILLRACE, "serve", f"--storage.tsdb.path={data}", "--storage.tsdb.read-only",
                        "--web.listen-address=127.0.0.1:0", *flags]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE, text=True)
        self.lines = []
        for line in self.process.stderr:
            self.lines.append(line)
            found = re.search(r'msg="Server is ready".* address=127\.0\.0\.1:(\d+)', line)
            if found:
                self.port = int(found.group(1))
                break
        else:
            raise RuntimeError("the server did not start: " + "".join(self.lines))
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stderr), daemon=True)
        self.reader.start()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join(5)
        self.process.stderr.close()

    def ask(self, method, path, params=None, headers=None, body=None):
        """Status, headers (a list of pairs) and body."""
        if params:
            path += "?" + urllib.parse.urlencode(params, doseq=True)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    def get(self, path, **params):
        """Status and JSON of an API path."""
        status, _, body = self.ask("GET", "/api/v1/" + path, params)
        return status, json.loads(body)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def metric(self, name):
        _, _, body = self.ask("GET", "/metrics")
        found = re.search(rf"^{re.escape(name)} (\S+)$", body.decode(), re.M)
        return float(found.group(1)) if found else None

    def wait_for(self, condition, seconds=20):
        """How long it took until the condition held."""
        begin = time.monotonic()
        while not condition():
            if time.monotonic() - begin > seconds:
                raise AssertionError("did not happen in time")
            time.sleep(0.002)
        return time.monotonic() - begin


def headers_named(headers, name):
    return [value for key, value in headers if key.lower() == name.lower()]


def request_text(path, params, version="1.1"):
    query = urllib.parse.urlencode(params)
    return f"GET {path}?{query} HTTP/{version}\r\nHost: x\r\n\r\n".encode()


class ApiCase(unittest.TestCase):
    """What needs no server of its own shares one."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="millrace-api-")
        cls.data = pathlib.Path(cls.folder.name) / "data"
        make_data(cls.data)
        cls.server = Server(cls.data, "--log.level=debug").__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()
        cls.folder.cleanup()

    def check_error(self, answer, status, kind, text):
        self.assertEqual(answer[0], status)
        self.assertEqual(answer[1], {"status": "error", "errorType": kind, "error": text})


class Queries(ApiCase):
    def test_instant(self):
        status, answer = self.server.get("query", query='up{instance="10.0.0.1:9100"}', time=END)
        self.assertEqual(status, 200)
        self.assertEqual(answer, {"status": "success", "data": {"resultType": "vector", "result": [
            {"metric": {"__name__": "up", "instance": "10.0.0.1:9100", "job": "node"}, "value": [END, "1"]}]}})

    def test_scalar_and_string(self):
        self.assertEqual(self.server.get("query", query="1+1", time=4)[1]["data"],
                         {"resultType": "scalar", "result": [4, "2"]})
        self.assertEqual(self.server.get("query", query='"<a>"', time=1.5)[1]["data"],
                         {"resultType": "string", "result": [1.5, "<a>"]})

    def test_range(self):
        status, answer = self.server.get("query_range", query="count(up)", start=END - 120, end=END, step="1m")
        self.assertEqual(status, 200)
        values = answer["data"]["result"][0]["values"]
        self.assertEqual([point[0] for point in values], [END - 120, END - 60, END])

    def test_form_comes_before_the_url(self):
        body = urllib.parse.urlencode({"query": "1", "time": END})
        status, _, text = self.server.ask("POST", "/api/v1/query?query=2&limit=0", body=body,
                                          headers={"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(status, 200)
        self.assertEqual(json.loads(text)["data"]["result"], [END, "1"])

    def test_parameter_errors(self):
        cases = [
            ("query", {"query": "up", "time": "x"},
             'invalid parameter "time": invalid time value for \'time\': cannot parse "x" to a valid timestamp'),
            ("query", {"query": "up", "timeout": "x"},
             'invalid parameter "timeout": cannot parse "x" to a valid duration'),
            ("query", {"query": "up", "limit": "x"},
             'invalid parameter "limit": strconv.Atoi: parsing "x": invalid syntax'),
            ("query", {"query": "up", "limit": "-1"}, 'invalid parameter "limit": limit must be non-negative'),
            ("query", {"query": "up", "lookback_delta": "x"},
             'error parsing lookback delta duration: cannot parse "x" to a valid duration'),
            ("query", {"query": "sum("}, 'invalid parameter "query": 1:5: parse error: unclosed left parenthesis'),
            ("query_range", {"query": "up", "start": 2, "end": 1, "step": 1},
             'invalid parameter "end": end timestamp must not be before start time'),
            ("query_range", {"query": "up", "start": 1, "end": 2, "step": 0},
             'invalid parameter "step": zero or negative query resolution step widths are not accepted. '
             'Try a positive integer'),
            ("query_range", {"query": "up", "start": 0, "end": 11001, "step": 1},
             "exceeded maximum resolution of 11,000 points per timeseries. "
             "Try decreasing the query resolution (?step=XX)"),
            ("series", {}, "no match[] parameter provided"),
            ("series", {"match[]": "{}"},
             'invalid parameter "match[]": match[] must contain at least one non-empty matcher'),
        ]
        for path, params, text in cases:
            with self.subTest(path=path, params=params):
                self.check_error(self.server.get(path, **params), 400, "bad_data", text)

    def test_11000_points_are_allowed(self):
        status, answer = self.server.get("query_range", query="vector(1)", start=0, end=11000, step=1)
        self.assertEqual(status, 200)
        self.assertEqual(len(answer["data"]["result"][0]["values"]), 11001)

    def test_execution_error(self):
        status, answer = self.server.get("query", query="up + on() up", time=END)
        self.assertEqual((status, answer["errorType"]), (422, "execution"))

    def test_limit_and_stats(self):
        status, answer = self.server.get("query", query="up", time=END, limit=3, stats="odd")
        self.assertEqual(len(answer["data"]["result"]), 3)
        self.assertIn("results truncated due to limit", answer["warnings"])
        self.assertEqual(len(answer["warnings"]), 2)
        self.assertGreater(answer["data"]["stats"]["samples"]["totalQueryableSamples"], 0)
        times = answer["data"]["stats"]["timings"]
        for name, seconds in times.items():
            self.assertEqual(seconds, round(seconds * 1e9) / 1e9, name)  # whole nanoseconds, sums of them, too
        self.assertAlmostEqual(times["evalTotalTime"], times["queryPreparationTime"] + times["innerEvalTime"], 9)
        self.assertAlmostEqual(times["execTotalTime"], times["execQueueTime"] + times["evalTotalTime"], 9)

    def test_a_directory_without_data_is_told(self):
        def told(server):
            return [line for line in server.lines if "level=WARN" in line and "There is no data" in line]

        with tempfile.TemporaryDirectory(prefix="millrace-api-") as empty, Server(empty) as server:
            self.assertEqual(len(told(server)), 1)
            self.assertEqual(server.get("query", query="up")[1]["data"]["result"], [])
        self.assertEqual(told(self.server), [])

    def test_samples_by_step(self):
        query = {"query": "rate(up[1m])", "start": END - 120, "end": END, "step": "60"}
        _, plain = self.server.get("query_range", stats="all", **query)
        self.assertNotIn("totalQueryableSamplesPerStep", plain["data"]["stats"]["samples"])
        with Server(self.data, "--enable-feature=promql-per-step-stats") as server:
            _, answer = server.get("query_range", stats="all", **query)
            samples = answer["data"]["stats"]["samples"]
            steps = samples["totalQueryableSamplesPerStep"]
            self.assertEqual([at for at, _ in steps], [END - 120, END - 60, END])
            self.assertEqual({count for _, count in steps}, {4 * len(answer["data"]["result"])})
            self.assertEqual(samples["totalQueryableSamples"], sum(count for _, count in steps))
            self.assertEqual(samples["totalQueryableSamples"], plain["data"]["stats"]["samples"]["totalQueryableSamples"])
            _, answer = server.get("query_range", stats="true", **query)
            self.assertNotIn("totalQueryableSamplesPerStep", answer["data"]["stats"]["samples"])

    def test_timeout(self):
        begin = time.monotonic()
        status, answer = self.server.get("query_range", **LONG, timeout="200ms")
        self.assertEqual((status, answer["errorType"]), (503, "timeout"))
        self.assertLess(time.monotonic() - begin, 5 * SLOWNESS)


class Lists(ApiCase):
    def test_labels_and_values(self):
        self.assertIn("instance", self.server.get("labels")[1]["data"])
        self.assertEqual(self.server.get("label/job/values")[1]["data"], ["checkout", "inventory", "node", "shop"])
        self.assertEqual(self.server.get("label/%FF/values")[0], 400)
        self.assertEqual(self.server.get("label/U__job/values")[1]["data"],
                         self.server.get("label/job/values")[1]["data"])

    def test_series(self):
        status, answer = self.server.get("series", **{"match[]": ['up{job="node"}', 'up{job="shop"}', "up"]})
        self.assertEqual(status, 200)
        found = [(one["instance"], one["job"]) for one in answer["data"]]
        self.assertEqual(found, sorted(set(found)))
        status, answer = self.server.get("series", **{"match[]": "up", "limit": 2})
        self.assertEqual((len(answer["data"]), answer["warnings"]), (2, ["results truncated due to limit"]))

    def test_probes_are_well_formed(self):
        for path, data in {
            "rules": {"groups": []},
            "alerts": {"alerts": []},
            "targets": {"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": {}},
            "alertmanagers": {"activeAlertmanagers": [], "droppedAlertmanagers": []},
            "metadata": {},
            "status/walreplay": {"min": 0, "max": 0, "current": 0},
        }.items():
            with self.subTest(path=path):
                self.assertEqual(self.server.get(path), (200, {"status": "success", "data": data}))
        for path in ("features", "status/buildinfo", "status/runtimeinfo", "status/flags", "status/config",
                     "status/tsdb"):
            with self.subTest(path=path):
                self.assertEqual(self.server.get(path)[0], 200)

    def test_blocks_are_what_lies_on_the_disk(self):
        status, answer = self.server.get("status/tsdb/blocks")
        metas = [json.loads(path.read_text()) for path in self.data.glob("*/meta.json")]
        self.assertGreater(len(metas), 0)
        self.assertEqual((status, answer["data"]["blocks"]), (200, sorted(metas, key=lambda meta: meta["minTime"])))
        body = self.server.ask("GET", "/api/v1/status/tsdb/blocks")[2]
        self.assertEqual(body, json.dumps(json.loads(body), separators=(",", ":")).encode())

    def test_what_is_switched_off_says_so(self):
        status, headers, body = self.server.ask("GET", "/api/v1/notifications/live")
        self.assertEqual((status, headers_named(headers, "Content-Type"), body), (204, ["text/event-stream"], b""))
        for what in ("metric_names", "label_names", "label_values"):
            self.check_error(self.server.get(f"search/{what}"), 500, "unavailable", "search API disabled")

    def test_exemplars(self):
        self.assertEqual(self.server.get("query_exemplars", query="up"), (200, {"status": "success", "data": []}))
        status, _, body = self.server.ask("GET", "/api/v1/query_exemplars", {"query": "1"})
        self.assertEqual((status, body), (204, b""))

    def test_format_and_parse(self):
        self.assertEqual(self.server.get("format_query", query="sum(up)by(job)")[1]["data"], "sum by (job) (up)")
        self.assertEqual(self.server.get("parse_query", query="up")[1]["data"]["type"], "vectorSelector")


class Http(ApiCase):
    def test_unknown_paths_and_methods(self):
        status, headers, body = self.server.ask("GET", "/api/v1/nothing")
        self.assertEqual((status, body), (404, b"404 page not found\n"))
        for method in ("PUT", "DELETE", "HEAD"):
            status, headers, _ = self.server.ask(method, "/api/v1/query")
            self.assertEqual(status, 405, method)
            self.assertEqual(headers_named(headers, "Allow"), ["GET, OPTIONS, POST"])
        self.assertEqual(self.server.ask("POST", "/api/v1/label/job/values")[0], 405)

    def test_a_longer_path_leads_to_the_short_one(self):
        cases = [("//api/v1/query?query=1&time=2", "/api/v1/query?query=1&time=2"),
                 ("/api//v1/labels/", "/api/v1/labels"), ("/x/../metrics", "/metrics"), ("//", "/"),
                 ("/-/healthy/?", "/-/healthy?")]
        for path, location in cases:
            status, headers, body = self.server.ask("GET", path)
            self.assertEqual((status, headers_named(headers, "Location"), body), (301, [location], b""), path)
            self.assertEqual(self.server.ask("POST", path)[0], 307, path)
            self.assertEqual(self.server.ask("GET", location)[0], 200, location)
        for path in ("//nothing", "/api/v1", "/api/v1%2F%2Fquery", "//api/v1/label/a%2Fb/values", "//evil.example/"):
            self.assertEqual(self.server.ask("GET", path)[0], 404, path)

    def test_links_of_grafana_lead_to_the_page(self):
        status, headers, _ = self.server.ask("GET", "/graph?g0.expr=up%7Ba%3D%22%3C%22%7D&g0.tab=1")
        self.assertEqual((status, headers_named(headers, "Location")), (302, ["/query?g0.expr=up%7Ba%3D%22%3C%22%7D&g0.tab=1"]))
        status, headers, body = self.server.ask("GET", headers_named(headers, "Location")[0])
        self.assertEqual((status, headers_named(headers, "Content-Type")), (200, ["text/html; charset=utf-8"]))
        self.assertIn(b'value="up{a=&quot;&lt;&quot;}"', body)
        self.assertIn(b'value="up"', self.server.ask("GET", "/")[2])

    def test_health(self):
        for path, text in (("/-/healthy", b"Prometheus Server is Healthy.\n"),
                           ("/-/ready", b"Prometheus Server is Ready.\n")):
            self.assertEqual(self.server.ask("GET", path)[::2], (200, text))
            self.assertEqual(self.server.ask("HEAD", path)[::2], (200, b""))

    def test_below_a_prefix(self):
        for flags in (["--web.external-url=https://proxy.example/a/store/"],
                      ["--web.external-url=https://proxy.example/other", "--web.route-prefix=a/store"]):
            with Server(self.data, *flags) as server:
                for path in ("/", "/a/store"):
                    status, headers, _ = server.ask("GET", path)
                    self.assertEqual((status, headers_named(headers, "Location")), (302, ["/a/store/"]), path)
                self.assertIn(b"<form", server.ask("GET", "/a/store/")[2])
                for path, code, location in (("/graph?g0.expr=up", 302, "/a/store/query?g0.expr=up"),
                                             ("//-/ready/", 301, "/a/store/-/ready")):
                    status, headers, _ = server.ask("GET", "/a/store" + path)
                    self.assertEqual((status, headers_named(headers, "Location")), (code, [location]), path)
                self.assertEqual(server.ask("GET", "/a/store/-/ready")[0], 200)
                self.assertEqual(server.ask("OPTIONS", "/a/store/api/v1/query")[0], 204)
                values = json.loads(server.ask("GET", "/a/store/api/v1/label/job/values")[2])["data"]
                self.assertIn("node", values)
                for path in ("/api/v1/query", "/-/ready", "/a/storeapi/v1/query", "/a"):
                    self.assertEqual(server.ask("GET", path, {"query": "1"})[0], 404, path)
                done = subprocess.run([MILLRACE, "query", f"http://127.0.0.1:{server.port}/a/store", "count(up)", f"--time={END}"],
                                      capture_output=True, text=True, timeout=60, check=True)
                self.assertEqual(done.stdout, "{}  16\n")
                counted = server.ask("GET", "/a/store/metrics")[2].decode()
                self.assertRegex(counted, r'(?m)^prometheus_http_requests_total\{.*handler="/api/v1/query".*\} 1$')

    def test_remote_read_without_a_matcher_reads_nothing(self):
        begin, end = (b"".join(bytes([at >> shift & 127 | (128 if shift < 35 else 0)]) for shift in range(0, 42, 7))
                      for at in ((END - 60) * 1000, END * 1000))
        message = b"\x08" + begin + b"\x10" + end
        for matcher, sizes in ((b"", range(1, 5)), (b"\x1a\x0e\x12\x08__name__\x1a\x02up", range(100, 1 << 20))):
            request = b"\x0a" + bytes([len(message + matcher)]) + message + matcher
            packed = bytes([len(request), len(request) - 1 << 2]) + request  # snappy: its size, one literal
            status, _, body = self.server.ask("POST", "/api/v1/read", body=packed)
            self.assertEqual(status, 200, body)
            self.assertIn(len(body), sizes)

    def test_federate(self):
        self.assertEqual(self.server.ask("GET", "/federate", {"match[]": "up"})[::2], (200, b""))  # it is not of now
        self.assertEqual(self.server.ask("POST", "/federate")[0], 405)
        status, headers, body = self.server.ask("GET", "/federate", {"match[]": ["up", "up{"]})
        self.assertEqual((status, body), (400, b"1:4: parse error: unexpected end of input inside braces\n"))
        with Server(self.data, "--query.lookback-delta=50y") as server:
            params = {"match[]": ['up{job="node"}', '{__name__="up",instance=~"10.0.0.1:.*"}']}
            status, headers, body = server.ask("GET", "/federate", params)
            self.assertEqual(headers_named(headers, "Content-Type"),
                             ["text/plain; version=0.0.4; charset=utf-8; escaping=underscores"])
            head, *lines = body.decode().splitlines()
            self.assertEqual(head, "# TYPE up untyped")
            self.assertEqual(len(lines), 9)  # 8 machines, and the other target of one of them
            self.assertRegex("\n".join(lines), r'(?m)^up\{instance="10\.0\.0\.1:9100",job="node"\} 1 17600003\d{5}$')
            packed = server.ask("GET", "/federate", params, {"Accept-Encoding": "gzip"})[2]
            self.assertEqual(gzip.decompress(packed), body)

    def test_cors(self):
        status, headers, body = self.server.ask("OPTIONS", "/api/v1/query", headers={"Origin": "https://a.example"})
        self.assertEqual((status, body), (204, b""))
        self.assertEqual(headers_named(headers, "Access-Control-Allow-Origin"), ["https://a.example"])
        self.assertEqual(headers_named(headers, "Access-Control-Allow-Methods"), ["GET, POST, OPTIONS"])
        _, headers, _ = self.server.ask("GET", "/api/v1/labels")
        self.assertEqual(sorted(headers_named(headers, "Vary")), ["Accept-Encoding", "Origin"])
        self.assertEqual(headers_named(headers, "Access-Control-Allow-Origin"), [])
        self.assertEqual(headers_named(headers, "Content-Type"), ["application/json"])

    def test_cors_of_one_origin(self):
        with Server(self.data, r"--web.cors.origin=https?://(a|b)\.example") as server:
            for origin, allowed in (("https://b.example", ["https://b.example"]), ("https://c.example", [])):
                _, headers, _ = server.ask("GET", "/api/v1/labels", headers={"Origin": origin})
                self.assertEqual(headers_named(headers, "Access-Control-Allow-Origin"), allowed)

    def test_compression(self):
        plain = self.server.ask("GET", "/api/v1/query_range", LARGE | {"step": 60})[2]
        for accepted, coding, unpack in (("gzip", ["gzip"], gzip.decompress), ("br, deflate", ["deflate"], zlib.decompress),
                                         ("gzip;q=1.0", [], bytes), ("identity", [], bytes)):
            with self.subTest(accepted=accepted):
                _, headers, body = self.server.ask("GET", "/api/v1/query_range", LARGE | {"step": 60},
                                                   {"Accept-Encoding": accepted})
                self.assertEqual(headers_named(headers, "Content-Encoding"), coding)
                self.assertEqual(unpack(body), plain)

    def test_large_answers_stream(self):
        status, headers, body = self.server.ask("GET", "/api/v1/query_range", LARGE)
        self.assertEqual(status, 200)
        self.assertEqual(headers_named(headers, "Transfer-Encoding"), ["chunked"])
        self.assertGreater(len(body), 4 << 20)
        answer = json.loads(body)
        self.assertEqual(answer["status"], "success")
        labels = [sorted(one["metric"].items()) for one in answer["data"]["result"]]
        self.assertEqual(labels, sorted(labels))

    def test_page_and_metrics(self):
        status, headers, body = self.server.ask("GET", "/")
        self.assertEqual(status, 200)
        self.assertIn(b"/api/v1/query_range", body)
        status, headers, body = self.server.ask("GET", "/metrics")
        self.assertTrue(headers_named(headers, "Content-Type")[0].startswith("text/plain; version=0.0.4"))
        for line in body.decode().splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) \S+ .+|[a-z_]+(\{[^}]*\})? \S+)$')
        self.assertIn(b'prometheus_http_requests_total{code="200",handler="/"}', body)

    def test_keeps_connections(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        for _ in range(3):
            connection.request("GET", "/api/v1/labels")
            socket_before = connection.sock
            connection.getresponse().read()
            self.assertIs(connection.sock, socket_before)
        connection.close()

    def test_serves_light_queries_beside_a_long_one(self):
        with contextlib.closing(self.server.connect()) as client:
            client.sendall(request_text("/api/v1/query_range", LONG))
            self.server.wait_for(lambda: self.server.metric("prometheus_engine_queries") >= 1)
            self.assertEqual(self.server.get("query", query="1", time=1)[0], 200)
            self.assertGreaterEqual(self.server.metric("prometheus_engine_queries"), 1)  # the long one still runs


class Clients(ApiCase):
    """Clients that leave or stall."""

    def leave_while_it_computes(self):
        """Seconds from leaving to the end of the query."""
        def canceled():
            return sum("type=canceled" in line for line in list(self.server.lines))

        before = canceled()
        client = self.server.connect()
        client.sendall(request_text("/api/v1/query_range", LONG))
        self.server.wait_for(lambda: self.server.metric("prometheus_engine_queries") >= 1)
        time.sleep(0.3)
        client.close()
        return self.server.wait_for(lambda: canceled() > before)

    def test_one_that_leaves_cancels_its_query(self):
        name = 'millrace_query_failures_total{type="canceled"}'
        before = self.server.metric(name)
        # The machine may have other things to do: the best of five counts.
        took = [self.leave_while_it_computes() for _ in range(5)]
        self.assertLess(min(took), 0.1 * SLOWNESS)
        self.server.wait_for(lambda: self.server.metric("prometheus_engine_queries") == 0)
        self.assertEqual(self.server.metric(name), before + 5)

    def test_one_that_leaves_a_stream(self):
        client = self.server.connect()
        client.sendall(request_text("/api/v1/query_range", LARGE))
        client.recv(1000)
        client.close()
        self.server.wait_for(lambda: self.server.metric("prometheus_engine_queries") == 0)

    def test_one_that_stalls_is_given_up(self):
        with Server(self.data, "--web.write-timeout=500ms", "--web.read-timeout=1s") as server:
            silent, halfway, stalled = [server.connect() for _ in range(3)]
            halfway.sendall(b"GET /api/v1/labels HTTP/1.1\r\nHo")
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stalled.sendall(request_text("/api/v1/query_range", LARGE))
            server.wait_for(lambda: server.metric("millrace_http_connections") >= 4)
            server.wait_for(lambda: server.metric("millrace_http_connections") == 1)
            self.assertEqual(server.metric("prometheus_engine_queries"), 0)
            for client in (silent, halfway, stalled):
                client.close()

    def test_connections_over_the_limit_wait(self):
        with Server(self.data, "--web.max-connections=1") as server:
            with contextlib.closing(server.connect()) as first:
                first.sendall(b"GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n")
                first.recv(1000)
                second = server.connect()
                second.sendall(b"GET /-/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                second.settimeout(0.5)
                with self.assertRaises(TimeoutError):
                    second.recv(1000)
                first.shutdown(socket.SHUT_RDWR)
            second.settimeout(10)
            self.assertTrue(second.recv(1000).startswith(b"HTTP/1.1 200"))
            second.close()


class Ends(ApiCase):
    """Signals, and failures at the start."""

    def test_sigterm_lets_queries_end(self):
        with Server(self.data, "--web.drain-timeout=50s") as server:
            client = server.connect()
            client.sendall(request_text("/api/v1/query_range", LARGE))
            head = client.recv(1000)
            server.process.send_signal(signal.SIGTERM)
            text = head
            while piece := client.recv(1 << 16):
                text += piece
            self.assertTrue(text.endswith(b"]}}\r\n0\r\n\r\n"), text[-50:])
            self.assertEqual(server.process.wait(20), 0)

    def test_sigterm_cancels_what_takes_too_long(self):
        with Server(self.data, "--web.drain-timeout=300ms") as server:
            client = server.connect()
            client.sendall(request_text("/api/v1/query_range", LONG))
            server.wait_for(lambda: server.metric("prometheus_engine_queries") >= 1)
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.process.wait(8 * SLOWNESS), 0)
            self.assertIn(b"499", client.recv(100))
            client.close()

    def test_a_second_signal_ends_at_once(self):
        with Server(self.data, "--web.drain-timeout=30s") as server:
            client = server.connect()
            client.sendall(request_text("/api/v1/query_range", LONG))
            server.wait_for(lambda: server.metric("prometheus_engine_queries") >= 1)
            server.process.send_signal(signal.SIGINT)
            server.wait_for(lambda: any("Ending" in line for line in list(server.lines)))
            time.sleep(0.05)
            server.process.send_signal(signal.SIGINT)
            self.assertEqual(server.process.wait(20), -signal.SIGINT)
            client.close()

    def test_a_client_chooses_the_engine(self):
        params = {"query": "sum(rate(http_requests_total[5m]))", "time": END}
        status, headers, streamed = self.server.ask("GET", "/api/v1/query", params)
        self.assertEqual((status, dict(headers)["X-Millrace-Engine"]), (200, "streaming"))
        status, headers, referred = self.server.ask("GET", "/api/v1/query", params, {"X-Millrace-Engine": "reference"})
        self.assertEqual((status, dict(headers)["X-Millrace-Engine"]), (200, "reference"))
        self.assertEqual(streamed, referred)
        status, _, body = self.server.ask("GET", "/api/v1/query", params, {"X-Millrace-Engine": "steam"})
        self.assertEqual(status, 400)
        self.assertIn(b"steam", body)

    def test_what_does_not_stream_falls_back(self):
        params = {"query": "sum(rate(http_requests_total[5m])) / count(rate(http_requests_total[5m]))", "time": END}
        answers = [self.server.ask("GET", "/api/v1/query", params)[2]]
        with Server(self.data, "--engine.disable=rate,absent") as server:
            _, headers, body = server.ask("GET", "/api/v1/query", params)
            self.assertEqual(dict(headers)["X-Millrace-Engine"], "streaming; fallback=1")
            self.assertEqual(server.metric('millrace_engine_fallback_total{reason="rate"}'), 1)
            answers.append(body)
        with Server(self.data, "--engine.disable=rate", "--engine.fallback=none") as server:
            status, _, body = server.ask("GET", "/api/v1/query", params)
            self.assertEqual(status, 422)
            self.assertIn(b"rate", body)
        url = f"http://127.0.0.1:{self.server.port}/"
        with Server(self.data, "--engine.disable=rate", f"--engine.fallback={url}", "--web.route-prefix=/ours") as server:
            _, headers, body = server.ask("POST", "/ours/api/v1/query", headers={"Content-Type": "application/x-www-form-urlencoded"},
                                          body=urllib.parse.urlencode(params))
            self.assertEqual(dict(headers)["X-Millrace-Engine"], "prometheus")
            answers.append(body)
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(answers[0], answers[2])

    def test_bad_starts(self):
        for flags, code, text in ((["--nothing"], 2, "unknown flag --nothing"),
                                  (["--query.timeout=soon"], 2, "flag --query.timeout"),
                                  (["--engine.fallback=maybe"], 2, "flag --engine.fallback"),
                                  (["--engine.disable=rates"], 2, "\"rates\""),
                                  (["--log.level=loud"], 2, "flag --log.level"),
                                  (["--web.cors.origin=("], 1, "web.cors.origin"),
                                  (["--web.external-url=proxy/store"], 1, "flag --web.external-url"),
                                  (["--storage.tsdb.path=/nowhere/at/all"], 1, "/nowhere/at/all"),
                                  (["--web.listen-address=nowhere"], 1, "nowhere is no address")):
            with self.subTest(flags=flags):
                done = subprocess.run([MILLRACE, "serve", f"--storage.tsdb.path={self.data}", "--storage.tsdb.read-only",
                                       *flags], capture_output=True, text=True, timeout=30, check=False)
                self.assertEqual(done.returncode, code)
                self.assertIn(text, done.stderr)


class CommandLine(ApiCase):
    def run_command(self, *arguments, code=0):
        done = subprocess.run([MILLRACE, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def test_directory_and_server_show_the_same(self):
        expression = "sum by (job) (rate(http_requests_total[5m]))"
        spans = (["--time", END], ["--start", END - 3600, "--end", END, "--step", "5m"])
        for span in spans:
            for form in ("table", "csv", "json", "graph"):
                with self.subTest(form=form, span=span):
                    ours = self.run_command("query", self.data, expression, *span, "-o", form).stdout
                    theirs = self.run_command("query", f"http://127.0.0.1:{self.server.port}/", expression, *span,
                                              "-o", form).stdout
                    self.assertEqual(ours, theirs)
                    self.assertTrue(ours.endswith("\n"))

    def test_errors_are_one_sentence(self):
        for target in (self.data, f"http://127.0.0.1:{self.server.port}"):
            done = self.run_command("query", target, "sum(", code=2)
            self.assertEqual(len(done.stderr.splitlines()), 1)
            self.assertIn("unclosed left parenthesis", done.stderr)
        self.assertIn("unknown command", self.run_command("quarry", code=2).stderr)
        self.assertIn("wants a directory", self.run_command("explain", self.data, code=2).stderr)
        self.assertIn("holds data already", self.run_command("demo-data", self.data, code=1).stderr)

    def test_times_before_the_end(self):
        def csv(*flags):
            return self.run_command("query", self.data, "count(up)", "-o", "csv", *flags).stdout
        self.assertEqual(csv("--start=-1h", "--end", END, "--step=5m"),
                         csv("--start", END - 3600, "--end", END, "--step=5m"))
        self.assertEqual(csv("--start", "-1h", "--step=5m"), csv("--start=-1h", "--end=-0s", "--step=5m"))
        self.assertNotEqual(csv("--time=-2m"), csv())
        for flags in (("--start=--1h",), ("--time=-1parsec",)):
            self.assertIn(flags[0].split("=")[0], self.run_command("query", self.data, "up", *flags, code=2).stderr)

    def test_a_range_needs_its_start(self):
        for flag in ("end", "step"):
            done = self.run_command("query", self.data, "up", f"--{flag}", "60", code=2)
            self.assertEqual(done.stderr, f"millrace: flag --{flag} needs --start\n")

    def test_colors_in_a_terminal(self):
        try:
            os.close(os.open("/dev/ptmx", os.O_RDWR))
        except OSError:
            self.skipTest("there is no pseudo-terminal here")

        def graph(**environment):
            leader, follower = pty.openpty()
            with os.fdopen(leader, "rb", buffering=0) as screen:
                process = subprocess.Popen([MILLRACE, "query", self.data, "count by (job) (up)", "-o", "graph"], stdout=follower,
                                           stderr=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm", **environment})
                os.close(follower)
                text = b""
                with contextlib.suppress(OSError):  # what reading gives once the last writer has gone
                    while piece := screen.read(4096):
                        text += piece
                self.assertEqual(process.wait(60), 0)
            return text
        self.assertIn(b"\x1b[38;5;", graph(NO_COLOR=""))
        for environment in ({"NO_COLOR": "1"}, {"NO_COLOR": "", "TERM": "dumb"}):
            text = graph(**environment)
            self.assertNotIn(b"\x1b", text)
            self.assertIn("checkout".encode(), text)

    def test_a_directory_without_data(self):
        with tempfile.TemporaryDirectory(prefix="millrace-empty-") as folder:
            done = self.run_command("query", folder, "up")
            self.assertIn(f"{folder} holds no samples", done.stderr)

    def test_explain(self):
        plan = self.run_command("explain", self.data, "sum(rate(http_requests_total[5m]))", "--time", END).stdout
        self.assertIn("http_requests_total", plan)
        measured = self.run_command("explain", self.data, "sum(rate(http_requests_total[5m]))", "--time", END,
                                    "--analyze").stdout
        self.assertRegex(measured, r"samples read +[1-9]")
        fallen = self.run_command("explain", self.data, "sum(rate(http_requests_total[5m]))", "--time", END,
                                  "--engine.disable=rate").stdout
        self.assertIn("fallback (rate)", fallen)

    def test_help(self):
        for command in ("serve", "query", "explain", "demo-data"):
            text = self.run_command(command, "--help").stdout
            self.assertTrue(text.startswith("usage: millrace"))
            self.assertLessEqual(max(map(len, text.splitlines())), 100)

    def test_demo_data_is_the_same_for_the_same_seed(self):
        again = pathlib.Path(self.folder.name) / "again"
        make_data(again)
        ours = {path.relative_to(self.data): path.read_bytes() for path in self.data.rglob("*") if path.is_file()}
        theirs = {path.relative_to(again): path.read_bytes() for path in again.rglob("*") if path.is_file()}
        self.assertEqual(ours.keys(), theirs.keys())
        self.assertEqual([name for name in ours if ours[name] != theirs[name]], [])


def make_data(folder):
    subprocess.run([MILLRACE, "demo-data", folder, "--instances=8", f"--hours={HOURS}", f"--end={END}"],
                   check=True, capture_output=True)


# Sanitizer builds are slower: what is measured may take longer there.
SLOWNESS = float(os.environ.get("MILLRACE_TEST_SLOWNESS", "1"))

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--millrace", default=MILLRACE)
    options, rest = parser.parse_known_args()
    MILLRACE = options.millrace
    unittest.main(argv=[sys.argv[0], *rest])
