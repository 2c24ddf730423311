#include "storage/postings.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

bool postings_init(struct postings *postings, struct postings_view view, struct budget *budget,
                   struct err *err)
{
    size_t words = (view.count + 63) / 64;
    size_t size = view.count * sizeof(uint32_t) + words * sizeof(uint64_t);
    if (budget && !budget_charge(budget, size, err))
        return false;
    *postings = (struct postings){.budget = budget, .charged = size, .count = view.count};
    postings->ids = mem_new_array(uint32_t, view.count);
    postings->marks = mem_new_array(uint64_t, words);

    unsigned falls = 0;
    for (size_t i = 0; i < view.count; i++) {
        postings->ids[i] = postings_at(view, i);
        falls |= i > 0 && postings->ids[i] <= postings->ids[i - 1];
    }
    if (!falls)
        return true;
    postings_done(postings);
    return err_set(err, ERR_CORRUPT, "a list of series does not rise");
}

void postings_done(struct postings *postings)
{
    free(postings->ids);
    free(postings->marks);
    if (postings->budget)
        budget_release(postings->budget, postings->charged);
    *postings = (struct postings){0};
}

/* The first index from `from` on whose id is not below `id`: doubling steps, then halving. */
static size_t postings_gallop(const uint32_t *ids, size_t count, size_t from, uint32_t id)
{
    size_t step = 1;
    size_t low = from;
    while (low + step < count && ids[low + step] < id) {
        low += step;
        step *= 2;
    }
    size_t high = low + step < count ? low + step : count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t postings_view_gallop(struct postings_view view, size_t from, uint32_t id)
{
    size_t step = 1;
    size_t low = from;
    while (low + step < view.count && postings_at(view, low + step) < id) {
        low += step;
        step *= 2;
    }
    size_t high = low + step < view.count ? low + step : view.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (postings_at(view, middle) < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/*
 * The place of the next id that both have, or postings->count. The shorter side is walked, the
 * other one galloped through.
 */
static size_t postings_next_common(const struct postings *postings, struct postings_view view,
                                   size_t *at, size_t *view_at)
{
    bool walk_view = view.count <= postings->count;
    while (*at < postings->count && *view_at < view.count) {
        uint32_t id = postings->ids[*at];
        uint32_t other = postings_at(view, *view_at);
        if (id == other) {
            ++*view_at;
            return (*at)++;
        }
        if (id < other)
            *at = walk_view ? postings_gallop(postings->ids, postings->count, *at, other) : *at + 1;
        else
            *view_at = walk_view ? *view_at + 1 : postings_view_gallop(view, *view_at, id);
    }
    return postings->count;
}

void postings_mark(struct postings *postings, struct postings_view view)
{
    size_t at = 0;
    size_t view_at = 0;
    for (;;) {
        size_t found = postings_next_common(postings, view, &at, &view_at);
        if (found == postings->count)
            return;
        postings->marks[found / 64] |= UINT64_C(1) << (found % 64);
    }
}

bool postings_meets(const struct postings *postings, struct postings_view view)
{
    size_t at = 0;
    size_t view_at = 0;
    return postings_next_common(postings, view, &at, &view_at) < postings->count;
}

static void postings_compact(struct postings *postings, bool marked)
{
    size_t kept = 0;
    for (size_t i = 0; i < postings->count; i++) {
        bool is_marked = postings->marks[i / 64] >> (i % 64) & 1;
        postings->ids[kept] = postings->ids[i];
        kept += is_marked == marked;
    }
    memset(postings->marks, 0, (postings->count + 63) / 64 * sizeof(uint64_t));
    postings->count = kept;
}

void postings_keep_marked(struct postings *postings)
{
    postings_compact(postings, true);
}

void postings_drop_marked(struct postings *postings)
{
    postings_compact(postings, false);
}
