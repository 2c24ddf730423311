#pragma once

#include <stdint.h>

/*
 * Percentiles of whole numbers in constant memory: each power of two is divided into eight parts,
 * so that what is told lies within 7 % of the truth. `{0}` is empty.
 *
 * Thread: one at a time.
 */
#define SKETCH_CELLS 496

struct sketch {
    uint64_t count;
    uint32_t cells[SKETCH_CELLS];
};

void sketch_add(struct sketch *sketch, uint64_t v);

/* `q` from 0 to 1; 0 for an empty one. Exact below 16. */
uint64_t sketch_quantile(const struct sketch *sketch, double q);
