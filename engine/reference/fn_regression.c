/* Straight and smoothed lines through the floats of a window. */
#include <math.h>

#include "base/float_text.h"
#include "base/kahan.h"
#include "engine/fn/grid.h"
#include "engine/reference/fn.h"
#include "model/sample.h"

struct regression {
    double slope;
    double intercept;
};

/* The least squares' line; the intercept is the value at `time_ms`. */
static struct regression regression_of(const struct ref_window *window, int64_t time_ms)
{
    struct kahan x_sum = {0}, y_sum = {0}, xy_sum = {0}, xx_sum = {0};
    double n = (double)window->float_count;
    double first = window->floats[0].value;
    bool constant = true;
    for (size_t i = 0; i < window->float_count; i++) {
        double x = (double)ms_sub(window->floats[i].time_ms, time_ms) / 1e3;
        double y = window->floats[i].value;
        if (i > 0 && y != first)
            constant = false;
        kahan_add(&x_sum, x);
        kahan_add(&y_sum, y);
        kahan_add(&xy_sum, x * y);
        kahan_add(&xx_sum, x * x);
    }
    if (constant && isinf(first))
        return (struct regression){value_nan(), value_nan()};
    if (constant)
        return (struct regression){0, first};

    double x = x_sum.sum + x_sum.c;
    double y = y_sum.sum + y_sum.c;
    double xy = xy_sum.sum + xy_sum.c;
    double xx = xx_sum.sum + xx_sum.c;
    double covariance = xy - x * y / n;
    double variance = xx - x * x / n;
    double slope = covariance / variance;
    return (struct regression){slope, y / n - slope * x / n};
}

bool fn_deriv(struct ref_call *call, struct err *err)
{
    const struct ref_window *window = call->window;
    fn_note_ignored(call);
    if (window->float_count >= 2)
        ref_call_value(call, regression_of(window, window->floats[0].time_ms).slope);
    return true;
}

bool fn_predict_linear(struct ref_call *call, struct err *err)
{
    const struct ref_window *window = call->window;
    fn_note_ignored(call);
    if (window->float_count < 2)
        return true;
    struct regression line = regression_of(window, call->time_ms);
    ref_call_value(call, line.slope * ref_call_scalar(call, 1) + line.intercept);
    return true;
}

static bool factor_check(double factor, const char *name, const char *symbol, struct err *err)
{
    if (!(factor <= 0 || factor >= 1))
        return true;
    char text[FLOAT_TEXT_SIZE + 1];
    text[float_text_fixed(text, factor, 6)] = '\0';
    return err_set(err, ERR_EXECUTION, "invalid %s factor. Expected: 0 < %s < 1, got: %s", name,
                   symbol, text);
}

bool fn_double_exponential_smoothing(struct ref_call *call, struct err *err)
{
    const struct ref_window *window = call->window;
    double smoothing = ref_call_scalar(call, 1);
    double trending = ref_call_scalar(call, 2);
    if (!factor_check(smoothing, "smoothing", "sf", err) ||
        !factor_check(trending, "trend", "tf", err))
        return false;
    fn_note_ignored(call);
    if (window->float_count < 2)
        return true;

    double before = 0;
    double smooth = window->floats[0].value;
    double trend = window->floats[1].value - window->floats[0].value;
    for (size_t i = 1; i < window->float_count; i++) {
        double scaled = smoothing * window->floats[i].value;
        if (i > 1)
            trend = trending * (smooth - before) + (1 - trending) * trend;
        double carried = (1 - smoothing) * (smooth + trend);
        before = smooth;
        smooth = scaled + carried;
    }
    ref_call_value(call, smooth);
    return true;
}
