#include "engine/op/param.h"

#include <float.h>
#include <math.h>

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
