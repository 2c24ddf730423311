#pragma once

#include "engine/op.h"
#include "engine/plan/plan.h"

/* The operators for a plan, in the query's arena; nothing is opened yet. NULL: ERR_LIMIT. */
struct op *op_build(struct query *query, const struct plan *plan, struct err *err);
