#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "http/client.h"
#include "query-tee/span.h"
#include "query-tee/trace.h"

/*
 * Sends spans to a collector, as OTLP in JSON over HTTP, in batches, from a bounded queue and on a
 * thread of its own: who hands one over never waits, and what the queue has no room for is dropped
 * and counted.
 *
 * Thread: any.
 */
struct tracer;

#define TRACER_HEADERS_MAX 16
#define TRACER_ATTRIBUTES_MAX 32

struct tracer_options {
    const char *url; /* NULL: there is no tracing */
    struct client_header headers[TRACER_HEADERS_MAX];
    size_t header_count;
    const char *service_name;
    struct span_attribute attributes[TRACER_ATTRIBUTES_MAX]; /* of the process, in texts */
    size_t attribute_count;
    struct trace_sampler sampler;
    size_t queue_max;
    size_t batch_max;
    int64_t delay_ms;   /* a span waits at most so long for others */
    int64_t timeout_ms; /* for the collector's answer */
};

/*
 * What the environment says, in OpenTelemetry's own variables: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
 * or OTEL_EXPORTER_OTLP_ENDPOINT (without them there is no tracing), ..._HEADERS, ..._TIMEOUT,
 * OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER and _ARG, OTEL_BSP_..., and
 * what switches it off. `get` is getenv or like it; texts are in the arena. What is not understood
 * keeps its default and is said in `ret_warning`, as OpenTelemetry wants it.
 */
void tracer_options_read(char *(*get)(const char *name), struct arena *arena,
                         struct tracer_options *ret_options, struct err *ret_warning);

/* Of a collector there may be none: that is found out later. ERR_IO: there is no thread. All of the
 * options outlives it. */
bool tracer_create(const struct tracer_options *options, struct tracer **ret_tracer,
                   struct err *err) MUST_CHECK;

/* Sends what there is, for a moment at most. */
void tracer_destroy(struct tracer *tracer);

const struct trace_sampler *tracer_sampler(const struct tracer *tracer);

void tracer_take(struct tracer *tracer, const struct span *span);

/* What has become of spans. */
struct tracer_counts {
    uint64_t sent;
    uint64_t queue_full;
    uint64_t failed; /* the collector did not take them */
};

struct tracer_counts tracer_counts(struct tracer *tracer);

DEFINE_AUTO(struct tracer *, tracer_destroy)
