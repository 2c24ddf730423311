/*
 * A row is made in stretches: samples are read until LANE_SAMPLES are there or the series ends; the
 * kernel fills the steps whose windows are then complete; samples that no later window sees are
 * dropped. A series of any length needs memory for LANE_SAMPLES or one window, whichever is more.
 */
#include "engine/op/lane.h"

#include <string.h>

#define LANE_SAMPLES 32768

static bool lane_charge(struct lane *lane, struct query *query, struct err *err)
{
    size_t held = lane->samples.cap * (sizeof(int64_t) + sizeof(double)) + lane->scratch.size_bytes;
    if (held <= lane->charged_bytes)
        return true;
    if (!budget_charge(&query->budget, held - lane->charged_bytes, err))
        return false;
    lane->charged_bytes = held;
    return true;
}

void lane_done(struct lane *lane, struct query *query)
{
    cursor_destroy(lane->cursor);
    samples_done(&lane->samples);
    scratch_done(&lane->scratch);
    budget_release(&query->budget, lane->charged_bytes);
    *lane = (struct lane){0};
}

KERNEL_CLONES static bool values_have_stale(const double *values, size_t count)
{
    uint64_t stale = 0;
    for (size_t i = 0; i < count; i++)
        stale |= value_bits(values[i]) == STALE_BITS;
    return stale != 0;
}

/* Moves samples [from, count) to the index `to`, without those outside the range or stale. */
static void lane_sift(struct samples *samples, size_t from, const struct row_spec *spec)
{
    const int64_t begin_ms = spec->select->begin_ms, end_ms = spec->select->end_ms;
    size_t first = from, last = samples->count;
    while (first < last && samples->times_ms[first] < begin_ms)
        first++;
    while (last > first && samples->times_ms[last - 1] > end_ms)
        last--;

    if (spec->keeps_stale || !values_have_stale(samples->values + first, last - first)) {
        if (first > from) {
            memmove(samples->times_ms + from, samples->times_ms + first,
                    (last - first) * sizeof(int64_t));
            memmove(samples->values + from, samples->values + first,
                    (last - first) * sizeof(double));
        }
        samples->count = from + (last - first);
        return;
    }
    size_t to = from;
    for (size_t i = first; i < last; i++) {
        if (value_is_stale(samples->values[i]))
            continue;
        samples->times_ms[to] = samples->times_ms[i];
        samples->values[to++] = samples->values[i];
    }
    samples->count = to;
}

/*
 * Reads on until `want` samples are there, or the series ends. *ret_last_ms: all up to there has
 * been read.
 */
static bool lane_read(struct lane *lane, const struct row_spec *spec, size_t want, bool *ret_ended,
                      int64_t *ret_last_ms, struct err *err)
{
    struct samples *samples = &lane->samples;
    *ret_ended = false;
    while (samples->count < want) {
        size_t before = samples->count;
        bool more;
        if (!cursor_next(lane->cursor, samples, &more, err))
            return false;
        if (!more) {
            *ret_ended = true;
            return true;
        }
        atomic_fetch_add_explicit(&lane->samples_read, samples->count - before,
                                  memory_order_relaxed);
        int64_t last_ms = samples->times_ms[samples->count - 1];
        lane_sift(samples, before, spec);
        if (!lane_charge(lane, spec->query, err))
            return false;
        *ret_last_ms = last_ms;
        if (last_ms >= spec->select->end_ms) {
            *ret_ended = true;
            return true;
        }
    }
    return true;
}

static void lane_fill_steps(struct lane *lane, const struct row_spec *spec, size_t begin,
                            size_t end, double *row)
{
    const struct grid *refs = &spec->select->refs;
    const struct grid *grid = &spec->grid;
    struct window_call call = {
        .times_ms = lane->samples.times_ms,
        .values = lane->samples.values,
        .sample_count = lane->samples.count,
        .refs = {grid_time(refs, begin), refs->step_ms, end - begin},
        .range_ms = spec->select->range_ms,
        .eval_start_ms = grid_time(grid, begin),
        .eval_step_ms = grid->step_ms,
        .params = spec->params ? spec->params + begin : NULL,
        .scratch = &lane->scratch,
        .out = row + begin,
    };
    spec->kernel(&call);
}

/* Steps before the one returned have complete windows once all samples up to last_ms are there. */
static size_t complete_steps(const struct grid *refs, int64_t last_ms)
{
    if (last_ms < refs->start_ms)
        return 0;
    if (refs->step_ms == 0)
        return refs->count;
    size_t steps = (size_t)(ms_sub(last_ms, refs->start_ms) / refs->step_ms) + 1;
    return steps < refs->count ? steps : refs->count;
}

static void lane_forget(struct samples *samples, int64_t until_ms)
{
    size_t gone = 0;
    while (gone < samples->count && samples->times_ms[gone] <= until_ms)
        gone++;
    if (gone == 0)
        return;
    samples->count -= gone;
    memmove(samples->times_ms, samples->times_ms + gone, samples->count * sizeof(int64_t));
    memmove(samples->values, samples->values + gone, samples->count * sizeof(double));
}

bool lane_fill_row(struct lane *lane, const struct row_spec *spec, size_t series, double *row,
                   struct err *err)
{
    const struct grid *refs = &spec->select->refs;
    if (!lane->cursor)
        lane->cursor = cursor_create(spec->selection);
    cursor_open(lane->cursor, series);
    lane->samples.count = 0;

    size_t want = LANE_SAMPLES;
    for (size_t step = 0; step < refs->count;) {
        bool ended;
        int64_t last_ms = INT64_MIN;
        if (!lane_read(lane, spec, want, &ended, &last_ms, err))
            return false;
        size_t end = ended ? refs->count : complete_steps(refs, last_ms);
        if (end > step) {
            lane_fill_steps(lane, spec, step, end, row);
            if (!lane_charge(lane, spec->query, err))
                return false;
            step = end;
        }
        if (step == refs->count)
            break;
        lane_forget(&lane->samples, ms_sub(grid_time(refs, step), spec->select->range_ms));
        /* A window nearly as large as what is held: hold more, or each stretch would be short. */
        if (lane->samples.count > want / 2)
            want *= 2;
    }
    return true;
}
