#pragma once

#include "engine/fn/window.h"
#include "engine/op.h"
#include "engine/op/map_stage.h"
#include "engine/op/window_notes.h"
#include "engine/plan/plan.h"

/*
 * Where rows begin: selects series, decodes their samples, and runs a kernel over each, a row a
 * series. What stands above it element by element (op/map) hands its stages down, so that they run
 * where the row was made.
 *
 * This is also the exchange: rows are made in tasks of some rows each, by any thread of the
 * process, a bounded number ahead of the consumer, and handed on in order. What comes out does not
 * depend on the number of threads.
 */
struct source_spec {
    const struct plan_select *select;
    const struct window_kernel *kernel;
    bool drops_name;
    struct op *params[WINDOW_PARAMS_MAX]; /* scalar arguments of the kernel; NULL: none */
    enum window_notes_kind notes;
    size_t notes_begin;
};

struct op *op_source_new(struct query *query, const struct grid *grid,
                         const struct source_spec *spec);

/*
 * Hands a stage down, to run on every row. False, and nothing changes, if the operator is no source
 * or has no room for it. The stage is copied; its scalars become children.
 */
bool op_source_add_stage(struct op *op, const struct map_stage *stage);

/*
 * After open, for who stands between a source and stages that were handed down to it: takes back
 * those from `from` on, in the arena. Names have been dropped for them.
 */
size_t op_source_stage_count(const struct op *op);
const struct map_stage *op_source_take_stages(struct op *op, size_t from, size_t *ret_count);

/* What a source has read: series selected, and samples decoded so far by all its tasks. */
bool op_is_source(const struct op *op);
uint64_t op_source_series(const struct op *op);
uint64_t op_source_samples(const struct op *op);
