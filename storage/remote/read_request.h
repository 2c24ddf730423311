#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "model/matcher.h"

/*
 * What a remote read request holds: prometheus.ReadRequest.
 *
 * Texts are borrowed from the request's bytes, all else is in the arena: both must outlive it.
 *
 * Thread: one at a time.
 */
struct read_matcher {
    uint64_t type; /* 0 "=", 1 "!=", 2 "=~", 3 "!~"; nothing else is one */
    struct str name;
    struct str value;
};

struct read_query {
    int64_t begin_ms;
    int64_t end_ms;
    struct read_matcher *matchers;
    size_t matcher_count;
    /* What the asking engine says that it is for; Prometheus takes the range from here. */
    bool has_hints;
    int64_t hint_begin_ms;
    int64_t hint_end_ms;
    struct str hint_function;
};

enum read_answer_type { READ_SAMPLES = 0, READ_STREAMED_CHUNKS = 1 };

struct read_request {
    struct read_query *queries;
    size_t count;
    int32_t *accepted; /* numbers of answer types, the best first */
    size_t accepted_count;
};

/* ERR_BAD_DATA, in the words of Prometheus's decoder. ERR_LIMIT: the arena's budget is used up. */
bool read_request_decode(struct str bytes, struct arena *arena, struct read_request *ret_request,
                         struct err *err) MUST_CHECK;

/* The first type accepted that there is; none named means samples. ERR_BAD_DATA: there is none. */
bool read_request_negotiate(const struct read_request *request, enum read_answer_type *ret_type,
                            struct err *err) MUST_CHECK;

/*
 * The query's matchers, ready to be used, in the arena. `matchers` has room for all of the query's;
 * the caller gives each to matcher_done, also those made before a failure: *count of them.
 * ERR_BAD_DATA: a regex that is none, an unknown type.
 */
bool read_query_matchers(const struct read_query *query, struct arena *arena,
                         struct matcher **matchers, size_t *count, struct err *err) MUST_CHECK;
