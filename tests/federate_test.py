#!/usr/bin/env python3
"""/federate of a real Prometheus and of Millrace: the same series, values, times and formats.

    tests/federate_test.py [--millrace PROGRAM] [--keep]

The lookback is so long that the newest samples of the generated data set are found. The order of series below
a name is any order, as in Prometheus; that of names is not. Histograms with custom bounds, which Prometheus tells in
classic buckets since 3.7, are held against what the judge answers to queries. Exit code 77: there is no Prometheus to be had
(scripts/judge.sh).
"""
import argparse
import http.client
import json
import math
import pathlib
import re
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import processes, program  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
SKIPPED = 77
LOOKBACK = "--query.lookback-delta=50y"
CONFIG = "global:\n  external_labels: {job: federated, dc: \"a\\\"b\", zone: east}\n"
SCRAPER = ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
           "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
           "text/plain;version=0.0.4;q=0.3,*/*;q=0.2")
ACCEPTED = (None, SCRAPER, "text/plain", "text/plain;version=1.0.0;escaping=allow-utf-8", "*/*",
            "text/plain;version=0.0.4;escaping=allow-utf-8", "text/plain;escaping=dots", "text/plain;escaping=values", "text/plain;version=1.0.0", "application/json;q=x,;;=,")
PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.9,"
BINARY = (PROTOBUF + "text/plain;q=0.1", PROTOBUF[:-1] + ";escaping=allow-utf-8", PROTOBUF[:-1] + ";escaping=values")
CUSTOM = '{__name__=~"native_custom.*|native_bounds.*"}'
# How histograms with custom buckets are told depends on the release.
EVERYTHING = '{__name__=~".+", __name__!~"native_custom.*|native_bounds.*"}'
NATIVE = '{__name__=~"stale.*|native.*", __name__!~"native_custom.*|native_bounds.*"}'
SELECTORS = (
    (EVERYTHING,),
    ("up",),
    ('{job="db"}', "up", '{__name__="up"}'),
    (NATIVE, "no_such_metric"),
    ('{"metric.with.dots"}', '{"label.dotted"!=""}'),
    ("{}",),
    (),
    ("up{",),
    ("up", "rate(up[5m])"),
    ("",),
)


def ask(port, selectors, accept):
    """Status, Content-Type and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        path = "/federate?" + urllib.parse.urlencode([("match[]", selector) for selector in selectors])
        connection.request("GET", path, headers={"Accept": accept} if accept else {})
        response = connection.getresponse()
        body = response.read()
        content_type = response.getheader("Content-Type")
        return response.status, content_type, body if "protobuf" in content_type else body.decode()
    finally:
        connection.close()


def varint(data, at):
    number = shift = 0
    while data[at] & 0x80:
        number |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
    return number | data[at] << shift, at + 1


def fields(data):
    """(number, value) of each field of a message."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        elif tag & 7 == 1:
            value, at = data[at:at + 8], at + 8
        else:
            value, at = varint(data, at)
        yield tag >> 3, value


def messages(body):
    """[(name, type, samples)]; families of one name and type are one, as they come in any order."""
    out, at = {}, 0
    while at < len(body):
        size, at = varint(body, at)
        family = list(fields(body[at:at + size]))
        name, kind = (next(value for number, value in family if number == wanted) for wanted in (1, 3))
        out.setdefault((name, kind), []).extend(value for number, value in family if number == 4)
        at += size
    return sorted((name.decode(), kind, sorted(samples)) for (name, kind), samples in out.items())


def binary_difference(judge, tested):
    if judge[:2] != tested[:2]:
        return f"{judge[:2]} against {tested[:2]}"
    for expected, found in zip(messages(judge[2]), messages(tested[2])):
        if expected != found:
            odd = [sample for samples in (expected[2], found[2]) for sample in samples
                   if (sample in expected[2]) != (sample in found[2])]
            return f"{expected[:2]}, {len(expected[2])} samples, against {found[:2]}, {len(found[2])}: {odd[:2]}"
    counts = [len(messages(answer[2])) for answer in (judge, tested)]
    return None if counts[0] == counts[1] else f"{counts[0]} families against {counts[1]}"


