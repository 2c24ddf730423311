#include "storage/head_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "storage/head_snapshot.h"
#include "storage/replay.h"
#include "storage/unknown_refs.h"

/* Series that are looked through with one taking of the lock. */
#define SWEEP_STEP 4096

void head_report_corrupt(struct head_report *report, const char *message)
{
    uint64_t hash = hash_bytes(message, strlen(message));
    for (size_t i = 0; i < report->told_count; i++)
        if (report->told[i] == hash)
            return;
    report->corrupt_count++;
    if (report->told_count == HEAD_REPORTS_MAX)
        return;
    mem_grow(report->told, uint64_t, report->told_count, &report->told_cap);
    report->told[report->told_count++] = hash;
    if (report->options->warn)
        report->options->warn(report->options->context, message);
}

void head_report_done(struct head_report *report)
{
    free(report->told);
}

struct head_state *head_state_create(const char *path, struct grace *grace,
                                     struct head_report *report)
{
    struct head_state *state = mem_new(struct head_state);
    state->grace = grace;
    state->report = report;
    state->min_valid_ms = state->swept_ms = INT64_MIN;
    state->begin_ms = INT64_MAX;
    state->end_ms = INT64_MIN;
    state->index = head_index_create();
    state->wal_unknown = unknown_refs_create();
    state->wbl_unknown = unknown_refs_create();

    char folder[4096];
    snprintf(folder, sizeof folder, "%s/chunks_head", path);
    state->chunks = head_chunks_create(folder);
    snprintf(folder, sizeof folder, "%s/wal", path);
    state->wal = wal_log_create(folder, WAL_GAP_LOST);
    snprintf(folder, sizeof folder, "%s/wbl", path);
    state->wbl = wal_log_create(folder, WAL_GAP_PASSED);
    return state;
}

void head_state_destroy(struct head_state *state)
{
    if (!state)
        return;
    pending_chunks_done(&state->pending);
    head_index_destroy(state->index);
    head_chunks_destroy(state->chunks);
    wal_log_destroy(state->wal);
    wal_log_destroy(state->wbl);
    unknown_refs_destroy(state->wal_unknown);
    unknown_refs_destroy(state->wbl_unknown);
    wal_record_done(&state->record);
    wal_expiries_done(&state->expiries);
    free(state);
}

static bool head_state_read_chunks(struct head_state *state, struct err *err)
{
    if (!head_chunks_look(state->chunks, err))
        return false;
    while (replay_is_wanted(state->report->options, err)) {
        struct head_chunk chunk;
        enum tail_read got = head_chunks_next(state->chunks, &chunk, err);
        if (got == TAIL_ITEM) {
            head_state_take_chunk(state, &chunk);
        } else if (got == TAIL_ERR && err->kind == ERR_CORRUPT) {
            head_report_corrupt(state->report, err->msg);
            err_clear(err);
        } else {
            return got == TAIL_END;
        }
    }
    return false;
}

/* All that a log has now. */
static bool head_state_read_log(struct head_state *state, struct wal_log *log,
                                void (*apply)(struct head_state *, const struct wal_record *),
                                bool *ret_lost, struct err *err)
{
    if (!wal_log_look(log, ret_lost, err))
        return false;
    struct replay_progress progress;
    replay_progress_init(&progress, state->report->options, log, !state->begun);
    while (!*ret_lost) {
        const uint8_t *bytes;
        size_t size;
        if (!replay_is_wanted(state->report->options, err))
            return false;
        enum tail_read got = wal_log_next(log, &bytes, &size, err);
        replay_progress_tell(&progress, log);
        if (got == TAIL_ITEM && wal_record_decode(bytes, size, &state->record, err)) {
            apply(state, &state->record);
            continue;
        }
        if (got == TAIL_END) {
            replay_progress_done(&progress, log);
            return true;
        }
        if (got == TAIL_LOST) {
            err_clear(err);
            *ret_lost = true;
            return true;
        }
        if (got == TAIL_ITEM)
            wal_log_drop(log, err);
        if (err->kind != ERR_CORRUPT)
            return false;
        head_report_corrupt(state->report, err->msg);
        err_clear(err);
    }
    return true;
}

/* What waited for the blocks to be looked at once more since it was found to be in them. */
static void head_state_age(struct head_state *state)
{
    bool trim = state->wbl_first > state->wbl_trimmed;
    if (!trim && !state->has_dead)
        return;
    for (size_t begin = 0; begin < state->index->count; begin += SWEEP_STEP) {
        size_t end = begin + SWEEP_STEP;
        end = end < state->index->count ? end : state->index->count;
        head_state_lock(state);
        for (size_t i = begin; i < end; i++) {
            struct live_series *series = state->index->series[i];
            size_t chunk_count = live_series_chunk_count(series);
            if (trim)
                live_series_trim_ooo(series, state->wbl_first, state->grace);
            if (series->dead)
                live_series_clear(series, state->grace);
            state->chunks_removed += chunk_count - live_series_chunk_count(series);
        }
        head_state_unlock(state);
    }
    state->wbl_trimmed = state->wbl_first;
}

static bool series_is_kept(const struct live_series *series)
{
    return !series->doomed;
}

/*
 * A series that was found empty is kept until the next sweep, a block later: our blocks and our WAL
 * are not read at the same instant, and a sample by its old reference may be on its way.
 */
static bool series_is_doomed(struct live_series *series, bool blocks_moved)
{
    bool empty = live_series_is_empty(series);
    bool doomed = empty && (series->dead || (series->idle && blocks_moved));
    if (blocks_moved)
        series->idle = empty;
    return doomed;
}

