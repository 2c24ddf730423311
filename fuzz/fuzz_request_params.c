/*
 * Any bytes as a query string or form: no crash, every value is found again under its name, and
 * what is encoded decodes to itself.
 */
#include <stdint.h>
#include <stdlib.h>

#include "http/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_found(const struct params *params, const struct param *param, struct arena *arena)
{
    /* Names with a zero byte cannot be asked for. */
    if (param->name.len && memchr(param->name.ptr, '\0', param->name.len))
        return;
    const char *name = arena_text(arena, param->name);
    struct str value;
    size_t at = 0;
    bool found = false;
    while (!found && params_next(params, name, &at, &value))
        found = str_eq(value, param->value);
    if (!found)
        abort();
}

static void check_coding(struct str text, struct arena *arena)
{
    struct str back;
    AUTO(buf_done) struct buf encoded = {0};
    percent_encode(text, &encoded);
    if (!percent_decode(buf_view(&encoded), true, arena, &back) || !str_eq(back, text))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct str text = {(const char *)data, size};
    struct params params = {0};
    params_parse(&params, text, arena);
    for (size_t i = 0; i < params.count && i < 100; i++) {
        check_found(&params, &params.items[i], arena);
        check_coding(params.items[i].value, arena);
    }
    check_coding(text, arena);
    return 0;
}
