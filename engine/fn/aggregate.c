#include "engine/fn/aggregate.h"

#include "base/attr.h"

const struct aggregate_kernel *aggregate_kernel(enum aggregate_op op)
{
    static const struct aggregate_kernel *const kernels[AGGREGATE_OP_COUNT] = {
        [AGGREGATE_sum] = &aggregate_sum,       [AGGREGATE_avg] = &aggregate_avg,
        [AGGREGATE_count] = &aggregate_count,   [AGGREGATE_group] = &aggregate_group,
        [AGGREGATE_min] = &aggregate_min,       [AGGREGATE_max] = &aggregate_max,
        [AGGREGATE_stddev] = &aggregate_stddev, [AGGREGATE_stdvar] = &aggregate_stdvar,
    };
    return kernels[op];
}
