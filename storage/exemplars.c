/*
 * Slots are taken one after another, round and round. The slots of a series are linked from its
 * oldest to its newest: since a series only takes later exemplars, the slot that is taken anew is
 * always the first of its list. Series are found by a hash of their labels, in lists of `next`, and
 * go with their last exemplar.
 */
#include "storage/exemplars.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/quote.h"
#include "storage/append_labels.h"

#define LABEL_CHARACTERS_MAX 128
#define NONE SIZE_MAX

/* Labels and their texts, in one piece of memory. */
struct label_block {
    struct wal_label *labels;
    size_t count;
};

struct series {
    struct series *next; /* with the same place in the table */
    uint64_t hash;
    struct label_block block;
    size_t oldest, newest;
};

struct slot {
    struct series *series; /* NULL: was never taken */
    struct label_block block;
    int64_t t_ms;
    double v;
    size_t next; /* of the same series, or NONE */
};

struct ring {
    struct slot *slots;
    size_t slot_count;
    size_t at; /* the slot that is taken next */
    struct series **table;
    size_t mask;
    size_t series_count;
};

struct exemplars {
    pthread_mutex_t lock; /* of all that follows */
    struct ring ring;
    uint64_t appended_total, out_of_order_total;
};

static struct ring ring_of(size_t count)
{
    size_t size = 64;
    while (size < count)
        size *= 2;
    return (struct ring){
        .slots = mem_new_array(struct slot, count + 1), /* one more, for none is no array */
        .slot_count = count,
        .table = mem_new_array(struct series *, size),
        .mask = size - 1,
    };
}

struct exemplars *exemplars_create(size_t count)
{
    struct exemplars *exemplars = mem_new(struct exemplars);
    pthread_mutex_init(&exemplars->lock, NULL);
    exemplars->ring = ring_of(count);
    return exemplars;
}

static struct label_block block_new(const struct wal_label *labels, size_t count)
{
    size_t size = count * sizeof *labels;
    for (size_t i = 0; i < count; i++)
        size += labels[i].name.len + labels[i].value.len;
    char *at = mem_new_array(char, size ? size : 1);
    struct label_block block = {(struct wal_label *)(void *)at, count};
    at += count * sizeof *labels;
    for (size_t i = 0; i < count; i++) {
        const struct str texts[] = {labels[i].name, labels[i].value};
        struct str *copies[] = {&block.labels[i].name, &block.labels[i].value};
        for (size_t k = 0; k < ARRAY_COUNT(texts); k++) {
            if (texts[k].len > 0)
                memcpy(at, texts[k].ptr, texts[k].len);
            *copies[k] = (struct str){at, texts[k].len};
            at += texts[k].len;
        }
    }
    return block;
}

static int labels_order(const struct label_block *a, const struct label_block *b)
{
    size_t count = a->count < b->count ? a->count : b->count;
    for (size_t i = 0; i < count; i++) {
        int order = str_cmp(a->labels[i].name, b->labels[i].name);
        if (order == 0)
            order = str_cmp(a->labels[i].value, b->labels[i].value);
        if (order != 0)
            return order;
    }
    return (a->count > b->count) - (a->count < b->count);
}

static bool labels_same(const struct label_block *block, const struct wal_label *labels,
                        size_t count)
{
    if (block->count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!str_eq(block->labels[i].name, labels[i].name) ||
            !str_eq(block->labels[i].value, labels[i].value))
            return false;
    return true;
}

static struct series *series_find(const struct ring *ring, uint64_t hash,
                                  const struct wal_label *labels, size_t count)
{
    struct series *series = ring->table[hash & ring->mask];
    while (series && !(series->hash == hash && labels_same(&series->block, labels, count)))
        series = series->next;
    return series;
}

static void series_remove(struct ring *ring, struct series *series)
{
    struct series **link = &ring->table[series->hash & ring->mask];
    while (*link != series)
        link = &(*link)->next;
    *link = series->next;
    ring->series_count--;
    free(series->block.labels);
    free(series);
}

/* Frees the slot that is taken next: the oldest of all, and so the first of its series. */
static void slot_clear(struct ring *ring)
{
    struct slot *slot = &ring->slots[ring->at];
    struct series *series = slot->series;
    if (!series)
        return;
    series->oldest = slot->next;
    if (series->oldest == NONE)
        series_remove(ring, series);
    free(slot->block.labels);
    *slot = (struct slot){0};
}

