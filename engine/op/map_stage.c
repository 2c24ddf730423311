#include "engine/op/map_stage.h"

#include <assert.h>
#include <string.h>

/* Rows shorter than this are taken several at a time. */
#define TILE_VALUES 512

struct map_stage map_stage_function(map_fn *fn, struct op *const *scalars, size_t count)
{
    assert(fn);
    assert(count <= MAP_PARAMS_MAX);
    struct map_stage stage = {.fn = fn, .scalar_count = count};
    for (size_t i = 0; i < count; i++)
        stage.scalars[i] = scalars[i];
    return stage;
}

struct map_stage map_stage_arith(enum binary_op op, bool return_bool, struct op *scalar,
                                 bool scalar_left)
{
    return (struct map_stage){
        /* Where a comparison holds, the vector's value is kept, wherever it stands. */
        .arith = {.op = op, .return_bool = return_bool, .keep_right = scalar_left},
        .scalar_left = scalar_left,
        .scalars = {scalar},
        .scalar_count = 1,
    };
}

bool map_stage_drops_name(const struct map_stage *stage)
{
    return stage->fn || stage->arith.return_bool || !binary_op_is_comparison(stage->arith.op);
}

/* The scalar's row again and again, so that short rows of the vector share one loop. */
static bool map_stage_tile(struct map_stage *stage, struct query *query, size_t steps,
                           struct err *err)
{
    stage->tile_rows = steps < TILE_VALUES ? TILE_VALUES / steps : 1;
    if (stage->tile_rows == 1)
        return true;

    double *tile = arena_array(query->arena, double, stage->tile_rows *steps);
    if (!arena_check(query->arena, err))
        return false;
    for (size_t row = 0; row < stage->tile_rows; row++)
        memcpy(tile + row * steps, stage->params[0], steps * sizeof *tile);
    stage->params[0] = tile;
    return true;
}

bool map_stage_open(struct map_stage *stage, struct query *query, struct err *err)
{
    for (size_t i = 0; i < stage->scalar_count; i++)
        if (!op_read_scalar(stage->scalars[i], &stage->params[i], err))
            return false;
    return stage->fn || map_stage_tile(stage, query, stage->scalars[0]->grid.count, err);
}

static void map_stage_arith_apply(const struct map_stage *stage, double *values, size_t rows,
                                  size_t steps)
{
    const double *scalar = stage->params[0];
    for (size_t done = 0; done < rows; done += stage->tile_rows) {
        size_t left = rows - done;
        size_t count = (left < stage->tile_rows ? left : stage->tile_rows) * steps;
        double *at = values + done * steps;
        if (stage->scalar_left)
            arith_rows_into_right(&stage->arith, scalar, at, count);
        else
            arith_rows(&stage->arith, at, scalar, count);
    }
}

void map_stage_apply(const struct map_stage *stage, struct batch *batch, struct arena *arena)
{
    batch->histograms = NULL;
    if (stage->fn)
        stage->fn(batch->values, batch->row_count, batch->step_count, stage->params);
    else
        map_stage_arith_apply(stage, batch->values, batch->row_count, batch->step_count);
}
