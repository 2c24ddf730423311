#!/usr/bin/env python3
"""query-tee replay and fuzz: two servers that answer alike, and one whose answers are falsified on their way.

    tests/tee_duel.py [--millrace PROGRAM] [--query-tee PROGRAM]
"""
import argparse
import http.client
import http.server
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import processes  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
END = 1760000000
SAME, DIFFERENT, USAGE = 0, 1, 2

QUERIES = "\n".join((
    "# a file of every form",
    json.dumps({"query": "sum by (job) (up)", "time": END - 60}),
    json.dumps({"query": "rate(http_requests_total[5m])", "start": END - 600, "end": END - 60, "step": "15s"}),
    json.dumps({"params": {"query": "up", "start": END - 60, "end": END - 60, "step": 0}, "ts": "2026"}),
    f"/api/v1/query?query=sort(up)&time={END - 60}",
    json.dumps({"path": "/api/v1/labels", "start": END - 600, "end": END}),
    "eval instant at 0 vector(1)",
    json.dumps({"query": "up +", "time": END}),
))


def one_ulp(answer):
    value = answer["data"]["result"][0]["values"][5]
    digits = value[1]
    value[1] = digits[:-1] + str((int(digits[-1]) + 1) % 10) if "." in digits else digits + ".0000000000001"


def point_dropped(answer):
    del answer["data"]["result"][0]["values"][7]


def series_swapped(answer):
    result = answer["data"]["result"]
    result[0], result[1] = result[1], result[0]


def series_dropped(answer):
    del answer["data"]["result"][0]


def warning_added(answer):
    answer["warnings"] = ["no such warning"]


FALSIFIED = (
    (one_ulp, "value 1"),
    (point_dropped, "missing_points 1"),
    (series_swapped, "series_order"),
    (series_dropped, "missing_series 1"),
    (warning_added, "annotation 1"),
)


