#include "engine/reference/evaluate.h"

/*
 * The times it is evaluated at: multiples of its step, the first one behind the begin of the first
 * window, none behind the end of the last.
 */
static struct ref_times subquery_times(const struct ref *ref, const struct ref_times *times,
                                       const struct ref_expr *expr)
{
    int64_t interval_ms = expr->step_ms ? expr->step_ms : ref->request->subquery_step_ms;
    int64_t last_ms = ref_times_at(times, ref_times_count(times) - 1);
    int64_t begin_ms = ms_sub(ms_sub(times->start_ms, expr->shift_ms), expr->range_ms);
    int64_t start_ms = interval_ms * (begin_ms / interval_ms);
    if (start_ms <= begin_ms)
        start_ms = ms_add(start_ms, interval_ms);
    return (struct ref_times){
        .start_ms = start_ms,
        .end_ms = ms_sub(last_ms, expr->shift_ms),
        .interval_ms = interval_ms,
    };
}

bool ref_subquery(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                  struct ref_matrix *ret_matrix, struct err *err)
{
    const struct ref_times inner = subquery_times(ref, times, expr);
    if (inner.start_ms != times->start_ms)
        ref_expr_shift(expr->children[0], inner.start_ms);
    return ref_evaluate(ref, &inner, expr->children[0], ret_matrix, err);
}