def families(body):
    """[(TYPE line, its sorted lines)]"""
    out = []
    for line in body.splitlines():
        if line.startswith("# TYPE"):
            out.append((line, []))
        else:
            out[-1][1].append(line)
    return [(head, sorted(lines)) for head, lines in out]


def difference(judge, tested):
    """Where two answers differ, or None."""
    if judge[:2] != tested[:2]:
        return f"{judge[:2]} against {tested[:2]}"
    if judge[0] != 200:
        return None if judge[2] == tested[2] else f"{judge[2]!r} against {tested[2]!r}"
    for (head, lines), (other_head, other_lines) in zip(families(judge[2]), families(tested[2])):
        if head != other_head:
            return f"{head!r} against {other_head!r}"
        for line in sorted(set(lines) ^ set(other_lines)):
            return f"{'missing' if line in lines else 'too many'}: {line!r}"
        if len(lines) != len(other_lines):
            return f"{head!r}: {len(lines)} lines against {len(other_lines)}"
    counts = [len(families(answer[2])) for answer in (judge, tested)]
    return None if counts[0] == counts[1] else f"{counts[0]} families against {counts[1]}"


def compare(judge_port, tested_port):
    passed = failed = 0
    for selectors in SELECTORS:
        for accept in ACCEPTED:
            judge, tested = (ask(port, selectors, accept) for port in (judge_port, tested_port))
            why = difference(judge, tested)
            if selectors == (EVERYTHING,) and judge[2].count("\n") < 500:
                why = f"the judge tells of {len(judge[2])} bytes only"
            passed += why is None
            failed += why is not None
            if why:
                print(f"FAILED {selectors}, {accept}: {why[:600]}")
    return passed, failed


def ask_json(port, path, **params):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path + "?" + urllib.parse.urlencode(params))
        return json.loads(connection.getresponse().read())["data"]
    finally:
        connection.close()


def binary_selectors(port):
    """All floats; and series of histograms each by itself, for the judge tells those of floats with what stands in their
    place of a buffer when all have been read."""
    yield '{__name__=~".+", __name__!~"native.*"}'
    yield "native_seconds"
    for labels in ask_json(port, "/api/v1/series", **{"match[]": NATIVE}):
        yield "{" + ",".join(f"{json.dumps(name)}={json.dumps(value)}" for name, value in labels.items()) + "}"


def compare_binary(judge_port, tested_port):
    passed = failed = 0
    for selector in binary_selectors(judge_port):
        for accept in BINARY:
            why = binary_difference(*(ask(port, (selector,), accept) for port in (judge_port, tested_port)))
            passed += why is None
            failed += why is not None
            if why:
                print(f"FAILED {selector}, {accept}: {why[:600]}")
    return passed, failed


