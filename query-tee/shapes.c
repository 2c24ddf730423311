#include "query-tee/shapes.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"

struct shape {
    char *text;
    uint64_t question_count;
    uint64_t different_count;
    struct sketch *sketches; /* of times, one a backend, then of sizes */
};

struct shapes {
    pthread_mutex_t lock;
    struct shape *items; /* the first one is "other" */
    size_t count;
    size_t count_max;
    size_t backend_count;
    struct map by_text;
};

static void shapes_add(struct shapes *shapes, struct str text)
{
    AUTO(buf_done) struct buf copy = {0};
    buf_str(&copy, text);
    shapes->items[shapes->count++] = (struct shape){
        .text = mem_strdup(buf_terminated(&copy)),
        .sketches = mem_new_array(struct sketch, shapes->backend_count * 2),
    };
}

struct shapes *shapes_create(size_t backend_count, size_t count_max)
{
    struct shapes *shapes = mem_new(struct shapes);
    pthread_mutex_init(&shapes->lock, NULL);
    shapes->backend_count = backend_count;
    shapes->count_max = count_max;
    shapes->items = mem_new_array(struct shape, count_max + 1);
    shapes_add(shapes, STR("other"));
    return shapes;
}

void shapes_destroy(struct shapes *shapes)
{
    if (!shapes)
        return;
    for (size_t i = 0; i < shapes->count; i++) {
        free(shapes->items[i].text);
        free(shapes->items[i].sketches);
    }
    free(shapes->items);
    map_done(&shapes->by_text);
    pthread_mutex_destroy(&shapes->lock);
    free(shapes);
}

/* With the lock held. */
static struct shape *shapes_find(struct shapes *shapes, struct str text)
{
    uint64_t hash = hash_bytes(text.ptr, text.len);
    for (struct map_probe at = map_find(&shapes->by_text, hash); map_hit(&shapes->by_text, &at);
         map_next(&shapes->by_text, &at))
        if (str_eq(str_of(shapes->items[at.index].text), text))
            return &shapes->items[at.index];
    if (shapes->count > shapes->count_max)
        return &shapes->items[0];
    map_insert(&shapes->by_text, hash, (uint32_t)shapes->count);
    shapes_add(shapes, text);
    return &shapes->items[shapes->count - 1];
}

void shapes_add_answer(struct shapes *shapes, struct str shape, size_t backend, int64_t latency_ns,
                       uint64_t size)
{
    pthread_mutex_lock(&shapes->lock);
    struct sketch *sketches = shapes_find(shapes, shape)->sketches;
    sketch_add(&sketches[backend], latency_ns > 0 ? (uint64_t)latency_ns / 1000 : 0);
    sketch_add(&sketches[shapes->backend_count + backend], size);
    pthread_mutex_unlock(&shapes->lock);
}

void shapes_add_question(struct shapes *shapes, struct str shape, bool different)
{
    pthread_mutex_lock(&shapes->lock);
    struct shape *found = shapes_find(shapes, shape);
    found->question_count++;
    found->different_count += different;
    pthread_mutex_unlock(&shapes->lock);
}

static int shape_order(const void *left, const void *right)
{
    const struct shape *a = *(const struct shape *const *)left;
    const struct shape *b = *(const struct shape *const *)right;
    if (a->question_count != b->question_count)
        return a->question_count > b->question_count ? -1 : 1;
    return str_cmp(str_of(a->text), str_of(b->text));
}

void shapes_each(struct shapes *shapes,
                 void (*take)(void *context, const struct shape_total *total), void *context)
{
    pthread_mutex_lock(&shapes->lock);
    const struct shape **order = mem_new_array(const struct shape *, shapes->count);
    for (size_t i = 0; i < shapes->count; i++)
        order[i] = &shapes->items[i];
    qsort(order, shapes->count, sizeof *order, shape_order);
    for (size_t i = 0; i < shapes->count; i++) {
        const struct shape_total total = {
            .shape = str_of(order[i]->text),
            .question_count = order[i]->question_count,
            .different_count = order[i]->different_count,
            .latencies_us = order[i]->sketches,
            .sizes = order[i]->sketches + shapes->backend_count,
        };
        if (total.question_count > 0)
            take(context, &total);
    }
    free(order);
    pthread_mutex_unlock(&shapes->lock);
}

/* "1.25ms", in seven columns at most. */
static void print_us(uint64_t us, struct buf *out)
{
    char text[32];
    if (us < 1000)
        snprintf(text, sizeof text, "%" PRIu64 "us", us);
    else if (us < 1000000)
        snprintf(text, sizeof text, us < 100000 ? "%.1fms" : "%.0fms", (double)us / 1e3);
    else
        snprintf(text, sizeof text, us < 100000000 ? "%.1fs" : "%.0fs", (double)us / 1e6);
    buf_printf(out, "%9s", text);
}

static void print_size(uint64_t size, struct buf *out)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB"};
    double v = (double)size;
    size_t unit = 0;
    for (; v >= 1000 && unit + 1 < ARRAY_COUNT(units); unit++)
        v /= 1024;
    char text[32];
    snprintf(text, sizeof text, unit == 0 ? "%.0f%s" : "%.1f%s", v, units[unit]);
    buf_printf(out, "%10s", text);
}

static void print_row(void *context, const struct shape_total *total)
{
    struct buf *out = context;
    uint64_t a = sketch_quantile(&total->latencies_us[0], 0.5);
    uint64_t b = sketch_quantile(&total->latencies_us[1], 0.5);
    buf_printf(out, "%8" PRIu64 "%8" PRIu64, total->question_count, total->different_count);
    print_us(a, out);
    print_us(sketch_quantile(&total->latencies_us[0], 0.99), out);
    print_us(b, out);
    print_us(sketch_quantile(&total->latencies_us[1], 0.99), out);
    if (a > 0 && b > 0)
        buf_printf(out, "%8.2fx", (double)a / (double)b);
    else
        buf_printf(out, "%9s", "-");
    print_size(sketch_quantile(&total->sizes[0], 0.5), out);
    buf_printf(out, "  %.*s\n", STR_ARGS(total->shape));
}

void shapes_print(struct shapes *shapes, struct buf *out)
{
    buf_printf(out, "%8s%8s%9s%9s%9s%9s%9s%10s  %s\n", "asked", "differ", "1st p50", "1st p99",
               "2nd p50", "2nd p99", "ratio", "size p50", "shape");
    shapes_each(shapes, print_row, out);
}
