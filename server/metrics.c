#include "server/metrics.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/float_text.h"
#include "server/api.h"
#include "server/metrics_histogram.h"
#include "server/metrics_text.h"
#include "server/routes.h"
#include "server/server.h"
#include "storage/db_compact.h"

static const int statuses[] = {200, 204, 400, 403, 404, 405, 413, 415, 422, 499, 500, 503};
static const struct classic_scale duration_scale = {1e9, 9, {.1, .2, .4, 1, 3, 8, 20, 60, 120}};
static const struct classic_scale query_scale = {1e9, 4, {.01, .1, 1, 10}};
static const struct classic_scale size_scale = {1, 8, {100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}};

static_assert(ARRAY_COUNT(statuses) <= METRICS_STATUSES_MAX, "each status has its counter");
static_assert(FAULT_NOT_FOUND < METRICS_FAULTS_MAX, "each fault has its counter");

static void add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t now(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void metrics_request(struct metrics *metrics, size_t handler, int status, int64_t duration_ns,
                     uint64_t bytes)
{
    struct metrics_handler *h = &metrics->handlers[handler];
    for (size_t i = 0; i < ARRAY_COUNT(statuses); i++)
        if (statuses[i] == status)
            add(&h->requests[i], 1);
    classic_histogram_observe(&h->duration, &duration_scale, (uint64_t)duration_ns);
    classic_histogram_observe(&h->size, &size_scale, bytes);
}

void metrics_query(struct server *server, const struct running_stats *stats)
{
    struct metrics *metrics = &server->metrics;
    const int64_t parts_ns[QUERY_PART_COUNT] = {
        [QUERY_QUEUE] = stats->queue_ns,
        [QUERY_PREPARE] = stats->prepare_ns,
        [QUERY_EVAL] = stats->eval_ns,
    };
    for (size_t i = 0; i < QUERY_PART_COUNT; i++) {
        recent_times_note(&server->query_times[i], clock_monotonic_ns(), parts_ns[i]);
        classic_histogram_observe(&metrics->query_ns[i], &query_scale, (uint64_t)parts_ns[i]);
    }
    add(&metrics->series_selected, stats->series_selected);
}

void metrics_failure(struct metrics *metrics, unsigned fault)
{
    add(&metrics->failures[fault], 1);
}

void metrics_fallback(struct metrics *metrics, const char *reason)
{
    for (size_t i = 0; i < METRICS_FALLBACKS_MAX; i++) {
        struct metrics_fallback *fallback = &metrics->fallbacks[i];
        const char *there = atomic_load(&fallback->reason);
        if (!there && atomic_compare_exchange_strong(&fallback->reason, &there, reason))
            there = reason;
        if (strcmp(there, reason) == 0) {
            add(&fallback->count, 1);
            return;
        }
    }
}

static void print_requests(const struct metrics *metrics, struct buf *out)
{
    static const char name[] = "prometheus_http_requests_total";
    put_head(out, name, "counter", "Counter of HTTP requests.");
    for (size_t h = 0; route_path(h); h++)
        for (size_t i = 0; i < ARRAY_COUNT(statuses); i++) {
            uint64_t count = now(&metrics->handlers[h].requests[i]);
            if (count || statuses[i] == 200)
                buf_printf(out, "%s{code=\"%d\",handler=\"%s\"} %llu\n", name, statuses[i],
                           route_path(h), (unsigned long long)count);
        }
}

static void print_handler_histograms(const struct metrics *metrics, struct buf *out)
{
    static const char duration[] = "prometheus_http_request_duration_seconds";
    static const char size[] = "prometheus_http_response_size_bytes";
    char labels[128];
    put_head(out, duration, "histogram", "Histogram of latencies for HTTP requests.");
    for (size_t h = 0; route_path(h); h++) {
        snprintf(labels, sizeof labels, "handler=\"%s\"", route_path(h));
        if (now(&metrics->handlers[h].duration.count) > 0)
            put_histogram(out, duration, labels, &metrics->handlers[h].duration, &duration_scale);
    }
    put_head(out, size, "histogram", "Histogram of response size for HTTP requests.");
    for (size_t h = 0; route_path(h); h++) {
        snprintf(labels, sizeof labels, "handler=\"%s\"", route_path(h));
        if (now(&metrics->handlers[h].size.count) > 0)
            put_histogram(out, size, labels, &metrics->handlers[h].size, &size_scale);
    }
}

/* Under their names in Prometheus, which has them in this order. */
static const struct query_slice {
    const char *name;
    enum query_part part;
} query_slices[] = {
    {"inner_eval", QUERY_EVAL},
    {"prepare_time", QUERY_PREPARE},
    {"queue_time", QUERY_QUEUE},
};

static void print_query_times(struct server *server, struct buf *out)
{
    static const char name[] = "prometheus_engine_query_duration_seconds";
    static const double quantiles[] = {.5, .9, .99};
    put_head(out, name, "summary", "Query timings");
    for (size_t i = 0; i < ARRAY_COUNT(query_slices); i++) {
        const struct query_slice *slice = &query_slices[i];
        const struct classic_histogram *all = &server->metrics.query_ns[slice->part];
        double seconds[ARRAY_COUNT(quantiles)];
        recent_times_quantiles(&server->query_times[slice->part], clock_monotonic_ns(), quantiles,
                               ARRAY_COUNT(quantiles), seconds);
        for (size_t k = 0; k < ARRAY_COUNT(quantiles); k++) {
            char labels[64];
            snprintf(labels, sizeof labels, "{slice=\"%s\",quantile=\"%g\"}", slice->name,
                     quantiles[k]);
            put_value(out, name, labels, seconds[k]);
        }
        buf_printf(out, "%s_sum{slice=\"%s\"} %.9g\n", name, slice->name,
                   (double)now(&all->sum) / 1e9);
        buf_printf(out, "%s_count{slice=\"%s\"} %llu\n", name, slice->name,
                   (unsigned long long)now(&all->count));
    }
}

static void print_query_histograms(const struct metrics *metrics, struct buf *out)
{
    static const char name[] = "prometheus_engine_query_duration_histogram_seconds";
    put_head(out, name, "histogram", "How long the parts of queries took.");
    for (size_t i = 0; i < ARRAY_COUNT(query_slices); i++) {
        char labels[32];
        snprintf(labels, sizeof labels, "slice=\"%s\"", query_slices[i].name);
        put_histogram(out, name, labels, &metrics->query_ns[query_slices[i].part], &query_scale);
    }
}

static void print_engine(struct server *server, struct buf *out)
{
    const struct metrics *metrics = &server->metrics;
    struct engine_stats stats;
    engine_stats(server->engine, &stats);
    put_gauge(out, "prometheus_engine_queries",
              "The current number of queries being executed or waiting.",
              (double)(stats.queries_running + stats.queries_waiting));
    put_gauge(out, "prometheus_engine_queries_concurrent_max",
              "The max number of concurrent queries.", (double)server->options.concurrency_max);
    put_gauge(out, "prometheus_engine_query_log_enabled", "State of the query log.", 0);
    put_counter(out, "prometheus_engine_query_samples_total",
                "The total number of samples loaded by all queries.", (double)stats.samples_total);

    put_counter(out, "prometheus_engine_query_samples_read_total",
                "Samples that all queries have decoded.", (double)stats.samples_total);

    print_query_times(server, out);
    print_query_histograms(metrics, out);
    put_counter(out, "millrace_queries_total", "Queries that were started.",
                (double)stats.queries_total);
    put_counter(out, "millrace_query_series_total", "Series that queries selected.",
                (double)now(&metrics->series_selected));
    put_gauge(out, "millrace_queries_waiting", "Queries that wait for their turn.",
              (double)stats.queries_waiting);
    put_gauge(out, "millrace_query_memory_bytes", "Memory that queries hold.",
              (double)stats.memory_used_bytes);
    put_gauge(out, "millrace_query_memory_peak_bytes", "The most memory that queries held.",
              (double)stats.memory_peak_bytes);
    put_head(out, "millrace_query_failures_total", "counter", "Queries that failed, by why.");
    for (unsigned fault = 0; fault <= FAULT_NOT_FOUND; fault++)
        buf_printf(out, "millrace_query_failures_total{type=\"%s\"} %llu\n",
                   api_fault_name((enum fault)fault),
                   (unsigned long long)now(&metrics->failures[fault]));
}

static void print_fallbacks(const struct metrics *metrics, struct buf *out)
{
    static const char name[] = "millrace_engine_fallback_total";
    put_head(out, name, "counter",
             "Parts of queries that the streaming engine left to the fallback, by why.");
    for (size_t i = 0; i < METRICS_FALLBACKS_MAX; i++) {
        const char *reason = atomic_load(&metrics->fallbacks[i].reason);
        if (reason)
            buf_printf(out, "%s{reason=\"%s\"} %llu\n", name, reason,
                       (unsigned long long)now(&metrics->fallbacks[i].count));
    }
}

static void print_storage(struct server *server, struct buf *out)
{
    struct db_stats stats;
    db_stats(server->db, &stats);
    metrics_print_tsdb(server, &stats, out);
    put_gauge(out, "prometheus_tsdb_head_series", "Total number of series in the head block.",
              (double)stats.head_series_count);
    put_gauge(out, "prometheus_tsdb_head_chunks", "Total number of chunks in the head block.",
              (double)stats.head_chunk_count);
    put_gauge(out, "prometheus_tsdb_head_min_time", "Minimum time bound of the head block.",
              (double)stats.head_begin_ms);
    put_gauge(out, "prometheus_tsdb_head_max_time", "Maximum timestamp of the head block.",
              (double)stats.head_end_ms);
    put_gauge(out, "prometheus_tsdb_blocks_loaded", "Number of currently loaded data blocks",
              (double)stats.block_count);
    put_gauge(out, "prometheus_tsdb_lowest_timestamp", "Lowest timestamp value stored.",
              (double)stats.begin_ms);
    put_counter(out, "millrace_storage_corruptions_total",
                "Blocks, chunks and records that were left out because they are damaged, and files "
                "that a part of could not be read.",
                (double)stats.corrupt_count);
}

static void print_compaction_histograms(struct server *server, struct buf *out)
{
    const struct compact_histograms *found = db_compact_histograms(server->db);
    const struct {
        const char *name, *help;
        const struct classic_histogram *histogram;
        const struct classic_scale *scale;
    } all[] = {
        {"prometheus_tsdb_compaction_duration_seconds", "Duration of compaction runs",
         &found->duration_ns, &compact_duration_scale},
        {"prometheus_tsdb_tombstone_cleanup_seconds",
         "Time that blocks were written anew for without what was deleted.", &found->cleanup_ns,
         &compact_cleanup_scale},
        {"prometheus_tsdb_compaction_chunk_size_bytes",
         "Size of chunks when they first come into a block.", &found->chunks.size_bytes,
         &compact_chunk_size_scale},
        {"prometheus_tsdb_compaction_chunk_samples",
         "Samples of chunks when they first come into a block.", &found->chunks.samples,
         &compact_chunk_samples_scale},
        {"prometheus_tsdb_compaction_chunk_range_seconds",
         "Time range of chunks when they first come into a block; in milliseconds, as Prometheus "
         "has it.",
         &found->chunks.range_ms, &compact_chunk_range_scale},
    };
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        put_head(out, all[i].name, "histogram", all[i].help);
        put_histogram(out, all[i].name, "", all[i].histogram, all[i].scale);
    }
}

