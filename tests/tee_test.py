#!/usr/bin/env python3
"""query-tee in front of servers that lie, break off, hang and die, and of a real pair.

    tests/tee_test.py [--tee PROGRAM] [--millrace PROGRAM]
"""
import base64
import gzip
import http.client
import json
import math
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import processes, program  # noqa: E402
from tee.backend import Backend, matrix, vector  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
TEE = str(ROOT / "build/query-tee/query-tee")
MILLRACE = str(ROOT / "build/server/millrace")
SLOWNESS = float(os.environ.get("MILLRACE_TEST_SLOWNESS", "3"))
SANITIZED = os.environ.get("MILLRACE_TEST_SANITIZER", "none") != "none"  # freed memory is held back then
RANGE = "/api/v1/query_range?query=rate(x%5B5m%5D)&start=0&end=300&step=15"
INSTANT = "/api/v1/query?query=sum(x)&time=100"
EXACT = ("--proxy.compare-responses", "--proxy.value-comparison-tolerance=0", "--proxy.confirm-delay=10ms")


class Tee(processes.Server):
    """A running query-tee."""

    def __init__(self, folder, backends, *flags, preferred=0, tls=None, grpc=False):
        port, self.metrics_port = processes.free_port(), processes.free_port()
        self.grpc_port = processes.free_port() if grpc else 0
        self.report = folder / f"report-{port}.jsonl"
        self.tls = tls
        command = [TEE, "-backend.endpoints=" + ",".join(backend.url for backend in backends),
                   "-server.http-service-address=127.0.0.1", f"-server.http-service-port={port}",
                   f"-server.metrics-port={self.metrics_port}", f"-server.grpc-service-port={self.grpc_port}",
                   f"--proxy.temp-folder={folder}",
                   f"--report.file={self.report}", *flags]
        if preferred is not None:
            command.append(f"-backend.preferred={backends[preferred].name}")
        super().__init__("query-tee", command, port, folder / "tee.log")

    def connect(self):
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self.tls)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def is_ready(self):
        try:
            return self.get("/ready")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def get(self, path, method="GET", body=None, headers=None):
        """(status, body)"""
        connection = self.connect()
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def metrics(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics_port, timeout=30)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return text

    def total(self, name, **labels):
        """The sum of a metric's series that have these labels."""
        total = 0
        for found, text, value in re.findall(r"^(\w+)\{(.*)\} (\S+)$", self.metrics(), re.M):
            pairs = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', text))
            if found == name and all(pairs.get(key) == wanted for key, wanted in labels.items()):
                total += float(value)
        return total

    def wait_for(self, name, count=1, **labels):
        deadline = time.monotonic() + 20 * SLOWNESS
        while self.total(name, **labels) < count:
            if time.monotonic() > deadline:
                why = re.findall(r"^\w+\{.*reason=.*$", self.metrics(), re.M)
                raise AssertionError(f"{name} {labels} is {self.total(name, **labels)}, not {count}: {why} {self.last_words()}")
            time.sleep(0.01)

    def wait_compared(self, count=1, **labels):
        self.wait_for("cortex_querytee_responses_compared_total", count, **labels)

    def reports(self):
        return [json.loads(line) for line in self.report.read_text().splitlines()]

    def threads(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"^Threads:\s+(\d+)$", status, re.M).group(1))

    def wait_for_threads(self, count):
        """No more than there were: each connection has one."""
        deadline = time.monotonic() + 20 * SLOWNESS
        while self.threads() > count:
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.threads()} threads, not {count}")
            time.sleep(0.01)

    def memory_bytes(self):
        found = re.search(r"^process_resident_memory_bytes (\S+)$", self.metrics(), re.M)
        return float(found.group(1))


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="query-tee-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def backend(self, answer=None):
        backend = Backend(answer or vector([({"__name__": "x"}, 100, "1")]))
        self.addCleanup(backend.close)
        return backend

    def tee(self, backends, *flags, **options):
        tee = Tee(self.folder, backends, *flags, **options)
        tee.start()
        self.addCleanup(self.end, tee)
        return tee

    def end(self, tee):
        tee.stop()
        self.assertEqual(tee.process.returncode, 0, tee.last_words())


