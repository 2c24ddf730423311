/* Aggregations that choose some of each group's series: topk, bottomk, limitk, limit_ratio. */
#include <math.h>

#include "base/float_text.h"
#include "engine/fn/go_heap.h"
#include "engine/reference/aggregate.h"

struct chooser {
    const struct ref_aggregation *aggregation;
    struct go_heap *heaps; /* by group; items are numbered as the input series are */
    const struct reference_point **points; /* by series: that of the step */
    double *offsets;                       /* by series: where in [0, 1] limit_ratio puts it */
    struct ref_series *out;                /* by series: what was chosen of it */
    struct ref_matrix matrix;              /* with one step: what was chosen, in this order */
};

/* *ret_none: nothing is chosen at any step. */
static bool chooser_check_count(const struct ref_param *param, bool *ret_none, struct err *err)
{
    char text[FLOAT_TEXT_SIZE];
    *ret_none = param->max < 1;
    if (*ret_none)
        return true;
    if (param->has_nan)
        return err_set(err, ERR_EXECUTION, "Parameter value is NaN");
    if (param->min <= -0x1p63)
        return err_set(err, ERR_EXECUTION, "Scalar value %.*s underflows int64",
                       (int)float_text_g(text, param->min), text);
    if (param->max >= 0x1.fffffffffffffp62)
        return err_set(err, ERR_EXECUTION, "Scalar value %.*s overflows int64",
                       (int)float_text_g(text, param->max), text);
    return true;
}

static bool chooser_check_ratio(const struct ref_aggregation *aggregation, bool *ret_none,
                                struct err *err)
{
    const struct ref_param *param = &aggregation->param;
    struct annotations *notes = &aggregation->ref->query->annotations;
    size_t begin = aggregation->expr->children[1]->node->span.begin;
    *ret_none = param->max == 0 && param->min == 0;
    if (*ret_none)
        return true;
    if (param->has_nan)
        return err_set(err, ERR_EXECUTION, "Ratio value is NaN");
    if (param->max > 1)
        note_ratio(notes, begin, param->max, 1);
    if (param->min < -1)
        note_ratio(notes, begin, param->min, -1);
    return true;
}

static void chooser_find_offsets(struct chooser *self)
{
    const struct ref_aggregation *aggregation = self->aggregation;
    AUTO(buf_done) struct buf scratch = {0};
    self->offsets = arena_array(aggregation->ref->arena, double, aggregation->input.count);
    for (size_t i = 0; i < aggregation->input.count; i++) {
        uint64_t hash = labels_prometheus_hash(aggregation->ref->query->symbols,
                                               aggregation->input.items[i].labels, &scratch);
        self->offsets[i] = (double)hash / (double)UINT64_MAX;
    }
}

static bool chooser_takes_ratio(const struct chooser *self, size_t series, double ratio)
{
    double offset = self->offsets[series];
    ratio = ratio < -1 ? -1 : ratio > 1 ? 1 : ratio;
    return ratio >= 0 ? offset < ratio : offset >= 1.0 + ratio;
}

/* Offers the step's sample of a series to its group. */
static void chooser_offer(struct chooser *self, size_t series, double param)
{
    const struct ref_aggregation *aggregation = self->aggregation;
    const struct reference_point *point = self->points[series];
    struct go_heap *heap = &self->heaps[aggregation->groups[series]];
    size_t input_count = aggregation->input.count;
    bool limits = param >= 1 && param < (double)input_count; /* a ratio is below */
    size_t k = limits ? (size_t)param : input_count;
    switch ((int)aggregation->op) {
    case AGGREGATE_topk:
    case AGGREGATE_bottomk:
        if (point->histogram)
            note_histogram_ignored(&aggregation->ref->query->annotations,
                                   aggregation->expr->node->span.begin,
                                   aggregate_get(aggregation->op)->name);
        else
            go_heap_offer(heap, k, point->value, (uint32_t)series);
        break;
    case AGGREGATE_limitk:
        if (heap->count < k)
            go_heap_offer(heap, k, point->value, (uint32_t)series);
        break;
    case AGGREGATE_limit_ratio:
        if (chooser_takes_ratio(self, series, param))
            go_heap_offer(heap, input_count, point->value, (uint32_t)series);
        break;
    }
}

