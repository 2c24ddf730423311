/*
 * A row is made in stretches: samples are read until LANE_SAMPLES are there or the series ends; the
 * kernel fills the steps whose windows are then complete; samples that no later window sees are
 * dropped. A series of any length needs memory for LANE_SAMPLES or one window, whichever is more.
 */
#include "engine/op/lane.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/op/sample_count.h"

#define LANE_SAMPLES 32768

/* A histogram takes the room of so many floats, roughly. */
#define LANE_HISTOGRAM_WEIGHT 128

static bool lane_charge(struct lane *lane, struct query *query, struct err *err)
{
    const struct samples *samples = &lane->samples;
    size_t sample_bytes =
        sizeof(int64_t) + sizeof(double) + (samples->wants_starts ? sizeof(int64_t) : 0);
    size_t held = samples->cap * sample_bytes + lane->scratch.size_bytes;
    if (lane->histograms.cap > 0)
        held += histogram_samples_bytes(&lane->histograms);
    held += lane->stale_cap * sizeof *lane->stale_ms;
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
    histogram_samples_done(&lane->histograms);
    free(lane->stale_ms);
    scratch_done(&lane->scratch);
    arena_destroy(lane->spare);
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

static void samples_move(struct samples *samples, size_t to, size_t from, size_t count)
{
    memmove(samples->times_ms + to, samples->times_ms + from, count * sizeof(int64_t));
    memmove(samples->values + to, samples->values + from, count * sizeof(double));
    if (samples->wants_starts)
        memmove(samples->starts_ms + to, samples->starts_ms + from, count * sizeof(int64_t));
}

/* Do windows lie apart, so that Prometheus jumps over samples between them, and does it matter? */
static bool select_jumps(const struct plan_select *select)
{
    return select->totals_only && select->edges == WINDOW_PLAIN &&
           select->refs.step_ms > select->range_ms;
}

static void lane_keep_stale(struct lane *lane, int64_t time_ms)
{
    mem_grow(lane->stale_ms, int64_t, lane->stale_count, &lane->stale_cap);
    lane->stale_ms[lane->stale_count++] = time_ms;
}

/* Takes what is outside the range, or stale, out of the samples [from, count). */
static void lane_sift(struct lane *lane, size_t from, const struct row_spec *spec)
{
    struct samples *samples = &lane->samples;
    bool keeps = select_jumps(spec->select);
    const int64_t begin_ms = spec->select->begin_ms, end_ms = spec->select->end_ms;
    size_t first = from, last = samples->count;
    while (first < last && samples->times_ms[first] < begin_ms)
        first++;
    while (last > first && samples->times_ms[last - 1] > end_ms)
        last--;

    if (spec->kernel->keeps_stale || !values_have_stale(samples->values + first, last - first)) {
        if (first > from)
            samples_move(samples, from, first, last - first);
        samples->count = from + (last - first);
        return;
    }
    size_t to = from;
    for (size_t i = first; i < last; i++) {
        if (value_is_stale(samples->values[i])) {
            if (keeps)
                lane_keep_stale(lane, samples->times_ms[i]);
            continue;
        }
        samples->times_ms[to] = samples->times_ms[i];
        if (samples->wants_starts)
            samples->starts_ms[to] = samples->starts_ms[i];
        samples->values[to++] = samples->values[i];
    }
    samples->count = to;
}

/* None of them is stale. */
static void lane_sift_histograms(struct histogram_samples *histograms, const struct row_spec *spec)
{
    size_t early = 0, count = histograms->count;
    while (early < count && histograms->times_ms[early] < spec->select->begin_ms)
        early++;
    while (count > early && histograms->times_ms[count - 1] > spec->select->end_ms)
        count--;
    histogram_samples_truncate(histograms, count);
    histogram_samples_forget(histograms, early);
}

/*
 * With totals_only, hints tell what comparing each sample with the one before has shown; but
 * Prometheus jumps to the first one that a window sees, and has not seen the one before that.
 */
static void lane_restore_hint(struct histogram_samples *histograms, size_t index)
{
    if (index < histograms->count)
        histogram_samples_set_hint(histograms, index, histograms->stored_hints[index]);
}

/* The first sample at or behind a time. */
static size_t times_find(const int64_t *times_ms, size_t count, int64_t time_ms)
{
    size_t lo = 0, hi = count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (times_ms[mid] < time_ms)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool times_have(const int64_t *times_ms, size_t count, int64_t begin_ms, int64_t end_ms)
{
    size_t at = times_find(times_ms, count, begin_ms);
    return at < count && times_ms[at] < end_ms;
}

static bool lane_has_between(const struct lane *lane, int64_t begin_ms, int64_t end_ms)
{
    const struct samples *floats = &lane->samples;
    const struct histogram_samples *histograms = &lane->histograms;
    return times_have(floats->times_ms, floats->count, begin_ms, end_ms) ||
           times_have(histograms->times_ms, histograms->count, begin_ms, end_ms) ||
           times_have(lane->stale_ms, lane->stale_count, begin_ms, end_ms);
}

/* Jumps from window to window, where there are samples in between. */
static void lane_restore_hints(struct lane *lane, const struct plan_select *select, size_t begin,
                               size_t end)
{
    const struct grid *refs = &select->refs;
    struct histogram_samples *histograms = &lane->histograms;
    if (!select_jumps(select))
        return;
    for (size_t step = begin > 0 ? begin : 1; step < end; step++) {
        int64_t begin_ms = ms_sub(grid_time(refs, step), select->range_ms);
        /* What lay between this stretch and the one before is forgotten already. */
        if (step == begin || lane_has_between(lane, grid_time(refs, step - 1), begin_ms))
            lane_restore_hint(histograms,
                              times_find(histograms->times_ms, histograms->count, begin_ms));
    }
}

/* The latest time that has been read of either kind. */
static int64_t lane_last_ms(const struct lane *lane)
{
    const struct samples *floats = &lane->samples;
    const struct histogram_samples *histograms = &lane->histograms;
    int64_t last_ms = floats->count > 0 ? floats->times_ms[floats->count - 1] : INT64_MIN;
    if (histograms->count > 0 && histograms->times_ms[histograms->count - 1] > last_ms)
        last_ms = histograms->times_ms[histograms->count - 1];
    return last_ms;
}

static size_t lane_held(const struct lane *lane)
{
    return lane->samples.count + lane->histograms.count * LANE_HISTOGRAM_WEIGHT;
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
    while (lane_held(lane) < want) {
        size_t before = samples->count, histograms_before = lane->histograms.count;
        bool more;
        if (!cursor_next(lane->cursor, samples, &more, err))
            return false;
        if (!more) {
            *ret_ended = true;
            return true;
        }
        size_t read = samples->count - before + lane->histograms.count - histograms_before;
        atomic_fetch_add_explicit(&lane->samples_read, read, memory_order_relaxed);
        int64_t last_ms = lane_last_ms(lane);
        lane_sift(lane, before, spec);
        if (lane->histograms.count > histograms_before)
            lane_sift_histograms(&lane->histograms, spec);
        if (lane->first_hint_due && lane->histograms.count > 0) {
            lane_restore_hint(&lane->histograms, 0);
            lane->first_hint_due = false;
        }
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

static bool lane_fill_steps(struct lane *lane, const struct row_spec *spec, size_t begin,
                            size_t end, struct tile *tile, size_t row, struct err *err)
{
    const struct plan_select *select = spec->select;
    const struct grid *refs = &select->refs;
    const struct grid *grid = &spec->grid;
    size_t first = row * tile->step_count + begin;
    bool histograms = lane->histograms.count > 0;
    if (histograms && spec->kernel->gives_histograms && !tile_want_histograms(tile, err))
        return false;
    if (histograms)
        lane_restore_hints(lane, select, begin, end);
    if (histograms && !lane->spare)
        lane->spare = arena_create(&spec->query->budget);

    struct window_finds finds = {0};
    struct window_call call = {
        .times_ms = lane->samples.times_ms,
        .values = lane->samples.values,
        .starts_ms = lane->samples.starts_ms,
        .sample_count = lane->samples.count,
        .use_starts = lane->samples.wants_starts,
        .refs = {grid_time(refs, begin), refs->step_ms, end - begin},
        .range_ms = select->range_ms,
        .lookback_ms = select->lookback_ms,
        .eval_start_ms = grid_time(grid, begin),
        .eval_step_ms = grid->step_ms,
        .scratch = &lane->scratch,
        .out = tile->values + first,
        .histograms = histograms ? &lane->histograms : NULL,
        .histograms_out = tile->has_histograms ? tile->histograms + first : NULL,
        .arena = tile->arena,
        .spare = lane->spare,
        .finds = &finds,
    };
    for (size_t i = 0; i < WINDOW_PARAMS_MAX; i++)
        call.params[i] = spec->params[i] ? spec->params[i] + begin : NULL;
    if (!window_run(spec->kernel, &call, err))
        return false;
    if (lane->step_samples)
        sample_count_windows(spec->kernel, &call, select->edges, lane->step_samples + begin);
    if (spec->finds_values && row_has_point(call.out, call.refs.count))
        finds.found |= FIND_VALUE;
    if (!window_finds_none(&finds) && !tile_find(tile, row, &finds, err))
        return false;
    return lane_charge(lane, spec->query, err) && tile_check(tile, err) &&
           (!lane->spare || arena_check(lane->spare, err));
}

/* Steps before the one returned have complete windows once all samples up to last_ms are there. */
static size_t complete_steps(const struct plan_select *select, int64_t last_ms)
{
    const struct grid *refs = &select->refs;
    if (select->edges == WINDOW_SMOOTHED)
        last_ms = ms_sub(last_ms, select->lookback_ms);
    if (last_ms < refs->start_ms)
        return 0;
    if (refs->step_ms == 0)
        return refs->count;
    size_t steps = (size_t)(ms_sub(last_ms, refs->start_ms) / refs->step_ms) + 1;
    return steps < refs->count ? steps : refs->count;
}

static void lane_forget(struct lane *lane, int64_t until_ms)
{
    struct samples *samples = &lane->samples;
    size_t gone = 0;
    while (gone < samples->count && samples->times_ms[gone] <= until_ms)
        gone++;
    if (gone > 0) {
        samples->count -= gone;
        samples_move(samples, 0, gone, samples->count);
    }
    struct histogram_samples *histograms = &lane->histograms;
    gone = 0;
    while (gone < histograms->count && histograms->times_ms[gone] <= until_ms)
        gone++;
    histogram_samples_forget(histograms, gone);
}

static void lane_open(struct lane *lane, const struct row_spec *spec, size_t series)
{
    if (!lane->cursor)
        lane->cursor = cursor_create(spec->selection);
    cursor_open(lane->cursor, series);
    lane->samples.count = 0;
    lane->stale_count = 0;
    lane->samples.wants_starts = spec->kernel->wants_starts && spec->query->modes.start_timestamps;
    lane->samples.histograms = &lane->histograms;
    lane->histograms.totals_only = lane->first_hint_due = spec->select->totals_only;
    if (lane->histograms.cap > 0)
        histogram_samples_clear(&lane->histograms);
}

bool lane_fill_row(struct lane *lane, const struct row_spec *spec, size_t series, struct tile *tile,
                   size_t row, struct err *err)
{
    const struct plan_select *select = spec->select;
    const struct grid *refs = &select->refs;
    lane_open(lane, spec, series);

    size_t want = LANE_SAMPLES;
    for (size_t step = 0; step < refs->count;) {
        bool ended;
        int64_t last_ms = INT64_MIN;
        if (!lane_read(lane, spec, want, &ended, &last_ms, err))
            return false;
        size_t end = ended ? refs->count : complete_steps(select, last_ms);
        if (end > step) {
            if (!lane_fill_steps(lane, spec, step, end, tile, row, err))
                return false;
            step = end;
        }
        if (step == refs->count)
            break;
        lane_forget(lane,
                    ms_sub(ms_sub(grid_time(refs, step), select->range_ms), select->lookback_ms));
        /* A window nearly as large as what is held: hold more, or each stretch would be short. */
        if (lane_held(lane) > want / 2)
            want *= 2;
    }
    return true;
}
