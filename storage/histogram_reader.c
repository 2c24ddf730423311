/*
 * Histogram chunks. Bits run from the most significant one on; integers are those of varbit.h,
 * XORed numbers those of chunk_xor.c, each field with a window of its own:
 *
 *     header        count u16 | reset u2, 6 zero bits                   encodings 2 and 3
 *                   reset u2, count u14 | start header u8               encodings 5 and 6
 *     layout        zero threshold | schema int | spans | spans | [schema -53: bounds]
 *     first sample  t int | count uint | zero count uint | sum 64 bits | { bucket int }
 *     others        dod int | dod of count int | of zero count int | XOR of sum | { dod of bucket }
 *
 *     floats: first t int, then 64 bits each; others: dod int, then XORs of all
 *
 *     zero threshold  u8: 0: 0 | 255: 64 bits behind | n: 2^(n-244)
 *     spans           count uint | { length uint | offset int }, positive ones, then negative ones
 *     bounds          count uint | { uint: n > 0: (n - 1) / 1000 | 0: 64 bits behind }
 *
 * Buckets of integers are differences to the bucket before. A sample whose sum is the stale marker
 * ends behind it, but for a first one.
 *
 * Behind each sample of encodings 5 and 6 may stand a start timestamp. The header's top bit says
 * that the first sample has one, as varint t - start; the other seven, which sample is the first to
 * carry one (0: none): t of the sample before - start, and from then on its differences, as int.
 */
#include "storage/histogram_reader.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/varint.h"
#include "storage/chunk.h"
#include "storage/varbit.h"
#include "storage/varbit_run.h"

#define HISTOGRAM_STORED_SCHEMA_MIN (-9)
#define HISTOGRAM_STORED_SCHEMA_MAX 52

static size_t reader_bits_left(const struct histogram_reader *r)
{
    return bits_overrun(&r->bits) ? 0 : r->bits.end - r->bits.at;
}

static bool reader_uint(struct histogram_reader *r, uint64_t *ret)
{
    if (!bits_ready(&r->bits))
        return false;
    *ret = varbit_uint(&r->bits);
    return true;
}

static bool reader_int(struct histogram_reader *r, uint64_t *ret)
{
    if (!bits_ready(&r->bits))
        return false;
    *ret = varbit_int(&r->bits);
    return true;
}

static bool reader_double(struct histogram_reader *r, double *ret)
{
    if (!bits_ready(&r->bits))
        return false;
    *ret = value_of_bits(bits_take(&r->bits, 64));
    return true;
}

static bool reader_zero_threshold(struct histogram_reader *r)
{
    if (!bits_ready(&r->bits))
        return false;
    unsigned code = (unsigned)bits_take(&r->bits, 8);
    if (code == 255)
        return reader_double(r, &r->shape.zero_threshold);
    r->shape.zero_threshold = code ? ldexp(0.5, (int)code - 243) : 0;
    return true;
}

static bool reader_spans(struct histogram_reader *r, struct arena *arena,
                         struct histogram_side *side)
{
    uint64_t count = 0;
    if (!reader_uint(r, &count) || count > reader_bits_left(r) / 2)
        return false;
    struct histogram_span *spans = arena_array(arena, struct histogram_span, count);
    uint64_t bucket_count = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t length = 0;
        uint64_t offset = 0;
        if (!reader_uint(r, &length) || !reader_int(r, &offset))
            return false;
        spans[i].length = (uint32_t)length;
        spans[i].offset = (int32_t)offset;
        bucket_count += length;
        if (length > UINT32_MAX || (int64_t)offset != spans[i].offset || bucket_count > UINT32_MAX)
            return false;
    }
    side->spans = spans;
    side->span_count = (uint32_t)count;
    side->bucket_count = (uint32_t)bucket_count;
    return true;
}

static bool reader_bounds(struct histogram_reader *r, struct arena *arena)
{
    uint64_t count = 0;
    if (!reader_uint(r, &count) || count > reader_bits_left(r))
        return false;
    double *bounds = arena_array(arena, double, count);
    for (size_t i = 0; i < count; i++) {
        uint64_t thousandths = 0;
        if (!reader_uint(r, &thousandths))
            return false;
        if (thousandths)
            bounds[i] = (double)(thousandths - 1) / 1000;
        else if (!reader_double(r, &bounds[i]))
            return false;
    }
    r->shape.custom_bounds = bounds;
    r->shape.custom_bound_count = (uint32_t)count;
    return true;
}

static bool shape_check(const struct histogram *h)
{
    const struct histogram_side *negative = &h->negative;
    if (histogram_is_custom(h) && negative->span_count > 0)
        return false;
    return raw_bounds_check(h->custom_bounds, h->custom_bound_count) &&
           raw_spans_check(h->positive.spans, h->positive.span_count, h->schema,
                           h->custom_bound_count) &&
           raw_spans_check(negative->spans, negative->span_count, h->schema, 0);
}

