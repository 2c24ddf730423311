#include "storage/db_cardinality.h"

#include <stdlib.h>

#include "base/mem.h"

/* The largest counts so far, sorted; names are borrowed. */
struct top {
    struct name_count *items;
    size_t count;
    size_t limit;
};

static size_t top_place(const struct top *top, uint64_t count)
{
    size_t at = top->count;
    while (at > 0 && top->items[at - 1].count < count)
        at--;
    return at;
}

/* What Prometheus reckons a label pair to take in each series: its texts, and their lengths. */
static uint64_t pair_size(struct str name, struct str value)
{
    return name.len + value.len + (name.len < 255 ? 1 : 4) + (value.len < 255 ? 1 : 4);
}

/* Room for the name, or NULL: not among the largest. Of equal counts the earlier one stays. */
static struct name_count *top_add(struct top *top, uint64_t count)
{
    size_t at = top_place(top, count);
    if (at == top->limit)
        return NULL;
    if (top->count < top->limit)
        top->count++;
    for (size_t i = top->count - 1; i > at; i--)
        top->items[i] = top->items[i - 1];
    top->items[at] = (struct name_count){.count = count};
    return &top->items[at];
}

static struct top top_new(struct arena *arena, size_t limit)
{
    return (struct top){.items = arena_array(arena, struct name_count, limit), .limit = limit};
}

static struct str pair_text(struct arena *arena, struct str name, struct str value)
{
    AUTO(buf_done) struct buf text = {0};
    buf_str(&text, name);
    buf_byte(&text, '=');
    buf_str(&text, value);
    return arena_str(arena, buf_view(&text));
}

void block_cardinality(struct block *block, size_t limit, struct arena *arena,
                       struct db_cardinality *ret_cardinality)
{
    const struct index *index = block_index(block);
    struct top metrics = top_new(arena, limit);
    struct top values = top_new(arena, limit);
    struct top bytes = top_new(arena, limit);
    struct top pairs = top_new(arena, limit);
    for (size_t i = 0; i < index_name_count(index); i++) {
        struct str name = index_name(index, i);
        bool is_metric = str_eq(name, STR("__name__"));
        uint64_t byte_count = 0;
        struct index_values each;
        index_values_begin(index, name, &each);
        while (index_values_next(&each)) {
            struct err ignored = {0};
            struct postings_view view = {0};
            if (!index_postings_at(index, each.postings_offset, &view, &ignored))
                view.count = 0;
            byte_count += view.count * pair_size(name, each.value);
            struct name_count *at = is_metric ? top_add(&metrics, view.count) : NULL;
            if (at)
                at->name = arena_str(arena, each.value);
            at = top_add(&pairs, view.count);
            if (at)
                at->name = pair_text(arena, name, each.value);
        }
        struct name_count *at = top_add(&values, index_value_count(index, name));
        if (at)
            at->name = arena_str(arena, name);
        at = top_add(&bytes, byte_count);
        if (at)
            at->name = arena_str(arena, name);
    }
    block_forget(block);
    *ret_cardinality = (struct db_cardinality){
        .series_by_metric = metrics.items,
        .series_by_metric_count = metrics.count,
        .values_by_label = values.items,
        .values_by_label_count = values.count,
        .bytes_by_label = bytes.items,
        .bytes_by_label_count = bytes.count,
        .series_by_pair = pairs.items,
        .series_by_pair_count = pairs.count,
    };
}
