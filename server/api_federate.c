/*
 * /federate: the newest sample of each series that a match[] selects, for a Prometheus that scrapes
 * it. Of the database alone, without what other servers have, and without native histograms: the
 * text format has no place for them.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "model/histogram_samples.h"
#include "model/labels.h"
#include "server/routes.h"
#include "server/selectors.h"
#include "server/server.h"
#include "server/settings.h"
#include "server/text_format.h"

struct row {
    const struct labels *labels;
    int64_t time_ms;
    double v;
};

struct external {
    struct str name;
    struct str value;
};

struct federate_stream {
    struct stream stream;
    struct server *server;
    struct arena *arena;
    struct symbols *symbols;
    struct selectors selectors;
    struct selection **selections; /* of the selectors; they lend the labels */
    size_t selection_count;
    struct external *externals; /* sorted; "instance" is always one of them */
    size_t external_count;
    struct text_format format;
    struct row *rows; /* in the order of the answer */
    size_t count;
    size_t at;
    uint32_t family; /* the name of the row before */
};

/* Labels of the series, and of the external ones those that it has not. */
static void row_write(const struct federate_stream *self, const struct row *row, struct buf *out)
{
    const struct symbols *symbols = self->symbols;
    struct text_line line = {.format = self->format, .out = out};
    text_line_begin(&line, symbols_get(symbols, labels_get(row->labels, SYM_NAME)));
    for (size_t i = 0; i < row->labels->count; i++) {
        const struct label *label = &row->labels->pairs[i];
        if (label->name != SYM_NAME)
            text_line_label(&line, symbols_get(symbols, label->name),
                            symbols_get(symbols, label->value));
    }
    for (size_t i = 0; i < self->external_count; i++) {
        const struct external *external = &self->externals[i];
        uint32_t name = symbols_find(symbols, external->name);
        if (name == UINT32_MAX || labels_get(row->labels, name) == SYM_EMPTY)
            text_line_label(&line, external->name, external->value);
    }
    text_line_end(&line, row->v, row->time_ms);
}

static bool federate_next(struct stream *stream, struct buf *out, bool *ret_more, struct err *err)
{
    struct federate_stream *self = CONTAINER(struct federate_stream, stream, stream);
    size_t begin = out->len;
    while (self->at < self->count && out->len - begin < STREAM_PIECE_SIZE) {
        const struct row *row = &self->rows[self->at++];
        uint32_t name = labels_get(row->labels, SYM_NAME);
        if (name != self->family)
            text_put_type(self->format, symbols_get(self->symbols, name), out);
        self->family = name;
        row_write(self, row, out);
    }
    *ret_more = self->at < self->count;
    return true;
}

static void federate_fail(struct stream *stream, struct answer *answer, const struct err *err)
{
    struct federate_stream *self = CONTAINER(struct federate_stream, stream, stream);
    atomic_fetch_add(&self->server->metrics.federation_errors, 1);
    answer_error_text(answer, 500, err->msg);
}

static void federate_close(struct stream *stream)
{
    struct federate_stream *self = CONTAINER(struct federate_stream, stream, stream);
    for (size_t i = 0; i < self->selection_count; i++)
        selection_close(self->selections[i]);
    selectors_done(&self->selectors);
    symbols_done(self->symbols);
    arena_destroy(self->arena);
    free(self);
}

static const struct stream_class federate_class = {
    .next = federate_next,
    .fail = federate_fail,
    .close = federate_close,
};

static bool federate_select(struct federate_stream *self, struct server *server,
                            const struct request *request, struct err *err)
{
    struct selectors *selectors = &self->selectors;
    self->selections = arena_array(self->arena, struct selection *, selectors->count + 1);
    for (size_t i = 0; i < selectors->count; i++) {
        struct select_request select_request = {
            .matchers = selectors->sets[i],
            .matcher_count = selectors->counts[i],
            .begin_ms = selectors->begin_ms,
            .end_ms = selectors->end_ms,
            .arena = self->arena,
            .symbols = self->symbols,
            .budget = &server->listing_budget,
            .cancel = request->cancel,
        };
        struct selection **selection = &self->selections[self->selection_count];
        if (selectors->counts[i] == 0)
            continue; /* {} is nothing here, as for Prometheus's storage */
        if (!storage_select(db_storage(server->db), &select_request, selection, err))
            return false;
        self->selection_count++;
    }
    return arena_check(self->arena, err);
}

/* What a series is read into; histograms are read so that their times are known. */
struct newest {
    struct samples floats;
    struct histogram_samples histograms;
    int64_t begin_ms;
    int64_t end_ms;
};

/* The place of the last sample up to the end, if it is not before the begin. */
static bool last_in_range(const struct newest *newest, const int64_t *times_ms, size_t count,
                          size_t *ret_at)
{
    while (count > 0 && times_ms[count - 1] > newest->end_ms)
        count--;
    *ret_at = count - 1;
    return count > 0 && times_ms[count - 1] >= newest->begin_ms;
}

/* *ret_found: the newest sample is a float, and no stale marker. */
static bool newest_read(struct newest *newest, struct cursor *cursor, struct row *row,
                        bool *ret_found, struct err *err)
{
    bool more = true;
    *ret_found = false;
    while (more) {
        size_t at;
        newest->floats.count = 0;
        histogram_samples_clear(&newest->histograms);
        if (!cursor_next(cursor, &newest->floats, &more, err))
            return false;
        int64_t float_ms = INT64_MIN;
        if (last_in_range(newest, newest->floats.times_ms, newest->floats.count, &at)) {
            row->v = newest->floats.values[at];
            row->time_ms = float_ms = newest->floats.times_ms[at];
            *ret_found = !value_is_stale(row->v);
        }
        if (last_in_range(newest, newest->histograms.times_ms, newest->histograms.count, &at) &&
            newest->histograms.times_ms[at] > float_ms)
            *ret_found = false;
    }
    return true;
}

