/*
 * Orson Peters' pattern-defeating quicksort (arXiv 2106.05123) with the numbers that Go chose. Each
 * round over items [a, b) of the whole:
 *
 *     up to 12 items     insertion
 *     choose a pivot     median of three, from 50 items on of three medians; the comparisons tell
 *                        whether the items seem to rise or to fall
 *     seem to fall       turn them round
 *     seem to rise       try to finish with at most five repairs
 *     pivot = item a-1   all equal ones go to the front and are done
 *     else               partition, sort the shorter side, go on with the longer
 *
 * A lopsided partition has three items swapped at random (seeded by the length), and too many of
 * them end in heapsort.
 *
 * What the caller sees is the order of equal items: every swap below must be Go's.
 */
#include "engine/fn/go_sort.h"

#include "base/attr.h"

#define INSERTION_MAX 12
#define NINTHER_MIN 50
#define REPAIRS_MAX 5
#define REPAIR_MIN 50

enum trend { TREND_NONE, TREND_RISING, TREND_FALLING };

struct sorter {
    struct go_item *items;
    go_less_fn *less;
    const void *context;
};

HOT_INLINE bool less_at(const struct sorter *sorter, size_t i, size_t j)
{
    return sorter->less(&sorter->items[i], &sorter->items[j], sorter->context);
}

HOT_INLINE void swap_at(const struct sorter *sorter, size_t i, size_t j)
{
    struct go_item item = sorter->items[i];
    sorter->items[i] = sorter->items[j];
    sorter->items[j] = item;
}

static size_t bit_length(size_t n)
{
    size_t bits = 0;
    for (; n > 0; n >>= 1)
        bits++;
    return bits;
}

static void insertion_sort(const struct sorter *sorter, size_t a, size_t b)
{
    for (size_t i = a + 1; i < b; i++)
        for (size_t j = i; j > a && less_at(sorter, j, j - 1); j--)
            swap_at(sorter, j, j - 1);
}

/* A heap of `count` items from `first` on, the greatest on top. */
static void heap_sink(const struct sorter *sorter, size_t first, size_t root, size_t count)
{
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && less_at(sorter, first + child, first + child + 1))
            child++;
        if (!less_at(sorter, first + root, first + child))
            return;
        swap_at(sorter, first + root, first + child);
    }
}

static void heap_sort(const struct sorter *sorter, size_t a, size_t b)
{
    size_t count = b - a;
    for (size_t i = (count - 1) / 2 + 1; i-- > 0;)
        heap_sink(sorter, a, i, count);
    for (size_t i = count; i-- > 0;) {
        swap_at(sorter, a, a + i);
        heap_sink(sorter, a, 0, i);
    }
}

static void order_pair(const struct sorter *sorter, size_t *i, size_t *j, size_t *swaps)
{
    if (!less_at(sorter, *j, *i))
        return;
    size_t index = *i;
    *i = *j;
    *j = index;
    (*swaps)++;
}

static size_t median(const struct sorter *sorter, size_t i, size_t j, size_t k, size_t *swaps)
{
    order_pair(sorter, &i, &j, swaps);
    order_pair(sorter, &j, &k, swaps);
    order_pair(sorter, &i, &j, swaps);
    return j;
}

static size_t choose_pivot(const struct sorter *sorter, size_t a, size_t b, enum trend *ret_trend)
{
    size_t quarter = (b - a) / 4;
    size_t at[3] = {a + quarter, a + 2 * quarter, a + 3 * quarter};
    size_t swaps = 0;
    size_t swaps_max = 4 * 3;
    if (b - a >= NINTHER_MIN)
        for (size_t i = 0; i < 3; i++)
            at[i] = median(sorter, at[i] - 1, at[i], at[i] + 1, &swaps);
    size_t pivot = median(sorter, at[0], at[1], at[2], &swaps);
    *ret_trend = swaps == 0 ? TREND_RISING : swaps == swaps_max ? TREND_FALLING : TREND_NONE;
    return pivot;
}

static void reverse(const struct sorter *sorter, size_t a, size_t b)
{
    for (size_t i = a, j = b - 1; i < j; i++, j--)
        swap_at(sorter, i, j);
}

static void break_pattern(const struct sorter *sorter, size_t a, size_t b)
{
    size_t length = b - a;
    uint64_t random = length;
    uint64_t mask = (UINT64_C(1) << bit_length(length)) - 1;
    size_t middle = a + length / 4 * 2;
    for (size_t i = middle - 1; i <= middle + 1; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        size_t other = (size_t)(random & mask);
        if (other >= length)
            other -= length;
        swap_at(sorter, i, a + other);
    }
}