def truth():
    return [({"__name__": "x", "i": str(i)}, [(t, str(t / 7 + i)) for t in range(0, 315, 15)]) for i in range(4)]


class Handing(Case):
    """What reaches backends and clients."""

    def test_hands_on_the_preferred_answer_as_it_came(self):
        a, b = self.backend(), self.backend(vector([({}, 100, "2")]))
        tee = self.tee([a, b])
        for method, path, body in (("GET", INSTANT, None), ("POST", "/api/v1/query", "query=sum(x)&time=100")):
            headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Scope-OrgID": "t"} if body else {}
            status, got = tee.get(path, method, body, headers)
            self.assertEqual((status, got), (200, a.answer.body))
        tee.wait_for("cortex_querytee_backend_request_duration_seconds_count", 4)
        for backend in (a, b):
            first, second = backend.requests
            self.assertEqual((first.method, first.path), ("GET", INSTANT))
            self.assertEqual((second.method, second.path, second.body), ("POST", "/api/v1/query", b"query=sum(x)&time=100"))
            self.assertEqual(second.headers["X-Scope-OrgID"], "t")
        self.assertEqual(tee.total("cortex_querytee_responses_total", backend=a.name), 2)
        self.assertEqual(tee.total("cortex_querytee_responses_total", backend=b.name), 0)

    def test_adds_a_time_to_instant_queries_alone(self):
        a, b = self.backend(), self.backend()
        tee = self.tee([a, b])
        before = time.time()
        tee.get("/api/v1/query?query=x")
        tee.get("/api/v1/query", "POST", "query=x", {"Content-Type": "application/x-www-form-urlencoded"})
        tee.get("/api/v1/query?query=x&time=5")
        tee.get("/api/v1/series?match[]=x")
        tee.wait_for("cortex_querytee_backend_request_duration_seconds_count", 8)
        for number in (0, 1):
            times = [urllib.parse.parse_qs(urllib.parse.urlsplit(backend.requests[number].path).query)["time"]
                     for backend in (a, b)]
            self.assertEqual(times[0], times[1])
            self.assertAlmostEqual(float(times[0][0]), before, delta=10)
        self.assertEqual(a.requests[2].path, "/api/v1/query?query=x&time=5")
        self.assertEqual(a.requests[3].path, "/api/v1/series?match[]=x")

    def test_lets_requests_in_as_the_urls_say(self):
        a, b, c = self.backend(), self.backend(), self.backend()
        b.url = b.url.replace("http://", "http://me@")
        c.url = c.url.replace("http://", "http://__REQUEST_HEADER_X_SCOPE_ORGID__:key@")
        tee = self.tee([a, b, c])
        sent = "Basic " + base64.b64encode(b"you:word").decode()
        tee.get(INSTANT, headers={"Authorization": sent, "X-Scope-OrgID": "tenant"})
        tee.wait_for("cortex_querytee_backend_request_duration_seconds_count", 3)
        got = [base64.b64decode(backend.requests[0].headers["Authorization"].split()[1]) for backend in (a, b, c)]
        self.assertEqual(got, [b"you:word", b"me:word", b"tenant:key"])

    def test_follows_the_file_of_backends(self):
        a, b, c = self.backend(), self.backend(), self.backend()
        file = self.folder / "backends.yaml"
        file.write_text(f"'{b.name}':\n  request_proportion: 0\n"
                        f"'{c.name}':\n  request_headers:\n    Cache-Control: [no-store]\n  min_data_queried_age: 1h\n")
        tee = self.tee([a, b, c], f"-backend.config-file={file}")
        now = time.time()
        for query in ("x", "x offset 2h", "rate(x[2h])"):
            tee.get("/api/v1/query?" + urllib.parse.urlencode({"query": query, "time": now}))
        tee.wait_for("cortex_querytee_backend_request_duration_seconds_count", 5)
        self.assertEqual((len(a.requests), len(b.requests), len(c.requests)), (3, 0, 2))
        self.assertEqual(c.requests[0].headers["Cache-Control"], "no-store")
        self.assertEqual(tee.total("millrace_querytee_requests_not_sent_total", reason="proportion"), 3)
        self.assertEqual(tee.total("millrace_querytee_requests_not_sent_total", reason="min_data_queried_age"), 1)

    def test_passes_other_paths_through_where_it_may(self):
        a, b = self.backend(), self.backend()
        tee = self.tee([a, b])
        self.assertEqual(tee.get("/api/v1/status/buildinfo")[0], 404)
        self.assertEqual(tee.get("/api/v1/metadata", "POST", "")[0], 405)
        tee.stop()
        tee = self.tee([a, b], "-proxy.passthrough-non-registered-routes=true", "-server.path-prefix=/p")
        self.assertEqual(tee.get("/p/api/v1/status/x%2Fy?a=b", "PUT", "body"), (200, a.answer.body))
        self.assertEqual(tee.get("/api/v1/query?query=x")[0], 404)
        self.assertEqual((a.requests[0].method, a.requests[0].path, a.requests[0].body),
                         ("PUT", "/api/v1/status/x%2Fy?a=b", b"body"))
        self.assertEqual(len(b.requests), 0)

    def test_hands_on_packed_bytes_of_what_it_does_not_read(self):
        packed = self.backend()
        packed.answer.body = bytes(range(256))
        packed.answer.headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}
        tee = self.tee([packed, self.backend()])
        connection = tee.connect()
        connection.request("POST", "/api/v1/read", body=b"\x01\x02", headers={"Content-Encoding": "snappy"})
        response = connection.getresponse()
        self.assertEqual((response.getheader("Content-Encoding"), response.read()), ("snappy", bytes(range(256))))
        connection.close()
        self.assertEqual((packed.requests[0].body, packed.requests[0].headers["Content-Encoding"]), (b"\x01\x02", "snappy"))

    def test_serves_over_tls(self):
        key, cert = self.folder / "key.pem", self.folder / "cert.pem"
        if not shutil.which("openssl"):
            self.skipTest("there is no openssl")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert,
                        "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
                       check=True, capture_output=True)
        trust = ssl.create_default_context(cafile=cert)
        inner = self.tee([self.backend()], f"-server.http-tls-cert-path={cert}", f"-server.http-tls-key-path={key}",
                         tls=trust)
        self.assertEqual(inner.get(INSTANT)[0], 200)
        # And a tee before this one, which must check what it is told.
        behind = self.backend()
        behind.url = f"https://127.0.0.1:{inner.port}"
        behind.name = f"127.0.0.1:{inner.port}"
        for flag, expected in ((f"--backend.tls-ca-path={cert}", 200), ("-backend.skip-tls-verify", 200), ("--log.level=info", 502)):
            outer = self.tee([behind], flag)
            self.assertEqual(outer.get(INSTANT)[0], expected, flag)
            outer.stop()


