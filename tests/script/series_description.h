#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/histogram.h"
#include "model/labels.h"

/*
 * A line of the test language that describes a series: name{label="value"} 1 2+3x4 _ stale
 * {{schema:0 count:3}}. The same notation says what is loaded and what is expected.
 */
struct described_value {
    bool omitted;
    double value;
    const struct histogram *histogram; /* NULL: a float */
    bool hint_set;                     /* the histogram's hint was written down */
};

struct series_description {
    const struct labels *labels;
    struct described_value *values;
    size_t count;
};

/* All it makes lives in the arena, label texts as symbols. ERR_BAD_DATA says what cannot stand. */
bool series_description_parse(struct str line, struct arena *arena, struct symbols *symbols,
                              struct series_description *ret_series, struct err *err) MUST_CHECK;

/*
 * The labels alone, from *pos on; *pos moves behind them. The values begin behind a space or an
 * end.
 */
bool series_labels_parse(struct str line, size_t *pos, struct arena *arena, struct symbols *symbols,
                         const struct labels **ret_labels, struct err *err) MUST_CHECK;

/* The most values that one line may describe. */
#define DESCRIBED_VALUES_MAX 1000000
