#include "model/annotations.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "base/float_text.h"
#include "base/quote.h"

void annotations_init(struct annotations *annotations, struct arena *arena)
{
    *annotations = (struct annotations){.arena = arena};
}

static struct annotation *annotations_find(const struct annotations *annotations,
                                           enum annotation_level level, struct str text)
{
    for (size_t i = 0; i < annotations->count; i++) {
        struct annotation *item = &annotations->items[i];
        if (item->level == level && !item->raises && str_eq(item->text, text))
            return item;
    }
    return NULL;
}

/* NULL once there are too many. */
static struct annotation *annotations_append(struct annotations *annotations,
                                             enum annotation_level level, size_t begin,
                                             struct str text)
{
    if (annotations->count == ANNOTATIONS_MAX)
        return NULL;
    if (annotations->count == annotations->cap) {
        size_t cap = annotations->cap ? annotations->cap * 2 : 8;
        struct annotation *items = arena_array(annotations->arena, struct annotation, cap);
        for (size_t i = 0; i < annotations->count; i++)
            items[i] = annotations->items[i];
        annotations->items = items;
        annotations->cap = cap;
    }
    struct annotation *item = &annotations->items[annotations->count++];
    *item = (struct annotation){
        .level = level,
        .text = arena_str(annotations->arena, text),
        .begin = begin,
        .rank = annotations->rank,
    };
    return item;
}

static void annotations_move(const struct annotations *annotations, struct annotation *item,
                             size_t begin)
{
    if (annotations->rank < item->rank)
        return;
    item->begin = begin;
    item->rank = annotations->rank;
}

void annotations_add(struct annotations *annotations, enum annotation_level level, size_t begin,
                     const char *fmt, ...)
{
    AUTO(buf_done) struct buf buf = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&buf, fmt, ap);
    va_end(ap);

    struct annotation *known = annotations_find(annotations, level, buf_view(&buf));
    if (known)
        annotations_move(annotations, known, begin);
    else
        annotations_append(annotations, level, begin, buf_view(&buf));
}

void annotations_add_counted(struct annotations *annotations, enum annotation_level level,
                             size_t begin, uint64_t occurrences, struct str text)
{
    struct annotation *item = annotations_find(annotations, level, text);
    if (!item)
        item = annotations_append(annotations, level, begin, text);
    if (!item)
        return;
    if (begin < item->begin)
        item->begin = begin;
    item->occurrences += occurrences;
}

static void raises_merge(struct annotation_raises *all, const struct annotation_raises *more)
{
    if (more->bound_min < all->bound_min)
        all->bound_min = more->bound_min;
    if (more->bound_max > all->bound_max)
        all->bound_max = more->bound_max;
    if (more->raise_max > all->raise_max)
        all->raise_max = more->raise_max;
    if (more->begin_ms < all->begin_ms)
        all->begin_ms = more->begin_ms;
    if (more->end_ms > all->end_ms)
        all->end_ms = more->end_ms;
    all->count += more->count;
}

/* As Go's time.RFC3339 in UTC; whole seconds, cut towards 1970. */
static void raises_print_time(struct buf *out, int64_t time_ms)
{
    time_t seconds = time_ms / 1000;
    struct tm tm = {0};
    gmtime_r(&seconds, &tm);
    int year = tm.tm_year + 1900;
    buf_printf(out, "%s%04d-%02d-%02dT%02d:%02d:%02dZ", year < 0 ? "-" : "", abs(year),
               tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void raises_print_float(struct buf *out, double v)
{
    out->len += float_text_g(buf_reserve(out, FLOAT_TEXT_SIZE), v);
}

static void raises_print(struct buf *out, const struct annotation_raises *raises)
{
    buf_text(out,
             "input to histogram_quantile needed to be fixed for monotonicity (see "
             "https://prometheus.io/docs/prometheus/latest/querying/functions/"
             "#histogram_quantile)");
    if (raises->metric.len) {
        buf_text(out, " for metric name ");
        quote_append(out, raises->metric);
    }
    buf_text(out, ", from buckets ");
    raises_print_float(out, raises->bound_min);
    buf_text(out, " to ");
    raises_print_float(out, raises->bound_max);
    buf_text(out, ", with a max diff of ");
    out->len += float_text_g_digits(buf_reserve(out, FLOAT_TEXT_SIZE), raises->raise_max, 2);
    buf_printf(out, ", over %" PRId64 " samples from ", (int64_t)raises->count);
    raises_print_time(out, raises->begin_ms);
    buf_text(out, " to ");
    raises_print_time(out, raises->end_ms);
}

static struct annotation *annotations_find_raises(const struct annotations *annotations,
                                                  struct str metric)
{
    for (size_t i = 0; i < annotations->count; i++) {
        struct annotation *item = &annotations->items[i];
        if (item->raises && str_eq(item->raises->metric, metric))
            return item;
    }
    return NULL;
}

void annotations_add_raises(struct annotations *annotations, size_t begin,
                            const struct annotation_raises *raises)
{
    AUTO(buf_done) struct buf text = {0};
    struct annotation *item = annotations_find_raises(annotations, raises->metric);
    if (item) {
        raises_merge(item->raises, raises);
        if (begin < item->begin)
            item->begin = begin;
    } else {
        item = annotations_append(annotations, ANNOTATION_INFO, begin, (struct str){0});
        if (!item)
            return;
        item->raises = arena_new(annotations->arena, struct annotation_raises);
        *item->raises = *raises;
        item->raises->metric = arena_str(annotations->arena, raises->metric);
    }
    raises_print(&text, item->raises);
    item->text = arena_str(annotations->arena, buf_view(&text));
}

void annotation_print(const struct annotation *annotation, struct str query, struct buf *out)
{
    if (annotation->begin == SIZE_MAX) {
        buf_str(out, annotation->text);
        return;
    }
    size_t line = 1, column = 1;
    for (size_t i = 0; i < annotation->begin && i < query.len; i++) {
        column++;
        if (query.ptr[i] == '\n') {
            line++;
            column = 1;
        }
    }
    buf_text(out, annotation->level == ANNOTATION_WARNING ? "PromQL warning: " : "PromQL info: ");
    buf_str(out, annotation->text);
    if (annotation->occurrences > 1)
        buf_printf(out, " (%" PRIu64 " occurrences)", annotation->occurrences);
    buf_printf(out, " (%zu:%zu)", line, column);
}
