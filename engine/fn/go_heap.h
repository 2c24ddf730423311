#pragma once

#include "engine/fn/go_sort.h"

/*
 * The k greatest (or least) of the values offered, one after another, as Prometheus's topk and
 * bottomk choose them: a heap with the worst on top, in the layout of Go's container/heap, since
 * that decides which of equal values stay. NaN is worse than any number; a full heap takes a value
 * only if it is better than the worst.
 */
struct go_heap {
    struct go_item *items; /* room for k */
    size_t count;
    bool least; /* bottomk */
};

void go_heap_offer(struct go_heap *heap, size_t k, double value, uint32_t index);

/* Would a full heap whose worst is `worst` take this value? */
static inline bool go_heap_takes(bool least, double worst, double value)
{
    return (least ? worst > value : worst < value) || (worst != worst && value == value);
}
