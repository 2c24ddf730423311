#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/classic_histogram.h"
#include "base/map.h"
#include "storage/append.h"
#include "storage/db_counters.h"
#include "storage/head_state.h"

/*
 * A batch on its way in: which series its samples belong to, and which of them are written.
 *
 *     append_run_begin    what can be done before it is our turn
 *     append_run_check    against the head, which nobody changes meanwhile
 *     entries and items say what to write
 *     append_run_done
 *
 * As in Prometheus all samples are held against the head as it was before the batch. Of two in one
 * batch that are not in order both pass, and the second is left out in the end, or is late where
 * such samples are taken and both stand in one series of the batch.
 *
 * Thread: one at a time.
 */

/* A series of the batch. */
struct append_item {
    uint64_t hash;                  /* of the labels as they came */
    struct live_series *series;     /* NULL: a new one, until it is added */
    const struct wal_label *labels; /* new ones: in order, checked */
    size_t label_count;
    uint64_t ref;
    uint32_t same_as;  /* the item with the same labels that came first, or its own number */
    bool is_repeated;  /* its series was in the batch before */
    bool is_needed;    /* a sample of it is written */
    int64_t newest_ms; /* of its samples in the batch that are in order */
};

/* A sample that is written: one of both is there. */
struct append_entry {
    uint32_t item;
    const struct append_sample *sample;
    const struct append_histogram *histogram;
    bool is_late; /* out of order */
};

struct append_run {
    const struct append_batch *batch;
    enum append_mode mode;
    struct head_state *state;
    struct arena *arena;
    uint32_t number; /* another one for each batch */

    struct append_item *items; /* as many as the batch has series */
    struct map fresh;          /* items with new series, by hash of the labels in order */
    struct append_entry *entries;
    size_t entry_count;
    bool has_base;     /* the head has samples, or the batch had the first one */
    int64_t newest_ms; /* of the head, or the first of the batch */
    int64_t behind_ms; /* so far behind it may one be */
    int64_t window_ms; /* so far behind, samples out of order are taken; 0: none are */

    struct append_result result;
    struct sample_counters counters;
    struct classic_histogram *late_by_ms; /* how far behind the newest were those out of order */
    struct buf lines;                     /* what was refused */
};

/*
 * `block_range_ms`: of a block of the head; samples may be half of it behind the newest one.
 * `window_ms`: those out of order.
 */
void append_run_begin(struct append_run *run, const struct append_batch *batch,
                      enum append_mode mode, int64_t block_range_ms, int64_t window_ms);
void append_run_done(struct append_run *run);

/* False: all or nothing was asked, and something was refused; the first line says what. */
bool append_run_check(struct append_run *run, struct head_state *state, uint32_t number) MUST_CHECK;

static inline void append_run_done_auto(struct append_run *run)
{
    append_run_done(run);
}
