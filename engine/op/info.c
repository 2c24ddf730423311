/*
 * Info series are few, and labels must be known before the first row: so all of them are read when
 * the operator is opened. For each step that leaves one info series of those that share a metric
 * name, instance and job, the one with the newest sample. A variant is what they are for a class of
 * base series, those of one instance and job: one info series for each metric, or none.
 */
#include "engine/op/info.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "engine/op/group.h"
#include "engine/op/histogram_row.h"
#include "engine/op/info_matchers.h"
#include "engine/op/names.h"
#include "engine/op/presence.h"
#include "engine/op/query_map.h"
#include "engine/op/row_store.h"
#include "engine/op/shared.h"
#include "engine/op/source.h"
#include "engine/op/tile.h"
#include "model/sample.h"

#define INFO_NONE UINT32_MAX

/* Base series of one instance and job. */
struct info_class {
    uint32_t *variant_of; /* by step */
    uint32_t *variants;   /* an info series or INFO_NONE for each metric, variant after variant */
    size_t variant_count;
    size_t variant_cap;
};

/* Two info series of a set have samples of one time at a step. */
struct info_equal {
    size_t step;
    uint32_t set;
    uint32_t first, second;
    double time;
};

/* A series of the result. */
struct info_series {
    uint32_t base;
    uint32_t variant;  /* of its class; INFO_NONE: the base series as it is */
    uint32_t conflict; /* a label for which two metrics have different values, or SYM_EMPTY */
};

struct info {
    struct op op;
    struct info_matchers matchers;
    struct vector_selector *infos; /* what selects the info series */

    struct groups sets; /* info series that stand for each other */
    uint32_t *newest;   /* of a set at each step, or INFO_NONE */
    uint32_t *metrics;  /* the metrics' names */
    size_t metric_count;
    struct info_equal *equals; /* in the order in which Prometheus meets them at their step */
    size_t equal_count, equal_cap;

    struct groups classes; /* of the base series */
    struct info_class *class_items;
    struct info_series *series;
    size_t series_cap;
    const struct labels **labels;

    uint32_t *uses; /* by base series: rows still to be made of it */
    struct held_row *held;
    struct row_store store;
    struct row_reader rows;
    struct tile output;
};

static struct op *info_base(const struct info *self)
{
    return self->op.children[0];
}

static struct op *info_source(const struct info *self)
{
    return self->op.children[1];
}

static void info_note_equal(struct info *self, const struct info_equal *equal)
{
    if (self->equal_count == self->equal_cap) {
        self->equal_cap = self->equal_cap ? self->equal_cap * 2 : 8;
        struct info_equal *items =
            arena_array(self->op.query->arena, struct info_equal, self->equal_cap);
        if (self->equal_count)
            memcpy(items, self->equals, self->equal_count * sizeof *items);
        self->equals = items;
    }
    self->equals[self->equal_count++] = *equal;
}

/* Values are the times of samples. `times`: the newest ones of each set so far. */
static void info_take_row(struct info *self, uint32_t series, const double *row, double *times)
{
    size_t steps = self->op.grid.count;
    uint32_t set = self->sets.of_series[series];
    size_t begin = set * steps;
    for (size_t s = 0; s < steps; s++) {
        uint32_t *newest = &self->newest[begin + s];
        if (value_is_stale(row[s]))
            continue;
        if (*newest != INFO_NONE && times[begin + s] == row[s]) {
            info_note_equal(self, &(struct info_equal){s, set, *newest, series, row[s]});
        } else if (*newest == INFO_NONE || times[begin + s] < row[s]) {
            *newest = series;
            times[begin + s] = row[s];
        }
    }
}

/*
 * Which base series have a point, and the steps at which one has: their rows are read for it, and
 * kept for when they are due.
 */
