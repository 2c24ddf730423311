#!/usr/bin/env python3
"""Measures what remote write costs a Prometheus and a Millrace: CPU, memory, and the times to start again.

    bench/ingest.py [--series N] [--hours H] [--histograms PERCENT] [--churn PERCENT] [--millrace PROGRAM]

Both get the same requests, a slice of time each in turn: one sample of each series every interval, so many
samples a request as Prometheus's own sender packs. CPU time and memory are those of the server's process.
Then both are killed, started again and timed until they are ready; killed once more and started without the
snapshot that Millrace takes now and then; ended, and started and timed once more.
Each time they are asked whether they hold the same.
"""
import argparse
import ctypes
import ctypes.util
import dataclasses
import functools
import http.client
import math
import pathlib
import random
import shutil
import struct
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from judge import native_series, processes, remote_write  # noqa: E402
from judge.client import Client  # noqa: E402
from compare import find_judge, table  # noqa: E402
import fleet  # noqa: E402
from meter import Meter, wait_until_idle  # noqa: E402

INTERVAL = fleet.INTERVAL
SLICE = fleet.SLICE
FLEET_SHARE = 7500 / 18700  # of a fleet's series that are what fleet.sources counts
SHAPES = 40  # of native histograms: series share them
HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
# What issue 4 asks for: how many times less than Prometheus.
WANTED = {"CPU, us a sample": 3.0, "resident, MiB": 2.0, "ready after a clean end, s": 3.0, "ready after kill -9, s": 3.0}
QUERIES = ('count({__name__!=""})', 'sum(count_over_time({__name__!=""}[30m]))', "sum(last_over_time(requests_total[30m]))")


@functools.lru_cache(maxsize=None)
def snappy_library():
    name = ctypes.util.find_library("snappy")
    return ctypes.CDLL(name) if name else None


def pack(data):
    """A snappy block as a sender makes it; without the library one that packs nothing."""
    library = snappy_library()
    if not library:
        return remote_write.snappy(data)
    library.snappy_max_compressed_length.restype = ctypes.c_size_t
    room = ctypes.c_size_t(library.snappy_max_compressed_length(ctypes.c_size_t(len(data))))
    out = ctypes.create_string_buffer(room.value)
    if library.snappy_compress(data, ctypes.c_size_t(len(data)), out, ctypes.byref(room)) != 0:
        raise RuntimeError("snappy does not pack")
    return out.raw[:room.value]


class Series:
    """Labels, and what its samples are: a float that goes on, or a shape of histogram."""

    def __init__(self, source, shape=None):
        self.source = source
        self.shape = shape
        self.generation = 0
        self.values = []
        self.labels = source.labels

    def renew(self):
        """The same target's next life, under another label."""
        self.generation += 1
        pair = remote_write.field(0x0A, b"zone") + remote_write.field(0x12, b"g%d" % self.generation)
        self.labels = self.source.labels + remote_write.field(0x0A, pair)


