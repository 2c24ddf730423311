/*
 * Record by record, in their order: what is kept of one is written as a record of its type. Only
 * metadata waits for the end, when the last of each series is known.
 */
#include "storage/checkpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "storage/wal.h"
#include "storage/wal_encode.h"
#include "storage/wal_folder.h"
#include "storage/wal_fragment.h"
#include "storage/wal_record.h"
#include "storage/wal_write.h"

/* So many bytes of records wait before they are written. */
#define FLUSH_SIZE ((size_t)1 << 20)

struct checkpoint {
    const struct checkpoint_plan *plan;
    struct wal_writer *out;
    const struct checkpoint_notes *notes; /* NULL: all that a checkpoint keeps */
    uint64_t added_count;
    size_t waiting_size;
    struct wal_record record;
    struct wal_encoder encoder;

    struct arena *arena; /* of texts of metadata */
    struct wal_metadata *metadata;
    size_t metadata_count, metadata_cap;
    struct map metadata_by_ref;
};

static void checkpoint_done(struct checkpoint *checkpoint)
{
    wal_writer_close(checkpoint->out);
    wal_record_done(&checkpoint->record);
    wal_encoder_done(&checkpoint->encoder);
    arena_destroy(checkpoint->arena);
    free(checkpoint->metadata);
    map_done(&checkpoint->metadata_by_ref);
}

static void checkpoint_done_auto(struct checkpoint *checkpoint)
{
    checkpoint_done(checkpoint);
}

static void checkpoint_add(struct checkpoint *checkpoint, const void *bytes, size_t size)
{
    wal_writer_add(checkpoint->out, bytes, size);
    checkpoint->added_count++;
    checkpoint->waiting_size += size;
}

/* Closes the record that is being made, if it holds anything. */
static void checkpoint_close(struct checkpoint *checkpoint)
{
    struct wal_encoder *encoder = &checkpoint->encoder;
    if (encoder->count > 0)
        checkpoint_add(checkpoint, encoder->out.ptr, encoder->out.len);
    encoder->count = 0;
}

/* An entry was put in: a record that has become large is closed, and another of its type begun. */
static void checkpoint_put(struct checkpoint *checkpoint)
{
    struct wal_encoder *encoder = &checkpoint->encoder;
    if (encoder->out.len <= FLUSH_SIZE)
        return;
    checkpoint_close(checkpoint);
    wal_encoder_begin(encoder, encoder->type);
}

static bool checkpoint_keeps(const struct checkpoint *checkpoint, uint64_t ref)
{
    return checkpoint->plan->keeps(checkpoint->plan->context, ref);
}

static bool checkpoint_needs(const struct checkpoint *checkpoint, int64_t t_ms)
{
    return t_ms >= checkpoint->plan->before_ms;
}

static void keep_series(struct checkpoint *checkpoint)
{
    const struct wal_record *record = &checkpoint->record;
    for (size_t i = 0; i < record->series_count; i++) {
        const struct wal_series *series = &record->series[i];
        if (!checkpoint_keeps(checkpoint, series->ref))
            continue;
        wal_encode_series(&checkpoint->encoder, series->ref, record->labels + series->label_begin,
                          series->label_count);
        checkpoint_put(checkpoint);
    }
}

static void keep_samples(struct checkpoint *checkpoint)
{
    const struct wal_record *record = &checkpoint->record;
    for (size_t i = 0; i < record->sample_count; i++) {
        const struct wal_sample *sample = &record->samples[i];
        if (!checkpoint_needs(checkpoint, sample->t_ms))
            continue;
        wal_encode_sample(&checkpoint->encoder, sample->ref, sample->t_ms,
                          record->has_starts ? record->starts_ms[i] : 0, sample->v);
        checkpoint_put(checkpoint);
    }
}

/* Records of the first form with buckets of both kinds become one for each run of a kind. */
static void keep_histograms(struct checkpoint *checkpoint)
{
    const struct wal_record *record = &checkpoint->record;
    bool with_starts = record->type == WAL_HISTOGRAMS_V2 || record->type == WAL_FLOAT_HISTOGRAMS_V2;
    for (size_t i = 0; i < record->histogram_count; i++) {
        const struct wal_histogram *histogram = &record->histograms[i];
        if (!checkpoint_needs(checkpoint, histogram->t_ms))
            continue;
        enum wal_record_type type = wal_histogram_type(&histogram->raw, with_starts);
        if (type != checkpoint->encoder.type) {
            checkpoint_close(checkpoint);
            wal_encoder_begin(&checkpoint->encoder, type);
        }
        wal_encode_histogram(&checkpoint->encoder, histogram->ref, histogram->t_ms,
                             histogram->start_ms, &histogram->raw);
        checkpoint_put(checkpoint);
    }
}

