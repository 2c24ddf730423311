#pragma once

#include "engine/op.h"
#include "engine/plan/plan.h"

/*
 * What the streaming operators cannot do: the reference engine evaluates the node's expression when
 * this operator is opened, on its grid, and its series are handed out from memory.
 */
struct op *op_fallback_new(struct query *query, const struct plan *plan);

bool op_is_fallback(const struct op *op);

/* What the reference engine has read for it. */
uint64_t op_fallback_samples(const struct op *op);
uint64_t op_fallback_series(const struct op *op);
