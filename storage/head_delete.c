#include "storage/head_delete.h"

#include <stdlib.h>

#include "storage/head_append.h"
#include "storage/head_internal.h"
#include "storage/wal_encode.h"

/* A record is closed when it has so many bytes. */
#define RECORD_SIZE_MAX ((size_t)1 << 20)

/* Series between two moments in which selects get the lock. */
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

static void log_close(struct wal_writer *log, struct wal_encoder *encoder)
{
    if (encoder->count > 0)
        wal_writer_add(log, encoder->out.ptr, encoder->out.len);
    wal_encoder_begin(encoder, WAL_TOMBSTONES);
}

static bool log_stones(struct head *head, const struct slot_list *slots, struct time_range range,
                       uint64_t *ret_position, struct err *err)
{
    struct wal_writer *log = head_writer_log(head->writer);
    AUTO(wal_encoder_done) struct wal_encoder encoder = {0};
    wal_encoder_begin(&encoder, WAL_TOMBSTONES);
    for (size_t i = 0; i < slots->count; i++) {
        const struct live_series *series = head->state->index->series[slots->slots[i]];
        struct time_range own = range;
        if (range_of_series(series, &own))
            wal_encode_tombstone(&encoder, series->ref, own);
        if (encoder.out.len > RECORD_SIZE_MAX)
            log_close(log, &encoder);
    }
    log_close(log, &encoder);
    if (!wal_writer_flush(log, err))
        return false;
    *ret_position = wal_writer_position(log);
    return true;
}

/*
 * A select between two steps finds some series deleted and others not, as in Prometheus. The ranges
 * are those that the log has: nobody appends or sweeps meanwhile.
 */
static void put_stones(struct head *head, const struct slot_list *slots, struct time_range range)
{
    head_state_lock(head->state);
    for (size_t i = 0; i < slots->count; i++) {
        if (i > 0 && i % SERIES_STEP == 0) {
            head_state_unlock(head->state);
            head_state_lock(head->state);
        }
        struct live_series *series = head->state->index->series[slots->slots[i]];
        struct time_range own = range;
        if (range_of_series(series, &own))
            live_series_delete_range(series, own);
    }
    head_state_unlock(head->state);
}

bool head_delete(struct head *head, struct matcher *const *matchers, size_t matcher_count,
                 struct time_range range, struct err *err)
{
    if (!head->writer)
        return err_set(err, ERR_UNSUPPORTED, "%s: open for reading only", head->path);
    AUTO(slot_list_done) struct slot_list slots = {0};
    uint64_t position = 0;
    pthread_mutex_lock(&head->changing);
    bool good = head_index_match(head->state->index, matchers, matcher_count, NULL, &slots, err) &&
                log_stones(head, &slots, range, &position, err);
    if (good)
        put_stones(head, &slots, range);
    pthread_mutex_unlock(&head->changing);
    if (good && head->options.wal_sync)
        good = wal_writer_sync(head_writer_log(head->writer), position, err);
    return good;
}
