/*
 * Prometheus sets the label on each series first, over one of that name that may be there, and
 * groups then. So the label's own name has no part in the grouping below; it is put into a group's
 * labels, unless `without` names it: then values are not told apart at all.
 */
#include "engine/op/count_values.h"

#include <math.h>
#include <stdlib.h>

#include "base/float_text.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/quote.h"
#include "engine/op/query_map.h"
#include "model/sample.h"

/* One series of the result. */
struct value_count {
    uint32_t group;
    uint64_t bits; /* of the value, one for all NaNs; of a histogram: the symbol of its text */
    bool histogram;
    double *steps;               /* in the arena; a step without any is missing */
    const struct labels *labels; /* when all are known */
};

struct count_values {
    struct op op;
    struct str label;
    uint32_t label_symbol;
    bool tells_values; /* false: `without` drops the label again */
    struct grouping grouping;
    struct groups groups;

    struct value_count *counts;
    size_t count_cap;
    size_t charged_bytes; /* for counts */
    struct query_map found;
};

/* The grouping without the label itself. */
static struct grouping count_values_grouping(const struct count_values *self)
{
    struct grouping grouping = self->grouping;
    uint32_t *names = arena_array(self->op.query->arena, uint32_t, grouping.names.count + 1);
    size_t count = 0;
    for (size_t i = 0; i < grouping.names.count; i++)
        if (grouping.names.names[i] != self->label_symbol)
            names[count++] = grouping.names.names[i];
    if (grouping.without)
        names[count++] = self->label_symbol;
    return grouping_of_symbols(self->op.query, names, count, grouping.without);
}

static bool count_values_open_child(struct count_values *self, struct err *err)
{
    struct query *query = self->op.query;
    struct op *child = self->op.children[0];
    if (self->label.len == 0 || !utf8_valid(self->label)) {
        AUTO(buf_done) struct buf text = {0};
        quote_append(&text, self->label);
        return err_set(err, ERR_EXECUTION, "invalid label name %s", buf_terminated(&text));
    }
    self->label_symbol = symbols_add(query->symbols, self->label);
    self->tells_values =
        !(self->grouping.without && name_set_has(self->grouping.names, self->label_symbol));
    struct grouping grouping = count_values_grouping(self);
    return op_open(child, err) && groups_init(&self->groups, &grouping, child, err);
}

static bool count_values_grow(struct count_values *self, struct err *err)
{
    size_t cap = self->count_cap ? self->count_cap * 2 : 64;
    size_t bytes = (cap - self->count_cap) * sizeof *self->counts;
    if (!budget_charge(&self->op.query->budget, bytes, err))
        return false;
    self->charged_bytes += bytes;
    self->counts = mem_resize(self->counts, struct value_count, cap);
    self->count_cap = cap;
    return true;
}

/* What tells the values of a group apart. */
struct value_key {
    uint64_t bits;
    bool histogram;
};

/* The number of the series for this group and value; a new one has no point. */
static bool count_values_series(struct count_values *self, uint32_t group, struct value_key key,
                                uint32_t *ret_series, struct err *err)
{
    uint64_t hash = hash_mix(hash_mix(group, key.bits), key.bits >> 32);
    struct map_probe at = map_find(&self->found.map, hash);
    for (; map_hit(&self->found.map, &at); map_next(&self->found.map, &at)) {
        const struct value_count *there = &self->counts[at.index];
        if (there->group == group && there->bits == key.bits && there->histogram == key.histogram) {
            *ret_series = at.index;
            return true;
        }
    }
    struct op *op = &self->op;
    if (op->series_count == self->count_cap && !count_values_grow(self, err))
        return false;
    double *steps = arena_array(op->query->arena, double, op->grid.count);
    for (size_t s = 0; s < op->grid.count; s++)
        steps[s] = value_stale();
    self->counts[op->series_count] = (struct value_count){
        .group = group, .bits = key.bits, .histogram = key.histogram, .steps = steps};
    *ret_series = (uint32_t)op->series_count++;
    return query_map_insert(&self->found, hash, *ret_series, err) &&
           arena_check(op->query->arena, err);
}

static struct value_key count_values_key(const struct count_values *self, double v)
{
    if (!self->tells_values)
        return (struct value_key){0};
    return (struct value_key){.bits = isnan(v) ? NAN_BITS : value_bits(v)};
}

static struct value_key count_values_histogram_key(const struct count_values *self,
                                                   const struct histogram *h)
{
    if (!self->tells_values)
        return (struct value_key){0};
    AUTO(buf_done) struct buf text = {0};
    histogram_print(h, &text);
    return (struct value_key){symbols_add(self->op.query->symbols, buf_view(&text)), true};
}

static void count_values_add(struct count_values *self, uint32_t series, size_t step)
{
    double *count = &self->counts[series].steps[step];
    *count = value_is_stale(*count) ? 1 : *count + 1;
}

