#!/usr/bin/env python3
"""Kills a server under load at random moments, and looks for every sample that it had acknowledged.

    tests/crash_server.py [--millrace PROGRAM] [--judge PROGRAM] [--rounds N] [--scale N] [--seed SEED] [--keep]

A round is: start `millrace serve` on the directory of the round before, perhaps kill it while it still starts;
ask for everything (range queries, and remote read for stale markers); send samples of long ago, so that hours
pass in a second and the head, its log and the blocks are compacted all the time; kill it with SIGKILL at a random
moment, or just when a block or a checkpoint is being written. What was acknowledged must be there after the next
start, once, with its value; of what was not, each sample is there with its value, or not there. After some
rounds the directory is stopped in order, looked at once more, and another one begun, with other flags.

In every second directory the disk fills up now and then, under load and over a start: reads must go on, writes
must be refused with 503 and be taken again when there is room. The disk is a small tmpfs in a mount namespace of
this test's own, and full means ENOSPC. Where no tmpfs may be mounted, a limit on the size of files stands for it
(EFBIG); the last line says which it was. A kill leaves all that was written in the kernel's memory: what a loss of
power takes is tried by tests/power.py.
"""
import argparse
import errno
import os
import pathlib
import random
import re
import resource
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import crash_directory, crash_load, directory, processes  # noqa: E402
from judge.client import Client  # noqa: E402
from judge.crash_load import Fault  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
IN_NAMESPACE = "MILLRACE_CRASH_NAMESPACE"
DISK_BYTES = 96 << 20
LOAD_SECONDS = 0.8
FULL_SECONDS = 0.5
ROOM_SECONDS = 60  # after the disk had room again, writes are taken within this time
UNFINISHED = {"a block": re.compile(r"\.tmp-for-creation$"), "a checkpoint": re.compile(r"^checkpoint\..*\.tmp$"),
              "a block's removal": re.compile(r"\.tmp-for-deletion$")}


def enter_namespace():
    """Goes on in a mount namespace of its own, where that is allowed: what is mounted goes with this process."""
    if IN_NAMESPACE in os.environ:
        return
    for options in (["--mount"], ["--user", "--map-root-user", "--mount"]):
        probe = ["unshare", *options, "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
        if shutil.which("unshare") and subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            os.environ[IN_NAMESPACE] = "yes"
            os.execvp("unshare", ["unshare", *options, sys.executable, *sys.argv])
    os.environ[IN_NAMESPACE] = "no"


def unfinished(data):
    """What is being written just now."""
    names = []
    for folder in (data, data / "wal"):
        try:
            names += os.listdir(folder)
        except FileNotFoundError:
            pass
    return {what for what, pattern in UNFINISHED.items() if any(map(pattern.search, names))}


class Disk:
    """A disk that can be filled up and get room again, as the server sees it."""

    def __init__(self, folder):
        self.ballast = folder / "ballast"
        self.mounted = os.environ[IN_NAMESPACE] == "yes"
        self.folder = folder
        self.full = False
        if self.mounted:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder], check=True)

    def fill(self, left, process):
        """All but so many bytes."""
        self.full = True
        if not self.mounted:
            if process:
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (left, resource.RLIM_INFINITY))
            return
        with open(self.ballast, "wb") as ballast:
            while True:
                free = os.statvfs(self.folder)
                size = free.f_bavail * free.f_frsize - left
                try:
                    return os.posix_fallocate(ballast.fileno(), 0, size) if size > 0 else None
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    # the server was faster

    def empty(self, process):
        self.full = False
        if self.mounted:
            self.ballast.unlink(missing_ok=True)
        elif process and process.poll() is None:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def remove(self):
        if self.mounted:
            subprocess.run(["umount", "--lazy", self.folder], check=True)


