#pragma once

#include <stddef.h>
#include <stdint.h>

#include "model/matcher.h"
#include "storage/append.h"

/*
 * The exemplars that came last, a fixed number of them: a ring in memory, as Prometheus's; who
 * opens a database fills it with what the log has (db_options.exemplar). Of a series they rise in
 * time; when the ring is full, each new one takes the place of the oldest.
 *
 * Thread: any.
 */
struct exemplars;

/* A series with more bytes of labels than this has no exemplars here. */
#define EXEMPLARS_SERIES_SIZE_MAX 8192

/* How many there may be; 0: none are taken. */
struct exemplars *exemplars_create(size_t count);

/* Another number; where there are too many for it, the newest stay. */
void exemplars_resize(struct exemplars *exemplars, size_t count);
void exemplars_destroy(struct exemplars *exemplars);

enum exemplar_verdict {
    EXEMPLAR_TAKEN, /* or it is there already */
    EXEMPLAR_OUT_OF_ORDER,
    EXEMPLAR_TOO_LARGE, /* its labels have more than 128 characters, or its series has too many */
    EXEMPLAR_NO_ROOM,   /* there may be none */
};

/* Labels of the series are in order. */
enum exemplar_verdict exemplars_append(struct exemplars *exemplars, const struct wal_label *labels,
                                       size_t label_count, const struct append_exemplar *exemplar);

struct exemplars_query {
    struct matcher *const *const *matcher_sets; /* series of any of them */
    const size_t *matcher_counts;
    size_t set_count;
    int64_t begin_ms, end_ms; /* both included */
};

/* One series and its exemplars in the range, at least one, all borrowed for the call. */
struct exemplars_of_series {
    const struct wal_label *labels;
    size_t label_count;
    const struct append_exemplar *items;
    size_t count;
};

/* Calls `take` for each series that has any, in the order of their labels. With the lock held: it
 * calls nothing of these. */
void exemplars_select(struct exemplars *exemplars, const struct exemplars_query *query,
                      void (*take)(void *context, const struct exemplars_of_series *series),
                      void *context);

struct exemplars_stats {
    size_t count, count_max, series_count;
    uint64_t appended_total, out_of_order_total;
    int64_t oldest_ms; /* of those in the ring; 0: there is none */
};

void exemplars_stats(struct exemplars *exemplars, struct exemplars_stats *ret_stats);

DEFINE_AUTO(struct exemplars *, exemplars_destroy)