static bool *info_find_points(struct info *self, uint64_t *steps, struct err *err)
{
    struct op *op = &self->op;
    struct op *base = info_base(self);
    bool *there = arena_array(op->query->arena, bool, base->series_count);
    if (op->grid.count == 1) {
        memset(there, true, base->series_count);
        *steps = base->series_count > 0;
        return there;
    }
    struct shared *shared = shared_new(op->query, base);
    struct op *again = op_shared_new(op->query, shared);
    struct op *now = op_shared_new(op->query, shared);
    op->children[0] = again;
    struct row_reader rows = {.op = now};
    bool good = op_open(now, err) && op_open(again, err);
    for (size_t i = 0; good && i < now->series_count; i++) {
        double *row;
        good = row_reader_next(&rows, &row, err) == PULL_BATCH;
        if (!good)
            break;
        there[i] = point_row_any(row, rows.histograms, op->grid.count);
        presence_add(steps, row, rows.histograms, op->grid.count);
    }
    op_close(now);
    return good ? there : NULL;
}

enum info_asked { INFO_NOT_ASKED, INFO_ASKED, INFO_WHATEVER /* no base series has the label */ };

/* Does a base series with a point have this value of the label? */
static enum info_asked info_asks(const struct info *self, const bool *there, uint32_t name,
                                 uint32_t value)
{
    const struct op *base = info_base(self);
    bool any = false;
    for (size_t i = 0; i < base->series_count; i++) {
        uint32_t own = labels_get(base->labels[i], name);
        if (!there[i] || self->matchers.ignored[i] || own == SYM_EMPTY)
            continue;
        if (own == value)
            return INFO_ASKED;
        any = true;
    }
    return any ? INFO_NOT_ASKED : INFO_WHATEVER;
}

static bool info_refuse_equal(const struct info *self, const struct info_equal *equal,
                              struct err *err)
{
    const struct symbols *symbols = self->op.query->symbols;
    const struct op *source = info_source(self);
    AUTO(buf_done) struct buf text = {0};
    int64_t time_ms = (int64_t)round(equal->time * 1000);
    buf_text(&text, "found duplicate series for info metric: existing ");
    labels_print(symbols, source->labels[equal->first], &text);
    buf_printf(&text, " @ %" PRId64 ", new ", time_ms);
    labels_print(symbols, source->labels[equal->second], &text);
    buf_printf(&text, " @ %" PRId64, time_ms);
    return err_set(err, ERR_EXECUTION, "%.*s", STR_ARGS(buf_view(&text)));
}

/* Does Prometheus look for info series of this set's instance and job? */
static bool info_asks_for(const struct info *self, const bool *there, const struct labels *set)
{
    uint32_t instance = self->matchers.instance, job = self->matchers.job;
    enum info_asked by_instance = info_asks(self, there, instance, labels_get(set, instance));
    enum info_asked by_job = info_asks(self, there, job, labels_get(set, job));
    return by_instance != INFO_NOT_ASKED && by_job != INFO_NOT_ASKED &&
           (by_instance == INFO_ASKED || by_job == INFO_ASKED);
}

/*
 * Equal times are an error where a base series has a point; but not of instances and jobs that no
 * base series with a point has.
 */
static bool info_judge_equals(struct info *self, struct err *err)
{
    struct arena *arena = self->op.query->arena;
    if (self->equal_count == 0)
        return true;
    uint64_t *steps = arena_array(arena, uint64_t, presence_words(self->op.grid.count));
    const bool *there = info_find_points(self, steps, err);
    if (!there)
        return false;
    const struct info_equal *earliest = NULL;
    for (size_t i = 0; i < self->equal_count; i++) {
        const struct info_equal *equal = &self->equals[i];
        bool meets = steps[equal->step / 64] >> equal->step % 64 & 1;
        if (meets && (!earliest || equal->step < earliest->step) &&
            info_asks_for(self, there, self->sets.labels[equal->set]))
            earliest = equal;
    }
    return !earliest || info_refuse_equal(self, earliest, err);
}

