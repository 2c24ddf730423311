#!/usr/bin/env python3
"""Fails when a C file is not as clang-format 14 would write it. Other versions write otherwise: skipped."""
import pathlib
import re
import shutil
import subprocess
import sys

VERSION = 14
SKIPPED = 77
FILES_A_RUN = 100


def main(root):
    program = shutil.which(f"clang-format-{VERSION}") or shutil.which("clang-format")
    told = subprocess.run([program, "--version"], capture_output=True, encoding="utf-8", check=True).stdout if program else ""
    if not re.search(rf"version {VERSION}\.", told):
        print(f"skipped: there is no clang-format {VERSION}")
        return SKIPPED
    patterns = (root / ".clang-format-include").read_text(encoding="utf-8").split()
    files = sorted({path for pattern in patterns for path in root.glob(pattern)})
    bad = 0
    for begin in range(0, len(files), FILES_A_RUN):
        run = subprocess.run([program, "--dry-run", "-Werror", *files[begin:begin + FILES_A_RUN]], check=False)
        bad += run.returncode != 0
    if not bad:
        print(f"{len(files)} files are as clang-format writes them")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
