#include "storage/merge_select.h"

#include <stdlib.h>

#include "base/mem.h"

static void merge_selection_close(struct selection *base)
{
    struct merge_selection *selection = merge_selection_of(base);
    for (size_t i = 0; i < selection->child_count; i++)
        selection_close(selection->children[i]);
    budget_release(selection->budget, selection->charged);
    free(selection->children);
    free(selection->parts);
    free(selection->first_parts);
    free(selection->base.labels);
    free(selection);
}

static bool merge_may_hold_histograms(struct selection *base, size_t series)
{
    struct merge_selection *selection = merge_selection_of(base);
    uint32_t at = selection->first_parts[series];
    for (; at != MERGE_PART_NONE; at = selection->parts[at].next) {
        const struct merge_part *part = &selection->parts[at];
        if (selection_may_hold_histograms(selection->children[part->child], part->series))
            return true;
    }
    return false;
}

static const struct selection_class merge_selection_class = {
    .may_hold_histograms = merge_may_hold_histograms,
    .cursor_create = merge_cursor_create,
    .cursor_destroy = merge_cursor_destroy,
    .cursor_open = merge_cursor_open,
    .cursor_next = merge_cursor_next,
    .cursor_next_chunk = merge_cursor_next_chunk,
    .cursor_chain = merge_cursor_chain,
    .close = merge_selection_close,
};

struct merge_selection *merge_selection_create(const struct select_request *request,
                                               size_t child_max)
{
    struct merge_selection *selection = mem_new(struct merge_selection);
    selection->base.class = &merge_selection_class;
    selection->children = mem_new_array(struct selection *, child_max);
    selection->begin_ms = request->begin_ms;
    selection->end_ms = request->end_ms;
    selection->budget = request->budget;
    return selection;
}

void merge_selection_take(struct merge_selection *selection, struct selection *child)
{
    selection->children[selection->child_count++] = child;
}

/* The children's series: all parts, in the order of labels, of equal ones in the children's. */
struct part_order {
    const struct merge_selection *selection;
    const struct symbols *symbols;
};

static const struct labels *part_labels(const struct merge_selection *selection,
                                        const struct merge_part *part)
{
    return selection_labels(selection->children[part->child], part->series);
}

static int part_cmp(const void *a, const void *b, void *context)
{
    const struct part_order *order = context;
    const struct merge_part *left = a, *right = b;
    int by_labels = labels_cmp(order->symbols, part_labels(order->selection, left),
                               part_labels(order->selection, right));
    if (by_labels != 0)
        return by_labels;
    return (left->child > right->child) - (left->child < right->child);
}

static bool merge_charge(struct merge_selection *selection, size_t part_count, struct err *err)
{
    size_t bytes =
        part_count * (sizeof(struct merge_part) + sizeof(uint32_t) + sizeof(const struct labels *));
    if (!budget_charge(selection->budget, bytes, err))
        return false;
    selection->charged = bytes;
    return true;
}

/* The sort merges, into as much memory again. */
static bool merge_sort(struct merge_selection *selection, const struct symbols *symbols,
                       struct err *err)
{
    size_t bytes = selection->part_count * sizeof *selection->parts;
    if (selection->part_count < 2)
        return true;
    if (!budget_charge(selection->budget, bytes, err))
        return false;
    struct part_order order = {selection, symbols};
    qsort_r(selection->parts, selection->part_count, sizeof *selection->parts, part_cmp, &order);
    budget_release(selection->budget, bytes);
    return true;
}

/*
 * Parts are put in one row and sorted: each child's come sorted, mostly, and what qsort does with
 * rows that are sorted is a merge.
 */
bool merge_selection_settle(struct merge_selection *selection, const struct select_request *request,
                            struct err *err)
{
    size_t count = 0;
    for (size_t i = 0; i < selection->child_count; i++)
        count += selection_count(selection->children[i]);
    if (count >= MERGE_PART_NONE)
        return err_set(err, ERR_LIMIT, "a selector has more than %u series", MERGE_PART_NONE);
    if (!merge_charge(selection, count, err))
        return false;
    size_t room = count ? count : 1;
    selection->parts = mem_new_array(struct merge_part, room);
    selection->first_parts = mem_new_array(uint32_t, room);
    selection->base.labels = mem_new_array(const struct labels *, room);
    for (uint32_t i = 0; i < selection->child_count; i++)
        for (uint32_t k = 0; k < selection_count(selection->children[i]); k++)
            selection->parts[selection->part_count++] = (struct merge_part){i, k, MERGE_PART_NONE};
    if (!merge_sort(selection, request->symbols, err))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct labels *labels = part_labels(selection, &selection->parts[i]);
        size_t last = selection->base.count;
        if (last > 0 && labels_equal(selection->base.labels[last - 1], labels)) {
            selection->parts[i - 1].next = i;
            continue;
        }
        selection->first_parts[last] = i;
        selection->base.labels[last] = labels;
        selection->base.count++;
    }
    return true;
}
