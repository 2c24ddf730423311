"""A write-ahead log whose reading takes long though it is small: one series, and one sample of it, told again and again."""
import pathlib
import struct

from .remote_read import crc32c
from .remote_write import varint

PAGE = 32768
SAMPLES = 69_000  # of a page; they nearly fill it
TIME = 1_700_000_000_000
SERIES_RECORD, SAMPLES_RECORD = b"\x01", b"\x02"
FULL, PACKED = 1, 8  # of a fragment: a whole record; snappy


def fragment(data, kind):
    return bytes([kind]) + struct.pack(">HI", len(data), crc32c(data)) + data


def packed(head, zeros):
    """A snappy block of some bytes and many zeros."""
    out = varint(len(head) + zeros) + bytes([len(head) << 2]) + head + b"\0"
    left = zeros - 1
    while left:
        size = min(64, left)
        out += bytes([size - 1 << 2 | 2]) + b"\1\0"
        left -= size
    return out


def write(data, segments, pages):
    """Into a data directory that has no log. About 17 million samples for 250 pages."""
    folder = pathlib.Path(data) / "wal"
    folder.mkdir(parents=True)
    begin = struct.pack(">QQ", 1, TIME)
    series = SERIES_RECORD + struct.pack(">Q", 1) + varint(1) + varint(8) + b"__name__" + varint(1) + b"a"
    sample = SAMPLES_RECORD + begin + b"\0\0" + struct.pack(">d", 0)
    first = (fragment(series, FULL) + fragment(sample, FULL)).ljust(PAGE, b"\0")
    page = fragment(packed(SAMPLES_RECORD + begin, SAMPLES * 10), FULL | PACKED).ljust(PAGE, b"\0")
    for segment in range(segments):
        (folder / f"{segment:08d}").write_bytes(first + page * pages)
