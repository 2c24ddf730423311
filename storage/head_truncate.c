/*
 * The log behind a block, as Prometheus cuts it: a new segment is begun, and of the segments before
 * it the older two thirds become a checkpoint; with less than that nothing is done, for a
 * checkpoint of little is work for nothing.
 *
 * Batches wait only while memory is swept and the segment is begun. The checkpoint is made of
 * segments that nobody writes to, beside the batches; which series it keeps is asked under the
 * lock, series by series. A series that goes out of memory meanwhile has its expiry before.
 *
 * After a crash at any moment the folder holds all: `checkpoint.N.tmp` is nothing yet; once it is
 * renamed, segments up to N and older checkpoints are passed over, removed or not.
 */
#include <stdio.h>

#include "base/clock.h"
#include "storage/checkpoint.h"
#include "storage/head_append.h"
#include "storage/head_internal.h"
#include "storage/wal_folder.h"

/* Is the series in memory, or does a segment that stays speak of it? */
struct checkpoint_keeper {
    struct head *head;
    uint32_t last;
};

static bool keeper_keeps(void *context, uint64_t ref)
{
    struct checkpoint_keeper *keeper = context;
    struct head *head = keeper->head;
    pthread_rwlock_rdlock(&head->lock);
    const struct head_state *state = head->state;
    bool keeps = head_index_find(state->index, ref) != NULL ||
                 wal_expiries_need(&state->expiries, ref, keeper->last);
    pthread_rwlock_unlock(&head->lock);
    return keeps;
}

static int64_t keeper_begin_ms(void *context, uint64_t ref)
{
    struct checkpoint_keeper *keeper = context;
    struct head *head = keeper->head;
    pthread_rwlock_rdlock(&head->lock);
    const struct live_series *series = head_index_find(head->state->index, ref);
    int64_t begin_ms = series ? live_series_oldest_ms(series) : INT64_MAX;
    pthread_rwlock_unlock(&head->lock);
    return begin_ms;
}

/* Prometheus's rule for which segments go; false: too few. The one in work does not count. */
static bool segments_to_go(const struct wal_listing *listing, const struct wal_checkpoint *before,
                           uint32_t in_work, uint32_t *ret_last)
{
    uint32_t first = UINT32_MAX, last = 0;
    for (size_t i = 0; i < listing->count; i++) {
        uint32_t number = listing->segments[i];
        if ((before->is_there && number <= before->number) || number >= in_work)
            continue;
        first = first == UINT32_MAX ? number : first;
        last = number;
    }
    /* The newest of them stays. */
    if (first == UINT32_MAX || last <= first)
        return false;
    uint32_t gone = first + (last - 1 - first) * 2 / 3;
    *ret_last = gone;
    return gone > first;
}

static void head_tell_checkpoint(const struct head *head, uint32_t last, int64_t begin_ns)
{
    if (!head->options.info)
        return;
    char text[256];
    snprintf(text, sizeof text, "%s: WAL checkpoint complete: segments up to %u, in %.3f s",
             head->path, last, (double)(clock_monotonic_ns() - begin_ns) / 1e9);
    head->options.info(head->options.context, text);
}

/* Segments and checkpoints that the newest checkpoint stands for. */
static bool head_remove_log(struct head *head, const char *folder, uint32_t last, struct err *err)
{
    struct head_counters *counters = &head->counters;
    bool good = wal_folder_remove_segments(folder, last, err);
    head_count(head, &counters->truncations, 1);
    head_count(head, &counters->truncations_failed, !good);
    if (!good)
        return false;
    good = wal_folder_remove_checkpoints(folder, last, err);
    head_count(head, &counters->checkpoint_removals, 1);
    head_count(head, &counters->checkpoint_removals_failed, !good);
    if (!good)
        return false;
    pthread_rwlock_wrlock(&head->lock);
    wal_expiries_trim(&head->state->expiries, last);
    pthread_rwlock_unlock(&head->lock);
    return true;
}

static bool head_checkpoint(struct head *head, int64_t before_ms, uint32_t in_work,
                            const _Atomic bool *cancel, struct err *err)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/wal", head->path);
    AUTO(wal_listing_done) struct wal_listing listing = {0};
    struct wal_checkpoint before;
    if (!wal_folder_list(folder, &listing, err) ||
        !wal_folder_checkpoint(folder, &listing, &before, err))
        return false;
    uint32_t last;
    if (!segments_to_go(&listing, &before, in_work, &last))
        return true;

    int64_t begin_ns = clock_monotonic_ns();
    struct checkpoint_keeper keeper = {head, last};
    struct checkpoint_plan plan = {
        .folder = folder,
        .last = last,
        .before_ms = before_ms,
        .segment_size = head_segment_size(head),
        .packing = head->options.wal_packing,
        .keeps = keeper_keeps,
        .begin_ms = keeper_begin_ms,
        .context = &keeper,
        .cancel = cancel,
    };
    bool good = checkpoint_write(&plan, err);
    head_count(head, &head->counters.checkpoints, 1);
    head_count(head, &head->counters.checkpoints_failed, !good);
    if (!good || !head_remove_log(head, folder, last, err))
        return false;
    head_count(head, &head->counters.truncation_ns, (uint64_t)(clock_monotonic_ns() - begin_ns));
    head_tell_checkpoint(head, last, begin_ns);
    return true;
}

static bool head_truncate_locked(struct head *head, int64_t before_ms, const _Atomic bool *cancel,
                                 struct err *err)
{
    if (!head_refresh_state(head, before_ms, err) || !head_remove_chunks(head, err))
        return false;
    if (before_ms <= head->truncated_ms)
        return true;
    pthread_mutex_lock(&head->changing);
    struct wal_writer *log = head_writer_log(head->writer);
    bool cut = wal_writer_cut(log, err);
    uint32_t in_work = wal_writer_segment(log);
    pthread_mutex_unlock(&head->changing);
    if (!cut || !head_checkpoint(head, before_ms, in_work, cancel, err))
        return false;
    head->truncated_ms = before_ms;
    return true;
}

bool head_truncate(struct head *head, int64_t before_ms, const _Atomic bool *cancel,
                   struct err *err)
{
    if (!head->writer)
        return err_set(err, ERR_UNSUPPORTED, "%s: open for reading only", head->path);
    pthread_mutex_lock(&head->truncating);
    bool good = head_truncate_locked(head, before_ms, cancel, err);
    pthread_mutex_unlock(&head->truncating);
    return good;
}
