"""Answers worked out here from the judge's raw samples, for functions that its release lacks.

Each function gets a way to ask the judge and the case, and returns the JSON that is right.
"""
import re
from decimal import Decimal

from .queries import Case

UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
CALL = re.compile(r"^\w+\((.+)\[(\w+)\](?: offset (-?\w+))?\)$")


def milliseconds(duration):
    """A duration such as 1h30m or -5m."""
    sign = -1 if duration.startswith("-") else 1
    return sign * sum(int(count) * UNITS[unit] for count, unit in re.findall(r"(\d+)(ms|[smhd])", duration))


def to_ms(seconds):
    return int((Decimal(seconds) * 1000).to_integral_value())


def step_ms(text):
    return milliseconds(text) if text[-1].isalpha() else to_ms(text)


def timestamp_text(ms):
    return f"{ms // 1000}.{ms % 1000:03}" if ms % 1000 else str(ms // 1000)


def steps_of(case):
    """The evaluation times of a case, in ms."""
    params = dict(case.params)
    if not case.is_range:
        return [to_ms(params["time"])]
    return list(range(to_ms(params["start"]), to_ms(params["end"]) + 1, step_ms(params["step"])))


def points_of(samples, steps, window, offset, pick):
    """For each step the value that `pick` chooses among the samples of its window, open to the left."""
    out = []
    for step in steps:
        inside = [value for time, value in samples if step - offset - window < time <= step - offset]
        if inside:
            out.append([timestamp_text(step), inside[pick]])
    return out


def picked_over_time(ask, case, pick):
    """first_over_time and last_over_time of a plain selector: pick 0 or -1."""
    selector, window, offset = CALL.match(case.query).groups()
    window, offset = milliseconds(window), milliseconds(offset or "0s")
    steps = steps_of(case)
    reach = steps[-1] - steps[0] + window
    raw = ask(Case(case.group, "GET", "/api/v1/query", (
        ("query", f"{selector}[{reach}ms]"), ("time", timestamp_text(steps[-1] - offset)))))
    if raw.status != 200:
        return raw.json
    result = []
    for one in raw.json["data"]["result"]:
        samples = [(to_ms(time), value) for time, value in one["values"]]
        points = points_of(samples, steps, window, offset, pick)
        if points and case.is_range:
            result.append({"metric": one["metric"], "values": points})
        elif points:
            result.append({"metric": one["metric"], "value": points[0]})
    return {"status": "success", "data": {"resultType": "matrix" if case.is_range else "vector", "result": result}}


def first_over_time(ask, case):
    return picked_over_time(ask, case, 0)
