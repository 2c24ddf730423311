#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/classic_histogram.h"
#include "storage/wal_packing.h"

struct db;

/*
 * What a database has counted since it was opened, as Prometheus counts it of its own: numbers
 * behind prometheus_tsdb_*. Others are told by db_stats and db_compact_stats.
 */
enum sample_type { SAMPLE_FLOAT, SAMPLE_HISTOGRAM, SAMPLE_TYPE_COUNT };

struct sample_counters {
    uint64_t appended[SAMPLE_TYPE_COUNT]; /* without those that were there already */
    uint64_t late[SAMPLE_TYPE_COUNT];     /* out of order, of these */
    uint64_t out_of_order[SAMPLE_TYPE_COUNT];
    uint64_t out_of_bounds[SAMPLE_TYPE_COUNT]; /* before what may still be written */
    uint64_t too_old[SAMPLE_TYPE_COUNT];
};

/* Quantiles: 0.5, 0.9, 0.99. */
#define WAL_SYNC_QUANTILE_COUNT 3
extern const double wal_sync_quantiles[WAL_SYNC_QUANTILE_COUNT];

/* Of a log that is written: the WAL, or the WBL. */
struct wal_counters {
    bool is_open; /* else the rest is 0 */
    uint32_t segment;
    uint64_t pages_full;
    uint64_t pages_written; /* whole or in part, by each write */
    uint64_t writes_failed;
    uint64_t parts, part_bytes; /* records cut at the ends of pages, with their headers */
    enum wal_packing packing;
    uint64_t saved_bytes; /* by packing records */
    uint64_t syncs;
    uint64_t sync_ns;
    double sync_seconds[WAL_SYNC_QUANTILE_COUNT]; /* of the last: recent_times.h */
};

/* What of a log speaks of series that it has no record of. */
enum unknown_kind {
    UNKNOWN_SERIES, /* these themselves, each once */
    UNKNOWN_SAMPLES,
    UNKNOWN_HISTOGRAMS,
    UNKNOWN_EXEMPLARS,
    UNKNOWN_METADATA,
    UNKNOWN_TOMBSTONES,
    UNKNOWN_MARKERS, /* of samples out of order that are in files of chunks_head */
    UNKNOWN_KIND_COUNT
};

struct head_counters {
    struct sample_counters samples;
    struct wal_counters wal, wbl;
    uint64_t truncations, truncations_failed; /* of the WAL */
    uint64_t truncation_ns;
    uint64_t checkpoints, checkpoints_failed;
    uint64_t checkpoint_removals, checkpoint_removals_failed; /* of older ones */
    uint64_t batches, batches_done;
    const struct classic_histogram *late_by_ms; /* goes on being counted: append_run.h */
    uint64_t snapshot_damages;                  /* ones that a start could not read */
    uint64_t log_damages, chunk_damages; /* what ended the reading of a log, of chunks_head */
    uint64_t wal_unknown[UNKNOWN_KIND_COUNT], wbl_unknown[UNKNOWN_KIND_COUNT];
    uint64_t sweeps, sweep_ns; /* of memory, behind a block */
    uint64_t replay_ns;
    uint64_t chunks_mapped; /* that went from memory into files of chunks_head */
};

/* Of samples that came out of order, taken or not. */
extern const struct classic_scale late_by_scale;

/* A file of the lock that was there when the database was opened: its owner was killed. */
enum clean_start { START_UNLOCKED = -1, START_UNCLEAN = 0, START_CLEAN = 1 };

struct db_counters {
    enum clean_start start;
    struct head_counters head;
    uint64_t reloads, reloads_failed;         /* of the list of blocks */
    uint64_t symbol_bytes;                    /* what open blocks hold of their symbols */
    uint64_t wal_bytes, wbl_bytes, map_bytes; /* on the disk: wal, wbl, chunks_head */
};

/* Lists folders to know their sizes. Thread: any. */
void db_counters(struct db *db, struct db_counters *ret_counters);
