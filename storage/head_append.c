/*
 * A batch goes in three steps: it is checked against the head, written to the log, and put into
 * memory. `head.changing` is held for all three, so that batches and refreshes come one after
 * another; `head.lock`, which readers share, only for the last one, and for short. What waits for
 * the disk is only the writer itself.
 *
 * The log has the series that are new first, and then the samples. Those out of order, where such
 * are taken, also go into a log of their own (late_samples.c), for the replay of the first one
 * leaves them out.
 */
#include "storage/head_append.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "storage/append_labels.h"
#include "storage/append_run.h"
#include "storage/head_internal.h"
#include "storage/late_samples.h"
#include "storage/sample_log.h"
#include "storage/snapshot_folder.h"
#include "storage/told_metadata.h"
#include "storage/wal_encode.h"
#include "storage/wal_folder.h"
#include "storage/wal_write.h"

/* So many samples are put in with one taking of the lock: nearly every batch at once. */
#define APPLY_STEP 8192

struct head_writer {
    struct wal_writer *log;
    struct wal_encoder series;
    struct told_metadata told;
    struct sample_log samples;
    uint32_t batch_number;
};

void head_writer_destroy(struct head_writer *writer)
{
    if (!writer)
        return;
    wal_writer_close(writer->log);
    wal_encoder_done(&writer->series);
    told_metadata_done(&writer->told);
    sample_log_done(&writer->samples);
    free(writer);
}

struct told_metadata *head_writer_told(struct head_writer *writer)
{
    return &writer->told;
}

struct wal_writer *head_writer_log(struct head_writer *writer)
{
    return writer->log;
}

static bool head_open_log(struct head *head, struct wal_writer **ret_log, struct err *err)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/wal", head->path);
    struct wal_writer_options options = {
        .segment_size = head_segment_size(head),
        .packing = head->options.wal_packing,
        .synced = head->options.wal_sync,
        .recovers = head->options.wal_sync,
    };
    return file_make_folder(folder, err) && wal_folder_remove_checkpoints(folder, 0, err) &&
           wal_log_repair(head->state->wal, &options.segment, err) &&
           wal_writer_open(folder, &options, ret_log, err);
}

static bool head_open_chunks(struct head *head, struct err *err)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/chunks_head", head->path);
    uint32_t next;
    if (!head_chunks_repair(head->state->chunks, &next, err) ||
        (head->options.wal_sync && !head_chunks_write_last_again(head->state->chunks, err)))
        return false;
    head->chunk_writer = head_chunk_writer_create(folder, head->state->chunks, next);
    return true;
}

/* One that is of no use goes, and what a kill has left of others. */
static bool head_clean_snapshots(const struct head *head, struct err *err)
{
    return head->passes_snapshot ? snapshot_folder_remove(head->path, NULL, err)
                                 : snapshot_folder_remove_unfinished(head->path, err);
}

bool head_begin_writing(struct head *head, struct err *err)
{
    pthread_mutex_lock(&head->changing);
    struct wal_writer *log;
    bool good = head_open_chunks(head, err) && late_samples_open(head, err) &&
                head_clean_snapshots(head, err) && head_open_log(head, &log, err);
    if (good) {
        head->writer = mem_new(struct head_writer);
        head->writer->log = log;
        head->writer->samples.log = log;
        head->state->is_ours = true;
    }
    pthread_mutex_unlock(&head->changing);
    return good;
}

/* Series that came with the batch get references, and their records. */
static void log_series(struct head *head, struct append_run *run)
{
    struct head_writer *writer = head->writer;
    wal_encoder_begin(&writer->series, WAL_SERIES);
    for (size_t i = 0; i < run->batch->count; i++) {
        struct append_item *item = &run->items[i];
        if (item->series) {
            item->ref = item->series->ref;
        } else if (item->same_as != i) {
            item->ref = run->items[item->same_as].ref;
        } else if (item->is_needed) {
            item->ref = ++head->state->last_ref;
            wal_encode_series(&writer->series, item->ref, item->labels, item->label_count);
            run->result.series_count++;
        }
        if (writer->series.out.len > SAMPLE_RECORD_SIZE_MAX) {
            sample_log_close(writer->log, &writer->series);
            wal_encoder_begin(&writer->series, WAL_SERIES);
        }
    }
    sample_log_close(writer->log, &writer->series);
}

/* With the lock for writing. */
static void apply_series(struct head_state *state, struct append_run *run)
{
    for (size_t i = 0; i < run->batch->count; i++) {
        struct append_item *item = &run->items[i];
        if (item->series || !item->is_needed)
            continue;
        if (item->same_as != i) {
            item->series = run->items[item->same_as].series;
            continue;
        }
        item->series = head_index_add(state->index, item->ref, item->labels, item->label_count);
        head_index_remember(state->index, append_labels_hash(item->labels, item->label_count),
                            item->labels, item->label_count);
    }
}

/* What is left out in the end: of two in one batch that were not in order, the second. */
static void count_left_out(struct append_run *run, const struct live_series *series, int64_t t_ms,
                           enum sample_type type)
{
    if (t_ms < series->last_ms)
        run->counters.out_of_order[type]++;
}

