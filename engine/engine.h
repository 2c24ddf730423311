#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"
#include "base/buf.h"
#include "engine/batch.h"
#include "engine/op.h"
#include "engine/query.h"
#include "model/annotations.h"
#include "parser/parse.h"
#include "storage/select.h"

/*
 * Queries over one storage. The engine owns what queries share: worker threads, batch buffers, the
 * memory budget of the process, and the count of queries that may run at once.
 *
 * Thread: any, but for create and destroy.
 */
struct engine;

/* What becomes of a node that the streaming engine does not do. */
enum engine_fallback {
    FALLBACK_REFERENCE, /* the reference engine evaluates it */
    FALLBACK_NONE,      /* ERR_UNSUPPORTED, naming it */
};

enum engine_kind { ENGINE_STREAMING, ENGINE_REFERENCE };

struct engine_options {
    size_t thread_count;       /* 0: one a core */
    size_t memory_limit_bytes; /* a query's; 0: none */
    size_t memory_total_bytes; /* of all queries; 0: none */
    size_t concurrency_max;    /* more wait; 0: 20 */
    int64_t timeout_ms;        /* 0: none */
    int64_t lookback_ms;       /* 0: 5m */
    int64_t subquery_step_ms;  /* where a subquery names none; 0: 1m */
    struct parse_options parse;
    struct query_modes modes;
    enum engine_fallback fallback;
    bool disabled[FN_COUNT]; /* functions taken away from the streaming engine */
};

struct engine *engine_create(struct storage *storage, const struct engine_options *options);

/* No query may be left. */
void engine_destroy(struct engine *engine);

struct query_spec {
    struct str text; /* copied */
    int64_t start_ms;
    int64_t end_ms; /* = start_ms and step_ms = 0: an instant query */
    int64_t step_ms;
    int64_t timeout_ms;         /* 0: the engine's; a larger one is cut to the engine's */
    int64_t lookback_ms;        /* 0: the engine's */
    int64_t subquery_step_ms;   /* where a subquery names none; 0: the engine's */
    struct storage *storage;    /* that is there as long as the query; NULL: the engine's */
    enum engine_kind engine;    /* which one answers */
    bool measure;               /* EXPLAIN ANALYZE */
    bool count_samples;         /* for running_stats: as Prometheus counts them */
    const _Atomic bool *cancel; /* whoever asked sets it when it goes away; NULL: never */
};

/*
 * One query, from text to rows:
 *
 *     running_create     parses and plans: ERR_BAD_DATA for the text or the times, ERR_UNSUPPORTED
 *     running_open       waits for its turn, resolves series; result type and labels are known then
 *     running_next       row after row, until PULL_END
 *     running_pause      between rows: others may have its turn until the next running_next
 *     running_annotations, running_stats
 *     running_destroy    from any state
 *
 * Open and next fail with ERR_EXECUTION and ERR_BAD_DATA in Prometheus's words, with ERR_TIMEOUT,
 * ERR_CANCELED, ERR_LIMIT (memory), and as the storage does (storage/select.h); behind that only
 * the last two lines follow.
 *
 * Thread: one at a time.
 */
struct running;

bool running_create(struct engine *engine, const struct query_spec *spec,
                    struct running **ret_running, struct err *err) MUST_CHECK;
bool running_open(struct running *running, struct err *err) MUST_CHECK;
void running_destroy(struct running *running);

enum result_kind { RESULT_SCALAR, RESULT_VECTOR, RESULT_MATRIX, RESULT_STRING };

struct result_info {
    enum result_kind kind;
    bool instant;
    size_t series_count_max; /* rows that may come */
    struct grid grid;
    struct str string; /* RESULT_STRING */
    const struct symbols *symbols;
};

/* After running_open. */
struct result_info running_info(const struct running *running);

/*
 * One series of the answer. Rows without a single point are left out already. Points of a range
 * query lie on the grid, a missing one is value_stale(): `times_ms` is NULL then. A range vector
 * (an instant query for x[5m]) has its own times. A scalar has no labels.
 * Valid until the next call.
 */
struct result_row {
    const struct labels *labels;
    const double *values;
    const struct histogram *const *histograms; /* NULL: none; else one a point, NULL: a float */
    const int64_t *times_ms;
    size_t count;
};

enum pull running_next(struct running *running, struct result_row *ret_row, struct err *err)
    MUST_CHECK;

/*
 * Whoever asked is slow to take the rows so far: the turn goes to others, which may be waiting for
 * one. The next running_next waits for a turn again, ahead of queries that have not begun.
 */
void running_pause(struct running *running);

/* How many nodes of the plan the reference engine evaluates; after running_create. */
size_t running_fallback_count(const struct running *running);

/* The function or construct of one of them, for which the streaming engine has no operator. */
const char *running_fallback_reason(const struct running *running, size_t index);

/* Complete after PULL_END. */
const struct annotations *running_annotations(const struct running *running);

struct running_stats {
    uint64_t samples_read; /* decoded from storage */
    /*
     * What Prometheus counts, if that was asked for, and the rows have all been read: at each step
     * the samples that an instant query would look at. NULL: not asked for, or the reference engine
     * took part, which does not count them.
     */
    const uint64_t *step_samples;
    size_t step_count;
    uint64_t peak_bytes; /* most that the query's budget held */
    uint64_t series_selected;
    int64_t queue_ns, prepare_ns, eval_ns;
};

struct running_stats running_stats(const struct running *running);

/* The plan, one line a node, indented; with counts and times if the query was measured and has run.
 */
void running_explain(const struct running *running, struct buf *out);

/* For /metrics. */
struct engine_stats {
    uint64_t queries_running;
    uint64_t queries_waiting;
    uint64_t queries_total;
    uint64_t samples_total;
    uint64_t memory_used_bytes;
    uint64_t memory_peak_bytes;
};

void engine_stats(struct engine *engine, struct engine_stats *ret_stats);

DEFINE_AUTO(struct running *, running_destroy)
