#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"
#include "server/exposed.h"
#include "server/text_format.h"

/*
 * Prometheus's protobuf format, delimited: families, each behind its length. So the length of all
 * samples of a family is to be known before the first is written.
 *
 *     family  1 name, 3 type, 4 sample ...
 *     sample  1 label (1 name, 2 value) ..., 5 untyped (1 value), 6 time, 7 histogram
 *     histogram  2 sum, 4 count; with custom bounds 3 classic bucket (2 bound, 4 count) ...,
 *                else 5 schema, 6 zero threshold, 8 zero count, 9 and 12 spans (1 offset, 2 length)
 *                and 11 and 14 counts of the negative and the positive side
 *
 * Names are escaped as in the text format. Thread: any.
 */

/* What stands in front of a family whose samples take so many bytes. */
void proto_put_family(struct text_format format, struct str name, enum exposed_type type,
                      size_t samples_size, struct buf *out);

/* A sample of it. */
void proto_put_sample(struct text_format format, const struct exposed_sample *sample,
                      struct buf *out);
