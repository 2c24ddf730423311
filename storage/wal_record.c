/*
 * A record is a type byte and entries up to its end, all big endian:
 *
 *     series      1   ref u64 | labels
 *     samples     2   first ref u64, first t u64 | { ref - first varint, t - first varint, v u64 }
 *     samples v2 11   { ref varint, t varint, st varint, v u64 },
 *                     { ref - last varint, t - first varint, st marker, v u64 } ...
 *     tombstones  3   { ref u64, begin varint, end varint }
 *     exemplars   4   as samples, each with labels behind it
 *     markers     5   { ref u64, head chunk place u64 }
 *     metadata    6   { ref uvarint, kind u8, fields uvarint, { name, value } }
 *     histograms  7, 8 (float), 9, 10 (float; custom buckets)    as samples, a body instead of v
 *                12, 13 (float)                                  as samples v2, likewise
 *                                                        bodies are drawn in wal_histogram.c
 *
 *     labels      count uvarint | { name, value }     texts are length uvarint | bytes
 *     st marker   0: none | 1: as the last | else: st - first varint
 *
 * Every count is held against the bytes that are left
 * before anything is made of it, so that a record cannot ask for more than a few times its own
 * size.
 */
#include "storage/wal_record.h"

#include "base/mem.h"
#include "base/varint.h"
#include "model/sample.h"
#include "storage/wal_histogram.h"

/* Short ones, which nearly all are, without a loop. */
HOT_INLINE uint64_t wal_uvarint(struct bytes_reader *r)
{
    if (LIKELY(r->at < r->end && *r->at < 0x80))
        return *r->at++;
    return read_uvarint(r);
}

HOT_INLINE uint64_t wal_varint(struct bytes_reader *r)
{
    uint64_t u = wal_uvarint(r);
    return (u >> 1) ^ -(u & 1);
}

HOT_INLINE double wal_double(struct bytes_reader *r)
{
    return value_of_bits(read_be64(r));
}

static struct str wal_text(struct bytes_reader *r)
{
    uint64_t len = wal_uvarint(r);
    const uint8_t *bytes = len <= read_left(r) ? read_bytes(r, (size_t)len) : NULL;
    if (!bytes) {
        r->failed = true;
        r->at = r->end;
        return (struct str){0};
    }
    return (struct str){(const char *)bytes, (size_t)len};
}

/* A count of things that take at least `size_min` bytes each. */
static size_t wal_count(struct bytes_reader *r, size_t size_min)
{
    uint64_t count = wal_uvarint(r);
    if (count > read_left(r) / size_min) {
        r->failed = true;
        r->at = r->end;
        return 0;
    }
    return (size_t)count;
}

static void wal_decode_label(struct bytes_reader *r, struct wal_record *record)
{
    struct wal_label label = {.name = wal_text(r)};
    label.value = wal_text(r);
    mem_grow(record->labels, struct wal_label, record->label_count, &record->label_cap);
    record->labels[record->label_count++] = label;
}

/* How many; where there are none, record->labels is an address all the same. */
static size_t wal_decode_labels(struct bytes_reader *r, struct wal_record *record)
{
    size_t count = wal_count(r, 2);
    mem_grow(record->labels, struct wal_label, record->label_count, &record->label_cap);
    for (size_t i = 0; i < count; i++)
        wal_decode_label(r, record);
    return count;
}

static bool wal_decode_series(struct bytes_reader *r, struct wal_record *record)
{
    while (r->at < r->end) {
        struct wal_series series = {.ref = read_be64(r), .label_begin = record->label_count};
        series.label_count = wal_decode_labels(r, record);
        mem_grow(record->series, struct wal_series, record->series_count, &record->series_cap);
        record->series[record->series_count++] = series;
    }
    return !r->failed;
}

#define SAMPLE_SIZE_MIN 10

static void wal_reserve_samples(struct wal_record *record, size_t count)
{
    if (record->sample_cap < count) {
        record->samples = mem_resize(record->samples, struct wal_sample, count);
        record->sample_cap = count;
    }
}

static bool wal_decode_samples(struct bytes_reader *r, struct wal_record *record)
{
    if (r->at == r->end)
        return true;
    uint64_t first_ref = read_be64(r);
    uint64_t first_t = read_be64(r);
    wal_reserve_samples(record, read_left(r) / SAMPLE_SIZE_MIN + 1);

    struct wal_sample *sample = record->samples;
    while (r->at < r->end) {
        sample->ref = first_ref + wal_varint(r);
        sample->t_ms = (int64_t)(first_t + wal_varint(r));
        sample->v = wal_double(r);
        sample++;
    }
    record->sample_count = (size_t)(sample - record->samples);
    return !r->failed;
}

