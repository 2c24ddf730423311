/* What the server tells of itself: /api/v1/status/... and /api/v1/features. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/float_text.h"
#include "model/duration.h"
#include "parser/function.h"
#include "server/api.h"
#include "server/config/print.h"
#include "server/param.h"
#include "server/routes.h"
#include "server/server.h"
#include "storage/block.h"

#define TSDB_LIMIT 10
#define TSDB_LIMIT_MAX 10000

static void put_text(struct json *json, const char *key, const char *value)
{
    json_key(json, key);
    json_text(json, value);
}

static void build_write(struct json *json)
{
    json_object(json);
    put_text(json, "version", server_api_version);
    put_text(json, "revision", server_revision);
    put_text(json, "branch", "");
    put_text(json, "buildUser", "");
    put_text(json, "buildDate", "");
    put_text(json, "goVersion", "");
    json_object_end(json);
}

void route_buildinfo(struct server *server, const struct request *request, struct answer *answer)
{
    struct json json = api_begin(answer);
    build_write(&json);
    api_end(&json);
}

void route_version(struct server *server, const struct request *request, struct answer *answer)
{
    answer->status = 200;
    answer->content_type =
        "text/plain; charset=utf-8"; /* Prometheus names none, and it is guessed */
    struct json json = {.out = &answer->body};
    build_write(&json);
    buf_byte(&answer->body, '\n');
}

static int64_t thread_count(void)
{
    AUTO(buf_done) struct buf status = {0};
    struct err err;
    if (!file_read("/proc/self/status", 64 << 10, &status, &err))
        return 0;
    static const char key[] = "\nThreads:";
    const char *line = strstr(buf_terminated(&status), key);
    return line ? strtoll(line + sizeof key - 1, NULL, 10) : 0;
}

/* "15d", "512MiB", "15d or 512MiB", "15d or 80%". */
static void print_retention(const struct retention *retention, struct buf *out)
{
    if (retention->time_ms)
        duration_print(retention->time_ms, out);
    if (retention->time_ms && (retention->size_bytes || retention->disk_percent > 0))
        buf_text(out, " or ");
    if (retention->disk_percent > 0) {
        out->len += float_text_g(buf_reserve(out, FLOAT_TEXT_SIZE), retention->disk_percent);
        buf_byte(out, '%');
        return;
    }
    size_print((int64_t)retention->size_bytes, out);
}

void route_runtimeinfo(struct server *server, const struct request *request, struct answer *answer)
{
    char folder[4096] = "", host[256] = "";
    if (!getcwd(folder, sizeof folder))
        folder[0] = '\0';
    gethostname(host, sizeof host - 1);
    struct db_stats stats;
    db_stats(server->db, &stats);

    struct json json = api_begin(answer);
    json_object(&json);
    json_key(&json, "startTime");
    json_time(&json, server->start_ms);
    put_text(&json, "CWD", folder);
    put_text(&json, "hostname", host);
    json_key(&json, "serverTime");
    json_time(&json, clock_now_ms());
    json_key(&json, "reloadConfigSuccess");
    json_bool(&json, atomic_load(&server->settings.good));
    json_key(&json, "lastConfigTime"); /* of whole seconds */
    json_time(&json, atomic_load(&server->settings.good_ms) / 1000 * 1000);
    json_key(&json, "corruptionCount");
    json_uint(&json, stats.corrupt_count);
    json_key(&json, "goroutineCount"); /* ours are threads */
    json_int(&json, thread_count());
    json_key(&json, "GOMAXPROCS");
    int64_t threads = server->options.thread_count;
    json_int(&json, threads ? threads : sysconf(_SC_NPROCESSORS_ONLN));
    json_key(&json, "GOMEMLIMIT");
    json_int(&json, server->options.memory_total);
    put_text(&json, "GOGC", "");
    put_text(&json, "GODEBUG", "");
    AUTO(buf_done) struct buf retention = {0};
    AUTO(settings_unref) struct settings *settings = settings_ref(server);
    if (!server->options.read_only) /* else a Prometheus decides */
        print_retention(&settings->retention, &retention);
    put_text(&json, "storageRetention", buf_terminated(&retention));
    json_object_end(&json);
    api_end(&json);
}

void route_flags(struct server *server, const struct request *request, struct answer *answer)
{
    struct json json = api_begin(answer);
    json_object(&json);
    for (size_t i = 0; i < serve_flag_count; i++)
        put_text(&json, serve_flags[i].name, server->flag_texts[i]);
    json_object_end(&json);
    api_end(&json);
}

