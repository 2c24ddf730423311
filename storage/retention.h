#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/block.h"

/*
 * Which blocks are beyond what is to be kept, as Prometheus counts: the time back from the end of
 * the newest block, not from any clock, so that a directory that was not written to for long keeps
 * what it has; the size from the newest block on, with what the head has on the disk in front.
 *
 * Thread: any; nothing is kept.
 */
struct retention {
    int64_t time_ms;     /* 0: for ever */
    uint64_t size_bytes; /* 0: any */
    double disk_percent; /* of the file system, instead of a size; 0: not told */
};

struct retention_block {
    const struct block_meta *meta;
    uint64_t size_bytes;
    struct ulid folder; /* for the caller */
    bool gone;          /* the answer */
};

struct retention_result {
    bool by_time; /* blocks are gone for their age, */
    bool by_size; /* for the room they take */
};

/* Sorts the blocks, the one that ends last first, and marks those that go. */
struct retention_result retention_mark(const struct retention *retention,
                                       struct retention_block *blocks, size_t count,
                                       uint64_t head_size_bytes);
