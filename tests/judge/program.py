"""How a test of whole servers begins and ends: its flags, a Prometheus where there is one, and the sum."""
import argparse
import contextlib
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from . import directory

ROOT = pathlib.Path(__file__).resolve().parents[2]


def find_judge():
    """The path of a real Prometheus; None where none can be had, which is said."""
    found = subprocess.run([ROOT / "scripts" / "judge.sh"], capture_output=True, text=True, timeout=900, check=False)
    if found.returncode == 0:
        return found.stdout.strip()
    print("left out: what needs a Prometheus, which could not be had", flush=True)
    return None


@contextlib.contextmanager
def two_copies(judge, name, keep):
    """A folder of the test's own, and in it the generated data for a Prometheus and for the program to test."""
    scratch = pathlib.Path(tempfile.mkdtemp(prefix=f"millrace-{name}-"))
    try:
        source = directory.generated(judge)
        yield scratch, *(directory.copy(source, scratch / owner) for owner in ("judge", "tested"))
    finally:
        if not keep:
            shutil.rmtree(scratch, ignore_errors=True)


def read_flags(description, **programs):
    """A flag for each program, with the path it has otherwise; and what is for unittest."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    for name, path in programs.items():
        parser.add_argument(f"--{name}", default=path, help="the program to test")
    return parser.parse_known_args()


def run_tests(rest):
    """Runs the tests of the program; prints the sum, and is true if none failed."""
    done = unittest.main(argv=[sys.argv[0], *rest], exit=False).result
    bad = len(done.failures) + len(done.errors)
    print(f"{done.testsRun - bad - len(done.skipped)} passed, {bad} failed")
    return bad == 0
