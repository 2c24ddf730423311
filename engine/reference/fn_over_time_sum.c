/*
 * Sums and means of a window, with Kahan's compensation. A mean is the sum divided by the count, as
 * long as the sum stays finite; from where it does not, the mean is carried on itself.
 */
#include <math.h>

#include "base/kahan.h"
#include "engine/reference/fn.h"

static double sum_floats(const struct ref_window *window)
{
    struct kahan sum = {0};
    for (size_t i = 0; i < window->float_count; i++)
        kahan_add(&sum, window->floats[i].value);
    return isinf(sum.sum) ? sum.sum : sum.sum + sum.c;
}

static double average_floats(const struct ref_window *window)
{
    struct kahan sum = {.sum = window->floats[0].value};
    bool is_mean = false;
    for (size_t i = 1; i < window->float_count; i++) {
        double value = window->floats[i].value;
        double count = (double)(i + 1);
        if (!is_mean) {
            struct kahan next = sum;
            kahan_add(&next, value);
            if (!isinf(next.sum)) {
                sum = next;
                continue;
            }
            is_mean = true;
            sum.sum /= count - 1;
            sum.c /= count - 1;
        }
        double part = (count - 1) / count;
        sum = (struct kahan){part * sum.sum, part * sum.c};
        kahan_add(&sum, value / count);
    }
    double count = (double)window->float_count;
    return is_mean ? sum.sum + sum.c : sum.sum / count + sum.c / count;
}

/* What adding up a window's histograms met. */
struct sum_clashes {
    bool saw_reset, saw_no_reset; /* by hints */
    unsigned clashes;
};

static void sum_track(struct sum_clashes *clashes, const struct histogram *h)
{
    clashes->saw_reset = clashes->saw_reset || h->hint == HISTOGRAM_RESET;
    clashes->saw_no_reset = clashes->saw_no_reset || h->hint == HISTOGRAM_NOT_RESET;
}

/* False, with that note alone, if the histograms do not fit together. */
static bool sum_note(const struct ref_call *call, const struct sum_clashes *clashes)
{
    size_t begin = ref_call_begin(call, 0);
    if (clashes->clashes & HISTOGRAM_CLASH_INCOMPATIBLE) {
        note_mixed_schemas(call->notes, begin, fn_window_metric(call));
        return false;
    }
    if (clashes->saw_reset && clashes->saw_no_reset)
        note_reset_collision(call->notes, begin, NOTE_AGGREGATION);
    if (clashes->clashes & HISTOGRAM_CLASH_BOUNDS)
        note_bounds_reconciled(call->notes, begin, NOTE_AGGREGATION);
    return true;
}

/* NULL if they do not fit together. */
static const struct histogram *sum_histograms(const struct ref_call *call,
                                              struct sum_clashes *clashes)
{
    struct histogram_total total = {.arena = call->scratch};
    for (size_t i = 0; i < call->window->histogram_count; i++) {
        const struct histogram *h = call->window->histograms[i].histogram;
        sum_track(clashes, h);
        if (!histogram_total_add(&total, h, &clashes->clashes))
            return NULL;
    }
    return histogram_total_sum(&total, call->scratch);
}

static const struct histogram *average_histograms(const struct ref_call *call,
                                                  struct sum_clashes *clashes)
{
    struct histogram_mean mean = {.total.arena = call->scratch};
    for (size_t i = 0; i < call->window->histogram_count; i++) {
        const struct histogram *h = call->window->histograms[i].histogram;
        sum_track(clashes, h);
        if (!histogram_mean_add(&mean, h, &clashes->clashes))
            return NULL;
    }
    return histogram_mean_result(&mean, call->scratch);
}

bool fn_sum_over_time(struct ref_call *call, struct err *err)
{
    struct sum_clashes clashes = {0};
    if (fn_is_mixed(call))
        return true;
    if (call->window->histogram_count == 0) {
        ref_call_value(call, sum_floats(call->window));
        return true;
    }
    const struct histogram *sum = sum_histograms(call, &clashes);
    if (sum_note(call, &clashes))
        ref_call_histogram(call, sum);
    return true;
}

bool fn_avg_over_time(struct ref_call *call, struct err *err)
{
    struct sum_clashes clashes = {0};
    if (fn_is_mixed(call))
        return true;
    if (call->window->histogram_count == 0) {
        ref_call_value(call, average_floats(call->window));
        return true;
    }
    const struct histogram *average = average_histograms(call, &clashes);
    if (sum_note(call, &clashes))
        ref_call_histogram(call, average);
    return true;
}
