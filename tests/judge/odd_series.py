"""The rest of the generated data set: series that come and go, odd labels, odd histograms, odd counters."""
from .series import INF, LENGTH, NAN, STALE, START, Series, named, scrapes


def comers_and_goers(rng):
    """Series that start late, end early (with a stale marker or without), pause, or flap."""
    for number in range(90):
        times = scrapes(rng, 15, start=rng.randrange(LENGTH - 600))
        yield Series(named("starts_late", n=str(number)), times, [float(i) for i in range(len(times))])
    for number in range(90):
        times = scrapes(rng, 15, end=rng.randrange(600, LENGTH))
        values = [float(i * number) for i in range(len(times))]
        if number % 2:
            values[-1] = STALE
        yield Series(named("ends_early_total", n=str(number), marked=str(bool(number % 2)).lower()), times, values)
    for number in range(60):
        yield with_gaps(rng, named("gaps_total", n=str(number)), marked=False)
        yield with_gaps(rng, named("flaps_total", n=str(number)), marked=True)
    for number in range(20):
        times = scrapes(rng, 60)
        yield Series(named("half_stale", n=str(number)), times,
                     [STALE if rng.random() < 0.5 else float(i) for i in range(len(times))])


def with_gaps(rng, labels, marked):
    """A counter that is away now and then, for seconds or for many minutes."""
    times, values = [], []
    away, value = 0, 0.0
    for time in scrapes(rng, 15):
        value += rng.randrange(10)
        if away > 0:
            away -= 1
            continue
        if rng.random() < 0.02:
            away = rng.choice((1, 3, 15, 25, 60))
            if marked:
                times.append(time)
                values.append(STALE)
            if rng.random() < 0.3:
                value = 0.0
            continue
        times.append(time)
        values.append(value)
    return Series(labels, times, values)


def few_samples(rng):
    """Many series with hardly any sample, as short-lived pods leave them."""
    for number in range(1100):
        first = (START + rng.randrange(LENGTH - 120)) * 1000 + rng.randrange(1000)
        times = [first + 15000 * i for i in range(rng.randint(1, 5))]
        labels = named("pod_restarts_total", pod=f"pod-{rng.randrange(1 << 40):010x}", namespace=f"ns-{number % 11}")
        yield Series(labels, times, [float(number % 13 + i) for i in range(len(times))])


def odd_labels(rng):
    """Label values and names beyond ASCII, empty against missing, long, and with every awkward character."""
    times = scrapes(rng, 15)
    values = [float(i % 17) for i in range(len(times))]
    words = ("grün", "naïve café", "日本語", "emoji 🚀", 'quote " inside', "back\\slash", "tab\tnew\nline", "<a&b>",
             "a,b=c{d}", "UPPER", "upper", "Straße", "\u2028 separator", "K\u212a", "zero\u0000byte", " ", "1.5", "$1")
    for number, word in enumerate(words):
        yield Series(named("utf8_values", word=word, n=str(number)), times, values)
    yield Series(named("metric.with.dots", **{"label.dotted": "x", "ümlaut": "y"}), times, values)
    yield Series(named("метрика", host="a"), times, values)
    yield Series(named("recorded:rate:sum", job="api"), times, values)
    for number in range(40):
        labels = {key: f"{key}{number % size}" for key, size in (("a", 2), ("b", 3), ("c", 5)) if number % (size + 1)}
        yield Series(named("sparse_labels", n=str(number), **labels), times, [float(number)] * len(times))
    yield Series(named("long_label", text="x" * 5000), times, values)
    for number in range(300):
        yield Series(named("by_id", id=f"{number:04}", zone=f"z{number % 9}"), times,
                     [float(number * 31 % 97) + i % 5 for i in range(len(times))])


def name_twins(rng):
    """Series that become the same once the name is dropped, or once a label is."""
    times = scrapes(rng, 15)
    steps = len(times)
    for name in ("twin_a", "twin_b"):
        for number in range(3):
            yield Series(named(name, n=str(number)), times, [float(number + 1)] * steps)
    half = steps // 2
    yield Series(named("relay_a", n="0"), times[:half - 30], [1.0] * (half - 30))
    yield Series(named("relay_b", n="0"), times[half + 30:], [2.0] * (steps - half - 30))
    for side in ("left", "right"):
        for number in range(6):
            yield Series(named("many_" + side, group=str(number % 3), n=str(number)), times,
                         [float(number + i % 3) for i in range(steps)])
    for number in range(3):
        yield Series(named("one_side", group=str(number), extra=f"e{number}"), times, [float(number + 1)] * steps)


