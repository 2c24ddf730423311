#include "storage/db_cardinality.h"

#include <stdlib.h>

#include "base/mem.h"
#include "storage/top.h"

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
            byte_count += view.count * top_pair_size(name, each.value);
            struct str *at = is_metric ? top_add(&metrics, view.count) : NULL;
            if (at)
                *at = arena_str(arena, each.value);
            at = top_add(&pairs, view.count);
            if (at)
                *at = top_pair_text(arena, name, each.value);
        }
        struct str *at = top_add(&values, index_value_count(index, name));
        if (at)
            *at = arena_str(arena, name);
        at = top_add(&bytes, byte_count);
        if (at)
            *at = arena_str(arena, name);
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
