/*
 * A snapshot stands for the log in front of its place, so it is put into the series as the log
 * would be: a series gets its chunks of files first, and of the open chunk those samples that are
 * behind them. So it does no harm that chunks have gone into files since. What would do harm is
 * looked for: chunks of files that are gone, another log, a log that was cut in front of the place.
 *
 * Prometheus believes more: it takes samples of a snapshot that the log has lost. Here the log is
 * what counts, for a head must not depend on how the last process ended.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "storage/chunk.h"
#include "storage/head_snapshot.h"
#include "storage/histogram_reader.h"
#include "storage/snapshot_folder.h"
#include "storage/snapshot_origin.h"
#include "storage/snapshot_record.h"
#include "storage/wal.h"
#include "storage/wal_folder.h"

struct snapshot_loader {
    struct head_state *state;
    const char *root;
    struct snapshot_place place;
    char folder[4096];
    bool has_origin;
    struct snapshot_origin origin;

    struct snapshot_series series; /* of the record at hand */
    struct wal_record record;
    struct buf exemplars;
    struct samples samples;
    uint64_t series_count;
    uint64_t note_count;
    bool is_whole;  /* it has come to what is behind the series */
    bool is_passed; /* it is not damaged */
};

typedef bool load_function(struct snapshot_loader *loader, const uint8_t *bytes, size_t size,
                           struct err *err);

static void snapshot_loader_done(struct snapshot_loader *loader)
{
    snapshot_series_done(&loader->series);
    wal_record_done(&loader->record);
    buf_done(&loader->exemplars);
    samples_done(&loader->samples);
}

static void snapshot_loader_done_auto(struct snapshot_loader *loader)
{
    snapshot_loader_done(loader);
}

static bool load_floats(struct snapshot_loader *loader, struct live_series *series, struct err *err)
{
    struct head_state *state = loader->state;
    const struct snapshot_chunk *chunk = &loader->series.chunk;
    struct samples *samples = &loader->samples;
    samples->count = 0;
    samples->wants_starts = true;
    if (!chunk_decode(chunk->encoding, chunk->data, chunk->size, samples, err))
        return false;
    for (size_t i = 0; i < samples->count; i++) {
        int64_t t_ms = samples->times_ms[i];
        if (t_ms >= state->min_valid_ms &&
            live_series_take(series, t_ms, samples->starts_ms[i], samples->values[i]))
            head_state_note(state, t_ms, t_ms);
    }
    return true;
}

static bool load_histograms(struct snapshot_loader *loader, struct live_series *series,
                            struct err *err)
{
    struct head_state *state = loader->state;
    const struct snapshot_chunk *chunk = &loader->series.chunk;
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    AUTO(arena_destroy) struct arena *step = arena_create(NULL);
    struct histogram_reader reader;
    if (!histogram_reader_open(&reader, chunk->encoding, chunk->data, chunk->size, arena, err))
        return false;
    int64_t last_ms = INT64_MIN;
    for (size_t i = 0; i < reader.sample_count; i++) {
        if (!histogram_reader_next(&reader, NULL) || (i > 0 && reader.t_ms <= last_ms))
            return err_set(err, ERR_CORRUPT, "a chunk of histograms is garbled");
        last_ms = reader.t_ms;
        struct raw_histogram h = histogram_reader_raw(&reader, step);
        if (reader.t_ms >= state->min_valid_ms &&
            live_series_append_histogram(series, reader.t_ms, reader.start_ms, &h))
            head_state_note(state, reader.t_ms, reader.t_ms);
        arena_reset(step);
    }
    return true;
}

static bool load_series(struct snapshot_loader *loader, const uint8_t *bytes, size_t size,
                        struct err *err)
{
    struct head_index *index = loader->state->index;
    struct snapshot_series *entry = &loader->series;
    if (!snapshot_series_decode(bytes, size, entry, err))
        return false;
    size_t before = index->count;
    bool is_new = head_index_slot(index, entry->ref) == UINT32_MAX;
    struct live_series *series =
        head_state_take_series(loader->state, entry->ref, entry->labels, entry->label_count);
    if (!is_new || index->count == before || loader->is_whole)
        return err_set(err, ERR_CORRUPT, "series %llu is there twice, or too late",
                       (unsigned long long)entry->ref);
    loader->series_count++;
    if (!entry->chunk.data)
        return true;
    bool is_float = entry->chunk.encoding == CHUNK_XOR || entry->chunk.encoding == CHUNK_XOR2;
    return is_float ? load_floats(loader, series, err) : load_histograms(loader, series, err);
}

