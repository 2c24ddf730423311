/*
 * Label names and values of a block. Without matchers they are read off the offset table; with
 * matchers, names are those of the series that match, and values those whose list meets them.
 */
#include "storage/db_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "storage/postings_match.h"

struct texts {
    struct budget *budget;
    struct str *items;
    size_t count;
    size_t cap;
};

static bool texts_add(struct texts *texts, struct str text, struct err *err)
{
    if (!budget_grow(texts->budget, texts->items, struct str, texts->count, &texts->cap, err))
        return false;
    texts->items[texts->count++] = text;
    return true;
}

static void texts_done_auto(struct texts *texts)
{
    free(texts->items);
    budget_release(texts->budget, texts->cap * sizeof *texts->items);
}

static int text_order(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* How many of `items` are not among the names. */
static size_t names_count_new(const struct names *names, const struct str *items, size_t count)
{
    size_t at = 0;
    size_t fresh = 0;
    for (size_t i = 0; i < count; i++) {
        while (at < names->count && str_cmp(names->items[at], items[i]) < 0)
            at++;
        fresh += at == names->count || !str_eq(names->items[at], items[i]);
    }
    return fresh;
}

/* Merges sorted texts into sorted names; those that are new are copied into the arena. */
static void names_merge(struct arena *arena, struct names *names, const struct str *items,
                        size_t count)
{
    size_t fresh = names_count_new(names, items, count);
    if (fresh == 0)
        return;
    struct names merged = {.items = arena_array(arena, struct str, names->count + fresh)};
    size_t at = 0;
    for (size_t i = 0; i < count && fresh > 0; i++) {
        while (at < names->count && str_cmp(names->items[at], items[i]) < 0)
            merged.items[merged.count++] = names->items[at++];
        if (at == names->count || !str_eq(names->items[at], items[i])) {
            merged.items[merged.count++] = arena_str(arena, items[i]);
            fresh--; /* not one more than were counted: a text may be lost meanwhile */
        }
    }
    while (at < names->count)
        merged.items[merged.count++] = names->items[at++];
    *names = merged;
}

/* The names of the series that match one set. */
static bool block_names_of_series(const struct index *index, const struct names_request *request,
                                  size_t set, struct texts *texts, struct err *err)
{
    AUTO(postings_done) struct postings postings = {0};
    if (!postings_select(index, request->matcher_sets[set], request->matcher_counts[set],
                         request->budget, &postings, err))
        return false;
    uint32_t end = index_symbol_end(index);
    AUTO(free) void *memory = mem_new_array(uint64_t, (size_t)end / 64 + 1);
    uint64_t *seen = memory;
    for (size_t i = 0; i < postings.count; i++) {
        struct index_series series;
        uint32_t name;
        uint32_t value;
        if (!index_series_open(index, postings.ids[i], &series, err))
            return false;
        while (index_series_label(&series, &name, &value)) {
            struct str text;
            if (name < end && (seen[name / 64] >> (name % 64) & 1))
                continue;
            if (!index_symbol(index, name, &text, err))
                return false;
            if (name < end)
                seen[name / 64] |= UINT64_C(1) << (name % 64);
            if (!texts_add(texts, text, err))
                return false;
        }
        if (!index_series_check(&series, err))
            return false;
    }
    return true;
}

bool block_label_names(struct block *block, const struct names_request *request,
                       struct names *names, struct err *err)
{
    const struct index *index = block_index(block);
    AUTO(texts_done) struct texts texts = {.budget = request->budget};
    bool ok = true;
    for (size_t i = 0; ok && i < request->set_count; i++)
        ok = block_names_of_series(index, request, i, &texts, err);
    if (request->set_count == 0)
        for (size_t i = 0; ok && i < index_name_count(index); i++)
            ok = texts_add(&texts, index_name(index, i), err);
    if (texts.count)
        qsort(texts.items, texts.count, sizeof *texts.items, text_order);
    size_t kept = 0;
    for (size_t i = 0; i < texts.count; i++)
        if (kept == 0 || !str_eq(texts.items[kept - 1], texts.items[i]))
            texts.items[kept++] = texts.items[i];
    names_merge(request->arena, names, texts.items, kept);
    block_forget(block);
    return block_index_end(block, ok, err);
}

/* The values that one set of matchers leaves. */
static bool block_values_of_set(const struct index *index, struct matcher *const *matchers,
                                size_t matcher_count, struct str name, struct texts *texts,
                                struct err *err)
{
    AUTO(postings_done) struct postings postings = {0};
    bool others = false;
    for (size_t i = 0; i < matcher_count; i++)
        others |= !str_eq(matchers[i]->name, name);
    if (others && !postings_select(index, matchers, matcher_count, texts->budget, &postings, err))
        return false;

    struct index_values values;
    index_values_begin(index, name, &values);
    while (index_values_next(&values)) {
        bool wanted = true;
        for (size_t i = 0; i < matcher_count && wanted; i++)
            if (str_eq(matchers[i]->name, name))
                wanted = matcher_matches(matchers[i], values.value);
        if (!wanted)
            continue;
        struct postings_view view;
        if (others) {
            if (!index_postings_at(index, values.postings_offset, &view, err))
                return false;
            wanted = postings_meets(&postings, view);
        }
        if (wanted && !texts_add(texts, values.value, err))
            return false;
    }
    return true;
}

bool block_label_values(struct block *block, const struct names_request *request, struct str name,
                        struct names *names, struct err *err)
{
    const struct index *index = block_index(block);
    AUTO(texts_done) struct texts texts = {.budget = request->budget};
    bool ok = true;
    if (request->set_count == 0)
        ok = block_values_of_set(index, NULL, 0, name, &texts, err);
    names_merge(request->arena, names, texts.items, texts.count);
    for (size_t i = 0; ok && i < request->set_count; i++) {
        texts.count = 0;
        ok = block_values_of_set(index, request->matcher_sets[i], request->matcher_counts[i], name,
                                 &texts, err);
        names_merge(request->arena, names, texts.items, texts.count);
    }
    block_forget(block);
    return block_index_end(block, ok, err);
}
