#include "server/show/shown.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/float_text.h"
#include "base/mem.h"
#include "model/sample.h"

/* As no-color.org has it, and for terminals that know no escapes. */
static bool color_is_wanted(void)
{
    const char *refused = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return (!refused || !*refused) && !(terminal && strcmp(terminal, "dumb") == 0);
}

struct shown_style shown_style_of_terminal(void)
{
    struct shown_style style = {.width = 80, .height = 24};
    struct winsize size;
    if (!isatty(STDOUT_FILENO))
        return style;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40 && size.ws_row >= 12) {
        style.width = size.ws_col;
        style.height = size.ws_row;
    }
    style.color = color_is_wanted();
    return style;
}

void shown_init(struct shown *shown, const struct ask_range *range)
{
    *shown = (struct shown){
        .arena = arena_create(NULL),
        .begin_ms = range->start_ms,
        .end_ms = range->end_ms,
        .step_ms = range->step_ms,
    };
}

void shown_done(struct shown *shown)
{
    for (size_t i = 0; i < shown->count; i++) {
        free(shown->items[i].times_ms);
        free(shown->items[i].values);
        free(shown->items[i].texts);
    }
    free(shown->items);
    free(shown->notes);
    arena_destroy(shown->arena);
}

struct shown_series *shown_add(struct shown *shown, struct str name, size_t count)
{
    mem_grow(shown->items, struct shown_series, shown->count, &shown->cap);
    struct shown_series *series = &shown->items[shown->count++];
    *series = (struct shown_series){
        .name = arena_str(shown->arena, name),
        .times_ms = mem_new_array(int64_t, count),
        .values = mem_new_array(double, count),
        .cap = count,
    };
    return series;
}

void shown_add_value(struct shown_series *series, int64_t time_ms, double v)
{
    series->times_ms[series->count] = time_ms;
    series->values[series->count++] = v;
}

void shown_add_histogram(struct shown *shown, struct shown_series *series, int64_t time_ms,
                         struct str text)
{
    if (!series->texts)
        series->texts = mem_new_array(struct str, series->cap);
    series->texts[series->count] = arena_str(shown->arena, text);
    shown_add_value(series, time_ms, NAN);
}

struct str shown_point(const struct shown_series *series, size_t point, char *text)
{
    if (series->texts && series->texts[point].len)
        return series->texts[point];
    return (struct str){text, float_text_json(text, series->values[point])};
}

void shown_add_note(struct shown *shown, struct str text)
{
    shown->notes = mem_resize(shown->notes, struct str, shown->note_count + 1);
    shown->notes[shown->note_count++] = arena_str(shown->arena, text);
}

static void shown_add_row(struct shown *shown, const struct result_info *info,
                          const struct result_row *row)
{
    AUTO(buf_done) struct buf name = {0};
    if (row->labels)
        labels_print_metric(info->symbols, row->labels, &name);
    struct shown_series *series = shown_add(shown, buf_view(&name), row->count);
    for (size_t i = 0; i < row->count; i++) {
        int64_t time_ms = row->times_ms ? row->times_ms[i] : grid_time(&info->grid, i);
        if (row->histograms && row->histograms[i]) {
            AUTO(buf_done) struct buf text = {0};
            histogram_print(row->histograms[i], &text);
            shown_add_histogram(shown, series, time_ms, buf_view(&text));
        } else if (!value_is_stale(row->values[i])) {
            shown_add_value(series, time_ms, row->values[i]);
        }
    }
}

bool shown_collect(struct shown *shown, struct running *running, struct str query, struct err *err)
{
    struct result_info info = running_info(running);
    struct result_row row;
    enum pull got;
    shown->kind = info.kind;
    if (info.kind == RESULT_STRING)
        shown->string = arena_str(shown->arena, info.string);
    while ((got = running_next(running, &row, err)) == PULL_BATCH)
        shown_add_row(shown, &info, &row);
    if (got == PULL_ERR)
        return false;
    const struct annotations *annotations = running_annotations(running);
    for (size_t i = 0; i < annotations->count; i++) {
        AUTO(buf_done) struct buf text = {0};
        annotation_print(&annotations->items[i], query, &text);
        shown_add_note(shown, buf_view(&text));
    }
    return true;
}

void shown_time(int64_t time_ms, struct buf *out)
{
    time_t seconds = (time_t)(time_ms / 1000 - (time_ms % 1000 < 0));
    int ms = (int)(time_ms - (int64_t)seconds * 1000);
    struct tm tm = {0};
    char text[64];
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    buf_text(out, text);
    if (ms)
        buf_printf(out, ".%03d", ms);
}
