#pragma once

#include "engine/reference/eval.h"

/*
 * Windows over the points of one series, which move forward from step to step. The points are
 * borrowed: floats and histograms apart, without stale markers.
 */
struct ref_windows {
    const struct reference_point *floats;
    size_t float_count;
    const struct reference_point *histograms;
    size_t histogram_count;
    /* The points of the window are [begin, end) of each. */
    size_t float_begin, float_end;
    size_t histogram_begin, histogram_end;
};

/* Moves to the points after begin_ms up to end_ms, neither before those of the last call. */
void ref_windows_move(struct ref_windows *windows, int64_t begin_ms, int64_t end_ms);

/* The window's points go into `ret`, whose other fields stay. */
void ref_windows_show(const struct ref_windows *windows, struct ref_window *ret);