/* Some time before there may be samples out of order, and those of a chunk that reaches over. */
static bool checkpoint_needs_stone(const struct checkpoint *checkpoint,
                                   const struct wal_tombstone *stone)
{
    const struct checkpoint_plan *plan = checkpoint->plan;
    return stone->range.end_ms >= plan->before_ms ||
           stone->range.end_ms >= plan->begin_ms(plan->context, stone->ref);
}

static void keep_tombstones(struct checkpoint *checkpoint)
{
    const struct wal_record *record = &checkpoint->record;
    for (size_t i = 0; i < record->tombstone_count; i++) {
        const struct wal_tombstone *stone = &record->tombstones[i];
        if (!checkpoint_keeps(checkpoint, stone->ref) || !checkpoint_needs_stone(checkpoint, stone))
            continue;
        wal_encode_tombstone(&checkpoint->encoder, stone->ref, stone->range);
        checkpoint_put(checkpoint);
    }
}

static void keep_exemplars(struct checkpoint *checkpoint)
{
    const struct wal_record *record = &checkpoint->record;
    for (size_t i = 0; i < record->exemplar_count; i++) {
        const struct wal_exemplar *exemplar = &record->exemplars[i];
        if (!checkpoint_needs(checkpoint, exemplar->t_ms))
            continue;
        wal_encode_exemplar(&checkpoint->encoder, exemplar->ref, exemplar->t_ms, exemplar->v,
                            record->labels + exemplar->label_begin, exemplar->label_count);
        checkpoint_put(checkpoint);
    }
}

static struct wal_metadata *metadata_at(struct checkpoint *checkpoint, uint64_t ref)
{
    uint64_t hash = hash_mix(0, ref);
    struct map_probe at = map_find(&checkpoint->metadata_by_ref, hash);
    for (; map_hit(&checkpoint->metadata_by_ref, &at); map_next(&checkpoint->metadata_by_ref, &at))
        if (checkpoint->metadata[at.index].ref == ref)
            return &checkpoint->metadata[at.index];
    map_insert(&checkpoint->metadata_by_ref, hash, (uint32_t)checkpoint->metadata_count);
    mem_grow(checkpoint->metadata, struct wal_metadata, checkpoint->metadata_count,
             &checkpoint->metadata_cap);
    struct wal_metadata *made = &checkpoint->metadata[checkpoint->metadata_count++];
    *made = (struct wal_metadata){.ref = ref};
    return made;
}

static void keep_metadata(struct checkpoint *checkpoint)
{
    const struct wal_record *record = &checkpoint->record;
    for (size_t i = 0; i < record->metadata_count; i++) {
        const struct wal_metadata *metadata = &record->metadata[i];
        if (!checkpoint_keeps(checkpoint, metadata->ref))
            continue;
        struct wal_metadata *kept = metadata_at(checkpoint, metadata->ref);
        kept->kind = metadata->kind;
        if (!str_eq(kept->unit, metadata->unit))
            kept->unit = arena_str(checkpoint->arena, metadata->unit);
        if (!str_eq(kept->help, metadata->help))
            kept->help = arena_str(checkpoint->arena, metadata->help);
    }
}

static void checkpoint_keep(struct checkpoint *checkpoint)
{
    enum wal_record_type type = checkpoint->record.type;
    wal_encoder_begin(&checkpoint->encoder, type);
    switch (type) {
    case WAL_SERIES:
        keep_series(checkpoint);
        break;
    case WAL_SAMPLES:
    case WAL_SAMPLES_V2:
        keep_samples(checkpoint);
        break;
    case WAL_HISTOGRAMS:
    case WAL_FLOAT_HISTOGRAMS:
    case WAL_CUSTOM_HISTOGRAMS:
    case WAL_CUSTOM_FLOAT_HISTOGRAMS:
    case WAL_HISTOGRAMS_V2:
    case WAL_FLOAT_HISTOGRAMS_V2:
        keep_histograms(checkpoint);
        break;
    case WAL_TOMBSTONES:
        keep_tombstones(checkpoint);
        break;
    case WAL_EXEMPLARS:
        keep_exemplars(checkpoint);
        break;
    case WAL_METADATA:
        keep_metadata(checkpoint);
        break;
    case WAL_MMAP_MARKERS: /* of a WBL, which has no checkpoints */
        break;
    }
    checkpoint_close(checkpoint);
}

