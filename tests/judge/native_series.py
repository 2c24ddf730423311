"""Native histograms for the generated data set: counters and gauges, integers and floats, exponential and
custom buckets, restarts, changes of schema and zero bucket, stale markers, and series that turn from floats
into histograms and back.
"""
import dataclasses
import math

from .series import NAN, STALE, Series, named, scrapes, targets

UNKNOWN, GAUGE = 0, 3
CUSTOM = -53


@dataclasses.dataclass(frozen=True)
class Histogram:
    """One sample. Buckets by index, absolute counts; `whole`: written with integers."""

    schema: int
    positive: dict
    negative: dict = dataclasses.field(default_factory=dict)
    zero_threshold: float = 2.0 ** -128
    zero_count: float = 0
    sum: float = 0.0
    extra: float = 0  # observations in no bucket: NaN
    bounds: tuple = ()
    whole: bool = True
    hint: int = UNKNOWN

    @property
    def count(self):
        return sum(self.positive.values()) + sum(self.negative.values()) + self.zero_count + self.extra


def stale(like):
    return dataclasses.replace(like, positive={}, negative={}, zero_count=0, extra=0, sum=STALE)


def bucket_of(value, schema):
    """The index of the bucket that a number above 0 falls into."""
    return math.ceil(math.log2(value) * 2.0 ** schema - 1e-9)


# With so many observations behind it, no rate of these counters would reach below zero where it begins.
BEHIND = 40


class Observed:
    """Counts observations up, and gives a histogram of them at any time."""

    def __init__(self, schema, bounds=(), behind=BEHIND):
        self.schema, self.bounds, self.behind = schema, bounds, behind
        self.restart()

    def restart(self):
        self.positive = {0: self.behind} if self.behind else {}
        self.negative, self.zero, self.nan, self.sum = {}, 0, 0, 0.75 * self.behind

    def observe(self, value):
        self.sum += value
        if math.isnan(value):
            self.nan += 1
        elif self.bounds:
            index = next((place for place, bound in enumerate(self.bounds) if value <= bound), len(self.bounds))
            self.positive[index] = self.positive.get(index, 0) + 1
        elif abs(value) < 1e-4:
            self.zero += 1
        else:
            side = self.positive if value > 0 else self.negative
            index = bucket_of(abs(value), self.schema)
            side[index] = side.get(index, 0) + 1

    def histogram(self, **changes):
        return Histogram(self.schema, dict(self.positive), dict(self.negative), 0.0 if self.bounds else 1e-4,
                         self.zero, self.sum, self.nan, self.bounds, **changes)


def durations(rng):
    """What a fleet of servers would give: integer counters with restarts, one schema a handler."""
    for target in targets(rng):
        if target.labels["job"] == "web":
            continue
        for place, handler in enumerate(("/", "/login", "/api/v1/query")):
            observed = Observed((3, 1, 0)[place])
            values = []
            for index in range(len(target.times)):
                if index in target.restarts:
                    observed.restart()
                for _ in range(min(int(rng.expovariate(1 / (place + 1))), 6)):
                    observed.observe(rng.lognormvariate(-2.5, 1.5))
                values.append(observed.histogram())
            yield Series(named("native_seconds", handler=handler, **target.labels), target.times, values)


def custom(rng):
    """Custom bounds, of two kinds that have some in common."""
    times = scrapes(rng, 30)
    kinds = ((0.1, 0.5, 1.0, 5.0), (0.1, 1.0, 2.5, 5.0, 10.0), (-1.0, 0.0, 1.0))
    for number in range(9):
        observed = Observed(CUSTOM, kinds[number % 3 if number < 6 else 0])
        values = []
        for index in range(len(times)):
            if number == 4 and index % 90 == 89:
                observed.restart()
            observed.observe(rng.gauss(1, 2) if number % 3 == 2 else rng.lognormvariate(0, 1))
            values.append(observed.histogram())
        yield Series(named("native_custom", n=str(number), kind=str(number % 3)), times, values)


def gauges(rng):
    """Gauge histograms of floats, up and down, on both sides of zero."""
    times = scrapes(rng, 30)
    for number in range(8):
        values = []
        for index in range(len(times)):
            level = 5 + 4 * math.sin(index / (7 + number))
            positive = {place: round(level * rng.random() * (place + 3), 3) for place in range(-2, 3)}
            negative = {place: round(level * rng.random(), 2) for place in range(number % 3)}
            values.append(Histogram((0, 2)[number % 2], positive, negative, 0.125 if number % 2 else 2.0 ** -128,
                                    round(level, 1), round(rng.gauss(level * 10, 3), 3), whole=False, hint=GAUGE))
        yield Series(named("native_gauge", n=str(number), parity=str(number % 2)), times, values)


def odd(rng):
    """Changes of schema, of type and of zero bucket; NaN observations; gaps, stale markers; nothing at all."""
    times = scrapes(rng, 30)
    steps = len(times)
    for number in range(6):
        observed, values = Observed(4), []
        for index in range(steps):
            if index % 80 == 40 + number:
                observed = Observed((4, 2, 0, -1)[(index // 80 + number) % 4])
            observed.observe(rng.lognormvariate(0, 2))
            values.append(observed.histogram(whole=number % 2 == 0))
        yield Series(named("native_schemas", n=str(number)), times, values)
    for number in range(6):
        observed, values, float_runs = Observed(1), [], 20 + 10 * number
        for index in range(steps):
            observed.observe(rng.lognormvariate(0, 1))
            values.append(float(index) if index // float_runs % 2 else observed.histogram())
        yield Series(named("native_or_float", n=str(number)), times, values)
    for number in range(4):
        observed, values = Observed(1), []
        for index in range(steps):
            observed.observe(NAN if rng.random() < 0.05 else rng.lognormvariate(0, 1))
            values.append(observed.histogram(whole=number < 2))
        yield Series(named("native_nan", n=str(number)), times, values)
    for number in range(12):
        observed, kept, values = Observed(2), [], []
        for time in times:
            observed.observe(rng.lognormvariate(0, 1))
            chance = rng.random()
            if chance < 0.85:
                kept.append(time)
                values.append(observed.histogram() if chance > 0.1 else stale(observed.histogram()))
        yield Series(named("native_flaps", n=str(number)), kept, values)
    for number in range(2):
        yield Series(named("native_empty", n=str(number)), times, [Histogram(0, {}, whole=bool(number))] * steps)
    for number in range(4):
        observed, values = Observed(3), []
        for index in range(steps):
            observed.observe(rng.gauss(0, 1e-4 * 10 ** number))
            values.append(dataclasses.replace(observed.histogram(), zero_threshold=1e-4 * (1 + index // 100)))
        yield Series(named("native_zero", n=str(number)), times, values)


def young(rng):
    """Counters that begin with nothing, again and again: their rates stop where the counter was zero."""
    times = scrapes(rng, 30)
    for number in range(6):
        observed, values = Observed(2, behind=0), []
        for index in range(len(times)):
            if index % (25 + 7 * number) == 0:
                observed.restart()
            for _ in range(int(rng.expovariate(1 / (1 + number)))):
                observed.observe(rng.lognormvariate(0, 1))
            values.append(observed.histogram(whole=number % 2 == 0))
        yield Series(named("native_young", n=str(number)), times, values)


ALL = (durations, custom, gauges, odd, young)
