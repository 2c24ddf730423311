"""Remote write 2.0, written by hand: a table of texts, and series that name them by number."""
import struct

from .remote_write import field, varint

CONTENT_TYPE = "application/x-protobuf;proto=io.prometheus.write.v2.Request"


def int64(tag, number):
    return bytes([tag]) + varint(number & 0xFFFFFFFFFFFFFFFF)


class Request:
    """Gathers series and the texts that they name."""

    def __init__(self):
        self.numbers = {"": 0}
        self.series = b""

    def ref(self, text):
        return self.numbers.setdefault(text, len(self.numbers))

    def named(self, labels):
        """Label pairs, a dict or a list of pairs, in the order they have; or bare numbers, right or wrong."""
        if isinstance(labels, dict):
            labels = labels.items()
        numbers = [ref for pair in labels for ref in (map(self.ref, pair) if isinstance(pair, tuple) else [pair])]
        return field(0x0A, b"".join(map(varint, numbers)))

    def add(self, labels, samples=(), histograms=(), exemplars=(), metadata=None):
        """
        samples: (ms, value) or (ms, value, start ms); histograms: as encode_histogram_body made them;
        exemplars: (labels, ms, value); metadata: (number of the type, help, unit).
        """
        out = self.named(labels)
        for time, value, *start in samples:
            sample = b"\x09" + struct.pack("<d", value) + int64(0x10, time)
            out += field(0x12, sample + (int64(0x18, start[0]) if start else b""))
        for histogram in histograms:
            out += field(0x1A, histogram)
        for exemplar_labels, time, value in exemplars:
            out += field(0x22, self.named(exemplar_labels) + b"\x11" + struct.pack("<d", value) + int64(0x18, time))
        if metadata:
            kind, about, unit = metadata
            numbers = int64(0x08, kind) + int64(0x18, self.ref(about)) + int64(0x20, self.ref(unit))
            out += field(0x2A, numbers)
        self.series += field(0x2A, out)

    def encode(self):
        symbols = sorted(self.numbers, key=self.numbers.get)
        return b"".join(field(0x22, text.encode()) for text in symbols) + self.series
