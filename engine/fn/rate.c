/*
 * rate, increase and delta, with Prometheus's extrapolation to the edges of the window
 * (extrapolatedRate in promql/functions.go), every operation in its order.
 *
 * What a counter lost by resets is added one by one, oldest first, as Prometheus does: a running
 * correction that adds and subtracts rounds differently. But a list of the positions where a reset
 * is, made once, spares the walk over all other samples.
 *
 * A regular series shows the same gaps at both edges at every step: the factor is kept, and
 * computed again when a gap changes.
 */

#include <stdbool.h>

#include "engine/fn/cursor.h"
#include "engine/fn/kernels.h"
#include "engine/fn/range_seconds.h"
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
};

struct rate {
    bool per_second;
    double range_seconds;
    struct rate_edges edges;
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
}

/* Indexes of samples that lie below the one before, then one behind all. */
KERNEL_CLONES static void rate_find_resets(const double *values, size_t sample_count,
                                           uint32_t *ret_resets)
{
    enum { BLOCK = 16 };
    size_t count = 0;
    size_t i = 1;
    while (i < sample_count) {
        /* Most blocks have none: the compiler makes this one comparison of vectors. */
        size_t end = i + BLOCK;
        if (end <= sample_count) {
            int any = 0;
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

HOT_INLINE void rate_run(const struct window_call *call, bool counter, bool per_second)
{
    const double *values = call->values;
    struct rate rate = {.per_second = per_second, .range_seconds = range_seconds(call->range_ms)};
    struct cursor cursor = cursor_begin(call);
    const uint32_t *resets = NULL;
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
        if (!counter) {
            call->out[i] = change * rate.edges.factor;
            continue;
        }

        while (resets[reset_lo] <= cursor.lo)
            reset_lo++;
        while (resets[reset_hi] < cursor.hi)
            reset_hi++;
        for (size_t k = reset_lo; k < reset_hi; k++)
            change += values[resets[k] - 1];
        call->out[i] = change * rate_counter_factor(&rate, first, change);
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
