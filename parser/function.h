#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* The functions of PromQL, by functions.def. */
enum function_id {
#define FUNCTION(name, result, params, flags) FN_##name,
#include "parser/functions.def"
#undef FUNCTION
    FN_COUNT,
};

enum function_flags {
    FUNCTION_EXPERIMENTAL = 1, /* needs promql-experimental-functions */
};

/*
 * `params`: one letter a parameter, v instant vector, m range vector, s scalar, t string. Behind
 * them '?': the last one may be left out; '*': it may come any number of times, and none; a digit
 * n: it may be left out, and come n times in all.
 */
struct function {
    enum function_id id;
    const char *name;
    char result; /* v or s */
    const char *params;
    unsigned flags;
};

/* NULL if there is none of that name; names are case-sensitive. */
const struct function *function_find(struct str name);
const struct function *function_get(enum function_id id);

/*
 * The number of letters in `params`, and what stands behind them: 0 nothing, so all must be there;
 * -1 '*'; else how many times the last one may come.
 */
struct function_params {
    size_t count;
    int variadic;
};

struct function_params function_params(const struct function *function);

/* The aggregations. AGGREGATE_PARAM: has one, a scalar (s) or a string (t). */
enum aggregate_op {
#define AGGREGATE(name, param, flags) AGGREGATE_##name,
#include "parser/aggregates.def"
#undef AGGREGATE
    AGGREGATE_OP_COUNT,
};

struct aggregate_info {
    const char *name;
    char param; /* 0, s or t */
    unsigned flags;
};

const struct aggregate_info *aggregate_get(enum aggregate_op op);
