#!/usr/bin/env python3
"""Data directories go from Millrace to a real Prometheus, and from Prometheus to Millrace and back.

    tests/exchange.py [--millrace PROGRAM] [--query-tee PROGRAM] [--judge PROGRAM] [--big] [--count N] [--seed S] [--keep]

Both take the same series by remote write: floats, native histograms of all kinds, stale markers, a part of them out of
order; both make blocks and longer blocks of them, and leave the newest in head chunks, logs and checkpoint, and when
they end a snapshot of what is open, which the next one reads. Then
  - the directory of Millrace is opened by Prometheus (a copy of it) and by Millrace, once more when Millrace has written
    on, taken a snapshot meanwhile, and was killed;
  - the directory of Prometheus is opened by Millrace for writing, by Prometheus a copy of it;
  - Millrace has written on and made blocks: Prometheus gets the directory back, makes blocks itself, and writes on.
Each time both hold as many samples of each metric as were sent, and answer random queries of query-tee alike.
--big is 12 h of over 5,000 series in blocks of 2 h; otherwise it is a part of them, for less than two hours.
Without a Prometheus 3.x to be had (scripts/judge.sh) the exit code is 77: skipped.
"""
import argparse
import contextlib
import dataclasses
import json
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import directory, processes, remote_write, series  # noqa: E402
from judge.client import Client  # noqa: E402
from judge.native_series import Histogram  # noqa: E402
from tee_judge import FEATURES, ROOT, explained_for, find_judge  # noqa: E402

WAIT_SECONDS = 60
REST_SECONDS = 2
WINDOW = "storage:\n  tsdb:\n    out_of_order_time_window: 3h\n"
LATE_SERIES, LATE_SAMPLES = 7, 5  # of so many series one in so many samples comes when the others of its stage are there
SNAPSHOTS = "memory-snapshot-on-shutdown"
STALE = struct.pack("<d", series.STALE)


@dataclasses.dataclass
class Plan:
    """How much there is: every `every`th series, in stages of LENGTH seconds of the generated data."""

    every: int
    seconds: int  # of a stage
    first_stages: int
    block: str
    longest_block: str
    blocks: int  # that the first writer leaves at least
    maps: bool  # there are full chunks in the head: they go into files soon after a start
    count: int


SMALL = Plan(every=8, seconds=3600, first_stages=1, block="10m", longest_block="30m", blocks=3, maps=False, count=60)
BIG = Plan(every=1, seconds=series.LENGTH, first_stages=6, block="2h", longest_block="6h", blocks=3, maps=True, count=200)


class Fault(Exception):
    """What went wrong."""


class Data:
    """The generated series again and again, one stage of time behind the other; and how many samples were sent."""

    def __init__(self, plan):
        self.plan = plan
        self.series = directory.all_series()[::plan.every]
        self.sent = {}
        self.stages = 0

    @property
    def end(self):
        return series.START + self.stages * self.plan.seconds

    def stage(self):
        """The next one, to be sent to as many servers as it takes: what comes first, and what comes late."""
        shift, stop = self.stages * self.plan.seconds * 1000, (series.START + self.plan.seconds) * 1000
        times, first, late = {}, [], []
        for place, one in enumerate(self.series):
            kept = sum(moment < stop for moment in one.times)
            if id(one.times) not in times:
                times[id(one.times)] = [moment + shift for moment in one.times[:kept]]
            whole = series.Series(one.labels, times[id(one.times)], one.values[:kept])
            name = one.labels["__name__"]
            self.sent[name] = self.sent.get(name, 0) + sum(map(is_counted, whole.values))
            if place % LATE_SERIES == 0:
                late.append(some_of(whole, lambda index: index % LATE_SAMPLES == 1))
                whole = some_of(whole, lambda index: index % LATE_SAMPLES != 1)
            first.append(whole)
        begin = series.START * 1000 + shift
        self.stages += 1
        return [(part, begin, begin + self.plan.seconds * 1000) for part in (first, late)]


def some_of(one, is_wanted):
    kept = [index for index in range(len(one.times)) if is_wanted(index)]
    return series.Series(one.labels, [one.times[index] for index in kept], [one.values[index] for index in kept])


def is_counted(value):
    """count_over_time passes over stale markers."""
    return struct.pack("<d", value.sum if isinstance(value, Histogram) else value) != STALE