static void print_compaction(struct server *server, struct buf *out)
{
    AUTO(settings_unref) struct settings *settings = settings_ref(server);
    const struct retention *retention = &settings->retention;
    struct db_compact_stats stats;
    db_compact_stats(server->db, &stats);
    const struct {
        const char *name, *help;
        uint64_t count;
    } counters[] = {
        {"prometheus_tsdb_compactions_triggered_total",
         "Total number of triggered compactions for the partition.", stats.triggered_total},
        {"prometheus_tsdb_compactions_total",
         "Total number of compactions that were executed for the partition.", stats.written_total},
        {"prometheus_tsdb_compactions_failed_total",
         "Total number of compactions that failed for the partition.", stats.failed_total},
        {"prometheus_tsdb_vertical_compactions_total",
         "Total number of compactions done on overlapping blocks.", stats.vertical_total},
        {"prometheus_tsdb_head_truncations_total", "Total number of head truncations attempted.",
         stats.head_truncations_total},
        {"prometheus_tsdb_head_truncations_failed_total",
         "Total number of head truncations that failed.", stats.head_truncations_failed_total},
        {"prometheus_tsdb_time_retentions_total",
         "The number of times that blocks were deleted because the maximum time limit was "
         "exceeded.",
         stats.time_retentions_total},
        {"prometheus_tsdb_size_retentions_total",
         "The number of times that blocks were deleted because the maximum number of bytes was "
         "exceeded.",
         stats.size_retentions_total},
    };
    for (size_t i = 0; i < ARRAY_COUNT(counters); i++)
        put_counter(out, counters[i].name, counters[i].help, (double)counters[i].count);
    print_compaction_histograms(server, out);
    put_gauge(out, "prometheus_tsdb_compaction_populating_block",
              "Set to 1 when a block is currently being written to the disk.", stats.is_writing);
    put_gauge(out, "prometheus_tsdb_storage_blocks_bytes",
              "The number of bytes that are currently used for local storage by all blocks.",
              (double)stats.block_bytes);
    put_gauge(out, "prometheus_tsdb_retention_limit_bytes",
              "Max number of bytes to be retained in the tsdb blocks, configured 0 means disabled",
              (double)retention->size_bytes);
    put_gauge(out, "prometheus_tsdb_retention_limit_seconds",
              "How long to retain samples in storage.", (double)retention->time_ms / 1000);
    put_gauge(out, "prometheus_tsdb_retention_limit_percentage",
              "Max percentage of total storage space to be retained in the tsdb blocks, configured "
              "0 means disabled",
              retention->disk_percent);
    put_gauge(out, "millrace_compaction_memory_peak_bytes",
              "The most memory that the writing of a block held.", (double)stats.memory_peak_bytes);
}

