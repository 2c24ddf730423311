#pragma once

#include "tests/script/series_description.h"

/*
 * A line of start timestamps: name{label="value"}@st -30s _ _x2 0s -1mx3 -30s-1mx2. Each tells how
 * long before (or behind) its own sample that began.
 */
bool start_times_is_line(struct str line);

/* Values are milliseconds. */
bool start_times_parse(struct str line, struct arena *arena, struct symbols *symbols,
                       struct series_description *ret_starts, struct err *err) MUST_CHECK;
