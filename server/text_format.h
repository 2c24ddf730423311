#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "server/exposed.h"

/*
 * Prometheus's text format, written for a scraper: samples with timestamps, floats of no known
 * type. Names that only UTF-8 allows are quoted where the scraper says that it reads them, else
 * they are told in letters as it wishes: with underscores for all else, or so that they can be read
 * back. Histograms are told in classic buckets, which only those with custom bounds have.
 *
 * Thread: any.
 */
enum text_escaping {
    TEXT_UNDERSCORES,
    TEXT_AS_IS, /* in quotes where they need it */
    TEXT_DOTS,
    TEXT_VALUES,
    TEXT_ESCAPING_COUNT
};

struct text_format {
    enum text_escaping escaping;
    bool protobuf; /* delimited, and no text: proto_format.h */
};

/* What the Accept header asks for most, or NULL for none; other formats are left aside. */
struct text_format text_format_negotiate(const char *accept);

/* The Content-Type. */
const char *text_format_name(struct text_format format);

/* A name without quotes, as it is or escaped. */
void text_put_escaped_name(struct text_format format, struct str name, struct buf *out);

/* `# TYPE name type`. */
void text_put_type(struct text_format format, struct str name, enum exposed_type type,
                   struct buf *out);

/* The lines of a sample: one, or those of buckets, sum and count. */
void text_put_sample(struct text_format format, struct str name,
                     const struct exposed_sample *sample, struct buf *out);
