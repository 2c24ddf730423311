#!/usr/bin/env python3
"""The remote read server against a real Prometheus: the same requests to both, and Prometheus as a client.

    tests/read_test.py [--millrace PROGRAM] [--keep]

Exit code 77: there is no Prometheus to be had (scripts/judge.sh).
"""
import argparse
import http.server
import pathlib
import shutil
import socket
import struct
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import compare, directory, processes, remote_read, series  # noqa: E402
from judge.client import Client  # noqa: E402
from judge.program import find_judge  # noqa: E402
from judge.remote_read import EQUAL, NOT_EQUAL, NOT_REGEX, REGEX, SAMPLES, STREAMED, encode_query  # noqa: E402
from judge.remote_write import field, snappy, varint  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
SKIPPED = 77
START = series.START * 1000
END = START + series.LENGTH * 1000
EVERYTHING = (REGEX, "__name__", ".+")
ODD = (REGEX, "__name__", "up|over.*|deleted.*|native.*|stale.*")
HEAD = START + directory.BLOCKS * 1_200_000
HINT, TIME, CUSTOM_VALUES = 14, 15, 16
NOT_RESET = 2

# What Prometheus, reading from Millrace, is asked.
QUERIES = (
    '{__name__=~"overlapped.*|deleted.*|native_seconds"}',
    "rate(overlapped_total[5m])",
    'count by (__name__) ({__name__=~".+"})',
    'sum by (job) (last_over_time({__name__=~"http_.*_total"}[3m]))',
    'histogram_count(native_seconds)',
    'sum by (job) (rate(native_seconds[5m]))',
    'resets(native_seconds[20m])',
    'absent({__name__="nobody"})',
)
# Before 3.6 Prometheus panics over histograms with custom buckets that came as samples.
STREAMED_QUERIES = (
    '{__name__=~"native.*"}',
    'histogram_quantile(0.9, rate(native_custom[5m]))',
)


class Fault(Exception):
    """What went wrong."""


def name(value, kind=EQUAL):
    return kind, "__name__", value


def requests():
    """(what it is, queries)"""
    yield "all of the odd ones", [encode_query(START, END, [ODD])]
    yield "all for two minutes", [encode_query(START + 1_100_123, START + 1_220_456, [EVERYTHING])]
    yield "the odd ones for ten minutes", [encode_query(START + 900_123, START + 1_500_456, [ODD])]
    yield "the head alone", [encode_query(END - 900_000, END, [ODD])]
    yield "nothing", [encode_query(START, END, [name("nobody")])]
    yield "before the data", [encode_query(0, START - 1, [EVERYTHING])]
    yield "a range the wrong way round", [encode_query(START + 600_000, START, [EVERYTHING])]
    yield "a negative begin", [encode_query(-5, START + 60_000, [EVERYTHING])]
    yield "matchers of all kinds", [encode_query(START, END, [
        name("up|deleted.*|over.*|native.*", REGEX), (NOT_EQUAL, "n", "3"), (NOT_REGEX, "n", "[12]"), (EQUAL, "zone", "")])]
    yield "several queries", [encode_query(START, END, [name("overlapped_total")]),
                              encode_query(START, END, [name("nobody")]),
                              encode_query(START + 60_000, END, [name("deleted.*", REGEX)]),
                              encode_query(START, START + 600_000, [name("overlapped_total")])]
    yield "narrower hints", [encode_query(START, END, [name("overlapped_total")],
                                          hints=("rate", START + 300_000, START + 2_000_000))]
    yield "hints of nothing", [encode_query(START, END, [name("overlapped_total")], hints=("rate", 0, 0))]
    yield "hints of metadata", [encode_query(START, END, [name("over.*|native.*", REGEX)], hints=("series", START, END))]
    yield "no matcher", [encode_query(START, END, [])]
    yield "no query", []


def comparable(histograms, bounds):
    """Without what may differ: where the head's chunks begin, each Prometheus decides when it starts; and
    before 3.6 it leaves the bounds of custom buckets out."""
    out = []
    for one in histograms:
        in_head = dict(one).get(TIME, 0) >= HEAD
        out.append([part for part in one if (bounds or part[0] != CUSTOM_VALUES)
                    and not (in_head and part == (HINT, NOT_RESET))])
    return out


def has_bounds(histograms):
    return any(part[0] == CUSTOM_VALUES for one in histograms for part in one)


def series_by_labels(result):
    out = {}
    for labels, samples, histograms in result:
        if labels in out:
            raise Fault(f"{labels} comes twice")
        out[labels] = (samples, histograms)
    return out


def compare_samples(what, ours, theirs):
    if len(ours) != len(theirs):
        raise Fault(f"{what}: {len(ours)} results against {len(theirs)}")
    count = 0
    for place, (left, right) in enumerate(zip(map(series_by_labels, ours), map(series_by_labels, theirs))):
        if left.keys() != right.keys():
            odd = sorted(left.keys() ^ right.keys())[:3]
            raise Fault(f"{what}, query {place}: {len(left)} series against {len(right)}, as {odd}")
        for labels in left:
            for kind, mine, other in zip(("samples", "histograms"), left[labels], right[labels]):
                count += len(mine)
                if kind == "histograms":
                    mine, other = (comparable(one, has_bounds(other)) for one in (mine, other))
                if mine != other:
                    pairs = [pair for pair in zip(mine, other) if pair[0] != pair[1]]
                    raise Fault(f"{what}, query {place}: {kind} of {labels}: {len(mine)} against {len(other)},"
                                f" {pairs[:1]}")
    return count


