/*
 * Prometheus looks at the points of a step one after another, and what it does with one depends on
 * those before: so the rows that have histograms come here one by one, with their floats.
 */
#include "engine/op/aggregate_histograms.h"

#include "model/notes.h"
#include "model/sample.h"

enum {
    STEP_FLOAT = 1,
    STEP_HISTOGRAM = 2,
    STEP_MIXED_SCHEMAS = 4, /* exponential and custom buckets: whatever comes is passed over */
    STEP_RESET = 8,
    STEP_NOT_RESET = 16,
    STEP_ADDED = 32, /* at least one histogram */
};

/*
 * The points of a group at one step. If the first is a float nothing is added up: there will be no
 * result.
 */
struct histogram_step {
    unsigned seen;
    union {
        struct histogram_total total; /* sum */
        struct histogram_mean mean;   /* avg */
    };
};

bool aggregate_histograms_begin(struct aggregate_histograms *histograms, const double *floats,
                                struct err *err)
{
    size_t count = histograms->step_count;
    if (!histograms->arena)
        histograms->arena = arena_create(&histograms->query->budget);
    arena_reset(histograms->arena);
    histograms->any = true;
    histograms->steps = arena_array(histograms->arena, struct histogram_step, count);
    for (size_t s = 0; s < count; s++) {
        struct histogram_step *step = &histograms->steps[s];
        step->seen = value_is_stale(floats[s]) ? 0 : STEP_FLOAT;
        if (histograms->op == AGGREGATE_avg)
            step->mean.total.arena = histograms->arena;
        else
            step->total.arena = histograms->arena;
    }
    return arena_check(histograms->arena, err);
}

static void histogram_step_add(struct aggregate_histograms *histograms, struct histogram_step *step,
                               const struct histogram *h, const struct labels *labels)
{
    struct query *query = histograms->query;
    if (step->seen & STEP_MIXED_SCHEMAS)
        return;
    if ((step->seen & STEP_FLOAT) && !(step->seen & STEP_ADDED)) {
        step->seen |= STEP_HISTOGRAM;
        return;
    }
    step->seen |= STEP_HISTOGRAM | STEP_ADDED;
    if (h->hint == HISTOGRAM_RESET)
        step->seen |= STEP_RESET;
    else if (h->hint == HISTOGRAM_NOT_RESET)
        step->seen |= STEP_NOT_RESET;

    unsigned clashes = 0;
    bool added = histograms->op == AGGREGATE_avg ? histogram_mean_add(&step->mean, h, &clashes)
                                                 : histogram_total_add(&step->total, h, &clashes);
    if (!added) {
        step->seen |= STEP_MIXED_SCHEMAS;
        note_mixed_schemas(&query->annotations, histograms->begin,
                           symbols_get(query->symbols, labels_get(labels, SYM_NAME)));
    }
    if (clashes & HISTOGRAM_CLASH_BOUNDS)
        note_bounds_reconciled(&query->annotations, histograms->begin, NOTE_AGGREGATION);
}

bool aggregate_histograms_add(struct aggregate_histograms *histograms, const double *values,
                              const struct histogram *const *row, const struct labels *labels,
                              struct err *err)
{
    for (size_t s = 0; s < histograms->step_count; s++) {
        struct histogram_step *step = &histograms->steps[s];
        if (!value_is_stale(values[s]) && !(step->seen & STEP_MIXED_SCHEMAS))
            step->seen |= STEP_FLOAT;
        if (row && row[s])
            histogram_step_add(histograms, step, row[s], labels);
    }
    return arena_check(histograms->arena, err);
}

/* NULL: there is none. */
static const struct histogram *histogram_step_result(struct aggregate_histograms *histograms,
                                                     const struct histogram_step *step,
                                                     struct arena *arena)
{
    struct annotations *notes = &histograms->query->annotations;
    if ((step->seen & STEP_FLOAT) && (step->seen & STEP_HISTOGRAM)) {
        note_mixed_aggregation(notes, histograms->begin);
        return NULL;
    }
    if (!(step->seen & STEP_HISTOGRAM) || (step->seen & STEP_MIXED_SCHEMAS))
        return NULL;
    if ((step->seen & STEP_RESET) && (step->seen & STEP_NOT_RESET))
        note_reset_collision(notes, histograms->begin, NOTE_AGGREGATION);
    /* What is worked out on the way goes with the group. */
    const struct histogram *result = histograms->op == AGGREGATE_avg
                                         ? histogram_mean_result(&step->mean, histograms->arena)
                                         : histogram_total_sum(&step->total, histograms->arena);
    return histogram_compact(arena, result);
}

bool aggregate_histograms_end(struct aggregate_histograms *histograms, double *floats,
                              const struct histogram **to, struct arena *arena, struct err *err)
{
    for (size_t s = 0; s < histograms->step_count; s++) {
        const struct histogram_step *step = &histograms->steps[s];
        if (step->seen & STEP_HISTOGRAM)
            floats[s] = value_stale();
        to[s] = histogram_step_result(histograms, step, arena);
    }
    histograms->any = false;
    return arena_check(histograms->arena, err) && arena_check(arena, err);
}

void aggregate_histograms_done(struct aggregate_histograms *histograms)
{
    arena_destroy(histograms->arena);
    histograms->arena = NULL;
}
