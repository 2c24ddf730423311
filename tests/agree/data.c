#include "tests/agree/data.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/float_text.h"

static const char *number_text(double v, struct arena *arena)
{
    char text[FLOAT_TEXT_SIZE];
    return arena_text(arena, (struct str){text, float_text_g(text, v)});
}

/* Rises by whole numbers, starts anew now and then. */
static double next_counter(double v, struct dice *dice)
{
    if (dice_once_in(dice, 15))
        return (double)dice_below(dice, 4);
    return v + (double)dice_below(dice, 20);
}

static double next_gauge(double v, struct dice *dice)
{
    return dice_once_in(dice, 4) ? v : (double)dice_below(dice, 40) / 8 - 2;
}

static double next_special(double v, struct dice *dice)
{
    static const double SPECIAL[] = {
        0.0,  -0.0, 1,   -1,     2.5, __builtin_inf(),  -__builtin_inf(),
        1e21, 1e-7, 0.1, -1e300, 3,   __builtin_nan("")};
    return dice_once_in(dice, 3) ? v : DICE_PICK(dice, SPECIAL);
}

/* Of any size, down to the smallest and up to where sums overflow. */
static double next_wide(double v, struct dice *dice)
{
    static const double SIZES[] = {1e-320, 1e-160, 1e-9, 1, 1e9, 1e154, 1e300, 1.7e308};
    double sign = dice_once_in(dice, 2) ? -1 : 1;
    return sign * DICE_PICK(dice, SIZES) * (dice_unit(dice) + 0.01);
}

static double next_constant(double v, struct dice *dice)
{
    return v;
}

typedef double next_fn(double v, struct dice *dice);

/* Values with holes, and stale markers. */
static void make_floats(const char **values, next_fn *next, struct dice *dice, struct arena *arena)
{
    size_t hole_every = 2 + dice_below(dice, 12);
    size_t away = 0;
    double v = (double)dice_below(dice, 10);
    for (size_t i = 0; i < DATA_STEPS; i++) {
        v = next(v, dice);
        values[i] = number_text(v, arena);
        if (away > 0 && away--)
            values[i] = "_";
        else if (dice_once_in(dice, hole_every))
            values[i] = "_";
        else if (dice_once_in(dice, 25))
            values[i] = "stale";
        else if (dice_once_in(dice, 30))
            away = dice_below(dice, 30);
    }
}

static struct data_series *add_series(struct data *data, const char *labels, struct arena *arena)
{
    struct data_series *series = &data->series[data->count++];
    *series = (struct data_series){
        .labels = labels,
        .values = arena_array(arena, const char *, DATA_STEPS),
        .count = DATA_STEPS,
    };
    return series;
}

/* {a="1", b="x"}: b is missing from some; of some metrics c comes on top. */
static const char *some_labels(const char *name, size_t number, struct dice *dice,
                               struct arena *arena)
{
    static const char *const B[] = {"", ",b=\"x\"", ",b=\"y\"", ",b=\"y\""};
    return arena_printf(arena, "%s{a=\"%zu\"%s,instance=\"i%zu\",job=\"j\"}", name, number,
                        DICE_PICK(dice, B), dice_below(dice, 3));
}

/* Start timestamps near the samples' own times: -30s, 0s, or none. */
static void add_starts(struct data_series *series, struct dice *dice, struct arena *arena)
{
    static const char *const STARTS[] = {"_", "_", "0s", "-5s", "-15s", "-30s", "-1m", "-2m"};
    series->starts = arena_array(arena, const char *, series->count);
    const char *start = "_";
    for (size_t i = 0; i < series->count; i++) {
        if (dice_once_in(dice, 3))
            start = DICE_PICK(dice, STARTS);
        series->starts[i] = start;
    }
}

