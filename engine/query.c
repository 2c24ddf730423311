#include "engine/query.h"

#include "base/clock.h"

bool query_alive(const struct query *query, struct err *err)
{
    if (query->cancel && atomic_load_explicit(query->cancel, memory_order_relaxed))
        return err_set(err, ERR_CANCELED, "query was canceled in expression evaluation");
    if (query->deadline_ns && clock_monotonic_ns() > query->deadline_ns)
        return err_set(err, ERR_TIMEOUT, "query timed out in expression evaluation");
    return true;
}

static void query_warn(void *context, const char *message)
{
    struct query *query = context;
    annotations_add(&query->annotations, ANNOTATION_WARNING, SIZE_MAX, "%s", message);
}

bool query_select(struct query *query, const struct select_request *wanted,
                  struct selection **ret_selection, struct err *err)
{
    struct select_request request = *wanted;
    request.whole_begin_ms = query->whole_begin_ms;
    request.whole_end_ms = query->whole_end_ms;
    request.arena = query->arena;
    request.symbols = query->symbols;
    request.budget = &query->budget;
    request.cancel = query->cancel;
    request.deadline_ns = query->deadline_ns;
    request.warn = query_warn;
    request.warn_context = query;
    if (storage_select(query->storage, &request, ret_selection, err))
        return true;
    bool as_it_is = err->kind == ERR_LIMIT || err->kind == ERR_CANCELED;
    return as_it_is ? false : err_wrap(err, "expanding series");
}
