#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/block.h"
#include "storage/compact_plan.h"
#include "storage/db.h"
#include "storage/db_compact.h"
#include "storage/head.h"
#include "storage/retention.h"

/*
 * What the files of a database share: db.c, and those of the db_*.c that need more than db.h.
 *
 * Locks, in the order they are taken:
 *
 *     compactor.running   a compaction, the removal of blocks, or who wants peace from both
 *     refreshing          a whole refresh
 *     lock                moments, inside of the others or alone: the list of blocks, the counts
 *
 * The head has its own, which come behind `refreshing`; nothing is taken while `lock` is held.
 */
struct block_list {
    struct block **items; /* sorted by begin; a reference each */
    size_t count;
    size_t cap;
};

/* A block that was left out, and what was said of it. */
struct bad_block {
    struct ulid ulid;
    enum err_kind kind; /* ERR_CORRUPT: opening it again is of no use; ERR_IO: it may be of use */
    char *message;
};

struct bad_list {
    struct bad_block *items;
    size_t count;
    size_t cap;
};

/* A block of which meta.json does not say whether it ends the head, and what was found out. */
struct doubt {
    struct ulid ulid;
    bool ends_head;
};

struct doubt_list {
    struct doubt *items;
    size_t count;
    size_t cap;
};

struct ulid_list {
    struct ulid *items;
    size_t count;
    size_t cap;
};

/* A thread that does its work again and again. */
struct db_thread {
    pthread_t thread;
    bool runs;
    bool wanted;        /* there is work before its time; with stop_lock */
    char last_err[512]; /* what it has told last; "": all went well since */
};

struct db_compactor {
    pthread_mutex_t running;
    struct compact_ranges ranges;
    int64_t cut_ms;           /* the log is to be cut behind blocks up to here; INT64_MIN: it was */
    struct ulid_list renamed; /* blocks on their way out: renamed, but not removed yet */
    struct budget budget;     /* what compactions hold; without a limit */
    _Atomic bool cancel;
    struct db_compact_stats stats; /* with db.lock */
    struct compact_histograms histograms;
};

struct db {
    struct storage storage;
    char *path;
    struct db_options options;
    struct dir_lock *dir_lock; /* open for writing */
    struct head *head;
    pthread_mutex_t refreshing;
    pthread_mutex_t lock;
    struct block_list blocks;
    struct retention retention;
    size_t corrupt_count;
    uint64_t reloads, reloads_failed;
    struct bad_list bad;         /* with `refreshing`, as what follows */
    struct ulid_list superseded; /* on the disk, but in others, or empty */
    struct doubt_list doubts;    /* that are settled */
    struct db_compactor compactor;
    struct db_thread refresher;
    struct db_thread compact_thread;
    pthread_mutex_t stop_lock;
    pthread_cond_t stop_changed; /* `stop`, or `wanted` of a thread */
    bool stop;
};

void block_list_add(struct block_list *list, struct block *block);
void block_list_done(struct block_list *list);
void ulid_list_add(struct ulid_list *list, struct ulid ulid);
void ulid_list_done(struct ulid_list *list);
void bad_list_done(struct bad_list *list);

void db_warn(const struct db *db, const char *message);
void db_info(const struct db *db, const char *message);

/* Lists the folder and puts a new list of blocks into the place of the old one. */
bool db_refresh_blocks(struct db *db, struct err *err) MUST_CHECK;

/* The name of a block's folder: its ULID, unless somebody has copied it under another name. */
struct ulid db_block_folder(const struct block *block);

/* Up to where blocks hold what the head had; INT64_MIN: there are none. With `refreshing`. */
int64_t db_blocks_end(const struct db *db);

/* Looks at blocks that may end the head further on. With `refreshing`, the head's files read. */
bool db_settle_doubts(struct db *db, struct err *err) MUST_CHECK;

/* ERR_IO: there is one that may be opened later, with all that it holds. Thread: any. */
bool db_check_open(struct db *db, struct err *err) MUST_CHECK;

/* Is it in the list? Thread: any. */
bool db_has_block(struct db *db, const struct ulid *ulid);

/* The blocks that overlap [begin_ms, end_ms], a reference each. Thread: any. */
struct block_list db_blocks_in(struct db *db, int64_t begin_ms, int64_t end_ms);

/*
 * For the owner of the directory, with compactor.running: takes blocks away that others stand for,
 * that are empty, or are beyond the retention. They are renamed, left out of the list, and then
 * removed; selections that run keep them open.
 */
bool db_remove_obsolete(struct db *db, struct err *err) MUST_CHECK;

/*
 * Of a block that was made and is not in the list, with compactor.running: it is renamed, to go
 * with those that are taken away next. If it has come into the list meanwhile it stays: the head
 * may be cut behind it. *ret_stays tells.
 */
bool db_discard_block(struct db *db, const struct ulid *ulid, bool *ret_stays, struct err *err)
    MUST_CHECK;

/* When a directory is opened for writing: removes what a process that ended left half done. */
bool db_remove_leftovers(const struct db *db, struct err *err) MUST_CHECK;

/* The body of compact_thread. */
void *db_compact_thread(void *context);

/* Waits; false: the database is being closed. `thread`: ends early when there is work for it. */
bool db_wait(struct db *db, struct db_thread *thread, int64_t ms);

/* Tells a thread's error once, until it is another one. */
void db_thread_result(struct db *db, struct db_thread *thread, bool good, const struct err *err);

static inline void block_list_done_auto(struct block_list *list)
{
    block_list_done(list);
}

static inline void ulid_list_done_auto(struct ulid_list *list)
{
    ulid_list_done(list);
}
