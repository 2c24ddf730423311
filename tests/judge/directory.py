"""Data directories to compare on: written once by a real Prometheus, kept in the cache, copied for use.

The generated one holds five 20-minute blocks, two more that overlap them, tombstones, and half an hour
in the head: WAL, checkpoint and memory-mapped chunks. Its cache key is the text of the
programs that make it.
"""
import bisect
import fcntl
import hashlib
import itertools
import os
import pathlib
import random
import shutil
import subprocess
import tarfile
import time

from . import native_series, odd_series, processes, remote_write, series
from .client import Client

BLOCK = ("--storage.tsdb.min-block-duration=20m", "--storage.tsdb.max-block-duration=20m")
SLICE_MS = 300_000
BLOCKS = 5
WAIT_SECONDS = 60
SOURCES = ("series.py", "odd_series.py", "native_series.py", "directory.py", "remote_write.py")


def cache_root():
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    root = pathlib.Path(base, "millrace")
    root.mkdir(parents=True, exist_ok=True)
    return root


def all_series():
    """Every series of the generated data set, in an order that is not the order of labels."""
    rng = random.Random(20251009)
    out = []
    for target in series.targets(rng):
        for family in (series.requests, series.cpus, series.durations, series.facts):
            out.extend(family(rng, target))
    for family in (series.gauges, series.specials, series.constants, *odd_series.ALL, *native_series.ALL):
        out.extend(family(rng))
    rng.shuffle(out)
    return out


def encode_runs(times, values):
    """Floats and native histograms of one series, a piece for each run of one kind."""
    for is_float, run in itertools.groupby(zip(times, values), key=lambda sample: isinstance(sample[1], float)):
        own_times, own_values = zip(*run)
        yield (remote_write.encode_samples(remote_write.encode_times(own_times), own_values) if is_float
               else remote_write.encode_histograms(own_times, own_values))


def push(port, everything, start_ms, end_ms, progress=lambda share: None):
    """Sends all series slice after slice of time, as a fleet of senders would."""
    writer = remote_write.Writer(port)
    labels = [remote_write.encode_labels(one.labels) for one in everything]
    encoded = {}
    for begin in range(start_ms, end_ms, SLICE_MS):
        for one, label_bytes in zip(everything, labels):
            low = bisect.bisect_left(one.times, begin)
            high = bisect.bisect_left(one.times, begin + SLICE_MS)
            if low == high:
                continue
            if any(not isinstance(value, float) for value in one.values[low:high]):
                for run in encode_runs(one.times[low:high], one.values[low:high]):
                    writer.add(label_bytes, run)
                continue
            times = encoded.get((id(one.times), begin))
            if times is None:
                times = encoded[id(one.times), begin] = remote_write.encode_times(one.times[low:high])
            writer.add(label_bytes, remote_write.encode_samples(times, one.values[low:high]))
        writer.flush()
        encoded.clear()
        progress((begin + SLICE_MS - start_ms) / (end_ms - start_ms))
    writer.close()


def blocks_of(path):
    return sorted(child for child in pathlib.Path(path).iterdir() if (child / "meta.json").is_file())


def wait_for_blocks(path, count):
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if len(blocks_of(path)) >= count:
            return
        time.sleep(0.1)
    raise processes.ServerError(f"no {count} blocks in {path} after {WAIT_SECONDS} s")


def delete(client, matcher, begin, end):
    answer = client.send("POST", "/api/v1/admin/tsdb/delete_series", [
        ("match[]", matcher), ("start", str(series.START + begin)), ("end", str(series.START + end))])
    if answer.status != 204:
        raise RuntimeError(f"delete_series {matcher}: {answer.status} {answer.body!r}")


def make_tombstones(port):
    client = Client(port)
    delete(client, "deleted_block", 600, 1200)
    delete(client, "deleted_border", 1500, 2700)
    delete(client, "deleted_head", 6600, 7200)
    delete(client, "deleted_whole", 0, series.LENGTH)
    client.close()


def overlapping_block(promtool, path):
    """Writes a block over the others: samples they have too, with the same values, and some they lack."""
    text = path.parent / "overlap.om"
    with open(text, "w") as out:
        out.write("# TYPE overlapped counter\n")
        for number in range(8):
            for index in range(100, 300):
                moment = series.START + 7 + 15 * index
                out.write(f'overlapped_total{{n="{number}"}} {index * (number + 1)} {moment}\n')
                if index % 3 == number % 3:
                    out.write(f'overlapped_total{{n="{number}"}} {(index + 0.5) * (number + 1)} {moment + 7}\n')
        out.write("# EOF\n")
    subprocess.run([promtool, "tsdb", "create-blocks-from", "openmetrics", text, path],
                   check=True, stdout=subprocess.DEVNULL, timeout=120)
    text.unlink()


def write_generated(program, path):
    everything = all_series()
    samples = sum(len(one.values) for one in everything)
    start = series.START * 1000
    with processes.prometheus(program, path, flags=BLOCK, features=("native-histograms",), name="writer") as server:
        push(server.port, everything, start, start + series.LENGTH * 1000)
        wait_for_blocks(path, BLOCKS)
        make_tombstones(server.port)
        time.sleep(1)
    overlapping_block(pathlib.Path(program).with_name("promtool"), path)
    return len(everything), samples


def key_of_generated():
    here = pathlib.Path(__file__).parent
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update((here / name).read_bytes())
    return digest.hexdigest()[:16]


def once(name, write):
    """The directory `name` in the cache; `write(path)` makes it if it is not there. One maker at a time."""
    home = cache_root() / name
    with open(f"{home}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "done").exists():
            shutil.rmtree(home, ignore_errors=True)
            (home / "data").mkdir(parents=True)
            write(home / "data")
            (home / "done").touch()
    return home / "data"


def generated(program, say=print):
    def write(path):
        begin = time.monotonic()
        count, samples = write_generated(program, path)
        say(f"wrote {count} series, {samples} samples, {len(blocks_of(path))} blocks"
            f" in {time.monotonic() - begin:.1f} s")
    return once(f"generated-{key_of_generated()}", write)


def copy(source, target):
    """A copy of a data directory that no process writes, without the marks of the last owner."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("lock", "queries.active"))
    return target


def unpack(archive, target):
    """Unpacks a data directory from a tar file and returns where it lies."""
    checks = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with tarfile.open(archive) as tar:
        tar.extractall(target, **checks)
    inside = [child for child in pathlib.Path(target).iterdir() if child.is_dir()]
    return inside[0] if len(inside) == 1 else pathlib.Path(target)
