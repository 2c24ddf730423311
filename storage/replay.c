/*
 * Three windows of records are on their way at once:
 *
 *     read      by who called: put together, checked, copied   window n + 2
 *     decode    some records a task: unpacked and decoded      window n + 1
 *     apply     the samples of some series a task              window n
 *
 * Between two rounds, when no task runs, series records of a window are put into the index, all at
 * once before its samples: a reference that is new counts on, so no sample before its record speaks
 * of it. Where a record could mean something else to the samples around it (it gives a reference
 * anew, names a series that is there, deletes), the samples before it are applied first, and what
 * follows it in the window is taken record by record.
 *
 * A series' samples are all in one share, in the order of the log; that is the order that counts.
 */
#include "storage/replay.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/workers.h"
#include "storage/replay_window.h"

#define WINDOWS 3
#define DECODE_TASKS 8
#define SHARES_MAX 8

#define TELL_NS ((int64_t)1000000000)

struct replay_task {
    struct replay_window *window;
    size_t first, end;          /* items */
    struct replay_share *share; /* NULL: they are decoded */
};

struct replay {
    struct head_state *state;
    struct workers *workers;
    struct work_queue queue;
    struct replay_task tasks[WORK_AHEAD_MAX];
    size_t added, waited;
    struct replay_window windows[WINDOWS];
    struct replay_cover cover; /* of slots before its count; grows when no task runs */
    struct replay_decoder decoders[SHARES_MAX]; /* of lanes */
    struct replay_share shares[SHARES_MAX];
    size_t share_count;
    struct replay_progress progress;
};

void replay_progress_init(struct replay_progress *progress, const struct db_options *options,
                          const struct wal_log *log, bool first)
{
    *progress = (struct replay_progress){.options = options, .told_ns = clock_monotonic_ns()};
    if (!first || !options->reading || !wal_log_has_segments(log))
        return;
    progress->reading = options->reading;
    uint32_t begin = wal_log_begin_segment(log);
    atomic_store(&progress->reading->first_segment, begin);
    atomic_store(&progress->reading->last_segment, wal_log_last_segment(log));
    atomic_store(&progress->reading->segment_done, begin);
}

bool replay_is_wanted(const struct db_options *options, struct err *err)
{
    if (!options->reading || !atomic_load_explicit(&options->reading->cancel, memory_order_relaxed))
        return true;
    return err_set(err, ERR_CANCELED, "the reading of the log was ended");
}

void replay_progress_tell(struct replay_progress *progress, const struct wal_log *log)
{
    uint32_t segment = wal_log_segment(log);
    if (segment == progress->segment)
        return;
    uint32_t loaded = progress->segment;
    progress->segment = segment;
    if (progress->reading && loaded >= wal_log_begin_segment(log))
        atomic_store(&progress->reading->segment_done, loaded);
    int64_t now_ns = clock_monotonic_ns();
    if (!progress->options->info || now_ns - progress->told_ns < TELL_NS)
        return;
    progress->told_ns = now_ns;
    char text[128] = "WAL checkpoint loaded";
    if (loaded >= wal_log_first_segment(log))
        snprintf(text, sizeof text, "WAL segment loaded segment=%u maxSegment=%u", loaded,
                 wal_log_last_segment(log));
    progress->options->info(progress->options->context, text);
}

void replay_progress_done(struct replay_progress *progress, const struct wal_log *log)
{
    if (progress->reading)
        atomic_store(&progress->reading->segment_done, wal_log_last_segment(log));
}

static void replay_task_run(struct work_queue *queue, size_t task, size_t lane)
{
    struct replay *replay = CONTAINER(struct replay, queue, queue);
    const struct replay_task *todo = &replay->tasks[task % WORK_AHEAD_MAX];
    for (size_t i = todo->first; i < todo->end; i++) {
        struct replay_item *item = &todo->window->items[i];
        if (!todo->share) {
            replay_item_decode(replay->state, &replay->cover, todo->window, item,
                               &replay->decoders[lane]);
        } else {
            head_state_apply_slots(replay->state, item->slots, item->slot_count, todo->share);
            head_state_apply_share(replay->state, &item->record, todo->share);
        }
    }
}

static void replay_add(struct replay *replay, struct replay_task task)
{
    assert(replay->added - replay->waited < WORK_AHEAD_MAX);
    replay->tasks[replay->added++ % WORK_AHEAD_MAX] = task;
    work_queue_add(&replay->queue, 1);
}

static void replay_wait(struct replay *replay)
{
    for (; replay->waited < replay->added; replay->waited++)
        work_queue_wait(&replay->queue, replay->waited);
    for (size_t i = 0; i < replay->share_count; i++)
        head_state_merge_share(replay->state, &replay->shares[i]);
}

static void replay_add_decode(struct replay *replay, struct replay_window *window)
{
    for (size_t i = 0; i < DECODE_TASKS; i++)
        replay_add(replay, (struct replay_task){
                               .window = window,
                               .first = window->count * i / DECODE_TASKS,
                               .end = window->count * (i + 1) / DECODE_TASKS,
                           });
}

/* Series that have come: what is in files of head chunks need not be decoded any further. */
static void replay_note_covered(struct replay *replay)
{
    struct replay_cover *cover = &replay->cover;
    const struct head_index *index = replay->state->index;
    while (cover->count < index->count) {
        mem_grow(cover->ends_ms, int64_t, cover->count, &cover->cap);
        cover->ends_ms[cover->count] = index->series[cover->count]->last_ms;
        cover->count++;
    }
}

