#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/*
 * A file of requests, one after another. A line is one of
 *
 *     {"query": "up", "start": 0, "end": 3600, "step": 60}     a range query
 *     {"query": "up", "time": 3600}                            an instant one
 *     {"path": "/api/v1/series", "match[]": ["up"]}            any other route
 *     {"params": {"query": ...}, ...}                          a line of Prometheus's query log
 *     /api/v1/query?query=up&time=3600                         a URL, with or without a host
 *     eval instant at 50m up                                   of Prometheus's test language
 *     eval range from 0 to 1h step 1m up
 *     # ...                                                    left out, as empty lines are
 *
 * In a file whose name ends in .test, lines that are no eval are left out; a file that is in one
 * of the other forms throughout may mix them.
 *
 * Thread: one at a time.
 */
struct query_file;

struct query_request {
    const char *path;   /* "/api/v1/query_range" */
    const char *params; /* "query=up&start=0&...", as a form has it */
    struct str query;   /* empty: the route has none */
    int64_t start_ms;   /* of a range query, as far as it can be told; end_ms too */
    int64_t end_ms;
    int64_t step_ms; /* 0: no range query */
    size_t line;
};

#define QUERY_LINE_SIZE_MAX ((size_t)1 << 20)

/* `time_base_ms`: what 0 is in an eval. ERR_NOT_FOUND, ERR_IO. */
bool query_file_open(const char *path, int64_t time_base_ms, struct query_file **ret_file,
                     struct err *err) MUST_CHECK;
void query_file_close(struct query_file *file);

/*
 * The next one, in the arena; *ret_more: false at the end. ERR_BAD_DATA names file and line; the
 * next call goes on behind it. ERR_IO: nothing more can be read.
 */
bool query_file_next(struct query_file *file, struct arena *arena,
                     struct query_request *ret_request, bool *ret_more, struct err *err) MUST_CHECK;

/* How much of the file was read, 0 to 1: for a bar of progress. */
double query_file_progress(const struct query_file *file);

DEFINE_AUTO(struct query_file *, query_file_close)
