"""Remote read, written by hand: requests to a server, and its answers taken apart."""
import struct

from .client import Client
from .remote_write import field, snappy, varint

SAMPLES, STREAMED = 0, 1
EQUAL, NOT_EQUAL, REGEX, NOT_REGEX = range(4)
HEADERS = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
           "X-Prometheus-Remote-Read-Version": "0.1.0"}


class Damage(Exception):
    """An answer is not what it should be made of."""


def encode_number(number, value):
    return bytes([number << 3]) + varint(value & (1 << 64) - 1)


def encode_query(begin, end, matchers, hints=None):
    """matchers: (kind, name, value); hints: (function, begin, end)."""
    out = encode_number(1, begin) + encode_number(2, end)
    for kind, name, value in matchers:
        out += field(0x1A, encode_number(1, kind) + field(0x12, name.encode()) + field(0x1A, value.encode()))
    if hints:
        function, hint_begin, hint_end = hints
        out += field(0x22, encode_number(1, 15000) + field(0x12, function.encode()) + encode_number(3, hint_begin)
                     + encode_number(4, hint_end) + field(0x2A, b"job") + encode_number(6, 1))
    return field(0x0A, out)


def encode_request(queries, accepted=()):
    """queries: encoded ones; accepted: numbers of answer types, the best first."""
    types = b"".join(varint(number) for number in accepted)
    return b"".join(queries) + (field(0x12, types) if accepted else b"")


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    """(number, value) of each field: integers, eight bytes, or bytes."""
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        wire = tag & 7
        if wire == 0:
            value, at = read_varint(data, at)
        elif wire == 1:
            value, at = data[at:at + 8], at + 8
        elif wire == 2:
            size, at = read_varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise Damage(f"wire type {wire}")
        if at > len(data):
            raise Damage("a field is cut short")
        yield tag >> 3, value


def unpack(data):
    """What a snappy block holds."""
    size, at = read_varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == 0:
            length = tag >> 2
            if length >= 60:
                more = length - 59
                length, at = int.from_bytes(data[at:at + more], "little"), at + more
            out += data[at:at + length + 1]
            at += length + 1
            continue
        if tag & 3 == 1:
            length, offset, at = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | data[at], at + 1
        elif tag & 3 == 2:
            length, offset, at = (tag >> 2) + 1, int.from_bytes(data[at:at + 2], "little"), at + 2
        else:
            length, offset, at = (tag >> 2) + 1, int.from_bytes(data[at:at + 4], "little"), at + 4
        if offset == 0 or offset > len(out):
            raise Damage("a copy from nowhere")
        while length > 0:
            piece = out[len(out) - offset:len(out) - offset + length]
            out += piece
            length -= len(piece)
    if len(out) != size:
        raise Damage(f"{len(out)} bytes of {size}")
    return bytes(out)


def read_labels(data):
    parts = dict(fields(data))
    return parts.get(1, b"").decode(), parts.get(2, b"").decode()


def read_sample(data):
    parts = dict(fields(data))
    return parts.get(2, 0), parts.get(1, bytes(8))


def read_series(data):
    """(labels, [(time, eight bytes)], [fields of a histogram])"""
    labels, samples, histograms = [], [], []
    for number, value in fields(data):
        if number == 1:
            labels.append(read_labels(value))
        elif number == 2:
            samples.append(read_sample(value))
        elif number == 4:
            histograms.append(list(fields(value)))
    return tuple(labels), samples, histograms


def read_samples(body):
    """The series of each query."""
    return [[read_series(series) for _, series in fields(result)] for _, result in fields(unpack(body))]


def crc32c(data, table=[]):
    if not table:
        for byte in range(256):
            for _ in range(8):
                byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
            table.append(byte)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def read_frames(body, check=True):
    """(query, labels, [(begin, end, encoding, bytes)]) of each frame."""
    at = 0
    while at < len(body):
        size, at = read_varint(body, at)
        crc, frame = struct.unpack(">I", body[at:at + 4])[0], body[at + 4:at + 4 + size]
        at += 4 + size
        if len(frame) != size or (check and crc32c(frame) != crc):
            raise Damage("a frame is cut short or garbled")
        query, labels, chunks = 0, [], []
        for number, value in fields(frame):
            if number == 2:
                query = value
                continue
            for inner, part in fields(value):
                if inner == 1:
                    labels.append(read_labels(part))
                else:
                    parts = dict(fields(part))
                    chunks.append((parts.get(1, 0), parts.get(2, 0), parts.get(3, 0), parts.get(4, b"")))
        yield query, tuple(labels), chunks


class Reader:
    """Asks one server."""

    def __init__(self, port):
        self.client = Client(port)

    def send(self, body):
        return self.client.exchange("POST", "/api/v1/read", body, HEADERS)

    def ask(self, queries, accepted=()):
        body = encode_request(queries, accepted)
        return self.send(snappy(body) if body else b"\0")

    def close(self):
        self.client.close()
