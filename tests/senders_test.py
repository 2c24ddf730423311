#!/usr/bin/env python3
"""Real senders and readers around one Millrace: a Prometheus in agent mode, vmagent, a Prometheus that reads.

    tests/senders_test.py [--millrace PROGRAM]

What they send arrives, each sample once and with its value, also when Millrace is away for a while; and what
the reading Prometheus answers is what Millrace answers itself.
Exit code 77: neither of the senders is to be had (scripts/judge.sh). What is left out is told.
"""
import http.client
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import compare, processes, program  # noqa: E402
from judge.client import Client, parse_json  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
SKIPPED = 77
MILLRACE = str(ROOT / "build/server/millrace")
PROGRAMS = {"Prometheus": None, "vmagent": None}
WAIT_SECONDS = 40
SCRAPE_MS = 300
VERSIONS = ("prometheus.WriteRequest", "io.prometheus.write.v2.Request")


class VmAgent(processes.Server):
    """Is ready as soon as it answers /health."""

    def is_ready(self):
        try:
            return get(self.port, "/health")[0] == 200
        except (OSError, http.client.HTTPException):
            return False


def get(port, path, method="GET", body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body=body)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def counters(port, pattern):
    """The sum of all samples of /metrics whose series match."""
    return sum(float(value) for value in re.findall(rf"^(?:{pattern})(?:\{{.*\}})? (\S+)$", get(port, "/metrics")[1], re.M))


def needs(name):
    def decorate(test):
        def run(self):
            if PROGRAMS[name] is None:
                self.skipTest(f"there is no {name}")
            test(self)
        run.__name__ = test.__name__
        return run
    return decorate


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="millrace-senders-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.port = processes.free_port()

    def millrace(self):
        """The same one each time: directory and port."""
        command = [MILLRACE, "serve", f"--storage.tsdb.path={self.folder / 'data'}", "--self-monitor=false",
                   f"--web.listen-address=127.0.0.1:{self.port}", "--web.enable-remote-write-receiver"]
        return processes.Server("millrace", command, self.port, self.folder / "millrace.log")

    def ask(self, query, at=None, port=None):
        client = Client(port or self.port)
        try:
            return client.result(query, at or time.time())
        finally:
            client.close()

    def wait_for(self, what, condition):
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                self.fail(f"did not happen: {what}")
            time.sleep(0.1)


class AgentCase(Case):
    """A Prometheus in agent mode scrapes itself, and sends what it has."""

    def agent(self, protocol):
        port = processes.free_port()
        config = self.folder / "agent.yml"
        config.write_text(f"""
global: {{scrape_interval: {SCRAPE_MS}ms, scrape_timeout: {SCRAPE_MS}ms}}
scrape_configs:
  - job_name: agent
    scrape_protocols: [PrometheusProto, OpenMetricsText1.0.0]
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
remote_write:
  - url: http://127.0.0.1:{self.port}/api/v1/write
    protobuf_message: {protocol}
    send_native_histograms: true
    send_exemplars: true
    queue_config: {{batch_send_deadline: 300ms, max_backoff: 500ms}}
    metadata_config: {{send_interval: 500ms}}
""")
        command = [PROGRAMS["Prometheus"], "--agent", f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}",
                   f"--storage.agent.path={self.folder / 'agent'}", "--storage.remote.flush-deadline=1s",
                   "--enable-feature=native-histograms,exemplar-storage"]
        return processes.Server("agent", command, port, self.folder / "agent.log")

    def ups(self):
        """Times of `up`, in ms."""
        found = self.ask('up{job="agent"}[5m]')
        return [round(float(moment) * 1000) for moment, _ in found[0]["values"]] if found else []


