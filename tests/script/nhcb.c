#include "tests/script/nhcb.h"

#include <math.h>

#include "base/float_text.h"
#include "base/mem.h"
#include "model/sample.h"

/* A classic histogram at one time, as far as its series have told. */
struct classic {
    int64_t time_ms;
    double *bounds; /* rising */
    double *counts; /* up to each bound */
    size_t count, cap;
    bool has_total;
    double total;
    double sum;
};

struct classic_series {
    const struct labels *labels; /* of the native one */
    struct classic *points;      /* in order of time */
    size_t count, cap;
};

struct classic_list {
    struct classic_series *items;
    size_t count, cap;
};

static void classic_list_done_auto(struct classic_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        for (size_t j = 0; j < list->items[i].count; j++) {
            free(list->items[i].points[j].bounds);
            free(list->items[i].points[j].counts);
        }
        free(list->items[i].points);
    }
    free(list->items);
}

static struct classic_series *classic_list_get(struct classic_list *list,
                                               const struct labels *labels)
{
    for (size_t i = 0; i < list->count; i++)
        if (labels_equal(list->items[i].labels, labels))
            return &list->items[i];
    mem_grow(list->items, struct classic_series, list->count, &list->cap);
    list->items[list->count] = (struct classic_series){.labels = labels};
    return &list->items[list->count++];
}

static struct classic *classic_series_get(struct classic_series *series, int64_t time_ms)
{
    size_t at = 0;
    while (at < series->count && series->points[at].time_ms < time_ms)
        at++;
    if (at < series->count && series->points[at].time_ms == time_ms)
        return &series->points[at];
    mem_grow(series->points, struct classic, series->count, &series->cap);
    memmove(series->points + at + 1, series->points + at,
            (series->count - at) * sizeof *series->points);
    series->count++;
    series->points[at] = (struct classic){.time_ms = time_ms};
    return &series->points[at];
}

/* A bound that is there already is left as it is. */
static void classic_add(struct classic *classic, double bound, double count)
{
    size_t at = 0;
    while (at < classic->count && classic->bounds[at] < bound)
        at++;
    if (at < classic->count && classic->bounds[at] == bound)
        return;
    if (classic->count == classic->cap) {
        classic->cap = classic->cap ? classic->cap * 2 : 16;
        classic->bounds = mem_resize(classic->bounds, double, classic->cap);
        classic->counts = mem_resize(classic->counts, double, classic->cap);
    }
    memmove(classic->bounds + at + 1, classic->bounds + at,
            (classic->count - at) * sizeof *classic->bounds);
    memmove(classic->counts + at + 1, classic->counts + at,
            (classic->count - at) * sizeof *classic->counts);
    classic->bounds[at] = bound;
    classic->counts[at] = count;
    classic->count++;
}

/* Ends it with a bucket to infinity, and looks whether the counts can be. */
static bool classic_check(struct classic *classic, struct err *err)
{
    if (!classic->has_total && classic->count)
        classic->total = classic->counts[classic->count - 1];
    if (classic->count == 0 || !isinf(classic->bounds[classic->count - 1]))
        classic_add(classic, INFINITY, classic->total);
    double before = 0;
    for (size_t i = 0; i < classic->count; i++) {
        if (classic->counts[i] < before)
            return err_set(err, ERR_BAD_DATA, "buckets of a classic histogram fall at %g",
                           classic->bounds[i]);
        before = classic->counts[i];
    }
    return before == classic->total ||
           err_set(err, ERR_BAD_DATA, "count %g of a classic histogram is not its last bucket's %g",
                   classic->total, before);
}

/* Spans over the buckets, without gaps of more than `gap_max` empty ones, nor any at the edges. */
static struct histogram_side side_of_buckets(const double *buckets, size_t count, size_t gap_max,
                                             struct arena *arena)
{
    struct histogram_span *spans = arena_array(arena, struct histogram_span, count);
    double *kept = arena_array(arena, double, count);
    struct histogram_side side = {.spans = spans, .buckets = kept};
    size_t behind = 0; /* the bucket behind the last one kept */
    for (size_t i = 0; i < count; i++) {
        if (buckets[i] == 0)
            continue;
        if (side.span_count == 0 || i - behind > gap_max) {
            spans[side.span_count++] = (struct histogram_span){.offset = (int32_t)(i - behind)};
            behind = i;
        }
        for (; behind <= i; behind++) {
            kept[side.bucket_count++] = buckets[behind];
            spans[side.span_count - 1].length++;
        }
    }
    return side;
}

static bool is_whole(double v)
{
    return v == (double)(int64_t)round(v);
}

