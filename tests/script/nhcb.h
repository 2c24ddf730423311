#pragma once

#include "tests/script/load.h"

/*
 * Makes native histograms with custom buckets of the classic ones in a load (name_bucket, name_sum,
 * name_count), one a time, and appends them as `name`.
 */
bool nhcb_apply(const struct load *load, struct symbols *symbols, struct test_storage *storage,
                struct err *err) MUST_CHECK;
