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

/*
 * From now on values whose bits are a multiple of `every` (0: none) are handed out as histograms of
 * that count: to what only passes points on, they are as good. They last until the next pull.
 */
void op_test_rows_mix(struct op *op, unsigned every);

/* Hands out these too, series after series; NULL where there is none. */
void op_test_rows_add(struct op *op, const struct histogram *const *histograms);

/* Tells these places of its rows, by series. */
void op_test_rows_place(struct op *op, const struct row_place *places);

/* Puts the counts of histograms into the row, where they are missing. */
void test_rows_unmix(double *row, const struct histogram *const *histograms, size_t steps);

#define MISSING value_stale()
