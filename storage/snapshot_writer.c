#include "storage/snapshot_writer.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "storage/histogram_reader.h"
#include "storage/snapshot_record.h"
#include "storage/wal_unpack.h"

/* So many bytes of records wait before they are written. */
#define FLUSH_SIZE ((size_t)1 << 20)

bool snapshot_writer_open(struct snapshot_writer *writer, const char *folder,
                          const struct wal_writer_options *options, int64_t until_ns,
                          struct err *err)
{
    *writer = (struct snapshot_writer){.until_ns = until_ns};
    return file_make_folder(folder, err) && wal_writer_open(folder, options, &writer->out, err);
}

void snapshot_writer_done(struct snapshot_writer *writer)
{
    wal_writer_close(writer->out);
    buf_done(&writer->record);
    buf_done(&writer->ranges);
    free(writer->labels);
}

static void writer_put(struct snapshot_writer *writer)
{
    if (writer->record.len > WAL_RECORD_SIZE_MAX) {
        writer->too_large = true;
        return;
    }
    wal_writer_add(writer->out, writer->record.ptr, writer->record.len);
    writer->waiting_size += writer->record.len;
}

static bool writer_flush(struct snapshot_writer *writer, struct err *err)
{
    writer->waiting_size = 0;
    if (writer->too_large)
        return err_set(err, ERR_LIMIT, "a series is larger than a record of the log may be");
    if (writer->until_ns != INT64_MAX && clock_monotonic_ns() > writer->until_ns)
        return err_set(err, ERR_LIMIT, "it takes too long");
    return wal_writer_flush(writer->out, err);
}

bool snapshot_writer_catch_up(struct snapshot_writer *writer, struct err *err)
{
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

static void writer_put_histograms(struct snapshot_writer *writer, const struct live_series *series,
                                  size_t label_count, const struct histogram_appender *open)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct raw_histogram last = chunk_last(open, arena);
    struct snapshot_chunk chunk = {open->begin_ms, open->t_ms, open->out.bytes, open->out.size,
                                   open->encoding};
    snapshot_series_encode(&writer->record, series->ref, writer->labels, label_count, &chunk, 0,
                           &last);
    writer_put(writer);
}

static void writer_put_floats(struct snapshot_writer *writer, const struct live_series *series,
                              size_t label_count)
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
    writer_put(writer);
}

void snapshot_writer_add(struct snapshot_writer *writer, const struct head_index *index,
                         uint32_t slot)
{
    const struct live_series *series = index->series[slot];
    const struct live_extra *extra = series->extra;
    if (series->dead)
        return;
    size_t label_count = head_index_texts(index, slot, &writer->labels, &writer->label_cap);
    const struct histogram_appender *open = live_series_open_histogram(series);
    buf_clear(&writer->record);
    if (open)
        writer_put_histograms(writer, series, label_count, open);
    else
        writer_put_floats(writer, series, label_count);
    for (uint32_t i = 0; extra && i < extra->deleted_count; i++)
        snapshot_tombstone_encode(&writer->ranges, series->ref, extra->deleted[i]);
    writer->origin.series_count++;
    snapshot_origin_add_chunks(&writer->origin, series);
}

bool snapshot_writer_finish(struct snapshot_writer *writer, struct err *err)
{
    if (writer->ranges.len >= WAL_RECORD_SIZE_MAX / 2)
        return err_set(err, ERR_LIMIT, "too much is deleted");
    buf_clear(&writer->record);
    snapshot_tombstones_encode(&writer->record, writer->ranges.len);
    buf_append(&writer->record, writer->ranges.ptr, writer->ranges.len);
    writer_put(writer);
    return writer_flush(writer, err) && wal_writer_finish(writer->out, err);
}
