#pragma once

#include "engine/fn/test_same.h"
#include "engine/op/test_rows.h"

/* For tests: whole results in memory, to compare operators with evaluators too simple to be wrong.
 */
struct test_matrix {
    const struct labels **labels;
    double *values; /* series after series; missing points are stale markers */
    size_t series_count;
    size_t step_count;
    unsigned mix; /* see op_test_rows_mix */
};

struct test_matrix test_matrix_new(struct query *query, size_t series_count, size_t step_count);

static inline double *test_matrix_row(const struct test_matrix *matrix, size_t series)
{
    return matrix->values + series * matrix->step_count;
}

/* The series with these labels; appended, without a point, if there is none. */
size_t test_matrix_series(struct test_matrix *matrix, const struct labels *labels);

/*
 * Series named m with labels a, b and c of few values, all different; one point in four is missing.
 * Values are small numbers; `wild` ones also NaN, infinities, zeros of both signs, and so large
 * that sums overflow.
 */
struct test_matrix test_matrix_random(struct query *query, unsigned *seed, size_t series_count,
                                      size_t step_count, bool wild);

struct op *test_matrix_op(struct query *query, const struct test_matrix *matrix,
                          size_t rows_per_batch);

/*
 * Opens the operator and reads it in some order, or part of it, by `seed` (0: the natural order);
 * every series and value must be the matrix's. With one step the matrix's series without a point
 * must be left out.
 */
void test_matrix_check(const struct test_matrix *expected, struct op *op, unsigned seed);

/* Fails unless the query has gathered just this annotation. */
void test_annotation_check(const struct query *query, enum annotation_level level, size_t begin,
                           const char *text);
