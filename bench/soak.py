#!/usr/bin/env python3
"""Ingest at full speed and clients that query, at once, for minutes: nothing may fail, and memory stays flat.

    bench/soak.py [--minutes M | --seconds S] [--series N] [--clients N] [--millrace PROGRAM]

One sender brings one sample of each series every 15 seconds of the samples' own time, which runs as fast as
the server takes them: hours go by in seconds, blocks are made and merged all the while. Clients ask about the
last hours of it, and now and then for counts that are known. A line is printed every few seconds.
Exit code 1: a request failed, a count was wrong, memory grew, or the server's log told of trouble.
"""
import argparse
import dataclasses
import http.client
import json
import os
import pathlib
import random
import shutil
import statistics
import struct
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from judge import processes, remote_write  # noqa: E402
from judge.client import Client  # noqa: E402
from ingest import FLEET_SHARE, HEADERS, pack  # noqa: E402
import fleet  # noqa: E402
from meter import Meter  # noqa: E402
from queries import HEAVY, LIGHT  # noqa: E402

INTERVAL = fleet.INTERVAL
DAYS_BEHIND = 60  # the samples' time begins so far in the past
VARIANTS = 64  # values of a series that come again and again
REQUEST_SERIES = 2000
SETTLED_SECONDS = 3600  # of the samples' time, before known counts are asked for
COUNTED_SECONDS = 1800
GROWTH_MAX, GROWTH_MIB = 1.15, 16
TROUBLE = ("level=ERROR", "level=WARN", "ThreadSanitizer", "AddressSanitizer", "runtime error", "panic")


@dataclasses.dataclass
class State:
    """What the threads share. A number each, changed by one thread or under the lock."""

    newest: int  # all samples up to this second are there
    begin: int
    samples: int = 0
    queries: int = 0
    counts: int = 0
    stop: bool = False
    faults: list = dataclasses.field(default_factory=list)
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def fail(self, text):
        with self.lock:
            self.faults.append(text)


class Sender(threading.Thread):
    """
    Brings samples as fast as they are taken. All of a moment end in the same bytes, its time; so a request is
    one join, and the sender costs less than the server.
    """

    def __init__(self, port, state, series):
        super().__init__(daemon=True)
        self.port, self.state = port, state
        self.groups = []
        rng = random.Random(3)
        sources = fleet.sources(int(series * FLEET_SHARE) + 300)
        rng.shuffle(sources)
        sources = sources[:series]
        self.names = {}
        for begin in range(0, len(sources), REQUEST_SERIES):
            group = sources[begin:begin + REQUEST_SERIES]
            values = [source.advance(rng)[:VARIANTS] for source in group]
            self.groups.append([[self.piece(source.labels, row[place]) for source, row in zip(group, values)]
                                for place in range(VARIANTS)])
        self.count = len(sources)

    @staticmethod
    def piece(labels, value):
        """A series up to the time of its only sample, which has seven bytes."""
        body = labels + remote_write.SAMPLE_HEAD + struct.pack("<d", value)
        return b"\x0a" + remote_write.varint(len(body) + 7) + body

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        moment, place = self.state.begin, 0
        try:
            while not self.state.stop and moment < time.time():
                tail = remote_write.TIMESTAMP_TAG + remote_write.varint(1000 * moment)
                for group in self.groups:
                    connection.request("POST", "/api/v1/write", body=pack(tail.join(group[place]) + tail), headers=HEADERS)
                    response = connection.getresponse()
                    said = response.read()
                    if response.status != 204:
                        self.state.fail(f"remote write at {moment}: {response.status} {said[:200]!r}")
                        return
                self.state.samples += self.count
                self.state.newest = moment
                moment, place = moment + INTERVAL, (place + 1) % VARIANTS
            if not self.state.stop:
                self.state.fail("the samples' time has come up to ours: begin earlier, or stop sooner")
        except OSError as error:
            if not self.state.stop:
                self.state.fail(f"remote write: {error}")
        finally:
            connection.close()


