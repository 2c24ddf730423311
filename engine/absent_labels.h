#pragma once

#include "engine/query.h"
#include "model/labels.h"
#include "model/matcher.h"

/*
 * The labels of what absent() answers, from a selector's matchers: those that one `=` matcher alone
 * speaks of. In the query's arena.
 */
const struct labels *absent_labels(struct query *query, struct matcher *const *matchers,
                                   size_t count);
