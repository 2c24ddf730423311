#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "query-tee/json_read.h"

/*
 * One member of an answer: a series with its points, a scalar, a name of a list, the metadata of a
 * metric, the exemplars of a series. All are read into the same shape, so that all are compared in
 * the same way: something to be known by, and a list of timed texts.
 *
 *     answer            labels (the key)         points
 *     matrix, vector    the series               its samples
 *     scalar, string    ""                       one
 *     labels, values    the name or value        -
 *     series            the series               -
 *     metadata          the metric's name        {"help":...,"type":...,"unit":...}, sorted
 *     exemplars         the series               value, a space, and the exemplar's labels
 *
 * Its texts are views: of the memory that it was read from, and of its own. All are valid until the
 * next one is read.
 *
 * Thread: one at a time.
 */
enum point_kind {
    POINT_TEXT,      /* what stands between quotes: a float, or a string */
    POINT_HISTOGRAM, /* an object of JSON */
};

struct answer_point {
    int64_t time_ms; /* 0 in metadata */
    const char *ptr;
    uint32_t len;
    enum point_kind kind;
};

static inline struct str answer_point_text(const struct answer_point *point)
{
    return (struct str){point->ptr, point->len};
}

struct answer_item {
    struct str labels; /* of a series: as JSON, {"__name__":"up",...}, in the order of the names */
    uint64_t hash;     /* of the labels */
    struct answer_point *points; /* in the order of their times, no two at one time */
    size_t point_count;
    size_t size_bytes; /* that it took in the body */

    size_t point_cap;
    size_t size_max; /* of body and points together */
    bool too_large;  /* why reading failed: beyond size_max */
    struct buf label_text;
    struct arena *arena; /* texts that had escapes */
};

/* `{0}` is an empty one. */
void answer_item_done(struct answer_item *item);

/*
 * Each reads one item and moves on behind it, as the functions of json_read.h do. The pair is that
 * of a scalar or a string, read from behind its bracket.
 */
bool answer_item_series(struct answer_item *item, struct json_reader *json);
bool answer_item_pair(struct answer_item *item, struct json_reader *json);
bool answer_item_text(struct answer_item *item, struct json_reader *json);
bool answer_item_labels(struct answer_item *item, struct json_reader *json);
bool answer_item_metadata(struct answer_item *item, struct json_reader *json);
bool answer_item_exemplars(struct answer_item *item, struct json_reader *json);
