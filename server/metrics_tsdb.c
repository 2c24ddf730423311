/*
 * What the database counts, under Prometheus's names where it means the same. Where a summary
 * has no quantiles, Prometheus has none either.
 */
#include <stdio.h>

#include "base/attr.h"
#include "server/metrics.h"
#include "server/metrics_histogram.h"
#include "server/metrics_text.h"
#include "server/server.h"
#include "storage/db_counters.h"

struct counter {
    const char *name, *help;
    uint64_t count;
};

static void print_counters(const struct counter *counters, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++)
        put_counter(out, counters[i].name, counters[i].help, (double)counters[i].count);
}

static void put_sum(const char *name, uint64_t ns, uint64_t count, struct buf *out)
{
    buf_printf(out, "%s_sum %.9g\n%s_count %llu\n", name, (double)ns / 1e9, name,
               (unsigned long long)count);
}

static void print_summary(const char *name, const char *help, uint64_t ns, uint64_t count,
                          struct buf *out)
{
    put_head(out, name, "summary", help);
    put_sum(name, ns, count, out);
}

static void print_samples(const struct sample_counters *samples, struct buf *out)
{
    static const char *const types[SAMPLE_TYPE_COUNT] = {"{type=\"float\"}",
                                                         "{type=\"histogram\"}"};
    const struct {
        const char *name, *help;
        const uint64_t *counts;
    } kinds[] = {
        {"prometheus_tsdb_head_samples_appended_total", "Total number of appended samples.",
         samples->appended},
        {"prometheus_tsdb_head_out_of_order_samples_appended_total",
         "Total number of appended out of order samples.", samples->late},
        {"prometheus_tsdb_out_of_order_samples_total",
         "Total number of out of order samples ingestion failed attempts due to out of order being "
         "disabled.",
         samples->out_of_order},
        {"prometheus_tsdb_out_of_bound_samples_total",
         "Total number of out of bound samples ingestion failed attempts with out of order support "
         "disabled.",
         samples->out_of_bounds},
        {"prometheus_tsdb_too_old_samples_total",
         "Total number of out of order samples ingestion failed attempts with out of support "
         "enabled, but sample outside of time window.",
         samples->too_old},
    };
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        put_head(out, kinds[i].name, "counter", kinds[i].help);
        for (size_t k = 0; k < SAMPLE_TYPE_COUNT; k++)
            put_value(out, kinds[i].name, types[k], (double)kinds[i].counts[k]);
    }
}

/* Only what there is: a log that is whole has none. */
static void print_unknown(const char *name, const char *help,
                          const uint64_t counts[UNKNOWN_KIND_COUNT], struct buf *out)
{
    static const char *const types[UNKNOWN_KIND_COUNT] = {
        [UNKNOWN_SERIES] = "{type=\"series\"}",
        [UNKNOWN_SAMPLES] = "{type=\"samples\"}",
        [UNKNOWN_HISTOGRAMS] = "{type=\"histograms\"}",
        [UNKNOWN_EXEMPLARS] = "{type=\"exemplars\"}",
        [UNKNOWN_METADATA] = "{type=\"metadata\"}",
        [UNKNOWN_TOMBSTONES] = "{type=\"tombstones\"}",
        [UNKNOWN_MARKERS] = "{type=\"mmap_markers\"}",
    };
    if (counts[UNKNOWN_SERIES] == 0)
        return;
    put_head(out, name, "counter", help);
    for (size_t i = 0; i < UNKNOWN_KIND_COUNT; i++)
        if (counts[i] > 0)
            put_value(out, name, types[i], (double)counts[i]);
}

static void print_syncs(const char *name, const struct wal_counters *log, struct buf *out)
{
    put_head(out, name, "summary", "Duration of write log fsync.");
    for (size_t i = 0; i < WAL_SYNC_QUANTILE_COUNT; i++) {
        char labels[64];
        snprintf(labels, sizeof labels, "{quantile=\"%g\"}", wal_sync_quantiles[i]);
        put_value(out, name, labels, log->sync_seconds[i]);
    }
    put_sum(name, log->sync_ns, log->syncs, out);
}

