#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "query-tee/compare_inside.h"
#include "query-tee/shape.h"

/*
 * Both answers are read in step for as long as their keys are the same: then nothing is kept. At
 * the first key that differs, all places of the other answer's items are written down by a second
 * reading of it, sorted by the hash of their keys. Each further item of the preferred answer is
 * looked up there, and read again from its place.
 */
struct entry {
    uint64_t hash;
    uint64_t place; /* with ENTRY_TAKEN: it has found its partner */
};

#define ENTRY_TAKEN ((uint64_t)1 << 63)

struct items {
    struct compare *compare;
    struct spool *other_body;
    struct answer_reader *preferred;
    struct answer_reader *other;
    struct answer_reader *again; /* for reading items of the other answer at their places */
    struct entry *entries;
    size_t count;
    size_t cap;
    uint64_t front_place; /* of the item that the next one's partner must be behind */
    struct buf front_labels;
    struct buf front_value;
    enum shape_order order;
};

static uint64_t entry_place(const struct entry *entry)
{
    return entry->place & ~ENTRY_TAKEN;
}

static int entry_cmp(const void *a, const void *b)
{
    const struct entry *left = a;
    const struct entry *right = b;
    if (left->hash != right->hash)
        return left->hash < right->hash ? -1 : 1;
    return (entry_place(left) > entry_place(right)) - (entry_place(left) < entry_place(right));
}

static int entry_place_cmp(const void *a, const void *b)
{
    const struct entry *left = a;
    const struct entry *right = b;
    return (entry_place(left) > entry_place(right)) - (entry_place(left) < entry_place(right));
}

static bool items_same_key(const struct answer_item *a, const struct answer_item *b)
{
    return a->hash == b->hash && str_eq(a->labels, b->labels);
}

static bool items_canceled(struct items *items)
{
    const _Atomic bool *cancel = items->compare->request->cancel;
    if (!cancel || !atomic_load_explicit(cancel, memory_order_relaxed))
        return false;
    compare_leave_out(items->compare, COMPARE_SKIP_CANCELED, "it was canceled");
    return true;
}

/* An item that only one answer has. */
static void note_item(struct items *items, const struct answer_item *item, bool preferred,
                      bool duplicate)
{
    struct compare *compare = items->compare;
    enum difference_class class = preferred ? DIFF_MISSING_SERIES : DIFF_EXTRA_SERIES;
    struct difference difference = {.labels = item->labels};
    struct str text = STR("");
    if (compare_all_skipped(compare, item))
        return;
    if (compare->request->kind == ANSWER_STRINGS)
        class = DIFF_STRING;
    if (compare->request->kind == ANSWER_METADATA)
        class = DIFF_METADATA;
    if (duplicate)
        class = DIFF_DUPLICATE_SERIES;

    if (item->point_count > 0) {
        difference.timed = compare->request->kind != ANSWER_METADATA;
        difference.time_ms = item->points[0].time_ms;
        text = answer_point_text(&item->points[0]);
    }
    if (preferred)
        difference.preferred = text;
    else
        difference.other = text;
    compare_note(compare, class, &difference);
}

static bool envelope_is_string(const struct answer_envelope *envelope)
{
    return envelope->pair && envelope->result_type.ptr &&
           str_eq(envelope->result_type, STR("string"));
}

static bool items_are_texts(const struct items *items)
{
    return envelope_is_string(answer_reader_envelope(items->preferred)) ||
           envelope_is_string(answer_reader_envelope(items->other));
}

/* Is an order promised for what these answers hold? */
static bool items_ordered(const struct items *items)
{
    const struct compare *compare = items->compare;
    const struct answer_envelope *envelope = answer_reader_envelope(items->preferred);
    if (compare->options->order != COMPARE_ORDER_PROMISED)
        return compare->options->order == COMPARE_ORDER_ALWAYS;
    if (compare->request->kind == ANSWER_STRINGS || compare->request->kind == ANSWER_EXEMPLARS)
        return true;
    if (compare->request->kind != ANSWER_QUERY)
        return false;
    if (envelope->result_type.ptr && str_eq(envelope->result_type, STR("matrix")))
        return true;
    return items->order != SHAPE_ORDER_NONE;
}

