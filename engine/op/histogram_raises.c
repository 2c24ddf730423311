#include "engine/op/histogram_raises.h"

#include <string.h>

static struct histogram_raise *histogram_raises_add(struct histogram_raises *raises, uint32_t name)
{
    struct arena *arena = raises->query->arena;
    if (raises->count == raises->cap) {
        size_t cap = raises->cap ? raises->cap * 2 : 1;
        struct histogram_raise *items = arena_array(arena, struct histogram_raise, cap);
        if (raises->count)
            memcpy(items, raises->items, raises->count * sizeof *items);
        raises->items = items;
        raises->cap = cap;
    }
    struct histogram_raise *item = &raises->items[raises->count++];
    *item = (struct histogram_raise){
        .name = name,
        .raises = BUCKET_RAISES_NONE,
        .counts = arena_array(arena, uint64_t, raises->step_count),
    };
    return item;
}

struct histogram_raise *histogram_raises_of(struct histogram_raises *raises, uint32_t name)
{
    for (size_t i = raises->count; i > 0; i--)
        if (raises->items[i - 1].name == name)
            return &raises->items[i - 1];
    return histogram_raises_add(raises, name);
}

/*
 * Prometheus merges, after each step, the histograms of all steps so far with themselves once more,
 * and so counts them twice. Users see that count, so it is ours too.
 */
void histogram_raises_tell(const struct histogram_raises *raises, const struct op *op, size_t begin)
{
    for (size_t i = 0; i < raises->count; i++) {
        const struct histogram_raise *item = &raises->items[i];
        struct annotation_raises told = {
            .metric = symbols_get(op->query->symbols, item->name),
            .bound_min = item->raises.bound_min,
            .bound_max = item->raises.bound_max,
            .raise_max = item->raises.raise_max,
        };
        bool any = false;
        for (size_t s = 0; s < op->grid.count; s++) {
            uint64_t here = item->counts[s];
            told.count = any ? 2 * (told.count + here) : here;
            if (here == 0)
                continue;
            if (!any)
                told.begin_ms = grid_time(&op->grid, s);
            told.end_ms = grid_time(&op->grid, s);
            any = true;
        }
        if (any)
            annotations_add_raises(&op->query->annotations, begin, &told);
    }
}
