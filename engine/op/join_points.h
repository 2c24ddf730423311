#pragma once

#include "engine/fn/arith.h"
#include "engine/op.h"
#include "engine/op/histogram_row.h"

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

struct join_points join_points_of(struct query *query, const struct grid *grid,
                                  const struct binary *binary, size_t begin);

/* Must the pair of rows go through join_points_meet? Else join_points_floats does. */
bool join_points_has_histograms(const struct join_points *points, struct point_row many,
                                struct point_row one);

void join_points_floats(const struct join_points *points, struct point_row many,
                        struct point_row one, double *out);

/*
 * The results, histograms in `arena`. `place`: where the pair stands among those of a step. Returns
 * the bits of the steps that failed, until the next call.
 */
const uint64_t *join_points_meet(struct join_points *points, uint32_t place, struct point_row many,
                                 struct point_row one, double *out,
                                 const struct histogram **out_histograms, struct arena *arena);

/* The `tells` of an operator whose rows these are: to trim a float is refused as well. */
const bool *join_points_tells(const struct join_points *points, struct op *op);

/* After the last row: tells the user. */
void join_points_note(struct join_points *points);
