#include "server/serve_flags.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "server/fallback.h"
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

void serve_flags_help(void)
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

static bool flags_set_log(struct server *server, struct err *err)
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

/* As Prometheus bounds them. */
#define WAL_SEGMENT_LEAST ((int64_t)10 << 20)
#define WAL_SEGMENT_MOST ((int64_t)256 << 20)

bool wal_options_read(const struct serve_options *options, struct db_options *ret_options,
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

static bool flags_set_blocks(struct server *server, struct err *err)
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
    return true;
}

bool serve_flags_read(struct server *server, int argc, char **argv, bool *ret_help, struct err *err)
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
           flags_set_blocks(server, err) && flags_set_log(server, err);
}
