#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/reference/reference.h"
#include "parser/ast.h"

/*
 * The tree as Prometheus prepares it before it evaluates: parentheses are gone, start(), end(),
 * range() and step() are numbers, durations are known, @ start() and @ end() are times, and what is
 * the same at each step is marked. It lives in the query's arena; only the shifts change later.
 *
 * Children: a call's arguments; an aggregation's expression and its parameter; both sides of a
 * binary operation; else what stands inside.
 */
struct ref_expr {
    const struct node *node;
    struct ref_expr *parent; /* NULL: the root */
    struct ref_expr **children;
    size_t child_count;

    bool once;      /* evaluated at the first step, and the same at all others */
    bool is_number; /* a number, or a function that stands for one */
    double number;

    /* Selectors and subqueries; a range selector's own are those of the selector inside. */
    int64_t range_ms; /* range selectors, subqueries */
    int64_t step_ms;  /* subqueries; 0: the default */
    int64_t offset_ms;
    bool has_at;
    int64_t at_ms;
    bool totals_only; /* nothing above needs the buckets of histograms */
    /*
     * What offset and @ come to, seen from the first step that it is evaluated at: it looks at
     * step - shift_ms.
     */
    int64_t shift_ms;
    /* Selectors: what the expressions around ask them for. No sample outside is read. */
    int64_t asked_begin_ms;
    int64_t asked_end_ms;
};

/* Samples are read as if `time_ms` looked at what @ says, wherever it then looks. */
static inline int64_t ref_expr_read_ms(const struct ref_expr *expr, int64_t time_ms)
{
    return expr->has_at ? ms_sub(expr->at_ms, expr->offset_ms) : ms_sub(time_ms, expr->shift_ms);
}

/* The part of [*begin_ms, *end_ms] that a selector is asked for. */
static inline void ref_expr_limit(const struct ref_expr *selector, int64_t *begin_ms,
                                  int64_t *end_ms)
{
    *begin_ms = *begin_ms > selector->asked_begin_ms ? *begin_ms : selector->asked_begin_ms;
    *end_ms = *end_ms < selector->asked_end_ms ? *end_ms : selector->asked_end_ms;
}

/* ERR_BAD_DATA: a duration that cannot be. */
bool ref_expr_new(const struct reference_request *request, struct ref_expr **ret_root,
                  struct err *err) MUST_CHECK;

/* Sets the shifts of all selectors and subqueries in `root`, which is evaluated from `start_ms`. */
void ref_expr_shift(struct ref_expr *root, int64_t start_ms);

static inline bool ref_expr_is(const struct ref_expr *expr, enum node_kind kind)
{
    return expr->node->kind == kind && !expr->is_number;
}
