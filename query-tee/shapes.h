#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "query-tee/sketch.h"

/*
 * What was asked, by the shape of the query: how often, how often answers differed, and how long
 * each backend took and how much it sent. The number of shapes is limited; those that come too late
 * are counted under "other".
 *
 * Thread: any.
 */
struct shapes;

struct shapes *shapes_create(size_t backend_count, size_t count_max);
void shapes_destroy(struct shapes *shapes);

/* One backend's answer to a question of this shape. */
void shapes_add_answer(struct shapes *shapes, struct str shape, size_t backend, int64_t latency_ns,
                       uint64_t size);

/* A question; `different`: its answers were. */
void shapes_add_question(struct shapes *shapes, struct str shape, bool different);

/* What a shape has come to; those asked most often first. Borrowed for the call. */
struct shape_total {
    struct str shape;
    uint64_t question_count;
    uint64_t different_count;
    const struct sketch *latencies_us; /* one a backend */
    const struct sketch *sizes;
};

void shapes_each(struct shapes *shapes,
                 void (*take)(void *context, const struct shape_total *total), void *context);

/*
 * An aligned table: of the first backend's times the median and the 99th percentile, the second
 * one's, how many times faster the second is by the median, and the sizes of answers.
 */
void shapes_print(struct shapes *shapes, struct buf *out);

DEFINE_AUTO(struct shapes *, shapes_destroy)
