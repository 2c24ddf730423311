#include "engine/fn/map.h"

#include <assert.h>

#include "engine/fn/map_calendar.h"
#include "engine/fn/map_math.h"

#define MAP(name) [FN_##name] = map_##name

static map_fn *const map_functions[FN_COUNT] = {
    MAP(abs),           MAP(acos),         MAP(acosh),       MAP(asin),
    MAP(asinh),         MAP(atan),         MAP(atanh),       MAP(ceil),
    MAP(clamp),         MAP(clamp_max),    MAP(clamp_min),   MAP(cos),
    MAP(cosh),          MAP(day_of_month), MAP(day_of_week), MAP(day_of_year),
    MAP(days_in_month), MAP(deg),          MAP(exp),         MAP(floor),
    MAP(hour),          MAP(ln),           MAP(log10),       MAP(log2),
    MAP(max_of),        MAP(min_of),       MAP(minute),      MAP(month),
    MAP(rad),           MAP(round),        MAP(sgn),         MAP(sin),
    MAP(sinh),          MAP(sqrt),         MAP(tan),         MAP(tanh),
    MAP(year),
};

map_fn *map_function(enum function_id id)
{
    assert(id < FN_COUNT);
    return map_functions[id];
}
