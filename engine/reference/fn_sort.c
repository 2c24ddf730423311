/* sort and sort_by_label: the order in which an instant query shows its series. */
#include "engine/fn/go_sort.h"
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

/* A run of digits or of anything else. */
struct natural_chunk {
    struct str text;
    bool is_number; /* digits that fit an int64 */
    int64_t number;
};

static bool byte_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool digits_parse(struct str digits, int64_t *ret_number)
{
    int64_t number = 0;
    for (size_t i = 0; i < digits.len; i++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, digits.ptr[i] - '0', &number))
            return false;
    *ret_number = number;
    return true;
}

/* Takes the next chunk off the text; false at its end. */
static bool natural_next(struct str *text, struct natural_chunk *ret_chunk)
{
    if (text->len == 0)
        return false;
    bool digits = byte_is_digit(text->ptr[0]);
    size_t len = 1;
    while (len < text->len && byte_is_digit(text->ptr[len]) == digits)
        len++;
    *ret_chunk = (struct natural_chunk){.text = {text->ptr, len}};
    ret_chunk->is_number = digits && digits_parse(ret_chunk->text, &ret_chunk->number);
    *text = (struct str){text->ptr + len, text->len - len};
    return true;
}

/*
 * Does `a` come before `b`, chunk by chunk, numbers by their value? As github.com/facette/natsort
 * has it, contradictions included: of 1 and 01 each comes before the other, and of an empty text
 * and any other none.
 */
static bool natural_less(struct str a, struct str b)
{
    struct natural_chunk x, y;
    while (natural_next(&a, &x)) {
        if (!natural_next(&b, &y))
            return false;
        bool numbers = x.is_number && y.is_number;
        bool equal = numbers ? x.number == y.number : str_eq(x.text, y.text);
        if (!equal)
            return numbers ? x.number < y.number : str_cmp(x.text, y.text) < 0;
        if (a.len == 0)
            return true;
        if (b.len == 0)
            return false;
    }
    return false;
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
