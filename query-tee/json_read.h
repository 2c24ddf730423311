#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

/*
 * Reads JSON, strictly as RFC 8259 has it, from a piece of memory that may be the front part of a
 * longer text. Each function reads one thing and moves on behind it, or returns false: then either
 * `more` is set (the piece ended within it; the caller comes back with a longer piece), or `fault`
 * says what is wrong with the byte at `at`.
 *
 * Numbers and strings are views of the text. Bytes of strings that are no UTF-8 pass: Prometheus
 * writes the values of labels as they are.
 *
 * Thread: one at a time.
 */
struct json_reader {
    const char *at;
    const char *end;
    bool last; /* nothing follows `end`: a text that ends within something is at fault */
    bool more;
    const char *fault;
};

/* Objects and arrays within each other, at most. */
#define JSON_DEPTH_MAX 64

/* What stands between the quotes; `escaped` if json_unescape has anything to do. */
struct json_string {
    struct str text;
    bool escaped;
};

/* Behind white space, the next byte, which is not consumed. */
bool json_peek(struct json_reader *json, char *ret_byte);

/* Behind white space, this byte. */
bool json_take_slowly(struct json_reader *json, char byte);

HOT_INLINE bool json_take(struct json_reader *json, char byte)
{
    if (LIKELY(json->at < json->end && *json->at == byte)) {
        json->at++;
        return true;
    }
    return json_take_slowly(json, byte);
}

/*
 * Inside an object or array that ends with `close`: is there another member? Takes the comma in
 * front of it, or the end. `first` is true for the first member.
 */
bool json_member(struct json_reader *json, char close, bool first, bool *ret_there);

bool json_read_string(struct json_reader *json, struct json_string *ret_string);
bool json_read_key(struct json_reader *json, struct json_string *ret_key); /* and its colon */
bool json_read_number(struct json_reader *json, struct str *ret_text);
bool json_read_word(struct json_reader *json, const char *word); /* null, true, false */

/* Any value; *ret_text, if it is not NULL, is the value as it stands. */
bool json_skip(struct json_reader *json, struct str *ret_text);

/* The end of the whole text, behind white space. */
bool json_read_end(struct json_reader *json);

/* Appends what the string means. A lone surrogate becomes U+FFFD, as in Go. */
void json_unescape(struct json_string string, struct buf *out);

/* False, with the fault. */
bool json_fault(struct json_reader *json, const char *fault);
