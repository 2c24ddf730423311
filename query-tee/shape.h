#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * The shape of a query: what is left of its text when all that differs between a dashboard's
 * panels is taken out, so that queries of one form are counted together.
 *
 *     sum by (job, code) (rate(http_requests_total{code=~"5.."}[5m])) > 0.5   # errors
 *     sum by (l) (rate(m{l=~s}[d])) > n
 *
 * m stands for the name of a metric, l for that of a label (and for a list of them), s, d and n for
 * a string, a duration and a number. Functions, aggregations, operators, modifiers and the kinds of
 * matchers stay. It is no parser: a text that breaks only rules of grammar has a shape too. Bytes
 * that are no PromQL, or brackets that do not close, give "invalid".
 *
 * Thread: any.
 */
#define SHAPE_SIZE_MAX 512

/* Appends at most SHAPE_SIZE_MAX bytes; a longer shape ends with "...". */
void shape_append(struct str query, struct buf *out);

/* How long a range is: "1h", "6h", "1d", "7d", "30d" for up to so much, "longer"; "instant". */
const char *shape_range(int64_t start_ms, int64_t end_ms, int64_t step_ms);

/* How many steps it has: "1", "10", "100", "1000", "11000" for up to so many, "more". */
const char *shape_steps(int64_t start_ms, int64_t end_ms, int64_t step_ms);

/* The order that a query asks for by its outermost function. */
enum shape_order {
    SHAPE_ORDER_NONE,
    SHAPE_ORDER_VALUE, /* sort, sort_desc: series of equal values have none among them */
    SHAPE_ORDER_LABEL, /* sort_by_label, sort_by_label_desc */
};

enum shape_order shape_order(struct str query);
