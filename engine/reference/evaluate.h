#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/fn/grid.h"
#include "engine/reference/eval.h"
#include "engine/reference/expr.h"
#include "engine/reference/label_map.h"
#include "engine/reference/matrix.h"

/*
 * What the parts of the evaluator share. Each kind of expression has a function that takes the
 * times it is evaluated at and gives a matrix; ref_evaluate is the way into all of them.
 *
 * Memory: matrices live in the query's arena; `scratch` holds what a step makes on its way, and is
 * forgotten at its end. `growing` holds the points of one series while it is not known how many
 * they are. Whoever uses the two evaluates no other expression meanwhile.
 */
struct ref {
    const struct reference_request *request;
    struct query *query;
    struct arena *arena; /* the query's */
    struct arena *scratch;
    struct arena *growing;
    struct label_pool labels;
    uint64_t samples_read;
    uint64_t series_selected;
};

/* From where to where an expression is evaluated: the steps from start_ms, none behind end_ms. */
struct ref_times {
    int64_t start_ms;
    int64_t end_ms;
    int64_t interval_ms;
};

/* end_ms is not before start_ms. */
static inline size_t ref_times_count(const struct ref_times *times)
{
    uint64_t length_ms = (uint64_t)times->end_ms - (uint64_t)times->start_ms;
    return (size_t)(length_ms / (uint64_t)times->interval_ms) + 1;
}

static inline int64_t ref_times_at(const struct ref_times *times, size_t step)
{
    return ms_add(times->start_ms, (int64_t)(step * (uint64_t)times->interval_ms));
}

/* Could it be an instant query's? Then the order of results is kept, and they are checked. */
static inline bool ref_times_instant(const struct ref_times *times)
{
    return times->start_ms == times->end_ms;
}

bool ref_evaluate(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                  struct ref_matrix *ret_matrix, struct err *err) MUST_CHECK;

/* selector.c: what a selector's samples are taken for. */
enum ref_lookup {
    REF_VALUE,
    REF_TIME,  /* the sample's own time in its place, in milliseconds */
    REF_START, /* the sample's start timestamp, in milliseconds */
};

bool ref_selector(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                  struct ref_matrix *ret_matrix, struct err *err) MUST_CHECK;
bool ref_range_selector(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                        struct ref_matrix *ret_matrix, struct err *err) MUST_CHECK;

struct ref_lookups {
    struct matcher *const *matchers;
    size_t matcher_count;
    int64_t begin_ms; /* samples before and after are as if they were not there */
    int64_t end_ms;
    int64_t shift_ms; /* a step sees what was then - shift_ms */
    bool pinned;      /* all steps see what was at pinned_ms - shift_ms */
    int64_t pinned_ms;
    enum ref_lookup lookup;
    bool totals_only;
    bool floats_only; /* info's series: a histogram is an error */
};

/* The newest sample of each series at each step. */
bool ref_lookup_series(struct ref *ref, const struct ref_times *times,
                       const struct ref_lookups *lookups, struct ref_matrix *ret_matrix,
                       struct err *err) MUST_CHECK;

/* smooth.c */
bool ref_smooth_selector(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                         struct ref_matrix *ret_matrix, struct err *err) MUST_CHECK;

/* subquery.c: what it evaluates to, at its own times. */
bool ref_subquery(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                  struct ref_matrix *ret_matrix, struct err *err) MUST_CHECK;

/* call.c, range_call.c, label_call.c, info.c: NODE_CALL. */
bool ref_eval_call(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                   struct ref_matrix *ret_matrix, struct err *err) MUST_CHECK;
bool ref_range_call(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                    size_t range_arg, struct ref_matrix *ret_matrix, struct err *err) MUST_CHECK;
bool ref_label_call(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                    struct ref_matrix *ret_matrix, struct err *err) MUST_CHECK;
bool ref_info(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
              struct ref_matrix *ret_matrix, struct err *err) MUST_CHECK;

/* The labels of absent(): those that the matchers of a selector fix; none of another expression. */
const struct labels *ref_absent_labels(struct ref *ref, const struct ref_expr *arg);

/* binary.c */
bool ref_binary(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                struct ref_matrix *ret_matrix, struct err *err) MUST_CHECK;

/* aggregate.c */
bool ref_aggregate(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                   struct ref_matrix *ret_matrix, struct err *err) MUST_CHECK;

/* Labels without the name, where names are dropped at once; else as they are. */
const struct labels *ref_drop_name(struct ref *ref, const struct labels *labels);
