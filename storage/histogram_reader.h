#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/histogram.h"
#include "model/sample.h"
#include "storage/bits.h"
#include "storage/raw_histogram.h"

/*
 * Reads the chunks of native histograms (encodings 2, 3, 5 and 6) sample by sample:
 *
 *     histogram_reader_open(&reader, encoding, data, size, arena, err)
 *     for (i < reader.sample_count) histogram_reader_next(&reader, buckets) ... false: cut short
 *
 * The bytes are not believed: counts are held against the bits that are there, spans and bounds are
 * checked; counts of observations may be any. The reader may not be moved, and ends with its arena.
 *
 * Thread: one at a time.
 */
#define HISTOGRAM_CHUNK_HEADER_SIZE 3

/* What the top bits of a chunk's header say of its first sample. */
enum chunk_reset {
    CHUNK_RESET_UNKNOWN = 0x00,
    CHUNK_RESET_NONE = 0x40,
    CHUNK_RESET = 0x80,
    CHUNK_RESET_GAUGE = 0xc0,
};
#define CHUNK_RESET_MASK 0xc0

/* A number that is XORed with the one before. */
struct xor_field {
    uint64_t v;
    uint8_t width; /* of the window, 1..64 */
    uint8_t trailing;
};

struct histogram_reader {
    struct histogram shape; /* what all samples share: schema, zero threshold, spans, bounds */
    uint8_t reset;          /* enum chunk_reset */
    bool is_float;
    bool has_starts;
    size_t bucket_count; /* positive and negative ones */
    size_t sample_count;
    size_t read_count;

    /* The last sample read. */
    int64_t t_ms;
    int64_t start_ms;
    double count;
    double zero_count;
    double sum;

    /* What the next one is told against. */
    uint64_t t_delta, start_diff;
    uint64_t whole_count, count_delta;
    uint64_t whole_zero_count, zero_count_delta;
    uint64_t *buckets, *changes; /* whole ones; how the last sample changed them */
    uint64_t *sums;              /* of the integers that the sample at hand is told by */
    size_t long_counts[2];       /* of varbit_run, of both sides */
    struct xor_field count_field, zero_count_field, sum_field;
    struct xor_field *fields;
    uint8_t start_header;

    struct bits bits;
    uint8_t tail[2 * BITS_TAIL_BYTES];
};

/* Spans and state live in the arena. ERR_CORRUPT. */
bool histogram_reader_open(struct histogram_reader *reader, uint8_t encoding, const uint8_t *data,
                           size_t size, struct arena *arena, struct err *err) MUST_CHECK;

/*
 * The next sample; its buckets, absolute counts, positive ones and behind them negative ones, into
 * `buckets`, if that is not NULL. A stale marker has none. False: the chunk is cut short or
 * garbled.
 */
bool histogram_reader_next(struct histogram_reader *reader, double *buckets) MUST_CHECK;

/* The buckets of the last sample that was no stale marker. */
void histogram_reader_buckets(const struct histogram_reader *reader, double *buckets);

/* The last sample read as it was sent; its buckets, absolute counts, live in the arena. */
struct raw_histogram histogram_reader_raw(const struct histogram_reader *reader,
                                          struct arena *arena);

/* The hint of the last sample read, as a reader of Prometheus gets it. */
enum histogram_hint histogram_reader_hint(const struct histogram_reader *reader);

static inline bool histogram_reader_is_stale(const struct histogram_reader *reader)
{
    return value_is_stale(reader->sum);
}
