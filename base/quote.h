#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * The rune at the front of `s` and its length in bytes. Bytes that are no UTF-8 give U+FFFD and
 * length 1, as Go's utf8.DecodeRune; an empty `s` gives U+FFFD and 0.
 */
uint32_t utf8_decode(struct str s, size_t *ret_len);
bool utf8_valid(struct str s);

/* What is no rune becomes U+FFFD. */
void utf8_append(struct buf *buf, uint32_t rune);

/* Go's strconv.Quote: in double quotes, unprintable runes and bad bytes escaped. */
void quote_append(struct buf *buf, struct str s);

/* The inside of a JSON string. The first escapes <, > and & as encoding/json does, and puts U+FFFD
 * for bytes that are no UTF-8; the second escapes only what JSON demands and passes bytes on. */
void json_escape_html(struct buf *buf, struct str s);
void json_escape(struct buf *buf, struct str s);
