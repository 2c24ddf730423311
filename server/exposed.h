#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "model/histogram.h"

/*
 * A sample as /federate tells it, for both of its formats: text_format.h, proto_format.h. Samples
 * of one name and one type follow each other, as a family.
 */
enum exposed_type { /* by their numbers in protobuf */
                    EXPOSED_UNTYPED = 3,
                    EXPOSED_HISTOGRAM = 4,
                    EXPOSED_GAUGE_HISTOGRAM = 5,
};

struct exposed_label {
    struct str name;
    struct str value;
};

struct exposed_sample {
    const struct exposed_label *labels; /* without the name */
    size_t label_count;
    int64_t time_ms;
    double v;
    const struct histogram *h; /* NULL: it is a float */
};

enum exposed_type exposed_type(const struct histogram *h);

/*
 * The classic buckets of a histogram with custom bounds, without that of +Inf: bounds, and how many
 * observations are up to them.
 */
struct exposed_buckets {
    const struct histogram *h;
    uint32_t bound;        /* the next one */
    uint32_t span, inside; /* the next bucket, in its span */
    uint32_t bucket;
    int64_t index; /* its bound */
    double count;
};

void exposed_buckets_begin(struct exposed_buckets *buckets, const struct histogram *h);
bool exposed_buckets_next(struct exposed_buckets *buckets, double *ret_bound, double *ret_count);
