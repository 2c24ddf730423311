#pragma once

#include <stddef.h>

#include "base/attr.h"

/*
 * A polynomial in x by Horner's rule, the coefficient of the highest power first. A multiplication
 * and an addition for each, rounded apart.
 */
#define HORNER(x, terms) horner_sum(x, terms, ARRAY_COUNT(terms))

HOT_INLINE double horner_sum(double x, const double *terms, size_t count)
{
    double sum = terms[0];
    for (size_t i = 1; i < count; i++)
        sum = sum * x + terms[i];
    return sum;
}
