#include <stdlib.h>

#include "engine/running.h"

struct order_context {
    const struct symbols *symbols;
    const struct labels *const *labels;
};

static int series_order(const void *a, const void *b, void *context)
{
    const struct order_context *order = context;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int by_labels = labels_cmp(order->symbols, order->labels[x], order->labels[y]);
    return by_labels ? by_labels : (x > y) - (x < y);
}

const uint32_t *series_label_order(struct query *query, const struct labels *const *labels,
                                   size_t count)
{
    bool sorted = true;
    for (size_t i = 1; i < count && sorted; i++)
        sorted = labels_cmp(query->symbols, labels[i - 1], labels[i]) <= 0;
    if (sorted)
        return NULL;

    uint32_t *order = arena_array(query->arena, uint32_t, count);
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    struct order_context context = {query->symbols, labels};
    qsort_r(order, count, sizeof *order, series_order, &context);
    return order;
}
