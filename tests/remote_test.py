#!/usr/bin/env python3
"""Millrace reading from other servers: from other Millraces, from what fails, and from real Prometheus.

    tests/remote_test.py [--millrace PROGRAM] [--shards N] [--keep]

What the others hold together, one Millrace holds alone: answers are the same. Where there is a Prometheus
(scripts/judge.sh), N of them have a part of the series each, by their hash, and another one has all.
"""
import argparse
import http.server
import pathlib
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import compare, directory, processes, remote_read, series  # noqa: E402
from judge.client import Client  # noqa: E402
from judge.program import find_judge  # noqa: E402
from judge.remote_read import REGEX, SAMPLES, STREAMED, encode_query  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
END = 1760000400
HOURS = 6
RANGE = [("start", str(END - HOURS * 3600 + 60)), ("end", str(END)), ("step", "47")]

QUERIES = (
    "up",
    '{__name__=~"node_.*|build_info"}',
    "sum(rate(http_requests_total[5m]))",
    "sum by (job, code) (rate(http_requests_total[5m]))",
    "histogram_quantile(0.9, sum by (le, job) (rate(http_request_duration_seconds_bucket[5m])))",
    "max_over_time(node_load1[1h])",
    "http_requests_total offset 2h",
    "sum(rate(http_requests_total[5m])) / on () group_left () count(up)",
    'absent(up{job="nobody"})',
)
# Over several Prometheus, and over one that has all of it.
JUDGED_QUERIES = (
    '{__name__=~"http_.*_total"}',
    "sum by (job) (rate(http_requests_total[5m]))",
    'count by (__name__) ({__name__=~".+"})',
    "histogram_quantile(0.9, sum by (le, job) (rate(http_request_duration_seconds_bucket[5m])))",
    '{__name__=~"native.*"}',
    "histogram_quantile(0.9, rate(native_seconds[5m]))",
    'absent({__name__="nobody"})',
)


class Tally:
    """Counts what passed and failed."""

    passed = failed = 0

    def check(self, what, good, why=""):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {what}: {why}")


TALLY = Tally()


def config_of(*endpoints, head=""):
    """Endpoints: (url, {key: value})."""
    lines = [head, "remote_read:"]
    for url, options in endpoints:
        lines.append(f"  - url: {url}")
        lines += [f"    {key}: {value}" for key, value in {"read_recent": "true", **options}.items()]
    return "\n".join(lines) + "\n"


def url_of(server):
    return f"http://127.0.0.1:{server.port if hasattr(server, 'port') else server}/api/v1/read"


def reading(program, base, name, config, data=None, flags=()):
    """A Millrace that reads from others, over a directory of its own or an empty one."""
    folder = base / name
    folder.mkdir()
    (folder / "m.yml").write_text(config)
    if data is None:
        data = folder / "data"
        data.mkdir()
    return processes.millrace(program, data, name=name,
                              flags=(f"--config.file={folder / 'm.yml'}", f"--storage.remote.read-spool-path={folder}",
                                     *flags))


def ask(port, path, params):
    answer = Client(port).send("POST", path, params)
    return answer.status, answer.body


def check_equal(what, ours, alone, queries=QUERIES):
    for query in queries:
        for path, times in (("/api/v1/query_range", RANGE), ("/api/v1/query", [("time", str(END - 100))])):
            answers = [ask(port, path, [("query", query), *times]) for port in (ours, alone)]
            TALLY.check(f"{what}: {path} {query}", answers[0] == answers[1] and answers[0][0] == 200,
                        f"{answers[0][0]} {answers[0][1][:300]!r} against {answers[1][1][:300]!r}")
    for path, params in (("/api/v1/series", [("match[]", "up"), ("match[]", '{job="node"}')]),
                         ("/api/v1/labels", []), ("/api/v1/labels", [("match[]", "up")])):
        answers = [ask(port, path, params) for port in (ours, alone)]
        TALLY.check(f"{what}: {path} {params}", answers[0] == answers[1], answers[0][1][:300])
    answers = [Client(port).send("GET", "/api/v1/label/job/values", []).body for port in (ours, alone)]
    TALLY.check(f"{what}: label values", answers[0] == answers[1], answers[0][:300])


def check_merging(program, base, data):
    """Two servers with blocks that are partly the same; one of them, and the blocks of the other here."""
    blocks = directory.blocks_of(data)
    parts = []
    for name, own in (("early", blocks[:-1]), ("late", blocks[1:])):
        part = base / name / "data"
        for block in own:
            shutil.copytree(block, part / block.name)
        parts.append(part)
    with processes.millrace(program, data, name="alone") as alone, \
            processes.millrace(program, parts[0], name="early") as early, \
            processes.millrace(program, parts[1], name="late") as late:
        both = config_of((url_of(early), {}), (url_of(late), {}))
        with reading(program, base, "both", both) as ours:
            check_equal("two servers", ours.port, alone.port)
            check_handed_on(ours.port, alone.port)
        with reading(program, base, "here", config_of((url_of(early), {})), data=parts[1]) as ours:
            check_equal("one server and blocks here", ours.port, alone.port)
        check_external_labels(program, base, data, alone.port)
        check_required(program, base, early)
        check_faults(program, base, early, late, alone.port)
        check_certificates(program, base, late, alone.port)


