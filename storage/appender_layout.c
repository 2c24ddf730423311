#include "storage/appender_layout.h"

#include <string.h>

#include "storage/histogram_reader.h"

struct layout_side layout_side_new(const struct raw_side *from, struct arena *arena)
{
    struct layout_side side = {
        .spans = arena_array(arena, struct histogram_span, from->span_count),
        .indices = arena_array(arena, int32_t, from->bucket_count),
        .span_count = from->span_count,
        .bucket_count = from->bucket_count,
    };
    if (from->span_count)
        memcpy(side.spans, from->spans, from->span_count * sizeof *from->spans);
    raw_indices(side.spans, side.span_count, side.indices);
    return side;
}

struct appender_layout *appender_layout_new(const struct raw_histogram *h, struct arena *arena)
{
    static const struct xor_window no_window = {.leading = NO_WINDOW};
    struct appender_layout *layout = arena_new(arena, struct appender_layout);
    layout->schema = h->schema;
    layout->zero_threshold = h->zero_threshold;
    layout->bound_count = h->custom_bound_count;
    layout->bounds = arena_array(arena, double, h->custom_bound_count);
    if (h->custom_bound_count)
        memcpy(layout->bounds, h->custom_bounds, h->custom_bound_count * sizeof *layout->bounds);
    layout->count = layout->zero_count = layout->sum = no_window;
    for (size_t s = 0; s < 2; s++) {
        layout->sides[s] = layout_side_new(&h->sides[s], arena);
        uint32_t count = h->sides[s].bucket_count;
        layout->buckets[s] = arena_array(arena, uint64_t, count);
        if (!h->is_float) {
            layout->deltas[s] = arena_array(arena, uint64_t, count);
            continue;
        }
        layout->windows[s] = arena_array(arena, struct xor_window, count);
        for (uint32_t i = 0; i < count; i++)
            layout->windows[s][i] = no_window;
    }
    return layout;
}

static bool bucket_is_less(bool is_float, uint64_t now, uint64_t before)
{
    return is_float ? value_of_bits(before) > value_of_bits(now) : (int64_t)before > (int64_t)now;
}

static bool count_is_less(bool is_float, uint64_t now, uint64_t before)
{
    return is_float ? value_of_bits(now) < value_of_bits(before) : now < before;
}

static bool bucket_is_empty(bool is_float, uint64_t bucket)
{
    return is_float ? value_of_bits(bucket) == 0 : bucket == 0;
}

static bool spans_are_equal(const struct layout_side *held, const struct raw_side *side)
{
    return held->span_count == side->span_count &&
           (side->span_count == 0 ||
            memcmp(held->spans, side->spans, side->span_count * sizeof *side->spans) == 0);
}

static struct side_match side_match_equal(const struct appender_layout *layout, size_t s,
                                          const struct raw_histogram *h)
{
    const struct layout_side *held = &layout->sides[s];
    const struct raw_side *side = &h->sides[s];
    struct side_match match = {.indices = held->indices, .count = held->bucket_count};
    for (uint32_t i = 0; i < side->bucket_count; i++)
        match.reset |= bucket_is_less(h->is_float, side->buckets[i], layout->buckets[s][i]);
    return match;
}

struct side_match appender_layout_match(const struct appender_layout *layout, size_t s,
                                        const struct raw_histogram *h, struct arena *spare)
{
    const struct layout_side *held = &layout->sides[s];
    const struct raw_side *side = &h->sides[s];
    if (spans_are_equal(held, side))
        return side_match_equal(layout, s, h);

    const uint64_t *before = layout->buckets[s];
    int32_t *indices = arena_array(spare, int32_t, side->bucket_count);
    raw_indices(side->spans, side->span_count, indices);
    size_t total = (size_t)held->bucket_count + side->bucket_count;
    struct side_match match = {.indices = arena_array(spare, int32_t, total)};
    size_t i = 0;
    size_t j = 0;
    while (i < held->bucket_count || j < side->bucket_count) {
        bool held_next =
            j == side->bucket_count || (i < held->bucket_count && held->indices[i] <= indices[j]);
        bool both = held_next && j < side->bucket_count && held->indices[i] == indices[j];
        match.indices[match.count++] = held_next ? held->indices[i] : indices[j];
        if (both)
            match.reset |= bucket_is_less(h->is_float, side->buckets[j], before[i]);
        else if (held_next)
            match.reset |= !bucket_is_empty(h->is_float, before[i]);
        match.has_fewer |= held_next && !both;
        match.has_more |= !held_next;
        i += held_next;
        j += both || !held_next;
    }
    return match;
}

