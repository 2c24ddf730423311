/*
 * A graph in braille: each character cell is 2 dots wide and 4 high. Points of a series are joined
 * by lines unless one is missing between them; a cell has the colour of the series drawn last.
 *
 *      512 ┤⠀⠀⠀⢀⡠⠤⠒⠉⠉⠒⠤⡀
 *      256 ┤⠤⠒⠉⠁⠀⠀⠀⠀⠀⠀⠀⠈⠑⠒
 *        0 ┼──────────────────
 *          09:00        10:00
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/float_text.h"
#include "base/mem.h"
#include "base/quote.h"
#include "server/show/shown.h"

#define COLOR_COUNT 8
#define LEGEND_MAX 12
#define PLOT_HEIGHT_MIN 6
#define VALUE_MAX 1e300
#define VALUE_MIN 1e-300 /* what is smaller is drawn as zero */
#define FLAT 1e-12       /* the part of a value that is too little to draw */

static const int colors[COLOR_COUNT] = {39, 208, 82, 199, 226, 51, 141, 203};

struct canvas {
    size_t width; /* in cells */
    size_t height;
    uint8_t *dots; /* of each cell, as braille numbers them */
    uint8_t *inks; /* 1 + color of each cell */
};

struct scale {
    double low;
    double high;
    double tick;
    size_t tick_count; /* steps of `tick` from low to high */
};

static void canvas_dot(struct canvas *canvas, long x, long y, uint8_t ink)
{
    static const uint8_t bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    if (x < 0 || y < 0 || x >= (long)canvas->width * 2 || y >= (long)canvas->height * 4)
        return;
    size_t cell = (size_t)(y / 4) * canvas->width + (size_t)(x / 2);
    canvas->dots[cell] |= bits[y % 4][x % 2];
    canvas->inks[cell] = ink;
}

static void canvas_line(struct canvas *canvas, const long from[2], const long to[2], uint8_t ink)
{
    long dx = to[0] - from[0], dy = to[1] - from[1];
    long steps = labs(dx) > labs(dy) ? labs(dx) : labs(dy);
    for (long i = 0; i <= steps; i++) {
        long x = from[0] + (steps ? (dx * i + (dx < 0 ? -steps : steps) / 2) / steps : 0);
        long y = from[1] + (steps ? (dy * i + (dy < 0 ? -steps : steps) / 2) / steps : 0);
        canvas_dot(canvas, x, y, ink);
    }
}

/* A round number of 1, 2 or 5 that splits the range in about `count` parts. */
static double tick_of(double range, double count)
{
    double unit = pow(10, floor(log10(range / count)));
    double part = range / count / unit;
    if (part > 5)
        return unit * 10;
    if (part > 2)
        return unit * 5;
    return part > 1 ? unit * 2 : unit;
}

/* The range from the least to the most must be finite. */
static double drawable(double v)
{
    return isfinite(v) ? fmax(-VALUE_MAX, fmin(v, VALUE_MAX)) : v;
}

static bool scale_init(struct scale *scale, const struct shown *shown, size_t height)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < shown->count; i++)
        for (size_t k = 0; k < shown->items[i].count; k++) {
            double v = drawable(shown->items[i].values[k]);
            if (!isfinite(v))
                continue;
            low = fmin(low, v);
            high = fmax(high, v);
        }
    if (low > high)
        return false;
    if (low > 0 && low < high * 0.5)
        low = 0;
    double most = fmax(fabs(low), fabs(high)); /* the ticks must differ from each other */
    if (high - low <= most * FLAT) {
        double room = most < VALUE_MIN ? 1 : most * 0.1;
        low -= room;
        high += room;
    }
    scale->tick = tick_of(high - low, (double)height / 3);
    scale->low = floor(low / scale->tick) * scale->tick;
    scale->high = ceil(high / scale->tick) * scale->tick;
    scale->tick_count = (size_t)lround((scale->high - scale->low) / scale->tick);
    return true;
}