def check_handed_on(ours, alone):
    """What was read by remote read is handed on by it."""
    query = encode_query((END - 7 * 3600) * 1000, END * 1000, [(REGEX, "__name__", "up|node_load1")])
    samples = [remote_read.read_samples(remote_read.Reader(port).ask([query], [SAMPLES]).body) for port in (ours, alone)]
    TALLY.check("samples handed on", samples[0] == samples[1])
    times = []
    for port in (ours, alone):
        frames = remote_read.read_frames(remote_read.Reader(port).ask([query], [STREAMED]).body)
        times.append([(labels, [chunk[:2] for chunk in chunks]) for _, labels, chunks in frames])
    TALLY.check("series of chunks handed on", [one[0] for one in times[0]] == [one[0] for one in times[1]])


def check_external_labels(program, base, data, alone):
    """A server gives its external labels to all; who has the same ones takes them away again."""
    head = "global:\n  external_labels:\n    cluster: one\n"
    with reading(program, base, "labeled", head, data=data) as there:
        query = encode_query((END - 600) * 1000, END * 1000, [(remote_read.EQUAL, "__name__", "up"),
                                                              (remote_read.EQUAL, "cluster", "one")])
        for accepted in (STREAMED, SAMPLES):
            answer = remote_read.Reader(there.port).ask([query], [accepted])
            TALLY.check(f"external labels in answers of type {accepted}", b"cluster" in answer.body, answer.body[:100])
        with reading(program, base, "same_labels", config_of((url_of(there), {}), head=head)) as ours:
            check_equal("external labels", ours.port, alone, QUERIES[:3])
        config = config_of((url_of(there), {"filter_external_labels": "false"}), head=head)
        with reading(program, base, "shown_labels", config) as ours:
            _, body = ask(ours.port, "/api/v1/query", [("query", "count by (cluster) (up)"), ("time", str(END - 100))])
            TALLY.check("labels that are not filtered", b'"cluster":"one"' in body, body[:200])


def check_required(program, base, there):
    config = config_of((url_of(there), {"required_matchers": "{job: node}"}))
    with reading(program, base, "required", config) as ours:
        for query, found in (('up{job="node"}', True), ('up{job=~"node"}', False), ("up", False)):
            _, body = ask(ours.port, "/api/v1/query", [("query", query), ("time", str(END - 4 * 3600))])
            TALLY.check(f"required matchers: {query}", (b'"metric"' in body) == found, body[:200])


class Troublesome(http.server.BaseHTTPRequestHandler):
    """Passes requests on, and then does what its path says with the answer."""

    protocol_version = "HTTP/1.1"
    target = None
    released = threading.Event()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/refuse":
            self.answer(500, "text/plain", b"no samples today\n")
        elif self.path == "/stall":
            self.released.wait(30)
            self.close_connection = True
        elif self.path == "/secret" and self.headers.get("Authorization") != "Bearer key":
            self.answer(401, "text/plain", b"who are you?\n")
        elif self.path == "/moved":
            self.send_response(307)
            self.send_header("Location", "/plain")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            request = urllib.request.Request(self.target, data=body, headers=dict(self.headers))
            with urllib.request.urlopen(request, timeout=30) as answer:
                content, kind = answer.read(), answer.headers["Content-Type"]
            if self.path == "/garble":
                content = content[:50] + bytes([content[50] ^ 1]) + content[51:]
            self.answer(200, kind, content, cut=len(content) // 2 if self.path == "/cut" else None)

    def answer(self, status, kind, content, cut=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:cut])
        self.close_connection = cut is not None

    def log_message(self, *_):
        pass


def check_faults(program, base, early, late, alone):
    Troublesome.target = url_of(late)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Troublesome) as between:
        threading.Thread(target=between.serve_forever, daemon=True).start()
        prefix = f"http://127.0.0.1:{between.server_port}"
        for path, words in (("/refuse", b"returned http status 500: no samples today"),
                            ("/stall", b"there was no answer in 0.5 s"), ("/cut", b"/cut: "),
                            ("/garble", b"checksum mismatch"), ("/secret", b"401: who are you?")):
            check_fault(program, base, early, prefix + path, words)
        key = base / "key"
        key.write_text("key\n")
        good = config_of((url_of(early), {}), (prefix + "/secret", {"authorization": f"{{credentials_file: {key}}}"}))
        with reading(program, base, "with_key", good) as ours:
            check_equal("with a key", ours.port, alone, QUERIES[:2])
        with reading(program, base, "moved", config_of((url_of(early), {}), (prefix + "/moved", {}))) as ours:
            check_equal("moved", ours.port, alone, QUERIES[:2])
        Troublesome.released.set()
        between.shutdown()


