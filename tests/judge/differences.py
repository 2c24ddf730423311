"""Where Millrace answers as Prometheus's main branch does, and the judge is an older release.

Millrace follows the main branch (3.14 and after); the judge is what Debian ships, 3.5.x today. Each entry
below is one change in between that the queries meet. `since` is the first release that has it: a
judge of that version or later is compared without the entry. `judge` turns the old release's answer into the
main branch's; `both` takes out of both answers what cannot be derived from the old one, `pair` what can
only be told by looking at both; `slack` says how far values may lie apart where they are sums that are
added up otherwise. An entry that changes nothing in a whole run is reported, so that none outlives its reason.

`ASKED_OTHERWISE` holds queries whose answer the old release gives only when asked in other words, `ORACLES`
functions that it lacks and that are worked out from its raw samples, `KNOWN` answers that it cannot give at
all, taken from the main branch's source and its tests.
"""
import collections
import dataclasses
import re
from collections.abc import Callable

from . import native_differences as native
from . import oracles
from .compare import OMITTED
from .releases import NEVER_RELEASED


@dataclasses.dataclass
class Change:
    """One change between releases. The functions get (case, answer's JSON) and return new JSON.

    `pair` gets both answers and returns both; `slack` gets the case, and returns (ulps, difference) or None.
    """

    name: str
    since: tuple
    judge: Callable | None = None
    both: Callable | None = None
    pair: Callable | None = None
    slack: Callable | None = None
    names: str = ""  # "at once" or "late": only where metric names are dropped then
    drawn: bool = False  # only random queries meet it


def map_texts(answer, member, change):
    """The answer with every text of a list of notes changed; a text that becomes empty goes, or like another one."""
    if not answer.get(member):
        return answer
    texts = list(dict.fromkeys(text for text in map(change, answer[member]) if text))
    if len(texts) < len(answer[member]):  # of those that were left out too, as far as anybody can tell
        texts = [text for text in texts if not OMITTED.fullmatch(text)]
    out = {key: value for key, value in answer.items() if key != member}
    if texts:
        out[member] = texts
    return out


def map_error(answer, change):
    return {**answer, "error": change(answer["error"])} if answer.get("error") else answer


def walk_tree(node, change):
    """A parse tree with every node changed, innermost first."""
    if isinstance(node, dict):
        return change({key: walk_tree(value, change) for key, value in node.items()})
    if isinstance(node, list):
        return [walk_tree(value, change) for value in node]
    return node


# 3.7: the texts about `le` and monotonicity name the metric only where names are dropped late.
def without_metric_name(_, answer):
    def cut(text):
        if "bucket label" in text or "fixed for monotonicity" in text:
            return re.sub(r' for metric name "(?:[^"\\]|\\.)*"', "", text)
        return text
    return map_texts(map_texts(answer, "warnings", cut), "infos", cut)


# 3.7: nor do they name it where it is not there.
def without_empty_name(_, answer):
    def cut(text):
        return text.replace(' for metric name ""', "") if "bucket label" in text or "fixed for monotonicity" in text else text
    return map_texts(map_texts(answer, "warnings", cut), "infos", cut)


# 3.10: the info about monotonicity tells which buckets, how far, how many samples, and when.
def without_monotonicity_detail(_, answer):
    def cut(text):
        return re.sub(r", from buckets .* to \S+Z(?= \()", "", text) if "fixed for monotonicity" in text else text
    return map_texts(answer, "infos", cut)


# 3.12: a warning where a range query sorts. The query tables hold such calls at the query's start only.
def with_sort_warning(case, answer):
    sorts = re.match(r"sort(_by_label)?(_desc)?\(", case.query)
    starts = dict(case.params)
    if not (case.is_range and sorts and answer["status"] == "success" and starts["start"] != starts["end"]):
        return answer
    text = "PromQL warning: sort is ineffective for range queries since results are always ordered by labels (1:1)"
    return {**answer, "warnings": answer.get("warnings", []) + [text]}


# After 3.14: the two series named in a many-to-many error stand in the order of their texts.
def with_sorted_pair(_, answer):
    found = re.fullmatch(r"(?s)(found duplicate series for the match group .* operation: )\[(.*)\](;many-to-many.*)",
                         answer.get("error", ""))
    if not found:
        return answer
    pair = re.match(r"(?s)(\S*{.*}|\S+), (\S*{.*}|\S+)$", found.group(2))
    first, second = sorted(pair.groups())
    return {**answer, "error": f"{found.group(1)}[{first}, {second}]{found.group(3)}"}


