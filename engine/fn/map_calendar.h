#pragma once

#include "engine/fn/map.h"

/*
 * The calendar functions, in UTC, of values that are seconds since 1970. A value that is no int64
 * (NaN, out of range) counts as the lowest one, as Go on amd64 converts it.
 */
map_fn map_year, map_month, map_day_of_month, map_day_of_week, map_day_of_year, map_days_in_month;
map_fn map_hour, map_minute;
