#include "query-tee/duel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/client.h"
#include "query-tee/explained.h"
#include "query-tee/report.h"
#include "query-tee/spool.h"

/* Longer parameters go as a POST's body. */
#define URL_PARAMS_MAX 2048
#define BODY_MEMORY_MAX ((size_t)1 << 20)

struct duel {
    struct duel_options options;
    struct client *client;
    struct client_access access;
    struct client_header headers[FLAG_TEXTS_MAX];
    char *header_texts[FLAG_TEXTS_MAX];
    char *names[2]; /* of the backends, without secrets */
    struct explained *explained;
    FILE *report;
    struct spool_options spool_options;
    uint64_t asked; /* who is asked first alternates */
};

/* The URL without "user:password@". */
static char *name_of_url(const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *host = scheme ? scheme + 3 : url;
    const char *end = host + strcspn(host, "/");
    const char *at = memrchr(host, '@', (size_t)(end - host));
    AUTO(buf_done) struct buf name = {0};
    buf_append(&name, url, (size_t)(host - url));
    buf_text(&name, at ? at + 1 : host);
    return mem_strdup(buf_terminated(&name));
}

static bool duel_set_header(struct duel *duel, size_t i, const char *text, struct err *err)
{
    const char *colon = strchr(text, ':');
    if (!colon || colon == text)
        return err_set(err, ERR_BAD_DATA, "flag --header: \"%s\" is not NAME: VALUE", text);
    duel->header_texts[i] = mem_strdup(text);
    char *value = duel->header_texts[i] + (colon - text);
    *value++ = '\0';
    duel->headers[i] = (struct client_header){duel->header_texts[i], value + strspn(value, " ")};
    return true;
}

bool duel_open(const struct duel_options *options, struct duel **ret_duel, struct err *err)
{
    if (options->backends.count != 2)
        return err_set(err, ERR_BAD_DATA, "two backends are compared: --backend=URL --backend=URL");
    AUTO(duel_close) struct duel *duel = mem_new(struct duel);
    duel->options = *options;
    for (size_t i = 0; i < options->headers.count; i++)
        if (!duel_set_header(duel, i, options->headers.items[i], err))
            return false;
    if (*options->explained_file && !explained_open(options->explained_file, &duel->explained, err))
        return err_wrap(err, "flag --explained");
    if (*options->report_file && !(duel->report = fopen(options->report_file, "ae")))
        return err_set(err, ERR_IO, "flag --report.file: %s: %s", options->report_file,
                       strerror(errno));
    for (size_t i = 0; i < 2; i++)
        duel->names[i] = name_of_url(options->backends.items[i]);
    duel->client = client_create(2);
    duel->access = (struct client_access){
        .ca_file = *options->tls_ca_path ? options->tls_ca_path : NULL,
        .insecure_skip_verify = options->skip_tls_verify,
    };
    duel->spool_options = (struct spool_options){
        .memory_max = BODY_MEMORY_MAX,
        .size_max = (uint64_t)options->body_size_max,
        .folder = options->temp_folder,
    };
    *ret_duel = TAKE(duel);
    return true;
}

void duel_close(struct duel *duel)
{
    if (!duel)
        return;
    for (size_t i = 0; i < FLAG_TEXTS_MAX; i++)
        free(duel->header_texts[i]);
    for (size_t i = 0; i < 2; i++)
        free(duel->names[i]);
    if (duel->report)
        fclose(duel->report);
    explained_close(duel->explained);
    client_destroy(duel->client);
    free(duel);
}

const char *duel_name(const struct duel *duel, size_t which)
{
    return duel->names[which];
}

/* An answer as it came. */
struct fetched {
    struct spool *body;
    char content_type[128];
};

static void fetched_done(struct fetched *fetched)
{
    spool_destroy(fetched->body);
}

static void fetched_done_auto(struct fetched *fetched)
{
    fetched_done(fetched);
}

static bool fetch_body(struct client_stream *stream, struct spool *body, struct err *err)
{
    char bytes[65536];
    for (;;) {
        size_t got;
        if (!client_stream_read(stream, bytes, sizeof bytes, &got, err) ||
            (got > 0 && !spool_append(body, bytes, got, err))) {
            spool_fail(body, err);
            return false;
        }
        if (got == 0) {
            spool_end(body);
            return true;
        }
    }
}

/* "" or an URL's end. */
static void url_append(struct buf *url, const char *base, const char *path)
{
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/')
        len--;
    buf_append(url, base, len);
    buf_text(url, path);
}

