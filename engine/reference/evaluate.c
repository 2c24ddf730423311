/*
 * The way Prometheus's engine goes through its tree: what an expression is made of is evaluated at
 * all steps first, and then put together step by step.
 */
#include "engine/reference/evaluate.h"

#include <string.h>

#include "engine/reference/steps.h"

static bool number_step(void *context, struct ref_step *step, struct err *err)
{
    (void)err;
    const struct ref_sample *sample = context;
    ref_step_add(step, sample);
    return true;
}

static bool evaluate_number(struct ref *ref, const struct ref_times *times,
                            const struct ref_expr *expr, struct ref_matrix *ret_matrix,
                            struct err *err)
{
    struct ref_sample number = {.labels = &labels_empty, .value = expr->number};
    struct ref_steps steps = {.fn = number_step, .context = &number};
    return ref_steps_run(ref, times, &steps, ret_matrix, err);
}

static bool evaluate_unary(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                           struct ref_matrix *ret_matrix, struct err *err)
{
    struct ref_matrix matrix;
    if (!ref_evaluate(ref, times, expr->children[0], &matrix, err))
        return false;
    for (size_t i = 0; expr->node->unary.minus && i < matrix.count; i++) {
        struct ref_series *series = &matrix.items[i];
        series->labels = ref_drop_name(ref, series->labels);
        series->drops_name = true;
        for (size_t k = 0; k < series->floats.count; k++)
            series->floats.items[k].value = -series->floats.items[k].value;
        for (size_t k = 0; k < series->histograms.count; k++) {
            struct reference_point *point = &series->histograms.items[k];
            point->histogram = histogram_multiply(ref->arena, point->histogram, -1);
        }
        if (!arena_check(ref->arena, err))
            return false;
    }
    if (expr->node->unary.minus && !ref->query->modes.delayed_names &&
        !ref_matrix_merge(ref->arena, &matrix, err))
        return false;
    *ret_matrix = matrix;
    return true;
}

static bool evaluate_node(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                          struct ref_matrix *ret_matrix, struct err *err)
{
    if (expr->is_number)
        return evaluate_number(ref, times, expr, ret_matrix, err);
    switch (expr->node->kind) {
    case NODE_VECTOR_SELECTOR:
        return ref_selector(ref, times, expr, ret_matrix, err);
    case NODE_MATRIX_SELECTOR:
        return ref_range_selector(ref, times, expr, ret_matrix, err);
    case NODE_SUBQUERY:
        return ref_subquery(ref, times, expr, ret_matrix, err);
    case NODE_CALL:
        return ref_eval_call(ref, times, expr, ret_matrix, err);
    case NODE_AGGREGATE:
        return ref_aggregate(ref, times, expr, ret_matrix, err);
    case NODE_BINARY:
        return ref_binary(ref, times, expr, ret_matrix, err);
    case NODE_UNARY:
        return evaluate_unary(ref, times, expr, ret_matrix, err);
    case NODE_NUMBER:
    case NODE_STRING:
    case NODE_PAREN:
    case NODE_DURATION:
        break;
    }
    __builtin_unreachable();
}

/* Once, at the first step; the others get the same point. */
static bool evaluate_once(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                          struct ref_matrix *ret_matrix, struct err *err)
{
    struct ref_times first = *times;
    struct ref_matrix matrix;
    first.end_ms = first.start_ms;
    if (!evaluate_node(ref, &first, expr, &matrix, err))
        return false;
    size_t count = ref_times_count(times);
    for (size_t i = 0; i < matrix.count; i++) {
        struct ref_series *series = &matrix.items[i];
        if (ref_series_count(series) != 1)
            return err_set(err, ERR_EXECUTION, "unexpected number of samples");
        const struct reference_point point =
            series->floats.count ? series->floats.items[0] : series->histograms.items[0];
        for (size_t k = 1; k < count; k++)
            ref_series_add(ref->arena, series, ref_times_at(times, k), point.value,
                           point.histogram);
        if (!arena_check(ref->arena, err))
            return false;
    }
    *ret_matrix = matrix;
    return true;
}

bool ref_evaluate(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                  struct ref_matrix *ret_matrix, struct err *err)
{
    if (!query_alive(ref->query, err) || !arena_check(ref->arena, err))
        return false;
    *ret_matrix = (struct ref_matrix){0};
    if (times->end_ms < times->start_ms)
        return true;
    if (expr->once)
        return evaluate_once(ref, times, expr, ret_matrix, err);
    return evaluate_node(ref, times, expr, ret_matrix, err);
}