/* A classic histogram, sound for the most part. */
static void add_classic(struct data *data, struct dice *dice, struct arena *arena)
{
    static const char *const BOUNDS[] = {"0.5", "1", "2.5", "+Inf"};
    double counts[DATA_STEPS] = {0};
    for (size_t place = 0; place < ARRAY_COUNT(BOUNDS); place++) {
        if (dice_once_in(dice, 20))
            continue;
        const char *labels =
            arena_printf(arena, "h_bucket{a=\"%zu\",le=\"%s\"}", data->count % 3, BOUNDS[place]);
        struct data_series *series = add_series(data, labels, arena);
        double v = 0;
        for (size_t i = 0; i < series->count; i++) {
            v += (double)dice_below(dice, 5);
            counts[i] += dice_once_in(dice, 40) ? -1 : v;
            series->values[i] = dice_once_in(dice, 20) ? "_" : number_text(counts[i], arena);
        }
    }
}

static void add_info(struct data *data, size_t number, struct dice *dice, struct arena *arena)
{
    static const char *const NAMES[] = {"target_info", "target_info", "build_info"};
    const char *labels = arena_printf(arena, "%s{instance=\"i%zu\",job=\"j\",version=\"%zu\"}",
                                      DICE_PICK(dice, NAMES), dice_below(dice, 3), number);
    make_floats(add_series(data, labels, arena)->values, next_constant, dice, arena);
}

/* More series than it may come to. */
#define SERIES_MAX 64

static const struct {
    const char *name;
    next_fn *next;
} FLOATS[] = {
    {"c_total", next_counter}, {"g", next_gauge},       {"s", next_special},
    {"wide", next_wide},       {"same", next_constant},
};

static const struct {
    const char *name;
    enum data_histogram_kind kind;
    size_t float_every;
} HISTOGRAMS[] = {
    {"n", DATA_EXPONENTIAL, 0},
    {"ng", DATA_GAUGE, 0},
    {"nc", DATA_CUSTOM, 0},
    {"mixed", DATA_EXPONENTIAL, 4},
};

void data_make(struct data *data, struct dice *dice, struct arena *arena)
{
    static const char *const STEPS[] = {"15s", "15s", "10s", "30s", "1m", "7s"};
    *data = (struct data){
        .step = DICE_PICK(dice, STEPS),
        .series = arena_array(arena, struct data_series, SERIES_MAX),
    };
    for (size_t kind = 0; kind < ARRAY_COUNT(FLOATS); kind++)
        for (size_t i = 0; i < 4; i++) {
            struct data_series *series =
                add_series(data, some_labels(FLOATS[kind].name, i, dice, arena), arena);
            make_floats(series->values, FLOATS[kind].next, dice, arena);
            if (kind == 0 && dice_once_in(dice, 2))
                add_starts(series, dice, arena);
        }
    for (size_t kind = 0; kind < ARRAY_COUNT(HISTOGRAMS); kind++)
        for (size_t i = 0; i < 3; i++) {
            struct data_series *series =
                add_series(data, some_labels(HISTOGRAMS[kind].name, i, dice, arena), arena);
            data_make_histograms(series->values, HISTOGRAMS[kind].kind,
                                 HISTOGRAMS[kind].float_every, dice, arena);
            if (kind == 0 && dice_once_in(dice, 3))
                add_starts(series, dice, arena);
        }
    for (size_t i = 0; i < 3; i++)
        add_classic(data, dice, arena);
    make_floats(add_series(data, "h_bucket{a=\"9\"}", arena)->values, next_gauge, dice, arena);
    for (size_t i = 0; i < 4; i++)
        add_info(data, i, dice, arena);
}

static void line_print(const char *labels, const char *mark, const char *const *items, size_t count,
                       struct buf *out)
{
    buf_printf(out, "  %s%s", labels, mark);
    for (size_t i = 0; i < count; i++)
        buf_printf(out, " %s", items[i]);
    buf_byte(out, '\n');
}

int64_t data_step_ms(const struct data *data)
{
    int64_t number = strtoll(data->step, NULL, 10);
    return strchr(data->step, 'm') ? number * 60000 : number * 1000;
}

void data_print(const struct data *data, struct buf *out)
{
    buf_printf(out, "load %s\n", data->step);
    data_print_series(data, out);
}

void data_print_series(const struct data *data, struct buf *out)
{
    for (size_t i = 0; i < data->count; i++) {
        const struct data_series *series = &data->series[i];
        if (series->starts)
            line_print(series->labels, "@st", series->starts, series->count, out);
        line_print(series->labels, "", series->values, series->count, out);
    }
}