class Agent(AgentCase):
    def check_nothing_failed(self, agent):
        kinds = "|".join(f"prometheus_remote_storage_{kind}_failed_total"
                         for kind in ("samples", "histograms", "exemplars", "metadata"))
        self.assertEqual(counters(agent.port, kinds), 0)

    def sends(self, protocol):
        with self.millrace() as millrace, self.agent(protocol) as agent:
            self.wait_for("three scrapes", lambda: len(self.ups()) >= 3)
            if protocol == VERSIONS[0]:  # an agent has none to send with 2.0
                self.wait_for("metadata", self.metadata_is_told)
            self.check_kinds()
            millrace.stop()
            time.sleep(4 * SCRAPE_MS / 1000)
            before = time.time()
            with self.millrace():
                self.wait_for("scrapes behind the restart", lambda: (self.ups() or [0])[-1] > 1000 * before)
                self.check_nothing_failed(agent)
                self.check_whole(self.ups())

    def check_whole(self, ups):
        """One scrape every interval, those too that came while nobody took them. A busy machine may leave one out."""
        gaps = [right - left for left, right in zip(ups, ups[1:])]
        self.assertLess(max(gaps), 3.5 * SCRAPE_MS, gaps)

    def check_kinds(self):
        self.assertEqual(self.ask("up")[0]["metric"]["job"], "agent")
        histograms = 'histogram_count(prometheus_http_request_duration_seconds{handler="/metrics"})'
        self.assertEqual(len(self.ask(histograms)), 1)

    def metadata_is_told(self):
        told = get(self.port, "/api/v1/metadata?metric=prometheus_http_requests_total")[1]
        return '"type":"counter","help":"Counter of HTTP requests."' in told

    @needs("Prometheus")
    def test_sends_1_0_and_again_what_was_not_taken(self):
        self.sends(VERSIONS[0])

    @needs("Prometheus")
    def test_sends_2_0_and_again_what_was_not_taken(self):
        self.sends(VERSIONS[1])


class Reader(AgentCase):
    """A Prometheus without data of its own reads from Millrace, while an agent writes there."""

    QUERIES = (
        "up", "rate(prometheus_http_requests_total[3s])", 'count by (__name__) ({job="agent"})',
        "sum by (le) (increase(prometheus_tsdb_wal_fsync_duration_seconds_bucket[3s]))",
        "histogram_quantile(0.9, sum(rate(prometheus_http_request_duration_seconds[3s])))",
        "max_over_time(process_resident_memory_bytes[2s]) - on (instance) process_resident_memory_bytes",
        'prometheus_build_info * on (job) group_left () up', "absent(nothing)", "sum(scrape_samples_scraped) by (instance)",
    )

    def reader(self):
        config = processes.EMPTY_CONFIG + (f"remote_read:\n  - url: http://127.0.0.1:{self.port}/api/v1/read\n"
                                           "    read_recent: true\n")
        (self.folder / "reader").mkdir()
        return processes.prometheus(PROGRAMS["Prometheus"], self.folder / "reader" / "data", config=config,
                                    features=["native-histograms"])

    def check_same(self, port, path, query, times):
        left, right = (get(one, f"{path}?" + "&".join(f"{name}={value}" for name, value in times.items())
                           + "&query=" + "".join(f"%{byte:02x}" for byte in query.encode()))
                       for one in (self.port, port))
        self.assertEqual((left[0], right[0]), (200, 200), (query, left[1][:300], right[1][:300]))
        data = [parse_json(text.encode())["data"] for _, text in (left, right)]
        try:
            compare.compare_query_data(*data, "set", compare.Measure(ulps=compare.WAVERING_ULPS))
        except compare.Difference as difference:
            self.fail(f"{path} {query}: {difference}")

    @needs("Prometheus")
    def test_answers_what_millrace_answers(self):
        with self.millrace(), self.agent(VERSIONS[1]), self.reader() as reader:
            begin = time.time()
            self.wait_for("six seconds of scrapes", lambda: (self.ups() or [0])[-1] > 1000 * (begin + 6))
            end = self.ups()[-1] / 1000 - 1
            for query in self.QUERIES:
                self.check_same(reader.port, "/api/v1/query", query, {"time": end})
                self.check_same(reader.port, "/api/v1/query_range", query,
                                {"start": end - 5, "end": end, "step": "0.7"})


