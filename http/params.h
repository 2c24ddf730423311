#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/*
 * The parameters of a request: name=value pairs of a URL's query or a form's body, as Go's net/url
 * reads them. A pair that is not well-formed is left out, and the first such fault remembered; most
 * handlers of Prometheus never ask for it. `{0}` is an empty set.
 */
struct param {
    struct str name;
    struct str value;
};

struct params {
    struct param *items; /* in the arena */
    size_t count;
    size_t cap;
    const char *fault; /* Go's words for the first fault, or NULL */
};

/* More are left out. */
#define PARAMS_COUNT_MAX 100000

/*
 * Appends the pairs of `text`, which outlives them: what needs no decoding stays where it is. Those
 * of several texts keep the order they were parsed in.
 */
void params_parse(struct params *params, struct str text, struct arena *arena);

/* The first value of that name, or "". */
struct str params_get(const struct params *params, const char *name);

/* The next value of that name at or behind *at, which moves on; false: there is none. */
bool params_next(const struct params *params, const char *name, size_t *at, struct str *ret_value);

/*
 * %XX decoded, and '+' as a space where `plus` says so; the text itself where there is nothing to
 * decode. False: a percent sign without two hex digits.
 */
bool percent_decode(struct str text, bool plus, struct arena *arena, struct str *ret_text);

/* The other direction, for a query's value: what is not letter, digit or one of -_.~ as %XX. */
void percent_encode(struct str text, struct buf *out);
