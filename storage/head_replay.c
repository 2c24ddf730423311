/*
 * From records to series, as Prometheus replays them:
 *
 *   - a series record whose labels are known already gives the series one more reference
 *   - samples before the end of the blocks are in blocks
 *   - samples not after the newest of their series (in memory or in a head chunk file) were written
 *     to the WAL, but not taken: too late, or out of order, and then the WBL has them
 *   - a tombstone over all of time is a series that is gone; another one hides a range
 *   - a marker in the WBL says that out-of-order samples up to it are in a head chunk file, if that
 *     can be seen already
 *
 * Unlike Prometheus, a second series record does not empty the series: what is there is older, and
 * is dropped when the blocks reach it. While tailing, that block may not have been seen yet.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "storage/chunk.h"
#include "storage/head_state.h"
#include "storage/unknown_refs.h"

void head_state_lock(struct head_state *state)
{
    if (state->lock)
        pthread_rwlock_wrlock(state->lock);
}

void head_state_unlock(struct head_state *state)
{
    if (state->lock)
        pthread_rwlock_unlock(state->lock);
}

void pending_chunks_done(struct pending_chunks *pending)
{
    for (size_t i = 0; i < pending->count; i++)
        head_chunk_file_unref(pending->items[i].chunk.file);
    free(pending->items);
    map_done(&pending->by_ref);
    *pending = (struct pending_chunks){0};
}

void pending_chunks_add(struct pending_chunks *pending, const struct head_chunk *chunk)
{
    assert(pending->count < UINT32_MAX - 1);
    uint32_t at = (uint32_t)pending->count;
    mem_grow(pending->items, struct pending_chunk, pending->count, &pending->cap);
    pending->items[pending->count++] = (struct pending_chunk){*chunk, UINT32_MAX, at};
    head_chunk_file_ref(chunk->file);

    struct map_probe found = map_find(&pending->by_ref, chunk->series_ref);
    if (map_hit(&pending->by_ref, &found)) {
        struct pending_chunk *first = &pending->items[found.index];
        pending->items[first->last].next = at;
        first->last = at;
    } else {
        map_insert(&pending->by_ref, chunk->series_ref, at);
    }
}

void pending_chunks_attach(struct pending_chunks *pending, uint64_t ref, struct live_series *series,
                           uint32_t segment, struct grace *grace)
{
    struct map_probe found = map_find(&pending->by_ref, ref);
    if (!map_hit(&pending->by_ref, &found))
        return;
    for (uint32_t at = found.index; at != UINT32_MAX; at = pending->items[at].next) {
        struct head_chunk *chunk = &pending->items[at].chunk;
        if (!chunk->file)
            continue;
        live_series_attach(series, chunk, segment, grace);
        head_chunk_file_unref(TAKE(chunk->file));
        pending->taken_count++;
    }
}

void pending_chunks_trim(struct pending_chunks *pending, int64_t before_ms)
{
    struct pending_chunks kept = {0};
    for (size_t i = 0; i < pending->count; i++) {
        const struct head_chunk *chunk = &pending->items[i].chunk;
        if (chunk->file && (chunk->out_of_order || chunk->end_ms >= before_ms))
            pending_chunks_add(&kept, chunk);
    }
    pending_chunks_done(pending);
    *pending = kept;
}

void head_state_note(struct head_state *state, int64_t begin_ms, int64_t end_ms)
{
    if (begin_ms < state->begin_ms)
        state->begin_ms = begin_ms;
    if (end_ms > state->end_ms)
        state->end_ms = end_ms;
}

/* No reference is given twice, also where what it led to is gone. */
void head_state_note_ref(struct head_state *state, uint64_t ref)
{
    if (ref > state->last_ref)
        state->last_ref = ref;
}

static void wbl_note_unknown(struct head_state *state, enum unknown_kind kind, uint64_t ref)
{
    head_state_note_ref(state, ref);
    unknown_refs_note(state->wbl_unknown, kind, ref);
    state->unknown_count += kind != UNKNOWN_MARKERS;
}