static bool checkpoint_flush(struct checkpoint *checkpoint, struct err *err)
{
    checkpoint->waiting_size = 0;
    return wal_writer_flush(checkpoint->out, err);
}

static bool checkpoint_goes_on(const struct checkpoint *checkpoint, struct err *err)
{
    const _Atomic bool *cancel = checkpoint->plan->cancel;
    if (cancel && atomic_load_explicit(cancel, memory_order_relaxed))
        return err_set(err, ERR_CANCELED, "canceled while a checkpoint was written");
    int64_t until_ns = checkpoint->notes ? checkpoint->notes->until_ns : INT64_MAX;
    return until_ns == INT64_MAX || clock_monotonic_ns() <= until_ns ||
           err_set(err, ERR_LIMIT, "it takes too long");
}

/* Records that are not decoded, for nothing of them is kept. */
static bool checkpoint_passes(const struct checkpoint *checkpoint, const uint8_t *bytes,
                              size_t size)
{
    return checkpoint->notes && size > 0 && bytes[0] != WAL_EXEMPLARS && bytes[0] != WAL_METADATA;
}

/* Of a log's segments `first` to `last`; begin and end are offsets in these two. */
struct checkpoint_span {
    const char *folder;
    uint32_t first, last;
    uint64_t begin, end; /* UINT64_MAX: of a file that nobody writes to any more, all of it */
};

static bool checkpoint_take(struct checkpoint *checkpoint, const uint8_t *bytes, size_t size,
                            struct err *err)
{
    if (checkpoint_passes(checkpoint, bytes, size))
        return true;
    if (!wal_record_decode(bytes, size, &checkpoint->record, err))
        return false;
    if (checkpoint->record.type != 0) /* of a later Prometheus */
        checkpoint_keep(checkpoint);
    return true;
}

/* Behind the last record of a page there may be zeros, where no header fits. */
static bool offset_is_at(uint64_t offset, uint64_t end)
{
    return offset >= end || (end % WAL_PAGE_SIZE == 0 && end - offset < FRAGMENT_HEADER_SIZE);
}

static bool checkpoint_read_segment(struct checkpoint *checkpoint, const char *path, uint64_t begin,
                                    uint64_t end, struct err *err)
{
    AUTO(wal_segment_close) struct wal_segment *segment = NULL;
    if (!wal_segment_open(path, &segment, err))
        return false;
    wal_segment_seek(segment, begin);
    while (checkpoint_goes_on(checkpoint, err)) {
        const uint8_t *bytes;
        size_t size;
        if (offset_is_at(wal_segment_offset(segment), end))
            return true;
        enum tail_read got = wal_segment_next(segment, end == UINT64_MAX, &bytes, &size, err);
        if (got == TAIL_END && end != UINT64_MAX)
            return err_set(err, ERR_CORRUPT, "%s: it ends before offset %llu", path,
                           (unsigned long long)end);
        if (got != TAIL_ITEM)
            return got == TAIL_END;
        if (!checkpoint_take(checkpoint, bytes, size, err))
            return err_wrap(err, "%s: before offset %llu", path,
                            (unsigned long long)wal_segment_offset(segment));
        if (checkpoint->waiting_size > FLUSH_SIZE && !checkpoint_flush(checkpoint, err))
            return false;
    }
    return false;
}

static bool checkpoint_read_span(struct checkpoint *checkpoint, struct checkpoint_span span,
                                 struct err *err)
{
    for (uint32_t number = span.first; number <= span.last; number++) {
        char path[4096];
        wal_folder_segment_path(span.folder, number, path, sizeof path);
        if (!checkpoint_read_segment(checkpoint, path, number == span.first ? span.begin : 0,
                                     number == span.last ? span.end : UINT64_MAX, err))
            return false;
    }
    return true;
}

/* A folder whose segments nobody writes to, from 0 on. */
static bool checkpoint_read_whole(struct checkpoint *checkpoint, const char *folder, uint32_t last,
                                  struct err *err)
{
    return checkpoint_read_span(
        checkpoint, (struct checkpoint_span){.folder = folder, .last = last, .end = UINT64_MAX},
        err);
}