/* Up to the spans; then there is room for what the buckets are told against. */
static bool reader_layout(struct histogram_reader *r, struct arena *arena, struct err *err)
{
    static const char cut[] = "histogram chunk with a layout that is cut short or garbled";
    uint64_t schema = 0;
    if (!reader_zero_threshold(r) || !reader_int(r, &schema))
        return err_set(err, ERR_CORRUPT, "%s", cut);
    int64_t known = (int64_t)schema;
    if (known != HISTOGRAM_SCHEMA_CUSTOM &&
        (known < HISTOGRAM_STORED_SCHEMA_MIN || known > HISTOGRAM_STORED_SCHEMA_MAX))
        return err_set(err, ERR_CORRUPT, "histogram chunk of unknown schema %lld",
                       (long long)known);
    r->shape.schema = (int32_t)known;
    if (!reader_spans(r, arena, &r->shape.positive) || !reader_spans(r, arena, &r->shape.negative))
        return err_set(err, ERR_CORRUPT, "%s", cut);
    if (histogram_is_custom(&r->shape) && !reader_bounds(r, arena))
        return err_set(err, ERR_CORRUPT, "%s", cut);

    if (!shape_check(&r->shape))
        return err_set(err, ERR_CORRUPT, "histogram chunk with buckets that cannot be");

    r->bucket_count = (size_t)r->shape.positive.bucket_count + r->shape.negative.bucket_count;
    if (r->bucket_count * (r->is_float ? 64 : 1) > reader_bits_left(r)) /* of the first sample */
        return err_set(err, ERR_CORRUPT, "%s", cut);
    if (r->is_float) {
        r->fields = arena_array(arena, struct xor_field, r->bucket_count);
        for (size_t i = 0; i < r->bucket_count; i++)
            r->fields[i].width = 64;
    } else {
        varbit_run_prepare();
        r->buckets = arena_array(arena, uint64_t, r->bucket_count);
        r->changes = arena_array(arena, uint64_t, r->bucket_count);
        r->sums = arena_room(arena, uint64_t, r->bucket_count + VARBIT_RUN_SLACK);
    }
    return true;
}

bool histogram_reader_open(struct histogram_reader *r, uint8_t encoding, const uint8_t *data,
                           size_t size, struct arena *arena, struct err *err)
{
    if (size < HISTOGRAM_CHUNK_HEADER_SIZE)
        return err_set(err, ERR_CORRUPT, "histogram chunk of %zu bytes", size);
    *r = (struct histogram_reader){0};
    r->is_float = encoding == CHUNK_FLOAT_HISTOGRAM || encoding == CHUNK_FLOAT_HISTOGRAM_ST;
    r->has_starts = encoding == CHUNK_HISTOGRAM_ST || encoding == CHUNK_FLOAT_HISTOGRAM_ST;
    r->reset = data[r->has_starts ? 0 : 2] & CHUNK_RESET_MASK;
    r->start_header = r->has_starts ? data[2] : 0;
    r->sum_field.width = r->count_field.width = r->zero_count_field.width = 64;
    size_t count = 0;
    if (!chunk_count(encoding, data, size, &count))
        return err_set(err, ERR_CORRUPT, "histogram chunk of %zu bytes", size);
    if (count > size * 8 / 4) /* four bits a sample, at the least */
        return err_set(err, ERR_CORRUPT, "histogram chunk of %zu bytes claims %zu samples", size,
                       count);
    if (count == 0)
        return true;
    r->sample_count = count;
    bits_init(&r->bits, data + HISTOGRAM_CHUNK_HEADER_SIZE, size - HISTOGRAM_CHUNK_HEADER_SIZE,
              r->tail);
    return reader_layout(r, arena, err);
}

HOT_INLINE bool xor_field_read(struct bits *bits, struct xor_field *field)
{
    uint64_t word = bits_peek_57(bits);
    if (word >> 63 == 0) {
        bits->at += 1;
        return true;
    }
    if (LIKELY(word >> 62 == 2)) {
        bits->at += 2;
        field->v ^= bits_take(bits, field->width) << field->trailing;
        return true;
    }
    unsigned leading = (word >> 57) & 31;
    unsigned width = (word >> 51) & 63;
    width = width ? width : 64;
    if (UNLIKELY(leading + width > 64))
        return false;
    field->width = (uint8_t)width;
    field->trailing = (uint8_t)(64 - leading - width);
    bits->at += 13;
    field->v ^= bits_take(bits, width) << field->trailing;
    return true;
}

static bool reader_xor(struct histogram_reader *r, struct xor_field *field, double *ret)
{
    if (!bits_ready(&r->bits) || !xor_field_read(&r->bits, field))
        return false;
    *ret = value_of_bits(field->v);
    return true;
}