static void print_receiver(struct server *server, struct buf *out)
{
    const struct receiver *receiver = &server->receiver;
    static const char refused[] = "millrace_remote_write_refused_samples_total";
    const struct {
        const char *why;
        const _Atomic uint64_t *count;
    } reasons[] = {
        {"duplicate", &receiver->duplicate},
        {"invalid_histogram", &receiver->invalid_histogram},
        {"invalid_labels", &receiver->invalid_labels},
        {"limit", &receiver->over_limit},
        {"out_of_bounds", &receiver->out_of_bounds},
        {"out_of_order", &receiver->out_of_order},
        {"too_old", &receiver->too_old},
    };
    put_counter(out, "prometheus_api_remote_write_invalid_labels_samples_total",
                "The total number of received remote write samples and histogram samples which "
                "were rejected due to invalid labels.",
                (double)now(&receiver->invalid_labels));
    put_head(out, refused, "counter", "Samples of remote write that were refused, by why.");
    for (size_t i = 0; i < ARRAY_COUNT(reasons); i++)
        buf_printf(out, "%s{reason=\"%s\"} %llu\n", refused, reasons[i].why,
                   (unsigned long long)now(reasons[i].count));
    put_head(out, "millrace_remote_write_requests_total", "counter",
             "Remote write requests, by the version of their message.");
    for (unsigned i = 0; i < WRITE_VERSION_COUNT; i++)
        buf_printf(out, "millrace_remote_write_requests_total{version=\"%s\"} %llu\n",
                   write_version_name((enum write_version)i),
                   (unsigned long long)now(&receiver->requests[i]));
    put_counter(out, "millrace_remote_write_packed_bytes_total",
                "Bytes of remote write requests, as they were sent.",
                (double)now(&receiver->packed_bytes));
    put_counter(out, "millrace_remote_write_decoded_bytes_total",
                "Bytes of remote write requests, once unpacked.",
                (double)now(&receiver->decoded_bytes));
    put_gauge(out, "millrace_request_memory_bytes",
              "Memory that bodies of requests hold, and what is made of them.",
              (double)atomic_load(&server->request_budget.used_bytes));
    put_gauge(out, "millrace_request_memory_peak_bytes", "The most memory that they held.",
              (double)atomic_load(&server->request_budget.peak_bytes));
}

