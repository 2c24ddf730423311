#include "parser/function.h"

#include <stdlib.h>

#include "base/attr.h"

static const struct function functions[FN_COUNT] = {
#define FUNCTION(name, result, params, flags) {FN_##name, #name, (result), (params), (flags)},
#include "parser/functions.def"
#undef FUNCTION
};

static const struct aggregate_info aggregates[AGGREGATE_OP_COUNT] = {
#define AGGREGATE(name, param, flags) {#name, (param), (flags)},
#include "parser/aggregates.def"
#undef AGGREGATE
};

static int function_order(const void *name, const void *member)
{
    const struct function *function = member;
    return str_cmp(*(const struct str *)name, str_of(function->name));
}

/* The .def file is sorted by name; a unit test sees to it. */
const struct function *function_find(struct str name)
{
    return bsearch(&name, functions, FN_COUNT, sizeof functions[0], function_order);
}

const struct function *function_get(enum function_id id)
{
    return &functions[id];
}

struct function_params function_params(const struct function *function)
{
    struct function_params params = {0};
    const char *p = function->params;
    while (*p >= 'a' && *p <= 'z')
        p++;
    params.count = (size_t)(p - function->params);
    if (*p == '?')
        params.variadic = 1;
    else if (*p == '*')
        params.variadic = -1;
    else if (*p)
        params.variadic = *p - '0';
    return params;
}

const struct aggregate_info *aggregate_get(enum aggregate_op op)
{
    return &aggregates[op];
}
