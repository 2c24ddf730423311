/*
 * `millrace serve`: opens what is to be served, listens, and waits for a signal. The first one lets
 * running queries end, the second ends the process at once.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "server/fallback.h"
#include "server/routes.h"
#include "server/server.h"

/* How long samples are kept if nothing is said of it. */
#define RETENTION_MS ((int64_t)15 * 24 * 60 * 60 * 1000)

const struct flag serve_flags[] = {
#define FLAG(member, kind, name, fallback, value, help) \
    {name, 0, FLAG_##kind, offsetof(struct serve_options, member), fallback, value, help},
#include "server/serve.def"
#undef FLAG
};
const size_t serve_flag_count = ARRAY_COUNT(serve_flags);

static void serve_help(void)
{
    AUTO(buf_done) struct buf out = {0};
    buf_text(&out,
             "usage: millrace [serve] [flags]\n\n"
             "Answers PromQL over HTTP, as Prometheus does, from a directory of Prometheus's "
             "data.\n"
             "Remote read, at /api/v1/read, hands samples and chunks on to others.\n\n");
    flags_print(serve_flags, serve_flag_count, &out);
    fwrite(out.ptr, 1, out.len, stdout);
}

static bool serve_set_log(struct server *server, struct err *err)
{
    const struct serve_options *options = &server->options;
    server->log.fd = STDERR_FILENO;
    if (!log_level_parse(str_of(options->log_level), &server->log.level))
        return err_set(err, ERR_BAD_DATA,
                       "flag --log.level: \"%s\" is not debug, info, warn or error",
                       options->log_level);
    server->log.json = strcmp(options->log_format, "json") == 0;
    if (!server->log.json && strcmp(options->log_format, "logfmt") != 0)
        return err_set(err, ERR_BAD_DATA, "flag --log.format: \"%s\" is not logfmt or json",
                       options->log_format);
    return true;
}

static void feature_told(void *context, struct str name, bool known)
{
    struct server *server = context;
    struct log_line line =
        known ? log_begin(&server->log, LOG_LEVEL_INFO, "Feature enabled")
              : log_begin(&server->log, LOG_LEVEL_WARN, "Unknown option for --enable-feature");
    log_str(&line, known ? "feature" : "option", name);
    log_end(&line);
}

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

static void serve_log_opened(struct server *server, int64_t begin_ns)
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
}

static bool serve_monitor(struct server *server, struct err *err)
{
    if (!server->options.self_monitor || server->options.read_only)
        return true;
    struct self_monitor *monitor = NULL;
    if (!self_monitor_start(server, &monitor, err))
        return false;
    atomic_store(&server->self_monitor, monitor);
    return true;
}

/* As Prometheus bounds them. */
#define WAL_SEGMENT_LEAST ((int64_t)10 << 20)
#define WAL_SEGMENT_MOST ((int64_t)256 << 20)

/* What the flags of the log say. */
static bool wal_options_read(const struct serve_options *options, struct db_options *ret_options,
                             struct err *err)
{
    bool batch = strcmp(options->wal_sync, "batch") == 0;
    if (!batch && strcmp(options->wal_sync, "off") != 0)
        return err_set(err, ERR_BAD_DATA,
                       "flag --storage.tsdb.wal-sync: \"%s\" is neither off nor batch",
                       options->wal_sync);
    bool zstd = strcmp(options->wal_compression_type, "zstd") == 0;
    if (!zstd && strcmp(options->wal_compression_type, "snappy") != 0)
        return err_set(
            err, ERR_BAD_DATA,
            "flag --storage.tsdb.wal-compression-type: \"%s\" is neither snappy nor zstd",
            options->wal_compression_type);
    if (options->wal_segment_size < WAL_SEGMENT_LEAST ||
        options->wal_segment_size > WAL_SEGMENT_MOST)
        return err_set(err, ERR_BAD_DATA,
                       "flag --storage.tsdb.wal-segment-size: must be between 10MB and 256MB");
    ret_options->wal_sync = batch;
    ret_options->wal_segment_size = (size_t)options->wal_segment_size;
    ret_options->wal_packing = zstd ? WAL_PACKED_ZSTD : WAL_PACKED_SNAPPY;
    if (!options->wal_compression)
        ret_options->wal_packing = WAL_NOT_PACKED;
    return true;
}

