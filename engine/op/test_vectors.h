#pragma once

#include "engine/op/test_matrix.h"
#include "parser/ast.h"

/*
 * For tests of operators that put series together: random vectors, and whether an operator gives
 * the points, or one of the errors, that a naive evaluator expects, in whatever order and batches
 * its rows are asked for.
 */

/*
 * Distinct label sets of __name__ (m, n), a, b and c; each series has points in a run of steps, in
 * all or in some. `names` is how many metric names there are, 1 or 2.
 */
struct test_matrix test_vector_random(struct query *query, uint64_t *state, size_t step_count,
                                      unsigned names);

/* The labels by which `matching` would have each series meet others. */
const struct labels **test_vector_signatures(const struct test_matrix *vector, struct query *query,
                                             const struct vector_matching *matching);

static inline double test_vector_value(const struct test_matrix *vector, size_t series, size_t step)
{
    return test_matrix_row(vector, series)[step];
}

struct test_point {
    const struct labels *labels;
    size_t step;
    double value;
    bool seen;
};

/* What is to come out: points, or if there are errors, one of them. In the query's arena. */
struct test_expect {
    struct query *query;
    struct test_point *points;
    size_t point_count;
    const char **errors;
    size_t error_count;
};

#define TEST_POINTS_MAX 16384
#define TEST_ERRORS_MAX 512

void test_expect_init(struct test_expect *expect, struct query *query);
void test_expect_point(struct test_expect *expect, const struct labels *labels, size_t step,
                       double value);
void test_expect_error(struct test_expect *expect, const char *text);

/* Makes the operator, on children that hand out `rows_per_batch` rows at a time. */
typedef struct op *test_build_fn(void *context, struct query *query, size_t rows_per_batch);

void test_expect_check(struct test_expect *expect, test_build_fn *build, void *context,
                       uint64_t *state);
