#include "engine/fn/window.h"

#include "engine/fn/cursor.h"
#include "engine/fn/kernels.h"

#define ANY(kind) .floats = kind##_window, .any = kind##_any_window
#define BOTH(kind) .floats = kind##_window, .any = kind##_window

static const struct window_kernel plain_kernels[FN_COUNT] = {
    /* What is missing where something is: the operator above turns the answer round. */
    [FN_absent_over_time] = {ANY(present)},
    [FN_avg_over_time] = {ANY(avg), .gives_histograms = true},
    [FN_changes] = {ANY(changes)},
    [FN_count_over_time] = {ANY(count)},
    [FN_delta] = {ANY(delta), .gives_histograms = true},
    [FN_deriv] = {.floats = deriv_window},
    [FN_double_exponential_smoothing] = {.floats = smoothing_window,
                                         .check = smoothing_check,
                                         .may_fail = smoothing_may_fail},
    [FN_first_over_time] = {ANY(first), .gives_histograms = true},
    [FN_idelta] = {ANY(idelta), .gives_histograms = true},
    [FN_increase] = {ANY(increase), .gives_histograms = true, .wants_starts = true},
    [FN_irate] = {ANY(irate), .gives_histograms = true, .wants_starts = true},
    [FN_last_over_time] = {ANY(last), .gives_histograms = true},
    [FN_mad_over_time] = {.floats = mad_window},
    [FN_max_over_time] = {.floats = max_window},
    [FN_min_over_time] = {.floats = min_window},
    [FN_predict_linear] = {.floats = predict_linear_window},
    [FN_present_over_time] = {ANY(present)},
    [FN_quantile_over_time] = {.floats = quantile_window},
    [FN_rate] = {ANY(rate), .gives_histograms = true, .wants_starts = true},
    [FN_resets] = {ANY(resets), .wants_starts = true},
    [FN_stddev_over_time] = {.floats = stddev_window},
    [FN_stdvar_over_time] = {.floats = stdvar_window},
    [FN_sum_over_time] = {ANY(sum), .gives_histograms = true},
    [FN_ts_of_first_over_time] = {ANY(first_time)},
    [FN_ts_of_last_over_time] = {ANY(last_time)},
    [FN_ts_of_max_over_time] = {.floats = max_time_window},
    [FN_ts_of_min_over_time] = {.floats = min_time_window},
};

static const struct window_kernel anchored_kernels[FN_COUNT] = {
    [FN_changes] = {BOTH(changes_anchored)},
    [FN_delta] = {BOTH(delta_anchored), .gives_histograms = true},
    [FN_increase] = {BOTH(increase_anchored), .gives_histograms = true},
    [FN_rate] = {BOTH(rate_anchored), .gives_histograms = true},
    [FN_resets] = {BOTH(resets_anchored), .wants_starts = true},
};

static const struct window_kernel smoothed_kernels[FN_COUNT] = {
    [FN_delta] = {BOTH(delta_smoothed), .gives_histograms = true},
    [FN_increase] = {BOTH(increase_smoothed), .gives_histograms = true},
    [FN_rate] = {BOTH(rate_smoothed), .gives_histograms = true},
};

const struct window_kernel window_select = {
    ANY(select),
    .gives_histograms = true,
    .keeps_stale = true,
};
const struct window_kernel window_select_time = {ANY(select_time), .keeps_stale = true};

static bool select_float_time_check(const struct window_call *call, struct err *err)
{
    return !call->histograms || call->histograms->count == 0 ||
           err_set(err, ERR_EXECUTION, "info sample should be float");
}

const struct window_kernel window_select_float_time = {
    ANY(select_time),
    .keeps_stale = true,
    .check = select_float_time_check,
};
const struct window_kernel window_select_start = {
    BOTH(select_start),
    .keeps_stale = true,
    .wants_starts = true,
};
const struct window_kernel window_select_smoothed = {
    BOTH(select_smoothed),
    .gives_histograms = true,
};

const struct window_kernel *window_kernel(enum function_id id, enum window_edges edges)
{
    static const struct window_kernel *const tables[] = {
        [WINDOW_PLAIN] = plain_kernels,
        [WINDOW_ANCHORED] = anchored_kernels,
        [WINDOW_SMOOTHED] = smoothed_kernels,
    };
    return id < FN_COUNT && tables[edges][id].floats ? &tables[edges][id] : NULL;
}

/* Kernels of floats have passed over the histograms: is there a window with both? */
static void window_find_ignored(const struct window_call *call)
{
    struct pair_cursor pair = pair_cursor_begin(call);
    for (size_t i = 0; i < call->refs.count; i++) {
        pair_cursor_move(&pair, grid_time(&call->refs, i));
        if (cursor_count(&pair.floats) > 0 && cursor_count(&pair.histograms) > 0) {
            call->finds->found |= FIND_IGNORED;
            return;
        }
    }
}

static bool window_has_starts(const struct window_call *call)
{
    for (size_t i = 0; call->use_starts && i < call->sample_count; i++)
        if (call->starts_ms[i] != 0)
            return true;
    return false;
}

bool window_run(const struct window_kernel *kernel, const struct window_call *call, struct err *err)
{
    if (kernel->check && !kernel->check(call, err))
        return false;
    bool histograms = call->histograms && call->histograms->count > 0;
    if (kernel->any && (histograms || window_has_starts(call))) {
        kernel->any(call);
        return true;
    }
    kernel->floats(call);
    if (histograms)
        window_find_ignored(call);
    return true;
}

bool window_may_fail(const struct window_kernel *kernel, const double *const *params, size_t steps)
{
    return kernel->may_fail && kernel->may_fail(params, steps);
}

bool window_keeps_name(enum function_id id)
{
    return id == FN_first_over_time || id == FN_last_over_time;
}
