#include <assert.h>

#include "engine/absent_labels.h"
#include "engine/reference/steps.h"
#include "parser/function.h"

double ref_call_scalar(const struct ref_call *call, size_t arg)
{
    assert(call->vectors[arg].count == 1);
    return call->vectors[arg].items[0].value;
}

struct str ref_call_string(const struct ref_call *call, size_t arg)
{
    return ast_unparen(call->node->call.args[arg])->string;
}

size_t ref_call_begin(const struct ref_call *call, size_t arg)
{
    const struct node *node = ast_unparen(call->node->call.args[arg]);
    return node->kind == NODE_SUBQUERY ? 0 : node->span.begin;
}

struct str ref_label(const struct ref_call *call, const struct labels *labels, uint32_t name)
{
    return symbols_get(call->query->symbols, labels_get(labels, name));
}

void ref_call_value(struct ref_call *call, double value)
{
    const struct ref_sample sample = {.labels = &labels_empty, .value = value};
    ref_vector_add(call->ref->arena, call->out, &sample);
}

void ref_call_histogram(struct ref_call *call, const struct histogram *histogram)
{
    const struct ref_sample sample = {.labels = &labels_empty, .histogram = histogram};
    ref_vector_add(call->ref->arena, call->out, &sample);
}

const struct labels *ref_drop_name(struct ref *ref, const struct labels *labels)
{
    if (ref->query->modes.delayed_names)
        return labels;
    return label_pool_nameless(&ref->labels, labels);
}

const struct labels *ref_call_drop_name(const struct ref_call *call, const struct labels *labels)
{
    return ref_drop_name(call->ref, labels);
}

const struct labels *ref_call_keep(const struct ref_call *call, const struct labels *labels)
{
    return label_pool_keep(&call->ref->labels, labels);
}

void ref_call_unnamed(struct ref_call *call, const struct ref_sample *from, double value)
{
    const struct ref_sample sample = {
        .labels = ref_call_drop_name(call, from->labels),
        .drops_name = true,
        .value = value,
        .place = from->place,
    };
    ref_vector_add(call->ref->arena, call->out, &sample);
}

struct vector_call {
    const struct ref_expr *expr;
    ref_function *function;
    void *memory;
    bool sort_in_vain; /* over several steps labels decide the order */
};

static bool vector_call_step(void *context, struct ref_step *step, struct err *err)
{
    struct vector_call *self = context;
    struct ref *ref = step->ref;
    struct ref_call call = {
        .ref = ref,
        .query = ref->query,
        .notes = &ref->query->annotations,
        .node = self->expr->node,
        .time_ms = step->time_ms,
        .vectors = step->vectors,
        .arena = ref->arena,
        .scratch = ref->scratch,
        .memory = &self->memory,
        .out = step->out,
    };
    if (self->sort_in_vain && step->index == 0)
        note_sort(call.notes, self->expr->node->span.begin);
    return self->function(&call, err);
}

static const struct vector_selector *absent_selector(const struct ref_expr *arg)
{
    if (ref_expr_is(arg, NODE_MATRIX_SELECTOR))
        arg = arg->children[0];
    return ref_expr_is(arg, NODE_VECTOR_SELECTOR) ? &arg->node->vector_selector : NULL;
}

const struct labels *ref_absent_labels(struct ref *ref, const struct ref_expr *arg)
{
    const struct vector_selector *selector = absent_selector(arg);
    if (!selector)
        return &labels_empty;
    return absent_labels(ref->query, selector->matchers, selector->matcher_count);
}

static bool absent_step(void *context, struct ref_step *step, struct err *err)
{
    (void)err;
    const struct ref_sample *absent = context;
    if (step->vectors[0].count == 0)
        ref_step_add(step, absent);
    return true;
}

static bool call_absent(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                        struct ref_matrix *ret_matrix, struct err *err)
{
    struct ref_sample absent = {
        .labels = ref_absent_labels(ref, expr->children[0]),
        .value = 1,
    };
    struct ref_steps steps = {.fn = absent_step, .context = &absent};
    return ref_steps_of(ref, times, expr, &steps, ret_matrix, err);
}

/* Milliseconds in the place of values, to seconds. */
static bool timestamp_step(void *context, struct ref_step *step, struct err *err)
{
    (void)context, (void)err;
    for (size_t i = 0; i < step->vectors[0].count; i++) {
        const struct ref_sample *from = &step->vectors[0].items[i];
        const struct ref_sample sample = {
            .labels = ref_drop_name(step->ref, from->labels),
            .drops_name = true,
            .value = from->value / 1000,
            .place = from->place,
        };
        ref_step_add(step, &sample);
    }
    return true;
}

