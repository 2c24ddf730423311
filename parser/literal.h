#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* The values of literals. The errors are Prometheus's, without their position. */

/* 1, 0x1f, 0755, 1_000, 1e5, Inf, NaN */
bool literal_number(struct str text, double *ret_value, struct err *err) MUST_CHECK;

/* 1h30m, in seconds */
bool literal_duration(struct str text, double *ret_seconds, struct err *err) MUST_CHECK;

/* A string with its quotes, as the lexer let it pass; in the arena if it holds escapes. */
struct str literal_string(struct str text, struct arena *arena);

/* Go's conversion on amd64: towards zero; what does not fit becomes the least. */
int64_t int64_of(double value);
