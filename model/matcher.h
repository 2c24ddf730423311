#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* One condition on a label: a missing label is the empty value. */
enum match_kind { MATCH_EQUAL, MATCH_NOT_EQUAL, MATCH_REGEX, MATCH_NOT_REGEX };

struct regex;

/*
 * A matcher lives in an arena; its compiled regex is freed by matcher_done. Where a regex is only a
 * list of literals ("a|b|c"), or begins with a literal, the fields below say so, and storage need
 * not run it.
 */
struct matcher {
    enum match_kind kind;
    struct str name;
    struct str value; /* the pattern, for the regex kinds */
    struct regex *regex;
    struct str *literals; /* the pattern matches exactly these, sorted; NULL if not known */
    size_t literal_count;
    struct str prefix; /* every match begins so; may be empty */
};

/* A pattern of more literals is matched as a regex. */
#define MATCHER_LITERALS_MAX 256

/*
 * Texts are copied into the arena. ERR_BAD_DATA: the regex's error, as Go words it; there is
 * nothing to free then.
 */
bool matcher_new(struct arena *arena, enum match_kind kind, struct str name, struct str value,
                 struct matcher **ret_matcher, struct err *err) MUST_CHECK;

/*
 * One of `count` values, count > 0, however many there are: as the regex that lists them, but none
 * is compiled. Sorts the values; it and the matcher borrow texts.
 */
struct matcher *matcher_new_listed(struct arena *arena, struct str name, struct str *values,
                                   size_t count);
void matcher_done(struct matcher *matcher);

bool matcher_matches(const struct matcher *matcher, struct str value);

/* "=", "!=", "=~", "!~" */
const char *match_kind_text(enum match_kind kind);
