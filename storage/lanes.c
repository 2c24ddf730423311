#include "storage/lanes.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "storage/samples_mark.h"

void lanes_done(struct lanes *lanes)
{
    for (size_t i = 0; i < lanes->cap; i++) {
        samples_done(&lanes->items[i].samples);
        histogram_samples_done(&lanes->items[i].histograms);
    }
    free(lanes->items);
    free(lanes->heap);
    *lanes = (struct lanes){0};
}

void lanes_begin(struct lanes *lanes)
{
    lanes->count = 0;
    lanes->sample_count = 0;
    lanes->has_histograms = false;
}

static struct lane *lanes_add(struct lanes *lanes, const struct samples *into, uint32_t source)
{
    if (lanes->count == lanes->cap) {
        size_t cap = lanes->cap;
        mem_grow(lanes->items, struct lane, cap, &lanes->cap);
        memset(lanes->items + cap, 0, (lanes->cap - cap) * sizeof *lanes->items);
        lanes->heap = mem_resize(lanes->heap, uint32_t, lanes->cap);
    }
    struct lane *lane = &lanes->items[lanes->count++];
    struct samples kept = lane->samples;
    struct histogram_samples histograms = lane->histograms;
    if (kept.wants_starts != into->wants_starts)
        samples_done(&kept);
    kept.wants_starts = into->wants_starts;
    kept.count = 0;
    histogram_samples_clear(&histograms);
    *lane = (struct lane){.samples = kept, .histograms = histograms, .source = source};
    return lane;
}

struct lane *lanes_for(struct lanes *lanes, const struct samples *into, uint32_t source,
                       int64_t begin_ms, int64_t end_ms)
{
    struct lane *lane = NULL;
    for (size_t i = 0; i < lanes->count && !lane; i++)
        if (lanes->items[i].source == source && lanes->items[i].end_ms < begin_ms)
            lane = &lanes->items[i];
    if (!lane)
        lane = lanes_add(lanes, into, source);
    lane->samples.histograms = into->histograms ? &lane->histograms : NULL;
    lane->end_ms = end_ms;
    return lane;
}

bool lanes_took(struct lanes *lanes, struct lane *lane)
{
    struct samples_mark mark = {lane->next_float, lane->next_histogram};
    size_t count = samples_since(&lane->samples, mark);
    if (count == 0)
        return true;
    if (lane->any && samples_first_since_ms(&lane->samples, mark) <= lane->last_ms)
        return false;
    lane->any = true;
    lane->last_ms = samples_last_since_ms(&lane->samples, mark);
    lane->next_float = lane->samples.count;
    lane->next_histogram = lane->histograms.count;
    lanes->sample_count += count;
    lanes->has_histograms |= lane->histograms.count > 0;
    return true;
}

static void lane_look(struct lane *lane)
{
    bool has_float = lane->next_float < lane->samples.count;
    lane->next_is_histogram = lane->next_histogram < lane->histograms.count;
    lane->has_next = has_float || lane->next_is_histogram;
    int64_t float_ms = has_float ? lane->samples.times_ms[lane->next_float] : INT64_MAX;
    lane->next_ms = float_ms;
    if (!lane->next_is_histogram)
        return;
    int64_t histogram_ms = lane->histograms.times_ms[lane->next_histogram];
    if (has_float && float_ms < histogram_ms)
        lane->next_is_histogram = false;
    else
        lane->next_ms = histogram_ms;
}

static int64_t lane_time(const struct lanes *lanes, uint32_t lane)
{
    return lanes->items[lane].next_ms;
}

/* Go's container/heap, step by step: it decides between equal times. */
static void lanes_push(struct lanes *lanes, uint32_t lane)
{
    uint32_t *heap = lanes->heap;
    size_t at = lanes->heap_count++;
    heap[at] = lane;
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (lane_time(lanes, heap[at]) >= lane_time(lanes, heap[parent]))
            return;
        uint32_t moved = heap[at];
        heap[at] = heap[parent];
        heap[parent] = moved;
        at = parent;
    }
}

