/*
 * Which slots match: each matcher becomes a set that slots must be in, or must not be in (where it
 * matches the empty value, so that series without the label match too). A set is one pair's sorted
 * list where one value matches, else a bitmap over all slots. The smallest list leads, the others
 * are asked one by one; without a list all slots are asked slot by slot.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "storage/head_index.h"

struct slot_set {
    bool excludes;
    const uint32_t *slots; /* sorted; NULL: `bits` holds the set */
    size_t count;
    size_t at; /* in slots: what lies before was passed */
    uint64_t *bits;
};

static void slot_set_add(struct slot_set *set, size_t words, const struct label_pair *pair)
{
    if (!set->bits)
        set->bits = mem_new_array(uint64_t, words);
    for (uint32_t i = 0; i < pair->count; i++)
        set->bits[pair->slots[i] / 64] |= UINT64_C(1) << (pair->slots[i] % 64);
}

/* The set of one pair stays its list; a second pair makes a bitmap of both. */
static void slot_set_join(struct slot_set *set, size_t words, const struct label_pair **first,
                          const struct label_pair *pair)
{
    if (!*first && !set->bits) {
        *first = pair;
        return;
    }
    if (*first)
        slot_set_add(set, words, *first);
    *first = NULL;
    slot_set_add(set, words, pair);
}

/* Does the value belong to the matcher's set: matching ones, or for excluding sets the others? */
static bool slot_set_wants(const struct slot_set *set, const struct matcher *matcher,
                           struct str value)
{
    return matcher_matches(matcher, value) != set->excludes;
}

static struct slot_set slot_set_of(const struct head_index *index, const struct matcher *matcher)
{
    static const uint32_t none[1];
    struct slot_set set = {.excludes = matcher_matches(matcher, STR(""))};
    const struct label_pair *only = NULL;
    size_t words = index->count / 64 + 1;

    uint32_t symbol = symbols_find(index->symbols, matcher->name);
    const struct label_name *name = symbol == UINT32_MAX ? NULL : head_index_name(index, symbol);
    bool exact = (matcher->kind == MATCH_EQUAL && !set.excludes) ||
                 (matcher->kind == MATCH_NOT_EQUAL && set.excludes);
    bool listed = matcher->literals && ((matcher->kind == MATCH_REGEX && !set.excludes) ||
                                        (matcher->kind == MATCH_NOT_REGEX && set.excludes));
    if (name && (exact || listed)) {
        size_t count = exact ? 1 : matcher->literal_count;
        for (size_t i = 0; i < count; i++) {
            struct str text = exact ? matcher->value : matcher->literals[i];
            uint32_t value = symbols_find(index->symbols, text);
            const struct label_pair *pair =
                value == UINT32_MAX ? NULL : head_index_pair(index, symbol, value);
            if (pair)
                slot_set_join(&set, words, &only, pair);
        }
    } else if (name) {
        for (uint32_t i = 0; i < name->count; i++) {
            const struct label_pair *pair = &index->pairs[name->pairs[i]];
            if (slot_set_wants(&set, matcher, symbols_get(index->symbols, pair->value)))
                slot_set_join(&set, words, &only, pair);
        }
    }
    if (!set.bits) {
        set.slots = only ? only->slots : none;
        set.count = only ? only->count : 0;
    }
    return set;
}

/* Asked with rising slots. */
static bool slot_set_has(struct slot_set *set, uint32_t slot)
{
    if (set->bits)
        return set->bits[slot / 64] >> (slot % 64) & 1;
    /* Steps that double, then halve: cheap where the next one is near, and where it is far. */
    size_t step = 1;
    while (set->at + step < set->count && set->slots[set->at + step] < slot) {
        set->at += step;
        step *= 2;
    }
    for (; step > 0; step /= 2)
        while (set->at + step < set->count && set->slots[set->at + step] < slot)
            set->at += step;
    while (set->at < set->count && set->slots[set->at] < slot)
        set->at++;
    return set->at < set->count && set->slots[set->at] == slot;
}

static bool slot_sets_have(struct slot_set *sets, size_t count, const struct slot_set *leader,
                           uint32_t slot)
{
    for (size_t i = 0; i < count; i++)
        if (&sets[i] != leader && slot_set_has(&sets[i], slot) == sets[i].excludes)
            return false;
    return true;
}

void slot_list_done(struct slot_list *list)
{
    free(list->slots);
    budget_release(list->budget, list->charged);
    *list = (struct slot_list){0};
}

/* So many slots at most. */
static bool slot_list_init(struct slot_list *list, size_t most, struct budget *budget,
                           struct err *err)
{
    size_t size = most * sizeof *list->slots;
    if (!budget_charge(budget, size, err))
        return false;
    *list = (struct slot_list){
        .slots = mem_new_array(uint32_t, most ? most : 1), .budget = budget, .charged = size};
    return true;
}

static bool slot_sets_match(const struct head_index *index, struct slot_set *sets, size_t count,
                            struct budget *budget, struct slot_list *ret_list, struct err *err)
{
    const struct slot_set *leader = NULL;
    for (size_t i = 0; i < count; i++)
        if (!sets[i].excludes && sets[i].slots && (!leader || sets[i].count < leader->count))
            leader = &sets[i];
    struct slot_list list;
    size_t most = leader ? leader->count : index->count;
    if (!slot_list_init(&list, most, budget, err))
        return false;
    for (size_t i = 0; i < most; i++) {
        uint32_t slot = leader ? leader->slots[i] : (uint32_t)i;
        if (slot_sets_have(sets, count, leader, slot))
            list.slots[list.count++] = slot;
    }
    *ret_list = list;
    return true;
}

bool head_index_match(const struct head_index *index, struct matcher *const *matchers,
                      size_t matcher_count, struct budget *budget, struct slot_list *ret_list,
                      struct err *err)
{
    size_t bits_size = matcher_count * (index->count / 8 + sizeof(uint64_t));
    if (!budget_charge(budget, bits_size, err))
        return false;
    struct slot_set *sets = mem_new_array(struct slot_set, matcher_count + 1);
    for (size_t i = 0; i < matcher_count; i++)
        sets[i] = slot_set_of(index, matchers[i]);
    bool good = slot_sets_match(index, sets, matcher_count, budget, ret_list, err);
    for (size_t i = 0; i < matcher_count; i++)
        free(sets[i].bits);
    free(sets);
    budget_release(budget, bits_size);
    return good;
}
