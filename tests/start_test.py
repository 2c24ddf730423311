#!/usr/bin/env python3
"""A server that reads a long log: what it answers meanwhile, and that it can be ended; and starts that fail.

    tests/start_test.py [--millrace PROGRAM]

Where there is a Prometheus (scripts/judge.sh), it reads such a log too, and must answer the same.
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
from judge import processes, program, slow_log  # noqa: E402
from judge.client import metric, parse_json  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
MILLRACE = str(ROOT / "build/server/millrace")
JUDGE = None
SEGMENTS = 4
SECONDS = 2  # that the reading of the log is to take
THEIR_PAGES = 200  # of a segment; a Prometheus reads them for seconds
# Method, path, and whether it is answered before the database is open.
ASKED = (
    ("GET", "/-/healthy", True),
    ("HEAD", "/-/healthy", True),
    ("GET", "/-/ready", False),
    ("HEAD", "/-/ready", False),
    ("GET", "/api/v1/query?query=1", False),
    ("POST", "/api/v1/query_range", False),
    ("GET", "/api/v1/labels", False),
    ("POST", "/api/v1/read", False),
    ("POST", "/api/v1/write", False),
    ("GET", "/api/v1/status/config", False),
    ("GET", "/api/v1/status/runtimeinfo", False),
    ("GET", "/api/v1/targets", False),
    ("GET", "/api/v1/nothing", True),
    ("GET", "/-/reload", True),
    ("GET", "/-/quit", True),
)


def started(program, data, port, *flags):
    """A server that listens, and need not be ready."""
    base = pathlib.Path(data).parent
    command = [program, *flags, f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}",
               "--web.enable-remote-write-receiver"]
    server = processes.Server("server", command, port, base / f"{pathlib.Path(data).name}.log")
    with open(server.log, "ab") as log:
        server.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.is_alive():
        try:
            ask(port, "GET", "/-/healthy")
            return server
        except OSError:
            time.sleep(0.01)
    raise processes.ServerError(f"it does not listen: {server.last_words()}")


def ask(port, method, path, timeout=60):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.getheader("Content-Type"), response.read(), response.headers
    finally:
        connection.close()


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="millrace-start-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.data = self.folder / "data"

    def start(self, data=None, *flags):
        server = started(MILLRACE, data or self.data, processes.free_port(), "serve", "--self-monitor.interval=50ms", *flags)
        self.addCleanup(self.end, server)
        return server

    def end(self, server):
        server.stop()
        self.assertEqual(server.process.returncode, 0, server.last_words())

    def ready(self):
        server = self.start()
        while not server.is_ready():
            self.assertTrue(server.is_alive(), server.last_words())
            time.sleep(0.02)
        return server

    def replay(self, port):
        status = parse_json(ask(port, "GET", "/api/v1/status/walreplay")[2])["data"]
        self.assertEqual(list(status), ["min", "max", "current"])
        return [int(value) for value in status.values()]


class While(Case):
    """While the log is read, which takes long enough whatever the machine and the build."""

    @classmethod
    def setUpClass(cls):
        probe = 60
        fastest = min(cls.measure(probe) for _ in range(3))
        cls.pages = min(max(round(SECONDS / fastest * probe / SEGMENTS), 4), 1000)

    @staticmethod
    def measure(pages):
        """So many seconds takes the reading of so many pages."""
        with tempfile.TemporaryDirectory(prefix="millrace-start-") as folder:
            data = pathlib.Path(folder) / "data"
            slow_log.write(data, 1, pages)
            server = started(MILLRACE, data, processes.free_port(), "serve", "--self-monitor=false")
            try:
                while server.is_alive() and not server.is_ready():
                    time.sleep(0.02)
            finally:
                server.stop()
            return float(re.search(r"head read in ([0-9.]+) s", server.log.read_text()).group(1))

    def test_what_needs_the_database_is_not_ready(self):
        slow_log.write(self.data, SEGMENTS, self.pages)
        server = self.start()
        for method, path, early in ASKED:
            status, kind, body, headers = ask(server.port, method, path)
            if early:
                self.assertNotEqual(status, 503, path)
                continue
            self.assertEqual(status, 503, path)
            self.assertEqual(headers["X-Prometheus-Stopping"], "false")
            if method != "HEAD":
                self.assertEqual((kind, body), ("text/plain; charset=utf-8", b"Service Unavailable"), path)
        self.assertEqual(metric(server.port, "prometheus_ready"), 0)
        self.assertEqual(metric(server.port, "prometheus_config_last_reload_successful"), 1)
        self.assertEqual(parse_json(ask(server.port, "GET", "/api/v1/notifications")[2])["data"][0]["text"],
                         "Prometheus is starting and replaying the write-ahead log (WAL).")
        self.assertFalse(server.is_ready())

    def test_it_tells_how_far_it_is(self):
        slow_log.write(self.data, SEGMENTS, self.pages)
        server = self.start()
        seen = []
        while not server.is_ready():
            self.assertTrue(server.is_alive(), server.last_words())
            low, high, now = self.replay(server.port)
            if high:
                self.assertEqual([low, high], [0, SEGMENTS - 1])
                seen.append(now)
        self.assertEqual(seen, sorted(seen))
        self.assertGreater(len(set(seen)), 1)
        self.assertEqual(self.replay(server.port), [0, SEGMENTS - 1, SEGMENTS - 1])
        self.assertEqual(metric(server.port, "prometheus_ready"), 1)
        self.assertEqual(parse_json(ask(server.port, "GET", "/api/v1/notifications")[2])["data"], [])
        log = server.log.read_text()
        self.assertLess(log.index("Start listening"), log.index("Server is ready"))
        found = parse_json(ask(server.port, "GET", f"/api/v1/query?query=a&time={slow_log.TIME // 1000}")[2])
        self.assertEqual(len(found["data"]["result"]), 1)

    def test_a_reload_waits(self):
        slow_log.write(self.data, SEGMENTS, self.pages)
        server = self.start(None, "--web.enable-lifecycle")
        self.assertFalse(server.is_ready())
        self.assertEqual(ask(server.port, "POST", "/-/reload")[0], 200)
        self.assertTrue(server.is_ready())

    def test_a_signal_ends_it(self):
        slow_log.write(self.data, SEGMENTS, self.pages)
        whole = {file.name: file.stat().st_size for file in (self.data / "wal").iterdir()}
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.start()
            while self.replay(server.port)[1] == 0 and not server.is_ready():
                pass
            begin = time.monotonic()
            server.process.send_signal(number)
            self.assertEqual(server.process.wait(30), 0)
            taken = time.monotonic() - begin
            log = server.log.read_text()
            self.assertNotIn("Server is ready", log)
            self.assertNotIn("Cannot serve", log)
            self.assertLess(taken, 10, log)
        self.assertEqual({file.name: file.stat().st_size for file in (self.data / "wal").iterdir()}, whole)

    def test_a_request_may_end_it(self):
        slow_log.write(self.data, SEGMENTS, self.pages)
        server = self.start(None, "--web.enable-lifecycle")
        waiting = threading.Thread(target=ask, args=(server.port, "POST", "/-/reload"))
        waiting.start()
        self.assertEqual(ask(server.port, "PUT", "/-/quit")[2], b"Requesting termination... Goodbye!")
        self.assertEqual(server.process.wait(30), 0)
        waiting.join(30)
        self.assertNotIn("Server is ready", server.log.read_text())

    def test_a_prometheus_answers_the_same(self):
        if not JUDGE:
            self.skipTest("no Prometheus")
        slow_log.write(self.data, SEGMENTS, self.pages)
        theirs_data = self.folder / "theirs"
        slow_log.write(theirs_data, SEGMENTS, THEIR_PAGES)
        config = self.folder / "prometheus.yml"
        config.write_text("")
        theirs = started(JUDGE, theirs_data, processes.free_port(), f"--config.file={config}", "--web.enable-lifecycle")
        self.addCleanup(lambda: (theirs.is_alive() and theirs.process.kill(), theirs.process.wait()))
        expected = [ask(theirs.port, method, path)[:3] for method, path, _ in ASKED]
        self.assertFalse(theirs.is_ready(), "it is ready too soon to be compared")
        ours = self.start(None, "--web.enable-lifecycle")
        found = [ask(ours.port, method, path)[:3] for method, path, _ in ASKED]
        self.assertFalse(ours.is_ready(), "it is ready too soon to be compared")
        for asked, theirs_answer, our_answer in zip(ASKED, expected, found):
            if asked[0] == "HEAD":
                theirs_answer, our_answer = theirs_answer[0], our_answer[0]
            self.assertEqual(our_answer, theirs_answer, asked)


class Failures(Case):
    def test_a_directory_in_use_is_not_opened(self):
        self.ready()
        command = [MILLRACE, "serve", f"--storage.tsdb.path={self.data}", "--web.listen-address=127.0.0.1:0"]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(second.returncode, 1)
        self.assertIn('msg="Cannot serve"', second.stderr)
        self.assertIn(str(self.data), second.stderr)
        self.assertNotIn("Server is ready", second.stderr)

    def test_an_address_in_use_is_told_before_anything_is_read(self):
        first = self.ready()
        other = self.folder / "other"
        command = [MILLRACE, "serve", f"--storage.tsdb.path={other}", f"--web.listen-address=127.0.0.1:{first.port}"]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(second.returncode, 1)
        self.assertIn(str(first.port), second.stderr)
        self.assertFalse(other.exists())


if __name__ == "__main__":
    program.main(sys.modules[__name__])
