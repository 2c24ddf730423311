#!/usr/bin/env python3
"""What Grafana's Prometheus data source sends, to a real Prometheus and to Millrace: the same answers.

    tests/grafana_test.py [--millrace PROGRAM] [--keep]

The requests are those of Grafana's backend (forms by POST, and again by GET after a 400 or 405), of its
query editor, variables, annotations and alerting, with the headers that come along. What must be equal is
in tests/judge/compare.py; of the headers, those that a client goes by. Exit code 77: there is no
Prometheus to be had (scripts/judge.sh).
"""
import argparse
import dataclasses
import gzip
import http.client
import json
import pathlib
import sys
import urllib.parse
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import compare, processes, program, series  # noqa: E402
from judge.client import Answer  # noqa: E402
from judge.queries import Case  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
SKIPPED = 77
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
HEADERS = {
    "User-Agent": "Grafana/12.3.0",
    "Accept-Encoding": "gzip",
    "X-Grafana-Org-Id": "1",
    "X-Grafana-From-Expr": "true",
    "X-Grafana-Cache": "private, max-age=3600",
    "X-Dashboard-Uid": "d1",
    "X-Panel-Id": "7",
    "X-Datasource-Uid": "p1",
    "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "Cookie": "grafana_session=" + "0123456789abcdef" * 128,
}
# Of the answer's headers, those on which a client, a browser or a cache depends.
COMPARED = ("Content-Type", "Content-Encoding", "Allow", "Access-Control-Allow-Origin",
            "Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Expose-Headers")
ALL = '{__name__!=""}'
LIMIT = "40000"


@dataclasses.dataclass(frozen=True)
class Ask:
    """One request: `url` goes into the URL, `form` into the body of a POST and else into the URL as well."""

    what: str
    path: str
    form: tuple = ()
    url: tuple = ()
    method: str = "POST"
    how: str = "whole"
    headers: tuple = ()

    def by(self, method):
        return dataclasses.replace(self, method=method)


def at(seconds):
    """A moment of the data as Grafana writes it: seconds, no exponent, no trailing zeros."""
    text = f"{series.START + seconds:.9f}".rstrip("0")
    return text.rstrip(".")


def span(begin, end):
    return ("start", at(begin)), ("end", at(end))


def query_range(what, query, begin, end, step, *more, **settings):
    form = (("query", query), *span(begin, end), ("step", step), *more)
    return Ask(what, "/api/v1/query_range", form, **settings)


def query(what, text, moment, *more, **settings):
    return Ask(what, "/api/v1/query", (("query", text), ("time", moment), *more), **settings)


def settings_page():
    yield query("health check", "1+1", "4")
    yield Ask("build information", "/api/v1/status/buildinfo", how="shape")
    yield Ask("rules", "/api/v1/rules")
    yield Ask("are there exemplars", "/api/v1/query_exemplars",
              (("query", "test"), ("start", at(0) + "123"), ("end", at(1800) + "123")))
    yield Ask("no such path", "/api/v1/status/build")


