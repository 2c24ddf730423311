/*
 * /federate: the newest sample of each series that a match[] selects, for a Prometheus that scrapes
 * it. Of the database alone, without what other servers have. Histograms with custom bounds are
 * told in classic buckets; of other native ones the text format has no notion, and they are left
 * out.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "model/histogram_samples.h"
#include "model/labels.h"
#include "server/exposed.h"
#include "server/proto_format.h"
#include "server/routes.h"
#include "server/selectors.h"
#include "server/server.h"
#include "server/settings.h"
#include "server/text_format.h"

struct row {
    const struct labels *labels;
    int64_t time_ms;
    double v;
    const struct histogram *h; /* NULL: it is a float */
};

struct federate_stream {
    struct stream stream;
    struct server *server;
    struct arena *arena;
    struct symbols *symbols;
    struct selectors selectors;
    struct selected selected;
    struct exposed_label *externals; /* sorted; "instance" is always one of them */
    size_t external_count;
    struct text_format format;
    struct row *rows; /* in the order of the answer */
    size_t count;
    size_t at;
    struct exposed_label *labels; /* of one row; room for any of them */
    struct buf measured;          /* the samples of a family, one after another */
};

/* Labels of the series, and of the external ones those that it has not. */
static struct exposed_sample row_expose(const struct federate_stream *self, const struct row *row)
{
    const struct symbols *symbols = self->symbols;
    size_t count = 0;
    for (size_t i = 0; i < row->labels->count; i++) {
        const struct label *label = &row->labels->pairs[i];
        if (label->name != SYM_NAME)
            self->labels[count++] = (struct exposed_label){symbols_get(symbols, label->name),
                                                           symbols_get(symbols, label->value)};
    }
    for (size_t i = 0; i < self->external_count; i++) {
        uint32_t name = symbols_find(symbols, self->externals[i].name);
        if (name == UINT32_MAX || labels_get(row->labels, name) == SYM_EMPTY)
            self->labels[count++] = self->externals[i];
    }
    return (struct exposed_sample){self->labels, count, row->time_ms, row->v, row->h};
}

static bool row_is_alike(const struct row *row, const struct row *other)
{
    return labels_get(row->labels, SYM_NAME) == labels_get(other->labels, SYM_NAME) &&
           exposed_type(row->h) == exposed_type(other->h);
}

/* What stands in front of the rows of one name and type; in protobuf, their length. */
static void family_write(struct federate_stream *self, const struct row *first, struct buf *out)
{
    struct str name = symbols_get(self->symbols, labels_get(first->labels, SYM_NAME));
    if (!self->format.protobuf) {
        text_put_type(self->format, name, exposed_type(first->h), out);
        return;
    }
    size_t size = 0;
    for (size_t i = self->at; i < self->count && row_is_alike(&self->rows[i], first); i++) {
        struct exposed_sample sample = row_expose(self, &self->rows[i]);
        buf_clear(&self->measured);
        proto_put_sample(self->format, &sample, &self->measured);
        size += self->measured.len;
    }
    proto_put_family(self->format, name, exposed_type(first->h), size, out);
}

static void row_write(struct federate_stream *self, const struct row *row, struct buf *out)
{
    struct exposed_sample sample = row_expose(self, row);
    struct str name = symbols_get(self->symbols, labels_get(row->labels, SYM_NAME));
    if (self->format.protobuf)
        proto_put_sample(self->format, &sample, out);
    else
        text_put_sample(self->format, name, &sample, out);
}

