/*
 * A native histogram of remote write. Counts are one of two kinds, and a message may hold the
 * fields of both; which kind it is, its `count` says:
 *
 *     1 count_int u64            or 2 count_float double
 *     3 sum double    4 schema sint32    5 zero_threshold double
 *     6 zero_count_int u64       or 7 zero_count_float double
 *     8 negative_spans { 1 offset sint32, 2 length u32 }
 *     9 negative_deltas sint64 each to the one before, or 10 negative_counts double
 *    11, 12, 13                                          the same of the positive ones
 *    14 reset_hint    15 timestamp int64    16 custom_values double    17 start_timestamp int64
 */
#include "model/sample.h"
#include "storage/remote/write_decode.h"

enum {
    FIELD_NEGATIVE_SPANS = 8,
    FIELD_NEGATIVE_DELTAS,
    FIELD_NEGATIVE_COUNTS,
    FIELD_POSITIVE_SPANS,
    FIELD_POSITIVE_DELTAS,
    FIELD_POSITIVE_COUNTS,
    FIELD_CUSTOM_VALUES = 16,
    FIELD_COUNT = 17,
};

/* As many numbers as their fields hold: counts, the bits of floats, or floats. */
union number {
    uint64_t bits;
    double v;
};

struct numbers {
    union number *items;
    size_t count;
};

/* The buckets of one side while they are read. */
struct side {
    struct histogram_span *spans;
    size_t span_count;
    struct numbers deltas; /* added up */
    struct numbers counts;
};

struct histogram_decoder {
    struct proto_reader r;
    struct append_histogram *out;
    bool starts;
    bool zero_is_float;
    uint64_t zero_int, zero_float; /* each as the field of its kind was read last */
    struct side sides[2];          /* positive, negative */
    struct numbers custom_values;
};

static bool histogram_make_room(struct write_decoder *decoder, struct histogram_decoder *h,
                                struct str bytes)
{
    static const enum proto_run runs[FIELD_COUNT] = {
        [FIELD_NEGATIVE_DELTAS] = PROTO_VARINTS, [FIELD_POSITIVE_DELTAS] = PROTO_VARINTS,
        [FIELD_NEGATIVE_COUNTS] = PROTO_DOUBLES, [FIELD_POSITIVE_COUNTS] = PROTO_DOUBLES,
        [FIELD_CUSTOM_VALUES] = PROTO_DOUBLES,
    };
    size_t counts[FIELD_COUNT];
    proto_count(bytes, runs, counts, FIELD_COUNT);
    for (size_t i = 0; i < 2; i++) {
        size_t first = i == 0 ? FIELD_POSITIVE_SPANS : FIELD_NEGATIVE_SPANS;
        struct side *side = &h->sides[i];
        side->spans = write_array(decoder, struct histogram_span, counts[first]);
        side->deltas.items = write_array(decoder, union number, counts[first + 1]);
        side->counts.items = write_array(decoder, union number, counts[first + 2]);
        if (!side->spans || !side->deltas.items || !side->counts.items)
            return false;
    }
    h->custom_values.items = write_array(decoder, union number, counts[FIELD_CUSTOM_VALUES]);
    return h->custom_values.items != NULL;
}

static void read_span(struct proto_reader *r, const char *name, struct side *side)
{
    struct proto_reader inner = proto_message(r, name, "BucketSpan");
    struct histogram_span span = {0};
    while (proto_next(&inner))
        switch (inner.number) {
        case 1:
            span.offset = (int32_t)proto_unzigzag((uint32_t)proto_number(&inner, "Offset"));
            break;
        case 2:
            span.length = (uint32_t)proto_number(&inner, "Length");
            break;
        default:
            proto_skip(&inner);
        }
    r->failed = inner.failed;
    if (!r->failed)
        side->spans[side->span_count++] = span;
}

static void read_delta(struct proto_reader *r, struct numbers *deltas)
{
    uint64_t before = deltas->count ? deltas->items[deltas->count - 1].bits : 0;
    uint64_t delta = (uint64_t)proto_unzigzag(proto_uvarint(r));
    if (!r->failed)
        deltas->items[deltas->count++].bits = before + delta;
}

static void read_deltas(struct proto_reader *r, const char *name, struct numbers *deltas)
{
    if (r->wire == PROTO_VARINT) {
        read_delta(r, deltas);
        return;
    }
    struct proto_reader run = proto_message(r, name, "");
    while (run.at < run.end && !run.failed)
        read_delta(&run, deltas);
    r->failed = run.failed;
}

static void read_double(struct proto_reader *r, const char *name, bool as_bits,
                        struct numbers *numbers)
{
    double v = proto_double(r, name);
    if (r->failed)
        return;
    union number *number = &numbers->items[numbers->count++];
    if (as_bits)
        number->bits = value_bits(v);
    else
        number->v = v;
}