static bool bounds_are_equal(const struct appender_layout *layout, const struct raw_histogram *h)
{
    if (layout->bound_count != h->custom_bound_count)
        return false;
    for (uint32_t i = 0; i < h->custom_bound_count; i++)
        if (layout->bounds[i] != h->custom_bounds[i])
            return false;
    return true;
}

/* Same schema, zero threshold and bounds? *ret_reset: what differs says that the counter is new. */
static bool layout_fits(const struct appender_layout *layout, const struct raw_histogram *h,
                        bool *ret_reset)
{
    *ret_reset = false;
    if (h->schema != layout->schema || h->zero_threshold != layout->zero_threshold)
        return false;
    *ret_reset = h->schema == HISTOGRAM_SCHEMA_CUSTOM && !bounds_are_equal(layout, h);
    return !*ret_reset;
}

static struct histogram_fit fit_gauge(const struct appender_layout *layout, bool is_gauge,
                                      const struct raw_histogram *h)
{
    struct histogram_fit fit = {.reset = CHUNK_RESET_GAUGE};
    bool reset = false;
    if (is_gauge)
        fit.same_chunk =
            raw_histogram_is_stale(h) ||
            (!value_is_stale(value_of_bits(layout->sum.v)) && layout_fits(layout, h, &reset));
    return fit;
}

/* A counter's histogram; the chunk, not empty, is no gauge's. */
static struct histogram_fit fit_counter(const struct appender_layout *layout,
                                        const struct raw_histogram *h, struct arena *spare)
{
    const struct histogram_fit resets = {.reset = CHUNK_RESET};
    const struct histogram_fit differs = {.reset = CHUNK_RESET_UNKNOWN};
    const struct histogram_fit fits = {.same_chunk = true, .reset = CHUNK_RESET_NONE};
    if (h->hint == HISTOGRAM_RESET)
        return resets;
    if (raw_histogram_is_stale(h))
        return fits;
    if (value_is_stale(value_of_bits(layout->sum.v)))
        return differs;
    bool reset = false;
    if (count_is_less(h->is_float, h->count, layout->count.v))
        return resets;
    if (!layout_fits(layout, h, &reset))
        return reset ? resets : differs;
    if (count_is_less(h->is_float, h->zero_count, layout->zero_count.v))
        return resets;
    arena_reset(spare);
    for (size_t s = 0; s < 2; s++)
        if (appender_layout_match(layout, s, h, spare).reset)
            return resets;
    return fits;
}

struct histogram_fit appender_layout_fit(const struct appender_layout *layout, bool is_gauge,
                                         const struct raw_histogram *h, struct arena *spare)
{
    if (h->hint == HISTOGRAM_GAUGE)
        return fit_gauge(layout, is_gauge, h);
    if (is_gauge)
        return (struct histogram_fit){.reset = CHUNK_RESET_NONE};
    return fit_counter(layout, h, spare);
}

/* Have both the same buckets with something in them? */
static bool layout_side_holds(const struct layout_side *held, const uint64_t *buckets,
                              const struct raw_side *side, bool is_float)
{
    uint32_t at = 0, given = 0;
    int64_t index = 0;
    for (uint32_t i = 0; i < side->span_count; i++) {
        index += side->spans[i].offset;
        for (uint32_t k = 0; k < side->spans[i].length; k++, index++, given++) {
            if (bucket_is_empty(is_float, side->buckets[given]))
                continue;
            while (at < held->bucket_count && bucket_is_empty(is_float, buckets[at]))
                at++;
            if (at == held->bucket_count || held->indices[at] != index ||
                buckets[at] != side->buckets[given])
                return false;
            at++;
        }
    }
    while (at < held->bucket_count && bucket_is_empty(is_float, buckets[at]))
        at++;
    return at == held->bucket_count;
}

bool appender_layout_holds(const struct appender_layout *layout, const struct raw_histogram *h)
{
    if (layout->sum.v != value_bits(h->sum))
        return false;
    if (raw_histogram_is_stale(h))
        return true;
    if (layout->schema != h->schema || layout->zero_threshold != h->zero_threshold ||
        layout->count.v != h->count || layout->zero_count.v != h->zero_count ||
        layout->bound_count != h->custom_bound_count)
        return false;
    for (uint32_t i = 0; i < layout->bound_count; i++)
        if (layout->bounds[i] != h->custom_bounds[i])
            return false;
    for (size_t s = 0; s < 2; s++)
        if (!layout_side_holds(&layout->sides[s], layout->buckets[s], &h->sides[s], h->is_float))
            return false;
    return true;
}
