#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* Reads one line of the test language from left to right. */
struct reader {
    struct str text;
    size_t pos;
};

/* The byte to come, or -1 at the end. */
int reader_byte(const struct reader *reader);
bool reader_at_end(const struct reader *reader);

/* Takes the byte if it is the one to come. */
bool reader_take(struct reader *reader, char byte);

/* False if there was none. */
bool reader_skip_spaces(struct reader *reader);

/* Letters, digits, '_' and ':'; may be empty. */
struct str reader_word(struct reader *reader);

/* Up to the next space or the end. */
struct str reader_field(struct reader *reader);

/* Takes the word and the spaces behind it if it is the one to come. */
bool reader_take_word(struct reader *reader, const char *word);

/* 1, -2.5e3, Inf, NaN, stale. Hexadecimal ones are none here: 0x3 is three more zeros. */
bool reader_number(struct reader *reader, double *ret_value, struct err *err) MUST_CHECK;
bool reader_count(struct reader *reader, uint64_t *ret_count, struct err *err) MUST_CHECK;

/* What a string between quotes of any of the three kinds stands for. */
bool reader_quoted(struct reader *reader, struct arena *arena, struct str *ret_value,
                   struct err *err) MUST_CHECK;

/* "expected WHAT at byte N: REST"; returns false. */
bool reader_fail(const struct reader *reader, const char *what, struct err *err);
