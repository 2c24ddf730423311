#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "storage/chunk_histogram_write.h"

/*
 * The chunk of native histograms that a series of the head fills, and when it is full: as
 * Prometheus's head cuts them, by size, spread evenly over the range. Never over a multiple of the
 * range.
 *
 * Thread: one at a time.
 */
#define LIVE_HISTOGRAM_TARGET_BYTES 1024
#define LIVE_HISTOGRAM_SAMPLES_MIN 10

struct live_histogram {
    struct histogram_appender appender;
    int64_t next_at_ms; /* a sample from here on begins a new chunk */
    bool is_foreseen;   /* next_at_ms was computed from how the chunk grows */
};

struct live_histogram *live_histogram_create(void);
void live_histogram_destroy(struct live_histogram *open);

/* What is done with the chunk before the histogram goes into it. */
enum live_histogram_cut {
    LIVE_HISTOGRAM_GOES_ON,
    LIVE_HISTOGRAM_FULL,
    LIVE_HISTOGRAM_DIFFERS, /* the histogram does not fit */
};

/* `*ret_reset`: what the new chunk's header says, if one is cut. The chunk is not empty. */
enum live_histogram_cut live_histogram_cut(struct live_histogram *open, int64_t t_ms,
                                           int64_t start_ms, const struct raw_histogram *h,
                                           uint8_t *ret_reset);

/* Into the chunk; an empty one is begun. */
void live_histogram_append(struct live_histogram *open, int64_t t_ms, int64_t start_ms,
                           const struct raw_histogram *h);

/* The chunk was taken; the next one begins with this. */
void live_histogram_begin(struct live_histogram *open, enum live_histogram_cut why, uint8_t reset);
