#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "model/symbols.h"
#include "tests/script/answer.h"
#include "tests/script/evaluation.h"

/*
 * Is the answer's result the one expected? Floats may differ by a millionth, as in Prometheus's own
 * tests; histograms are compared without their empty buckets. ERR_EXECUTION tells both.
 */
bool compare_result(const struct evaluation *evaluation, const struct symbols *symbols,
                    const struct answer *answer, struct err *err) MUST_CHECK;