static bool federate_read_selection(struct federate_stream *self, struct selection *selection,
                                    struct newest *newest, const _Atomic bool *cancel,
                                    struct err *err)
{
    struct cursor *cursor = cursor_create(selection);
    bool good = true;
    for (size_t i = 0; i < selection_count(selection) && good; i++) {
        struct row *row = &self->rows[self->count];
        row->labels = selection_labels(selection, i);
        if (labels_get(row->labels, SYM_NAME) == SYM_EMPTY)
            continue;
        bool found;
        cursor_open(cursor, i);
        good = newest_read(newest, cursor, row, &found, err);
        self->count += good && found;
        if (good && atomic_load(cancel))
            good = err_set(err, ERR_CANCELED, "context canceled");
    }
    cursor_destroy(cursor);
    return good;
}

/* By name, as families go; below it in the order of labels. */
static int row_cmp(const void *a, const void *b, void *context)
{
    const struct symbols *symbols = context;
    const struct labels *left = ((const struct row *)a)->labels;
    const struct labels *right = ((const struct row *)b)->labels;
    int order = str_cmp(symbols_get(symbols, labels_get(left, SYM_NAME)),
                        symbols_get(symbols, labels_get(right, SYM_NAME)));
    return order ? order : labels_cmp(symbols, left, right);
}

/* What several selectors have found comes once. */
static void federate_order(struct federate_stream *self)
{
    size_t count = 0;
    qsort_r(self->rows, self->count, sizeof *self->rows, row_cmp, self->symbols);
    for (size_t i = 0; i < self->count; i++)
        if (count == 0 || !labels_equal(self->rows[i].labels, self->rows[count - 1].labels))
            self->rows[count++] = self->rows[i];
    self->count = count;
}

static bool federate_read(struct federate_stream *self, const struct request *request,
                          struct err *err)
{
    size_t count = 0;
    for (size_t i = 0; i < self->selection_count; i++)
        count += selection_count(self->selections[i]);
    self->rows = arena_try_array(self->arena, struct row, count + 1, err);
    if (!self->rows)
        return false;
    struct newest newest = {
        .begin_ms = self->selectors.begin_ms,
        .end_ms = self->selectors.end_ms,
        .histograms.totals_only = true,
    };
    newest.floats.histograms = &newest.histograms;
    bool good = true;
    for (size_t i = 0; i < self->selection_count && good; i++)
        good = federate_read_selection(self, self->selections[i], &newest, request->cancel, err);
    histogram_samples_done(&newest.histograms);
    samples_done(&newest.floats);
    if (good)
        federate_order(self);
    return good;
}

static int external_cmp(const void *a, const void *b)
{
    return str_cmp(((const struct external *)a)->name, ((const struct external *)b)->name);
}

/*
 * The labels that the server has for others, and an empty instance where there is none: so who
 * scrapes with honor_labels does not give a series without one that of this server.
 */
static void federate_externals(struct federate_stream *self, const struct config_pairs *pairs)
{
    bool instance = false;
    self->externals = arena_array(self->arena, struct external, pairs->count + 1);
    for (size_t i = 0; i < pairs->count; i++) {
        struct external *external = &self->externals[self->external_count++];
        *external = (struct external){arena_str(self->arena, str_of(pairs->items[i].name)),
                                      arena_str(self->arena, str_of(pairs->items[i].value))};
        instance = instance || str_eq(external->name, STR("instance"));
    }
    if (!instance)
        self->externals[self->external_count++] = (struct external){STR("instance"), STR("")};
    qsort(self->externals, self->external_count, sizeof *self->externals, external_cmp);
}

void route_federate(struct server *server, const struct request *request, struct answer *answer)
{
    if (request->params.fault) {
        AUTO(buf_done) struct buf text = {0};
        buf_printf(&text, "error parsing form values: %s", request->params.fault);
        answer_error_text(answer, 400, buf_terminated(&text));
        return;
    }
    struct federate_stream *self = mem_new(struct federate_stream);
    self->stream.class = &federate_class;
    self->server = server;
    self->arena = arena_create(&server->listing_budget);
    self->symbols = symbols_new(self->arena);
    self->selectors.arena = self->arena;
    self->selectors.end_ms = clock_now_ms();
    self->selectors.begin_ms = self->selectors.end_ms - server->options.lookback_ms;
    self->format = text_format_negotiate(request_header(request, "Accept"));
    AUTO(settings_unref) struct settings *settings = settings_ref(server);
    federate_externals(self, &settings->config.external_labels);

    struct err err;
    err_clear(&err);
    if (!selectors_read_any(&self->selectors, request, &err)) {
        answer_error_text(answer, 400, err.msg);
        federate_close(&self->stream);
    } else if (!federate_select(self, server, request, &err) ||
               !federate_read(self, request, &err)) {
        atomic_fetch_add(&server->metrics.federation_errors, 1);
        answer_error_text(answer, err.kind == ERR_LIMIT ? 503 : 500, err.msg);
        federate_close(&self->stream);
    } else {
        answer->status = 200;
        answer->content_type = text_format_name(self->format);
        answer->compress = true;
        answer->stream = &self->stream;
    }
}
