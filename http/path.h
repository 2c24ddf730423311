#pragma once

#include <stdbool.h>

#include "base/str.h"

/* Is it a path of this pattern, in which ":name" stands for one part that is not empty? */
bool path_matches(const char *pattern, struct str path);
