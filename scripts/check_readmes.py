#!/usr/bin/env python3
"""Fails when a folder's README leaves out one of its C files, or a page names a file that is not there.

A README names the C files of its folder and of the folders below that have no README of their own; a name
with a star stands for all that fit. A page names the Python programs of
its folder. Links in pages must lead to a file, and to a heading of it.
"""
import fnmatch
import pathlib
import re
import sys

FILE_NAME = re.compile(r"[\w*]+\.(?:c|cc|h)\b")
SCRIPTS = (("tests", "docs/TESTING.md"), ("bench", "bench/README.md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def is_test(path):
    return path.name.endswith("_test.c") or path.name.startswith("test_")


def c_files(folder):
    """The C files that the README of this folder is to name."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not (path / "README.md").exists():
            yield from c_files(path)
        elif path.suffix in (".c", ".cc") and not is_test(path):
            yield path


def left_out(root, page):
    """Files of the README's folder that it does not name."""
    stems = {name.rsplit(".", 1)[0] for name in FILE_NAME.findall(page.read_text(encoding="utf-8"))}
    for path in c_files(page.parent):
        if not any(fnmatch.fnmatch(path.stem, stem) for stem in stems):
            yield f"{page.relative_to(root)}: does not name {path.relative_to(page.parent)}"


def scripts_left_out(root, folder, page):
    """Python programs of a folder that its page does not name."""
    text = (root / page).read_text(encoding="utf-8")
    for path in sorted((root / folder).glob("*.py")):
        if path.name not in text:
            yield f"{page}: does not name {path.relative_to(root)}"


def headings(page):
    """The anchors of a page, made of its headings as the usual viewers do."""
    for line in re.findall(r"^#+ +(.*)$", page.read_text(encoding="utf-8"), re.M):
        yield re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-")


def dead_links(root, page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"\w+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists():
            yield f"{page.relative_to(root)}: links to {link}, which is not there"
        elif anchor and anchor not in headings(target):
            yield f"{page.relative_to(root)}: links to {link}, which has no such heading"


def pages_of(root, folder=None):
    for path in sorted((folder or root).iterdir()):
        if path.is_dir() and not path.name.startswith((".", "build")):
            yield from pages_of(root, path)
        elif path.suffix == ".md":
            yield path


def main(root):
    pages = list(pages_of(root))
    known = {path.name for path in root.rglob("*.[ch]*")}
    faults = [fault for folder, page in SCRIPTS for fault in scripts_left_out(root, folder, page)]
    for page in pages:
        if page.name == "README.md" and page.parent != root:
            faults += left_out(root, page)
        faults += dead_links(root, page)
        for name in sorted(set(FILE_NAME.findall(page.read_text(encoding="utf-8")))):
            if not fnmatch.filter(known, name):
                faults.append(f"{page.relative_to(root)}: names {name}, which is not there")
    print("\n".join(faults) or f"{len(pages)} pages name what is there")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