static void ring_done(struct ring *ring)
{
    for (size_t i = 0; i < ring->slot_count; i++) {
        slot_clear(ring);
        ring->at = (ring->at + 1) % ring->slot_count;
    }
    free(ring->slots);
    free(ring->table);
}

void exemplars_destroy(struct exemplars *exemplars)
{
    if (!exemplars)
        return;
    ring_done(&exemplars->ring);
    pthread_mutex_destroy(&exemplars->lock);
    free(exemplars);
}

static size_t character_count(struct str text)
{
    size_t count = 0, len = 0;
    for (; text.len > 0; text.ptr += len, text.len -= len, count++)
        utf8_decode(text, &len);
    return count;
}

static bool is_too_large(const struct wal_label *labels, size_t label_count,
                         const struct append_exemplar *exemplar)
{
    size_t characters = 0, size = 0;
    for (size_t i = 0; i < exemplar->label_count; i++)
        characters +=
            character_count(exemplar->labels[i].name) + character_count(exemplar->labels[i].value);
    for (size_t i = 0; i < label_count; i++)
        size += labels[i].name.len + labels[i].value.len;
    return characters > LABEL_CHARACTERS_MAX || size > EXEMPLARS_SERIES_SIZE_MAX;
}

enum order { ORDER_LATER, ORDER_SAME, ORDER_EARLIER };

/* Equal times are of several buckets of one histogram: they come by rising value. */
static enum order order_behind(const struct slot *newest, const struct append_exemplar *exemplar)
{
    if (exemplar->t_ms != newest->t_ms)
        return exemplar->t_ms > newest->t_ms ? ORDER_LATER : ORDER_EARLIER;
    if (exemplar->v < newest->v)
        return ORDER_EARLIER;
    bool same = exemplar->v == newest->v &&
                labels_same(&newest->block, exemplar->labels, exemplar->label_count);
    return same ? ORDER_SAME : ORDER_LATER;
}

static struct series *series_add(struct ring *ring, uint64_t hash, const struct wal_label *labels,
                                 size_t count)
{
    struct series *series = mem_new(struct series);
    struct series **head = &ring->table[hash & ring->mask];
    series->hash = hash;
    series->block = block_new(labels, count);
    series->oldest = series->newest = NONE;
    series->next = *head;
    *head = series;
    ring->series_count++;
    return series;
}

static void slot_take(struct ring *ring, uint64_t hash, const struct wal_label *labels,
                      size_t label_count, const struct append_exemplar *exemplar)
{
    slot_clear(ring); /* which may have been the series' only one */
    struct series *series = series_find(ring, hash, labels, label_count);
    if (!series)
        series = series_add(ring, hash, labels, label_count);
    ring->slots[ring->at] = (struct slot){
        .series = series,
        .block = block_new(exemplar->labels, exemplar->label_count),
        .t_ms = exemplar->t_ms,
        .v = exemplar->v,
        .next = NONE,
    };
    if (series->oldest == NONE)
        series->oldest = ring->at;
    else
        ring->slots[series->newest].next = ring->at;
    series->newest = ring->at;
    ring->at = (ring->at + 1) % ring->slot_count;
}

enum exemplar_verdict exemplars_append(struct exemplars *exemplars, const struct wal_label *labels,
                                       size_t label_count, const struct append_exemplar *exemplar)
{
    if (is_too_large(labels, label_count, exemplar))
        return EXEMPLAR_TOO_LARGE;
    uint64_t hash = append_labels_hash(labels, label_count);
    enum exemplar_verdict verdict = EXEMPLAR_TAKEN;
    pthread_mutex_lock(&exemplars->lock);
    struct ring *ring = &exemplars->ring;
    const struct series *series = series_find(ring, hash, labels, label_count);
    enum order order = series ? order_behind(&ring->slots[series->newest], exemplar) : ORDER_LATER;
    if (ring->slot_count == 0) {
        verdict = EXEMPLAR_NO_ROOM;
    } else if (order == ORDER_EARLIER) {
        verdict = EXEMPLAR_OUT_OF_ORDER;
        exemplars->out_of_order_total++;
    } else if (order == ORDER_LATER) {
        slot_take(ring, hash, labels, label_count, exemplar);
        exemplars->appended_total++;
    }
    pthread_mutex_unlock(&exemplars->lock);
    return verdict;
}

