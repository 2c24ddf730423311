#!/usr/bin/env python3
"""Measures Prometheus and Millrace side by side on the same data, and checks that they answer the same.

    bench/compare.py [--millrace PROGRAM] [--series N ...] [--filter RE] [--mixed] [--data DIR]

Per query and server: wall time (best and median of some runs), CPU time of the server's process, and how far
its memory grew while it answered for the first time after a start: the kernel's own peak, which counts the
pages of mapped files that were touched, and the peak of anonymous memory, which does not. The servers
take turns, so that only one computes at a time. The data is written once and cached (bench/fleet.py).
"""
import argparse
import dataclasses
import math
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from judge import compare, directory, processes  # noqa: E402
from judge.client import Client  # noqa: E402
from judge.queries import Case  # noqa: E402
import fleet  # noqa: E402
import mixed  # noqa: E402
from meter import AnonymousPeak, Meter, wait_until_idle  # noqa: E402
from queries import QUERIES  # noqa: E402

SHORT_SECONDS = 0.4  # what is done sooner is run more often, since CPU time is counted in ticks
MOST_RUNS = 20
CHANGED_ULPS = 2 ** 46  # a part in a hundred, about: what changed between releases of Prometheus is smaller here


@dataclasses.dataclass
class Figures:
    """What one server took for one query. Seconds and MiB."""

    wall: list
    cpu: float = 0.0
    peak: float = 0.0
    anonymous: float = 0.0

    @property
    def best(self):
        return min(self.wall)


class Contestant:
    """One of the two servers: how to start it, and what is measured on it."""

    def __init__(self, name, start):
        self.name = name
        self.start = start
        self.server = self.client = self.meter = None

    def restart(self):
        self.stop()
        self.server = self.start().start()
        self.client = Client(self.server.port)
        self.meter = Meter(self.server.pid)
        self.client.send("GET", "/api/v1/query", (("query", "vector(1)"), ("time", "0")))
        wait_until_idle(self.meter)

    def stop(self):
        if self.server:
            self.client.close()
            self.server.stop()
        self.server = None

    def ask(self, query, end):
        path, params = query.request(end)
        begin = time.perf_counter()
        answer = self.client.send("GET", path, params)
        return answer, time.perf_counter() - begin

    def first_run(self, query, end, figures):
        """The run that shows the memory; its time does not count."""
        before = self.meter.reset_peak()
        watch = AnonymousPeak(self.meter)
        watch.start()
        answer, seconds = self.ask(query, end)
        figures.anonymous = watch.stop()
        figures.peak = self.meter.status("VmHWM") - before
        return answer, seconds

    def timed_runs(self, query, end, runs, figures):
        wait_until_idle(self.meter)
        cpu = self.meter.cpu()
        for _ in range(runs):
            figures.wall.append(self.ask(query, end)[1])
        time.sleep(0.02)
        figures.cpu = (self.meter.cpu() - cpu) / runs


def same_answer(query, end, left, right, release):
    """'same', 'N ulp', 'changed' or what differs."""
    path, params = query.request(end)
    case = Case("benchmark", "GET", path, params)
    allowed = [(0, "same"), (compare.WAVERING_ULPS, f"within {compare.WAVERING_ULPS} ulp")]
    if release < query.changed_in:
        allowed.append((CHANGED_ULPS, "changed"))
    for ulps, verdict in allowed:
        try:
            compare.compare(case, left, right, compare.Measure(ulps))
            return verdict
        except compare.Difference as difference:
            said = str(difference)
    return said


def measure_query(query, end, contestants, options):
    """Figures of both servers for one query, and how their answers compare."""
    figures = [Figures([]) for _ in contestants]
    answers, runs = [], []
    for contestant, own in zip(contestants, figures):
        if not options.no_restart:
            contestant.restart()
        answer, seconds = contestant.first_run(query, end, own)
        answers.append(answer)
        runs.append(min(MOST_RUNS, max(options.runs, int(SHORT_SECONDS / max(seconds, 1e-4)))))
        contestant.client.close()
    for contestant, own, count in zip(contestants, figures, runs):
        contestant.timed_runs(query, end, count, own)
    return figures, same_answer(query, end, *answers, options.release)


