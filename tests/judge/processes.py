"""Starts and ends the servers that are compared: a Prometheus, a Millrace, or anything alike.

A server gets a data directory of its own, a free port on 127.0.0.1, and is ended through the very
process that was started here.
"""
import http.client
import pathlib
import shlex
import signal
import socket
import subprocess
import time

START_SECONDS = 60
STOP_SECONDS = 30
EMPTY_CONFIG = "global:\n  scrape_interval: 1h\n"
# Blocks this long are never merged, and such a head is never cut: the data stays as it was found.
NO_COMPACTION = ("--storage.tsdb.min-block-duration=31d", "--storage.tsdb.max-block-duration=31d")


class ServerError(Exception):
    """A server did not start, or ended when it should not have."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One running server; use it with `with`."""

    def __init__(self, name, command, port, log):
        self.name = name
        self.command = command
        self.port = port
        self.log = pathlib.Path(log)
        self.process = None

    def start(self):
        try:
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        except OSError as error:
            raise ServerError(f"{self.command[0]} cannot be started: {error.strerror}") from None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ServerError(f"{self.name} ended at once: {self.last_words()}")
            if self.is_ready():
                return self
            time.sleep(0.01)
        self.stop()
        raise ServerError(f"{self.name} was not ready after {START_SECONDS} s: {self.last_words()}")

    def is_ready(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/-/ready")
            status = connection.getresponse().status
            connection.close()
            return status == 200
        except (OSError, http.client.HTTPException):
            return False

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        if not self.is_alive():
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_SECONDS)

    def last_words(self):
        lines = self.log.read_text(errors="replace").splitlines()
        return " / ".join(lines[-3:]) if lines else "it said nothing"

    @property
    def pid(self):
        return self.process.pid

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def prometheus(program, data, features=(), flags=NO_COMPACTION, name="prometheus", config=EMPTY_CONFIG):
    """A Prometheus on a data directory, scraping nothing. `program` may hold arguments."""
    port = free_port()
    base = pathlib.Path(data).parent
    config_file = base / f"{name}.yml"
    config_file.write_text(config)
    command = shlex.split(str(program)) + [
        f"--config.file={config_file}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
        "--web.enable-admin-api",
        "--log.level=warn",
        *flags,
    ]
    if features:
        command.append("--enable-feature=" + ",".join(features))
    return Server(name, command, port, base / f"{name}.log")


def millrace(program, data, features=(), flags=(), name="millrace"):
    """A Millrace that reads a data directory. `program` may hold arguments."""
    port = free_port()
    command = shlex.split(str(program)) + [
        "serve",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.read-only",
        f"--web.listen-address=127.0.0.1:{port}",
        *flags,
    ]
    if features:
        command.append("--enable-feature=" + ",".join(features))
    return Server(name, command, port, pathlib.Path(data).parent / f"{name}.log")


def of_kind(kind, program, data, **options):
    """The tested server: a millrace, or a prometheus to test the tests themselves."""
    if kind == "prometheus":
        return prometheus(program, data, **options)
    return millrace(program, data, **options)


def version_of(program):
    """The version of a Prometheus as a tuple of numbers."""
    said = subprocess.run([*shlex.split(str(program)), "--version"], capture_output=True, text=True, timeout=30, check=True)
    words = (said.stdout or said.stderr).split()
    text = words[words.index("version") + 1]
    return tuple(int(part) for part in text.split("+")[0].split("-")[0].split("."))