class Directory(crash_directory.Directory):
    """One data directory over some rounds."""

    def __init__(self, options, folder, number, rng, counts):
        super().__init__(options.millrace, folder, options.scale, rng, counts)
        self.judge = options.judge
        self.disk = Disk(folder) if number % 2 else None

    def kill(self):
        super().kill()
        for what in unfinished(self.data):
            self.counts[f"kills in {what}"] += 1

    def round(self):
        full = self.disk and self.disk.mounted and self.rng.random() < 0.3
        if full:
            self.disk.fill(self.rng.randrange(1 << 20), None)
            self.counts["starts on a full disk"] += 1
        super().round()
        if self.disk:
            self.disk.empty(None)

    def endure(self):
        """Until the moment of the kill."""
        begin = time.monotonic()
        until = begin + self.rng.random() * LOAD_SECONDS
        if self.disk and self.rng.random() < 0.7:
            self.fill_disk()
        elif self.rng.random() < 0.4:
            wanted = self.rng.choice(sorted(UNFINISHED))
            while wanted not in unfinished(self.data) and time.monotonic() < begin + 2 * LOAD_SECONDS:
                time.sleep(0.001)
            time.sleep(self.rng.random() ** 2 * 0.02)
        else:
            time.sleep(max(0.0, until - time.monotonic()))
        self.kill()

    def fill_disk(self):
        """The disk is full for a while, once or more, and perhaps when the kill comes."""
        for _ in range(self.rng.randrange(1, 4)):
            time.sleep(self.rng.random() * 0.2)
            refused = self.load.refused
            self.disk.fill(self.rng.randrange(1 << self.rng.randrange(21)), self.process)
            until = time.monotonic() + FULL_SECONDS
            while self.load.refused == refused and time.monotonic() < until:
                time.sleep(0.005)
            time.sleep(self.rng.random() * 0.1)
            self.ask_while_full()
            self.counts["times the disk was full"] += 1
            self.counts["times the disk was full and writes were refused"] += self.load.refused > refused
            if self.rng.random() < 0.3:
                return
            self.disk.empty(self.process)
            self.wait_for_writes()

    def ask_while_full(self):
        client = Client(self.port)
        try:
            client.result(f"count({crash_load.NAME})", self.load.end)
        except (RuntimeError, OSError) as error:
            raise Fault(f"on a full disk a query is not answered: {error}") from None
        finally:
            client.close()

    def wait_for_writes(self):
        before, deadline = self.load.acknowledged, time.monotonic() + ROOM_SECONDS
        while self.load.acknowledged == before:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise Fault(f"the disk has room again, and nothing is taken; {self.server.last_words()}")
            time.sleep(0.005)

    def show_judge(self):
        """Prometheus finds all of it in a copy of what the kill left; whatever else it finds, Millrace must find."""
        copy = directory.copy(self.data, self.log.parent / "judge")
        config = processes.EMPTY_CONFIG + crash_directory.LATE_CONFIG.format(self.load.range_s)
        with processes.prometheus(self.judge, copy, features=("native-histograms",), config=config) as judge:
            client = Client(judge.port)
            self.load.check(client)
            client.close()
        self.counts["directories that Prometheus opened"] += 1
        shutil.rmtree(copy)

    def finish(self):
        """Stopped in order, and looked at once more."""
        if self.judge:
            self.show_judge()
        self.server.start()
        self.look()
        self.server.stop()
        self.server.start()
        self.look(everything=True)
        self.server.stop()
        self.counts["times refused with 503"] += self.load.refused
        self.counts["blocks at the end"] += len(list(self.data.glob("*/meta.json")))
        self.counts["checkpoints at the end"] += len(list(self.data.glob("wal/checkpoint.*")))
        self.counts["files of head chunks at the end"] += len(list(self.data.glob("chunks_head/*")))
        if self.disk:
            self.disk.remove()
        shutil.rmtree(self.folder)


class Run(crash_directory.Run):
    def make(self, folder):
        return Directory(self.options, folder, self.directories, self.rng, self.counts)

    def rescue(self):
        """What a failed run leaves: a tmpfs would go with this process."""
        kept = self.scratch / "kept"
        if self.directory:
            if self.directory.server.is_alive():
                self.directory.process.kill()
                self.directory.process.wait()
            if self.directory.disk:
                self.directory.disk.empty(None)
            shutil.copytree(self.directory.folder, kept)
        return kept


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millrace", default=str(ROOT / "build/server/millrace"), help="the program to test")
    parser.add_argument("--judge", help="a Prometheus 3.x, which opens a copy of each directory behind its last kill")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--scale", type=int, default=1, help="so many times 120 series")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true", help="leave the logs")
    options = parser.parse_args()
    enter_namespace()
    seed = options.seed if options.seed is not None else random.randrange(1 << 30)
    run = Run("millrace-crash-server-", options, seed)
    failed = None
    try:
        run.run()
    except (Fault, processes.ServerError) as fault:
        failed = fault
        print(f"round {run.rounds} of seed {seed}: {fault}; the directory is {run.rescue()}")
    for what, count in sorted(run.counts.items()):
        print(f"  {count} {what}")
    kind = "a tmpfs" if os.environ[IN_NAMESPACE] == "yes" else "simulated by a limit on the size of files"
    print(f"{run.rounds} rounds over {run.directories} directories, {run.hours:.0f} h of samples, {run.acknowledged}"
          f" acknowledged, seed {seed}; the full disk was {kind}")
    if not failed and not options.keep:
        shutil.rmtree(run.scratch)
    passed = not failed and run.acknowledged > 0
    print(f"{int(passed)} passed, {int(not passed)} failed")
    sys.exit(not passed)


if __name__ == "__main__":
    main()
