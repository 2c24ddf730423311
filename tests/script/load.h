#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "storage/test_storage.h"
#include "tests/script/series_description.h"

/*
 *     load 1m
 *         name{label="value"}@st -30s -30sx3      start timestamps, relative to the samples' times
 *         name{label="value"}    1 2+1x3
 *
 * Samples lie a step apart, from time 0 on. load_with_nhcb makes native histograms with custom
 * buckets of the classic ones, beside them.
 */
struct loaded_series {
    struct series_description samples;
    const struct described_value *starts; /* as many; NULL: none */
};

struct load {
    int64_t step_ms;
    bool with_nhcb;
    struct loaded_series *series; /* in the arena */
    size_t count, cap;
};

/* One line of it. A line of start times waits for the samples that must follow. */
bool load_read_line(struct load *load, struct str line, struct arena *arena,
                    struct symbols *symbols, struct err *err) MUST_CHECK;

/* Has every line of start times been followed by samples? */
bool load_end(const struct load *load, struct err *err) MUST_CHECK;

bool load_apply(const struct load *load, struct symbols *symbols, struct test_storage *storage,
                struct err *err) MUST_CHECK;