static void chooser_put(struct chooser *self, size_t series, int64_t time_ms)
{
    const struct ref_aggregation *aggregation = self->aggregation;
    struct arena *arena = aggregation->ref->arena;
    const struct reference_point *point = self->points[series];
    ref_series_add(arena, &self->out[series], time_ms, point->value, point->histogram);
    if (ref_times_count(aggregation->times) == 1)
        ref_matrix_add(arena, &self->matrix, &self->out[series]);
}

static void chooser_step(struct chooser *self, size_t step)
{
    const struct ref_aggregation *aggregation = self->aggregation;
    int64_t time_ms = ref_times_at(aggregation->times, step);
    double param = ref_param_at(&aggregation->param, step);
    bool ratio = aggregation->op == AGGREGATE_limit_ratio;
    bool none = ratio ? param == 0 : param < 1;
    for (size_t i = 0; i < aggregation->input.count; i++) {
        self->points[i] = ref_series_take(&aggregation->input.items[i], time_ms);
        if (self->points[i] && !none)
            chooser_offer(self, i, param);
    }
    for (size_t i = 0; i < aggregation->group_count; i++) {
        struct go_heap *heap = &self->heaps[i];
        if (aggregation->op == AGGREGATE_topk)
            go_sort(heap->items, heap->count, go_less_descending);
        else if (aggregation->op == AGGREGATE_bottomk)
            go_sort(heap->items, heap->count, go_less_ascending);
        for (size_t k = 0; k < heap->count; k++)
            chooser_put(self, heap->items[k].index, time_ms);
        heap->count = 0;
    }
}

/* A heap has room for all series of its group. */
static void chooser_make_heaps(struct chooser *self)
{
    const struct ref_aggregation *aggregation = self->aggregation;
    struct arena *arena = aggregation->ref->arena;
    size_t *sizes = arena_array(arena, size_t, aggregation->group_count);
    for (size_t i = 0; i < aggregation->input.count; i++)
        sizes[aggregation->groups[i]]++;
    self->heaps = arena_array(arena, struct go_heap, aggregation->group_count);
    for (size_t i = 0; i < aggregation->group_count; i++) {
        self->heaps[i].items = arena_array(arena, struct go_item, sizes[i]);
        self->heaps[i].least = aggregation->op == AGGREGATE_bottomk;
    }
    self->points = arena_array(arena, const struct reference_point *, aggregation->input.count);
    self->out = arena_array(arena, struct ref_series, aggregation->input.count);
    for (size_t i = 0; i < aggregation->input.count; i++) {
        self->out[i].labels = aggregation->input.items[i].labels;
        self->out[i].drops_name = aggregation->input.items[i].drops_name;
    }
}

/* With several steps the order of what is chosen is that of the input. */
static void chooser_end(struct chooser *self)
{
    const struct ref_aggregation *aggregation = self->aggregation;
    if (ref_times_count(aggregation->times) == 1)
        return;
    for (size_t i = 0; i < aggregation->input.count; i++)
        if (ref_series_count(&self->out[i]) > 0)
            ref_matrix_add(aggregation->ref->arena, &self->matrix, &self->out[i]);
}

bool ref_aggregate_k(struct ref_aggregation *aggregation, struct ref_matrix *ret_matrix,
                     struct err *err)
{
    struct ref *ref = aggregation->ref;
    struct chooser self = {.aggregation = aggregation};
    bool ratio = aggregation->op == AGGREGATE_limit_ratio;
    bool none;
    if (ratio ? !chooser_check_ratio(aggregation, &none, err)
              : !chooser_check_count(&aggregation->param, &none, err))
        return false;
    if (none) {
        *ret_matrix = (struct ref_matrix){0};
        return true;
    }
    chooser_make_heaps(&self);
    if (ratio)
        chooser_find_offsets(&self);
    size_t count = ref_times_count(aggregation->times);
    bool ok = arena_check(ref->arena, err);
    for (size_t i = 0; i < count && ok; i++) {
        ok = query_alive(ref->query, err);
        if (ok)
            chooser_step(&self, i);
        ok = ok && arena_check(ref->arena, err);
    }
    if (!ok)
        return false;
    chooser_end(&self);
    *ret_matrix = self.matrix;
    return arena_check(ref->arena, err);
}
