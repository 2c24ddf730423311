/*
 * Writes a snapshot aside: a record for each series, the deleted ranges, and what it was taken of.
 * It is on the disk before it gets its name, and has its name before older ones go.
 *
 * Where it lies in the log is behind all that was written: nothing of what is in memory comes
 * later.
 */
#include "storage/head_snapshot.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "storage/checkpoint.h"
#include "storage/head_append.h"
#include "storage/head_internal.h"
#include "storage/histogram_reader.h"
#include "storage/snapshot_folder.h"
#include "storage/snapshot_origin.h"
#include "storage/snapshot_record.h"

/* So many bytes of records wait before they are written. */
#define FLUSH_SIZE ((size_t)1 << 20)

/* Who ends a server waits no longer for this. */
#define WRITE_MAX_NS ((int64_t)20 * 1000000000)

struct snapshot_writer {
    const struct head_index *index;
    struct wal_writer *out;
    int64_t until_ns;
    struct buf record;
    size_t waiting_size;
    uint64_t series_count;
    struct wal_label *labels;
    size_t label_cap;
};

static void snapshot_writer_done(struct snapshot_writer *writer)
{
    wal_writer_close(writer->out);
    buf_done(&writer->record);
    free(writer->labels);
}

static void snapshot_writer_done_auto(struct snapshot_writer *writer)
{
    snapshot_writer_done(writer);
}

static bool writer_flush(struct snapshot_writer *writer, struct err *err)
{
    writer->waiting_size = 0;
    if (clock_monotonic_ns() > writer->until_ns)
        return err_set(err, ERR_LIMIT, "it takes too long");
    return wal_writer_flush(writer->out, err);
}

static bool writer_add(struct snapshot_writer *writer, struct err *err)
{
    wal_writer_add(writer->out, writer->record.ptr, writer->record.len);
    writer->waiting_size += writer->record.len;
    return writer->waiting_size < FLUSH_SIZE || writer_flush(writer, err);
}

/* The chunk's last sample; our own bytes. */
static struct raw_histogram chunk_last(const struct histogram_appender *open, struct arena *arena)
{
    struct histogram_reader reader;
    struct err err = {0};
    bool good = histogram_reader_open(&reader, open->encoding, open->out.bytes, open->out.size,
                                      arena, &err);
    for (size_t i = 0; good && i < reader.sample_count; i++)
        good = histogram_reader_next(&reader, NULL);
    assert(good);
    return histogram_reader_raw(&reader, arena);
}

static bool writer_add_histograms(struct snapshot_writer *writer, const struct live_series *series,
                                  size_t label_count, const struct histogram_appender *open,
                                  struct err *err)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct raw_histogram last = chunk_last(open, arena);
    struct snapshot_chunk chunk = {open->begin_ms, open->t_ms, open->out.bytes, open->out.size,
                                   open->encoding};
    snapshot_series_encode(&writer->record, series->ref, writer->labels, label_count, &chunk, 0,
                           &last);
    return writer_add(writer, err);
}

static bool writer_add_floats(struct snapshot_writer *writer, const struct live_series *series,
                              size_t label_count, struct err *err)
{
    struct live_chunk packed = {0};
    struct snapshot_chunk chunk = {0};
    if (series->open.count > 0) {
        packed = live_series_open_chunk(series);
        chunk = (struct snapshot_chunk){packed.begin_ms, packed.end_ms, packed.packed, packed.size,
                                        packed.encoding};
    }
    snapshot_series_encode(&writer->record, series->ref, writer->labels, label_count, &chunk,
                           series->open.v, NULL);
    free(packed.packed);
    return writer_add(writer, err);
}

static bool writer_add_series(struct snapshot_writer *writer, struct err *err)
{
    const struct head_index *index = writer->index;
    for (size_t i = 0; i < index->count; i++) {
        const struct live_series *series = index->series[i];
        if (series->dead)
            continue;
        buf_clear(&writer->record);
        size_t label_count =
            head_index_texts(index, (uint32_t)i, &writer->labels, &writer->label_cap);
        const struct histogram_appender *open = live_series_open_histogram(series);
        bool good = open ? writer_add_histograms(writer, series, label_count, open, err)
                         : writer_add_floats(writer, series, label_count, err);
        if (!good)
            return false;
        writer->series_count++;
    }
    return true;
}

