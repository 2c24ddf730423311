#pragma once

#include "base/arena.h"
#include "tests/script/reader.h"
#include "tests/script/series_description.h"

/*
 * {{schema:1 count:3 sum:4.5 z_bucket:1 z_bucket_w:0.1 buckets:[1 2] offset:-1 n_buckets:[1]
 * n_offset:0 custom_values:[1 2] counter_reset_hint:gauge}}, each key at most once.
 */
bool described_histogram_read(struct reader *reader, struct arena *arena,
                              struct described_value *ret_value, struct err *err) MUST_CHECK;

/* value + step, or value - step. */
bool described_histogram_step(struct described_value *value, const struct described_value *step,
                              bool minus, struct arena *arena, struct err *err) MUST_CHECK;
