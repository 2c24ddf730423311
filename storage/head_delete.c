#include "storage/head_delete.h"

#include <stdlib.h>

#include "storage/head_append.h"
#include "storage/head_internal.h"
#include "storage/wal_encode.h"

/* So many series are one record of the log, and one moment in which selects wait. */
#define SERIES_STEP 4096

/* The part of the range that the series has samples in; false: none. */
static bool range_of_series(const struct live_series *series, struct time_range *range)
{
    if (series->dead || live_series_is_empty(series))
        return false;
    int64_t begin_ms = live_series_begin_ms(series), end_ms = series->last_ms;
    live_series_note_ooo(series, &begin_ms, &end_ms);
    if (range->begin_ms < begin_ms)
        range->begin_ms = begin_ms;
    if (range->end_ms > end_ms)
        range->end_ms = end_ms;
    return range->begin_ms <= range->end_ms;
}

/* One step, from slots[begin] on: what the log has of it is what memory will have. */
struct delete_step {
    const struct slot_list *slots;
    size_t begin, end;
    struct time_range range;
};

static bool log_stones(struct head *head, const struct delete_step *step,
                       struct wal_encoder *encoder, struct err *err)
{
    struct wal_writer *log = head_writer_log(head->writer);
    wal_encoder_begin(encoder, WAL_TOMBSTONES);
    for (size_t i = step->begin; i < step->end; i++) {
        const struct live_series *series = head->state->index->series[step->slots->slots[i]];
        struct time_range own = step->range;
        if (range_of_series(series, &own))
            wal_encode_tombstone(encoder, series->ref, own);
    }
    if (encoder->count > 0)
        wal_writer_add(log, encoder->out.ptr, encoder->out.len);
    return wal_writer_flush(log, err);
}

/* The ranges are those that the log has: nobody appends or sweeps meanwhile. */
static void put_stones(struct head *head, const struct delete_step *step)
{
    head_state_lock(head->state);
    for (size_t i = step->begin; i < step->end; i++) {
        struct live_series *series = head->state->index->series[step->slots->slots[i]];
        struct time_range own = step->range;
        if (range_of_series(series, &own))
            live_series_delete_range(series, own);
    }
    head_state_unlock(head->state);
}

/*
 * A select between two steps finds some series deleted and others not, as in Prometheus. With
 * `changing` held.
 */
static bool delete_slots(struct head *head, const struct slot_list *slots, struct time_range range,
                         struct err *err)
{
    AUTO(wal_encoder_done) struct wal_encoder encoder = {0};
    for (size_t begin = 0; begin < slots->count; begin += SERIES_STEP) {
        size_t left = slots->count - begin;
        struct delete_step step = {
            .slots = slots,
            .begin = begin,
            .end = begin + (left < SERIES_STEP ? left : SERIES_STEP),
            .range = range,
        };
        if (!log_stones(head, &step, &encoder, err))
            return false;
        put_stones(head, &step);
    }
    return true;
}

bool head_delete(struct head *head, struct matcher *const *matchers, size_t matcher_count,
                 struct time_range range, struct err *err)
{
    if (!head->writer)
        return err_set(err, ERR_UNSUPPORTED, "%s: open for reading only", head->path);
    AUTO(slot_list_done) struct slot_list slots = {0};
    pthread_mutex_lock(&head->changing);
    bool good = head_index_match(head->state->index, matchers, matcher_count, NULL, &slots, err) &&
                delete_slots(head, &slots, range, err);
    uint64_t position = wal_writer_position(head_writer_log(head->writer));
    pthread_mutex_unlock(&head->changing);
    if (good && head->options.wal_sync)
        good = wal_writer_sync(head_writer_log(head->writer), position, err);
    return good;
}