static void canvas_series(struct canvas *canvas, const struct shown *shown,
                          const struct shown_series *series, const struct scale *scale, uint8_t ink)
{
    double span_ms = (double)(shown->end_ms - shown->begin_ms);
    long columns = (long)canvas->width * 2 - 1, rows = (long)canvas->height * 4 - 1;
    long last[2] = {0, 0};
    int64_t last_ms = INT64_MIN;
    for (size_t i = 0; i < series->count; i++) {
        double v = drawable(series->values[i]);
        bool outside = span_ms > 0 && (series->times_ms[i] < shown->begin_ms ||
                                       series->times_ms[i] > shown->end_ms);
        if (!isfinite(v) || outside) {
            last_ms = INT64_MIN;
            continue;
        }
        double x = span_ms > 0 ? (double)(series->times_ms[i] - shown->begin_ms) / span_ms : 0;
        double y = (v - scale->low) / (scale->high - scale->low);
        long at[2] = {lround(x * (double)columns), lround((1 - y) * (double)rows)};
        bool joined = last_ms != INT64_MIN &&
                      series->times_ms[i] - last_ms <= shown->step_ms + shown->step_ms / 2;
        canvas_line(canvas, joined ? last : at, at, ink);
        last[0] = at[0];
        last[1] = at[1];
        last_ms = series->times_ms[i];
    }
}

static void put_color(struct buf *out, const struct shown_style *style, uint8_t ink)
{
    if (style->color && ink)
        buf_printf(out, "\x1b[38;5;%dm", colors[(ink - 1) % COLOR_COUNT]);
    else if (style->color)
        buf_text(out, "\x1b[0m");
}

