"""Random queries over the generated data set, from the grammar that Millrace supports.

Every query is a tree, so that one that fails can be shrunk: while a part of it fails by itself, that part
is the better report. The same seed gives the same queries.

Left out is what no comparison can judge: sorting anywhere but outermost, where it is without effect, and
what the ledger in differences.py knows only by a query's whole text. What is younger than the judge's
release is drawn only where the judge is of a release that has it.
"""
import dataclasses
import random
import re

from . import native_differences, series
from .queries import Case
from .releases import NEVER_RELEASED
from .times import text

# Selectors whose series share labels worth grouping and matching by.
FAMILIES = (
    (("node_load1", 'node_load1{job="db"}', 'node_load1{instance=~"web-[1-3].*"}', "up",
      'build_info{job!="web"}', 'node_uname{job="api"}'), ("job", "instance", "version")),
    (('http_requests_total{job="db",code="200"}', 'http_requests_total{job="api",handler="/",code!="404"}',
      'http_requests_total{instance=~"web-0:.*",method="GET"}'), ("job", "instance", "code", "method", "handler")),
    (('node_cpu_seconds_total{job="db",mode=~"i.*"}', 'node_cpu_seconds_total{instance="api-1:9100",cpu!="2"}'),
     ("job", "instance", "cpu", "mode")),
    (('node_memory_bytes{job="db"}', 'node_memory_bytes{kind=~"free|cached",job=~"api|web"}'), ("job", "instance", "kind")),
    (("special_mixed", 'special_mixed{parity="even"}', "special_fixed", "special_rare"), ("n", "parity", "kind")),
    (("temperature_celsius", 'temperature_celsius{room=~"[2-4]",sensor!="rack"}'), ("room", "sensor")),
    (("constant", 'tied{group="a"}', "release", "integral", "unit_interval", "positive"), ("n", "group", "train")),
    (("huge", "tiny", "any_double", "wide"), ("n",)),
    (("half_stale", 'flaps_total{n=~"[1-3].?"}', 'gaps_total{n=~"4.?"}', 'starts_late{n=~".?5"}',
      'ends_early_total{n=~"7.?"}', 'starts_late{n!="5",n=~".?5"}'), ("n", "marked")),
    (('queue_length{shard="3"}', 'queue_length{queue=~"q00.|q11."}'), ("queue", "shard")),
    (("sparse_labels", 'sparse_labels{a=""}', 'sparse_labels{b!=""}'), ("a", "b", "c", "n")),
    (("twin_a", "twin_b", 'by_id{zone="z3"}', "no_such_metric", 'overlapped_total', 'deleted_border', 'deleted_head'),
     ("n", "id", "zone")),
    (('http_request_duration_seconds_bucket{job="db"}', 'http_request_duration_seconds_count{job="db",handler="/"}'),
     ("job", "instance", "handler", "le")),
    (('native_seconds{job="db"}', 'native_seconds{handler="/login"}', 'native_seconds{job="api",handler!="/"}'),
     ("job", "instance", "handler")),
    (("native_gauge", 'native_gauge{parity="1"}'), ("n", "parity")),
    (("native_custom", 'native_custom{kind="0"}', 'native_custom{n!="4"}'), ("n", "kind")),
    (("native_schemas", "native_or_float", "native_nan", "native_flaps", "native_zero", "native_empty",
      '{__name__=~"native_(?:nan|flaps|or_float)"}'), ("n", "__name__")),
    (('{__name__=~"twin_.*",n!=""}', '{job="db",__name__=~"node_load1|up"}'), ("__name__", "n", "job", "instance")),
)
NATIVE = re.compile(r"\bnative_")
DURATIONS = ("1s", "15s", "30s", "37s", "1m", "90s", "2m", "5m", "5m1ms", "7m30s", "10m", "20m")
OFFSETS = ("15s", "1m", "-1m", "7m", "1h", "-37s", "13m7s")
NUMBERS = ("0", "1", "2", "-1", "0.5", "1.5", "-7.25", "3", "100", "1e9", "Inf", "-Inf", "NaN", "1e-300")
SMALL = ("0", "1", "2", "3", "5", "10", "-1", "2.7")
QUANTILES = ("0", "0.1", "0.5", "0.9", "0.99", "1", "-0.5", "1.2")
WINDOW_FUNCTIONS = """rate increase delta irate idelta sum_over_time avg_over_time min_over_time max_over_time
    count_over_time last_over_time present_over_time stddev_over_time stdvar_over_time changes resets deriv
    absent_over_time ts_of_min_over_time ts_of_max_over_time ts_of_last_over_time""".split()
