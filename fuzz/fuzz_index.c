/* Any bytes as an index: everything that can be asked of it is asked. */
#include <stdlib.h>

#include "storage/index_read.h"
#include "storage/postings_match.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask_series(const struct index *index, uint32_t id)
{
    static struct err err;
    struct index_series series;
    struct chunk_meta meta;
    struct str text;
    uint32_t name;
    uint32_t value;
    if (!index_series_open(index, id, &series, &err))
        return;
    while (index_series_label(&series, &name, &value)) {
        (void)!index_symbol(index, name, &text, &err);
        (void)!index_symbol(index, value, &text, &err);
    }
    int64_t last_ms = INT64_MIN;
    while (index_series_chunk(&series, &meta)) {
        if (meta.begin_ms > meta.end_ms || meta.begin_ms < last_ms)
            abort();
        last_ms = meta.end_ms;
    }
    (void)!index_series_check(&series, &err);
}

static void ask_matcher(const struct index *index, enum match_kind kind, struct str name,
                        struct str value)
{
    static struct err err;
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct matcher *m = NULL;
    struct postings postings;
    if (!matcher_new(arena, kind, name, value, &m, &err))
        abort();
    if (postings_select(index, &m, 1, NULL, &postings, &err)) {
        for (size_t i = 0; i < postings.count; i++)
            ask_series(index, postings.ids[i]);
        postings_done(&postings);
    }
    matcher_done(m);
}

static void ask_values(const struct index *index, struct str name)
{
    struct index_values values;
    size_t count = 0;
    index_values_begin(index, name, &values);
    while (index_values_next(&values)) {
        struct index_values found;
        index_values_begin(index, name, &found);
        index_values_seek(&found, values.value);
        if (!index_values_next(&found) || !str_eq(found.value, values.value))
            abort();
        if (count++ < 20)
            ask_matcher(index, MATCH_EQUAL, name, values.value);
    }
    if (count != index_value_count(index, name))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct err err;
    struct index *index = NULL;
    if (!index_open(data, size, &index, &err)) {
        if (err.kind != ERR_CORRUPT)
            abort();
        return 0;
    }
    for (size_t i = 0; i < index_name_count(index) && i < 20; i++) {
        ask_values(index, index_name(index, i));
        ask_matcher(index, MATCH_REGEX, index_name(index, i), STR("v.*[02]"));
        ask_matcher(index, MATCH_NOT_EQUAL, index_name(index, i), STR(""));
        ask_matcher(index, MATCH_NOT_REGEX, index_name(index, i), STR("v0|v1"));
    }
    ask_matcher(index, MATCH_EQUAL, STR("none"), STR(""));
    index_close(index);
    return 0;
}