def chunks_by_series(what, body):
    """{(query, labels): chunks}; series have to come in order, one after another."""
    out, last = {}, None
    for query, labels, chunks in remote_read.read_frames(body, check=len(body) < 300_000):
        key = query, labels
        if not chunks:
            raise Fault(f"{what}: a frame without chunks, of {labels}")
        if last is not None and key < last:
            raise Fault(f"{what}: {labels} behind {last}")
        out.setdefault(key, []).extend(chunks)
        last = key
    return out


def compare_chunks(what, ours, theirs):
    """Series whose chunks are the same bytes, and others, which need only begin and end alike."""
    left, right = chunks_by_series(what, ours), chunks_by_series(what, theirs)
    if left.keys() != right.keys():
        raise Fault(f"{what}: {len(left)} series against {len(right)}, as {sorted(left.keys() ^ right.keys())[:3]}")
    same = 0
    for key, chunks in left.items():
        others = right[key]
        same += chunks == others
        if (chunks[0][0], chunks[-1][1]) != (others[0][0], others[-1][1]):
            raise Fault(f"{what}: {key}: from {chunks[0][0]} to {chunks[-1][1]} against {others[0][0]}, {others[-1][1]}")
        if any(one[1] >= two[0] for one, two in zip(chunks, chunks[1:])):
            raise Fault(f"{what}: chunks of {key} overlap")
    return same, len(left)


def check_requests(millrace, prometheus):
    for what, queries in requests():
        answers = [reader.ask(queries) for reader in (millrace, prometheus)]
        statuses = [answer.status for answer in answers]
        if statuses != [200, 200]:
            raise Fault(f"{what}: {statuses}, {answers[0].body[:200]!r}")
        for header in ("Content-Type", "Content-Encoding"):
            if answers[0].headers.get(header) != answers[1].headers.get(header):
                raise Fault(f"{what}: {header} is {answers[0].headers.get(header)!r}")
        count = compare_samples(what, *(remote_read.read_samples(answer.body) for answer in answers))
        streams = [reader.ask(queries, [STREAMED]) for reader in (millrace, prometheus)]
        if streams[0].headers["Content-Type"] != streams[1].headers["Content-Type"]:
            raise Fault(f"{what}: Content-Type is {streams[0].headers['Content-Type']!r}")
        same, total = compare_chunks(what, *(stream.body for stream in streams))
        print(f"ok   {what}: {count} samples, chunks of {same} of {total} series byte for byte")


def damaged():
    """(what it is, body)"""
    good = encode_query(START, END, [name("up")])
    yield "nothing", b""
    yield "no snappy", b"\xff" * 20
    yield "33 MiB announced", varint(33 << 20) + b"\x00" * 10
    yield "4 GiB announced", varint((1 << 32) + 5) + b"\x00" * 10
    yield "a message that is none", snappy(b"\xff\xff\xff")
    yield "a query cut short", snappy(good[:-3])
    yield "a wrong wire type", snappy(field(0x0A, b"\x0a\x01x"))
    yield "no known answer type", snappy(remote_read.encode_request([good], [7, 9]))
    yield "a regex that is none", snappy(encode_query(START, END, [name("a(", REGEX)]))
    yield "a matcher of no kind", snappy(encode_query(START, END, [name("a", 4)]))


def check_damage(millrace, prometheus):
    for what, body in damaged():
        ours, theirs = millrace.send(body), prometheus.send(body)
        left = ours.status, ours.headers.get("Content-Type"), ours.body
        right = theirs.status, theirs.headers.get("Content-Type"), theirs.body
        if what.endswith("announced"):
            left, right = left[:2], right[:2]
        if left != right:
            raise Fault(f"{what}: {left} against {right}")
        print(f"ok   {what}: {ours.status} {ours.body[:60]!r}")
    for accepted, wanted in (([7, STREAMED, SAMPLES], "streamed"), ([SAMPLES, STREAMED], "x-protobuf"), ([], "x-protobuf")):
        got = millrace.ask([encode_query(START, END, [name("up")])], accepted).headers["Content-Type"]
        if wanted not in got:
            raise Fault(f"accepting {accepted} gives {got}")


def check_limit(program, data):
    with processes.millrace(program, data, flags=("--storage.remote.read-sample-limit=100",
                                                   "--storage.remote.read-max-bytes-in-frame=1000"),
                            name="limited") as server:
        reader = remote_read.Reader(server.port)
        query = encode_query(START, END, [name("overlapped_total")])
        answer = reader.ask([query])
        if (answer.status, answer.body) != (400, b"exceeded sample limit (100)\n"):
            raise Fault(f"over the limit: {answer.status} {answer.body[:100]!r}")
        frames = list(remote_read.read_frames(reader.ask([query], [STREAMED]).body))
        if len(frames) <= len({labels for _, labels, _ in frames}):
            raise Fault("series are not split into frames")
        print(f"ok   limits: {len(frames)} frames")
        reader.close()


