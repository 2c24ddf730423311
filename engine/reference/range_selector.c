/* Range selectors that no function takes: the whole of an instant query. */
#include "engine/reference/source.h"
#include "engine/reference/window.h"

struct range {
    struct ref *ref;
    const struct vector_selector *selector;
    int64_t begin_ms; /* as written */
    int64_t end_ms;
    int64_t wide_begin_ms; /* with what anchored and smoothed look at besides */
    int64_t wide_end_ms;
};

/* The value at a time between two points. */
static double range_between(const struct reference_point *a, const struct reference_point *b,
                            int64_t time_ms)
{
    return a->value + (b->value - a->value) * (double)ms_sub(time_ms, a->time_ms) /
                          (double)ms_sub(b->time_ms, a->time_ms);
}

/*
 * Floats inside of the range, and one at each of its edges: that of the sample before (after), or
 * for smoothed selectors what lies between the neighbours.
 */
static void range_extend(const struct range *range, const struct ref_window *window,
                         struct ref_series *series)
{
    const struct reference_point *floats = window->floats;
    struct arena *arena = range->ref->arena;
    bool smoothed = range->selector->smoothed;
    size_t last = window->float_count - 1, first = 0;
    while (first < last && floats[first].time_ms <= range->begin_ms)
        first++;
    first = first > 0 ? first - 1 : 0;
    if (smoothed) {
        size_t behind = 0;
        while (behind < last && floats[behind].time_ms < range->end_ms)
            behind++;
        last = behind;
    }
    if (floats[last].time_ms <= range->begin_ms)
        return;

    double left = floats[first].value, right = floats[last].value;
    if (smoothed && floats[first].time_ms < range->begin_ms)
        left = range_between(&floats[first], &floats[first + 1], range->begin_ms);
    if (smoothed && last > 0 && floats[last].time_ms > range->end_ms)
        right = range_between(&floats[last - 1], &floats[last], range->end_ms);
    size_t begin = first + (floats[first].time_ms <= range->begin_ms);
    size_t end = last + (floats[last].time_ms < range->end_ms);
    ref_series_add(arena, series, range->begin_ms, left, NULL);
    for (size_t i = begin; i < end; i++)
        ref_series_add(arena, series, floats[i].time_ms, floats[i].value, NULL);
    ref_series_add(arena, series, range->end_ms, right, NULL);
}

static bool range_put(const struct range *range, const struct ref_window *window,
                      struct ref_series *series, struct err *err)
{
    const struct vector_selector *selector = range->selector;
    struct arena *arena = range->ref->arena;
    if (selector->anchored || selector->smoothed) {
        if (window->histogram_count > 0)
            return err_set(err, ERR_EXECUTION, "%s modifier is not supported with histograms",
                           selector->anchored ? "anchored" : "smoothed");
        /* Prometheus stumbles over a series without samples. */
        if (window->float_count == 0)
            return err_set(err, ERR_EXECUTION,
                           "unexpected error: runtime error: index out of range [-1]");
        range_extend(range, window, series);
        return arena_check(arena, err);
    }
    for (size_t i = 0; i < window->float_count; i++)
        ref_points_add(arena, &series->floats, &window->floats[i]);
    for (size_t i = 0; i < window->histogram_count; i++) {
        struct reference_point point = window->histograms[i];
        point.histogram = histogram_copy(arena, point.histogram);
        ref_points_add(arena, &series->histograms, &point);
    }
    return arena_check(arena, err);
}

static struct range range_of(struct ref *ref, const struct ref_times *times,
                             const struct ref_expr *expr)
{
    const struct ref_expr *inner = expr->children[0];
    struct range range = {.ref = ref, .selector = &inner->node->vector_selector};
    range.end_ms = range.wide_end_ms = ms_sub(times->start_ms, inner->shift_ms);
    range.begin_ms = range.wide_begin_ms = ms_sub(range.end_ms, expr->range_ms);
    if (range.selector->anchored || range.selector->smoothed)
        range.wide_begin_ms = ms_sub(range.begin_ms, ref->query->lookback_ms);
    if (range.selector->smoothed)
        range.wide_end_ms = ms_add(range.end_ms, ref->query->lookback_ms);
    return range;
}

bool ref_range_selector(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                        struct ref_matrix *ret_matrix, struct err *err)
{
    if (!ref_times_instant(times))
        return err_set(err, ERR_EXECUTION, "cannot do range evaluation of matrix selector");
    const struct range range = range_of(ref, times, expr);
    const struct select_request wanted = {
        .matchers = range.selector->matchers,
        .matcher_count = range.selector->matcher_count,
        .begin_ms = ms_add(range.wide_begin_ms, 1),
        .end_ms = range.wide_end_ms,
    };
    AUTO(ref_source_close) struct ref_source source = {0};
    if (!ref_source_open(&source, ref, &wanted, false, err))
        return false;
    struct ref_matrix matrix = {0};
    for (size_t i = 0; i < selection_count(source.selection); i++) {
        if (!ref_source_read(&source, i, err) || !ref_source_part(&source, err))
            return false;
        struct ref_windows windows = {
            .floats = source.points,
            .float_count = source.count,
            .histograms = source.apart,
            .histogram_count = source.apart_count,
        };
        struct ref_window window = {0};
        struct ref_series series = {.labels = selection_labels(source.selection, i)};
        ref_windows_move(&windows, range.wide_begin_ms, range.wide_end_ms);
        ref_windows_show(&windows, &window);
        if (!range_put(&range, &window, &series, err))
            return false;
        if (ref_series_count(&series) > 0)
            ref_matrix_add(ref->arena, &matrix, &series);
    }
    *ret_matrix = matrix;
    return true;
}
