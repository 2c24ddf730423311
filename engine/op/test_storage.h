#pragma once

#include "storage/select.h"

/*
 * For tests: series in memory, in the order they were added, handed out in chunks of a few samples.
 * Matchers are applied one by one.
 */
struct test_storage {
    struct storage storage;
    struct test_series *series;
    size_t count;
    size_t cap;
    size_t chunk_samples; /* how many a cursor gives at once */
    size_t fail_series;   /* a cursor on this one fails; SIZE_MAX: none does */
};

void test_storage_init(struct test_storage *storage);
void test_storage_done(struct test_storage *storage);

/* Copies labels ("name", "value", ..., NULL) and samples. */
void test_storage_add(struct test_storage *storage, const char *const *labels,
                      const int64_t *times_ms, const double *values, size_t count);
