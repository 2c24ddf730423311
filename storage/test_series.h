#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/histogram.h"
#include "model/sample.h"

/*
 * A series in memory, for tests: samples, and the chunks in which Prometheus's head would hold
 * them. Chunks decide what a histogram's counter reset hint reads back as, and in which layout of
 * buckets; no bits are made of them, so that none is cut for its size.
 */
struct test_sample {
    int64_t time_ms;
    int64_t start_ms; /* 0: none */
    double value;
    const struct histogram *histogram; /* NULL: a float, or a stale marker */
};

/* The samples [begin, end) of a series. */
struct test_chunk {
    size_t begin, end;
    bool holds_histograms;
    bool gauge;
    /* All buckets that its histograms have, without counts. */
    struct histogram_side positive, negative;
};

struct test_series {
    const char **labels; /* name, value, ..., NULL; sorted as given */
    struct test_sample *samples;
    size_t count, cap;
    struct test_chunk *chunks;
    size_t chunk_count, chunk_cap;
};

/*
 * The histogram is copied to the arena. As with Prometheus, a sample of the last one's time is left
 * out if it is equal; ERR_BAD_DATA if it is not, or if the time lies before.
 */
bool test_series_append(struct test_series *series, const struct test_sample *sample,
                        struct arena *arena, struct err *err) MUST_CHECK;
void test_series_done(struct test_series *series);

/*
 * The histogram of a sample as it reads back from its chunk, in the arena; NULL if the sample is
 * none.
 */
struct histogram *test_series_histogram(const struct test_series *series,
                                        const struct test_chunk *chunk, size_t sample,
                                        struct arena *arena);
