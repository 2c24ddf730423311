"""Reads from /proc what a server's process has used."""
import os
import pathlib
import threading
import time

TICK = os.sysconf("SC_CLK_TCK")


class Meter:
    """The CPU time and memory of one process."""

    def __init__(self, pid):
        self.proc = pathlib.Path("/proc", str(pid))

    def cpu(self):
        """Seconds of CPU time so far, of all threads."""
        words = (self.proc / "stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / TICK

    def status(self, name):
        """A line of /proc/PID/status, in MiB."""
        for line in (self.proc / "status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) / 1024
        return 0.0

    def reset_peak(self):
        """Makes VmHWM begin anew from what is resident now, and returns that."""
        (self.proc / "clear_refs").write_text("5")
        return self.status("VmRSS")


class AnonymousPeak(threading.Thread):
    """Watches memory that is not of files: the kernel keeps no peak of it."""

    PAUSE = 0.004

    def __init__(self, meter):
        super().__init__(daemon=True)
        self.meter = meter
        self.before = meter.status("RssAnon")
        self.peak = self.before
        self.done = threading.Event()

    def run(self):
        while not self.done.wait(self.PAUSE):
            self.peak = max(self.peak, self.meter.status("RssAnon"))

    def stop(self):
        self.done.set()
        self.join()
        return max(self.peak, self.meter.status("RssAnon")) - self.before


def wait_until_idle(meter, limit=10.0):
    """Waits until the process hardly computes, so that one query's clean-up does not count as the next's."""
    deadline = time.monotonic() + limit
    before = meter.cpu()
    while time.monotonic() < deadline:
        time.sleep(0.1)
        now = meter.cpu()
        if now - before <= 0.01:
            return
        before = now
