#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "query-tee/native.h"

/*
 * Writes metrics for a scraper: as text, or as the messages of protobuf that alone can hold native
 * histograms (io.prometheus.client.MetricFamily, each with its length in front).
 *
 *     exposition_family(&exposition, "up", "Is it?", "gauge");
 *     exposition_value(&exposition, "job=\"a\"", 1);
 *     exposition_end(&exposition);
 *
 * Labels are given as text has them, and are well-formed.
 */
struct exposition {
    struct buf *out;
    bool proto;
    const char *name;
    const char *kind;  /* "counter", "gauge" or "histogram" */
    struct buf family; /* the message so far */
};

/* What a scraper that sends this header Accept, or none, is to get: protobuf? */
bool exposition_wants_proto(const char *accept);

extern const char exposition_text_type[];
extern const char exposition_proto_type[];

void exposition_family(struct exposition *exposition, const char *name, const char *help,
                       const char *kind);
void exposition_value(struct exposition *exposition, const char *labels, double v);

/* Numbers without a decimal point stay so in the text. */
void exposition_count(struct exposition *exposition, const char *labels, uint64_t n);

struct exposition_histogram {
    uint64_t count;
    double sum;
    const double *bounds;
    const uint64_t *buckets; /* what lies between two bounds */
    size_t bound_count;
    const struct native *native; /* NULL: none */
};

void exposition_histogram(struct exposition *exposition, const char *labels,
                          const struct exposition_histogram *histogram);

/* Ends the last family. */
void exposition_end(struct exposition *exposition);
