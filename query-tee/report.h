#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "query-tee/compare.h"

/*
 * A difference as one line of JSON, for a file that is searched with jq or grep:
 *
 *     {"time":"2026-01-02T03:04:05.678Z","route":"api_v1_query_range",
 *      "request":"/api/v1/query_range?query=up&start=0&end=60&step=15","query":"up","shape":"m",
 *      "range":"1h","steps":"10",
 *      "preferred":{"backend":"a:9090","status":200,"seconds":0.0123,"bytes":4567},"other":{...},
 *      "classes":{"value":{"count":3,"examples":[{"series":{"__name__":"up"},"time":15,
 *      "preferred":"1","other":"0"},...]}},"series":20,"points":100,"points_skipped":0}
 *
 * The request can be given to `query-tee replay`, and behind a backend's address to curl. What one
 * answer lacks is null. A series whose labels are too long, or no UTF-8, is a text. "partial", if
 * it is there, says why not all was compared.
 *
 * Thread: any.
 */
struct report_side {
    const char *backend;
    int status;
    int64_t latency_ns;
    uint64_t size_bytes;
};

struct report {
    int64_t time_ms; /* when it was asked */
    const char *route;
    const char *path;
    struct str params; /* as a form has them */
    struct str query;  /* empty: the route has none */
    int64_t start_ms;  /* of a range query */
    int64_t end_ms;
    int64_t step_ms; /* 0: no range query */
    struct report_side preferred;
    struct report_side other;
    const struct comparison *comparison;
};

/* Appends the line, and its end. */
void report_append(const struct report *report, struct buf *out);
