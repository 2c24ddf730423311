#pragma once

#include "engine/op.h"

/*
 * The scalar parameter of an aggregation over all steps, as Prometheus judges it before it looks at
 * any series.
 */
struct param {
    const double *steps;
    double min, max; /* Go's: an infinity wins over NaN, NaN over numbers */
    bool has_nan;
};

/* Opens and reads the parameter's operator. */
bool param_read(struct param *param, struct op *op, struct err *err) MUST_CHECK;

/* Of topk, bottomk and limitk: false for what Prometheus refuses as a count. */
bool param_check_count(const struct param *param, struct err *err) MUST_CHECK;

/* The count at a step, at most `max`. */
size_t param_count(double value, size_t max);
