#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "query-tee/answer_kind.h"

/* What goes to all backends. */
struct route {
    const char *path; /* ":name" stands for any one part */
    const char *name; /* for metrics */
    bool get;
    bool post;
    bool compared;
    enum answer_kind kind; /* where it is compared */
};

extern const struct route routes[];
extern const size_t route_count;

/* NULL: none of ours. `path` is decoded, without the prefix of --server.path-prefix. */
const struct route *route_find(struct str path);

bool route_is_instant(const struct route *route);
bool route_is_range(const struct route *route);
