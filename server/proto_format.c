#include "server/proto_format.h"

#include "base/proto_writer.h"

/* Length in front of what was written from `begin` on. */
static void frame(struct buf *out, size_t begin)
{
    uint8_t length[VARINT_SIZE_MAX];
    size_t size = out->len - begin;
    size_t length_size = write_uvarint(length, size);
    buf_reserve(out, length_size);
    memmove(out->ptr + begin + length_size, out->ptr + begin, size);
    memcpy(out->ptr + begin, length, length_size);
    out->len += length_size;
}

static void put_escaped_name(struct text_format format, uint32_t number, struct str name,
                             struct buf *out)
{
    put_tag(out, number, PROTO_BYTES);
    size_t begin = out->len;
    text_put_escaped_name(format, name, out);
    frame(out, begin);
}

void proto_put_family(struct text_format format, struct str name, enum exposed_type type,
                      size_t samples_size, struct buf *out)
{
    AUTO(buf_done) struct buf head = {0};
    put_escaped_name(format, 1, name, &head);
    put_number(&head, 3, type);
    put_uvarint(out, head.len + samples_size);
    buf_str(out, buf_view(&head));
}

static void put_label(struct text_format format, const struct exposed_label *label, struct buf *out)
{
    put_tag(out, 1, PROTO_BYTES);
    size_t begin = out->len;
    put_escaped_name(format, 1, label->name, out);
    put_bytes(out, 2, label->value);
    frame(out, begin);
}

static void put_classic(const struct histogram *h, struct buf *out)
{
    struct exposed_buckets buckets;
    double bound, count;
    exposed_buckets_begin(&buckets, h);
    while (exposed_buckets_next(&buckets, &bound, &count)) {
        put_tag(out, 3, PROTO_BYTES);
        put_uvarint(out, 2 * (1 + sizeof(double)));
        put_double(out, 2, bound);
        put_double(out, 4, count);
    }
}

static void put_spans(uint32_t number, const struct histogram_side *side, struct buf *out)
{
    for (uint32_t i = 0; i < side->span_count; i++) {
        uint64_t offset = proto_zigzag(side->spans[i].offset);
        uint64_t length = side->spans[i].length;
        put_tag(out, number, PROTO_BYTES);
        put_uvarint(out, 2 + uvarint_size(offset) + uvarint_size(length));
        put_number(out, 1, offset);
        put_number(out, 2, length);
    }
}

static void put_counts(uint32_t number, const struct histogram_side *side, struct buf *out)
{
    for (uint32_t i = 0; i < side->bucket_count; i++)
        put_double(out, number, side->buckets[i]);
}

/* In the order of the numbers of fields, as Prometheus writes them. */
static void put_histogram_body(const struct histogram *h, struct buf *out)
{
    put_double(out, 2, h->sum);
    if (histogram_is_custom(h)) {
        put_classic(h, out);
        put_double(out, 4, h->count);
        return;
    }
    put_double(out, 4, h->count);
    put_number(out, 5, proto_zigzag(h->schema));
    put_double(out, 6, h->zero_threshold);
    put_double(out, 8, h->zero_count);
    put_spans(9, &h->negative, out);
    put_counts(11, &h->negative, out);
    put_spans(12, &h->positive, out);
    put_counts(14, &h->positive, out);
}

void proto_put_sample(struct text_format format, const struct exposed_sample *sample,
                      struct buf *out)
{
    put_tag(out, 4, PROTO_BYTES);
    size_t begin = out->len;
    for (size_t i = 0; i < sample->label_count; i++)
        put_label(format, &sample->labels[i], out);
    if (!sample->h) {
        put_tag(out, 5, PROTO_BYTES);
        put_uvarint(out, 1 + sizeof(double));
        put_double(out, 1, sample->v);
    }
    put_number(out, 6, (uint64_t)sample->time_ms);
    if (sample->h) {
        put_tag(out, 7, PROTO_BYTES);
        size_t histogram_begin = out->len;
        put_histogram_body(sample->h, out);
        frame(out, histogram_begin);
    }
    frame(out, begin);
}
