/* Instant selectors that are smoothed: between two samples lies the line from one to the other. */
#include "engine/reference/source.h"
#include "engine/reference/window.h"

struct smooth {
    struct ref *ref;
    const struct ref_expr *expr;
    struct ref_source *source;
    struct str metric;
    struct ref_series series;
};

/* The first of `count` points that is not before a time, or `count`. */
static size_t points_not_before(const struct reference_point *points, size_t count, int64_t time_ms)
{
    size_t i = 0;
    while (i < count && points[i].time_ms < time_ms)
        i++;
    return i;
}

/* How far a time lies between those of two points. */
static double points_ratio(const struct reference_point *a, const struct reference_point *b,
                           int64_t time_ms)
{
    return (double)ms_sub(time_ms, a->time_ms) / (double)ms_sub(b->time_ms, a->time_ms);
}

static void smooth_float(struct smooth *smooth, const struct ref_window *window, int64_t time_ms,
                         int64_t at_ms)
{
    const struct reference_point *points = window->floats;
    size_t i = points_not_before(points, window->float_count, at_ms);
    double value;
    if (i < window->float_count && points[i].time_ms == at_ms) {
        value = points[i].value;
    } else if (i == 0) {
        return;
    } else if (i < window->float_count) {
        const struct reference_point *a = &points[i - 1], *b = &points[i];
        value = a->value + (b->value - a->value) * (double)ms_sub(at_ms, a->time_ms) /
                               (double)ms_sub(b->time_ms, a->time_ms);
    } else {
        value = points[i - 1].value;
    }
    ref_series_add(smooth->ref->growing, &smooth->series, time_ms, value, NULL);
}

/* NULL, with a note: they do not fit together. */
static struct histogram *smooth_between(const struct smooth *smooth,
                                        const struct reference_point *a,
                                        const struct reference_point *b, int64_t at_ms)
{
    struct arena *scratch = smooth->ref->scratch;
    struct annotations *notes = &smooth->ref->query->annotations;
    size_t begin = smooth->expr->node->span.begin;
    double ratio = points_ratio(a, b, at_ms);
    bool counter = a->histogram->hint != HISTOGRAM_GAUGE || b->histogram->hint != HISTOGRAM_GAUGE;
    if (histogram_is_custom(a->histogram) != histogram_is_custom(b->histogram)) {
        note_mixed_schemas(notes, begin, smooth->metric);
        return NULL;
    }
    if (counter && histogram_is_reset(b->histogram, a->histogram))
        return histogram_multiply(smooth->ref->arena, b->histogram, ratio);

    unsigned clashes = HISTOGRAM_CLASH_NONE;
    struct histogram *grown = histogram_subtract(scratch, b->histogram, a->histogram, &clashes);
    if (clashes & HISTOGRAM_CLASH_BOUNDS)
        note_bounds_reconciled(notes, begin, NOTE_SUBTRACTION);
    if (!grown)
        return NULL;
    clashes = HISTOGRAM_CLASH_NONE;
    struct histogram *sum = histogram_add(
        smooth->ref->arena, histogram_multiply(scratch, grown, ratio), a->histogram, &clashes);
    if (clashes & HISTOGRAM_CLASH_BOUNDS)
        note_bounds_reconciled(notes, begin, NOTE_ADDITION);
    return sum;
}

static void smooth_histogram(struct smooth *smooth, const struct ref_window *window,
                             int64_t time_ms, int64_t at_ms)
{
    struct arena *arena = smooth->ref->arena;
    const struct reference_point *points = window->histograms;
    size_t i = points_not_before(points, window->histogram_count, at_ms);
    struct histogram *h;
    if (i < window->histogram_count && points[i].time_ms == at_ms) {
        h = histogram_copy(arena, points[i].histogram);
    } else if (i == 0) {
        return;
    } else if (i < window->histogram_count) {
        h = smooth_between(smooth, &points[i - 1], &points[i], at_ms);
    } else {
        h = histogram_copy(arena, points[i - 1].histogram);
        h->hint = HISTOGRAM_UNKNOWN;
    }
    if (h)
        ref_series_add(smooth->ref->growing, &smooth->series, time_ms, 0, h);
}

