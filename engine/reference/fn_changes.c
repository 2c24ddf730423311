/* changes and resets: how often a sample differs from the one before it. */
#include <math.h>

#include "engine/reference/fn_rate.h"

typedef bool changes_differ(const struct reference_point *before,
                            const struct reference_point *point);

/*
 * The points of both kinds, one after another by time. With two at one time Prometheus never ends.
 */
struct changes_walk {
    const struct reference_point *floats, *floats_end;
    const struct reference_point *histograms, *histograms_end;
};

/* NULL at the end. */
static const struct reference_point *changes_next(struct changes_walk *walk)
{
    bool has_float = walk->floats < walk->floats_end;
    bool has_histogram = walk->histograms < walk->histograms_end;
    if (has_float && (!has_histogram || walk->floats->time_ms <= walk->histograms->time_ms))
        return walk->floats++;
    return has_histogram ? walk->histograms++ : NULL;
}

static struct changes_walk changes_walk(const struct ref_window *window)
{
    return (struct changes_walk){
        window->floats,
        window->floats + window->float_count,
        window->histograms,
        window->histograms + window->histogram_count,
    };
}

static bool changes_count(struct ref_call *call, changes_differ *differ)
{
    const struct ref_window *window = call->window;
    struct changes_walk walk = changes_walk(window);
    const struct reference_point *before = changes_next(&walk);
    const struct reference_point *point;
    if (!before)
        return true;
    size_t count = 0;
    bool any = !window->anchored || before->time_ms > window->begin_ms;
    while ((point = changes_next(&walk))) {
        /* Anchored: the last point at or before the begin is what the others are compared with. */
        bool inside = !window->anchored || point->time_ms > window->begin_ms;
        if (inside)
            count += differ(before, point);
        any = any || inside;
        before = point;
    }
    if (any)
        ref_call_value(call, (double)count);
    return true;
}

static bool changes_is_change(const struct reference_point *before,
                              const struct reference_point *point)
{
    if (!before->histogram != !point->histogram)
        return true;
    if (point->histogram)
        return !histogram_equal(point->histogram, before->histogram);
    return point->value != before->value && !(isnan(point->value) && isnan(before->value));
}

static bool changes_is_reset(const struct reference_point *before,
                             const struct reference_point *point)
{
    if (!before->histogram != !point->histogram || rate_starts_anew(before, point))
        return true;
    if (point->histogram)
        return histogram_is_reset(point->histogram, before->histogram);
    return point->value < before->value;
}

bool fn_changes(struct ref_call *call, struct err *err)
{
    return changes_count(call, changes_is_change);
}

bool fn_resets(struct ref_call *call, struct err *err)
{
    return changes_count(call, changes_is_reset);
}
