#!/usr/bin/env python3
"""Fails when a page names a flag that no program has.

    check_flags.py ROOT MILLRACE QUERY_TEE

The programs are asked for their flags by --help; those of tests, benchmarks and scripts stand in their source.
"""
import pathlib
import re
import subprocess
import sys

FLAG = re.compile(r"(?<![\w-])--([a-z][a-z0-9.-]*[a-z0-9])")
COMMANDS = ("serve", "query", "explain", "demo-data")
DUELS = ("replay", "fuzz")
SOURCES = ("tests/*.py", "tests/*/*.c", "bench/*.py", "scripts/*.sh")
# Of Meson and of Python.
FOREIGN = {"help", "native-file", "setup", "suite", "list", "verbose", "benchmark", "reconfigure"}


def flags_of(*command):
    told = subprocess.run([*command, "--help"], capture_output=True, encoding="utf-8", timeout=60, check=True).stdout
    return set(FLAG.findall(told))


def main(root, millrace, tee):
    known = set(FOREIGN).union(flags_of(tee), *(flags_of(millrace, command) for command in COMMANDS),
                               *(flags_of(tee, duel) for duel in DUELS))
    for pattern in SOURCES:
        for path in root.glob(pattern):
            known.update(FLAG.findall(path.read_text(encoding="utf-8")))
    known.update(f"no-{name}" for name in list(known))

    pages = [*root.glob("*.md"), *root.glob("docs/*.md"), *root.glob("*/README.md"), *root.glob("*/*/README.md")]
    faults = []
    for page in sorted(pages):
        for name in sorted(set(FLAG.findall(page.read_text(encoding="utf-8"))) - known):
            faults.append(f"{page.relative_to(root)}: names --{name}, which no program has")
    print("\n".join(faults) or f"{len(pages)} pages name flags that are there")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], sys.argv[3]))