static bool fetch(struct duel *duel, size_t which, const struct duel_question *question,
                  struct fetched *fetched, struct duel_side *ret_side, struct err *err)
{
    AUTO(buf_done) struct buf url = {0};
    bool short_enough = strlen(question->params) <= URL_PARAMS_MAX;
    url_append(&url, duel->options.backends.items[which], question->path);
    if (short_enough && question->params[0])
        buf_printf(&url, "?%s", question->params);
    const struct client_request request = {
        .url = buf_terminated(&url),
        .body = short_enough ? (struct str){0} : str_of(question->params),
        .headers = duel->headers,
        .header_count = duel->options.headers.count,
        .access = &duel->access,
        .timeout_ms = duel->options.timeout_ms,
        .size_max = (size_t)duel->options.body_size_max,
    };
    AUTO(client_stream_close) struct client_stream *stream = NULL;
    int64_t begin_ns = clock_monotonic_ns();
    if (!client_open(duel->client, &request, &stream, err))
        return false;
    const char *type = client_stream_header(stream, "Content-Type");
    snprintf(fetched->content_type, sizeof fetched->content_type, "%s", type ? type : "");
    bool good = fetch_body(stream, fetched->body, err);
    *ret_side = (struct duel_side){
        .name = duel->names[which],
        .status = client_stream_status(stream),
        .latency_ns = clock_monotonic_ns() - begin_ns,
        .size = spool_size(fetched->body),
    };
    return good;
}

static enum answer_kind kind_of_path(const char *path)
{
    struct str text = str_of(path);
    if (str_ends(text, STR("/labels")) || str_ends(text, STR("/values")))
        return ANSWER_STRINGS;
    if (str_ends(text, STR("/series")))
        return ANSWER_SERIES;
    if (str_ends(text, STR("/metadata")))
        return ANSWER_METADATA;
    return str_ends(text, STR("/query_exemplars")) ? ANSWER_EXEMPLARS : ANSWER_QUERY;
}

static struct compare_options compare_options_of(const struct duel_options *options)
{
    struct compare_options compare = COMPARE_DEFAULTS;
    compare.tolerance_absolute = options->relative ? 0 : options->tolerance;
    compare.tolerance_relative = options->relative ? options->tolerance : 0;
    compare.tolerance_ulps = (uint64_t)options->ulps;
    compare.bits = options->bits;
    compare.skip_recent_ms = options->skip_recent_ms;
    compare.exact_errors = options->exact_errors;
    compare.lookback_ms = options->lookback_ms;
    compare.examples_max = (size_t)options->report_examples;
    compare.order = options->compare_order ? COMPARE_ORDER_PROMISED : COMPARE_ORDER_NEVER;
    return compare;
}

static enum duel_verdict verdict_of(const struct duel *duel, const struct duel_question *question,
                                    const struct comparison *comparison)
{
    if (comparison->result == COMPARE_SAME)
        return DUEL_SAME;
    if (comparison->result == COMPARE_SKIPPED)
        return DUEL_SKIPPED;
    return duel->explained && explained_covers(duel->explained, question->query, comparison)
               ? DUEL_EXPLAINED
               : DUEL_DIFFERENT;
}

/* `other`: the number of the backend that is held against the preferred one. */
static void duel_ask_once(struct duel *duel, const struct duel_question *question, size_t other,
                          struct duel_result *ret_result)
{
    *ret_result = (struct duel_result){.verdict = DUEL_NO_ANSWER};
    AUTO(fetched_done) struct fetched preferred = {.body = spool_create(&duel->spool_options)};
    AUTO(fetched_done) struct fetched second = {.body = spool_create(&duel->spool_options)};
    struct fetched *both[2] = {&preferred, &second};
    size_t first = duel->asked++ % 2;
    for (size_t i = 0; i < 2; i++) {
        size_t which = i ^ first;
        struct duel_side *side = &ret_result->sides[which];
        struct err err = {0};
        size_t backend = which == 0 ? 0 : other;
        if (!fetch(duel, backend, question, both[which], side, &err)) {
            *side = (struct duel_side){.name = duel->names[backend]};
            snprintf(side->fault, sizeof side->fault, "%s", err.msg);
        }
    }
    const struct duel_side *sides = ret_result->sides;
    if (sides[0].status == 0 || sides[1].status == 0)
        return;
    const struct compare_request request = {
        .kind = kind_of_path(question->path),
        .query = question->query,
        .now_ms = clock_now_ms(),
        .step_ms = question->step_ms,
    };
    struct compare_options options = compare_options_of(&duel->options);
    const struct compare_side a = {preferred.body, sides[0].status, preferred.content_type};
    const struct compare_side b = {second.body, sides[1].status, second.content_type};
    compare_answers(&request, &options, &a, &b, &ret_result->comparison);
    ret_result->verdict = verdict_of(duel, question, &ret_result->comparison);
}

static bool result_fails(const struct duel_result *result)
{
    return result->verdict == DUEL_DIFFERENT || result->verdict == DUEL_NO_ANSWER;
}

static bool preferred_is_unstable(struct duel *duel, const struct duel_question *question)
{
    bool unstable = false;
    for (int64_t i = 0; i < duel->options.self_checks && !unstable; i++) {
        AUTO(duel_result_done) struct duel_result result;
        duel_ask_once(duel, question, 0, &result);
        unstable = result.verdict == DUEL_DIFFERENT;
    }
    return unstable;
}

