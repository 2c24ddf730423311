#!/usr/bin/env python3
"""Files of blocks that are cut below a running server: it goes on, tells what it cannot read, and takes them back.

    tests/lost_test.py [--millrace PROGRAM]
"""
import mmap
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import processes, program  # noqa: E402
from judge.client import Client, metric  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
MILLRACE = str(ROOT / "build/server/millrace")
END = 1_700_006_400  # of a block
HOUR = 3600
SECONDS = 60  # in which the server looks at its blocks again
EVERYTHING = 'sum by (job) ({__name__=~".+"})'


class Lost(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="millrace-lost-")
        self.addCleanup(folder.cleanup)
        data = pathlib.Path(folder.name) / "data"
        subprocess.run([MILLRACE, "demo-data", data, "--instances", "2", "--hours", "4", "--end", str(END)],
                       check=True, capture_output=True, timeout=60)
        self.blocks = sorted(path.parent for path in data.glob("*/meta.json"))
        self.server = processes.millrace(MILLRACE, data, flags=["--engine.threads=4", "--storage.tsdb.refresh-interval=1s"])
        self.server.start()
        self.addCleanup(self.server.stop)
        self.client = Client(self.server.port)
        self.addCleanup(self.client.close)

    def ask(self, end):
        """All there is of an hour, which is that of one block."""
        asked = [("query", EVERYTHING), ("start", str(end - HOUR)), ("end", str(end)), ("step", "60")]
        return self.client.send("POST", "/api/v1/query_range", asked)

    def cut(self, name):
        """Of the oldest block, the second half of a file's pages; returns how to put it back."""
        path = self.blocks[0] / name
        whole = path.read_bytes()
        left = len(whole) // 2 // mmap.PAGESIZE * mmap.PAGESIZE
        self.assertGreater(left, 0)
        os.truncate(path, left)
        return path, whole

    def wait(self, done):
        deadline = time.monotonic() + SECONDS
        while not done() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertTrue(done(), self.server.last_words())

    def warnings(self, path):
        return [line for line in self.server.log.read_text().splitlines() if str(path) in line]

    def check_lost(self, name):
        early, late = END - 2 * HOUR - 60, END - 60
        before = self.ask(early)
        self.assertEqual(before.status, 200, before.body)
        path, whole = self.cut(name)
        for _ in range(3):
            failed = self.ask(early)
            self.assertEqual((failed.status, failed.json["errorType"]), (500, "internal"), failed.body)
            self.assertIn(str(path), failed.json["error"])
            self.assertIn("cannot be read", failed.json["error"])
        self.assertEqual(self.ask(late).status, 200)
        self.wait(lambda: self.warnings(path))
        self.assertEqual(metric(self.server.port, "millrace_storage_corruptions_total"), 1)
        path.write_bytes(whole)
        self.wait(lambda: self.ask(early).status == 200)
        self.assertEqual(self.ask(early).body, before.body)
        self.assertEqual(len(self.warnings(path)), 1, self.warnings(path))
        self.assertTrue(self.server.is_alive())
        self.server.stop()
        self.assertEqual(self.server.process.returncode, 0, self.server.last_words())

    def test_chunks(self):
        self.check_lost("chunks/000001")

    def test_an_index(self):
        self.check_lost("index")


if __name__ == "__main__":
    program.main(sys.modules[__name__])
