"""The benchmark's data: twelve hours of a fleet at 15 s, written once by a real Prometheus and cached.

At the usual size 7,500 counters, 6,000 buckets of classic histograms, 1,000 gauges and 4,200 series that
no query reads: 18,700 series, 53.9 million samples; and 1,000 native histograms over the last three hours.
"""
import dataclasses
import itertools
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from judge import directory, native_series, processes, remote_write  # noqa: E402
from judge.client import Client  # noqa: E402

START = 1760011200  # a multiple of six hours, as blocks are
HOURS = 12
END = START + HOURS * 3600
INTERVAL = 15
SLICE = 120  # samples of a series in one request
NATIVE_HOURS = 3
LAYOUT = 2  # count this up when the data changes
BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf")
JOBS = ("auth", "cart", "mail", "pay", "web")
CODES = ("200", "201", "302", "404", "500")
SMALL = [0] * 60 + [1] * 25 + [2] * 10 + [3, 5, 8, 13, 40]
LARGE = [int(40 + 12 * (place % 7)) for place in range(80)] + [0, 700, 310, 5]
STEADY_SECONDS = 3
WAIT_SECONDS = 300


@dataclasses.dataclass
class Source:
    """A series that goes on: the increments it takes them from, and where it stands."""

    labels: bytes
    kind: str
    steps: list
    offset: int
    value: float = 0.0

    def advance(self, rng):
        if self.kind == "constant":
            return [self.value] * SLICE
        if self.kind == "gauge":
            rows = [round(self.value + rng.gauss(0, 25), 1) for _ in range(SLICE)]
            self.value = rows[-1] * 0.9 + 50
            return rows
        if rng.random() < 0.002:
            self.value = 0.0
        rows = list(itertools.accumulate(rng.choices(self.steps, k=SLICE), initial=self.value))[1:]
        self.value = rows[-1]
        return rows


@dataclasses.dataclass
class Native:
    """A native histogram that goes on counting: twenty buckets, a few observations a scrape."""

    labels: bytes
    offset: int
    counts: list
    sum: float = 0.0

    def advance(self, rng, base):
        """The encoded samples of a slice that begins at `base` ms."""
        out = []
        if rng.random() < 0.01:
            self.counts, self.sum = [0] * len(self.counts), 0.0
        for step in range(SLICE):
            for place in rng.sample(range(len(self.counts)), 4):
                self.counts[place] += 1 + place % 3
                self.sum += 0.01 * place
            h = native_series.Histogram(3, dict(enumerate(self.counts, start=-30)), sum=self.sum)
            out.append(remote_write.encode_histogram(h, base + self.offset + step * INTERVAL * 1000))
        return b"".join(out)


def labels(name, **pairs):
    return remote_write.encode_labels({"__name__": name, **pairs})


def offset_of(instance):
    return (instance * 997) % (INTERVAL * 1000)


def counters(count):
    for number in range(count):
        instance = number // len(CODES) % 300
        yield Source(labels("requests_total", job=JOBS[instance % 5], instance=f"host-{instance:03}",
                            code=CODES[number % 5], path=f"/p{number // 1500}"),
                     "counter", (SMALL, LARGE)[number % 2], offset_of(instance))


def buckets(count):
    for number in range(count // len(BOUNDS)):
        instance = number % 300
        for place, bound in enumerate(BOUNDS):
            yield Source(labels("latency_seconds_bucket", job=JOBS[instance % 5], instance=f"host-{instance:03}",
                                route=f"r{number // 300}", le=bound),
                         "counter", [place * 2, place * 2 + 1, place * 2, place * 3], offset_of(instance))


def gauges(count):
    for number in range(count):
        instance = number % 300
        yield Source(labels("memory_bytes", job=JOBS[instance % 5], instance=f"host-{instance:03}",
                            kind=f"k{number // 300}"), "gauge", [], offset_of(instance), 500.0)


def others(count):
    for number in range(count):
        instance = number % 300
        pairs = {"job": JOBS[instance % 5], "instance": f"host-{instance:03}"}
        if number < 300:
            yield Source(labels("build_info", version=f"1.{instance % 4}", **pairs), "constant", [],
                         offset_of(instance), 1.0)
        else:
            yield Source(labels("other_total", n=str(number), **pairs), "counter", SMALL, offset_of(instance))


def natives(count):
    for number in range(count):
        instance = number % 300
        yield Native(labels("native_latency_seconds", job=JOBS[instance % 5], instance=f"host-{instance:03}",
                            route=f"r{number // 300}"), offset_of(instance), [1] * 20)


def sources(count):
    """The series of a fleet with `count` counters; the other kinds in proportion."""
    share = count / 7500
    return [*counters(count), *buckets(int(6000 * share)), *gauges(int(1000 * share)),
            *others(max(300, int(4200 * share)))]


def progress(text):
    if sys.stderr.isatty():
        print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)


def send(port, everything, histograms):
    """Pushes all samples, half an hour after half an hour."""
    rng, own_rng = random.Random(7), random.Random(8)
    writer = remote_write.Writer(port)
    slices = HOURS * 3600 // INTERVAL // SLICE
    begin = time.monotonic()
    for number in range(slices):
        base = (START + number * SLICE * INTERVAL) * 1000
        times = {}
        for source in everything:
            if source.offset not in times:
                times[source.offset] = remote_write.encode_times(
                    [base + source.offset + step * INTERVAL * 1000 for step in range(SLICE)])
            writer.add(source.labels, remote_write.encode_samples(times[source.offset], source.advance(rng)))
        for native in histograms if number >= slices - slices * NATIVE_HOURS // HOURS else ():
            writer.add(native.labels, native.advance(own_rng, base))
        writer.flush()
        done = (number + 1) / slices
        progress(f"writing the data: {100 * done:.0f} %, {time.monotonic() - begin:.0f} s")
    writer.close()


def wait_until_settled(path, port):
    """Waits until the head holds only what it must and no block is being made."""
    client = Client(port)
    deadline = time.monotonic() + WAIT_SECONDS
    steady, before = time.monotonic(), None
    while time.monotonic() < deadline:
        head = client.send("GET", "/api/v1/status/tsdb").json["data"]["headStats"]
        now = sorted(child.name for child in path.iterdir()), head["minTime"]
        if now != before or any("tmp" in name for name in now[0]):
            steady, before = time.monotonic(), now
        elif time.monotonic() - steady > STEADY_SECONDS and int(head["minTime"]) >= (END - 3 * 3600) * 1000:
            return
        time.sleep(0.2)
        progress(f"waiting for the blocks: {len(directory.blocks_of(path))}")
    raise processes.ServerError(f"the blocks in {path} did not settle in {WAIT_SECONDS} s")


def write(program, path, count):
    everything = sources(count)
    histograms = list(natives(max(10, count * 2 // 15)))
    begin = time.monotonic()
    default_blocks = ("--storage.tsdb.min-block-duration=2h",)
    with processes.prometheus(program, path, features=("native-histograms",), flags=default_blocks, name="writer") as server:
        send(server.port, everything, histograms)
        wait_until_settled(path, server.port)
    progress("")
    samples = len(everything) * HOURS * 3600 // INTERVAL
    print(f"wrote {len(everything)} series, {samples / 1e6:.1f} million samples in {time.monotonic() - begin:.0f} s")


def data(program, count):
    return directory.once(f"fleet-{LAYOUT}-{count}", lambda path: write(program, path, count))
