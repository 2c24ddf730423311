/*
 * quantile_over_time and mad_over_time. All samples of the call are sorted once; a window is then a
 * set of ranks, one bit each, where samples come and go in O(1). A place in the set, with how many
 * members lie before it, moves to the member asked for: as windows overlap, not far. A second set
 * says which words of the first have members, so that a small window's are not searched for.
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
    uint64_t *used;  /* bit w: words[w] is not 0 */
    size_t lo;       /* the window */
    size_t hi;
    size_t word; /* the place, and the number of members in the words before it */
    size_t before;
};

/* What follows the set of `extra_bytes` is the caller's. */
static struct ranks ranks_sort(const struct window_call *call, size_t extra_bytes, void **ret_extra)
{
    size_t count = call->sample_count;
    size_t word_count = count / 64 + 1;
    size_t used_count = word_count / 64 + 1;
    size_t set_bytes = (word_count + used_count + count) * sizeof(uint64_t);
    size_t sort_bytes = QUANTILE_SORT_SPACE(count);
    assert(count < UINT32_MAX);

    char *space = scratch_take(call->scratch,
                               set_bytes + (sort_bytes > extra_bytes ? sort_bytes : extra_bytes));
    struct ranks ranks = {.values = call->values, .words = (uint64_t *)(void *)space};
    ranks.used = ranks.words + word_count;
    ranks.order = (uint32_t *)(ranks.used + used_count);
    ranks.rank = ranks.order + count;
    memset(ranks.words, 0, (word_count + used_count) * sizeof *ranks.words);

    quantile_sort(call->values, count, ranks.order, space + set_bytes);
    for (size_t r = 0; r < count; r++)
        ranks.rank[ranks.order[r]] = (uint32_t)r;
    *ret_extra = space + set_bytes;
    return ranks;
}

static void ranks_remove(struct ranks *ranks, size_t rank)
{
    size_t word = rank / 64;
    ranks->words[word] &= ~(UINT64_C(1) << rank % 64);
    if (ranks->words[word] == 0)
        ranks->used[word / 64] &= ~(UINT64_C(1) << word % 64);
    ranks->before -= word < ranks->word;
}

static void ranks_add(struct ranks *ranks, size_t rank)
{
    size_t word = rank / 64;
    ranks->words[word] |= UINT64_C(1) << rank % 64;
    ranks->used[word / 64] |= UINT64_C(1) << word % 64;
    ranks->before += word < ranks->word;
}

static void ranks_move(struct ranks *ranks, size_t lo, size_t hi)
{
    /* A window that shares nothing with the last: what lies between was never in. */
    size_t added = lo > ranks->hi ? lo : ranks->hi;

    for (size_t i = ranks->lo; i < lo && i < ranks->hi; i++)
        ranks_remove(ranks, ranks->rank[i]);
    for (size_t i = added; i < hi; i++)
        ranks_add(ranks, ranks->rank[i]);
    ranks->lo = lo;
    ranks->hi = hi;
}

/* The next bit that is set, at `from` or behind it. There is one. */
HOT_INLINE size_t ranks_bit_up(const uint64_t *words, size_t from)
{
    size_t word = from / 64;
    uint64_t bits = words[word] & (~UINT64_C(0) << from % 64);
    while (bits == 0)
        bits = words[++word];
    return word * 64 + (size_t)__builtin_ctzll(bits);
}

/* The same the other way: at `from` or before it. */
HOT_INLINE size_t ranks_bit_down(const uint64_t *words, size_t from)
{
    size_t word = from / 64;
    uint64_t bits = words[word] & (~UINT64_C(0) >> (63 - from % 64));
    while (bits == 0)
        bits = words[--word];
    return word * 64 + 63 - (size_t)__builtin_clzll(bits);
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

    while (before > nth) {
        word = ranks_bit_down(ranks->used, word - 1);
        before -= (size_t)__builtin_popcountll(ranks->words[word]);
    }
    for (;;) {
        size_t here = (size_t)__builtin_popcountll(ranks->words[word]);
        if (nth < before + here)
            break;
        before += here;
        word = ranks_bit_up(ranks->used, word + 1);
    }
    ranks->word = word;
    ranks->before = before;
    return word * 64 + ranks_nth_bit(ranks->words[word], (unsigned)(nth - before));
}

