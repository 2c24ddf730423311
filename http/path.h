#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/* Is it a path of this pattern, in which ":name" stands for one part that is not empty? */
bool path_matches(const char *pattern, struct str path);

/*
 * Does it lie in this folder, "" or "/..." without a slash at its end? *ret_rest is what is behind
 * that: nothing, or a path with a slash in front.
 */
bool path_below(struct str folder, struct str path, struct str *ret_rest);

/* Appends the path without parts that are empty, "." or "..", and without a slash at its end. */
void path_clean(struct str path, struct buf *out);
