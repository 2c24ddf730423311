#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/histogram.h"

/*
 * Native histogram samples of one series in order of time, and the memory they live in: regions,
 * added by whoever decodes (one a chunk), dropped from the front as the reader moves on. Histograms
 * of one region share what is alike: spans, custom bounds.
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
    bool totals_only; /* the reader wants hint, count and sum; buckets and zero bucket may be left
                         out */

    struct histogram_region *regions; /* the oldest first */
    struct histogram_region *last_region;
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

/* Drops all, but keeps memory for the next series. */
void histogram_samples_clear(struct histogram_samples *samples);
void histogram_samples_done(struct histogram_samples *samples);

/* All that it holds, in bytes. */
size_t histogram_samples_bytes(const struct histogram_samples *samples);
