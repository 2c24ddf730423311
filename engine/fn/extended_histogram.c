#include "engine/fn/extended_histogram.h"

#include "engine/fn/histogram_rate.h"
#include "engine/fn/interpolate.h"

/* May the samples be computed with each other? */
static bool extended_is_of_a_kind(const struct extended_histograms *of)
{
    const struct histogram_samples *samples = of->call->histograms;
    uint32_t *found = &of->call->finds->found;
    bool custom = histogram_is_custom(samples->items[of->window.first]);
    for (size_t i = of->window.first; i <= of->window.last; i++) {
        if (histogram_is_custom(samples->items[i]) != custom) {
            *found |= FIND_SCHEMAS;
            return false;
        }
        if (of->counter && samples->items[i]->hint == HISTOGRAM_GAUGE)
            *found |= FIND_NOT_COUNTER;
    }
    return true;
}

static const struct histogram *extended_left(const struct extended_histograms *of)
{
    const struct histogram_samples *samples = of->call->histograms;
    const struct extended_window *window = &of->window;
    if (window->smoothed && samples->times_ms[window->first] < window->begin_ms)
        return interpolate_histograms(of->call, window->first, window->begin_ms, of->counter);
    return samples->items[window->first];
}

static const struct histogram *extended_right(const struct extended_histograms *of)
{
    const struct histogram_samples *samples = of->call->histograms;
    const struct extended_window *window = &of->window;
    if (window->smoothed && window->last > of->lo &&
        samples->times_ms[window->last] > window->end_ms)
        return interpolate_histograms(of->call, window->last - 1, window->end_ms, of->counter);
    return samples->items[window->last];
}

/* A sum that is nothing yet; false: the two cannot be added. */
static bool taken_add(const struct window_call *call, const struct histogram **taken,
                      const struct histogram *more)
{
    *taken = *taken ? found_add(call, *taken, more) : more;
    return *taken != NULL;
}

/* What resets took away between left and right; NULL: nothing. False: it cannot be added up. */
static bool extended_resets(const struct extended_histograms *of, const struct histogram *left,
                            const struct histogram *right, const struct histogram **ret_taken)
{
    const struct histogram_samples *samples = of->call->histograms;
    const struct extended_window *window = &of->window;
    size_t first = window->first + 1;
    const struct histogram *before = left;
    *ret_taken = NULL;
    if (window->smoothed && samples->times_ms[window->first] < window->begin_ms &&
        histogram_is_reset(samples->items[first], samples->items[window->first])) {
        /* The left value was interpolated over that reset, which is thereby done with. */
        before = samples->items[first++];
    }
    if (first > window->last)
        return true;
    if (first < window->last) {
        if (histogram_is_reset(samples->items[first], before) &&
            !taken_add(of->call, ret_taken, before))
            return false;
        size_t reset_count;
        const uint32_t *resets = pair_facts_resets(of->facts, first, window->last, &reset_count);
        for (size_t i = 0; i < reset_count; i++)
            if (!taken_add(of->call, ret_taken, samples->items[resets[i] - 1]))
                return false;
        before = samples->items[window->last - 1];
    }
    return !histogram_is_reset(right, before) || taken_add(of->call, ret_taken, before);
}

const struct histogram *extended_of_histograms(const struct extended_histograms *of, double seconds)
{
    const struct window_call *call = of->call;
    if (!extended_is_of_a_kind(of))
        return NULL;
    const struct histogram *left = extended_left(of);
    const struct histogram *right = left ? extended_right(of) : NULL;
    if (!right)
        return NULL;
    if (!of->counter && (left->hint != HISTOGRAM_GAUGE || right->hint != HISTOGRAM_GAUGE))
        call->finds->found |= FIND_NOT_GAUGE;

    struct histogram *change = found_subtract(call, right, left);
    const struct histogram *taken = NULL;
    if (change && of->counter) {
        if (!extended_resets(of, left, right, &taken))
            return NULL;
        if (taken)
            change = found_add(call, change, taken);
    }
    if (!change)
        return NULL;
    if (seconds != 1)
        change = histogram_divide(call->spare, change, seconds);
    change->hint = HISTOGRAM_GAUGE;
    return histogram_compact(call->arena, change);
}