static void print_exemplars(struct server *server, struct buf *out)
{
    struct exemplars_stats stats;
    if (!server->exemplars)
        return;
    exemplars_stats(server->exemplars, &stats);
    put_counter(out, "prometheus_tsdb_exemplar_exemplars_appended_total",
                "Total number of appended exemplars.", (double)stats.appended_total);
    put_gauge(out, "prometheus_tsdb_exemplar_exemplars_in_storage",
              "Number of exemplars currently in circular storage.", (double)stats.count);
    put_gauge(out, "prometheus_tsdb_exemplar_series_with_exemplars_in_storage",
              "Number of series with exemplars currently in circular storage.",
              (double)stats.series_count);
    put_gauge(
        out, "prometheus_tsdb_exemplar_last_exemplars_timestamp_seconds",
        "The timestamp of the oldest exemplar stored in circular storage. Useful to check for "
        "what timerange the current exemplar buffer limit allows. This usually means the last "
        "timestamp for all exemplars for a typical setup. This is not true though if one of "
        "the series timestamp is in future compared to rest series.",
        (double)stats.oldest_ms / 1000);
    put_counter(out, "prometheus_tsdb_exemplar_out_of_order_exemplars_total",
                "Total number of out of order exemplar ingestion failed attempts.",
                (double)stats.out_of_order_total);
    put_gauge(out, "prometheus_tsdb_exemplar_max_exemplars",
              "Total number of exemplars the exemplar storage can store, resizeable.",
              (double)stats.count_max);
}

