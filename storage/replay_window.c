/*
 * Nearly all samples of a log are of series that came long ago, and many of them are in files of
 * head chunks. So the decoder looks a sample's series up, and leaves out what it need not keep:
 * what goes on is a slot, a time and a value, for those samples that count.
 *
 * Where a record gives a reference anew, what was looked up before it is wrong: replay.c sees that,
 * and takes such records whole.
 */
#include "storage/replay_window.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define WINDOW_SIZE ((size_t)256 << 10)
#define WINDOW_UNPACKED_SIZE ((size_t)512 << 10)
#define WINDOW_RECORDS 1024

/* Arrays of a record that was large are not kept. */
#define KEPT_SAMPLES_MAX 16384
#define KEPT_LABELS_MAX 1024
#define KEPT_PLAIN_MAX ((size_t)64 << 10)

void replay_window_done(struct replay_window *window)
{
    for (size_t i = 0; i < window->cap; i++) {
        struct replay_item *item = &window->items[i];
        free(item->slots);
        wal_record_done(&item->record);
        buf_done(&item->plain);
    }
    free(window->items);
    buf_done(&window->bytes);
}

void replay_window_clear(struct replay_window *window)
{
    window->count = 0;
    window->unpacked_size = 0;
    buf_clear(&window->bytes);
}

void replay_window_add(struct replay_window *window, struct wal_packed packed)
{
    if (window->count == window->cap) {
        size_t cap = window->cap ? 2 * window->cap : 64;
        window->items = mem_resize(window->items, struct replay_item, cap);
        for (; window->cap < cap; window->cap++)
            window->items[window->cap] = (struct replay_item){0};
    }
    struct replay_item *item = &window->items[window->count++];
    item->begin = window->bytes.len;
    item->size = packed.size;
    item->packing = packed.packing;
    buf_reserve(&window->bytes, packed.size + 1); /* empty records have an address too */
    buf_append(&window->bytes, packed.bytes, packed.size);
    window->unpacked_size += wal_unpacked_size(packed);
}

bool replay_window_is_full(const struct replay_window *window)
{
    return window->bytes.len >= WINDOW_SIZE || window->unpacked_size >= WINDOW_UNPACKED_SIZE ||
           window->count >= WINDOW_RECORDS;
}

void replay_decoder_done(struct replay_decoder *decoder)
{
    wal_unpacker_done(&decoder->unpacker);
    wal_record_done(&decoder->record);
    free(decoder->slots);
}

static struct wal_packed item_packed(const struct replay_window *window,
                                     const struct replay_item *item)
{
    return (struct wal_packed){
        .bytes = (const uint8_t *)window->bytes.ptr + item->begin,
        .size = item->size,
        .packing = item->packing,
    };
}

static uint64_t record_ref_max(const struct wal_record *record)
{
    uint64_t most = 0;
    for (size_t i = 0; i < record->sample_count; i++)
        most = record->samples[i].ref > most ? record->samples[i].ref : most;
    for (size_t i = 0; i < record->histogram_count; i++)
        most = record->histograms[i].ref > most ? record->histograms[i].ref : most;
    return most;
}

static struct slot_sample *slots_reserve(struct slot_sample *slots, size_t *cap, size_t count)
{
    if (*cap >= count)
        return slots;
    free(slots);
    *cap = count;
    return mem_new_array(struct slot_sample, count);
}

/* A sample of a series that nobody knows yet. */
static void item_add_unknown(struct replay_item *item, const struct wal_sample *sample)
{
    struct wal_record *record = &item->record;
    mem_grow(record->samples, struct wal_sample, record->sample_count, &record->sample_cap);
    record->samples[record->sample_count++] = *sample;
}

