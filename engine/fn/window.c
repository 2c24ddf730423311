#include "engine/fn/window.h"

#include "engine/fn/kernels.h"

static window_fn *const window_functions[FN_COUNT] = {
    /* What is missing where something is: the operator above turns the answer round. */
    [FN_absent_over_time] = present_window,
    [FN_avg_over_time] = avg_window,
    [FN_changes] = changes_window,
    [FN_count_over_time] = count_window,
    [FN_delta] = delta_window,
    [FN_deriv] = deriv_window,
    [FN_first_over_time] = first_window,
    [FN_idelta] = idelta_window,
    [FN_increase] = increase_window,
    [FN_irate] = irate_window,
    [FN_last_over_time] = last_window,
    [FN_mad_over_time] = mad_window,
    [FN_max_over_time] = max_window,
    [FN_min_over_time] = min_window,
    [FN_predict_linear] = predict_linear_window,
    [FN_present_over_time] = present_window,
    [FN_quantile_over_time] = quantile_window,
    [FN_rate] = rate_window,
    [FN_resets] = resets_window,
    [FN_stddev_over_time] = stddev_window,
    [FN_stdvar_over_time] = stdvar_window,
    [FN_sum_over_time] = sum_window,
    [FN_ts_of_first_over_time] = first_time_window,
    [FN_ts_of_last_over_time] = last_time_window,
    [FN_ts_of_max_over_time] = max_time_window,
    [FN_ts_of_min_over_time] = min_time_window,
};

window_fn *window_function(enum function_id id)
{
    return id < FN_COUNT ? window_functions[id] : NULL;
}
