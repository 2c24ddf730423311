#!/usr/bin/env python3
"""Asks a real Prometheus and Millrace the same things about the same data, and tells every difference.

    tests/against_prometheus.py [--millrace PROGRAM] [--data DIR|TAR] [--filter RE] [--keep]
    tests/against_prometheus.py --random COUNT [--seed SEED] [--features NAMES]

Both run on copies of one data directory that a real Prometheus wrote: a generated one, and one from
elsewhere when it is there. The queries stand in testdata/queries; what must be equal is said in
tests/judge/compare.py, and where the judge is older than what Millrace follows, in tests/judge/differences.py.
Without a Prometheus 3.x to be had (scripts/judge.sh) the exit code is 77, which Meson counts as skipped.
"""
import argparse
import collections
import concurrent.futures
import dataclasses
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import compare, differences, directory, native_differences, processes, queries, random_queries, times  # noqa: E402
from judge.client import Answer, Client  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
REAL = ROOT.parent / "shared" / "data" / "real-prometheus.tar.xz"
GENERATED_FILES = ["generated-*.txt", "any-*.txt", "errors.txt"]
REAL_FILES = ["real-dataset.txt", "any-*.txt"]
FEATURES = ("promql-experimental-functions", "promql-duration-expr", "promql-extended-range-selectors",
            "promql-binop-fill-modifiers")  # a Prometheus that does not know one says so and goes on
NAMES_LATE = "promql-delayed-name-removal"
ASK_AGAIN = 120  # a Go map of two entries gives the rarer order once in eight
SHOWN = 200
SKIPPED = 77
BROKEN = "unexpected error: runtime error"  # how Prometheus tells of a panic of its own
JSON_TYPE = {"Content-Type": "application/json"}


class Tally:
    """Counts of a run over one or more data sets."""

    def __init__(self):
        self.passed = self.failed = self.unjudged = self.same_bytes = self.wavered = 0
        self.values = self.equal = 0
        self.excuses = collections.Counter()
        self.seconds = {"judge": 0.0, "tested": 0.0}

    def add(self, outcome):
        self.passed += outcome.why is None and not outcome.unjudged
        self.failed += outcome.why is not None
        self.unjudged += outcome.unjudged
        self.same_bytes += outcome.same_bytes
        self.wavered += outcome.wavered
        if outcome.excuse:
            self.excuses[outcome.excuse] += 1
        self.values += outcome.measure.values
        self.equal += outcome.measure.equal


class Outcome:
    """What came of one case."""

    def __init__(self, case, measure):
        self.case = case
        self.measure = measure
        self.why = self.excuse = None
        self.same_bytes = self.wavered = self.unjudged = False