/* A series often has the value of the step before: then there is nothing to look up. */
static bool count_values_row(struct count_values *self, uint32_t group, const double *row,
                             struct err *err)
{
    struct value_key last = {.bits = STALE_BITS};
    uint32_t series = 0;
    for (size_t s = 0; s < self->op.grid.count; s++) {
        if (value_is_stale(row[s]))
            continue;
        struct value_key key = count_values_key(self, row[s]);
        if (key.bits != last.bits && !count_values_series(self, group, key, &series, err))
            return false;
        last = key;
        count_values_add(self, series, s);
    }
    return true;
}

static bool count_values_histograms(struct count_values *self, uint32_t group,
                                    const struct histogram *const *row, struct err *err)
{
    const struct histogram *last = NULL;
    uint32_t series = 0;
    for (size_t s = 0; row && s < self->op.grid.count; s++) {
        if (!row[s])
            continue;
        if (row[s] != last &&
            (!histogram_check_text(row[s], err) ||
             !count_values_series(self, group, count_values_histogram_key(self, row[s]), &series,
                                  err)))
            return false;
        last = row[s];
        count_values_add(self, series, s);
    }
    return true;
}

/* The symbol of the label's value. */
static uint32_t count_values_text(struct query *query, const struct value_count *count)
{
    if (count->histogram)
        return (uint32_t)count->bits;
    char text[FLOAT_TEXT_SIZE];
    struct str value = {text, float_text_f(text, value_of_bits(count->bits))};
    return symbols_add(query->symbols, value);
}

static void count_values_label(struct count_values *self)
{
    struct query *query = self->op.query;
    AUTO(labels_builder_done) struct labels_builder builder = {0};
    for (size_t i = 0; i < self->op.series_count; i++) {
        struct value_count *count = &self->counts[i];
        count->labels = self->groups.labels[count->group];
        if (!self->tells_values)
            continue;
        labels_builder_reset(&builder, query->symbols, count->labels);
        labels_builder_set(&builder, self->label_symbol, count_values_text(query, count));
        count->labels = labels_builder_labels(&builder, query->arena);
    }
}

static int value_count_order(const void *a, const void *b, void *symbols)
{
    const struct value_count *left = a, *right = b;
    return labels_cmp(symbols, left->labels, right->labels);
}

/* Prometheus has no order here: it walks a map of Go's. */
static bool count_values_sort(struct count_values *self, struct err *err)
{
    struct op *op = &self->op;
    struct query *query = op->query;
    if (op->series_count > 1)
        qsort_r(self->counts, op->series_count, sizeof *self->counts, value_count_order,
                query->symbols);
    op->labels = arena_array(query->arena, const struct labels *, op->series_count);
    if (!arena_check(query->arena, err))
        return false;
    for (size_t i = 0; i < op->series_count; i++)
        op->labels[i] = self->counts[i].labels;
    return true;
}

static bool count_values_open(struct op *op, struct err *err)
{
    struct count_values *self = CONTAINER(struct count_values, op, op);
    if (!count_values_open_child(self, err))
        return false;
    struct row_reader rows = {.op = op->children[0]};
    for (size_t i = 0; i < op->children[0]->series_count; i++) {
        double *row;
        if (row_reader_next(&rows, &row, err) != PULL_BATCH ||
            !count_values_row(self, self->groups.of_series[i], row, err) ||
            !count_values_histograms(self, self->groups.of_series[i], rows.histograms, err))
            return false;
    }
    query_map_done(&self->found);
    count_values_label(self);
    return count_values_sort(self, err);
}

static bool count_values_arrange(struct op *op, struct err *err)
{
    return true;
}

/* Rows lie apart in the arena, so that each is a batch. */
static bool count_values_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct count_values *self = CONTAINER(struct count_values, op, op);
    double *steps = self->counts[op->order[op->rows_done]].steps;
    *ret = (struct batch){.values = steps, .row_count = 1, .step_count = op->grid.count};
    return true;
}

static void count_values_close(struct op *op)
{
    struct count_values *self = CONTAINER(struct count_values, op, op);
    query_map_done(&self->found);
    free(self->counts);
    self->counts = NULL;
    budget_release(&op->query->budget, self->charged_bytes);
    self->charged_bytes = 0;
}

static const struct op_class count_values_class = {
    .name = "count_values",
    .open = count_values_open,
    .arrange = count_values_arrange,
    .pull = count_values_pull,
    .close = count_values_close,
};

struct op *op_count_values_new(struct query *query, struct op *child, struct str label,
                               const struct grouping *grouping)
{
    struct count_values *self = arena_new(query->arena, struct count_values);
    op_init(&self->op, &count_values_class, query, &child->grid);
    op_add_child(&self->op, child);
    self->label = label;
    self->grouping = *grouping;
    self->found.query = query;
    return &self->op;
}
