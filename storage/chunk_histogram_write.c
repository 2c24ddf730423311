/*
 * The format stands in histogram_reader.c. What later samples are told against is kept beside the
 * bytes. Writing a chunk again reads it with the reader, and appends to another appender.
 */
#include "storage/chunk_histogram_write.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "storage/appender_layout.h"
#include "storage/chunk.h"
#include "storage/histogram_reader.h"

#define START_CHANGE_MAX 127

void histogram_appender_init(struct histogram_appender *a, uint8_t encoding)
{
    *a = (struct histogram_appender){.encoding = encoding};
    a->is_float = encoding == CHUNK_FLOAT_HISTOGRAM || encoding == CHUNK_FLOAT_HISTOGRAM_ST;
    a->has_starts = encoding == CHUNK_HISTOGRAM_ST || encoding == CHUNK_FLOAT_HISTOGRAM_ST;
    a->arena = arena_create(NULL);
    a->spare = arena_create(NULL);
    histogram_appender_begin(a, CHUNK_RESET_UNKNOWN);
}

void histogram_appender_done(struct histogram_appender *a)
{
    free(a->out.bytes);
    arena_destroy(a->arena);
    arena_destroy(a->spare);
    *a = (struct histogram_appender){0};
}

void histogram_appender_begin(struct histogram_appender *a, uint8_t reset)
{
    arena_reset(a->arena);
    a->layout = NULL;
    a->count = 0;
    a->reset = reset;
    a->start_header = 0;
    a->out.size = 0;
    a->out.bits_free = 0;
    bit_writer_put(&a->out, 0, 8 * HISTOGRAM_CHUNK_HEADER_SIZE);
}

static void appender_write_header(struct histogram_appender *a)
{
    uint8_t *bytes = a->out.bytes;
    bytes[0] = (uint8_t)(a->count >> 8);
    bytes[1] = (uint8_t)a->count;
    bytes[2] = a->reset;
    if (a->has_starts) {
        bytes[0] |= a->reset;
        bytes[2] = a->start_header;
    }
}

static void put_zero_threshold(struct bit_writer *out, double threshold)
{
    int exponent = 0;
    if (threshold == 0) {
        bit_writer_put(out, 0, 8);
    } else if (frexp(threshold, &exponent) == 0.5 && exponent >= -242 && exponent <= 11) {
        unsigned biased = (unsigned)(exponent + 243);
        bit_writer_put(out, biased, 8);
    } else {
        bit_writer_put(out, 255, 8);
        bit_writer_put(out, value_bits(threshold), 64);
    }
}

static void put_spans(struct bit_writer *out, const struct layout_side *side)
{
    bit_writer_put_uint(out, side->span_count);
    for (uint32_t i = 0; i < side->span_count; i++) {
        bit_writer_put_uint(out, side->spans[i].length);
        bit_writer_put_int(out, side->spans[i].offset);
    }
}

static void put_bound(struct bit_writer *out, double bound)
{
    double thousandths = bound * 1000;
    if (thousandths >= 0 && thousandths <= 33554430) {
        uint64_t whole = (uint64_t)round(thousandths);
        if (bound == (double)whole / 1000) {
            bit_writer_put_uint(out, whole + 1);
            return;
        }
    }
    bit_writer_put(out, 0, 1);
    bit_writer_put(out, value_bits(bound), 64);
}

static void put_layout(struct bit_writer *out, const struct appender_layout *layout)
{
    put_zero_threshold(out, layout->zero_threshold);
    bit_writer_put_int(out, layout->schema);
    put_spans(out, &layout->sides[0]);
    put_spans(out, &layout->sides[1]);
    if (layout->schema != HISTOGRAM_SCHEMA_CUSTOM)
        return;
    bit_writer_put_uint(out, layout->bound_count);
    for (uint32_t i = 0; i < layout->bound_count; i++)
        put_bound(out, layout->bounds[i]);
}

static void put_xor(struct bit_writer *out, struct xor_window *window, uint64_t v)
{
    uint64_t change = v ^ window->v;
    window->v = v;
    if (change == 0) {
        bit_writer_put(out, 0, 1);
        return;
    }
    unsigned leading = (unsigned)__builtin_clzll(change);
    unsigned trailing = (unsigned)__builtin_ctzll(change);
    leading = leading > 31 ? 31 : leading;
    if (window->leading != NO_WINDOW && leading >= window->leading &&
        trailing >= window->trailing) {
        bit_writer_put(out, 2, 2);
        bit_writer_put(out, change >> window->trailing, 64u - window->leading - window->trailing);
        return;
    }
    window->leading = (uint8_t)leading;
    window->trailing = (uint8_t)trailing;
    unsigned width = 64 - leading - trailing;
    bit_writer_put(out, UINT64_C(3) << 11 | (uint64_t)leading << 6 | (width & 63), 13);
    bit_writer_put(out, change >> trailing, width);
}