# 3.10: durations may be step() and range(), and the parser's hints say so.
def with_duration_hints(_, answer):
    def change(text):
        text = re.sub(r'in subquery selector, expected number or duration or "\]"',
                      'in subquery selector, expected number, duration, step(), range(), or "]"', text)
        text = re.sub(r"in subquery selector, expected number or duration$",
                      "in subquery or range selector, expected number, duration, step(), or range()", text)
        return re.sub(r"in offset, expected number or duration$",
                      "in offset, expected number, duration, step(), or range()", text)
    return map_error(answer, change)


# 3.8: the parser knows how `@` is written.
def with_at_sign(_, answer):
    return map_error(answer, lambda text: re.sub(r'"<Item \d+>" <op:@>', "<op:@>", text))


# 3.7 to 3.12: the parse tree has members for the modifiers that came since.
NEW_MEMBERS = {
    "vectorSelector": {"offsetExpr": None, "anchored": False, "smoothed": False},
    "matrixSelector": {"offsetExpr": None, "rangeExpr": None, "anchored": False, "smoothed": False},
    "subquery": {"offsetExpr": None, "rangeExpr": None, "stepExpr": None},
}


def with_new_tree_members(case, answer):
    if not case.path.endswith("/parse_query") or answer["status"] != "success":
        return answer

    def change(node):
        out = {**NEW_MEMBERS.get(node.get("type"), {}), **node}
        if isinstance(node.get("matching"), dict):
            out["matching"] = {**node["matching"], "fillValues": {"lhs": None, "rhs": None}}
        return out
    return {**answer, "data": walk_tree(answer["data"], change)}


# 3.12: the parse tree shows durations that are worked out.
WORKED_OUT = ("offsetExpr", "rangeExpr", "stepExpr")


def without_duration_trees(case, judge, other):
    def cut(ours, theirs):
        if isinstance(ours, dict) and isinstance(theirs, dict):
            return {key: None if key in WORKED_OUT and ours.get(key) is None else cut(ours.get(key), value)
                    for key, value in theirs.items()}
        if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
            return [cut(one, two) for one, two in zip(ours, theirs)]
        return theirs
    if not case.path.endswith("/parse_query") or judge["status"] != "success" or other["status"] != "success":
        return judge, other
    return judge, {**other, "data": cut(judge["data"], other["data"])}


# 3.13: the statistics count the samples that were read.
def with_samples_read(case, answer):
    if case.how != "shape" or not any(name == "stats" for name, _ in case.params):
        return answer
    data = answer["data"]
    samples = {**data["stats"]["samples"], "samplesRead": data["stats"]["samples"]["totalQueryableSamples"]}
    return {**answer, "data": {**data, "stats": {**data["stats"], "samples": samples}}}


# 3.8: parentheses around all arguments are gone before the evaluation, also where what is inside is the same
# at each step, so that notes point to what is inside.
BARE = re.compile(r"(PromQL (?:warning: quantile value|info: ignored histograms? in"
                  r"|warning: encountered a mix of histograms and floats for aggregation).* \(1:)(\d+)\)")


def with_arguments_bare(case, answer):
    def change(text):
        found = BARE.match(text)
        return f"{found.group(1)}{native.place_inside(case.query, int(found.group(2)))})" if found else text
    return map_texts(map_texts(answer, "warnings", change), "infos", change)


# 3.7: the same for the texts about NaN observations.
def without_name_of_nan(_, answer):
    return map_texts(answer, "infos", native.without_name)


# After 3.14: those point to the argument with the histograms.
def with_place_of_vector(case, answer):
    return map_texts(answer, "infos", lambda text: native.with_place_of_vector(case, text))


# 3.12: the last of what has no name has none either.
KEEP_NAMES = "last_over_time|first_over_time|sort|sort_desc|sort_by_label|sort_by_label_desc|label_replace|label_join|info" \
    "|topk|bottomk|limitk|limit_ratio"
LAST_OF_NAMELESS = re.compile(rf"\(*last_over_time\(\(*(?!(?:{KEEP_NAMES})\()\w+\(.*\[\w+:\w*\].*\)")


def without_name_of_last(case, answer):
    data = answer.get("data")
    if not LAST_OF_NAMELESS.fullmatch(case.query) or answer["status"] != "success" or not case.path.startswith("/api/v1/query"):
        return answer
    result = [{**one, "metric": {name: value for name, value in one["metric"].items() if name != "__name__"}}
              for one in data["result"]]
    return {**answer, "data": {**data, "result": result}}