static void replay_add_apply(struct replay *replay, struct replay_window *window, size_t end)
{
    replay_note_covered(replay);
    for (size_t i = 0; i < replay->share_count; i++)
        replay_add(replay, (struct replay_task){window, 0, end, &replay->shares[i]});
}

/* The samples before record `end`, and the records from there on. */
static void replay_apply_rest(struct replay *replay, struct replay_window *window, size_t end)
{
    replay_add_apply(replay, window, end);
    replay_wait(replay);
    for (size_t i = end; i < window->count; i++)
        head_state_apply_wal(replay->state,
                             replay_item_record(window, &window->items[i], &replay->decoders[0]));
    replay_note_covered(replay);
}

/* May the record be applied before the samples in front of it, of references up to ref_max? */
static bool record_may_overtake(const struct head_state *state, const struct wal_record *record,
                                uint64_t ref_max)
{
    if (record->tombstone_count > 0 || (record->series_count > 0 && state->has_dead))
        return false;
    for (size_t i = 0; i < record->series_count; i++) {
        uint64_t ref = record->series[i].ref;
        if (ref <= ref_max || head_index_slot(state->index, ref) != UINT32_MAX)
            return false;
        ref_max = ref;
    }
    return true;
}

/* Series and what deletes, record by record, and tasks for the samples. No task runs. */
static void replay_apply(struct replay *replay, struct replay_window *window)
{
    struct head_state *state = replay->state;
    uint64_t ref_max = 0;
    for (size_t i = 0; i < window->count; i++) {
        const struct replay_item *item = &window->items[i];
        if (replay_item_has_samples(item)) {
            state->sample_count += item->sample_count;
            ref_max = item->ref_max > ref_max ? item->ref_max : ref_max;
        } else if (!record_may_overtake(state, &item->record, ref_max) ||
                   !head_state_add_series(state, &item->record)) {
            replay_apply_rest(replay, window, i);
            return;
        } else if (item->record.series_count > 0) {
            head_state_attach_series(state, &item->record);
        } else {
            head_state_apply_wal(state, &item->record);
        }
    }
    replay_add_apply(replay, window, window->count);
}

/* TAIL_ITEM: the window is full; else as wal_log_next, after which there may be something in it. */
static enum tail_read replay_read(struct replay *replay, struct replay_window *window,
                                  struct err *err)
{
    struct wal_log *log = replay->state->wal;
    if (!replay_is_wanted(replay->state->report->options, err))
        return TAIL_ERR;
    while (!replay_window_is_full(window)) {
        struct wal_packed packed;
        enum tail_read got = wal_log_next_packed(log, &packed, err);
        replay_progress_tell(&replay->progress, log);
        if (got == TAIL_ITEM) {
            replay_window_add(window, packed);
        } else if (got == TAIL_ERR && err->kind == ERR_CORRUPT) {
            head_report_corrupt(replay->state->report, err->msg);
            err_clear(err);
        } else {
            return got;
        }
    }
    return TAIL_ITEM;
}

static bool window_failed(const struct replay_window *window)
{
    for (size_t i = 0; i < window->count; i++)
        if (window->items[i].failed)
            return true;
    return false;
}

static enum tail_read replay_run(struct replay *replay, struct err *err)
{
    struct replay_window *decoded = NULL;
    enum tail_read got = TAIL_ITEM;
    for (size_t round = 0; got == TAIL_ITEM || decoded; round++) {
        struct replay_window *window = &replay->windows[round % WINDOWS];
        replay_window_clear(window);
        if (got == TAIL_ITEM)
            got = replay_read(replay, window, err);
        replay_wait(replay);
        if (decoded && window_failed(decoded)) {
            replay->state->wants_serial = true;
            return TAIL_LOST;
        }
        if (decoded)
            replay_apply(replay, decoded);
        decoded = window->count > 0 ? window : NULL;
        if (decoded)
            replay_add_decode(replay, decoded);
    }
    replay_wait(replay);
    return got;
}

static void replay_done(struct replay *replay)
{
    work_queue_done(&replay->queue);
    workers_destroy(replay->workers);
    for (size_t i = 0; i < WINDOWS; i++)
        replay_window_done(&replay->windows[i]);
    for (size_t i = 0; i < SHARES_MAX; i++)
        replay_decoder_done(&replay->decoders[i]);
    free(replay->cover.ends_ms);
    free(replay);
}

bool replay_log(struct head_state *state, bool *ret_lost, struct err *err)
{
    if (!wal_log_look(state->wal, ret_lost, err))
        return false;
    if (*ret_lost)
        return true;
    struct replay *replay = mem_new(struct replay);
    replay->state = state;
    replay->share_count = 1;
    while (2 * replay->share_count <= state->thread_count && replay->share_count < SHARES_MAX)
        replay->share_count *= 2;
    for (uint32_t i = 0; i < replay->share_count; i++)
        replay_share_init(&replay->shares[i], i, (uint32_t)replay->share_count);
    replay_note_covered(replay);
    replay_progress_init(&replay->progress, state->report->options, state->wal, true);
    replay->workers = workers_create(replay->share_count - 1);
    work_queue_init(&replay->queue, replay->workers, replay->share_count, replay_task_run);
    enum tail_read got = replay_run(replay, err);
    if (got == TAIL_END)
        replay_progress_done(&replay->progress, state->wal);
    replay_done(replay);
    *ret_lost = got == TAIL_LOST;
    if (*ret_lost)
        err_clear(err);
    return got != TAIL_ERR;
}
