#include "engine/reference/reference.h"

#include "engine/reference/evaluate.h"

/* Both kinds of points in one list, in order of time. */
static struct reference_series series_join(struct ref *ref, const struct ref_series *series)
{
    const struct ref_points *floats = &series->floats, *histograms = &series->histograms;
    struct reference_series joined = {
        .labels = series->labels,
        .drops_name = series->drops_name,
        .cap = ref_series_count(series),
    };
    if (histograms->count == 0) {
        joined.points = floats->items;
        joined.count = floats->count;
        return joined;
    }
    joined.points = arena_array(ref->arena, struct reference_point, joined.cap);
    size_t k = 0;
    for (size_t i = 0; i < floats->count; i++) {
        while (k < histograms->count && histograms->items[k].time_ms < floats->items[i].time_ms)
            joined.points[joined.count++] = histograms->items[k++];
        joined.points[joined.count++] = floats->items[i];
    }
    while (k < histograms->count)
        joined.points[joined.count++] = histograms->items[k++];
    return joined;
}

/* Of an instant vector's series the histogram counts, if there is one. */
static struct reference_series series_join_instant(struct ref *ref, const struct ref_series *series)
{
    struct ref_series one = *series;
    if (one.histograms.count > 0)
        one.floats.count = 0;
    return series_join(ref, &one);
}

/* What delayed name removal has put off is done at the end of the query. */
static bool matrix_clean(struct ref *ref, struct ref_matrix *matrix, struct err *err)
{
    for (size_t i = 0; i < matrix->count; i++) {
        struct ref_series *series = &matrix->items[i];
        if (series->drops_name)
            series->labels = label_pool_nameless(&ref->labels, series->labels);
        series->drops_name = false;
    }
    return ref_matrix_merge(ref->arena, matrix, err);
}

/*
 * When it is evaluated. A range query may end between two steps: that it does not end where it
 * starts can matter then.
 */
static struct ref_times request_times(const struct reference_request *request)
{
    const struct grid *grid = &request->grid;
    struct ref_times times = {
        .start_ms = grid->start_ms,
        .end_ms = grid->count ? grid_end(grid) : ms_sub(grid->start_ms, 1),
        .interval_ms = grid->step_ms > 0 ? grid->step_ms : 1,
    };
    bool whole = grid->start_ms == request->query_start_ms && request->query_step_ms > 0 &&
                 grid->step_ms == request->query_step_ms;
    int64_t more_ms = ms_sub(request->query_end_ms, times.end_ms);
    if (whole && more_ms > 0 && more_ms < grid->step_ms)
        times.end_ms = request->query_end_ms;
    return times;
}

static bool evaluate_result(struct ref *ref, bool final, struct reference_result *result,
                            struct err *err)
{
    const struct reference_request *request = ref->request;
    struct ref_times times = request_times(request);
    struct ref_expr *root;
    if (!ref_expr_new(request, &root, err))
        return false;
    ref_expr_shift(root, times.start_ms);
    result->type = root->node->type;
    if (root->node->kind == NODE_STRING) {
        result->string = root->node->string;
        return true;
    }
    struct ref_matrix matrix;
    if (!ref_evaluate(ref, &times, root, &matrix, err))
        return false;
    if (final && ref->query->modes.delayed_names && !matrix_clean(ref, &matrix, err))
        return false;
    bool vector = request->instant && result->type == TYPE_VECTOR;
    result->series_count = matrix.count;
    result->series = arena_array(ref->arena, struct reference_series, matrix.count);
    for (size_t i = 0; i < matrix.count; i++)
        result->series[i] = vector ? series_join_instant(ref, &matrix.items[i])
                                   : series_join(ref, &matrix.items[i]);
    return arena_check(ref->arena, err);
}

bool reference_evaluate(const struct reference_request *request, bool final,
                        struct reference_result *ret_result, struct err *err)
{
    struct query *query = request->query;
    AUTO(arena_destroy) struct arena *scratch = arena_create(&query->budget);
    AUTO(arena_destroy) struct arena *growing = arena_create(&query->budget);
    struct ref ref = {
        .request = request,
        .query = query,
        .arena = query->arena,
        .scratch = scratch,
        .growing = growing,
        .labels.sets.arena = query->arena,
    };
    struct reference_result result = {0};
    if (!evaluate_result(&ref, final, &result, err))
        return false;
    result.samples_read = ref.samples_read;
    result.series_selected = ref.series_selected;
    *ret_result = result;
    return true;
}
