#!/usr/bin/env python3
"""How many samples a query is said to look at, at each step (stats=all): as a Prometheus counts them.

    tests/stats_test.py [--millrace PROGRAM] [--every N] [--filter RE]

Both run on copies of one data directory that a real Prometheus wrote, and are asked every Nth of the queries in
testdata/queries. Exit code 77: there is no Prometheus to be had (scripts/judge.sh).
"""
import argparse
import collections
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import directory, processes, queries, times  # noqa: E402
from judge.client import Client  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
SKIPPED = 77
FILES = ["generated-*.txt", "any-*.txt"]
# Of histograms whose buckets nobody looks at, the older judge counts the room of the buckets all the same.
TOTALS_ONLY = re.compile(r"histogram_(sum|count|avg)\b")
FEATURES = ("promql-per-step-stats", "promql-experimental-functions")


def counted(client, case):
    """(total, by step), or None: the query fails, or its steps are not counted."""
    answer = client.send(case.method, case.path, (*case.params, ("stats", "all")))
    if answer.status != 200:
        return None
    samples = answer.json["data"]["stats"]["samples"]
    return samples["totalQueryableSamples"], samples.get("totalQueryableSamplesPerStep")


def compare(judge, tested, every, wanted):
    said = collections.Counter()
    cases = queries.query_cases(FILES, times.of_generated(), {})
    for number, case in enumerate(cases):
        if number % every or not wanted.search(case.query) or TOTALS_ONLY.search(case.query):
            continue
        expected, found = counted(judge, case), counted(tested, case)
        if expected is None or found is None:
            said["not answered by both"] += 1
        elif found[1] is None:
            said["not counted"] += 1
        elif expected == found:
            said["passed"] += 1
        else:
            said["failed"] += 1
            steps = [(a, b) for a, b in zip(expected[1] or [], found[1]) if a != b]
            print(f"FAILED {case.describe()}: {expected[0]} against {found[0]}, at steps {steps[:3]}")
    return said


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millrace", default=ROOT / "build/server/millrace", help="the program to test")
    parser.add_argument("--every", type=int, default=5, help="ask only one query of so many")
    parser.add_argument("--filter", default="", help="ask only queries that this expression finds")
    options = parser.parse_args()
    found = subprocess.run([ROOT / "scripts/judge.sh"], stdout=subprocess.PIPE, text=True, check=False)
    if found.returncode != 0:
        print("left out: there is no Prometheus to be had")
        return SKIPPED
    judge_program = found.stdout.strip()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="millrace-stats-"))
    try:
        source = directory.generated(judge_program)
        copies = [directory.copy(source, scratch / name) for name in ("judge", "tested")]
        with processes.prometheus(judge_program, copies[0], features=FEATURES) as judge, \
                processes.millrace(options.millrace, copies[1], features=FEATURES) as tested:
            said = compare(Client(judge.port), Client(tested.port), options.every, re.compile(options.filter))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"not answered by both: {said['not answered by both']}; not counted: {said['not counted']}")
    print(f"{said['passed']} passed, {said['failed']} failed")
    return said["failed"] != 0 or said["passed"] == 0


if __name__ == "__main__":
    sys.exit(main())
