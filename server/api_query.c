/*
 * /api/v1/query and /api/v1/query_range: parameters to a running query, whose rows are written as
 * the client takes them. Everything that Prometheus would refuse before it evaluates is refused
 * before the first row, in its words.
 */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/quote.h"
#include "parser/print.h"
#include "server/api.h"
#include "server/fallback.h"
#include "server/param.h"
#include "server/result_json.h"
#include "server/routes.h"
#include "server/server.h"

#define POINTS_MAX 11000

/* Asked with it: which engine is to answer. Answered with it: which did, and how many nodes fell
 * back. */
#define ENGINE_HEADER "X-Millrace-Engine"

/* A query's answer: head, rows and end, as they are pulled. */
struct query_stream {
    struct stream stream;
    struct server *server;
    struct settings *settings; /* a reference */
    struct running *running;
    struct result_json json;
    struct str text; /* of the query, in the request's arena */
    struct notes notes;
    const char *stats_fault; /* the warning about an odd value of "stats", or NULL */
    int64_t limit;
    int64_t row_count;
    bool want_stats, want_step_stats;
    bool begun;
};

/* Pairs of a time and how many samples an instant query then would look at; answers their sum. */
static uint64_t step_samples_write(struct json *json, const struct running_stats *stats,
                                   const struct grid *grid, bool shown)
{
    uint64_t sum = 0;
    if (shown) {
        json_key(json, "totalQueryableSamplesPerStep");
        json_array(json);
    }
    for (size_t i = 0; i < stats->step_count; i++) {
        sum += stats->step_samples[i];
        if (!shown)
            continue;
        json_array(json);
        json_double(json, (double)grid_time(grid, i) / 1000);
        json_uint(json, stats->step_samples[i]);
        json_array_end(json);
    }
    if (shown)
        json_array_end(json);
    return sum;
}

/* Where samples are not counted, those that were decoded stand for them. */
static void samples_write(struct json *json, const struct running_stats *stats,
                          const struct grid *grid, bool by_step)
{
    uint64_t counted = stats->samples_read;
    json_key(json, "samples");
    json_object(json);
    if (stats->step_samples)
        counted = step_samples_write(json, stats, grid, by_step);
    json_key(json, "totalQueryableSamples");
    json_uint(json, counted);
    json_key(json, "samplesRead");
    json_uint(json, stats->samples_read);
    json_key(json, "peakSamples"); /* a sample is 16 bytes */
    json_uint(json, stats->peak_bytes / 16);
    json_object_end(json);
}

static void timings_write(struct json *json, const struct running_stats *stats)
{
    int64_t total_ns = stats->prepare_ns + stats->eval_ns;
    json_key(json, "timings");
    json_object(json);
    json_key(json, "evalTotalTime");
    json_double(json, (double)total_ns / 1e9);
    json_key(json, "resultSortTime");
    json_double(json, 0);
    json_key(json, "queryPreparationTime");
    json_double(json, (double)stats->prepare_ns / 1e9);
    json_key(json, "innerEvalTime");
    json_double(json, (double)stats->eval_ns / 1e9);
    json_key(json, "execQueueTime");
    json_double(json, (double)stats->queue_ns / 1e9);
    json_key(json, "execTotalTime");
    json_double(json, (double)(stats->queue_ns + total_ns) / 1e9);
    json_object_end(json);
}

/* The envelope, and what can be said before the first row. */
static bool query_stream_begin(struct query_stream *self, struct buf *out, struct err *err)
{
    if (!running_open(self->running, err))
        return false;
    self->begun = true;
    struct result_info info = running_info(self->running);
    buf_text(out, "{\"status\":\"success\",\"data\":");
    result_json_begin(&self->json, &info, out);
    return true;
}

