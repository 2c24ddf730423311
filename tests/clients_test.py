#!/usr/bin/env python3
"""Hostile clients and heavy queries against a running Millrace: it answers each, and the others go on.

    tests/clients_test.py [--millrace PROGRAM]

Clients that leave, stall, or send half a request; queries that are deep, long, wide or endless; limits of
time, memory and concurrency; signals while queries run.
"""
import argparse
import concurrent.futures
import http.client
import json
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import processes  # noqa: E402
from judge.client import metric  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
END = 1760000000
QUERY, RANGE = "/api/v1/query", "/api/v1/query_range"
HEAVY = "sum(quantile_over_time(0.5, node_cpu_seconds_total[6h:50ms]))"
CANCEL_SECONDS = 0.1
SLACK_SECONDS = 5.0  # what a busy machine may add
MEMORY_GROWTH_MAX = 200 << 20
STALLED = 200


class Failure(Exception):
    """What a check found."""


def expect(found, wanted, what):
    if found != wanted:
        raise Failure(f"{what}: {found!r} instead of {wanted!r}")


def ask(port, path, **params):
    """(status, JSON or None, body) of a POST."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", path, urllib.parse.urlencode(params),
                           {"Content-Type": "application/x-www-form-urlencoded"})
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    try:
        return response.status, json.loads(body), body
    except ValueError:
        return response.status, None, body


def refused(port, what, status, words, path=QUERY, **params):
    found, answer, body = ask(port, path, **{"time": END, **params} if path == QUERY else params)
    text = (answer or {}).get("error", body[:200].decode(errors="replace"))
    if found != status or words not in text:
        raise Failure(f"{what}: HTTP status {found} instead of {status}, {text[:300]!r} without {words!r}")


def answers(port, what, path=QUERY, **params):
    found, answer, body = ask(port, path, **{"time": END, **params} if path == QUERY else params)
    if found != 200 or answer is None:
        raise Failure(f"{what}: HTTP status {found}, {body[:300]!r}")
    return answer["data"]["result"]


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.01)
    raise Failure(f"{what}: not after {seconds} s")


def memory_of(pid):
    with open(f"/proc/{pid}/status") as lines:
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmRSS"))


def send_raw(port, data, keep=False):
    """A connection with bytes on their way; its answer, unless it is kept."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    try:
        connection.sendall(data)
        if keep:
            return connection
        out = b""
        while piece := connection.recv(65536):
            out += piece
        return out
    except (ConnectionError, TimeoutError):
        return b""
    finally:
        if not keep:
            connection.close()


def request_of(path, **params):
    return f"GET {path}?{urllib.parse.urlencode(params)} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def check_deep_queries(server):
    port = server.port
    refused(port, "10,000 parentheses", 400, "nested", query="(" * 10000 + "1" + ")" * 10000)
    refused(port, "10,000 signs", 400, "nested", query="-" * 10000 + "1")
    refused(port, "20,000 sums", 400, "levels", query="+".join("1" * 20000))
    expect(answers(port, "2,000 sums", query="+".join("1" * 2000))[1], "2000", "2,000 sums")
    series = len(answers(port, "up", query="up"))
    expect(len(answers(port, "2,000 sums of vectors", query="+".join(["up"] * 1999))), series, "2,000 sums of vectors")
    tower = " or ".join(f'up{{job!="{number}"}}' for number in range(1500))
    expect(len(answers(port, "1,500 ors", RANGE, query=tower, start=END - 60, end=END, step=15)), series, "1,500 ors")
    answers(port, "300 subqueries", query="max_over_time(" * 300 + "up" + "[2m:1m])" * 300)


def check_long_queries(server):
    port = server.port
    refused(port, "a string of 1 MiB", 400, "longer than", query='"' + "a" * (1 << 20) + '"')
    refused(port, "a number of 1 MiB", 400, "parse error", query="1" * (1 << 20))
    refused(port, "a body of 20 MiB", 413, "exceeds the 10485760 bytes limit", query="x" * (20 << 20))
    answers(port, "a regex of 100,000 words", query='up{job=~"' + "|".join(f"a{n}" for n in range(100000)) + '"}')
    for regex in ("(a*)*b", "(.*)(.*)(.*)(.*)(.*)(.*)x", "((((.*)*)*)*)*$", "(?:a?){900}a{900}"):
        answers(port, regex, query=f'label_replace(up, "x", "$1$2", "instance", "{regex}")')


