#include "tests/agree/ground.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/float_text.h"
#include "base/mem.h"
#include "model/sample.h"
#include "tests/script/load.h"

static void load_refuse(struct str line, const struct err *err)
{
    fprintf(stderr, "%.*s\n%s\n", STR_ARGS(line), err->msg);
    abort();
}

static void ground_load(struct ground *ground, const struct data *data)
{
    AUTO(buf_done) struct buf script = {0};
    struct load load = {.step_ms = data_step_ms(data)};
    struct err err;
    data_print_series(data, &script);
    for (struct str rest = buf_view(&script); rest.len > 0;) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        struct str line = {rest.ptr + 2, (size_t)(end - rest.ptr) - 2};
        if (!load_read_line(&load, line, ground->arena, ground->symbols, &err))
            load_refuse(line, &err);
        rest.len -= line.len + 3;
        rest.ptr = end + 1;
    }
    if (!load_end(&load, &err) || !load_apply(&load, ground->symbols, &ground->storage, &err))
        load_refuse(buf_view(&script), &err);
}

void ground_open(struct ground *ground, const struct data *data,
                 const struct ground_options *options)
{
    *ground = (struct ground){.arena = arena_create(NULL)};
    ground->symbols = symbols_new(ground->arena);
    test_storage_init(&ground->storage);
    ground_load(ground, data);
    struct engine_options engine_options = {
        .thread_count = options->thread_count,
        .parse = {true, true, true},
        .modes = {.delayed_names = options->delayed_names, .start_timestamps = true},
        .fallback = FALLBACK_NONE,
    };
    ground->engine = engine_create(&ground->storage.storage, &engine_options);
}

void ground_close(struct ground *ground)
{
    engine_destroy(ground->engine);
    test_storage_done(&ground->storage);
    symbols_done(ground->symbols);
    arena_destroy(ground->arena);
}

/* The shortest text of a number is that of no other; NaNs differ in what no answer shows. */
static void value_append(double v, struct buf *out)
{
    out->len += float_text_g(buf_reserve(out, FLOAT_TEXT_SIZE), v);
}

static void row_append(const struct result_info *info, const struct result_row *row,
                       struct buf *out)
{
    if (row->labels)
        labels_print_metric(info->symbols, row->labels, out);
    for (size_t i = 0; i < row->count; i++) {
        const struct histogram *h = row->histograms ? row->histograms[i] : NULL;
        int64_t time_ms = row->times_ms ? row->times_ms[i] : grid_time(&info->grid, i);
        /* A matrix may have both at one time; a vector shows the histogram then. */
        if (!value_is_stale(row->values[i]) && !(h && info->kind == RESULT_VECTOR)) {
            buf_printf(out, " %lld:", (long long)time_ms);
            value_append(row->values[i], out);
        }
        if (h) {
            buf_printf(out, " %lld:", (long long)time_ms);
            histogram_print_literal(h, out);
        }
    }
    buf_byte(out, '\n');
}

static int text_cmp(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In order of their texts: which comes first is not told to a user. */
static void annotations_append(const struct annotations *annotations, struct str query,
                               struct buf *out)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    const char **texts = arena_array(arena, const char *, annotations->count);
    for (size_t i = 0; i < annotations->count; i++) {
        AUTO(buf_done) struct buf text = {0};
        annotation_print(&annotations->items[i], query, &text);
        texts[i] = arena_text(arena, buf_view(&text));
    }
    qsort(texts, annotations->count, sizeof *texts, text_cmp);
    for (size_t i = 0; i < annotations->count; i++)
        buf_printf(out, "%s\n", texts[i]);
}

static bool ask(struct ground *ground, const struct query_spec *spec, struct buf *out,
                struct err *err)
{
    AUTO(running_destroy) struct running *running = NULL;
    if (!running_create(ground->engine, spec, &running, err) || !running_open(running, err))
        return false;
    struct result_info info = running_info(running);
    if (info.kind == RESULT_STRING)
        buf_str(out, info.string);
    struct result_row row;
    enum pull got;
    while ((got = running_next(running, &row, err)) == PULL_BATCH)
        row_append(&info, &row, out);
    if (got == PULL_ERR)
        return false;
    annotations_append(running_annotations(running), spec->text, out);
    return true;
}

/*
 * One engine's answer in full, as text that is equal exactly if the answers are: series in order,
 * points, histograms field by field, annotations, or the error, whose kind is returned.
 */
static enum err_kind ground_ask(struct ground *ground, const struct asked *asked,
                                enum engine_kind engine, struct buf *out)
{
    AUTO(buf_done) struct buf text = {0};
    part_print(asked->root, &text);
    struct query_spec spec = {
        .text = buf_view(&text),
        .start_ms = asked->start_ms,
        .end_ms = asked->end_ms,
        .step_ms = asked->step_ms,
        .engine = engine,
    };
    struct err err;
    buf_clear(out);
    err_clear(&err);
    if (ask(ground, &spec, out, &err))
        return ERR_NONE;
    buf_clear(out);
    buf_printf(out, "error %d: %s\n", (int)err.kind, err.msg);
    return err.kind;
}

/* Makes one text of its lines in order. */
static void lines_sort(const struct buf *text, struct buf *out)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    const char **lines = arena_array(arena, const char *, text->len);
    size_t count = 0;
    for (struct str rest = buf_view(text); rest.len > 0;) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end ? (size_t)(end - rest.ptr) : rest.len;
        lines[count++] = arena_text(arena, (struct str){rest.ptr, len});
        rest.ptr += len + (end != NULL);
        rest.len -= len + (end != NULL);
    }
    qsort(lines, count, sizeof *lines, text_cmp);
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s\n", lines[i]);
}

/* What a subquery gives comes out of a Go map, in any order: then the lines alone are compared. */
static bool answers_same(const struct asked *asked, const struct buf *left, const struct buf *right)
{
    if (str_eq(buf_view(left), buf_view(right)))
        return true;
    AUTO(buf_done) struct buf text = {0};
    AUTO(buf_done) struct buf left_lines = {0};
    AUTO(buf_done) struct buf right_lines = {0};
    part_print(asked->root, &text);
    if (!strchr(buf_terminated(&text), ':'))
        return false;
    lines_sort(left, &left_lines);
    lines_sort(right, &right_lines);
    return str_eq(buf_view(&left_lines), buf_view(&right_lines));
}

enum verdict ground_compare(struct ground *ground, const struct asked *asked, struct buf *streaming,
                            struct buf *reference)
{
    enum err_kind left = ground_ask(ground, asked, ENGINE_STREAMING, streaming);
    enum err_kind right = ground_ask(ground, asked, ENGINE_REFERENCE, reference);
    if (left == ERR_UNSUPPORTED)
        return VERDICT_NOT_STREAMED;
    /* Of several errors the one is met first by rows, the other by steps. */
    bool same = left == ERR_EXECUTION ? right == left : answers_same(asked, streaming, reference);
    return same ? VERDICT_SAME : VERDICT_DIFFERENT;
}