/* One pair that falls is turned, and both of its items sink to where they belong. */
static void repair(const struct sorter *sorter, size_t a, size_t b, size_t at)
{
    swap_at(sorter, at, at - 1);
    if (at - a >= 2)
        for (size_t j = at - 1; j >= 1 && less_at(sorter, j, j - 1); j--)
            swap_at(sorter, j, j - 1);
    if (b - at >= 2)
        for (size_t j = at + 1; j < b && less_at(sorter, j, j - 1); j++)
            swap_at(sorter, j, j - 1);
}

/* True if all is sorted now. */
static bool nearly_sorted(const struct sorter *sorter, size_t a, size_t b)
{
    size_t at = a + 1;
    for (size_t i = 0; i < REPAIRS_MAX; i++) {
        while (at < b && !less_at(sorter, at, at - 1))
            at++;
        if (at == b)
            return true;
        if (b - a < REPAIR_MIN)
            return false;
        repair(sorter, a, b, at);
    }
    return false;
}

/* Items not above the pivot go to the front, where none is below it; where the others begin. */
static size_t partition_equal(const struct sorter *sorter, size_t a, size_t b, size_t pivot)
{
    swap_at(sorter, a, pivot);
    size_t i = a + 1;
    size_t j = b - 1;
    for (;;) {
        while (i <= j && !less_at(sorter, a, i))
            i++;
        while (i <= j && less_at(sorter, a, j))
            j--;
        if (i > j)
            return i;
        swap_at(sorter, i++, j--);
    }
}

/* Where the pivot comes to stand. */
static size_t partition(const struct sorter *sorter, size_t a, size_t b, size_t pivot,
                        bool *ret_was_partitioned)
{
    swap_at(sorter, a, pivot);
    size_t i = a + 1;
    size_t j = b - 1;
    for (size_t swaps = 0;; swaps++) {
        while (i <= j && less_at(sorter, i, a))
            i++;
        while (i <= j && !less_at(sorter, j, a))
            j--;
        if (i > j) {
            *ret_was_partitioned = swaps == 0;
            break;
        }
        swap_at(sorter, i++, j--);
    }
    swap_at(sorter, j, a);
    return j;
}

static void sort_range(const struct sorter *sorter, size_t a, size_t b, size_t limit)
{
    bool balanced = true;
    bool partitioned = true;
    while (b - a > INSERTION_MAX) {
        size_t length = b - a;
        if (limit == 0) {
            heap_sort(sorter, a, b);
            return;
        }
        if (!balanced) {
            break_pattern(sorter, a, b);
            limit--;
        }
        enum trend trend;
        size_t pivot = choose_pivot(sorter, a, b, &trend);
        if (trend == TREND_FALLING) {
            reverse(sorter, a, b);
            pivot = b - 1 - (pivot - a);
            trend = TREND_RISING;
        }
        if (balanced && partitioned && trend == TREND_RISING && nearly_sorted(sorter, a, b))
            return;
        if (a > 0 && !less_at(sorter, a - 1, pivot)) {
            a = partition_equal(sorter, a, b, pivot);
            continue;
        }
        size_t middle = partition(sorter, a, b, pivot, &partitioned);
        size_t left = middle - a;
        size_t right = b - middle;
        balanced = (left < right ? left : right) >= length / 8;
        if (left < right) {
            sort_range(sorter, a, middle, limit);
            a = middle + 1;
        } else {
            sort_range(sorter, middle + 1, b, limit);
            b = middle;
        }
    }
    insertion_sort(sorter, a, b);
}

void go_sort_with(struct go_item *items, size_t count, go_less_fn *less, const void *context)
{
    struct sorter sorter = {items, less, context};
    if (count > 1)
        sort_range(&sorter, 0, count, bit_length(count));
}

void go_sort(struct go_item *items, size_t count, go_less_fn *less)
{
    go_sort_with(items, count, less, NULL);
}

/* Go sorts these by the reverse of "a is NaN, or a is before b the other way round". */
bool go_less_ascending(const struct go_item *a, const struct go_item *b, const void *context)
{
    return b->value != b->value || b->value > a->value;
}

bool go_less_descending(const struct go_item *a, const struct go_item *b, const void *context)
{
    return b->value != b->value || b->value < a->value;
}

bool go_less_nan_first(const struct go_item *a, const struct go_item *b, const void *context)
{
    return a->value != a->value || a->value < b->value;
}

bool go_less_plain(const struct go_item *a, const struct go_item *b, const void *context)
{
    return a->value < b->value;
}