void duel_ask(struct duel *duel, const struct duel_question *question,
              struct duel_result *ret_result)
{
    duel_ask_once(duel, question, 1, ret_result);
    if (result_fails(ret_result) && duel->options.confirm) {
        duel_result_done(ret_result);
        duel_ask_once(duel, question, 1, ret_result);
    }
    if (ret_result->verdict == DUEL_DIFFERENT && preferred_is_unstable(duel, question))
        ret_result->verdict = DUEL_UNSTABLE;
}

void duel_result_done(struct duel_result *result)
{
    if (result->comparison.arena)
        comparison_done(&result->comparison);
    result->comparison = (struct comparison){0};
}

void duel_result_print(const struct duel_result *result, struct buf *out)
{
    const char *between = "";
    for (size_t i = 0; i < 2; i++)
        if (result->sides[i].fault[0]) {
            buf_printf(out, "%s%s", between, result->sides[i].fault);
            between = "; ";
        }
    if (result->comparison.skip_reason) {
        buf_printf(out, "%sskipped: %s", between, result->comparison.skip_reason);
        between = "; ";
    }
    for (size_t class = 0; class < DIFF_COUNT; class ++)
        if (result->comparison.counts[class] > 0) {
            buf_printf(out, "%s%s %llu", between, difference_name((enum difference_class) class),
                       (unsigned long long)result->comparison.counts[class]);
            between = ", ";
        }
}

static void example_print(const char *name, const struct difference *example, struct buf *out)
{
    buf_printf(out, "  %s:", name);
    if (example->labels.ptr)
        buf_printf(out, " %.*s", STR_ARGS(example->labels));
    if (example->timed)
        buf_printf(out, " @ %lld.%03d", (long long)(example->time_ms / 1000),
                   (int)(example->time_ms % 1000));
    const struct str texts[2] = {example->preferred, example->other};
    for (size_t i = 0; i < 2; i++) {
        buf_text(out, i == 0 ? " preferred " : ", other ");
        if (texts[i].ptr)
            buf_str(out, texts[i]);
        else
            buf_text(out, "has none");
    }
    buf_byte(out, '\n');
}

void duel_examples_print(const struct duel_result *result, struct buf *out)
{
    for (size_t class = 0; class < DIFF_COUNT; class ++)
        for (size_t i = 0; i < result->comparison.example_counts[class]; i++)
            example_print(difference_name((enum difference_class) class),
                          &result->comparison.examples[class][i], out);
}

bool duel_ask_preferred(struct duel *duel, const char *path, struct buf *ret_body, struct err *err)
{
    AUTO(buf_done) struct buf url = {0};
    url_append(&url, duel->options.backends.items[0], path);
    const struct client_request request = {
        .url = buf_terminated(&url),
        .headers = duel->headers,
        .header_count = duel->options.headers.count,
        .access = &duel->access,
        .timeout_ms = duel->options.timeout_ms,
        .size_max = BODY_MEMORY_MAX * 64,
    };
    AUTO(client_answer_done) struct client_answer answer = {0};
    if (!client_ask(duel->client, &request, &answer, err))
        return false;
    if (answer.status / 100 != 2)
        return err_set(err, ERR_EXECUTION, "%s%s: status %d", duel->names[0], path, answer.status);
    buf_str(ret_body, buf_view(&answer.body));
    return true;
}

const char *duel_who_refuses(struct duel *duel, const struct duel_question *question,
                             struct err *ret_err)
{
    for (size_t i = 0; i < 2; i++) {
        AUTO(fetched_done) struct fetched fetched = {.body = spool_create(&duel->spool_options)};
        struct duel_side side;
        struct err err = {0};
        char text[1024] = "";
        size_t size = 0;
        if (!fetch(duel, i, question, &fetched, &side, &err) || side.status != 400 ||
            !spool_read(fetched.body, 0, text, sizeof text - 1, &size, &err))
            continue;
        if (strstr(text, "parse error")) {
            err_set(ret_err, ERR_UNSUPPORTED, "%s", text);
            return duel->names[i];
        }
    }
    return NULL;
}

static struct report_side report_side_of(const struct duel_side *side)
{
    return (struct report_side){side->name, side->status, side->latency_ns, side->size};
}

bool duel_report(struct duel *duel, const struct duel_question *question,
                 const struct duel_result *result, struct err *err)
{
    if (!duel->report || result->verdict == DUEL_NO_ANSWER)
        return true;
    AUTO(buf_done) struct buf line = {0};
    const struct report report = {
        .time_ms = clock_now_ms(),
        .route = question->path,
        .path = question->path,
        .params = str_of(question->params),
        .query = question->query,
        .start_ms = question->start_ms,
        .end_ms = question->end_ms,
        .step_ms = question->step_ms,
        .preferred = report_side_of(&result->sides[0]),
        .other = report_side_of(&result->sides[1]),
        .comparison = &result->comparison,
    };
    report_append(&report, &line);
    if (fwrite(line.ptr, 1, line.len, duel->report) != line.len || fflush(duel->report) != 0)
        return err_set(err, ERR_IO, "%s: %s", duel->options.report_file, strerror(errno));
    return true;
}
