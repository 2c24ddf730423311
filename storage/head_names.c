/* What the head says about itself without samples: names, values, counts. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "storage/head_internal.h"
#include "storage/top.h"

/* Symbols, each once. */
struct symbol_set {
    struct budget *budget;
    uint64_t *bits;
    size_t word_count;
    uint32_t *items;
    size_t count, cap;
};

static bool symbol_set_init(struct symbol_set *set, size_t symbol_count, struct budget *budget,
                            struct err *err)
{
    *set = (struct symbol_set){0};
    size_t word_count = symbol_count / 64 + 1;
    if (!budget_charge(budget, word_count * sizeof *set->bits, err))
        return false;
    set->budget = budget;
    set->bits = mem_new_array(uint64_t, word_count);
    set->word_count = word_count;
    return true;
}

static void symbol_set_done_auto(struct symbol_set *set)
{
    free(set->bits);
    free(set->items);
    budget_release(set->budget,
                   set->word_count * sizeof *set->bits + set->cap * sizeof *set->items);
}

static bool symbol_set_add(struct symbol_set *set, uint32_t symbol, struct err *err)
{
    uint64_t bit = UINT64_C(1) << (symbol % 64);
    if (set->bits[symbol / 64] & bit)
        return true;
    if (!budget_grow(set->budget, set->items, uint32_t, set->count, &set->cap, err))
        return false;
    set->bits[symbol / 64] |= bit;
    set->items[set->count++] = symbol;
    return true;
}

static bool pair_has_samples(const struct head_index *index, const struct label_pair *pair)
{
    for (uint32_t i = 0; i < pair->count; i++)
        if (!live_series_is_empty(index->series[pair->slots[i]]))
            return true;
    return false;
}

/* Names, or with `name` its values, of the series that match one set of matchers. */
static bool names_of_series(const struct head_index *index, const struct names_request *request,
                            size_t set_at, uint32_t name, struct symbol_set *set, struct err *err)
{
    AUTO(slot_list_done) struct slot_list slots = {0};
    if (!head_index_match(index, request->matcher_sets[set_at], request->matcher_counts[set_at],
                          request->budget, &slots, err))
        return false;
    for (size_t i = 0; i < slots.count; i++) {
        const struct labels *labels = index->labels[slots.slots[i]];
        if (live_series_is_empty(index->series[slots.slots[i]]))
            continue;
        uint32_t value = name == UINT32_MAX ? SYM_EMPTY : labels_get(labels, name);
        if (value != SYM_EMPTY && !symbol_set_add(set, value, err))
            return false;
        for (uint32_t k = 0; name == UINT32_MAX && k < labels->count; k++)
            if (!symbol_set_add(set, labels->pairs[k].name, err))
                return false;
    }
    return true;
}

static bool names_of_all(const struct head_index *index, uint32_t name, struct symbol_set *set,
                         struct err *err)
{
    for (size_t i = 0; i < index->name_count; i++) {
        const struct label_name *entry = &index->names[i];
        if (name != UINT32_MAX && entry->name != name)
            continue;
        for (uint32_t k = 0; k < entry->count; k++) {
            const struct label_pair *pair = &index->pairs[entry->pairs[k]];
            if (!pair_has_samples(index, pair))
                continue;
            if (!symbol_set_add(set, name == UINT32_MAX ? pair->name : pair->value, err))
                return false;
            if (name == UINT32_MAX)
                break;
        }
    }
    return true;
}

static int symbol_order(const void *left, const void *right, void *context)
{
    const struct symbols *symbols = context;
    return symbols_cmp(symbols, *(const uint32_t *)left, *(const uint32_t *)right);
}

static struct names names_take(const struct head_index *index, const struct symbol_set *set,
                               const struct names_request *request)
{
    if (set->count)
        qsort_r(set->items, set->count, sizeof *set->items, symbol_order, index->symbols);
    struct names names = {.count = set->count};
    if (request->limit && names.count > request->limit)
        names.count = request->limit + 1;
    names.items = arena_array(request->arena, struct str, names.count);
    for (size_t i = 0; i < names.count; i++)
        names.items[i] = arena_str(request->arena, symbols_get(index->symbols, set->items[i]));
    return names;
}

/* `name` UINT32_MAX: names, else the values of the name. */
static bool head_names(const struct head_state *state, const struct names_request *request,
                       uint32_t name, struct names *ret_names, struct err *err)
{
    const struct head_index *index = state->index;
    bool overlaps = request->begin_ms <= state->end_ms && request->end_ms >= state->begin_ms;
    AUTO(symbol_set_done) struct symbol_set set;
    bool good = symbol_set_init(&set, symbols_count(index->symbols), request->budget, err);
    if (good && overlaps && request->set_count == 0)
        good = names_of_all(index, name, &set, err);
    for (size_t i = 0; good && overlaps && i < request->set_count; i++)
        good = names_of_series(index, request, i, name, &set, err);
    if (!good)
        return false;
    struct names names = names_take(index, &set, request);
    if (!arena_check(request->arena, err))
        return false;
    *ret_names = names;
    return true;
}

bool head_label_names(struct head *head, const struct names_request *request,
                      struct names *ret_names, struct err *err)
{
    pthread_rwlock_rdlock(&head->lock);
    bool good = head_names(head->state, request, UINT32_MAX, ret_names, err);
    pthread_rwlock_unlock(&head->lock);
    return good;
}

