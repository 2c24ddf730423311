#include "engine/fn/histogram_rate.h"

#include "engine/fn/histogram_alike.h"
#include "engine/fn/start_time.h"

/* An operation on two histograms of a range vector; hints that clash mean nothing here. */
static void found_clashes(const struct window_call *call, unsigned clashes, uint32_t bounds)
{
    if (clashes & HISTOGRAM_CLASH_BOUNDS)
        call->finds->found |= bounds;
    if (clashes & HISTOGRAM_CLASH_INCOMPATIBLE)
        call->finds->found |= FIND_SCHEMAS;
}

struct histogram *found_add(const struct window_call *call, const struct histogram *a,
                            const struct histogram *b)
{
    unsigned clashes = 0;
    struct histogram *sum = histogram_add(call->spare, a, b, &clashes);
    found_clashes(call, clashes, FIND_BOUNDS_ADD);
    return sum;
}

struct histogram *found_subtract(const struct window_call *call, const struct histogram *a,
                                 const struct histogram *b)
{
    unsigned clashes = 0;
    struct histogram *difference = histogram_subtract(call->spare, a, b, &clashes);
    found_clashes(call, clashes, FIND_BOUNDS_SUBTRACT);
    return difference;
}

/* What stands for the first sample where the counter starts anew behind it: nothing. */
static struct histogram histogram_nothing(const struct histogram *like)
{
    return (struct histogram){
        .schema = like->schema,
        .custom_bounds = like->custom_bounds,
        .custom_bound_count = like->custom_bound_count,
    };
}

/* The coarsest schema among `first` and the samples behind it. */
static int32_t schema_min(const struct histogram_samples *samples, const struct pair_facts *facts,
                          const struct histogram *first, size_t lo, size_t hi, bool counter)
{
    const struct histogram *last = samples->items[hi - 1];
    int32_t schema = last->schema < first->schema ? last->schema : first->schema;
    if (!counter || facts_between(facts->schema_changes, lo + 1, hi) == 0)
        return schema;
    for (size_t i = lo + 1; i < hi - 1; i++)
        if (samples->items[i]->schema < schema)
            schema = samples->items[i]->schema;
    return schema;
}

/* May the window's samples be computed with each other? What is found of it goes to the finds. */
static bool window_is_of_a_kind(const struct window_call *call, const struct pair_facts *facts,
                                const struct histogram *first, size_t lo, size_t hi, bool counter)
{
    const struct histogram_samples *samples = call->histograms;
    bool custom = histogram_is_custom(first);
    bool edge_is_gauge = samples->items[lo]->hint == HISTOGRAM_GAUGE ||
                         samples->items[hi - 1]->hint == HISTOGRAM_GAUGE;
    uint32_t inner_customs = facts_between(facts->customs, lo + 1, hi - 1);

    if (histogram_is_custom(samples->items[hi - 1]) != custom) {
        call->finds->found |= FIND_SCHEMAS | (counter && edge_is_gauge ? FIND_NOT_COUNTER : 0);
        return false;
    }
    if (!counter)
        return true;
    if (inner_customs != (custom ? hi - lo - 2 : 0)) {
        call->finds->found |= FIND_SCHEMAS;
        return false;
    }
    if (facts_between(facts->gauges, lo, hi) > 0)
        call->finds->found |= FIND_NOT_COUNTER;
    return true;
}

/* Is there a reset at sample `at` even where nothing was before it? Counts may be negative. */
static bool reset_behind_nothing(const struct window_call *call, size_t at,
                                 const struct histogram *nothing)
{
    const struct histogram_samples *samples = call->histograms;
    const int64_t *times_ms = samples->times_ms, *starts_ms = samples->starts_ms;
    return histogram_is_reset(samples->items[at], nothing) ||
           (call->use_starts &&
            start_is_reset(starts_ms[at - 1], times_ms[at - 1], starts_ms[at], times_ms[at]));
}

/* Adds what every reset of the window took away; `first`: what stands for its first sample. */
static struct histogram *resets_added(const struct window_call *call, struct histogram *difference,
                                      const struct histogram *first, size_t lo,
                                      const uint32_t *resets, size_t reset_count)
{
    for (size_t i = 0; difference && i < reset_count; i++) {
        size_t at = resets[i];
        if (at > lo + 1)
            difference = found_add(call, difference, call->histograms->items[at - 1]);
        else if (reset_behind_nothing(call, at, first))
            difference = found_add(call, difference, first); /* bounds may differ, no more */
    }
    return difference;
}

/* What stands for the window's first sample: `nothing`, if the counter starts anew behind it. */
static const struct histogram *first_of_window(const struct window_call *call, size_t lo,
                                               bool reset_behind, struct histogram *nothing)
{
    if (!reset_behind)
        return call->histograms->items[lo];
    *nothing = histogram_nothing(call->histograms->items[lo + 1]);
    return nothing;
}

bool histogram_change_find(const struct window_call *call, struct pair_facts *facts, size_t lo,
                           size_t hi, bool counter, struct histogram_change *ret_change)
{
    const struct histogram_samples *samples = call->histograms;
    size_t reset_count = 0;
    const uint32_t *resets = counter ? pair_facts_resets(facts, lo, hi, &reset_count) : NULL;
    struct histogram nothing;
    bool reset_behind = reset_count > 0 && resets[0] == lo + 1;
    const struct histogram *first = first_of_window(call, lo, reset_behind, &nothing);
    if (!window_is_of_a_kind(call, facts, first, lo, hi, counter))
        return false;

    const struct histogram *last = samples->items[hi - 1];
    if (!counter && (facts_between(facts->gauges, lo, lo + 1) == 0 ||
                     facts_between(facts->gauges, hi - 1, hi) == 0))
        call->finds->found |= FIND_NOT_GAUGE;
    if (counter && pair_facts_overlap(facts, lo, hi))
        call->finds->overlaps++;

    int32_t schema = schema_min(samples, facts, first, lo, hi, counter);
    *ret_change = (struct histogram_change){
        .count = last->count - first->count, .first = first, .last = last};
    if (reset_count == 0 && last->schema == schema && histograms_alike(last, first))
        return true;

    if (last->schema != schema)
        last = histogram_reduce(call->spare, last, schema);
    struct histogram *difference = found_subtract(call, last, first);
    difference = resets_added(call, difference, first, lo, resets, reset_count);
    if (!difference)
        return false;
    difference->hint = HISTOGRAM_GAUGE;
    ret_change->made = histogram_compact(call->spare, difference);
    ret_change->count = difference->count;
    return true;
}

bool histogram_change_add(const struct window_call *call, struct histogram_change *change,
                          const struct histogram *h)
{
    if (!change->made)
        change->made = histograms_difference(call->spare, change->last, change->first, 1);
    change->made = found_add(call, change->made, h);
    if (!change->made)
        return false;
    change->count = change->made->count;
    return true;
}

const struct histogram *histogram_change_times(const struct window_call *call,
                                               const struct histogram_change *change, double factor)
{
    if (change->made)
        return histogram_multiply(call->arena, change->made, factor);
    return histograms_difference(call->arena, change->last, change->first, factor);
}
