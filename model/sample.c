#include "model/sample.h"

#include "base/mem.h"

void samples_reserve(struct samples *samples, size_t more)
{
    if (samples->cap - samples->count >= more)
        return;
    size_t cap = samples->cap ? samples->cap : 512;
    while (cap - samples->count < more)
        cap *= 2;
    samples->times_ms = mem_resize(samples->times_ms, int64_t, cap);
    samples->values = mem_resize(samples->values, double, cap);
    if (samples->wants_starts)
        samples->starts_ms = mem_resize(samples->starts_ms, int64_t, cap);
    samples->cap = cap;
}

void samples_no_starts(struct samples *samples, size_t from)
{
    if (samples->wants_starts && samples->count > from)
        memset(samples->starts_ms + from, 0, (samples->count - from) * sizeof *samples->starts_ms);
}

void samples_done(struct samples *samples)
{
    free(samples->times_ms);
    free(samples->values);
    free(samples->starts_ms);
    *samples = (struct samples){0};
}
