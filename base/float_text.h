#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Floats to text and back exactly as Go's strconv and fmt do it: shortest digits that read back
 * equal, no locale. Each writes no terminator and returns the length.
 */

/* 1e308 in plain digits, sign, point and zeros: enough for any of these, and for the whole words
 * that they write. */
#define FLOAT_TEXT_SIZE 352

size_t float_text_f(char *out, double v); /* FormatFloat(v, 'f', -1, 64) */
size_t float_text_g(char *out, double v); /* FormatFloat(v, 'g', -1, 64), and fmt's %g and %v */

/* As samples stand in Prometheus's JSON: plain, but 'e' below 1e-6 and from 1e21 on. */
size_t float_text_json(char *out, double v); /* at most 25 bytes; writes up to 40 */

/* As encoding/json writes a number that may be a fraction (timestamps of scalars). */
size_t float_text_gojson(char *out, double v);

/* `digit_count` digits after the point, at most 40, as %.3f; and significant ones, 1 to 17, as
 * %.2g of fmt. */
size_t float_text_fixed(char *out, double v, int digit_count);
size_t float_text_g_digits(char *out, double v, int digit_count);

/*
 * strconv.ParseFloat(text, 64): decimal and hexadecimal floats, "inf", "infinity", "nan" in any
 * case, signs; underscores are refused. False if the text is no float (*ret_v is as it was), or if
 * the value is out of range (*ret_v is +-Inf, and *ret_range true, as Go's ErrRange).
 */
bool float_parse(struct str text, double *ret_v, bool *ret_range);

#ifdef __cplusplus
}
#endif