# After 3.14: info() finds the info series of a series by its labels. Before, at a step where one of the series is
# missing, those behind it are given what belongs to their neighbours.
INFO = re.compile(r'\binfo\(.*, {__name__="build_info"}\)')
INFO_LABELS = ("version", "revision")


def with_info_in_place(case, judge, other):
    """Both answers without the labels that info() adds, at the steps where not all series are there."""
    results = [(answer.get("data") or {}) for answer in (judge, other)]
    if not INFO.search(case.query) or any(data.get("resultType") != "matrix" for data in results):
        return judge, other

    def points(data):
        for one in data["result"]:
            plain = tuple(sorted((name, value) for name, value in one["metric"].items() if name not in INFO_LABELS))
            for time, value in one["values"]:
                yield plain, tuple(sorted(one["metric"].items())), time, value

    series = {plain for plain, _, _, _ in points(results[1])}
    at = collections.Counter(time for _, _, time, _ in points(results[1]))

    def changed(answer, data):
        found = {}
        for plain, whole, time, value in points(data):
            found.setdefault(whole if at[time] == len(series) else plain, []).append([time, value])
        result = [{"metric": dict(metric), "values": sorted(values)} for metric, values in sorted(found.items())]
        return {**answer, "data": {**data, "result": result}}
    return changed(judge, results[0]), changed(other, results[1])


# 3.8: classic buckets that are all above zero begin at zero for histogram_fraction; before, they reach down to -Inf.
# What the tables ask is asked otherwise, below; of what is drawn, the values are left out.
BELOW_BUCKETS = re.compile(r"\bhistogram_fraction\((?:0|-[\d.e-]+|[^,]+, (?:0|-[\d.e-]+)),.*_bucket\b")


def without_fractions_below(case, answer):
    if case.group != "random" or not BELOW_BUCKETS.search(case.query):
        return answer
    return native.map_points(answer, lambda _, point: [point[0], native.LEFT_OUT])


# 3.7: first_over_time is a function. What formats and parses is asked about last_over_time instead.
FIRST, LAST = "first_over_time", "last_over_time"
FIRST_SINCE = (3, 7, 0)
TEXT_PATHS = ("/api/v1/format_query", "/api/v1/parse_query")


def asks_about_first(case):
    return case.path in TEXT_PATHS and case.query.startswith(FIRST + "(")


def renamed(value):
    if isinstance(value, dict):
        return {key: renamed(member) for key, member in value.items()}
    if isinstance(value, list):
        return [renamed(member) for member in value]
    return value.replace(LAST, FIRST) if isinstance(value, str) and LAST in value else value


def about_first(case, answer):
    return renamed(answer) if asks_about_first(case) else answer


CHANGES = (
    Change("no metric name in notes about buckets", (3, 7, 0), judge=without_metric_name, names="at once"),
    Change("no empty name in notes about buckets", (3, 7, 0), judge=without_empty_name, names="late"),
    Change("no metric name in notes about NaN observations", (3, 7, 0), judge=without_name_of_nan, names="at once"),
    Change("detail in the note about monotonicity", (3, 10, 0), both=without_monotonicity_detail),
    Change("warning about sort in a range query", (3, 12, 0), judge=with_sort_warning),
    Change("order of the pair in many-to-many errors", NEVER_RELEASED, judge=with_sorted_pair),
    Change("step() and range() in hints about durations", (3, 10, 0), judge=with_duration_hints),
    Change("the name of the token @", (3, 8, 0), judge=with_at_sign),
    Change("parentheses around the argument that a note points to", (3, 8, 0), judge=with_arguments_bare),
    Change("new members of the parse tree", (3, 12, 0), judge=with_new_tree_members),
    Change("trees of durations that are worked out", (3, 12, 0), pair=without_duration_trees),
    Change("samples read in the statistics", (3, 13, 0), judge=with_samples_read),
    Change("text and tree of first_over_time", FIRST_SINCE, judge=about_first),
    Change("last_over_time over what drops names", (3, 12, 0), judge=without_name_of_last, names="late"),
    Change("place of notes about NaN observations", NEVER_RELEASED, judge=with_place_of_vector),
    Change("Kahan sums of native histograms", (3, 10, 0), slack=native.sum_slack),
    Change("Kahan sums in labels of count_values", (3, 10, 0), both=native.with_rounded_labels, drawn=True),
    Change("means of histograms whose zero bucket widens", (3, 10, 0), both=native.without_edge_of_zero),
    Change("fractions below a value in a linear bucket", (3, 14, 0), slack=native.fraction_slack),
    Change("custom buckets of other bounds are reconciled", (3, 8, 0), pair=native.without_reconciled),
    Change("fractions below buckets above zero", (3, 8, 0), both=without_fractions_below, drawn=True),
    Change("warnings about conflicting counter resets", (3, 7, 0), pair=native.without_collisions),
    Change("histograms that are made gauges", (3, 9, 0), pair=native.without_made_gauges),
    Change("info() at steps where a series is missing", NEVER_RELEASED, pair=with_info_in_place),
    Change("resets behind empty buckets", NEVER_RELEASED, both=native.without_rates_of_gauges),
    Change("rates of histograms stop where the counter was zero", (3, 6, 0), pair=native.without_clamped),
)

