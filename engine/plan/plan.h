#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/fn/grid.h"
#include "engine/fn/window.h"
#include "parser/ast.h"

/*
 * The plan of a query: what is computed from what, on which grid. Built once from the syntax tree,
 * read-only from then on; what changes while running lives in the operators made from it.
 *
 * Equal sub-expressions on one grid are one node.
 */
enum plan_kind {
    PLAN_NUMBER, /* scalar */
    PLAN_STRING,
    PLAN_TIME,  /* time() */
    PLAN_EMPTY, /* a vector without series: a grid without steps */
    PLAN_SELECT,
    PLAN_SELECT_TIME,     /* timestamp(selector) */
    PLAN_WINDOW,          /* a range function over a selector */
    PLAN_SUBQUERY_WINDOW, /* a range function over the rows of child 0, on its own grid */
    PLAN_SAMPLES,         /* the samples of a range selector as they are: the root only */
    PLAN_SUBQUERY,        /* the rows of a subquery as they are: the root only */
    PLAN_MAP,             /* an element-wise function of child 0; scalars behind it */
    PLAN_NEGATE,
    PLAN_SCALAR_ARITH, /* scalar op scalar */
    PLAN_VECTOR_ARITH, /* vector op scalar, either way around */
    PLAN_JOIN,         /* vector op vector */
    PLAN_SET,          /* and, or, unless */
    PLAN_AGGREGATE,
    PLAN_QUANTILE,
    PLAN_TOPK,
    PLAN_COUNT_VALUES,
    PLAN_LIMIT,              /* limitk, limit_ratio */
    PLAN_HISTOGRAM_QUANTILE, /* also _quantiles and _fraction */
    PLAN_LABEL_REPLACE,
    PLAN_LABEL_JOIN,
    PLAN_INFO,
    PLAN_ABSENT,
    PLAN_SORT,
    PLAN_SORT_LABELS,
    PLAN_SCALAR,     /* scalar(vector) */
    PLAN_VECTOR,     /* vector(scalar) */
    PLAN_DROP_NAMES, /* those that are still pending: the root only */
    PLAN_DEDUP_MERGE,
    PLAN_DEDUP_UNITE,
    PLAN_DEDUP_LONE,
    PLAN_DEDUP_STRICT,
    PLAN_BROADCAST, /* one step, repeated: what does not depend on the step */
    PLAN_FALLBACK,  /* left to the reference engine; a range vector: the root only */
};

const char *plan_kind_text(enum plan_kind kind);

/*
 * What a selector reads: windows (ref - range, ref] on its grid of reference times. Anchored and
 * smoothed ones also see what lies up to `lookback_ms` before, smoothed ones also behind.
 */
struct plan_select {
    const struct vector_selector *selector;
    struct grid refs;
    int64_t range_ms;
    enum window_edges edges;
    int64_t lookback_ms; /* 0: plain edges */
    bool totals_only;    /* whoever stands above looks at histograms' counts and sums alone */
    int64_t begin_ms;    /* samples of [begin_ms, end_ms] are selected */
    int64_t end_ms;
};

#define PLAN_CHILDREN_MAX 11 /* histogram_quantiles of ten */

struct plan {
    enum plan_kind kind;
    enum value_type type;
    enum function_id function; /* WINDOW, SUBQUERY_WINDOW, MAP */
    bool owes_name;            /* SUBQUERY_WINDOW: drops names though its function keeps them */
    /*
     * The expression, of several that are equal the last one; of structural nodes: that of what
     * they stand on.
     */
    const struct node *ast;
    struct grid grid;
    struct plan *children[PLAN_CHILDREN_MAX];
    size_t child_count;
    struct plan_select
        select;         /* SELECT, SELECT_TIME, WINDOW, SAMPLES, INFO; refs also SUBQUERY_WINDOW */
    double number;      /* NUMBER */
    bool at_one_time;   /* SORT, SORT_LABELS: not over a range of times */
    const char *reason; /* FALLBACK: the function or construct that asks for it */
    const struct plan_request *request; /* FALLBACK */
    bool in_param;                      /* FALLBACK: inside the parameter of an aggregation */
    /*
     * No two series have equal labels, nor will when their names are dropped at once (with delayed
     * name removal none are): none has one.
     */
    bool nameless;
    size_t use_count; /* how many parents it has */
    size_t id;        /* from 0, children first */
    size_t rank;      /* from 1: its place in Prometheus's order of evaluation, the last one */
};

struct plan_request {
    const struct node *root;
    int64_t start_ms, end_ms, step_ms; /* step 0: instant */
    int64_t lookback_ms;
    int64_t subquery_step_ms;
    bool delayed_names;
    bool fallback;        /* what is unsupported becomes PLAN_FALLBACK */
    const bool *disabled; /* by function: unsupported; NULL: none */
};

/* The steps of the query itself. */
struct grid plan_root_grid(const struct plan_request *request);

/*
 * ERR_UNSUPPORTED, naming it, for what the streaming engine does not do, if the request wants no
 * fallback; ERR_EXECUTION for what Prometheus finds out only while it evaluates; ERR_BAD_DATA for a
 * duration that cannot be; ERR_LIMIT from the arena. The tree outlives the plan, as the request
 * does.
 */
bool plan_build(const struct plan_request *request, struct arena *arena, struct plan **ret_plan,
                struct err *err) MUST_CHECK;

/* All that the selectors of a query look at together; begin > end: there are none. */
struct plan_extent {
    int64_t begin_ms;
    int64_t end_ms;
};

/* ERR_BAD_DATA for a duration that cannot be. */
bool plan_extent_find(const struct plan_request *request, struct plan_extent *ret_extent,
                      struct err *err) MUST_CHECK;

/* A duration as written, or its expression evaluated for this query. */
bool plan_duration(const struct plan_request *request, int64_t written_ms, const struct node *expr,
                   bool may_be_negative, int64_t *ret_ms, struct err *err) MUST_CHECK;

/*
 * The modifiers with start() and end() as times: `at` is AT_NONE or AT_TIME. In the parameter of an
 * aggregation Prometheus does not look for them, so that there they say nothing.
 */
struct modifiers plan_modifiers(const struct plan_request *request,
                                const struct modifiers *modifiers, bool in_param);

/* Whether a sub-expression gives the same at each step, by Prometheus's rules for @. */
bool plan_is_invariant(const struct node *node);

/* start(), end(), step(), range(): a number that the query's own times give. */
bool plan_is_of_query(enum function_id id);

/* Calls `tell` with each node that is left to the reference engine, once. */
void plan_each_fallback(const struct plan *root,
                        void (*tell)(void *context, const struct plan *plan), void *context);

/* One line for one node: what it is and what it works on. */
void plan_describe(const struct plan *plan, struct buf *out);

/* A line a node, children indented below it. */
void plan_print(const struct plan *plan, struct buf *out);