/* The newest checkpoint, and the segments behind it. */
static bool checkpoint_read_log(struct checkpoint *checkpoint, struct snapshot_place end,
                                struct err *err)
{
    const struct checkpoint_plan *plan = checkpoint->plan;
    AUTO(wal_listing_done) struct wal_listing listing = {0};
    struct wal_checkpoint before;
    if (!wal_folder_list(plan->folder, &listing, err) ||
        !wal_folder_checkpoint(plan->folder, &listing, &before, err))
        return false;
    struct checkpoint_span span = {
        .folder = plan->folder,
        .last = end.segment,
        .end = end.offset,
    };
    if (!before.is_there) {
        span.first = listing.count > 0 ? listing.segments[0] : 0;
        return listing.count == 0 || checkpoint_read_span(checkpoint, span, err);
    }
    char path[4096];
    wal_folder_checkpoint_path(plan->folder, before.number, path, sizeof path);
    span.first = before.number + 1;
    return checkpoint_read_whole(checkpoint, path, before.segment_last, err) &&
           checkpoint_read_span(checkpoint, span, err);
}

/* What was written before, if anything was, and the log behind it. */
static bool checkpoint_read_notes(struct checkpoint *checkpoint, struct err *err)
{
    const struct checkpoint_notes *notes = checkpoint->notes;
    if (!notes->before)
        return checkpoint_read_log(checkpoint, notes->end, err);
    AUTO(wal_listing_done) struct wal_listing listing = {0};
    struct checkpoint_span span = {
        .folder = checkpoint->plan->folder,
        .first = notes->begin.segment,
        .begin = notes->begin.offset,
        .last = notes->end.segment,
        .end = notes->end.offset,
    };
    return wal_folder_list(notes->before, &listing, err) &&
           (listing.count == 0 ||
            checkpoint_read_whole(checkpoint, notes->before, listing.segments[listing.count - 1],
                                  err)) &&
           checkpoint_read_span(checkpoint, span, err);
}

static bool checkpoint_read(struct checkpoint *checkpoint, struct err *err)
{
    if (checkpoint->notes)
        return checkpoint_read_notes(checkpoint, err);
    struct snapshot_place end = {checkpoint->plan->last, UINT64_MAX};
    return checkpoint_read_log(checkpoint, end, err);
}

static bool checkpoint_put_metadata(struct checkpoint *checkpoint, struct err *err)
{
    struct wal_encoder *encoder = &checkpoint->encoder;
    wal_encoder_begin(encoder, WAL_METADATA);
    for (size_t i = 0; i < checkpoint->metadata_count; i++) {
        wal_encode_metadata(encoder, &checkpoint->metadata[i]);
        checkpoint_put(checkpoint);
    }
    checkpoint_close(checkpoint);
    return checkpoint_flush(checkpoint, err);
}

static bool checkpoint_write_in(struct checkpoint *checkpoint, const char *folder, struct err *err)
{
    const struct checkpoint_plan *plan = checkpoint->plan;
    checkpoint->arena = arena_create(NULL);
    struct wal_writer_options options = {
        .segment_size = plan->segment_size,
        .packing = plan->packing,
        .synced = true,
    };
    return file_make_folder(folder, err) &&
           wal_writer_open(folder, &options, &checkpoint->out, err) &&
           checkpoint_read(checkpoint, err) && checkpoint_put_metadata(checkpoint, err) &&
           wal_writer_finish(checkpoint->out, err) && file_sync_folder(folder, err);
}

bool checkpoint_write_notes(const struct checkpoint_plan *plan,
                            const struct checkpoint_notes *notes, const char *folder,
                            uint64_t *ret_record_count, struct err *err)
{
    AUTO(checkpoint_done) struct checkpoint checkpoint = {.plan = plan, .notes = notes};
    if (!checkpoint_write_in(&checkpoint, folder, err))
        return false;
    *ret_record_count = checkpoint.added_count;
    return true;
}

bool checkpoint_write(const struct checkpoint_plan *plan, struct err *err)
{
    char path[4096], scratch[4096 + 4];
    wal_folder_checkpoint_path(plan->folder, plan->last, path, sizeof path);
    snprintf(scratch, sizeof scratch, "%s.tmp", path);
    if (!wal_folder_remove_checkpoints(plan->folder, 0, err))
        return false;
    struct err left = {0};
    AUTO(checkpoint_done) struct checkpoint checkpoint = {.plan = plan};
    if (!checkpoint_write_in(&checkpoint, scratch, err)) {
        if (!file_remove_all(scratch, &left))
            err_clear(&left); /* the next attempt removes it */
        return false;
    }
    if (rename(scratch, path) != 0)
        return err_set(err, ERR_IO, "%s: cannot rename: %s", scratch, strerror(errno));
    return file_sync_folder(plan->folder, err);
}
