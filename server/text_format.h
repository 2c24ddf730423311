#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * Prometheus's text format, written for a scraper: samples with timestamps, of no known type. Names
 * that only UTF-8 allows are quoted where the scraper says that it reads them, else they are told
 * with underscores.
 *
 * Thread: any.
 */
struct text_format {
    bool utf8; /* names as they are */
};

/* What the Accept header asks for most, or NULL for none; other formats are left aside. */
struct text_format text_format_negotiate(const char *accept);

/* The Content-Type. */
const char *text_format_name(struct text_format format);

/* `# TYPE name untyped`. */
void text_put_type(struct text_format format, struct str name, struct buf *out);

/* A sample's line is made of these: the name, any number of labels, and the value. */
struct text_line {
    struct text_format format;
    struct buf *out;
    bool in_braces;
};

void text_line_begin(struct text_line *line, struct str name);
void text_line_label(struct text_line *line, struct str name, struct str value);
void text_line_end(struct text_line *line, double v, int64_t time_ms);
