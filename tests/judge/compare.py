"""Compares two answers to one request: what must be equal, and how far numbers may lie apart.

Values are equal to the last bit and to the last character. Only where the ledger in differences.py or the
judge's own wavering calls for it, a measure allows a distance.
"""
import dataclasses
import re
import struct

# When Prometheus itself answers the same query with different last bits: it adds series of a range
# query up in the order of a Go map once they came through an operator or a function of instant vectors.
WAVERING_ULPS = 16
OMITTED = re.compile(r"\d+ more (warning|info) annotations omitted")


class Difference(Exception):
    """Where two answers first differ."""


@dataclasses.dataclass
class Measure:
    """What a comparison allows, and what it found: values seen, and values equal to the last bit."""

    ulps: int = 0
    absolute: float = 0.0
    values: int = 0
    equal: int = 0


def place_of(value):
    """A double's place among all doubles, so that neighbours differ by one; both zeros apart."""
    bits = struct.unpack("<q", struct.pack("<d", value))[0]
    return bits if bits >= 0 else -0x8000000000000001 - bits


def compare_value(left, right, measure, where):
    measure.values += 1
    if left == right:
        measure.equal += 1
        return
    try:
        distance = abs(place_of(float(left)) - place_of(float(right)))
    except (TypeError, ValueError):
        raise Difference(f"{where}: value {left!r} against {right!r}") from None
    either_nan = "NaN" in (left, right)
    if distance > 0 and abs(float(left) - float(right)) <= measure.absolute:
        return
    if either_nan or distance == 0 or distance > measure.ulps:
        raise Difference(f"{where}: value {left} against {right}, {'no number' if either_nan else f'{distance} ulp'}")


def compare_histogram(left, right, measure, where):
    """Native histograms: the bounds of the buckets are exact, counts and sums are values like any other."""
    if left.keys() != right.keys():
        raise Difference(f"{where}: histogram of {sorted(left)} against {sorted(right)}")
    for member in ("count", "sum"):
        compare_value(left[member], right[member], measure, f"{where}, {member}")
    ours, theirs = left.get("buckets", []), right.get("buckets", [])
    for (*bounds, count), (*other_bounds, other_count) in zip(ours, theirs):
        if bounds != other_bounds:
            raise Difference(f"{where}: bucket {bounds} against {other_bounds}")
        compare_value(count, other_count, measure, f"{where}, bucket {bounds}")
    if len(ours) != len(theirs):
        raise Difference(f"{where}: {len(ours)} buckets against {len(theirs)}")


def compare_point(left, right, measure, where):
    if left[0] != right[0]:
        raise Difference(f"{where}: timestamp {left[0]} against {right[0]}")
    if isinstance(left[1], str) and isinstance(right[1], str):
        compare_value(left[1], right[1], measure, f"{where} at {left[0]}")
    elif isinstance(left[1], dict) and isinstance(right[1], dict):
        compare_histogram(left[1], right[1], measure, f"{where} at {left[0]}")
    elif left[1] != right[1]:
        raise Difference(f"{where} at {left[0]}: {left[1]!r} against {right[1]!r}")


def compare_points(left, right, measure, where):
    for ours, theirs in zip(left, right):
        compare_point(ours, theirs, measure, where)
    if len(left) != len(right):
        raise Difference(f"{where}: {len(left)} points against {len(right)}")


def label_text(metric):
    return "{" + ", ".join(f"{name}={value!r}" for name, value in sorted(metric.items())) + "}"


def compare_series(left, right, measure):
    where = label_text(left["metric"])
    if left["metric"] != right["metric"]:
        raise Difference(f"series {where} against {label_text(right['metric'])}")
    if left.keys() != right.keys():
        raise Difference(f"{where}: members {sorted(left)} against {sorted(right)}")
    for kind in ("value", "histogram"):
        if kind in left:
            compare_point(left[kind], right[kind], measure, where)
    for kind in ("values", "histograms"):
        if kind in left:
            compare_points(left[kind], right[kind], measure, where)


def same_series(left, right):
    """The label sets, whatever their order."""
    ours = {label_text(one["metric"]) for one in left}
    theirs = {label_text(one["metric"]) for one in right}
    for missing in sorted(ours - theirs)[:1]:
        raise Difference(f"{len(left)} series against {len(right)}; missing: {missing}")
    for extra in sorted(theirs - ours)[:1]:
        raise Difference(f"{len(left)} series against {len(right)}; too many: {extra}")
    if len(left) != len(right):
        raise Difference(f"{len(left)} series against {len(right)}")


def by_labels(series):
    return sorted(series, key=lambda one: label_text(one["metric"]))


def by_runs(series):
    """Series of equal neighbouring values sorted by labels, the rest as it is."""
    out, run = [], []
    for one in series:
        if run and run[-1].get("value", [0, 0])[1] != one.get("value", [0, 0])[1]:
            out.extend(by_labels(run))
            run = []
        run.append(one)
    return out + by_labels(run)


def compare_result(left, right, order, measure):
    same_series(left, right)
    if order == "set":
        left, right = by_labels(left), by_labels(right)
    elif order == "ties":
        left, right = by_runs(left), by_runs(right)
    for place, (ours, theirs) in enumerate(zip(left, right)):
        if ours["metric"] != theirs["metric"]:
            raise Difference(f"order: series {place} is {label_text(ours['metric'])} against {label_text(theirs['metric'])}")
        compare_series(ours, theirs, measure)


