#include "engine/op/info_matchers.h"

#include "model/matcher.h"

static bool info_matchers_split(struct info_matchers *self, struct err *err)
{
    struct arena *arena = self->query->arena;
    const struct vector_selector none = {0};
    const struct vector_selector *selector = self->selector ? self->selector : &none;
    self->names = arena_array(arena, struct matcher *, selector->matcher_count + 1);
    self->data = arena_array(arena, struct matcher *, selector->matcher_count);
    self->take_empty = true;
    bool named = false;
    for (size_t i = 0; i < selector->matcher_count; i++) {
        struct matcher *matcher = selector->matchers[i];
        if (str_eq(matcher->name, STR("__name__"))) {
            self->names[self->name_count++] = matcher;
            named |= matcher->kind == MATCH_EQUAL || matcher->kind == MATCH_REGEX;
        } else {
            self->data[self->data_count++] = matcher;
            self->take_empty = self->take_empty && matcher_matches(matcher, STR(""));
        }
    }
    if (named)
        return true;
    bool excludes = self->name_count > 0;
    if (!matcher_new(arena, excludes ? MATCH_REGEX : MATCH_EQUAL, STR("__name__"),
                     excludes ? STR(".+_info") : STR("target_info"), &self->made, err))
        return false;
    self->names[self->name_count++] = self->made;
    return true;
}

static void info_matchers_ignore(struct info_matchers *self, const struct op *base)
{
    self->ignored = arena_array(self->query->arena, bool, base->series_count);
    for (size_t i = 0; i < base->series_count; i++) {
        struct str name = symbols_get(self->query->symbols, labels_get(base->labels[i], SYM_NAME));
        self->ignored[i] = true;
        for (size_t k = 0; k < self->name_count && self->ignored[i]; k++)
            self->ignored[i] = matcher_matches(self->names[k], name);
    }
}

/* One that takes the values that base series have under a name; NULL: none has any. */
static struct matcher *info_matchers_values(const struct info_matchers *self, const struct op *base,
                                            uint32_t name)
{
    const struct symbols *symbols = self->query->symbols;
    struct arena *arena = self->query->arena;
    bool *seen = arena_array(arena, bool, symbols_count(symbols));
    struct str *values = arena_array(arena, struct str, base->series_count);
    size_t count = 0;
    for (size_t i = 0; i < base->series_count; i++) {
        uint32_t value = labels_get(base->labels[i], name);
        if (self->ignored[i] || value == SYM_EMPTY || seen[value])
            continue;
        seen[value] = true;
        values[count++] = symbols_get(symbols, value);
    }
    return count ? matcher_new_listed(arena, symbols_get(symbols, name), values, count) : NULL;
}

bool info_matchers_open(struct info_matchers *matchers, const struct op *base,
                        struct vector_selector *ret_infos, bool *ret_any, struct err *err)
{
    struct query *query = matchers->query;
    matchers->instance = symbols_add(query->symbols, STR("instance"));
    matchers->job = symbols_add(query->symbols, STR("job"));
    if (!info_matchers_split(matchers, err))
        return false;
    info_matchers_ignore(matchers, base);

    size_t room = matchers->name_count + matchers->data_count + 2;
    struct matcher **all = arena_array(query->arena, struct matcher *, room);
    size_t count = 0;
    const uint32_t identifying[] = {matchers->instance, matchers->job};
    for (size_t i = 0; i < ARRAY_COUNT(identifying); i++) {
        struct matcher *matcher = info_matchers_values(matchers, base, identifying[i]);
        if (matcher)
            all[count++] = matcher;
    }
    *ret_any = count > 0;
    for (size_t i = 0; i < matchers->data_count; i++)
        all[count++] = matchers->data[i];
    for (size_t i = 0; i < matchers->name_count; i++)
        all[count++] = matchers->names[i];
    ret_infos->matchers = all;
    ret_infos->matcher_count = count;
    return arena_check(query->arena, err);
}

bool info_matchers_want(const struct info_matchers *matchers, uint32_t name)
{
    struct str text = symbols_get(matchers->query->symbols, name);
    bool wanted = matchers->data_count == 0;
    for (size_t i = 0; i < matchers->data_count && !wanted; i++)
        wanted = str_eq(matchers->data[i]->name, text);
    return wanted;
}

void info_matchers_done(struct info_matchers *matchers)
{
    matcher_done(matchers->made);
    matchers->made = NULL;
}