static void print_federation(struct server *server, struct buf *out)
{
    put_counter(out, "prometheus_web_federation_errors_total", "Answers of /federate that failed.",
                (double)now(&server->metrics.federation_errors));
}

/* As the library that a Prometheus shows its metrics with counts itself. */
static void print_scrapes(const struct metrics *metrics, struct buf *out)
{
    static const char name[] = "promhttp_metric_handler_requests_total";
    static const int shown[] = {200, 500, 503};
    size_t handler = 0;
    while (strcmp(route_path(handler), "/metrics") != 0)
        handler++;
    put_gauge(out, "promhttp_metric_handler_requests_in_flight", "Scrapes that are being answered.",
              (double)now(&metrics->scrapes_running));
    put_head(out, name, "counter", "Scrapes, by the status of the answer.");
    for (size_t i = 0; i < ARRAY_COUNT(statuses); i++)
        for (size_t k = 0; k < ARRAY_COUNT(shown); k++)
            if (statuses[i] == shown[k])
                buf_printf(out, "%s{code=\"%d\"} %llu\n", name, shown[k],
                           (unsigned long long)now(&metrics->handlers[handler].requests[i]));
}

static void print_lifecycle(struct server *server, struct buf *out)
{
    put_gauge(out, "prometheus_ready",
              "Whether Prometheus startup was fully completed and the server is ready for normal "
              "operation.",
              lifecycle_is_ready(&server->lifecycle));
    put_gauge(out, "prometheus_config_last_reload_successful",
              "Whether the last configuration reload attempt was successful.",
              atomic_load(&server->settings.good));
    put_gauge(out, "prometheus_config_last_reload_success_timestamp_seconds",
              "Timestamp of the last successful configuration reload.",
              (double)atomic_load(&server->settings.good_ms) / 1000);
}

void metrics_print(struct server *server, struct buf *out)
{
    put_head(out, "prometheus_build_info", "gauge",
             "A metric with a constant '1' value labeled by version and revision.");
    buf_printf(out, "prometheus_build_info{version=\"%s\",revision=\"%s\"} 1\n", server_version,
               server_revision);
    print_lifecycle(server, out);
    if (lifecycle_is_open(&server->lifecycle)) {
        print_engine(server, out);
        print_storage(server, out);
        print_compaction(server, out);
    }
    print_fallbacks(&server->metrics, out);
    print_receiver(server, out);
    print_exemplars(server, out);
    read_metrics_print(&server->read_metrics, out);
    struct listener *listener = atomic_load(&server->listener);
    put_gauge(out, "prometheus_remote_read_handler_queries",
              "The current number of remote read queries that are either in execution or queued on "
              "the handler.",
              (double)gate_count(&server->read_gate));
    put_gauge(out, "millrace_http_connections", "Connections that are open.",
              (double)(listener ? listener_connection_count(listener) : 0));
    print_requests(&server->metrics, out);
    print_handler_histograms(&server->metrics, out);
    print_federation(server, out);
    print_scrapes(&server->metrics, out);
    metrics_print_process(server, out);
}