NEWER_WINDOW_FUNCTIONS = ("first_over_time", "ts_of_first_over_time", "mad_over_time")
EXTENDED = tuple(f"{function}(<0> {modifier})" for modifier in ("anchored", "smoothed")
                 for function in ("rate", "increase", "delta", "resets", "changes")
                 if modifier == "anchored" or function in ("rate", "increase", "delta"))
VECTOR_FUNCTIONS = """abs ceil floor sgn sqrt deg rad timestamp minute hour day_of_week day_of_month
    day_of_year days_in_month month year absent exp ln log2 log10 sin cos tan asin acos atan sinh cosh tanh
    asinh acosh atanh""".split()
HISTOGRAM_FUNCTIONS = ("histogram_count(<0>)", "histogram_sum(<0>)", "histogram_avg(<0>)", "histogram_stddev(<0>)",
                       "histogram_stdvar(<0>)", "histogram_quantile({quantile}, <0>)",
                       "histogram_fraction({low}, {high}, <0>)")
BOUNDS = ("-Inf", "-1", "0", "0.0001", "0.3", "1", "2.5", "+Inf", "NaN")
AGGREGATIONS = ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")
ARITHMETIC = ("+", "-", "*", "/", "%", "^", "atan2")
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
SETS = ("and", "or", "unless")
REPLACEMENTS = (
    '"{to}", "$1", "{of}", "(.*)"', '"{to}", "x-$1", "{of}", "(.).*"', '"{to}", "", "{of}", ".*"',
    '"fresh", "$2$1", "{of}", "(.+)[-_](.+)"', '"fresh", "$name", "{of}", "(?P<name>.)?.*"',
)


@dataclasses.dataclass(frozen=True)
class Tree:
    """A part of a query: `form` with its parts put in for {0}, {1}...; kind is vector, scalar or window."""

    kind: str
    form: str
    parts: tuple = ()

    def __str__(self):
        out = self.form
        for place, part in enumerate(self.parts):
            out = out.replace(f"\x00{place}\x00", str(part))
        return out


def tree(kind, form, *parts):
    """`form` names its parts as <0>, <1>..."""
    for place in range(len(parts)):
        form = form.replace(f"<{place}>", f"\x00{place}\x00")
    return Tree(kind, form, parts)


