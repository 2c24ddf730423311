#include "tests/script/answer.h"

#include <string.h>

#include "model/sample.h"

static const char *labels_text(const struct symbols *symbols, const struct labels *labels,
                               struct arena *arena)
{
    AUTO(buf_done) struct buf text = {0};
    labels_print(symbols, labels, &text);
    return arena_text(arena, buf_view(&text));
}

static void points_copy(const struct result_row *row, const struct grid *grid,
                        struct answer_series *series, struct arena *arena)
{
    series->points = arena_array(arena, struct answer_point, row->count);
    for (size_t i = 0; i < row->count; i++) {
        const struct histogram *h = row->histograms ? row->histograms[i] : NULL;
        if (!h && value_is_stale(row->values[i]))
            continue;
        series->points[series->count++] = (struct answer_point){
            .time_ms = row->times_ms ? row->times_ms[i] : grid_time(grid, i),
            .value = row->values[i],
            .histogram = h ? histogram_keep(arena, h) : NULL,
        };
    }
}

static struct answer_series *answer_grow(struct answer *answer, struct arena *arena)
{
    if (answer->count == answer->cap) {
        answer->cap = answer->cap ? answer->cap * 2 : 16;
        struct answer_series *grown = arena_array(arena, struct answer_series, answer->cap);
        if (answer->count)
            memcpy(grown, answer->series, answer->count * sizeof *grown);
        answer->series = grown;
    }
    return &answer->series[answer->count++];
}

static bool answer_read_rows(struct running *running, struct arena *arena, struct answer *answer,
                             struct err *err)
{
    const struct result_info info = running_info(running);
    const struct labels *before = NULL;
    struct result_row row;
    enum pull got;
    answer->kind = info.kind;
    answer->string = arena_str(arena, info.string);
    while ((got = running_next(running, &row, err)) == PULL_BATCH) {
        struct answer_series *series = answer_grow(answer, arena);
        const struct labels *labels = row.labels ? row.labels : &labels_empty;
        series->labels = labels_text(info.symbols, labels, arena);
        answer->unsorted =
            answer->unsorted || (before && labels_cmp(info.symbols, before, labels) > 0);
        before = labels;
        points_copy(&row, &info.grid, series, arena);
    }
    return got == PULL_END;
}

static void answer_read_notes(const struct running *running, struct str query, struct arena *arena,
                              struct answer *answer)
{
    const struct annotations *notes = running_annotations(running);
    answer->warnings = arena_array(arena, struct str, notes->count);
    answer->infos = arena_array(arena, struct str, notes->count);
    for (size_t i = 0; i < notes->count; i++) {
        AUTO(buf_done) struct buf text = {0};
        annotation_print(&notes->items[i], query, &text);
        struct str copy = arena_str(arena, buf_view(&text));
        if (notes->items[i].level == ANNOTATION_WARNING)
            answer->warnings[answer->warning_count++] = copy;
        else
            answer->infos[answer->info_count++] = copy;
    }
}

static bool answer_run(const struct answer_request *request, struct arena *arena,
                       struct answer *answer, struct err *err)
{
    const struct query_spec spec = {
        .text = request->query,
        .start_ms = request->start_ms,
        .end_ms = request->end_ms,
        .step_ms = request->step_ms,
        .engine = request->kind,
    };
    AUTO(running_destroy) struct running *running = NULL;
    if (!running_create(request->engine, &spec, &running, err))
        return false;
    if (!running_open(running, err) || !answer_read_rows(running, arena, answer, err))
        return false;
    answer_read_notes(running, request->query, arena, answer);
    return true;
}

void answer_ask(const struct answer_request *request, struct arena *arena, struct answer *ret)
{
    struct err err = {0};
    *ret = (struct answer){0};
    if (!answer_run(request, arena, ret, &err)) {
        ret->failed = true;
        ret->error = arena_str(arena, str_of(err.msg));
    }
}