static bool info_read(struct info *self, struct err *err)
{
    struct query *query = self->op.query;
    struct op *source = info_source(self);
    const uint32_t names[] = {SYM_NAME, self->matchers.instance, self->matchers.job};
    struct grouping grouping = grouping_of_symbols(query, names, ARRAY_COUNT(names), false);
    if (!groups_init(&self->sets, &grouping, source, err))
        return false;
    size_t cells = self->sets.count * self->op.grid.count;
    AUTO(arena_destroy) struct arena *scratch = arena_create(&query->budget);
    double *times = arena_array(scratch, double, cells);
    self->newest = arena_array(query->arena, uint32_t, cells);
    if (!arena_check(scratch, err) || !arena_check(query->arena, err))
        return false;
    memset(self->newest, 0xff, cells * sizeof *self->newest);

    struct row_reader rows = {.op = source};
    for (uint32_t i = 0; i < source->series_count; i++) {
        double *row;
        if (row_reader_next(&rows, &row, err) != PULL_BATCH)
            return false;
        info_take_row(self, i, row, times);
    }
    return arena_check(query->arena, err) && info_judge_equals(self, err);
}

static void info_find_metrics(struct info *self)
{
    self->metrics = arena_array(self->op.query->arena, uint32_t, self->sets.count);
    for (size_t g = 0; g < self->sets.count; g++) {
        uint32_t name = labels_get(self->sets.labels[g], SYM_NAME);
        size_t k = 0;
        while (k < self->metric_count && self->metrics[k] != name)
            k++;
        self->metrics[k] = name;
        self->metric_count += k == self->metric_count;
    }
}

static uint64_t info_hash(uint32_t name, uint32_t instance, uint32_t job)
{
    return hash_mix(hash_mix(hash_mix(0, name), instance), job);
}

static bool info_index_sets(const struct info *self, struct query_map *sets, struct err *err)
{
    for (size_t g = 0; g < self->sets.count; g++) {
        const struct labels *labels = self->sets.labels[g];
        uint64_t hash =
            info_hash(labels_get(labels, SYM_NAME), labels_get(labels, self->matchers.instance),
                      labels_get(labels, self->matchers.job));
        if (!query_map_insert(sets, hash, (uint32_t)g, err))
            return false;
    }
    return true;
}

/* The set of a metric for a class of base series, or INFO_NONE. */
static uint32_t info_find_set(const struct info *self, const struct query_map *sets, uint32_t name,
                              const struct labels *class)
{
    uint32_t instance = labels_get(class, self->matchers.instance);
    uint32_t job = labels_get(class, self->matchers.job);
    struct map_probe at = map_find(&sets->map, info_hash(name, instance, job));
    for (; map_hit(&sets->map, &at); map_next(&sets->map, &at)) {
        const struct labels *labels = self->sets.labels[at.index];
        if (labels_get(labels, SYM_NAME) == name &&
            labels_get(labels, self->matchers.instance) == instance &&
            labels_get(labels, self->matchers.job) == job)
            return at.index;
    }
    return INFO_NONE;
}

static const uint32_t *info_variant(const struct info *self, const struct info_class *class,
                                    size_t variant)
{
    return class->variants + variant * self->metric_count;
}

/* The number of a variant, which a class often has had at the step before. */
static uint32_t info_class_variant(struct info *self, struct info_class *class,
                                   const uint32_t *infos)
{
    size_t size = self->metric_count * sizeof *infos;
    for (size_t i = class->variant_count; i > 0; i--)
        if (size == 0 || memcmp(info_variant(self, class, i - 1), infos, size) == 0)
            return (uint32_t)(i - 1);
    if (class->variant_count == class->variant_cap) {
        class->variant_cap = class->variant_cap ? class->variant_cap * 2 : 2;
        uint32_t *variants =
            arena_array(self->op.query->arena, uint32_t, class->variant_cap * self->metric_count);
        if (class->variant_count)
            memcpy(variants, class->variants, class->variant_count * size);
        class->variants = variants;
    }
    if (size)
        memcpy(class->variants + class->variant_count * self->metric_count, infos, size);
    return (uint32_t) class->variant_count++;
}

