#include "engine/op/map_stage.h"

#include <assert.h>
#include <string.h>

#include "engine/fn/histogram_trim.h"
#include "engine/fn/step_time.h"
#include "model/notes.h"

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

struct map_stage map_stage_negate(void)
{
    return (struct map_stage){.fn = map_negate, .histograms = MAP_HISTOGRAMS_NEGATE};
}

struct map_stage map_stage_time(struct op *time)
{
    struct map_stage stage = map_stage_function(map_step_time, &time, 1);
    stage.histograms = MAP_HISTOGRAMS_TIME;
    return stage;
}

struct map_stage map_stage_of_histogram(histogram_fn *of_histogram)
{
    return (struct map_stage){.histograms = MAP_HISTOGRAMS_ONLY, .of_histogram = of_histogram};
}

struct map_stage map_stage_arith(enum binary_op op, bool return_bool, struct op *scalar,
                                 bool scalar_left, size_t begin)
{
    return (struct map_stage){
        /* Where a comparison holds, the vector's value is kept, wherever it stands. */
        .arith = {.op = op, .return_bool = return_bool, .keep_right = scalar_left},
        .scalar_left = scalar_left,
        .histograms = MAP_HISTOGRAMS_ARITH,
        .begin = begin,
        .scalars = {scalar},
        .scalar_count = 1,
    };
}

static bool map_stage_is_trim(const struct map_stage *stage)
{
    return stage->histograms == MAP_HISTOGRAMS_ARITH && binary_op_is_trim(stage->arith.op);
}

enum name_drop map_stage_drops_name(const struct map_stage *stage)
{
    if (stage->histograms == MAP_HISTOGRAMS_ONLY)
        return NAME_DROPPED;
    bool keeps = stage->histograms == MAP_HISTOGRAMS_ARITH && !stage->arith.return_bool &&
                 (binary_op_is_comparison(stage->arith.op) || map_stage_is_trim(stage));
    return keeps ? NAME_KEPT : METADATA_DROPPED;
}

enum map_tells map_stage_tells(const struct map_stage *stage)
{
    if (stage->histograms != MAP_HISTOGRAMS_ARITH)
        return MAP_TELLS_NOTHING;
    return map_stage_is_trim(stage) ? MAP_TELLS_OF_ALL : MAP_TELLS_OF_HISTOGRAMS;
}

bool map_stage_gives_histograms(const struct map_stage *stage)
{
    return stage->histograms == MAP_HISTOGRAMS_ARITH || stage->histograms == MAP_HISTOGRAMS_NEGATE;
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
    return stage->histograms != MAP_HISTOGRAMS_ARITH ||
           map_stage_tile(stage, query, stage->scalars[0]->grid.count, err);
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

/* NULL: there is no answer. */
static const struct histogram *map_stage_scale(const struct map_stage *stage,
                                               const struct histogram *h, double scalar,
                                               struct arena *arena)
{
    enum binary_op op = stage->arith.op;
    if (op == BINARY_MUL)
        return histogram_compact(arena, histogram_multiply(arena, h, scalar));
    if (stage->scalar_left)
        return NULL;
    if (op == BINARY_DIV)
        return histogram_compact(arena, histogram_divide(arena, h, scalar));
    if (binary_op_is_trim(op))
        return histogram_trim(arena, h, scalar, op == BINARY_TRIM_UPPER);
    return NULL;
}

static unsigned map_stage_scale_all(const struct map_stage *stage, struct batch *batch,
                                    struct arena *arena)
{
    unsigned refused = MAP_REFUSED_NONE;
    for (size_t i = 0; i < batch->row_count * batch->step_count; i++) {
        const struct histogram *h = batch->histograms[i];
        if (!h)
            continue;
        double scalar = stage->params[0][i % batch->step_count];
        batch->histograms[i] = map_stage_scale(stage, h, scalar, arena);
        if (!batch->histograms[i])
            refused = MAP_REFUSED_HISTOGRAM;
    }
    return refused;
}

static void map_stage_negate_all(struct batch *batch, struct arena *arena)
{
    for (size_t i = 0; i < batch->row_count * batch->step_count; i++)
        if (batch->histograms[i])
            batch->histograms[i] = histogram_multiply(arena, batch->histograms[i], -1);
}

/* Each histogram becomes the float that `of_histogram` makes of it, or just some float. */
static void map_stage_flatten(const struct map_stage *stage, struct batch *batch)
{
    for (size_t i = 0; i < batch->row_count * batch->step_count; i++)
        if (batch->histograms[i])
            batch->values[i] = stage->of_histogram ? stage->of_histogram(batch->histograms[i]) : 0;
    batch->histograms = NULL;
}

static unsigned map_stage_apply_histograms(const struct map_stage *stage, struct batch *batch,
                                           struct arena *arena)
{
    switch (stage->histograms) {
    case MAP_HISTOGRAMS_DROP:
        batch->histograms = NULL;
        break;
    case MAP_HISTOGRAMS_ARITH:
        return map_stage_scale_all(stage, batch, arena);
    case MAP_HISTOGRAMS_NEGATE:
        map_stage_negate_all(batch, arena);
        break;
    case MAP_HISTOGRAMS_TIME:
    case MAP_HISTOGRAMS_ONLY:
        map_stage_flatten(stage, batch);
        break;
    }
    return MAP_REFUSED_NONE;
}

/* True if there was one. */
static bool map_stage_drop_floats(struct batch *batch)
{
    bool any = false;
    for (size_t i = 0; i < batch->row_count * batch->step_count; i++) {
        any |= !value_is_stale(batch->values[i]);
        batch->values[i] = value_stale();
    }
    return any;
}

unsigned map_stage_apply(const struct map_stage *stage, struct batch *batch, struct arena *arena)
{
    unsigned refused = MAP_REFUSED_NONE;
    if (stage->histograms == MAP_HISTOGRAMS_ONLY)
        map_stage_drop_floats(batch);
    else if (map_stage_is_trim(stage))
        refused = map_stage_drop_floats(batch) ? MAP_REFUSED_FLOAT : MAP_REFUSED_NONE;
    if (batch->histograms)
        refused |= map_stage_apply_histograms(stage, batch, arena);

    if (stage->fn)
        stage->fn(batch->values, batch->row_count, batch->step_count, stage->params);
    else if (stage->histograms == MAP_HISTOGRAMS_ARITH && !map_stage_is_trim(stage))
        map_stage_arith_apply(stage, batch->values, batch->row_count, batch->step_count);
    return refused;
}

void map_stage_note(const struct map_stage *stage, struct query *query, unsigned refused)
{
    size_t rank = query->annotations.rank;
    query->annotations.rank = stage->rank;
    for (int histogram = 0; histogram < 2; histogram++) {
        if (!(refused & (histogram ? MAP_REFUSED_HISTOGRAM : MAP_REFUSED_FLOAT)))
            continue;
        note_sample_types(&query->annotations, stage->begin, histogram && !stage->scalar_left,
                          binary_op_text(stage->arith.op), histogram && stage->scalar_left);
    }
    query->annotations.rank = rank;
}
