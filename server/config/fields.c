#include "server/config/fields.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/float_text.h"
#include "model/duration.h"
#include "model/flags.h"

bool config_fail(const struct config_reader *reader, const struct yaml_node *node, struct err *err,
                 const char *fmt, ...)
{
    AUTO(buf_done) struct buf words = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&words, fmt, ap);
    va_end(ap);
    return err_set(err, ERR_BAD_DATA, "%s:%zu: %s", reader->path, node->line,
                   buf_terminated(&words));
}

void config_warn(const struct config_reader *reader, const struct yaml_node *node, const char *fmt,
                 ...)
{
    AUTO(buf_done) struct buf words = {0};
    buf_printf(&words, "%s:%zu: ", reader->path, node->line);
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&words, fmt, ap);
    va_end(ap);
    reader->warn(reader->context, buf_terminated(&words));
}

/* False with an error for lists and maps. */
static bool config_scalar(const struct config_reader *reader, const struct yaml_node *value,
                          struct err *err)
{
    return value->kind == YAML_SCALAR ||
           config_fail(reader, value, err, "a single value is wanted here, not a list or map");
}

/* Counts keys that are about to be read. */
static bool config_charge(struct config_reader *reader, const struct yaml_node *node,
                          size_t key_count, struct err *err)
{
    reader->key_count += key_count;
    return reader->key_count <= CONFIG_KEYS_MAX ||
           err_set(err, ERR_LIMIT, "%s:%zu: with its aliases the file has more than %d keys",
                   reader->path, node->line, CONFIG_KEYS_MAX);
}

/* Maps that a map takes in by "<<", one in another. */
#define MERGE_DEPTH_MAX 8

/* One map on its way into a struct. */
struct map_run {
    struct config_reader *reader;
    const struct config_section *section;
    void *into;
    /* By field: where its key stood; NULL: not yet. */
    const struct yaml_node **seen;
};

static const struct config_field *run_find(const struct map_run *run, struct str key)
{
    for (size_t i = 0; i < run->section->count; i++)
        if (str_eq(key, str_of(run->section->fields[i].key)))
            return &run->section->fields[i];
    return NULL;
}

static bool run_take(struct map_run *run, const struct yaml_node *key,
                     const struct yaml_node *value, bool merged, struct err *err)
{
    const struct config_field *field = run_find(run, key->text);
    if (!field && merged)
        return true; /* it may be for others that share the map */
    if (!field) {
        config_warn(run->reader, key, "%s%s%.*s is unknown, and left out", run->section->name,
                    *run->section->name ? "." : "", STR_ARGS(key->text));
        return true;
    }
    const struct yaml_node **seen = &run->seen[field - run->section->fields];
    if (*seen && merged)
        return true; /* what is told in the map itself wins */
    if (*seen)
        return config_fail(run->reader, key, err, "%s is there twice; first in line %zu",
                           field->key, (*seen)->line);
    *seen = key;
    if (!field->read || yaml_is_null(value))
        return true;
    return field->read(run->reader, value, (char *)run->into + field->offset, err);
}

static bool run_map(struct map_run *run, const struct yaml_node *map, size_t depth,
                    struct err *err);

static bool run_merge(struct map_run *run, const struct yaml_node *value, size_t depth,
                      struct err *err)
{
    if (value->kind == YAML_MAP)
        return run_map(run, value, depth + 1, err);
    if (value->kind == YAML_SCALAR || depth == MERGE_DEPTH_MAX)
        return config_fail(run->reader, value, err, "\"<<\" takes maps");
    if (!config_charge(run->reader, value, value->count, err))
        return false;
    for (size_t i = 0; i < value->count; i++)
        if (!run_merge(run, value->items[i], depth + 1, err))
            return false;
    return true;
}

static bool run_map(struct map_run *run, const struct yaml_node *map, size_t depth, struct err *err)
{
    if (map->kind != YAML_MAP)
        return config_fail(run->reader, map, err, "%s: a map is wanted here",
                           *run->section->name ? run->section->name : "the whole");
    if (depth > MERGE_DEPTH_MAX)
        return config_fail(run->reader, map, err, "\"<<\" nests deeper than %d", MERGE_DEPTH_MAX);
    if (!config_charge(run->reader, map, map->count / 2, err))
        return false;
    for (size_t i = 0; i < map->count; i += 2) {
        const struct yaml_node *key = map->items[i];
        if (!config_scalar(run->reader, key, err))
            return false;
        bool merge = key->plain && str_eq(key->text, STR("<<"));
        if (!merge && !run_take(run, key, map->items[i + 1], depth > 0, err))
            return false;
    }
    for (size_t i = 0; i < map->count; i += 2) {
        const struct yaml_node *key = map->items[i];
        if (key->plain && str_eq(key->text, STR("<<")) &&
            !run_merge(run, map->items[i + 1], depth, err))
            return false;
    }
    return true;
}

