#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/*
 * Warnings and infos that a query gathers on its way, each text once. Texts live in the arena.
 *
 * Thread: the one that runs the query.
 */
enum annotation_level { ANNOTATION_WARNING, ANNOTATION_INFO };

struct annotation_raises;

struct annotation {
    enum annotation_level level;
    struct str text;                  /* without prefix and position */
    size_t begin;                     /* byte offset in the query text; SIZE_MAX: no position */
    size_t rank;                      /* of the one that gave the position */
    uint64_t occurrences;             /* told if more than one; 0: not counted */
    struct annotation_raises *raises; /* what `text` was made of; else NULL */
};

/* Where histogram_quantile had to raise counts, since those of wider buckets were lower. */
struct annotation_raises {
    struct str metric;           /* empty: not told */
    double bound_min, bound_max; /* of the buckets raised */
    double raise_max;
    uint64_t count; /* of histograms, as Prometheus tells it; wraps */
    int64_t begin_ms, end_ms;
};

struct annotations {
    struct arena *arena;
    struct annotation *items; /* in the arena */
    size_t count;
    size_t cap;
    /*
     * Of who adds now: of an equal text the position from the highest rank wins, of equal ranks the
     * newest. So positions are Prometheus's where things are not evaluated in its order.
     */
    size_t rank;
};

/* Further ones are dropped. */
#define ANNOTATIONS_MAX 1000

void annotations_init(struct annotations *annotations, struct arena *arena);

/* Adds a text, printf-style. */
void annotations_add(struct annotations *annotations, enum annotation_level level, size_t begin,
                     const char *fmt, ...) PRINTF(4, 5);

/*
 * Adds a text, and counts how often: "text (3 occurrences)". The foremost position stays, which is
 * that of the call Prometheus evaluates first.
 */
void annotations_add_counted(struct annotations *annotations, enum annotation_level level,
                             size_t begin, uint64_t occurrences, struct str text);

/*
 * One info for all histograms of a metric: adds these to those already told of. The foremost
 * position stays here too.
 */
void annotations_add_raises(struct annotations *annotations, size_t begin,
                            const struct annotation_raises *raises);

/*
 * As the API shows one: "PromQL warning: text (line:col)" for those with a position, else the text.
 */
void annotation_print(const struct annotation *annotation, struct str query, struct buf *out);