static void query_stream_end(struct query_stream *self, struct buf *out)
{
    struct running_stats stats = running_stats(self->running);
    result_json_end(&self->json, out);
    struct json json = {.out = out, .comma = true};
    if (self->want_stats) {
        json_key(&json, "stats");
        json_object(&json);
        timings_write(&json, &stats);
        samples_write(&json, &stats, &self->json.info.grid, self->want_step_stats);
        json_object_end(&json);
    }
    json_object_end(&json);
    enum result_kind kind = self->json.info.kind;
    bool cuttable = kind == RESULT_VECTOR || kind == RESULT_MATRIX;
    if (self->limit > 0 && self->row_count > self->limit && cuttable)
        notes_add(&self->notes, "results truncated due to limit");
    if (self->stats_fault)
        notes_add(&self->notes, self->stats_fault);
    self->notes.annotations = running_annotations(self->running);
    api_end_notes(&json, &self->notes);
    metrics_query(self->server, &stats);
}

static bool query_stream_next(struct stream *stream, struct buf *out, bool *ret_more,
                              struct err *err)
{
    struct query_stream *self = CONTAINER(struct query_stream, stream, stream);
    size_t begin = out->len;
    if (!self->begun && !query_stream_begin(self, out, err))
        return false;
    while (out->len - begin < STREAM_PIECE_SIZE) {
        struct result_row row;
        enum pull got = running_next(self->running, &row, err);
        if (got == PULL_ERR)
            return false;
        if (got == PULL_END) {
            query_stream_end(self, out);
            running_pause(self->running);
            *ret_more = false;
            return true;
        }
        /* Rows over the limit are still pulled: what they would warn of is told. */
        self->row_count++;
        bool scalar = self->json.info.kind == RESULT_SCALAR;
        if (scalar || self->limit == 0 || self->row_count <= self->limit)
            result_json_row(&self->json, &row, out);
    }
    running_pause(self->running); /* the client may take its time over this piece */
    *ret_more = true;
    return true;
}

static void query_log_failure(struct server *server, struct str text, const struct err *err)
{
    metrics_failure(&server->metrics, api_fault(err));
    struct log_line line = log_begin(&server->log, LOG_LEVEL_DEBUG, "Query failed");
    log_str(&line, "query", text);
    log_text(&line, "type", api_fault_name(api_fault(err)));
    log_text(&line, "err", err->msg);
    log_end(&line);
}

static void query_stream_fail(struct stream *stream, struct answer *answer, const struct err *err)
{
    api_fail_err(answer, err);
}

static bool query_stream_next_or_log(struct stream *stream, struct buf *out, bool *ret_more,
                                     struct err *err)
{
    if (query_stream_next(stream, out, ret_more, err))
        return true;
    struct query_stream *self = CONTAINER(struct query_stream, stream, stream);
    query_log_failure(self->server, self->text, err);
    return false;
}

static void query_stream_close(struct stream *stream)
{
    struct query_stream *self = CONTAINER(struct query_stream, stream, stream);
    result_json_done(&self->json);
    running_destroy(self->running);
    settings_unref(self->settings);
    free(self);
}

static const struct stream_class query_stream_class = {
    .next = query_stream_next_or_log,
    .fail = query_stream_fail,
    .close = query_stream_close,
};

/* Parameters that both endpoints have, behind those of the range. */
struct query_options {
    int64_t limit;
    bool out_of_time; /* the client's timeout has passed already */
    struct query_spec spec;
};

static bool query_read_timeout(const struct request *request, struct query_options *options,
                               struct answer *answer)
{
    struct str text = params_get(&request->params, "timeout");
    struct err err;
    int64_t ns;
    if (text.len == 0)
        return true;
    if (!interval_parse(text, &ns, &err)) {
        api_fail_param(answer, "timeout", err.msg);
        return false;
    }
    options->out_of_time = ns <= 0;
    options->spec.timeout_ms = ns / 1000000 + (ns % 1000000 > 0);
    return true;
}