# Query of the tables -> (since, why, what the old release is asked instead).
ASKED_OTHERWISE = {
    'histogram_fraction(0, 0.2, http_request_duration_seconds_bucket{job="db"})': (
        (3, 8, 0), "buckets above zero begin at zero in histogram_fraction",
        'histogram_fraction(-Inf, 0.2, http_request_duration_seconds_bucket{job="db"})'),
    '-{__name__=~"relay_.*"}': (
        (3, 9, 0), "unary minus merges series that become the same and never meet",
        '-sum without () ({__name__=~"relay_.*"})'),
    'label_replace({__name__=~"relay_.*"}, "__name__", "relay", "", "")': (
        (3, 9, 0), "label_replace merges series that become the same and never meet",
        'label_replace(sum without () ({__name__=~"relay_.*"}), "__name__", "relay", "", "")'),
}


def failure(text):
    return {"status": "error", "errorType": "execution", "error": text}


NAN_PARAMETER = ((3, 6, 0), "topk and bottomk refuse NaN", failure("Parameter value is NaN"))
# Query of the tables -> (since, why, the answer).
KNOWN = {
    "topk(NaN, positive)": NAN_PARAMETER,
    "bottomk(NaN, positive)": NAN_PARAMETER,
}

FEATURES = ((3, 9, 0), "the list of features", {"status": "success", "data": {"promql": {"any": True}}})


def with_one_feature(answer):
    """Which features there are is each program's own matter; that there are some, by category, is not."""
    categories = answer.get("data") or {}
    flags = [flag for features in categories.values() for flag in features.values()]
    good = "promql" in categories and flags and all(isinstance(flag, bool) for flag in flags)
    return FEATURES[2] if good else answer


KNOWN_PATHS = {"/api/v1/features": FEATURES}

# Start of a query -> (since, why, how to work the answer out).
ORACLES = {
    "first_over_time(": ((3, 7, 0), "first_over_time", oracles.first_over_time),
}


# 3.9: matches that are not unique are an error even where the comparison leaves none of them. The old
# release sees them when the comparison is asked for with `bool`, which leaves all.
UNIQUE_FIRST = "matches must be unique before a comparison filters"
UNIQUE_FIRST_SINCE = (3, 9, 0)
FILTERED_MATCH = re.compile(r"^([^()]* (?:==|!=|<|<=|>|>=)) (?=(?:on|ignoring)\()")


# 3.9: where names are dropped late, series that become the same and never meet are merged at the end. The old
# release does that in a sum.
MERGED_LATE = "series that never meet are merged when their names are dropped late"
MERGED_LATE_SINCE = (3, 9, 0)
NEVER_MEET = '{__name__=~"relay_.*"}'
SAME_LABELS = "vector cannot contain metrics with the same labelset"


