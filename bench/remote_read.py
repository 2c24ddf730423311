#!/usr/bin/env python3
"""Measures what queries over remote read cost a Millrace in memory and CPU, against the same data of its own.

    bench/remote_read.py [--millrace PROGRAM] [--judge PROGRAM | --data DIR] [--from-prometheus]

One Millrace has the data; another one has none, and reads from it, or with --from-prometheus from a
Prometheus. Answers must be the same. The first query may let the reader's memory grow by 32 MiB.
"""
import argparse
import pathlib
import shutil
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from judge import processes  # noqa: E402
from judge.client import Client  # noqa: E402
import compare  # noqa: E402
import fleet  # noqa: E402
from meter import Meter, wait_until_idle  # noqa: E402
from queries import QUERIES, X, Query, HOUR  # noqa: E402

GROWTH_MAX = 32  # MiB
BOUNDED = Query(f"sum(rate({X}[5m]))", 12 * HOUR, 60)


def measure(server, query, end):
    """Growth of peak memory in MiB over a warm-up, seconds of CPU and of wall time, and the answer."""
    client, meter = Client(server.port), Meter(server.pid)
    path, params = query.request(end)
    client.send("GET", "/api/v1/query", [("query", "vector(1)")])
    wait_until_idle(meter)
    before = meter.reset_peak()
    cpu, wall = meter.cpu(), time.monotonic()
    answer = client.send("POST", path, params)
    wall = time.monotonic() - wall
    cpu, growth = meter.cpu() - cpu, meter.status("VmHWM") - before
    client.close()
    return growth, cpu, wall, answer


def content(answer):
    """Of an instant vector in any order: a head alone gives its series as they came, a merge sorts them."""
    data = answer.json["data"]
    if data["resultType"] == "vector":
        data["result"].sort(key=lambda one: sorted(one["metric"].items()))
    return data


def run(options, there, data, base):
    config = base / "m.yml"
    config.write_text("remote_read:\n"
                      f"  - url: http://127.0.0.1:{there.port}/api/v1/read\n    read_recent: true\n")
    empty = base / "empty"
    empty.mkdir()
    flags = (f"--config.file={config}", "--query.timeout=10m")
    good = True
    width = max(len(query.describe()) for query in QUERIES)
    print(f"{'query':{width}} {'own MiB':>8} {'remote':>7} {'own CPU ms':>11} {'remote':>7} {'wall ms':>8}")
    for query in (BOUNDED, *(one for one in QUERIES if one != BOUNDED)):
        with processes.millrace(options.millrace, data, name="own") as own:
            left = measure(own, query, options.end)
        with processes.millrace(options.millrace, empty, flags=flags, name="reader") as reader:
            right = measure(reader, query, options.end)
        same = left[3].status == right[3].status == 200 and content(left[3]) == content(right[3])
        within = query != BOUNDED or right[0] < GROWTH_MAX
        good = good and same and within
        verdict = "" if same else f"  DIFFER: {right[3].status} {right[3].body[:200]!r}"
        verdict += "" if within else f"  more than {GROWTH_MAX} MiB"
        print(f"{query.describe():{width}} {left[0]:8.1f} {right[0]:7.1f} {1000 * left[1]:11.0f} {1000 * right[1]:7.0f} "
              f"{1000 * right[2]:8.0f}{verdict}", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millrace", default=ROOT / "build-release/server/millrace", help="the program to measure")
    parser.add_argument("--judge", help="a Prometheus, which writes the data once")
    parser.add_argument("--data", type=pathlib.Path, help="another directory with the metrics of bench/fleet.py")
    parser.add_argument("--end", type=int, default=fleet.END, help="the queries' last second")
    parser.add_argument("--series", type=int, default=7500, help="how many counters; the rest in proportion")
    parser.add_argument("--from-prometheus", action="store_true", help="read from a Prometheus, not from another Millrace")
    options = parser.parse_args()
    program = compare.find_judge(options.judge) if options.from_prometheus or not options.data else None
    base = pathlib.Path(tempfile.mkdtemp(prefix="millrace-remote-read."))
    try:
        data = base / "data"
        shutil.copytree(options.data or fleet.data(program, options.series), data)
        if options.from_prometheus:
            shutil.copytree(data, base / "theirs")
            there = processes.prometheus(program, base / "theirs")
        else:
            there = processes.millrace(options.millrace, data, name="there")
        with there:
            return not run(options, there, data, base)
    finally:
        shutil.rmtree(base, ignore_errors=True)


sys.exit(main())