/* All places of the other answer; those in front of `parted` have found their partners. */
static bool items_index(struct items *items, uint64_t parted, struct answer_reader *scan)
{
    struct compare *compare = items->compare;
    size_t count_max = compare->options->series_max;
    struct err err;
    enum answer_pull pull;
    while ((pull = answer_reader_next(scan, &err)) == ANSWER_ITEM) {
        uint64_t place = answer_reader_place(scan);
        if (items->count == count_max) {
            compare_leave_out(compare, COMPARE_SKIP_TOO_MANY_SERIES,
                              "too many series in another order");
            return false;
        }
        if (items_canceled(items))
            return false;
        if (items->count == items->cap) {
            items->cap = items->cap ? items->cap * 2 : 1024;
            if (items->cap > count_max)
                items->cap = count_max;
            items->entries = mem_resize(items->entries, struct entry, items->cap);
        }
        items->entries[items->count++] = (struct entry){answer_reader_item(scan)->hash,
                                                        place | (place < parted ? ENTRY_TAKEN : 0)};
    }
    if (pull == ANSWER_ERR) {
        compare_note_broken(compare, false, &err);
        return false;
    }
    if (items->count > 1)
        qsort(items->entries, items->count, sizeof(*items->entries), entry_cmp);
    return true;
}

