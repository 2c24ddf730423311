#include "engine/op/absent_labels.h"

/* Has an equality on this name already set its label, whatever came after? */
static bool absent_was_set(const struct matcher *const *matchers, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (matchers[i]->kind == MATCH_EQUAL && str_eq(matchers[i]->name, name))
            return true;
    return false;
}

const struct labels *absent_labels(struct query *query, const struct matcher *const *matchers,
                                   size_t count)
{
    AUTO(labels_builder_done) struct labels_builder builder = {0};
    labels_builder_reset(&builder, query->symbols, &labels_empty);
    for (size_t i = 0; i < count; i++) {
        uint32_t name = symbols_add(query->symbols, matchers[i]->name);
        if (name == SYM_NAME)
            continue;
        uint32_t value = SYM_EMPTY;
        if (matchers[i]->kind == MATCH_EQUAL && !absent_was_set(matchers, i, matchers[i]->name))
            value = symbols_add(query->symbols, matchers[i]->value);
        labels_builder_set(&builder, name, value);
    }
    return labels_builder_labels(&builder, query->arena);
}
