#include "engine/op/counter_hint.h"

#include "base/quote.h"
#include "engine/batch.h"

static bool name_is_counters(struct str name)
{
    return str_ends(name, STR("_total")) || str_ends(name, STR("_sum")) ||
           str_ends(name, STR("_count")) || str_ends(name, STR("_bucket"));
}

void counter_hint_row(struct counter_hint *hint, struct query *query, const struct labels *labels,
                      const double *row, size_t steps)
{
    uint32_t name = labels_get(labels, SYM_NAME);
    if (name == hint->looked_name)
        return;
    struct str text = symbols_get(query->symbols, name);
    if (!name_is_counters(text)) {
        if (!row_has_point(row, steps))
            return;
        AUTO(buf_done) struct buf quoted = {0};
        quote_append(&quoted, text);
        annotations_add(&query->annotations, ANNOTATION_INFO, hint->begin,
                        "metric might not be a counter, name does not end in "
                        "_total/_sum/_count/_bucket: %s",
                        buf_terminated(&quoted));
    }
    hint->looked_name = name;
}
