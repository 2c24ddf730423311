/* Any bytes as a request's parameters: each value is tried as all that the API reads from one. */
#include <stdint.h>
#include <stdlib.h>

#include "http/coding.h"
#include "http/params.h"
#include "server/param.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What has a unit of time, and what it becomes on its way into a query. */
static void try_moment(struct str text)
{
    static struct err err;
    struct moment moment;
    if (!moment_parse(text, &moment, &err))
        return;
    if (moment.ns < 0 || moment.ns > 999999999)
        abort();
    struct moment again = moment_of_ms(moment_ms(moment));
    if (again.ns < 0 || again.ns > 999999999)
        abort();
    int64_t back_ns = moment_sub_ns(moment, MOMENT_MIN);
    if (moment_before(moment, MOMENT_MIN) != (back_ns < 0))
        abort();
}

static void try_value(struct str text)
{
    static struct err err;
    int64_t number;
    try_moment(text);
    bool read = interval_parse(text, &number, &err);
    read |= number_parse(text, &number, &err);
    if (limit_parse(text, &number, &err) && number < 0)
        abort();
    bool truth;
    if (int32_parse(text, &number, &err) && (number < INT32_MIN || number > INT32_MAX))
        abort();
    if (bool_parse(text, &truth, &err) && text.len > 5)
        abort();
    if (!read && err.kind != ERR_BAD_DATA)
        abort();
    coding_name(coding_choose(text));

    AUTO(buf_done) struct buf name = {0};
    name_unescape(text, &name);
    if (name.len > text.len)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct params params = {0};
    params_parse(&params, text, arena);
    try_value(text);
    for (size_t i = 0; i < params.count; i++)
        try_value(params.items[i].value);
    return 0;
}
