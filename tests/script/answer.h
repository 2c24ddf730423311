#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "engine/engine.h"

/* What the engine says to one query, whole: result, notes, or the error. In an arena. */
struct answer_point {
    int64_t time_ms;
    double value;
    const struct histogram *histogram; /* NULL: a float */
};

struct answer_series {
    const char *labels; /* {a="b"}, sorted: equal sets have equal texts */
    struct answer_point *points;
    size_t count;
};

struct answer {
    bool failed;
    struct str error;
    enum result_kind kind;
    bool unsorted; /* a series came before one that sorts before it */
    struct answer_series *series;
    size_t count, cap;
    struct str string;
    struct str *warnings, *infos;
    size_t warning_count, info_count;
};

struct answer_request {
    struct engine *engine;
    enum engine_kind kind;
    struct str query;
    int64_t start_ms, end_ms;
    int64_t step_ms; /* 0: an instant query */
};

void answer_ask(const struct answer_request *request, struct arena *arena, struct answer *ret);
