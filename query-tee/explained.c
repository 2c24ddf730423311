#include "query-tee/explained.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/regex.h"

#define EXPLAINED_SIZE_MAX ((size_t)1 << 20)

struct explanation {
    enum difference_class class;
    struct regex *query;
    struct regex *values; /* NULL: any */
};

struct explained {
    struct explanation *items;
    size_t count;
    size_t cap;
};

/* Up to the next tab, or all of it. */
static struct str field_take(struct str *rest)
{
    const char *tab = memchr(rest->ptr, '\t', rest->len);
    struct str field = {rest->ptr, tab ? (size_t)(tab - rest->ptr) : rest->len};
    size_t used = field.len + (tab != NULL);
    *rest = (struct str){rest->ptr + used, rest->len - used};
    return field;
}

static bool class_parse(struct str name, enum difference_class *ret_class)
{
    for (size_t i = 0; i < DIFF_COUNT; i++)
        if (str_eq(name, str_of(difference_name((enum difference_class)i)))) {
            *ret_class = (enum difference_class)i;
            return true;
        }
    return false;
}

static bool explained_add(struct explained *explained, struct str line, struct err *err)
{
    struct str name = field_take(&line);
    struct str query = field_take(&line);
    struct explanation item = {0};
    if (!class_parse(name, &item.class))
        return err_set(err, ERR_BAD_DATA, "\"%.*s\" is no class of differences", STR_ARGS(name));
    if (query.len == 0)
        return err_set(err, ERR_BAD_DATA, "a tab and a pattern are missing");
    if (!regex_create(query, &item.query, err))
        return false;
    if (line.len > 0 && !regex_create(line, &item.values, err)) {
        regex_destroy(item.query);
        return false;
    }
    mem_grow(explained->items, struct explanation, explained->count, &explained->cap);
    explained->items[explained->count++] = item;
    return true;
}

bool explained_open(const char *path, struct explained **ret_explained, struct err *err)
{
    AUTO(buf_done) struct buf text = {0};
    if (!file_read(path, EXPLAINED_SIZE_MAX, &text, err))
        return false;
    AUTO(explained_close) struct explained *explained = mem_new(struct explained);
    size_t number = 0;
    for (struct str rest = buf_view(&text); rest.len > 0;) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        struct str line = {rest.ptr, end ? (size_t)(end - rest.ptr) : rest.len};
        size_t used = line.len + (end != NULL);
        rest = (struct str){rest.ptr + used, rest.len - used};
        number++;
        if (line.len > 0 && line.ptr[0] != '#' && !explained_add(explained, line, err))
            return err_wrap(err, "%s:%zu", path, number);
    }
    *ret_explained = TAKE(explained);
    return true;
}

void explained_close(struct explained *explained)
{
    if (!explained)
        return;
    for (size_t i = 0; i < explained->count; i++) {
        regex_destroy(explained->items[i].query);
        regex_destroy(explained->items[i].values);
    }
    free(explained->items);
    free(explained);
}

static bool explanation_fits(const struct explanation *item, struct str query,
                             const struct difference *example)
{
    if (!regex_matches(item->query, query))
        return false;
    if (!item->values)
        return true;
    AUTO(buf_done) struct buf both = {0};
    buf_str(&both, example->preferred);
    buf_byte(&both, '\n');
    buf_str(&both, example->other);
    return regex_matches(item->values, buf_view(&both));
}

static bool example_is_explained(const struct explained *explained, enum difference_class class,
                                 struct str query, const struct difference *example)
{
    for (size_t i = 0; i < explained->count; i++)
        if (explained->items[i].class == class &&
            explanation_fits(&explained->items[i], query, example))
            return true;
    return false;
}

bool explained_covers(const struct explained *explained, struct str query,
                      const struct comparison *comparison)
{
    static const struct difference none = {0}; /* of a class that has no examples */
    for (size_t class = 0; class < DIFF_COUNT; class ++) {
        size_t count = comparison->example_counts[class];
        if (comparison->counts[class] > 0 && count == 0 &&
            !example_is_explained(explained, (enum difference_class) class, query, &none))
            return false;
        for (size_t i = 0; i < count; i++)
            if (!example_is_explained(explained, (enum difference_class) class, query,
                                      &comparison->examples[class][i]))
                return false;
    }
    return true;
}
