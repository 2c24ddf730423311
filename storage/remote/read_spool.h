#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "storage/remote/read_body.h"
#include "storage/remote/spool.h"

/*
 * Answers of remote read, checked and put into a spool as they come: extents, each some chunks of
 * one series with its labels. Nothing but a frame, or where samples come that answer, is in memory.
 *
 *     extent   labels_size, chunks_size, flags u32     labels: name_len, value_len u32, name, value
 *              chunks: struct spooled_chunk and its bytes
 */
struct read_limits {
    size_t frame_size_max;
    struct budget *memory;
};

/*
 * Frames of ChunkedReadResponse; ReadResponse in a snappy block. ERR_CORRUPT: they are none, or
 * hold what no server may send. ERR_LIMIT. Else the body's errors.
 */
bool read_spool_frames(struct read_body *body, const struct read_limits *limits,
                       struct spool *spool, struct err *err) MUST_CHECK;
bool read_spool_samples(struct read_body *body, const struct read_limits *limits,
                        struct spool *spool, struct err *err) MUST_CHECK;

/* In the spool, and back from it. */
struct extent_head {
    uint32_t labels_size;
    uint32_t chunks_size;
    uint32_t flags;
};

#define EXTENT_HAS_HISTOGRAMS 1u

struct spooled_chunk {
    int64_t begin_ms;
    int64_t end_ms;
    uint32_t size;
    uint32_t encoding;
};

struct spooled_label {
    uint32_t name_size;
    uint32_t value_size;
};
