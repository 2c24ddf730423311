#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Go's sort.Sort and slices.SortFunc (1.24 and later): a pattern-defeating quicksort that is not
 * stable, but always the same. Where Prometheus sorts by value, the order of equal values, and of
 * values that its comparison contradicts itself about (NaN), is what this algorithm makes of it;
 * so we take the same steps.
 *
 * Cost: O(n log n); O(n) for what is sorted already.
 */
struct go_item {
    double value;
    uint32_t index;
};

typedef bool go_less_fn(double a, double b);

void go_sort(struct go_item *items, size_t count, go_less_fn *less);

/* As Prometheus compares: upwards, downwards, and both with NaN behind all others. */
bool go_less_ascending(double a, double b);
bool go_less_descending(double a, double b);
bool go_less_nan_first(double a, double b);
bool go_less_plain(double a, double b); /* a < b; NaN is neither before nor behind */
