#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "query-tee/trace.h"

/* Something that took time, as OpenTelemetry tells of it. All texts are borrowed. */
enum span_kind { SPAN_INTERNAL = 1, SPAN_SERVER = 2, SPAN_CLIENT = 3 };

struct span_attribute {
    const char *key;
    struct str text; /* ptr NULL: it is the number */
    int64_t number;
};

#define SPAN_ATTRIBUTES_MAX 12

struct span {
    const uint8_t *trace_id;
    const uint8_t *id;
    const uint8_t *parent_id; /* NULL: the trace begins here */
    const char *name;
    enum span_kind kind;
    int64_t begin_ns; /* Unix time */
    int64_t end_ns;
    bool failed;
    const char *failure; /* in words, or NULL */
    struct span_attribute attributes[SPAN_ATTRIBUTES_MAX];
    size_t attribute_count;
};

/* Longer texts are cut, so that a span has a bounded size. */
#define SPAN_TEXT_SIZE_MAX ((size_t)1024)

void span_text(struct span *span, const char *key, struct str text);
void span_number(struct span *span, const char *key, int64_t number);

/* One span of OTLP's JSON. */
void span_append(const struct span *span, struct buf *out);
