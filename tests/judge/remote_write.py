"""Remote write 1.0, written by hand: protobuf from struct, snappy made of one literal.

A sample is 18 bytes whatever its value while timestamps lie between 2^35 and 2^42 ms (1971 to 2109),
so that a run of samples is one struct.pack over a list whose frame is reused.
"""
import functools
import http.client
import struct

SAMPLE_HEAD = b"\x12\x10\x09"  # TimeSeries.samples, 16 bytes long; Sample.value
TIMESTAMP_TAG = b"\x10"


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(tag, data):
    """A length-delimited protobuf field."""
    return bytes([tag]) + varint(len(data)) + data


def encode_labels(labels):
    """Label pairs of a series, sorted by name, as TimeSeries.labels fields."""
    return b"".join(
        field(0x0A, field(0x0A, name.encode()) + field(0x12, value.encode()))
        for name, value in sorted(labels.items())
    )


@functools.lru_cache(maxsize=None)
def run_format(count):
    return struct.Struct("<" + "3sd7s" * count)


def encode_times(times):
    """Timestamps in ms, each ready to stand behind a value."""
    return [TIMESTAMP_TAG + varint(time) for time in times]


def encode_samples(times, values):
    """times as encode_times made them."""
    count = len(values)
    frame = [SAMPLE_HEAD] * (3 * count)
    frame[1::3] = values
    frame[2::3] = times
    return run_format(count).pack(*frame)


def encode_series(labels, samples):
    return field(0x0A, labels + samples)


def snappy(data):
    """A snappy block that holds all as one literal."""
    return varint(len(data)) + b"\xfc" + struct.pack("<I", len(data) - 1) + data


class Writer:
    """Gathers series and sends them as requests of a fair size."""

    def __init__(self, port, request_bytes=1 << 20):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.request_bytes = request_bytes
        self.waiting = []
        self.size = 0

    def add(self, labels, samples):
        data = encode_series(labels, samples)
        self.waiting.append(data)
        self.size += len(data)
        if self.size >= self.request_bytes:
            self.flush()

    def flush(self):
        if not self.waiting:
            return
        body = snappy(b"".join(self.waiting))
        self.waiting, self.size = [], 0
        self.connection.request("POST", "/api/v1/write", body=body, headers={
            "Content-Encoding": "snappy",
            "Content-Type": "application/x-protobuf",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        })
        response = self.connection.getresponse()
        said = response.read()
        if response.status // 100 != 2:
            raise RuntimeError(f"remote write: {response.status} {said[:300]!r}")

    def close(self):
        self.flush()
        self.connection.close()
