#pragma once

#include "base/buf.h"
#include "server/config/config.h"

/*
 * A configuration in force as Prometheus shows its own: what was left out has the value that holds,
 * secrets are "<secret>". Only what has a meaning here is there.
 */
struct config_shown {
    const struct config *config;
    const struct config_retention *retention; /* the one that holds; NULL: it is another's */
    int64_t exemplar_count_max;               /* that holds; -1: nothing was said of it */
};

void config_print(const struct config_shown *shown, struct buf *out);
