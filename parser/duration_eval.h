#pragma once

#include <stdint.h>

#include "base/err.h"
#include "parser/ast.h"

/* What step() and range() stand for, in seconds: 0 each for an instant query. */
struct duration_values {
    double step;
    double range;
};

/*
 * The value of a NODE_DURATION in milliseconds, cut towards zero. Only an offset may be negative or
 * zero (`signed_allowed`). ERR_BAD_DATA with Prometheus's words, "4:12: division by zero": where
 * the span begins and ends, in bytes.
 */
bool duration_eval(const struct node *node, const struct duration_values *values,
                   bool signed_allowed, int64_t *ret_ms, struct err *err) MUST_CHECK;
