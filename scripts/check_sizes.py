#!/usr/bin/env python3
"""Fails when a source file has outgrown 800 lines: a seam not yet found."""
import pathlib
import sys

LIMIT = 800
FOLDERS = "base model parser storage http engine server query-tee fuzz bench tests scripts".split()
ENDINGS = {".c", ".cc", ".h", ".py", ".sh"}


def main(root):
    bad = 0
    for folder in FOLDERS:
        for path in sorted(pathlib.Path(root, folder).rglob("*")):
            if path.suffix not in ENDINGS:
                continue
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > LIMIT:
                print(f"{path.relative_to(root)}: {lines} lines, at most {LIMIT}")
                bad += 1
    return bad != 0


sys.exit(main(sys.argv[1]))