static bool serve_open_storage(struct server *server, struct err *err)
{
    const struct serve_options *options = &server->options;
    int64_t begin_ns = clock_monotonic_ns();
    struct db_options db_options = {
        .read_only = options->read_only,
        .head_series_max = (size_t)options->head_series_max,
        .keeps_starts = server->features.starts,
        .late_window_ms = server->config.out_of_order_window_ms,
        .refresh_ms = options->refresh_ms,
        .compacts = !options->read_only,
        .block_range_ms = options->block_range_ms,
        .block_range_max_ms = options->block_range_max_ms,
        .retention_ms = options->retention_ms,
        .retention_bytes = (uint64_t)options->retention_bytes,
        .warn = storage_warn,
        .info = storage_info,
        .context = &server->log,
        .exemplar = storage_exemplar,
        .metadata = storage_metadata,
        .notes_context = server,
    };
    if (!wal_options_read(options, &db_options, err))
        return false;
    server->metadata = metadata_create();
    if (server->features.exemplars && options->exemplar_count_max > 0)
        server->exemplars = exemplars_create((size_t)options->exemplar_count_max);
    if (!db_open(options->path, &db_options, &server->db, err))
        return false;
    serve_log_opened(server, begin_ns);
    server->client = client_create((size_t)options->concurrency_max);
    server->remote = remote_create(server);
    return true;
}

static void serve_open_engine(struct server *server)
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
    server->engine = engine_create(remote_storage(server->remote), &engine_options);
    budget_init(&server->listing_budget, NULL, "--query.memory-limit",
                (size_t)options->memory_limit);
    budget_init(&server->request_budget, NULL, "--web.request-memory",
                (size_t)options->request_memory);
    receiver_init(&server->receiver, server);
    gate_init(&server->read_gate, (size_t)options->read_concurrency_max);
}

static bool serve_listen(struct server *server, struct err *err)
{
    const struct serve_options *options = &server->options;
    struct listen_options listen_options = {
        .address = options->listen_address,
        .connection_max = (size_t)options->connection_max,
        .read_timeout_ms = options->read_timeout_ms,
        .write_timeout_ms = options->write_timeout_ms,
        .body_size_max = routes_body_size_max,
        .body_budget = &server->request_budget,
        .handle = routes_handle,
        .finished = routes_finished,
        .context = server,
    };
    struct listener *listener = NULL;
    if (!listener_open(&listen_options, &listener, err))
        return false;
    atomic_store(&server->listener, listener);
    return true;
}

static bool serve_open(struct server *server, struct err *err)
{
    if (!cors_init(&server->cors, str_of(server->options.cors_origin), err))
        return err_wrap(err, "flag --web.cors.origin");
    if (!serve_open_storage(server, err))
        return false;
    serve_open_engine(server);
    return serve_listen(server, err) && serve_monitor(server, err);
}

static void serve_close(struct server *server)
{
    self_monitor_stop(atomic_load(&server->self_monitor));
    listener_close(atomic_load(&server->listener));
    self_monitor_destroy(atomic_load(&server->self_monitor));
    if (server->engine)
        engine_destroy(server->engine);
    remote_destroy(server->remote);
    db_close(server->db);
    exemplars_destroy(server->exemplars);
    metadata_destroy(server->metadata);
    cors_done(&server->cors);
    gate_done(&server->read_gate);
    client_destroy(server->client);
    config_done(&server->config);
    free(server->flag_texts);
    free(server);
}

static void signals_block(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file over its limit is a write that fails, as a full disk is */
}

/* Serves until a signal comes. */
static void serve_run(struct server *server, const sigset_t *signals)
{
    struct listener *listener = atomic_load(&server->listener);
    struct log_line line = log_begin(&server->log, LOG_LEVEL_INFO, "Server is ready");
    log_text(&line, "address", listener_address(listener));
    log_text(&line, "version", server_version);
    log_end(&line);

    int number = 0;
    while (sigwait(signals, &number) != 0)
        ;
    line = log_begin(&server->log, LOG_LEVEL_INFO, "Ending; running queries may end first");
    log_text(&line, "signal", number == SIGINT ? "SIGINT" : "SIGTERM");
    log_end(&line);
    pthread_sigmask(SIG_UNBLOCK, signals, NULL); /* the next one ends the process */
    listener_drain(listener, server->options.drain_timeout_ms);
}