class Load:
    """Makes the requests, slice by slice, the same for the same options."""

    def __init__(self, options, begin):
        self.options = options
        self.begin = begin
        self.rng = random.Random(11)
        count = options.series * (100 - options.histograms) // 100
        sources = fleet.sources(math.ceil(count * FLEET_SHARE) + 300)[:count]
        self.rng.shuffle(sources)
        self.series = [Series(source) for source in sources]
        for number, native in enumerate(fleet.natives(options.series - len(self.series))):
            self.series.append(Series(native, number % SHAPES))
        self.shapes = [[1] * 20 for _ in range(SHAPES)]
        self.sums = [0.0] * SHAPES
        self.next_to_renew = 0
        self.renew_rest = 0.0
        self.samples = 0

    def slices(self):
        return range(self.options.hours * 3600 // INTERVAL // SLICE)

    def churn(self):
        self.renew_rest += len(self.series) * self.options.churn / 100 / (3600 / INTERVAL)
        while self.renew_rest >= 1:
            self.renew_rest -= 1
            self.series[self.next_to_renew].renew()
            self.next_to_renew = (self.next_to_renew + 1) % len(self.series)

    def histograms(self, moment):
        """Each shape a little further, encoded."""
        encoded = []
        for number, counts in enumerate(self.shapes):
            for place in self.rng.sample(range(len(counts)), 4):
                counts[place] += 1 + place % 3
                self.sums[number] += 0.01 * place
            h = native_series.Histogram(3, dict(enumerate(counts, start=-30)), sum=self.sums[number])
            encoded.append(remote_write.encode_histogram(h, moment))
        return encoded

    def tick(self, moment, place):
        """The requests of one moment."""
        self.churn()
        shapes = self.histograms(moment) if self.options.histograms else []
        time_tail = remote_write.TIMESTAMP_TAG + remote_write.varint(moment)
        pack_value = struct.Struct("<3sd").pack
        parts = []
        for series in self.series:
            sample = (shapes[series.shape] if series.shape is not None
                      else pack_value(remote_write.SAMPLE_HEAD, series.values[place]) + time_tail)
            parts.append(remote_write.field(0x0A, series.labels + sample))
        self.samples += len(parts)
        size = self.options.request_samples
        return [pack(b"".join(parts[at:at + size])) for at in range(0, len(parts), size)]

    def slice(self, number):
        for series in self.series:
            if series.shape is None:
                series.values = series.source.advance(self.rng)
        requests = []
        for place in range(SLICE):
            requests += self.tick((self.begin + (number * SLICE + place) * INTERVAL) * 1000, place)
        return requests


@dataclasses.dataclass
class Contestant:
    """One of the two servers, and what was measured of it. Seconds and MiB."""

    name: str
    start: object
    data: pathlib.Path
    server: object = None
    ingest_cpu: float = 0.0
    wall: float = 0.0
    figures: dict = dataclasses.field(default_factory=dict)

    def begin(self):
        begin = time.perf_counter()
        self.server = self.start(self.data).start()
        return time.perf_counter() - begin

    @property
    def meter(self):
        return Meter(self.server.pid)

    def send(self, requests):
        cpu, begin = self.meter.cpu(), time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=120)
        for body in requests:
            connection.request("POST", "/api/v1/write", body=body, headers=HEADERS)
            response = connection.getresponse()
            said = response.read()
            if response.status // 100 != 2:
                raise RuntimeError(f"{self.name}: {response.status} {said[:300]!r}")
        connection.close()
        self.wall += time.perf_counter() - begin
        wait_until_idle(self.meter)
        self.ingest_cpu += self.meter.cpu() - cpu

    def note_ingest(self, samples):
        meter = self.meter
        self.figures |= {
            "CPU, us a sample": 1e6 * self.ingest_cpu / samples,
            "wall, us a sample": 1e6 * self.wall / samples,
            "resident, MiB": meter.status("VmRSS"),
            "of it anonymous, MiB": meter.status("RssAnon"),
            "peak resident, MiB": meter.status("VmHWM"),
        }

    def start_again(self, how):
        """`how` the server was ended, which it was."""
        self.figures[f"ready {how}, s"] = self.begin()
        self.figures[f"CPU of it ({how}), s"] = self.meter.cpu()
        wait_until_idle(self.meter)

    def log_size(self):
        """Bytes of log that the next start reads: what is behind the newest snapshot, if there is one."""
        snapshots = sorted(path.name.split(".")[1:] for path in self.data.glob("chunk_snapshot.*[0-9]"))
        segment, offset = (int(number) for number in (snapshots or [(0, 0)])[-1])
        sizes = {int(path.name): path.stat().st_size for path in (self.data / "wal").glob("[0-9]*")}
        return sum(size for number, size in sizes.items() if number >= segment) - offset

    def start_after_kill(self):
        self.server.process.kill()
        self.server.process.wait()
        self.figures["log behind a snapshot, MiB"] = self.log_size() / (1 << 20)
        self.start_again("after kill -9")

    def start_without_snapshot(self):
        """As if the snapshot could not be used: the whole log is read, which is the worst that can come."""
        self.server.process.kill()
        self.server.process.wait()
        for snapshot in self.data.glob("chunk_snapshot.*"):
            shutil.rmtree(snapshot)
        self.start_again("after kill -9, all of the log")

    def start_after_end(self):
        begin = time.perf_counter()
        self.server.stop()
        self.figures["clean end, s"] = time.perf_counter() - begin
        size = sum(path.stat().st_blocks * 512 for path in self.data.rglob("*") if path.is_file())
        self.figures["on disk, MiB"] = size / (1 << 20)
        self.start_again("after a clean end")
        self.figures["resident then, MiB"] = self.meter.status("VmRSS")

    def answers(self, end):
        client = Client(self.server.port)
        found = [client.result(query, end) for query in QUERIES]
        client.close()
        return found

    def stop(self):
        if self.server:
            self.server.stop()