static bool reader_first_float_buckets(struct histogram_reader *r, double *buckets)
{
    for (size_t i = 0; i < r->bucket_count; i++) {
        if (!bits_ready(&r->bits))
            return false;
        r->fields[i].v = bits_take(&r->bits, 64);
        if (buckets)
            buckets[i] = value_of_bits(r->fields[i].v);
    }
    return true;
}

/* Equal ones, a zero bit each, are counted here too. */
static bool reader_later_float_buckets(struct histogram_reader *r, double *buckets)
{
    struct bits b = r->bits;
    struct xor_field *fields = r->fields;
    size_t count = r->bucket_count;
    size_t i = 0;
    while (i < count) {
        if (UNLIKELY(!bits_ready(&b)))
            return false;
        size_t zeros = (size_t)__builtin_clzll(bits_peek_57(&b) | 0x80);
        size_t end = zeros < count - i ? i + zeros : count;
        b.at += end - i;
        for (; buckets && i < end; i++)
            buckets[i] = value_of_bits(fields[i].v);
        i = end;
        if (i == count)
            break;
        if (UNLIKELY(!xor_field_read(&b, &fields[i])))
            return false;
        if (buckets)
            buckets[i] = value_of_bits(fields[i].v);
        i++;
    }
    r->bits = b;
    return true;
}

/* The integers of one sample's buckets; their sums become those of each side. */
HOT_INLINE bool reader_sums(struct histogram_reader *r, struct bits *bits)
{
    size_t positive = r->shape.positive.bucket_count;
    return varbit_run(bits, r->sums, positive, &r->long_counts[0]) &&
           varbit_run(bits, r->sums + positive, r->shape.negative.bucket_count, &r->long_counts[1]);
}

/*
 * A bucket is told by its difference to the one before it in the sample, and of that only how it
 * changes from sample to sample. Sums undo the differences within a sample as well after those
 * between samples as before: so no more than whole buckets, and their changes, are kept.
 */
HOT_INLINE void buckets_change(uint64_t *restrict buckets, uint64_t *restrict changes,
                               const uint64_t *restrict sums, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        changes[i] += sums[i];
        buckets[i] += changes[i];
    }
}

HOT_INLINE void buckets_convert(double *restrict to, const uint64_t *restrict buckets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (double)(int64_t)buckets[i];
}

static bool reader_first_ints(struct histogram_reader *r)
{
    uint64_t t = 0;
    if (!reader_int(r, &t) || !reader_uint(r, &r->whole_count) ||
        !reader_uint(r, &r->whole_zero_count) || !reader_double(r, &r->sum))
        return false;
    r->t_ms = (int64_t)t;
    r->sum_field.v = value_bits(r->sum);
    if (!reader_sums(r, &r->bits))
        return false;
    if (r->bucket_count > 0)
        memcpy(r->buckets, r->sums, r->bucket_count * sizeof *r->buckets);
    return true;
}

/* Up to the sum of observations, which may say that no bucket follows. */
HOT_INLINE bool reader_later_totals(struct histogram_reader *r, struct bits *bits)
{
    static_assert(3 * VARBIT_SIZE_MAX <= BITS_AHEAD, "three integers are looked at at once");
    if (UNLIKELY(!bits_ready(bits)))
        return false;
    r->t_delta += varbit_int(bits);
    r->count_delta += varbit_int(bits);
    r->zero_count_delta += varbit_int(bits);
    r->t_ms = (int64_t)((uint64_t)r->t_ms + r->t_delta);
    r->whole_count += r->count_delta;
    r->whole_zero_count += r->zero_count_delta;
    if (UNLIKELY(!bits_ready(bits)) || UNLIKELY(!xor_field_read(bits, &r->sum_field)))
        return false;
    r->sum = value_of_bits(r->sum_field.v);
    return true;
}

SHIFT_KERNEL_CLONES static bool reader_later_ints(struct histogram_reader *r, double *buckets)
{
    struct bits bits = r->bits;
    if (!reader_later_totals(r, &bits))
        return false;
    if (LIKELY(!value_is_stale(r->sum))) {
        if (!reader_sums(r, &bits))
            return false;
        buckets_change(r->buckets, r->changes, r->sums, r->bucket_count);
        if (buckets)
            buckets_convert(buckets, r->buckets, r->bucket_count);
    }
    r->bits = bits;
    return true;
}

static bool reader_ints(struct histogram_reader *r, double *buckets)
{
    if (r->read_count > 0) {
        if (!reader_later_ints(r, buckets))
            return false;
    } else {
        if (!reader_first_ints(r))
            return false;
        if (buckets)
            histogram_reader_buckets(r, buckets);
    }
    r->count = (double)r->whole_count;
    r->zero_count = (double)r->whole_zero_count;
    return true;
}

