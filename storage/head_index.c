#include "storage/head_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

struct head_index *head_index_create(void)
{
    struct head_index *index = mem_new(struct head_index);
    index->arena = arena_create(NULL);
    index->symbols = symbols_new(index->arena);
    return index;
}

void head_index_destroy(struct head_index *index)
{
    if (!index)
        return;
    for (size_t i = 0; i < index->count; i++)
        live_series_destroy(index->series[i]);
    for (size_t i = 0; i < index->pair_count; i++)
        free(index->pairs[i].slots);
    for (size_t i = 0; i < index->name_count; i++)
        free(index->names[i].pairs);
    free(index->series);
    free(index->labels);
    free(index->pairs);
    free(index->names);
    map_done(&index->by_text);
    map_done(&index->by_ref);
    map_done(&index->by_labels);
    map_done(&index->by_pair);
    map_done(&index->by_name);
    free(index->scratch);
    symbols_done(index->symbols);
    arena_destroy(index->arena);
    free(index);
}

/*
 * References count up from 1, so taken as they are they fill the table without a collision, and
 * those of one scrape lie side by side.
 */
static uint64_t ref_hash(uint64_t ref)
{
    return ref;
}

uint32_t head_index_slot(const struct head_index *index, uint64_t ref)
{
    struct map_probe at = map_find(&index->by_ref, ref_hash(ref));
    return map_hit(&index->by_ref, &at) ? at.index : UINT32_MAX;
}

struct live_series *head_index_find(const struct head_index *index, uint64_t ref)
{
    uint32_t slot = head_index_slot(index, ref);
    if (slot == UINT32_MAX || index->series[slot]->dead)
        return NULL;
    return index->series[slot];
}

static uint64_t pair_hash(uint32_t name, uint32_t value)
{
    return hash_mix(0, (uint64_t)name << 32 | value);
}

static uint32_t pair_find(const struct head_index *index, uint32_t name, uint32_t value)
{
    struct map_probe at = map_find(&index->by_pair, pair_hash(name, value));
    for (; map_hit(&index->by_pair, &at); map_next(&index->by_pair, &at)) {
        const struct label_pair *pair = &index->pairs[at.index];
        if (pair->name == name && pair->value == value)
            return at.index;
    }
    return UINT32_MAX;
}

const struct label_pair *head_index_pair(const struct head_index *index, uint32_t name,
                                         uint32_t value)
{
    uint32_t at = pair_find(index, name, value);
    return at == UINT32_MAX ? NULL : &index->pairs[at];
}

static uint32_t name_find(const struct head_index *index, uint32_t name)
{
    struct map_probe at = map_find(&index->by_name, name);
    return map_hit(&index->by_name, &at) ? at.index : UINT32_MAX;
}

const struct label_name *head_index_name(const struct head_index *index, uint32_t name)
{
    uint32_t at = name_find(index, name);
    return at == UINT32_MAX ? NULL : &index->names[at];
}

static void u32_append(uint32_t **items, uint32_t *count, uint32_t *cap, uint32_t item)
{
    if (*count == *cap) {
        *cap += *cap < 4 ? 1 : *cap / 2;
        *items = mem_resize(*items, uint32_t, *cap);
    }
    (*items)[(*count)++] = item;
}

/* A pair not seen before joins the values of its name. */
static uint32_t pair_add(struct head_index *index, uint32_t name, uint32_t value)
{
    uint32_t name_at = name_find(index, name);
    if (name_at == UINT32_MAX) {
        mem_grow(index->names, struct label_name, index->name_count, &index->name_cap);
        name_at = (uint32_t)index->name_count++;
        index->names[name_at] = (struct label_name){.name = name};
        map_insert(&index->by_name, name, name_at);
    }
    mem_grow(index->pairs, struct label_pair, index->pair_count, &index->pair_cap);
    uint32_t at = (uint32_t)index->pair_count++;
    index->pairs[at] = (struct label_pair){.name = name, .value = value};
    map_insert(&index->by_pair, pair_hash(name, value), at);

    struct label_name *entry = &index->names[name_at];
    u32_append(&entry->pairs, &entry->count, &entry->cap, at);
    return at;
}

