#!/usr/bin/env python3
"""Takes the power from a server under load, and looks for every sample that should have been on the disk.

    tests/power.py --recorder LIBRARY [--millrace PROGRAM] [--rounds N] [--scale N] [--seed SEED] [--keep]

A kill leaves what was written in the kernel's memory, so that tests/crash_server.py does not see a sync that is
missing. Here tests/power/recorder.c, loaded into the server, writes down what it does to its files, and behind a kill
the directory is made anew with what a disk may hold: what was synced, and of the rest none, all, a front, pieces of
512 bytes or 4 KiB, zeros, names without contents (judge/power_disk.py). The log is held against the directory as the
kill left it first, so nothing goes past it.

A round is as in tests/crash_server.py, with deletes and cleaned tombstones beside the senders. It ends in a loss of
power, a kill without one, or a stop in order, with a loss or without: what was not synced when the server starts again
is still not synced. Then the server must start, and
- with --storage.tsdb.wal-sync=batch everything that was acknowledged is there, once, with its value;
- with =off all that was acknowledged before some moment is there, at which the disk had been given all that was written
  so far, or before a stop in order; of what came later each sample is there with its value or is not, and stays so.
"""
import argparse
import http.client
import os
import pathlib
import random
import shutil
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import crash_directory, crash_load, power_disk, processes  # noqa: E402
from judge.crash_load import Fault  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
LOAD_SECONDS = 0.8
SYNC_US = (0, 1000, 5000)
DELETE_SECONDS = 0.1
ENDS = (("loss",) * 6 + ("kill",) * 2 + ("stop",) + ("stop and loss",))


class Deleter(threading.Thread):
    """Deletes ranges of series, and has the blocks cleaned, until it is told to end or the server is gone."""

    def __init__(self, load, port, rng):
        super().__init__()
        self.load, self.port, self.rng = load, port, rng
        self.ending = threading.Event()
        self.paused = False
        self.fault = None
        self.deleted = self.cleaned = 0

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            while not self.ending.wait(self.rng.random() * DELETE_SECONDS) and self.fault is None:
                if self.paused:
                    continue
                if self.rng.random() < 0.2:
                    self.cleaned += self.post(connection, "clean_tombstones", [])
                else:
                    self.delete(connection)
        except (OSError, http.client.HTTPException):
            pass  # killed: whoever did it looks whether it was so
        finally:
            connection.close()

    def delete(self, connection):
        sender, slot = self.rng.randrange(crash_load.SENDERS), self.rng.randrange(len(self.load.slots))
        begun = self.load.begin_deletion(sender, slot, self.rng)
        if not begun:
            return
        series, first, last, gone = begun
        matcher = ",".join(f'{name}="{text}"' for name, text in series.labels.items() if name != "__name__")
        if self.post(connection, "delete_series",
                     [("match[]", f"{crash_load.NAME}{{{matcher}}}"), ("start", first), ("end", last)]):
            self.load.end_deletion(gone)
            self.deleted += len(gone)

    def post(self, connection, what, parameters):
        connection.request("POST", f"/api/v1/admin/tsdb/{what}?{urllib.parse.urlencode(parameters)}")
        response = connection.getresponse()
        said = response.read().decode(errors="replace").strip()
        if response.status not in (204, 503) and not self.load.disk_fails:  # the latter: it is stopping
            self.fault = f"{what}: {response.status} {said[:300]}"
        return response.status == 204