def steps_of(answer):
    """A range query's answer as what stands at each step; None if it is something else."""
    if not isinstance(answer, dict) or answer.get("data", {}).get("resultType") != "matrix":
        return None
    steps = {}
    for one in answer["data"]["result"]:
        for kind in ("values", "histograms"):
            for time, value in one.get(kind, []):
                steps.setdefault(time, {})[label_text(one["metric"])] = value
    return steps


def vector_of(answer):
    """An instant query's answer as steps_of has a step; None if it is something else."""
    if not isinstance(answer, dict) or answer.get("data", {}).get("resultType") != "vector":
        return None
    return {label_text(one["metric"]): one["value" if "value" in one else "histogram"][1] for one in answer["data"]["result"]}


class OpenSteps:
    """The steps of an answer for which no judge's answer has stood the same, exactly, so far.

    Where a judge decides at random, it does so at each step anew: an answer is right if at each of its
    steps the judge has given that very answer once.
    """

    def __init__(self, tested):
        self.tested = steps_of(tested)
        self.notes = {kind: set(tested.get(kind, [])) for kind in ("warnings", "infos")} if self.tested is not None else None
        self.seen = set(self.tested or ())
        self.answered = set()

    def all_answered_by(self, judge):
        """Takes another answer of the judge's; true once each step has been answered alike."""
        steps = steps_of(judge)
        if self.tested is None or steps is None:
            return False
        if any(set(judge.get(kind, [])) != texts for kind, texts in self.notes.items()):
            return False
        self.seen |= set(steps)
        self.answered |= {time for time in self.seen if steps.get(time) == self.tested.get(time)}
        return self.answered == self.seen


def compare_query_data(left, right, order, measure):
    kind = left.get("resultType")
    if kind != right.get("resultType"):
        raise Difference(f"resultType {kind} against {right.get('resultType')}")
    if kind in ("vector", "matrix"):
        compare_result(left["result"], right["result"], order if kind == "vector" else "exact", measure)
    else:
        compare_point(left["result"], right["result"], measure, kind)


def compare_notes(left, right, kind):
    """Warnings or infos: a set; of more than ten, Prometheus shows ten at random."""
    ours, theirs = left.get(kind, []), right.get(kind, [])
    if any(OMITTED.search(text) for text in ours + theirs):
        if len(ours) != len(theirs) or count_omitted(ours) != count_omitted(theirs):
            raise Difference(f"{kind}: {len(ours)} against {len(theirs)}")
    elif set(ours) != set(theirs):
        raise Difference(f"{kind}: {sorted(ours)} against {sorted(theirs)}")


def count_omitted(texts):
    return [text for text in texts if OMITTED.search(text)]


def first_difference(left, right, path="data"):
    """Where two JSON values differ, in words; None if they do not."""
    if type(left) is not type(right):
        return f"{path}: {left!r} against {right!r}"[:400]
    if isinstance(left, dict):
        if left.keys() != right.keys():
            return f"{path}: members {sorted(left)} against {sorted(right)}"
        steps = ((f"{path}.{key}", left[key], right[key]) for key in left)
    elif isinstance(left, list):
        if len(left) != len(right):
            return f"{path}: {len(left)} members against {len(right)}{odd_one(left, right)}"
        steps = ((f"{path}[{place}]", ours, theirs) for place, (ours, theirs) in enumerate(zip(left, right)))
    else:
        return None if left == right else f"{path}: {left!r} against {right!r}"
    return next((found for where, ours, theirs in steps if (found := first_difference(ours, theirs, where))), None)


def odd_one(left, right):
    for one in left:
        if one not in right:
            return f"; missing: {one!r}"[:300]
    for one in right:
        if one not in left:
            return f"; too many: {one!r}"[:300]
    return ""


def shape(value):
    """A JSON value with every leaf replaced by its type; lists are their first member's shape."""
    if isinstance(value, dict):
        return {key: shape(member) for key, member in value.items()}
    if isinstance(value, list):
        return [shape(member) for member in value[:1]]
    return type(value).__name__


def compare_envelopes(case, left, right, measure):
    for member in ("status", "errorType", "error"):
        if left.get(member) != right.get(member):
            raise Difference(f"{member}: {left.get(member)!r} against {right.get(member)!r}")
    for kind in ("warnings", "infos"):
        compare_notes(left, right, kind)
    if case.how == "shape":
        found = first_difference(shape(left), shape(right), "answer")
        if found:
            raise Difference(found)
    elif case.path in ("/api/v1/query", "/api/v1/query_range") and left["status"] == "success":
        compare_query_data(left["data"], right["data"], case.order, measure)
    else:
        found = first_difference(left.get("data"), right.get("data"))
        if found:
            raise Difference(found)


def compare(case, left, right, measure):
    """Raises Difference unless `right` is as good an answer as `left`, the judge's."""
    if left.status != right.status:
        raise Difference(f"HTTP status {left.status} against {right.status}; {left.body[:200]!r} against {right.body[:200]!r}")
    ours, theirs = left.headers.get("Content-Type", ""), right.headers.get("Content-Type", "")
    if ours.split(";")[0] != theirs.split(";")[0]:
        raise Difference(f"Content-Type {ours!r} against {theirs!r}")
    if isinstance(left.json, dict) and isinstance(right.json, dict):
        compare_envelopes(case, left.json, right.json, measure)
    elif case.how == "whole" and left.body != right.body:
        raise Difference(f"body {left.body[:200]!r} against {right.body[:200]!r}")
