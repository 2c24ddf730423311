#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/fn/window.h"

/*
 * What is to be known of neighbouring samples, found once for all windows of a call: where a
 * counter starts anew, where start timestamps overlap, and of histograms, which kinds there are.
 */
struct pair_facts {
    const uint32_t *resets;   /* the later ones of pairs with a reset, then UINT32_MAX */
    const uint32_t *overlaps; /* how many of the first i pairs' starts overlap; NULL: none at all */

    /* Of histograms: how many of the first i samples are, */
    const uint32_t *gauges;
    const uint32_t *customs;
    const uint32_t *schema_changes; /* have another schema than the one before */

    size_t reset_lo; /* a window's resets, kept from step to step by pair_facts_resets */
    size_t reset_hi;
};

/* Memory for what a column of so many samples needs, at most. */
size_t pair_facts_bytes(size_t sample_count);

/* `memory`: of that size. Of histograms, resets only if they are asked for. */
struct pair_facts pair_facts_of_floats(const struct window_call *call, void *memory);
struct pair_facts pair_facts_of_histograms(const struct window_call *call, bool wants_resets,
                                           void *memory);

/*
 * The resets between samples of [lo, hi), which never goes back from call to call:
 * resets[0 .. count) of the pointer returned.
 */
static inline const uint32_t *pair_facts_resets(struct pair_facts *facts, size_t lo, size_t hi,
                                                size_t *ret_count)
{
    while (facts->resets[facts->reset_lo] <= lo)
        facts->reset_lo++;
    if (facts->reset_hi < facts->reset_lo)
        facts->reset_hi = facts->reset_lo;
    while (facts->resets[facts->reset_hi] < hi)
        facts->reset_hi++;
    *ret_count = facts->reset_hi - facts->reset_lo;
    return facts->resets + facts->reset_lo;
}

/* Of [lo, hi), by one of the counts. */
static inline uint32_t facts_between(const uint32_t *counts, size_t lo, size_t hi)
{
    return counts[hi] - counts[lo];
}

/* Do any two neighbours of the samples [lo, hi) overlap? */
static inline bool pair_facts_overlap(const struct pair_facts *facts, size_t lo, size_t hi)
{
    return facts->overlaps && hi > lo + 1 && facts->overlaps[hi - 1] != facts->overlaps[lo];
}
