/*
 * A matcher that refuses the empty value holds for the series that have one of the values it
 * accepts: those are kept. One that accepts the empty value holds for all but the series that have
 * a value it refuses: those are dropped. The first set is the shortest list that a single value
 * names, or else all series.
 *
 * The values are taken from the matcher where it says them itself (equality, "a|b|c"), from the
 * part of the table behind its prefix, or else from all values of the label.
 */
#include "storage/postings_match.h"

/* The same condition without the not: what "!=" and "!~" compare with. */
static bool matcher_is_not(const struct matcher *m)
{
    return m->kind == MATCH_NOT_EQUAL || m->kind == MATCH_NOT_REGEX;
}

static bool matcher_is_regex(const struct matcher *m)
{
    return m->kind == MATCH_REGEX || m->kind == MATCH_NOT_REGEX;
}

static bool matcher_is_pattern(const struct matcher *m, const char *pattern)
{
    return matcher_is_regex(m) && str_eq(m->value, str_of(pattern));
}

static bool matcher_takes_empty(const struct matcher *m)
{
    return matcher_matches(m, STR(""));
}

static bool postings_mark_value(const struct index *index, struct str name, struct str value,
                                struct postings *postings, struct err *err)
{
    struct postings_view view;
    if (!index_postings(index, name, value, &view, err))
        return false;
    postings_mark(postings, view);
    return true;
}

/* The list of a value just found. */
static bool postings_mark_found(const struct index_values *values, struct postings *postings,
                                struct err *err)
{
    struct postings_view view;
    if (!index_postings_at(values->index, values->postings_offset, &view, err))
        return false;
    postings_mark(postings, view);
    return true;
}

/* Marks the series with a value that equals, or matches, what the matcher compares with. */
static bool postings_mark_equal(const struct index *index, const struct matcher *m,
                                struct postings *postings, struct err *err)
{
    if (!matcher_is_regex(m))
        return postings_mark_value(index, m->name, m->value, postings, err);
    for (size_t i = 0; i < m->literal_count; i++)
        if (m->literals[i].len &&
            !postings_mark_value(index, m->name, m->literals[i], postings, err))
            return false;
    if (m->literals)
        return true;

    struct index_values values;
    bool any = matcher_is_pattern(m, ".+") || matcher_is_pattern(m, ".*");
    index_values_begin(index, m->name, &values);
    index_values_seek(&values, m->prefix);
    while (index_values_next(&values)) {
        if (!str_starts(values.value, m->prefix))
            break;
        if (!any && matcher_matches(m, values.value) == matcher_is_not(m))
            continue;
        if (!postings_mark_found(&values, postings, err))
            return false;
    }
    return true;
}

/* Marks the series with a value that does not. */
static bool postings_mark_other(const struct index *index, const struct matcher *m,
                                struct postings *postings, struct err *err)
{
    struct index_values values;
    index_values_begin(index, m->name, &values);
    while (index_values_next(&values)) {
        if (matcher_matches(m, values.value) != matcher_is_not(m))
            continue;
        if (!postings_mark_found(&values, postings, err))
            return false;
    }
    return true;
}

static bool postings_apply(const struct index *index, const struct matcher *m,
                           struct postings *postings, struct err *err)
{
    bool keep = !matcher_takes_empty(m);
    if (matcher_is_pattern(m, ".*") && !matcher_is_not(m))
        return true;

    bool mark_equal = keep != matcher_is_not(m);
    bool ok = mark_equal ? postings_mark_equal(index, m, postings, err)
                         : postings_mark_other(index, m, postings, err);
    if (keep)
        postings_keep_marked(postings);
    else
        postings_drop_marked(postings);
    return ok;
}

/* The one value a matcher asks for, if it is one. */
static bool matcher_single_value(const struct matcher *m, struct str *ret_value)
{
    bool single = m->kind == MATCH_REGEX && m->literal_count == 1;
    *ret_value = single ? m->literals[0] : m->value;
    return (single || m->kind == MATCH_EQUAL) && ret_value->len > 0;
}

bool postings_select(const struct index *index, struct matcher *const *matchers,
                     size_t matcher_count, struct budget *budget, struct postings *ret_postings,
                     struct err *err)
{
    struct postings_view view = {0};
    size_t base = matcher_count;
    for (size_t i = 0; i < matcher_count; i++) {
        struct str value;
        struct postings_view next;
        if (!matcher_single_value(matchers[i], &value))
            continue;
        if (!index_postings(index, matchers[i]->name, value, &next, err))
            return false;
        if (base == matcher_count || next.count < view.count) {
            base = i;
            view = next;
        }
    }
    if (base == matcher_count && !index_postings_all(index, &view, err))
        return false;

    AUTO(postings_done) struct postings postings = {0};
    if (!postings_init(&postings, view, budget, err))
        return false;
    for (size_t i = 0; i < matcher_count && postings.count; i++)
        if (i != base && !postings_apply(index, matchers[i], &postings, err))
            return false;
    *ret_postings = postings;
    postings = (struct postings){0};
    return true;
}
