/*
 * /api/v1/query_exemplars: the exemplars of the series that a query reads. Of the expression only
 * its selectors count.
 */
#include "base/float_text.h"
#include "base/quote.h"
#include "parser/parse.h"
#include "server/api.h"
#include "server/result_json.h"
#include "server/routes.h"
#include "server/selectors.h"
#include "server/server.h"

/* The selectors of an expression, as sets of matchers. */
struct found {
    struct arena *arena;
    struct matcher *const **sets;
    size_t *counts;
    size_t count, cap;
};

static void found_add(struct found *found, const struct vector_selector *selector)
{
    if (found->count == found->cap) {
        size_t cap = found->cap ? 2 * found->cap : 8;
        struct matcher *const **sets = arena_array(found->arena, struct matcher *const *, cap);
        size_t *counts = arena_array(found->arena, size_t, cap);
        for (size_t i = 0; i < found->count; i++) {
            sets[i] = found->sets[i];
            counts[i] = found->counts[i];
        }
        found->sets = sets;
        found->counts = counts;
        found->cap = cap;
    }
    found->sets[found->count] = selector->matchers;
    found->counts[found->count++] = selector->matcher_count;
}

static void find_selectors(const struct node *node, struct found *found)
{
    if (!node)
        return;
    switch (node->kind) {
    case NODE_VECTOR_SELECTOR:
        found_add(found, &node->vector_selector);
        return;
    case NODE_MATRIX_SELECTOR:
        find_selectors(node->matrix_selector.selector, found);
        return;
    case NODE_SUBQUERY:
        find_selectors(node->subquery.expr, found);
        return;
    case NODE_CALL:
        for (size_t i = 0; i < node->call.arg_count; i++)
            find_selectors(node->call.args[i], found);
        return;
    case NODE_AGGREGATE:
        find_selectors(node->aggregate.expr, found);
        find_selectors(node->aggregate.param, found);
        return;
    case NODE_BINARY:
        find_selectors(node->binary.left, found);
        find_selectors(node->binary.right, found);
        return;
    case NODE_UNARY:
        find_selectors(node->unary.expr, found);
        return;
    case NODE_PAREN:
        find_selectors(node->paren, found);
        return;
    case NODE_NUMBER:
    case NODE_STRING:
    case NODE_DURATION:
        return;
    }
}

static void write_labels(const struct wal_label *labels, size_t count, struct buf *out)
{
    buf_byte(out, '{');
    for (size_t i = 0; i < count; i++) {
        buf_text(out, i > 0 ? ",\"" : "\"");
        json_escape(out, labels[i].name);
        buf_text(out, "\":\"");
        json_escape(out, labels[i].value);
        buf_byte(out, '"');
    }
    buf_byte(out, '}');
}

static void write_series(void *context, const struct exemplars_of_series *series)
{
    struct json *json = context;
    AUTO(buf_done) struct buf out = {0};
    buf_text(&out, "{\"seriesLabels\":");
    write_labels(series->labels, series->label_count, &out);
    buf_text(&out, ",\"exemplars\":[");
    for (size_t i = 0; i < series->count; i++) {
        const struct append_exemplar *exemplar = &series->items[i];
        buf_text(&out, i > 0 ? ",{\"labels\":" : "{\"labels\":");
        write_labels(exemplar->labels, exemplar->label_count, &out);
        buf_text(&out, ",\"value\":\"");
        out.len += float_text_json(buf_reserve(&out, FLOAT_TEXT_SIZE), exemplar->v);
        buf_text(&out, "\",\"timestamp\":");
        out.len += time_json(buf_reserve(&out, TIME_JSON_SIZE), exemplar->t_ms);
        buf_byte(&out, '}');
    }
    buf_text(&out, "]}");
    json_raw(json, buf_view(&out));
}

static void answer_exemplars(struct server *server, const struct found *found,
                             const struct selectors *range, struct answer *answer)
{
    const struct exemplars_query query = {
        .matcher_sets = found->sets,
        .matcher_counts = found->counts,
        .set_count = found->count,
        .begin_ms = range->begin_ms,
        .end_ms = range->end_ms,
    };
    struct json json = api_begin(answer);
    json_array(&json);
    if (server->exemplars)
        exemplars_select(server->exemplars, &query, write_series, &json);
    json_array_end(&json);
    api_end(&json);
}

void route_query_exemplars(struct server *server, const struct request *request,
                           struct answer *answer)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct selectors range = {.arena = arena};
    struct found found = {.arena = arena};
    struct node *root = NULL;
    struct err err;
    const char *param;
    err_clear(&err);
    if (!selectors_read_range(&range, request, &param, &err)) {
        api_fail_param(answer, param, err.msg);
        return;
    }
    if (range.end_ms < range.begin_ms) {
        api_fail(answer, FAULT_BAD_DATA, "end timestamp must not be before start timestamp");
        return;
    }
    if (!parse_query(params_get(&request->params, "query"), &server->features.parse, arena, &root,
                     &err)) {
        api_fail(answer, FAULT_BAD_DATA, "%s", err.msg);
        return;
    }
    find_selectors(root, &found);
    if (found.count > 0)
        answer_exemplars(server, &found, &range, answer);
    else
        api_no_content(answer);
    ast_done(root);
}
