/*
 * The head as others see it: the state in use, its lock, and the grace that keeps what readers
 * hold. Locks, in the order they are taken:
 *
 *     truncating   one truncation of the log at a time
 *     changing     one refresh or one batch at a time
 *     lock         for writing: who changes, for each record put in; for reading: who looks
 *     grace.lock   leaf
 *     counting     leaf
 *
 * A refresh that has lost its place reads all anew into a state that nobody sees, while the old one
 * goes on answering.
 */
#include "storage/head.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "storage/head_append.h"
#include "storage/head_internal.h"
#include "storage/head_snapshot.h"
#include "storage/late_samples.h"
#include "storage/unknown_refs.h"

/* So often are the files read anew when they change under the reader. */
#define HEAD_ATTEMPTS_MAX 5

#define YIELD_MAX_NS ((int64_t)5 * 1000000)

bool head_open(const char *path, const struct db_options *options, struct head **ret_head,
               struct err *err)
{
    struct head *head = mem_new(struct head);
    head->path = mem_strdup(path);
    head->options = *options;
    head->report.options = &head->options;
    atomic_init(&head->late_window_ms, options->late_window_ms);
    pthread_mutex_init(&head->changing, NULL);
    pthread_mutex_init(&head->truncating, NULL);
    pthread_mutex_init(&head->counting, NULL);
    head->truncated_ms = INT64_MIN;

    /* Readers come in great numbers; the one writer must get its turn all the same. */
    pthread_rwlockattr_t attr;
    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&head->lock, &attr);
    pthread_rwlockattr_destroy(&attr);

    grace_init(&head->grace);
    head->state = head_state_create(path, &head->grace, &head->report);
    *ret_head = head;
    return true;
}

/* For the next start: full chunks go into files, and all the rest into a snapshot. */
static void head_leave(struct head *head)
{
    struct err err = {0};
    bool good = head_map_chunks(head, &err) && head_snapshot_leave(head, &err);
    if (!good && head->options.warn)
        head->options.warn(head->options.context, err.msg);
}

void head_yield(const struct head *head, int64_t step_begin_ns)
{
    if (atomic_load(&head->is_ending))
        return;
    int64_t step_ns = clock_monotonic_ns() - step_begin_ns;
    step_ns = step_ns < YIELD_MAX_NS ? step_ns : YIELD_MAX_NS;
    nanosleep(&(struct timespec){.tv_nsec = step_ns}, NULL);
}

void head_prepare_close(struct head *head)
{
    atomic_store(&head->is_ending, true);
}

void head_close(struct head *head)
{
    if (!head)
        return;
    if (head->writer)
        head_leave(head);
    head_writer_destroy(head->writer);
    late_samples_close(head->late);
    head_chunk_writer_destroy(head->chunk_writer);
    grace_done(&head->grace);
    head_state_destroy(head->state);
    head_report_done(&head->report);
    pthread_rwlock_destroy(&head->lock);
    pthread_mutex_destroy(&head->changing);
    pthread_mutex_destroy(&head->truncating);
    pthread_mutex_destroy(&head->counting);
    free(head->path);
    free(head);
}

void head_count(struct head *head, uint64_t *counter, uint64_t more)
{
    pthread_mutex_lock(&head->counting);
    *counter += more;
    pthread_mutex_unlock(&head->counting);
}

void head_count_samples(struct head *head, const struct sample_counters *more)
{
    struct sample_counters *all = &head->counters.samples;
    pthread_mutex_lock(&head->counting);
    for (size_t i = 0; i < SAMPLE_TYPE_COUNT; i++) {
        all->appended[i] += more->appended[i];
        all->late[i] += more->late[i];
        all->out_of_order[i] += more->out_of_order[i];
        all->out_of_bounds[i] += more->out_of_bounds[i];
        all->too_old[i] += more->too_old[i];
    }
    pthread_mutex_unlock(&head->counting);
}

void head_counters(struct head *head, struct head_counters *ret_counters)
{
    struct wal_counters wal = {0}, wbl;
    if (head->writer)
        wal_writer_counters(head_writer_log(head->writer), &wal);
    late_samples_counters(head, &wbl);
    pthread_mutex_lock(&head->counting);
    *ret_counters = head->counters;
    pthread_mutex_unlock(&head->counting);
    ret_counters->late_by_ms = &head->late_by_ms;
    ret_counters->wal = wal;
    ret_counters->wbl = wbl;
}

static void head_state_retire(void *state)
{
    head_state_destroy(state);
}

