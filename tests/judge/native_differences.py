"""What changed between releases in computing with native histograms; the entries stand in differences.py.

A query counts as one over native histograms when it names a metric that has them: those of the generated
data set begin with native_, those of another directory are told by NAMES.
"""
import re

NAMES = {"native_"}
STRING = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|`[^`]*`')
LEFT_OUT = "left out"
CALL = r"(?<![\w:])(?:{})\b"
SUMS = re.compile(CALL.format("sum|avg|sum_over_time|avg_over_time"))
# A sum's last bits go on into what is worked out from it: a quantile within a bucket; and a difference of two
# sums that are nearly alike consists of them, as does a sum of differences that cancel out.
SUM_ULPS = 16
DIFFERENCES = CALL.format("delta|idelta|rate|irate|increase|deriv|predict_linear|stddev|stdvar"
                          "|stddev_over_time|stdvar_over_time")
DIFFERENCE = re.compile(rf" - |{DIFFERENCES}.*{SUMS.pattern}|{SUMS.pattern}.*{CALL.format('delta|idelta')}")
DIFFERENCE_ABSOLUTE = 2.0 ** -36
FRACTION = re.compile(CALL.format("histogram_fraction"))
FRACTION_ABSOLUTE = 2.0 ** -52


def is_native(query):
    return any(name in query for name in NAMES)


def sum_slack(case):
    text = masked(case.query)
    if not is_native(case.query) or not SUMS.search(text):
        return None
    return SUM_ULPS, DIFFERENCE_ABSOLUTE if DIFFERENCE.search(text) else 0.0


COUNTED = re.compile(CALL.format("count_values") + r'[^"]*"(\w+)"')
NUMBER = re.compile(r"\d+\.\d+(?:e[+-]\d+)?")


def with_rounded_labels(case, answer):
    """The label in which count_values has written sums, without their last digits."""
    counted = COUNTED.search(case.query)
    data = answer.get("data") or {}
    if not counted or sum_slack(case) is None or data.get("resultType") not in ("vector", "matrix"):
        return answer

    def rounded(metric):
        return {name: NUMBER.sub(lambda found: f"{float(found.group()):.12g}", value) if name == counted.group(1) else value
                for name, value in metric.items()}
    result = [{**one, "metric": rounded(one["metric"])} for one in data["result"]]
    if data["resultType"] == "matrix":
        result.sort(key=lambda one: sorted(one["metric"].items()))
    return {**answer, "data": {**data, "result": result}}


def fraction_slack(case):
    return (0, FRACTION_ABSOLUTE) if is_native(case.query) and FRACTION.search(case.query) else None


def masked(query):
    """The query with every string, and so every bracket in one, made harmless."""
    return STRING.sub(lambda found: "_" * len(found.group()), query)


def place_inside(query, place):
    """The place behind the parentheses that are all around the argument at column `place` (from 1)."""
    text = masked(query)
    while text[place - 1] == "(":
        depth, at = 0, place - 1
        while True:
            depth += (text[at] == "(") - (text[at] == ")")
            at += 1
            if depth == 0:
                break
        if text[at:].lstrip()[:1] not in (")", ","):
            break
        place += 1
        while text[place - 1] in " \n\t":
            place += 1
    return place


def argument_place(query, place, count):
    """Where the argument `count` places behind the one at column `place` (from 1) begins, in columns."""
    text = masked(query)
    depth, at = 0, place - 1
    while count > 0:
        depth += (text[at] in "([{") - (text[at] in ")]}")
        count -= text[at] == "," and depth == 0
        at += 1
    while text[at] in " \n\t":
        at += 1
    return place_inside(query, at + 1)


NAN_NOTE = re.compile(r"(PromQL info: input to (histogram_quantile|histogram_fraction) has NaN observations, .*?)"
                      r'( for metric name "(?:[^"\\]|\\.)*")? \(1:(\d+)\)')


def without_name(text):
    """A note about NaN observations that does not name the metric."""
    found = NAN_NOTE.fullmatch(text)
    return f"{found.group(1)} (1:{found.group(4)})" if found else text


def with_place_of_vector(case, text):
    """A note about NaN observations that points to the argument with the histograms."""
    found = NAN_NOTE.fullmatch(text)
    if not found:
        return text
    place = argument_place(case.query, int(found.group(4)), 1 if found.group(2) == "histogram_quantile" else 2)
    return f"{found.group(1)}{found.group(3) or ''} (1:{place})"


def map_points(answer, change):
    """The answer with every sample changed by change(metric, [time, value]); None takes the sample away, and a series with none left goes."""
    data = answer.get("data") or {}
    if data.get("resultType") not in ("vector", "matrix"):
        return answer
    result = []
    for one in data["result"]:
        out = {"metric": one["metric"]}
        for kind in ("value", "histogram"):
            if kind in one and (point := change(one["metric"], one[kind])):
                out[kind] = point
        for kind in ("values", "histograms"):
            points = [changed for point in one.get(kind, ()) if (changed := change(one["metric"], point))]
            if points:
                out[kind] = points
        if len(out) > 1:
            result.append(out)
    return {**answer, "data": {**data, "result": result}}


def points_of(answer):
    """{(labels, time): value} of an answer."""
    found = {}

    def keep(metric, point):
        found[tuple(sorted(metric.items())), point[0]] = point[1]
        return point
    map_points(answer, keep)
    return found


BOUNDS_WARNING = re.compile(r"PromQL warning: (?:vector contains histograms with incompatible custom buckets"
                            r"|incompatible bucket layout encountered for binary operator [+-])")
TOTALS = re.compile(CALL.format("histogram_count|histogram_sum|histogram_avg"))
BOUNDS_INFO = "PromQL info: mismatched custom buckets were reconciled during "
MIXED_WARNING = "PromQL warning: vector contains a mix of histograms with exponential and custom buckets"


def without(answer, member, goes):
    kept = [text for text in answer.get(member, []) if not goes(text)]
    out = {key: value for key, value in answer.items() if key != member}
    return {**out, member: kept} if kept else out


def refuses_bounds(judge):
    return any(BOUNDS_WARNING.match(text) for text in judge.get("warnings", []))


def are_reconciled(case, judge, other):
    """Whether the judge has refused to add histograms of other bounds, and the other one has not.

    It tells of that, unless it was asked for counts and sums alone: those have no bounds.
    """
    return refuses_bounds(judge) and \
        (any(text.startswith(BOUNDS_INFO) for text in other.get("infos", [])) or TOTALS.search(masked(case.query)) is not None)


def without_reconciled(case, judge, other):
    """Where the judge has refused to add histograms of other bounds, what was made of them is left out."""
    if not are_reconciled(case, judge, other):
        return judge, other
    known = points_of(judge)
    judge = without(judge, "warnings", BOUNDS_WARNING.match)
    mixed = not any(text.startswith(MIXED_WARNING) for text in judge.get("warnings", []))
    other = without(other, "infos", lambda text: text.startswith(BOUNDS_INFO))
    other = without(other, "warnings", lambda text: mixed and text.startswith(MIXED_WARNING))
    return judge, map_points(other, lambda metric, point:
                             point if (tuple(sorted(metric.items())), point[0]) in known else None)


COLLISION = re.compile(r"PromQL warning: conflicting counter resets during histogram (aggregation|addition|subtraction) ")


def without_collisions(_, judge, other):
    """Where two histograms disagree on whether their counter was reset, the judge says nothing, and adds them."""
    found = {match.group(1) for text in other.get("warnings", []) if (match := COLLISION.match(text))}
    if not found or any(COLLISION.match(text) for text in judge.get("warnings", [])):
        return judge, other
    known = points_of(other)
    if found - {"aggregation"}:
        judge = map_points(judge, lambda metric, point:
                           point if (tuple(sorted(metric.items())), point[0]) in known else None)
    return judge, without(other, "warnings", COLLISION.match)


MADE_GAUGE = re.compile(r"-[( ]|[*/] -|" + CALL.format("rate|increase") + r"\(.*" + CALL.format("rate|increase|irate|delta|idelta"))
NO_COUNTER = "PromQL warning: this native histogram metric is not a counter: "
NO_GAUGE = "PromQL warning: this native histogram metric is not a gauge: "


def without_made_gauges(case, judge, other):
    """Histograms that are negated, subtracted, or a rate, are gauges; for the judge they stay what they were."""
    if not is_native(case.query) or not MADE_GAUGE.search(masked(case.query)):
        return judge, other
    told, known = set(other.get("warnings", [])), set(judge.get("warnings", []))
    return (without(judge, "warnings", lambda text: text.startswith(NO_GAUGE) and text not in told),
            without(other, "warnings", lambda text: text.startswith(NO_COUNTER) and text not in known))


RATE_OF_GAUGE = re.compile(r"\b(?:rate|increase)\(+native_gauge\b")


def without_rates_of_gauges(case, answer):
    """The numbers in what comes of a gauge's rate: labels, times and notes stay."""
    if not RATE_OF_GAUGE.search(case.query):
        return answer
    return map_points(answer, lambda _, point: [point[0], LEFT_OUT])


RATE = re.compile(r"(?:sum by \(\w+\) \(|histogram_count\(|histogram_sum\()?(?:rate|increase)\((\w+)\b.*")
# A window of two samples is taken for longer by 1.1 of their distance on either side, at most.
LEAST_FACTOR = 1 / 2.2


def is_less_alike(ours, theirs):
    """Whether a value is another one made smaller: a histogram as a whole, by one factor, but for last bits."""
    if isinstance(ours, str) and isinstance(theirs, str):
        return LEAST_FACTOR < float(theirs) / (float(ours) or 1.0) < 1
    if not isinstance(ours, dict) or not isinstance(theirs, dict) or len(ours.get("buckets", ())) != len(theirs.get("buckets", ())):
        return False
    factor = float(theirs["count"]) / (float(ours["count"]) or 1.0)
    pairs = [(ours["sum"], theirs["sum"])]
    for (*bounds, count), (*other_bounds, other_count) in zip(ours.get("buckets", ()), theirs.get("buckets", ())):
        if bounds != other_bounds:
            return False
        pairs.append((count, other_count))
    return LEAST_FACTOR < factor < 1 and \
        all(abs(float(one) * factor - float(two)) <= 2.0 ** -50 * abs(float(two)) for one, two in pairs)


def without_clamped(case, judge, other):
    """Rates that are the judge's made smaller, as those are that stop where the counter was zero."""
    found = RATE.fullmatch(case.query)
    if not found or found.group(1) not in {"native_young"} | NAMES:
        return judge, other
    known = points_of(judge)

    def change(metric, point):
        old = known.get((tuple(sorted(metric.items())), point[0]))
        return [point[0], old] if old != point[1] and is_less_alike(old, point[1]) else point
    return judge, map_points(other, change)


MEAN_OF_ZERO = re.compile(CALL.format("avg|avg_over_time") + r".*\bnative_zero\b")


def without_edge_of_zero(case, answer):
    """Counts of the zero bucket and of those that it cuts: the old mean lets what lay in them be lost or count twice.

    A bucket that lies in the zero bucket as a whole stands the wrong way round.
    """
    def change(_, point):
        buckets = point[1].get("buckets", []) if isinstance(point[1], dict) else []
        edges = {edge for kind, low, high, _ in buckets if kind == "3" or float(low) > float(high) for edge in (low, high)}
        if not edges:
            return point
        cut = [[*bucket[:3], LEFT_OUT] if edges & set(bucket[1:3]) else bucket for bucket in buckets]
        return [point[0], {**point[1], "buckets": cut}]
    return map_points(answer, change) if MEAN_OF_ZERO.search(case.query) else answer