static void apply_entry(struct head_state *state, struct append_run *run,
                        const struct append_entry *entry, bool keeps_starts)
{
    struct live_series *series = run->items[entry->item].series;
    const struct append_sample *sample = entry->sample;
    const struct append_histogram *histogram = entry->histogram;
    int64_t t_ms = sample ? sample->t_ms : histogram->t_ms;
    enum sample_type type = sample ? SAMPLE_FLOAT : SAMPLE_HISTOGRAM;
    if (entry->is_late) {
        bool taken = late_samples_apply(state, series, sample, histogram);
        run->counters.appended[type] += taken;
        run->counters.late[type] += taken;
        return;
    }
    int64_t start_ms = sample ? sample->start_ms : histogram->start_ms;
    if (!keeps_starts)
        start_ms = 0;
    bool put = sample ? live_series_take(series, t_ms, start_ms, sample->v)
                      : live_series_append_histogram(series, t_ms, start_ms, &histogram->raw);
    run->counters.appended[type] += put;
    if (put)
        head_state_note(state, t_ms, t_ms);
    else
        count_left_out(run, series, t_ms, type);
}

/* All that the logs have. */
static void head_apply(struct head *head, struct append_run *run, bool with_late)
{
    struct head_state *state = head->state;
    head_state_lock(state);
    apply_series(state, run);
    for (size_t i = 0; i < run->entry_count; i++) {
        if (i > 0 && i % APPLY_STEP == 0) {
            head_state_unlock(state);
            head_state_lock(state);
        }
        if (with_late || !run->entries[i].is_late)
            apply_entry(state, run, &run->entries[i], head->options.keeps_starts);
    }
    head_state_unlock(state);
}

static bool head_has_room(const struct head *head, const struct append_run *run, struct err *err)
{
    size_t most = head->options.head_series_max;
    if (most == 0)
        return true;
    size_t count = head->state->index->count;
    for (size_t i = 0; i < run->batch->count; i++)
        count += !run->items[i].series && run->items[i].same_as == i && run->items[i].is_needed;
    return count <= most || err_set(err, ERR_LIMIT, "more than %zu series in memory", most);
}

/* Another number for each batch; 0 is that of series no batch has had. */
static uint32_t writer_number(struct head_writer *writer)
{
    if (++writer->batch_number == 0)
        writer->batch_number = 1;
    return writer->batch_number;
}

/*
 * With `changing` held. False: nothing was written, or all but the late samples, where only their
 * own log has failed: what the other one has is in memory as well, as it is behind a restart.
 */
static bool head_append_run(struct head *head, struct append_run *run, uint64_t *ret_position,
                            struct err *err)
{
    struct head_writer *writer = head->writer;
    if (!append_run_check(run, head->state, writer_number(writer)))
        return err_set(err, ERR_BAD_DATA, "%s", buf_terminated(&run->lines));
    if (!head_has_room(head, run, err))
        return false;
    log_series(head, run);
    sample_log_add(&writer->samples, run, false, head->options.keeps_starts);
    if (!wal_writer_flush(writer->log, err))
        return false;
    bool good = late_samples_log(head, run, err);
    *ret_position = wal_writer_position(writer->log);
    head_apply(head, run, good);
    return good;
}

static void result_nothing(struct append_result *result)
{
    result->sample_count = result->histogram_count = result->exemplar_count = 0;
    result->series_count = result->late_count = 0;
}

static bool head_append_batch(struct head *head, const struct append_batch *batch,
                              enum append_mode mode, struct append_result *ret_result,
                              struct err *err)
{
    AUTO(append_run_done) struct append_run run;
    append_run_begin(&run, batch, mode, head_block_range_ms(head),
                     atomic_load(&head->late_window_ms));
    uint64_t position = 0, late_position = 0;
    run.late_by_ms = &head->late_by_ms;
    pthread_mutex_lock(&head->changing);
    bool good = head_append_run(head, &run, &position, err);
    head_count_samples(head, &run.counters);
    late_position = late_samples_position(head);
    pthread_mutex_unlock(&head->changing);
    if (good && head->options.wal_sync)
        good = wal_writer_sync(head->writer->log, position, err) &&
               (run.result.late_count == 0 || late_samples_sync(head, late_position, err));
    if (!good)
        result_nothing(&run.result);
    *ret_result = run.result;
    if (good && run.lines.len > 0)
        return err_set(err, ERR_BAD_DATA, "%s", buf_terminated(&run.lines));
    return good;
}

bool head_append(struct head *head, const struct append_batch *batch, enum append_mode mode,
                 struct append_result *ret_result, struct err *err)
{
    *ret_result = (struct append_result){0};
    if (!head->writer)
        return err_set(err, ERR_UNSUPPORTED, "%s: open for reading only", head->path);
    head_count(head, &head->counters.batches, 1);
    bool good = head_append_batch(head, batch, mode, ret_result, err);
    head_count(head, &head->counters.batches_done, 1);
    return good;
}
