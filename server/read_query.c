#include "server/read_query.h"

#include "server/server.h"

void read_run_done(struct read_run *run)
{
    struct gate *gate = &run->server->read_gate;
    symbols_done(run->symbols);
    arena_destroy(run->arena);
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

/* The range is the hints', where there are any: Prometheus's storage has it so. */
bool read_select(const struct read_run *run, size_t query, struct selection **ret_selection,
                 struct err *err)
{
    const struct read_query *asked = &run->request.queries[query];
    struct matcher **matchers =
        arena_try_array(run->arena, struct matcher *, asked->matcher_count, err);
    if (!matchers)
        return false;
    size_t count = 0;
    bool good = read_query_matchers(asked, run->arena, matchers, &count, err);
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
        };
        good = storage_select(db_storage(run->server->db), &request, ret_selection, err);
    }
    for (size_t i = 0; i < count; i++)
        matcher_done(matchers[i]);
    return good;
}
