#pragma once

#include "http/listen.h"
#include "query-tee/round.h"

struct tee;

/*
 * What becomes of a request as spans: the client's request, an ask of each backend below it, and
 * below that of the other backend how their answers compared. None where the trace is not recorded.
 */

/* The client has its answer. */
void tracing_request(struct tee *tee, const struct round *round, const struct exchange_end *end);

/* All backends have answered. */
void tracing_asks(struct tee *tee, const struct round *round);

/* `result` is that of the metrics: success, fail or skip; `detail` why, or NULL. */
void tracing_verdict(struct tee *tee, const struct round_request *request,
                     const struct backend *other, const char *result, const char *detail);