static bool writer_add_tombstones(struct snapshot_writer *writer, struct err *err)
{
    AUTO(buf_done) struct buf ranges = {0};
    for (size_t i = 0; i < writer->index->count; i++) {
        const struct live_series *series = writer->index->series[i];
        uint32_t count = series->extra && !series->dead ? series->extra->deleted_count : 0;
        for (uint32_t k = 0; k < count; k++)
            snapshot_tombstone_encode(&ranges, series->ref, series->extra->deleted[k]);
    }
    buf_clear(&writer->record);
    snapshot_tombstones_encode(&writer->record, ranges.len);
    buf_append(&writer->record, ranges.ptr, ranges.len);
    return ranges.len < WAL_RECORD_SIZE_MAX / 2 ? writer_add(writer, err)
                                                : err_set(err, ERR_LIMIT, "too much is deleted");
}

static bool snapshot_keeps(void *context, uint64_t ref)
{
    const struct live_series *series = head_index_find(context, ref);
    return series && !series->dead;
}

/* The head only passes exemplars and metadata on: they are read out of the log. */
static bool snapshot_write_notes(struct head *head, const char *folder, const char *log,
                                 struct snapshot_place place, const struct snapshot_writer *writer,
                                 uint64_t *ret_record_count, struct err *err)
{
    char path[4096 + 16];
    snapshot_notes_path(folder, path, sizeof path);
    struct checkpoint_plan plan = {
        .folder = log,
        .last = place.segment,
        .before_ms = head->state->min_valid_ms,
        .segment_size = head_segment_size(head),
        .packing = head->options.wal_packing,
        .keeps = snapshot_keeps,
        .context = head->state->index,
    };
    return !head->state->has_notes ||
           checkpoint_write_notes(&plan, path, writer->until_ns, ret_record_count, err);
}

static bool snapshot_write_in(struct head *head, const char *folder, struct snapshot_place place,
                              struct err *err)
{
    struct head_state *state = head->state;
    AUTO(snapshot_writer_done)
    struct snapshot_writer writer = {
        .index = state->index,
        .until_ns = clock_monotonic_ns() + WRITE_MAX_NS,
    };
    struct wal_writer_options options = {
        .segment_size = head_segment_size(head),
        .packing = head->options.wal_packing,
        .synced = true,
    };
    struct snapshot_origin origin = {
        .chunks_end = snapshot_chunks_end(state->index),
        .last_ref = state->last_ref,
        .min_valid_ms = state->min_valid_ms,
    };
    char log[4096];
    snprintf(log, sizeof log, "%s/wal", head->path);
    if (!file_make_folder(folder, err) || !wal_writer_open(folder, &options, &writer.out, err) ||
        !writer_add_series(&writer, err) || !writer_add_tombstones(&writer, err) ||
        !writer_flush(&writer, err) || !wal_writer_finish(writer.out, err) ||
        !snapshot_write_notes(head, folder, log, place, &writer, &origin.note_count, err) ||
        !snapshot_origin_note_log(&origin, log, place, err))
        return false;
    origin.series_count = writer.series_count;
    snapshot_origin_note_chunks(&origin, state->index);
    return snapshot_origin_write(folder, &origin, err) && file_sync_folder(folder, err);
}

/* Is all that the log says in series and files of chunks? */
static bool snapshot_says_all(const struct head_state *state)
{
    const struct head_index *index = state->index;
    if (!state->begun || index->by_ref.count != index->count)
        return false;
    for (size_t i = 0; i < index->count; i++)
        if (live_series_first_packed(index->series[i]) < index->series[i]->chunk_count)
            return false;
    return true;
}

bool head_snapshot_write(struct head *head, struct err *err)
{
    if (!snapshot_says_all(head->state))
        return true;
    const struct wal_writer *log = head_writer_log(head->writer);
    struct snapshot_place place = {wal_writer_segment(log), wal_writer_offset(log)};
    char path[4096], scratch[4096 + 4];
    snapshot_folder_path(head->path, place, path, sizeof path);
    snprintf(scratch, sizeof scratch, "%s.tmp", path);
    struct err left = {0};
    if ((file_exists(scratch) && !file_remove_all(scratch, err)) ||
        !snapshot_write_in(head, scratch, place, err)) {
        if (!file_remove_all(scratch, &left))
            err_clear(&left); /* the next one removes it */
        return err_wrap(err, "%s", path);
    }
    if ((file_exists(path) && !file_remove_all(path, err)) || rename(scratch, path) != 0)
        return err_set(err, ERR_IO, "%s: cannot rename: %s", scratch, strerror(errno));
    return file_sync_folder(head->path, err) && snapshot_folder_remove(head->path, &place, err);
}
