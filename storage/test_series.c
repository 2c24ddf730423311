#include "storage/test_series.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CHUNK_RANGE_MS INT64_C(86400000)
#define CHUNK_FLOATS_MAX 120

/* The bucket numbers of one side, one after another. */
struct bucket_numbers {
    const struct histogram_side *side;
    uint32_t span, in_span;
    uint32_t bucket; /* place of the current one among all */
    int32_t number;
    bool begun;
};

static bool bucket_numbers_next(struct bucket_numbers *numbers)
{
    const struct histogram_side *side = numbers->side;
    if (numbers->begun) {
        numbers->number++;
        numbers->in_span++;
        numbers->bucket++;
    } else if (side->span_count) {
        numbers->number = side->spans[0].offset;
    }
    numbers->begun = true;
    while (numbers->span < side->span_count &&
           numbers->in_span >= side->spans[numbers->span].length) {
        numbers->in_span = 0;
        numbers->span++;
        if (numbers->span < side->span_count)
            numbers->number += side->spans[numbers->span].offset;
    }
    return numbers->span < side->span_count;
}

/*
 * The buckets of both, without counts. In the arena; the spans of `a` as they are, if `b` has no
 * other buckets.
 */
static struct histogram_side side_union(const struct histogram_side *a,
                                        const struct histogram_side *b, struct arena *arena)
{
    struct bucket_numbers of_a = {.side = a}, of_b = {.side = b};
    bool has_a = bucket_numbers_next(&of_a), has_b = bucket_numbers_next(&of_b);
    struct histogram_span *spans =
        arena_array(arena, struct histogram_span, a->bucket_count + b->bucket_count);
    struct histogram_side made = {.spans = spans};
    bool grows = false;
    int32_t behind = 0; /* the number behind the last span */
    while (has_a || has_b) {
        bool take_a = has_a && (!has_b || of_a.number <= of_b.number);
        bool take_b = has_b && (!has_a || of_b.number <= of_a.number);
        int32_t number = take_a ? of_a.number : of_b.number;
        grows = grows || !take_a;
        if (made.span_count == 0 || number != behind)
            spans[made.span_count++] = (struct histogram_span){.offset = number - behind};
        spans[made.span_count - 1].length++;
        made.bucket_count++;
        behind = number + 1;
        has_a = take_a ? bucket_numbers_next(&of_a) : has_a;
        has_b = take_b ? bucket_numbers_next(&of_b) : has_b;
    }
    return grows ? made : *a;
}

/* The counts of `side` laid out as `layout`, which has all of its buckets. */
static struct histogram_side side_expand(const struct histogram_side *side,
                                         const struct histogram_side *layout, struct arena *arena)
{
    double *buckets = arena_array(arena, double, layout->bucket_count);
    struct histogram_span *spans = arena_array(arena, struct histogram_span, layout->span_count);
    if (layout->span_count)
        memcpy(spans, layout->spans, layout->span_count * sizeof *spans);
    struct bucket_numbers from = {.side = side}, to = {.side = layout};
    bool has_from = bucket_numbers_next(&from);
    while (bucket_numbers_next(&to)) {
        if (!has_from || from.number != to.number)
            continue;
        buckets[to.bucket] = side->buckets[from.bucket];
        has_from = bucket_numbers_next(&from);
    }
    return (struct histogram_side){
        .spans = spans,
        .buckets = buckets,
        .span_count = layout->span_count,
        .bucket_count = layout->bucket_count,
    };
}

static struct histogram *histogram_expand(const struct histogram *h,
                                          const struct histogram_side *positive,
                                          const struct histogram_side *negative,
                                          struct arena *arena)
{
    struct histogram *made = arena_new(arena, struct histogram);
    *made = *h;
    made->positive = side_expand(&h->positive, positive, arena);
    made->negative = side_expand(&h->negative, negative, arena);
    double *bounds = arena_array(arena, double, h->custom_bound_count);
    if (h->custom_bound_count)
        memcpy(bounds, h->custom_bounds, h->custom_bound_count * sizeof *bounds);
    made->custom_bounds = bounds;
    return made;
}

/* Has any bucket of `before`, a chunk's last sample in the chunk's layout, lost counts in `h`? */
static bool side_is_reset(const struct histogram_side *before, const struct histogram_side *h)
{
    struct bucket_numbers old = {.side = before}, new = {.side = h};
    bool has_new = bucket_numbers_next(&new);
    while (bucket_numbers_next(&old)) {
        while (has_new && new.number < old.number)
            has_new = bucket_numbers_next(&new);
        double was = before->buckets[old.bucket];
        bool is_there = has_new && new.number == old.number;
        if (is_there ? was > h->buckets[new.bucket] : was != 0)
            return true;
    }
    return false;
}

static bool bounds_equal(const struct histogram *a, const struct histogram *b)
{
    if (a->custom_bound_count != b->custom_bound_count)
        return false;
    for (uint32_t i = 0; i < a->custom_bound_count; i++)
        if (a->custom_bounds[i] != b->custom_bounds[i])
            return false;
    return true;
}

