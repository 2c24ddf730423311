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

/* By its type, where types are told from each other; by its name elsewhere. */
static bool is_counter(const struct query *query, uint32_t name, uint32_t type)
{
    if (!query->modes.type_and_unit)
        return name_is_counters(symbols_get(query->symbols, name));
    struct str text = symbols_get(query->symbols, type);
    return str_eq(text, STR("counter")) || str_eq(text, STR("histogram"));
}

static bool was_looked_at(const struct window_notes *notes, uint32_t name, uint32_t type)
{
    return name == SYM_EMPTY || (name == notes->looked_name && type == notes->looked_type);
}

bool window_notes_may_tell(const struct window_notes *notes, const struct query *query,
                           const struct labels *labels)
{
    if (notes->kind != NOTES_COUNTER)
        return notes->kind == NOTES_QUANTILE && !notes->all_told;
    uint32_t name = labels_get(labels, SYM_NAME), type = labels_get(labels, SYM_TYPE);
    return !was_looked_at(notes, name, type) && !is_counter(query, name, type);
}

static void notes_of_counter(struct window_notes *notes, struct query *query,
                             const struct labels *labels)
{
    uint32_t name = labels_get(labels, SYM_NAME), type = labels_get(labels, SYM_TYPE);
    if (was_looked_at(notes, name, type))
        return;
    notes->looked_name = name;
    notes->looked_type = type;
    if (is_counter(query, name, type))
        return;
    struct str metric = symbols_get(query->symbols, name);
    if (query->modes.type_and_unit)
        note_no_counter_type(&query->annotations, notes->begin, metric,
                             symbols_get(query->symbols, type));
    else
        note_no_counter_name(&query->annotations, notes->begin, metric);
}

void window_notes_finds(struct window_notes *notes, struct query *query,
                        const struct labels *labels, const struct window_finds *finds)
{
    struct annotations *told = &query->annotations;
    size_t begin = notes->begin;
    uint32_t found = finds->found;
    if (notes->kind == NOTES_COUNTER && found & FIND_VALUE)
        notes_of_counter(notes, query, labels);
    if (!(found & ~(uint32_t)FIND_VALUE) && finds->overlaps == 0)
        return;

    struct str metric = symbols_get(query->symbols, labels_get(labels, SYM_NAME));
    if (found & FIND_MIXED)
        note_mixed(told, begin, metric);
    if (found & FIND_IGNORED)
        note_histograms_ignored(told, begin, metric);
    if (found & FIND_NOT_COUNTER)
        note_not_counter(told, begin, metric);
    if (found & FIND_NOT_GAUGE)
        note_not_gauge(told, begin, metric);
    if (found & FIND_SCHEMAS)
        note_mixed_schemas(told, begin, metric);
    if (found & FIND_BOUNDS_ADD)
        note_bounds_reconciled(told, begin, NOTE_ADDITION);
    if (found & FIND_BOUNDS_SUBTRACT)
        note_bounds_reconciled(told, begin, NOTE_SUBTRACTION);
    if (found & FIND_BOUNDS_TOTAL)
        note_bounds_reconciled(told, begin, NOTE_AGGREGATION);
    if (found & FIND_RESETS)
        note_reset_collision(told, begin, NOTE_AGGREGATION);
    if (finds->overlaps > 0)
        note_start_overlap(told, begin, metric, finds->overlaps);
}

/* A step tells of its quantile if some window has a point there. */
void window_notes_row(struct window_notes *notes, struct query *query, const double *params,
                      const double *row, size_t steps)
{
    if (notes->kind != NOTES_QUANTILE || notes->all_told)
        return;
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