/* The next member's rank. There is one. */
static size_t ranks_next(const struct ranks *ranks, size_t rank)
{
    size_t word = rank / 64;
    uint64_t bits = ranks->words[word] & (~UINT64_C(1) << rank % 64);
    if (bits == 0) {
        word = ranks_bit_up(ranks->used, word + 1);
        bits = ranks->words[word];
    }
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
    void *unused;
    struct ranks ranks = ranks_sort(call, 0, &unused);
    struct cursor cursor = cursor_begin(call);
    bool zeros_mixed = quantile_zeros_mixed(call->values, call->sample_count);

    for (size_t i = 0; i < call->refs.count; i++) {
        cursor_move(&cursor, grid_time(&call->refs, i));
        ranks_move(&ranks, cursor.lo, cursor.hi);
        bool empty = cursor.lo == cursor.hi;
        call->out[i] = empty ? value_stale() : ranks_quantile(&ranks, call->params[0][i]);
        if (zeros_mixed && call->out[i] == 0)
            call->out[i] =
                quantile_as_go(call->params[0][i], call->values + cursor.lo, cursor.hi - cursor.lo);
    }
}

/* All members of a window that is not empty, in order. */
static void ranks_list(const struct ranks *ranks, double *ret_values)
{
    size_t count = ranks->hi - ranks->lo;
    size_t word = ranks_bit_up(ranks->used, 0);
    for (size_t i = 0;;) {
        for (uint64_t bits = ranks->words[word]; bits != 0; bits &= bits - 1)
            ret_values[i++] = ranks_value(ranks, word * 64 + (size_t)__builtin_ctzll(bits));
        if (i == count)
            return;
        word = ranks_bit_up(ranks->used, word + 1);
    }
}

/* The median distance from `median`: distances grow from there to both sides. */
static double mad_merge(const double *sorted, size_t count, double median,
                        const struct quantile_place *place)
{
    size_t above = place->lower;
    while (above > 0 && sorted[above - 1] > median)
        above--;
    while (above < count && sorted[above] <= median)
        above++;
    size_t below = above;
    double lower = 0;
    double upper = 0;

    for (size_t taken = 0; taken <= place->upper; taken++) {
        double up = above < count ? fabs(sorted[above] - median) : INFINITY;
        double down = below > 0 ? fabs(sorted[below - 1] - median) : INFINITY;
        bool go_down = below > 0 && (above == count || down < up);
        lower = taken <= place->lower ? (go_down ? down : up) : lower;
        upper = go_down ? down : up;
        if (go_down)
            below--;
        else
            above++;
    }
    return quantile_mix(place, lower, upper);
}

/* `sorted` is not kept. */
static double mad_of(double *sorted, size_t count)
{
    if (isnan(sorted[0]))
        return value_nan();

    struct quantile_place place = quantile_place(0.5, count);
    double median = quantile_mix(&place, sorted[place.lower], sorted[place.upper]);
    if (isfinite(median))
        return mad_merge(sorted, count, median, &place);

    /* Distances that are NaN come first in the order of distances. */
    for (size_t i = 0; i < count; i++)
        sorted[i] = fabs(sorted[i] - median);
    return quantile_of(0.5, sorted, count);
}

void mad_window(const struct window_call *call)
{
    void *space;
    struct ranks ranks = ranks_sort(call, call->sample_count * sizeof(double), &space);
    struct cursor cursor = cursor_begin(call);
    double result = value_stale();

    for (size_t i = 0; i < call->refs.count; i++) {
        cursor_move(&cursor, grid_time(&call->refs, i));
        if (cursor.lo == cursor.hi) {
            call->out[i] = value_stale();
            continue;
        }
        if (cursor.lo != ranks.lo || cursor.hi != ranks.hi) {
            ranks_move(&ranks, cursor.lo, cursor.hi);
            ranks_list(&ranks, space);
            result = mad_of(space, cursor.hi - cursor.lo);
        }
        call->out[i] = result;
    }
}