class Maker:
    """Makes trees; `labels` are those of the family that a query is about, most of the time.

    `release` is the judge's: what it does not know is not made.
    """

    def __init__(self, rng, release):
        self.rng = rng
        self.release = release
        self.selectors, self.labels = FAMILIES[0]

    def query(self, depth, instant):
        self.selectors, self.labels = self.rng.choice(FAMILIES)
        if self.rng.random() < 0.04:
            return self.scalar(depth)
        out = self.vector(depth)
        if instant and self.rng.random() < 0.1:
            out = tree("vector", self.rng.choice(("sort(<0>)", "sort_desc(<0>)", self.by_label(""), self.by_label("_desc"))), out)
        return out

    def by_label(self, direction):
        names = ", ".join(f'"{name}"' for name in self.rng.sample(self.labels, self.rng.randint(1, len(self.labels))))
        return f"sort_by_label{direction}(<0>, {names})"

    # Parts of the text

    def some_labels(self):
        names = list(self.labels) + ["nolabel"]
        return ", ".join(self.rng.sample(names, self.rng.choice((0, 1, 1, 1, 2, 2, 3)) % (len(names) + 1)))

    def clause(self):
        return self.rng.choice(("", f" by ({self.some_labels()})", f" by ({self.some_labels()})",
                                f" without ({self.some_labels()})")) + " "

    def modifiers(self):
        out = ""
        if self.rng.random() < 0.15:
            out += f" offset {self.rng.choice(OFFSETS)}"
        if self.rng.random() < 0.12:
            at = (f"{series.START + self.rng.randrange(series.LENGTH)}", "start()", "end()",
                  f"{series.START + self.rng.random() * series.LENGTH:.3f}")
            out += f" @ {self.rng.choice(at)}"
        return out

    def selector(self):
        if self.rng.random() < 0.1:
            return self.rng.choice(self.rng.choice(FAMILIES)[0])
        return self.rng.choice(self.selectors)

    # Trees

    def vector(self, depth):
        if depth == 0:
            return tree("vector", self.selector() + self.modifiers())
        makers = (self.call, self.call, self.window_call, self.window_call, self.aggregation, self.aggregation,
                  self.operation, self.operation, self.with_scalar, self.labels_changed, self.ranked,
                  self.over_time_parameter, self.set_operation, self.signed, self.odd, self.limited)
        if NATIVE.search(self.selectors[0]):
            makers += (self.histogram_call, self.histogram_call, self.window_call, self.aggregation, self.operation)
        if self.release >= (3, 14):
            makers += (self.newer,)
        return self.rng.choice(makers)(depth - 1)

    def less(self, depth):
        """A depth for a side that may be simple."""
        return self.rng.randint(0, depth)

    def scalar(self, depth):
        if depth == 0 or self.rng.random() < 0.4:
            return tree("scalar", self.rng.choice(NUMBERS + ("time()", "pi()")))
        if self.rng.random() < 0.5:
            return tree("scalar", "scalar(<0>)", self.vector(depth - 1))
        word = self.rng.choice(ARITHMETIC + tuple(op + " bool" for op in COMPARISONS))
        return tree("scalar", f"(<0> {word} <1>)", self.scalar(depth - 1), self.scalar(self.less(depth - 1)))

    def window(self, depth):
        if depth == 0 or self.rng.random() < 0.6:
            selector = self.selector()
            return tree("window", f"{selector}[{self.duration(DURATIONS)}]{self.modifiers()}")
        step = self.rng.choice(("", "15s", "1m", "37s", "2m", "5m", "61s"))
        inner = self.vector(self.less(depth - 1))
        if inner.parts and not inner.form.startswith("("):
            inner = tree("vector", "(<0>)", inner)
        elif not inner.parts and (" offset " in inner.form or " @ " in inner.form):
            inner = tree("vector", "(<0>)", inner)
        return tree("window", f"<0>[{self.duration(DURATIONS[4:])}:{step}]{self.modifiers()}", inner)

    def duration(self, choices):
        words = self.rng.choice(choices)
        return self.rng.choice((f"{words} + 30s", f"{words} * 2", f"2 * {words} - 15s")) if self.rng.random() < 0.04 else words

    def call(self, depth):
        return tree("vector", f"{self.rng.choice(VECTOR_FUNCTIONS)}(<0>)", self.vector(depth))

    def window_call(self, depth):
        return tree("vector", f"{self.rng.choice(WINDOW_FUNCTIONS)}(<0>)", self.window(depth))

    def over_time_parameter(self, depth):
        if self.rng.random() < 0.5:
            share = self.scalar(1) if self.rng.random() < 0.1 else tree("scalar", self.rng.choice(QUANTILES))
            return tree("vector", "quantile_over_time(<0>, <1>)", share, self.window(depth))
        if self.rng.random() < 0.3:
            factors = self.rng.sample(("0.1", "0.3", "0.5", "0.9"), 2)
            return tree("vector", f"double_exponential_smoothing(<0>, {factors[0]}, {factors[1]})", self.window(depth))
        return tree("vector", "predict_linear(<0>, <1>)", self.window(depth), tree("scalar", self.rng.choice(NUMBERS)))

    def histogram_call(self, depth):
        low, high = self.rng.choice(BOUNDS), self.rng.choice(BOUNDS)
        form = self.rng.choice(HISTOGRAM_FUNCTIONS).format(quantile=self.rng.choice(QUANTILES), low=low, high=high)
        return tree("vector", form, self.vector(depth))

    def limited(self, depth):
        if self.rng.random() < 0.3:
            return self.changed_since(depth)
        if self.rng.random() < 0.5:
            return tree("vector", f"limitk{self.clause()}(<0>, <1>)", tree("scalar", self.rng.choice(SMALL)), self.vector(depth))
        return tree("vector", f"limit_ratio{self.clause()}(<0>, <1>)",
                    tree("scalar", self.rng.choice(("0.5", "-0.5", "0.1", "-0.9", "1", "-1", "0", "1.5"))), self.vector(depth))

    def changed_since(self, depth):
        """What releases before the main branch have, but not for NaN, labels that are not there and `@`."""
        plain = self.rng.choice(self.rng.choice(FAMILIES[:4])[0])
        inner = self.vector(depth) if self.release >= NEVER_RELEASED else tree("vector", plain)
        if self.rng.random() < 0.5:
            return tree("vector", 'info(<0>, {__name__="build_info"})', inner)
        return tree("vector", "mad_over_time(<0>)", tree("window", f"{plain}[{self.duration(DURATIONS)}]"))

    def newer(self, depth):
        """What came with the releases up to 3.14."""
        kind = self.rng.randrange(6)
        if kind == 0:
            return tree("vector", f"{self.rng.choice(NEWER_WINDOW_FUNCTIONS)}(<0>)", self.window(depth))
        if kind == 1:
            form = self.rng.choice(EXTENDED)
            window = f"{self.selector()}[{self.rng.choice(DURATIONS)}]{self.modifiers()}"
            return tree("vector", form, tree("window", window))
        if kind == 2:
            word = self.rng.choice(ARITHMETIC + COMPARISONS)
            fill = self.rng.choice(("fill (0)", "fill_left (1)", "fill_right (-1.5)", "fill_left (NaN) fill_right (2)"))
            matching = re.sub(r" group_(left|right).*", "", self.matching())
            return tree("vector", f"(<0> {word}{matching} {fill} <1>)", self.vector(depth), self.vector(self.less(depth)))
        if kind == 3:
            return tree("vector", f"(<0> {self.rng.choice(('</', '>/'))} {self.rng.choice(BOUNDS[1:])})", self.vector(depth))
        if kind == 4:
            quantiles = ", ".join(self.rng.sample(QUANTILES, self.rng.randint(1, 3)))
            return tree("vector", f'histogram_quantiles(<0>, "q", {quantiles})', self.vector(depth))
        return tree("vector", f"({self.selector()} smoothed)")

    def aggregation(self, depth):
        if self.rng.random() < 0.15:
            share = self.scalar(1) if self.rng.random() < 0.2 else tree("scalar", self.rng.choice(QUANTILES))
            return tree("vector", f"quantile{self.clause()}(<0>, <1>)", share, self.vector(depth))
        if self.rng.random() < 0.07:
            return tree("vector", f'count_values{self.clause()}("{self.rng.choice(("value", "n", "job"))}", <0>)',
                        self.vector(depth))
        return tree("vector", f"{self.rng.choice(AGGREGATIONS)}{self.clause()}(<0>)", self.vector(depth))

    def ranked(self, depth):
        word = self.rng.choice(("topk", "bottomk"))
        return tree("vector", f"{word}{self.clause()}(<0>, <1>)", tree("scalar", self.rng.choice(SMALL)), self.vector(depth))

    def matching(self):
        if self.rng.random() < 0.4:
            return ""
        names = self.some_labels()
        out = f" {self.rng.choice(('on', 'ignoring'))} ({names})"
        if self.rng.random() < 0.35:
            extra = "" if self.rng.random() < 0.6 else self.rng.choice(self.labels + ("nolabel",))
            extra = "" if extra in names else extra
            out += f" {self.rng.choice(('group_left', 'group_right'))} ({extra})"
        return out

    def operation(self, depth):
        word = self.rng.choice(ARITHMETIC + COMPARISONS + tuple(op + " bool" for op in COMPARISONS))
        left, right = self.vector(depth), self.vector(self.less(depth))
        if self.rng.random() < 0.5:
            left, right = right, left
        return tree("vector", f"(<0> {word}{self.matching()} <1>)", left, right)

    def set_operation(self, depth):
        matching = "" if self.rng.random() < 0.4 else f" {self.rng.choice(('on', 'ignoring'))} ({self.some_labels()})"
        return tree("vector", f"(<0> {self.rng.choice(SETS)}{matching} <1>)", self.vector(depth), self.vector(self.less(depth)))

    def with_scalar(self, depth):
        word = self.rng.choice(ARITHMETIC + COMPARISONS + tuple(op + " bool" for op in COMPARISONS))
        parts = [self.vector(depth), self.scalar(self.less(depth))]
        self.rng.shuffle(parts)
        return tree("vector", f"(<0> {word} <1>)", *parts)

    def labels_changed(self, depth):
        of, to = self.rng.choice(self.labels), self.rng.choice(self.labels + ("fresh", "__name__"))
        if self.rng.random() < 0.3:
            return tree("vector", f'label_join(<0>, "{to}", "-", "{of}", "{self.rng.choice(self.labels)}")', self.vector(depth))
        words = self.rng.choice(REPLACEMENTS).format(of=of, to=to)
        return tree("vector", f"label_replace(<0>, {words})", self.vector(depth))

    def signed(self, depth):
        inner = self.vector(depth)
        return tree("vector", "(-<0>)" if inner.form.startswith("(") else "(-(<0>))", inner)

    def odd(self, depth):
        kind = self.rng.randrange(5)
        if kind == 0:
            low, high = sorted(self.rng.sample(("-5", "0", "0.5", "1", "70"), 2), key=float)
            return tree("vector", f"clamp(<0>, {low}, {high})", self.vector(depth))
        if kind == 1:
            return tree("vector", f"{self.rng.choice(('clamp_min', 'clamp_max'))}(<0>, <1>)", self.vector(depth), self.scalar(1))
        if kind == 2:
            return tree("vector", "round(<0>, <1>)", self.vector(depth), tree("scalar", self.rng.choice(("1", "0.1", "5", "0", "-2"))))
        if kind == 3:
            return tree("vector", "vector(<0>)", self.scalar(depth))
        return tree("vector", "histogram_quantile(<0>, <1>)", tree("scalar", self.rng.choice(QUANTILES)),
                    tree("vector", f'rate(http_request_duration_seconds_bucket{{job="db"}}[{self.rng.choice(DURATIONS[4:])}])'))