static bool info_find_variants(struct info *self, struct err *err)
{
    struct arena *arena = self->op.query->arena;
    size_t steps = self->op.grid.count;
    AUTO(query_map_done) struct query_map index = {.query = self->op.query};
    if (!info_index_sets(self, &index, err))
        return false;
    self->class_items = arena_array(arena, struct info_class, self->classes.count);
    uint32_t *sets = arena_array(arena, uint32_t, self->metric_count);
    uint32_t *infos = arena_array(arena, uint32_t, self->metric_count);
    for (size_t c = 0; c < self->classes.count; c++) {
        struct info_class *class = &self->class_items[c];
        for (size_t k = 0; k < self->metric_count; k++)
            sets[k] = info_find_set(self, &index, self->metrics[k], self->classes.labels[c]);
        class->variant_of = arena_array(arena, uint32_t, steps);
        for (size_t s = 0; s < steps; s++) {
            for (size_t k = 0; k < self->metric_count; k++)
                infos[k] = sets[k] == INFO_NONE ? INFO_NONE : self->newest[sets[k] * steps + s];
            class->variant_of[s] = info_class_variant(self, class, infos);
        }
        if (!arena_check(arena, err))
            return false;
    }
    return true;
}

/* Adds the labels of an info series; false if another has had a different value. */
static bool info_add_labels(const struct info *self, const struct labels *base,
                            const struct labels *from, struct labels_builder *added,
                            uint32_t *conflict)
{
    for (size_t i = 0; i < from->count; i++) {
        struct label pair = from->pairs[i];
        if (pair.name == SYM_NAME || !info_matchers_want(&self->matchers, pair.name))
            continue;
        uint32_t before = labels_builder_get(added, pair.name);
        if (before != SYM_EMPTY && before != pair.value) {
            *conflict = pair.name;
            return false;
        }
        if (labels_get(base, pair.name) == SYM_EMPTY)
            labels_builder_set(added, pair.name, pair.value);
    }
    return true;
}

static bool info_add_series(struct info *self, const struct info_series *series,
                            const struct labels *labels, struct err *err)
{
    struct op *op = &self->op;
    struct arena *arena = op->query->arena;
    if (op->series_count == self->series_cap) {
        size_t cap = self->series_cap ? self->series_cap * 2 : info_base(self)->series_count + 1;
        struct info_series *items = arena_array(arena, struct info_series, cap);
        const struct labels **sets = arena_array(arena, const struct labels *, cap);
        if (op->series_count) {
            memcpy(items, self->series, op->series_count * sizeof *items);
            memcpy(sets, self->labels, op->series_count * sizeof *sets);
        }
        self->series = items;
        self->labels = sets;
        self->series_cap = cap;
    }
    self->labels[op->series_count] = labels;
    self->series[op->series_count++] = *series;
    return arena_check(arena, err);
}

/* What a base series becomes where its class has this variant; nothing if the selector says so. */
static bool info_add_variant(struct info *self, struct info_series series,
                             struct labels_builder *added, struct err *err)
{
    struct query *query = self->op.query;
    const struct labels *base = info_base(self)->labels[series.base];
    const struct info_class *class = &self->class_items[self->classes.of_series[series.base]];
    const uint32_t *infos = info_variant(self, class, series.variant);
    bool found = false;
    labels_builder_reset(added, query->symbols, &labels_empty);
    for (size_t k = 0; k < self->metric_count; k++) {
        if (infos[k] == INFO_NONE)
            continue;
        found = true;
        if (!info_add_labels(self, base, info_source(self)->labels[infos[k]], added,
                             &series.conflict))
            return info_add_series(self, &series, base, err);
    }
    if (!found && !self->matchers.take_empty)
        return true;
    const struct labels *more = labels_builder_labels(added, query->arena);
    labels_builder_reset(added, query->symbols, base);
    for (size_t i = 0; i < more->count; i++)
        labels_builder_set(added, more->pairs[i].name, more->pairs[i].value);
    return info_add_series(self, &series, labels_builder_labels(added, query->arena), err);
}

