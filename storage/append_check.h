#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "storage/live_series.h"

/*
 * May a sample be written behind those of its series? As Prometheus answers: appendable of
 * head_append.go.
 *
 * Thread: any, while nobody changes the series.
 */
enum append_verdict {
    APPEND_FITS,    /* or it is there already, or nothing is known that says no */
    APPEND_LATE,    /* not behind the others, but such samples are taken */
    APPEND_TOO_OLD, /* even for those */
    APPEND_OUT_OF_ORDER,
    APPEND_OUT_OF_BOUNDS,
    APPEND_DUPLICATE,           /* another value at this time */
    APPEND_DUPLICATE_HISTOGRAM, /* a histogram at this time, where a float comes */
};

/* What is not before `min_valid_ms` may go behind the newest of its series. */
struct append_bounds {
    int64_t min_valid_ms;
    bool takes_late;
    int64_t late_ms; /* samples out of order from here on */
};

enum append_verdict append_check_sample(const struct live_series *series, int64_t t_ms, double v,
                                        const struct append_bounds *bounds);
enum append_verdict append_check_histogram(const struct live_series *series, int64_t t_ms,
                                           const struct raw_histogram *h,
                                           const struct append_bounds *bounds);

/* Of a series that has no samples. */
enum append_verdict append_check_first(int64_t t_ms, const struct append_bounds *bounds);