static uint32_t lanes_pop(struct lanes *lanes)
{
    uint32_t *heap = lanes->heap;
    size_t count = --lanes->heap_count;
    uint32_t top = heap[0];
    heap[0] = heap[count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            return top;
        if (child + 1 < count && lane_time(lanes, heap[child + 1]) < lane_time(lanes, heap[child]))
            child++;
        if (lane_time(lanes, heap[child]) >= lane_time(lanes, heap[at]))
            return top;
        uint32_t moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
        at = child;
    }
}

static int lane_order(const void *left, const void *right)
{
    const struct lane *a = left;
    const struct lane *b = right;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    return (a->next_ms > b->next_ms) - (a->next_ms < b->next_ms);
}

/* The lane that goes on where the samples handed out last came from. */
static uint32_t lanes_current(const struct lanes *lanes, uint32_t source)
{
    for (uint32_t i = 0; i < lanes->count; i++)
        if (lanes->items[i].source == source)
            return i;
    return 0;
}

/* `arena` is that of the region for histograms; `switched`: the one before is of another lane. */
static void lane_hand_out(const struct lane *lane, bool switched, struct arena *arena,
                          struct samples *into)
{
    if (!lane->next_is_histogram) {
        into->times_ms[into->count] = lane->next_ms;
        if (into->wants_starts)
            into->starts_ms[into->count] = lane->samples.starts_ms[lane->next_float];
        into->values[into->count++] = lane->samples.values[lane->next_float];
        return;
    }
    struct histogram *h = histogram_copy(arena, lane->histograms.items[lane->next_histogram]);
    if (switched && h->hint != HISTOGRAM_GAUGE)
        h->hint = HISTOGRAM_UNKNOWN;
    histogram_samples_add(into->histograms, lane->next_ms,
                          lane->histograms.starts_ms[lane->next_histogram], h);
}

/* To its next sample. */
static void lane_step(struct lane *lane)
{
    if (lane->next_is_histogram)
        lane->next_histogram++;
    else
        lane->next_float++;
    lane_look(lane);
}

/*
 * One lane is current, the others wait in the heap by the time of their next sample. The current
 * one goes on while it is ahead of all; else it waits too, and the top becomes current. A time that
 * was handed out is passed over.
 */
static void lanes_run(struct lanes *lanes, bool fresh, uint32_t *source, struct arena *arena,
                      struct samples *into)
{
    bool any = false;
    int64_t last_ms = 0;
    uint32_t current = lanes_current(lanes, *source);
    bool switched = fresh || lanes->items[current].source != *source;
    lanes->heap_count = 0;
    for (uint32_t i = 0; i < lanes->count; i++)
        if (i != current && lanes->items[i].has_next)
            lanes_push(lanes, i);
    for (;;) {
        if (!lanes->items[current].has_next) {
            if (lanes->heap_count == 0)
                return;
            current = lanes_pop(lanes);
            switched = true;
        } else if (lanes->heap_count && (!any || lane_time(lanes, current) != last_ms) &&
                   lane_time(lanes, current) >= lane_time(lanes, lanes->heap[0])) {
            lanes_push(lanes, current);
            current = lanes_pop(lanes);
            switched = true;
        }
        struct lane *lane = &lanes->items[current];
        int64_t t = lane->next_ms;
        if (!any || t != last_ms) {
            lane_hand_out(lane, switched, arena, into);
            switched = false;
        }
        any = true;
        last_ms = t;
        *source = lane->source;
        lane_step(lane);
    }
}

void lanes_merge(struct lanes *lanes, bool fresh, uint32_t *source, struct samples *into)
{
    for (size_t i = 0; i < lanes->count; i++) {
        struct lane *lane = &lanes->items[i];
        lane->next_float = lane->next_histogram = 0;
        lane_look(lane);
    }
    qsort(lanes->items, lanes->count, sizeof *lanes->items, lane_order);
    samples_reserve(into, lanes->sample_count);
    struct arena *arena = NULL;
    if (lanes->has_histograms)
        arena = histogram_samples_region(into->histograms);
    lanes_run(lanes, fresh, source, arena, into);
}
