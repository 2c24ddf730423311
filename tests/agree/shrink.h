#pragma once

#include "tests/agree/ground.h"

/*
 * Makes a disagreement smaller, in place: fewer parts of the query, fewer steps, fewer series and
 * samples, as long as the verdict stays. Nothing is smaller by one change in the end.
 */
void shrink(struct data *data, struct asked *asked, const struct ground_options *options,
            enum verdict verdict);