class Exchange:
    def __init__(self, options):
        self.options = options
        self.plan = dataclasses.replace(BIG if options.big else SMALL)
        self.plan.count = options.count or self.plan.count
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-exchange-"))
        self.data = Data(self.plan)
        self.explained = explained_for(processes.version_of(options.judge))
        self.passed = self.failed = 0

    def blocks_flags(self):
        return (f"--storage.tsdb.min-block-duration={self.plan.block}",
                f"--storage.tsdb.max-block-duration={self.plan.longest_block}")

    def prometheus(self, data, flags=processes.NO_COMPACTION, snapshots=True):
        """With snapshots it reads one and leaves one, but loses late samples that it takes after it has read one (3.5.3)."""
        more = (SNAPSHOTS,) if snapshots else ()
        return processes.prometheus(self.options.judge, data, features=(*FEATURES, "native-histograms", *more), flags=flags,
                                    name=f"{data.name}-judge", config=processes.EMPTY_CONFIG + WINDOW)

    def millrace(self, data, flags=None):
        """One that owns the directory."""
        port = processes.free_port()
        config = self.folder / "millrace.yml"
        config.write_text(WINDOW)
        command = [self.options.millrace, "serve", f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}",
                   "--web.enable-remote-write-receiver", "--self-monitor=false", "--storage.tsdb.retention.time=100y",
                   f"--config.file={config}", "--storage.tsdb.refresh-interval=200ms", f"--enable-feature={','.join(FEATURES)}",
                   *(self.blocks_flags() if flags is None else flags)]
        return processes.Server("millrace", command, port, self.folder / f"{data.name}-millrace.log")

    def wait_for_rest(self, data, count=0, level=0):
        """No block comes or goes; there are `count` or more, one of this level or a higher one among them."""
        deadline, last, since = time.monotonic() + WAIT_SECONDS, None, time.monotonic()
        while time.monotonic() < deadline:
            now = [path.name for path in directory.blocks_of(data)]
            if now != last or len(now) < count or max(self.levels(data), default=0) < level:
                last, since = now, time.monotonic()
            if time.monotonic() - since > REST_SECONDS:
                return
            time.sleep(0.1)
        raise Fault(f"{data.name} has blocks of levels {self.levels(data)} after {WAIT_SECONDS} s")

    def wait_for_blocks(self, data):
        """Compaction has come to rest, with blocks of blocks."""
        self.wait_for_rest(data, self.plan.blocks, level=2)

    @staticmethod
    def wait_for_head_chunks(data):
        deadline = time.monotonic() + WAIT_SECONDS
        while not list(data.glob("chunks_head/*")):
            if time.monotonic() > deadline:
                raise Fault(f"{data.name} has no head chunks after {WAIT_SECONDS} s")
            time.sleep(0.1)

    @staticmethod
    def levels(data):
        levels = []
        for path in directory.blocks_of(data):
            try:
                levels.append(json.loads((path / "meta.json").read_text())["compaction"]["level"])
            except FileNotFoundError:
                pass  # it goes just now
        return levels

    def tell(self, what, data):
        files = {kind: len(list(data.glob(pattern))) for kind, pattern in (
            ("segments", "wal/0*"), ("of late samples", "wbl/0*"), ("checkpoints", "wal/checkpoint.*"), ("files of head chunks", "chunks_head/*"))}
        print(f"{what}: {len(self.data.series)} series, {sum(self.data.sent.values())} samples,"
              f" {self.data.stages * self.plan.seconds / 3600:.1f} h, blocks of levels {self.levels(data)}, "
              + ", ".join(f"{count} {kind}" for kind, count in files.items()), flush=True)

    def check(self, what, good, said=""):
        self.passed += good
        self.failed += not good
        if not good:
            print(f"FAILED {what}: {said}", flush=True)

    def check_snapshot(self, what, server):
        """The server found a snapshot and could read it: Millrace tells that, Prometheus tells only what it could not."""
        log = server.log.read_text()
        good = "chunk snapshot loaded" in log if server.name == "millrace" else "Failed to load chunk snapshot" not in log
        self.check(f"{what}, the snapshot in {server.name}", good, log)

    def check_counts(self, what, server):
        """Each metric has as many samples as were sent."""
        client = Client(server.port)
        try:
            window = self.data.end - series.START + 60
            found = {}
            for name in self.data.sent:
                counts = client.result(f'sum(count_over_time({{__name__="{name}"}}[{window}s]))', self.data.end)
                found[name] = int(float(counts[0]["value"][1])) if counts else 0
        finally:
            client.close()
        differ = {name: (found[name], sent) for name, sent in self.data.sent.items() if found[name] != sent}
        self.check(f"{what}, samples of each metric in {server.name}", not differ, f"(found, sent) {differ}")

    def compare(self, what, judge, tested):
        """Neither may make blocks meanwhile: limitk takes series in the order of the head, or of blocks."""
        for server in (judge, tested):
            self.check_counts(what, server)
        done = subprocess.run(
            [self.options.query_tee, "fuzz", *(f"--backend=http://127.0.0.1:{one.port}" for one in (judge, tested)),
             *self.explained, f"--count={self.plan.count}", f"--seed={self.options.seed}", f"--start={series.START}",
             f"--end={self.data.end}"], check=False, stdout=subprocess.PIPE, text=True)
        found = re.findall(r"^(\d+) passed, (\d+) failed$", done.stdout, re.M)
        if not found or int(found[-1][1]) or done.returncode:
            print(done.stdout)
        passed, failed = map(int, found[-1]) if found else (0, 1)
        self.passed += passed
        self.failed += failed
        print(f"  {what}: {passed} random queries answered alike, {failed} not", flush=True)

    @staticmethod
    def write(server, stages):
        for stage in stages:
            for part in stage:
                directory.push(server.port, *part)

    def write_at_rest(self, server, data, stages):
        """What comes late comes while the server makes no blocks. Where Prometheus 3.5.3 does, it may begin to number its
        files of head chunks anew meanwhile, and then hides chunks of late samples, drops them, or ends with a panic."""
        for in_order, late in stages:
            self.write(server, [[in_order]])
            self.wait_for_rest(data)
            self.write(server, [[late]])

    def write_and_kill(self, data, stage):
        """A snapshot is taken in the midst of the stage; what comes behind it is in the log, and the server is killed."""
        before = set(data.glob("chunk_snapshot.*"))
        with self.millrace(data, ("--storage.tsdb.snapshot-log-size=1KB",)) as server:
            self.write(server, [stage[:1]])
            deadline = time.monotonic() + WAIT_SECONDS
            while all(path in before or path.suffix == ".tmp" for path in data.glob("chunk_snapshot.*")):
                if time.monotonic() > deadline:
                    raise Fault(f"{data.name} has no new snapshot after {WAIT_SECONDS} s")
                time.sleep(0.02)
            self.write(server, [stage[1:]])
            server.process.kill()
            server.process.wait()

    @contextlib.contextmanager
    def compacted_by_prometheus(self, data):
        """One that has made blocks of what it was given: see write_at_rest."""
        with self.prometheus(data, self.blocks_flags(), snapshots=False) as server:
            writer = remote_write.Writer(server.port)
            writer.send(b"")  # behind each request it looks whether blocks are due
            writer.close()
            self.wait_for_blocks(data)
            yield server

    def must_have_snapshot(self, data):
        self.check(f"a snapshot in {data.name}", bool(list(data.glob("chunk_snapshot.*"))))

    def run(self):
        first = [self.data.stage() for _ in range(self.plan.first_stages)]
        ours, theirs = self.folder / "ours", self.folder / "theirs"
        with self.millrace(ours) as server:
            self.write(server, first)
            self.wait_for_blocks(ours)
        if self.plan.maps:
            with self.millrace(ours):
                self.wait_for_head_chunks(ours)
        self.tell("Millrace wrote", ours)
        self.must_have_snapshot(ours)
        with self.prometheus(directory.copy(ours, self.folder / "ours-copy")) as judge, self.millrace(ours) as tested:
            self.compare("written by Millrace", judge, tested)
            self.check_snapshot("written by Millrace", judge)
            self.check_snapshot("written by Millrace", tested)
        first.append(self.data.stage())
        self.write_and_kill(ours, first[-1])
        self.tell("Millrace wrote on and was killed", ours)
        with self.prometheus(directory.copy(ours, self.folder / "ours-killed")) as judge, \
                self.millrace(ours, processes.NO_COMPACTION) as tested:
            self.compare("left by a kill", judge, tested)
            self.check_snapshot("left by a kill", judge)
            self.check_snapshot("left by a kill", tested)

        with self.prometheus(theirs, self.blocks_flags()) as server:
            self.write_at_rest(server, theirs, first)
            self.wait_for_blocks(theirs)
        self.tell("Prometheus wrote", theirs)
        self.must_have_snapshot(theirs)
        with self.prometheus(directory.copy(theirs, self.folder / "theirs-copy")) as judge, self.millrace(theirs) as tested:
            self.compare("written by Prometheus", judge, tested)
            self.check_snapshot("written by Prometheus", tested)
            self.write(tested, [self.data.stage()])
            self.wait_for_blocks(theirs)
        self.tell("Millrace wrote on", theirs)
        shutil.rmtree(ours)
        directory.copy(theirs, ours)
        with self.millrace(ours, processes.NO_COMPACTION) as tested:
            with self.compacted_by_prometheus(theirs) as judge:
                self.compare("given back", judge, tested)
            # No start of Prometheus behind late samples of its own: for a series that the log has twice, as of one that was
            # away for a while, 3.5.3 forgets full chunks of them then.
            with self.prometheus(theirs, snapshots=False) as judge:
                more = [self.data.stage()]
                self.write(judge, more)
                self.write(tested, more)
                self.compare("written on by both", judge, tested)

    def end(self):
        if self.options.keep or self.failed:
            print(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millrace", default=str(ROOT / "build/server/millrace"))
    parser.add_argument("--query-tee", default=str(ROOT / "build/query-tee/query-tee"))
    parser.add_argument("--judge", help="a Prometheus 3.x; default: what scripts/judge.sh finds")
    parser.add_argument("--big", action="store_true")
    parser.add_argument("--count", type=int, default=0, help="random queries of each comparison")
    parser.add_argument("--seed", type=int, default=1, help="of the random queries")
    parser.add_argument("--keep", action="store_true", help="leave directories and logs")
    options = parser.parse_args()
    options.judge = find_judge(options.judge)
    exchange = Exchange(options)
    try:
        exchange.run()
    except (Fault, RuntimeError, OSError, processes.ServerError) as fault:
        exchange.check("the exchange", False, fault)
    exchange.end()
    print(f"{exchange.passed} passed, {exchange.failed} failed")
    sys.exit(exchange.failed > 0)


if __name__ == "__main__":
    main()