/*
 * The segment of the WBL that chunks read now are held against: since the folder was listed, one
 * more may have been begun.
 */
static uint32_t chunk_segment(const struct head_state *state)
{
    return wal_log_last_segment(state->wbl) + 1;
}

void head_state_take_chunk(struct head_state *state, const struct head_chunk *chunk)
{
    head_state_note_ref(state, chunk->series_ref);
    bool known = chunk->encoding >= CHUNK_XOR && chunk->encoding <= CHUNK_FLOAT_HISTOGRAM_ST;
    if (!known || chunk->begin_ms > chunk->end_ms)
        return;
    if (!chunk->out_of_order && chunk->end_ms < state->min_valid_ms)
        return;
    struct live_series *series = head_index_find(state->index, chunk->series_ref);
    if (!series) {
        pending_chunks_add(&state->pending, chunk);
        return;
    }
    head_state_lock(state);
    live_series_attach(series, chunk, chunk_segment(state), state->grace);
    if (!chunk->out_of_order)
        head_state_note(state, chunk->begin_ms, chunk->end_ms);
    head_state_unlock(state);
}

bool head_state_add_series(struct head_state *state, const struct wal_record *record)
{
    size_t before = state->index->count;
    for (size_t i = 0; i < record->series_count; i++) {
        const struct wal_series *entry = &record->series[i];
        head_index_add(state->index, entry->ref, record->labels + entry->label_begin,
                       entry->label_count);
        head_state_note_ref(state, entry->ref);
    }
    return state->index->count - before == record->series_count;
}

static void attach_chunks(struct head_state *state, uint64_t ref, struct live_series *series)
{
    if (state->pending.count == state->pending.taken_count)
        return;
    pending_chunks_attach(&state->pending, ref, series, chunk_segment(state), state->grace);
    head_state_note(state, live_series_begin_ms(series), series->last_ms);
}

void head_state_attach_series(struct head_state *state, const struct wal_record *record)
{
    for (size_t i = 0; i < record->series_count; i++) {
        uint64_t ref = record->series[i].ref;
        attach_chunks(state, ref, head_index_find(state->index, ref));
    }
}

struct live_series *head_state_take_series(struct head_state *state, uint64_t ref,
                                           const struct wal_label *labels, size_t count)
{
    struct live_series *series = head_index_add(state->index, ref, labels, count);
    head_state_note_ref(state, ref);
    attach_chunks(state, ref, series);
    return series;
}

static void apply_series(struct head_state *state, const struct wal_record *record)
{
    for (size_t i = 0; i < record->series_count; i++) {
        const struct wal_series *entry = &record->series[i];
        head_state_take_series(state, entry->ref, record->labels + entry->label_begin,
                               entry->label_count);
    }
}

/* So many series are looked up, and on their way from memory, before the first is written to. */
#define LOOKUP_AHEAD 16

/* Those of the next samples that are the share's, and are not in blocks; up to LOOKUP_AHEAD. */
struct lookup {
    struct live_series *series[LOOKUP_AHEAD]; /* NULL: nobody knows it */
    size_t at[LOOKUP_AHEAD];                  /* in the record */
    size_t count;
};

static bool share_has(const struct replay_share *share, uint32_t slot)
{
    uint32_t number = slot == UINT32_MAX ? 0 : slot / REPLAY_SHARE_SLOTS;
    return (number & (share->count - 1)) == share->number;
}

static void lookup_add(struct lookup *lookup, const struct head_index *index, uint32_t slot,
                       size_t at)
{
    struct live_series *series = slot == UINT32_MAX ? NULL : index->series[slot];
    if (series)
        __builtin_prefetch(&series->open, 1);
    lookup->series[lookup->count] = series;
    lookup->at[lookup->count++] = at;
}

