#!/usr/bin/env python3
"""Millrace on the directory of a Prometheus that is writing to it, cutting, compacting, deleting, and dying.

    tests/live_tail.py [--millrace PROGRAM]

What a remote write brings is asked of both until they agree; slow queries run all the while; at the end
both hold the same, nothing was called corrupt, and Millrace has written nothing.
Exit code 77: there is no Prometheus to be had (scripts/judge.sh).
"""
import argparse
import pathlib
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import processes, remote_write  # noqa: E402
from judge.client import Client  # noqa: E402
from judge.program import find_judge  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
SKIPPED = 77
VISIBLE_SECONDS = 10
SERIES = 40
INTERVAL = 5  # seconds between samples
SPAN = 3 * 3600
# Blocks of two minutes, merged soon; what was merged is deleted, and so is what is too much.
BLOCKS = ("--storage.tsdb.min-block-duration=2m", "--storage.tsdb.max-block-duration=20m",
          "--storage.tsdb.retention.size=3MB")
SLOW = "sum(quantile_over_time(0.5, live[80m:100ms]))"
CHECKED = ("sum(live)", "count(live)", "sum(count_over_time(live[80m]))", "sum(sum_over_time(live[30m]))",
           'count by (round) (last_over_time(live[80m]))', "sum(rate(live[10m]))")
NOTHING_YET = "There is no data"  # Millrace begins before the first sample is written


class Fault(Exception):
    """What went wrong."""


def write(port, begin, end, round_name):
    """Samples of [begin, end) for all series; one series more for each round."""
    writer = remote_write.Writer(port)
    moments = range(begin, end, INTERVAL)
    times = remote_write.encode_times([1000 * moment for moment in moments])
    for number in range(SERIES):
        labels = {"__name__": "live", "n": str(number)}
        writer.add(remote_write.encode_labels(labels), remote_write.encode_samples(
            times, [float(moment % 100000 + number) for moment in moments]))
    labels = remote_write.encode_labels({"__name__": "live", "round": round_name})
    writer.add(labels, remote_write.encode_samples(times, [float(moment % 1000) for moment in moments]))
    writer.close()


def result_of(port, query, at):
    client = Client(port)
    try:
        answer = client.query(query, at)
    finally:
        client.close()
    if answer.status != 200:
        raise Fault(f"{query}: {answer.status} {answer.body[:300]!r}")
    return sorted(answer.json["data"]["result"], key=str)


def wait_for_same(judge, tested, query, at, seconds):
    """Until both give the same; how long that took."""
    begin = time.monotonic()
    while True:
        ours, theirs = result_of(judge, query, at), result_of(tested, query, at)
        if ours == theirs:
            return time.monotonic() - begin
        if time.monotonic() - begin > seconds:
            raise Fault(f"{query} at {at}, after {seconds} s: {str(ours)[:300]} against {str(theirs)[:300]}")
        time.sleep(0.2)


class SlowQueries:
    """Asks something slow again and again; an error is a fault, whatever happens to the directory."""

    def __init__(self, port, at):
        self.port = port
        self.at = at
        self.ended = False
        self.faults = []
        self.count = 0
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.ended:
            try:
                result_of(self.port, SLOW, self.at)
                self.count += 1
            except (Fault, OSError) as error:
                self.faults.append(str(error))
                return

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        self.thread.join(60)


def live(options, judge, data, tested, log):
    """Rounds of writing, with a kill -9 in the middle. `judge` is started anew there."""
    end = int(time.time()) // 60 * 60
    at = end - SPAN
    slowest = 0
    with SlowQueries(tested.port, at) as slow:
        server = judge
        try:
            for number in range(options.rounds):
                begin, at = at, at + SPAN // options.rounds
                write(server.port, begin, at, f"r{number}")
                slow.at = at
                for query in CHECKED[:2]:
                    slowest = max(slowest, wait_for_same(server.port, tested.port, query, at - 1, VISIBLE_SECONDS + 2))
                if number == options.rounds // 2:
                    server.process.kill()
                    server.process.wait(30)
                    server = processes.prometheus(options.judge, data, flags=BLOCKS, name="judge-again").start()
                if slow.faults:
                    raise Fault(slow.faults[0])
            time.sleep(1)
            for query in CHECKED:
                wait_for_same(server.port, tested.port, query, at - 1, VISIBLE_SECONDS + 2)
        finally:
            server.stop()
    if slow.faults:
        raise Fault(slow.faults[0])
    blocks = len([path for path in data.iterdir() if (path / "meta.json").exists()])
    print(f"{options.rounds} rounds, new samples after {slowest:.1f} s at most, {slow.count} slow queries,"
          f" {blocks} blocks in the end", flush=True)
    said = [line for line in log.read_text().splitlines() if "level=WARN" in line or "level=ERROR" in line]
    if said and NOTHING_YET in said[0]:
        del said[0]
    if said:
        raise Fault(f"the log says: {said[0][:400]} ({len(said)} lines)")
    if not tested.is_alive():
        raise Fault(f"millrace ended: {tested.last_words()}")


def writes_nothing(tested):
    """Files that the process holds open for writing, but for its log."""
    out = []
    for fd in pathlib.Path(f"/proc/{tested.pid}/fd").iterdir():
        info = pathlib.Path(f"/proc/{tested.pid}/fdinfo/{fd.name}").read_text()
        flags = int(next(line for line in info.splitlines() if line.startswith("flags")).split()[1], 8)
        target = str(fd.readlink())
        if flags & 3 and target.startswith("/") and not target.startswith("/dev/") and target != str(tested.log):
            out.append(target)
    if out:
        raise Fault(f"open for writing: {out}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--millrace", default=str(ROOT / "build/server/millrace"), help="the program to test")
    parser.add_argument("--rounds", type=int, default=12, help="of writing")
    parser.add_argument("--keep", action="store_true", help="keep the directory and the logs")
    options = parser.parse_args()
    options.judge = find_judge()
    if not options.judge:
        return SKIPPED
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="millrace-live-"))
    data = scratch / "data"
    failed = 0
    try:
        judge = processes.prometheus(options.judge, data, flags=BLOCKS, name="judge").start()
        try:
            with processes.millrace(options.millrace, data, name="tested") as tested:
                live(options, judge, data, tested, tested.log)
                writes_nothing(tested)
        finally:
            judge.stop()
    except (Fault, processes.ServerError) as error:
        print(f"FAILED {error}")
        failed = 1
    finally:
        if options.keep or failed:
            print(f"kept: {scratch}")
        else:
            shutil.rmtree(scratch, ignore_errors=True)
    print(f"{1 - failed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(main())
