/*
 * Tables: an instant's series with their values, one a line; a range's points as a grid with a line
 * for each time and a column for each series, as many side by side as there is room for.
 */
#include <stdlib.h>
#include <string.h>

#include "base/float_text.h"
#include "base/mem.h"
#include "server/show/shown.h"

#define COLUMN_GAP 2

static void put_padding(struct buf *out, size_t used, size_t width)
{
    for (; used < width; used++)
        buf_byte(out, ' ');
}

/* Columns that a text takes: its runes. */
static size_t text_width(struct str s)
{
    size_t width = 0;
    for (size_t i = 0; i < s.len; i++)
        width += (s.ptr[i] & 0xC0) != 0x80;
    return width;
}

static void table_instant(const struct shown *shown, struct buf *out)
{
    size_t width = 0;
    for (size_t i = 0; i < shown->count; i++) {
        size_t own = text_width(shown->items[i].name);
        if (own > width)
            width = own;
    }
    for (size_t i = 0; i < shown->count; i++) {
        const struct shown_series *series = &shown->items[i];
        char text[FLOAT_TEXT_SIZE];
        buf_str(out, series->name);
        put_padding(out, text_width(series->name), width ? width + COLUMN_GAP : 0);
        buf_str(out, shown_point(series, 0, text));
        buf_byte(out, '\n');
    }
}

static int time_cmp(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* All times that a run of series has, each once. */
static size_t times_of(const struct shown_series *items, size_t count, int64_t **ret_times)
{
    size_t total = 0, kept = 0;
    for (size_t i = 0; i < count; i++)
        total += items[i].count;
    int64_t *times = mem_new_array(int64_t, total);
    total = 0;
    for (size_t i = 0; i < count; i++) {
        memcpy(times + total, items[i].times_ms, items[i].count * sizeof *times);
        total += items[i].count;
    }
    qsort(times, total, sizeof *times, time_cmp);
    for (size_t i = 0; i < total; i++)
        if (kept == 0 || times[i] != times[kept - 1])
            times[kept++] = times[i];
    *ret_times = times;
    return kept;
}

static size_t series_width(const struct shown_series *series)
{
    size_t width = 4;
    for (size_t i = 0; i < series->count; i++) {
        char text[FLOAT_TEXT_SIZE];
        size_t len = shown_point(series, i, text).len;
        if (len > width)
            width = len;
    }
    return width;
}

/* One grid, of `count` series from `first` on; above it, which column is which. */
static void table_grid(const struct shown *shown, size_t first, size_t count, const size_t *widths,
                       struct buf *out)
{
    const struct shown_series *items = shown->items + first;
    int64_t *times = NULL;
    size_t time_count = times_of(items, count, &times);
    size_t *at = mem_new_array(size_t, count);
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "[%zu] %.*s\n", first + i + 1, STR_ARGS(items[i].name));
    for (size_t t = 0; t < time_count; t++) {
        size_t begin = out->len;
        shown_time(times[t], out);
        put_padding(out, out->len - begin, 19);
        for (size_t i = 0; i < count; i++) {
            char text[FLOAT_TEXT_SIZE];
            struct str point = {0};
            if (at[i] < items[i].count && items[i].times_ms[at[i]] == times[t])
                point = shown_point(&items[i], at[i]++, text);
            put_padding(out, point.len, widths[i] + COLUMN_GAP);
            buf_str(out, point);
        }
        buf_byte(out, '\n');
    }
    free(at);
    free(times);
}

static void table_range(const struct shown *shown, const struct shown_style *style, struct buf *out)
{
    size_t *widths = mem_new_array(size_t, shown->count);
    for (size_t first = 0; first < shown->count;) {
        size_t used = 19, count = 0;
        for (; first + count < shown->count; count++) {
            widths[count] = series_width(&shown->items[first + count]);
            used += widths[count] + COLUMN_GAP;
            if (used > style->width && count > 0)
                break;
        }
        if (first > 0)
            buf_byte(out, '\n');
        table_grid(shown, first, count, widths, out);
        first += count;
    }
    free(widths);
}

void shown_table(const struct shown *shown, const struct shown_style *style, struct buf *out)
{
    if (shown->kind == RESULT_STRING) {
        buf_str(out, shown->string);
        buf_byte(out, '\n');
    } else if (shown->kind == RESULT_MATRIX) {
        table_range(shown, style, out);
    } else {
        table_instant(shown, out);
    }
}

/* As RFC 4180 wants it: quotes where there is a comma, a quote or a line's end. */
static void csv_text(struct buf *out, struct str s)
{
    bool awkward = false;
    for (size_t i = 0; i < s.len; i++)
        awkward = awkward || strchr(",\"\r\n", s.ptr[i]) != NULL;
    if (!awkward) {
        buf_str(out, s);
        return;
    }
    buf_byte(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"')
            buf_byte(out, '"');
        buf_byte(out, s.ptr[i]);
    }
    buf_byte(out, '"');
}

void shown_csv(const struct shown *shown, struct buf *out)
{
    buf_text(out, "series,time,value\n");
    if (shown->kind == RESULT_STRING) {
        buf_printf(out, ",%.3f,", (double)shown->end_ms / 1000);
        csv_text(out, shown->string);
        buf_byte(out, '\n');
    }
    for (size_t i = 0; i < shown->count; i++) {
        const struct shown_series *series = &shown->items[i];
        for (size_t k = 0; k < series->count; k++) {
            char text[FLOAT_TEXT_SIZE];
            csv_text(out, series->name);
            buf_printf(out, ",%.3f,", (double)series->times_ms[k] / 1000);
            csv_text(out, shown_point(series, k, text));
            buf_byte(out, '\n');
        }
    }
}
