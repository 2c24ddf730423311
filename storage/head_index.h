#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/budget.h"
#include "base/err.h"
#include "base/map.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/symbols.h"
#include "storage/live_series.h"
#include "storage/wal_record.h"

/*
 * The head's series by reference, by labels, and by label pair. Each has a slot, in the order they
 * came; nothing is taken out: a sweep makes a new index of what stays.
 *
 * Thread: one adds, under the head's lock; any number look, under the same.
 */
struct label_pair {
    uint32_t name;
    uint32_t value;
    uint32_t *slots; /* sorted */
    uint32_t count, cap;
};

struct label_name {
    uint32_t name;
    uint32_t *pairs; /* one for each value, as they came */
    uint32_t count, cap;
};

struct head_index {
    struct arena *arena; /* of symbols and labels */
    struct symbols *symbols;
    struct labels *scratch; /* the set that is being looked up */
    size_t scratch_cap;

    struct live_series **series; /* by slot; owned */
    const struct labels **labels;
    size_t count, cap, labels_cap;

    struct map by_text;   /* slots: what head_index_recall knows; only the writer looks */
    struct map by_ref;    /* the reference is the hash; several may lead to one slot */
    struct map by_labels; /* slots */
    struct map by_pair;   /* in `pairs` */
    struct map by_name;   /* in `names`; the symbol is the hash */
    struct label_pair *pairs;
    size_t pair_count, pair_cap;
    struct label_name *names;
    size_t name_count, name_cap;
};

struct head_index *head_index_create(void);

/* With its series, unless another index has taken them over. */
void head_index_destroy(struct head_index *index);

/* The slot that the reference leads to; UINT32_MAX: none. */
uint32_t head_index_slot(const struct head_index *index, uint64_t ref);

/* NULL: there is none, or it was deleted as a whole. */
struct live_series *head_index_find(const struct head_index *index, uint64_t ref);

/*
 * The series with these labels: a new one, or the one that is there, found by `ref` too from now
 * on. One that was deleted as a whole lives again; what it still has is in blocks as well.
 */
struct live_series *head_index_add(struct head_index *index, uint64_t ref,
                                   const struct wal_label *labels, size_t count);

/*
 * For a writer, who has labels as sorted texts, each name once, no empty value. Seek finds the
 * series by its symbols. Recall is quicker: it finds, by a hash of the texts, one that was
 * remembered. NULL: there is none, or it was deleted as a whole.
 *
 * Thread: the one who adds.
 */
struct live_series *head_index_seek(struct head_index *index, const struct wal_label *labels,
                                    size_t count);
struct live_series *head_index_recall(const struct head_index *index, uint64_t hash,
                                      const struct wal_label *labels, size_t count);
void head_index_remember(struct head_index *index, uint64_t hash, const struct wal_label *labels,
                         size_t count);

/*
 * The labels of a slot as texts of the index, in an array that is kept from call to call, the
 * caller's. Returns how many.
 */
size_t head_index_texts(const struct head_index *index, uint32_t slot, struct wal_label **labels,
                        size_t *cap);

/*
 * A new index with those of the series for which `keep` says yes. They are in both then:
 * head_index_release empties the old one of them and destroys those that were not kept.
 */
struct head_index *head_index_without(const struct head_index *index,
                                      bool (*keep)(const struct live_series *series));
void head_index_release(struct head_index *old, bool (*keep)(const struct live_series *series));

const struct label_pair *head_index_pair(const struct head_index *index, uint32_t name,
                                         uint32_t value);
const struct label_name *head_index_name(const struct head_index *index, uint32_t name);

/* Slots that match all of the matchers, sorted. */
struct slot_list {
    uint32_t *slots;
    size_t count;
    struct budget *budget; /* that is charged until the list is done; or NULL */
    size_t charged;
};

/* ERR_LIMIT of the budget. */
bool head_index_match(const struct head_index *index, struct matcher *const *matchers,
                      size_t matcher_count, struct budget *budget, struct slot_list *ret_list,
                      struct err *err) MUST_CHECK;
void slot_list_done(struct slot_list *list);

static inline void slot_list_done_auto(struct slot_list *list)
{
    slot_list_done(list);
}
