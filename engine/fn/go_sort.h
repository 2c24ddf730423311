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

/* Is a before b? `context` is what go_sort_with was given. */
typedef bool go_less_fn(const struct go_item *a, const struct go_item *b, const void *context);

void go_sort(struct go_item *items, size_t count, go_less_fn *less);
void go_sort_with(struct go_item *items, size_t count, go_less_fn *less, const void *context);

/* As Prometheus compares: upwards, downwards, and both with NaN behind all others; NaN first; and
 * a < b, where NaN is neither before nor behind. */
go_less_fn go_less_ascending, go_less_descending, go_less_nan_first, go_less_plain;
