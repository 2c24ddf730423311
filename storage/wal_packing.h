#pragma once

/* How records of a log are packed, where that makes them smaller. Readers take all of them. */
enum wal_packing {
    WAL_PACKED_SNAPPY,
    WAL_PACKED_ZSTD,
    WAL_NOT_PACKED,
};