class Falsifier:
    """Hands requests on to a server; answers of range queries that `concerns` names are changed by `change`."""

    def __init__(self, port):
        outer = self
        self.change = None
        self.concerns = re.compile("rate")
        self.cut = False

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.hand_on(None)

            def do_POST(self):
                self.hand_on(self.rfile.read(int(self.headers["Content-Length"])))

            def hand_on(self, body):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                headers = {"Content-Type": self.headers["Content-Type"]} if body else {}
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                data = answer.read()
                connection.close()
                text = self.path + (body or b"").decode()
                if outer.change and "query_range" in text and outer.concerns.search(text):
                    value = json.loads(data)
                    try:
                        outer.change(value)
                    except (KeyError, IndexError):
                        pass
                    data = json.dumps(value).encode()
                self.send_response(answer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if outer.cut and "rate" in text:
                    data = data[:len(data) // 2]
                    self.close_connection = True
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.port = self.server.server_address[1]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Checks:
    def __init__(self, tee):
        self.tee = tee
        self.passed = self.failed = 0

    def run(self, *arguments, status):
        done = subprocess.run([self.tee, *map(str, arguments)], capture_output=True, text=True, timeout=300)
        self.expect(done.returncode == status, f"{' '.join(map(str, arguments))}: exit status {done.returncode}, "
                    f"not {status}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout + done.stderr

    def expect(self, good, what):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {what}")

    def has(self, output, *texts):
        for text in texts:
            self.expect(text in output, f"\"{text}\" is not in:\n{output[-3000:]}")


def check_replay(checks, folder, a, b, falsifier):
    file = folder / "queries.txt"
    file.write_text(QUERIES)
    output = checks.run("replay", file, a, b, status=SAME)
    checks.has(output, "7 passed, 0 failed", "rate(m[d])", "/api/v1/labels", "sum by (l) (m)")

    false = f"--backend=http://127.0.0.1:{falsifier.port}"
    report = folder / "report.jsonl"
    for change, found in FALSIFIED:
        falsifier.change = change
        report.unlink(missing_ok=True)
        output = checks.run("replay", file, a, false, "--value-comparison-ulps=0", f"--report.file={report}",
                            status=DIFFERENT)
        checks.has(output, "6 passed, 1 failed", found, "queries.txt:3:", "rate(http_requests_total[5m])")
        lines = report.read_text().splitlines()
        checks.expect(len(lines) == 1, f"{len(lines)} lines of report")
        checks.expect(json.loads(lines[0])["query"] == "rate(http_requests_total[5m])", lines[0])
    explained = folder / "explained.tsv"
    explained.write_text("# a known difference\nannotation\trate.*\t\\nno such .*\n")
    output = checks.run("replay", file, a, false, f"--explained={explained}", status=SAME)
    checks.has(output, "1 explained", "6 passed, 0 failed")
    falsifier.change = None
    falsifier.cut = True
    output = checks.run("replay", file, a, false, status=DIFFERENT)
    checks.has(output, "6 passed, 1 failed")
    falsifier.cut = False


def check_faults(checks, folder, a, b):
    file = folder / "bad.txt"
    file.write_text("/api/v1/labels\nwhat is this\n")
    checks.has(checks.run("replay", file, a, b, status=USAGE), "bad.txt:2: neither a JSON object")
    checks.has(checks.run("replay", folder / "none", a, b, status=USAGE), "No such file")
    checks.has(checks.run("replay", file, a, status=USAGE), "two backends are compared")
    checks.has(checks.run("replay", a, b, status=USAGE), "a file of requests is missing")
    checks.has(checks.run("fuzz", a, b, "--count=x", status=USAGE), "--count")
    file.write_text("/api/v1/labels\n")
    dead = f"--backend=http://127.0.0.1:{processes.free_port()}"
    checks.has(checks.run("replay", file, a, dead, status=DIFFERENT), "0 passed, 1 failed")
    checks.has(checks.run("fuzz", a, b, "--end=1000", status=USAGE), "there are no metrics")


def check_fuzz(checks, a, b, falsifier):
    times = (f"--start={END - 3600}", f"--end={END}")
    output = checks.run("fuzz", a, b, *times, "--count=300", "--seed=3", status=SAME)
    checks.has(output, "300 passed, 0 failed", "metrics between")

    false = f"--backend=http://127.0.0.1:{falsifier.port}"
    falsifier.change = warning_added
    falsifier.concerns = re.compile(r"max_over_time")
    output = checks.run("fuzz", a, false, *times, "--count=200", "--seed=3", "--failures=1", status=DIFFERENT)
    checks.has(output, "1 failed", "annotation 1")
    query = output.split("question ")[1].splitlines()[1]
    checks.expect(query.strip().startswith("max_over_time(") and len(query) < 80, f"not small: {query}")
    falsifier.change = None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millrace", default=ROOT / "build" / "server" / "millrace")
    parser.add_argument("--query-tee", default=ROOT / "build" / "query-tee" / "query-tee")
    options = parser.parse_args()
    checks = Checks(options.query_tee)
    with tempfile.TemporaryDirectory(prefix="millrace-tee-") as name:
        folder = pathlib.Path(name)
        data = folder / "data"
        subprocess.run([options.millrace, "demo-data", data, "--instances=3", "--hours=2", f"--end={END}"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with processes.millrace(options.millrace, data, name="a") as first, \
                processes.millrace(options.millrace, data, name="b") as second:
            falsifier = Falsifier(second.port)
            a, b = (f"--backend=http://127.0.0.1:{server.port}" for server in (first, second))
            check_replay(checks, folder, a, b, falsifier)
            check_faults(checks, folder, a, b)
            check_fuzz(checks, a, b, falsifier)
            falsifier.stop()
    print(f"{checks.passed} passed, {checks.failed} failed")
    return checks.failed > 0


if __name__ == "__main__":
    sys.exit(main())