class Choosing(Case):
    """Whose answer goes on where no backend is preferred."""

    def test_takes_the_first_good_answer(self):
        bad, slow, fast = self.backend(), self.backend(), self.backend()
        bad.answer.status, slow.answer.delay = 500, 100
        slow.answer.body, fast.answer.delay = b"{}", 0.1
        tee = self.tee([bad, slow, fast], "--proxy.drain-timeout=100ms", preferred=None)
        self.assertEqual(tee.get(INSTANT), (200, fast.answer.body))

    def test_takes_the_first_of_bad_ones(self):
        first, second, dead = self.backend(), self.backend(), self.backend()
        first.answer.status, second.answer.status, second.answer.delay = 503, 429, 2
        dead.close()
        tee = self.tee([dead, first, second], preferred=None)
        self.assertEqual(tee.get(INSTANT)[0], 503)

    def test_a_refusal_is_an_answer(self):
        refusing, slow = self.backend(), self.backend()
        refusing.answer.status, slow.answer.delay = 422, 100
        tee = self.tee([slow, refusing], "--proxy.drain-timeout=100ms", preferred=None)
        self.assertEqual(tee.get(INSTANT)[0], 422)


class Comparing(Case):
    """Each kind of lie is found, and put into its class."""

    def classes(self, change, path=RANGE, flags=EXACT):
        a, b = self.backend(matrix(truth())), self.backend(matrix(truth()))
        change(b.answer)
        tee = self.tee([a, b], *flags)
        tee.get(path)
        tee.wait_compared()
        reports = tee.reports()
        self.assertLessEqual(len(reports), 1)
        found = {name: entry["count"] for name, entry in reports[0]["classes"].items()} if reports else {}
        for name, count in found.items():
            self.assertEqual(tee.total("millrace_querytee_differences_total", **{"class": name}), count)
            self.assertEqual(tee.total("millrace_querytee_shape_answers_differing_total", **{"class": name},
                                       shape="rate(m[d])"), 1)
        self.assertEqual(tee.total("cortex_querytee_responses_compared_total", result="fail"), bool(found))
        tee.stop()
        return found

    def test_finds_nothing_in_equal_answers(self):
        self.assertEqual(self.classes(lambda answer: None), {})

    def test_finds_one_ulp(self):
        def change(answer):
            lying = truth()
            lying[2][1][5] = (75, repr(math.nextafter(float(lying[2][1][5][1]), math.inf)))
            answer.body = matrix(lying).body
        self.assertEqual(self.classes(change), {"value": 1})
        self.assertEqual(self.classes(change, flags=("--proxy.compare-responses",)), {})
        self.assertEqual(self.classes(change, flags=(*EXACT, "--proxy.value-comparison-ulps=1")), {})

    def test_finds_a_point_that_was_dropped(self):
        def change(answer):
            lying = truth()
            del lying[1][1][10]
            answer.body = matrix(lying).body
        self.assertEqual(self.classes(change), {"missing_points": 1})

    def test_finds_an_end_that_comes_earlier(self):
        def change(answer):
            lying = truth()
            del lying[1][1][-2:]
            answer.body = matrix(lying).body
        self.assertEqual(self.classes(change), {"staleness_edge": 2})

    def test_finds_series_that_were_swapped(self):
        def change(answer):
            lying = truth()
            lying[0], lying[1] = lying[1], lying[0]
            answer.body = matrix(lying).body
        self.assertEqual(self.classes(change), {"series_order": 1})

    def test_finds_a_series_that_is_missing_and_one_that_should_not_be_there(self):
        def change(answer):
            lying = truth()
            lying[3][0]["i"] = "9"
            answer.body = matrix(lying).body
        self.assertEqual(self.classes(change), {"missing_series": 1, "extra_series": 1})

    def test_finds_a_warning_that_was_removed(self):
        a, b = self.backend(matrix(truth(), warnings=["careful"])), self.backend(matrix(truth()))
        tee = self.tee([a, b], *EXACT)
        tee.get(RANGE)
        tee.wait_compared(result="fail")
        self.assertEqual(list(tee.reports()[0]["classes"]), ["annotation"])

    def test_finds_a_body_that_breaks_off(self):
        def change(answer):
            answer.cut = len(answer.body) // 2
        self.assertEqual(self.classes(change), {"broken_body": 1})

    def test_finds_json_that_breaks_off(self):
        def change(answer):
            answer.body = answer.body[:len(answer.body) // 2]
        self.assertEqual(list(self.classes(change)), ["broken_body"])

    def test_finds_another_status(self):
        def change(answer):
            answer.status, answer.body = 500, b'{"status":"error","errorType":"internal","error":"x"}'
        self.assertEqual(self.classes(change), {"status": 1})

    def test_counts_no_answer_as_a_difference(self):
        a, b = self.backend(matrix(truth())), self.backend()
        b.close()
        tee = self.tee([a, b], *EXACT)
        self.assertEqual(tee.get(RANGE)[0], 200)
        tee.wait_compared(result="fail")
        self.assertEqual(tee.total("millrace_querytee_backend_failures_total", backend=b.name, reason="no_answer"), 1)
        self.assertEqual(list(tee.reports()[0]["classes"]), ["status"])

    def test_compares_labels_and_series_too(self):
        def answer(data):
            got = vector([])
            got.body = json.dumps({"status": "success", "data": data}).encode()
            return got
        a, b = self.backend(answer(["job", "x"])), self.backend(answer(["job", "y"]))
        tee = self.tee([a, b], *EXACT)
        tee.get("/api/v1/labels")
        tee.get("/api/v1/label/x/values")
        tee.wait_compared(2, result="fail")
        a.answer, b.answer = answer([{"a": "b"}]), answer([{"a": "c"}])
        tee.get("/api/v1/series?match[]=x")
        tee.wait_compared(1, result="fail", route="api_v1_series")

    def test_does_not_tell_what_is_gone_when_asked_again(self):
        a, b = self.backend(matrix(truth())), self.backend(matrix(truth()[1:]))
        b.answer.then = matrix(truth())
        tee = self.tee([a, b], *EXACT)
        tee.get(RANGE)
        tee.wait_compared(result="success")
        self.assertEqual(tee.reports(), [])
        self.assertEqual(tee.total("millrace_querytee_mismatches_not_confirmed_total"), 1)
        self.assertEqual([request.path for request in b.requests], [RANGE, RANGE])

    def test_compares_fresh_queries_at_another_time(self):
        a, b = self.backend(), self.backend()
        tee = self.tee([a, b], *EXACT, "--proxy.shift-comparison-queries-by=1h", "--proxy.compare-skip-recent-samples=0s")
        now = math.floor(time.time())
        fresh = {"query": "x", "start": now - 600, "end": now, "step": 15}
        tee.get("/api/v1/query_range?" + urllib.parse.urlencode(fresh))
        tee.wait_compared()
        paths = [urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query) for request in b.requests]
        self.assertEqual([(int(asked["end"][0]) - now, int(asked["start"][0]) - now) for asked in paths],
                         [(0, -600), (-3600, -4200)])
        tee.get("/api/v1/query?" + urllib.parse.urlencode({"query": "x offset 2h", "time": now}))
        tee.wait_compared(2)
        self.assertEqual(len(b.requests), 3)

    def test_tells_it_in_the_log_on_the_page_and_as_json(self):
        a, b = self.backend(matrix(truth())), self.backend(matrix(truth()[1:]))
        tee = self.tee([a, b], *EXACT)
        tee.get(RANGE.replace("rate(x", "rate(x%3C"), headers={"X-Scope-OrgID": "t1"})
        tee.wait_compared(result="fail")
        log = tee.log.read_text()
        self.assertRegex(log, r'msg="response comparison failed" route_name=api_v1_query_range err="missing_series 1; .*user=t1')
        status, page = tee.get("/")
        self.assertEqual(status, 200)
        self.assertIn("rate(x&lt;[5m])", page.decode())
        self.assertIn("missing_series 1", page.decode())
        data = json.loads(tee.get("/api/v1/tee")[1])["data"]
        self.assertEqual([backend["different"] for backend in data["backends"]], [0, 1])
        self.assertEqual(data["differences"], tee.reports())
        self.assertEqual(data["shapes"][0]["different"], 1)