def check_certificates(program, base, late, alone):
    """A certificate is believed for its name, if who signed it is known."""
    if not shutil.which("openssl"):
        print("there is no openssl to make a certificate")
        return
    key, cert = base / "inside.key", base / "inside.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
                    "-subj", "/CN=inside", "-addext", "subjectAltName=DNS:inside"], check=True, capture_output=True)
    Troublesome.target = url_of(late)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Troublesome) as between:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        between.socket = context.wrap_socket(between.socket, server_side=True)
        threading.Thread(target=between.serve_forever, daemon=True).start()
        url = f"https://127.0.0.1:{between.server_port}/plain"
        for name, tls, good in (("named", f"{{ca_file: {cert}, server_name: inside}}", True),
                                ("misnamed", f"{{ca_file: {cert}}}", False), ("unknown", "{server_name: inside}", False),
                                ("unlooked", "{insecure_skip_verify: true}", True)):
            with reading(program, base, name, config_of((url, {"tls_config": tls}))) as ours:
                answers = [ask(port, "/api/v1/query", [("query", "up"), ("time", str(END - 100))])
                           for port in (ours.port, alone)]
                TALLY.check(f"certificate: {name}", (answers[0] == answers[1]) == good and answers[1][0] == 200,
                            answers[0][1][:300])
        between.shutdown()


def check_fault(program, base, early, url, words):
    """It is an error that names the server; or with `partial` a warning, and the others' samples."""
    times = [("query", "count(up)"), ("time", str(END - 4 * 3600))]
    name = url.rsplit("/", 1)[1]
    for partial in ("false", "true"):
        config = config_of((url_of(early), {}), (url, {"partial": partial, "remote_timeout": "500ms"}))
        with reading(program, base, f"{name}_{partial}", config) as ours:
            begin = time.monotonic()
            status, body = ask(ours.port, "/api/v1/query", times)
            took = time.monotonic() - begin
            good = words in body and url.encode() in body and took < 20
            if partial == "true":
                good = good and status == 200 and b'"warnings"' in body and b'"value"' in body
            else:
                good = good and status == 500 and b'"errorType":"internal"' in body
            TALLY.check(f"{name}, partial {partial}", good, f"{status} after {took:.1f} s: {body[:400]!r}")
            if partial == "true" and name != "garble":  # labels come without a checksum
                _, body = ask(ours.port, "/api/v1/labels", [])
                TALLY.check(f"{name}: labels with a warning", b'"warnings"' in body and b'"job"' in body, body[:300])


def shard_of(labels, count):
    """As a relabeling with hashmod splits a fleet's targets."""
    return zlib.crc32(labels.get("instance", labels["__name__"]).encode()) % count


def check_shards(options, base, program):
    everything = directory.all_series()
    parts = [[one for one in everything if shard_of(one.labels, options.shards) == number]
             for number in range(options.shards)]
    begin, end = series.START * 1000, (series.START + series.LENGTH) * 1000
    servers = []
    try:
        for name, own in (*((f"shard{number}", part) for number, part in enumerate(parts)), ("whole", everything)):
            data = base / name / "data"
            data.mkdir(parents=True)
            servers.append(processes.prometheus(program, data, name=name, features=("native-histograms",)).start())
            directory.push(servers[-1].port, own, begin, end)
        config = config_of(*((url_of(server), {}) for server in servers[:-1]))
        with reading(options.millrace, base, "over_shards", config) as ours:
            for query in JUDGED_QUERIES:
                check_shard_query(query, ours.port, servers[-1].port)
    finally:
        for server in servers:
            server.stop()


def check_shard_query(query, ours, whole):
    times = [("start", str(series.START + 60)), ("end", str(series.START + series.LENGTH)), ("step", "47")]
    answers = [Client(port).send("GET", "/api/v1/query_range", [("query", query), *times]) for port in (ours, whole)]
    why = ""
    if [answer.status for answer in answers] != [200, 200]:
        why = f"{answers[0].status}: {answers[0].body[:300]!r}"
    else:
        try:
            measure = compare.Measure(ulps=compare.WAVERING_ULPS)
            compare.compare_query_data(answers[0].json["data"], answers[1].json["data"], "set", measure)
        except compare.Difference as difference:
            why = str(difference)
    TALLY.check(f"over Prometheus shards: {query}", not why, why)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millrace", default=ROOT / "build/server/millrace")
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="leave the directory where it is")
    options = parser.parse_args()
    base = pathlib.Path(tempfile.mkdtemp(prefix="millrace-remote."))
    try:
        data = base / "data"
        subprocess.run([options.millrace, "demo-data", data, "--instances", "3", "--hours", str(HOURS), "--end", str(END)],
                       check=True, capture_output=True)
        check_merging(options.millrace, base, data)
        program = find_judge()
        if program:
            check_shards(options, base, program)
        else:
            print("there is no Prometheus to read from")
    except (processes.ServerError, remote_read.Damage) as fault:
        TALLY.check("the test itself", False, fault)
    finally:
        if not options.keep:
            shutil.rmtree(base, ignore_errors=True)
    print(f"{TALLY.passed} passed, {TALLY.failed} failed")
    return TALLY.failed != 0


sys.exit(main())
