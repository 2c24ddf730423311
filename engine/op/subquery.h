#pragma once

#include "engine/fn/window.h"
#include "engine/op.h"
#include "engine/op/window_notes.h"

/*
 * A range function over a subquery: the child's rows, on the subquery's own grid, are the samples
 * that the kernel's windows see. Start timestamps are not among them.
 */
struct subquery_spec {
    struct grid refs; /* where the windows end, one for each step of the operator's grid */
    int64_t range_ms;
    const struct window_kernel *kernel;
    bool drops_name;
    struct op *params[WINDOW_PARAMS_MAX]; /* scalar arguments of the kernel; NULL: none */
    enum window_notes_kind notes;
    size_t notes_begin;
};

struct op *op_subquery_new(struct query *query, const struct grid *grid, struct op *child,
                           const struct subquery_spec *spec);