class Breaking(Case):
    """Backends that hang, lie about their length, never end or are not there."""

    def test_a_slow_secondary_delays_nothing(self):
        a, b = self.backend(), self.backend()
        b.answer.gate = threading.Event()
        tee = self.tee([a, b], *EXACT, "-proxy.log-slow-query-response-threshold=1s")
        self.assertEqual(tee.get(INSTANT)[0], 200)
        time.sleep(1.2)
        b.answer.gate.set()
        tee.wait_compared()
        self.assertIn("response time difference between backends exceeded threshold", tee.log.read_text())

    def test_one_that_takes_too_long_is_given_up(self):
        a, b = self.backend(), self.backend()
        a.answer.delay = 5
        tee = self.tee([a, b], "-backend.read-timeout=300ms")
        self.assertEqual(tee.get(INSTANT)[0], 504)
        tee.wait_for("millrace_querytee_backend_failures_total", reason="timeout")

    def test_the_preferred_one_is_not_there(self):
        a, b = self.backend(), self.backend()
        a.close()
        status, body = self.tee([a, b]).get(INSTANT)
        self.assertEqual(status, 502)
        self.assertIn(a.name, body.decode())

    def test_a_cut_answer_never_looks_complete(self):
        a, b = self.backend(), self.backend()
        tee = self.tee([a, b])
        for size in (1000, 3 << 20):
            a.answer.body, a.answer.cut = b"x" * size, size - 10
            try:
                status, _ = tee.get(INSTANT)
                self.assertEqual(status, 502)
            except (http.client.IncompleteRead, ConnectionError):
                self.assertGreater(size, 1 << 20)

    def test_a_secondary_that_is_no_http_server(self):
        a = self.backend()
        with socket.socket() as garbage:
            garbage.bind(("127.0.0.1", 0))
            garbage.listen()
            b = self.backend()
            b.url = f"http://127.0.0.1:{garbage.getsockname()[1]}"

            def chatter():
                try:
                    while True:
                        peer, _ = garbage.accept()
                        peer.sendall(b"220 mail.example ESMTP\r\n" + bytes(100))
                        peer.close()
                except OSError:
                    pass
            threading.Thread(target=chatter, daemon=True).start()
            tee = self.tee([a, b], *EXACT)
            self.assertEqual(tee.get(INSTANT)[0], 200)
            tee.wait_compared(result="fail")
            garbage.shutdown(socket.SHUT_RDWR)

    def test_a_secondary_that_never_ends(self):
        a, b = self.backend(), self.backend()
        b.answer.endless = True
        tee = self.tee([a, b], *EXACT, "--proxy.body-limit=4MiB", "--proxy.body-memory=64KiB")
        self.assertEqual(tee.get(INSTANT)[0], 200)
        tee.wait_for("millrace_querytee_comparisons_skipped_total", reason="too_large")
        self.assertEqual(tee.total("millrace_querytee_backend_failures_total", backend=b.name, reason="too_large"), 1)

    def test_a_long_preferred_answer_reaches_the_client_whole(self):
        a, b = self.backend(), self.backend()
        a.answer.body = bytes(i * 7 % 251 for i in range(1 << 16)) * 320  # 20 MiB
        tee = self.tee([a, b], *EXACT, "--proxy.body-limit=2MiB", "--proxy.body-memory=64KiB", "--proxy.bodies-disk=3MiB")
        self.assertEqual(tee.get(INSTANT), (200, a.answer.body))
        tee.wait_compared()

    def test_a_long_preferred_answer_needs_no_disk(self):
        a, b = self.backend(), self.backend()
        a.answer.body = bytes(i * 7 % 251 for i in range(1 << 16)) * 64  # 4 MiB
        tee = self.tee([a, b], *EXACT, "--proxy.body-memory=64KiB", "--proxy.temp-folder=/missing")
        self.assertEqual(tee.get(INSTANT), (200, a.answer.body))
        tee.wait_compared()
        self.assertEqual(tee.total("millrace_querytee_backend_failures_total"), 0)

    def test_what_hangs_is_bounded(self):
        a, b = self.backend(), self.backend()
        b.answer.delay = 60
        tee = self.tee([a, b], *EXACT, "--proxy.secondary-max-in-flight=2", "--proxy.drain-timeout=100ms")
        for _ in range(6):
            self.assertEqual(tee.get(INSTANT)[0], 200)
        self.assertEqual(tee.total("millrace_querytee_requests_not_sent_total", reason="too_many_in_flight"), 4)
        self.assertEqual(tee.total("millrace_querytee_requests_in_flight", backend=b.name), 2)
        begin = time.monotonic()
        tee.stop()
        self.assertEqual(tee.process.returncode, 0)
        self.assertLess(time.monotonic() - begin, 20)

    def test_memory_does_not_grow_with_answers(self):
        big = [({"__name__": "x", "i": str(i)}, [(t, str(t * 1.1)) for t in range(4000)]) for i in range(40)]
        a, b = self.backend(matrix(big)), self.backend(matrix(big))
        tee = self.tee([a, b], *EXACT, "--proxy.body-memory=64KiB", "--proxy.bodies-memory=4MiB")
        for _ in range(12):
            self.assertEqual(len(tee.get(RANGE)[1]), len(a.answer.body))
        tee.wait_compared(12, result="success")
        self.assertEqual(tee.total("millrace_querytee_comparisons_skipped_total"), 0)
        self.assertGreater(12 * len(a.answer.body), 30 << 20)
        if not SANITIZED:
            self.assertLess(tee.memory_bytes(), 48 << 20)
        deadline = time.monotonic() + 20 * SLOWNESS
        while "\nmillrace_querytee_body_disk_bytes 0\n" not in tee.metrics():
            self.assertLess(time.monotonic(), deadline, "temporary files are given back")
            time.sleep(0.01)

    def leave(self, tee, path, answered=False):
        """Asks, and leaves before there is an answer, or once it begins."""
        with socket.create_connection(("127.0.0.1", tee.port), timeout=20 * SLOWNESS) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            if answered:
                self.assertEqual(client.recv(1), b"H")
            else:
                time.sleep(0.1)

    def test_a_client_that_leaves_takes_its_question_back(self):
        a, b = self.backend(matrix(truth())), self.backend(matrix(truth()[1:]))
        a.answer.delay = 100
        tee = self.tee([a, b], *EXACT, "--server.http-conn-limit=4")
        before = tee.threads()
        for _ in range(8):
            self.leave(tee, RANGE)
        tee.wait_for("millrace_querytee_requests_incomplete_total", 8)
        tee.wait_for("millrace_querytee_backend_failures_total", 8, backend=a.name, reason="canceled")
        tee.wait_for("millrace_querytee_comparisons_skipped_total", 8, reason="canceled")
        self.assertEqual(tee.total("millrace_querytee_requests_in_flight", backend=a.name), 0)
        tee.wait_for_threads(before)
        a.answer.delay = 0
        self.assertEqual(tee.get(RANGE), (200, a.answer.body))

    def test_a_client_that_leaves_within_an_answer_takes_it_back(self):
        a, b = self.backend(), self.backend()
        a.answer.body, a.answer.stall = bytes(1 << 20), 200 << 10
        tee = self.tee([a, b], *EXACT, "--server.http-conn-limit=4")
        for _ in range(8):
            self.leave(tee, RANGE)
        tee.wait_for("millrace_querytee_backend_failures_total", 8, backend=a.name, reason="canceled")
        tee.wait_for("millrace_querytee_comparisons_skipped_total", 8, reason="canceled")
        self.assertEqual(tee.total("millrace_querytee_requests_in_flight", backend=a.name), 0)

    def test_nobody_waits_for_a_choice_once_the_client_has_left(self):
        a, b = self.backend(), self.backend()
        a.answer.delay = b.answer.delay = 100
        tee = self.tee([a, b], "--server.http-conn-limit=4", "--proxy.drain-timeout=100ms", preferred=None)
        before = tee.threads()
        for _ in range(8):
            self.leave(tee, RANGE)
        tee.wait_for("millrace_querytee_requests_incomplete_total", 8)
        tee.wait_for_threads(before)

    def test_a_client_that_leaves_stops_no_comparison_of_what_is_there(self):
        a, b = self.backend(matrix(truth())), self.backend(matrix(truth()[1:]))
        b.answer.delay = 0.5
        tee = self.tee([a, b], *EXACT)
        self.leave(tee, RANGE, answered=True)
        tee.wait_compared(result="fail")

    def test_sigterm_finishes_answers_and_comparisons(self):
        a, b = self.backend(matrix(truth())), self.backend(matrix(truth()[1:]))
        a.answer.delay, b.answer.delay = 0.5, 1
        tee = self.tee([a, b], *EXACT, "--proxy.confirm-delay=1h")
        got = []
        client = threading.Thread(target=lambda: got.append(tee.get(RANGE)))
        client.start()
        while not b.requests:
            time.sleep(0.01)
        tee.stop()
        client.join()
        self.assertEqual(got, [(200, a.answer.body)])
        self.assertEqual(tee.process.returncode, 0)
        self.assertEqual(list(tee.reports()[0]["classes"]), ["missing_series"])
        self.assertEqual(len(b.requests), 2)

    def test_many_at_once(self):
        a, b = self.backend(matrix(truth())), self.backend(matrix(truth()))
        tee = self.tee([a, b], *EXACT, "--proxy.compare-queue-size=1000", "--proxy.secondary-max-in-flight=1000")
        failed = []

        def ask():
            for _ in range(20):
                if tee.get(RANGE) != (200, a.answer.body):
                    failed.append(1)
        clients = [threading.Thread(target=ask) for _ in range(16)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        self.assertEqual(failed, [])
        tee.wait_compared(320)
        self.assertEqual(tee.total("cortex_querytee_responses_compared_total", result="fail"), 0)


class CommandLine(Case):
    def test_says_what_is_wrong(self):
        for flags, words in (([], "name at least one backend"), (["-backend.endpoints=x"], "is no URL"),
                             (["-backend.endpoint=http://a"], "unknown flag -backend.endpoint"),
                             (["-backend.endpoints=http://a", "-proxy.compare-responses"], "--backend.preferred")):
            ended = subprocess.run([TEE, *flags], capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual(ended.returncode, 2)
            self.assertIn(words, ended.stderr)

    def test_cannot_listen(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            ended = subprocess.run([TEE, "-backend.endpoints=http://127.0.0.1:1", "-server.http-service-address=127.0.0.1",
                                    f"-server.http-service-port={taken.getsockname()[1]}", "-server.metrics-port=0"],
                                   capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual(ended.returncode, 1)
            self.assertIn("cannot listen", ended.stderr)


class RealPair(Case):
    """Two real servers on one directory's data: a Prometheus, where there is one, and a Millrace."""

    def test_agrees(self):
        data, copy = self.folder / "data", self.folder / "copy"
        subprocess.run([MILLRACE, "demo-data", data, "--instances", "2", "--hours", "1", "--end", "1760000000"],
                       check=True, capture_output=True, timeout=120)
        shutil.copytree(data, copy)
        judge = program.find_judge()
        first = processes.prometheus(judge, copy) if judge else processes.millrace(MILLRACE, copy, name="other")
        queries = ("up", "sum by (job) (rate(http_requests_total[5m]))", "topk(3, http_requests_total)", "up == 7",
                   "histogram_quantile(0.9, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))", "sum(", '"text"')
        with first as one, processes.millrace(MILLRACE, data) as two:
            backends = [Real(one.port), Real(two.port)]
            tee = self.tee(backends, *EXACT)
            for query in queries:
                for path, times in (("query", {"time": 1759999000}), ("query_range", {"start": 1759997000, "end": 1759999000, "step": 60})):
                    tee.get(f"/api/v1/{path}?" + urllib.parse.urlencode({"query": query, **times}))
            for path in ("labels", "label/job/values", "series?match[]=up"):
                tee.get(f"/api/v1/{path}")
            plain = tee.get("/api/v1/series?match[]=node_cpu_seconds_total")[1]
            packed = tee.get("/api/v1/series?match[]=node_cpu_seconds_total", headers={"Accept-Encoding": "gzip"})[1]
            self.assertEqual(gzip.decompress(packed), plain)
            tee.wait_compared(2 * len(queries) + 5)
            self.assertEqual(tee.reports(), [])
            self.assertEqual(tee.total("cortex_querytee_responses_compared_total", result="success"), 2 * len(queries) + 5)


class Real:
    def __init__(self, port):
        self.name = f"127.0.0.1:{port}"
        self.url = f"http://{self.name}"


def main():
    global TEE, MILLRACE
    options, rest = program.read_flags(__doc__, tee=TEE, millrace=MILLRACE)
    TEE, MILLRACE = options.tee, options.millrace
    sys.exit(not program.run_tests(rest))


if __name__ == "__main__":
    main()