def labels_of(text):
    return dict(re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', text))


def classic_expected(port):
    """What classic lines say of the newest histograms with custom bounds: {labels: (sum, count, [(upper bound, count)])}."""
    found = ask_json(port, "/api/v1/query", query=CUSTOM)["result"]
    out = {}
    for series in found:
        metric = series["metric"]
        h = series["histogram"][1]
        key = frozenset({**{"dc": "a\\\"b", "job": "federated", "zone": "east", "instance": ""}, **metric}.items())
        out[key] = (float(h["sum"]), float(h["count"]),
                    [(float(upper), float(count)) for _, _, upper, count in h.get("buckets", [])])
    return out


def classic_found(body):
    """The same, of the lines of an answer: of each bound the cumulative count."""
    out = {}
    for line in body.splitlines():
        if line.startswith("#"):
            continue
        name, suffix, labels, value = re.fullmatch(r"(\w+)_(bucket|sum|count)\{(.*)\} (\S+) \d+", line).groups()
        labels = labels_of(labels)
        bound = labels.pop("le", None)
        series = out.setdefault(frozenset({**labels, "__name__": name}.items()), {})
        series[float(bound) if bound else suffix] = float(value)
    return out


def classic_difference(judge_port, tested_port):
    """Where the classic lines of histograms with custom bounds are not what queries say."""
    expected = classic_expected(judge_port)
    status, _, body = ask(tested_port, (CUSTOM,), "text/plain")
    found = classic_found(body)
    if status != 200 or len(expected) < 5 or expected.keys() != found.keys():
        return f"{status}, {len(expected)} series against {len(found)}: {[sorted(map(sorted, some))[:1] for some in (expected.keys() - found.keys(), found.keys() - expected.keys())]}"
    if {line for line in body.splitlines() if line.startswith("#") and not line.endswith(" histogram")}:
        return "a type that is not histogram"
    for labels, (total, count, buckets) in expected.items():
        lines = found[labels]
        bounds = sorted(bound for bound in lines if isinstance(bound, float))
        if (lines["sum"], lines["count"], bounds[-1], lines[bounds[-1]]) != (total, count, math.inf, count):
            return f"{sorted(labels)}: {lines}, not {total}, {count}"
        if {upper for upper, _ in buckets} - set(bounds):
            return f"{sorted(labels)}: bounds {bounds}, not those of {buckets}"
        for bound in bounds:
            if lines[bound] != sum(inside for upper, inside in buckets if upper <= bound):
                return f"{sorted(labels)}: {lines[bound]} up to {bound}, not as {buckets}"
    return None


def scraped(judge_program, scratch, port):
    """How many samples a Prometheus takes from Millrace's /federate in one scrape; and why none."""
    config = ("scrape_configs:\n- job_name: federate\n  honor_labels: true\n  scrape_interval: 1s\n  metrics_path: /federate\n"
              f"  params: {{'match[]': ['up', '{{\"metric.with.dots\"}}']}}\n  static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n")
    with processes.prometheus(judge_program, scratch / "scraper", name="scraper", config=config) as server:
        found, deadline = "", processes.time.monotonic() + 30
        while processes.time.monotonic() < deadline and not re.search(r'scrape_samples_scraped.*"value":\[[\d.]+,"[1-9]', found):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            connection.request("GET", "/api/v1/query?query=scrape_samples_scraped")
            found = connection.getresponse().read().decode()
            connection.close()
            processes.time.sleep(0.1)
        return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millrace", default=ROOT / "build/server/millrace", help="the program to test")
    parser.add_argument("--keep", action="store_true", help="keep the copies of the data and the servers' logs")
    options = parser.parse_args()
    judge_program = program.find_judge()
    if not judge_program:
        return SKIPPED
    with program.two_copies(judge_program, "federate", options.keep) as (scratch, judge_data, tested_data):
        (scratch / "tested.yml").write_text(CONFIG)
        with processes.prometheus(judge_program, judge_data, flags=(*processes.NO_COMPACTION, LOOKBACK), config=CONFIG) as judge, \
                processes.millrace(options.millrace, tested_data, flags=(LOOKBACK, f"--config.file={scratch / 'tested.yml'}")) as tested:
            passed, failed = compare(judge.port, tested.port)
            more_passed, more_failed = compare_binary(judge.port, tested.port)
            passed, failed = passed + more_passed, failed + more_failed
            why = classic_difference(judge.port, tested.port)
            passed, failed = passed + (why is None), failed + (why is not None)
            if why:
                print(f"FAILED custom bounds: {why}")
            said = scraped(judge_program, scratch, tested.port)
            if re.search(r'scrape_samples_scraped.*"value":\[[\d.]+,"[1-9]', said):
                passed += 1
            else:
                failed += 1
                print(f"FAILED a Prometheus that scrapes: {said[:600]}")
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