static bool query_read_lookback(const struct request *request, struct query_options *options,
                                struct answer *answer)
{
    struct str text = params_get(&request->params, "lookback_delta");
    struct err err;
    int64_t ns;
    if (text.len == 0)
        return true;
    if (!interval_parse(text, &ns, &err)) {
        api_fail(answer, FAULT_BAD_DATA, "error parsing lookback delta duration: %s", err.msg);
        return false;
    }
    options->spec.lookback_ms = ns > 0 ? ns / 1000000 : 0;
    return true;
}

static bool query_read_limit(const struct request *request, struct query_options *options,
                             struct answer *answer)
{
    struct err err;
    if (limit_parse(params_get(&request->params, "limit"), &options->limit, &err))
        return true;
    api_fail_param(answer, "limit", err.msg);
    return false;
}

static const char *stats_warning(const struct request *request, struct str value)
{
    if (value.len == 0 || str_eq(value, STR("true")) || str_eq(value, STR("all")))
        return NULL;
    AUTO(buf_done) struct buf text = {0};
    buf_text(&text, "value ");
    quote_append(&text, value);
    buf_text(&text,
             " for parameter \"stats\" is deprecated and will be rejected in the next major "
             "release, use \"true\" or \"all\"");
    return arena_text(request->arena, buf_view(&text));
}

/* A client may choose the engine. */
static bool query_read_engine(const struct request *request, struct query_options *options,
                              struct answer *answer)
{
    const char *text = request_header(request, ENGINE_HEADER);
    if (!text || engine_kind_parse(text, &options->spec.engine))
        return true;
    api_fail(answer, FAULT_BAD_DATA,
             "header " ENGINE_HEADER ": \"%s\" is not streaming or reference", text);
    return false;
}

/* "streaming", "streaming; fallback=2" or "reference". */
static void query_tell_engine(struct server *server, const struct request *request,
                              const struct query_options *options, const struct running *running,
                              struct answer *answer)
{
    size_t count = running_fallback_count(running);
    for (size_t i = 0; i < count; i++)
        metrics_fallback(&server->metrics, running_fallback_reason(running, i));
    const char *text = options->spec.engine == ENGINE_REFERENCE ? "reference" : "streaming";
    if (options->spec.engine == ENGINE_STREAMING && count > 0)
        text = arena_printf(request->arena, "streaming; fallback=%zu", count);
    answer_header(answer, ENGINE_HEADER, text);
}

static void query_start(struct server *server, const struct request *request,
                        struct query_options *options, struct answer *answer)
{
    struct str text = params_get(&request->params, "query");
    struct err err;
    err_clear(&err);
    struct str stats = params_get(&request->params, "stats");
    options->spec.text = text;
    options->spec.count_samples = stats.len > 0;
    options->spec.cancel = request->cancel;
    AUTO(settings_unref) struct settings *settings = settings_ref(server);
    options->spec.storage = settings_storage(settings);
    options->spec.subquery_step_ms = settings->config.evaluation_interval_ms;
    struct running *running = NULL;
    if (!query_read_engine(request, options, answer))
        return;
    if (!running_create(server->engine, &options->spec, &running, &err)) {
        if (err.kind == ERR_UNSUPPORTED && server->fallback_url) {
            answer_header(answer, ENGINE_HEADER, "prometheus");
            metrics_fallback(&server->metrics, "url");
            fallback_forward(server, server->fallback_url, request, answer);
            return;
        }
        query_log_failure(server, text, &err);
        if (err.kind == ERR_BAD_DATA)
            api_fail_param(answer, "query", err.msg);
        else
            api_fail_err(answer, &err);
        return;
    }
    if (options->out_of_time) {
        running_destroy(running);
        api_fail(answer, FAULT_TIMEOUT, "query timed out in query execution");
        return;
    }
    struct query_stream *stream = mem_new(struct query_stream);
    stream->stream.class = &query_stream_class;
    stream->server = server;
    stream->running = running;
    stream->settings = TAKE(settings);
    stream->text = text;
    stream->notes.query = text;
    stream->limit = options->limit;
    stream->want_stats = stats.len > 0;
    stream->want_step_stats = server->features.step_stats && str_eq(stats, STR("all"));
    stream->stats_fault = stats_warning(request, stats);
    answer->status = 200;
    answer->content_type = "application/json";
    answer->stream = &stream->stream;
    query_tell_engine(server, request, options, running, answer);
}

