#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "query-tee/compare.h"

/*
 * A list of differences that are known, as those between two releases: a line each,
 *
 *     CLASS <tab> PATTERN                a class of difference.def, a regular expression for
 *                                        the whole query
 *     CLASS <tab> PATTERN <tab> VALUES   and one for "preferred <newline> other" of an example
 *     # ...                              left out, as empty lines are
 *
 * Thread: any, once it is open.
 */
struct explained;

/* ERR_BAD_DATA names file and line; ERR_IO, ERR_NOT_FOUND, ERR_LIMIT: it cannot be read. */
bool explained_open(const char *path, struct explained **ret_explained, struct err *err) MUST_CHECK;
void explained_close(struct explained *explained);

/*
 * Is every example of every class that was found explained by some line for this query? What is
 * beyond the examples goes with them.
 */
bool explained_covers(const struct explained *explained, struct str query,
                      const struct comparison *comparison);

DEFINE_AUTO(struct explained *, explained_close)
