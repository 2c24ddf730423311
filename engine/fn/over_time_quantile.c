/*
 * quantile_over_time and mad_over_time. All samples of the call are sorted once; a window is then a
 * set of ranks, one bit each, where samples come and go in O(1). A place in the set, with how many
 * members lie before it, moves to the member asked for: as windows overlap, not far.
 */

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "engine/fn/cursor.h"
#include "engine/fn/kernels.h"
#include "engine/fn/quantile.h"
#include "model/sample.h"

struct ranks {
    const double *values;
    uint32_t *order; /* by rank, the index of a sample */
    uint32_t *rank;  /* the other way round */
    uint64_t *words; /* bit r: the sample of rank r is in the window */
    size_t lo;       /* the window */
    size_t hi;
    size_t word; /* the place, and the number of members in the words before it */
    size_t before;
};

static struct ranks ranks_sort(const struct window_call *call)
{
    size_t count = call->sample_count;
    size_t word_count = count / 64 + 1;
    size_t set_bytes = word_count * sizeof(uint64_t) + 2 * count * sizeof(uint32_t);
    set_bytes = (set_bytes + 15) / 16 * 16;
    assert(count < UINT32_MAX);

    char *space = scratch_take(call->scratch, set_bytes + QUANTILE_SORT_SPACE(count));
    struct ranks ranks = {.values = call->values, .words = (uint64_t *)(void *)space};
    ranks.order = (uint32_t *)(ranks.words + word_count);
    ranks.rank = ranks.order + count;
    memset(ranks.words, 0, word_count * sizeof *ranks.words);

    quantile_sort(call->values, count, ranks.order, space + set_bytes);
    for (size_t r = 0; r < count; r++)
        ranks.rank[ranks.order[r]] = (uint32_t)r;
    return ranks;
}

static void ranks_move(struct ranks *ranks, size_t lo, size_t hi)
{
    /* A window that shares nothing with the last: what lies between was never in. */
    size_t added = lo > ranks->hi ? lo : ranks->hi;

    for (size_t i = ranks->lo; i < lo && i < ranks->hi; i++) {
        uint32_t rank = ranks->rank[i];
        ranks->words[rank / 64] &= ~(UINT64_C(1) << rank % 64);
        ranks->before -= rank / 64 < ranks->word;
    }
    for (size_t i = added; i < hi; i++) {
        uint32_t rank = ranks->rank[i];
        ranks->words[rank / 64] |= UINT64_C(1) << rank % 64;
        ranks->before += rank / 64 < ranks->word;
    }
    ranks->lo = lo;
    ranks->hi = hi;
}

/* The index of the `nth` bit that is set. */
HOT_INLINE unsigned ranks_nth_bit(uint64_t word, unsigned nth)
{
    unsigned at = 0;
    for (unsigned width = 32; width > 0; width /= 2) {
        unsigned low = (unsigned)__builtin_popcountll(word >> at & ((UINT64_C(1) << width) - 1));
        if (low <= nth) {
            nth -= low;
            at += width;
        }
    }
    return at;
}

/* The rank of the window's `nth` member. */
KERNEL_CLONES static size_t ranks_find(struct ranks *ranks, size_t nth)
{
    size_t word = ranks->word;
    size_t before = ranks->before;

    while (before > nth)
        before -= (size_t)__builtin_popcountll(ranks->words[--word]);
    for (;;) {
        size_t here = (size_t)__builtin_popcountll(ranks->words[word]);
        if (nth < before + here)
            break;
        before += here;
        word++;
    }
    ranks->word = word;
    ranks->before = before;
    return word * 64 + ranks_nth_bit(ranks->words[word], (unsigned)(nth - before));
}

/* The next member's rank. There is one. */
static size_t ranks_next(const struct ranks *ranks, size_t rank)
{
    size_t word = (rank + 1) / 64;
    uint64_t bits = ranks->words[word] & (~UINT64_C(0) << (rank + 1) % 64);
    while (bits == 0)
        bits = ranks->words[++word];
    return word * 64 + (size_t)__builtin_ctzll(bits);
}

static double ranks_value(const struct ranks *ranks, size_t rank)
{
    return ranks->values[ranks->order[rank]];
}

static double ranks_quantile(struct ranks *ranks, double phi)
{
    double result;
    if (!quantile_phi_valid(phi, &result))
        return result;

    struct quantile_place place = quantile_place(phi, ranks->hi - ranks->lo);
    size_t rank = ranks_find(ranks, place.lower);
    double lower = ranks_value(ranks, rank);
    double upper = lower;
    if (place.upper > place.lower)
        upper = ranks_value(ranks, ranks_next(ranks, rank));
    return quantile_mix(&place, lower, upper);
}

void quantile_window(const struct window_call *call)
{
    struct ranks ranks = ranks_sort(call);
    struct cursor cursor = cursor_begin(call);

    for (size_t i = 0; i < call->refs.count; i++) {
        cursor_move(&cursor, grid_time(&call->refs, i));
        ranks_move(&ranks, cursor.lo, cursor.hi);
        bool empty = cursor.lo == cursor.hi;
        call->out[i] = empty ? value_stale() : ranks_quantile(&ranks, call->params[i]);
    }
}

/* The median of the distances from the median. */
static double mad_of(const double *values, size_t count, double *space)
{
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i]))
            return value_nan();
        space[i] = values[i];
    }
    double median = quantile_of(0.5, space, count);
    for (size_t i = 0; i < count; i++)
        space[i] = fabs(space[i] - median);
    return quantile_of(0.5, space, count);
}

void mad_window(const struct window_call *call)
{
    double *space = scratch_take(call->scratch, call->sample_count * sizeof *space);
    struct cursor cursor = cursor_begin(call);
    size_t lo = SIZE_MAX;
    size_t hi = SIZE_MAX;
    double result = 0;

    for (size_t i = 0; i < call->refs.count; i++) {
        cursor_move(&cursor, grid_time(&call->refs, i));
        if (cursor.lo != lo || cursor.hi != hi) {
            lo = cursor.lo;
            hi = cursor.hi;
            result = lo == hi ? value_stale() : mad_of(call->values + lo, hi - lo, space);
        }
        call->out[i] = result;
    }
}
