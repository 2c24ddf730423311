#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "storage/db_counters.h"
#include "storage/grace.h"
#include "storage/head.h"
#include "storage/head_chunk_writer.h"
#include "storage/head_state.h"
#include "storage/wal_write.h"

/*
 * What head.c shares with the head_*.c and late_samples.c. The order of its locks stands on top of
 * head.c.
 */
struct head {
    char *path;
    struct db_options options;
    struct head_report
        report; /* changed by the refresh, with `lock` held for writing or not at all */
    pthread_mutex_t changing; /* one refresh or one batch at a time */
    pthread_rwlock_t lock;
    struct grace grace;
    struct head_state *state;
    bool replays_serially;             /* the log is damaged: see replay.h */
    bool passes_snapshot;              /* the newest one is of no use */
    struct head_writer *writer;        /* NULL: opened for reading only */
    struct late_samples *_Atomic late; /* NULL: none were ever taken; set with `changing` */
    _Atomic int64_t late_window_ms;    /* changed with `changing`, behind `late` */
    struct head_chunk_writer *chunk_writer;
    int64_t map_due_ns;         /* when full chunks go into files */
    bool map_failed;            /* the last time */
    pthread_mutex_t truncating; /* one head_truncate at a time; before `changing` */
    int64_t snapshot_due_ns;    /* the next one not before; of the thread that takes them */
    bool is_taking;             /* a snapshot; with `changing`: it puts chunks into files itself */
    _Atomic bool is_ending;     /* it will be closed soon */
    int64_t truncated_ms;       /* the log holds nothing needless before, as far as the rule goes */
    pthread_mutex_t counting;   /* leaf */
    struct head_counters counters; /* but for those of the logs */
    struct classic_histogram late_by_ms;
    uint64_t chunks_created; /* the most that was told: a counter does not fall */
};

/* Adds to a counter. */
void head_count(struct head *head, uint64_t *counter, uint64_t more);
void head_count_samples(struct head *head, const struct sample_counters *more);

/* head_refresh without writing chunks; from any thread. */
bool head_refresh_state(struct head *head, int64_t blocks_end_ms, struct err *err) MUST_CHECK;

/*
 * Between two steps of a work that holds `changing` again and again, the last of which began then:
 * whoever gives a mutex back and takes it at once is faster than those who wait for it, so he waits
 * for as long as the step took. Not where the head is to be closed.
 */
void head_yield(const struct head *head, int64_t step_begin_ns);

/* After a refresh, when it is time. */
void head_map_due_chunks(struct head *head);

/*
 * With `changing` held: full chunks of the series in slots from *slot on, up to `end`, go into
 * files; as many series as make one write. *slot: the first that was not looked at.
 */
bool head_map_step(struct head *head, size_t *slot, size_t end, struct err *err) MUST_CHECK;

/* Files of head chunks that nobody needs any more; those in use go another time. */
bool head_remove_chunks(struct head *head, struct err *err) MUST_CHECK;

static inline size_t head_segment_size(const struct head *head)
{
    return head->options.wal_segment_size ? head->options.wal_segment_size : WAL_SEGMENT_SIZE;
}

static inline int64_t head_block_range_ms(const struct head *head)
{
    return head->options.block_range_ms ? head->options.block_range_ms : DB_BLOCK_RANGE_MS;
}
