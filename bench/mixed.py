"""The mixed load: sixteen clients for some seconds, nine light queries to one heavy."""
import dataclasses
import random
import threading
import time

from judge.client import Client
from meter import Meter
from queries import HEAVY, LIGHT

CLIENTS = 16
LIGHT_SHARE = 0.9


@dataclasses.dataclass
class Load:
    """What one run of the mixed load came to. Times in seconds, memory in MiB."""

    rate: float
    light: list
    heavy: list
    failed: int
    peak: float
    cpu: float

    def percentile(self, share):
        times = sorted(self.light)
        return times[min(len(times) - 1, int(len(times) * share))] if times else float("nan")


def one_client(port, end, until, seed, record):
    rng = random.Random(seed)
    client = Client(port)
    while time.monotonic() < until:
        light = rng.random() < LIGHT_SHARE
        path, params = rng.choice(LIGHT if light else HEAVY).request(end - rng.randrange(0, 600, 15))
        begin = time.monotonic()
        try:
            answer = client.send("GET", path, params)
            ok = answer.status == 200
        except OSError:
            ok = False
        record.append((light, ok, begin, time.monotonic()))
    client.close()


def run(server, end, seconds):
    """Loads one server; only queries that ended within the time count towards the rate."""
    meter = Meter(server.pid)
    meter.reset_peak()
    cpu = meter.cpu()
    record = []
    begin = time.monotonic()
    until = begin + seconds
    clients = [threading.Thread(target=one_client, args=(server.port, end, until, seed, record))
               for seed in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    good = [one for one in record if one[1]]
    inside = [one for one in good if one[3] <= until]
    return Load(len(inside) / seconds, [one[3] - one[2] for one in good if one[0]],
                [one[3] - one[2] for one in good if not one[0]], len(record) - len(good),
                meter.status("VmHWM"), meter.cpu() - cpu)


def row(name, load):
    return [name, f"{load.rate:.1f}", f"{1000 * load.percentile(0.5):.0f}", f"{1000 * load.percentile(0.99):.0f}",
            f"{1000 * sum(load.heavy) / max(1, len(load.heavy)):.0f}", f"{load.peak:.0f}", f"{load.cpu:.1f}",
            str(load.failed)]


HEADER = ["mixed load", "queries/s", "light p50 ms", "light p99 ms", "heavy mean ms", "peak MiB", "CPU s", "failed"]
