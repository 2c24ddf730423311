/* The increase of native histograms. Conflicting hints in sums are no news here: resets are seen.
 */
#include "engine/reference/fn_rate.h"

static const struct histogram *rate_histogram_note(const struct rate *rate, unsigned clashes,
                                                   enum note_operation operation,
                                                   const struct histogram *result)
{
    if (clashes & HISTOGRAM_CLASH_INCOMPATIBLE)
        note_mixed_schemas(rate->call->notes, rate->begin, rate->metric);
    else if (clashes & HISTOGRAM_CLASH_BOUNDS)
        note_bounds_reconciled(rate->call->notes, rate->begin, operation);
    return result;
}

const struct histogram *rate_histogram_add(const struct rate *rate, struct arena *arena,
                                           const struct histogram *a, const struct histogram *b)
{
    unsigned clashes = HISTOGRAM_CLASH_NONE;
    const struct histogram *sum = histogram_add(arena, a, b, &clashes);
    return rate_histogram_note(rate, clashes, NOTE_ADDITION, sum);
}

const struct histogram *rate_histogram_subtract(const struct rate *rate, struct arena *arena,
                                                const struct histogram *a,
                                                const struct histogram *b)
{
    unsigned clashes = HISTOGRAM_CLASH_NONE;
    const struct histogram *difference = histogram_subtract(arena, a, b, &clashes);
    return rate_histogram_note(rate, clashes, NOTE_SUBTRACTION, difference);
}

static bool point_starts_anew(const struct reference_point *before,
                              const struct reference_point *point,
                              const struct histogram *before_histogram)
{
    return rate_starts_anew(before, point) ||
           histogram_is_reset(point->histogram, before_histogram);
}

/*
 * What to subtract from the last one: the first one, or, if the counter begins anew behind it, an
 * empty one in the layout of the second, so that the layout of the first does not matter.
 */
static struct histogram rate_histogram_base(const struct rate *rate)
{
    const struct reference_point *points = rate->window->histograms;
    const struct histogram *second = points[1].histogram;
    if (!rate->counter || !point_starts_anew(&points[0], &points[1], points[0].histogram))
        return *points[0].histogram;
    return (struct histogram){
        .schema = second->schema,
        .custom_bounds = second->custom_bounds,
        .custom_bound_count = second->custom_bound_count,
    };
}

/* A note if a counter's function is given a gauge. */
static void rate_histogram_note_gauge(const struct rate *rate, size_t i)
{
    if (rate->counter && rate->window->histograms[i].histogram->hint == HISTOGRAM_GAUGE)
        note_not_counter(rate->call->notes, rate->begin, rate->metric);
}

/*
 * The coarsest schema of all that are looked at; false, with a note, if buckets of both kinds are
 * among them. A counter looks at those in between, too. If one of these does not fit, then
 * Prometheus loses the notes about gauges.
 */
static bool rate_histogram_schema(const struct rate *rate, const struct histogram *base,
                                  int32_t *ret_schema)
{
    const struct reference_point *points = rate->window->histograms;
    size_t last = rate->window->histogram_count - 1;
    bool custom = histogram_is_custom(base);
    bool fits = histogram_is_custom(points[last].histogram) == custom;
    if (!fits) {
        rate_histogram_note_gauge(rate, 0);
        rate_histogram_note_gauge(rate, last);
    }

    int32_t schema = points[last].histogram->schema;
    if (base->schema < schema)
        schema = base->schema;
    for (size_t i = 1; fits && rate->counter && i < last; i++) {
        const struct histogram *h = points[i].histogram;
        fits = histogram_is_custom(h) == custom;
        if (h->schema < schema)
            schema = h->schema;
    }
    if (!fits)
        note_mixed_schemas(rate->call->notes, rate->begin, rate->metric);
    *ret_schema = schema;
    return fits;
}

/* Adds what was counted before each new beginning; NULL, with a note, if it does not fit. */
static const struct histogram *rate_histogram_add_resets(const struct rate *rate,
                                                         struct arena *arena,
                                                         const struct histogram *base,
                                                         const struct histogram *increase)
{
    const struct reference_point *points = rate->window->histograms;
    const struct histogram *before = base;
    bool overlap = false;
    for (size_t i = 1; increase && i < rate->window->histogram_count; i++) {
        if (!overlap && rate_starts_overlap(&points[i - 1], &points[i])) {
            note_start_overlap(rate->call->notes, rate->begin, rate->metric, 1);
            overlap = true;
        }
        if (point_starts_anew(&points[i - 1], &points[i], before))
            increase = rate_histogram_add(rate, arena, increase, before);
        before = points[i].histogram;
    }
    return increase;
}

const struct histogram *rate_histogram_increase(const struct rate *rate, struct arena *arena)
{
    const struct reference_point *points = rate->window->histograms;
    size_t last = rate->window->histogram_count - 1;
    struct histogram base = rate_histogram_base(rate);
    int32_t schema;
    if (!rate_histogram_schema(rate, &base, &schema))
        return NULL;

    const struct histogram *increase = histogram_reduce(arena, points[last].histogram, schema);
    increase = rate_histogram_subtract(rate, arena, increase, &base);
    if (rate->counter) {
        for (size_t i = 0; i <= last; i++)
            rate_histogram_note_gauge(rate, i);
        increase = rate_histogram_add_resets(rate, arena, &base, increase);
    } else if (points[0].histogram->hint != HISTOGRAM_GAUGE ||
               points[last].histogram->hint != HISTOGRAM_GAUGE) {
        note_not_gauge(rate->call->notes, rate->begin, rate->metric);
    }
    if (!increase)
        return NULL;

    struct histogram *result = histogram_compact(arena, increase);
    result->hint = HISTOGRAM_GAUGE;
    return result;
}