static void load_tombstone(void *context, uint64_t ref, struct time_range range)
{
    struct snapshot_loader *loader = context;
    struct live_series *series = head_index_find(loader->state->index, ref);
    if (series)
        live_series_delete_range(series, range);
}

/* As the log's record of exemplars has them. */
static bool load_exemplars(struct snapshot_loader *loader, const uint8_t *bytes, size_t size,
                           struct err *err)
{
    buf_clear(&loader->exemplars);
    buf_append(&loader->exemplars, bytes, size);
    loader->exemplars.ptr[0] = WAL_EXEMPLARS;
    if (!wal_record_decode((const uint8_t *)loader->exemplars.ptr, size, &loader->record, err))
        return false;
    head_state_apply_notes(loader->state, &loader->record);
    return true;
}

static bool load_record(struct snapshot_loader *loader, const uint8_t *bytes, size_t size,
                        struct err *err)
{
    switch (size > 0 ? bytes[0] : 0) {
    case SNAPSHOT_SERIES:
        return load_series(loader, bytes, size, err);
    case SNAPSHOT_TOMBSTONES:
        loader->is_whole = true;
        return snapshot_tombstones_decode(bytes, size, load_tombstone, loader, err);
    case SNAPSHOT_EXEMPLARS:
        return load_exemplars(loader, bytes, size, err);
    default:
        return err_set(err, ERR_CORRUPT, "a record of a type that nobody knows");
    }
}

/* A record of the notes, first only counted: who was told of some of them would be told twice. */
static bool count_note(struct snapshot_loader *loader, const uint8_t *bytes, size_t size,
                       struct err *err)
{
    loader->note_count++;
    if (size == 0 || (bytes[0] != WAL_EXEMPLARS && bytes[0] != WAL_METADATA))
        return err_set(err, ERR_CORRUPT, "a record that is neither exemplars nor metadata");
    return wal_record_decode(bytes, size, &loader->record, err);
}

static bool tell_note(struct snapshot_loader *loader, const uint8_t *bytes, size_t size,
                      struct err *err)
{
    if (!wal_record_decode(bytes, size, &loader->record, err))
        return false;
    head_state_apply_notes(loader->state, &loader->record);
    return true;
}

static bool load_segment(struct snapshot_loader *loader, const char *path, load_function *load,
                         struct err *err)
{
    AUTO(wal_segment_close) struct wal_segment *segment = NULL;
    if (!wal_segment_open(path, &segment, err))
        return false;
    for (;;) {
        const uint8_t *bytes;
        size_t size;
        enum tail_read got = wal_segment_next(segment, true, &bytes, &size, err);
        if (got != TAIL_ITEM)
            return got == TAIL_END;
        if (!load(loader, bytes, size, err))
            return err_wrap(err, "%s: before offset %llu", path,
                            (unsigned long long)wal_segment_offset(segment));
    }
}

static bool load_segments(struct snapshot_loader *loader, const char *folder, load_function *load,
                          struct err *err)
{
    AUTO(wal_listing_done) struct wal_listing listing = {0};
    if (!wal_folder_list(folder, &listing, err))
        return false;
    for (size_t i = 0; i < listing.count; i++) {
        char path[4096];
        wal_folder_segment_path(folder, listing.segments[i], path, sizeof path);
        if (listing.segments[i] != i)
            return err_set(err, ERR_CORRUPT, "%s: a segment before it is missing", path);
        if (!load_segment(loader, path, load, err))
            return false;
    }
    return true;
}

static bool load_series_and_stones(struct snapshot_loader *loader, struct err *err)
{
    return load_segments(loader, loader->folder, load_record, err) &&
           (loader->is_whole || err_set(err, ERR_CORRUPT, "%s: it breaks off", loader->folder));
}

