#!/usr/bin/env python3
"""Lets the disk of a server under load fail, and looks for every sample that it had acknowledged.

    tests/faults.py --recorder LIBRARY [--millrace PROGRAM] [--rounds N] [--wal-sync off|batch] [--seed SEED] [--keep]

tests/power/recorder.c, loaded into the server, lets calls fail below the data directory: syncs, writes, truncations,
renames, new files, maps, removals and closes, with EIO, ENOSPC, EROFS or EDQUOT, or half a write done; once, now and
then or all the time; everywhere or in one place (the log, that of late samples, head chunks, blocks, checkpoints,
snapshots). A round is as in tests/power.py, with its load, deletes and ends, and with such faults before the start,
meanwhile, and over the end. It is looked at that
- reads go on, and everything acknowledged is there, once, with its value, while the disk fails and when it is well again;
- what cannot be written is refused with 503 and the reason, and it is counted;
- nothing is tried again and again without a pause;
- writes are taken again once the disk is well, without a restart;
- the server neither crashes nor hangs, at the end and at a start too, which may fail, with words;
- behind a restart it is all there. What could not be synced is not on the disk, however often it is synced later,
  unless it is written again: the kernel holds those pages for written, and drops them when it likes. So some of them
  are dropped between an end and a start, and a loss of power takes them as what was never synced.

With --storage.tsdb.wal-sync=off what was acknowledged may go when syncs have failed; nothing else may.
"""
import argparse
import errno
import mmap
import os
import pathlib
import random
import shutil
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import power  # noqa: E402
from judge import crash_directory, processes  # noqa: E402
from judge.client import Client  # noqa: E402
from judge.crash_load import Fault  # noqa: E402

RULE = struct.Struct("<IIiiII")  # as tests/power/faults.c draws it
RULES = 4
CALLS = ("sync", "write", "resize", "rename", "create", "map", "remove", "close")
PLACES = ("wal", "wbl", "chunks_head", "block", "checkpoint", "snapshot", "elsewhere")
SHORT = -1
ERRORS = (errno.EIO, errno.EIO, errno.EIO, errno.ENOSPC, errno.EROFS, errno.EDQUOT)
READ_ONLY = {"sync", "write", "resize", "rename", "create", "remove"}  # what fails where nothing may be written
FAULT_SECONDS = 0.4
WELL_SECONDS = 60  # the disk is well again: writes are taken within this time
QUIET_SECONDS = 0.3
QUIET_STRIKES = 400  # a refresh every 20 ms may fail in several calls
ENDS = ("kill", "kill", "loss", "loss", "stop", "stop and loss")


def mask(all_names, names):
    return sum(1 << all_names.index(name) for name in names)


class Faults:
    """The rules in the file that the library maps."""

    def __init__(self, path):
        path.write_bytes(bytes(RULE.size * RULES))
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)
        self.said = ""

    def set(self, at, calls, places, error, left=-1, thousandths=1000):
        self.map[at * RULE.size:(at + 1) * RULE.size] = RULE.pack(
            mask(CALLS, calls), mask(PLACES, places), error, left, thousandths, 0)
        name = "half a write" if error == SHORT else errno.errorcode[error]
        times = "" if left < 0 else f" {left} times"
        share = "" if thousandths == 1000 else f" {thousandths / 10:.0f} %"
        self.said += f"{', ' if self.said else ''}{name}{times}{share} of {'/'.join(sorted(calls))} in {'/'.join(sorted(places))}"

    def clear(self):
        self.map[:] = bytes(len(self.map))
        self.said = ""

    def struck(self):
        return sum(RULE.unpack_from(self.map, at * RULE.size)[5] for at in range(RULES))

    def choose(self, rng, without=()):
        """A disk that fails in some way."""
        self.clear()
        calls = [call for call in CALLS if call not in without]
        kind = rng.choice(("one place", "one place", "one call", "one call in one place", "log", "read-only", "full",
                           "all"))
        if kind == "read-only":
            self.set(0, READ_ONLY, PLACES, errno.EROFS)
            return
        if kind == "log":
            self.set(0, {"sync"}, rng.choice(({"wal"}, {"wbl"}, {"chunks_head"}, {"wal", "wbl", "chunks_head"})),
                     errno.EIO, rng.choice((1, 3, -1)))
            return
        if kind == "full":
            self.set(0, {"write"}, PLACES, SHORT, left=1)
            self.set(1, {"write", "create"}, PLACES, rng.choice((errno.ENOSPC, errno.EDQUOT)))
            return
        chosen = set(calls) if kind in ("one place", "all") else {rng.choice(("sync", *calls))}
        places = set(PLACES) if kind in ("one call", "all") else {rng.choice(("wal", "chunks_head", *PLACES))}
        if "write" in chosen and rng.random() < 0.3:
            self.set(0, {"write"}, places, SHORT, left=rng.randrange(1, 4))
        left = rng.choice((1, 1, 2, 5, 20, -1, -1))
        self.set(1, chosen, places, rng.choice(ERRORS), left, rng.choice((1000, 1000, 500, 50)))


