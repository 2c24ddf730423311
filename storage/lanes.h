#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/histogram_samples.h"
#include "model/sample.h"

/*
 * Merges chunks that overlap. Those of one source, one after another, are a lane; lanes are merged
 * as Prometheus's chained iterator does it, with its heap and its ties, so that of two samples at
 * one time the same one is left, float or histogram, and hints are lost where it loses them.
 *
 *     lanes_begin
 *     lanes_for ... decode into lane->samples ... lanes_took     once a chunk, by their begins
 *     lanes_merge
 *
 * `{0}` is an empty one; memory is kept from group to group. Thread: one at a time.
 */
struct lane {
    struct samples samples;
    struct histogram_samples histograms;
    uint32_t source;
    int64_t end_ms;  /* of its last chunk */
    int64_t last_ms; /* of its last sample */
    bool any;        /* it has one */
    size_t next_float;
    size_t next_histogram;
    bool has_next;
    bool next_is_histogram;
    int64_t next_ms;
};

struct lanes {
    struct lane *items;
    size_t count;
    size_t cap; /* all below have been used before, and may hold memory */
    uint32_t *heap;
    size_t heap_count;
    size_t sample_count; /* of all lanes */
    bool has_histograms;
};

void lanes_done(struct lanes *lanes);

void lanes_begin(struct lanes *lanes);

/*
 * The lane that a chunk belongs to; borrowed until the next call. `into` tells what is wanted:
 * histograms, starts.
 */
struct lane *lanes_for(struct lanes *lanes, const struct samples *into, uint32_t source,
                       int64_t begin_ms, int64_t end_ms);

/* Counts what was appended to the lane. False: it begins before what was there ended. */
bool lanes_took(struct lanes *lanes, struct lane *lane);

/*
 * Appends all to `into`. `*source` is where the samples handed out last came from, before and
 * after; `fresh`: there were none yet.
 */
void lanes_merge(struct lanes *lanes, bool fresh, uint32_t *source, struct samples *into);
