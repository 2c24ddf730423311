#!/usr/bin/env python3
"""Damages a data directory, one place at a time, and asks Millrace for all that is in it.

    tests/damage.py [--millrace PROGRAM] [--positions N] [--seed SEED] [--data DIR] [--keep]

Bits are flipped, files cut, emptied, removed and replaced by directories. Whatever it finds, Millrace ends
by itself and soon: with an answer, or with one line that says which file is wrong. An answer that is not
that of the whole directory needs such a line too: nothing may go missing in silence.

The directory is one that a real Prometheus wrote, if there is one (scripts/judge.sh): blocks, tombstones, a WAL
with a checkpoint, and head chunks. Otherwise it holds demo data, which are blocks alone.
"""
import argparse
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import directory, processes, series  # noqa: E402
from judge.program import find_judge  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
SECONDS_MAX = 10
SANITIZER_EXIT = 99
END = series.START + series.LENGTH
COUNT = ('count(last_over_time({__name__=~".+"}[1d]))', "--time", str(END))
SUM = ('sum({__name__=~".+"})', "--start", str(series.START), "--end", str(END), "--step", "20")
KEPT_SERIES = re.compile(r"node_load1|up$|flaps_total|utf8_values|special_fixed|deleted_|sparse_labels|build_info")
# Left alone: what no query needs.
UNREAD = re.compile(r"/(lock|queries\.active)$")
# Bits that Prometheus's formats do not protect, and that show in no answer or only in a label or a time.
UNPROTECTED = re.compile(r"/meta\.json$")


def write_small(program, path):
    """Some series of the generated data set, written as that one is."""
    everything = [one for one in directory.all_series() if KEPT_SERIES.match(one.labels["__name__"])]
    start = series.START * 1000
    with processes.prometheus(program, path, flags=directory.BLOCK, name="writer") as server:
        directory.push(server.port, everything, start, start + series.LENGTH * 1000)
        directory.wait_for_blocks(path, directory.BLOCKS)
        directory.make_tombstones(server.port)
        time.sleep(1)


def find_data(options, scratch):
    """A copy of the directory to damage."""
    if options.data:
        return directory.copy(options.data, scratch / "data")
    judge = find_judge()
    if judge:
        source = directory.once(f"small-{directory.key_of_generated()}", lambda path: write_small(judge, path))
        return directory.copy(source, scratch / "data")
    print("no Prometheus: the directory holds blocks of demo data only")
    subprocess.run([options.millrace, "demo-data", scratch / "data", "--instances", "2", "--hours", "3",
                    "--end", str(END)],
                   check=True, capture_output=True, timeout=60)
    return scratch / "data"


class Patient:
    """The directory, what it answers as a whole, and what went wrong so far."""

    def __init__(self, program, path):
        self.program = program
        self.path = path
        self.failures = []
        self.asked = self.answered = self.refused = 0
        self.environment = dict(os.environ, ASAN_OPTIONS=f"exitcode={SANITIZER_EXIT}:detect_leaks=0",
                                UBSAN_OPTIONS=f"exitcode={SANITIZER_EXIT}:halt_on_error=1")
        self.whole = {query: self.ask(query) for query in (COUNT, SUM)}
        for query, (status, out, said) in self.whole.items():
            if status != 0 or said.strip():
                raise SystemExit(f"the whole directory: {query[0]}: exit {status}, {out!r}, {said!r}")

    def ask(self, query):
        self.asked += 1
        command = [self.program, "query", self.path, *query, "--output", "csv"]
        try:
            done = subprocess.run(command, capture_output=True, timeout=SECONDS_MAX, env=self.environment, check=False)
        except subprocess.TimeoutExpired:
            return None, "", ""
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    def verdict(self, query, silent):
        """None, or what is wrong with the answer of the damaged directory; `silent`: it may miss something."""
        status, out, said = self.ask(query)
        if status is None:
            return f"no end after {SECONDS_MAX} s"
        if status < 0 or status == SANITIZER_EXIT:
            return f"died, exit code {status}: {said[-1500:]}"
        lines = [line for line in said.splitlines() if line and line != "no series"]
        if status == 0:
            self.answered += 1
            same = out == self.whole[query][1]
            return None if same or lines or silent else f"another answer, and not a word: {out.strip()!r}"
        self.refused += 1
        if len(lines) == 0 or any(len(line) > 1000 for line in lines):
            return f"exit code {status}: {said[:600]!r}"
        return None

    def check(self, what, file, silent=False):
        for query in (COUNT, SUM):
            why = self.verdict(query, silent or may_be_silent(file))
            if why:
                self.failures.append(what)
                print(f"FAILED {what}\n    {query[0]}: {why}", flush=True)