def check_endless_queries(server):
    port = server.port
    before = memory_of(server.pid)
    for text in ("sum_over_time(up[1y:1ms])", "sum_over_time(vector(1)[1y:1ms])", "up[1y:1ms]",
                 "max_over_time(up[100y:1ms] @ 9223372036854775 offset -100y)"):
        refused(port, text, 422, "limit", query=text)
    for word, step in (("label_join", '"x", "", "x", "x", "x", "x"'), ("label_replace", '"x", "$1$1$1", "x", "(.*)"')):
        text = f'{word}(' * 50 + 'label_replace(up, "x", "aa", "job", ".*")' + f", {step})" * 50
        refused(port, f"values made by {word}", 422, "more than", query=text)
    if memory_of(server.pid) - before > MEMORY_GROWTH_MAX:
        raise Failure(f"endless queries: memory grew by {memory_of(server.pid) - before >> 20} MiB")
    for start, end, step in ((END - 11000, END, 1), (END, END, "292y"), ("-Inf", "Inf", 1), ("NaN", "NaN", 1),
                             ("9223372036854770", "9223372036854775", 1)):
        answers(port, f"{start} to {end} by {step}", RANGE, query="count(up)", start=start, end=end, step=step)
    for start, end, step in ((END - 11001, END, 1), (END, END - 1, 1), (END - 1, END, 1e-9), (END, END, -1),
                             (END, END, "NaN"), (END, END, 1e99)):
        refused(port, f"{start} to {end} by {step}", 400, "", RANGE, query="count(up)", start=start, end=end, step=step)


def check_timeouts(server):
    begin = time.monotonic()
    refused(server.port, "a timeout of 50 ms", 503, "timed out", query=HEAVY, timeout="50ms")
    if time.monotonic() - begin > 0.05 + SLACK_SECONDS:
        raise Failure(f"a timeout of 50 ms took {time.monotonic() - begin:.2f} s")


def check_leaving_clients(server):
    port = server.port
    slowest = 0
    for _ in range(5):
        client = send_raw(port, request_of(QUERY, query=HEAVY, time=END), keep=True)
        wait_until(lambda: metric(port, "prometheus_engine_queries") > 0, 20, "the heavy query runs")
        client.close()
        begin = time.monotonic()
        wait_until(lambda: metric(port, "prometheus_engine_queries") == 0, 20, "the query of a client that left ends")
        slowest = max(slowest, time.monotonic() - begin)
    if slowest > CANCEL_SECONDS + SLACK_SECONDS:
        raise Failure(f"a query went on for {slowest:.2f} s after its client had left")


