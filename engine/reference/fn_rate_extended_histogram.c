/* As fn_rate_extended.c, over native histograms. */
#include "engine/fn/grid.h"
#include "engine/reference/fn_rate.h"
#include "model/duration.h"

/* The samples that matter, and the histograms at the edges of the range. */
struct extended {
    const struct rate *rate;
    const struct reference_point *points;
    size_t first, last;
    const struct histogram *left, *right;
};

/* At a time between two points; a counter that begins anew between them does so at 0. */
static const struct histogram *extended_interpolate(const struct extended *extended,
                                                    const struct reference_point *a,
                                                    const struct reference_point *b,
                                                    int64_t time_ms)
{
    const struct rate *rate = extended->rate;
    struct arena *arena = rate->call->scratch;
    if (time_ms == a->time_ms)
        return a->histogram;
    if (time_ms == b->time_ms)
        return b->histogram;
    double fraction = (double)ms_sub(time_ms, a->time_ms) / (double)ms_sub(b->time_ms, a->time_ms);
    if (rate->counter && histogram_is_reset(b->histogram, a->histogram))
        return histogram_multiply(arena, b->histogram, fraction);

    const struct histogram *grown =
        rate_histogram_subtract(rate, arena, b->histogram, a->histogram);
    if (!grown)
        return NULL;
    return rate_histogram_add(rate, arena, histogram_multiply(arena, grown, fraction),
                              a->histogram);
}

static bool extended_find_left(struct extended *extended)
{
    const struct reference_point *first = &extended->points[extended->first];
    int64_t begin_ms = extended->rate->window->begin_ms;
    bool before = extended->rate->window->smoothed && first->time_ms < begin_ms;
    extended->left =
        before ? extended_interpolate(extended, first, first + 1, begin_ms) : first->histogram;
    return extended->left != NULL;
}

static bool extended_find_right(struct extended *extended)
{
    const struct reference_point *last = &extended->points[extended->last];
    int64_t end_ms = extended->rate->window->end_ms;
    bool behind = extended->rate->window->smoothed && extended->last > 0 && last->time_ms > end_ms;
    extended->right =
        behind ? extended_interpolate(extended, last - 1, last, end_ms) : last->histogram;
    return extended->right != NULL;
}

/* False, with a note, if buckets of both kinds are there; notes about gauges up to that place. */
static bool extended_check(const struct extended *extended)
{
    const struct rate *rate = extended->rate;
    bool custom = histogram_is_custom(extended->points[extended->first].histogram);
    for (size_t i = extended->first; i <= extended->last; i++) {
        const struct histogram *h = extended->points[i].histogram;
        if (histogram_is_custom(h) != custom) {
            note_mixed_schemas(rate->call->notes, rate->begin, rate->metric);
            return false;
        }
        if (rate->counter && h->hint == HISTOGRAM_GAUGE)
            note_not_counter(rate->call->notes, rate->begin, rate->metric);
    }
    return true;
}

/* Adds to *sum (NULL: nothing yet) what `h` held before the counter began anew. */
static bool extended_correct(const struct extended *extended, const struct histogram **sum,
                             const struct histogram *h)
{
    const struct rate *rate = extended->rate;
    *sum = *sum ? rate_histogram_add(rate, rate->call->scratch, *sum, h) : h;
    return *sum != NULL;
}

/*
 * What was counted before each new beginning, or NULL if there was none. The first and the last
 * point are in the histograms at the edges; so is the second one, if the left edge was interpolated
 * over a new beginning. False, with a note: they do not fit together.
 */
static bool extended_corrections(const struct extended *extended,
                                 const struct histogram **ret_corrections)
{
    const struct reference_point *points = extended->points;
    const struct reference_point *first = &points[extended->first];
    const struct ref_window *window = extended->rate->window;
    const struct histogram *before = extended->left;
    size_t i = extended->first + 1;
    *ret_corrections = NULL;
    if (window->smoothed && first->time_ms < window->begin_ms &&
        histogram_is_reset(first[1].histogram, first->histogram)) {
        before = first[1].histogram;
        i++;
    }
    if (i > extended->last)
        return true;

    for (; i < extended->last; i++) {
        if (histogram_is_reset(points[i].histogram, before) &&
            !extended_correct(extended, ret_corrections, before))
            return false;
        before = points[i].histogram;
    }
    return !histogram_is_reset(extended->right, before) ||
           extended_correct(extended, ret_corrections, before);
}

/* NULL, with a note: they do not fit together. */
static const struct histogram *extended_increase(const struct extended *extended)
{
    const struct rate *rate = extended->rate;
    struct arena *arena = rate->call->scratch;
    const struct histogram *increase =
        rate_histogram_subtract(rate, arena, extended->right, extended->left);
    const struct histogram *corrections = NULL;
    if (!increase || (rate->counter && !extended_corrections(extended, &corrections)))
        return NULL;
    return corrections ? rate_histogram_add(rate, arena, increase, corrections) : increase;
}

void rate_extended_histogram(const struct rate *rate)
{
    struct ref_call *call = rate->call;
    struct extended extended = {.rate = rate, .points = rate->window->histograms};
    if (!rate_extended_edges(rate, extended.points, rate->window->histogram_count, &extended.first,
                             &extended.last))
        return;
    if (!extended_check(&extended) || !extended_find_left(&extended) ||
        !extended_find_right(&extended))
        return;
    if (!rate->counter &&
        (extended.left->hint != HISTOGRAM_GAUGE || extended.right->hint != HISTOGRAM_GAUGE))
        note_not_gauge(call->notes, rate->begin, rate->metric);

    const struct histogram *increase = extended_increase(&extended);
    if (!increase)
        return;
    if (rate->per_second)
        increase =
            histogram_divide(call->scratch, increase, duration_seconds(rate->window->range_ms));
    struct histogram *result = histogram_compact(call->scratch, increase);
    result->hint = HISTOGRAM_GAUGE;
    ref_call_histogram(call, result);
}
