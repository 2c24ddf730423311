#include "engine/fn/go_heap.h"

/* Go's Less: NaN stands above all, another NaN too. */
static inline bool go_heap_above(const struct go_heap *heap, size_t i, size_t j)
{
    double a = heap->items[i].value;
    double b = heap->items[j].value;
    return a != a || (heap->least ? a > b : a < b);
}

static inline void go_heap_swap(const struct go_heap *heap, size_t i, size_t j)
{
    struct go_item item = heap->items[i];
    heap->items[i] = heap->items[j];
    heap->items[j] = item;
}

static void go_heap_rise(const struct go_heap *heap, size_t at)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (!go_heap_above(heap, at, parent))
            return;
        go_heap_swap(heap, parent, at);
        at = parent;
    }
}

static void go_heap_sink(const struct go_heap *heap, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < heap->count; at = child) {
        if (child + 1 < heap->count && go_heap_above(heap, child + 1, child))
            child++;
        if (!go_heap_above(heap, child, at))
            return;
        go_heap_swap(heap, at, child);
    }
}

void go_heap_offer(struct go_heap *heap, size_t k, double value, uint32_t index)
{
    if (heap->count < k) {
        heap->items[heap->count] = (struct go_item){value, index};
        go_heap_rise(heap, heap->count++);
    } else if (go_heap_takes(heap->least, heap->items[0].value, value)) {
        heap->items[0] = (struct go_item){value, index};
        go_heap_sink(heap, 0);
    }
}
