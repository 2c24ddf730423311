#!/usr/bin/env python3
"""Measures what query-tee's proxy adds to an answer: latency, CPU, memory. It needs wrk.

    bench/tee.py [--connections N] [--seconds S] [--settings still,pace,full] [--tee PROGRAM]

Two backends, comparison on. Each setting is measured directly and through the tee, in turn:

    still   backends that answer after a fixed time at next to no CPU: what the tee itself adds
    pace    backends that answer at once, so many requests a second: far from busy
    full    two real servers, as fast as it goes: tee and backends share the cores
"""
import argparse
import dataclasses
import http.client
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from judge import processes  # noqa: E402
from compare import table  # noqa: E402
from meter import Meter, wait_until_idle  # noqa: E402

WANTED_MS = 1.0  # issue 5: the preferred backend's latency plus at most this, at the median
PATH = "/api/v1/query?query=up&time={time}"
MEMORY_PERIOD = 0.5
MEMORY_GROWTH = 8.0  # MiB that may come and go
SCRIPT = """
function delay()
  return {pause} == 0 and 0 or math.random(0, 2 * {pause})
end
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('RESULT {{"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "errors": %d}}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"""


@dataclasses.dataclass
class Load:
    """What one run of wrk saw. Times in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    errors: int


class Wrk:
    """wrk with a script of ours, that can wait between a connection's requests."""

    def __init__(self, folder, connections):
        self.folder = folder
        self.connections = connections

    def start(self, address, path, seconds, pause_ms=0):
        script = self.folder / f"wrk-{pause_ms}.lua"
        text = SCRIPT.format(pause=pause_ms)
        if not pause_ms:  # wrk asks the kernel for a timer even where the delay is 0
            text = text[text.index("done ="):]
        if not script.exists():  # another wrk may be reading it
            script.write_text(text)
        return subprocess.Popen(
            ["wrk", "-t2", f"-c{self.connections}", f"-d{max(1, round(seconds))}s", "-s", str(script),
             f"http://{address}{path}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    @staticmethod
    def wait(process):
        out, _ = process.communicate()
        for line in out.splitlines():
            if line.startswith("RESULT "):
                return Load(**json.loads(line[len("RESULT "):]))
        raise processes.ServerError(f"wrk failed: {out.strip()}")

    def run(self, *args, **more):
        return self.wait(self.start(*args, **more))


class Still:
    """A backend that answers after a fixed time (still_backend.c)."""

    def __init__(self, program, delay_ms, series):
        self.process = subprocess.Popen([program, str(delay_ms), str(series)], stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()
        if not self.address:
            raise processes.ServerError(f"{program} does not start")

    def stop(self):
        self.process.kill()
        self.process.wait()


class Millrace(processes.Server):
    """A real server over a small fleet's data, that others may read as well."""

    def __init__(self, program, data, folder):
        port = processes.free_port()
        self.address = f"127.0.0.1:{port}"
        super().__init__("millrace", [program, f"--storage.tsdb.path={data}", "--storage.tsdb.read-only",
                                      f"--web.listen-address={self.address}"], port, folder / f"{port}.log")
        self.start()


class Tee(processes.Server):
    """query-tee in front of two backends, the first preferred."""

    def __init__(self, program, backends, folder):
        port, self.metrics_port = processes.free_port(), processes.free_port()
        self.address = f"127.0.0.1:{port}"
        urls = ",".join(f"http://{backend.address}" for backend in backends)
        super().__init__("query-tee", [
            program, f"--backend.endpoints={urls}", f"--backend.preferred={backends[0].address}",
            "--server.http-service-address=127.0.0.1", f"--server.http-service-port={port}",
            f"--server.metrics-port={self.metrics_port}", "--server.grpc-service-port=0",
            "--proxy.compare-responses=true"], port, folder / "tee.log")
        self.start()
        self.meter = Meter(self.process.pid)

    def compared(self):
        """How many answers have been compared so far."""
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics_port, timeout=30)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        return sum(float(line.rpartition(" ")[2]) for line in lines
                   if line.startswith("cortex_querytee_responses_compared_total{") and 'result="skip"' not in line)

    def is_ready(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/ready")
            status = connection.getresponse().status
            connection.close()
            return status == 200
        except (OSError, http.client.HTTPException):
            return False


class MemoryWatch(threading.Thread):
    """A process's resident memory over time, in MiB, while it is loaded: it gives back some when it is not."""

    def __init__(self, meter):
        super().__init__(daemon=True)
        self.meter = meter
        self.seen = []
        self.done = threading.Event()
        self.loaded = threading.Event()

    def run(self):
        while not self.done.wait(MEMORY_PERIOD):
            if self.loaded.is_set():
                self.seen.append(self.meter.status("VmRSS"))

    def stop(self):
        self.done.set()
        self.join()

    def quarters(self):
        """The mean of each quarter of the time."""
        size = max(1, len(self.seen) // 4)
        return [statistics.fmean(self.seen[at:at + size] or [0.0]) for at in (0, size, 2 * size, 3 * size)]


@dataclasses.dataclass
class Way:
    """One way to the answers, directly or through the tee, over all its turns."""

    name: str
    loads: list = dataclasses.field(default_factory=list)
    cpu: float = 0.0
    compared: float = 0.0

    def median(self, name):
        return statistics.median(getattr(load, name) for load in self.loads)

    def total(self, name):
        return sum(getattr(load, name) for load in self.loads)

    def row(self, setting, base):
        requests = self.total("requests")
        return [setting, self.name, f"{requests / self.total('seconds'):.0f}", f"{self.median('p50'):.2f}",
                f"{self.median('p99'):.2f}", f"{self.median('p50') - base:+.2f}" if base is not None else "-",
                f"{1e6 * self.cpu / requests:.0f}" if self.cpu else "-",
                f"{min(1.0, self.compared / requests):.0%}" if self.cpu else "-", str(self.total("errors"))]


HEADER = ["setting", "way", "requests/s", "p50 ms", "p99 ms", "added ms", "CPU of the tee, us", "compared", "errors"]


def take_turns(options, backends, path, wrk, tee, pause_ms, ways, watch):
    """Directly, both backends at once where that is wanted, and through the tee, again and again."""
    seconds = options.seconds / options.turns
    for _ in range(options.turns):
        ways["direct"].loads.append(wrk.run(backends[0].address, path, seconds, pause_ms))
        if "both" in ways:
            other = wrk.start(backends[1].address, path, seconds, pause_ms)
            ways["both"].loads.append(wrk.run(backends[0].address, path, seconds, pause_ms))
            wrk.wait(other)
        cpu, compared = tee.meter.cpu(), tee.compared()
        watch.loaded.set()
        ways["tee"].loads.append(wrk.run(tee.address, path, seconds, pause_ms))
        watch.loaded.clear()
        wait_until_idle(tee.meter)
        ways["tee"].cpu += tee.meter.cpu() - cpu
        ways["tee"].compared += tee.compared() - compared


def measure(name, backends, path, options, wrk, tee, pause_ms=0, both=False):
    """Rows of the table, and what was wrong."""
    ways = {"direct": Way("direct")}
    if both:
        ways["both"] = Way("direct, both asked")
    ways["tee"] = through = Way("tee")
    wrk.run(tee.address, path, 1)  # connections and threads are there
    watch = MemoryWatch(tee.meter)
    watch.start()
    try:
        take_turns(options, backends, path, wrk, tee, pause_ms, ways, watch)
    finally:
        watch.stop()
    base = ways["direct"].median("p50")
    quarters = watch.quarters()
    print(f"{name}: resident memory of the tee under load, MiB, by quarters of the time: "
          + ", ".join(f"{mib:.1f}" for mib in quarters), flush=True)
    faults = []
    if through.total("errors"):
        faults.append(f"{name}: {through.total('errors')} errors through the tee")
    if quarters[3] > quarters[1] + MEMORY_GROWTH:
        faults.append(f"{name}: memory has grown by {quarters[3] - quarters[1]:.1f} MiB")
    added = through.median("p50") - base
    if name == "still" and added > WANTED_MS:
        faults.append(f"{name}: {added:.2f} ms added at the median, at most {WANTED_MS:.0f} is wanted")
    return [way.row(name, None if way.name == "direct" else base) for way in ways.values()], faults


def measure_still(name, options, wrk, folder, delay_ms, pause_ms):
    backends = [Still(options.still, delay_ms, options.series) for _ in range(2)]
    tee = None
    try:
        tee = Tee(options.tee, backends, folder)
        return measure(name, backends, PATH.format(time=1700000000), options, wrk, tee, pause_ms)
    finally:
        if tee:
            tee.stop()
        for backend in backends:
            backend.stop()


def measure_full(options, wrk, folder):
    data = folder / "data"
    end = int(time.time())
    subprocess.run([options.millrace, "demo-data", str(data), "--hours", "2", "--end", str(end)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    servers = []
    try:
        for _ in range(2):
            servers.append(Millrace(options.millrace, data, folder))
        servers.append(Tee(options.tee, servers[:2], folder))
        return measure("full", servers[:2], PATH.format(time=end - 300), options, wrk, servers[2], both=True)
    finally:
        for server in reversed(servers):
            server.stop()


def run(options, folder):
    wrk = Wrk(folder, options.connections)
    rows, faults = [], []
    for name in options.settings.split(","):
        if name == "still":
            got = measure_still(name, options, wrk, folder, options.delay_ms, 0)
        elif name == "pace":
            got = measure_still(name, options, wrk, folder, 0, round(1000 * options.connections / options.pace))
        else:
            got = measure_full(options, wrk, folder)
        rows += got[0]
        faults += got[1]
    print(f"\n{options.connections} connections, {options.seconds} s a way in {options.turns} turns")
    print(table([HEADER] + rows))
    for fault in faults:
        print(f"FAULT {fault}")
    return 1 if faults else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60, help="of load, each way")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--settings", default="still,pace,full")
    parser.add_argument("--delay-ms", type=float, default=20, help="how long the still backends take")
    parser.add_argument("--pace", type=float, default=320, help="requests a second in that setting")
    parser.add_argument("--series", type=int, default=20, help="in an answer of the still backends")
    parser.add_argument("--tee", default=str(ROOT / "build-release/query-tee/query-tee"))
    parser.add_argument("--still", default=str(ROOT / "build-release/bench/still_backend"))
    parser.add_argument("--millrace", default=str(ROOT / "build-release/server/millrace"))
    options = parser.parse_args()
    unknown = set(options.settings.split(",")) - {"still", "pace", "full"}
    if unknown:
        parser.error(f"no such setting: {', '.join(sorted(unknown))}")
    if not shutil.which("wrk"):
        print("bench/tee.py: wrk is not installed; apt-get install wrk", file=sys.stderr)
        return 2
    for program in (options.tee, options.still, options.millrace):
        if not pathlib.Path(program).exists():
            print(f"bench/tee.py: there is no {program}; bench/README.md says how it is built", file=sys.stderr)
            return 2
    with tempfile.TemporaryDirectory(prefix="millrace-tee-") as folder:
        try:
            return run(options, pathlib.Path(folder))
        except processes.ServerError as error:
            print(f"bench/tee.py: {error}", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main())
