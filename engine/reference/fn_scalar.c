/* Functions that make or take scalars. */
#include "engine/fn/gomath.h"
#include "engine/reference/fn.h"
#include "model/sample.h"

bool fn_time(struct ref_call *call, struct err *err)
{
    ref_call_value(call, (double)call->time_ms / 1000);
    return true;
}

bool fn_pi(struct ref_call *call, struct err *err)
{
    ref_call_value(call, 3.14159265358979323846264338327950288);
    return true;
}

/* The only float of the vector; histograms do not count. */
bool fn_scalar(struct ref_call *call, struct err *err)
{
    const struct ref_vector *in = &call->vectors[0];
    size_t floats = 0;
    double value = value_nan();
    for (size_t i = 0; i < in->count; i++) {
        if (in->items[i].histogram)
            continue;
        floats++;
        value = in->items[i].value;
    }
    ref_call_value(call, floats == 1 ? value : value_nan());
    return true;
}

bool fn_vector(struct ref_call *call, struct err *err)
{
    ref_call_value(call, ref_call_scalar(call, 0));
    return true;
}

bool fn_max_of(struct ref_call *call, struct err *err)
{
    ref_call_value(call, gomath_max(ref_call_scalar(call, 0), ref_call_scalar(call, 1)));
    return true;
}

bool fn_min_of(struct ref_call *call, struct err *err)
{
    ref_call_value(call, gomath_min(ref_call_scalar(call, 0), ref_call_scalar(call, 1)));
    return true;
}
