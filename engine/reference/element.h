#pragma once

#include "engine/reference/evaluate.h"

/*
 * One operation on two elements, each of them a float or a histogram.
 *
 * What it has to tell besides its result is the `remark`; those from REF_REMARK_DROPS on mean that
 * there is no result.
 */
enum ref_remark {
    REF_REMARK_NONE,
    REF_REMARK_BOUNDS, /* bounds of custom buckets had to be reconciled */
    REF_REMARK_DROPS,
    REF_REMARK_RESETS = REF_REMARK_DROPS, /* one counter started anew, the other did not */
    REF_REMARK_LAYOUT,                    /* exponential buckets and custom ones */
    REF_REMARK_TYPES,                     /* not defined for these two */
};

struct ref_element {
    double value;
    const struct histogram *histogram;
};

struct ref_outcome {
    struct ref_element element;
    bool keep; /* comparisons: it holds */
    enum ref_remark remark;
    bool left_is_histogram, right_is_histogram;
};

struct ref_outcome ref_element_op(struct ref *ref, enum binary_op op, struct ref_element left,
                                  struct ref_element right);

/* The note about a remark, as a binary expression has it. */
void ref_outcome_note(struct ref *ref, const struct ref_expr *expr,
                      const struct ref_outcome *outcome);

/* Does what comes out measure something else than what went in? Then it loses its name. */
bool ref_op_changes_metric(enum binary_op op);