def millrace(program, data):
    port = processes.free_port()
    command = [program, "serve", f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}",
               "--web.enable-remote-write-receiver", "--self-monitor=false", "--log.level=warn"]
    return processes.Server("millrace", command, port, data.parent / "millrace.log")


def prometheus(program, data):
    return processes.prometheus(program, data, features=("native-histograms",), flags=(), name="judge")


def ingest(contestants, load):
    slices = load.slices()
    for number in slices:
        fleet.progress(f"slice {number + 1} of {len(slices)}: making requests")
        requests = load.slice(number)
        for contestant in contestants if number % 2 == 0 else contestants[::-1]:
            fleet.progress(f"slice {number + 1} of {len(slices)}: {len(requests)} requests to {contestant.name}")
            contestant.send(requests)
    fleet.progress("")
    for contestant in contestants:
        contestant.note_ingest(load.samples)


def rows(judge, tested):
    """The table: what less of is better, so that ratios above 1 are ours."""
    yield ["", judge.name, tested.name, "ratio", "wanted"]
    for name, theirs in judge.figures.items():
        ours = tested.figures[name]
        ratio = theirs / ours if ours else math.nan
        wanted = WANTED.get(name)
        said = "" if wanted is None else f">= {wanted:g}" + ("" if ratio >= wanted else ", missed")
        yield [name, f"{theirs:.2f}", f"{ours:.2f}", f"{ratio:.2f}", said]


def run(options, scratch):
    begin = (int(time.time()) - options.hours * 3600) // INTERVAL * INTERVAL
    load = Load(options, begin)
    contestants = [
        Contestant("Prometheus", functools.partial(prometheus, options.judge), scratch / "judge"),
        Contestant("Millrace", functools.partial(millrace, options.millrace), scratch / "tested"),
    ]
    try:
        for contestant in contestants:
            contestant.data.mkdir()
            contestant.begin()
            wait_until_idle(contestant.meter)
        ingest(contestants, load)
        end = begin + options.hours * 3600 - 1
        found = [contestant.answers(end) for contestant in contestants]
        for contestant in contestants:
            contestant.start_after_kill()
            contestant.start_without_snapshot()
        found += [contestant.answers(end) for contestant in contestants]
        for contestant in contestants:
            contestant.start_after_end()
        found += [contestant.answers(end) for contestant in contestants]
    finally:
        for contestant in contestants:
            contestant.stop()
    print(f"{len(load.series)} series every {INTERVAL} s for {options.hours} h, {load.samples / 1e6:.1f} million samples"
          f" of which {options.histograms} % native histograms, {options.churn} % of the series new every hour,"
          f" {options.request_samples} samples a request; the ratio is Prometheus / Millrace")
    print(table(list(rows(*contestants))))
    same = all(answers == found[0] for answers in found)
    print("answers: the same from both, before and after each start" if same else f"answers DIFFER: {found}")
    return 0 if same else 1


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--millrace", default=str(ROOT / "build-release/server/millrace"), help="the program to measure")
    parser.add_argument("--judge", help="a Prometheus 3.x; default: what scripts/judge.sh finds")
    parser.add_argument("--series", type=int, default=20000, help="how many at once")
    parser.add_argument("--hours", type=int, default=2, help="of samples, whole hours")
    parser.add_argument("--histograms", type=int, default=0, metavar="PERCENT", help="series of native histograms")
    parser.add_argument("--churn", type=float, default=0, metavar="PERCENT", help="series that end every hour, and others begin")
    parser.add_argument("--request-samples", type=int, default=2000, help="samples of one request")
    parser.add_argument("--keep", action="store_true", help="keep the directories, and say where they are")
    options = parser.parse_args()
    if options.series < 1 or options.hours < 1 or not 0 <= options.histograms <= 100 or not 0 <= options.churn <= 10000:
        parser.error("at least one series and one hour; percents from 0 to 100")
    return options


def main():
    options = parse_options()
    options.judge = find_judge(options.judge)
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="millrace-ingest-"))
    try:
        return run(options, scratch)
    finally:
        if options.keep:
            print(scratch)
        else:
            shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
