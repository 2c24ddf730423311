#include "engine/reference/steps.h"

#include <stdlib.h>

/* A series of the result while steps add to it. */
struct output_series {
    struct ref_series series;
    size_t last_step; /* that added a point, + 1 */
    uint32_t place;   /* the least of its samples' */
    uint32_t index;   /* as it came */
};

struct output {
    struct label_map sets; /* the series' labels */
    struct output_series *items;
    size_t cap;
};

struct run {
    struct ref *ref;
    const struct ref_times *times;
    const struct ref_steps *steps;
    struct ref_vector *vectors;
    uint32_t **series;        /* by matrix and sample of the step */
    uint32_t **series_groups; /* by matrix and series */
    uint32_t **groups;        /* by matrix and sample of the step */
    size_t group_count;
    struct ref_vector out;
};

void ref_vector_add(struct arena *arena, struct ref_vector *vector, const struct ref_sample *sample)
{
    if (vector->count == vector->cap) {
        vector->cap = vector->cap ? vector->cap * 2 : 4;
        struct ref_sample *items = arena_array(arena, struct ref_sample, vector->cap);
        for (size_t i = 0; i < vector->count; i++)
            items[i] = vector->items[i];
        vector->items = items;
    }
    vector->items[vector->count++] = *sample;
}

void ref_step_add(struct ref_step *step, const struct ref_sample *sample)
{
    ref_vector_add(step->ref->arena, step->out, sample);
}

struct name_set ref_names(struct ref *ref, const struct str *names, size_t count)
{
    uint32_t *symbols = arena_array(ref->arena, uint32_t, count);
    for (size_t i = 0; i < count; i++)
        symbols[i] = symbols_add(ref->query->symbols, names[i]);
    return name_set_new(ref->arena, symbols, count);
}

/* Numbers the match groups in the order in which series of any matrix have them. */
static void run_number_groups(struct run *run)
{
    struct ref *ref = run->ref;
    const struct vector_matching *matching = run->steps->matching;
    struct name_set names = ref_names(ref, matching->labels, matching->label_count);
    struct label_map known = {.arena = ref->scratch};
    for (size_t m = 0; m < run->steps->matrix_count; m++) {
        const struct ref_matrix *matrix = &run->steps->matrices[m];
        run->series_groups[m] = arena_array(ref->arena, uint32_t, matrix->count);
        run->groups[m] = arena_array(ref->arena, uint32_t, matrix->count);
        for (size_t i = 0; i < matrix->count; i++) {
            const struct labels *labels = matrix->items[i].labels;
            const struct labels *signature = matching->on
                                                 ? labels_keep(labels, names, ref->scratch)
                                                 : labels_without(labels, names, ref->scratch);
            bool new;
            run->series_groups[m][i] = (uint32_t)label_map_add(&known, signature, &new);
        }
    }
    run->group_count = known.count;
    arena_reset(ref->scratch);
}

/* Places in a matrix lie behind those in the ones before it. */
static void run_gather(struct run *run, size_t m, int64_t time_ms)
{
    struct ref_matrix *matrix = &run->steps->matrices[m];
    uint32_t first_place = m > 0 ? (uint32_t)run->steps->matrices[m - 1].count : 0;
    struct ref_vector *vector = &run->vectors[m];
    vector->count = 0;
    for (size_t i = 0; i < matrix->count; i++) {
        struct ref_series *series = &matrix->items[i];
        const struct reference_point *point = ref_series_take(series, time_ms);
        if (!point)
            continue;
        run->series[m][vector->count] = (uint32_t)i;
        if (run->steps->matching)
            run->groups[m][vector->count] = run->series_groups[m][i];
        const struct ref_sample sample = {
            .labels = series->labels,
            .drops_name = series->drops_name,
            .value = point->value,
            .histogram = point->histogram,
            .place = first_place + (uint32_t)i,
        };
        ref_vector_add(run->ref->arena, vector, &sample);
    }
}

static bool run_step(struct run *run, size_t index, struct err *err)
{
    struct ref *ref = run->ref;
    struct ref_step step = {
        .ref = ref,
        .times = run->times,
        .index = index,
        .time_ms = ref_times_at(run->times, index),
        .vectors = run->vectors,
        .series = (const uint32_t *const *)run->series,
        .groups = (const uint32_t *const *)run->groups,
        .group_count = run->group_count,
        .out = &run->out,
    };
    for (size_t m = 0; m < run->steps->matrix_count; m++)
        run_gather(run, m, step.time_ms);
    run->out.count = 0;
    if (!query_alive(ref->query, err) || !run->steps->fn(run->steps->context, &step, err))
        return false;
    bool ok = arena_check(ref->scratch, err) && arena_check(ref->arena, err);
    arena_reset(ref->scratch);
    return ok;
}