static bool load_notes(struct snapshot_loader *loader, struct err *err)
{
    char folder[4096 + 16];
    if (!loader->has_origin || loader->origin.note_count == 0)
        return true;
    snapshot_notes_path(loader->folder, folder, sizeof folder);
    if (!load_segments(loader, folder, count_note, err))
        return false;
    if (loader->note_count != loader->origin.note_count)
        return err_set(err, ERR_CORRUPT, "%s: %llu records of %llu", folder,
                       (unsigned long long)loader->note_count,
                       (unsigned long long)loader->origin.note_count);
    return load_segments(loader, folder, tell_note, err);
}

/* The snapshot is good, but not of this log. */
static bool pass(struct snapshot_loader *loader, const char *why, struct err *err)
{
    loader->is_passed = true;
    return err_set(err, ERR_NOT_FOUND, "%s: %s", loader->folder, why);
}

/* Is the place in the log, and is it the log that the snapshot was taken of? */
static bool check_log(struct snapshot_loader *loader, struct err *err)
{
    char folder[4096], path[4096];
    snprintf(folder, sizeof folder, "%s/wal", loader->root);
    wal_folder_segment_path(folder, loader->place.segment, path, sizeof path);
    struct stat st;
    if (!wal_log_begin_at(loader->state->wal, loader->place.segment, loader->place.offset) ||
        stat(path, &st) != 0 || (uint64_t)st.st_size < loader->place.offset)
        return pass(loader, "its place in the log is gone", err);
    if (!loader->has_origin)
        return true;
    if (loader->state->min_valid_ms < loader->origin.min_valid_ms)
        return pass(loader, "blocks have gone since", err);
    struct snapshot_origin now;
    if (!snapshot_origin_note_log(&now, folder, loader->place, err))
        return false;
    if (now.log_size != loader->origin.log_size || now.log_crc != loader->origin.log_crc)
        return pass(loader, "it was taken of another log", err);
    return true;
}

/* Are all chunks there that were in files then? */
static bool check_chunks(struct snapshot_loader *loader, struct err *err)
{
    if (!loader->has_origin)
        return true;
    struct snapshot_origin now = {.chunks_end = loader->origin.chunks_end};
    snapshot_origin_note_chunks(&now, loader->state->index);
    if (now.chunk_count != loader->origin.chunk_count ||
        now.chunk_digest != loader->origin.chunk_digest)
        return pass(loader, "head chunks have gone since", err);
    if (loader->series_count != loader->origin.series_count)
        return err_set(err, ERR_CORRUPT, "%s: %llu series of %llu", loader->folder,
                       (unsigned long long)loader->series_count,
                       (unsigned long long)loader->origin.series_count);
    head_state_note_ref(loader->state, loader->origin.last_ref);
    loader->state->snapshot = (struct snapshot_known){
        .is_there = true, .place = loader->place, .min_valid_ms = loader->state->min_valid_ms};
    return file_tree_size(loader->folder, &loader->state->snapshot.size, err);
}

static bool load(struct snapshot_loader *loader, struct err *err)
{
    if (!snapshot_origin_read(loader->folder, &loader->has_origin, &loader->origin, err))
        return false;
    if (!loader->has_origin && head_chunks_are_torn(loader->state->chunks))
        return pass(loader, "head chunks are damaged", err);
    return check_log(loader, err) && load_series_and_stones(loader, err) &&
           check_chunks(loader, err) && load_notes(loader, err);
}

enum snapshot_verdict head_snapshot_load(struct head_state *state, const char *root,
                                         struct err *err)
{
    AUTO(snapshot_loader_done) struct snapshot_loader loader = {.state = state, .root = root};
    bool is_there, lost;
    if (!snapshot_folder_newest(root, &is_there, &loader.place, err))
        return SNAPSHOT_BROKEN;
    if (!is_there)
        return SNAPSHOT_NONE;
    snapshot_folder_path(root, loader.place, loader.folder, sizeof loader.folder);
    if (!wal_log_look(state->wal, &lost, err))
        return SNAPSHOT_BROKEN;
    if (load(&loader, err))
        return SNAPSHOT_LOADED;
    return loader.is_passed ? SNAPSHOT_PASSED : SNAPSHOT_BROKEN;
}
