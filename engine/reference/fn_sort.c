/* sort and sort_by_label: the order in which an instant query shows its series. */
#include "engine/fn/go_sort.h"
#include "engine/fn/natural_order.h"
#include "engine/reference/fn.h"

static struct go_item *sort_items(const struct ref_call *call, size_t *ret_count)
{
    const struct ref_vector *in = &call->vectors[0];
    struct go_item *items = arena_array(call->scratch, struct go_item, in->count);
    for (size_t i = 0; i < in->count; i++)
        items[i] = (struct go_item){in->items[i].value, (uint32_t)i};
    *ret_count = in->count;
    return items;
}

static void sort_output(struct ref_call *call, const struct go_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ref_vector_add(call->arena, call->out, &call->vectors[0].items[items[i].index]);
}

/* Of floats alone. */
static bool sort_by_value(struct ref_call *call, go_less_fn *less)
{
    size_t count;
    struct go_item *items = sort_items(call, &count);
    size_t floats = 0;
    for (size_t i = 0; i < count; i++)
        if (!call->vectors[0].items[i].histogram)
            items[floats++] = items[i];
    go_sort(items, floats, less);
    sort_output(call, items, floats);
    return true;
}

bool fn_sort(struct ref_call *call, struct err *err)
{
    return sort_by_value(call, go_less_ascending);
}

bool fn_sort_desc(struct ref_call *call, struct err *err)
{
    return sort_by_value(call, go_less_descending);
}

struct label_sort {
    const struct ref_call *call;
    const uint32_t *names;
    size_t name_count;
    bool descending;
};

static bool label_sort_less(const struct go_item *a, const struct go_item *b, const void *context)
{
    const struct label_sort *sort = context;
    const struct ref_call *call = sort->call;
    const struct labels *x = call->vectors[0].items[a->index].labels;
    const struct labels *y = call->vectors[0].items[b->index].labels;
    for (size_t i = 0; i < sort->name_count; i++) {
        struct str x_value = ref_label(call, x, sort->names[i]);
        struct str y_value = ref_label(call, y, sort->names[i]);
        if (!str_eq(x_value, y_value))
            return natural_less(x_value, y_value) != sort->descending;
    }
    int order = labels_cmp(call->query->symbols, x, y);
    return sort->descending ? order > 0 : order < 0;
}

static bool sort_by_label(struct ref_call *call, bool descending)
{
    size_t name_count = call->node->call.arg_count - 1;
    uint32_t *names = arena_array(call->scratch, uint32_t, name_count);
    for (size_t i = 0; i < name_count; i++)
        names[i] = symbols_find(call->query->symbols, ref_call_string(call, i + 1));

    struct label_sort sort = {call, names, name_count, descending};
    size_t count;
    struct go_item *items = sort_items(call, &count);
    go_sort_with(items, count, label_sort_less, &sort);
    sort_output(call, items, count);
    return true;
}

bool fn_sort_by_label(struct ref_call *call, struct err *err)
{
    return sort_by_label(call, false);
}

bool fn_sort_by_label_desc(struct ref_call *call, struct err *err)
{
    return sort_by_label(call, true);
}
