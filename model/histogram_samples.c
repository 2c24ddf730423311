#include "model/histogram_samples.h"

#include <string.h>

#include "base/mem.h"

struct histogram_region {
    struct histogram_region *next;
    struct arena *arena;
    size_t sample_count; /* of those that are still held */
};

struct arena *histogram_samples_region(struct histogram_samples *samples)
{
    struct histogram_region *region = samples->spare_regions;
    if (region) {
        samples->spare_regions = region->next;
        region->next = NULL;
    } else {
        region = mem_new(struct histogram_region);
        region->arena = arena_create(NULL);
    }
    if (samples->last_region)
        samples->last_region->next = region;
    else
        samples->regions = region;
    samples->last_region = region;
    return region->arena;
}

void histogram_samples_add(struct histogram_samples *samples, int64_t time_ms, int64_t start_ms,
                           const struct histogram *h)
{
    if (samples->count == samples->cap) {
        samples->cap = samples->cap ? samples->cap * 2 : 128;
        samples->times_ms = mem_resize(samples->times_ms, int64_t, samples->cap);
        samples->items = mem_resize(samples->items, const struct histogram *, samples->cap);
        samples->starts_ms = mem_resize(samples->starts_ms, int64_t, samples->cap);
        samples->stored_hints = mem_resize(samples->stored_hints, uint8_t, samples->cap);
    }
    samples->times_ms[samples->count] = time_ms;
    samples->starts_ms[samples->count] = start_ms;
    samples->stored_hints[samples->count] = (uint8_t)h->hint;
    samples->items[samples->count++] = h;
    samples->last_region->sample_count++;
}

static void samples_spare_region(struct histogram_samples *samples, struct histogram_region *region)
{
    arena_reset(region->arena);
    region->sample_count = 0;
    region->next = samples->spare_regions;
    samples->spare_regions = region;
}

static void samples_drop_first_region(struct histogram_samples *samples)
{
    struct histogram_region *region = samples->regions;
    samples->regions = region->next;
    if (!samples->regions)
        samples->last_region = NULL;
    samples_spare_region(samples, region);
}

void histogram_samples_forget(struct histogram_samples *samples, size_t count)
{
    if (count == 0)
        return;
    size_t left = samples->count - count;
    memmove(samples->times_ms, samples->times_ms + count, left * sizeof *samples->times_ms);
    memmove(samples->items, samples->items + count, left * sizeof *samples->items);
    memmove(samples->starts_ms, samples->starts_ms + count, left * sizeof *samples->starts_ms);
    memmove(samples->stored_hints, samples->stored_hints + count, left);
    samples->count = left;
    while (samples->regions && samples->regions->sample_count <= count) {
        count -= samples->regions->sample_count;
        samples_drop_first_region(samples);
    }
    if (samples->regions)
        samples->regions->sample_count -= count;
}

static void samples_drop_last_region(struct histogram_samples *samples)
{
    struct histogram_region *last = samples->last_region;
    struct histogram_region *before = NULL;
    for (struct histogram_region *region = samples->regions; region != last; region = region->next)
        before = region;
    samples->last_region = before;
    if (before)
        before->next = NULL;
    else
        samples->regions = NULL;
    samples_spare_region(samples, last);
}

void histogram_samples_truncate(struct histogram_samples *samples, size_t count)
{
    size_t dropped = samples->count - count;
    samples->count = count;
    while (samples->last_region && samples->last_region->sample_count <= dropped) {
        dropped -= samples->last_region->sample_count;
        samples_drop_last_region(samples);
    }
    if (samples->last_region)
        samples->last_region->sample_count -= dropped;
}

void histogram_samples_set_hint(struct histogram_samples *samples, size_t index,
                                enum histogram_hint hint)
{
    struct histogram *said = arena_room(samples->last_region->arena, struct histogram, 1);
    *said = *samples->items[index];
    said->hint = hint;
    samples->items[index] = said;
}

void histogram_samples_strip(struct histogram_samples *samples, size_t from)
{
    if (from == samples->count)
        return;
    struct histogram *totals =
        arena_array(samples->last_region->arena, struct histogram, samples->count - from);
    for (size_t i = from; i < samples->count; i++, totals++) {
        const struct histogram *h = samples->items[i];
        totals->schema = h->schema;
        totals->hint = h->hint;
        totals->count = h->count;
        totals->sum = h->sum;
        samples->items[i] = totals;
    }
}

void histogram_samples_clear(struct histogram_samples *samples)
{
    samples->count = 0;
    while (samples->regions)
        samples_drop_first_region(samples);
}

void histogram_samples_done(struct histogram_samples *samples)
{
    histogram_samples_clear(samples);
    while (samples->spare_regions) {
        struct histogram_region *region = samples->spare_regions;
        samples->spare_regions = region->next;
        arena_destroy(region->arena);
        free(region);
    }
    free(samples->times_ms);
    free(samples->items);
    free(samples->starts_ms);
    free(samples->stored_hints);
    *samples = (struct histogram_samples){0};
}

static size_t regions_bytes(const struct histogram_region *regions)
{
    size_t bytes = 0;
    for (const struct histogram_region *region = regions; region; region = region->next)
        bytes += sizeof *region + arena_used(region->arena);
    return bytes;
}

size_t histogram_samples_bytes(const struct histogram_samples *samples)
{
    size_t bytes = samples->cap * (sizeof *samples->times_ms + sizeof *samples->items +
                                   sizeof *samples->starts_ms + sizeof *samples->stored_hints);
    return bytes + regions_bytes(samples->regions) + regions_bytes(samples->spare_regions);
}