def moment(rng):
    return text(series.START + rng.choice((rng.randrange(series.LENGTH), rng.random() * series.LENGTH,
                                           rng.randrange(0, series.LENGTH, 60))))


def parameters(rng):
    """The path of a request, and its parameters but for the query."""
    if rng.random() < 0.5:
        return "/api/v1/query", (("time", moment(rng)),)
    start = float(moment(rng))
    step = rng.choice((1, 15, 37.5, 60, 61.001, 150, 300))
    end = start + step * rng.choice((0, 1, 7, 20, 33.3))
    return "/api/v1/query_range", (("start", text(start)), ("end", text(end)), ("step", text(step)))


def order_of(query):
    """Sorting is exact but for ties; otherwise the order of Prometheus's instant vectors goes through maps."""
    if query.startswith("sort_by_label"):
        return "exact"
    return "ties" if query.startswith("sort") else "exact"


def case_of(asked, query):
    path, rest = asked
    words = str(query)
    return Case("random", "POST", path, (("query", words), *rest), order_of(words))


def drawn(count, seed, release):
    """(tree, case) for each of `count` random queries."""
    for number in range(count):
        rng = random.Random(f"{seed}:{number}")
        asked = parameters(rng)
        query = Maker(rng, release).query(rng.choice((1, 2, 2, 3, 3, 4)), asked[0] == "/api/v1/query")
        yield query, case_of(asked, query)


