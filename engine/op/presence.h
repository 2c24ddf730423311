#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct histogram;

/*
 * At which steps a row has a point: one bit a step, in words of 64 steps. Bits behind the last step
 * are 0.
 */
static inline size_t presence_words(size_t steps)
{
    return (steps + 63) / 64;
}

/* The word of the 64 steps from `step`, a multiple of 64; histograms may be NULL. */
uint64_t presence_word(const double *row, const struct histogram *const *histograms, size_t steps,
                       size_t step);

/* bits |= the row's: floats, and histograms, which may be NULL. */
void presence_add(uint64_t *bits, const double *row, const struct histogram *const *histograms,
                  size_t steps);

/* Takes the points away that lie where the bit is (not) set. */
void presence_drop(double *row, const struct histogram **histograms, const uint64_t *bits,
                   size_t steps);
void presence_keep(double *row, const struct histogram **histograms, const uint64_t *bits,
                   size_t steps);
