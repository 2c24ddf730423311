/*
 * rate, increase and delta, with Prometheus's extrapolation to the edges of the window
 * (extrapolatedRate in promql/functions.go), every operation in its order.
 *
 * What a counter lost by resets is added one by one, oldest first, as Prometheus does: a running
 * correction that adds and subtracts rounds differently. But a list of the positions where a reset
 * is, made once, spares the walk over all other samples.
 *
 * A regular series shows the same gaps at both edges at every step: the factor is kept, and
 * computed again when a gap changes. Where the samples stand at one distance that goes into the
 * step, this need not be looked at: all windows of such a stretch are that of the first, moved.
 */

#include <stdbool.h>

#include "engine/fn/cursor.h"
#include "engine/fn/kernels.h"
#include "model/duration.h"
#include "model/sample.h"

/* How far and with what factor a window of these gaps is extrapolated. */
struct rate_edges {
    int64_t start_gap_ms; /* window's start to first sample */
    int64_t end_gap_ms;
    int64_t sampled_ms; /* first sample to last */
    size_t sample_count;
    double to_start;
    double to_end;
    double sampled;
    double factor;
    bool zero_is_far; /* for a counter whose first value is not below its change */
};

/* Samples [begin, end) that stand delta_ms apart. */
struct rate_even {
    size_t begin;
    size_t end;
    int64_t delta_ms;
};

struct rate {
    bool per_second;
    double range_seconds;
    struct rate_edges edges;
    struct rate_even even;
    size_t leap_next; /* from this step on, windows may be moved */
};

static double rate_factor(const struct rate *rate, double to_start)
{
    const struct rate_edges *edges = &rate->edges;
    double factor = (edges->sampled + to_start + edges->to_end) / edges->sampled;
    return rate->per_second ? factor / rate->range_seconds : factor;
}

static void rate_learn_edges(struct rate *rate)
{
    struct rate_edges *edges = &rate->edges;
    edges->to_start = (double)edges->start_gap_ms / 1000;
    edges->to_end = (double)edges->end_gap_ms / 1000;
    edges->sampled = (double)edges->sampled_ms / 1000;

    double average = edges->sampled / (double)(edges->sample_count - 1);
    double threshold = average * 1.1;
    if (edges->to_start >= threshold)
        edges->to_start = average / 2;
    if (edges->to_end >= threshold)
        edges->to_end = average / 2;
    edges->factor = rate_factor(rate, edges->to_start);
    /* first / change is then 1 at least, and the way to zero `sampled`; both as rounded. */
    edges->zero_is_far = edges->sampled >= edges->to_start;
}

/* Indexes of samples that lie below the one before, then one behind all. */
KERNEL_CLONES static void rate_find_resets(const double *values, size_t sample_count,
                                           uint32_t *ret_resets)
{
    enum { BLOCK = 32 };
    size_t count = 0;
    size_t i = 1;
    while (i < sample_count) {
        /* Most blocks have none: the compiler makes this one comparison of vectors. */
        size_t end = i + BLOCK;
        if (end <= sample_count) {
            uint64_t any = 0;
            KEEP_LOOP
            for (size_t j = 0; j < BLOCK; j++)
                any |= values[i + j] < values[i + j - 1];
            if (!any) {
                i = end;
                continue;
            }
        }
        for (; i < end && i < sample_count; i++) {
            ret_resets[count] = (uint32_t)i;
            count += values[i] < values[i - 1];
        }
    }
    ret_resets[count] = UINT32_MAX;
}

/* Sets the edges to those of the window at `ref_ms`. */
HOT_INLINE void rate_see_edges(struct rate *rate, const struct cursor *cursor, int64_t ref_ms)
{
    struct rate_edges *edges = &rate->edges;
    int64_t first_ms = cursor->times_ms[cursor->lo];
    int64_t last_ms = cursor->times_ms[cursor->hi - 1];
    int64_t start_gap_ms = first_ms - ms_sub(ref_ms, cursor->range_ms);
    int64_t end_gap_ms = ref_ms - last_ms;
    int64_t sampled_ms = last_ms - first_ms;
    size_t sample_count = cursor->hi - cursor->lo;

    if (((start_gap_ms ^ edges->start_gap_ms) | (end_gap_ms ^ edges->end_gap_ms) |
         (sampled_ms ^ edges->sampled_ms) | (int64_t)(sample_count ^ edges->sample_count)) != 0) {
        edges->start_gap_ms = start_gap_ms;
        edges->end_gap_ms = end_gap_ms;
        edges->sampled_ms = sampled_ms;
        edges->sample_count = sample_count;
        rate_learn_edges(rate);
    }
}

/* A counter is never extrapolated to before the time it would have been 0. */
HOT_INLINE double rate_counter_factor(const struct rate *rate, double first, double change)
{
    if (change > 0 && first >= 0) {
        double to_zero = rate->edges.sampled * (first / change);
        if (to_zero < rate->edges.to_start)
            return rate_factor(rate, to_zero);
    }
    return rate->edges.factor;
}

