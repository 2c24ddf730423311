#include "engine/op/window_notes.h"

#include "engine/batch.h"
#include "model/notes.h"
#include "model/sample.h"

static bool quantile_is_valid(double phi)
{
    return phi >= 0 && phi <= 1;
}

void window_notes_open(struct window_notes *notes, const double *params, size_t steps)
{
    if (notes->kind != NOTES_QUANTILE)
        return;
    notes->all_told = true;
    for (size_t step = 0; step < steps && notes->all_told; step++)
        notes->all_told = quantile_is_valid(params[step]);
}

static bool name_is_counters(struct str name)
{
    return str_ends(name, STR("_total")) || str_ends(name, STR("_sum")) ||
           str_ends(name, STR("_count")) || str_ends(name, STR("_bucket"));
}

bool window_notes_may_tell(const struct window_notes *notes, const struct query *query,
                           const struct labels *labels)
{
    if (notes->kind != NOTES_COUNTER)
        return notes->kind == NOTES_QUANTILE && !notes->all_told;
    uint32_t name = labels_get(labels, SYM_NAME);
    return name != notes->looked_name && !name_is_counters(symbols_get(query->symbols, name));
}

static void notes_of_counter(struct window_notes *notes, struct query *query,
                             const struct labels *labels, const double *row, size_t steps)
{
    uint32_t name = labels_get(labels, SYM_NAME);
    if (name == notes->looked_name)
        return;
    struct str text = symbols_get(query->symbols, name);
    if (!name_is_counters(text)) {
        if (!row_has_point(row, steps))
            return;
        note_no_counter_name(&query->annotations, notes->begin, text);
    }
    notes->looked_name = name;
}

/* A step tells of its quantile if some window has a point there. */
static void notes_of_quantile(struct window_notes *notes, struct query *query, const double *params,
                              const double *row, size_t steps)
{
    double told = 0; /* a valid one: none yet */
    notes->all_told = true;
    for (size_t step = 0; step < steps; step++) {
        if (quantile_is_valid(params[step]))
            continue;
        if (value_is_stale(row[step])) {
            notes->all_told = false;
        } else if (value_bits(params[step]) != value_bits(told)) {
            told = params[step];
            note_quantile(&query->annotations, notes->begin, told);
        }
    }
}

void window_notes_row(struct window_notes *notes, struct query *query, const struct labels *labels,
                      const double *params, const double *row, size_t steps)
{
    if (notes->kind == NOTES_COUNTER)
        notes_of_counter(notes, query, labels, row, steps);
    else if (notes->kind == NOTES_QUANTILE && !notes->all_told)
        notes_of_quantile(notes, query, params, row, steps);
}