static void print_saved(const char *prefix, const struct wal_counters *log, struct buf *out)
{
    char name[128];
    snprintf(name, sizeof name, "%s_record_bytes_saved_total", prefix);
    put_head(out, name, "counter", "Bytes that were saved by packing records.");
    bool zstd = log->packing == WAL_PACKED_ZSTD;
    put_value(out, name, zstd ? "{compression=\"zstd\"}" : "{compression=\"snappy\"}",
              (double)log->saved_bytes);
}

/* `prefix`: of the log's names. */
static void print_log(const char *prefix, const struct wal_counters *log, uint64_t size_bytes,
                      struct buf *out)
{
    const struct {
        const char *name, *help;
        double v;
        bool is_gauge;
    } all[] = {
        {"completed_pages_total", "Total number of completed pages.", (double)log->pages_full,
         false},
        {"page_flushes_total", "Total number of page flushes.", (double)log->pages_written, false},
        {"segment_current", "Write log segment index that TSDB is currently writing to.",
         log->segment, true},
        {"storage_size_bytes", "Size of the write log directory.", (double)size_bytes, true},
        {"writes_failed_total", "Total number of write log writes that failed.",
         (double)log->writes_failed, false},
        {"record_part_writes_total", "Parts of records that were written.", (double)log->parts,
         false},
        {"record_parts_bytes_written_total",
         "Bytes of the parts of records that were written, with their headers.",
         (double)log->part_bytes, false},
    };
    char name[128];
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        snprintf(name, sizeof name, "%s_%s", prefix, all[i].name);
        put_head(out, name, all[i].is_gauge ? "gauge" : "counter", all[i].help);
        put_value(out, name, "", all[i].v);
    }
    snprintf(name, sizeof name, "%s_fsync_duration_seconds", prefix);
    print_syncs(name, log, out);
    if (log->is_open && log->packing != WAL_NOT_PACKED)
        print_saved(prefix, log, out);
}

static void print_logs(const struct db_counters *counters, struct buf *out)
{
    const struct head_counters *head = &counters->head;
    const struct counter all[] = {
        {"prometheus_tsdb_checkpoint_creations_total",
         "Total number of checkpoint creations attempted.", head->checkpoints},
        {"prometheus_tsdb_checkpoint_creations_failed_total",
         "Total number of checkpoint creations that failed.", head->checkpoints_failed},
        {"prometheus_tsdb_checkpoint_deletions_total",
         "Total number of checkpoint deletions attempted.", head->checkpoint_removals},
        {"prometheus_tsdb_checkpoint_deletions_failed_total",
         "Total number of checkpoint deletions that failed.", head->checkpoint_removals_failed},
        {"prometheus_tsdb_wal_truncations_total",
         "Total number of write log truncations attempted.", head->truncations},
        {"prometheus_tsdb_wal_truncations_failed_total",
         "Total number of write log truncations that failed.", head->truncations_failed},
    };
    print_counters(all, ARRAY_COUNT(all), out);
    print_log("prometheus_tsdb_wal", &head->wal, counters->wal_bytes, out);
    print_summary("prometheus_tsdb_wal_truncate_duration_seconds", "Duration of WAL truncation.",
                  head->truncation_ns, head->truncations, out);
    if (head->wbl.is_open)
        print_log("prometheus_tsdb_out_of_order_wbl", &head->wbl, counters->wbl_bytes, out);
    print_unknown("prometheus_tsdb_wal_replay_unknown_refs_total",
                  "References of the WAL to series that it has no record of.", head->wal_unknown,
                  out);
    print_unknown("prometheus_tsdb_wbl_replay_unknown_refs_total",
                  "References of the WBL to series that the WAL has no record of.",
                  head->wbl_unknown, out);
}

