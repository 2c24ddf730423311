#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/dice.h"

/*
 * Random series of every kind, as they stand in a script of the test language: what is loaded is
 * what a failure prints. Everything lives in the arena.
 */
struct data_series {
    const char *labels;  /* name{label="value"} */
    const char **values; /* one a step: "_", "1.5", "stale", "{{schema:0 ...}}" */
    const char **starts; /* start timestamps, one a step; NULL: none */
    size_t count;
};

struct data {
    const char *step; /* "15s" */
    struct data_series *series;
    size_t count;
};

/* All are this long, in steps. */
#define DATA_STEPS 60

void data_make(struct data *data, struct dice *dice, struct arena *arena);

int64_t data_step_ms(const struct data *data);

/* "load 15s", and a line a series; or these lines alone, two spaces before each. */
void data_print(const struct data *data, struct buf *out);
void data_print_series(const struct data *data, struct buf *out);

/* What the series of native histograms are; data_histogram.c makes them. */
enum data_histogram_kind {
    DATA_EXPONENTIAL,
    DATA_CUSTOM,
    DATA_GAUGE,
    DATA_HISTOGRAM_KINDS,
};

/* Fills `values` with native histograms, floats once in `float_every` (0: none). */
void data_make_histograms(const char **values, enum data_histogram_kind kind, size_t float_every,
                          struct dice *dice, struct arena *arena);
