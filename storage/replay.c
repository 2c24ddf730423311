/*
 * Three windows of records are on their way at once:
 *
 *     read      by who called: checked, unpacked, copied       window n + 2
 *     decode    some records a task                            window n + 1
 *     apply     the samples of some series a task              window n
 *
 * Between two rounds, when no task runs, series records of a window are put into the index, all at
 * once before its samples: a reference that is new counts on, so no sample before its record speaks
 * of it. Where a record could mean something else to the samples before it (it gives a reference
 * anew, brings chunks of files, deletes), these are applied first.
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

#define WINDOWS 3
#define WINDOW_SIZE ((size_t)256 << 10)
#define WINDOW_RECORDS 1024
#define DECODE_TASKS 4
#define SHARES_MAX 8

/* Arrays of a record that was large are not kept. */
#define KEPT_SAMPLES_MAX 16384

#define TELL_NS ((int64_t)1000000000)

struct replay_item {
    size_t begin; /* in the window's bytes */
    size_t size;
    struct wal_record record;
    uint64_t ref_max; /* of its samples and histograms */
    bool failed;
};

struct replay_window {
    struct buf bytes;
    struct replay_item *items;
    size_t count, cap; /* items up to `cap` have their arrays */
};

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

static uint64_t record_ref_max(const struct wal_record *record)
{
    uint64_t most = 0;
    for (size_t i = 0; i < record->sample_count; i++)
        most = record->samples[i].ref > most ? record->samples[i].ref : most;
    for (size_t i = 0; i < record->histogram_count; i++)
        most = record->histograms[i].ref > most ? record->histograms[i].ref : most;
    return most;
}

static void item_decode(const struct replay_window *window, struct replay_item *item)
{
    if (item->record.sample_cap > KEPT_SAMPLES_MAX)
        wal_record_done(&item->record);
    struct err err = {0};
    const uint8_t *bytes = (const uint8_t *)window->bytes.ptr + item->begin;
    item->failed = !wal_record_decode(bytes, item->size, &item->record, &err);
    item->ref_max = item->failed ? 0 : record_ref_max(&item->record);
}

static void replay_task_run(struct work_queue *queue, size_t task, size_t lane)
{
    struct replay *replay = CONTAINER(struct replay, queue, queue);
    const struct replay_task *todo = &replay->tasks[task % WORK_AHEAD_MAX];
    for (size_t i = todo->first; i < todo->end; i++) {
        struct replay_item *item = &todo->window->items[i];
        if (todo->share)
            head_state_apply_share(replay->state, &item->record, todo->share);
        else
            item_decode(todo->window, item);
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

static void replay_add_apply(struct replay *replay, struct replay_window *window, size_t first,
                             size_t end)
{
    for (size_t i = 0; i < replay->share_count; i++)
        replay_add(replay, (struct replay_task){window, first, end, &replay->shares[i]});
}

/* May the record be applied before the samples in front of it, of references up to ref_max? */
static bool record_may_overtake(const struct head_state *state, const struct wal_record *record,
                                uint64_t ref_max)
{
    if (record->tombstone_count > 0 || (record->series_count > 0 && state->has_dead))
        return false;
    for (size_t i = 0; i < record->series_count; i++) {
        uint64_t ref = record->series[i].ref;
        struct map_probe chunks = map_find(&state->pending.by_ref, ref);
        if (ref <= ref_max || map_hit(&state->pending.by_ref, &chunks))
            return false;
    }
    return true;
}

/* Series and what deletes, record by record, and tasks for the samples. No task runs. */
static void replay_apply(struct replay *replay, struct replay_window *window)
{
    struct head_state *state = replay->state;
    size_t first = 0;
    bool samples = false;
    uint64_t ref_max = 0;
    for (size_t i = 0; i < window->count; i++) {
        const struct replay_item *item = &window->items[i];
        const struct wal_record *record = &item->record;
        size_t count = record->sample_count + record->histogram_count;
        if (count > 0) {
            state->sample_count += count;
            samples = true;
            ref_max = item->ref_max > ref_max ? item->ref_max : ref_max;
            continue;
        }
        if (samples && !record_may_overtake(state, record, ref_max)) {
            replay_add_apply(replay, window, first, i);
            replay_wait(replay);
            first = i;
            samples = false;
            ref_max = 0;
        }
        head_state_apply_wal(state, record);
    }
    if (samples)
        replay_add_apply(replay, window, first, window->count);
}

static void window_take(struct replay_window *window, const uint8_t *bytes, size_t size)
{
    if (window->count == window->cap) {
        size_t cap = window->cap ? 2 * window->cap : 64;
        window->items = mem_resize(window->items, struct replay_item, cap);
        for (; window->cap < cap; window->cap++)
            window->items[window->cap] = (struct replay_item){0};
    }
    struct replay_item *item = &window->items[window->count++];
    item->begin = window->bytes.len;
    item->size = size;
    buf_append(&window->bytes, bytes, size);
}

/* TAIL_ITEM: the window is full; else as wal_log_next, after which there may be something in it. */
static enum tail_read replay_read(struct replay *replay, struct replay_window *window,
                                  struct err *err)
{
    struct wal_log *log = replay->state->wal;
    window->count = 0;
    if (!replay_is_wanted(replay->state->report->options, err))
        return TAIL_ERR;
    buf_clear(&window->bytes);
    while (window->bytes.len < WINDOW_SIZE && window->count < WINDOW_RECORDS) {
        const uint8_t *bytes;
        size_t size;
        enum tail_read got = wal_log_next(log, &bytes, &size, err);
        replay_progress_tell(&replay->progress, log);
        if (got == TAIL_ITEM) {
            window_take(window, bytes, size);
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
        window->count = 0;
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
    for (size_t i = 0; i < WINDOWS; i++) {
        struct replay_window *window = &replay->windows[i];
        for (size_t k = 0; k < window->cap; k++)
            wal_record_done(&window->items[k].record);
        free(window->items);
        buf_done(&window->bytes);
    }
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
