"""Reads the tables in testdata/queries: templates of queries, expanded into the cases to ask.

What the files may hold is said in testdata/queries/README.md.
"""
import dataclasses
import itertools
import json
import pathlib
import re
from urllib.parse import unquote

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "testdata" / "queries"
VARIABLE = re.compile(r"{{(\w+)}}")
OWN_KEYS = {"run": "both", "at": "block,head", "grid": "across", "order": "exact"}


@dataclasses.dataclass(frozen=True)
class Case:
    """One request, and how its answer is to be compared."""

    group: str
    method: str
    path: str
    params: tuple
    order: str = "exact"
    how: str = "whole"

    @property
    def query(self):
        return next((value for name, value in self.params if name == "query"), "")

    @property
    def is_range(self):
        return self.path.endswith("/query_range")

    def describe(self):
        rest = " ".join(f"{name}={value}" for name, value in self.params if name != "query")
        return f"{self.method} {self.path} {rest}  {self.query}".rstrip()


@dataclasses.dataclass
class Group:
    """The settings under one `group` line."""

    title: str
    run: str
    at: list
    grid: list
    order: str
    extra: tuple


def parse_group(line):
    title, _, settings = line[len("group "):].partition(":")
    found = dict(OWN_KEYS)
    extra = []
    for word in settings.split():
        key, _, value = word.partition("=")
        if key in found:
            found[key] = value
        else:
            extra.append((key, value))
    return Group(title.strip(), found["run"], found["at"].split(","), found["grid"].split(","),
                 found["order"], tuple(extra))


def expand(template, variables):
    """All texts a template stands for; a name takes the same value wherever it occurs in it."""
    names = list(dict.fromkeys(VARIABLE.findall(template)))
    for values in itertools.product(*(variables[name] for name in names)):
        chosen = dict(zip(names, values))
        yield VARIABLE.sub(lambda found: chosen[found.group(1)], template)


def templates(path, variables):
    """(group, query) for every query of a file; `variables` holds names set from outside."""
    variables = dict(variables)
    group = parse_group("group " + path.stem)
    for line in path.read_text(encoding="utf-8").split("\n"):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("group ") and not line.startswith("group ("):
            group = parse_group(line)
        elif line.startswith("let "):
            name, _, values = line[len("let "):].partition(" = ")
            variables[name.strip()] = [value.strip() for value in values.split(" | ")]
        elif line.startswith("json "):
            yield group, [json.loads(line[len("json "):])]
        else:
            yield group, list(expand(line, variables))


def cases_of(group, query, times):
    if group.run in ("both", "instant"):
        for name in group.at:
            params = (("query", query), ("time", times.moment(name)), *group.extra)
            yield Case(group.title, "GET", "/api/v1/query", params, group.order)
    if group.run in ("both", "range"):
        for name in group.grid:
            grid = times.grid(name)
            params = (("query", query), ("start", grid.start), ("end", grid.end), ("step", grid.step), *group.extra)
            yield Case(group.title, "GET", "/api/v1/query_range", params)


def query_cases(patterns, times, variables):
    """The cases of all files whose name matches one of the patterns, each once."""
    seen = set()
    for path in files(patterns):
        for group, queries in templates(path, variables):
            for query in queries:
                for case in cases_of(group, query, times):
                    if case not in seen:
                        seen.add(case)
                        yield case


def files(patterns):
    return [path for pattern in patterns for path in sorted(FOLDER.glob(pattern))]


def parser_cases(patterns, variables):
    """One query of every template, to be formatted and shown as a tree."""
    seen = set()
    for path in files(patterns):
        for group, queries in templates(path, variables):
            for query in queries[:1] if len(queries) > 1 else queries:
                if query in seen:
                    continue
                seen.add(query)
                for kind in ("format_query", "parse_query"):
                    yield Case(kind, "POST", f"/api/v1/{kind}", (("query", query),))


def endpoint_cases(name, times):
    """The cases of an endpoint table: `whole|shape METHOD PATH [PARAMETERS]`."""
    title = name
    for line in (FOLDER / name).read_text(encoding="utf-8").split("\n"):
        line = line.strip()
        if line.startswith("group "):
            title = line[len("group "):]
        elif line and not line.startswith("#"):
            how, method, path, *rest = line.split(" ")
            yield Case(title, method, path, parameters(rest[0] if rest else "", times.zero), how=how)


def parameters(text, zero):
    """name=value pairs of a URL; T+n and T-n become seconds."""
    out = []
    for pair in text.split("&") if text else ():
        name, _, value = pair.partition("=")
        moment = re.fullmatch(r"T([+-]\d+)", value)
        if moment:
            value = str(zero + int(moment.group(1)))
        out.append((name, unquote(value)))
    return tuple(out)