static bool info_label(struct info *self, struct err *err)
{
    struct op *op = &self->op;
    const struct op *base = info_base(self);
    AUTO(labels_builder_done) struct labels_builder added = {0};
    for (uint32_t i = 0; i < base->series_count; i++) {
        if (self->matchers.ignored[i]) {
            if (!info_add_series(self, &(struct info_series){i, INFO_NONE, SYM_EMPTY},
                                 base->labels[i], err))
                return false;
            continue;
        }
        const struct info_class *class = &self->class_items[self->classes.of_series[i]];
        for (uint32_t v = 0; v < class->variant_count; v++)
            if (!info_add_variant(self, (struct info_series){i, v, SYM_EMPTY}, &added, err))
                return false;
    }
    op->labels = self->labels;
    uint32_t *from = arena_array(op->query->arena, uint32_t, op->series_count);
    for (size_t i = 0; i < op->series_count; i++)
        from[i] = self->series[i].base;
    return names_follow(op, base, from, err);
}

static bool info_open(struct op *op, struct err *err)
{
    struct info *self = CONTAINER(struct info, op, op);
    struct query *query = op->query;
    bool any;
    if (!op_open(info_base(self), err) ||
        !info_matchers_open(&self->matchers, info_base(self), self->infos, &any, err))
        return false;
    if (any && (!op_open(info_source(self), err) || !info_read(self, err)))
        return false;
    if (any)
        info_find_metrics(self);

    struct op *base = info_base(self);
    const uint32_t names[] = {self->matchers.instance, self->matchers.job};
    struct grouping grouping = grouping_of_symbols(query, names, ARRAY_COUNT(names), false);
    self->uses = arena_array(query->arena, uint32_t, base->series_count);
    self->held = arena_array(query->arena, struct held_row, base->series_count);
    row_store_init(&self->store, query, op->grid.count);
    self->rows.op = base;
    return groups_init(&self->classes, &grouping, base, err) && info_find_variants(self, err) &&
           info_label(self, err);
}

static bool info_arrange(struct op *op, struct err *err)
{
    struct info *self = CONTAINER(struct info, op, op);
    uint32_t *order = arena_array(op->query->arena, uint32_t, info_base(self)->series_count);
    size_t count = 0;
    for (size_t i = 0; i < op->order_count; i++) {
        uint32_t base = self->series[op->order[i]].base;
        if (self->uses[base]++ == 0)
            order[count++] = base;
    }
    return arena_check(op->query->arena, err) && op_arrange(info_base(self), order, count, err) &&
           tile_take_for(&self->output, op, err);
}

/* The base series' row: the next one there, unless it is held. */
static struct point_row info_base_row(struct info *self, uint32_t base, struct err *err)
{
    struct held_row *held = &self->held[base];
    double *values;
    struct point_row row = {held->values, held->histograms};
    if (row.values)
        return row;
    if (row_reader_next(&self->rows, &values, err) != PULL_BATCH)
        return (struct point_row){0};
    row = (struct point_row){values, self->rows.histograms};
    if (self->uses[base] == 1)
        return row;
    if (!row_store_hold(&self->store, row.values, row.histograms, held, err))
        return (struct point_row){0};
    return (struct point_row){held->values, held->histograms};
}

static bool info_refuse_conflict(const struct info *self, uint32_t name, struct err *err)
{
    return err_set(err, ERR_EXECUTION, "conflicting label: %.*s",
                   STR_ARGS(symbols_get(self->op.query->symbols, name)));
}

