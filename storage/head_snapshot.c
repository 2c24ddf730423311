/*
 * Writes a snapshot aside: a record for each series, the deleted ranges, and what it was taken of.
 * It is on the disk before it gets its name, and has its name before older ones go.
 *
 * Batches and selects go on meanwhile. Its place in the log is that of its beginning, and a series
 * is written as it is when its turn comes: what came into it since is in the log behind the place
 * as well, where the next start finds that the series has it. That does not go for what takes away:
 * where series were swept out or deleted meanwhile, there is no snapshot this time.
 *
 * The log in front of the place is on the disk before the snapshot counts. Else a loss of power
 * could leave a hole in it that nobody sees before the snapshot is gone.
 */
#include "storage/head_snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "storage/checkpoint.h"
#include "storage/head_append.h"
#include "storage/head_internal.h"
#include "storage/snapshot_writer.h"
#include "storage/wal_folder.h"

/* Who ends a server waits no longer for this. */
#define LEAVE_MAX_NS ((int64_t)20 * 1000000000)

/* Batches wait while so many series are looked at. */
#define STEP_SERIES 1024

/* The log behind a snapshot grows to so many times its size, and to the option's size at least. */
#define LOG_FACTOR 4

/* After one that came to nothing. */
#define PAUSE_NS ((int64_t)60 * 1000000000)

/* The moment that a snapshot is of. */
struct snapshot_mark {
    struct snapshot_place place;
    uint64_t log_position; /* the same, for a sync */
    size_t series_count;   /* slots before it are its series */
    uint64_t series_removed;
    int64_t min_valid_ms;
    uint64_t last_ref;
    bool has_notes;
};

/* One that is being taken. */
struct snapshot_taking {
    struct head *head;
    struct snapshot_mark mark;
    struct snapshot_known before; /* the last one, if it is of use */
    char path[4096], scratch[4096 + 4], log[4096];
    int64_t until_ns;
};

static void log_folder(const struct head *head, char *out, size_t size)
{
    snprintf(out, size, "%s/wal", head->path);
}

/* With `changing` held: the last one, if blocks and the log are as it needs them. */
static struct snapshot_known known_of_use(const struct head *head)
{
    struct snapshot_known known = head->state->snapshot;
    char log[4096], path[4096 + 16];
    log_folder(head, log, sizeof log);
    wal_folder_segment_path(log, known.place.segment, path, sizeof path);
    if (!known.is_there || known.min_valid_ms != head->state->min_valid_ms || !file_exists(path))
        return (struct snapshot_known){0};
    return known;
}

static bool taking_is_in_vain(const struct snapshot_taking *taking, const char *why,
                              struct err *err)
{
    return err_set(err, ERR_CANCELED, "%s: %s", taking->path, why);
}

/* With `changing` held: are series in the slots that they had, with the chunks that they had? */
static bool taking_goes_on(const struct snapshot_taking *taking, struct err *err)
{
    const struct head_state *state = taking->head->state;
    const struct snapshot_mark *mark = &taking->mark;
    if (atomic_load(&taking->head->is_ending) && taking->until_ns == INT64_MAX)
        return taking_is_in_vain(taking, "the head is to be closed", err);
    if (state->series_removed != mark->series_removed || state->min_valid_ms != mark->min_valid_ms)
        return taking_is_in_vain(taking, "samples went into blocks meanwhile", err);
    return true;
}

/* With `changing` held: full chunks go into files, and what is left of each series is added. */
static bool taking_add(const struct snapshot_taking *taking, struct snapshot_writer *writer,
                       size_t *slot, struct err *err)
{
    const struct head_index *index = taking->head->state->index;
    size_t at = *slot, count = taking->mark.series_count;
    size_t end = count - at < STEP_SERIES ? count : at + STEP_SERIES;
    if (!taking_goes_on(taking, err) || !head_map_step(taking->head, slot, end, err))
        return false;
    for (; at < *slot; at++) {
        const struct live_series *series = index->series[at];
        if (live_series_first_packed(series) < series->chunk_count)
            return taking_is_in_vain(taking, "a chunk is too large for a file", err);
        snapshot_writer_add(writer, index, (uint32_t)at);
    }
    return true;
}