/* Takes the series into the next slot. */
static void head_index_put(struct head_index *index, struct live_series *series,
                           const struct labels *labels)
{
    uint32_t slot = (uint32_t)index->count;
    mem_grow(index->series, struct live_series *, index->count, &index->cap);
    mem_grow(index->labels, const struct labels *, index->count, &index->labels_cap);
    index->series[slot] = series;
    index->labels[slot] = labels;
    index->count++;
    map_insert(&index->by_labels, labels_hash(labels), slot);

    for (size_t i = 0; i < labels->count; i++) {
        struct label label = labels->pairs[i];
        uint32_t at = pair_find(index, label.name, label.value);
        if (at == UINT32_MAX)
            at = pair_add(index, label.name, label.value);
        struct label_pair *pair = &index->pairs[at];
        u32_append(&pair->slots, &pair->count, &pair->cap, slot);
    }
}

/* Puts a label into its place in the scratch set; the last value of a name wins. */
static void scratch_set(struct head_index *index, struct label label)
{
    struct labels *set = index->scratch;
    uint32_t at = set->count;
    int order = -1;
    while (at > 0) {
        order = symbols_cmp(index->symbols, set->pairs[at - 1].name, label.name);
        if (order <= 0)
            break;
        at--;
    }
    if (at > 0 && order == 0) {
        set->pairs[at - 1].value = label.value;
        return;
    }
    memmove(&set->pairs[at + 1], &set->pairs[at], (set->count - at) * sizeof label);
    set->pairs[at] = label;
    set->count++;
}

/* An empty scratch set with room for so many labels. */
static struct labels *scratch_reserve(struct head_index *index, size_t count)
{
    if (!index->scratch || index->scratch_cap < count) {
        index->scratch_cap = count + 16;
        size_t size = sizeof(struct labels) + index->scratch_cap * sizeof(struct label);
        index->scratch = (struct labels *)mem_resize(index->scratch, char, size);
    }
    index->scratch->count = 0;
    return index->scratch;
}

/* Records have their labels sorted and without empty values; whatever they have, this is a set. */
static const struct labels *scratch_build(struct head_index *index, const struct wal_label *labels,
                                          size_t count)
{
    scratch_reserve(index, count);
    for (size_t i = 0; i < count; i++) {
        if (labels[i].value.len == 0)
            continue;
        struct label label = {
            .name = symbols_add(index->symbols, labels[i].name),
            .value = symbols_add(index->symbols, labels[i].value),
        };
        scratch_set(index, label);
    }
    return index->scratch;
}

static uint32_t head_index_same(const struct head_index *index, const struct labels *labels)
{
    struct map_probe at = map_find(&index->by_labels, labels_hash(labels));
    for (; map_hit(&index->by_labels, &at); map_next(&index->by_labels, &at))
        if (labels_equal(index->labels[at.index], labels))
            return at.index;
    return UINT32_MAX;
}

/* From now on the reference leads to the slot: it may have been given anew after a restart. */
static void head_index_point(struct head_index *index, uint64_t ref, uint32_t slot)
{
    struct map_probe at = map_find(&index->by_ref, ref_hash(ref));
    if (map_hit(&index->by_ref, &at))
        index->by_ref.slots[at.slot].index = slot + 1;
    else
        map_insert(&index->by_ref, ref_hash(ref), slot);
}

struct live_series *head_index_add(struct head_index *index, uint64_t ref,
                                   const struct wal_label *labels, size_t count)
{
    const struct labels *set = scratch_build(index, labels, count);
    uint32_t slot = head_index_same(index, set);
    if (slot == UINT32_MAX) {
        slot = (uint32_t)index->count;
        head_index_put(index, live_series_create(ref),
                       labels_new(index->arena, set->pairs, set->count));
    }
    head_index_point(index, ref, slot);
    struct live_series *series = index->series[slot];
    if (series->dead)
        series->ref = ref; /* its old one leads nowhere, for others who read the log */
    series->dead = false;
    return series;
}

size_t head_index_texts(const struct head_index *index, uint32_t slot, struct wal_label **labels,
                        size_t *cap)
{
    const struct labels *set = index->labels[slot];
    if (*cap < set->count) {
        *cap = set->count;
        *labels = mem_resize(*labels, struct wal_label, *cap);
    }
    for (uint32_t i = 0; i < set->count; i++)
        (*labels)[i] = (struct wal_label){symbols_get(index->symbols, set->pairs[i].name),
                                          symbols_get(index->symbols, set->pairs[i].value)};
    return set->count;
}

