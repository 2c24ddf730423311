#!/usr/bin/env python3
"""/federate of a real Prometheus and of Millrace: the same series, values, times and formats.

    tests/federate_test.py [--millrace PROGRAM] [--keep]

The lookback is so long that the newest samples of the generated data set are found. The order of series below
a name is any order, as in Prometheus; that of names is not. Exit code 77: there is no Prometheus to be had
(scripts/judge.sh).
"""
import argparse
import http.client
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import directory, processes  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
SKIPPED = 77
LOOKBACK = "--query.lookback-delta=50y"
CONFIG = "global:\n  external_labels: {job: federated, dc: \"a\\\"b\", zone: east}\n"
SCRAPER = ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
           "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
           "text/plain;version=0.0.4;q=0.3,*/*;q=0.2")
ACCEPTED = (None, SCRAPER, "text/plain", "text/plain;version=1.0.0;escaping=allow-utf-8", "*/*",
            "text/plain;version=0.0.4;escaping=allow-utf-8", "text/plain;version=1.0.0", "application/json;q=x,;;=,")
# How histograms with custom buckets are told depends on the release.
EVERYTHING = '{__name__=~".+", __name__!~"native_custom.*|native_bounds.*"}'
SELECTORS = (
    (EVERYTHING,),
    ("up",),
    ('{job="db"}', "up", '{__name__="up"}'),
    ('{__name__=~"stale.*|native.*", __name__!~"native_custom.*|native_bounds.*"}', "no_such_metric"),
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
        return response.status, response.getheader("Content-Type"), response.read().decode()
    finally:
        connection.close()


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
    found = subprocess.run([ROOT / "scripts/judge.sh"], stdout=subprocess.PIPE, text=True, check=False)
    if found.returncode != 0:
        print("left out: there is no Prometheus to be had")
        return SKIPPED
    judge_program = found.stdout.strip()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="millrace-federate-"))
    try:
        source = directory.generated(judge_program)
        copies = [directory.copy(source, scratch / name) for name in ("judge", "tested")]
        (scratch / "tested.yml").write_text(CONFIG)
        with processes.prometheus(judge_program, copies[0], flags=(*processes.NO_COMPACTION, LOOKBACK), config=CONFIG) as judge, \
                processes.millrace(options.millrace, copies[1], flags=(LOOKBACK, f"--config.file={scratch / 'tested.yml'}")) as tested:
            passed, failed = compare(judge.port, tested.port)
            said = scraped(judge_program, scratch, tested.port)
            if re.search(r'scrape_samples_scraped.*"value":\[[\d.]+,"[1-9]', said):
                passed += 1
            else:
                failed += 1
                print(f"FAILED a Prometheus that scrapes: {said[:600]}")
    finally:
        if not options.keep:
            shutil.rmtree(scratch, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
