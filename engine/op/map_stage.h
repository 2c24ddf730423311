#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "engine/fn/arith.h"
#include "engine/fn/map.h"
#include "engine/op.h"

/*
 * One element-wise step on the rows of a vector: a function with scalar arguments, or arithmetic or
 * a comparison with a scalar. Apart from operators, so that whoever makes rows (on any thread) may
 * take them through several stages while they are warm.
 *
 *     map_stage_function / map_stage_arith   when the plan is built
 *     map_stage_open                         once, on the query's thread: reads the scalars
 *     map_stage_apply                        on any number of tiles and threads
 *
 * The scalar operators belong to the operator that holds the stage: it adds them as children, which
 * closes them.
 */
struct map_stage {
    map_fn *fn; /* NULL: arith with scalars[0] */
    struct arith arith;
    bool scalar_left; /* the scalar is the left operand */
    struct op *scalars[MAP_PARAMS_MAX];
    size_t scalar_count;

    /* After open: one value a step; NULL where an argument was left out. */
    const double *params[MAP_PARAMS_MAX];
    size_t tile_rows; /* arith: so many equal rows behind params[0], for one loop over short rows */
};

/* map_function(id), map_negate; `scalars` are the arguments behind the vector. */
struct map_stage map_stage_function(map_fn *fn, struct op *const *scalars, size_t count);

/* The vector `op` the scalar, or the scalar `op` the vector. */
struct map_stage map_stage_arith(enum binary_op op, bool return_bool, struct op *scalar,
                                 bool scalar_left);

/* Does Prometheus take the name off what comes out? Only comparisons without bool keep it. */
bool map_stage_drops_name(const struct map_stage *stage);

bool map_stage_open(struct map_stage *stage, struct query *query, struct err *err) MUST_CHECK;

/* Takes the histograms out of the batch. `arena`, there if it has some, is theirs. */
void map_stage_apply(const struct map_stage *stage, struct batch *batch, struct arena *arena);