static bool reader_first_floats(struct histogram_reader *r, double *buckets)
{
    uint64_t t = 0;
    if (!reader_int(r, &t) || !reader_double(r, &r->count) || !reader_double(r, &r->zero_count) ||
        !reader_double(r, &r->sum))
        return false;
    r->t_ms = (int64_t)t;
    r->count_field.v = value_bits(r->count);
    r->zero_count_field.v = value_bits(r->zero_count);
    r->sum_field.v = value_bits(r->sum);
    return reader_first_float_buckets(r, buckets);
}

static bool reader_later_floats(struct histogram_reader *r, double *buckets)
{
    uint64_t dod = 0;
    if (!reader_int(r, &dod))
        return false;
    r->t_delta += dod;
    r->t_ms = (int64_t)((uint64_t)r->t_ms + r->t_delta);
    if (!reader_xor(r, &r->count_field, &r->count) ||
        !reader_xor(r, &r->zero_count_field, &r->zero_count) ||
        !reader_xor(r, &r->sum_field, &r->sum))
        return false;
    return value_is_stale(r->sum) || reader_later_float_buckets(r, buckets);
}

static bool reader_floats(struct histogram_reader *r, double *buckets)
{
    return r->read_count == 0 ? reader_first_floats(r, buckets) : reader_later_floats(r, buckets);
}

/* Bytes in the middle of bits. */
static uint64_t reader_varint(struct histogram_reader *r)
{
    uint8_t bytes[VARINT_SIZE_MAX];
    struct bits ahead = r->bits;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)bits_take(&ahead, 8);
    struct bytes_reader reader = bytes_reader_of(bytes, sizeof bytes);
    uint64_t v = (uint64_t)read_varint(&reader);
    r->bits.at += 8 * (uint64_t)(reader.at - bytes);
    return v;
}

static bool reader_start(struct histogram_reader *r, int64_t t_before_ms)
{
    size_t changes_from = r->start_header & 0x7f;
    uint64_t base = (uint64_t)t_before_ms;
    if (r->read_count == 0) {
        if ((r->start_header & 0x80) == 0)
            return true;
        if (!bits_ready(&r->bits))
            return false;
        r->start_diff = reader_varint(r);
        base = (uint64_t)r->t_ms;
    } else {
        uint64_t diff = 0;
        if (changes_from == 0 || r->read_count < changes_from)
            return true;
        if (!reader_int(r, &diff))
            return false;
        r->start_diff = r->read_count == changes_from ? diff : r->start_diff + diff;
    }
    r->start_ms = (int64_t)(base - r->start_diff);
    return true;
}

bool histogram_reader_next(struct histogram_reader *r, double *buckets)
{
    int64_t t_before_ms = r->t_ms;
    if (!(r->is_float ? reader_floats(r, buckets) : reader_ints(r, buckets)))
        return false;
    if (r->has_starts && !reader_start(r, t_before_ms))
        return false;
    r->read_count++;
    return !bits_overrun(&r->bits);
}

void histogram_reader_buckets(const struct histogram_reader *r, double *buckets)
{
    for (size_t i = 0; i < r->bucket_count; i++)
        buckets[i] = r->is_float ? value_of_bits(r->fields[i].v) : (double)(int64_t)r->buckets[i];
}

struct raw_histogram histogram_reader_raw(const struct histogram_reader *r, struct arena *arena)
{
    struct raw_histogram h = {
        .is_float = r->is_float,
        .hint = histogram_reader_hint(r),
        .schema = r->shape.schema,
        .zero_threshold = r->shape.zero_threshold,
        .sum = r->sum,
        .count = r->is_float ? value_bits(r->count) : r->whole_count,
        .zero_count = r->is_float ? value_bits(r->zero_count) : r->whole_zero_count,
        .custom_bounds = r->shape.custom_bounds,
        .custom_bound_count = r->shape.custom_bound_count,
    };
    const struct histogram_side *sides[] = {&r->shape.positive, &r->shape.negative};
    size_t at = 0;
    for (size_t s = 0; s < 2; s++) {
        uint64_t *buckets = arena_room(arena, uint64_t, sides[s]->bucket_count);
        for (uint32_t i = 0; i < sides[s]->bucket_count; i++, at++)
            buckets[i] = r->is_float ? r->fields[at].v : r->buckets[at];
        h.sides[s] = (struct raw_side){
            .spans = sides[s]->spans,
            .buckets = buckets,
            .span_count = sides[s]->span_count,
            .bucket_count = sides[s]->bucket_count,
        };
    }
    return h;
}

enum histogram_hint histogram_reader_hint(const struct histogram_reader *r)
{
    if (r->reset == CHUNK_RESET_GAUGE)
        return HISTOGRAM_GAUGE;
    return r->read_count > 1 ? HISTOGRAM_NOT_RESET : HISTOGRAM_UNKNOWN;
}
