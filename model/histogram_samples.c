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
    struct histogram_region *region = mem_new(struct histogram_region);
    region->arena = arena_create(NULL);
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
    }
    samples->times_ms[samples->count] = time_ms;
    samples->starts_ms[samples->count] = start_ms;
    samples->items[samples->count++] = h;
    samples->last_region->sample_count++;
}

static void samples_drop_first_region(struct histogram_samples *samples)
{
    struct histogram_region *region = samples->regions;
    samples->regions = region->next;
    if (!samples->regions)
        samples->last_region = NULL;
    arena_destroy(region->arena);
    free(region);
}

void histogram_samples_forget(struct histogram_samples *samples, size_t count)
{
    if (count == 0)
        return;
    size_t left = samples->count - count;
    memmove(samples->times_ms, samples->times_ms + count, left * sizeof *samples->times_ms);
    memmove(samples->items, samples->items + count, left * sizeof *samples->items);
    memmove(samples->starts_ms, samples->starts_ms + count, left * sizeof *samples->starts_ms);
    samples->count = left;
    while (samples->regions && samples->regions->sample_count <= count) {
        count -= samples->regions->sample_count;
        samples_drop_first_region(samples);
    }
    if (samples->regions)
        samples->regions->sample_count -= count;
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
    free(samples->times_ms);
    free(samples->items);
    free(samples->starts_ms);
    *samples = (struct histogram_samples){0};
}

size_t histogram_samples_bytes(const struct histogram_samples *samples)
{
    size_t bytes = samples->cap * (sizeof *samples->times_ms + sizeof *samples->items +
                                   sizeof *samples->starts_ms);
    for (const struct histogram_region *region = samples->regions; region; region = region->next)
        bytes += sizeof *region + arena_used(region->arena);
    return bytes;
}