static size_t items_lower(const struct items *items, uint64_t hash)
{
    size_t low = 0;
    size_t high = items->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (items->entries[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/*
 * The entry of this key that is taken, or the first that is not; NULL if there is none. Leaves its
 * item in `again`.
 */
static bool items_find(struct items *items, const struct answer_item *key, bool taken,
                       struct entry **ret_entry)
{
    struct err err;
    *ret_entry = NULL;
    for (size_t i = items_lower(items, key->hash);
         i < items->count && items->entries[i].hash == key->hash; i++) {
        struct entry *entry = &items->entries[i];
        if (((entry->place & ENTRY_TAKEN) != 0) != taken)
            continue;
        if (!answer_reader_item_at(items->again, entry_place(entry), &err)) {
            compare_note_broken(items->compare, false, &err);
            return false;
        }
        if (str_eq(answer_reader_item(items->again)->labels, key->labels)) {
            *ret_entry = entry;
            return true;
        }
    }
    return true;
}

/*
 * The item has its partner at `place`: is that behind the partner of the item in front of it? Where
 * values make the order, behind that of all items with another value.
 */
static void items_check_order(struct items *items, const struct answer_item *item, uint64_t place)
{
    bool by_value = items->order == SHAPE_ORDER_VALUE;
    bool parted = place < items->front_place;
    struct str front = buf_view(&items->front_labels);
    struct str value = {0};
    if (!items_ordered(items))
        return;
    if (item->point_count > 0)
        value = answer_point_text(&item->points[0]);
    if (parted && !(by_value && compare_values_agree(items->compare->options, value,
                                                     buf_view(&items->front_value)))) {
        AUTO(buf_done) struct buf preferred = {0};
        AUTO(buf_done) struct buf other = {0};
        buf_printf(&preferred, "behind %.*s", STR_ARGS(front));
        buf_printf(&other, "in front of %.*s", STR_ARGS(front));
        compare_note(items->compare, DIFF_SERIES_ORDER,
                     &(struct difference){.labels = item->labels,
                                          .preferred = buf_view(&preferred),
                                          .other = buf_view(&other)});
    }
    if (parted && by_value)
        return;
    items->front_place = place;
    buf_clear(&items->front_labels);
    buf_clear(&items->front_value);
    buf_str(&items->front_labels, item->labels);
    buf_str(&items->front_value, value);
}

/* Finds the partner of the preferred answer's newest item. */
static bool items_look_up(struct items *items)
{
    const struct answer_item *item = answer_reader_item(items->preferred);
    struct entry *entry;
    if (!items_find(items, item, false, &entry))
        return false;
    if (entry) {
        items_check_order(items, item, entry_place(entry));
        entry->place |= ENTRY_TAKEN;
        compare_points(items->compare, item, answer_reader_item(items->again), false);
        return true;
    }
    if (!items_find(items, item, true, &entry))
        return false;
    note_item(items, item, true, entry != NULL);
    return true;
}

/* What is left in the table has no partner. */
static bool items_tell_rest(struct items *items)
{
    size_t count = 0;
    for (size_t i = 0; i < items->count; i++)
        count += (items->entries[i].place & ENTRY_TAKEN) == 0;
    if (count == 0)
        return true;

    /* In the order of the body; the table itself stays, to find the partners of duplicates. */
    AUTO(answer_reader_destroy)
    struct answer_reader *reader = answer_reader_create(
        items->other_body, items->compare->request->kind, items->compare->options->series_size_max);
    struct entry *rest = mem_new_array(struct entry, count);
    size_t at = 0;
    for (size_t i = 0; i < items->count; i++)
        if ((items->entries[i].place & ENTRY_TAKEN) == 0)
            rest[at++] = items->entries[i];
    qsort(rest, count, sizeof(*rest), entry_place_cmp);

    bool read = true;
    for (size_t i = 0; i < count && read; i++) {
        struct err err;
        struct entry *twin;
        if (items_canceled(items))
            break;
        read = answer_reader_item_at(reader, rest[i].place, &err);
        if (!read) {
            compare_note_broken(items->compare, false, &err);
            break;
        }
        const struct answer_item *item = answer_reader_item(reader);
        read = items_find(items, item, true, &twin);
        if (read)
            note_item(items, item, false, twin != NULL);
    }
    free(rest);
    return read;
}

/* The orders part: the preferred answer's newest item is not the other's, or one has ended. */
static bool items_unordered(struct items *items, enum answer_pull pull, uint64_t parted,
                            struct answer_reader *scan)
{
    const struct compare_options *options = items->compare->options;
    struct err err;
    items->again = answer_reader_create(items->other_body, items->compare->request->kind,
                                        options->series_size_max);
    if (!items_index(items, parted, scan))
        return false;
    while (pull == ANSWER_ITEM) {
        if (items_canceled(items) || !items_look_up(items))
            return false;
        pull = answer_reader_next(items->preferred, &err);
        items->compare->out->series_count += pull == ANSWER_ITEM;
    }
    if (pull == ANSWER_ERR) {
        compare_note_broken(items->compare, true, &err);
        return false;
    }
    return items_tell_rest(items);
}

static bool envelope_failed(const struct answer_envelope *envelope)
{
    return envelope->status.ptr && !str_eq(envelope->status, STR("success"));
}

/* Are they answers of two kinds, as far as that is known by now? */
static bool items_kinds_differ(const struct items *items)
{
    const struct answer_envelope *a = answer_reader_envelope(items->preferred);
    const struct answer_envelope *b = answer_reader_envelope(items->other);
    return a->pair != b->pair || envelope_failed(a) != envelope_failed(b) ||
           (a->result_type.ptr && b->result_type.ptr && !str_eq(a->result_type, b->result_type));
}

/* Reads to the end, for the envelope. */
static bool items_drain(struct items *items, struct answer_reader *reader, bool preferred)
{
    struct err err;
    enum answer_pull pull;
    while ((pull = answer_reader_next(reader, &err)) == ANSWER_ITEM)
        if (items_canceled(items))
            return false;
    if (pull == ANSWER_ERR)
        compare_note_broken(items->compare, preferred, &err);
    return pull == ANSWER_END;
}

/* Leaves in `scan` the reader whose envelope of the other answer is complete. */
static bool items_compare(struct items *items, struct answer_reader *scan,
                          struct answer_reader **ret_ended)
{
    struct compare *compare = items->compare;
    *ret_ended = items->other;
    for (;;) {
        struct err a_err;
        struct err b_err;
        enum answer_pull a = answer_reader_next(items->preferred, &a_err);
        const struct answer_item *item = answer_reader_item(items->preferred);
        if (a == ANSWER_ITEM && answer_reader_pass_same(items->other, items->preferred)) {
            compare->out->series_count++;
            compare_points(compare, item, item, false);
            if (items_canceled(items))
                return false;
            continue;
        }
        enum answer_pull b = answer_reader_next(items->other, &b_err);
        if (a == ANSWER_ERR)
            compare_note_broken(compare, true, &a_err);
        if (b == ANSWER_ERR)
            compare_note_broken(compare, false, &b_err);
        if (a == ANSWER_ERR || b == ANSWER_ERR || items_canceled(items))
            return false;
        if (a == ANSWER_END && b == ANSWER_END)
            return true;
        compare->out->series_count += a == ANSWER_ITEM;
        if (items_kinds_differ(items))
            return items_drain(items, items->preferred, true) &&
                   items_drain(items, items->other, false);

        if (a != b || !items_same_key(item, answer_reader_item(items->other))) {
            uint64_t parted = b == ANSWER_ITEM ? answer_reader_place(items->other) : UINT64_MAX;
            *ret_ended = scan;
            return items_unordered(items, a, parted, scan);
        }
        compare_points(compare, item, answer_reader_item(items->other), items_are_texts(items));
    }
}

/* Texts of an envelope outlive its reader in the arena of the comparison. */
static struct str envelope_text(struct arena *arena, struct str text)
{
    return text.ptr ? (struct str){arena_text(arena, text), text.len} : text;
}

static void envelope_copy(struct arena *arena, const struct answer_envelope *from,
                          struct answer_envelope *to)
{
    *to = *from;
    to->status = envelope_text(arena, from->status);
    to->error_type = envelope_text(arena, from->error_type);
    to->error = envelope_text(arena, from->error);
    to->result_type = envelope_text(arena, from->result_type);
    to->warnings = arena_array(arena, struct str, from->warning_count + 1);
    to->infos = arena_array(arena, struct str, from->info_count + 1);
    for (size_t i = 0; i < from->warning_count; i++)
        to->warnings[i] = envelope_text(arena, from->warnings[i]);
    for (size_t i = 0; i < from->info_count; i++)
        to->infos[i] = envelope_text(arena, from->infos[i]);
}

bool compare_items(struct compare *compare, const struct compare_side *preferred,
                   const struct compare_side *other, struct answer_envelope *ret_preferred,
                   struct answer_envelope *ret_other)
{
    enum answer_kind kind = compare->request->kind;
    size_t size_max = compare->options->series_size_max;
    AUTO(answer_reader_destroy)
    struct answer_reader *scan = answer_reader_create(other->body, kind, size_max);
    struct items items = {
        .compare = compare,
        .other_body = other->body,
        .preferred = answer_reader_create(preferred->body, kind, size_max),
        .other = answer_reader_create(other->body, kind, size_max),
        .order = shape_order(compare->request->query),
    };
    struct answer_reader *ended = NULL;
    bool read = items_compare(&items, scan, &ended);
    if (read) {
        envelope_copy(compare->out->arena, answer_reader_envelope(items.preferred), ret_preferred);
        envelope_copy(compare->out->arena, answer_reader_envelope(ended), ret_other);
    }
    answer_reader_destroy(items.preferred);
    answer_reader_destroy(items.other);
    answer_reader_destroy(items.again);
    free(items.entries);
    buf_done(&items.front_labels);
    buf_done(&items.front_value);
    return read;
}