bool head_label_values(struct head *head, const struct names_request *request, struct str name,
                       struct names *ret_names, struct err *err)
{
    pthread_rwlock_rdlock(&head->lock);
    uint32_t symbol = symbols_find(head->state->index->symbols, name);
    bool good = true;
    if (symbol == UINT32_MAX)
        *ret_names = (struct names){0};
    else
        good = head_names(head->state, request, symbol, ret_names, err);
    pthread_rwlock_unlock(&head->lock);
    return good;
}

/* Where a Prometheus's files are followed, a chunk of theirs may take the place of two of ours. */
static uint64_t head_count_chunks(struct head *head, uint64_t created)
{
    pthread_mutex_lock(&head->counting);
    if (created > head->chunks_created)
        head->chunks_created = created;
    created = head->chunks_created;
    pthread_mutex_unlock(&head->counting);
    return created;
}

void head_stats(struct head *head, struct head_stats *ret_stats)
{
    struct head_stats stats = {.corrupt_count = atomic_load(&head->report.corrupt_count)};
    pthread_rwlock_rdlock(&head->lock);
    const struct head_state *state = head->state;
    const struct head_index *index = state->index;
    for (size_t i = 0; i < index->count; i++) {
        size_t chunk_count = live_series_chunk_count(index->series[i]);
        stats.chunk_count += chunk_count;
        stats.series_count += chunk_count > 0;
        stats.histogram_series_count += chunk_count > 0 && index->series[i]->is_histogram;
    }
    for (size_t i = 0; i < index->pair_count; i++)
        stats.label_pair_count += pair_has_samples(index, &index->pairs[i]);
    stats.begin_ms = state->begin_ms;
    stats.end_ms = state->end_ms;
    stats.series_removed = state->series_removed;
    stats.series_created = index->count + state->series_removed;
    stats.chunks_removed = state->chunks_removed;
    pthread_rwlock_unlock(&head->lock);
    stats.chunks_created = head_count_chunks(head, stats.chunk_count + stats.chunks_removed);
    *ret_stats = stats;
}

int64_t head_end_ms(struct head *head)
{
    pthread_rwlock_rdlock(&head->lock);
    int64_t end_ms = head->state->end_ms;
    pthread_rwlock_unlock(&head->lock);
    return end_ms;
}

void head_range(struct head *head, int64_t *ret_begin_ms, int64_t *ret_end_ms)
{
    pthread_rwlock_rdlock(&head->lock);
    *ret_begin_ms = head->state->begin_ms;
    *ret_end_ms = head->state->end_ms;
    pthread_rwlock_unlock(&head->lock);
}

bool head_is_ripe(struct head *head, int64_t range_ms)
{
    int64_t begin_ms, end_ms, span_ms;
    head_range(head, &begin_ms, &end_ms);
    return begin_ms <= end_ms &&
           (__builtin_sub_overflow(end_ms, begin_ms, &span_ms) || span_ms > range_ms / 2 * 3);
}

void head_settle(struct head *head)
{
    pthread_mutex_lock(&head->changing);
    pthread_mutex_unlock(&head->changing);
}

struct tops {
    struct top metrics, values, bytes, pairs;
};

static void tops_add_name(struct tops *tops, const struct head_index *index, const bool *live,
                          const struct label_name *entry, struct arena *arena)
{
    struct str name = symbols_get(index->symbols, entry->name);
    uint64_t value_count = 0;
    uint64_t byte_count = 0;
    for (uint32_t i = 0; i < entry->count; i++) {
        const struct label_pair *pair = &index->pairs[entry->pairs[i]];
        struct str value = symbols_get(index->symbols, pair->value);
        uint64_t series_count = 0;
        for (uint32_t k = 0; k < pair->count; k++)
            series_count += live[pair->slots[k]];
        if (series_count == 0)
            continue;
        value_count++;
        byte_count += series_count * top_pair_size(name, value);
        struct str *at = entry->name == SYM_NAME ? top_add(&tops->metrics, series_count) : NULL;
        if (at)
            *at = arena_str(arena, value);
        at = top_add(&tops->pairs, series_count);
        if (at)
            *at = top_pair_text(arena, name, value);
    }
    if (value_count == 0)
        return;
    struct str *at = top_add(&tops->values, value_count);
    if (at)
        *at = arena_str(arena, name);
    at = top_add(&tops->bytes, byte_count);
    if (at)
        *at = arena_str(arena, name);
}

void head_cardinality(struct head *head, size_t limit, struct arena *arena,
                      struct db_cardinality *ret_cardinality)
{
    struct tops tops = {
        .metrics = top_new(arena, limit),
        .values = top_new(arena, limit),
        .bytes = top_new(arena, limit),
        .pairs = top_new(arena, limit),
    };
    pthread_rwlock_rdlock(&head->lock);
    const struct head_index *index = head->state->index;
    bool *live = mem_new_array(bool, index->count + 1);
    for (size_t i = 0; i < index->count; i++)
        live[i] = !live_series_is_empty(index->series[i]);
    for (size_t i = 0; i < index->name_count; i++)
        tops_add_name(&tops, index, live, &index->names[i], arena);
    pthread_rwlock_unlock(&head->lock);
    free(live);
    *ret_cardinality = (struct db_cardinality){
        .series_by_metric = tops.metrics.items,
        .series_by_metric_count = tops.metrics.count,
        .values_by_label = tops.values.items,
        .values_by_label_count = tops.values.count,
        .bytes_by_label = tops.bytes.items,
        .bytes_by_label_count = tops.bytes.count,
        .series_by_pair = tops.pairs.items,
        .series_by_pair_count = tops.pairs.count,
    };
}
