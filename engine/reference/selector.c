#include <inttypes.h>

#include "engine/reference/source.h"
#include "model/sample.h"

/* What all steps of one series look at, from the first one on. */
struct lookup {
    const struct ref_lookups *what;
    struct ref_source *source;
    size_t next;                          /* the first sample behind the step's time */
    const struct reference_point *copied; /* the last histogram that got a copy, */
    const struct histogram *copy;         /* and that copy: samples go when the next series comes */
};

/* Looks back from the step; NULL: there is nothing, or the target has ended. */
static const struct reference_point *lookup_step(struct lookup *lookup, int64_t step_ms)
{
    const struct ref_source *source = lookup->source;
    const struct ref_lookups *what = lookup->what;
    int64_t time_ms = ms_sub(what->pinned ? what->pinned_ms : step_ms, what->shift_ms);
    while (lookup->next < source->count && source->points[lookup->next].time_ms <= time_ms)
        lookup->next++;
    if (lookup->next == 0)
        return NULL;
    const struct reference_point *point = &source->points[lookup->next - 1];
    if (point->time_ms <= ms_sub(time_ms, source->ref->query->lookback_ms))
        return NULL;
    return !point->histogram && value_is_stale(point->value) ? NULL : point;
}

static bool lookup_refuse_histogram(struct ref *ref, const struct labels *labels, struct err *err)
{
    AUTO(buf_done) struct buf text = {0};
    labels_print(ref->query->symbols, labels, &text);
    return err_set(err, ERR_EXECUTION, "this should be an info metric, with float samples: %.*s",
                   STR_ARGS(buf_view(&text)));
}

static bool lookup_put(struct lookup *lookup, const struct reference_point *point, int64_t time_ms,
                       struct ref_series *series, struct err *err)
{
    struct ref *ref = lookup->source->ref;
    double value = 0;
    switch (lookup->what->lookup) {
    case REF_VALUE:
        break;
    case REF_TIME:
        if (point->histogram && lookup->what->floats_only)
            return lookup_refuse_histogram(ref, series->labels, err);
        value = (double)point->time_ms;
        ref_series_add(ref->growing, series, time_ms, value, NULL);
        return true;
    case REF_START:
        value = (double)point->start_ms;
        ref_series_add(ref->growing, series, time_ms, value, NULL);
        return true;
    }
    if (point->histogram && lookup->copied != point) {
        lookup->copied = point;
        lookup->copy = histogram_copy(ref->arena, point->histogram);
    }
    ref_series_add(ref->growing, series, time_ms, point->value,
                   point->histogram ? lookup->copy : NULL);
    return true;
}

static bool lookup_series(struct lookup *lookup, const struct ref_times *times,
                          struct ref_series *series, struct err *err)
{
    size_t count = ref_times_count(times);
    for (size_t i = 0; i < count; i++) {
        int64_t time_ms = ref_times_at(times, i);
        const struct reference_point *point = lookup_step(lookup, time_ms);
        if (point && !lookup_put(lookup, point, time_ms, series, err))
            return false;
    }
    const struct ref *ref = lookup->source->ref;
    return arena_check(ref->growing, err) && arena_check(ref->arena, err);
}

static bool lookup_make_totals(struct ref_source *source, const struct ref_times *times,
                               const struct ref_lookups *lookups, struct err *err)
{
    const struct ref_seeks seeks = {
        .first_ms = ms_sub(times->start_ms, lookups->shift_ms),
        .step_ms = times->interval_ms,
        .count = ref_times_count(times),
        .buffer_ms = source->ref->query->lookback_ms,
        .next_buffer_ms = source->ref->query->lookback_ms,
    };
    return ref_source_make_totals(source, &seeks, err);
}

bool ref_lookup_series(struct ref *ref, const struct ref_times *times,
                       const struct ref_lookups *lookups, struct ref_matrix *ret_matrix,
                       struct err *err)
{
    const struct select_request wanted = {
        .matchers = lookups->matchers,
        .matcher_count = lookups->matcher_count,
        .begin_ms = lookups->begin_ms,
        .end_ms = lookups->end_ms,
    };
    AUTO(ref_source_close) struct ref_source source = {0};
    if (!ref_source_open(&source, ref, &wanted, lookups->lookup == REF_START, err))
        return false;
    struct ref_matrix matrix = {0};
    for (size_t i = 0; i < selection_count(source.selection); i++) {
        struct lookup lookup = {.what = lookups, .source = &source};
        struct ref_series series = {.labels = selection_labels(source.selection, i)};
        if (!ref_source_read(&source, i, err) ||
            (lookups->totals_only && !lookup_make_totals(&source, times, lookups, err)) ||
            !lookup_series(&lookup, times, &series, err))
            return false;
        ref_matrix_settle(ref->arena, ref->growing, &matrix, &series);
    }
    *ret_matrix = matrix;
    return true;
}

bool ref_selector(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                  struct ref_matrix *ret_matrix, struct err *err)
{
    const struct vector_selector *selector = &expr->node->vector_selector;
    if (selector->smoothed)
        return ref_smooth_selector(ref, times, expr, ret_matrix, err);
    struct ref_lookups lookups = {
        .matchers = selector->matchers,
        .matcher_count = selector->matcher_count,
        .begin_ms = ms_sub(ref_expr_read_ms(expr, times->start_ms), ref->query->lookback_ms - 1),
        .end_ms = ref_expr_read_ms(expr, times->end_ms),
        .shift_ms = expr->shift_ms,
        .totals_only = expr->totals_only,
    };
    ref_expr_limit(expr, &lookups.begin_ms, &lookups.end_ms);
    return ref_lookup_series(ref, times, &lookups, ret_matrix, err);
}
