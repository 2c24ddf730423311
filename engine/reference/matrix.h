#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/reference/reference.h"

/*
 * Whole series in memory, as every expression but a string evaluates to: floats and histograms
 * apart, each in order of time. All of it lives in the query's arena.
 */
struct ref_points {
    struct reference_point *items;
    size_t count;
    size_t cap;
    size_t next; /* the first one that the steps so far have not taken */
};

struct ref_series {
    const struct labels *labels;
    bool drops_name; /* delayed name removal: pending */
    struct ref_points floats;
    struct ref_points histograms;
};

struct ref_matrix {
    struct ref_series *items;
    size_t count;
    size_t cap;
};

void ref_points_add(struct arena *arena, struct ref_points *points,
                    const struct reference_point *point);

/* To the floats or to the histograms, as it is one. */
void ref_series_add(struct arena *arena, struct ref_series *series, int64_t time_ms, double value,
                    const struct histogram *histogram);

static inline size_t ref_series_count(const struct ref_series *series)
{
    return series->floats.count + series->histograms.count;
}

/* A copy of `series`, which borrows its points. */
void ref_matrix_add(struct arena *arena, struct ref_matrix *matrix,
                    const struct ref_series *series);

/*
 * The same for a series that has grown in an arena of its own, which is forgotten: its points are
 * copied. One without points is left out.
 */
void ref_matrix_settle(struct arena *arena, struct arena *growing, struct ref_matrix *matrix,
                       const struct ref_series *series);

/*
 * Takes the series' point at this time, if that is its next one. Of two at one time the float comes
 * first.
 */
const struct reference_point *ref_series_take(struct ref_series *series, int64_t time_ms);

/* By labels: where Prometheus walks a map of Go's, and so has no order. */
void ref_matrix_sort(struct symbols *symbols, struct ref_matrix *matrix);

/* Do two series have the same labels? */
bool ref_matrix_clashes(struct arena *scratch, const struct ref_matrix *matrix);

/*
 * Makes one series of all that have the same labels, in the place of the first. ERR_EXECUTION if
 * two of them have a float, or a histogram, at one time.
 */
bool ref_matrix_merge(struct arena *arena, struct ref_matrix *matrix, struct err *err) MUST_CHECK;

/* What Prometheus says of vectors that hold a label set twice. Returns false. */
bool ref_clash(struct err *err);
