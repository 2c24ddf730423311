#pragma once

#include <stdint.h>

#include "storage/live_series.h"

/*
 * May a sample be written behind those of its series? As Prometheus answers while out-of-order
 * samples are not taken: appendable of head_append.go.
 *
 * Thread: any, while nobody changes the series.
 */
enum append_verdict {
    APPEND_FITS, /* or it is there already, or nothing is known that says no */
    APPEND_OUT_OF_ORDER,
    APPEND_OUT_OF_BOUNDS,
    APPEND_DUPLICATE,           /* another value at this time */
    APPEND_DUPLICATE_HISTOGRAM, /* a histogram at this time, where a float comes */
};

enum append_verdict append_check_sample(const struct live_series *series, int64_t t_ms, double v,
                                        int64_t min_valid_ms);
enum append_verdict append_check_histogram(const struct live_series *series, int64_t t_ms,
                                           const struct raw_histogram *h, int64_t min_valid_ms);
