#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "storage/bit_writer.h"
#include "storage/raw_histogram.h"

/*
 * Native histograms packed as Prometheus packs them (encodings 2, 3, 5 and 6), one at a time:
 *
 *     struct histogram_fit fit = histogram_appender_fit(&appender, h);
 *     if (!fit.same_chunk) ... the chunk is kept as it is; done or reset, begun anew
 *     histogram_appender_append(&appender, t_ms, start_ms, h);
 *
 * All samples of a chunk have the same buckets. One with further buckets makes the appender write
 * the chunk again, with empty ones in the samples before; one that lacks buckets that were empty
 * gets them. A schema, zero threshold or bounds that differ, a counter that started anew, and what
 * comes behind a stale marker need a new chunk, as do gauges behind counters.
 *
 * The bytes are a valid chunk after every append: what stands between encoding byte and CRC in a
 * file. They move when an append makes them grow.
 *
 * Thread: one at a time.
 */
struct histogram_appender {
    struct bit_writer out;
    uint8_t encoding;
    bool is_float;
    bool has_starts;
    uint8_t reset; /* enum chunk_reset, in the header */
    uint8_t start_header;
    size_t count;
    int64_t begin_ms;
    int64_t t_ms;        /* of the last sample */
    struct arena *arena; /* holds what follows, from the first sample on */
    struct arena *spare; /* for the comparison of layouts, and for the next layout */
    struct appender_layout *layout;
};

struct histogram_fit {
    bool same_chunk;
    uint8_t reset; /* enum chunk_reset of the chunk that begins with it */
};

#define HISTOGRAM_COUNT_MAX 65535
#define HISTOGRAM_ST_COUNT_MAX 16383

/* Begins an empty chunk. Done frees all; after both, count is 0. */
void histogram_appender_init(struct histogram_appender *a, uint8_t encoding);
void histogram_appender_done(struct histogram_appender *a);

/* Forgets the chunk, keeps the memory. `reset`: of the new one, if its first sample tells nothing
 */
void histogram_appender_begin(struct histogram_appender *a, uint8_t reset);

/* Does the histogram, of the appender's kind, go into the chunk? Always into an empty one. */
struct histogram_fit histogram_appender_fit(struct histogram_appender *a,
                                            const struct raw_histogram *h);

/*
 * Appends one that fits. Times rise; not more samples than the encoding counts; start_ms is 0 where
 * none is known, or the encoding has none.
 */
void histogram_appender_append(struct histogram_appender *a, int64_t t_ms, int64_t start_ms,
                               const struct raw_histogram *h);

/* Is the newest sample this one? Buckets that are empty do not count. */
bool histogram_appender_holds(const struct histogram_appender *a, const struct raw_histogram *h);
