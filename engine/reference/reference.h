#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "engine/fn/grid.h"
#include "engine/query.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "parser/ast.h"

/*
 * The reference engine: evaluates a tree step by step over whole series in memory, in the plainest
 * code that can be right. It is the judge of the streaming engine and stands in for it: of that it
 * shares the model and the scalar formulas of fn/ (mathematics of one value or one histogram), but
 * no operator, window or aggregation.
 *
 * Everything it makes lives in the query's arena, charged to its budget.
 *
 * Thread: the one that runs the query.
 */
struct reference_request {
    struct query *query; /* arena, symbols, annotations, storage, modes, deadline */
    const struct node *root;
    struct grid grid;       /* when the root is evaluated; an instant query: one step */
    bool instant;           /* root of an instant query: may be a range vector or a string */
    int64_t query_start_ms; /* of the whole query: what start(), end(), step() and range() mean */
    int64_t query_end_ms;
    int64_t query_step_ms; /* 0: instant */
    int64_t subquery_step_ms;
    bool in_param;    /* the root stands in an aggregation's parameter */
    bool totals_only; /* something above wants no buckets: histogram_count and its like */
};

struct reference_point {
    int64_t time_ms;
    int64_t start_ms; /* start timestamp; 0: none */
    double value;
    const struct histogram *histogram; /* NULL: a float */
};

struct reference_series {
    const struct labels *labels;
    bool drops_name; /* delayed name removal: pending */
    struct reference_point *points;
    size_t count;
    size_t cap;
};

/*
 * A scalar is one series without labels, with a point at each step. Points of an instant vector lie
 * on the grid; those of a range vector where they are. Series come in the order in which
 * Prometheus's engine gives them (a range query's, unsorted).
 */
struct reference_result {
    enum value_type type;
    struct reference_series *series;
    size_t series_count;
    struct str string;
    uint64_t samples_read;
    uint64_t series_selected;
};

/*
 * ERR_EXECUTION and its like as running_next gives them. The result's pending names are still there
 * if the root is not the query's own (`final` false); else they have been removed, as Prometheus
 * does at the end.
 */
bool reference_evaluate(const struct reference_request *request, bool final,
                        struct reference_result *ret_result, struct err *err) MUST_CHECK;