/* The log speaks of what is swept out; its records are needed for as long. With the lock. */
static void head_state_note_expiries(struct head_state *state)
{
    const struct map *refs = &state->index->by_ref;
    for (size_t i = 0; refs->slots && i <= refs->mask; i++) {
        const struct map_slot *slot = &refs->slots[i];
        if (slot->index != 0 && state->index->series[slot->index - 1]->doomed)
            wal_expiries_add(&state->expiries, slot->hash, state->segment);
    }
}

/* Takes out what is in blocks: chunks, then series that have had nothing for a whole block. */
static void head_state_sweep(struct head_state *state)
{
    bool any = false;
    int64_t begin_ms = INT64_MAX;
    bool blocks_moved = !state->begun || state->min_valid_ms > state->swept_ms;
    for (size_t begin = 0; begin < state->index->count; begin += SWEEP_STEP) {
        size_t end = begin + SWEEP_STEP;
        end = end < state->index->count ? end : state->index->count;
        head_state_lock(state);
        for (size_t i = begin; i < end; i++) {
            struct live_series *series = state->index->series[i];
            size_t chunk_count = live_series_chunk_count(series);
            live_series_trim(series, state->min_valid_ms, state->grace);
            state->chunks_removed += chunk_count - live_series_chunk_count(series);
            series->doomed = series_is_doomed(series, blocks_moved);
            any |= series->doomed;
            int64_t series_begin_ms = live_series_begin_ms(series);
            begin_ms = series_begin_ms < begin_ms ? series_begin_ms : begin_ms;
        }
        head_state_unlock(state);
    }
    state->swept_ms = state->min_valid_ms;

    /* Readers go on with the old index while the new one is made: nobody else changes either. */
    struct head_index *made = any ? head_index_without(state->index, series_is_kept) : NULL;
    head_state_lock(state);
    state->begin_ms = begin_ms > state->min_valid_ms ? begin_ms : state->min_valid_ms;
    if (begin_ms == INT64_MAX)
        state->begin_ms = INT64_MAX;
    if (!any) {
        head_state_unlock(state);
        return;
    }
    struct head_index *old = state->index;
    if (state->is_ours)
        head_state_note_expiries(state);
    state->index = made;
    state->series_removed += old->count - made->count;
    head_state_unlock(state);
    head_index_release(old, series_is_kept);
}

static bool head_state_read_wal(struct head_state *state, bool *ret_lost, struct err *err)
{
    if (!state->begun && !state->lock && state->thread_count > 1)
        return replay_log(state, ret_lost, err);
    return head_state_read_log(state, state->wal, head_state_apply_wal, ret_lost, err);
}

/* At the start, if there is one that can be used. *ret_lost: there is one that cannot. */
static void head_state_read_snapshot(struct head_state *state, bool *ret_lost)
{
    const struct db_options *options = state->report->options;
    struct err err = {0};
    enum snapshot_verdict verdict = head_snapshot_load(state, state->snapshot_root, &err);
    state->snapshot_is_bad = *ret_lost = verdict == SNAPSHOT_PASSED || verdict == SNAPSHOT_BROKEN;
    state->snapshot_is_broken = verdict == SNAPSHOT_BROKEN;
    if (verdict == SNAPSHOT_LOADED && options->info) {
        char text[256];
        snprintf(text, sizeof text, "%s: chunk snapshot loaded: %zu series", state->snapshot_root,
                 state->index->count);
        options->info(options->context, text);
    }
    if (!*ret_lost)
        return;
    err_wrap(&err, "the whole log is read");
    if (verdict == SNAPSHOT_BROKEN)
        head_report_corrupt(state->report, err.msg);
    else if (options->info)
        options->info(options->context, err.msg);
}

/* What the files have that was not read yet. */
static bool head_state_read(struct head_state *state, bool *ret_lost, struct err *err)
{
    if (!head_state_read_chunks(state, err))
        return false;
    if (!state->begun && state->snapshot_root)
        head_state_read_snapshot(state, ret_lost);
    return *ret_lost || (head_state_read_wal(state, ret_lost, err) &&
                         (*ret_lost || head_state_read_log(state, state->wbl, head_state_apply_wbl,
                                                           ret_lost, err)));
}

bool head_state_refresh(struct head_state *state, int64_t blocks_end_ms, bool *ret_lost,
                        struct err *err)
{
    /* Before the chunks are looked at, so that those are known to be of no earlier segment. */
    if (!state->is_ours && !wal_log_look(state->wbl, ret_lost, err))
        return false;
    if (*ret_lost)
        return true;
    bool aged = state->has_dead;
    head_state_age(state);
    state->has_dead = false;
    if (blocks_end_ms > state->min_valid_ms)
        state->min_valid_ms = blocks_end_ms;

    if (!state->is_ours && !head_state_read(state, ret_lost, err))
        return false;
    if (*ret_lost)
        return true;
    state->wbl_first = wal_log_first_segment(state->wbl);

    if (state->pending.taken_count || state->min_valid_ms > state->swept_ms)
        pending_chunks_trim(&state->pending, state->min_valid_ms);
    if (!state->begun) {
        /* The blocks were looked at before the first record was read. */
        state->wbl_trimmed = state->wbl_first;
        head_state_age(state);
        state->has_dead = false;
        head_state_sweep(state);
        state->begun = true;
    } else if (aged || state->min_valid_ms > state->swept_ms) {
        head_state_sweep(state);
    }
    return true;
}
