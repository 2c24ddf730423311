#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "engine/fn/arith.h"
#include "engine/fn/histogram_map.h"
#include "engine/fn/map.h"
#include "engine/op.h"
#include "engine/op/names.h"

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
    /* What is done with floats: fn, or arith with scalars[0] if there is none. */
    map_fn *fn;
    struct arith arith;
    bool scalar_left; /* the scalar is the left operand */

    /* What is done with histograms. */
    enum map_histograms {
        MAP_HISTOGRAMS_DROP,  /* floats only: abs, clamp */
        MAP_HISTOGRAMS_ARITH, /* as the operator says */
        MAP_HISTOGRAMS_NEGATE,
        MAP_HISTOGRAMS_TIME, /* timestamp: any point is as good */
        MAP_HISTOGRAMS_ONLY, /* histogram_count: floats are dropped */
    } histograms;
    histogram_fn *of_histogram; /* ONLY */
    size_t begin;               /* ARITH: where its notes point to, */
    size_t rank;                /* and their rank */

    struct op *scalars[MAP_PARAMS_MAX];
    size_t scalar_count;

    /* After open: one value a step; NULL where an argument was left out. */
    const double *params[MAP_PARAMS_MAX];
    size_t tile_rows; /* arith: so many equal rows behind params[0], for one loop over short rows */
};

/* map_function(id); `scalars` are the arguments behind the vector. */
struct map_stage map_stage_function(map_fn *fn, struct op *const *scalars, size_t count);
struct map_stage map_stage_negate(void);
struct map_stage map_stage_time(struct op *time);
struct map_stage map_stage_of_histogram(histogram_fn *of_histogram);

/*
 * The vector `op` the scalar, or the scalar `op` the vector; `begin`: of the expression in the
 * query's text.
 */
struct map_stage map_stage_arith(enum binary_op op, bool return_bool, struct op *scalar,
                                 bool scalar_left, size_t begin);

/* What Prometheus takes off. Only comparisons without bool, and trimming, keep the name. */
enum name_drop map_stage_drops_name(const struct map_stage *stage);

/* Which rows the stage has something to tell of. */
enum map_tells { MAP_TELLS_NOTHING, MAP_TELLS_OF_HISTOGRAMS, MAP_TELLS_OF_ALL };
enum map_tells map_stage_tells(const struct map_stage *stage);

/* Does it leave histograms among its results, where there are some? */
bool map_stage_gives_histograms(const struct map_stage *stage);

bool map_stage_open(struct map_stage *stage, struct query *query, struct err *err) MUST_CHECK;

/* Points that the operator has no answer for; flags. */
enum map_refused { MAP_REFUSED_NONE = 0, MAP_REFUSED_FLOAT = 1, MAP_REFUSED_HISTOGRAM = 2 };

/* In place; histograms that are made live in the arena. Returns what was refused. */
unsigned map_stage_apply(const struct map_stage *stage, struct batch *batch, struct arena *arena);

/* Tells the user of it. On the query's thread. */
void map_stage_note(const struct map_stage *stage, struct query *query, unsigned refused);
