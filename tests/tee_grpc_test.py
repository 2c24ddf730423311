#!/usr/bin/env python3
"""query-tee asked by HTTP over gRPC, by a client of HTTP/2 that knows nothing of gRPC: curl.

    tests/tee_grpc_test.py [--tee PROGRAM]
"""
import gzip
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import tee_test
from judge import program
from tee.backend import vector
from tee_test import EXACT, INSTANT, SLOWNESS, Case

METHOD = "/httpgrpc.HTTP/Handle"


def varint(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number, value):
    return varint(number << 3 | 2) + varint(len(value)) + value


def request(method, url, headers=(), body=b""):
    """An HTTPRequest."""
    fields = field(1, method.encode()) + field(2, url.encode())
    for name, value in headers:
        fields += field(3, field(1, name.encode()) + field(2, value.encode()))
    return fields + (field(4, body) if body else b"")


def read_varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return value, at


def fields_of(data):
    """[(number, value)]"""
    found, at = [], 0
    while at < len(data):
        tag, at = read_varint(data, at)
        value, at = read_varint(data, at)
        if tag & 7 == 2:
            value, at = data[at:at + value], at + value
        found.append((tag >> 3, value))
    return found


class Reply:
    """What came back: the call's status, and the HTTPResponse inside."""

    def __init__(self, head, body):
        lines = dict(re.findall(r"^([\w-]+): (.*?)\r?$", head, re.M))
        self.status = int(lines.get("grpc-status", -1))
        self.message = lines.get("grpc-message", "")
        self.code, self.headers, self.body = None, {}, b""
        if not body:
            return
        packed, size = struct.unpack(">BI", body[:5])
        if packed or size != len(body) - 5:
            raise AssertionError(f"not one plain message: {body[:100]}")
        for number, value in fields_of(body[5:]):
            if number == 1:
                self.code = value
            elif number == 2:
                name, text = (text.decode() for _, text in fields_of(value))
                self.headers[name] = text
            else:
                self.body = value