/* What entries of the second form are told against. */
struct wal_base {
    bool begun;
    uint64_t first_t;
    uint64_t first_start;
    uint64_t last_ref;
    uint64_t last_start;
};

static void wal_head_v2(struct bytes_reader *r, struct wal_base *base, uint64_t *ret_ref,
                        int64_t *ret_t)
{
    if (!base->begun) {
        base->begun = true;
        base->last_ref = wal_varint(r);
        base->first_t = wal_varint(r);
        *ret_t = (int64_t)base->first_t;
        base->first_start = base->last_start = wal_varint(r);
    } else {
        base->last_ref += wal_varint(r);
        *ret_t = (int64_t)(base->first_t + wal_varint(r));
        uint8_t marker = read_u8(r);
        if (marker == 0)
            base->last_start = 0;
        else if (marker > 1)
            base->last_start = base->first_start + wal_varint(r);
    }
    *ret_ref = base->last_ref;
}

static bool wal_decode_samples_v2(struct bytes_reader *r, struct wal_record *record)
{
    struct wal_base base = {0};
    wal_reserve_samples(record, read_left(r) / SAMPLE_SIZE_MIN + 1);
    if (record->start_cap < record->sample_cap) {
        record->starts_ms = mem_resize(record->starts_ms, int64_t, record->sample_cap);
        record->start_cap = record->sample_cap;
    }

    struct wal_sample *sample = record->samples;
    while (r->at < r->end) {
        wal_head_v2(r, &base, &sample->ref, &sample->t_ms);
        record->starts_ms[sample - record->samples] = (int64_t)base.last_start;
        record->has_starts |= base.last_start != 0;
        sample->v = wal_double(r);
        sample++;
    }
    record->sample_count = (size_t)(sample - record->samples);
    return !r->failed;
}

static bool wal_decode_tombstones(struct bytes_reader *r, struct wal_record *record)
{
    while (r->at < r->end) {
        struct wal_tombstone stone = {.ref = read_be64(r)};
        stone.range.begin_ms = read_varint(r);
        stone.range.end_ms = read_varint(r);
        mem_grow(record->tombstones, struct wal_tombstone, record->tombstone_count,
                 &record->tombstone_cap);
        record->tombstones[record->tombstone_count++] = stone;
    }
    return !r->failed;
}

static bool wal_decode_exemplars(struct bytes_reader *r, struct wal_record *record)
{
    if (r->at == r->end)
        return true;
    uint64_t first_ref = read_be64(r);
    uint64_t first_t = read_be64(r);
    while (r->at < r->end) {
        struct wal_exemplar exemplar = {.ref = first_ref + wal_varint(r)};
        exemplar.t_ms = (int64_t)(first_t + wal_varint(r));
        exemplar.v = wal_double(r);
        exemplar.label_begin = record->label_count;
        exemplar.label_count = wal_decode_labels(r, record);
        mem_grow(record->exemplars, struct wal_exemplar, record->exemplar_count,
                 &record->exemplar_cap);
        record->exemplars[record->exemplar_count++] = exemplar;
    }
    return !r->failed;
}

static bool wal_decode_markers(struct bytes_reader *r, struct wal_record *record)
{
    while (r->at < r->end) {
        struct wal_marker marker = {.ref = read_be64(r)};
        marker.place = read_be64(r);
        mem_grow(record->markers, struct wal_marker, record->marker_count, &record->marker_cap);
        record->markers[record->marker_count++] = marker;
    }
    return !r->failed;
}

/* Fields that nobody knows are passed over. */
static bool wal_decode_metadata(struct bytes_reader *r, struct wal_record *record)
{
    while (r->at < r->end) {
        struct wal_metadata metadata = {.ref = wal_uvarint(r)};
        metadata.kind = read_u8(r);
        size_t field_count = wal_count(r, 2);
        for (size_t i = 0; i < field_count; i++) {
            struct str name = wal_text(r);
            struct str value = wal_text(r);
            if (str_eq(name, str_of(WAL_FIELD_UNIT)))
                metadata.unit = value;
            else if (str_eq(name, str_of(WAL_FIELD_HELP)))
                metadata.help = value;
        }
        mem_grow(record->metadata, struct wal_metadata, record->metadata_count,
                 &record->metadata_cap);
        record->metadata[record->metadata_count++] = metadata;
    }
    return !r->failed;
}

