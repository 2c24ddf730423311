#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/sample.h"
#include "storage/samples_mark.h"

/* A deleted range of time, both ends included. */
struct time_range {
    int64_t begin_ms;
    int64_t end_ms;
};

/*
 * What was deleted from a block and is still in its chunks: for each series, sorted ranges that do
 * not touch.
 *
 * Thread: any; read-only once read.
 */
struct tombstones;

/* A missing file is an empty set. ERR_CORRUPT names file and offset. */
bool tombstones_open(const char *path, struct tombstones **ret_tombstones, struct err *err)
    MUST_CHECK;

/* The same from bytes. */
bool tombstones_parse(const uint8_t *bytes, size_t size, struct tombstones **ret_tombstones,
                      struct err *err) MUST_CHECK;
void tombstones_close(struct tombstones *tombstones);

struct tombstone {
    uint64_t series_ref;
    struct time_range range;
};

/* A new set: those of `before`, and these in any order. */
struct tombstones *tombstones_with(const struct tombstones *before, const struct tombstone *added,
                                   size_t count);

/* As the file has them. */
void tombstones_print(const struct tombstones *tombstones, struct buf *out);

/* The deleted ranges of the series with this reference; count 0 where there are none. */
const struct time_range *tombstones_find(const struct tombstones *tombstones, uint64_t series_ref,
                                         size_t *ret_count);
size_t tombstones_count(const struct tombstones *tombstones);

/* Adds a range to sorted ones in place and joins what touches; room for one more must be there. */
size_t time_ranges_add(struct time_range *ranges, size_t count, struct time_range added);

/* Does one of the sorted ranges hold all of `inner`? */
bool time_ranges_cover(const struct time_range *ranges, size_t count, struct time_range inner);

/*
 * Takes the samples appended since that lie in one of the sorted ranges out; histograms among them
 * are all of the newest region.
 */
void time_ranges_cut(const struct time_range *ranges, size_t count, struct samples *samples,
                     struct samples_mark since);

DEFINE_AUTO(struct tombstones *, tombstones_close)
