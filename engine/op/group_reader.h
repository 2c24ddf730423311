#pragma once

#include "engine/op/row_store.h"

/*
 * Reads the rows of one group of a child's series after another, each group in the order in which
 * Prometheus would have them: by what has a point, where the child tells that a row comes too early
 * (batch.h). Such a row is held until its place is reached, which is rare.
 *
 *     group_reader_init(&reader, child);
 *     group_reader_begin(&reader, members, count);
 *     while ((got = group_reader_next(&reader, &row, err)) == PULL_BATCH) ...
 *
 * Thread: the one that runs the query.
 */
struct early_row {
    struct row_place place;
    size_t member;
    struct held_row held;
};

struct group_reader {
    struct row_reader rows;
    const uint32_t *members;
    size_t count;
    size_t next;
    struct early_row *early; /* in the arena */
    size_t early_count;
    size_t early_cap;
    struct row_store store;
    struct held_row given;
};

/* Valid until the next call; may be written to. */
struct group_row {
    size_t member; /* index into members */
    double *values;
    const struct histogram **histograms; /* NULL: none */
};

void group_reader_init(struct group_reader *reader, struct op *child);
void group_reader_done(struct group_reader *reader); /* a zeroed one is fine */

/* The child hands out these series next. */
void group_reader_begin(struct group_reader *reader, const uint32_t *members, size_t count);

/* PULL_END behind the last row of the group. */
enum pull group_reader_next(struct group_reader *reader, struct group_row *ret_row, struct err *err)
    MUST_CHECK;
