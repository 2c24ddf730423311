#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "query-tee/sketch.h"

/*
 * What the page at / and /api/v1/tee show beside the shapes: each backend's answers, and the newest
 * differences.
 *
 * Thread: any.
 */
struct summary;

#define SUMMARY_DIFFERENCES_MAX 50

struct summary *summary_create(size_t backend_count);
void summary_destroy(struct summary *summary);

/* An answer of a backend; `failed`: none, or not to its end. */
void summary_add_answer(struct summary *summary, size_t backend, bool failed, int64_t latency_ns,
                        uint64_t size);

/* What came of comparing a backend with the preferred one. */
enum summary_verdict { SUMMARY_SAME, SUMMARY_DIFFERENT, SUMMARY_SKIPPED, SUMMARY_VERDICTS };
void summary_add_verdict(struct summary *summary, size_t backend, enum summary_verdict verdict);

/* Texts are copied, and cut where they are very long; `line` is the report's line of JSON. */
struct summary_difference {
    int64_t time_ms;
    const char *route;
    const char *backend;
    const char *query;
    const char *classes;
    const char *line;
};

void summary_add_difference(struct summary *summary, const struct summary_difference *difference);

struct summary_backend {
    uint64_t answers;
    uint64_t failures;
    uint64_t verdicts[SUMMARY_VERDICTS];
    struct sketch latencies_us;
    struct sketch sizes;
};

/* A copy of what is known of a backend. */
void summary_backend(struct summary *summary, size_t backend, struct summary_backend *ret_backend);

/* The newest differences, the newest first. Borrowed for the call, which holds a lock. */
void summary_each_difference(struct summary *summary,
                             void (*take)(void *context,
                                          const struct summary_difference *difference),
                             void *context);

DEFINE_AUTO(struct summary *, summary_destroy)
