#include "model/annotations.h"

#include <stdarg.h>
#include <stdint.h>

void annotations_init(struct annotations *annotations, struct arena *arena)
{
    *annotations = (struct annotations){.arena = arena};
}

void annotations_add(struct annotations *annotations, enum annotation_level level, size_t begin,
                     const char *fmt, ...)
{
    AUTO(buf_done) struct buf buf = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&buf, fmt, ap);
    va_end(ap);

    for (size_t i = 0; i < annotations->count; i++) {
        struct annotation *item = &annotations->items[i];
        if (item->level == level && str_eq(item->text, buf_view(&buf))) {
            item->begin = begin;
            return;
        }
    }
    if (annotations->count == ANNOTATIONS_MAX)
        return;
    if (annotations->count == annotations->cap) {
        size_t cap = annotations->cap ? annotations->cap * 2 : 8;
        struct annotation *items = arena_array(annotations->arena, struct annotation, cap);
        for (size_t i = 0; i < annotations->count; i++)
            items[i] = annotations->items[i];
        annotations->items = items;
        annotations->cap = cap;
    }
    annotations->items[annotations->count++] =
        (struct annotation){level, arena_str(annotations->arena, buf_view(&buf)), begin};
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
    buf_printf(out, " (%zu:%zu)", line, column);
}
