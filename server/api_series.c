/*
 * What there is, without samples: series, label names and values. Answers of /series are written as
 * the client takes them: there may be millions.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/quote.h"
#include "model/symbols.h"
#include "server/api.h"
#include "server/result_json.h"
#include "server/routes.h"
#include "server/selectors.h"
#include "server/server.h"

#define TRUNCATED "results truncated due to limit"

static void list_warn(void *annotations, const char *message)
{
    annotations_add(annotations, ANNOTATION_WARNING, SIZE_MAX, "%s", message);
}

static void names_write(struct answer *answer, const struct names *names, int64_t limit,
                        const struct annotations *warnings)
{
    size_t count = names->count;
    bool cut = limit > 0 && count > (uint64_t)limit;
    if (cut)
        count = (size_t)limit;
    struct json json = api_begin(answer);
    json_array(&json);
    for (size_t i = 0; i < count; i++)
        json_string(&json, names->items[i]);
    json_array_end(&json);
    struct notes notes = {.annotations = warnings};
    if (cut)
        notes_add(&notes, TRUNCATED);
    api_end_notes(&json, &notes);
}

/* Label names, or the values of one label. */
static void answer_names(struct server *server, const struct request *request, struct str label,
                         struct answer *answer)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(&server->listing_budget);
    AUTO(selectors_done) struct selectors selectors = {.arena = arena};
    const char *param;
    struct err err;
    err_clear(&err);
    if (!selectors_read_range(&selectors, request, &param, &err)) {
        api_fail_param(answer, param, err.msg);
        return;
    }
    if (!selectors_read(&selectors, request, &err)) {
        api_fail(answer, FAULT_BAD_DATA, "%s", err.msg);
        return;
    }
    struct annotations warnings;
    annotations_init(&warnings, arena);
    struct names_request names_request = {
        .matcher_sets = (struct matcher *const *const *)selectors.sets,
        .matcher_counts = selectors.counts,
        .set_count = selectors.count,
        .begin_ms = selectors.begin_ms,
        .end_ms = selectors.end_ms,
        .arena = arena,
        .limit = (size_t)selectors.limit,
        .budget = &server->listing_budget,
        .cancel = request->cancel,
        .warn = list_warn,
        .warn_context = &warnings,
    };
    AUTO(settings_unref) struct settings *settings = settings_ref(server);
    struct storage *storage = settings_storage(settings);
    struct names names = {0};
    bool good = label.len ? storage_label_values(storage, &names_request, label, &names, &err)
                          : storage_label_names(storage, &names_request, &names, &err);
    if (good)
        names_write(answer, &names, selectors.limit, &warnings);
    else
        api_fail_err(answer, &err);
}

void route_labels(struct server *server, const struct request *request, struct answer *answer)
{
    answer_names(server, request, STR(""), answer);
}

void route_label_values(struct server *server, const struct request *request, struct answer *answer)
{
    size_t before = strlen("/api/v1/label/"), behind = strlen("/values");
    struct str path = prefix_below(&server->prefix, request->path);
    struct str given = {path.ptr + before, path.len - before - behind};
    AUTO(buf_done) struct buf name = {0};
    name_unescape(given, &name);
    if (name.len == 0 || !utf8_valid(buf_view(&name))) {
        AUTO(buf_done) struct buf quoted = {0};
        quote_append(&quoted, buf_view(&name));
        api_fail(answer, FAULT_BAD_DATA, "invalid label name: %s", buf_terminated(&quoted));
        return;
    }
    answer_names(server, request, buf_view(&name), answer);
}

/* The series of an answer, what their labels come from, and where the writer is. */
struct series_stream {
    struct stream stream;
    struct settings *settings; /* a reference */
    struct arena *arena;
    struct symbols *symbols;
    struct selectors selectors;
    struct annotations warnings;
    struct selected selected;
    const struct labels **series; /* in the order of the answer */
    size_t count;
    size_t at;
    bool cut;
    bool begun;
};

static bool series_stream_next(struct stream *stream, struct buf *out, bool *ret_more,
                               struct err *err)
{
    struct series_stream *self = CONTAINER(struct series_stream, stream, stream);
    size_t begin = out->len;
    if (!self->begun) {
        buf_text(out, "{\"status\":\"success\",\"data\":[");
        self->begun = true;
    }
    while (self->at < self->count && out->len - begin < STREAM_PIECE_SIZE) {
        if (self->at > 0)
            buf_byte(out, ',');
        labels_json(self->symbols, self->series[self->at++], out);
    }
    *ret_more = self->at < self->count;
    if (*ret_more)
        return true;
    buf_byte(out, ']');
    struct json json = {.out = out, .comma = true};
    struct notes notes = {.annotations = &self->warnings};
    if (self->cut)
        notes_add(&notes, TRUNCATED);
    api_end_notes(&json, &notes);
    return true;
}

