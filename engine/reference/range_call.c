/*
 * Functions of a range vector: one series after the other, and step by step within it. The range
 * vector is a selector's, read from storage, or a subquery's, which is in memory.
 */
#include "engine/reference/source.h"
#include "engine/reference/window.h"

struct range_call {
    struct ref *ref;
    const struct ref_times *times;
    struct ref_expr *expr;
    size_t range_arg;
    const struct ref_expr *range;           /* that argument */
    const struct vector_selector *selector; /* NULL: a subquery */
    bool pinned;                            /* by @: all steps see the first one's window */
    int64_t range_ms;
    int64_t shift_ms;
    int64_t before_ms; /* what anchored and smoothed look at before the range, */
    int64_t behind_ms; /* and behind it */
    bool wants_starts;
    bool keeps_name;
    ref_function *function;     /* NULL: absent_over_time */
    struct ref_matrix *values;  /* of the other arguments */
    struct ref_vector *vectors; /* and those of a step */
    void *memory;               /* the function's */
    struct ref_vector out;
    struct ref_matrix result;
};

/* What a series of the range vector is when its windows come. */
struct range_series {
    const struct labels *labels;
    bool drops_name;
    struct ref_windows windows;
};

static bool range_call_check_modifier(const struct range_call *call, struct err *err)
{
    enum function_id id = call->expr->node->call.function->id;
    bool rate = id == FN_rate || id == FN_increase || id == FN_delta;
    if (!call->selector)
        return true;
    if (call->selector->anchored && !rate && id != FN_changes && id != FN_resets)
        return err_set(err, ERR_EXECUTION,
                       "anchored modifier can only be used with: changes, delta, increase, rate, "
                       "resets - not with %s",
                       call->expr->node->call.function->name);
    if (call->selector->smoothed && !rate)
        return err_set(err, ERR_EXECUTION,
                       "smoothed modifier can only be used with: delta, increase, rate - not with "
                       "%s",
                       call->expr->node->call.function->name);
    return true;
}

static void range_call_set(struct range_call *call)
{
    const struct ref_expr *range = call->range;
    enum function_id id = call->expr->node->call.function->id;
    call->function = ref_function_of(id);
    call->keeps_name = id == FN_last_over_time || id == FN_first_over_time;
    call->wants_starts = call->ref->query->modes.start_timestamps &&
                         (id == FN_rate || id == FN_irate || id == FN_increase || id == FN_resets);
    call->range_ms = range->range_ms;
    if (ref_expr_is(range, NODE_SUBQUERY)) {
        call->pinned = range->has_at;
        call->shift_ms = range->offset_ms;
        if (range->has_at)
            call->shift_ms = ms_add(range->offset_ms, ms_sub(call->times->start_ms, range->at_ms));
        return;
    }
    const struct ref_expr *selector = range->children[0];
    call->selector = &selector->node->vector_selector;
    call->pinned = selector->has_at;
    call->shift_ms = selector->shift_ms;
    if (call->selector->anchored || call->selector->smoothed)
        call->before_ms = call->ref->query->lookback_ms;
    if (call->selector->smoothed)
        call->behind_ms = call->ref->query->lookback_ms;
}

static void range_call_window(const struct range_call *call, struct range_series *series,
                              size_t step, struct ref_window *window)
{
    size_t seen = call->pinned ? 0 : step;
    int64_t end_ms = ms_sub(ref_times_at(call->times, seen), call->shift_ms);
    int64_t begin_ms = ms_sub(end_ms, call->range_ms);
    *window = (struct ref_window){
        .labels = series->labels,
        .begin_ms = begin_ms,
        .end_ms = end_ms,
        .range_ms = call->range_ms,
        .anchored = call->selector && call->selector->anchored,
        .smoothed = call->selector && call->selector->smoothed,
    };
    ref_windows_move(&series->windows, ms_sub(begin_ms, call->before_ms),
                     ms_add(end_ms, call->behind_ms));
    ref_windows_show(&series->windows, window);
    /* Prometheus has come to the float, but not yet to the histogram behind it. */
    if (window->float_count > 0 && window->histogram_count > 0 &&
        window->floats[window->float_count - 1].time_ms == end_ms &&
        window->histograms[window->histogram_count - 1].time_ms == end_ms)
        window->histogram_count--;
}

/* The other arguments are scalars: they have a value at each step. */
static void range_call_gather(struct range_call *call, size_t step)
{
    for (size_t i = 0; i < call->expr->child_count; i++) {
        const struct ref_matrix *values = &call->values[i];
        call->vectors[i].count = 0;
        if (i == call->range_arg || values->count == 0)
            continue;
        const struct ref_sample sample = {
            .labels = &labels_empty,
            .value = values->items[0].floats.items[step].value,
        };
        ref_vector_add(call->ref->arena, &call->vectors[i], &sample);
    }
}