/* Those of a schema nobody knows are left out, as Prometheus leaves them out. */
static void wal_add_histogram(struct bytes_reader *r, struct wal_record *record, bool is_float,
                              struct wal_histogram histogram)
{
    if (!wal_histogram_decode(r, is_float, record->arena, &histogram.raw))
        return;
    mem_grow(record->histograms, struct wal_histogram, record->histogram_count,
             &record->histogram_cap);
    record->histograms[record->histogram_count++] = histogram;
}

static bool wal_decode_histograms(struct bytes_reader *r, struct wal_record *record, bool is_float)
{
    if (r->at == r->end)
        return true;
    uint64_t first_ref = read_be64(r);
    uint64_t first_t = read_be64(r);
    while (r->at < r->end) {
        struct wal_histogram histogram = {.ref = first_ref + wal_varint(r)};
        histogram.t_ms = (int64_t)(first_t + wal_varint(r));
        wal_add_histogram(r, record, is_float, histogram);
    }
    return !r->failed;
}

static bool wal_decode_histograms_v2(struct bytes_reader *r, struct wal_record *record,
                                     bool is_float)
{
    struct wal_base base = {0};
    while (r->at < r->end) {
        struct wal_histogram histogram = {0};
        wal_head_v2(r, &base, &histogram.ref, &histogram.t_ms);
        histogram.start_ms = (int64_t)base.last_start;
        wal_add_histogram(r, record, is_float, histogram);
    }
    return !r->failed;
}

static bool wal_decode_any_histograms(uint8_t type, struct bytes_reader *r,
                                      struct wal_record *record)
{
    if (!record->arena)
        record->arena = arena_create(NULL);
    arena_reset(record->arena);
    bool is_float = type == WAL_FLOAT_HISTOGRAMS || type == WAL_CUSTOM_FLOAT_HISTOGRAMS ||
                    type == WAL_FLOAT_HISTOGRAMS_V2;
    if (type == WAL_HISTOGRAMS_V2 || type == WAL_FLOAT_HISTOGRAMS_V2)
        return wal_decode_histograms_v2(r, record, is_float);
    return wal_decode_histograms(r, record, is_float);
}

static bool wal_decode_entries(uint8_t type, struct bytes_reader *r, struct wal_record *record)
{
    switch ((enum wal_record_type)type) {
    case WAL_SERIES:
        return wal_decode_series(r, record);
    case WAL_SAMPLES:
        return wal_decode_samples(r, record);
    case WAL_SAMPLES_V2:
        return wal_decode_samples_v2(r, record);
    case WAL_TOMBSTONES:
        return wal_decode_tombstones(r, record);
    case WAL_EXEMPLARS:
        return wal_decode_exemplars(r, record);
    case WAL_MMAP_MARKERS:
        return wal_decode_markers(r, record);
    case WAL_METADATA:
        return wal_decode_metadata(r, record);
    case WAL_HISTOGRAMS:
    case WAL_FLOAT_HISTOGRAMS:
    case WAL_CUSTOM_HISTOGRAMS:
    case WAL_CUSTOM_FLOAT_HISTOGRAMS:
    case WAL_HISTOGRAMS_V2:
    case WAL_FLOAT_HISTOGRAMS_V2:
        return wal_decode_any_histograms(type, r, record);
    }
    record->type = 0; /* of a later Prometheus */
    return true;
}

bool wal_record_decode(const uint8_t *bytes, size_t size, struct wal_record *record,
                       struct err *err)
{
    record->series_count = record->label_count = record->sample_count = 0;
    record->tombstone_count = record->marker_count = record->histogram_count = 0;
    record->exemplar_count = record->metadata_count = 0;
    record->has_starts = false;
    record->type = size ? bytes[0] : 0;
    if (size == 0)
        return true;

    struct bytes_reader r = bytes_reader_of(bytes + 1, size - 1);
    if (!wal_decode_entries(bytes[0], &r, record))
        return err_set(err, ERR_CORRUPT, "record of type %d and %zu bytes breaks off in an entry",
                       bytes[0], size);
    return true;
}

void wal_record_done(struct wal_record *record)
{
    free(record->series);
    free(record->labels);
    free(record->samples);
    free(record->starts_ms);
    free(record->tombstones);
    free(record->markers);
    free(record->histograms);
    free(record->exemplars);
    free(record->metadata);
    arena_destroy(record->arena);
    *record = (struct wal_record){0};
}