static bool serve_read_config(struct server *server, struct err *err)
{
    const char *path = server->options.config_file;
    struct config_source source = {*path ? path : NULL, storage_warn, &server->log};
    if (!config_open(&source, &server->config, err))
        return err_wrap(err, "flag --config.file");
    if (server->config.exemplar_count_max >= 0)
        server->options.exemplar_count_max = server->config.exemplar_count_max;
    return true;
}

/* What Prometheus makes of its flags for blocks. */
static bool serve_set_blocks(struct server *server, struct err *err)
{
    struct serve_options *options = &server->options;
    for (size_t i = 0; i < serve_flag_count; i++)
        if (serve_flags[i].offset == offsetof(struct serve_options, retention_bytes) &&
            str_ends(str_of(server->flag_texts[i]), STR("%")))
            return err_set(err, ERR_BAD_DATA,
                           "flag --%s: \"%s\" would be a part of the memory, not of the disk",
                           serve_flags[i].name, server->flag_texts[i]);
    if (options->block_range_ms <= 0)
        return err_set(err, ERR_BAD_DATA, "flag --storage.tsdb.min-block-duration: not above 0");
    if (options->retention_ms == 0 && options->retention_bytes == 0)
        options->retention_ms = RETENTION_MS;
    if (options->block_range_max_ms == 0) {
        options->block_range_max_ms = DB_BLOCK_RANGE_MAX_MS;
        if (options->retention_ms && options->retention_ms / 10 < DB_BLOCK_RANGE_MAX_MS)
            options->block_range_max_ms = options->retention_ms / 10;
    }
    if (options->block_range_max_ms < options->block_range_ms)
        options->block_range_max_ms = options->block_range_ms;
    return true;
}

static bool serve_read_flags(struct server *server, int argc, char **argv, bool *ret_help,
                             struct err *err)
{
    server->flag_texts = mem_new_array(const char *, serve_flag_count);
    struct flags flags = {
        .table = serve_flags,
        .count = serve_flag_count,
        .into = &server->options,
        .texts = server->flag_texts,
    };
    if (!flags_parse(&flags, argc, argv, err))
        return false;
    *ret_help = flags.help;
    if (flags.word_count > 0 && !flags.help)
        return err_set(err, ERR_BAD_DATA, "serve takes no argument: \"%s\"", flags.words[0]);
    const char *writes = server->options.write_receiver ? "remote-write-receiver"
                         : server->options.admin_api    ? "admin-api"
                                                        : NULL;
    if (writes && server->options.read_only)
        return err_set(err, ERR_BAD_DATA,
                       "flag --web.enable-%s: nothing can be written with --storage.tsdb.read-only",
                       writes);
    if (server->options.self_monitor_interval_ms == 0)
        return err_set(err, ERR_BAD_DATA, "flag --self-monitor.interval: must be above 0");
    return fallback_read(server->options.fallback, &server->fallback, &server->fallback_url, err) &&
           wal_options_read(&server->options, &(struct db_options){0}, err) &&
           disabled_read(server->options.disabled, server->disabled, err) &&
           serve_set_blocks(server, err) && serve_set_log(server, err) &&
           serve_read_config(server, err);
}

int command_serve(int argc, char **argv)
{
    struct server *server = mem_new(struct server);
    struct err err;
    bool help = false;
    server->start_ms = clock_now_ms();
    if (!serve_read_flags(server, argc, argv, &help, &err)) {
        fprintf(stderr, "millrace: %s (millrace serve --help lists the flags)\n", err.msg);
        serve_close(server);
        return EXIT_USAGE;
    }
    if (help) {
        serve_help();
        serve_close(server);
        return 0;
    }
    sigset_t signals;
    signals_block(&signals); /* before any thread is made, so that all have it */
    server->features = features_read(server->options.features, feature_told, server);
    bool good = serve_open(server, &err);
    if (good) {
        serve_run(server, &signals);
    } else {
        struct log_line line = log_begin(&server->log, LOG_LEVEL_ERROR, "Cannot serve");
        log_text(&line, "err", err.msg);
        log_end(&line);
    }
    struct log log = server->log;
    serve_close(server);
    if (good)
        log_message(&log, LOG_LEVEL_INFO, "See you next time!");
    return good ? 0 : EXIT_FAILED;
}
