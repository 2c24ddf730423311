#!/usr/bin/env python3
"""Kills a writer at random moments, and looks for every sample that it had acknowledged.

    tests/crash.py --load PROGRAM [--rounds N] [--seed SEED] [--keep]

The program is tests/append_load.c: three writers of one data directory, some rounds with a synced log, some
with a disk that is full now and then. A round is: start it, kill it with SIGKILL after a while (perhaps while
it still reads its log), perhaps leave a torn record behind (few kills hit a write), and check that all batches
it has acknowledged so far are there, once, with their values. Every round goes on with the directory of the one before.
"""
import argparse
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

SECONDS_MAX = 1.0
CHECK_SECONDS = 120


def run_round(load, data, rng, acked):
    """Starts a writer, kills it, and notes what it acknowledged: {writer: last batch}."""
    seed = rng.randrange(1 << 30)
    with subprocess.Popen([load, "write", data, str(seed)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            said, complaint = process.communicate(timeout=rng.random() ** 2 * SECONDS_MAX)
            ended = process.returncode
        except subprocess.TimeoutExpired:
            ended = None
            process.kill()
            said, complaint = process.communicate()
    if ended is not None:
        raise SystemExit(f"the writer ended by itself with {ended} (seed {seed}): {complaint.decode(errors='replace')}")
    # A line that was cut off by the kill was not told to anybody.
    for line in said.decode().split("\n")[:-1]:
        words = line.split()
        if words[0] == "ack":
            acked[int(words[1])] = int(words[2])
    return seed


def tear(data, rng):
    """Leaves at the end of the log what a write leaves that was killed in its midst: the front of a record."""
    segments = sorted(path for path in (data / "wal").glob("[0-9]*") if path.stat().st_size > 7)
    if not segments or rng.random() < 0.5:
        return
    front = segments[0].read_bytes()
    size = 7 + int.from_bytes(front[1:3], "big")
    room = 32768 - segments[-1].stat().st_size % 32768
    with segments[-1].open("ab") as segment:
        segment.write(front[:rng.randrange(1, min(size, room))])


def tear_chunks(data, rng):
    """And of the newest file of head chunks, whose end a loss of power may take: the log has it all."""
    files = sorted((data / "chunks_head").glob("*"))
    if not files or rng.random() < 0.7:
        return
    size = files[-1].stat().st_size
    with files[-1].open("r+b") as newest:
        newest.truncate(max(0, size - rng.randrange(size // 2 + 1)))


def check(load, data, acked):
    """None, or what is wrong."""
    done = subprocess.run([load, "check", data], capture_output=True, text=True, timeout=CHECK_SECONDS, check=False)
    if done.returncode != 0:
        return done.stderr.strip() or f"exit code {done.returncode}"
    for line in done.stdout.splitlines():
        _, writer, last, state = line.split()
        there = max(0, int(last) - (state != "whole"))  # 0: it was killed before its first batch
        if there < acked.get(int(writer), 0):
            return f"writer {writer}: {acked[int(writer)]} batches were acknowledged, {there} are there"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--load", required=True)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true", help="leave the directory")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1 << 30)
    rng = random.Random(seed)
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="millrace-crash-"))
    data = scratch / "data"
    acked = {}
    failed = None
    for number in range(1, options.rounds + 1):
        writer_seed = run_round(options.load, data, rng, acked)
        if not data.exists():
            continue  # killed before it had made the folder
        tear(data, rng)
        tear_chunks(data, rng)
        failed = check(options.load, data, acked)
        if failed:
            print(f"round {number} of seed {seed} (writer's seed {writer_seed}): {failed}; {data}")
            break
    if not options.keep and not failed:
        shutil.rmtree(scratch)
    total = sum(acked.values())
    print(f"{options.rounds if not failed else number} rounds, {total} batches acknowledged, seed {seed}")
    if failed or total == 0:
        sys.exit(1)


if __name__ == "__main__":
    main()
