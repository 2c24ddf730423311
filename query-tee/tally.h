#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "query-tee/exposition.h"

/*
 * Counters and histograms by labels, for /metrics. Labels are given as they stand between
 * the braces; there are as many of a metric as backends, routes and the like make, and never as
 * many as a client can think of.
 *
 * Thread: any.
 */
struct tally;

enum tally_metric {
#define TALLY(name, kind, metric, help, bounds) TALLY_##name,
#include "query-tee/tally.def"
#undef TALLY
    TALLY_COUNT
};

/* More sets of labels than these are dropped, and counted. */
#define TALLY_CELLS_MAX 20000

struct tally *tally_create(void);
void tally_destroy(struct tally *tally);

/* `fmt` makes the labels: "backend=\"%s\"". */
void tally_add(struct tally *tally, enum tally_metric metric, uint64_t n, const char *fmt, ...)
    PRINTF(4, 5);
void tally_observe(struct tally *tally, enum tally_metric metric, double v, const char *fmt, ...)
    PRINTF(4, 5);

/* Metrics in the order of the table. */
void tally_print(struct tally *tally, struct exposition *exposition);

/* A value as it stands between quotes. */
void tally_escape(struct buf *out, const char *value);

DEFINE_AUTO(struct tally *, tally_destroy)