static bool taking_add_all(const struct snapshot_taking *taking, struct snapshot_writer *writer,
                           struct err *err)
{
    struct head *head = taking->head;
    bool good = true;
    for (size_t slot = 0; good && slot < taking->mark.series_count;) {
        int64_t begin_ns = clock_monotonic_ns();
        pthread_mutex_lock(&head->changing);
        good = taking_add(taking, writer, &slot, err);
        pthread_mutex_unlock(&head->changing);
        head_yield(head, begin_ns);
        good = good && snapshot_writer_catch_up(writer, err);
    }
    grace_advance(&head->grace);
    return good && snapshot_writer_finish(writer, err);
}

static bool snapshot_keeps(void *context, uint64_t ref)
{
    struct head *head = context;
    pthread_rwlock_rdlock(&head->lock);
    const struct live_series *series = head_index_find(head->state->index, ref);
    bool keeps = series && !series->dead;
    pthread_rwlock_unlock(&head->lock);
    return keeps;
}

/*
 * The head only passes exemplars and metadata on: they are read out of the log, or out of the
 * snapshot before and the log behind that.
 */
static bool taking_write_notes(const struct snapshot_taking *taking, uint64_t *ret_record_count,
                               struct err *err)
{
    struct head *head = taking->head;
    char path[4096 + 16], folder[4096], before[4096 + 16];
    snapshot_notes_path(taking->scratch, path, sizeof path);
    snapshot_folder_path(head->path, taking->before.place, folder, sizeof folder);
    snapshot_notes_path(folder, before, sizeof before);
    struct checkpoint_plan plan = {
        .folder = taking->log,
        .before_ms = taking->mark.min_valid_ms,
        .segment_size = head_segment_size(head),
        .packing = head->options.wal_packing,
        .keeps = snapshot_keeps,
        .context = head,
        .cancel = taking->until_ns == INT64_MAX ? &head->is_ending : NULL,
    };
    struct checkpoint_notes notes = {
        .end = taking->mark.place,
        .before = taking->before.is_there ? before : NULL,
        .begin = taking->before.place,
        .until_ns = taking->until_ns,
    };
    return !taking->mark.has_notes ||
           checkpoint_write_notes(&plan, &notes, path, ret_record_count, err);
}

/*
 * The log in front of the place is on the disk. Where a sync of its writer has failed, the kernel
 * has told so, and would say nothing to another one.
 */
static bool taking_sync_log(const struct snapshot_taking *taking, struct err *err)
{
    struct head *head = taking->head;
    return (!head->options.wal_sync ||
            wal_writer_sync(head_writer_log(head->writer), taking->mark.log_position, err)) &&
           wal_folder_sync_segments(taking->log, err) && file_sync_folder(taking->log, err);
}

static bool taking_write(const struct snapshot_taking *taking, struct err *err)
{
    const struct snapshot_mark *mark = &taking->mark;
    struct head *head = taking->head;
    struct wal_writer_options options = {
        .segment_size = head_segment_size(head),
        .packing = head->options.wal_packing,
        .synced = true,
    };
    AUTO(snapshot_writer_done) struct snapshot_writer writer;
    if (!snapshot_writer_open(&writer, taking->scratch, &options, taking->until_ns, err) ||
        !taking_add_all(taking, &writer, err))
        return false;
    struct snapshot_origin *origin = &writer.origin;
    origin->last_ref = mark->last_ref;
    origin->min_valid_ms = mark->min_valid_ms;
    return taking_write_notes(taking, &origin->note_count, err) && taking_sync_log(taking, err) &&
           snapshot_origin_note_log(origin, taking->log, mark->place, err) &&
           snapshot_origin_write(taking->scratch, origin, err) &&
           file_sync_folder(taking->scratch, err);
}

/* It has its name, and older ones go. */
static bool taking_put(const struct snapshot_taking *taking, struct err *err)
{
    struct head *head = taking->head;
    const char *path = taking->path;
    if ((file_exists(path) && !file_remove_all(path, err)) || rename(taking->scratch, path) != 0)
        return err_set(err, ERR_IO, "%s: cannot rename: %s", taking->scratch, strerror(errno));
    struct snapshot_known known = {true, taking->mark.place, taking->mark.min_valid_ms, 0};
    if (!file_sync_folder(head->path, err) || !file_tree_size(path, &known.size, err))
        return false;
    head->state->snapshot = known; /* from here on the one before may lack something */
    return snapshot_folder_remove(head->path, &known.place, err);
}

