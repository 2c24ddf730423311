#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * Prometheus's durations: "1h30m", units ms s m h d w y in that order, each once; d = 24h, w = 7d,
 * y = 365d. "0" needs no unit. False: no duration, or beyond 2^63 ns.
 */
bool duration_parse(struct str text, int64_t *ret_ms);

/* The same, and why not: ERR_BAD_DATA in Prometheus's words. */
bool duration_read(struct str text, int64_t *ret_ms, struct err *err) MUST_CHECK;

/* The shortest such text ("90m" for 5400000, as Prometheus's String()); "0s" for 0. */
void duration_print(int64_t ms, struct buf *out);

/* Go's Duration.Seconds: whole seconds and the rest are converted apart. */
static inline double duration_seconds(int64_t ms)
{
    int64_t whole_s = ms / 1000;
    int64_t rest_ns = ms % 1000 * 1000000;
    return (double)whole_s + (double)rest_ns / 1e9;
}
