#pragma once

/*
 * The header of a fragment, of which a record in the log has one or more: a byte of type and
 * packing, then the length u16 and the checksum u32, both big endian. The pages are drawn on top of
 * wal.c.
 */
#define FRAGMENT_HEADER_SIZE 7

enum fragment_type {
    FRAGMENT_PAGE_END = 0,
    FRAGMENT_FULL = 1,
    FRAGMENT_FIRST = 2,
    FRAGMENT_MIDDLE = 3,
    FRAGMENT_LAST = 4,
};

/* In the same byte: how the record is packed. */
#define FRAGMENT_TYPE_MASK 7
#define FRAGMENT_SNAPPY 8
#define FRAGMENT_ZSTD 16
