#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * For tests: writes what a Prometheus writes beside its blocks, in memory and as files. All texts
 * end in NULL.
 */

/* One record each, appended to an empty buf. */
void test_series(struct buf *record, uint64_t ref, const char *const *texts);
#define TEST_SERIES(record, ref, ...) \
    test_series((record), (ref), (const char *const[]){__VA_ARGS__, NULL})

struct test_sample {
    uint64_t ref;
    int64_t t_ms;
    double v;
};

void test_samples(struct buf *record, const struct test_sample *samples, size_t count);
void test_samples_v2(struct buf *record, const struct test_sample *samples, size_t count);
void test_tombstone(struct buf *record, uint64_t ref, int64_t begin_ms, int64_t end_ms);
void test_marker(struct buf *record, uint64_t ref, uint64_t place);

/* A native histogram of two buckets, of type 7 or 8. */
void test_histogram(struct buf *record, uint64_t ref, int64_t t_ms, int is_float);

/* A segment: fragments in pages. */
enum test_packing { TEST_PLAIN = 0, TEST_SNAPPY = 8, TEST_ZSTD = 16 };

void test_segment_add(struct buf *segment, const struct buf *record, enum test_packing packing);
/* Appends the record and empties it. */
void test_segment_take(struct buf *segment, struct buf *record);
/* Zeros up to the end of the page. */
void test_segment_pad(struct buf *segment);

/* A head chunk file; a chunk with samples at begin, begin + step, ... and values 0, 1, ... */
struct test_chunk {
    uint64_t ref;
    int64_t begin_ms;
    int64_t step_ms;
    size_t count;
    int out_of_order;
};

void test_chunks_begin(struct buf *file);
void test_chunks_add(struct buf *file, struct test_chunk chunk);

/* A fresh folder under the temporary one; and a file below it, with the folders on the way. */
void test_folder(char *out, size_t size);
void test_file(const char *folder, const char *name, const struct buf *bytes);
void test_file_append(const char *folder, const char *name, const void *bytes, size_t len);
void test_file_remove(const char *folder, const char *name);
void test_folder_remove(const char *folder);
