#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/histogram.h"

/*
 * Native histogram samples of one series in order of time, and the memory they live in: regions,
 * added by whoever decodes (one a chunk), dropped from the front as the reader moves on. Histograms
 * of one region share what is alike: spans, custom bounds. Charged to no budget: the owner does it,
 * by histogram_samples_bytes. `{0}` is an empty one.
 *
 * Thread: one at a time.
 */
struct histogram_region;

struct histogram_samples {
    int64_t *times_ms;
    const struct histogram **items;
    int64_t *starts_ms; /* 0: none; always there */
    size_t count;
    size_t cap;
    /*
     * The reader wants schema, hint, count and sum, and a cursor gives nothing else: histograms
     * with and without buckets would not go together. Where the storage does not know whether the
     * counter started anew, it compares all buckets with those of the sample before, so that hints
     * are what Prometheus's HistogramStatsIterator says of samples read one after another. Who
     * jumps over samples has not seen the one before: the first one behind the jump has its stored
     * hint.
     */
    bool totals_only;
    uint8_t *stored_hints; /* enum histogram_hint; as without totals_only; always there */

    struct histogram_region *regions; /* the oldest first */
    struct histogram_region *last_region;
    struct histogram_region *spare_regions; /* dropped ones, whose memory serves again */
};

/* An arena that lives until all samples added after it have been forgotten. */
struct arena *histogram_samples_region(struct histogram_samples *samples);

/* `h` lives in the newest region. */
void histogram_samples_add(struct histogram_samples *samples, int64_t time_ms, int64_t start_ms,
                           const struct histogram *h);

/*
 * Drops the first `count` samples, and the regions that held nothing else. Not between a new region
 * and its first sample.
 */
void histogram_samples_forget(struct histogram_samples *samples, size_t count);

/* Drops samples from the end until `count` are left, and the regions that held nothing else. */
void histogram_samples_truncate(struct histogram_samples *samples, size_t count);

/* Says otherwise of a sample, which may share its histogram; stored_hints stay. */
void histogram_samples_set_hint(struct histogram_samples *samples, size_t index,
                                enum histogram_hint hint);

/* Of samples [from, count), all of the newest region, only schema, hint, count and sum stay. */
void histogram_samples_strip(struct histogram_samples *samples, size_t from);

/* Drops all, but keeps memory for the next series. */
void histogram_samples_clear(struct histogram_samples *samples);
void histogram_samples_done(struct histogram_samples *samples);

/* All that it holds, in bytes. */
size_t histogram_samples_bytes(const struct histogram_samples *samples);
