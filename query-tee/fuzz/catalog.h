#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/dice.h"
#include "base/err.h"

/*
 * What can be asked of a backend: some of its metrics, what they are, and some of their labels. It
 * is learnt from the API that every kind of backend has: label values, metadata, series.
 *
 * Thread: one at a time.
 */
enum catalog_type {
    CATALOG_GAUGE, /* and whatever nobody knows more of */
    CATALOG_COUNTER,
    CATALOG_BUCKETS, /* the _bucket series of a classic histogram */
    CATALOG_NATIVE,  /* native histograms */
    CATALOG_TYPES,
};

struct catalog_label {
    const char *name;
    const char **values; /* some, at least one */
    size_t value_count;
};

struct catalog_metric {
    const char *name;
    enum catalog_type type;
    struct catalog_label *labels; /* without the metric's name */
    size_t label_count;
};

struct catalog {
    struct catalog_metric *metrics;
    size_t count;
    size_t type_counts[CATALOG_TYPES];
};

/* Values that are kept of a label, and series that are looked at of a metric. */
#define CATALOG_VALUES_MAX 8
#define CATALOG_SERIES_MAX 64

struct catalog_source {
    /* The body of the answer to a GET of this path and query, "/api/v1/..."; 2xx, or an error. */
    bool (*ask)(void *context, const char *path, struct buf *ret_body, struct err *err);
    void *context;
    int64_t begin_ms, end_ms; /* of this time */
    size_t metric_max;        /* more are left out, at random */
};

/*
 * Everything lives in the arena. ERR_NOT_FOUND: there are no metrics in that time. ERR_CORRUPT: an
 * answer makes no sense.
 */
bool catalog_learn(struct catalog *ret_catalog, const struct catalog_source *source,
                   struct dice *dice, struct arena *arena, struct err *err) MUST_CHECK;

/* A metric of the type, or of any if there is none of it. */
const struct catalog_metric *catalog_pick(const struct catalog *catalog, enum catalog_type type,
                                          struct dice *dice);

/* A label of any metric. NULL: there is none. */
const struct catalog_label *catalog_pick_label(const struct catalog *catalog, struct dice *dice);