static bool federate_next(struct stream *stream, struct buf *out, bool *ret_more, struct err *err)
{
    struct federate_stream *self = CONTAINER(struct federate_stream, stream, stream);
    size_t begin = out->len;
    for (; self->at < self->count && out->len - begin < STREAM_PIECE_SIZE; self->at++) {
        const struct row *row = &self->rows[self->at];
        if (self->at == 0 || !row_is_alike(row, row - 1))
            family_write(self, row, out);
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
    selected_done(&self->selected);
    selectors_done(&self->selectors);
    symbols_done(self->symbols);
    buf_done(&self->measured);
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
    struct select_request asked = {
        .arena = self->arena,
        .symbols = self->symbols,
        .budget = &server->listing_budget,
        .cancel = request->cancel,
    };
    return selectors_select(&self->selectors, db_storage(server->db), &asked, &self->selected, err);
}

/* What a series is read into. */
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

/* Can it be told? If it is the newest, its series has no other that could. */
static bool histogram_is_told(const struct federate_stream *self, const struct histogram *h)
{
    return !value_is_stale(h->sum) && (self->format.protobuf || histogram_is_custom(h));
}

/* *ret_found: there is a newest sample that can be told. */
static bool newest_read(struct federate_stream *self, struct newest *newest, struct cursor *cursor,
                        struct row *row, bool *ret_found, struct err *err)
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
            row->h = NULL;
            row->time_ms = float_ms = newest->floats.times_ms[at];
            *ret_found = !value_is_stale(row->v);
        }
        if (last_in_range(newest, newest->histograms.times_ms, newest->histograms.count, &at) &&
            newest->histograms.times_ms[at] > float_ms) {
            const struct histogram *h = newest->histograms.items[at];
            *ret_found = histogram_is_told(self, h);
            row->time_ms = newest->histograms.times_ms[at];
            row->h = *ret_found ? histogram_keep(self->arena, h) : NULL;
        }
    }
    return arena_check(self->arena, err);
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
        good = newest_read(self, newest, cursor, row, &found, err);
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
    size_t count = 0, label_count = 0;
    qsort_r(self->rows, self->count, sizeof *self->rows, row_cmp, self->symbols);
    for (size_t i = 0; i < self->count; i++)
        if (count == 0 || !labels_equal(self->rows[i].labels, self->rows[count - 1].labels))
            self->rows[count++] = self->rows[i];
    self->count = count;
    for (size_t i = 0; i < count; i++)
        if (self->rows[i].labels->count > label_count)
            label_count = self->rows[i].labels->count;
    self->labels =
        arena_array(self->arena, struct exposed_label, label_count + self->external_count);
}

static bool federate_read(struct federate_stream *self, const struct request *request,
                          struct err *err)
{
    const struct selected *selected = &self->selected;
    self->rows = arena_try_array(self->arena, struct row, selected->series_count + 1, err);
    if (!self->rows)
        return false;
    struct newest newest = {
        .begin_ms = self->selectors.begin_ms,
        .end_ms = self->selectors.end_ms,
    };
    newest.floats.histograms = &newest.histograms;
    bool good = true;
    for (size_t i = 0; i < selected->count && good; i++)
        good = federate_read_selection(self, selected->items[i], &newest, request->cancel, err);
    histogram_samples_done(&newest.histograms);
    samples_done(&newest.floats);
    if (good)
        federate_order(self);
    return good;
}

static int external_cmp(const void *a, const void *b)
{
    return str_cmp(((const struct exposed_label *)a)->name,
                   ((const struct exposed_label *)b)->name);
}

/*
 * The labels that the server has for others, and an empty instance where there is none: so who
 * scrapes with honor_labels does not give a series without one that of this server.
 */
static void federate_externals(struct federate_stream *self, const struct config_pairs *pairs)
{
    bool instance = false;
    self->externals = arena_array(self->arena, struct exposed_label, pairs->count + 1);
    for (size_t i = 0; i < pairs->count; i++) {
        struct exposed_label *external = &self->externals[self->external_count++];
        *external = (struct exposed_label){arena_str(self->arena, str_of(pairs->items[i].name)),
                                           arena_str(self->arena, str_of(pairs->items[i].value))};
        instance = instance || str_eq(external->name, STR("instance"));
    }
    if (!instance)
        self->externals[self->external_count++] = (struct exposed_label){STR("instance"), STR("")};
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
