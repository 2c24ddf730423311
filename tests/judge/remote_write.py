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


def zigzag(number):
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


def double(tag, value):
    return bytes([tag]) + struct.pack("<d", value)


def encode_side(buckets, whole, tags):
    """Spans, and counts as differences of integers or as floats; `tags` of spans, deltas and counts."""
    out, counts, end = b"", [], 0
    for index in sorted(buckets):
        if not counts or index > end:
            run = 1
            while index + run in buckets:
                run += 1
            out += field(tags[0], b"\x08" + zigzag(index - end) + b"\x10" + varint(run))
            end = index + run
        counts.append(buckets[index])
    if not counts:
        return out
    if whole:
        return out + field(tags[1], b"".join(zigzag(now - before) for before, now in zip([0] + counts, counts)))
    return out + field(tags[2], struct.pack(f"<{len(counts)}d", *counts))


def encode_histogram_body(h, time):
    """One native histogram, as native_series.Histogram describes it: 1.0 and 2.0 write it alike."""
    out = b"\x08" + varint(h.count) if h.whole else double(0x11, h.count)
    out += double(0x19, h.sum) + b"\x20" + zigzag(h.schema) + double(0x29, h.zero_threshold)
    out += b"\x30" + varint(h.zero_count) if h.whole else double(0x39, h.zero_count)
    out += encode_side(h.negative, h.whole, (0x42, 0x4A, 0x52)) + encode_side(h.positive, h.whole, (0x5A, 0x62, 0x6A))
    out += b"\x70" + varint(h.hint) + b"\x78" + varint(time)
    if h.bounds:
        out += b"\x82\x01" + varint(8 * len(h.bounds)) + struct.pack(f"<{len(h.bounds)}d", *h.bounds)
    return out


def encode_histogram(h, time):
    """TimeSeries.histograms of 1.0."""
    return field(0x22, encode_histogram_body(h, time))


def encode_histograms(times, histograms):
    """times in ms."""
    return b"".join(encode_histogram(h, time) for time, h in zip(times, histograms))


def encode_series(labels, samples):
    return field(0x0A, labels + samples)


def snappy(data):
    """A snappy block that holds all as one literal."""
    literal = b"\xfc" + struct.pack("<I", len(data) - 1) + data if data else b""
    return varint(len(data)) + literal


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
        body, self.waiting, self.size = b"".join(self.waiting), [], 0
        self.send(body)

    def send(self, body):
        """One request; a body of nothing has no series."""
        self.connection.request("POST", "/api/v1/write", body=snappy(body), headers={
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