/* A number short enough for the axis: 1.5k, 20M, 0.25. */
static void axis_text(double v, double tick, char out[24])
{
    static const struct {
        double unit;
        const char *name;
    } units[] = {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
    double most = fabs(v) > tick ? fabs(v) : tick;
    for (size_t i = 0; i < ARRAY_COUNT(units); i++)
        if (most >= units[i].unit * 0.9999 && v != 0) {
            snprintf(out, 24, "%.6g%s", v / units[i].unit, units[i].name);
            return;
        }
    snprintf(out, 24, "%.6g", fabs(v) < tick * 1e-6 ? 0.0 : v);
}

/* Which tick falls on this line of cells, as text; "" for none. */
static void line_label(const struct scale *scale, size_t height, size_t line, char out[24])
{
    double rows = (double)height * 4 - 1;
    out[0] = '\0';
    for (size_t i = 0; i <= scale->tick_count; i++) {
        double v = scale->low + (double)i * scale->tick;
        double y = (1 - (v - scale->low) / (scale->high - scale->low)) * rows;
        if ((size_t)(lround(y) / 4) == line) {
            axis_text(v, scale->tick, out);
            return;
        }
    }
}

static size_t label_width(const struct scale *scale, size_t height)
{
    size_t width = 0;
    for (size_t line = 0; line < height; line++) {
        char text[24];
        line_label(scale, height, line, text);
        if (strlen(text) > width)
            width = strlen(text);
    }
    return width;
}

static void put_cells(const struct canvas *canvas, const struct shown_style *style, size_t line,
                      struct buf *out)
{
    uint8_t ink = 0;
    for (size_t x = 0; x < canvas->width; x++) {
        size_t cell = line * canvas->width + x;
        if (canvas->dots[cell] && canvas->inks[cell] != ink) {
            ink = canvas->inks[cell];
            put_color(out, style, ink);
        }
        utf8_append(out, canvas->dots[cell] ? 0x2800u + canvas->dots[cell] : ' ');
    }
    if (ink)
        put_color(out, style, 0);
    buf_byte(out, '\n');
}

static void time_label(const struct shown *shown, int64_t time_ms, char out[32])
{
    int64_t span_ms = shown->end_ms - shown->begin_ms;
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm tm = {0};
    gmtime_r(&seconds, &tm);
    if (span_ms < 10 * 60000)
        strftime(out, 32, "%H:%M:%S", &tm);
    else if (span_ms <= 24 * 3600000)
        strftime(out, 32, "%H:%M", &tm);
    else
        strftime(out, 32, "%m-%d %H:%M", &tm);
}

/* Times under the plot, each beginning where it stands, as many as fit. */
static void put_times(const struct shown *shown, size_t indent, size_t width, struct buf *out)
{
    size_t at = 0;
    buf_printf(out, "%*s", (int)indent, "");
    for (size_t x = 0; x < width; x++) {
        char text[32];
        double part = width > 1 ? (double)x / (double)(width - 1) : 0;
        int64_t time_ms =
            shown->begin_ms + (int64_t)(part * (double)(shown->end_ms - shown->begin_ms));
        time_label(shown, time_ms, text);
        size_t len = strlen(text);
        bool last = x + len == width; /* the end's, flush right */
        if (last)
            time_label(shown, shown->end_ms, text);
        else if (x % (len + 6) != 0 || x + 2 * len + 2 > width)
            continue;
        if (x < at)
            continue;
        buf_printf(out, "%*s%s", (int)(x - at), "", text);
        at = x + len;
    }
    buf_byte(out, '\n');
}

static void put_plot(const struct shown *shown, const struct shown_style *style, size_t height,
                     const struct scale *scale, struct buf *out)
{
    size_t indent = label_width(scale, height);
    struct canvas canvas = {.height = height};
    canvas.width = style->width > indent + 3 ? style->width - indent - 3 : 1;
    canvas.dots = mem_new_array(uint8_t, canvas.width * height);
    canvas.inks = mem_new_array(uint8_t, canvas.width * height);
    for (size_t i = 0; i < shown->count; i++)
        canvas_series(&canvas, shown, &shown->items[i], scale, (uint8_t)(1 + i % COLOR_COUNT));
    for (size_t line = 0; line < height; line++) {
        char text[24];
        line_label(scale, height, line, text);
        buf_printf(out, "%*s %s", (int)indent, text, *text ? "┤" : "│");
        put_cells(&canvas, style, line, out);
    }
    buf_printf(out, "%*s └", (int)indent, "");
    for (size_t x = 0; x < canvas.width; x++)
        buf_text(out, "─");
    buf_byte(out, '\n');
    put_times(shown, indent + 2, canvas.width, out);
    free(canvas.dots);
    free(canvas.inks);
}

static void put_legend(const struct shown *shown, const struct shown_style *style, size_t lines,
                       struct buf *out)
{
    for (size_t i = 0; i < shown->count && i < lines; i++) {
        const struct shown_series *series = &shown->items[i];
        if (i + 1 == lines && shown->count > lines) {
            buf_printf(out, "  and %zu more\n", shown->count - i);
            return;
        }
        char last[FLOAT_TEXT_SIZE] = "-";
        size_t len = 1;
        if (series->count)
            len = float_text_g_digits(last, series->values[series->count - 1], 6);
        size_t room = style->width > len + 8 ? style->width - len - 8 : 8;
        size_t shown_len = series->name.len < room ? series->name.len : room;
        buf_text(out, "  ");
        put_color(out, style, (uint8_t)(1 + i % COLOR_COUNT));
        buf_text(out, "■");
        put_color(out, style, 0);
        buf_printf(out, " %.*s  %.*s\n", (int)shown_len, series->name.ptr ? series->name.ptr : "",
                   (int)len, last);
    }
}

void shown_graph(const struct shown *shown, const struct shown_style *style, struct buf *out)
{
    size_t legend = shown->count < LEGEND_MAX ? shown->count : LEGEND_MAX;
    size_t height = PLOT_HEIGHT_MIN;
    if (style->height > legend + 3 + PLOT_HEIGHT_MIN)
        height = style->height - legend - 3;
    struct scale scale;
    if (!scale_init(&scale, shown, height)) {
        buf_text(out, "nothing to draw\n");
        return;
    }
    put_plot(shown, style, height, &scale, out);
    put_legend(shown, style, legend, out);
}
