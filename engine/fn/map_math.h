#pragma once

#include "engine/fn/map.h"

/* The functions of numbers, by their PromQL names. */
map_fn map_abs, map_ceil, map_floor, map_sqrt, map_sgn, map_deg, map_rad;
map_fn map_exp, map_ln, map_log2, map_log10;
map_fn map_sin, map_cos, map_tan, map_asin, map_acos, map_atan;
map_fn map_sinh, map_cosh, map_tanh, map_asinh, map_acosh, map_atanh;

/* params[0]: to_nearest; NULL: 1. */
map_fn map_round;

/* params: the bounds, in the order of the PromQL function. */
map_fn map_clamp, map_clamp_min, map_clamp_max;

/* Of two scalars; params: the second one. */
map_fn map_max_of, map_min_of;