static void lookup_prefetch(struct lookup *lookup)
{
    for (size_t i = 0; i < lookup->count; i++) {
        struct live_series *series = lookup->series[i];
        if (series && series->dead)
            lookup->series[i] = NULL;
        else if (series && series->open.bytes)
            __builtin_prefetch(series->open.bytes + series->open.size, 1);
    }
}

/* Fills the lookup from sample *at on; false: there are no more. */
static bool lookup_samples(const struct head_state *state, const struct wal_record *record,
                           const struct replay_share *share, size_t *at, struct lookup *lookup)
{
    lookup->count = 0;
    for (; *at < record->sample_count && lookup->count < LOOKUP_AHEAD; (*at)++) {
        const struct wal_sample *sample = &record->samples[*at];
        if (sample->t_ms < state->min_valid_ms)
            continue;
        uint32_t slot = head_index_slot(state->index, sample->ref);
        if (share_has(share, slot))
            lookup_add(lookup, state->index, slot, *at);
    }
    lookup_prefetch(lookup);
    return lookup->count > 0;
}

/* The next samples of the share, as lookup_samples. */
static bool lookup_slots(const struct head_state *state, const struct slot_sample *samples,
                         size_t count, const struct replay_share *share, size_t *at,
                         struct lookup *lookup)
{
    lookup->count = 0;
    for (; *at < count && lookup->count < LOOKUP_AHEAD; (*at)++)
        if (share_has(share, samples[*at].slot))
            lookup_add(lookup, state->index, samples[*at].slot, *at);
    lookup_prefetch(lookup);
    return lookup->count > 0;
}

static void share_note(struct replay_share *share, int64_t t_ms)
{
    share->begin_ms = t_ms < share->begin_ms ? t_ms : share->begin_ms;
    share->end_ms = t_ms > share->end_ms ? t_ms : share->end_ms;
}

static void share_note_unknown(const struct head_state *state, struct replay_share *share,
                               enum unknown_kind kind, uint64_t ref)
{
    unknown_refs_note(state->wal_unknown, kind, ref);
    share->last_ref = ref > share->last_ref ? ref : share->last_ref;
    share->unknown_count++;
}

static void apply_samples(const struct head_state *state, const struct wal_record *record,
                          struct replay_share *share)
{
    struct lookup ahead;
    for (size_t at = 0; lookup_samples(state, record, share, &at, &ahead);) {
        for (size_t i = 0; i < ahead.count; i++) {
            const struct wal_sample *sample = &record->samples[ahead.at[i]];
            int64_t start_ms = record->has_starts ? record->starts_ms[ahead.at[i]] : 0;
            if (!ahead.series[i])
                share_note_unknown(state, share, UNKNOWN_SAMPLES, sample->ref);
            else if (live_series_take(ahead.series[i], sample->t_ms, start_ms, sample->v))
                share_note(share, sample->t_ms);
        }
    }
}

static void apply_histograms(const struct head_state *state, const struct wal_record *record,
                             struct replay_share *share)
{
    for (size_t i = 0; i < record->histogram_count; i++) {
        const struct wal_histogram *histogram = &record->histograms[i];
        if (histogram->t_ms < state->min_valid_ms)
            continue;
        uint32_t slot = head_index_slot(state->index, histogram->ref);
        if (!share_has(share, slot))
            continue;
        struct live_series *series = slot == UINT32_MAX ? NULL : state->index->series[slot];
        if (!series || series->dead)
            share_note_unknown(state, share, UNKNOWN_HISTOGRAMS, histogram->ref);
        else if (live_series_append_histogram(series, histogram->t_ms, histogram->start_ms,
                                              &histogram->raw))
            share_note(share, histogram->t_ms);
    }
}

void replay_share_init(struct replay_share *share, uint32_t number, uint32_t count)
{
    *share = (struct replay_share){
        .number = number, .count = count, .begin_ms = INT64_MAX, .end_ms = INT64_MIN};
}

void head_state_apply_share(const struct head_state *state, const struct wal_record *record,
                            struct replay_share *share)
{
    apply_samples(state, record, share);
    apply_histograms(state, record, share);
}

