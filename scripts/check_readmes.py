#!/usr/bin/env python3
"""Fails when the README of a folder leaves out one of its C files, or names one that is not there."""
import pathlib
import re
import sys

# Folders whose README lists all files.
LISTED = ("storage", "server", "query-tee")


def faults(root, folder):
    text = (root / folder / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in (root / folder).glob("**/*.[ch]")}
    for path in sorted((root / folder).glob("*.c")):
        if path.name.endswith("_test.c") or path.name.startswith("test_"):
            continue
        if not re.search(rf"\b{re.escape(path.stem)}\b", text):
            yield f"{folder}/README.md: does not name {path.name}"
    elsewhere = {path.name for path in root.glob("*/*.[ch]")}
    for name in sorted(set(re.findall(r"\b\w+\.[ch]\b", text)) - files - elsewhere):
        yield f"{folder}/README.md: names {name}, which is not there"


def main():
    root = pathlib.Path(sys.argv[1])
    found = [fault for folder in LISTED for fault in faults(root, folder)]
    print("\n".join(found) or f"the READMEs of {len(LISTED)} folders name all files")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
