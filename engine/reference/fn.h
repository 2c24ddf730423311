#pragma once

#include "engine/reference/eval.h"

/*
 * The functions by kind, as functions.c has them in its table. Where a name stands for several
 * PromQL functions, the call's node tells which one is meant.
 *
 * Thread: the one that runs the query.
 */

/* fn_math.c: of one number */
ref_function fn_math;
ref_function fn_round, fn_clamp, fn_clamp_min, fn_clamp_max;

/* fn_date.c: year ... minute */
ref_function fn_date;

/* fn_scalar.c */
ref_function fn_time, fn_pi, fn_scalar, fn_vector, fn_max_of, fn_min_of;

/* fn_sort.c */
ref_function fn_sort, fn_sort_desc, fn_sort_by_label, fn_sort_by_label_desc;

/* fn_rate.c */
ref_function fn_rate, fn_increase, fn_delta;

/* fn_irate.c */
ref_function fn_irate, fn_idelta;

/* fn_changes.c */
ref_function fn_changes, fn_resets;

/* fn_regression.c */
ref_function fn_deriv, fn_predict_linear, fn_double_exponential_smoothing;

/* fn_over_time.c */
ref_function fn_count_over_time, fn_present_over_time, fn_first_over_time, fn_last_over_time;
ref_function fn_ts_of_first_over_time, fn_ts_of_last_over_time;
ref_function fn_max_over_time, fn_min_over_time, fn_ts_of_max_over_time, fn_ts_of_min_over_time;

/* fn_over_time_sum.c */
ref_function fn_sum_over_time, fn_avg_over_time;

/* fn_over_time_spread.c */
ref_function fn_quantile_over_time, fn_mad_over_time, fn_stddev_over_time, fn_stdvar_over_time;

/* fn_histogram.c */
ref_function fn_histogram_count, fn_histogram_sum, fn_histogram_avg;
ref_function fn_histogram_stddev, fn_histogram_stdvar;

/* fn_histogram_quantile.c */
ref_function fn_histogram_quantile, fn_histogram_quantiles, fn_histogram_fraction;

/* The metric's name of a range vector's series, as notes tell it. */
static inline struct str fn_window_metric(const struct ref_call *call)
{
    return ref_label(call, call->window->labels, SYM_NAME);
}

/* Notes that histograms are left out, where a window has floats beside them. */
static inline void fn_note_ignored(const struct ref_call *call)
{
    const struct ref_window *window = call->window;
    if (window->float_count > 0 && window->histogram_count > 0)
        note_histograms_ignored(call->notes, ref_call_begin(call, 0), fn_window_metric(call));
}

/* True, with a note, where a window has both floats and histograms. */
static inline bool fn_is_mixed(const struct ref_call *call)
{
    const struct ref_window *window = call->window;
    if (window->float_count == 0 || window->histogram_count == 0)
        return false;
    note_mixed(call->notes, ref_call_begin(call, 0), fn_window_metric(call));
    return true;
}
