#include "engine/op/param.h"

#include <float.h>
#include <math.h>

#include "base/float_text.h"
#include "engine/fn/gomath.h"

bool param_read(struct param *param, struct op *op, struct err *err)
{
    if (!op_read_scalar(op, &param->steps, err))
        return false;
    param->min = DBL_MAX;
    param->max = -DBL_MAX;
    for (size_t s = 0; s < op->grid.count; s++) {
        double v = param->steps[s];
        param->min = gomath_min(param->min, v);
        param->max = gomath_max(param->max, v);
        param->has_nan |= isnan(v);
    }
    return true;
}

/* The largest float below 2^63 is already too large for Prometheus. */
bool param_check_count(const struct param *param, struct err *err)
{
    char text[FLOAT_TEXT_SIZE];
    if (param->has_nan)
        return err_set(err, ERR_EXECUTION, "Parameter value is NaN");
    if (param->min <= -0x1p63)
        return err_set(err, ERR_EXECUTION, "Scalar value %.*s underflows int64",
                       (int)float_text_g(text, param->min), text);
    if (param->max >= 0x1.fffffffffffffp62)
        return err_set(err, ERR_EXECUTION, "Scalar value %.*s overflows int64",
                       (int)float_text_g(text, param->max), text);
    return true;
}

size_t param_count(double value, size_t max)
{
    int64_t count = (int64_t)value;
    if (count < 1)
        return 0;
    return (uint64_t)count < max ? (size_t)count : max;
}