/* Of any other expression than a selector the samples have the time of the step. */
static bool timestamp_step_time(void *context, struct ref_step *step, struct err *err)
{
    for (size_t i = 0; i < step->vectors[0].count; i++)
        step->vectors[0].items[i].value = (double)step->time_ms;
    return timestamp_step(context, step, err);
}

/* With an @ Prometheus forgets the offset when it looks for the sample, not when it selects. */
static bool call_timestamp(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                           enum ref_lookup lookup, struct ref_matrix *ret_matrix, struct err *err)
{
    struct ref_expr *arg = expr->children[0];
    struct ref_steps steps = {.fn = timestamp_step};
    if (!ref_expr_is(arg, NODE_VECTOR_SELECTOR)) {
        steps.fn = timestamp_step_time;
        return ref_steps_of(ref, times, expr, &steps, ret_matrix, err);
    }
    const struct vector_selector *selector = &arg->node->vector_selector;
    int64_t lookback_ms = ref->query->lookback_ms;
    int64_t ahead_ms = selector->smoothed ? lookback_ms : 0;
    struct ref_lookups lookups = {
        .matchers = selector->matchers,
        .matcher_count = selector->matcher_count,
        .begin_ms = ms_sub(ref_expr_read_ms(arg, times->start_ms), lookback_ms - 1),
        .end_ms = ms_add(ref_expr_read_ms(arg, times->end_ms), ahead_ms),
        .shift_ms = arg->has_at ? 0 : arg->shift_ms,
        .pinned = arg->has_at,
        .pinned_ms = arg->at_ms,
        .lookup = lookup,
    };
    ref_expr_limit(arg, &lookups.begin_ms, &lookups.end_ms);
    struct ref_matrix matrix;
    if (!ref_lookup_series(ref, times, &lookups, &matrix, err))
        return false;
    steps.matrices = &matrix;
    steps.matrix_count = 1;
    return ref_steps_run(ref, times, &steps, ret_matrix, err);
}

static bool nothing_step(void *context, struct ref_step *step, struct err *err)
{
    (void)context, (void)step, (void)err;
    return true;
}

/* Without the feature, and of anything but a selector, there are none. */
static bool call_start_timestamp(struct ref *ref, const struct ref_times *times,
                                 struct ref_expr *expr, struct ref_matrix *ret_matrix,
                                 struct err *err)
{
    bool there =
        ref->query->modes.start_timestamps && ref_expr_is(expr->children[0], NODE_VECTOR_SELECTOR);
    if (there)
        return call_timestamp(ref, times, expr, REF_START, ret_matrix, err);
    struct ref_steps steps = {.fn = nothing_step};
    return ref_steps_of(ref, times, expr, &steps, ret_matrix, err);
}

static bool call_vector(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                        struct ref_matrix *ret_matrix, struct err *err)
{
    enum function_id id = expr->node->call.function->id;
    bool sort = id == FN_sort || id == FN_sort_desc || id == FN_sort_by_label ||
                id == FN_sort_by_label_desc;
    struct vector_call call = {
        .expr = expr,
        .function = ref_function_of(id),
        .sort_in_vain = sort && !ref_times_instant(times),
    };
    struct ref_steps steps = {.fn = vector_call_step, .context = &call};
    if (!ref_steps_of(ref, times, expr, &steps, ret_matrix, err))
        return false;
    bool histograms =
        id == FN_histogram_quantile || id == FN_histogram_quantiles || id == FN_histogram_fraction;
    if (histograms && ref_times_count(times) > 1)
        ref_matrix_sort(ref->query->symbols, ret_matrix);
    return true;
}

bool ref_eval_call(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                   struct ref_matrix *ret_matrix, struct err *err)
{
    for (size_t i = 0; i < expr->child_count; i++)
        if (ref_expr_is(expr->children[i], NODE_MATRIX_SELECTOR) ||
            ref_expr_is(expr->children[i], NODE_SUBQUERY))
            return ref_range_call(ref, times, expr, i, ret_matrix, err);
    switch ((int)expr->node->call.function->id) {
    case FN_timestamp:
        return call_timestamp(ref, times, expr, REF_TIME, ret_matrix, err);
    case FN_start_timestamp:
        return call_start_timestamp(ref, times, expr, ret_matrix, err);
    case FN_absent:
        return call_absent(ref, times, expr, ret_matrix, err);
    case FN_label_replace:
    case FN_label_join:
        return ref_label_call(ref, times, expr, ret_matrix, err);
    case FN_info:
        return ref_info(ref, times, expr, ret_matrix, err);
    default:
        return call_vector(ref, times, expr, ret_matrix, err);
    }
}
