#pragma once

#include "engine/fn/window.h"

/* The range functions, by the files that hold them; window.c names them for all others. */

/* rate.c */
window_fn rate_window;
window_fn increase_window;
window_fn delta_window;

/* instant.c */
window_fn select_window;
window_fn select_time_window;
window_fn irate_window;
window_fn idelta_window;

/* instant_any.c */
window_fn select_any_window;
window_fn select_time_any_window;
window_fn select_start_window;

/* over_time_order.c */
window_fn count_window;
window_fn present_window;
window_fn first_window;
window_fn last_window;
window_fn first_time_window;
window_fn last_time_window;
window_fn changes_window;
window_fn resets_window;

/* over_time_extremum.c */
window_fn max_window;
window_fn min_window;
window_fn max_time_window;
window_fn min_time_window;

/* over_time_sum.c */
window_fn sum_window;
window_fn avg_window;

/* over_time_spread.c */
window_fn stddev_window;
window_fn stdvar_window;

/* regression.c */
window_fn deriv_window;
window_fn predict_linear_window;

/* over_time_quantile.c */
window_fn quantile_window;
window_fn mad_window;

/* smoothing.c */
window_fn smoothing_window;
bool smoothing_may_fail(const double *const *params, size_t steps);
bool smoothing_check(const struct window_call *call, struct err *err) MUST_CHECK;

/* rate_any.c */
window_fn rate_any_window;
window_fn increase_any_window;
window_fn delta_any_window;

/* instant_change_any.c */
window_fn irate_any_window;
window_fn idelta_any_window;

/* over_time_any.c */
window_fn count_any_window;
window_fn present_any_window;
window_fn first_any_window;
window_fn last_any_window;
window_fn first_time_any_window;
window_fn last_time_any_window;
window_fn changes_any_window;
window_fn resets_any_window;
window_fn changes_anchored_window;
window_fn resets_anchored_window;

/* over_time_total.c */
window_fn sum_any_window;
window_fn avg_any_window;

/* extended_rate.c */
window_fn rate_anchored_window;
window_fn increase_anchored_window;
window_fn delta_anchored_window;
window_fn rate_smoothed_window;
window_fn increase_smoothed_window;
window_fn delta_smoothed_window;

/* select_smoothed.c */
window_fn select_smoothed_window;
