#include "engine/fn/pair_facts.h"

#include "engine/fn/start_time.h"

#define PAIR_FACTS_COLUMNS 5

/* The column of the memory; each has room for one more than there are samples. */
static uint32_t *facts_column(void *memory, size_t sample_count, size_t column)
{
    return (uint32_t *)memory + column * (sample_count + 1);
}

size_t pair_facts_bytes(size_t sample_count)
{
    return PAIR_FACTS_COLUMNS * (sample_count + 1) * sizeof(uint32_t);
}

/* overlaps[i]: of the pairs (j - 1, j), j <= i. */
static const uint32_t *facts_overlaps(const int64_t *times_ms, const int64_t *starts_ms,
                                      size_t count, uint32_t *counts)
{
    uint32_t overlaps = 0;
    counts[0] = 0;
    for (size_t i = 1; i < count; i++) {
        overlaps += start_overlaps(starts_ms[i - 1], times_ms[i - 1], starts_ms[i]);
        counts[i] = overlaps;
    }
    return overlaps > 0 ? counts : NULL;
}

struct pair_facts pair_facts_of_floats(const struct window_call *call, void *memory)
{
    const int64_t *times_ms = call->times_ms;
    const int64_t *starts_ms = call->use_starts ? call->starts_ms : NULL;
    size_t count = call->sample_count;
    uint32_t *resets = facts_column(memory, count, 0);
    struct pair_facts facts = {.resets = resets};
    size_t reset_count = 0;
    for (size_t i = 1; i < count; i++) {
        resets[reset_count] = (uint32_t)i;
        reset_count += call->values[i] < call->values[i - 1] ||
                       (starts_ms && start_is_reset(starts_ms[i - 1], times_ms[i - 1], starts_ms[i],
                                                    times_ms[i]));
    }
    resets[reset_count] = UINT32_MAX;
    if (starts_ms)
        facts.overlaps = facts_overlaps(times_ms, starts_ms, count, facts_column(memory, count, 1));
    return facts;
}

static bool histogram_pair_is_reset(const struct histogram_samples *samples, size_t i,
                                    bool use_starts)
{
    const int64_t *times_ms = samples->times_ms, *starts_ms = samples->starts_ms;
    if (use_starts && start_is_reset(starts_ms[i - 1], times_ms[i - 1], starts_ms[i], times_ms[i]))
        return true;
    return histogram_is_reset(samples->items[i], samples->items[i - 1]);
}

struct pair_facts pair_facts_of_histograms(const struct window_call *call, bool wants_resets,
                                           void *memory)
{
    const struct histogram_samples *samples = call->histograms;
    size_t count = samples->count;
    uint32_t *resets = facts_column(memory, count, 0);
    uint32_t *gauges = facts_column(memory, count, 2);
    uint32_t *customs = facts_column(memory, count, 3);
    uint32_t *changes = facts_column(memory, count, 4);
    struct pair_facts facts = {
        .resets = resets,
        .gauges = gauges,
        .customs = customs,
        .schema_changes = changes,
    };
    size_t reset_count = 0;
    gauges[0] = customs[0] = changes[0] = 0;
    for (size_t i = 0; i < count; i++) {
        const struct histogram *h = samples->items[i];
        gauges[i + 1] = gauges[i] + (h->hint == HISTOGRAM_GAUGE);
        customs[i + 1] = customs[i] + histogram_is_custom(h);
        changes[i + 1] = changes[i] + (i > 0 && h->schema != samples->items[i - 1]->schema);
        if (wants_resets && i > 0 && histogram_pair_is_reset(samples, i, call->use_starts))
            resets[reset_count++] = (uint32_t)i;
    }
    resets[reset_count] = UINT32_MAX;
    if (call->use_starts && count > 0)
        facts.overlaps = facts_overlaps(samples->times_ms, samples->starts_ms, count,
                                        facts_column(memory, count, 1));
    return facts;
}
