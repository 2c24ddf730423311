#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct server;

/*
 * Records what /metrics shows into the server's own database, at once and then every
 * --self-monitor.interval, so that a new server has something to show. What fails is logged when it
 * begins to fail, and not again until it has been good.
 *
 * Thread: any; one starts, stops and destroys it.
 */
struct self_monitor;

#define SELF_MONITOR_JOB "millrace"

/* The server listens, and is open for writing. The first round waits until it is ready. */
bool self_monitor_start(struct server *server, struct self_monitor **ret_monitor, struct err *err)
    MUST_CHECK;

/* The server is stopping. The last of it: the series get stale markers. NULL is fine, here and
 * below. */
void self_monitor_stop(struct self_monitor *monitor);
void self_monitor_destroy(struct self_monitor *monitor);

/* The last scrape. */
struct self_monitor_state {
    int64_t t_ms; /* INT64_MIN: there was none */
    int64_t duration_ns;
    char fault[512]; /* "": it was good */
};

void self_monitor_state(struct self_monitor *monitor, struct self_monitor_state *ret_state);
const char *self_monitor_instance(const struct self_monitor *monitor);
