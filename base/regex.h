#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A regular expression of RE2's syntax, matched as Prometheus does: over the whole text, the dot
 * matches newline, bytes that are no UTF-8 do not match. Time is linear in the text; the compiled
 * size is limited.
 *
 * Thread: any number may match at once.
 */
struct regex;

/* What later groups matched expands to nothing. */
#define REGEX_GROUPS_MAX 64

/* ERR_BAD_DATA with the words of Go's regexp: "error parsing regexp: missing closing ): `(`". */
bool regex_create(struct str pattern, struct regex **ret_regex, struct err *err) MUST_CHECK;
void regex_destroy(struct regex *regex);

bool regex_matches(const struct regex *regex, struct str text);

/*
 * Matches and appends `expansion` expanded as Go's Regexp.Expand ($1, $name, ${name}, $$). False:
 * no match, nothing appended.
 */
bool regex_expand(const struct regex *regex, struct str text, struct str expansion,
                  struct buf *out);

/*
 * A text that every match begins with, as long as can be told, at most `out_size` bytes and without
 * a terminator. Returns its length, 0 if there is none.
 */
size_t regex_prefix(const struct regex *regex, char *out, size_t out_size);

DEFINE_AUTO(struct regex *, regex_destroy)

#ifdef __cplusplus
}
#endif