def panels():
    rate = "sum by (job) (rate(http_requests_total[1m0s]))"
    yield query_range("a panel", rate, 3000, 6600, "15")
    yield query_range("a panel, fine", rate, 3000.25, 3020.75, "0.25")
    yield query_range("a panel of a day", rate, -50000, 36400, "86400")
    yield query_range("a step of minutes", rate, 3000, 6600, "1m30s")
    yield query_range("a time limit", rate, 3000, 6600, "60", ("timeout", "60s"))
    yield query_range("a wrong time limit", rate, 3000, 6600, "60", ("timeout", "a while"))
    yield query_range("parameters of the data source", rate, 3000, 6600, "60",
                      url=(("max_source_resolution", "5m"), ("dedup", "true"), ("timeout", "30s")))
    yield query_range("a parameter of the data source that the form has too", "up", 3000, 3600, "60",
                      url=(("query", "down"), ("step", "1s")))
    yield query_range("a table and its range", "up", 3000, 3060, "60")
    yield query_range("a heat map", "sum by (le) (increase(http_request_duration_seconds_bucket[1m]))", 3000, 6600, "60")
    yield query_range("native histograms", "native_seconds", 3000, 6600, "300")
    yield query_range("an info", "rate(node_load1[5m])", 3000, 6600, "300")
    yield query_range("nothing", "no_such_metric", 3000, 6600, "60")
    yield query_range("a wrong expression", "sum(rate(http_requests_total[5m])", 3000, 6600, "60")
    yield query_range("an interval that was not filled in", "rate(up[$__rate_interval])", 3000, 6600, "60")
    yield query_range("an error of the engine", 'label_join(up, "", "-", "job")', 3000, 6600, "60")
    yield query_range("too many points", "up", 0, 110010, "10")
    yield query_range("a range the wrong way round", "up", 6600, 3000, "60")
    yield query_range("no step", "up", 3000, 6600, "0")
    yield query_range("an annotation", "ALERTS{alertstate=\"firing\"} == 1", 3000, 6600, "60")
    yield query("an instant", "up", at(3600.123))
    yield query("a variable's query_result", "topk(3, node_load1)", at(3600))
    yield query("an alert's condition", "avg(node_load1) > 0.5", at(3600))
    yield query("a scalar", "scalar(count(up))", at(3600.5))
    yield query("a string", '"text"', at(3600))
    yield query("a matrix", "up{job=\"db\"}[1m]", at(3600))
    yield query("stale names", "{__name__=~\"stale.*\"}", at(3600))
    for name in ("query", "query_range"):
        yield Ask("an empty form", f"/api/v1/{name}")
    yield Ask("exemplars", "/api/v1/query_exemplars", (("query", "http_requests_total"), *span(3000, 6600)))
    yield Ask("exemplars of a wrong expression", "/api/v1/query_exemplars", (("query", "sum("), *span(3000, 6600)))


def editors():
    hours = span(0, 7200)
    yield Ask("names of labels", "/api/v1/labels", (("limit", LIMIT), *hours))
    yield Ask("names of labels of a metric", "/api/v1/labels", (("limit", LIMIT), *hours, ("match[]", '{__name__="up"}')))
    yield Ask("names of labels of several", "/api/v1/labels", (*hours, ("match[]", "up"), ("match[]", "node_load1")))
    yield Ask("names of labels, a few", "/api/v1/labels", (("limit", "2"), *hours))
    yield Ask("names of labels of all", "/api/v1/labels", (*hours, ("match[]", ALL)))
    yield Ask("names of labels of a wrong selector", "/api/v1/labels", (*hours, ("match[]", "{}")))
    for name in ("__name__", "job", "instance", "le", "U__label_2e_dotted", "label.dotted", "%22label.dotted%22", "no_label"):
        yield Ask(f"values of {name}", f"/api/v1/label/{name}/values", (("limit", LIMIT), *hours), method="GET")
    yield Ask("values under a selector", "/api/v1/label/instance/values",
              (("match[]", 'up{job=~"db|web"}'), *hours), method="GET")
    yield Ask("metrics, as one types", "/api/v1/label/__name__/values",
              (("limit", "1000"), ("match[]", '{__name__=~".*http.*"}'), *hours), method="GET")
    yield Ask("values of a metric with dots", "/api/v1/label/__name__/values",
              (("match[]", '{"metric.with.dots"}'), *hours), method="GET")
    yield Ask("series", "/api/v1/series", (*hours, ("match[]", 'up{job="db"}'), ("limit", LIMIT)))
    yield Ask("all series", "/api/v1/series", (*span(7000, 7200), ("match[]", ALL), ("limit", "7")))
    yield Ask("series of a wrong selector", "/api/v1/series", (*hours, ("match[]", "up{")))
    yield Ask("series of an expression", "/api/v1/series", (*hours, ("match[]", "rate(up[5m])")))
    yield Ask("metadata", "/api/v1/metadata", method="GET", how="shape")
    for form in ((("limit", "5"),), (("limit_per_metric", "1"),), (("metric", "up"),), (("limit", "x"),),
                 (("limit_per_metric", "x"),), (("limit", "-1"),)):
        yield Ask("metadata", "/api/v1/metadata", form, method="GET", how="shape")
    yield Ask("formatted", "/api/v1/format_query", (("query", "sum(up)by(job)"),))
    yield Ask("parsed", "/api/v1/parse_query", (("query", "1+1"),))


