#include "engine/op/classic_buckets.h"

#include "base/float_text.h"
#include "engine/fn/quantile.h"

#define PLACE_NONE UINT32_MAX

bool classic_buckets_init(struct classic_buckets *buckets, struct query *query, size_t buckets_max,
                          size_t step_count, struct err *err)
{
    struct arena *arena = query->arena;
    size_t max = buckets_max;
    *buckets = (struct classic_buckets){
        .query = query,
        .buckets_max = max,
        .step_count = step_count,
        .bounds = arena_array(arena, double, max),
        .places = arena_array(arena, uint32_t, max),
        .buckets = arena_array(arena, struct bucket, 2 * max),
        .items = arena_array(arena, struct go_item, max),
        .bounded = arena_array(arena, uint32_t, max),
        .unsorted = arena_array(arena, double, max),
        .sorted = arena_array(arena, uint32_t, max),
        .sort_space = arena_array(arena, char, QUANTILE_SORT_SPACE(max)),
    };
    if (!arena_check(arena, err))
        return false;
    buckets->columns.step_count = step_count;
    buckets->columns.values =
        pool_take(query->pool, &query->budget, columns_size(max, step_count), err);
    return buckets->columns.values != NULL;
}

/* The members that have a bound, and those; returns how many. */
static size_t classic_buckets_bounds(struct classic_buckets *buckets, const struct op *op,
                                     const uint32_t *members, size_t member_count)
{
    size_t count = 0;
    for (size_t i = 0; i < member_count; i++) {
        uint32_t le = labels_get(op->labels[members[i]], SYM_LE);
        bool out_of_range;
        buckets->places[i] = PLACE_NONE;
        if (float_parse(symbols_get(op->query->symbols, le), &buckets->unsorted[count],
                        &out_of_range))
            buckets->bounded[count++] = (uint32_t)i;
    }
    return count;
}

static bool bounds_repeat(const double *bounds, size_t count)
{
    for (size_t k = 1; k < count; k++)
        if (bounds[k] == bounds[k - 1])
            return true;
    return false;
}

void classic_buckets_begin(struct classic_buckets *buckets, const struct op *op,
                           const uint32_t *members, size_t member_count)
{
    size_t count = classic_buckets_bounds(buckets, op, members, member_count);
    buckets->columns.row_count = count;
    quantile_sort(buckets->unsorted, count, buckets->sorted, buckets->sort_space);
    for (size_t place = 0; place < count; place++)
        buckets->bounds[place] = buckets->unsorted[buckets->sorted[place]];

    /* Where equal bounds are merged, one quantile leaves the next one something else. */
    buckets->ambiguous = bounds_ambiguous(buckets->bounds, count) ||
                         (buckets->several && bounds_repeat(buckets->bounds, count));
    for (size_t place = 0; place < count; place++) {
        size_t from = buckets->ambiguous ? place : buckets->sorted[place];
        buckets->bounds[place] = buckets->unsorted[from];
        buckets->places[buckets->bounded[from]] = (uint32_t)place;
    }
}

bool classic_buckets_put(struct classic_buckets *buckets, size_t member, const double *row)
{
    if (buckets->places[member] == PLACE_NONE)
        return false;
    columns_put(&buckets->columns, buckets->places[member], row);
    return true;
}

size_t classic_buckets_at(struct classic_buckets *buckets, size_t step)
{
    size_t count = buckets->columns.row_count;
    if (count == 0)
        return 0;
    const double *counts = columns_at(&buckets->columns, step);
    size_t stride = columns_width(buckets->step_count);
    if (buckets->ambiguous && buckets->several)
        return buckets_gather_apart(buckets->bounds, count, counts, stride, buckets->buckets);
    if (buckets->ambiguous)
        return buckets_gather_sorting(buckets->bounds, count, counts, stride, buckets->items,
                                      buckets->buckets);
    return buckets_gather(buckets->bounds, count, counts, stride, buckets->buckets);
}

double classic_buckets_quantile(struct classic_buckets *buckets, size_t count, double phi,
                                struct bucket_raises *raises, bool *ret_raised)
{
    if (buckets->ambiguous && buckets->several)
        return bucket_quantile_next(phi, buckets->buckets, count, buckets->items, raises,
                                    ret_raised);
    return bucket_quantile(phi, buckets->buckets, count, raises, ret_raised);
}

void classic_buckets_done(struct classic_buckets *buckets)
{
    if (!buckets->query)
        return;
    pool_give(buckets->query->pool, &buckets->query->budget, buckets->columns.values,
              columns_size(buckets->buckets_max, buckets->step_count));
    buckets->columns.values = NULL;
}
