#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "http/client.h"
#include "http/request.h"

/*
 * Where a request stands in a trace: which trace, who asked, and the span that its asks belong to.
 * What a client says of that is understood as W3C's traceparent, B3 in one header or in several,
 * and Jaeger's uber-trace-id; a backend is told in traceparent, and in the form that the client
 * used.
 */
#define TRACE_ID_SIZE 16
#define SPAN_ID_SIZE 8

struct trace {
    bool on; /* false: nothing is recorded, and headers go on as they came */
    bool sampled;
    bool has_parent;
    bool again;     /* asked once more: those asks have no spans of their own */
    unsigned forms; /* of the client's headers: TRACE_B3 ... */
    uint8_t trace_id[TRACE_ID_SIZE];
    uint8_t parent_id[SPAN_ID_SIZE];
    uint8_t span_id[SPAN_ID_SIZE];
};

enum trace_form { TRACE_B3 = 1, TRACE_B3_PARTS = 2, TRACE_JAEGER = 4 };

/* Which traces are recorded. */
struct trace_sampler {
    bool parent_based; /* as the client has decided, if it has */
    double ratio;      /* of those that begin here */
};

/* Reads what the client says; without that, a trace begins here. */
void trace_begin(const struct trace_sampler *sampler, const struct request *request,
                 struct trace *ret_trace);

/* Is this a header that a trace's own take the place of? */
bool trace_owns_header(const char *name);

/* The span of the n-th ask of a request. */
void trace_ask_id(const struct trace *trace, size_t ask, uint8_t ret_id[SPAN_ID_SIZE]);

#define TRACE_HEADERS_MAX 6

/* What the n-th backend is told; how many headers. Their values are in the arena. */
size_t trace_headers(const struct trace *trace, size_t ask, struct arena *arena,
                     struct client_header headers[TRACE_HEADERS_MAX]);

/* An id as hexadecimal digits; `out` has room for them and a terminator. */
void trace_id_text(const uint8_t *id, size_t size, char *out);