def alerting():
    for form in ((), (("type", "alert"),), (("type", "record"),), (("type", "other"),), (("rule_name[]", "a"),),
                 (("rule_group[]", "g"), ("file[]", "f")), (("exclude_alerts", "true"),), (("exclude_alerts", "maybe"),),
                 (("match[]", '{severity="page"}'),), (("match[]", "{"),), (("group_limit", "10"),),
                 (("group_limit", "0"),), (("group_limit", "x"),), (("group_next_token", "abc"),),
                 (("group_limit", "10"), ("group_next_token", "abc"))):
        yield Ask("rules", "/api/v1/rules", form, method="GET")
    yield Ask("alerts", "/api/v1/alerts", method="GET")
    yield Ask("where alerts go", "/api/v1/alertmanagers", method="GET")


def transport():
    browser = (("Origin", "http://grafana.example"),)
    yield query("of a browser", "up", at(3600), headers=browser)
    yield Ask("before a browser asks", "/api/v1/query", method="OPTIONS",
              headers=(*browser, ("Access-Control-Request-Method", "POST")))
    for coding in ("identity", "deflate", "gzip, deflate, br", "gzip;q=0", "*"):
        yield query_range(f"coding {coding}", "up", 3000, 6600, "60", headers=(("Accept-Encoding", coding),))
    yield query("a form with its charset", "up", at(3600),
                headers=(("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"),))
    yield query("a form under another name", "up", at(3600), headers=(("Content-Type", "application/json"),))
    yield query("user and password", "up", at(3600), headers=(("Authorization", "Basic dXNlcjpwYXNz"),))


def asks():
    """All of them; what goes by POST also by GET, as the data source can be set to and as it does after a 405."""
    for ask in (*settings_page(), *panels(), *editors(), *alerting(), *transport()):
        yield ask
        if ask.method == "POST":
            yield ask.by("GET")


def send(port, ask):
    """(answer with its coding taken off, its headers that count)"""
    headers = {**HEADERS, **(FORM if ask.method == "POST" else {}), **dict(ask.headers)}
    in_url = ask.url if ask.method == "POST" else (*ask.url, *ask.form)
    path = ask.path + ("?" + urllib.parse.urlencode(in_url) if in_url else "")
    body = urllib.parse.urlencode(ask.form) if ask.method == "POST" else None
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(ask.method, path, body=body, headers=headers)
        response = connection.getresponse()
        data = response.read()
    finally:
        connection.close()
    coding = response.getheader("Content-Encoding")
    if coding == "gzip":
        data = gzip.decompress(data)
    elif coding == "deflate":
        data = zlib.decompress(data)
    counted = {name: response.getheader(name) for name in COMPARED}
    return Answer(response.status, dict(response.getheaders()), data), counted


def difference(ports, ask):
    """None, or where Millrace's answer is another one than Prometheus's."""
    (judge, judge_headers), (tested, tested_headers) = (send(port, ask) for port in ports)
    case = Case("grafana", ask.method, ask.path, ask.form, how=ask.how)
    try:
        compare.compare(case, judge, tested, compare.Measure())
    except compare.Difference as found:
        return str(found)
    for name in COMPARED:
        if name == "Content-Encoding" and not tested.body:
            continue  # of nothing, Prometheus makes a gzip of nothing
        if judge_headers[name] != tested_headers[name]:
            return f"header {name}: {judge_headers[name]!r} against {tested_headers[name]!r}"
    return None if varies(judge) <= varies(tested) else f"Vary: {varies(judge)} against {varies(tested)}"


def varies(answer):
    """The headers by which the answer would be another one; older releases leave one out."""
    return set(filter(None, answer.headers.get("Vary", "").replace(" ", "").split(",")))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millrace", default=ROOT / "build/server/millrace", help="the program to test")
    parser.add_argument("--keep", action="store_true", help="keep the copies of the data and the servers' logs")
    options = parser.parse_args()
    judge_program = program.find_judge()
    if not judge_program:
        return SKIPPED
    passed = failed = 0
    with program.two_copies(judge_program, "grafana", options.keep) as (_, judge_data, tested_data), \
            processes.prometheus(judge_program, judge_data) as judge, \
            processes.millrace(options.millrace, tested_data) as tested:
        for ask in asks():
            why = difference((judge.port, tested.port), ask)
            passed += why is None
            failed += why is not None
            if why:
                print(f"FAILED {ask.what}: {ask.method} {ask.path} {json.dumps(ask.form)} {json.dumps(ask.headers)}\n    {why}")
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