def may_be_silent(file):
    return bool(UNPROTECTED.search(str(file)))


def files_of(path):
    return sorted(file for file in path.rglob("*") if file.is_file() and not UNREAD.search(str(file)))


def spread(rng, files, count):
    """(file, position): an equal share for each file, half of it at the file's begin and end."""
    share = max(1, count // max(1, len(files)))
    for file in files:
        size = file.stat().st_size
        edge = min(size, 64)
        for number in range(min(share, size)):
            if number % 4 == 0:
                yield file, rng.randrange(edge)
            elif number % 4 == 1:
                yield file, size - 1 - rng.randrange(edge)
            else:
                yield file, rng.randrange(size)


def in_last_record(file, position):
    """Whether it is what was written last to the WAL: broken, it looks as if it were still being written."""
    if file.parent.name != "wal" or file != max(file.parent.glob("0*")):
        return False
    return position > len(file.read_bytes().rstrip(b"\0")) - 64


def flip(patient, file, position, bit):
    torn = in_last_record(file, position)
    with open(file, "r+b") as handle:
        handle.seek(position)
        byte = handle.read(1)[0]
        handle.seek(position)
        handle.write(bytes([byte ^ (1 << bit)]))
        handle.flush()
        patient.check(f"{file.relative_to(patient.path)}: bit {bit} of byte {position} flipped", file, torn)
        handle.seek(position)
        handle.write(bytes([byte]))


def with_other_content(patient, file, what, change):
    """`change` makes something of the file, which is put back afterwards."""
    kept = file.with_name(".kept")
    shutil.copy(file, kept)
    try:
        change()
        patient.check(f"{file.relative_to(patient.path)}: {what}", patient.path / "meta.json")
    finally:
        if file.is_dir():
            file.rmdir()
        os.replace(kept, file)


def mutilate(patient, rng, file):
    size = file.stat().st_size
    for length in {0, 1, size // 2, max(0, size - 1), rng.randrange(size + 1)}:
        with_other_content(patient, file, f"cut to {length} bytes", lambda: os.truncate(file, length))
    with_other_content(patient, file, "32 bytes of zeros behind", lambda: file.open("ab").write(bytes(32)))
    with_other_content(patient, file, "removed", file.unlink)
    with_other_content(patient, file, "a directory", lambda: (file.unlink(), file.mkdir()))


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--millrace", default=str(ROOT / "build/server/millrace"), help="the program to test")
    parser.add_argument("--positions", type=int, default=300, help="bits to flip, about")
    parser.add_argument("--seed", default="1", help="of the positions")
    parser.add_argument("--data", type=pathlib.Path, help="a directory to damage a copy of")
    parser.add_argument("--every-file", action="store_true", help="cut and replace all files, not those of one block")
    parser.add_argument("--keep", action="store_true", help="keep the copy")
    return parser.parse_args()


def some_files(files):
    """The files of the first block, and all that are in none."""
    blocks = sorted({file.parent for file in files if file.name == "meta.json"})
    return [file for file in files if not any(block in file.parents for block in blocks[1:])]


def main():
    options = parse_options()
    rng = random.Random(options.seed)
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="millrace-damage-"))
    begin = time.monotonic()
    try:
        path = find_data(options, scratch)
        patient = Patient(options.millrace, path)
        files = files_of(path)
        flips = 0
        for file, position in spread(rng, files, options.positions):
            flip(patient, file, position, rng.randrange(8))
            flips += 1
        for file in files if options.every_file else some_files(files):
            mutilate(patient, rng, file)
    finally:
        if options.keep:
            print(f"kept: {scratch}")
        else:
            shutil.rmtree(scratch, ignore_errors=True)
    print(f"{flips} bits flipped in {len(files)} files, {patient.asked} queries: {patient.answered} answered,"
          f" {patient.refused} refused; {time.monotonic() - begin:.1f} s")
    print(f"{patient.asked - len(patient.failures)} passed, {len(patient.failures)} failed")
    return 1 if patient.failures else 0


if __name__ == "__main__":
    sys.exit(main())
