#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

/*
 * The folder that all paths of the server lie in, for who comes through a proxy: "/metrics/store",
 * without a slash at its end, or empty. `{0}` and prefix_done are fine together.
 *
 * Thread: any, once it is made.
 */
struct prefix {
    char *path; /* "" or "/..." */
    char *home; /* the same with a slash behind it */
};

/*
 * Of --web.route-prefix, or where that is empty, of the path of --web.external-url. ERR_BAD_DATA
 * names the flag.
 */
bool prefix_init(struct prefix *prefix, const char *external_url, const char *route_prefix,
                 struct err *err) MUST_CHECK;
void prefix_done(struct prefix *prefix);

/* The path below the prefix, with a slash in front; empty where it does not lie there. */
struct str prefix_below(const struct prefix *prefix, struct str path);
