#pragma once

#include <stdbool.h>
#include <stdint.h>

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

/* Of a log that is written: the WAL, or the WBL. */
struct wal_counters {
    bool is_open; /* else the rest is 0 */
    uint32_t segment;
    uint64_t pages_full;
    uint64_t pages_written; /* whole or in part, by each write */
    uint64_t writes_failed;
    uint64_t syncs;
    uint64_t sync_ns;
};

struct head_counters {
    struct sample_counters samples;
    struct wal_counters wal, wbl;
    uint64_t truncations, truncations_failed; /* of the WAL */
    uint64_t truncation_ns;
    uint64_t checkpoints, checkpoints_failed;
    uint64_t checkpoint_removals, checkpoint_removals_failed; /* of older ones */
    uint64_t sweeps, sweep_ns;                                /* of memory, behind a block */
    uint64_t replay_ns;
    uint64_t chunks_mapped; /* that went from memory into files of chunks_head */
};

struct db_counters {
    struct head_counters head;
    uint64_t reloads, reloads_failed;         /* of the list of blocks */
    uint64_t symbol_bytes;                    /* what open blocks hold of their symbols */
    uint64_t wal_bytes, wbl_bytes, map_bytes; /* on the disk: wal, wbl, chunks_head */
};

/* Lists folders to know their sizes. Thread: any. */
void db_counters(struct db *db, struct db_counters *ret_counters);
