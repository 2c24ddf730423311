"""A data directory whose server is killed, over and over: what tests/crash_server.py and tests/power.py share."""
import collections
import pathlib
import random
import subprocess
import tempfile
import time

from . import crash_load, processes
from .client import Client
from .crash_load import Fault

STEPS = (30, 60, 120)
HOURS_MAX = 40  # that a directory may hold, or looking takes longer than loading
LATE_CONFIG = "storage:\n  tsdb:\n    out_of_order_time_window: {}s\n"
DIRECTORY_ROUNDS = 7  # then the next one


class Directory:
    """One data directory over some rounds."""

    def __init__(self, millrace, folder, scale, rng, counts, wrapper=(), flags=(), sync=None):
        self.rng, self.counts = rng, counts
        self.folder = folder
        folder.mkdir()
        self.data = folder / "data"
        self.load = crash_load.Load(rng.choice(STEPS), scale, rng)
        span = self.load.range_s
        config = folder.parent / "millrace.yml"
        config.write_text(LATE_CONFIG.format(span))
        self.port = processes.free_port()
        self.sync = sync or rng.choice(("off", "batch"))
        command = [
            *wrapper, millrace, "serve", f"--storage.tsdb.path={self.data}", f"--web.listen-address=127.0.0.1:{self.port}",
            f"--config.file={config}", "--web.enable-remote-write-receiver", "--self-monitor=false",
            "--storage.tsdb.retention.time=100y", "--storage.tsdb.refresh-interval=20ms",
            "--storage.tsdb.wal-segment-size=10MB", f"--storage.tsdb.wal-sync={self.sync}",
            f"--storage.tsdb.wal-compression-type={rng.choice(('snappy', 'zstd'))}",
            f"--storage.tsdb.snapshot-log-size={rng.choice(('0B', '1KB', '100KB', '2MB'))}",
            f"--storage.tsdb.min-block-duration={span}s", f"--storage.tsdb.max-block-duration={span * 9}s", *flags]
        self.log = folder.parent / f"millrace-{folder.name}.log"
        self.server = processes.Server("millrace", command, self.port, self.log)
        self.start_seconds = 0.1

    @property
    def process(self):
        return self.server.process

    def kill(self):
        """With SIGKILL, unless it is gone already, which is a fault."""
        if self.process.poll() is not None:
            raise Fault(f"the server ended by itself with {self.process.returncode}: {self.server.last_words()}")
        self.process.kill()
        self.process.wait()

    def start_and_kill(self):
        with open(self.log, "ab") as log:
            self.server.process = subprocess.Popen(self.server.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        time.sleep(self.rng.random() * 1.2 * self.start_seconds)
        self.counts["kills in a start"] += not self.server.is_ready()
        self.kill()

    def start(self):
        """A start that succeeds, and all is there."""
        while self.rng.random() < 0.25:
            self.start_and_kill()
        begin = time.monotonic()
        self.server.start()
        self.start_seconds = time.monotonic() - begin
        whole, part = self.look()
        self.counts["requests found whole that were not acknowledged"] += whole
        self.counts["requests found in part"] += part

    def look(self, everything=False):
        client = Client(self.port)
        try:
            return self.load.check(client, everything)
        finally:
            client.close()

    def round(self):
        """Start, look, load, and an end."""
        self.start()
        senders = self.senders()
        for sender in senders:
            sender.start()
        try:
            self.endure()
        finally:
            for sender in senders:
                sender.ending.set()
            if self.process.poll() is None:
                self.kill()
            for sender in senders:
                sender.join()
        for sender in senders:
            if sender.fault:
                raise Fault(sender.fault)

    def senders(self):
        return [crash_load.Sender(self.load, number, self.port) for number in range(crash_load.SENDERS)]

    def is_old(self):
        return self.load.end - crash_load.BEGIN > HOURS_MAX * 3600


class Run:
    """Rounds over directories, one after another, each of some rounds. `make` makes the next one, in a folder."""

    def __init__(self, prefix, options, seed):
        self.options = options
        self.rng = random.Random(seed)
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
        self.counts = collections.Counter()
        self.acknowledged = self.directories = self.rounds = 0
        self.hours = 0.0
        self.directory = None

    def close_directory(self):
        self.directory.finish()
        self.acknowledged += self.directory.load.acknowledged
        self.hours += (self.directory.load.end - crash_load.BEGIN) / 3600
        self.directory = None

    def run(self):
        rounds_left = 0
        for self.rounds in range(1, self.options.rounds + 1):
            if self.directory and (rounds_left == 0 or self.directory.is_old()):
                self.close_directory()
            if self.directory is None:
                self.directory = self.make(self.scratch / f"directory-{self.directories}")
                self.directories += 1
                rounds_left = DIRECTORY_ROUNDS
            self.directory.round()
            rounds_left -= 1
            if self.rounds % 20 == 0:
                print(f"round {self.rounds}: {self.acknowledged + self.directory.load.acknowledged} samples", flush=True)
        self.close_directory()
