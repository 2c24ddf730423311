#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Quantiles of samples as Prometheus has them: NaN is smaller than all numbers, and between two
 * samples lies their weighted mean: quantile of promql/quantile.go.
 */

/* Where the quantile lies in `count` sorted values: between two of them, `weight` from the lower.
 */
struct quantile_place {
    size_t lower;
    size_t upper;
    double weight;
};

/* phi in [0, 1], count > 0. */
struct quantile_place quantile_place(double phi, size_t count);

static inline double quantile_mix(const struct quantile_place *place, double lower, double upper)
{
    return lower * (1 - place->weight) + upper * place->weight;
}

/* True if the quantile is one of some number of values; otherwise what it is for any of them. */
bool quantile_phi_valid(double phi, double *ret_result);

/*
 * The order of all values: ret_order[k] is the index of the k-th. The order of equal ones is kept
 * (0 and -0 are equal, as are NaNs). `space` holds QUANTILE_SORT_SPACE(count) bytes.
 */
void quantile_sort(const double *values, size_t count, uint32_t *ret_order, void *space);
#define QUANTILE_SORT_SPACE(count) ((count)*2 * sizeof(struct quantile_key))

struct quantile_key {
    uint64_t key;
    uint32_t index;
};

/*
 * Zeros of both signs among the values: they are equal, and which of them a quantile falls on is
 * what Go's sort makes of the order they came in.
 */
bool quantile_zeros_mixed(const double *values, size_t count);

/* The quantile of values in the order they came in, sorted as Go does. Takes heap memory. */
double quantile_as_go(double phi, const double *values, size_t count);

/* The quantile of `count` values, count > 0, in the order they came in, which it changes. */
double quantile_of(double phi, double *values, size_t count);