static void put_first(struct histogram_appender *a, int64_t t_ms, const struct raw_histogram *h)
{
    struct bit_writer *out = &a->out;
    struct appender_layout *layout = a->layout;
    put_layout(out, layout);
    bit_writer_put_int(out, t_ms);
    if (a->is_float) {
        bit_writer_put(out, h->count, 64);
        bit_writer_put(out, h->zero_count, 64);
    } else {
        bit_writer_put_uint(out, h->count);
        bit_writer_put_uint(out, h->zero_count);
    }
    bit_writer_put(out, value_bits(h->sum), 64);
    layout->count.v = h->count;
    layout->zero_count.v = h->zero_count;
    layout->sum.v = value_bits(h->sum);
    for (size_t s = 0; s < 2; s++) {
        const struct raw_side *side = &h->sides[s];
        for (uint32_t i = 0; i < side->bucket_count; i++) {
            layout->buckets[s][i] = side->buckets[i];
            if (a->is_float) {
                bit_writer_put(out, side->buckets[i], 64);
                layout->windows[s][i].v = side->buckets[i];
            } else {
                uint64_t before = i > 0 ? side->buckets[i - 1] : 0;
                bit_writer_put_int(out, (int64_t)(side->buckets[i] - before));
            }
        }
    }
}

/* The change of a difference that was `*delta` before, which becomes `now`. */
static void put_dod(struct bit_writer *out, uint64_t *delta, uint64_t now)
{
    bit_writer_put_int(out, (int64_t)(now - *delta));
    *delta = now;
}

static void put_buckets(struct histogram_appender *a, const struct raw_histogram *h)
{
    struct appender_layout *layout = a->layout;
    for (size_t s = 0; s < 2; s++) {
        uint64_t *held = layout->buckets[s];
        const uint64_t *buckets = h->sides[s].buckets;
        uint64_t change_before = 0; /* how much the bucket before changed */
        for (uint32_t i = 0; i < layout->sides[s].bucket_count; i++) {
            if (a->is_float) {
                put_xor(&a->out, &layout->windows[s][i], buckets[i]);
            } else {
                uint64_t change = buckets[i] - held[i];
                put_dod(&a->out, &layout->deltas[s][i], change - change_before);
                change_before = change;
            }
            held[i] = buckets[i];
        }
    }
}

static void put_later(struct histogram_appender *a, int64_t t_ms, const struct raw_histogram *h)
{
    struct bit_writer *out = &a->out;
    struct appender_layout *layout = a->layout;
    bool stale = raw_histogram_is_stale(h);
    put_dod(out, &layout->t_delta, (uint64_t)t_ms - (uint64_t)a->t_ms);
    uint64_t count = stale ? 0 : h->count;
    uint64_t zero_count = stale ? 0 : h->zero_count;
    if (a->is_float) {
        put_xor(out, &layout->count, count);
        put_xor(out, &layout->zero_count, zero_count);
    } else if (stale) {
        bit_writer_put(out, 0, 2); /* no change of either difference */
    } else {
        put_dod(out, &layout->count_delta, count - layout->count.v);
        put_dod(out, &layout->zero_count_delta, zero_count - layout->zero_count.v);
        layout->count.v = count;
        layout->zero_count.v = zero_count;
    }
    put_xor(out, &layout->sum, value_bits(h->sum));
    if (!stale)
        put_buckets(a, h);
}

static void put_start(struct histogram_appender *a, int64_t t_ms, int64_t start_ms)
{
    struct appender_layout *layout = a->layout;
    uint64_t diff = (uint64_t)a->t_ms - (uint64_t)start_ms;
    size_t changes_from = a->start_header & START_CHANGE_MAX;
    if (a->count == 0) {
        if (start_ms != 0) {
            bit_writer_put_varint(&a->out, (int64_t)((uint64_t)t_ms - (uint64_t)start_ms));
            a->start_header = 0x80;
        }
    } else if (changes_from > 0) {
        put_dod(&a->out, &layout->start_diff, diff);
    } else if (start_ms != layout->start_ms || a->count == START_CHANGE_MAX) {
        a->start_header |= (uint8_t)a->count;
        put_dod(&a->out, &layout->start_diff, diff);
    }
    layout->start_ms = start_ms;
}

static void appender_put(struct histogram_appender *a, int64_t t_ms, int64_t start_ms,
                         const struct raw_histogram *h)
{
    assert(a->count < (a->has_starts ? HISTOGRAM_ST_COUNT_MAX : HISTOGRAM_COUNT_MAX));
    assert(a->count == 0 || t_ms > a->t_ms);
    if (a->count == 0) {
        struct raw_histogram marker = {.is_float = h->is_float, .sum = h->sum};
        const struct raw_histogram *first = raw_histogram_is_stale(h) ? &marker : h;
        a->layout = appender_layout_new(first, a->arena);
        a->begin_ms = t_ms;
        put_first(a, t_ms, first);
    } else {
        put_later(a, t_ms, h);
    }
    if (a->has_starts)
        put_start(a, t_ms, start_ms);
    a->t_ms = t_ms;
    a->count++;
    appender_write_header(a);
}

