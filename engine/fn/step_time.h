#pragma once

#include "engine/fn/map.h"

/* timestamp() of what is no selector: the step's time (params[0]) where there is a point. */
map_fn map_step_time;

/* start_timestamp() of what is no selector: nothing is known. */
map_fn map_nothing;