class Directory(crash_directory.Directory):
    """One data directory over some rounds."""

    def __init__(self, options, folder, rng, counts, environment=()):
        self.record = folder.parent / f"record-{folder.name}"
        wrapper = ["env", *environment, f"LD_PRELOAD={options.recorder}", f"MILLRACE_POWER_ROOT={folder}",
                   f"MILLRACE_POWER_LOG={self.record}", f"MILLRACE_POWER_SYNC_US={rng.choice(SYNC_US)}",
                   f"ASAN_OPTIONS=verify_asan_link_order=0:{os.environ.get('ASAN_OPTIONS', '')}"]
        super().__init__(options.millrace, folder, options.scale, rng, counts, wrapper, ["--web.enable-admin-api"],
                         options.wal_sync)
        self.disk = power_disk.Disk(folder)
        self.taken = 0  # bytes of the record
        self.deleter = None

    def take(self):
        """All that the server did until its end, which may have come before it did anything."""
        self.record.touch()
        with open(self.record, "rb") as record:
            record.seek(self.taken)
            self.disk.take(record.read())
        self.record.unlink()
        self.taken = 0
        self.disk.check()

    def reach_disk(self):
        """What was acknowledged up to now is on the disk, as the kernel brings it there in time."""
        self.load.mark()
        with open(self.record, "rb") as record:
            record.seek(self.taken)
            self.taken += self.disk.take(record.read(), ended=False)
        self.disk.settle()
        self.counts["times all reached the disk"] += 1

    def lose(self):
        way = self.rng.choice(power_disk.WAYS)
        shutil.rmtree(self.data, ignore_errors=True)
        self.disk.lose(way, self.rng)
        self.load.lose(self.sync == "batch")
        self.counts[f"losses of power that left: {way}"] += 1

    def start_and_kill(self):
        super().start_and_kill()
        self.take()
        if self.rng.random() < 0.5:
            self.counts["losses of power in a start"] += 1
            self.lose()

    def look(self, everything=True):
        return super().look(everything)

    def senders(self):
        self.deleter = Deleter(self.load, self.port, random.Random(self.rng.random()))
        return [*super().senders(), self.deleter]

    def endure(self):
        """Until the moment of the end."""
        time.sleep(self.rng.random() * LOAD_SECONDS / 2)
        if self.rng.random() < 0.3:
            self.reach_disk()
        time.sleep(self.rng.random() * LOAD_SECONDS / 2)
        end = self.rng.choice(ENDS)
        if "stop" in end:
            self.server.stop()
        else:
            self.kill()
        self.counts[f"ends by {end}"] += 1
        self.end = end

    def round(self):
        super().round()
        self.counts["samples deleted"] += self.deleter.deleted
        self.counts["times tombstones were cleaned"] += self.deleter.cleaned
        self.take()
        if "stop" in self.end:
            self.load.mark()
        if "loss" in self.end:
            self.lose()

    def finish(self):
        """Stopped in order, and looked at once more, without a loss and with one."""
        self.server.start()
        self.look()
        self.server.stop()
        self.load.mark()
        self.take()
        self.lose()
        self.server.start()
        self.look()
        self.server.stop()
        self.counts["blocks at the end"] += len(list(self.data.glob("*/meta.json")))
        self.counts["checkpoints at the end"] += len(list(self.data.glob("wal/checkpoint.*")))
        self.counts["blocks that did not open"] += self.log.read_text(errors="replace").count("block is left out")
        shutil.rmtree(self.folder)


class Run(crash_directory.Run):
    def make(self, folder):
        return Directory(self.options, folder, self.rng, self.counts)

    def end(self):
        if self.directory and self.directory.server.is_alive():
            self.directory.process.kill()
            self.directory.process.wait()


def add_options(parser):
    parser.add_argument("--millrace", default=str(ROOT / "build/server/millrace"), help="the program to test")
    parser.add_argument("--recorder", default=str(ROOT / "build/tests/power/libpower_recorder.so"),
                        help="the library that is loaded into it")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--wal-sync", choices=("off", "batch"),
                        help="for all directories; otherwise each has one of both")
    parser.add_argument("--scale", type=int, default=1, help="so many times 120 series")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--keep", action="store_true", help="leave the logs")


def run_and_tell(run, of_directory=lambda directory: ""):
    """All rounds, and the sum; ends the process. `of_directory` says more of one in which something went wrong."""
    failed = None
    options = run.options
    try:
        run.run()
    except (Fault, processes.ServerError, power_disk.Unrecorded) as fault:
        failed = fault
        directory = run.directory
        print(f"round {run.rounds} of seed {options.seed}, wal-sync={directory.sync}{of_directory(directory)}: {fault};"
              f" {directory.folder}, {directory.log}")
    finally:
        run.end()
    for what, count in sorted(run.counts.items()):
        print(f"  {count} {what}")
    print(f"{run.rounds} rounds over {run.directories} directories, {run.hours:.0f} h of samples, {run.acknowledged}"
          f" acknowledged, seed {options.seed}")
    if not failed and not options.keep:
        shutil.rmtree(run.scratch)
    passed = not failed and run.acknowledged > 0
    print(f"{int(passed)} passed, {int(not passed)} failed")
    sys.exit(not passed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    options = parser.parse_args()
    run_and_tell(Run("millrace-power-", options, options.seed))


if __name__ == "__main__":
    main()
