/* What is one of a window's samples, its time, or how many there are. */
#include <math.h>

#include "engine/reference/fn.h"

bool fn_count_over_time(struct ref_call *call, struct err *err)
{
    ref_call_value(call, (double)(call->window->float_count + call->window->histogram_count));
    return true;
}

bool fn_present_over_time(struct ref_call *call, struct err *err)
{
    ref_call_value(call, 1);
    return true;
}

static void over_time_add(struct ref_call *call, const struct reference_point *point)
{
    if (point->histogram)
        ref_call_histogram(call, point->histogram);
    else
        ref_call_value(call, point->value);
}

/* Of a window that is not empty. */
static const struct reference_point *over_time_first(const struct ref_window *window)
{
    bool has_float = window->float_count > 0;
    bool has_histogram = window->histogram_count > 0;
    if (has_float && has_histogram)
        return window->floats[0].time_ms < window->histograms[0].time_ms ? window->floats
                                                                         : window->histograms;
    return has_float ? window->floats : window->histograms;
}

static const struct reference_point *over_time_last(const struct ref_window *window)
{
    const struct reference_point *f = window->floats + window->float_count;
    const struct reference_point *h = window->histograms + window->histogram_count;
    if (window->float_count > 0 && window->histogram_count > 0)
        return f[-1].time_ms > h[-1].time_ms ? f - 1 : h - 1;
    return window->float_count > 0 ? f - 1 : h - 1;
}

bool fn_first_over_time(struct ref_call *call, struct err *err)
{
    over_time_add(call, over_time_first(call->window));
    return true;
}

bool fn_last_over_time(struct ref_call *call, struct err *err)
{
    over_time_add(call, over_time_last(call->window));
    return true;
}

bool fn_ts_of_first_over_time(struct ref_call *call, struct err *err)
{
    ref_call_value(call, (double)over_time_first(call->window)->time_ms / 1000);
    return true;
}

bool fn_ts_of_last_over_time(struct ref_call *call, struct err *err)
{
    const struct ref_window *window = call->window;
    int64_t time_ms = over_time_last(window)->time_ms;
    /* Prometheus takes the later of the two kinds, and 0 for one that is not there. */
    if (time_ms < 0 && (window->float_count == 0 || window->histogram_count == 0))
        time_ms = 0;
    ref_call_value(call, (double)time_ms / 1000);
    return true;
}

/* Does a value take the place of the best one so far? */
typedef bool over_time_better(double value, double best);

static bool over_time_greater(double value, double best)
{
    return value > best || isnan(best);
}

static bool over_time_less(double value, double best)
{
    return value < best || isnan(best);
}

static bool over_time_not_less(double value, double best)
{
    return value >= best || isnan(best);
}

static bool over_time_not_greater(double value, double best)
{
    return value <= best || isnan(best);
}

/* NULL if there are no floats. */
static const struct reference_point *over_time_best(const struct ref_call *call,
                                                    over_time_better *better)
{
    const struct ref_window *window = call->window;
    fn_note_ignored(call);
    const struct reference_point *best = window->float_count > 0 ? window->floats : NULL;
    for (size_t i = 0; i < window->float_count; i++)
        if (better(window->floats[i].value, best->value))
            best = &window->floats[i];
    return best;
}

static bool over_time_extreme(struct ref_call *call, over_time_better *better)
{
    const struct reference_point *best = over_time_best(call, better);
    if (best)
        ref_call_value(call, best->value);
    return true;
}

static bool over_time_time_of(struct ref_call *call, over_time_better *better)
{
    const struct reference_point *best = over_time_best(call, better);
    if (best)
        ref_call_value(call, (double)best->time_ms / 1000);
    return true;
}

bool fn_max_over_time(struct ref_call *call, struct err *err)
{
    return over_time_extreme(call, over_time_greater);
}

bool fn_min_over_time(struct ref_call *call, struct err *err)
{
    return over_time_extreme(call, over_time_less);
}

bool fn_ts_of_max_over_time(struct ref_call *call, struct err *err)
{
    return over_time_time_of(call, over_time_not_less);
}

bool fn_ts_of_min_over_time(struct ref_call *call, struct err *err)
{
    return over_time_time_of(call, over_time_not_greater);
}
