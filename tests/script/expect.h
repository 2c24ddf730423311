#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/regex.h"
#include "base/str.h"
#include "tests/script/reader.h"

/*
 * What an evaluation must say beside its result: a line
 *
 *     expect fail|warn|no_warn|info|no_info|ordered [msg:TEXT | regex:PATTERN]
 *
 * or its older forms (eval_fail, expected_fail_message TEXT ...). A pattern matches anywhere.
 */
enum expect_kind {
    EXPECT_FAIL,
    EXPECT_WARN,
    EXPECT_NO_WARN,
    EXPECT_INFO,
    EXPECT_NO_INFO,
    EXPECT_ORDERED,
    EXPECT_KIND_COUNT,
};

struct expectation {
    enum expect_kind kind;
    struct str text;     /* msg or pattern; empty: anything will do */
    struct regex *regex; /* of a pattern; else NULL */
};

struct expectations {
    struct expectation *items;
    size_t count, cap;
};

void expectations_done(struct expectations *expectations);

/* Any text will do. */
void expectations_add(struct expectations *expectations, enum expect_kind kind);
bool expectations_has(const struct expectations *expectations, enum expect_kind kind);

/* Behind "expect". Texts point into the line. */
bool expectations_read(struct expectations *expectations, struct reader *line, struct err *err)
    MUST_CHECK;

/* An error's text as it must be; `is_pattern`: matches. */
bool expectations_add_fail(struct expectations *expectations, struct str text, bool is_pattern,
                           struct err *err) MUST_CHECK;

/* Is the error one that is expected? */
bool expectations_allow_error(const struct expectations *expectations, struct str message);

/*
 * Every expectation of the kind finds its text among these, and every one of these is expected; or
 * nothing was said of the kind. `none`: the kind that forbids them.
 */
bool expectations_allow_notes(const struct expectations *expectations, enum expect_kind kind,
                              enum expect_kind none, const struct str *texts, size_t count,
                              struct err *err) MUST_CHECK;