/* May `h` stand in the same chunk as the histogram before it? */
static bool histogram_has_scale_of(const struct histogram *h, const struct histogram *before)
{
    return h->schema == before->schema && h->zero_threshold == before->zero_threshold &&
           (!histogram_is_custom(h) || bounds_equal(h, before));
}

/* Does the chunk take `h` (NULL: a stale marker) behind `before` (NULL: one)? */
static bool chunk_takes_histogram(const struct test_chunk *chunk, const struct histogram *before,
                                  const struct histogram *h, struct arena *scratch)
{
    bool gauge = h && h->hint == HISTOGRAM_GAUGE;
    if (gauge != chunk->gauge || (h && h->hint == HISTOGRAM_RESET))
        return false;
    if (!h)
        return true;
    if (!before || !histogram_has_scale_of(h, before))
        return false;
    if (gauge)
        return true;
    if (h->count < before->count || h->zero_count < before->zero_count)
        return false;
    before = histogram_expand(before, &chunk->positive, &chunk->negative, scratch);
    return !side_is_reset(&before->positive, &h->positive) &&
           !side_is_reset(&before->negative, &h->negative);
}

static bool chunk_takes(const struct test_series *series, const struct test_sample *sample,
                        bool is_histogram)
{
    if (series->chunk_count == 0)
        return false;
    const struct test_chunk *chunk = &series->chunks[series->chunk_count - 1];
    int64_t begin_ms = series->samples[chunk->begin].time_ms;
    if (chunk->holds_histograms != is_histogram ||
        sample->time_ms / CHUNK_RANGE_MS != begin_ms / CHUNK_RANGE_MS)
        return false;
    if (!is_histogram)
        return chunk->end - chunk->begin < CHUNK_FLOATS_MAX;
    AUTO(arena_destroy) struct arena *scratch = arena_create(NULL);
    return chunk_takes_histogram(chunk, series->samples[series->count - 1].histogram,
                                 sample->histogram, scratch);
}

static struct test_chunk *series_new_chunk(struct test_series *series, bool holds_histograms)
{
    mem_grow(series->chunks, struct test_chunk, series->chunk_count, &series->chunk_cap);
    struct test_chunk *chunk = &series->chunks[series->chunk_count++];
    *chunk = (struct test_chunk){
        .begin = series->count,
        .end = series->count,
        .holds_histograms = holds_histograms,
    };
    return chunk;
}

static bool sample_is_same(const struct test_sample *a, const struct test_sample *b)
{
    if (a->histogram && b->histogram)
        return histogram_equal(a->histogram, b->histogram);
    return !a->histogram && !b->histogram && value_bits(a->value) == value_bits(b->value);
}

bool test_series_append(struct test_series *series, const struct test_sample *sample,
                        struct arena *arena, struct err *err)
{
    if (series->count) {
        const struct test_sample *last = &series->samples[series->count - 1];
        if (sample->time_ms < last->time_ms)
            return err_set(err, ERR_BAD_DATA, "out of order sample");
        if (sample->time_ms == last->time_ms)
            return sample_is_same(sample, last) ||
                   err_set(err, ERR_BAD_DATA, "duplicate sample for timestamp");
    }
    const struct histogram *h = sample->histogram;
    const struct test_chunk *last =
        series->chunk_count ? &series->chunks[series->chunk_count - 1] : NULL;
    bool is_histogram = h || (last && last->holds_histograms && value_is_stale(sample->value));
    struct test_chunk *chunk = chunk_takes(series, sample, is_histogram)
                                   ? &series->chunks[series->chunk_count - 1]
                                   : series_new_chunk(series, is_histogram);
    mem_grow(series->samples, struct test_sample, series->count, &series->cap);
    struct test_sample *added = &series->samples[series->count++];
    *added = *sample;
    chunk->end = series->count;
    if (h) {
        added->histogram = histogram_expand(h, &h->positive, &h->negative, arena);
        chunk->gauge = h->hint == HISTOGRAM_GAUGE;
        bool is_first = chunk->end - chunk->begin == 1;
        const struct histogram_side *positive = &added->histogram->positive;
        const struct histogram_side *negative = &added->histogram->negative;
        chunk->positive = is_first ? *positive : side_union(&chunk->positive, positive, arena);
        chunk->negative = is_first ? *negative : side_union(&chunk->negative, negative, arena);
    }
    return true;
}

void test_series_done(struct test_series *series)
{
    free(series->samples);
    free(series->chunks);
    *series = (struct test_series){0};
}

struct histogram *test_series_histogram(const struct test_series *series,
                                        const struct test_chunk *chunk, size_t sample,
                                        struct arena *arena)
{
    const struct histogram *h = series->samples[sample].histogram;
    if (!h)
        return NULL;
    struct histogram *made = histogram_expand(h, &chunk->positive, &chunk->negative, arena);
    made->hint = chunk->gauge             ? HISTOGRAM_GAUGE
                 : sample == chunk->begin ? HISTOGRAM_UNKNOWN
                                          : HISTOGRAM_NOT_RESET;
    return made;
}