void route_query(struct server *server, const struct request *request, struct answer *answer)
{
    struct query_options options = {0};
    if (!query_read_limit(request, &options, answer))
        return;
    struct str text = params_get(&request->params, "time");
    struct moment at = moment_of_ms(clock_now_ms());
    struct err err;
    if (text.len && !moment_parse(text, &at, &err)) {
        err_wrap(&err, "invalid time value for 'time'");
        api_fail_param(answer, "time", err.msg);
        return;
    }
    if (!query_read_timeout(request, &options, answer) ||
        !query_read_lookback(request, &options, answer))
        return;
    options.spec.start_ms = options.spec.end_ms = moment_ms(at);
    query_start(server, request, &options, answer);
}

/* start, end and step; false: the answer says what is wrong. */
static bool query_read_range(const struct request *request, struct query_options *options,
                             struct answer *answer)
{
    struct moment start, end;
    int64_t step_ns;
    struct err err;
    const char *bad = NULL;
    if (!moment_parse(params_get(&request->params, "start"), &start, &err)) {
        bad = "start";
    } else if (!moment_parse(params_get(&request->params, "end"), &end, &err)) {
        bad = "end";
    } else if (moment_before(end, start)) {
        bad = "end";
        err_set(&err, ERR_BAD_DATA, "end timestamp must not be before start time");
    } else if (!interval_parse(params_get(&request->params, "step"), &step_ns, &err)) {
        bad = "step";
    } else if (step_ns <= 0) {
        bad = "step";
        err_set(&err, ERR_BAD_DATA,
                "zero or negative query resolution step widths are not accepted. "
                "Try a positive integer");
    }
    if (bad) {
        api_fail_param(answer, bad, err.msg);
        return false;
    }
    if (moment_sub_ns(end, start) / step_ns > POINTS_MAX) {
        api_fail(answer, FAULT_BAD_DATA,
                 "exceeded maximum resolution of 11,000 points per timeseries. "
                 "Try decreasing the query resolution (?step=XX)");
        return false;
    }
    options->spec.start_ms = moment_ms(start);
    options->spec.end_ms = moment_ms(end);
    options->spec.step_ms = step_ns < 1000000 ? 1 : step_ns / 1000000;
    return true;
}

void route_query_range(struct server *server, const struct request *request, struct answer *answer)
{
    struct query_options options = {0};
    if (query_read_limit(request, &options, answer) &&
        query_read_range(request, &options, answer) &&
        query_read_timeout(request, &options, answer) &&
        query_read_lookback(request, &options, answer))
        query_start(server, request, &options, answer);
}

/* Parses the query and prints it in one way or another. */
static void query_print(struct server *server, const struct request *request, struct answer *answer,
                        bool as_tree)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct node *root = NULL;
    struct err err;
    if (!parse_query(params_get(&request->params, "query"), &server->features.parse, arena, &root,
                     &err)) {
        api_fail_param(answer, "query", err.msg);
        return;
    }
    AUTO(buf_done) struct buf text = {0};
    struct json json = api_begin(answer);
    if (as_tree) {
        print_json(root, &text);
        json_raw(&json, buf_view(&text));
    } else {
        print_pretty(root, &text);
        json_string(&json, buf_view(&text));
    }
    api_end(&json);
    ast_done(root);
}

void route_format_query(struct server *server, const struct request *request, struct answer *answer)
{
    query_print(server, request, answer, false);
}

void route_parse_query(struct server *server, const struct request *request, struct answer *answer)
{
    query_print(server, request, answer, true);
}