def table(rows):
    """Aligned columns: the first to the left, the others to the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) if place == 0 else cell.rjust(width)
                               for place, (cell, width) in enumerate(zip(row, widths))) for row in rows)


HEADER = ["query", "wall P ms", "wall M ms", "ratio", "median P", "median M", "CPU P ms", "CPU M ms", "ratio",
          "peak P MiB", "peak M MiB", "ratio", "anon P", "anon M", "answers"]


def ratio(left, right):
    return left / right if right > 0 else math.nan


def figures_row(query, figures, verdict):
    judge, tested = figures
    return [
        query.describe(),
        f"{1000 * judge.best:.1f}", f"{1000 * tested.best:.1f}", f"{ratio(judge.best, tested.best):.2f}",
        f"{1000 * statistics.median(judge.wall):.1f}", f"{1000 * statistics.median(tested.wall):.1f}",
        f"{1000 * judge.cpu:.1f}", f"{1000 * tested.cpu:.1f}", f"{ratio(judge.cpu, tested.cpu):.2f}",
        f"{judge.peak:.1f}", f"{tested.peak:.1f}", f"{ratio(judge.peak, tested.peak):.1f}",
        f"{judge.anonymous:.1f}", f"{tested.anonymous:.1f}",
        verdict if len(verdict) < 20 else "DIFFER",
    ]


def geometric_mean(values):
    good = [value for value in values if value > 0 and math.isfinite(value)]
    return math.exp(sum(map(math.log, good)) / len(good)) if good else math.nan


def mean_row(all_figures):
    def mean(measure):
        return geometric_mean([ratio(measure(judge), measure(tested)) for judge, tested in all_figures])
    means = {3: mean(lambda one: one.best), 8: mean(lambda one: one.cpu), 11: mean(lambda one: one.peak)}
    return ["geometric mean"] + [f"{means[place]:.2f}" if place in means else "" for place in range(1, len(HEADER))]


def run_queries(contestants, end, options):
    """Measures every query, prints the table; returns how many answers differ."""
    chosen = [query for query in QUERIES if re.search(options.filter, query.describe())]
    rows, all_figures, wrong = [HEADER], [], []
    for number, query in enumerate(chosen):
        fleet.progress(f"{number + 1} of {len(chosen)}: {query.describe()}")
        figures, verdict = measure_query(query, end, contestants, options)
        all_figures.append(figures)
        rows.append(figures_row(query, figures, verdict))
        if len(verdict) >= 20:
            wrong.append(f"{query.describe()}: {verdict}")
    fleet.progress("")
    rows.append(mean_row(all_figures))
    print(table(rows))
    if any(row[-1] == "changed" for row in rows):
        print("changed: Prometheus's main branch, which Millrace follows, computes this otherwise than the release here "
              "(tests/judge/differences.py); the answers lie within 1 % of each other")
    for text in wrong:
        print(f"DIFFER {text}")
    return len(wrong)


def run_mixed(contestants, end, options):
    rows = [mixed.HEADER]
    for contestant in contestants:
        fleet.progress(f"mixed load on {contestant.name}, {options.seconds} s")
        contestant.restart()
        rows.append(mixed.row(contestant.name, mixed.run(contestant.server, end, options.seconds)))
        contestant.stop()
    fleet.progress("")
    print(table(rows))


def end_of(path):
    """The last second of a directory's data: that of the benchmark's own data, or the newest block's and WAL's."""
    if path.parent.name.startswith("fleet-"):
        return fleet.END
    metas = [(block / "meta.json").read_text() for block in directory.blocks_of(path)]
    return max((int(re.search(r'"maxTime":\s*(\d+)', meta).group(1)) // 1000 for meta in metas), default=fleet.END)


def compare_on(path, options):
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="millrace-bench-"))
    try:
        judge_data = directory.copy(path, scratch / "judge")
        tested_data = directory.copy(path, scratch / "tested")
        contestants = [
            Contestant("Prometheus", lambda: processes.prometheus(options.judge, judge_data, name="judge-server")),
            Contestant("Millrace", lambda: processes.of_kind(options.kind, options.millrace, tested_data, name="tested-server")),
        ]
        end = options.end or end_of(path)
        try:
            if options.no_restart:
                for contestant in contestants:
                    contestant.restart()
            wrong = 0 if options.mixed else run_queries(contestants, end, options)
            if options.mixed:
                run_mixed(contestants, end, options)
            return wrong
        finally:
            for contestant in contestants:
                contestant.stop()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def find_judge(given):
    if given:
        return given
    found = subprocess.run([ROOT / "scripts" / "judge.sh"], stdout=subprocess.PIPE, text=True, timeout=900, check=False)
    if found.returncode != 0:
        sys.exit(3)
    return found.stdout.strip()


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--millrace", default=str(ROOT / "build-release/server/millrace"), help="the program to measure")
    parser.add_argument("--kind", choices=("millrace", "prometheus"), default="millrace", help="how to start it")
    parser.add_argument("--judge", help="a Prometheus 3.x; default: what scripts/judge.sh finds")
    parser.add_argument("--series", type=int, nargs="+", default=[7500], help="how many counters; the rest in proportion")
    parser.add_argument("--data", type=pathlib.Path, help="a data directory with the same metrics, instead")
    parser.add_argument("--end", type=int, help="the queries' last second in --data; default: its newest block's end")
    parser.add_argument("--filter", default="", help="only queries that match this expression")
    parser.add_argument("--runs", type=int, default=3, help="timed runs of a query, at least")
    parser.add_argument("--no-restart", action="store_true", help="start the servers once, not before each query")
    parser.add_argument("--mixed", action="store_true", help="the mixed load instead of the single queries")
    parser.add_argument("--seconds", type=int, default=20, help="how long the mixed load lasts")
    return parser.parse_args()


def main():
    options = parse_options()
    options.judge = find_judge(options.judge)
    version = processes.version_of(options.judge)
    options.release = version if options.kind == "millrace" else (math.inf,)
    wrong = 0
    for count in options.series if not options.data else (0,):
        path = options.data or fleet.data(options.judge, count)
        print(f"Prometheus {'.'.join(map(str, version))} (P) and {options.millrace} (M) on"
              f" {path}; ratios are P / M")
        wrong += compare_on(path, options)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