static void head_tell_replay(const struct head *head, const struct head_state *state, int64_t ns)
{
    if (!head->options.info)
        return;
    char text[256];
    snprintf(text, sizeof text,
             "%s: head read in %.3f s: %zu series, %llu samples in logs, %llu of unknown series",
             head->path, (double)ns / 1e9, state->index->count,
             (unsigned long long)state->sample_count, (unsigned long long)state->unknown_count);
    head->options.info(head->options.context, text);
}

static size_t head_replay_threads(const struct head *head)
{
    if (head->options.replay_threads)
        return head->options.replay_threads;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 1 ? (size_t)cores : 1;
}

/* Reads all from the beginning and puts it into the place of what is there. */
static bool head_renew(struct head *head, int64_t blocks_end_ms, bool *ret_lost, struct err *err)
{
    int64_t begin_ns = clock_monotonic_ns();
    AUTO(head_state_destroy)
    struct head_state *made = head_state_create(head->path, &head->grace, &head->report);
    made->thread_count = head->replays_serially ? 1 : head_replay_threads(head);
    if (!head->options.read_only && !head->passes_snapshot)
        made->snapshot_root = head->path;
    if (!head_state_refresh(made, blocks_end_ms, ret_lost, err))
        return false;
    head->replays_serially |= made->wants_serial;
    head->passes_snapshot |= made->snapshot_is_bad;
    head_count(head, &head->counters.snapshot_damages, made->snapshot_is_broken);
    if (*ret_lost)
        return true;
    int64_t took_ns = clock_monotonic_ns() - begin_ns;
    head_count(head, &head->counters.replay_ns, (uint64_t)took_ns);
    head_tell_replay(head, made, took_ns);

    made->lock = &head->lock;
    pthread_rwlock_wrlock(&head->lock);
    struct head_state *old = head->state;
    made->series_removed += old->series_removed + old->index->count;
    made->chunks_removed += old->chunks_removed;
    head->state = TAKE(made);
    pthread_rwlock_unlock(&head->lock);
    grace_free(&head->grace, old, head_state_retire);
    return true;
}

/* What is new to the state in use. */
static bool head_state_update(struct head *head, int64_t blocks_end_ms, bool *ret_lost,
                              struct err *err)
{
    int64_t begin_ns = clock_monotonic_ns(), swept_ms = head->state->swept_ms;
    if (!head_state_refresh(head->state, blocks_end_ms, ret_lost, err))
        return false;
    if (head->state->swept_ms != swept_ms) {
        head_count(head, &head->counters.sweeps, 1);
        head_count(head, &head->counters.sweep_ns, (uint64_t)(clock_monotonic_ns() - begin_ns));
    }
    return true;
}

/* What was found amiss in the files that were read. */
static void head_count_damages(struct head *head)
{
    struct head_state *state = head->state;
    pthread_mutex_lock(&head->counting);
    unknown_refs_take(state->wal_unknown, head->counters.wal_unknown);
    unknown_refs_take(state->wbl_unknown, head->counters.wbl_unknown);
    pthread_mutex_unlock(&head->counting);
    head_count(head, &head->counters.log_damages,
               wal_log_take_damages(state->wal) + wal_log_take_damages(state->wbl));
    head_count(head, &head->counters.chunk_damages, head_chunks_take_damages(state->chunks));
}

static bool head_refresh_locked(struct head *head, int64_t blocks_end_ms, struct err *err)
{
    bool lost = !head->state->begun;
    if (head->writer)
        head->state->segment = wal_writer_segment(head_writer_log(head->writer));
    if (!lost && !head_state_update(head, blocks_end_ms, &lost, err))
        return false;
    for (int i = 0; i < HEAD_ATTEMPTS_MAX && lost; i++)
        if (!head_renew(head, blocks_end_ms, &lost, err))
            return false;
    if (lost)
        return err_set(err, ERR_IO, "%s/wal: segments are missing, or go while they are read",
                       head->path);
    head_count_damages(head);
    return true;
}

bool head_refresh_state(struct head *head, int64_t blocks_end_ms, struct err *err)
{
    pthread_mutex_lock(&head->changing);
    bool good = head_refresh_locked(head, blocks_end_ms, err);
    pthread_mutex_unlock(&head->changing);
    grace_advance(&head->grace);
    return good;
}

bool head_refresh(struct head *head, int64_t blocks_end_ms, struct err *err)
{
    if (!head_refresh_state(head, blocks_end_ms, err))
        return false;
    head_map_due_chunks(head);
    return true;
}
