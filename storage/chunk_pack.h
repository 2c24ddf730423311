#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/sample.h"
#include "storage/chunk_histogram_write.h"

/*
 * Packs samples of one series as chunks: those that are not to be handed on as they are stored.
 *
 *     chunk_pack_begin(&pack, 0)
 *     chunk_pack_float, chunk_pack_histogram ...     in order of time
 *     chunk_pack_end(&pack)
 *     pack.chunks, pack.bytes
 *
 * A chunk holds one kind of samples, CHUNK_PACK_COUNT at most. `{0}` is an empty one, whose memory
 * serves again and again. Thread: one at a time.
 */
#define CHUNK_PACK_COUNT 120

struct packed_chunk {
    int64_t begin_ms;
    int64_t end_ms;
    size_t at; /* in the bytes */
    size_t size;
    uint8_t encoding;
};

struct chunk_pack {
    uint8_t encoding; /* 0: as the samples need it */
    struct packed_chunk *chunks;
    size_t count;
    size_t cap;
    struct buf bytes;
    struct samples floats;                /* of the open chunk */
    struct histogram_appender histograms; /* of the open chunk; no arena: there never was one */
};

/*
 * Forgets what it holds. With an encoding, one that the samples came from and go back to, it is
 * theirs, and a chunk has as many as come; with 0 it is the shortest that has room for the start
 * timestamps there are.
 */
void chunk_pack_begin(struct chunk_pack *pack, uint8_t encoding);
void chunk_pack_float(struct chunk_pack *pack, int64_t t_ms, int64_t start_ms, double v);
void chunk_pack_histogram(struct chunk_pack *pack, int64_t t_ms, int64_t start_ms,
                          const struct raw_histogram *h);
void chunk_pack_end(struct chunk_pack *pack);
void chunk_pack_done(struct chunk_pack *pack);

/*
 * Floats and histograms of [begin_ms, end_ms], chunk_pack_begin and _end included. A stale marker
 * behind a histogram is taken for a histogram's.
 */
void chunk_pack_samples(struct chunk_pack *pack, const struct samples *samples, int64_t begin_ms,
                        int64_t end_ms);