void route_config(struct server *server, const struct request *request, struct answer *answer)
{
    AUTO(settings_unref) struct settings *settings = settings_ref(server);
    AUTO(buf_done) struct buf yaml = {0};
    const struct retention *retention = &settings->retention;
    const struct config_retention in_force = {
        .time_ms = retention->time_ms,
        .size_bytes = (int64_t)retention->size_bytes,
        .percentage = retention->disk_percent,
    };
    const struct config_shown shown = {
        .config = &settings->config,
        .retention = server->options.read_only ? NULL : &in_force,
        .exemplar_count_max = server->exemplars ? (int64_t)settings->exemplar_count_max
                                                : settings->config.exemplar_count_max,
    };
    config_print(&shown, &yaml);
    struct json json = api_begin(answer);
    json_object(&json);
    put_text(&json, "yaml", buf_terminated(&yaml));
    json_object_end(&json);
    api_end(&json);
}

static void counts_write(struct json *json, const char *key, const struct name_count *items,
                         size_t count)
{
    json_key(json, key);
    json_array(json);
    for (size_t i = 0; i < count; i++) {
        json_object(json);
        json_key(json, "name");
        json_string(json, items[i].name);
        json_key(json, "value");
        json_uint(json, items[i].count);
        json_object_end(json);
    }
    json_array_end(json);
}

static void head_write(struct json *json, const struct db_stats *stats)
{
    json_key(json, "headStats");
    json_object(json);
    json_key(json, "numSeries");
    json_uint(json, stats->head_series_count);
    json_key(json, "numLabelPairs");
    json_uint(json, stats->head_label_pair_count);
    json_key(json, "chunkCount");
    json_uint(json, stats->head_chunk_count);
    json_key(json, "minTime");
    json_int(json, stats->head_begin_ms);
    json_key(json, "maxTime");
    json_int(json, stats->head_end_ms);
    json_object_end(json);
}

void route_tsdb(struct server *server, const struct request *request, struct answer *answer)
{
    struct str text = params_get(&request->params, "limit");
    int64_t limit = TSDB_LIMIT;
    struct err err;
    if (text.len && (!number_parse(text, &limit, &err) || limit < 1)) {
        api_fail(answer, FAULT_BAD_DATA, "limit must be a positive number");
        return;
    }
    if (limit > TSDB_LIMIT_MAX) {
        api_fail(answer, FAULT_BAD_DATA, "limit must not exceed %d", TSDB_LIMIT_MAX);
        return;
    }
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct db_cardinality most = {0};
    struct db_stats stats;
    db_cardinality(server->db, (size_t)limit, arena, &most);
    db_stats(server->db, &stats);

    struct json json = api_begin(answer);
    json_object(&json);
    head_write(&json, &stats);
    counts_write(&json, "seriesCountByMetricName", most.series_by_metric,
                 most.series_by_metric_count);
    counts_write(&json, "labelValueCountByLabelName", most.values_by_label,
                 most.values_by_label_count);
    counts_write(&json, "memoryInBytesByLabelName", most.bytes_by_label, most.bytes_by_label_count);
    counts_write(&json, "seriesCountByLabelValuePair", most.series_by_pair,
                 most.series_by_pair_count);
    json_object_end(&json);
    api_end(&json);
}

/* Without the white space between its parts; texts stay as they are. */
static void json_compact(struct str text, struct buf *out)
{
    bool within = false, escaped = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (within || !strchr(" \n\t", c))
            buf_byte(out, c);
        within ^= c == '"' && !escaped;
        escaped = within && c == '\\' && !escaped;
    }
}

static void put_block(void *context, const struct block_meta *meta)
{
    AUTO(buf_done) struct buf text = {0}, compact = {0};
    block_meta_print(meta, &text);
    json_compact(buf_view(&text), &compact);
    json_raw(context, buf_view(&compact));
}

void route_tsdb_blocks(struct server *server, const struct request *request, struct answer *answer)
{
    struct json json = api_begin(answer);
    json_object(&json);
    json_key(&json, "blocks");
    json_array(&json);
    db_each_block(server->db, put_block, &json);
    json_array_end(&json);
    json_object_end(&json);
    api_end(&json);
}

