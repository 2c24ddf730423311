"""The series of the generated data set: some of everything that makes an engine stumble.

Two hours and ten minutes from START, the same bytes on every machine. The layout of time is in
`directory.py`; the queries that rely on the names here stand in testdata/queries.
"""
import dataclasses
import math
import struct

START = 1760000400  # Unix seconds, a multiple of the 20-minute blocks
LENGTH = 7800
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
NAN = float("nan")
INF = float("inf")

JOBS = {"api": (8, 15, 25), "web": (6, 10, 0), "db": (4, 30, 900)}  # instances, interval s, jitter ms
HANDLERS = ("/", "/api/v1/query", "/api/v1/write", "/login", "/metrics", "/static/*path")
BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf")


@dataclasses.dataclass
class Series:
    """times in ms, ascending; many series share one list of times."""

    labels: dict
    times: list
    values: list


@dataclasses.dataclass
class Target:
    """What is scraped at once: its labels, its scrape times, and when it was restarted."""

    labels: dict
    times: list
    restarts: frozenset


def named(name, **labels):
    return {"__name__": name, **labels}


def scrapes(rng, interval, jitter=0, start=0, end=LENGTH):
    """Scrape times with an offset of their own, each a little early or late."""
    offset = rng.randrange(interval * 1000)
    first = (START + start) * 1000 + offset
    last = (START + end) * 1000
    return [time + rng.randint(-jitter, jitter) for time in range(first + 1000, last - 1000, interval * 1000)]


def targets(rng):
    for job, (instances, interval, jitter) in JOBS.items():
        for number in range(instances):
            times = scrapes(rng, interval, jitter)
            restarts = frozenset(rng.sample(range(len(times)), number % 4))
            yield Target({"job": job, "instance": f"{job}-{number}:9{number}00"}, times, restarts)


def counter(rng, target, rate, whole=True):
    """A counter that starts anew whenever its target was restarted."""
    value = rng.random() * rate * 5000
    out = []
    for index in range(len(target.times)):
        if index in target.restarts:
            value = 0
        value += rng.expovariate(1 / rate) if rate else 0
        out.append(float(int(value)) if whole else round(value, 2))
    return out


def requests(rng, target):
    for handler in HANDLERS:
        for method in ("GET", "POST", "PUT"):
            for code in ("200", "302", "404", "500"):
                rate = rng.choice((0, 0.02, 0.3, 2, 15, 120)) * (1 if code == "200" else 0.1)
                labels = named("http_requests_total", handler=handler, method=method, code=code, **target.labels)
                yield Series(labels, target.times, counter(rng, target, rate))


def cpus(rng, target):
    for cpu in range(4):
        for mode in ("idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"):
            rate = {"idle": 12, "user": 2.1, "system": 0.7}.get(mode, 0.004)
            labels = named("node_cpu_seconds_total", cpu=str(cpu), mode=mode, **target.labels)
            yield Series(labels, target.times, counter(rng, target, rate, whole=False))


def histogram(rng, target, name, labels, rate):
    """Buckets, sum and count of a classic histogram."""
    counts = [0] * len(BOUNDS)
    total = 0.0
    rows = [[] for _ in BOUNDS]
    sums = []
    for index in range(len(target.times)):
        if index in target.restarts:
            counts = [0] * len(BOUNDS)
            total = 0.0
        for _ in range(min(int(rng.expovariate(1 / rate)), 8)):
            took = rng.lognormvariate(-2.5, 1.5)
            total += took
            for place, bound in enumerate(BOUNDS):
                counts[place] += took <= float(bound)
        for row, count in zip(rows, counts):
            row.append(float(count))
        sums.append(total)
    for row, bound in zip(rows, BOUNDS):
        yield Series(named(name + "_bucket", le=bound, **labels, **target.labels), target.times, row)
    yield Series(named(name + "_sum", **labels, **target.labels), target.times, sums)
    yield Series(named(name + "_count", **labels, **target.labels), target.times, list(rows[-1]))


def durations(rng, target):
    for handler in HANDLERS[:4]:
        yield from histogram(rng, target, "http_request_duration_seconds", {"handler": handler}, 1.5)


