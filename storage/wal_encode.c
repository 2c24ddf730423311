#include "storage/wal_encode.h"

#include <assert.h>

#include "base/varint.h"
#include "model/sample.h"

void wal_encoder_begin(struct wal_encoder *encoder, enum wal_record_type type)
{
    struct buf out = encoder->out;
    buf_clear(&out);
    *encoder = (struct wal_encoder){.out = out, .type = type};
    buf_byte(&encoder->out, (char)type);
}

void wal_encoder_done(struct wal_encoder *encoder)
{
    buf_done(&encoder->out);
    *encoder = (struct wal_encoder){0};
}

/* What is written next, behind the bytes of `out`; the caller has reserved the room. */
static uint8_t *encoder_at(struct buf *out)
{
    return (uint8_t *)out->ptr + out->len;
}

static void put_uvarint(struct buf *out, uint64_t v)
{
    buf_reserve(out, VARINT_SIZE_MAX);
    out->len += write_uvarint(encoder_at(out), v);
}

static void put_varint(struct buf *out, int64_t v)
{
    buf_reserve(out, VARINT_SIZE_MAX);
    out->len += write_varint(encoder_at(out), v);
}

static void put_be64(struct buf *out, uint64_t v)
{
    buf_reserve(out, sizeof v);
    store_be64(encoder_at(out), v);
    out->len += sizeof v;
}

static void put_text(struct buf *out, struct str text)
{
    put_uvarint(out, text.len);
    buf_str(out, text);
}

static void put_labels(struct buf *out, const struct wal_label *labels, size_t label_count)
{
    put_uvarint(out, label_count);
    for (size_t i = 0; i < label_count; i++) {
        put_text(out, labels[i].name);
        put_text(out, labels[i].value);
    }
}

void wal_encode_series(struct wal_encoder *encoder, uint64_t ref, const struct wal_label *labels,
                       size_t label_count)
{
    put_be64(&encoder->out, ref);
    put_labels(&encoder->out, labels, label_count);
    encoder->count++;
}

/* The place of an entry of the first form: all are told against the first. */
static void put_place(struct wal_encoder *encoder, uint64_t ref, int64_t t_ms)
{
    struct buf *out = &encoder->out;
    if (encoder->count++ == 0) {
        encoder->first_ref = ref;
        encoder->first_t_ms = t_ms;
        put_be64(out, ref);
        put_be64(out, (uint64_t)t_ms);
    }
    put_varint(out, (int64_t)(ref - encoder->first_ref));
    put_varint(out, (int64_t)((uint64_t)t_ms - (uint64_t)encoder->first_t_ms));
}

static void put_start(struct wal_encoder *encoder, int64_t start_ms)
{
    struct buf *out = &encoder->out;
    if (start_ms == 0) {
        buf_byte(out, 0);
    } else if (start_ms == encoder->last_start_ms) {
        buf_byte(out, 1);
    } else {
        buf_byte(out, 2);
        put_varint(out, (int64_t)((uint64_t)start_ms - (uint64_t)encoder->first_start_ms));
    }
}

/* And of the second form. */
static void put_place_v2(struct wal_encoder *encoder, uint64_t ref, int64_t t_ms, int64_t start_ms)
{
    struct buf *out = &encoder->out;
    if (encoder->count++ == 0) {
        encoder->first_t_ms = t_ms;
        encoder->first_start_ms = start_ms;
        put_varint(out, (int64_t)ref);
        put_varint(out, t_ms);
        put_varint(out, start_ms);
    } else {
        put_varint(out, (int64_t)(ref - encoder->last_ref));
        put_varint(out, (int64_t)((uint64_t)t_ms - (uint64_t)encoder->first_t_ms));
        put_start(encoder, start_ms);
    }
    encoder->last_ref = ref;
    encoder->last_start_ms = start_ms;
}

void wal_encode_sample(struct wal_encoder *encoder, uint64_t ref, int64_t t_ms, int64_t start_ms,
                       double v)
{
    if (encoder->type == WAL_SAMPLES_V2)
        put_place_v2(encoder, ref, t_ms, start_ms);
    else
        put_place(encoder, ref, t_ms);
    put_be64(&encoder->out, value_bits(v));
}