def check_stalled_clients(server):
    """Half of them send half a request, half never read a large answer."""
    large = request_of(RANGE, query='{__name__=~"node.*"}', start=END - 20000, end=END, step=15)
    clients = [send_raw(server.port, large if n % 2 else large[: len(large) // 2], keep=True) for n in range(STALLED)]
    try:
        begin = time.monotonic()
        for _ in range(20):
            answers(server.port, "beside stalled clients", query="sum(up)")
        if time.monotonic() - begin > 4 * SLACK_SECONDS:
            raise Failure(f"beside stalled clients: {time.monotonic() - begin:.1f} s for 20 light queries")
    finally:
        for client in clients:
            client.close()
    wait_until(lambda: metric(server.port, "millrace_query_memory_bytes") == 0, 20, "memory after stalled clients")


def check_odd_requests(server):
    port = server.port
    line = b"GET /api/v1/query?query=1 HTTP/1.1\r\nHost: x\r\n"
    form = b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    for what, data, wanted in (
            ("HTTP/1.0", b"GET /api/v1/query?query=1 HTTP/1.0\r\n\r\n", b"200"),
            ("three at once", line + b"\r\n" + line + b"\r\n" + line + b"Connection: close\r\n\r\n", b"200"),
            ("a chunked body", form + b"Transfer-Encoding: chunked\r\n\r\n5\r\nquery\r\n2\r\n=1\r\n0\r\n\r\n", b"200"),
            ("a bad chunk", form + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nquery\r\n", b"400"),
            ("a negative length", form + b"Content-Length: -1\r\n\r\nquery=1", b"400"),
            ("an endless length", form + b"Content-Length: 99999999999999999999\r\n\r\nquery=1", b"413"),
            ("a body that is no gzip", form + b"Content-Encoding: gzip\r\nContent-Length: 7\r\n\r\n\x1f\x8b\x08\x00zzz", b"400"),
            ("a header of 1 MB", line + b"X: " + b"a" * 1000000 + b"\r\n\r\n", b"431"),
            ("50,000 headers", line + b"X: y\r\n" * 50000 + b"\r\n", b"431"),
            ("a URL of 1 MB", b"GET /" + b"a" * 1000000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"414"),
            ("bytes that are no UTF-8", b"GET /api/v1/query?query=%22%ff%22 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"400")):
        found = send_raw(port, data)
        # The server may close before all has been sent: then there may be nothing to read.
        if not found.startswith(b"HTTP/1.1 " + wanted) and (found or len(data) < 100000):
            raise Failure(f"{what}: {found[:100]!r} instead of {wanted!r}")
        if what == "three at once":
            expect(found.count(b'"success"'), 3, what)


def check_concurrency(server):
    """Many heavy queries where two may run: all end, light ones too."""
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        heavy = [pool.submit(ask, server.port, QUERY, query=HEAVY, time=END, timeout="1s") for _ in range(20)]
        light = [pool.submit(ask, server.port, QUERY, query="sum(up)", time=END) for _ in range(4)]
        for one in heavy:
            if one.result()[0] not in (200, 503):
                raise Failure(f"one of 20 heavy queries: {one.result()[2][:300]!r}")
        for one in light:
            expect(one.result()[0], 200, "a light query beside 20 heavy ones")


def check_memory_limit(server):
    before = memory_of(server.pid)
    for _ in range(5):
        refused(server.port, "everything held at once", 422, "--query.memory-limit", RANGE,
                query='count_values("value", {__name__=~".+"})', start=END - 20000, end=END, step=2)
        answers(server.port, "beside a query over its limit", query="sum(up)")
    expect(metric(server.port, "millrace_query_memory_bytes"), 0, "memory of queries afterwards")
    if memory_of(server.pid) - before > MEMORY_GROWTH_MAX:
        raise Failure("memory does not come back")


def listing(path):
    return sorted((str(file), file.stat().st_mtime_ns) for file in path.rglob("*"))


def check_signals(options, data):
    """SIGTERM lets queries end or cancels them; a second one, or SIGKILL, ends all at once. Nothing is written."""
    before = listing(data)
    for signals, seconds, flags in (([signal.SIGTERM], 6, ("--web.drain-timeout=1s",)),
                                    ([signal.SIGTERM, signal.SIGTERM], 2, ()), ([signal.SIGKILL], 2, ())):
        server = processes.millrace(options.millrace, data, flags=flags, name="signals").start()
        try:
            clients = [send_raw(server.port, request_of(QUERY, query=HEAVY, time=END), keep=True) for _ in range(3)]
            wait_until(lambda: metric(server.port, "prometheus_engine_queries") > 0, 20, "a query runs")
            begin = time.monotonic()
            for number in signals:
                server.process.send_signal(number)
                time.sleep(0.2)
            server.process.wait(seconds + SLACK_SECONDS)
            if len(signals) == 1 and signals[0] == signal.SIGTERM:
                expect(server.process.returncode, 0, "exit code after SIGTERM")
            for client in clients:
                client.close()
        except subprocess.TimeoutExpired:
            raise Failure(f"{signals}: still there after {time.monotonic() - begin:.1f} s") from None
        finally:
            server.stop()
    expect(listing(data), before, "the data directory")


CHECKS = (check_deep_queries, check_long_queries, check_endless_queries, check_timeouts, check_leaving_clients,
          check_stalled_clients, check_odd_requests)


def run(check, *arguments):
    begin = time.monotonic()
    why = None
    try:
        check(*arguments)
    except (Failure, OSError, http.client.HTTPException, processes.ServerError) as error:
        why = f"{type(error).__name__}: {error}"
    print(f"{'FAILED' if why else 'ok    '} {check.__name__} {time.monotonic() - begin:.1f} s {why or ''}", flush=True)
    return why is None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--millrace", default=str(ROOT / "build/server/millrace"), help="the program to test")
    options = parser.parse_args()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="millrace-clients-"))
    data = scratch / "data"
    results = []
    try:
        subprocess.run([options.millrace, "demo-data", data, "--instances", "10", "--hours", "6", "--end", str(END)],
                       check=True, capture_output=True, timeout=120)
        with processes.millrace(options.millrace, data) as server:
            results += [run(check, server) for check in CHECKS]
            results.append(server.is_alive())
        with processes.millrace(options.millrace, data, flags=("--query.max-concurrency=2",), name="two") as server:
            results.append(run(check_concurrency, server))
        with processes.millrace(options.millrace, data, flags=("--query.memory-limit=2MiB",), name="tight") as server:
            results.append(run(check_memory_limit, server))
        results.append(run(check_signals, options, data))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
