#include "server/opening.h"

#include <string.h>

#include "base/clock.h"
#include "server/serve_flags.h"
#include "server/server.h"

static void storage_warn(void *context, const char *message)
{
    log_message(context, LOG_LEVEL_WARN, message);
}

static void storage_info(void *context, const char *message)
{
    log_message(context, LOG_LEVEL_INFO, message);
}

/* What the log has of exemplars and metadata, as it is read. */
static void storage_exemplar(void *context, const struct wal_label *labels, size_t label_count,
                             const struct append_exemplar *exemplar)
{
    struct server *server = context;
    if (server->exemplars)
        exemplars_append(server->exemplars, labels, label_count, exemplar);
}

static void storage_metadata(void *context, const struct wal_label *labels, size_t label_count,
                             const struct append_metadata *about)
{
    struct server *server = context;
    for (size_t i = 0; i < label_count; i++)
        if (str_eq(labels[i].name, STR("__name__")))
            metadata_set(server->metadata, metadata_family(labels[i].value, about->type), about);
}

static void opening_log(struct server *server, int64_t begin_ns)
{
    struct db_stats stats;
    db_stats(server->db, &stats);
    struct log_line line = log_begin(&server->log, LOG_LEVEL_INFO, "Storage opened");
    log_text(&line, "path", server->options.path);
    log_text(&line, "mode", server->options.read_only ? "read-only" : "read-write");
    log_number(&line, "blocks", (int64_t)stats.block_count);
    log_number(&line, "head_series", (int64_t)stats.head_series_count);
    if (stats.begin_ms <= stats.end_ms) {
        log_time(&line, "begin", stats.begin_ms);
        log_time(&line, "end", stats.end_ms);
    }
    log_number(&line, "corruptions", (int64_t)stats.corrupt_count);
    log_duration(&line, "duration", clock_monotonic_ns() - begin_ns);
    log_end(&line);
    if (server->options.read_only && stats.block_count == 0 && stats.head_series_count == 0)
        log_message(&server->log, LOG_LEVEL_WARN,
                    "There is no data: no block, and no series in a log. Is it the directory that "
                    "Prometheus's --storage.tsdb.path names?");
}

/* It is there when the first request asks for it, and records what it finds once it is ready. */
static void opening_monitor(struct server *server)
{
    if (!server->options.self_monitor || server->options.read_only)
        return;
    struct self_monitor *monitor = NULL;
    struct err err;
    err_clear(&err);
    if (self_monitor_start(server, &monitor, &err)) {
        atomic_store(&server->self_monitor, monitor);
        return;
    }
    struct log_line line =
        log_begin(&server->log, LOG_LEVEL_WARN, "Own metrics cannot be recorded");
    log_text(&line, "err", err.msg);
    log_end(&line);
}

/* A tenth of the time that is kept, as Prometheus has it. */
static int64_t block_range_max(const struct serve_options *options, int64_t retention_ms)
{
    int64_t most_ms = options->block_range_max_ms;
    if (most_ms == 0)
        most_ms = retention_ms && retention_ms / 10 < DB_BLOCK_RANGE_MAX_MS ? retention_ms / 10
                                                                            : DB_BLOCK_RANGE_MAX_MS;
    return most_ms < options->block_range_ms ? options->block_range_ms : most_ms;
}

static bool opening_storage(struct server *server, struct err *err)
{
    const struct serve_options *options = &server->options;
    const struct settings *settings = server->settings.now;
    int64_t begin_ns = clock_monotonic_ns();
    struct db_options db_options = {
        .reading = &server->reading,
        .read_only = options->read_only,
        .head_series_max = (size_t)options->head_series_max,
        .keeps_starts = server->features.starts,
        .late_window_ms = settings->config.out_of_order_window_ms,
        .snapshot_log_size = (uint64_t)options->snapshot_log_size,
        .refresh_ms = options->refresh_ms,
        .compacts = !options->read_only,
        .block_range_ms = options->block_range_ms,
        .block_range_max_ms = block_range_max(options, settings->retention.time_ms),
        .retention_ms = settings->retention.time_ms,
        .retention_bytes = settings->retention.size_bytes,
        .retention_percent = settings->retention.disk_percent,
        .warn = storage_warn,
        .info = storage_info,
        .context = &server->log,
        .exemplar = storage_exemplar,
        .metadata = storage_metadata,
        .notes_context = server,
    };
    if (!wal_options_read(options, &db_options, err))
        return false;
    if (!db_open(options->path, &db_options, &server->db, err))
        return false;
    opening_log(server, begin_ns);
    settings_connect(server);
    return true;
}

static void opening_engine(struct server *server)
{
    const struct serve_options *options = &server->options;
    struct engine_options engine_options = {
        .fallback = server->fallback,
        .thread_count = (size_t)options->thread_count,
        .memory_limit_bytes = (size_t)options->memory_limit,
        .memory_total_bytes = (size_t)options->memory_total,
        .concurrency_max = (size_t)options->concurrency_max,
        .timeout_ms = options->timeout_ms,
        .lookback_ms = options->lookback_ms,
        .parse = server->features.parse,
        .modes = server->features.modes,
    };
    memcpy(engine_options.disabled, server->disabled, sizeof server->disabled);
    server->engine = engine_create(db_storage(server->db), &engine_options);
}

static void *opening_run(void *context)
{
    struct opening *opening = context;
    struct server *server = opening->server;
    err_clear(&opening->err);
    bool good = opening_storage(server, &opening->err);
    if (good) {
        opening_engine(server);
        opening_monitor(server);
    }
    lifecycle_opened(&server->lifecycle, good);
    if (!lifecycle_is_ready(&server->lifecycle))
        return NULL;
    struct log_line line = log_begin(&server->log, LOG_LEVEL_INFO, "Server is ready");
    log_text(&line, "address", listener_address(atomic_load(&server->listener)));
    log_text(&line, "version", server_version);
    log_end(&line);
    return NULL;
}

bool opening_begin(struct opening *opening, struct server *server, struct err *err)
{
    *opening = (struct opening){.server = server};
    int failed = pthread_create(&opening->thread, NULL, opening_run, opening);
    if (failed)
        return err_set(err, ERR_IO, "cannot start a thread: %s", strerror(failed));
    return true;
}

void opening_wait(struct opening *opening)
{
    pthread_join(opening->thread, NULL);
}
