#include "engine/fn/span.h"

#include <assert.h>
#include <math.h>

#include "engine/fn/cursor.h"
#include "model/sample.h"

/* Finds the spans; steps without a result get their stale marker here. */
static size_t span_find(const struct window_call *call, const struct span_kernel *kernel,
                        struct span *ret_spans)
{
    struct cursor cursor = cursor_begin(call);
    size_t count = 0;

    for (size_t i = 0; i < call->refs.count; i++) {
        cursor_move(&cursor, grid_time(&call->refs, i));
        if (cursor.hi - cursor.lo < kernel->sample_count_min) {
            call->out[i] = value_stale();
            continue;
        }
        struct span *last = ret_spans + count - 1;
        if (count > 0 && !kernel->step_by_step && last->lo == cursor.lo && last->hi == cursor.hi) {
            last->step_count++;
            continue;
        }
        ret_spans[count++] = (struct span){
            .lo = (uint32_t)cursor.lo,
            .hi = (uint32_t)cursor.hi,
            .step = (uint32_t)i,
            .step_count = 1,
        };
    }
    return count;
}

static void span_write(const struct window_call *call, const struct span *span, double value)
{
    for (size_t i = 0; i < span->step_count; i++)
        call->out[span->step + i] = value;
}

/*
 * Side by side, each lane waits while the others' samples go by that its own window does not hold.
 * Where windows hardly overlap, that costs more than it saves.
 */
static bool span_overlap_pays(const struct span *spans)
{
    size_t own = 0;
    for (size_t i = 0; i < LANES; i++)
        own += spans[i].hi - spans[i].lo;
    size_t all = spans[LANES - 1].hi - spans[0].lo;
    return own > 2 * all;
}

static void span_answer_lanes(const struct window_call *call, const struct span_kernel *kernel,
                              const struct span *spans, size_t count)
{
    struct span group[LANES];
    double results[LANES];

    for (size_t i = 0; i < LANES; i++)
        group[i] = spans[i < count ? i : count - 1];
    if (count > 2 && !kernel->one_by_one && span_overlap_pays(group)) {
        kernel->lanes(call, group, results);
        for (size_t i = 0; i < count; i++)
            span_write(call, &spans[i], results[i]);
        return;
    }
    for (size_t i = 0; i < count; i++)
        span_write(call, &spans[i], kernel->one(call, &spans[i]));
}

void span_run(const struct window_call *call, const struct span_kernel *kernel)
{
    assert(call->sample_count < UINT32_MAX && call->refs.count < UINT32_MAX);
    struct span *spans = scratch_take(call->scratch, call->refs.count * sizeof *spans);
    size_t count = span_find(call, kernel, spans);

    for (size_t i = 0; i < count; i += LANES)
        span_answer_lanes(call, kernel, spans + i, count - i < LANES ? count - i : LANES);
}

/* As bits, magnitudes of numbers are in order, with infinity and then NaN above all. */
KERNEL_CLONES double span_magnitude(const struct window_call *call)
{
    int64_t most = 0;
    for (size_t i = 0; i < call->sample_count; i++) {
        int64_t bits = (int64_t)(value_bits(call->values[i]) & INT64_MAX);
        most = bits > most ? bits : most;
    }
    double magnitude = value_of_bits((uint64_t)most);
    return isnan(magnitude) ? INFINITY : magnitude;
}