class Grpc(Case):
    def start(self, *flags, count=2, **options):
        backends = [self.backend() for _ in range(count)]
        return self.tee(backends, *flags, grpc=True, **options), backends

    def call(self, tee, message, path=METHOD, packed=False, headers=()):
        file, head = self.folder / f"message-{threading.get_ident()}", self.folder / f"head-{threading.get_ident()}"
        file.write_bytes(struct.pack(">BI", packed, len(message)) + message)
        ended = subprocess.run(
            ["curl", "-sS", "--http2-prior-knowledge", "--max-time", str(20 * SLOWNESS), "-D", head, "--data-binary",
             f"@{file}", "-H", "content-type: application/grpc", "-H", "te: trailers", "-H", "expect:",
             *(word for header in headers for word in ("-H", header)), f"http://127.0.0.1:{tee.grpc_port}{path}"],
            capture_output=True, check=False)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return Reply(head.read_text(), ended.stdout)

    def test_answers_as_over_http(self):
        tee, backends = self.start(*EXACT)
        plain = tee.get(INSTANT)
        reply = self.call(tee, request("GET", INSTANT, [("X-Scope-OrgID", "someone"), ("user-agent", "a test")]))
        self.assertEqual((reply.status, reply.code, reply.body), (0, *plain))
        self.assertEqual(reply.headers["Content-Type"], "application/json")
        tee.wait_compared(2, result="success")
        for backend in backends:
            asked = backend.requests[-1]
            self.assertEqual((asked.method, asked.path), ("GET", INSTANT))
            self.assertEqual((asked.headers["X-Scope-OrgID"], asked.headers["User-Agent"]), ("someone", "a test"))
        self.assertEqual(tee.total("cortex_querytee_responses_total", route="api_v1_query"), 2)

    def test_tells_where_answers_differ(self):
        tee, backends = self.start(*EXACT)
        backends[1].answer = vector([({"__name__": "x"}, 100, "2")])
        self.assertEqual(self.call(tee, request("GET", INSTANT)).code, 200)
        tee.wait_compared(1, result="fail")
        self.assertEqual(tee.reports()[0]["query"], "sum(x)")

    def test_takes_forms_and_packed_messages(self):
        tee, backends = self.start(count=1)
        message = request("POST", "/api/v1/query", [("Content-Type", "application/x-www-form-urlencoded")],
                          b"query=" + b"x" * 5000)
        reply = self.call(tee, gzip.compress(message), packed=True, headers=["grpc-encoding: gzip"])
        self.assertEqual((reply.status, reply.code), (0, 200))
        asked = backends[0].requests[0]
        self.assertEqual(asked.body, b"query=" + b"x" * 5000)
        self.assertRegex(asked.path, r"^/api/v1/query\?time=\d")  # which both backends get

    def test_says_what_is_wrong(self):
        tee, backends = self.start(count=1)
        self.assertEqual(self.call(tee, request("GET", "/nothing")).code, 404)
        self.assertEqual(self.call(tee, request("DELETE", "/api/v1/query")).code, 405)
        self.assertEqual(self.call(tee, request("GET", "/api/v1/query?a\r\nb: c")).code, 400)
        self.assertEqual(self.call(tee, b"\xff\xff").status, 13)
        self.assertEqual(self.call(tee, b"", path="/httpgrpc.HTTP/Other").status, 12)
        self.assertEqual(self.call(tee, b"", headers=["grpc-encoding: snappy"]).status, 12)
        self.assertEqual(backends[0].requests, [])
        backends[0].answer.status = 503
        self.assertEqual(self.call(tee, request("GET", INSTANT)).code, 503)
        backends[0].answer.cut = 10
        self.assertEqual(self.call(tee, request("GET", INSTANT)).code, 502)

    def test_keeps_to_its_limits(self):
        tee, backends = self.start("-server.grpc-max-send-msg-size-bytes=1000",
                                   "-server.grpc-max-recv-msg-size-bytes=500", count=1)
        backends[0].answer.body = b"x" * 1000
        self.assertEqual(len(self.call(tee, request("GET", INSTANT)).body), 1000)
        backends[0].answer.body = b"x" * 1001
        self.assertEqual(self.call(tee, request("GET", INSTANT)).status, 8)
        self.assertEqual(self.call(tee, request("GET", "/api/v1/query?query=" + "x" * 500)).status, 8)
        self.assertEqual(len(backends[0].requests), 2)

    def test_finishes_what_is_under_way(self):
        tee, backends = self.start(count=1)
        backends[0].answer.delay = 1
        replies = []
        caller = threading.Thread(target=lambda: replies.append(self.call(tee, request("GET", INSTANT))))
        caller.start()
        deadline = time.monotonic() + 20 * SLOWNESS
        while not backends[0].requests and time.monotonic() < deadline:
            time.sleep(0.01)
        tee.process.send_signal(signal.SIGTERM)
        caller.join()
        self.assertEqual(replies[0].code, 200)  # behind a goodbye curl leaves trailers unread
        self.assertEqual(tee.process.wait(30), 0)

    def test_answers_many_clients_at_once(self):
        tee, _ = self.start(count=1)
        replies = []

        def ask():
            for _ in range(5):
                replies.append(self.call(tee, request("GET", INSTANT)))

        callers = [threading.Thread(target=ask) for _ in range(8)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        self.assertEqual([(reply.status, reply.code) for reply in replies], [(0, 200)] * 40)
        self.assertEqual(tee.total("cortex_querytee_responses_total"), 40)

    def test_can_be_off(self):
        tee = self.tee([self.backend()], "-server.grpc-service-port=0")
        self.assertIn("grpc=none", tee.log.read_text())

    def test_cannot_listen(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            ended = subprocess.run(
                [tee_test.TEE, "-backend.endpoints=http://127.0.0.1:1", "-server.http-service-address=127.0.0.1",
                 "-server.http-service-port=0", "-server.metrics-port=0",
                 f"-server.grpc-service-port={taken.getsockname()[1]}"],
                capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(ended.returncode, 1)
        self.assertIn("cannot listen", ended.stderr)
        self.assertIn("--server.grpc-service-port=0", ended.stderr)


def main():
    options, rest = program.read_flags(__doc__, tee=tee_test.TEE)
    tee_test.TEE = options.tee
    sys.exit(not program.run_tests(rest))


if __name__ == "__main__":
    main()
