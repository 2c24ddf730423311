#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/script/expect.h"
#include "tests/script/series_description.h"

/*
 *     eval[_fail|_warn|_info|_ordered] instant at TIME QUERY
 *     eval[_fail|_warn|_info] range from TIME to TIME step STEP QUERY
 *
 * and the lines below it: what the query must answer. Times count from 0.
 */
struct evaluation {
    struct str query;
    bool is_range;
    int64_t at_ms;            /* of an instant query */
    int64_t start_ms, end_ms; /* of a range query, or of the range vector expected */
    int64_t step_ms;
    bool expects_range_vector;
    bool expects_scalar;
    double scalar;
    bool expects_string;
    struct str string;
    struct expectations expectations;
    struct series_description *series; /* in the arena */
    size_t *positions;                 /* of each among the lines, from 1 on */
    size_t count, cap;
    size_t line_count;
    bool ended; /* behind a line that must be the last */
};

/* The line "eval...", and one below it. Texts point into the lines. */
bool evaluation_read(struct evaluation *evaluation, struct str line, struct err *err) MUST_CHECK;
bool evaluation_read_line(struct evaluation *evaluation, struct str line, struct arena *arena,
                          struct symbols *symbols, struct err *err) MUST_CHECK;
void evaluation_done(struct evaluation *evaluation);