void head_state_apply_slots(const struct head_state *state, const struct slot_sample *samples,
                            size_t count, struct replay_share *share)
{
    struct lookup ahead;
    for (size_t at = 0; lookup_slots(state, samples, count, share, &at, &ahead);) {
        for (size_t i = 0; i < ahead.count; i++) {
            const struct slot_sample *sample = &samples[ahead.at[i]];
            if (live_series_take(ahead.series[i], sample->t_ms, 0, sample->v))
                share_note(share, sample->t_ms);
        }
    }
}

void head_state_merge_share(struct head_state *state, struct replay_share *share)
{
    if (share->begin_ms <= share->end_ms)
        head_state_note(state, share->begin_ms, share->end_ms);
    head_state_note_ref(state, share->last_ref);
    state->unknown_count += share->unknown_count;
    replay_share_init(share, share->number, share->count);
}

static void apply_tombstones(struct head_state *state, const struct wal_record *record)
{
    for (size_t i = 0; i < record->tombstone_count; i++) {
        const struct wal_tombstone *stone = &record->tombstones[i];
        struct live_series *series = head_index_find(state->index, stone->ref);
        if (!series) {
            if (stone->range.end_ms >= state->min_valid_ms)
                unknown_refs_note(state->wal_unknown, UNKNOWN_TOMBSTONES, stone->ref);
            continue;
        }
        /* It may end before what is taken from the log: the sweep knows what it is needed for. */
        if (stone->range.begin_ms == INT64_MIN && stone->range.end_ms == INT64_MAX) {
            series->dead = true;
            state->has_dead = true;
        } else if (stone->range.begin_ms <= stone->range.end_ms) {
            live_series_delete_range(series, stone->range);
        }
    }
}

void head_state_apply_wal(struct head_state *state, const struct wal_record *record)
{
    head_state_lock(state);
    apply_series(state, record);
    struct replay_share all;
    replay_share_init(&all, 0, 1);
    head_state_apply_share(state, record, &all);
    head_state_merge_share(state, &all);
    apply_tombstones(state, record);
    if (record->exemplar_count > 0 || record->metadata_count > 0)
        head_state_apply_notes(state, record);
    state->sample_count += record->sample_count + record->histogram_count;
    head_state_unlock(state);
}

void head_state_apply_wbl(struct head_state *state, const struct wal_record *record)
{
    uint32_t segment = wal_log_segment(state->wbl);
    head_state_lock(state);
    for (size_t i = 0; i < record->sample_count; i++) {
        const struct wal_sample *sample = &record->samples[i];
        struct live_series *series = head_index_find(state->index, sample->ref);
        if (!series) {
            wbl_note_unknown(state, UNKNOWN_SAMPLES, sample->ref);
            continue;
        }
        live_series_insert_ooo(series, sample->t_ms, sample->v, segment);
    }
    for (size_t i = 0; i < record->histogram_count; i++) {
        const struct wal_histogram *sample = &record->histograms[i];
        struct live_series *series = head_index_find(state->index, sample->ref);
        if (!series) {
            wbl_note_unknown(state, UNKNOWN_HISTOGRAMS, sample->ref);
            continue;
        }
        live_series_insert_ooo_histogram(series, sample->t_ms, sample->start_ms, &sample->raw,
                                         segment);
    }
    for (size_t i = 0; i < record->marker_count; i++) {
        const struct wal_marker *marker = &record->markers[i];
        if (marker->place > head_chunks_newest(state->chunks))
            continue; /* still in Prometheus's buffer: what we hold is needed */
        struct live_series *series = head_index_find(state->index, marker->ref);
        if (series)
            live_series_forget_ooo(series, state->grace);
        else
            wbl_note_unknown(state, UNKNOWN_MARKERS, marker->ref);
    }
    head_state_unlock(state);
    state->sample_count += record->sample_count + record->histogram_count;
}