class Ledger:
    """Applies what the judge's version calls for, and remembers which entries did anything."""

    def __init__(self, version, names_late=False):
        names = "late" if names_late else "at once"
        self.changes = [change for change in CHANGES if version < change.since and change.names in ("", names)]
        self.asked_otherwise = {query: entry for query, entry in ASKED_OTHERWISE.items() if version < entry[0]}
        self.known = {query: entry for query, entry in KNOWN.items() if version < entry[0]}
        self.known_paths = {path: entry for path, entry in KNOWN_PATHS.items() if version < entry[0]}
        self.oracles = {start: entry for start, entry in ORACLES.items() if version < entry[0]}
        self.probes = version < UNIQUE_FIRST_SINCE
        self.merges_late = names_late and version < MERGED_LATE_SINCE
        self.lacks_first = version < FIRST_SINCE
        self.used = set()

    def probe(self, case):
        """A case that shows whether the judge would refuse this one if it looked earlier; or None."""
        found = FILTERED_MATCH.match(case.query) if self.probes and case.path.startswith("/api/v1/query") else None
        if not found:
            return None
        text = f"{found.group(1)} bool {case.query[found.end():]}"
        return dataclasses.replace(case, params=tuple((name, text if name == "query" else value)
                                                      for name, value in case.params))

    def refuses(self, answer):
        """Whether a probe's answer is the refusal that it looks for."""
        found = answer.get("error", "").startswith("multiple matches for labels")
        if found:
            self.used.add(UNIQUE_FIRST)
        return found

    def question(self, case):
        """The case as the judge is to be asked."""
        if self.lacks_first and asks_about_first(case):
            return dataclasses.replace(case, params=tuple(
                (name, value.replace(FIRST, LAST) if name == "query" else value) for name, value in case.params))
        entry = self.asked_otherwise.get(case.query)
        if entry is None or not case.path.startswith("/api/v1/query"):
            return case
        self.used.add(entry[1])
        params = tuple((name, entry[2] if name == "query" else value) for name, value in case.params)
        return dataclasses.replace(case, params=params)

    def merged(self, ask, case, answer):
        """The judge's answer, asked anew where it has refused to give one series two times, and they never meet."""
        refused = isinstance(answer.json, dict) and answer.json.get("error") == SAME_LABELS
        if not (self.merges_late and refused and NEVER_MEET in case.query):
            return answer

        def wrapped(form):
            return dataclasses.replace(case, params=tuple((name, form % value if name == "query" else value)
                                                          for name, value in case.params))
        if ask(wrapped("count without () (%s) > 1")).json["data"]["result"]:
            return answer
        self.used.add(MERGED_LATE)
        form = "sum without () (%s)"
        found = ask(wrapped(form))

        def moved_back(text):
            return re.sub(r"\(1:(\d+)\)$", lambda place: f"(1:{int(place.group(1)) - form.index('%s')})", text)
        plain = map_texts(map_texts(found.json, "infos", moved_back), "warnings", moved_back)
        return type(found)(found.status, found.headers, b"", plain)

    def known_answer(self, case):
        """(HTTP status, JSON) of an answer that is known beforehand, or None."""
        entry = self.known_paths.get(case.path)
        if entry is None and case.path.startswith("/api/v1/query"):
            entry = self.known.get(case.query)
        if entry is None:
            return None
        self.used.add(entry[1])
        return 200 if entry[2]["status"] == "success" else 422, entry[2]

    def oracle(self, case):
        """How to work the answer out, or None."""
        entry = next((entry for start, entry in self.oracles.items() if case.query.startswith(start)), None)
        if entry is None or not case.path.startswith("/api/v1/query"):
            return None
        self.used.add(entry[1])
        return entry[2]

    def may_concern(self, case, judge):
        """False where no entry can change anything in equal answers: a plain result without notes, as most are."""
        return (judge.status != 200 or case.how == "shape" or case.path.endswith("/parse_query")
                or case.query.startswith("sort") or b'"warnings":[' in judge.body or b'"infos":[' in judge.body)

    def reconcile(self, case, judge, other):
        """Both answers' JSON, the judge's as the main branch would have given it."""
        if case.path in KNOWN_PATHS:
            judge, other = with_one_feature(judge), with_one_feature(other)
        for change in self.changes:
            if change.judge:
                changed = change.judge(case, judge)
                if changed != judge:
                    self.used.add(change.name)
                judge = changed
            if change.both:
                changed = change.both(case, judge), change.both(case, other)
                if changed != (judge, other):
                    self.used.add(change.name)
                judge, other = changed
            if change.pair:
                changed = change.pair(case, judge, other)
                if changed != (judge, other):
                    self.used.add(change.name)
                judge, other = changed
        return judge, other

    def slack(self, case):
        """(names of entries, ulps, difference): how far values may lie apart."""
        found = [(change.name, *allowed) for change in self.changes if change.slack and (allowed := change.slack(case))]
        return [name for name, *_ in found], max((one[1] for one in found), default=0), max((one[2] for one in found), default=0.0)

    def unused(self):
        names = [change.name for change in self.changes if not change.drawn]
        names += [entry[1] for entry in (*self.asked_otherwise.values(), *self.known.values(),
                                         *self.known_paths.values(), *self.oracles.values())]
        names += [UNIQUE_FIRST] if self.probes else []
        return sorted(set(names) - self.used)
