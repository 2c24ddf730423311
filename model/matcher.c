/*
 * A pattern made of ordinary characters and '|' alone is a list of literals, and ".*" and ".+" are
 * a literal's remainder: both are answered without the regex. Everything else is RE2's.
 */
#include "model/matcher.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/regex.h"

static bool is_meta(char c)
{
    return c == '\0' || strchr("\\.+*?()|[]{}^$", c) != NULL;
}

static int str_order(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Splits "a|b|c" if nothing in it is special, with a group around it or not. */
static void matcher_find_literals(struct arena *arena, struct matcher *m)
{
    struct str text = m->value;
    if (text.len >= 2 && text.ptr[0] == '(' && text.ptr[text.len - 1] == ')') {
        text.ptr++;
        text.len -= 2;
    }
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '|')
            count++;
        else if (is_meta(text.ptr[i]))
            return;
    }
    if (count > MATCHER_LITERALS_MAX)
        return;

    m->literals = arena_array(arena, struct str, count);
    size_t from = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.ptr[i] != '|')
            continue;
        m->literals[m->literal_count++] = (struct str){text.ptr + from, i - from};
        from = i + 1;
    }
    qsort(m->literals, count, sizeof *m->literals, str_order);
}

static void matcher_find_prefix(struct arena *arena, struct matcher *m)
{
    char prefix[256];
    size_t len = regex_prefix(m->regex, prefix, sizeof prefix);
    m->prefix = arena_str(arena, (struct str){prefix, len});
}

bool matcher_new(struct arena *arena, enum match_kind kind, struct str name, struct str value,
                 struct matcher **ret_matcher, struct err *err)
{
    struct matcher *m = arena_new(arena, struct matcher);
    m->kind = kind;
    m->name = arena_str(arena, name);
    m->value = arena_str(arena, value);
    if (kind == MATCH_REGEX || kind == MATCH_NOT_REGEX) {
        if (!regex_create(m->value, &m->regex, err))
            return false;
        matcher_find_literals(arena, m);
        if (!m->literals)
            matcher_find_prefix(arena, m);
    }
    *ret_matcher = m;
    return true;
}

/* The values with '|' between them, and a backslash before what is special: regexp.QuoteMeta. */
static struct str matcher_listed_pattern(struct arena *arena, const struct str *values,
                                         size_t count)
{
    AUTO(buf_done) struct buf pattern = {0};
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_byte(&pattern, '|');
        for (size_t k = 0; k < values[i].len; k++) {
            if (values[i].ptr[k] != '\0' && is_meta(values[i].ptr[k]))
                buf_byte(&pattern, '\\');
            buf_byte(&pattern, values[i].ptr[k]);
        }
    }
    return arena_str(arena, buf_view(&pattern));
}

struct matcher *matcher_new_listed(struct arena *arena, struct str name, struct str *values,
                                   size_t count)
{
    qsort(values, count, sizeof *values, str_order);
    struct matcher *m = arena_new(arena, struct matcher);
    m->kind = MATCH_REGEX;
    m->name = name;
    m->value = matcher_listed_pattern(arena, values, count);
    m->literals = values;
    m->literal_count = count;
    return m;
}

void matcher_done(struct matcher *matcher)
{
    if (!matcher)
        return;
    regex_destroy(matcher->regex);
    matcher->regex = NULL;
}

static bool matcher_regex_matches(const struct matcher *m, struct str value)
{
    if (m->literals)
        return bsearch(&value, m->literals, m->literal_count, sizeof value, str_order) != NULL;
    if (!str_starts(value, m->prefix))
        return false;
    return regex_matches(m->regex, value);
}

bool matcher_matches(const struct matcher *m, struct str value)
{
    switch (m->kind) {
    case MATCH_EQUAL:
        return str_eq(m->value, value);
    case MATCH_NOT_EQUAL:
        return !str_eq(m->value, value);
    case MATCH_REGEX:
        return matcher_regex_matches(m, value);
    case MATCH_NOT_REGEX:
        return !matcher_regex_matches(m, value);
    }
    __builtin_unreachable();
}

const char *match_kind_text(enum match_kind kind)
{
    static const char *const texts[] = {"=", "!=", "=~", "!~"};
    return texts[kind];
}
