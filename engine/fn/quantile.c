#include "engine/fn/quantile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/fn/go_sort.h"
#include "model/sample.h"

/* Below this many, insertion is quicker than counting digits. */
#define QUANTILE_INSERTION_MAX 64
#define QUANTILE_DIGITS 256

struct quantile_place quantile_place(double phi, size_t count)
{
    double n = (double)count;
    double rank = phi * (n - 1);
    double lower = floor(rank);
    double upper = lower + 1 < n - 1 ? lower + 1 : n - 1;
    return (struct quantile_place){(size_t)lower, (size_t)upper, rank - lower};
}

bool quantile_phi_valid(double phi, double *ret_result)
{
    if (isnan(phi))
        *ret_result = value_nan();
    else if (phi < 0)
        *ret_result = -INFINITY;
    else if (phi > 1)
        *ret_result = INFINITY;
    else
        return true;
    return false;
}

/* Keys are in the order of the values they are made of. */
static uint64_t quantile_key_of(double value)
{
    if (isnan(value))
        return 0;
    uint64_t bits = value_bits(value == 0 ? 0 : value);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static void quantile_sort_short(struct quantile_key *keys, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct quantile_key moved = keys[i];
        size_t j = i;
        for (; j > 0 && keys[j - 1].key > moved.key; j--)
            keys[j] = keys[j - 1];
        keys[j] = moved;
    }
}

static void quantile_count_digits(const struct quantile_key *keys, size_t count,
                                  uint32_t counts[8][QUANTILE_DIGITS])
{
    memset(counts, 0, 8 * sizeof *counts);
    for (size_t i = 0; i < count; i++) {
        for (unsigned digit = 0; digit < 8; digit++)
            counts[digit][keys[i].key >> 8 * digit & 255]++;
    }
}

/* Radix sort from the lowest byte up; bytes that are the same in all keys are passed over. */
static struct quantile_key *quantile_sort_long(struct quantile_key *keys,
                                               struct quantile_key *other, size_t count)
{
    uint32_t counts[8][QUANTILE_DIGITS];
    quantile_count_digits(keys, count, counts);

    for (unsigned digit = 0; digit < 8; digit++) {
        uint32_t *starts = counts[digit];
        if (starts[keys[0].key >> 8 * digit & 255] == count)
            continue;
        uint32_t start = 0;
        for (size_t i = 0; i < QUANTILE_DIGITS; i++) {
            uint32_t here = starts[i];
            starts[i] = start;
            start += here;
        }
        for (size_t i = 0; i < count; i++)
            other[starts[keys[i].key >> 8 * digit & 255]++] = keys[i];
        struct quantile_key *sorted = other;
        other = keys;
        keys = sorted;
    }
    return keys;
}

void quantile_sort(const double *values, size_t count, uint32_t *ret_order, void *space)
{
    struct quantile_key *keys = space;
    for (size_t i = 0; i < count; i++)
        keys[i] = (struct quantile_key){quantile_key_of(values[i]), (uint32_t)i};

    if (count <= QUANTILE_INSERTION_MAX)
        quantile_sort_short(keys, count);
    else
        keys = quantile_sort_long(keys, keys + count, count);
    for (size_t i = 0; i < count; i++)
        ret_order[i] = keys[i].index;
}

/* What stands at `rank` once all smaller ones stand before it and all greater ones behind. */
static double quantile_select(double *values, size_t count, size_t rank)
{
    size_t lo = 0;
    size_t hi = count - 1;
    while (lo < hi) {
        uint64_t pivot = quantile_key_of(values[lo + (hi - lo) / 2]);
        size_t i = lo;
        size_t j = hi;
        for (;;) {
            while (quantile_key_of(values[i]) < pivot)
                i++;
            while (quantile_key_of(values[j]) > pivot)
                j--;
            if (i >= j)
                break;
            double swapped = values[i];
            values[i++] = values[j];
            values[j--] = swapped;
        }
        if (i == j && rank == i)
            return values[i];
        if (rank <= j)
            hi = j;
        else
            lo = j + 1;
    }
    return values[rank];
}

bool quantile_zeros_mixed(const double *values, size_t count)
{
    size_t plus = 0;
    size_t minus = 0;
    for (size_t i = 0; i < count; i++) {
        plus += value_bits(values[i]) == 0;
        minus += value_bits(values[i]) == UINT64_C(1) << 63;
    }
    return plus > 0 && minus > 0;
}

double quantile_as_go(double phi, const double *values, size_t count)
{
    double result;
    if (!quantile_phi_valid(phi, &result))
        return result;

    AUTO(free) void *memory = mem_new_array(struct go_item, count);
    struct go_item *items = memory;
    for (size_t i = 0; i < count; i++)
        items[i] = (struct go_item){values[i], (uint32_t)i};
    go_sort(items, count, go_less_nan_first);
    struct quantile_place place = quantile_place(phi, count);
    return quantile_mix(&place, items[place.lower].value, items[place.upper].value);
}

double quantile_of(double phi, double *values, size_t count)
{
    double result;
    if (!quantile_phi_valid(phi, &result))
        return result;
    if (quantile_zeros_mixed(values, count))
        return quantile_as_go(phi, values, count);

    struct quantile_place place = quantile_place(phi, count);
    double lower = quantile_select(values, count, place.lower);
    double upper = lower;
    if (place.upper > place.lower) {
        /* All behind the lower are greater or equal: the next is the least of them. */
        upper = values[place.upper];
        for (size_t i = place.upper + 1; i < count; i++) {
            if (quantile_key_of(values[i]) < quantile_key_of(upper))
                upper = values[i];
        }
    }
    return quantile_mix(&place, lower, upper);
}