static bool range_call_step(struct range_call *call, struct range_series *series, size_t step,
                            struct ref_series *out, struct err *err)
{
    struct ref *ref = call->ref;
    int64_t time_ms = ref_times_at(call->times, step);
    struct ref_window window;
    range_call_window(call, series, step, &window);
    if (window.float_count + window.histogram_count == 0)
        return true;
    if (!call->function) {
        ref_series_add(ref->growing, out, time_ms, 1, NULL);
        return true;
    }
    range_call_gather(call, step);
    call->out.count = 0;
    struct ref_call one = {
        .ref = ref,
        .query = ref->query,
        .notes = &ref->query->annotations,
        .node = call->expr->node,
        .time_ms = time_ms,
        .vectors = call->vectors,
        .window = &window,
        .arena = ref->arena,
        .scratch = ref->scratch,
        .memory = &call->memory,
        .out = &call->out,
    };
    if (!call->function(&one, err))
        return false;
    if (call->out.count > 0) {
        /* It may be one of the window's, which goes when the next series comes. */
        const struct histogram *h = call->out.items[0].histogram;
        ref_series_add(ref->growing, out, time_ms, call->out.items[0].value,
                       h ? histogram_copy(ref->arena, h) : NULL);
    }
    bool ok = arena_check(ref->scratch, err);
    arena_reset(ref->scratch);
    return ok;
}

/* rate and increase of something that is not called like a counter. */
static void range_call_note_counter(const struct range_call *call, const struct labels *labels)
{
    enum function_id id = call->expr->node->call.function->id;
    struct query *query = call->ref->query;
    if (id != FN_rate && id != FN_increase)
        return;
    struct str name = symbols_get(query->symbols, labels_get(labels, SYM_NAME));
    if (name.len == 0)
        return;
    size_t begin = call->selector ? call->expr->children[0]->node->span.begin : 0;
    if (query->modes.type_and_unit) {
        struct str type = symbols_get(query->symbols, labels_get(labels, SYM_TYPE));
        if (!str_eq(type, STR("counter")) && !str_eq(type, STR("histogram")))
            note_no_counter_type(&query->annotations, begin, name, type);
    } else if (!str_ends(name, STR("_total")) && !str_ends(name, STR("_sum")) &&
               !str_ends(name, STR("_count")) && !str_ends(name, STR("_bucket"))) {
        note_no_counter_name(&query->annotations, begin, name);
    }
}

static bool range_call_series(struct range_call *call, struct range_series *series, struct err *err)
{
    struct ref *ref = call->ref;
    struct ref_series out = {
        .labels = series->labels,
        .drops_name = !call->keeps_name || series->drops_name,
    };
    if (out.drops_name)
        out.labels = ref_drop_name(ref, series->labels);
    size_t count = ref_times_count(call->times);
    for (size_t i = 0; i < count; i++)
        if (!range_call_step(call, series, i, &out, err) || !arena_check(ref->growing, err) ||
            !arena_check(ref->arena, err))
            return false;
    ref_matrix_settle(ref->arena, ref->growing, &call->result, &out);
    if (out.floats.count > 0)
        range_call_note_counter(call, series->labels);
    return query_alive(ref->query, err);
}

static bool range_call_totals(const struct range_call *call, struct ref_source *source,
                              struct err *err)
{
    const struct ref_times *times = call->times;
    int64_t buffer_ms = ms_add(call->range_ms, ms_add(call->before_ms, call->behind_ms));
    const struct ref_seeks seeks = {
        .first_ms = ms_add(ms_sub(times->start_ms, call->shift_ms), call->behind_ms),
        .step_ms = times->interval_ms,
        .count = call->pinned ? 1 : ref_times_count(times),
        .buffer_ms = buffer_ms,
        .next_buffer_ms = buffer_ms < times->interval_ms ? buffer_ms : times->interval_ms,
        .exact_only = true,
    };
    return ref_source_make_totals(source, &seeks, err);
}

