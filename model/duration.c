#include "model/duration.h"

#include "base/attr.h"

static const struct unit {
    const char *name;
    int64_t ms;
    bool exact; /* printed only if nothing is left over */
} units[] = {
    {"y", INT64_C(365) * 24 * 3600 * 1000, true},
    {"w", INT64_C(7) * 24 * 3600 * 1000, true},
    {"d", INT64_C(24) * 3600 * 1000, false},
    {"h", INT64_C(3600) * 1000, false},
    {"m", INT64_C(60) * 1000, false},
    {"s", 1000, false},
    {"ms", 1, false},
};

static bool unit_read(struct str *text, size_t *next_unit, int64_t number, int64_t *total_ms)
{
    size_t len = 0;
    while (len < text->len && (text->ptr[len] < '0' || text->ptr[len] > '9'))
        len++;
    for (size_t i = *next_unit; i < ARRAY_COUNT(units); i++) {
        if (!str_eq((struct str){text->ptr, len}, str_of(units[i].name)))
            continue;
        int64_t ms;
        /* 2^63 ns is the most that Prometheus's own type holds. */
        if (__builtin_mul_overflow(number, units[i].ms, &ms) ||
            __builtin_add_overflow(*total_ms, ms, total_ms) || *total_ms > INT64_MAX / 1000000)
            return false;
        text->ptr += len;
        text->len -= len;
        *next_unit = i + 1;
        return true;
    }
    return false;
}

bool duration_parse(struct str text, int64_t *ret_ms)
{
    if (str_eq(text, STR("0"))) {
        *ret_ms = 0;
        return true;
    }
    int64_t total_ms = 0;
    size_t next_unit = 0;
    if (text.len == 0)
        return false;
    while (text.len) {
        int64_t number = 0;
        size_t digits = 0;
        for (; digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9'; digits++)
            if (__builtin_mul_overflow(number, 10, &number) ||
                __builtin_add_overflow(number, text.ptr[digits] - '0', &number))
                return false;
        if (digits == 0)
            return false;
        text.ptr += digits;
        text.len -= digits;
        if (!unit_read(&text, &next_unit, number, &total_ms))
            return false;
    }
    *ret_ms = total_ms;
    return true;
}

void duration_print(int64_t ms, struct buf *out)
{
    if (ms == 0) {
        buf_text(out, "0s");
        return;
    }
    if (ms < 0) {
        buf_byte(out, '-');
        ms = -ms;
    }
    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        if (units[i].exact && ms % units[i].ms != 0)
            continue;
        if (ms / units[i].ms > 0)
            buf_printf(out, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
        ms %= units[i].ms;
    }
}