static void smooth_step(struct smooth *smooth, struct ref_windows *windows, int64_t time_ms)
{
    int64_t lookback_ms = smooth->ref->query->lookback_ms;
    int64_t at_ms = ms_sub(time_ms, smooth->expr->shift_ms);
    struct ref_window window = {0};
    ref_windows_move(windows, ms_sub(at_ms, lookback_ms), ms_add(at_ms, lookback_ms));
    ref_windows_show(windows, &window);
    if (window.float_count > 0 && window.histogram_count > 0)
        note_mixed(&smooth->ref->query->annotations, smooth->expr->node->span.begin,
                   smooth->metric);
    else if (window.histogram_count > 0)
        smooth_histogram(smooth, &window, time_ms, at_ms);
    else if (window.float_count > 0)
        smooth_float(smooth, &window, time_ms, at_ms);
    arena_reset(smooth->ref->scratch);
}

static bool smooth_series(struct smooth *smooth, const struct ref_times *times, struct err *err)
{
    struct ref_source *source = smooth->source;
    struct ref *ref = smooth->ref;
    int64_t lookback_ms = ref->query->lookback_ms;
    size_t count = ref_times_count(times);
    if (smooth->expr->totals_only) {
        const int64_t buffer_ms = ms_add(ms_sub(times->end_ms, times->start_ms), 2 * lookback_ms);
        const struct ref_seeks seeks = {
            .first_ms = ms_add(ms_sub(times->start_ms, smooth->expr->shift_ms), lookback_ms),
            .step_ms = times->interval_ms,
            .count = count,
            .buffer_ms = buffer_ms,
            .next_buffer_ms = buffer_ms,
            .exact_only = true,
        };
        if (!ref_source_make_totals(source, &seeks, err))
            return false;
    }
    if (!ref_source_part(source, err))
        return false;
    struct ref_windows windows = {
        .floats = source->points,
        .float_count = source->count,
        .histograms = source->apart,
        .histogram_count = source->apart_count,
    };
    for (size_t i = 0; i < count; i++)
        smooth_step(smooth, &windows, ref_times_at(times, i));
    return arena_check(ref->growing, err) && arena_check(ref->arena, err);
}

bool ref_smooth_selector(struct ref *ref, const struct ref_times *times, struct ref_expr *expr,
                         struct ref_matrix *ret_matrix, struct err *err)
{
    const struct vector_selector *selector = &expr->node->vector_selector;
    struct symbols *symbols = ref->query->symbols;
    int64_t lookback_ms = ref->query->lookback_ms;
    int64_t begin_ms = ms_sub(ref_expr_read_ms(expr, times->start_ms), lookback_ms - 1);
    int64_t end_ms = ms_add(ref_expr_read_ms(expr, times->end_ms), lookback_ms);
    ref_expr_limit(expr, &begin_ms, &end_ms);
    const struct select_request wanted = {
        .matchers = selector->matchers,
        .matcher_count = selector->matcher_count,
        .begin_ms = begin_ms,
        .end_ms = end_ms,
    };
    AUTO(ref_source_close) struct ref_source source = {0};
    if (!ref_source_open(&source, ref, &wanted, false, err))
        return false;
    struct ref_matrix matrix = {0};
    for (size_t i = 0; i < selection_count(source.selection); i++) {
        const struct labels *labels = selection_labels(source.selection, i);
        struct smooth smooth = {
            .ref = ref,
            .expr = expr,
            .source = &source,
            .metric = symbols_get(symbols, labels_get(labels, SYM_NAME)),
            .series.labels = labels,
        };
        if (!ref_source_read(&source, i, err) || !smooth_series(&smooth, times, err))
            return false;
        ref_matrix_settle(ref->arena, ref->growing, &matrix, &smooth.series);
    }
    *ret_matrix = matrix;
    return true;
}