static bool range_call_selector(struct range_call *call, struct err *err)
{
    const struct ref_times *times = call->times;
    const struct ref_expr *selector = call->range->children[0];
    int64_t first_ms = ms_sub(ref_expr_read_ms(selector, times->start_ms), call->range_ms);
    int64_t begin_ms = ms_sub(first_ms, call->before_ms - 1);
    int64_t end_ms = ms_add(ref_expr_read_ms(selector, times->end_ms), call->behind_ms);
    ref_expr_limit(selector, &begin_ms, &end_ms);
    const struct select_request wanted = {
        .matchers = call->selector->matchers,
        .matcher_count = call->selector->matcher_count,
        .begin_ms = begin_ms,
        .end_ms = end_ms,
    };
    AUTO(ref_source_close) struct ref_source source = {0};
    if (!ref_source_open(&source, call->ref, &wanted, call->wants_starts, err))
        return false;
    for (size_t i = 0; i < selection_count(source.selection); i++) {
        if (!ref_source_read(&source, i, err) ||
            (selector->totals_only && !range_call_totals(call, &source, err)) ||
            !ref_source_part(&source, err))
            return false;
        struct range_series series = {
            .labels = selection_labels(source.selection, i),
            .windows = {.floats = source.points,
                        .float_count = source.count,
                        .histograms = source.apart,
                        .histogram_count = source.apart_count},
        };
        if (!range_call_series(call, &series, err))
            return false;
    }
    return true;
}

/*
 * What a subquery's histograms say about counters that start anew may not hold between its points,
 * so it is forgotten.
 */
static void range_call_forget_hints(struct ref *ref, struct ref_series *series)
{
    for (size_t i = 0; i < series->histograms.count; i++) {
        struct reference_point *point = &series->histograms.items[i];
        if (point->histogram->hint != HISTOGRAM_RESET &&
            point->histogram->hint != HISTOGRAM_NOT_RESET)
            continue;
        struct histogram *h = arena_new(ref->arena, struct histogram);
        *h = *point->histogram;
        h->hint = HISTOGRAM_UNKNOWN;
        point->histogram = h;
    }
}

static bool range_call_subquery(struct range_call *call, struct ref_matrix *matrix, struct err *err)
{
    for (size_t i = 0; i < matrix->count; i++) {
        struct ref_series *points = &matrix->items[i];
        range_call_forget_hints(call->ref, points);
        struct range_series series = {
            .labels = points->labels,
            .drops_name = points->drops_name,
            .windows = {.floats = points->floats.items,
                        .float_count = points->floats.count,
                        .histograms = points->histograms.items,
                        .histogram_count = points->histograms.count},
        };
        if (!range_call_series(call, &series, err))
            return false;
    }
    return true;
}

/* One where no series has a point. */
static bool range_call_absent(struct range_call *call, struct ref_matrix *ret_matrix,
                              struct err *err)
{
    struct ref *ref = call->ref;
    struct ref_series absent = {
        .labels = ref_absent_labels(ref, call->range),
        .drops_name = true,
    };
    size_t count = ref_times_count(call->times);
    for (size_t i = 0; i < count; i++) {
        int64_t time_ms = ref_times_at(call->times, i);
        bool found = false;
        for (size_t k = 0; k < call->result.count; k++)
            found |= ref_series_take(&call->result.items[k], time_ms) != NULL;
        if (!found)
            ref_series_add(ref->arena, &absent, time_ms, 1, NULL);
    }
    struct ref_matrix matrix = {0};
    if (ref_series_count(&absent) > 0)
        ref_matrix_add(ref->arena, &matrix, &absent);
    *ret_matrix = matrix;
    return arena_check(ref->arena, err);
}

bool ref_range_call(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                    size_t range_arg, struct ref_matrix *ret_matrix, struct err *err)
{
    struct range_call call = {
        .ref = ref,
        .times = times,
        .expr = expr,
        .range_arg = range_arg,
        .range = expr->children[range_arg],
        .values = arena_array(ref->arena, struct ref_matrix, expr->child_count),
        .vectors = arena_array(ref->arena, struct ref_vector, expr->child_count),
    };
    struct ref_matrix inner = {0};
    bool subquery = ref_expr_is(call.range, NODE_SUBQUERY);
    if (subquery && !ref_subquery(ref, times, expr->children[range_arg], &inner, err))
        return false;
    for (size_t i = 0; i < expr->child_count; i++)
        if (i != range_arg && !ref_evaluate(ref, times, expr->children[i], &call.values[i], err))
            return false;
    range_call_set(&call);
    if (!range_call_check_modifier(&call, err))
        return false;
    if (subquery ? !range_call_subquery(&call, &inner, err) : !range_call_selector(&call, err))
        return false;
    if (expr->node->call.function->id == FN_absent_over_time)
        return range_call_absent(&call, ret_matrix, err);
    if (!ref->query->modes.delayed_names && ref_matrix_clashes(ref->scratch, &call.result))
        return ref_clash(err);
    *ret_matrix = call.result;
    return true;
}
