#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "storage/head_state.h"
#include "storage/wal_record.h"
#include "storage/wal_unpack.h"

/*
 * Some records of a log on their way into the head: taken as they stand in the log, then unpacked
 * and decoded, each by any thread.
 *
 * Thread: one adds; records are decoded by several, each with a decoder of its own.
 */

/* A record of samples without start timestamps is two things when it is decoded. */
struct replay_item {
    size_t begin, size; /* packed, in the window's bytes */
    enum wal_packing packing;
    bool failed;         /* to unpack or to decode */
    size_t sample_count; /* of samples and histograms, left out or not */

    /* Samples of series that the index has, but for those that change nothing. */
    struct slot_sample *slots;
    size_t slot_count, slot_cap;

    struct wal_record record; /* all else */
    struct buf plain;         /* what it borrows, unless that is the window's */
    uint64_t ref_max;         /* of the record's samples and histograms */
};

struct replay_window {
    struct buf bytes;
    size_t unpacked_size;
    struct replay_item *items;
    size_t count, cap; /* items up to `cap` have their arrays */
};

void replay_window_done(struct replay_window *window);
void replay_window_clear(struct replay_window *window);
void replay_window_add(struct replay_window *window, struct wal_packed packed);
bool replay_window_is_full(const struct replay_window *window);

struct replay_decoder {
    struct wal_unpacker unpacker;
    struct wal_record record;
    struct slot_sample *slots; /* before it is known how many go on */
    size_t slot_cap;
};

void replay_decoder_done(struct replay_decoder *decoder);

/* Up to where each series has all its samples, by slot: a sample that is not later changes nothing.
 */
struct replay_cover {
    int64_t *ends_ms;
    size_t count, cap;
};

/* Looks at the state, which nobody changes but for the samples of its series. */
void replay_item_decode(const struct head_state *state, const struct replay_cover *cover,
                        const struct replay_window *window, struct replay_item *item,
                        struct replay_decoder *decoder);

/* The item's record as a whole, which was decoded before; it stays until the decoder's next. */
const struct wal_record *replay_item_record(const struct replay_window *window,
                                            const struct replay_item *item,
                                            struct replay_decoder *decoder);

static inline bool replay_item_has_samples(const struct replay_item *item)
{
    return item->sample_count > 0;
}