static bool taking_begin(struct snapshot_taking *taking, struct err *err)
{
    struct head *head = taking->head;
    pthread_mutex_lock(&head->changing);
    const struct head_state *state = head->state;
    const struct wal_writer *log = head_writer_log(head->writer);
    taking->mark = (struct snapshot_mark){
        .place = {wal_writer_segment(log), wal_writer_offset(log)},
        .log_position = wal_writer_position(log),
        .series_count = state->index->count,
        .series_removed = state->series_removed,
        .min_valid_ms = state->min_valid_ms,
        .last_ref = state->last_ref,
        .has_notes = state->has_notes,
    };
    taking->before = known_of_use(head);
    head->is_taking = true;
    bool says_all = state->begun && state->index->by_ref.count == state->index->count;
    pthread_mutex_unlock(&head->changing);
    snapshot_folder_path(head->path, taking->mark.place, taking->path, sizeof taking->path);
    snprintf(taking->scratch, sizeof taking->scratch, "%s.tmp", taking->path);
    log_folder(head, taking->log, sizeof taking->log);
    return says_all || taking_is_in_vain(taking, "a series has two references", err);
}

/* Where the log was cut behind its back, it is in vain, and no failure. False. */
static bool taking_has_failed(const struct snapshot_taking *taking, struct err *err)
{
    struct head *head = taking->head;
    struct err why = {0};
    pthread_mutex_lock(&head->changing);
    bool in_vain = !taking_goes_on(taking, &why);
    pthread_mutex_unlock(&head->changing);
    if (in_vain)
        *err = why;
    return err->kind == ERR_CANCELED ? false : err_wrap(err, "%s", taking->path);
}

static bool taking_run(const struct snapshot_taking *taking, struct err *err)
{
    const struct snapshot_known *last = &taking->before;
    if (last->is_there && snapshot_place_order(last->place, taking->mark.place) == 0)
        return true; /* nothing was logged since */
    struct err left = {0};
    if ((!file_exists(taking->scratch) || file_remove_all(taking->scratch, err)) &&
        taking_write(taking, err) && taking_put(taking, err))
        return true;
    if (!file_remove_all(taking->scratch, &left))
        err_clear(&left); /* the next one removes it */
    return taking_has_failed(taking, err);
}

static bool snapshot_take(struct head *head, int64_t until_ns, struct err *err)
{
    struct snapshot_taking taking = {.head = head, .until_ns = until_ns};
    bool good = taking_begin(&taking, err) && taking_run(&taking, err);
    pthread_mutex_lock(&head->changing);
    head->is_taking = false;
    pthread_mutex_unlock(&head->changing);
    return good;
}

bool head_snapshot_take(struct head *head, struct err *err)
{
    return snapshot_take(head, INT64_MAX, err);
}

bool head_snapshot_leave(struct head *head, struct err *err)
{
    if (snapshot_take(head, clock_monotonic_ns() + LEAVE_MAX_NS, err))
        return true;
    if (err->kind != ERR_CANCELED)
        return false;
    err_clear(err);
    return true;
}

/* Is there much of the log behind the last one? */
static bool log_is_long(struct head *head, bool *ret_is_long, struct err *err)
{
    uint64_t size, most = head->options.snapshot_log_size;
    char log[4096];
    log_folder(head, log, sizeof log);
    pthread_mutex_lock(&head->changing);
    struct snapshot_known last = known_of_use(head);
    pthread_mutex_unlock(&head->changing);
    if (!wal_folder_size_behind(log, last.place.segment, last.place.offset, &size, err))
        return false;
    *ret_is_long = size > most && size > LOG_FACTOR * last.size;
    return true;
}

bool head_snapshot_keep_up(struct head *head, struct err *err)
{
    int64_t now_ns = clock_monotonic_ns();
    if (!head->writer || head->options.snapshot_log_size == 0 || now_ns < head->snapshot_due_ns)
        return true;
    bool is_long = false;
    bool good = log_is_long(head, &is_long, err);
    if (good && !is_long)
        return true;
    good = good && head_snapshot_take(head, err);
    if (!good)
        head->snapshot_due_ns = now_ns + PAUSE_NS;
    if (good || err->kind != ERR_CANCELED)
        return good;
    err_clear(err);
    return true;
}
