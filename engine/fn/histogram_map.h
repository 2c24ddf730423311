#pragma once

#include "model/histogram.h"
#include "parser/function.h"

/* What a function of native histograms makes of one; floats it leaves out. */
typedef double histogram_fn(const struct histogram *h);

/* histogram_count, _sum, _avg, _stddev, _stdvar; NULL for the others. */
histogram_fn *histogram_function(enum function_id id);
