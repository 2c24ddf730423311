#pragma once

#include "base/arena.h"
#include "storage/select.h"
#include "storage/test_series.h"

/*
 * For tests: series in memory, in the order they were added, with all that Prometheus's head keeps
 * of a sample. Matchers are applied one by one.
 *
 * Thread: one adds; then any number may read.
 */
struct test_storage {
    struct storage storage;
    struct arena *arena; /* labels, histograms */
    struct test_series *series;
    size_t count;
    size_t cap;
    size_t chunk_samples; /* of series yet to come: floats that a chunk holds, at most */
    size_t fail_series;   /* a cursor on this one fails; SIZE_MAX: none does */
};

void test_storage_init(struct test_storage *storage);
void test_storage_done(struct test_storage *storage);

/* Forgets all series. */
void test_storage_clear(struct test_storage *storage);

/* A new series of labels ("name", "value", ..., NULL) and float samples, copied. */
void test_storage_add(struct test_storage *storage, const char *const *labels,
                      const int64_t *times_ms, const double *values, size_t count);

/* The series of these labels, made if there is none. Borrowed until the next call. */
struct test_series *test_storage_series(struct test_storage *storage, const struct symbols *symbols,
                                        const struct labels *labels);
