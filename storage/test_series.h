#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/histogram.h"
#include "model/sample.h"
#include "storage/chunk_histogram_write.h"

/*
 * A series in memory, for tests, cut into chunks where the head of a Prometheus with ranges of a
 * day cuts them. Histograms are packed in chunks as they are in its head: it depends on them what
 * hint reads back, and in which layout of buckets.
 */
struct test_sample {
    int64_t time_ms;
    int64_t start_ms; /* 0: none */
    double value;
    const struct histogram *histogram; /* NULL: a float, or a stale marker */
};

struct test_series_chunk {
    int64_t begin_ms, end_ms;
    bool holds_histograms;
    struct samples floats;
    struct histogram_appender histograms;
    int64_t next_at_ms; /* a histogram from here on begins a new chunk */
    bool is_foreseen;   /* next_at_ms was computed from how the chunk grows */
};

struct test_series {
    const char **labels; /* name, value, ..., NULL; sorted as given */
    struct test_sample last;
    struct test_series_chunk **chunks;
    size_t chunk_count, chunk_cap;
    size_t chunk_samples; /* floats that a chunk holds, at most */
};

/*
 * `arena` keeps the last histogram. As with Prometheus, a sample of the last one's time is left out
 * if it is equal; ERR_BAD_DATA if it is not, or if the time lies before.
 */
bool test_series_append(struct test_series *series, const struct test_sample *sample,
                        struct arena *arena, struct err *err) MUST_CHECK;
void test_series_done(struct test_series *series);

/* Appends the samples of a chunk, as chunk_decode does. */
bool test_series_chunk_read(const struct test_series_chunk *chunk, struct samples *into,
                            struct err *err) MUST_CHECK;