def facts(rng, target):
    """What joins are made of: series of value 1, up, start times; and per-target gauges."""
    steps = len(target.times)
    yield Series(named("up", **target.labels), target.times, [float(i not in target.restarts) for i in range(steps)])
    version = rng.choice(("1.4.0", "1.5.0-rc.1", "1.5.2"))
    yield Series(named("build_info", version=version, revision=f"{rng.randrange(1 << 32):08x}", **target.labels),
                 target.times, [1.0] * steps)
    yield Series(named("node_uname", nodename=target.labels["instance"].split(":")[0], **target.labels),
                 target.times, [1.0] * steps)
    for kind in ("active", "buffers", "cached", "free", "slab", "total"):
        level = rng.randrange(1 << 28, 1 << 34)
        values = [float(level + rng.randrange(-4096, 4096) * 4096 * (kind != "total")) for _ in range(steps)]
        yield Series(named("node_memory_bytes", kind=kind, **target.labels), target.times, values)
    load = [round(abs(math.sin(i / 40 + steps) * 3 + rng.gauss(0, 0.4)), 2) for i in range(steps)]
    yield Series(named("node_load1", **target.labels), target.times, load)


def walk(rng, steps, start, spread, digits):
    value = start
    out = []
    for _ in range(steps):
        value += rng.gauss(0, spread)
        out.append(round(value, digits))
    return out


def gauges(rng):
    """Gauges of every size and sign."""
    times = scrapes(rng, 15)
    steps = len(times)
    for room in range(8):
        for sensor in ("north", "south", "ceiling", "rack", "outside"):
            yield Series(named("temperature_celsius", room=str(room), sensor=sensor), times,
                         walk(rng, steps, rng.uniform(-25, 45), 0.1, 1))
    for number in range(120):
        level = rng.choice((3, 100, 10000, 7))
        yield Series(named("queue_length", queue=f"q{number:03}", shard=str(number % 7)), times,
                     [float(rng.randrange(level)) for _ in range(steps)])
    for number in range(12):
        yield Series(named("huge", n=str(number)), times,
                     [rng.choice((-1, 1)) * 10.0 ** rng.uniform(290, 308.2) for _ in range(steps)])
        yield Series(named("tiny", n=str(number)), times,
                     [rng.choice((-1, 1)) * 10.0 ** rng.uniform(-320, -300) for _ in range(steps)])
        yield Series(named("any_double", n=str(number)), times, [any_double(rng) for _ in range(steps)])
        yield Series(named("wide", n=str(number)), times,
                     [rng.choice((-1, 1)) * 10.0 ** rng.uniform(-9, 22) for _ in range(steps)])
    for number in range(30):
        yield Series(named("unit_interval", n=str(number)), times, [rng.uniform(-1, 1) for _ in range(steps)])
        yield Series(named("positive", n=str(number)), times, [rng.uniform(0.01, 60) for _ in range(steps)])
        yield Series(named("integral", n=str(number)), times, [float(rng.randint(-20, 20)) for _ in range(steps)])


def any_double(rng):
    """A number of any bits, as long as it is a number."""
    value = struct.unpack("<d", struct.pack("<Q", rng.getrandbits(64)))[0]
    return 0.5 if math.isnan(value) or math.isinf(value) else value


def specials(rng):
    """NaN, the infinities, both zeros: alone, in turn, and among numbers."""
    times = scrapes(rng, 15)
    steps = len(times)
    fixed = {"nan": NAN, "plus_inf": INF, "minus_inf": -INF, "zero": 0.0, "minus_zero": -0.0, "one": 1.0}
    for kind, value in fixed.items():
        yield Series(named("special_fixed", kind=kind), times, [value] * steps)
    palette = [NAN, INF, -INF, 0.0, -0.0, 1.0, -1.5, 1e-7, 1e21, 123456789.125]
    for number in range(20):
        some = rng.sample(palette, rng.randint(2, 6))
        yield Series(named("special_mixed", n=str(number), parity=("even", "odd")[number % 2]), times,
                     [rng.choice(some) for _ in range(steps)])
    for number in range(12):
        rare = [NAN, INF, -INF][number % 3]
        yield Series(named("special_rare", n=str(number)), times,
                     [rare if rng.random() < 0.02 else round(rng.gauss(50, 20), 3) for _ in range(steps)])


def constants(rng):
    times = scrapes(rng, 15)
    steps = len(times)
    for number in range(60):
        value = rng.choice((0.0, 1.0, 3.25, -7.0, 1e9, 0.1))
        yield Series(named("constant", n=str(number), group="abc"[number % 3]), times, [value] * steps)
    for number in range(24):
        yield Series(named("tied", n=f"{number:02}", group="ab"[number % 2]), times, [float(number // 4)] * steps)
    for number in range(40):
        yield Series(named("release", n=str(number), train=("stable", "next")[number % 2]), times,
                     [float((number + i // 60) % 5) + (0.5 if number % 8 == 0 else 0) for i in range(steps)])
