#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/histogram_samples.h"
#include "model/sample.h"

/* How many samples there were of both kinds, to tell what was appended since. */
struct samples_mark {
    size_t floats;
    size_t histograms;
};

static inline struct samples_mark samples_mark(const struct samples *samples)
{
    return (struct samples_mark){samples->count,
                                 samples->histograms ? samples->histograms->count : 0};
}

static inline size_t samples_since(const struct samples *samples, struct samples_mark mark)
{
    struct samples_mark now = samples_mark(samples);
    return now.floats - mark.floats + now.histograms - mark.histograms;
}

/* Times of the first and of the last sample appended since; there is one. */
static inline int64_t samples_first_since_ms(const struct samples *samples,
                                             struct samples_mark mark)
{
    struct samples_mark now = samples_mark(samples);
    int64_t first = INT64_MAX;
    if (now.floats > mark.floats)
        first = samples->times_ms[mark.floats];
    if (now.histograms > mark.histograms && samples->histograms->times_ms[mark.histograms] < first)
        first = samples->histograms->times_ms[mark.histograms];
    return first;
}

static inline int64_t samples_last_since_ms(const struct samples *samples, struct samples_mark mark)
{
    struct samples_mark now = samples_mark(samples);
    int64_t last = INT64_MIN;
    if (now.floats > mark.floats)
        last = samples->times_ms[now.floats - 1];
    if (now.histograms > mark.histograms &&
        samples->histograms->times_ms[now.histograms - 1] > last)
        last = samples->histograms->times_ms[now.histograms - 1];
    return last;
}

static inline void samples_take_back(struct samples *samples, struct samples_mark mark)
{
    samples->count = mark.floats;
    if (samples->histograms)
        histogram_samples_truncate(samples->histograms, mark.histograms);
}
