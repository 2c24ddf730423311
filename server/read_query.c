#include "server/read_query.h"

#include "server/server.h"

void read_run_done(struct read_run *run)
{
    struct gate *gate = &run->server->read_gate;
    labels_builder_done(&run->builder);
    symbols_done(run->symbols);
    arena_destroy(run->series_arena);
    arena_destroy(run->arena);
    settings_unref(run->settings);
    gate_leave(gate);
}

void read_fail(struct answer *answer, const struct err *err)
{
    answer_error_text(answer, err->kind == ERR_LIMIT ? 503 : 500, err->msg);
}

bool read_alive(const struct read_run *run, struct err *err)
{
    return !atomic_load(run->cancel) || err_set(err, ERR_CANCELED, "context canceled");
}

/*
 * What is asked of the storage, where series have no external labels: who asks for those that they
 * are given asks for series without.
 */
static struct read_query read_query_inside(const struct read_run *run,
                                           const struct read_query *asked)
{
    const struct config_pairs *external = &run->settings->config.external_labels;
    struct read_query inside = *asked;
    if (external->count == 0)
        return inside;
    inside.matchers = arena_array(run->arena, struct read_matcher, asked->matcher_count);
    for (size_t i = 0; i < asked->matcher_count; i++) {
        struct read_matcher *matcher = &inside.matchers[i];
        *matcher = asked->matchers[i];
        for (size_t k = 0; k < external->count && matcher->type == 0; k++)
            if (str_eq(matcher->name, str_of(external->items[k].name)) &&
                str_eq(matcher->value, str_of(external->items[k].value)))
                matcher->value = STR("");
    }
    return inside;
}

const struct labels *read_labels(struct read_run *run, const struct labels *labels)
{
    const struct config_pairs *external = &run->settings->config.external_labels;
    if (external->count == 0)
        return labels;
    arena_reset(run->series_arena);
    labels_builder_reset(&run->builder, run->symbols, labels);
    for (size_t i = 0; i < external->count; i++) {
        uint32_t name = symbols_add(run->symbols, str_of(external->items[i].name));
        if (labels_builder_get(&run->builder, name) == SYM_EMPTY)
            labels_builder_set(&run->builder, name,
                               symbols_add(run->symbols, str_of(external->items[i].value)));
    }
    return labels_builder_labels(&run->builder, run->series_arena);
}

/* The range is the hints', where there are any: Prometheus's storage has it so. */
bool read_select(const struct read_run *run, size_t query, struct selection **ret_selection,
                 struct err *err)
{
    const struct read_query *asked = &run->request.queries[query];
    struct matcher **matchers =
        arena_try_array(run->arena, struct matcher *, asked->matcher_count + 1, err);
    if (!matchers)
        return false;
    size_t count = 0;
    struct read_query inside = read_query_inside(run, asked);
    bool good = read_query_matchers(&inside, run->arena, matchers, &count, err);
    if (good && count == 0) { /* the storage would take it for all series, Prometheus for none */
        good =
            matcher_new(run->arena, MATCH_NOT_REGEX, STR("__name__"), STR(".*"), &matchers[0], err);
        count = good;
    }
    if (good) {
        struct select_request request = {
            .matchers = matchers,
            .matcher_count = count,
            .begin_ms = asked->has_hints ? asked->hint_begin_ms : asked->begin_ms,
            .end_ms = asked->has_hints ? asked->hint_end_ms : asked->end_ms,
            .whole_begin_ms = asked->begin_ms,
            .whole_end_ms = asked->end_ms,
            .arena = run->arena,
            .symbols = run->symbols,
            .budget = &run->server->listing_budget,
            .cancel = run->cancel,
            .labels_only = asked->has_hints && str_eq(asked->hint_function, STR("series")),
        };
        good = storage_select(settings_storage(run->settings), &request, ret_selection, err);
    }
    for (size_t i = 0; i < count; i++)
        matcher_done(matchers[i]);
    return good;
}
