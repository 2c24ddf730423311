#pragma once

#include "engine/fn/arith.h"
#include "engine/op.h"
#include "engine/op/histogram_row.h"
#include "engine/op/tile.h"

/*
 * What two vectors' points give when they meet, row by row: floats as in arith, histograms as their
 * operators say. Where two points do not go together there is none; Prometheus then tells the user
 * of the last such pair of each step, which is gathered here.
 *
 * Thread: the one that runs the query.
 */
struct join_points {
    struct query *query;
    size_t step_count;
    struct arith arith;
    bool swapped; /* the many side is the right operand */
    size_t begin; /* of the expression, for notes */

    /* One a step; NULL until a pair fails. */
    uint8_t *failures;
    uint32_t *places;
    uint64_t *failed; /* bits: where the last row had a pair without a result */
};

/* Two rows that meet. */
struct join_meeting {
    uint32_t place; /* where the pair stands among those of a step */
    struct point_row many, one;
};

struct join_points join_points_of(struct query *query, const struct grid *grid,
                                  const struct binary *binary, size_t begin);

/*
 * Puts what a pair of rows gives into a row of the tile's batch, and tells how it went: the bits of
 * the steps that have failed, until the next call; NULL: none.
 */
bool join_points_meet(struct join_points *points, const struct join_meeting *meeting,
                      struct tile *tile, struct batch *out, size_t row, const uint64_t **ret_failed,
                      struct err *err) MUST_CHECK;

/*
 * Marks in `seen` the steps at which both had a point, and an answer came out, and in `also` if it
 * is not NULL. False: one was marked in `seen` already.
 */
bool join_points_mark(const struct join_points *points, const struct join_meeting *meeting,
                      const uint64_t *failed, uint64_t *seen, uint64_t *also) MUST_CHECK;

/* The `tells` of an operator whose rows these are: to trim a float is refused as well. */
const bool *join_points_tells(const struct join_points *points, struct op *op);

/* After the last row: tells the user. */
void join_points_note(struct join_points *points);
