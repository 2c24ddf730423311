#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/classic_histogram.h"
#include "engine/engine.h"

struct server;

/*
 * Counters of the server, and all that /metrics shows.
 *
 * Thread: any.
 */
#define METRICS_HANDLERS_MAX 48
#define METRICS_STATUSES_MAX 12
#define METRICS_FAULTS_MAX 8
#define METRICS_FALLBACKS_MAX 128

/* What a query does, and is timed of. */
enum query_part { QUERY_QUEUE, QUERY_PREPARE, QUERY_EVAL, QUERY_PART_COUNT };

struct metrics_handler {
    _Atomic uint64_t requests[METRICS_STATUSES_MAX];
    struct classic_histogram duration;
    struct classic_histogram size;
};

/* Why parts of queries did not stream, and how often; reasons are names of functions and the like.
 */
struct metrics_fallback {
    const char *_Atomic reason; /* NULL: none as yet; the text is there for ever */
    _Atomic uint64_t count;
};

struct metrics {
    struct metrics_handler handlers[METRICS_HANDLERS_MAX]; /* by route */
    _Atomic uint64_t failures[METRICS_FAULTS_MAX];         /* of queries, by enum fault */
    struct metrics_fallback fallbacks[METRICS_FALLBACKS_MAX];
    struct classic_histogram query_ns[QUERY_PART_COUNT];
    _Atomic uint64_t series_selected;
    _Atomic uint64_t federation_errors;
    _Atomic uint64_t scrapes_running;
};

void metrics_request(struct metrics *metrics, size_t handler, int status, int64_t duration_ns,
                     uint64_t bytes);
void metrics_query(struct server *server, const struct running_stats *stats);
void metrics_failure(struct metrics *metrics, unsigned fault);

/* `reason` is a text that stays: a name out of a table. */
void metrics_fallback(struct metrics *metrics, const char *reason);

/* What the database counts, as a part of that: metrics_tsdb.c. */
struct db_stats;
void metrics_print_tsdb(struct server *server, const struct db_stats *stats, struct buf *out);

/* What the system tells of the process: metrics_process.c. */
void metrics_print_process(struct server *server, struct buf *out);

/* Prometheus's text format, version 0.0.4. */
void metrics_print(struct server *server, struct buf *out);
