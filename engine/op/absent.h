#pragma once

#include "engine/op.h"

/* absent and absent_over_time: 1 at the steps where no series of the child has a point. */
struct op *op_absent_new(struct query *query, struct op *child, const struct labels *labels);