/* The slot of a set of sorted texts, or UINT32_MAX. */
static uint32_t head_index_seek_slot(struct head_index *index, const struct wal_label *labels,
                                     size_t count)
{
    struct labels *set = scratch_reserve(index, count);
    for (size_t i = 0; i < count; i++) {
        struct label label = {
            .name = symbols_find(index->symbols, labels[i].name),
            .value = symbols_find(index->symbols, labels[i].value),
        };
        if (label.name == UINT32_MAX || label.value == UINT32_MAX)
            return UINT32_MAX;
        set->pairs[set->count++] = label;
    }
    return head_index_same(index, set);
}

static struct live_series *series_living(struct live_series *series)
{
    return series->dead ? NULL : series;
}

struct live_series *head_index_seek(struct head_index *index, const struct wal_label *labels,
                                    size_t count)
{
    uint32_t slot = head_index_seek_slot(index, labels, count);
    return slot == UINT32_MAX ? NULL : series_living(index->series[slot]);
}

static bool texts_are(const struct symbols *symbols, const struct labels *set,
                      const struct wal_label *labels, size_t count)
{
    if (set->count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!str_eq(symbols_get(symbols, set->pairs[i].name), labels[i].name) ||
            !str_eq(symbols_get(symbols, set->pairs[i].value), labels[i].value))
            return false;
    return true;
}

struct live_series *head_index_recall(const struct head_index *index, uint64_t hash,
                                      const struct wal_label *labels, size_t count)
{
    struct map_probe at = map_find(&index->by_text, hash);
    for (; map_hit(&index->by_text, &at); map_next(&index->by_text, &at))
        if (texts_are(index->symbols, index->labels[at.index], labels, count))
            return series_living(index->series[at.index]);
    return NULL;
}

void head_index_remember(struct head_index *index, uint64_t hash, const struct wal_label *labels,
                         size_t count)
{
    uint32_t slot = head_index_seek_slot(index, labels, count);
    struct map_probe at = map_find(&index->by_text, hash);
    for (; map_hit(&index->by_text, &at); map_next(&index->by_text, &at))
        if (at.index == slot)
            return;
    map_insert(&index->by_text, hash, slot);
}

static const struct labels *labels_move(struct head_index *to, const struct head_index *from,
                                        const struct labels *labels)
{
    struct labels *moved = scratch_reserve(to, labels->count);
    for (size_t i = 0; i < labels->count; i++) {
        struct label pair = labels->pairs[i];
        moved->pairs[i].name = symbols_add(to->symbols, symbols_get(from->symbols, pair.name));
        moved->pairs[i].value = symbols_add(to->symbols, symbols_get(from->symbols, pair.value));
    }
    return labels_new(to->arena, moved->pairs, labels->count);
}

struct head_index *head_index_without(const struct head_index *index,
                                      bool (*keep)(const struct live_series *series))
{
    struct head_index *made = head_index_create();
    uint32_t *slots = mem_new_array(uint32_t, index->count + 1);
    for (size_t i = 0; i < index->count; i++) {
        slots[i] = UINT32_MAX;
        if (!keep(index->series[i]))
            continue;
        slots[i] = (uint32_t)made->count;
        head_index_put(made, index->series[i], labels_move(made, index, index->labels[i]));
    }
    const struct map *refs = &index->by_ref;
    for (size_t i = 0; refs->slots && i <= refs->mask; i++) {
        const struct map_slot *slot = &refs->slots[i];
        if (slot->index != 0 && slots[slot->index - 1] != UINT32_MAX)
            map_insert(&made->by_ref, slot->hash, slots[slot->index - 1]);
    }
    free(slots);
    return made;
}

void head_index_release(struct head_index *old, bool (*keep)(const struct live_series *series))
{
    size_t kept = 0;
    for (size_t i = 0; i < old->count; i++)
        if (!keep(old->series[i]))
            old->series[kept++] = old->series[i];
    old->count = kept;
    head_index_destroy(old);
}
