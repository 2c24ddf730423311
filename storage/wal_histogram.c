/*
 * A body:
 *
 *     hint u8 | schema varint | zero threshold u64
 *     zero count, count             uvarint; floats: u64
 *     sum u64
 *     positive, negative spans      count uvarint | { offset varint, length uvarint }
 *     positive, negative buckets    count uvarint | { varint, to the one before }; floats: { u64 }
 *     [schema -53: bounds           count uvarint | { u64 }]
 *
 * u64 are floats. Counts are held against the bytes that are left.
 */
#include "storage/wal_histogram.h"

#define SCHEMA_MIN (-9)
#define SCHEMA_MAX 52

/* A count of things that take at least `size_min` bytes each. */
static uint32_t body_count(struct bytes_reader *r, size_t size_min)
{
    uint64_t count = read_uvarint(r);
    if (count > read_left(r) / size_min || count > UINT32_MAX) {
        r->failed = true;
        r->at = r->end;
        return 0;
    }
    return (uint32_t)count;
}

static double body_double(struct bytes_reader *r)
{
    return value_of_bits(read_be64(r));
}

static uint64_t body_total(struct bytes_reader *r, bool is_float)
{
    return is_float ? read_be64(r) : read_uvarint(r);
}

static void body_spans(struct bytes_reader *r, struct arena *arena, struct raw_side *side)
{
    side->span_count = body_count(r, 2);
    struct histogram_span *spans = arena_array(arena, struct histogram_span, side->span_count);
    for (uint32_t i = 0; i < side->span_count; i++) {
        spans[i].offset = (int32_t)read_varint(r);
        spans[i].length = (uint32_t)read_uvarint(r);
    }
    side->spans = spans;
}

static void body_buckets(struct bytes_reader *r, bool is_float, struct arena *arena,
                         struct raw_side *side)
{
    side->bucket_count = body_count(r, is_float ? 8 : 1);
    uint64_t *buckets = arena_array(arena, uint64_t, side->bucket_count);
    uint64_t current = 0;
    for (uint32_t i = 0; i < side->bucket_count; i++) {
        current = is_float ? read_be64(r) : current + (uint64_t)read_varint(r);
        buckets[i] = current;
    }
    side->buckets = buckets;
}

static void body_bounds(struct bytes_reader *r, struct arena *arena, struct raw_histogram *h)
{
    h->custom_bound_count = body_count(r, 8);
    double *bounds = arena_array(arena, double, h->custom_bound_count);
    for (uint32_t i = 0; i < h->custom_bound_count; i++)
        bounds[i] = body_double(r);
    h->custom_bounds = bounds;
}

static bool side_check(const struct raw_side *side, const struct raw_histogram *h)
{
    uint64_t needed = 0;
    for (uint32_t i = 0; i < side->span_count; i++)
        needed += side->spans[i].length;
    return needed == side->bucket_count &&
           raw_spans_check(side->spans, side->span_count, h->schema, h->custom_bound_count);
}

static bool body_check(const struct raw_histogram *h)
{
    if (h->schema != HISTOGRAM_SCHEMA_CUSTOM && (h->schema < SCHEMA_MIN || h->schema > SCHEMA_MAX))
        return false;
    if (h->schema == HISTOGRAM_SCHEMA_CUSTOM && h->sides[1].span_count > 0)
        return false;
    return side_check(&h->sides[0], h) && side_check(&h->sides[1], h) &&
           raw_bounds_check(h->custom_bounds, h->custom_bound_count);
}

bool wal_histogram_decode(struct bytes_reader *r, bool is_float, struct arena *arena,
                          struct raw_histogram *ret)
{
    struct raw_histogram h = {.is_float = is_float};
    uint8_t hint = read_u8(r);
    h.hint = hint <= HISTOGRAM_GAUGE ? (enum histogram_hint)hint : HISTOGRAM_UNKNOWN;
    h.schema = (int32_t)read_varint(r);
    h.zero_threshold = body_double(r);
    h.zero_count = body_total(r, is_float);
    h.count = body_total(r, is_float);
    h.sum = body_double(r);
    body_spans(r, arena, &h.sides[0]);
    body_spans(r, arena, &h.sides[1]);
    body_buckets(r, is_float, arena, &h.sides[0]);
    body_buckets(r, is_float, arena, &h.sides[1]);
    if (h.schema == HISTOGRAM_SCHEMA_CUSTOM)
        body_bounds(r, arena, &h);
    if (r->failed || !body_check(&h))
        return false;
    if (h.schema > HISTOGRAM_SCHEMA_MAX)
        raw_histogram_reduce(&h, HISTOGRAM_SCHEMA_MAX, arena);
    *ret = h;
    return true;
}
