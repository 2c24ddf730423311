#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "storage/select.h"
#include "storage/wal_packing.h"

/*
 * A data directory in Prometheus's format: blocks, and a head made of checkpoint, WAL, and head
 * chunks. Opened read-only while a Prometheus owns it: nothing is locked or written. Opened for
 * writing it is ours alone until it is closed: it takes samples (append.h) and logs them.
 *
 * Thread: any, but for open and close.
 */
struct db;
struct append_exemplar;
struct append_metadata;
struct wal_label;

/*
 * For other threads: how far the reading of the log is, and their word that it is to end, as the
 * looking for blocks before it. Numbers of segments; all 0 while nothing is known.
 */
struct db_reading {
    _Atomic bool cancel; /* db_open then gives ERR_CANCELED, soon */
    _Atomic uint32_t first_segment, last_segment;
    _Atomic uint32_t segment_done; /* up to this one it is read */
};

struct db_options {
    struct db_reading *reading; /* there until the database is closed; NULL: nobody looks */
    bool read_only;
    size_t replay_threads; /* that read the log at the start; 0: one a core */
    /* For writing: */
    bool wal_sync;     /* batches are on the disk before db_append returns, as on a loss of power */
    bool keeps_starts; /* start timestamps too: no Prometheus before 3.10 reads such a log */
    int64_t late_window_ms;  /* so far behind the newest, samples out of order are taken; 0: none */
    size_t head_series_max;  /* series in memory, ERR_LIMIT beyond; 0: any number */
    size_t wal_segment_size; /* 0: Prometheus's */
    enum wal_packing wal_packing;
    bool compacts;              /* makes blocks and removes them: db_compact.h */
    int64_t block_range_ms;     /* of a block of the head; 0: Prometheus's two hours */
    int64_t block_range_max_ms; /* of the longest block; 0: Prometheus's 31 days */
    int64_t retention_ms;       /* 0: for ever */
    uint64_t retention_bytes;   /* 0: any number */
    double retention_percent;   /* instead of them, of the file system's size; 0: not told */
    int64_t compact_ms;         /* how often it is looked at; 0: as Prometheus, every minute */

    /* So many bytes of log behind a snapshot call for the next one, at a refresh; 0: none is taken
     * but at a clean end. */
    uint64_t snapshot_log_size;
    int64_t map_ms; /* how often full chunks go into files, at a refresh; 0: every minute */

    int64_t refresh_ms; /* how often new WAL records and blocks are looked for; 0: only when told */
    /* Told of what was left out: one line each, once. From any thread. NULL: nobody is. */
    void (*warn)(void *context, const char *message);
    void (*info)(void *context, const char *message);
    void *context;
    /*
     * Given what the log has of exemplars, and of metadata of series, as it is read; all borrowed.
     * One call at a time; nothing of the database may be called. NULL: they are passed over.
     */
    void (*exemplar)(void *notes_context, const struct wal_label *labels, size_t label_count,
                     const struct append_exemplar *exemplar);
    void (*metadata)(void *notes_context, const struct wal_label *labels, size_t label_count,
                     const struct append_metadata *metadata);
    void *notes_context;
};

/*
 * For writing, the folder is made if it is not there; ERR_EXECUTION: another process writes to it.
 * ERR_CANCELED: see db_reading; else ERR_IO, or what the files' readers say. A damaged block or log
 * is told, not failed by. The options are copied, what they point to is borrowed until db_close.
 */
bool db_open(const char *path, const struct db_options *options, struct db **ret_db,
             struct err *err) MUST_CHECK;
void db_close(struct db *db);

/* For who writes: another retention, from the next round of compaction on. */
struct retention;
void db_set_retention(struct db *db, const struct retention *retention);

/*
 * For who writes: another late_window_ms, for the batches that begin after it. Without a window
 * none are taken any more; those that were go into blocks as ever. ERR_IO: a log for them cannot be
 * made, and all stays as it is.
 */
bool db_set_late_window(struct db *db, int64_t late_window_ms, struct err *err) MUST_CHECK;

struct storage *db_storage(struct db *db);

/* Looks for new blocks, head chunks and WAL records now. */
bool db_refresh(struct db *db, struct err *err) MUST_CHECK;

#define DB_BLOCK_RANGE_MS ((int64_t)2 * 60 * 60 * 1000)
#define DB_BLOCK_RANGE_MAX_MS ((int64_t)31 * 24 * 60 * 60 * 1000)

struct db_stats {
    int64_t begin_ms, end_ms; /* of all that is there; begin > end: nothing is */
    size_t block_count;
    size_t head_histogram_series_count; /* whose newest sample in order is a native histogram */
    size_t corrupt_count; /* blocks, chunks, records left out since the start; files lost in part */
    size_t head_series_count;
    size_t head_chunk_count;
    int64_t head_begin_ms, head_end_ms;
    size_t head_label_pair_count;
    uint64_t head_series_created, head_series_removed; /* since the start */
    uint64_t head_chunks_created, head_chunks_removed;
};

/* Of each block in use, by its begin; a block may be gone when the call returns. */
struct block_meta;
void db_each_block(struct db *db, void (*visit)(void *context, const struct block_meta *meta),
                   void *context);

void db_stats(struct db *db, struct db_stats *ret_stats);

/* The n most: for /api/v1/status/tsdb. Texts in the arena. */
struct name_count {
    struct str name;
    uint64_t count;
};

struct db_cardinality {
    struct name_count *series_by_metric;
    size_t series_by_metric_count;
    struct name_count *values_by_label;
    size_t values_by_label_count;
    struct name_count *bytes_by_label;
    size_t bytes_by_label_count;
    struct name_count *series_by_pair;
    size_t series_by_pair_count;
};

void db_cardinality(struct db *db, size_t limit, struct arena *arena,
                    struct db_cardinality *ret_cardinality);

DEFINE_AUTO(struct db *, db_close)
