#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "parser/token.h"

/*
 * Query text to tokens, one at a time and only when asked: which error comes first depends on how
 * far the parser has looked. Spaces and comments never come out.
 *
 * What a character means depends on where it stands: no keywords inside braces, next to no words
 * inside brackets, and behind '[' up to the first number only what a duration expression is made
 * of.
 */
struct lexer {
    struct str input;
    size_t pos;
    size_t begin; /* where the token being read begins; behind an error: where to point */
    long paren_depth;
    bool in_braces;
    bool in_brackets;
    bool in_duration;   /* behind '[', before its first number */
    bool seen_colon;    /* in these brackets */
    bool seen_duration; /* in any brackets: Prometheus forgets to reset it, and so do we */
    size_t last_begin;  /* of the last token */
};

void lexer_init(struct lexer *lexer, struct str input);

/* Behind the end it answers TOKEN_INPUT_END again. The message comes without its position. */
bool lexer_next(struct lexer *lexer, struct token *ret_token, struct err *err) MUST_CHECK;
