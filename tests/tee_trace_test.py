#!/usr/bin/env python3
"""query-tee's traces: what backends are told, and what a collector of OTLP gets.

    tests/tee_trace_test.py [--tee PROGRAM]
"""
import http.server
import json
import os
import re
import sys
import threading
import time
from unittest import mock

import tee_test
from judge import program
from tee.backend import vector
from tee_test import EXACT, INSTANT, SLOWNESS, Case

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


class Collector(http.server.ThreadingHTTPServer):
    """Takes OTLP/HTTP in JSON."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), CollectorHandler)
        self.spans, self.resources, self.headers, self.status = [], [], [], 200
        self.gate = threading.Event()
        self.gate.set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def close(self):
        self.gate.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        pass  # query-tee does not wait for who is silent

    def wait_for(self, count, name=None):
        deadline = time.monotonic() + 20 * SLOWNESS
        while True:
            found = [span for span in list(self.spans) if name in (None, span["name"])]
            if len(found) >= count:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"{count} spans {name}: {found}")
            time.sleep(0.01)


class CollectorHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.gate.wait(60)
        if self.path == "/v1/traces" and self.server.status == 200:
            for resource in json.loads(body)["resourceSpans"]:
                self.server.resources.append(attributes(resource["resource"]))
                for scope in resource["scopeSpans"]:
                    self.server.spans.extend(scope["spans"])
        self.server.headers.append(self.headers)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def attributes(thing):
    return {one["key"]: next(iter(one["value"].values())) for one in thing["attributes"]}


class Traces(Case):
    def start(self, *flags, count=2, endpoint=True, **environment):
        self.collector = Collector()
        self.addCleanup(self.collector.close)
        variables = {"OTEL_BSP_SCHEDULE_DELAY": "20", **environment}
        if endpoint:
            variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = self.collector.url
        backends = [self.backend() for _ in range(count)]
        with mock.patch.dict(os.environ, variables):
            return self.tee(backends, *flags), backends

    def wait_asked(self, backends, count):
        deadline = time.monotonic() + 20 * SLOWNESS
        while any(len(backend.requests) < count for backend in backends) and time.monotonic() < deadline:
            time.sleep(0.01)
        return [backend.requests[-1].headers for backend in backends]

    def test_tells_of_a_request_and_its_asks(self):
        tee, backends = self.start(*EXACT, OTEL_SERVICE_NAME="a tee", OTEL_EXPORTER_OTLP_HEADERS="X-Token=t")
        tee.get(INSTANT, headers={"traceparent": PARENT, "tracestate": "a=b", "baggage": "c=d", "X-Scope-OrgID": "me"})
        request = self.collector.wait_for(1, "api_v1_query")[0]
        asks = [self.collector.wait_for(1, backend.name)[0] for backend in backends]
        verdict = self.collector.wait_for(1, "compare")[0]
        told = self.wait_asked(backends, 1)

        self.assertEqual({span["traceId"] for span in (request, *asks, verdict)}, {TRACE})
        self.assertEqual((request["parentSpanId"], request["kind"]), (SPAN, 2))
        found = attributes(request)
        self.assertEqual((found["querytee.query"], found["querytee.user"], found["http.response.status_code"]),
                         ("sum(x)", "me", "200"))
        self.assertNotIn("status", request)
        for ask, headers, preferred in zip(asks, told, ("true", "false")):
            self.assertEqual((ask["parentSpanId"], ask["kind"]), (request["spanId"], 3))
            self.assertEqual(headers.get_all("traceparent"), [f"00-{TRACE}-{ask['spanId']}-01"])
            self.assertEqual((headers["tracestate"], headers["baggage"]), ("a=b", "c=d"))
            self.assertEqual(attributes(ask)["querytee.preferred"], preferred)
            self.assertLessEqual(int(ask["startTimeUnixNano"]), int(ask["endTimeUnixNano"]))
        self.assertEqual(verdict["parentSpanId"], request["spanId"])
        self.assertEqual(attributes(verdict)["querytee.comparison.result"], "success")
        self.assertEqual(self.collector.resources[0]["service.name"], "a tee")
        self.assertEqual(self.collector.headers[0]["X-Token"], "t")
        self.assertEqual(tee.total("millrace_querytee_spans_dropped_total"), 0)

    def test_tells_of_differences_and_failures(self):
        tee, backends = self.start(*EXACT, "--proxy.confirm-mismatches=false")
        backends[1].answer = vector([({"__name__": "x"}, 100, "2")])
        tee.get(INSTANT)
        verdict = attributes(self.collector.wait_for(1, "compare")[0])
        self.assertEqual(verdict["querytee.comparison.result"], "fail")
        self.assertIn("value 1", verdict["querytee.comparison.detail"])
        request = self.collector.wait_for(1, "api_v1_query")[0]
        self.assertNotIn("parentSpanId", request)
        self.assertEqual(self.collector.wait_for(1, backends[0].name)[0]["traceId"], request["traceId"])
        backends[0].answer.cut = 5
        tee.get(INSTANT)
        self.assertEqual(self.collector.wait_for(2, "api_v1_query")[1]["status"]["code"], 2)
        self.assertEqual(self.collector.wait_for(2, backends[0].name)[1]["status"]["code"], 2)

    def test_samples(self):
        tee, backends = self.start(OTEL_TRACES_SAMPLER="parentbased_always_off")
        tee.get(INSTANT)
        self.assertRegex(self.wait_asked(backends, 1)[0]["traceparent"], r"^00-[0-9a-f]{32}-[0-9a-f]{16}-00$")
        tee.get(INSTANT, headers={"b3": f"{TRACE}-{SPAN}-1"})
        headers = self.wait_asked(backends, 2)[1]
        self.assertRegex(headers["b3"], f"^{TRACE}-[0-9a-f]{{16}}-1-[0-9a-f]{{16}}$")
        self.assertRegex(headers["traceparent"], f"^00-{TRACE}-[0-9a-f]{{16}}-01$")
        self.collector.wait_for(3)
        self.assertEqual({span["traceId"] for span in self.collector.spans}, {TRACE})

    def test_leaves_headers_alone_when_it_is_off(self):
        tee, backends = self.start(endpoint=False)
        tee.get(INSTANT, headers={"traceparent": PARENT, "b3": "0", "uber-trace-id": "1:2:0:1"})
        for headers in self.wait_asked(backends, 1):
            self.assertEqual((headers["traceparent"], headers["b3"], headers["uber-trace-id"]), (PARENT, "0", "1:2:0:1"))
        self.assertEqual(self.collector.headers, [])

    def test_waits_for_no_collector(self):
        tee, backends = self.start(OTEL_BSP_MAX_QUEUE_SIZE="10", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="5", count=1)
        self.collector.gate.clear()
        began = time.monotonic()
        for _ in range(50):
            self.assertEqual(tee.get(INSTANT)[0], 200)
        self.assertLess(time.monotonic() - began, 10 * SLOWNESS)
        tee.wait_for("millrace_querytee_spans_dropped_total", 80, reason="queue_full")
        tee.stop()  # the collector is still silent
        self.assertEqual(tee.process.returncode, 0)
        self.assertEqual(len(backends[0].requests), 50)

    def test_says_what_it_leaves_out(self):
        tee, _ = self.start(OTEL_TRACES_SAMPLER="sometimes")
        self.assertRegex(tee.log.read_text(), re.escape("OTEL_TRACES_SAMPLER"))


def main():
    options, rest = program.read_flags(__doc__, tee=tee_test.TEE)
    tee_test.TEE = options.tee
    sys.exit(not program.run_tests(rest))


if __name__ == "__main__":
    main()