class Referee:
    """Asks both servers and compares; one per worker, since connections are not shared."""

    def __init__(self, judge_port, tested_port, ledger, tally):
        self.judge = Client(judge_port)
        self.tested = Client(tested_port)
        self.ledger = ledger
        self.tally = tally

    def ask(self, who, client, case):
        begin = time.monotonic()
        answer = client.send(case.method, case.path, case.params)
        self.tally.seconds[who] += time.monotonic() - begin
        return answer

    def ask_judge(self, case):
        """The judge's answer, or what the main branch would say where the judge is too old to know."""
        if self.ledger is None:
            return self.ask("judge", self.judge, case)
        known = self.ledger.known_answer(case)
        if known is not None:
            return Answer(known[0], JSON_TYPE, b"", known[1])
        oracle = self.ledger.oracle(case)
        if oracle is not None:
            return Answer(200, JSON_TYPE, b"", oracle(lambda other: self.ask("judge", self.judge, other), case))
        probe = self.ledger.probe(case)
        if probe is not None:
            answer = self.ask("judge", self.judge, probe)
            if self.ledger.refuses(answer.json):
                return answer
        answer = self.ask("judge", self.judge, self.ledger.question(case))
        return self.ledger.merged(lambda other: self.ask("judge", self.judge, other), case, answer)

    def check(self, case):
        outcome = Outcome(case, compare.Measure())
        try:
            judge = self.ask_judge(case)
            tested = self.ask("tested", self.tested, case)
        except OSError as error:
            outcome.why = f"no answer: {error}"
            return outcome
        if isinstance(judge.json, dict) and BROKEN in judge.json.get("error", ""):
            outcome.unjudged = True
            return outcome
        outcome.why = self.verdict(case, judge, tested, outcome.measure)
        if judge.body == tested.body and judge.status == tested.status:
            outcome.same_bytes = True
            outcome.measure.values = outcome.measure.equal = count_values(case, judge)
        if outcome.why:
            outcome.excuse = self.excused(case, judge, tested) or self.asked_step_by_step(case, judge, tested)
            outcome.wavered = not outcome.excuse and self.judge_wavers(case, judge, tested, outcome)
            if outcome.excuse or outcome.wavered:
                outcome.why = None
        return outcome

    @staticmethod
    def excused(case, judge, tested):
        """Random queries meet more of what Prometheus leaves open than the tables."""
        answers = (judge.json, tested.json)
        if case.group != "random" or not all(isinstance(one, dict) for one in answers):
            return None
        return random_queries.excuse(case, *answers)

    def asked_step_by_step(self, case, judge, tested):
        """Before 3.9 a range query in which two series become one is refused, even if they never meet.

        Asked for each step by itself, the release must answer what is given here.
        """
        refused = isinstance(judge.json, dict) and judge.json.get("error") == differences.SAME_LABELS
        steps = compare.steps_of(tested.json)
        if not (refused and case.group == "random" and case.is_range and steps is not None):
            return None
        given = dict(case.params)
        start, end, step = (round(float(given[name]) * 1000) for name in ("start", "end", "step"))
        steps = {round(float(time_s) * 1000): values for time_s, values in steps.items()}
        for time_ms in range(start, end + 1, step):
            params = (("query", case.query), ("time", f"{time_ms / 1000:.3f}"))
            one = self.ask("judge", self.judge, dataclasses.replace(case, path="/api/v1/query", params=params))
            if compare.vector_of(one.json) != steps.get(time_ms, {}):
                return None
        return "series that never meet"

    def verdict(self, case, judge, tested, measure):
        """None, or what the first difference is."""
        same = judge.body == tested.body and judge.status == tested.status
        if same and not (self.ledger and self.ledger.may_concern(case, judge)):
            return None
        if self.ledger and self.ledger.oracle(case):
            case = dataclasses.replace(case, order="set")
        if self.ledger and isinstance(judge.json, dict) and isinstance(tested.json, dict):
            ours, theirs = self.ledger.reconcile(case, judge.json, tested.json)
            judge = Answer(judge.status, judge.headers, judge.body, ours)
            tested = Answer(tested.status, tested.headers, tested.body, theirs)
        try:
            return self.with_slack(case, judge, tested, measure)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            return f"an answer of another form, {error!r}: {tested.body[:200]!r}"

    def with_slack(self, case, judge, tested, measure):
        """Compares, and once more with what the ledger allows; None, or what the difference is."""
        strict = dataclasses.replace(measure)
        try:
            compare.compare(case, judge, tested, strict)
            found = None
        except compare.Difference as difference:
            found = str(difference)
        names, ulps, absolute = self.ledger.slack(case) if self.ledger and found else ((), 0, 0)
        if names:
            strict = dataclasses.replace(measure, ulps=max(measure.ulps, ulps), absolute=absolute)
            try:
                compare.compare(case, judge, tested, strict)
                self.ledger.used.update(names)
                found = None
            except compare.Difference as difference:
                found = str(difference)
        measure.values, measure.equal = strict.values, strict.equal
        return found

    def judge_wavers(self, case, judge, tested, outcome):
        """Whether Prometheus's own answers differ from one another, and this one is as good as they are.

        Where it goes through a Go map, the order of an instant vector is any order, sums over a range
        query's series have any last bits, and each step decides anew which of equal values topk keeps.
        """
        if not case.path.startswith("/api/v1/query"):
            return False
        loose = dataclasses.replace(case, order="set")
        differ = False
        open_steps = compare.OpenSteps(tested.json)
        open_steps.all_answered_by(judge.json)
        for _ in range(ASK_AGAIN):
            again = self.ask_judge(case)
            if again.body == judge.body:
                continue
            if self.verdict(case, again, tested, compare.Measure()) is None:
                return True
            if open_steps.all_answered_by(again.json):
                return True
            differ = differ or self.verdict(case, judge, again, compare.Measure()) is not None
        if differ and case.group == "random" and random_queries.depends_on_order(case.query):
            return True
        return differ and self.verdict(loose, judge, tested, compare.Measure(compare.WAVERING_ULPS)) is None


