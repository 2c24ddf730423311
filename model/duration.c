#include "model/duration.h"

#include "base/attr.h"
#include "base/quote.h"

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

static bool duration_fail(struct str text, struct err *err)
{
    AUTO(buf_done) struct buf quoted = {0};
    quote_append(&quoted, text);
    return err_set(err, ERR_BAD_DATA, "not a valid duration string: %.*s",
                   STR_ARGS(buf_view(&quoted)));
}

static bool duration_fail_unit(struct str unit, struct str text, struct err *err)
{
    AUTO(buf_done) struct buf message = {0};
    buf_text(&message, "unknown unit ");
    quote_append(&message, unit);
    buf_text(&message, " in duration ");
    quote_append(&message, text);
    return err_set(err, ERR_BAD_DATA, "%.*s", STR_ARGS(buf_view(&message)));
}

static size_t digits_count(struct str s)
{
    size_t count = 0;
    while (count < s.len && s.ptr[count] >= '0' && s.ptr[count] <= '9')
        count++;
    return count;
}

/* The first `count` digits; what is beyond 64 bits is no number to Prometheus. */
static bool digits_value(struct str s, size_t count, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++)
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value))
            return false;
    *ret_value = value;
    return count > 0;
}

static size_t unit_find(struct str name)
{
    size_t index = 0;
    while (index < ARRAY_COUNT(units) && !str_eq(name, str_of(units[index].name)))
        index++;
    return index;
}

bool duration_read(struct str text, int64_t *ret_ms, struct err *err)
{
    if (text.len == 0)
        return err_set(err, ERR_BAD_DATA, "empty duration string");
    if (str_eq(text, STR("0"))) {
        *ret_ms = 0;
        return true;
    }
    int64_t total_ms = 0;
    size_t next_unit = 0; /* each unit once, from the largest down */
    struct str rest = text;
    while (rest.len) {
        size_t count = digits_count(rest);
        uint64_t number;
        if (!digits_value(rest, count, &number))
            return duration_fail(text, err);
        rest = (struct str){rest.ptr + count, rest.len - count};

        struct str unit = {rest.ptr, 0};
        while (unit.len < rest.len && (rest.ptr[unit.len] < '0' || rest.ptr[unit.len] > '9'))
            unit.len++;
        if (unit.len == 0)
            return duration_fail(text, err);
        size_t index = unit_find(unit);
        if (index == ARRAY_COUNT(units))
            return duration_fail_unit(unit, text, err);
        if (index < next_unit)
            return duration_fail(text, err);
        next_unit = index + 1;
        rest = (struct str){rest.ptr + unit.len, rest.len - unit.len};

        int64_t ms;
        /* 2^63 ns is the most that Prometheus's own type holds. */
        if (__builtin_mul_overflow(number, units[index].ms, &ms) ||
            __builtin_add_overflow(total_ms, ms, &total_ms) || total_ms > INT64_MAX / 1000000)
            return err_set(err, ERR_BAD_DATA, "duration out of range");
    }
    *ret_ms = total_ms;
    return true;
}

bool duration_parse(struct str text, int64_t *ret_ms)
{
    struct err err;
    return duration_read(text, ret_ms, &err);
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
