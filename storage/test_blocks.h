#pragma once

#include <stddef.h>
#include <stdint.h>

#include "model/matcher.h"
#include "model/sample.h"
#include "model/symbols.h"
#include "storage/append.h"
#include "storage/block.h"
#include "storage/db.h"
#include "storage/db_select.h"
#include "storage/select.h"

/*
 * For tests: a data directory under /tmp, filled with blocks. Whatever fails ends the test.
 */
struct test_dir {
    char path[64];
    struct arena *arena;
    struct symbols *symbols;
};

void test_dir_init(struct test_dir *dir);
void test_dir_done(struct test_dir *dir);

/*
 * One series: "a=1,b=2" sorted by name; values count up from `first`, or are the counts of native
 * histograms, of one bucket.
 */
struct test_series {
    const char *labels;
    int64_t begin_ms;
    int64_t step_ms;
    size_t count;
    double first;
    size_t chunk_samples; /* 0: all in one */
    bool histograms;
    bool gauge;
};

const struct labels *test_labels(struct test_dir *dir, const char *text);

/* Writes a block of [begin_ms, end_ms); its ULID is made of the number. */
struct ulid test_dir_block(struct test_dir *dir, unsigned number, int64_t begin_ms, int64_t end_ms,
                           const struct test_series *series, size_t count);
/* A block of [0, 1000) whose one series is a=x, with a sample every 10 ms unless it says else. */
struct ulid test_dir_add(struct test_dir *dir, unsigned number, struct test_series series);

/* Its only tombstone: the range, both ends included, of the block's first series. */
void test_dir_delete(struct test_dir *dir, struct ulid ulid, int64_t begin_ms, int64_t end_ms);
struct block *test_dir_open(struct test_dir *dir, struct ulid ulid);

/* "__name__=x", "job!=y", "code=~2.." or "code!~2..". */
struct matcher *test_matcher(struct test_dir *dir, const char *text);

/*
 * A series as it is sent, of no label but its name: samples whose values are their times, or
 * histograms of one observation. In the directory's arena; the name is borrowed.
 */
struct append_series test_append_series(struct test_dir *dir, const char *name,
                                        const int64_t *times_ms, size_t count, bool histograms);

/* A selection of the directory, opened as a database. */
struct test_select {
    struct db *db;
    struct matcher *matcher;
    struct selection *selection;
};

/* `matcher`: as of test_matcher; NULL: all series. */
void test_select_open(struct test_select *select, struct test_dir *dir, const char *matcher,
                      int64_t begin_ms, int64_t end_ms);
void test_select_close(struct test_select *select);

/*
 * What a selection gives, as text: a line a series, "{labels} t:v t:v ...". A histogram is its
 * count behind its hint: "?3" unknown, "r3" reset, "-3" no reset, "g3" gauge.
 */
void test_print_totals(struct selection *selection, const struct symbols *symbols, struct buf *out);
void test_print(struct selection *selection, const struct symbols *symbols, struct buf *out);

/* Bytes of a file that the test may change, and put back. */
void test_read_file(const char *path, struct buf *out);
void test_write_file(const char *path, struct str bytes);