def count_values(case, answer):
    """How many values an answer holds, near enough: each is a string in brackets, but for histograms' counts and sums."""
    values = answer.body.count(b'"]') + 2 * answer.body.count(b',"sum":"')
    return values if case.path.startswith("/api/v1/query") else 0


def run_cases(cases, make_referee, tally, jobs, explain=lambda outcome: ""):
    """Asks all cases, a few at a time, and prints the failures in the order of the cases."""
    shown = 0
    shares = [cases[place::jobs] for place in range(jobs)]

    def work(share):
        referee = make_referee()
        return [referee.check(case) for case in share]

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(work, shares))
    for place in range(len(cases)):
        outcome = results[place % jobs][place // jobs]
        tally.add(outcome)
        if outcome.unjudged:
            print(f"not judged, since Prometheus itself broke: {outcome.case.describe()}")
        if outcome.why:
            shown += 1
            if shown <= SHOWN:
                print(f"FAILED [{outcome.case.group}] {outcome.case.describe()}\n    {outcome.why}{explain(outcome)}", flush=True)
    if shown > SHOWN:
        print(f"... and {shown - SHOWN} more failures")


def metric_names(port, data):
    """Names of the metrics, and of those with native histograms among them, as Prometheus knows them."""
    client = Client(port)
    names, native = set(), set()
    for moment in data.moments.values():
        for one in client.result('last_over_time({__name__=~".+"}[1h])', moment):
            name = one["metric"]["__name__"]
            names.add(name)
            if "histogram" in one:
                native.add(name)
    client.close()
    return sorted(names), sorted(native)


def time_span(port):
    """First and last second of the data that a Prometheus holds, from its blocks and its head."""
    client = Client(port)
    head = client.send("GET", "/api/v1/status/tsdb").json["data"]["headStats"]
    client.close()
    return int(head["minTime"]) // 1000, int(head["maxTime"]) // 1000


def first_second(path):
    metas = [block / "meta.json" for block in directory.blocks_of(path)]
    found = [int(match.group(1)) // 1000 for meta in metas if (match := re.search(r'"minTime":\s*(\d+)', meta.read_text()))]
    return min(found, default=None)


def cases_for(generated, judge_port, data_path, options):
    """All cases of a data set, and the times at which it is asked."""
    variables = {}
    if generated:
        data = times.of_generated()
        patterns = GENERATED_FILES
    else:
        head_start, end = time_span(judge_port)
        data = times.of_other(first_second(data_path) or head_start, end)
        names, native = metric_names(judge_port, data)
        print(f"  {len(names)} metrics, {len(native)} of them with native histograms")
        native_differences.NAMES.update(native)
        variables = {"metric": names, "native": native or ["none"]}
        patterns = REAL_FILES
    cases = list(queries.query_cases(patterns, data, variables))
    if generated:
        cases += queries.parser_cases(patterns, variables)
        cases += queries.endpoint_cases("endpoints.txt", data)
    else:
        cases += queries.endpoint_cases("real-endpoints.txt", data)
    return [case for case in cases if re.search(options.filter, f"{case.group}: {case.describe()}")]


def run_random(options, make_referee, tally):
    """Random queries; of one that fails, the smallest part that fails is told too."""
    trees = {case: tree for tree, case in random_queries.drawn(options.random, options.seed, options.release)}

    def explain(outcome):
        referee = make_referee()
        small = random_queries.shrink(trees[outcome.case], outcome.case, lambda case: referee.check(case).why)
        return f"\n    smallest: {small.query}\n    {referee.check(small).why}" if small != outcome.case else ""
    print(f"  {len(trees)} random queries, seed {options.seed}", flush=True)
    run_cases(list(trees), make_referee, tally, options.jobs, explain)


def run_on(name, source, generated, options, ledger, tally):
    """Runs everything on one data directory; `source` is copied, never opened."""
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="millrace-judge-"))
    begin = time.monotonic()
    try:
        judge_data = directory.copy(source, scratch / "judge")
        tested_data = directory.copy(source, scratch / "tested")
        features = (*FEATURES, *filter(None, options.features.split(",")))
        with processes.prometheus(options.judge, judge_data, features=features, name="judge-server") as judge, \
                processes.of_kind(options.kind, options.millrace, tested_data, features=features, name="tested-server") as tested:
            print(f"{name}:")
            def make_referee():
                return Referee(judge.port, tested.port, ledger, tally)
            if options.random:
                run_random(options, make_referee, tally)
            else:
                cases = cases_for(generated, judge.port, source, options)
                print(f"  {len(cases)} requests", flush=True)
                run_cases(cases, make_referee, tally, options.jobs)
            for server in (judge, tested):
                if not server.is_alive():
                    print(f"FAILED {server.name} ended: {server.last_words()}")
                    tally.failed += 1
    finally:
        if options.keep:
            print(f"  kept: {scratch}")
        else:
            shutil.rmtree(scratch, ignore_errors=True)
    print(f"  {time.monotonic() - begin:.1f} s", flush=True)