class VictoriaMetrics(Case):
    """vmagent gets samples in text, and sends them on: with its own packing first, until it learns better."""

    SERIES, SAMPLES, STEP = 150, 20, 5

    def agent(self, *flags):
        port = processes.free_port()
        command = [PROGRAMS["vmagent"], f"-httpListenAddr=127.0.0.1:{port}",
                   f"-remoteWrite.url=http://127.0.0.1:{self.port}/api/v1/write", "-remoteWrite.flushInterval=100ms",
                   f"-remoteWrite.tmpDataPath={self.folder / 'queue'}", "-remoteWrite.queues=1", *flags]
        return VmAgent("vmagent", command, port, self.folder / "vmagent.log")

    def give(self, agent, name, end):
        """Samples up to the second `end`, a moment after another; what Millrace must hold of them."""
        rng, expected = random.Random(5), {str(number): [] for number in range(self.SERIES)}
        for moment in [end - self.STEP * back for back in reversed(range(self.SAMPLES))]:
            lines = []
            for number in range(self.SERIES):
                value = rng.choice((number, rng.random() * 1e9, -1e-300, 0.1 + number))
                lines.append(f'{name}{{n="{number}",path="/é\\\\"}} {value!r} {1000 * moment}\n')
                expected[str(number)].append((moment, value))
            # At once, it would read them in pieces, side by side, and mix them up.
            status, said = get(agent.port, "/api/v1/import/prometheus", "POST", "".join(lines).encode())
            self.assertEqual(status // 100, 2, said)
        return expected

    def held(self, name, end):
        return {series["metric"]["n"]: [(int(float(moment)), float(value)) for moment, value in series["values"]]
                for series in self.ask(f"{name}[10m]", end)}

    def check_arrives(self, name, end, expected):
        total = self.SERIES * self.SAMPLES
        self.wait_for(f"all of {name}", lambda: sum(map(len, self.held(name, end).values())) >= total)
        self.assertEqual(self.held(name, end), expected)

    def sends(self, *flags):
        now = int(time.time())
        with self.agent(*flags) as agent:
            with self.millrace():
                expected = self.give(agent, "first", now)
                self.check_arrives("first", now, expected)
                self.assertEqual(self.ask("first", now)[0]["metric"]["path"], "/é\\")
            away = self.give(agent, "second", now)
            time.sleep(0.5)
            with self.millrace():
                self.check_arrives("second", now, away)
                self.check_arrives("first", now, expected)
                self.assertEqual(counters(agent.port, "vmagent_remotewrite_packets_dropped_total"), 0)
                return agent.log.read_text()

    @needs("vmagent")
    def test_sends_when_it_has_learnt_what_is_taken(self):
        self.assertIn("Downgrading protocol", self.sends())

    @needs("vmagent")
    def test_sends_as_prometheus_from_the_first_on(self):
        self.assertNotIn("Downgrading protocol", self.sends("-remoteWrite.forcePromProto=true"))


def find_programs():
    for name, flags in (("Prometheus", []), ("vmagent", ["--vmagent"])):
        found = subprocess.run([ROOT / "scripts" / "judge.sh", *flags], capture_output=True, text=True, timeout=900,
                               check=False)
        if found.returncode == 0:
            PROGRAMS[name] = found.stdout.strip()
        else:
            print(f"left out: there is no {name} to be had: {found.stderr.strip()}", flush=True)


def main():
    global MILLRACE
    options, rest = program.read_flags(__doc__, millrace=MILLRACE)
    MILLRACE = options.millrace
    find_programs()
    if not any(PROGRAMS.values()):
        return SKIPPED
    return not program.run_tests(rest)


if __name__ == "__main__":
    sys.exit(main())