def odd_histograms(rng):
    """Classic histograms that are broken in the ways a quantile must bear."""
    times = scrapes(rng, 15)
    shapes = {
        "plain": {"1": 10, "2": 30, "4": 60, "+Inf": 80},
        "no_inf": {"1": 10, "2": 30},
        "only_inf": {"+Inf": 5},
        "empty": {"1": 0, "2": 0, "+Inf": 0},
        "falling": {"1": 10, "2": 8, "4": 60, "+Inf": 59},
        "negative": {"-10": 1, "-5": 4, "0": 9, "5": 10, "+Inf": 10},
        "all_low": {"0.5": 7, "1": 7, "+Inf": 7},
        "all_high": {"1": 0, "2": 0, "+Inf": 9},
        "twice": {"1": 10, "1.0": 5, "1e0": 5, "+Inf": 30},
        "two_inf": {"1": 10, "+Inf": 20, "Inf": 5},
        "nan": {"1": NAN, "2": 3, "+Inf": 5},
        "infinite": {"1": 3, "2": INF, "+Inf": INF},
        "bad_le": {"1": 4, "many": 9, "+Inf": 11},
        "one_and_inf": {"3": 6, "+Inf": 8},
    }
    for shape, buckets in shapes.items():
        for bound, count in buckets.items():
            yield Series(named("shape_bucket", shape=shape, le=bound), times,
                         [float(count) * (1 + i // 200) for i in range(len(times))])
    yield Series(named("shape_bucket", shape="no_le"), times, [4.0] * len(times))
    for number in range(4):
        for bound, count in (("0.1", 100.1), ("0.2", 200.2), ("0.3", 200.2 - 1e-11 * number), ("+Inf", 300.3)):
            yield Series(named("nearly_bucket", n=str(number), le=bound), times, [count] * len(times))


def odd_counters(rng):
    """Counters with resets all the time, huge, falling, negative, or not counters at all."""
    times = scrapes(rng, 15, jitter=400)
    steps = len(times)
    for number in range(10):
        yield Series(named("resets_often_total", n=str(number)), times,
                     [float(rng.randrange(number + 2)) for _ in range(steps)])
        yield Series(named("beyond_exact_total", n=str(number)), times,
                     [2.0 ** 53 + i * (2 * number + 1) for i in range(steps)])
        yield Series(named("falling_total", n=str(number)), times, [1e4 - i * number * 0.1 for i in range(steps)])
        yield Series(named("slow_total", n=str(number)), times, [float(i // (30 * (number + 1))) for i in range(steps)])
    for number in range(6):
        yield Series(named("nan_total", n=str(number)), times,
                     [NAN if rng.random() < 0.05 else float(i) for i in range(steps)])
    for interval in (1, 5, 7, 60, 120, 240, 600):
        own = scrapes(rng, interval, end=1800 if interval == 1 else LENGTH)
        yield Series(named("interval_total", interval=f"{interval:03}"), own, [i * 1.5 for i in range(len(own))])


def to_be_deleted(rng):
    """Series that get tombstones: in a block, over a block's border, in the head, or whole."""
    times = scrapes(rng, 15)
    for kind in ("block", "border", "head", "whole", "none"):
        for number in range(4):
            yield Series(named("deleted_" + kind, n=str(number)), times, [float(i) for i in range(len(times))])


def overlapped(rng):
    """Series of which a second block, written over the first ones, holds parts once more."""
    times = [(START + 7 + 15 * i) * 1000 for i in range(LENGTH // 15)]
    for number in range(8):
        yield Series(named("overlapped_total", n=str(number)), times, [float(i * (number + 1)) for i in range(len(times))])


ALL = (comers_and_goers, few_samples, odd_labels, name_twins, odd_histograms, odd_counters, to_be_deleted, overlapped)
