#!/usr/bin/env python3
"""Builds and tests, one kind after another, and closes with the sum: "N passed, N failed".

    plain   all tests of the ordinary build
    judge   the same questions to a real Prometheus and to Millrace, where a Prometheus can be had
    asan    all tests of the build with address and undefined-behaviour sanitizers
    tsan    the tests of what runs on several threads, built with the thread sanitizer
    arm64   the tests that are programs of their own, under qemu: started by scripts/arm64.sh, which prepares it
"""
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NO_JUDGE = 77
SUM = re.compile(r"^(\d+) passed, (\d+) failed", re.M)

# Build folder, Meson's options, suites to run (none: all), and how much longer a test may take.
BUILDS = {
    "plain": ("build", [], [], 4),
    "asan": ("build-asan", ["--native-file", "scripts/meson/asan.ini"], [], 8),
    "tsan": ("build-tsan", ["--native-file", "scripts/meson/tsan.ini"],
             ["base", "storage", "http", "query-tee", "engine", "server"], 10),
    "arm64": ("build-arm64", ["--cross-file", "build-arm64/cross.ini"], ["unit", "promql", "fuzz"], 10),
}


def say(text):
    print(text, flush=True)


def build(folder, options):
    """Configures once, then builds; ends the program if that fails."""
    path = ROOT / folder
    if not (path / "build.ninja").exists():
        say(f"Configuring {folder}")
        subprocess.run(["meson", "setup", folder, *options], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    say(f"Building {folder}")
    subprocess.run(["ninja", "-C", folder], cwd=ROOT, check=True)


def count_results(folder):
    """(passed, failed) of the last run; a test that was skipped is neither."""
    passed = failed = 0
    with open(ROOT / folder / "meson-logs" / "testlog.json", encoding="utf-8") as log:
        for line in log:
            result = json.loads(line)["result"]
            if result in ("OK", "EXPECTEDFAIL"):
                passed += 1
            elif result != "SKIP":
                failed += 1
                say(f"failed: {json.loads(line)['name']} (see {folder}/meson-logs/testlog.txt)")
    return passed, failed


# All, and with names dropped late what has to do with names and labels; and some queries that nobody wrote.
# Then by query-tee, which shares no code with the engine.
JUDGED = (
    ("tests/against_prometheus.py",),
    ("tests/against_prometheus.py", "--features", "promql-delayed-name-removal",
     "--filter", "__name__|label_|last_over_time|sparse|native_nan|collide"),
    ("tests/against_prometheus.py", "--random", "2000", "--seed", "1"),
    ("tests/tee_judge.py", "--count", "2000", "--query-tee", str(ROOT / "build/query-tee/query-tee")),
)


def test_build(kind):
    folder, options, suites, patience = BUILDS[kind]
    build(folder, options)
    command = ["meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs", "-t", str(patience)]
    for suite in suites:
        command += ["--suite", suite]
    environment = dict(os.environ)
    environment.setdefault("TSAN_OPTIONS", "halt_on_error=1:second_deadlock_stack=1")
    subprocess.run(command, cwd=ROOT, env=environment, check=False)
    return count_results(folder)


def test_judge():
    """Runs the comparisons; where no Prometheus can be had it says so, and counts nothing."""
    build(*BUILDS["plain"][:2])
    passed = failed = 0
    for test in JUDGED:
        command = [sys.executable, *test, "--millrace", str(ROOT / "build/server/millrace")]
        run = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
        print(run.stdout, end="", flush=True)
        if run.returncode == NO_JUDGE:
            say("left out: the comparison with Prometheus, which could not be had")
            return 0, 0
        found = SUM.findall(run.stdout)
        passed += int(found[-1][0]) if found else 0
        failed += int(found[-1][1]) if found else 1
    return passed, failed


def main(kinds):
    unknown = [kind for kind in kinds if kind not in BUILDS and kind != "judge"]
    if unknown:
        sys.exit(f"test.py: no such kind: {' '.join(unknown)} (there are: {' '.join([*BUILDS, 'judge'])})")
    passed = failed = 0
    for kind in kinds:
        good, bad = test_judge() if kind == "judge" else test_build(kind)
        say(f"{kind}: {good} passed, {bad} failed")
        passed += good
        failed += bad
    say(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["plain", "judge"]))