void exemplars_resize(struct exemplars *exemplars, size_t count)
{
    pthread_mutex_lock(&exemplars->lock);
    struct ring *old = &exemplars->ring;
    struct ring made = ring_of(count);
    for (size_t i = 0; i < old->slot_count && count > 0; i++) {
        const struct slot *slot = &old->slots[(old->at + i) % old->slot_count]; /* oldest first */
        if (!slot->series)
            continue;
        const struct append_exemplar exemplar = {slot->block.labels, slot->block.count, slot->t_ms,
                                                 slot->v};
        const struct series *series = slot->series;
        slot_take(&made, series->hash, series->block.labels, series->block.count, &exemplar);
    }
    ring_done(old);
    exemplars->ring = made;
    pthread_mutex_unlock(&exemplars->lock);
}

static struct str block_get(const struct label_block *block, struct str name)
{
    for (size_t i = 0; i < block->count; i++)
        if (str_eq(block->labels[i].name, name))
            return block->labels[i].value;
    return STR("");
}

static bool series_is_asked(const struct series *series, const struct exemplars_query *query)
{
    for (size_t s = 0; s < query->set_count; s++) {
        bool all = true;
        for (size_t i = 0; all && i < query->matcher_counts[s]; i++) {
            const struct matcher *matcher = query->matcher_sets[s][i];
            all = matcher_matches(matcher, block_get(&series->block, matcher->name));
        }
        if (all)
            return true;
    }
    return false;
}

static int series_order(const void *a, const void *b)
{
    const struct series *const *left = a, *const *right = b;
    return labels_order(&(*left)->block, &(*right)->block);
}

/* The series' exemplars in the range; `items` has room for all of the ring. */
static size_t series_gather(const struct ring *ring, const struct series *series,
                            const struct exemplars_query *query, struct append_exemplar *items)
{
    size_t count = 0;
    for (size_t i = series->oldest; i != NONE; i = ring->slots[i].next) {
        const struct slot *slot = &ring->slots[i];
        if (slot->t_ms < query->begin_ms || slot->t_ms > query->end_ms)
            continue;
        items[count++] = (struct append_exemplar){
            .labels = slot->block.labels,
            .label_count = slot->block.count,
            .t_ms = slot->t_ms,
            .v = slot->v,
        };
    }
    return count;
}

void exemplars_select(struct exemplars *exemplars, const struct exemplars_query *query,
                      void (*take)(void *context, const struct exemplars_of_series *series),
                      void *context)
{
    size_t count = 0;
    pthread_mutex_lock(&exemplars->lock);
    const struct ring *ring = &exemplars->ring;
    AUTO(free) void *kept = mem_new_array(struct series *, ring->series_count + 1);
    AUTO(free) void *room = mem_new_array(struct append_exemplar, ring->slot_count + 1);
    struct series **found = kept;
    for (size_t i = 0; i <= ring->mask; i++)
        for (struct series *series = ring->table[i]; series; series = series->next)
            if (series_is_asked(series, query))
                found[count++] = series;
    qsort(found, count, sizeof *found, series_order);
    for (size_t i = 0; i < count; i++) {
        struct exemplars_of_series series = {
            .labels = found[i]->block.labels,
            .label_count = found[i]->block.count,
            .items = room,
            .count = series_gather(ring, found[i], query, room),
        };
        if (series.count > 0)
            take(context, &series);
    }
    pthread_mutex_unlock(&exemplars->lock);
}

void exemplars_stats(struct exemplars *exemplars, struct exemplars_stats *ret_stats)
{
    pthread_mutex_lock(&exemplars->lock);
    const struct ring *ring = &exemplars->ring;
    const struct slot *next = &ring->slots[ring->at];
    const struct slot *oldest = next->series ? next : &ring->slots[0];
    *ret_stats = (struct exemplars_stats){
        .count = next->series ? ring->slot_count : ring->at,
        .count_max = ring->slot_count,
        .series_count = ring->series_count,
        .appended_total = exemplars->appended_total,
        .out_of_order_total = exemplars->out_of_order_total,
        .oldest_ms = oldest->series ? oldest->t_ms : 0,
    };
    pthread_mutex_unlock(&exemplars->lock);
}