struct histogram_fit histogram_appender_fit(struct histogram_appender *a,
                                            const struct raw_histogram *h)
{
    assert(h->is_float == a->is_float);
    if (a->count == 0)
        return (struct histogram_fit){.same_chunk = true, .reset = a->reset};
    return appender_layout_fit(a->layout, a->reset == CHUNK_RESET_GAUGE, h, a->spare);
}

/* The buckets at their places among others, which hold nothing. */
static uint64_t *buckets_spread(struct arena *arena, const int32_t *from, size_t from_count,
                                const uint64_t *buckets, const struct layout_side *to)
{
    uint64_t *out = arena_array(arena, uint64_t, to->bucket_count);
    size_t at = 0;
    for (size_t i = 0; i < from_count; i++) {
        while (to->indices[at] != from[i])
            at++;
        out[at] = buckets[i];
    }
    return out;
}

static struct layout_side side_of_match(struct arena *arena, const struct side_match *match)
{
    struct layout_side side = {.indices = match->indices, .bucket_count = (uint32_t)match->count};
    side.spans = arena_array(arena, struct histogram_span, match->count);
    side.span_count = (uint32_t)raw_spans(match->indices, match->count, side.spans);
    return side;
}

/* Writes the chunk again, with further buckets. */
static void appender_widen(struct histogram_appender *a, const struct layout_side to[2])
{
    AUTO(arena_destroy) struct arena *read = arena_create(NULL);
    AUTO(arena_destroy) struct arena *step = arena_create(NULL);
    struct histogram_appender wide = {
        .encoding = a->encoding,
        .is_float = a->is_float,
        .has_starts = a->has_starts,
        .arena = arena_create(NULL),
        .spare = a->spare,
    };
    histogram_appender_begin(&wide, a->reset);

    struct err err = {0};
    struct histogram_reader reader;
    bool good = histogram_reader_open(&reader, a->encoding, a->out.bytes, a->out.size, read, &err);
    assert(good); /* our own bytes */
    for (size_t i = 0; i < reader.sample_count; i++) {
        good = histogram_reader_next(&reader, NULL);
        assert(good);
        struct raw_histogram h = histogram_reader_raw(&reader, step);
        for (size_t s = 0; s < 2; s++) {
            const struct layout_side *held = &a->layout->sides[s];
            h.sides[s].buckets =
                buckets_spread(step, held->indices, held->bucket_count, h.sides[s].buckets, &to[s]);
            h.sides[s].bucket_count = to[s].bucket_count;
            h.sides[s].spans = to[s].spans;
            h.sides[s].span_count = to[s].span_count;
        }
        appender_put(&wide, reader.t_ms, reader.start_ms, &h);
        arena_reset(step);
    }
    free(a->out.bytes);
    arena_destroy(a->arena);
    *a = wide;
}

void histogram_appender_append(struct histogram_appender *a, int64_t t_ms, int64_t start_ms,
                               const struct raw_histogram *h)
{
    if (a->count == 0 && h->hint == HISTOGRAM_GAUGE)
        a->reset = CHUNK_RESET_GAUGE;
    else if (a->count == 0 && h->hint == HISTOGRAM_RESET)
        a->reset = CHUNK_RESET;
    if (a->count == 0 || raw_histogram_is_stale(h)) {
        appender_put(a, t_ms, start_ms, h);
        return;
    }
    arena_reset(a->spare);
    struct side_match matches[2] = {appender_layout_match(a->layout, 0, h, a->spare),
                                    appender_layout_match(a->layout, 1, h, a->spare)};
    bool more = matches[0].has_more || matches[1].has_more;
    bool fewer = matches[0].has_fewer || matches[1].has_fewer;
    if (!more && !fewer) {
        appender_put(a, t_ms, start_ms, h);
        return;
    }
    struct layout_side to[2];
    struct raw_histogram fitted = *h;
    for (size_t s = 0; s < 2; s++) {
        bool merged = h->hint == HISTOGRAM_GAUGE ? fewer : matches[s].has_fewer;
        const struct raw_side *side = &h->sides[s];
        if (!more)
            to[s] = a->layout->sides[s];
        else
            to[s] = merged ? side_of_match(a->spare, &matches[s]) : layout_side_new(side, a->spare);
        int32_t *indices = arena_array(a->spare, int32_t, side->bucket_count);
        raw_indices(side->spans, side->span_count, indices);
        fitted.sides[s].buckets =
            buckets_spread(a->spare, indices, side->bucket_count, side->buckets, &to[s]);
    }
    if (more)
        appender_widen(a, to);
    appender_put(a, t_ms, start_ms, &fitted);
}

bool histogram_appender_holds(const struct histogram_appender *a, const struct raw_histogram *h)
{
    return a->count > 0 && a->is_float == h->is_float && appender_layout_holds(a->layout, h);
}
