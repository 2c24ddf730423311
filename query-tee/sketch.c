#include "query-tee/sketch.h"

/* Below 8 a cell each; then three bits behind the highest one say which part of its power. */
static unsigned cell_of(uint64_t v)
{
    if (v < 8)
        return (unsigned)v;
    unsigned exponent = 63 - (unsigned)__builtin_clzll(v);
    return (exponent - 2) * 8 + (unsigned)(v >> (exponent - 3) & 7);
}

/* The middle of a cell. */
static uint64_t cell_value(unsigned cell)
{
    if (cell < 8)
        return cell;
    unsigned shift = cell / 8 - 1;
    uint64_t low = (UINT64_C(8) + cell % 8) << shift;
    return low + ((UINT64_C(1) << shift) - 1) / 2;
}

void sketch_add(struct sketch *sketch, uint64_t v)
{
    sketch->count++;
    sketch->cells[cell_of(v)]++;
}

uint64_t sketch_quantile(const struct sketch *sketch, double q)
{
    if (sketch->count == 0)
        return 0;
    uint64_t rank = (uint64_t)(q * (double)(sketch->count - 1) + 0.5);
    uint64_t before = 0;
    unsigned cell = 0;
    while (before + sketch->cells[cell] <= rank)
        before += sketch->cells[cell++];
    return cell_value(cell);
}