def shrink(query, case, fails):
    """The smallest part of a failing query that still fails by itself, as a case."""
    asked = case.path, tuple(pair for pair in case.params if pair[0] != "query")
    found = True
    while found:
        found = False
        for part in parts_of(query):
            smaller = case_of(asked, part)
            if fails(smaller):
                query, case, found = part, smaller, True
                break
    return case


def parts_of(query):
    """The parts of a query that are queries; those of a window are its own parts'."""
    for part in query.parts:
        if part.kind == "window":
            yield from parts_of(part)
        else:
            yield part


PAIR = re.compile(r"(found duplicate series for the match group ).*( on the (?:left|right) hand-side)(?s:.*)")
NOT_UNIQUE = "multiple matches for labels"
FILTERS = re.compile(r" (?:==|!=|<|<=|>|>=) (?!bool)")


def excuse(case, judge, tested):
    """Why two answers may differ all the same, or None: what the release and its Go maps leave open.

    Which of many duplicates an error names is any, and which of two errors is met first; a release before 3.9 finds matches that are not unique
    only where the comparison leaves them; one before 3.6 takes NaN for a number of series; one before 3.8 makes
    nothing of histograms whose custom bounds differ, and so nothing of what is computed or matched with them.
    """
    ours, theirs = judge.get("error", ""), tested.get("error", "")
    if PAIR.match(ours) and PAIR.match(theirs):
        return "duplicates"
    if judge.get("errorType") == tested.get("errorType") == "execution":
        return "which error comes first"
    if NOT_UNIQUE in theirs and FILTERS.search(case.query):
        return "filtered matches"
    if native_differences.are_reconciled(case, judge, tested):
        return "histograms of other bounds"
    if native_differences.refuses_bounds(judge) and (NOT_UNIQUE in theirs or PAIR.match(theirs)):
        return "matches of histograms of other bounds"
    return None


def depends_on_order(query):
    """Whether ties or last bits decide what comes out: then any answer of a judge that wavers is right."""
    return re.search(r"\b(?:topk|bottomk|limitk|stddev|stdvar|sum|avg|quantile|count_values)\b", query) is not None