/* The end of the samples from the index `begin` on that stand delta_ms apart. */
KERNEL_CLONES static size_t rate_even_end(const int64_t *times_ms, size_t begin, size_t count,
                                          int64_t delta_ms)
{
    enum { BLOCK = 32 };
    size_t i = begin + 1;
    for (; i + BLOCK <= count; i += BLOCK) {
        int64_t other = 0;
        KEEP_LOOP
        for (size_t j = 0; j < BLOCK; j++)
            other |= ms_sub(times_ms[i + j], times_ms[i + j - 1]) ^ delta_ms;
        if (other)
            break;
    }
    while (i < count && ms_sub(times_ms[i], times_ms[i - 1]) == delta_ms)
        i++;
    return i;
}

/*
 * How many of the steps behind `step` have its window, moved by *ret_stride samples each. All
 * samples that enter or leave are of one even stretch, and none is a reset.
 */
static size_t rate_leap(struct rate *rate, const struct window_call *call,
                        const struct cursor *cursor, size_t step, uint32_t next_reset,
                        size_t *ret_stride)
{
    enum { TRY_AGAIN = 16 }; /* steps later */
    struct rate_even *even = &rate->even;
    const int64_t *times_ms = call->times_ms;
    int64_t delta_ms = ms_sub(times_ms[cursor->lo + 1], times_ms[cursor->lo]);
    rate->leap_next = step + TRY_AGAIN;
    if (delta_ms != ms_sub(times_ms[cursor->hi - 1], times_ms[cursor->hi - 2]))
        return 0; /* so it mostly is where times jitter */
    if (cursor->lo < even->begin || cursor->hi >= even->end) {
        even->begin = cursor->lo;
        even->delta_ms = delta_ms;
        even->end = rate_even_end(times_ms, cursor->lo, call->sample_count, delta_ms);
    }
    int64_t step_ms = call->refs.step_ms;
    if (cursor->hi >= even->end || delta_ms <= 0 || step_ms < delta_ms || step_ms % delta_ms != 0 ||
        rate->edges.start_gap_ms > delta_ms || rate->edges.end_gap_ms >= delta_ms)
        return 0;
    size_t stride = (size_t)(step_ms / delta_ms);
    size_t last = even->end - 1 < next_reset ? even->end - 1 : next_reset; /* a window's end */
    size_t leap = (last - cursor->hi) / stride;
    size_t left = call->refs.count - 1 - step;
    *ret_stride = stride;
    return leap < left ? leap : left;
}

/* Apart, or the compiler would divide at every step for the sake of vectors. */
NO_INLINE static double rate_near_factor(const struct rate *rate, double first, double change)
{
    return rate_counter_factor(rate, first, change);
}

/* Fills the steps of a leap. */
HOT_INLINE void rate_fill(const struct rate *rate, const struct cursor *cursor,
                          const double *values, size_t stride, double *out, size_t count,
                          bool counter)
{
    const double *first = values + cursor->lo;
    const double *last = values + cursor->hi - 1;
    double factor = rate->edges.factor;
    bool zero_is_far = rate->edges.zero_is_far;
    for (size_t i = 0; i < count; i++) {
        first += stride;
        last += stride;
        double change = *last - *first;
        out[i] = change * (!counter || (LIKELY(*first >= change) && zero_is_far)
                               ? factor
                               : rate_near_factor(rate, *first, change));
    }
}

HOT_INLINE void rate_run(const struct window_call *call, bool counter, bool per_second)
{
    const double *values = call->values;
    struct rate rate = {.per_second = per_second,
                        .range_seconds = duration_seconds(call->range_ms)};
    struct cursor cursor = cursor_begin(call);
    const uint32_t none = UINT32_MAX;
    const uint32_t *resets = &none;
    size_t reset_lo = 0;
    size_t reset_hi = 0;

    if (counter) {
        uint32_t *found = scratch_take(call->scratch, (call->sample_count + 1) * sizeof *found);
        rate_find_resets(values, call->sample_count, found);
        resets = found;
    }

    for (size_t i = 0; i < call->refs.count; i++) {
        int64_t ref_ms = grid_time(&call->refs, i);
        cursor_move(&cursor, ref_ms);
        if (cursor.hi - cursor.lo < 2) {
            call->out[i] = value_stale();
            continue;
        }

        double first = values[cursor.lo];
        double change = values[cursor.hi - 1] - first;
        rate_see_edges(&rate, &cursor, ref_ms);
        while (resets[reset_lo] <= cursor.lo)
            reset_lo++;
        while (resets[reset_hi] < cursor.hi)
            reset_hi++;
        for (size_t k = reset_lo; k < reset_hi; k++)
            change += values[resets[k] - 1];
        call->out[i] =
            change * (counter ? rate_counter_factor(&rate, first, change) : rate.edges.factor);

        if (i >= rate.leap_next && reset_lo == reset_hi) {
            size_t stride = 0;
            size_t leap = rate_leap(&rate, call, &cursor, i, resets[reset_hi], &stride);
            rate_fill(&rate, &cursor, values, stride, call->out + i + 1, leap, counter);
            cursor.lo += leap * stride;
            cursor.hi += leap * stride;
            i += leap;
        }
    }
}

void rate_window(const struct window_call *call)
{
    rate_run(call, true, true);
}

void increase_window(const struct window_call *call)
{
    rate_run(call, true, false);
}

void delta_window(const struct window_call *call)
{
    rate_run(call, false, false);
}
