#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/engine.h"
#include "server/local.h"

/*
 * An answer held whole, to be shown to a person: it may come from an engine in this process, or
 * from a server over HTTP.
 */
struct shown_series {
    struct str name; /* up{job="x"} */
    int64_t *times_ms;
    double *values;    /* NaN where there is a histogram */
    struct str *texts; /* of histograms: {count:3, sum:4.5, (1,2]:3}; NULL: the series has none */
    size_t count;
    size_t cap;
};

struct shown {
    struct arena *arena;
    enum result_kind kind;
    struct str string; /* RESULT_STRING */
    struct shown_series *items;
    size_t count;
    size_t cap;
    struct str *notes; /* warnings and infos */
    size_t note_count;
    int64_t begin_ms; /* of the range that was asked for */
    int64_t end_ms;
    int64_t step_ms; /* 0: an instant */
};

/* How it may look. */
struct shown_style {
    size_t width; /* columns and lines of the terminal */
    size_t height;
    bool color;
};

/* Of standard output; 80 x 24 without colours where that is no terminal. NO_COLOR is respected. */
struct shown_style shown_style_of_terminal(void);

void shown_init(struct shown *shown, const struct ask_range *range);
void shown_done(struct shown *shown);

/* Appends a series with room for `count` points. */
struct shown_series *shown_add(struct shown *shown, struct str name, size_t count);
void shown_add_note(struct shown *shown, struct str text);

/* Appends a point to a series that has room. */
void shown_add_value(struct shown_series *series, int64_t time_ms, double v);
void shown_add_histogram(struct shown *shown, struct shown_series *series, int64_t time_ms,
                         struct str text);

/* A point as tables show it; `text` has room for FLOAT_TEXT_SIZE. */
struct str shown_point(const struct shown_series *series, size_t point, char *text);

/* Pulls all rows of an opened query. */
bool shown_collect(struct shown *shown, struct running *running, struct str query, struct err *err)
    MUST_CHECK;

/* The answer of a server, its JSON. ERR_BAD_DATA, ERR_EXECUTION: the server's own error. ERR_IO: it
 * is no such answer. */
bool shown_read_json(struct shown *shown, struct str text, struct err *err) MUST_CHECK;

/* Aligned columns; comma-separated values; a picture. */
void shown_table(const struct shown *shown, const struct shown_style *style, struct buf *out);
void shown_csv(const struct shown *shown, struct buf *out);
void shown_graph(const struct shown *shown, const struct shown_style *style, struct buf *out);

/* "2025-10-09 09:33:20", and milliseconds where there are any. */
void shown_time(int64_t time_ms, struct buf *out);
