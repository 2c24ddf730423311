#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "http/request.h"
#include "query-tee/round.h"

/*
 * What a client asked, made into what the backends are asked, and that into variations of itself.
 * All texts are copied into the arena: a round outlives its client.
 */
struct incoming_options {
    struct str prefix; /* of the path, that backends do not see; without a slash at its end */
    bool add_time;     /* an instant query without a time gets the time it came at */
    int64_t now_ms;
    const struct trace_sampler *sampler; /* NULL: there is no tracing */
};

/* ERR_LIMIT: there is no memory for it, just now. */
bool incoming_read(const struct request *request, const struct route *route,
                   const struct incoming_options *options, struct arena *arena,
                   struct round_request *ret_request, struct err *err) MUST_CHECK;

/*
 * The same once more, with all that is evaluated moved back by `shift_ms` where it is a query.
 */
bool incoming_copy(const struct round_request *from, int64_t shift_ms, struct arena *arena,
                   struct round_request *ret_request, struct err *err) MUST_CHECK;
