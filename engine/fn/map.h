#pragma once

#include <stddef.h>

#include "parser/function.h"

/*
 * Element-wise functions over a tile of rows x steps, in place: missing points stay missing, and a
 * function may take points away (clamp with max < min). `params[p][step]` are the scalar arguments
 * behind the vector, one value a step.
 */
typedef void map_fn(double *values, size_t rows, size_t steps, const double *const *params);

/* abs ... atanh, round, clamp*, calendar, deg, rad, sgn; NULL for what is not element-wise. */
map_fn *map_function(enum function_id id);
map_fn map_negate;

#define MAP_PARAMS_MAX 2
