#include "engine/op/histogram_series.h"

#include <stdlib.h>

#include "engine/op/names.h"

static bool histogram_series_find_loners(struct histogram_series *series, struct op *child,
                                         struct err *err)
{
    const bool *holds = op_holds(child);
    struct arena *arena = child->query->arena;
    for (size_t i = 0; holds && i < child->series_count; i++) {
        if (!holds[i] || labels_get(child->labels[i], SYM_LE) == SYM_EMPTY)
            continue;
        if (!series->loner_of) {
            series->loners = arena_array(arena, uint32_t, child->series_count);
            series->loner_of = arena_array(arena, uint32_t, child->series_count);
            series->has_loner = arena_array(arena, bool, series->sets.count);
        }
        series->loners[series->loner_count++] = (uint32_t)i;
        series->loner_of[i] = (uint32_t)series->loner_count;
        series->has_loner[series->sets.of_series[i]] = true;
    }
    return arena_check(arena, err);
}

/* With one step it is known which histograms are native. */
static bool histogram_series_find_natives(struct histogram_series *series, struct op *child,
                                          struct err *err)
{
    const bool *holds = op_holds(child);
    size_t sets = series->sets.count;
    series->natives = arena_array(child->query->arena, uint32_t, histogram_series_count(series));
    for (size_t i = 0; i < histogram_series_count(series); i++)
        series->natives[i] = i < sets ? UINT32_MAX : series->loners[i - sets];
    for (size_t i = 0; holds && i < child->series_count; i++)
        if (holds[i] && !(series->loner_of && series->loner_of[i]))
            series->natives[series->sets.of_series[i]] = (uint32_t)i;
    return arena_check(child->query->arena, err);
}

bool histogram_series_group(struct histogram_series *series, struct op *child, struct err *err)
{
    struct grouping bucket = grouping_except(child->query, SYM_LE);
    return groups_init(&series->sets, &bucket, child, err) &&
           histogram_series_find_loners(series, child, err) &&
           (child->grid.count > 1 || histogram_series_find_natives(series, child, err));
}

/* Labels by result. */
static bool histogram_series_label(const struct histogram_series *series, struct op *op,
                                   const struct variant *variants, const uint32_t *label,
                                   struct err *err)
{
    struct query *query = op->query;
    size_t histograms = histogram_series_count(series), sets = series->sets.count;
    op->series_count = series->variant_count * histograms;
    op->labels = arena_array(query->arena, const struct labels *, op->series_count);
    if (!arena_check(query->arena, err))
        return false;
    for (size_t i = 0; i < op->series_count; i++) {
        size_t histogram = i % histograms;
        op->labels[i] = histogram < sets
                            ? series->sets.labels[histogram]
                            : op->children[0]->labels[series->loners[histogram - sets]];
    }
    if (!names_drop(op, METADATA_DROPPED, err))
        return false;

    AUTO(labels_builder_done) struct labels_builder builder = {0};
    for (size_t i = 0; label && i < op->series_count; i++) {
        labels_builder_reset(&builder, query->symbols, op->labels[i]);
        labels_builder_set(&builder, *label, variants[i / histograms].text);
        op->labels[i] = labels_builder_labels(&builder, query->arena);
    }
    return arena_check(query->arena, err);
}

struct result_order {
    const struct histogram_series *series;
    const struct op *op; /* its labels are by result */
};

/* With one step: variants one after another, their native histograms first. */
static int result_cmp_one_step(const struct histogram_series *series, uint32_t x, uint32_t y)
{
    size_t histograms = histogram_series_count(series);
    if (x / histograms != y / histograms)
        return x < y ? -1 : 1;
    uint32_t x_native = series->natives[x % histograms];
    uint32_t y_native = series->natives[y % histograms];
    return (x_native > y_native) - (x_native < y_native);
}

static int result_cmp(const void *a, const void *b, void *context)
{
    const struct result_order *order = context;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int cmp = order->series->natives ? result_cmp_one_step(order->series, x, y) : 0;
    if (cmp == 0)
        cmp = labels_cmp(order->op->query->symbols, order->op->labels[x], order->op->labels[y]);
    return cmp ? cmp : (x > y) - (x < y);
}

/* They often stand in order already. */
static void results_sort(uint32_t *results, size_t count, struct result_order *order)
{
    bool sorted = true;
    for (size_t i = 1; i < count && sorted; i++)
        sorted = result_cmp(&results[i - 1], &results[i], order) < 0;
    if (!sorted)
        qsort_r(results, count, sizeof *results, result_cmp, order);
}

bool histogram_series_name(struct histogram_series *series, struct op *op,
                           const struct variant *variants, size_t variant_count,
                           const uint32_t *label, struct err *err)
{
    struct arena *arena = op->query->arena;
    series->variant_count = variant_count;
    if (!histogram_series_label(series, op, variants, label, err))
        return false;
    series->results = arena_array(arena, uint32_t, op->series_count);
    const struct labels **labels = arena_array(arena, const struct labels *, op->series_count);
    if (!arena_check(arena, err))
        return false;
    for (size_t i = 0; i < op->series_count; i++)
        series->results[i] = (uint32_t)i;
    struct result_order order = {series, op};
    results_sort(series->results, op->series_count, &order);
    for (size_t i = 0; i < op->series_count; i++)
        labels[i] = op->labels[series->results[i]];
    op->labels = labels;
    return true;
}

uint32_t histogram_series_set(const struct histogram_series *series, uint32_t result_series)
{
    size_t sets = series->sets.count;
    size_t histogram = series->results[result_series] % histogram_series_count(series);
    return histogram < sets ? (uint32_t)histogram
                            : series->sets.of_series[series->loners[histogram - sets]];
}