class Asker(threading.Thread):
    """A client: mostly light queries, some heavy ones, lists, and counts that must be right."""

    def __init__(self, port, state, series, pause, seed):
        super().__init__(daemon=True)
        self.client, self.state, self.series, self.pause = Client(port), state, series, pause
        self.rng = random.Random(seed)

    def run(self):
        while not self.state.stop:
            kind = self.rng.random()
            try:
                if kind < 0.9:
                    self.ask(*self.rng.choice(LIGHT).request(self.state.newest - self.rng.randrange(0, 600, INTERVAL)))
                elif kind < 0.92:
                    self.ask(*self.rng.choice(HEAVY).request(self.state.newest))
                elif kind < 0.98:
                    self.ask("/api/v1/series", [("match[]", 'build_info{version="1.1"}')])
                else:
                    self.count()
            except (OSError, http.client.HTTPException) as error:
                if not self.state.stop:
                    self.state.fail(f"a query: {error!r}")
                    return
            time.sleep(self.rng.uniform(0, 2 * self.pause))
        self.client.close()

    def ask(self, path, params):
        answer = self.client.send("GET", path, params)
        self.state.queries += 1
        if answer.status != 200:
            self.state.fail(f"{path} {params}: {answer.status} {answer.body[:200]!r}")
        return answer

    def count(self):
        """Each series has one sample an interval, none is missing and none is there twice."""
        at = self.state.newest
        if at < self.state.begin + SETTLED_SECONDS:
            return
        at -= self.rng.randrange(0, SETTLED_SECONDS - COUNTED_SECONDS, INTERVAL)
        query = f'sum(count_over_time({{__name__!=""}}[{COUNTED_SECONDS}s]))'
        answer = self.ask("/api/v1/query", [("query", query), ("time", str(at))])
        if answer.status == 200:
            found = json.loads(answer.body)["data"]["result"]
            wanted = str(self.series * COUNTED_SECONDS // INTERVAL)
            if [row["value"][1] for row in found] != [wanted]:
                self.state.fail(f"{query} at {at}: {found} instead of {wanted}")
            self.state.counts += 1


def size_mib(path):
    total = 0
    for folder, _, files in os.walk(path):
        for name in files:
            try:
                total += os.stat(os.path.join(folder, name)).st_blocks * 512
            except FileNotFoundError:
                pass
    return total / (1 << 20)


COLUMNS = ("seconds", "samples/s", "queries/s", "own time h", "resident MiB", "anonymous MiB", "disk MiB", "blocks")


def watch(server, state, data, seconds, every):
    """Prints a line now and then; the anonymous memory of each."""
    meter = Meter(server.pid)
    begin = last = time.monotonic()
    samples, queries, anonymous = 0, 0, []
    print("  ".join(f"{column:>13}" for column in COLUMNS), flush=True)
    while time.monotonic() - begin < seconds and not state.faults and server.is_alive():
        time.sleep(min(every, max(0.1, begin + seconds - time.monotonic())))
        if not server.is_alive():
            break
        now = time.monotonic()
        anonymous.append(meter.status("RssAnon"))
        figures = (now - begin, (state.samples - samples) / (now - last), (state.queries - queries) / (now - last),
                   (state.newest - state.begin) / 3600, meter.status("VmRSS"), anonymous[-1], size_mib(data),
                   len(list(data.glob("*/meta.json"))))
        print("  ".join(f"{figure:13.1f}" for figure in figures), flush=True)
        last, samples, queries = now, state.samples, state.queries
    if not server.is_alive():
        state.fail(f"the server ended: {server.last_words()}")
    return anonymous


def check_flat(state, anonymous):
    """The last quarter against the second one: the first fills the head, caches and the longest blocks."""
    quarter = len(anonymous) // 4
    if quarter < 2:
        print("too short to tell whether memory is flat")
        return
    early, late = statistics.median(anonymous[quarter:2 * quarter]), statistics.median(anonymous[-quarter:])
    print(f"anonymous memory: {early:.1f} MiB in the second quarter, {late:.1f} MiB in the last one,"
          f" {max(anonymous):.1f} MiB at most")
    if late > early * GROWTH_MAX + GROWTH_MIB:
        state.fail(f"memory grew from {early:.1f} to {late:.1f} MiB")


def start(program, data):
    port = processes.free_port()
    command = [program, "serve", f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}",
               "--web.enable-remote-write-receiver", "--self-monitor=false"]
    return processes.Server("millrace", command, port, data.parent / "millrace.log")


def soak(options, data):
    begin = (int(time.time()) - DAYS_BEHIND * 86400) // 7200 * 7200
    state = State(newest=begin, begin=begin)
    server = start(options.millrace, data)
    with server:
        sender = Sender(server.port, state, options.series)
        askers = [Asker(server.port, state, sender.count, options.pause, seed) for seed in range(options.clients)]
        for thread in (sender, *askers):
            thread.start()
        anonymous = watch(server, state, data, options.seconds, options.every)
        state.stop = True
        for thread in (sender, *askers):
            thread.join(120)
    if server.process.returncode != 0:
        state.fail(f"the server ended with {server.process.returncode}")
    state.faults += [line for line in server.log.read_text(errors="replace").splitlines()
                     if any(word in line for word in TROUBLE)][:20]
    if options.seconds >= options.flat_after:
        check_flat(state, anonymous)
    print(f"{sender.count} series, {state.samples / 1e6:.1f} million samples over {(state.newest - begin) / 3600:.1f} h of"
          f" their own time, {state.queries} queries of which {state.counts} counted all samples: {len(state.faults)} faults")
    for fault in state.faults[:20]:
        print(f"FAULT {fault}")
    return 1 if state.faults else 0


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--millrace", default=str(ROOT / "build-release/server/millrace"), help="the program to load")
    parser.add_argument("--minutes", type=float, default=10, help="how long")
    parser.add_argument("--seconds", type=float, help="the same, instead")
    parser.add_argument("--series", type=int, default=5000, help="how many")
    parser.add_argument("--clients", type=int, default=8, help="that query at once")
    parser.add_argument("--pause", type=float, default=0.05, metavar="SECONDS",
                        help="of a client between two queries, in the mean: the sender needs the machine too")
    parser.add_argument("--every", type=float, default=5, help="seconds between two lines")
    parser.add_argument("--flat-after", type=float, default=120, metavar="SECONDS",
                        help="shorter runs are not held against flat memory")
    parser.add_argument("--keep", action="store_true", help="keep the directory, and say where it is")
    options = parser.parse_args()
    options.seconds = options.seconds or 60 * options.minutes
    if options.series < 1 or options.clients < 0 or options.every <= 0:
        parser.error("at least one series, no negative number of clients, and some time between lines")
    return options


def main():
    options = parse_options()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="millrace-soak-"))
    try:
        (scratch / "data").mkdir()
        return soak(options, scratch / "data")
    finally:
        if options.keep:
            print(scratch)
        else:
            shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
