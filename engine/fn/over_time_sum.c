/*
 * sum_over_time and avg_over_time: Kahan sums, which depend on the order of their samples.
 *
 * Where all samples are integers, no partial sum of a window can exceed 2^53 and so each of them is
 * exact: then every compensation is (sum - t) + inc = -inc + inc = +0, Prometheus's result is the
 * true sum, and the difference of two running totals is that too. Totals are kept modulo 2^64; only
 * the difference has to be small. A sum of 0 is +0 in both: Prometheus starts at +0, from where
 * only x + -x leads to 0 again; and avg, which starts at the first sample, adds c/n = +0 at its
 * end.
 */

#include <math.h>
#include <stdbool.h>

#include "base/kahan.h"
#include "engine/fn/cursor.h"
#include "engine/fn/kernels.h"
#include "engine/fn/lanes.h"
#include "model/sample.h"

#define SUM_EXACT_MAX 0x1p53
#define SUM_INTEGER_MAX 0x1p51
#define SUM_SHIFT 0x1.8p52

static double sum_of(const double *values, size_t count)
{
    struct kahan kahan = {0};
    for (size_t i = 0; i < count; i++)
        kahan_add(&kahan, values[i]);
    return isinf(kahan.sum) ? kahan.sum : kahan.sum + kahan.c;
}

/* The direct mean, until its sum overflows; from there the incremental one. */
static double avg_of(const double *values, size_t count)
{
    struct kahan kahan = {.sum = values[0]};
    size_t i = 1;

    for (; i < count; i++) {
        struct kahan next = kahan;
        kahan_add(&next, values[i]);
        if (isinf(next.sum))
            break;
        kahan = next;
    }
    if (i == count)
        return kahan.sum / (double)count + kahan.c / (double)count;

    kahan.sum /= (double)i;
    kahan.c /= (double)i;
    for (; i < count; i++) {
        double n = (double)(i + 1);
        double q = (n - 1) / n;
        kahan = (struct kahan){.sum = q * kahan.sum, .c = q * kahan.c};
        kahan_add(&kahan, values[i] / n);
    }
    return kahan.sum + kahan.c;
}

static double sum_one(const struct window_call *call, const struct span *span)
{
    return sum_of(call->values + span->lo, span->hi - span->lo);
}

static double avg_one(const struct window_call *call, const struct span *span)
{
    return avg_of(call->values + span->lo, span->hi - span->lo);
}

HOT_INLINE void sum_step(void *state, const struct window_call *call, size_t j,
                         const double *active)
{
    KEEP_LOOP for (size_t l = 0; l < LANES; l++)
        lanes_kahan_add(state, l, active[l] * call->values[j]);
}

KERNEL_CLONES static void sum_add_lanes(const struct window_call *call, const struct span *spans,
                                        struct lanes_kahan *ret)
{
    struct lanes_kahan sums = {0};
    lanes_walk(call, spans, sum_step, &sums);
    *ret = sums;
}

static void sum_lanes(const struct window_call *call, const struct span *spans, double *ret)
{
    struct lanes_kahan sums;
    sum_add_lanes(call, spans, &sums);
    for (size_t l = 0; l < LANES; l++)
        ret[l] = sums.sum[l] + sums.c[l];
}

static void avg_lanes(const struct window_call *call, const struct span *spans, double *ret)
{
    struct lanes_kahan sums;
    sum_add_lanes(call, spans, &sums);
    for (size_t l = 0; l < LANES; l++) {
        double count = spans[l].hi - spans[l].lo;
        ret[l] = sums.sum[l] / count + sums.c[l] / count;
    }
}

KERNEL_CLONES static bool sum_integers(const double *values, size_t count)
{
    int64_t others = 0;
    for (size_t i = 0; i < count; i++)
        others |= (values[i] + SUM_SHIFT) - SUM_SHIFT != values[i] ? 1 : 0;
    return others == 0;
}

/* ret_totals[i]: of the first i samples. */
static void sum_totals(const double *values, size_t count, uint64_t *ret_totals)
{
    uint64_t total = 0;
    ret_totals[0] = 0;
    for (size_t i = 0; i < count; i++) {
        total += value_bits(values[i] + SUM_SHIFT);
        ret_totals[i + 1] = total;
    }
}

HOT_INLINE void sum_run_integers(const struct window_call *call, const uint64_t *totals,
                                 double magnitude, bool mean)
{
    struct cursor cursor = cursor_begin(call);
    size_t exact_count = (size_t)(SUM_EXACT_MAX / (magnitude + 1));

    for (size_t i = 0; i < call->refs.count; i++) {
        cursor_move(&cursor, grid_time(&call->refs, i));
        size_t count = cursor.hi - cursor.lo;
        if (count == 0) {
            call->out[i] = value_stale();
            continue;
        }
        if (UNLIKELY(count > exact_count)) {
            const double *values = call->values + cursor.lo;
            call->out[i] = mean ? avg_of(values, count) : sum_of(values, count);
            continue;
        }
        uint64_t bits = totals[cursor.hi] - totals[cursor.lo] - count * value_bits(SUM_SHIFT);
        double sum = (double)(int64_t)bits;
        call->out[i] = mean ? sum / (double)count : sum;
    }
}

HOT_INLINE void sum_run(const struct window_call *call, const struct span_kernel *finite, bool mean)
{
    double magnitude = span_magnitude(call);
    if (magnitude <= SUM_INTEGER_MAX && sum_integers(call->values, call->sample_count)) {
        uint64_t *totals = scratch_take(call->scratch, (call->sample_count + 1) * sizeof *totals);
        sum_totals(call->values, call->sample_count, totals);
        sum_run_integers(call, totals, magnitude, mean);
        return;
    }
    struct span_kernel kernel = *finite;
    kernel.one_by_one = !(magnitude < DBL_MAX / 2 / (double)(call->sample_count + 1));
    span_run(call, &kernel);
}

void sum_window(const struct window_call *call)
{
    static const struct span_kernel kernel = {
        .sample_count_min = 1,
        .one = sum_one,
        .lanes = sum_lanes,
    };
    sum_run(call, &kernel, false);
}

void avg_window(const struct window_call *call)
{
    static const struct span_kernel kernel = {
        .sample_count_min = 1,
        .one = avg_one,
        .lanes = avg_lanes,
    };
    sum_run(call, &kernel, true);
}
