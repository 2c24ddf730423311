/*
 * sum_over_time and avg_over_time of native histograms: Kahan sums of whole histograms in the order
 * of the samples, as funcSumOverTime and funcAvgOverTime in promql/functions.go. Nothing of a
 * window serves the next; steps that see the same samples share the result.
 */
#include "engine/fn/cursor.h"
#include "engine/fn/kernels.h"
#include "model/sample.h"

/* NULL: there are exponential and custom buckets. */
static const struct histogram *histograms_mean(const struct window_call *call,
                                               const struct histogram *const *items, size_t count,
                                               unsigned *clashes)
{
    struct histogram_mean mean = {.total.arena = call->spare};
    for (size_t i = 0; i < count; i++)
        if (!histogram_mean_add(&mean, items[i], clashes))
            return NULL;
    return histogram_mean_result(&mean, call->arena);
}

static const struct histogram *histograms_sum(const struct window_call *call,
                                              const struct histogram *const *items, size_t count,
                                              unsigned *clashes)
{
    struct histogram_total sum = {.arena = call->spare};
    for (size_t i = 0; i < count; i++)
        if (!histogram_total_add(&sum, items[i], clashes))
            return NULL;
    return histogram_total_sum(&sum, call->arena);
}

static bool hints_clash(const struct histogram *const *items, size_t count)
{
    bool reset = false, no_reset = false;
    for (size_t i = 0; i < count; i++) {
        reset = reset || items[i]->hint == HISTOGRAM_RESET;
        no_reset = no_reset || items[i]->hint == HISTOGRAM_NOT_RESET;
    }
    return reset && no_reset;
}

static const struct histogram *total_of_window(const struct window_call *call, size_t lo, size_t hi,
                                               bool mean)
{
    const struct histogram *const *items = call->histograms->items + lo;
    size_t count = hi - lo;
    unsigned clashes = 0;
    const struct histogram *total = mean ? histograms_mean(call, items, count, &clashes)
                                         : histograms_sum(call, items, count, &clashes);
    arena_reset(call->spare);
    if (!total) {
        call->finds->found |= FIND_SCHEMAS;
        return NULL;
    }
    if (clashes & HISTOGRAM_CLASH_BOUNDS)
        call->finds->found |= FIND_BOUNDS_TOTAL;
    if (hints_clash(items, count))
        call->finds->found |= FIND_RESETS;
    return total;
}

/* Windows of floats alone are those of the kernel of floats. */
static void total_run(const struct window_call *call, bool mean)
{
    (mean ? avg_window : sum_window)(call);
    struct pair_cursor pair = pair_cursor_begin(call);
    size_t last_lo = 0, last_hi = 0;
    const struct histogram *last = NULL;
    for (size_t i = 0; i < call->refs.count; i++) {
        pair_cursor_move(&pair, grid_time(&call->refs, i));
        size_t lo = pair.histograms.lo, hi = pair.histograms.hi;
        if (lo == hi)
            continue;
        if (cursor_count(&pair.floats) > 0) {
            call->finds->found |= FIND_MIXED;
            call->out[i] = value_stale();
            continue;
        }
        if (lo != last_lo || hi != last_hi)
            last = total_of_window(call, lo, hi, mean);
        last_lo = lo;
        last_hi = hi;
        call->histograms_out[i] = last;
    }
}

void sum_any_window(const struct window_call *call)
{
    total_run(call, false);
}

void avg_any_window(const struct window_call *call)
{
    total_run(call, true);
}
