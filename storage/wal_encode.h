#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "storage/raw_histogram.h"
#include "storage/wal_record.h"

/*
 * Writes the records that wal_record.c draws, entry by entry:
 *
 *     wal_encoder_begin(&encoder, WAL_SAMPLES);
 *     wal_encode_sample(&encoder, ref, t_ms, start_ms, v); ...
 *     encoder.out is the record
 *
 * Thread: one at a time.
 */
struct wal_encoder {
    struct buf out;
    enum wal_record_type type;
    size_t count;
    uint64_t first_ref, last_ref;
    int64_t first_t_ms;
    int64_t first_start_ms, last_start_ms;
};

/* Keeps the memory of the record before. */
void wal_encoder_begin(struct wal_encoder *encoder, enum wal_record_type type);
void wal_encoder_done(struct wal_encoder *encoder);

void wal_encode_series(struct wal_encoder *encoder, uint64_t ref, const struct wal_label *labels,
                       size_t label_count);

/* Types of the first form have no room for start timestamps, and leave them out. */
void wal_encode_sample(struct wal_encoder *encoder, uint64_t ref, int64_t t_ms, int64_t start_ms,
                       double v);

/* Of a kind that the record's type is for. */
void wal_encode_histogram(struct wal_encoder *encoder, uint64_t ref, int64_t t_ms, int64_t start_ms,
                          const struct raw_histogram *h);

/* Appends what a record has of the histogram behind its time. */
void wal_encode_histogram_body(struct buf *out, const struct raw_histogram *h);

void wal_encode_tombstone(struct wal_encoder *encoder, uint64_t ref, struct time_range range);
void wal_encode_exemplar(struct wal_encoder *encoder, uint64_t ref, int64_t t_ms, double v,
                         const struct wal_label *labels, size_t label_count);
void wal_encode_metadata(struct wal_encoder *encoder, const struct wal_metadata *metadata);

/* The type of record for such a histogram. */
enum wal_record_type wal_histogram_type(const struct raw_histogram *h, bool with_starts);

static inline void wal_encoder_done_auto(struct wal_encoder *encoder)
{
    wal_encoder_done(encoder);
}
