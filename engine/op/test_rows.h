#pragma once

#include "engine/op.h"

/* For tests: a query over nothing but an arena, and an operator that hands out rows from memory. */
struct test_query {
    struct query query;
    struct arena *arena;
};

void test_query_init(struct test_query *test);
void test_query_done(struct test_query *test);

/* A label set from "name", "value", ... , NULL. */
const struct labels *test_labels(struct query *query, const char *const *texts);
#define TEST_LABELS(query, ...) test_labels((query), (const char *const[]){__VA_ARGS__, NULL})

/*
 * Rows of `steps` values each, which the operator copies on every pull (consumers write into
 * batches). `rows_per_batch` 1 finds consumers that lean on a batch being large.
 */
struct op *op_test_rows_new(struct query *query, const struct grid *grid,
                            const struct labels **labels, const double *values, size_t series_count,
                            size_t rows_per_batch);

#define MISSING value_stale()