static void series_stream_fail(struct stream *stream, struct answer *answer, const struct err *err)
{
    api_fail_err(answer, err);
}

static void series_stream_close(struct stream *stream)
{
    struct series_stream *self = CONTAINER(struct series_stream, stream, stream);
    selected_done(&self->selected);
    selectors_done(&self->selectors);
    symbols_done(self->symbols);
    arena_destroy(self->arena);
    settings_unref(self->settings);
    free(self);
}

static const struct stream_class series_stream_class = {
    .next = series_stream_next,
    .fail = series_stream_fail,
    .close = series_stream_close,
};

static bool series_select(struct series_stream *self, struct server *server,
                          const struct request *request, struct err *err)
{
    struct select_request asked = {
        .arena = self->arena,
        .symbols = self->symbols,
        .budget = &server->listing_budget,
        .cancel = request->cancel,
        .labels_only = true,
        .warn = list_warn,
        .warn_context = &self->warnings,
    };
    return selectors_select(&self->selectors, settings_storage(self->settings), &asked,
                            &self->selected, err);
}

static int series_cmp(const void *a, const void *b, void *symbols)
{
    return labels_cmp(symbols, *(const struct labels *const *)a, *(const struct labels *const *)b);
}

/* One selector's series stay in storage's order; those of several are sorted, each once. */
static void series_order(struct series_stream *self)
{
    const struct selected *selected = &self->selected;
    size_t count = selected->series_count;
    self->series = arena_array(self->arena, const struct labels *, count ? count : 1);
    for (size_t i = 0; i < selected->count; i++)
        for (size_t k = 0; k < selection_count(selected->items[i]); k++)
            self->series[self->count++] = selection_labels(selected->items[i], k);
    if (selected->count < 2 || count == 0)
        return;
    qsort_r(self->series, count, sizeof *self->series, series_cmp, self->symbols);
    self->count = 1;
    for (size_t i = 1; i < count; i++)
        if (labels_cmp(self->symbols, self->series[i], self->series[self->count - 1]) != 0)
            self->series[self->count++] = self->series[i];
}

static void answer_series(struct series_stream *self, struct server *server,
                          const struct request *request, struct answer *answer)
{
    struct err err;
    const char *param;
    err_clear(&err);
    if (!selectors_read_range(&self->selectors, request, &param, &err)) {
        api_fail_param(answer, param, err.msg);
    } else if (!selectors_read(&self->selectors, request, &err)) {
        api_fail_param(answer, "match[]", err.msg);
    } else if (!series_select(self, server, request, &err)) {
        api_fail_err(answer, &err);
    } else {
        series_order(self);
        if (self->selectors.limit > 0 && self->count > (uint64_t)self->selectors.limit) {
            self->count = (size_t)self->selectors.limit;
            self->cut = true;
        }
        answer->status = 200;
        answer->content_type = "application/json";
        answer->stream = &self->stream;
        return;
    }
    series_stream_close(&self->stream);
}

void route_series(struct server *server, const struct request *request, struct answer *answer)
{
    struct str first;
    size_t at = 0;
    if (request->params.fault) {
        api_fail(answer, FAULT_BAD_DATA, "error parsing form values: %s", request->params.fault);
        return;
    }
    if (!params_next(&request->params, "match[]", &at, &first)) {
        api_fail(answer, FAULT_BAD_DATA, "no match[] parameter provided");
        return;
    }
    struct series_stream *stream = mem_new(struct series_stream);
    stream->stream.class = &series_stream_class;
    stream->settings = settings_ref(server);
    stream->arena = arena_create(&server->listing_budget);
    stream->symbols = symbols_new(stream->arena);
    annotations_init(&stream->warnings, stream->arena);
    stream->selectors.arena = stream->arena;
    answer_series(stream, server, request, answer);
}

/* What came with remote write, and of our own metrics. */
void route_metadata(struct server *server, const struct request *request, struct answer *answer)
{
    struct metadata_query query = {
        .family = params_get(&request->params, "metric"),
        .limit = -1,
        .limit_per_family = -1,
    };
    const struct {
        const char *name;
        int64_t *value;
    } limits[] = {
        {"limit", &query.limit},
        {"limit_per_metric", &query.limit_per_family},
    };
    for (size_t i = 0; i < ARRAY_COUNT(limits); i++) {
        struct str text = params_get(&request->params, limits[i].name);
        struct err err;
        if (text.len && !number_parse(text, limits[i].value, &err)) {
            api_fail(answer, FAULT_BAD_DATA, "%s must be a number", limits[i].name);
            return;
        }
    }
    struct json json = api_begin(answer);
    metadata_print(server->metadata, &query, &json);
    api_end(&json);
}
