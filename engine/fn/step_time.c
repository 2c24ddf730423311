#include "engine/fn/step_time.h"

#include "model/sample.h"

void map_step_time(double *values, size_t rows, size_t steps, const double *const *params)
{
    for (size_t row = 0; row < rows; row++, values += steps)
        for (size_t step = 0; step < steps; step++)
            if (!value_is_stale(values[step]))
                values[step] = params[0][step];
}

void map_nothing(double *values, size_t rows, size_t steps, const double *const *params)
{
    for (size_t i = 0; i < rows * steps; i++)
        values[i] = value_stale();
}
