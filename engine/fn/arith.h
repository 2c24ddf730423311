#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "parser/ast.h"

/*
 * Arithmetic and comparison over rows, in place, as Go computes them. A missing point (the stale
 * marker's bits) on either side gives a missing one. Comparisons without `return_bool` keep the
 * left value (`keep_right`: the right one) where they hold, and leave nothing where they do not.
 */
struct arith {
    enum binary_op op; /* arithmetic or comparison */
    bool return_bool;
    bool keep_right; /* comparisons only: the vector stands on the right of a scalar */
};

/* left[i] = left[i] op right[i]. Both `count` long; they do not overlap. */
void arith_rows(const struct arith *arith, double *left, const double *right, size_t count);

/* As above, but the answer replaces the right row. */
void arith_rows_into_right(const struct arith *arith, const double *left, double *right,
                           size_t count);

/* One pair, both there: comparisons give 1 or 0 (for scalars, which have bool). */
double arith_scalar(enum binary_op op, double left, double right);
