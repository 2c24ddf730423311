#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/budget.h"
#include "base/err.h"
#include "engine/fn/grid.h"
#include "model/annotations.h"
#include "model/symbols.h"
#include "storage/select.h"

struct pool;
struct workers;

/* Feature flags that change answers, by Prometheus's names; all off by default. */
struct query_modes {
    bool delayed_names;    /* promql-delayed-name-removal */
    bool type_and_unit;    /* type-and-unit-labels */
    bool start_timestamps; /* use-start-timestamps */
};

/*
 * What all operators of one query share. Owned by the engine; operators borrow it.
 *
 * Thread: the one that runs the query; worker tasks may read it, charge the budget and ask
 * query_alive.
 */
struct query {
    struct arena *arena; /* plan, operators, labels */
    struct symbols *symbols;
    struct budget budget;
    struct annotations annotations;
    struct storage *storage;
    struct pool *pool;       /* batch buffers, the process's */
    struct workers *workers; /* the process's; NULL: one thread */
    size_t thread_count;     /* how many tasks of this query may run at once; 1: none but its own */
    struct query_modes modes;
    int64_t lookback_ms;
    int64_t whole_begin_ms; /* what all its selectors look at together */
    int64_t whole_end_ms;
    int64_t deadline_ns;        /* clock_monotonic_ns; 0: none */
    const _Atomic bool *cancel; /* set by whoever asked, when it goes away; NULL: never */
    bool measure;               /* EXPLAIN ANALYZE: count and time every pull */
    bool count_samples;         /* as Prometheus does: op_count_samples */
};

/* False, with ERR_TIMEOUT or ERR_CANCELED in Prometheus's words, once the query should end. */
bool query_alive(const struct query *query, struct err *err) MUST_CHECK;

/*
 * The series that `wanted` finds by its matchers in its range; all else that storage asks comes
 * from the query. Errors are in Prometheus's words. The caller closes the selection, before the
 * arena goes.
 */
bool query_select(struct query *query, const struct select_request *wanted,
                  struct selection **ret_selection, struct err *err) MUST_CHECK;
