#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "storage/wal_record.h"

/*
 * The labels of a series as they come from outside: put in order, empty values left out, checked
 * as Prometheus's remote write checks them (and in its order: validity with the empty ones still
 * there).
 *
 * Thread: any.
 */
enum append_labels {
    APPEND_LABELS_GOOD,
    APPEND_LABELS_TOO_LARGE, /* more than a record of the log could hold */
    APPEND_LABELS_INVALID,   /* no metric name, an empty name, bytes that are no UTF-8 */
    APPEND_LABELS_DUPLICATE, /* a name that stands there twice */
};

#define APPEND_LABELS_SIZE_MAX ((size_t)128 << 20)

/* Sorts in place, unless they are too large; good ones are cut to those with values. */
enum append_labels append_labels_check(struct wal_label *labels, size_t *count);

/*
 * {a="b", c="d"}, as Prometheus prints it; labels are sorted. What no message has room for is left
 * out.
 */
void append_labels_print(const struct wal_label *labels, size_t count, struct buf *out);

/* The name that stands there twice. */
struct str append_labels_duplicate(const struct wal_label *labels, size_t count);

/* A hash of the texts in their order. */
uint64_t append_labels_hash(const struct wal_label *labels, size_t count);