static void put_spans(struct buf *out, const struct raw_side *side)
{
    put_uvarint(out, side->span_count);
    for (uint32_t i = 0; i < side->span_count; i++) {
        put_varint(out, side->spans[i].offset);
        put_uvarint(out, side->spans[i].length);
    }
}

static void put_buckets(struct buf *out, const struct raw_side *side, bool is_float)
{
    put_uvarint(out, side->bucket_count);
    uint64_t last = 0;
    for (uint32_t i = 0; i < side->bucket_count; i++) {
        if (is_float)
            put_be64(out, side->buckets[i]);
        else
            put_varint(out, (int64_t)(side->buckets[i] - last));
        last = side->buckets[i];
    }
}

static void put_total(struct buf *out, uint64_t total, bool is_float)
{
    if (is_float)
        put_be64(out, total);
    else
        put_uvarint(out, total);
}

void wal_encode_histogram_body(struct buf *out, const struct raw_histogram *h)
{
    buf_byte(out, (char)h->hint);
    put_varint(out, h->schema);
    put_be64(out, value_bits(h->zero_threshold));
    put_total(out, h->zero_count, h->is_float);
    put_total(out, h->count, h->is_float);
    put_be64(out, value_bits(h->sum));
    put_spans(out, &h->sides[0]);
    put_spans(out, &h->sides[1]);
    put_buckets(out, &h->sides[0], h->is_float);
    put_buckets(out, &h->sides[1], h->is_float);
    if (h->schema != HISTOGRAM_SCHEMA_CUSTOM)
        return;
    put_uvarint(out, h->custom_bound_count);
    for (uint32_t i = 0; i < h->custom_bound_count; i++)
        put_be64(out, value_bits(h->custom_bounds[i]));
}

enum wal_record_type wal_histogram_type(const struct raw_histogram *h, bool with_starts)
{
    if (with_starts)
        return h->is_float ? WAL_FLOAT_HISTOGRAMS_V2 : WAL_HISTOGRAMS_V2;
    if (h->schema == HISTOGRAM_SCHEMA_CUSTOM)
        return h->is_float ? WAL_CUSTOM_FLOAT_HISTOGRAMS : WAL_CUSTOM_HISTOGRAMS;
    return h->is_float ? WAL_FLOAT_HISTOGRAMS : WAL_HISTOGRAMS;
}

void wal_encode_histogram(struct wal_encoder *encoder, uint64_t ref, int64_t t_ms, int64_t start_ms,
                          const struct raw_histogram *h)
{
    bool with_starts =
        encoder->type == WAL_HISTOGRAMS_V2 || encoder->type == WAL_FLOAT_HISTOGRAMS_V2;
    assert(encoder->type == wal_histogram_type(h, with_starts));
    if (with_starts)
        put_place_v2(encoder, ref, t_ms, start_ms);
    else
        put_place(encoder, ref, t_ms);
    wal_encode_histogram_body(&encoder->out, h);
}

void wal_encode_tombstone(struct wal_encoder *encoder, uint64_t ref, struct time_range range)
{
    put_be64(&encoder->out, ref);
    put_varint(&encoder->out, range.begin_ms);
    put_varint(&encoder->out, range.end_ms);
    encoder->count++;
}

void wal_encode_exemplar(struct wal_encoder *encoder, uint64_t ref, int64_t t_ms, double v,
                         const struct wal_label *labels, size_t label_count)
{
    put_place(encoder, ref, t_ms);
    put_be64(&encoder->out, value_bits(v));
    put_labels(&encoder->out, labels, label_count);
}

void wal_encode_metadata(struct wal_encoder *encoder, const struct wal_metadata *metadata)
{
    struct buf *out = &encoder->out;
    put_uvarint(out, metadata->ref);
    buf_byte(out, (char)metadata->kind);
    put_uvarint(out, 2);
    put_text(out, str_of(WAL_FIELD_UNIT));
    put_text(out, metadata->unit);
    put_text(out, str_of(WAL_FIELD_HELP));
    put_text(out, metadata->help);
    encoder->count++;
}