class SamplesOnly(http.server.BaseHTTPRequestHandler):
    """Passes requests of remote read on without the answer types they accept: samples come back."""

    target = None
    count = 0

    def do_POST(self):
        request = remote_read.unpack(self.rfile.read(int(self.headers["Content-Length"])))
        queries = [field(0x0A, value) for number, value in remote_read.fields(request) if number == 1]
        reader = remote_read.Reader(self.target)
        answer = reader.ask(queries)
        reader.close()
        type(self).count += answer.headers.get("Content-Type") == "application/x-protobuf"
        self.send_response(answer.status)
        for header in ("Content-Type", "Content-Encoding"):
            self.send_header(header, answer.headers.get(header, ""))
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_):
        pass


def check_leaving(program, data):
    """Who does not take his answer holds his place; when he leaves, the next one has it."""
    with processes.millrace(program, data, flags=("--storage.remote.read-concurrent-limit=1",), name="one") as server:
        query = encode_query(START, END, [EVERYTHING])
        body = snappy(remote_read.encode_request([query] * 20, [STREAMED]))
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", server.port))
        slow.sendall(b"POST /api/v1/read HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        if not slow.recv(100).startswith(b"HTTP/1.1 200 "):
            raise Fault("the slow one is not answered")
        answers = []
        small = [encode_query(START, END, [name("overlapped_total")])]
        waiting = threading.Thread(target=lambda: answers.append(remote_read.Reader(server.port).ask(small)))
        waiting.start()
        time.sleep(0.5)
        if answers:
            raise Fault("a second one is answered beside the only one allowed")
        slow.close()
        waiting.join(10)
        if [answer.status for answer in answers] != [200]:
            raise Fault(f"behind one who left: {answers}")
        print("ok   a client that leaves makes room")


def check_clients(program, base, port):
    """With STREAMED_XOR_CHUNKS, which Prometheus prefers; and with SAMPLES, which it gets from the one between."""
    SamplesOnly.target = port
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), SamplesOnly) as between:
        threading.Thread(target=between.serve_forever, daemon=True).start()
        for what, url_port, queries in (("streamed", port, QUERIES + STREAMED_QUERIES),
                                        ("samples", between.server_port, QUERIES)):
            data = base / what / "data"
            data.mkdir(parents=True)
            config = processes.EMPTY_CONFIG + (f"remote_read:\n  - url: http://127.0.0.1:{url_port}/api/v1/read\n"
                                               "    read_recent: true\n")
            with processes.prometheus(program, data, config=config) as reader:
                check_client(what, queries, port, reader.port)
        between.shutdown()
    if SamplesOnly.count == 0:
        raise Fault("nobody got samples")


def check_client(what, queries, millrace_port, reader_port):
    """Prometheus's answers over remote read are Millrace's own."""
    ours, theirs = Client(millrace_port), Client(reader_port)
    for query in queries:
        for path, times in (("/api/v1/query", [("time", str(START // 1000 + 3000))]),
                            ("/api/v1/query_range", [("start", str(START // 1000 + 60)), ("end", str(END // 1000)),
                                                     ("step", "47")])):
            left, right = (client.send("GET", path, [("query", query), *times]) for client in (ours, theirs))
            if left.status != 200 or right.status != 200:
                raise Fault(f"{query}: {left.status} and {right.status}: {right.body[:300]!r}")
            try:
                measure = compare.Measure(ulps=compare.WAVERING_ULPS)
                compare.compare_query_data(left.json["data"], right.json["data"], "set", measure)
            except compare.Difference as difference:
                raise Fault(f"{path} {query}: {difference}") from None
            print(f"ok   {what} {path} {query}: {measure.values} values")


def run(options, program, base):
    source = directory.generated(program)
    data = [directory.copy(source, base / name / "data") for name in ("ours", "theirs")]
    with processes.millrace(options.millrace, data[0]) as millrace, \
            processes.prometheus(program, data[1]) as prometheus:
        readers = [remote_read.Reader(server.port) for server in (millrace, prometheus)]
        check_requests(*readers)
        check_damage(*readers)
        check_clients(program, base, millrace.port)
        for reader in readers:
            reader.close()
    check_limit(options.millrace, data[0])
    check_leaving(options.millrace, data[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millrace", default=ROOT / "build/server/millrace")
    parser.add_argument("--keep", action="store_true", help="leave the directory where it is")
    options = parser.parse_args()
    judge = find_judge()
    if not judge:
        return SKIPPED
    base = pathlib.Path(tempfile.mkdtemp(prefix="millrace-read."))
    try:
        run(options, judge, base)
    except (Fault, remote_read.Damage, processes.ServerError, struct.error) as fault:
        print(f"FAILED: {fault}")
        return 1
    finally:
        if not options.keep:
            shutil.rmtree(base, ignore_errors=True)
    return 0


sys.exit(main())
