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

void query_warn(void *context, const char *message)
{
    struct query *query = context;
    annotations_add(&query->annotations, ANNOTATION_WARNING, SIZE_MAX, "%s", message);
}
