#pragma once

#include "engine/fn/cursor.h"

/*
 * Windows of anchored and smoothed selectors: beside the samples in (ref - range, ref], the last
 * one before that, and for smoothed ones the first one behind, none further away than the lookback.
 */
struct extended_cursor {
    struct cursor wide;  /* all that may be looked at */
    struct cursor inner; /* hi: the first sample behind the window's begin */
    struct cursor ended; /* hi: the first sample at the window's end, or behind it */
    int64_t range_ms;
    int64_t ahead_ms; /* how far behind ref it looks: smoothed, the lookback */
};

struct extended_cursor extended_cursor_begin(const struct window_call *call,
                                             const int64_t *times_ms, size_t count, bool smoothed);
void extended_cursor_move(struct extended_cursor *cursor, int64_t ref_ms);

/* The samples that stand for the window's begin and end. */
struct extended_window {
    size_t first;
    size_t last;
    int64_t begin_ms;
    int64_t end_ms;
    bool smoothed;
};

/* False: no sample has a part in the window. */
bool extended_window_at(const struct extended_cursor *cursor, int64_t ref_ms,
                        struct extended_window *ret_window);
