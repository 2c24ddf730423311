#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "parser/token.h"

/*
 * The pieces of a lexer that look at bytes only. Each begins at `*pos` and moves it behind what it
 * took, also when it fails.
 */

/* Characters as Prometheus sorts them; none beyond ASCII is a letter or a digit. */
static inline bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_alpha(int c)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool is_alnum(int c)
{
    return is_alpha(c) || is_digit(c);
}

static inline bool is_space(int c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The byte there, or -1 behind the end. */
static inline int byte_at(struct str input, size_t pos)
{
    return pos < input.len ? (unsigned char)input.ptr[pos] : -1;
}

/* 1, 0x1f, 1e5, 1_000 or 1h30m. False: neither of them. */
bool scan_number(struct str input, size_t *pos, enum token_kind *ret_kind);

/* A string up to its closing quote; the opening one, `quote`, has been taken. */
bool scan_string(struct str input, size_t *pos, char quote, struct err *err);

/* The rune at `pos` as Go's %q prints it: 'x', '\n'. Behind the end: '<U+FFFD>'. */
void rune_quote(struct str input, size_t pos, struct buf *out);