/* Leaves the points of the steps at which the series' variant holds. */
static bool info_keep_variant(const struct info *self, const struct info_series *series,
                              struct batch *out, size_t at, struct err *err)
{
    const struct info_class *class = &self->class_items[self->classes.of_series[series->base]];
    const struct histogram **histograms = batch_row_histograms(out, at);
    double *row = batch_row(out, at);
    for (size_t s = 0; s < out->step_count; s++) {
        if (class->variant_of[s] != series->variant) {
            row[s] = value_stale();
            if (histograms)
                histograms[s] = NULL;
        } else if (series->conflict != SYM_EMPTY &&
                   (!value_is_stale(row[s]) || (histograms && histograms[s]))) {
            return info_refuse_conflict(self, series->conflict, err);
        }
    }
    return true;
}

static bool info_row(struct info *self, const struct info_series *series, struct batch *out,
                     size_t at, struct err *err)
{
    struct point_row row = info_base_row(self, series->base, err);
    if (!row.values)
        return false;
    memcpy(batch_row(out, at), row.values, out->step_count * sizeof *row.values);
    if (!tile_copy(&self->output, out, at, row.histograms, err))
        return false;
    if (--self->uses[series->base] == 0)
        row_store_drop(&self->store, &self->held[series->base]);
    return series->variant == INFO_NONE || info_keep_variant(self, series, out, at, err);
}

static bool info_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct info *self = CONTAINER(struct info, op, op);
    struct batch out = tile_next(&self->output, op);
    for (size_t i = 0; i < out.row_count; i++) {
        if (!info_row(self, &self->series[op->order[op->rows_done + i]], &out, i, err))
            return false;
        tile_cut(&self->output, &out, i);
    }
    *ret = out;
    return true;
}

static void info_close(struct op *op)
{
    struct info *self = CONTAINER(struct info, op, op);
    for (size_t i = 0; self->held && i < info_base(self)->series_count; i++)
        row_store_drop(&self->store, &self->held[i]);
    row_store_done(&self->store);
    tile_give(&self->output);
    info_matchers_done(&self->matchers);
}

static const bool *info_holds(struct op *op)
{
    const struct info *self = CONTAINER(struct info, op, op);
    const bool *base = op_holds(info_base(self));
    if (!base)
        return NULL;
    bool *holds = arena_array(op->query->arena, bool, op->series_count);
    for (size_t i = 0; i < op->series_count; i++)
        holds[i] = base[self->series[i].base];
    return holds;
}

/* Rows that are in error where they have a point. */
static const bool *info_tells(struct op *op)
{
    const struct info *self = CONTAINER(struct info, op, op);
    bool *tells = arena_array(op->query->arena, bool, op->series_count);
    for (size_t i = 0; i < op->series_count; i++)
        tells[i] = self->series[i].conflict != SYM_EMPTY;
    return tells;
}

static const struct op_class info_class = {
    .name = "info",
    .open = info_open,
    .holds = info_holds,
    .tells = info_tells,
    .arrange = info_arrange,
    .pull = info_pull,
    .close = info_close,
};

struct op *op_info_new(struct query *query, struct op *base, const struct vector_selector *selector,
                       const struct plan_select *select)
{
    struct info *self = arena_new(query->arena, struct info);
    op_init(&self->op, &info_class, query, &base->grid);
    op_add_child(&self->op, base);
    self->matchers = (struct info_matchers){.query = query, .selector = selector};
    self->infos = arena_new(query->arena, struct vector_selector);
    struct plan_select *infos = arena_new(query->arena, struct plan_select);
    *infos = *select;
    infos->selector = self->infos;
    struct op *source =
        op_source_new(query, &base->grid,
                      &(struct source_spec){.select = infos, .kernel = &window_select_float_time});
    source->detail = "select info metrics";
    op_add_child(&self->op, source);
    return &self->op;
}