static void item_sort_out(const struct head_state *state, const struct replay_cover *cover,
                          struct replay_item *item, struct replay_decoder *decoder)
{
    const struct wal_record *record = &decoder->record;
    decoder->slots = slots_reserve(decoder->slots, &decoder->slot_cap, record->sample_count);
    size_t count = 0;
    for (size_t i = 0; i < record->sample_count; i++) {
        const struct wal_sample *sample = &record->samples[i];
        if (sample->t_ms < state->min_valid_ms)
            continue;
        uint32_t slot = head_index_slot(state->index, sample->ref);
        if (UNLIKELY(slot == UINT32_MAX)) {
            item_add_unknown(item, sample);
            continue;
        }
        decoder->slots[count] = (struct slot_sample){slot, sample->t_ms, sample->v};
        count += sample->t_ms > cover->ends_ms[slot];
    }
    item->slots = slots_reserve(item->slots, &item->slot_cap, count);
    if (count > 0)
        memcpy(item->slots, decoder->slots, count * sizeof *item->slots);
    item->slot_count = count;
}

static bool record_is_of_samples(const uint8_t *bytes, size_t size)
{
    return size > 0 && (bytes[0] == WAL_SAMPLES || bytes[0] == WAL_SAMPLES_V2);
}

/* Into the item's own record; true: it says no more than that. */
static bool item_decode_whole(struct replay_item *item, const uint8_t *bytes, size_t size)
{
    struct err err = {0};
    if (item->packing != WAL_NOT_PACKED) { /* what was unpacked does not stay */
        if (item->plain.cap > KEPT_PLAIN_MAX)
            buf_done(&item->plain);
        buf_clear(&item->plain);
        buf_append(&item->plain, bytes, size);
        bytes = (const uint8_t *)item->plain.ptr;
    }
    return wal_record_decode(bytes, size, &item->record, &err);
}

static bool item_decode_samples(const struct head_state *state, const struct replay_cover *cover,
                                struct replay_item *item, const uint8_t *bytes, size_t size,
                                struct replay_decoder *decoder)
{
    struct err err = {0};
    if (!wal_record_decode(bytes, size, &decoder->record, &err))
        return false;
    item->sample_count = decoder->record.sample_count;
    if (decoder->record.has_starts) {
        struct wal_record whole = decoder->record;
        decoder->record = item->record;
        item->record = whole;
        return true;
    }
    if (!wal_record_decode(NULL, 0, &item->record, &err))
        return false;
    item_sort_out(state, cover, item, decoder);
    return true;
}

void replay_item_decode(const struct head_state *state, const struct replay_cover *cover,
                        const struct replay_window *window, struct replay_item *item,
                        struct replay_decoder *decoder)
{
    if (item->record.sample_cap > KEPT_SAMPLES_MAX || item->record.label_cap > KEPT_LABELS_MAX)
        wal_record_done(&item->record);
    if (item->slot_cap > KEPT_SAMPLES_MAX) {
        free(TAKE(item->slots));
        item->slot_cap = 0;
    }
    item->slot_count = item->sample_count = 0;
    item->ref_max = 0;
    const uint8_t *bytes;
    size_t size;
    item->failed = !wal_unpack(&decoder->unpacker, item_packed(window, item), &bytes, &size);
    if (item->failed)
        return;
    /* A series that is gone has its samples counted as those of nobody: that is not done here. */
    if (record_is_of_samples(bytes, size) && !state->has_dead) {
        item->failed = !item_decode_samples(state, cover, item, bytes, size, decoder);
    } else {
        item->failed = !item_decode_whole(item, bytes, size);
        item->sample_count = item->record.sample_count + item->record.histogram_count;
    }
    if (!item->failed)
        item->ref_max = record_ref_max(&item->record);
}

const struct wal_record *replay_item_record(const struct replay_window *window,
                                            const struct replay_item *item,
                                            struct replay_decoder *decoder)
{
    struct err err = {0};
    const uint8_t *bytes;
    size_t size;
    bool good = wal_unpack(&decoder->unpacker, item_packed(window, item), &bytes, &size) &&
                wal_record_decode(bytes, size, &decoder->record, &err);
    assert(good); /* as it was before */
    return &decoder->record;
}
