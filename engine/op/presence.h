#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * At which steps a row has a point: one bit a step, in words of 64 steps. Bits behind the last step
 * are 0.
 */
static inline size_t presence_words(size_t steps)
{
    return (steps + 63) / 64;
}

/* The bits of one word's steps, `count` <= 64. */
uint64_t presence_of(const double *values, size_t count);

/* bits |= the row's. */
void presence_add(uint64_t *bits, const double *row, size_t steps);

/* Takes the points away that lie where the bit is (not) set. */
void presence_drop(double *row, const uint64_t *bits, size_t steps);
void presence_keep(double *row, const uint64_t *bits, size_t steps);
