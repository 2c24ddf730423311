#pragma once

#include "engine/fn/window.h"
#include "engine/op.h"
#include "engine/op/window_notes.h"

/*
 * A range function over a subquery: the child's rows, on the subquery's own grid, are the samples
 * that the kernel's windows see.
 */
struct subquery_spec {
    struct grid refs; /* where the windows end, one for each step of the operator's grid */
    int64_t range_ms;
    const struct window_kernel *kernel;
    bool drops_name;
    enum window_notes_kind notes;
    size_t notes_begin;
};

/* `param`: the kernel's scalar argument, or NULL. */
struct op *op_subquery_new(struct query *query, const struct grid *grid, struct op *child,
                           struct op *param, const struct subquery_spec *spec);