bool config_read_map(struct config_reader *reader, const struct yaml_node *map,
                     const struct config_section *section, void *into, struct err *err)
{
    struct map_run run = {reader, section, into, NULL};
    run.seen = arena_array(reader->arena, const struct yaml_node *, section->count);
    return run_map(&run, map, 0, err);
}

bool config_read_text(struct config_reader *reader, const struct yaml_node *value, void *into,
                      struct err *err)
{
    if (!config_scalar(reader, value, err))
        return false;
    *(const char **)into = value->text.ptr;
    return true;
}

bool config_read_path(struct config_reader *reader, const struct yaml_node *value, void *into,
                      struct err *err)
{
    if (!config_scalar(reader, value, err))
        return false;
    bool absolute = value->text.len == 0 || value->text.ptr[0] == '/';
    *(const char **)into =
        arena_printf(reader->arena, "%s%s", absolute ? "" : reader->folder, value->text.ptr);
    return true;
}

bool config_read_switch(struct config_reader *reader, const struct yaml_node *value, void *into,
                        struct err *err)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    if (!config_scalar(reader, value, err))
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(words); i++)
        if (value->plain && strcasecmp(value->text.ptr, words[i]) == 0) {
            *(bool *)into = i % 2 != 0;
            return true;
        }
    return config_fail(reader, value, err, "\"%s\" is not true or false", value->text.ptr);
}

bool config_read_duration(struct config_reader *reader, const struct yaml_node *value, void *into,
                          struct err *err)
{
    struct err why;
    if (!config_scalar(reader, value, err))
        return false;
    return duration_read(value->text, into, &why) || config_fail(reader, value, err, "%s", why.msg);
}

bool config_read_count(struct config_reader *reader, const struct yaml_node *value, void *into,
                       struct err *err)
{
    if (!config_scalar(reader, value, err))
        return false;
    char *end = NULL;
    errno = 0;
    long long number = strtoll(value->text.ptr, &end, 10);
    if (value->text.len == 0 || *end || errno || number < 0)
        return config_fail(reader, value, err, "\"%s\" is no number of things", value->text.ptr);
    *(int64_t *)into = number;
    return true;
}

bool config_read_size(struct config_reader *reader, const struct yaml_node *value, void *into,
                      struct err *err)
{
    if (!config_scalar(reader, value, err))
        return false;
    bool part = str_ends(value->text, STR("%")); /* of the memory, which nobody means here */
    if (part || !size_parse(value->text, into))
        return config_fail(reader, value, err, "\"%s\" is no size, such as 512MB", value->text.ptr);
    return true;
}

bool config_read_percent(struct config_reader *reader, const struct yaml_node *value, void *into,
                         struct err *err)
{
    if (!config_scalar(reader, value, err))
        return false;
    double number;
    bool range;
    if (!float_parse(value->text, &number, &range) || !(number >= 0 && number <= 100))
        return config_fail(reader, value, err, "\"%s\" is not in the range [0, 100]",
                           value->text.ptr);
    *(double *)into = number;
    return true;
}

static int pair_cmp(const void *a, const void *b)
{
    return strcmp(((const struct config_pair *)a)->name, ((const struct config_pair *)b)->name);
}

bool config_read_pairs(struct config_reader *reader, const struct yaml_node *value, void *into,
                       struct err *err)
{
    struct config_pairs *pairs = into;
    if (value->kind != YAML_MAP)
        return config_fail(reader, value, err, "a map of names to texts is wanted here");
    if (!config_charge(reader, value, value->count / 2, err))
        return false;
    pairs->count = value->count / 2;
    pairs->items = arena_array(reader->arena, struct config_pair, pairs->count);
    for (size_t i = 0; i < pairs->count; i++) {
        const struct yaml_node *name = value->items[2 * i], *text = value->items[2 * i + 1];
        if (!config_scalar(reader, name, err) || !config_scalar(reader, text, err))
            return false;
        pairs->items[i] =
            (struct config_pair){name->text.ptr, yaml_is_null(text) ? "" : text->text.ptr};
    }
    if (pairs->count > 0)
        qsort(pairs->items, pairs->count, sizeof pairs->items[0], pair_cmp);
    for (size_t i = 1; i < pairs->count; i++)
        if (strcmp(pairs->items[i - 1].name, pairs->items[i].name) == 0)
            return config_fail(reader, value, err, "%s is there twice", pairs->items[i].name);
    return true;
}
