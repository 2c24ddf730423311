#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "parser/parse.h"

/*
 * The query with every selector and subquery fixed at `at_ms`, but for those inside of a subquery,
 * printed back to text: what it answers is then the same whenever it is asked. *ret_query is empty
 * if it is not, for a function in it looks at the clock.
 */
bool at_modifier_fix(struct str query, const struct parse_options *options, int64_t at_ms,
                     struct arena *arena, struct str *ret_query, struct err *err) MUST_CHECK;
