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
    bad = {getattr(test, "test_case", test).id() for test, _ in done.failures + done.errors}  # of subtests, the test
    not_run = sum(name.startswith("setUp") for name in bad)  # a class, or the module: none of its tests began
    print(f"{done.testsRun + not_run - len(bad) - len(done.skipped)} passed, {len(bad)} failed")
    return not bad


def main(test):
    """All of a test: the module `test`, whose MILLRACE and JUDGE are set by its flags and by what can be had."""
    options, rest = read_flags(test.__doc__, millrace=test.MILLRACE)
    test.MILLRACE, test.JUDGE = options.millrace, find_judge()
    sys.exit(not run_tests(rest))
