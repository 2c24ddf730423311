#!/usr/bin/env python3
"""A directory that Millrace wrote, opened by a real Prometheus, and taken back.

    tests/written_log.py --load PROGRAM --millrace PROGRAM [--judge PROGRAM] [--rounds N] [--keep]

A round: tests/append_load.c writes and is killed; Prometheus starts on the directory, and a reading Millrace on
a copy of it; both must answer alike; Prometheus adds samples of its own, and ends. The next round writes on
behind them. Without a Prometheus 3.x to be had (scripts/judge.sh) the exit code is 77: skipped.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import processes, remote_write  # noqa: E402
from judge.client import Client  # noqa: E402
from judge.program import find_judge  # noqa: E402

SKIPPED = 77
WRITE_SECONDS = 1.0
BEGIN, STEP = 1_700_000_000, 0.1  # of batches, as append_load has them
QUERIES = (
    "count(load)",
    "sum by (writer, slot) (count_over_time(load[1d]))",
    'sum by (writer, slot) (sum_over_time(load{slot!~".*9"}[1d]))',
    'sum by (writer, slot) (histogram_sum(sum_over_time(load{slot=~".*9"}[1d])))',
    'last_over_time(load{slot=~"1|9|39"}[1d])',
    'rate(load{slot=~"1|9"}[10s])',
    "timestamp(load)",
    "theirs",
    "count_over_time(theirs[1d])",
)


class Fault(Exception):
    """What the test was to find."""


def write(load, data, seed):
    """Writes for a while, is killed; the number of the last batch acknowledged."""
    with subprocess.Popen([load, "write", data, str(seed)], stdout=subprocess.PIPE) as process:
        first = b""
        while not first.startswith(b"ack") and (first := process.stdout.readline()):
            pass
        try:
            process.communicate(timeout=WRITE_SECONDS)
            raise Fault(f"the writer ended by itself with {process.returncode}")
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
    acks = [int(line.split()[2]) for line in (first + said).decode().split("\n")[:-1] if line.startswith("ack")]
    if not acks:
        raise Fault("the writer acknowledged nothing")
    return max(acks)


def compare(judge, tested, at):
    judge, tested = Client(judge.port), Client(tested.port)
    for query in QUERIES:
        ours = sorted(tested.result(query, at), key=str)
        theirs = sorted(judge.result(query, at), key=str)
        if not ours and "theirs" not in query:
            raise Fault(f"{query} at {at}: nothing")
        if ours != theirs:
            raise Fault(f"{query} at {at}: Millrace has {str(ours)[:300]}, Prometheus {str(theirs)[:300]}")
    judge.close()
    tested.close()


def play_round(options, judge, base, number):
    data = base / "data"
    last = write(options.load, data, 2 * number)
    at = BEGIN + last * STEP
    copy = base / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(data, copy)
    with processes.prometheus(judge, data) as theirs, processes.millrace(options.millrace, copy) as ours:
        compare(theirs, ours, at)
        writer = remote_write.Writer(theirs.port)
        times = remote_write.encode_times([int(at * 1000) + 1])
        labels = remote_write.encode_labels({"__name__": "theirs", "round": str(number)})
        writer.add(labels, remote_write.encode_samples(times, [float(number)]))
        writer.close()
    done = subprocess.run([options.load, "check", data], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise Fault(f"after Prometheus: {done.stderr.strip()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--load", required=True)
    parser.add_argument("--millrace", required=True)
    parser.add_argument("--judge", help="a Prometheus 3.x; else scripts/judge.sh finds one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="leave the directory")
    options = parser.parse_args()
    judge = options.judge or find_judge()
    if not judge:
        sys.exit(SKIPPED)
    base = pathlib.Path(tempfile.mkdtemp(prefix="millrace-written-"))
    begin = time.monotonic()
    try:
        for number in range(1, options.rounds + 1):
            play_round(options, judge, base, number)
    except (Fault, RuntimeError, processes.ServerError) as error:
        print(f"round {number}: {error}; {base}")
        sys.exit(1)
    if not options.keep:
        shutil.rmtree(base)
    print(f"{options.rounds} rounds, {len(QUERIES)} queries each, in {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