def run_given(options, ledger, tally):
    """Runs on --data: a directory, or an archive of one."""
    if options.data.is_dir():
        run_on(str(options.data), options.data, False, options, ledger, tally)
        return
    with tempfile.TemporaryDirectory(prefix="millrace-data-") as scratch:
        run_on(options.data.name, directory.unpack(options.data, scratch), False, options, ledger, tally)


def run_all(options, ledger, tally):
    if options.data:
        run_given(options, ledger, tally)
        return
    run_on("generated data", directory.generated(options.judge), True, options, ledger, tally)
    if options.random:
        return
    if REAL.exists():
        options.data = REAL
        run_given(options, ledger, tally)
    else:
        print(f"{REAL.name}: not there, left out")


def find_judge(given):
    if given:
        return given
    found = subprocess.run([ROOT / "scripts" / "judge.sh"], capture_output=True, text=True, timeout=900, check=False)
    if found.returncode != 0:
        print(found.stderr.strip() or "scripts/judge.sh failed")
        print("skipped: there is no Prometheus to compare with")
        sys.exit(SKIPPED)
    return found.stdout.strip()


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--millrace", default=str(ROOT / "build/server/millrace"), help="the program to test")
    parser.add_argument("--kind", choices=("millrace", "prometheus"), default="millrace",
                        help="how to start it; prometheus tests this test")
    parser.add_argument("--judge", help="a Prometheus 3.x; default: what scripts/judge.sh finds")
    parser.add_argument("--data", type=pathlib.Path, help="a data directory, or an archive of one, instead of the usual two")
    parser.add_argument("--filter", default="", help="only cases whose group, path or query matches this expression")
    parser.add_argument("--features", default="", help="feature flags for both servers, with commas, besides the usual ones")
    parser.add_argument("--random", type=int, default=0, metavar="COUNT",
                        help="so many random queries on the generated data instead of the tables")
    parser.add_argument("--seed", default="1", help="of the random queries")
    parser.add_argument("--keep", action="store_true", help="keep the copies and the logs")
    parser.add_argument("--jobs", type=int, default=2, help="requests under way at once")
    return parser.parse_args()


def report(tally, unused, version):
    print(f"judge: Prometheus {'.'.join(map(str, version))}; it wavered itself in {tally.wavered} requests")
    print(f"answers equal in every byte: {tally.same_bytes} of {tally.passed + tally.failed};"
          f" values equal to the last bit: {tally.equal} of {tally.values}"
          f" ({100 * tally.equal / max(1, tally.values):.4f} %)")
    for reason, count in sorted(tally.excuses.items()):
        print(f"not the same, and left open: {reason}: {count}")
    print(f"time waited for the judge {tally.seconds['judge']:.1f} s, for the tested server {tally.seconds['tested']:.1f} s")
    for name in unused:
        print(f"note: nothing called for the entry '{name}' of tests/judge/differences.py")
    if tally.unjudged:
        print(f"not judged: {tally.unjudged}")
    print(f"{tally.passed} passed, {tally.failed} failed")


def main():
    options = parse_options()
    everything = not (options.filter or options.data or options.random or options.features)
    options.judge = find_judge(options.judge)
    version = processes.version_of(options.judge)
    options.release = version
    ledger = differences.Ledger(version, NAMES_LATE in options.features) if options.kind == "millrace" else None
    tally = Tally()
    try:
        run_all(options, ledger, tally)
    except processes.ServerError as error:
        print(f"FAILED {error}")
        tally.failed += 1
    report(tally, ledger.unused() if everything and ledger else (), version)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