static void read_doubles(struct proto_reader *r, const char *name, bool as_bits,
                         struct numbers *numbers)
{
    if (r->wire == PROTO_FIXED64) {
        read_double(r, name, as_bits, numbers);
        return;
    }
    struct proto_reader run = proto_message(r, name, "");
    run.wire = PROTO_FIXED64;
    while (run.at < run.end && !run.failed)
        read_double(&run, name, as_bits, numbers);
    r->failed = run.failed;
}

static void read_buckets(struct histogram_decoder *h)
{
    struct proto_reader *r = &h->r;
    struct side *negative = &h->sides[1], *positive = &h->sides[0];
    switch (r->number) {
    case FIELD_NEGATIVE_SPANS:
        read_span(r, "NegativeSpans", negative);
        break;
    case FIELD_NEGATIVE_DELTAS:
        read_deltas(r, "NegativeDeltas", &negative->deltas);
        break;
    case FIELD_NEGATIVE_COUNTS:
        read_doubles(r, "NegativeCounts", true, &negative->counts);
        break;
    case FIELD_POSITIVE_SPANS:
        read_span(r, "PositiveSpans", positive);
        break;
    case FIELD_POSITIVE_DELTAS:
        read_deltas(r, "PositiveDeltas", &positive->deltas);
        break;
    default:
        read_doubles(r, "PositiveCounts", true, &positive->counts);
    }
}

/* Numbers that Prometheus does not know are kept as the unknown hint. */
static enum histogram_hint hint_of(uint64_t number)
{
    return number <= HISTOGRAM_GAUGE ? (enum histogram_hint)number : HISTOGRAM_UNKNOWN;
}

static void read_scalar(struct histogram_decoder *h)
{
    struct proto_reader *r = &h->r;
    struct raw_histogram *raw = &h->out->raw;
    switch (r->number) {
    case 1:
        raw->count = proto_number(r, "CountInt");
        raw->is_float = false;
        break;
    case 2:
        raw->count = value_bits(proto_double(r, "CountFloat"));
        raw->is_float = true;
        break;
    case 3:
        raw->sum = proto_double(r, "Sum");
        break;
    case 4:
        raw->schema = (int32_t)proto_unzigzag((uint32_t)proto_number(r, "Schema"));
        break;
    case 5:
        raw->zero_threshold = proto_double(r, "ZeroThreshold");
        break;
    case 6:
        h->zero_int = proto_number(r, "ZeroCountInt");
        h->zero_float = 0;
        break;
    case 7:
        h->zero_float = value_bits(proto_double(r, "ZeroCountFloat"));
        h->zero_int = 0;
        break;
    case 14:
        raw->hint = hint_of(proto_number(r, "ResetHint"));
        break;
    case 15:
        h->out->t_ms = (int64_t)proto_number(r, "Timestamp");
        break;
    case FIELD_CUSTOM_VALUES:
        read_doubles(r, "CustomValues", false, &h->custom_values);
        break;
    case 17:
        if (h->starts)
            h->out->start_ms = (int64_t)proto_number(r, "StartTimestamp");
        else
            proto_skip(r);
        break;
    default:
        proto_skip(r);
    }
}

static void histogram_take(struct histogram_decoder *h)
{
    struct raw_histogram *raw = &h->out->raw;
    raw->zero_count = raw->is_float ? h->zero_float : h->zero_int;
    for (size_t i = 0; i < 2; i++) {
        const struct side *side = &h->sides[i];
        const struct numbers *buckets = raw->is_float ? &side->counts : &side->deltas;
        raw->sides[i] = (struct raw_side){
            .spans = side->spans,
            .buckets = &buckets->items->bits,
            .span_count = (uint32_t)side->span_count,
            .bucket_count = (uint32_t)buckets->count,
        };
    }
    raw->custom_bounds = &h->custom_values.items->v;
    raw->custom_bound_count = (uint32_t)h->custom_values.count;
}

bool write_decode_histogram(struct write_decoder *decoder, struct str bytes, bool starts,
                            struct append_histogram *out)
{
    struct histogram_decoder h = {
        .r = proto_reader_of(bytes, "Histogram", decoder->err),
        .out = out,
        .starts = starts,
    };
    if (!histogram_make_room(decoder, &h, bytes))
        return false;
    while (proto_next(&h.r))
        if (h.r.number >= FIELD_NEGATIVE_SPANS && h.r.number <= FIELD_POSITIVE_COUNTS)
            read_buckets(&h);
        else
            read_scalar(&h);
    histogram_take(&h);
    return proto_good(&h.r);
}