void route_walreplay(struct server *server, const struct request *request, struct answer *answer)
{
    const struct {
        const char *key;
        const _Atomic uint32_t *segment;
    } members[] = {
        {"min", &server->reading.first_segment},
        {"max", &server->reading.last_segment},
        {"current", &server->reading.segment_done},
    };
    struct json json = api_begin(answer);
    json_object(&json);
    for (size_t i = 0; i < ARRAY_COUNT(members); i++) {
        json_key(&json, members[i].key);
        json_uint(&json, atomic_load(members[i].segment));
    }
    json_object_end(&json);
    api_end(&json);
}

struct feature {
    const char *name;
    bool on;
};

/* As in Prometheus, <, > and & of operators stay as they are. */
static void category_write(struct json *json, const char *name, const struct feature *features,
                           size_t count)
{
    json_key(json, name);
    json_object(json);
    for (size_t i = 0; i < count; i++) {
        if (json->comma)
            buf_byte(json->out, ',');
        buf_printf(json->out, "\"%s\":%s", features[i].name, features[i].on ? "true" : "false");
        json->comma = true;
    }
    json_object_end(json);
}

static void functions_write(struct json *json, bool experimental)
{
    struct feature features[FN_COUNT];
    for (size_t i = 0; i < FN_COUNT; i++) {
        const struct function *function = function_get((enum function_id)i);
        bool stable = !(function->flags & FUNCTION_EXPERIMENTAL);
        features[i] = (struct feature){function->name, stable || experimental};
    }
    category_write(json, "promql_functions", features, FN_COUNT);
}

static void operators_write(struct json *json, bool experimental)
{
    static const char *const operators[] = {"!=", "!~",  "%",     "*",  "+",      "-",  "/",
                                            "<",  "<=",  "==",    "=~", ">",      ">=", "@",
                                            "^",  "and", "atan2", "or", "unless", "</", ">/"};
    struct feature features[AGGREGATE_OP_COUNT + ARRAY_COUNT(operators)];
    size_t count = 0;
    for (; count < ARRAY_COUNT(operators); count++)
        features[count] = (struct feature){operators[count], true};
    for (size_t i = 0; i < AGGREGATE_OP_COUNT; i++) {
        const struct aggregate_info *info = aggregate_get((enum aggregate_op)i);
        bool stable = !(info->flags & FUNCTION_EXPERIMENTAL);
        features[count++] = (struct feature){info->name, stable || experimental};
    }
    category_write(json, "promql_operators", features, count);
}

void route_features(struct server *server, const struct request *request, struct answer *answer)
{
    const struct parse_options *parse = &server->features.parse;
    const struct feature api[] = {
        {"admin", server->options.admin_api},
        {"label_values_match", true},
        {"lifecycle", server->options.lifecycle},
        {"otlp_write_receiver", false},
        {"query_stats", true},
        {"query_warnings", true},
        {"remote_write_receiver", server->options.write_receiver},
        {"time_range_labels", true},
        {"time_range_series", true},
    };
    const struct feature prometheus[] = {{"agent_mode", false}, {"server_mode", true}};
    const struct feature promql[] = {
        {"anchored", parse->extended_selectors},
        {"at_modifier", true},
        {"bool", true},
        {"by", true},
        {"delayed_name_removal", server->features.modes.delayed_names},
        {"duration_expr", true},
        {"fill", parse->fill_modifiers},
        {"fill_left", parse->fill_modifiers},
        {"fill_right", parse->fill_modifiers},
        {"group_left", true},
        {"group_right", true},
        {"ignoring", true},
        {"negative_offset", true},
        {"offset", true},
        {"on", true},
        {"per_query_lookback_delta", true},
        {"per_step_stats", server->features.step_stats},
        {"smoothed", parse->extended_selectors},
        {"subqueries", true},
        {"without", true},
    };
    const struct feature tsdb[] = {{"exemplar_storage", server->exemplars != NULL},
                                   {"native_histograms", true}};

    struct json json = api_begin(answer);
    json_object(&json);
    category_write(&json, "api", api, ARRAY_COUNT(api));
    category_write(&json, "prometheus", prometheus, ARRAY_COUNT(prometheus));
    category_write(&json, "promql", promql, ARRAY_COUNT(promql));
    functions_write(&json, parse->experimental_functions);
    operators_write(&json, parse->experimental_functions);
    category_write(&json, "tsdb", tsdb, ARRAY_COUNT(tsdb));
    json_object_end(&json);
    api_end(&json);
}