static struct histogram *classic_to_native(const struct classic *classic, struct arena *arena)
{
    bool whole = is_whole(classic->total);
    double *buckets = arena_array(arena, double, classic->count);
    double before = 0;
    for (size_t i = 0; i < classic->count; i++) {
        whole = whole && is_whole(classic->counts[i]);
        buckets[i] = classic->counts[i] - before;
        before = classic->counts[i];
    }
    struct histogram *h = arena_new(arena, struct histogram);
    h->schema = HISTOGRAM_SCHEMA_CUSTOM;
    h->count = classic->total;
    h->sum = classic->sum;
    /* Prometheus leaves small gaps in histograms of whole counts, none in others. */
    h->positive = side_of_buckets(buckets, classic->count, whole ? 2 : 0, arena);
    double *bounds = arena_array(arena, double, classic->count);
    memcpy(bounds, classic->bounds, classic->count * sizeof *bounds);
    h->custom_bounds = bounds;
    h->custom_bound_count = (uint32_t)classic->count - 1;
    return h;
}

enum classic_part { PART_NONE, PART_BUCKET, PART_SUM, PART_TOTAL };

static enum classic_part part_of_name(struct str *name)
{
    static const struct {
        struct str suffix;
        enum classic_part part;
    } parts[] = {
        {{"_bucket", 7}, PART_BUCKET},
        {{"_sum", 4}, PART_SUM},
        {{"_count", 6}, PART_TOTAL},
    };
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++)
        if (str_ends(*name, parts[i].suffix)) {
            name->len -= parts[i].suffix.len;
            return parts[i].part;
        }
    return PART_NONE;
}

static void series_tell(const struct loaded_series *series, int64_t step_ms, enum classic_part part,
                        double bound, struct classic_series *classics)
{
    for (size_t i = 0; i < series->samples.count; i++) {
        const struct described_value *value = &series->samples.values[i];
        if (value->omitted || value->histogram)
            continue;
        struct classic *classic = classic_series_get(classics, (int64_t)i * step_ms);
        if (part == PART_BUCKET) {
            classic_add(classic, bound, value->value);
        } else if (part == PART_SUM) {
            classic->sum = value->value;
        } else {
            classic->total = value->value;
            classic->has_total = true;
        }
    }
}

static bool series_gather(const struct loaded_series *series, int64_t step_ms,
                          struct symbols *symbols, struct arena *arena, struct classic_list *list,
                          struct err *err)
{
    const struct labels *labels = series->samples.labels;
    struct str name = symbols_get(symbols, labels_get(labels, SYM_NAME));
    enum classic_part part = part_of_name(&name);
    if (part == PART_NONE)
        return true;
    double bound = 0;
    bool out_of_range;
    uint32_t le = labels_get(labels, SYM_LE);
    if (part == PART_BUCKET && le == SYM_EMPTY)
        return err_set(err, ERR_BAD_DATA, "a bucket without le");
    if (part == PART_BUCKET &&
        (!float_parse(symbols_get(symbols, le), &bound, &out_of_range) || isnan(bound)))
        return true;
    struct labels_builder builder = {0};
    labels_builder_reset(&builder, symbols, labels);
    labels_builder_set(&builder, SYM_NAME, symbols_add(symbols, name));
    labels_builder_set(&builder, SYM_LE, SYM_EMPTY);
    labels = labels_builder_labels(&builder, arena);
    labels_builder_done(&builder);
    series_tell(series, step_ms, part, bound, classic_list_get(list, labels));
    return true;
}

static bool classics_append(struct classic_series *series, const struct symbols *symbols,
                            struct arena *arena, struct test_storage *storage, struct err *err)
{
    struct test_series *stored = test_storage_series(storage, symbols, series->labels);
    for (size_t i = 0; i < series->count; i++) {
        struct classic *classic = &series->points[i];
        if (!classic_check(classic, err))
            return false;
        const struct test_sample sample = {
            .time_ms = classic->time_ms,
            .histogram = classic_to_native(classic, arena),
        };
        if (!test_series_append(stored, &sample, storage->arena, err))
            return false;
    }
    return true;
}

bool nhcb_apply(const struct load *load, struct symbols *symbols, struct test_storage *storage,
                struct err *err)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    AUTO(classic_list_done) struct classic_list list = {0};
    for (size_t i = 0; i < load->count; i++)
        if (!series_gather(&load->series[i], load->step_ms, symbols, arena, &list, err))
            return false;
    for (size_t i = 0; i < list.count; i++)
        if (!classics_append(&list.items[i], symbols, arena, storage, err))
            return false;
    return true;
}
