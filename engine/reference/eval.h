#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/query.h"
#include "engine/reference/reference.h"
#include "model/notes.h"
#include "parser/ast.h"

/*
 * What the evaluator (eval.c and its neighbours) and the functions (fn_*.c) agree on.
 *
 * The evaluator itself answers label_replace, label_join, info, absent, absent_over_time,
 * timestamp and start_timestamp, and folds start, end, range and step into numbers; it tells of
 * counters that do not look like one (rate, increase) and of a sort that has no effect. All other
 * functions are a `ref_function` in the table of functions.c.
 *
 * Thread: the one that runs the query.
 */

/* One series at one step. */
struct ref_sample {
    const struct labels *labels;
    bool drops_name; /* delayed name removal: pending */
    double value;
    const struct histogram *histogram; /* NULL: a float */
    /*
     * The place of what it is made of among the series of the input. Over several steps it decides
     * the order of the result's series, where Prometheus has none: equal places, as they came.
     */
    uint32_t place;
};

struct ref_vector {
    struct ref_sample *items; /* in the query's arena */
    size_t count;
    size_t cap;
};

/* One evaluation: the request and what it has gathered so far. */
struct ref;

/*
 * The samples of one series that a range function sees at one step, floats and histograms apart,
 * each in order of time. Of anchored and smoothed selectors these are all samples of the extended
 * window (lookback_ms more to the left; smoothed: to the right, too); begin_ms and end_ms are those
 * of the range as written, offset and @ included.
 */
struct ref_window {
    const struct labels *labels;
    const struct reference_point *floats;
    size_t float_count;
    const struct reference_point *histograms;
    size_t histogram_count;
    int64_t begin_ms; /* samples after it, */
    int64_t end_ms;   /* up to here */
    int64_t range_ms;
    bool anchored;
    bool smoothed;
};

/*
 * One call of a function at one step; if it takes a range vector, for one series at one step.
 *
 * `start_ms` of the window's points is 0 unless start timestamps are on and the function is one of
 * rate, irate, increase and resets.
 */
struct ref_call {
    struct ref *ref;
    struct query *query; /* modes, symbols */
    struct annotations *notes;
    const struct node *node;          /* NODE_CALL */
    int64_t time_ms;                  /* of the step */
    const struct ref_vector *vectors; /* by argument; a scalar: one sample; others: empty */
    const struct ref_window *window;  /* NULL: the function takes no range vector */
    struct arena *arena;              /* the query's: for what goes into `out` */
    struct arena *scratch;            /* forgotten after the call */
    /* What the function keeps over the steps of one evaluation of the node; NULL at the first one.
     * In the query's arena. */
    void **memory;
    struct ref_vector *out; /* empty at first; of a window only the first sample's value counts,
                             and its histogram is copied */
};

typedef bool ref_function(struct ref_call *call, struct err *err);

/* NULL for those that the evaluator answers. functions.c */
ref_function *ref_function_of(enum function_id id);

/* The argument's value, which is a scalar or a string. */
double ref_call_scalar(const struct ref_call *call, size_t arg);
struct str ref_call_string(const struct ref_call *call, size_t arg);

/*
 * The byte that notes about an argument point to. It is 0 for a subquery, since Prometheus has
 * forgotten by then where it stood.
 */
size_t ref_call_begin(const struct ref_call *call, size_t arg);

/* The text of a label's value; empty where there is none. SYM_NAME is the metric's name. */
struct str ref_label(const struct ref_call *call, const struct labels *labels, uint32_t name);

/* Appends to a vector that lives in the arena. */
void ref_vector_add(struct arena *arena, struct ref_vector *vector,
                    const struct ref_sample *sample);

/* Appends a value without labels; for range functions and scalars. */
void ref_call_value(struct ref_call *call, double value);
void ref_call_histogram(struct ref_call *call, const struct histogram *histogram);

/* Appends a value under the labels of `from`, whose name goes (now, or at the end of the query). */
void ref_call_unnamed(struct ref_call *call, const struct ref_sample *from, double value);

/* The same labels, kept once for the whole query: for sets made in `scratch` at each step. */
const struct labels *ref_call_keep(const struct ref_call *call, const struct labels *labels);

/* The labels without name, type and unit; with delayed name removal as they are. */
const struct labels *ref_call_drop_name(const struct ref_call *call, const struct labels *labels);
