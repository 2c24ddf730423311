#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * Values of request parameters, read as Prometheus's API reads them, faults included: numbers that
 * do not fit wrap as Go's conversions do on amd64.
 */

/* A point in time, as Go's time.Time has it. */
struct moment {
    int64_t seconds;
    int64_t ns; /* 0 to 999999999 */
};

/* What stands for "no start" and "no end". */
#define MOMENT_MIN ((struct moment){INT64_C(-9223309901257974), 0})
#define MOMENT_MAX ((struct moment){INT64_C(9223309901257974), 999999999})

/* Unix seconds with a fraction, or RFC 3339. ERR_BAD_DATA names the text. */
bool moment_parse(struct str text, struct moment *ret_moment, struct err *err) MUST_CHECK;
int64_t moment_ms(struct moment moment);
struct moment moment_of_ms(int64_t ms);
bool moment_before(struct moment a, struct moment b);

/* a - b in nanoseconds; what is beyond 292 years is cut. */
int64_t moment_sub_ns(struct moment a, struct moment b);

/* Seconds with a fraction, or a duration such as 5m; in nanoseconds. ERR_BAD_DATA names the text.
 */
bool interval_parse(struct str text, int64_t *ret_ns, struct err *err) MUST_CHECK;

/* strconv.Atoi, with its words. */
bool number_parse(struct str text, int64_t *ret_number, struct err *err) MUST_CHECK;

/* strconv.ParseInt of 32 bits, and strconv.ParseBool, with their words. */
bool int32_parse(struct str text, int64_t *ret_number, struct err *err) MUST_CHECK;
bool bool_parse(struct str text, bool *ret_value, struct err *err) MUST_CHECK;

/* A limit: "" and 0 are none. */
bool limit_parse(struct str text, int64_t *ret_limit, struct err *err) MUST_CHECK;

/* The name that U__... stands for, appended to `out`; the text itself where it stands for none. */
void name_unescape(struct str text, struct buf *out);