class Directory(power.Directory):
    """One data directory over some rounds."""

    def __init__(self, options, folder, rng, counts):
        rules = folder.parent / f"faults-{folder.name}"
        self.faults = Faults(rules)
        super().__init__(options, folder, rng, counts, [f"MILLRACE_POWER_FAULTS={rules}"])
        self.was_said = ""

    def choose(self, without=()):
        self.faults.choose(self.rng, without)
        self.was_said = self.faults.said
        self.load.disk_fails = True

    def heal(self):
        """The disk is well; what was asked for while it was not may still fail."""
        struck = self.faults.struck()
        self.faults.clear()
        self.counts["calls that failed"] += struck
        return struck

    def lasts(self):
        """Did a sync fail that matters? Without --storage.tsdb.wal-sync=batch the log is not written again."""
        return self.sync == "batch" or self.disk.failed == 0

    def start(self):
        if self.rng.random() < 0.3:
            self.start_on_bad_disk()
        super().start()

    def start_on_bad_disk(self):
        """It ends with words, or starts; what is in the directory is there all the same."""
        self.choose(without=("map",))
        try:
            self.server.start()
            self.counts["starts on a bad disk"] += 1
            self.look()
            self.kill()
        except processes.ServerError as error:
            self.counts["starts on a bad disk that failed"] += 1
            if self.process.returncode not in (0, 1, 2):
                raise Fault(f"a start on a bad disk ended with {self.process.returncode}: {error}") from None
        self.heal()
        self.take()

    def endure(self):
        time.sleep(self.rng.random() * power.LOAD_SECONDS / 4)
        for _ in range(self.rng.randrange(1, 4)):
            self.fail_for_a_while()
        if self.rng.random() < 0.5:
            self.choose()
            time.sleep(self.rng.random() * 0.1)
        self.end = self.rng.choice(ENDS)
        if "stop" in self.end:
            self.stop()
        else:
            self.kill()
        self.counts[f"ends by {self.end}"] += 1

    def fail_for_a_while(self):
        refused, failed = self.load.refused, self.writes_failed()
        self.choose()
        until = time.monotonic() + self.rng.random() * FAULT_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            time.sleep(0.005)
        if self.rng.random() < 0.7:
            self.look_running()
        if self.rng.random() < 0.2:
            self.look_quiet()
        was_refused = self.load.refused > refused
        struck = self.heal()
        self.counts["faults"] += 1
        self.counts["faults that struck"] += struck > 0
        self.counts["faults in which writes were refused"] += was_refused
        if was_refused and "cannot" not in self.load.reason:
            raise Fault(f"writes were refused, and it was not said why: {self.load.reason!r}")
        self.wait_for_writes()
        if was_refused and self.writes_failed() == failed:
            raise Fault(f"writes were refused, and no failure was counted: {self.load.reason}")
        if self.rng.random() < 0.5:
            self.look_running()

    def client(self, do):
        client = Client(self.port)
        try:
            return do(client)
        except OSError as error:
            raise Fault(f"not answered: {error}; {self.server.last_words()}") from None
        finally:
            client.close()

    def look_running(self):
        self.client(self.load.check_running)

    def writes_failed(self):
        """All that could not be logged, by the server's own count."""
        text = self.client(lambda client: client.exchange("GET", "/metrics", None, {})).body.decode()
        names = ("prometheus_tsdb_wal_writes_failed_total ", "prometheus_tsdb_out_of_order_wbl_writes_failed_total ")
        return sum(float(line.split()[1]) for line in text.splitlines() if line.startswith(names))

    def look_quiet(self):
        """Nobody sends: what fails is not tried all the time."""
        self.set_pause(True)
        time.sleep(0.1)
        before, begin = self.faults.struck(), time.monotonic()
        time.sleep(QUIET_SECONDS)
        strikes, seconds = self.faults.struck() - before, time.monotonic() - begin
        self.set_pause(False)
        if strikes > QUIET_STRIKES * seconds / QUIET_SECONDS:
            raise Fault(f"{strikes} calls failed in {seconds:.1f} s without a request")

    def set_pause(self, paused):
        for sender in self.running:
            sender.paused = paused

    def senders(self):
        self.running = super().senders()
        return self.running

    def wait_for_writes(self):
        """Of each sender: then none has yet to be told of a refusal that was counted before."""
        before, deadline = list(self.load.next), time.monotonic() + WELL_SECONDS
        while any(now <= was for now, was in zip(self.load.next, before)):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise Fault(f"the disk is well again, and nothing is taken: {self.load.reason};"
                            f" {self.server.last_words()}")
            time.sleep(0.005)

    def stop(self):
        self.server.stop()
        if self.process.returncode != 0:
            raise Fault(f"the server was stopped, and ended with {self.process.returncode}:"
                        f" {self.server.last_words()}")

    def round(self):
        self.load.disk_fails = False
        crash_directory.Directory.round(self)
        was_well = self.heal() == 0
        self.counts["samples deleted"] += self.deleter.deleted
        self.take()
        if "stop" in self.end and was_well and self.lasts():
            self.load.mark(disk_was_well=False)
        if "loss" in self.end:
            self.lose()
        elif self.sync == "batch" and self.rng.random() < 0.5:
            self.counts["files of which the kernel dropped pages"] += self.disk.drop_failed(self.rng)

    def finish(self):
        self.load.disk_fails = False
        self.start()
        self.stop()
        self.take()
        if self.lasts():
            self.load.mark(disk_was_well=False)
            self.lose()
        super(power.Directory, self).start()
        self.stop()
        self.take()
        self.counts["blocks at the end"] += len(list(self.data.glob("*/meta.json")))
        self.counts["checkpoints at the end"] += len(list(self.data.glob("wal/checkpoint.*")))
        shutil.rmtree(self.folder)


class Run(power.Run):
    def make(self, folder):
        return Directory(self.options, folder, self.rng, self.counts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    power.add_options(parser)
    options = parser.parse_args()
    power.run_and_tell(Run("millrace-faults-", options, options.seed), lambda directory: f", {directory.was_said}")


if __name__ == "__main__":
    main()
