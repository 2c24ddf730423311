#include "engine/absent_labels.h"

/* Does some matcher on this name refuse a missing label? */
static bool label_must_be_there(struct matcher *const *matchers, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(matchers[i]->name, name) && !matcher_matches(matchers[i], STR("")))
            return true;
    return false;
}

/* Prometheus's storage puts these behind the others, in the very list that absent looks at. */
static bool matcher_only_subtracts(struct matcher *const *matchers, size_t count, size_t index)
{
    const struct matcher *matcher = matchers[index];
    bool negative = matcher->kind == MATCH_NOT_EQUAL || matcher->kind == MATCH_NOT_REGEX;
    return !label_must_be_there(matchers, count, matcher->name) ||
           (negative && matcher_matches(matcher, STR("")));
}

struct absent_builder {
    struct query *query;
    struct labels_builder labels;
    struct str *seen; /* names that an `=` matcher has set */
    size_t seen_count;
};

static void absent_add(struct absent_builder *builder, const struct matcher *matcher)
{
    if (str_eq(matcher->name, STR("__name__")))
        return;
    bool sets = matcher->kind == MATCH_EQUAL;
    for (size_t i = 0; i < builder->seen_count && sets; i++)
        sets = !str_eq(builder->seen[i], matcher->name);
    if (sets)
        builder->seen[builder->seen_count++] = matcher->name;
    struct symbols *symbols = builder->query->symbols;
    labels_builder_set(&builder->labels, symbols_add(symbols, matcher->name),
                       sets ? symbols_add(symbols, matcher->value) : SYM_EMPTY);
}

const struct labels *absent_labels(struct query *query, struct matcher *const *matchers,
                                   size_t count)
{
    struct absent_builder builder = {
        .query = query,
        .seen = arena_array(query->arena, struct str, count),
    };
    labels_builder_reset(&builder.labels, query->symbols, &labels_empty);
    for (int subtracting = 0; subtracting < 2; subtracting++)
        for (size_t i = 0; i < count; i++)
            if (matcher_only_subtracts(matchers, count, i) == subtracting)
                absent_add(&builder, matchers[i]);
    const struct labels *labels = labels_builder_labels(&builder.labels, query->arena);
    labels_builder_done(&builder.labels);
    return labels;
}
