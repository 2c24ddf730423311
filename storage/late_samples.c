/*
 * What is in memory carries a mark, the number of the round of compaction it came in, so that what
 * comes while blocks are made is left for the next round. Samples that wait to be packed in one
 * place carry that of the newest: they may go into blocks twice, which merging takes out.
 */
#include "storage/late_samples.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "storage/head_internal.h"
#include "storage/sample_log.h"
#include "storage/wal_folder.h"

/* Series between two moments in which others get the lock. */
#define SERIES_STEP 4096

struct late_samples {
    struct wal_writer *log;
    struct sample_log samples;
    uint32_t cut_segment;     /* segments before hold only what was there before the last mark */
    uint32_t trimmed_segment; /* and these, which are to be removed, nothing that memory has */
};

static bool late_samples_open_log(struct head *head, const char *folder, struct err *err)
{
    struct wal_writer_options options = {
        .segment_size = head_segment_size(head),
        .packing = head->options.wal_packing,
        .synced = head->options.wal_sync,
        .recovers = head->options.wal_sync,
    };
    struct wal_writer *log;
    if (!file_make_folder(folder, err) ||
        !wal_log_repair(head->state->wbl, &options.segment, err) ||
        !wal_writer_open(folder, &options, &log, err))
        return false;
    struct late_samples *late = mem_new(struct late_samples);
    late->log = log;
    late->samples.log = log;
    head->late = late;
    return true;
}

bool late_samples_open(struct head *head, struct err *err)
{
    char folder[4096];
    struct head_state *state = head->state;
    snprintf(folder, sizeof folder, "%s/wbl", head->path);
    state->late_mark = wal_log_last_segment(state->wbl) + 2; /* behind all that was read */
    return (atomic_load(&head->late_window_ms) == 0 && !file_exists(folder)) ||
           late_samples_open_log(head, folder, err);
}

bool late_samples_set_window(struct head *head, int64_t window_ms, struct err *err)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/wbl", head->path);
    pthread_mutex_lock(&head->changing);
    bool good = head->late || window_ms == 0 || late_samples_open_log(head, folder, err);
    if (good)
        atomic_store(&head->late_window_ms, window_ms);
    pthread_mutex_unlock(&head->changing);
    return good;
}

void late_samples_close(struct late_samples *late)
{
    if (!late)
        return;
    wal_writer_close(late->log);
    sample_log_done(&late->samples);
    free(late);
}

bool late_samples_log(struct head *head, const struct append_run *run, struct err *err)
{
    if (run->result.late_count == 0)
        return true;
    sample_log_add(&head->late->samples, run, true, head->options.keeps_starts);
    return wal_writer_flush(head->late->log, err);
}

bool late_samples_apply(struct head_state *state, struct live_series *series,
                        const struct append_sample *sample,
                        const struct append_histogram *histogram)
{
    if (sample)
        return live_series_insert_ooo(series, sample->t_ms, sample->v, state->late_mark);
    live_series_insert_ooo_histogram(series, histogram->t_ms, histogram->start_ms, &histogram->raw,
                                     state->late_mark);
    return true;
}

void late_samples_counters(const struct head *head, struct wal_counters *ret_counters)
{
    *ret_counters = (struct wal_counters){0};
    if (head->late)
        wal_writer_counters(head->late->log, ret_counters);
}

uint64_t late_samples_position(const struct head *head)
{
    return head->late ? wal_writer_position(head->late->log) : 0;
}

bool late_samples_sync(struct head *head, uint64_t position, struct err *err)
{
    return wal_writer_sync(head->late->log, position, err);
}

bool late_samples_cut(struct head *head, uint32_t *ret_mark, struct err *err)
{
    *ret_mark = 0;
    pthread_mutex_lock(&head->changing);
    bool good = !head->late || wal_writer_cut(head->late->log, err);
    if (good && head->late) {
        head->late->cut_segment = wal_writer_segment(head->late->log);
        head_state_lock(head->state);
        *ret_mark = ++head->state->late_mark;
        head_state_unlock(head->state);
    }
    pthread_mutex_unlock(&head->changing);
    return good;
}

bool late_samples_range(struct head *head, int64_t *ret_begin_ms, int64_t *ret_end_ms)
{
    *ret_begin_ms = INT64_MAX;
    *ret_end_ms = INT64_MIN;
    pthread_rwlock_rdlock(&head->lock);
    const struct head_index *index = head->state->index;
    for (size_t i = 0; i < index->count; i++)
        live_series_note_ooo(index->series[i], ret_begin_ms, ret_end_ms);
    pthread_rwlock_unlock(&head->lock);
    return *ret_begin_ms <= *ret_end_ms;
}

static void trim_memory(struct head_state *state, uint32_t mark)
{
    for (size_t begin = 0; begin < state->index->count; begin += SERIES_STEP) {
        size_t end = begin + SERIES_STEP;
        end = end < state->index->count ? end : state->index->count;
        head_state_lock(state);
        for (size_t i = begin; i < end; i++) {
            struct live_series *series = state->index->series[i];
            size_t chunk_count = live_series_chunk_count(series);
            live_series_trim_ooo(series, mark, state->grace);
            state->chunks_removed += chunk_count - live_series_chunk_count(series);
        }
        head_state_unlock(state);
    }
}

bool late_samples_trim(struct head *head, uint32_t mark, struct err *err)
{
    pthread_mutex_lock(&head->changing);
    trim_memory(head->state, mark);
    head->late->trimmed_segment = head->late->cut_segment;
    pthread_mutex_unlock(&head->changing);
    grace_advance(&head->grace);
    return late_samples_settle(head, err);
}

bool late_samples_settle(struct head *head, struct err *err)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/wbl", head->path);
    pthread_mutex_lock(&head->changing);
    uint32_t segment = head->late ? head->late->trimmed_segment : 0;
    pthread_mutex_unlock(&head->changing);
    if (segment == 0)
        return true;
    if (!wal_folder_remove_segments(folder, segment - 1, err))
        return false;
    pthread_mutex_lock(&head->changing);
    head->late->trimmed_segment = 0;
    pthread_mutex_unlock(&head->changing);
    return true;
}