static void print_head(const struct db_stats *stats, const struct db_counters *counters,
                       struct buf *out)
{
    const struct counter all[] = {
        {"prometheus_tsdb_head_series_created_total", "Total number of series created in the head",
         stats->head_series_created},
        {"prometheus_tsdb_head_series_removed_total", "Total number of series removed in the head",
         stats->head_series_removed},
        {"prometheus_tsdb_head_chunks_created_total", "Total number of chunks created in the head",
         stats->head_chunks_created},
        {"prometheus_tsdb_head_chunks_removed_total", "Total number of chunks removed in the head",
         stats->head_chunks_removed},
        {"prometheus_tsdb_head_appenders_created_total", "Batches that were to be written.",
         counters->head.batches},
        {"prometheus_tsdb_mmap_chunk_corruptions_total",
         "Times that damage ended the reading of chunks_head.", counters->head.chunk_damages},
        {"prometheus_tsdb_snapshot_replay_error_total",
         "Snapshots of the head that a start could not read.", counters->head.snapshot_damages},
        {"prometheus_tsdb_wal_corruptions_total", "Times that damage ended the reading of a log.",
         counters->head.log_damages},
        {"prometheus_tsdb_mmap_chunks_total",
         "Chunks that went from memory into files of chunks_head.", counters->head.chunks_mapped},
    };
    print_counters(all, ARRAY_COUNT(all), out);
    put_head(out, "prometheus_tsdb_sample_ooo_delta", "histogram",
             "How far behind the newest sample those came that were out of order, taken or not, in "
             "seconds.");
    put_histogram(out, "prometheus_tsdb_sample_ooo_delta", "", counters->head.late_by_ms,
                  &late_by_scale);
    put_gauge(out, "prometheus_tsdb_head_native_histogram_series",
              "Series whose newest sample in order is a native histogram.",
              (double)stats->head_histogram_series_count);
    put_gauge(out, "prometheus_tsdb_head_active_appenders", "Batches that are being written.",
              (double)(counters->head.batches - counters->head.batches_done));
    put_gauge(out, "prometheus_tsdb_head_chunks_storage_size_bytes",
              "Size of the chunks_head directory.", (double)counters->map_bytes);
    put_gauge(out, "prometheus_tsdb_head_min_time_seconds", "Minimum time bound of the head block.",
              (double)(stats->head_begin_ms / 1000));
    put_gauge(out, "prometheus_tsdb_head_max_time_seconds", "Maximum timestamp of the head block.",
              (double)(stats->head_end_ms / 1000));
    put_gauge(out, "prometheus_tsdb_lowest_timestamp_seconds",
              "Lowest timestamp value stored in the database.", (double)(stats->begin_ms / 1000));
    put_gauge(out, "prometheus_tsdb_data_replay_duration_seconds",
              "Time taken to replay the data on disk.", (double)counters->head.replay_ns / 1e9);
}

static void print_blocks(const struct db_counters *counters, struct buf *out)
{
    const struct counter all[] = {
        {"prometheus_tsdb_reloads_total",
         "Number of times the database reloaded block data from disk.", counters->reloads},
        {"prometheus_tsdb_reloads_failures_total",
         "Number of times the database failed to reloadBlocks block data from disk.",
         counters->reloads_failed},
    };
    print_counters(all, ARRAY_COUNT(all), out);
    put_gauge(
        out, "prometheus_tsdb_clean_start",
        "1: the last owner of the directory had ended in order; 0: it was killed, and has left "
        "its lock; -1: there is no lock, for nothing is written.",
        counters->start);
    put_gauge(out, "prometheus_tsdb_symbol_table_size_bytes",
              "Size of symbol table in memory for loaded blocks", (double)counters->symbol_bytes);
}

void metrics_print_tsdb(struct server *server, const struct db_stats *stats, struct buf *out)
{
    struct db_counters counters;
    db_counters(server->db, &counters);
    print_samples(&counters.head.samples, out);
    print_head(stats, &counters, out);
    print_blocks(&counters, out);
    print_logs(&counters, out);
    print_summary("prometheus_tsdb_head_gc_duration_seconds",
                  "Runtime of garbage collection in the head block.", counters.head.sweep_ns,
                  counters.head.sweeps, out);
}
