#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/classic_histogram.h"
#include "storage/compact_write.h"
#include "storage/db.h"

/*
 * Compaction and retention of a database that is open for writing, as Prometheus does both: ranges
 * of the head become blocks, blocks become longer ones, and what is beyond the retention goes. A
 * thread does it (db_options.compacts), while queries and appends go on.
 *
 * Thread: any.
 */

/* Does all that is due now. ERR_CANCELED: the database is being closed. */
bool db_compact(struct db *db, struct err *err) MUST_CHECK;

/*
 * For who changes blocks himself (deletes series, cleans tombstones, takes a snapshot): between the
 * two no block is made or removed by anybody else. A compaction that is going on is waited for.
 *
 *     db_compact_hold(db)
 *     compact_block_anew with db_compact_options, or new tombstones and meta.json
 *     db_compact_settle(db)     new blocks can be seen, and the old ones go
 *     db_compact_release(db)
 */
void db_compact_hold(struct db *db);
void db_compact_release(struct db *db);

/* Where new blocks of the database go, and what they are charged to. */
struct compact_options db_compact_options(struct db *db);

/*
 * What compact_write.h has made can be seen, and is the only one to be seen: its parents and blocks
 * that are marked deletable are taken out and removed. A block that cannot be opened is an error,
 * and is removed again.
 */
bool db_compact_settle(struct db *db, const struct compact_result *made, struct err *err)
    MUST_CHECK;

struct db_compact_stats {
    uint64_t triggered_total;
    uint64_t failed_total;
    uint64_t written_total;  /* blocks, or what turned out to be none */
    uint64_t vertical_total; /* of blocks that overlapped */
    uint64_t head_truncations_total;
    uint64_t head_truncations_failed_total;
    uint64_t time_retentions_total;
    uint64_t size_retentions_total;
    bool is_writing;
    uint64_t block_bytes; /* of all blocks */
    size_t memory_peak_bytes;
};

void db_compact_stats(struct db *db, struct db_compact_stats *ret_stats);

/* What goes on being counted; there as long as the database. */
struct compact_histograms {
    struct classic_histogram
        duration_ns;                     /* of blocks that were written, or turned out to be none */
    struct classic_histogram cleanup_ns; /* of cleaning tombstones out of all blocks */
    struct compact_chunk_counts chunks;
};

extern const struct classic_scale compact_duration_scale, compact_cleanup_scale;

const struct compact_histograms *db_compact_histograms(const struct db *db);