/* A series of its own for each sample. */
static bool run_end_instant(struct run *run, struct ref_matrix *matrix, struct err *err)
{
    struct ref *ref = run->ref;
    for (size_t i = 0; i < run->out.count; i++) {
        const struct ref_sample *sample = &run->out.items[i];
        struct ref_series series = {.labels = sample->labels, .drops_name = sample->drops_name};
        ref_series_add(ref->arena, &series, run->times->start_ms, sample->value, sample->histogram);
        ref_matrix_add(ref->arena, matrix, &series);
    }
    if (!ref->query->modes.delayed_names && ref_matrix_clashes(ref->scratch, matrix))
        return ref_clash(err);
    return arena_check(ref->arena, err);
}

/* The series with these labels; a new one has no point. */
static struct output_series *output_find(struct output *output, const struct ref_sample *sample)
{
    bool new;
    size_t index = label_map_add(&output->sets, sample->labels, &new);
    if (index == output->cap) {
        output->cap = output->cap ? output->cap * 2 : 4;
        struct output_series *items =
            arena_array(output->sets.arena, struct output_series, output->cap);
        for (size_t i = 0; i < index; i++)
            items[i] = output->items[i];
        output->items = items;
    }
    struct output_series *item = &output->items[index];
    if (new)
        *item = (struct output_series){
            .series = {.labels = sample->labels, .drops_name = sample->drops_name},
            .place = sample->place,
            .index = (uint32_t)index,
        };
    return item;
}

static bool run_put(struct run *run, struct output *output, size_t step, struct err *err)
{
    struct arena *arena = run->ref->arena;
    for (size_t i = 0; i < run->out.count; i++) {
        const struct ref_sample *sample = &run->out.items[i];
        struct output_series *item = output_find(output, sample);
        if (item->last_step == step + 1)
            return ref_clash(err);
        item->last_step = step + 1;
        if (sample->place < item->place)
            item->place = sample->place;
        ref_series_add(arena, &item->series, ref_times_at(run->times, step), sample->value,
                       sample->histogram);
    }
    return arena_check(arena, err);
}

static int output_order(const void *a, const void *b)
{
    const struct output_series *x = a, *y = b;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static bool run_end(struct run *run, struct output *output, struct ref_matrix *matrix,
                    struct err *err)
{
    if (output->sets.count > 0 && ref_times_count(run->times) > 1)
        qsort(output->items, output->sets.count, sizeof *output->items, output_order);
    for (size_t i = 0; i < output->sets.count; i++)
        ref_matrix_add(run->ref->arena, matrix, &output->items[i].series);
    return arena_check(run->ref->arena, err);
}

bool ref_steps_run(struct ref *ref, const struct ref_times *times, const struct ref_steps *steps,
                   struct ref_matrix *ret_matrix, struct err *err)
{
    struct run run = {
        .ref = ref,
        .times = times,
        .steps = steps,
        .vectors = arena_array(ref->arena, struct ref_vector, steps->matrix_count),
        .series = arena_array(ref->arena, uint32_t *, steps->matrix_count),
        .series_groups = arena_array(ref->arena, uint32_t *, steps->matrix_count),
        .groups = arena_array(ref->arena, uint32_t *, steps->matrix_count),
    };
    for (size_t m = 0; m < steps->matrix_count; m++)
        run.series[m] = arena_array(ref->arena, uint32_t, steps->matrices[m].count);
    if (steps->matching)
        run_number_groups(&run);

    struct ref_matrix matrix = {0};
    struct output output = {.sets.arena = ref->arena};
    bool ok = true;
    size_t count = ref_times_count(times);
    for (size_t i = 0; i < count && ok; i++) {
        ok = run_step(&run, i, err);
        if (ok && !ref_times_instant(times))
            ok = run_put(&run, &output, i, err);
    }
    if (ok)
        ok = ref_times_instant(times) ? run_end_instant(&run, &matrix, err)
                                      : run_end(&run, &output, &matrix, err);
    if (ok)
        *ret_matrix = matrix;
    return ok;
}

bool ref_steps_of(struct ref *ref, const struct ref_times *times, const struct ref_expr *expr,
                  struct ref_steps *steps, struct ref_matrix *ret_matrix, struct err *err)
{
    steps->matrices = arena_array(ref->arena, struct ref_matrix, expr->child_count);
    steps->matrix_count = expr->child_count;
    for (size_t i = 0; i < expr->child_count; i++)
        if (expr->children[i]->node->type != TYPE_STRING &&
            !ref_evaluate(ref, times, expr->children[i], &steps->matrices[i], err))
            return false;
    return ref_steps_run(ref, times, steps, ret_matrix, err);
}
