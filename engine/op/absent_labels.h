#pragma once

#include "engine/query.h"

/*
 * The labels of absent() and absent_over_time() over a selector: what its matchers say for certain.
 * The first `=` on a name sets the label, any later matcher on the name deletes it
 * again, whatever it asks for. The metric name is left out.
 */
const struct labels *absent_labels(struct query *query, const struct matcher *const *matchers,
                                   size_t count);
