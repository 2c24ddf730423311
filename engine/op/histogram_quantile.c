/*
 * What a step of a set gives: floats, as buckets of a classic histogram, or one native histogram.
 * The set's rows are read first, since both kinds together give nothing. Loners among them are
 * worked out as they are read.
 */
#include "engine/op/histogram_quantile.h"

#include <string.h>

#include "base/float_text.h"
#include "engine/fn/histogram_values.h"
#include "engine/fn/quantile.h"
#include "engine/op/classic_buckets.h"
#include "engine/op/histogram_raises.h"
#include "engine/op/histogram_row.h"
#include "engine/op/histogram_series.h"
#include "engine/op/row_store.h"
#include "engine/op/tile.h"
#include "model/notes.h"

#define HISTOGRAM_PARAMS_MAX 10

struct histogram_quantile {
    struct op op;
    bool is_fraction;
    size_t param_count; /* quantiles; or lower and upper */
    const double *params[HISTOGRAM_PARAMS_MAX];
    const size_t *param_begins;
    size_t vector_begin;

    bool labelled; /* histogram_quantiles; else there is one variant */
    struct str label;
    struct variant *variants;
    size_t variant_count;
    uint32_t *variant_of; /* by parameter, by step */

    struct histogram_series series;
    struct tile output;
    struct row_reader in;
    struct classic_buckets buckets;
    const struct histogram **natives; /* of the set at hand, by step */
    bool has_natives;
    struct arena *arena; /* what is copied of them */
    uint32_t bad_le;     /* the last that was warned of, + 1 */
    struct histogram_raises raises;

    /* Several variants, or loners: rows of sets that have been read, until they are due. */
    double **rows;         /* of the histogram at hand, by variant */
    struct held_row *held; /* by result */
    bool *is_read;         /* by set */
    struct row_store store;
};

/* At every step, whether or not there are histograms. */
static void histogram_quantile_check(const struct histogram_quantile *self)
{
    for (size_t i = 0; !self->is_fraction && i < self->param_count; i++) {
        const double *phi = self->params[i];
        for (size_t s = 0; s < self->op.grid.count; s++) {
            double result;
            bool again = s > 0 && value_bits(phi[s]) == value_bits(phi[s - 1]);
            if (!again && !quantile_phi_valid(phi[s], &result))
                note_quantile(&self->op.query->annotations, self->param_begins[i], phi[s]);
        }
    }
}

/* As OpenMetrics writes a float: it shows that it is one. */
static uint32_t quantile_text(struct query *query, double phi)
{
    char text[FLOAT_TEXT_SIZE + 2];
    size_t len = float_text_g(text, phi == 0 ? 0 : phi);
    if (!isnan(phi) && !isinf(phi) && !memchr(text, '.', len) && !memchr(text, 'e', len)) {
        text[len++] = '.';
        text[len++] = '0';
    }
    return symbols_add(query->symbols, (struct str){text, len});
}

/* The variant of a quantile's value; a new one if need be. Those before `first` are of others. */
static uint32_t variant_get(struct histogram_quantile *self, size_t first, size_t param,
                            uint32_t text)
{
    for (size_t i = self->variant_count; i > first; i--)
        if (self->variants[i - 1].text == text)
            return (uint32_t)(i - 1);
    self->variants[self->variant_count] = (struct variant){param, text};
    return (uint32_t)self->variant_count++;
}

static bool histogram_quantile_vary(struct histogram_quantile *self, struct err *err)
{
    struct query *query = self->op.query;
    size_t steps = self->op.grid.count;
    self->variant_count = !self->labelled;
    self->variant_of = arena_array(query->arena, uint32_t, self->param_count * steps);
    self->variants = arena_array(query->arena, struct variant, self->param_count * steps);
    for (size_t i = 0; self->labelled && i < self->param_count; i++) {
        size_t first = self->variant_count;
        for (size_t s = 0; s < steps; s++) {
            const double *phi = self->params[i] + s;
            bool again = s > 0 && value_bits(phi[0]) == value_bits(phi[-1]);
            uint32_t *variant = self->variant_of + i * steps + s;
            *variant =
                again ? variant[-1] : variant_get(self, first, i, quantile_text(query, *phi));
        }
        if (!query_alive(query, err))
            return false;
    }
    return arena_check(query->arena, err);
}

static bool histogram_quantile_open(struct op *op, struct err *err)
{
    struct histogram_quantile *self = CONTAINER(struct histogram_quantile, op, op);
    if (!op_open(op->children[0], err) ||
        !histogram_series_group(&self->series, op->children[0], err))
        return false;
    for (size_t i = 0; i < self->param_count; i++)
        if (!op_read_scalar(op->children[i + 1], &self->params[i], err))
            return false;
    histogram_quantile_check(self);
    uint32_t label = symbols_add(op->query->symbols, self->label);
    return histogram_quantile_vary(self, err) &&
           histogram_series_name(&self->series, op, self->variants, self->variant_count,
                                 self->labelled ? &label : NULL, err);
}

/* Names are told where they are still there: with delayed name removal. */
static uint32_t histogram_quantile_name(const struct histogram_quantile *self,
                                        const struct labels *labels)
{
    return self->op.query->modes.delayed_names ? labels_get(labels, SYM_NAME) : SYM_EMPTY;
}

static struct str histogram_quantile_metric(const struct histogram_quantile *self, size_t group)
{
    return symbols_get(self->op.query->symbols,
                       histogram_quantile_name(self, self->series.sets.labels[group]));
}

static void histogram_quantile_warn_le(struct histogram_quantile *self, const struct labels *labels)
{
    struct query *query = self->op.query;
    uint32_t le = labels_get(labels, SYM_LE);
    if (self->bad_le == le + 1 && !query->modes.delayed_names)
        return;
    self->bad_le = le + 1;
    note_bad_bucket(&query->annotations, self->vector_begin, symbols_get(query->symbols, le),
                    symbols_get(query->symbols, histogram_quantile_name(self, labels)));
}

static double native_at(struct histogram_quantile *self, size_t group, const struct histogram *h,
                        size_t param, size_t step)
{
    struct annotations *notes = &self->op.query->annotations;
    enum histogram_nan nan = HISTOGRAM_NAN_NONE;
    double result = self->is_fraction
                        ? histogram_fraction(h, self->params[0][step], self->params[1][step], &nan)
                        : histogram_quantile(h, self->params[param][step], &nan);
    struct str metric = histogram_quantile_metric(self, group);
    switch (nan) {
    case HISTOGRAM_NAN_NONE:
        break;
    case HISTOGRAM_NAN_RESULT:
        note_quantile_nan(notes, self->vector_begin, metric);
        break;
    case HISTOGRAM_NAN_SKEWED:
        note_quantile_skewed(notes, self->vector_begin, metric);
        break;
    case HISTOGRAM_NAN_EXCLUDED:
        note_fraction_nan(notes, self->vector_begin, metric);
        break;
    }
    return result;
}

/* One for each result of a step: they are spread over the variants. */
static size_t histogram_quantile_result_count(const struct histogram_quantile *self)
{
    return self->is_fraction ? 1 : self->param_count;
}

static double *histogram_quantile_result(const struct histogram_quantile *self, size_t param,
                                         size_t step)
{
    return &self->rows[self->variant_of[param * self->op.grid.count + step]][step];
}

static void histogram_quantile_clear(const struct histogram_quantile *self)
{
    for (size_t v = 0; v < self->variant_count; v++)
        for (size_t s = 0; s < self->op.grid.count; s++)
            self->rows[v][s] = value_stale();
}

/* Keeps the rows of the histogram at hand until they are due. */
static bool histogram_quantile_hold(struct histogram_quantile *self, size_t histogram,
                                    struct err *err)
{
    size_t histograms = histogram_series_count(&self->series);
    for (size_t v = 0; v < self->variant_count; v++)
        if (!row_store_hold(&self->store, self->rows[v], NULL,
                            &self->held[v * histograms + histogram], err))
            return false;
    return true;
}

/* Notes the histograms of the row read last; they are copied if another row follows. */
static bool histogram_quantile_read_natives(struct histogram_quantile *self, bool last,
                                            struct err *err)
{
    size_t steps = self->op.grid.count;
    const struct histogram *const *row = self->in.histograms;
    if (!row_has_histogram(row, steps))
        return true;
    if (!self->natives) {
        self->natives = arena_array(self->op.query->arena, const struct histogram *, steps);
        self->arena = arena_create(&self->op.query->budget);
    }
    if (!self->has_natives)
        memset(self->natives, 0, steps * sizeof *self->natives);
    self->has_natives = true;
    for (size_t s = 0; s < steps; s++)
        if (row[s])
            self->natives[s] = last ? row[s] : histogram_keep(self->arena, row[s]);
    return arena_check(self->op.query->arena, err) && arena_check(self->arena, err);
}

/* All variants of a loner of this set, whose row was read last. */
static bool histogram_quantile_read_loner(struct histogram_quantile *self, size_t group,
                                          size_t loner, struct err *err)
{
    size_t steps = self->op.grid.count;
    const struct histogram *const *row = self->in.histograms;
    if (!row_has_histogram(row, steps))
        return true;
    histogram_quantile_clear(self);
    for (size_t s = 0; s < steps; s++)
        for (size_t i = 0; row[s] && i < histogram_quantile_result_count(self); i++)
            *histogram_quantile_result(self, i, s) = native_at(self, group, row[s], i, s);
    return histogram_quantile_hold(self, self->series.sets.count + loner, err);
}

/* The child hands out this set's members next. */
static bool histogram_quantile_read(struct histogram_quantile *self, size_t group, struct err *err)
{
    const struct op *child = self->op.children[0];
    const uint32_t *members = groups_members(&self->series.sets, group);
    size_t count = groups_size(&self->series.sets, group);
    classic_buckets_begin(&self->buckets, child, members, count);
    if (self->arena)
        arena_reset(self->arena);
    self->has_natives = false;
    for (size_t i = 0; i < count; i++) {
        double *row;
        uint32_t loner = self->series.loner_of ? self->series.loner_of[members[i]] : 0;
        if (row_reader_next(&self->in, &row, err) != PULL_BATCH ||
            !(loner ? histogram_quantile_read_loner(self, group, loner - 1, err)
                    : histogram_quantile_read_natives(self, i + 1 == count, err)))
            return false;
        if (!classic_buckets_put(&self->buckets, i, row) && row_has_point(row, self->op.grid.count))
            histogram_quantile_warn_le(self, child->labels[members[i]]);
    }
    return true;
}

/* What one quantile had to merge and to raise stays so for the next. */
static double classic_at(struct histogram_quantile *self, size_t group, size_t param, size_t step,
                         size_t bucket_count)
{
    if (self->is_fraction)
        return bucket_fraction(self->params[0][step], self->params[1][step], self->buckets.buckets,
                               bucket_count);
    struct histogram_raise *raise = histogram_raises_of(
        &self->raises, histogram_quantile_name(self, self->series.sets.labels[group]));
    bool raised;
    double result = classic_buckets_quantile(&self->buckets, bucket_count,
                                             self->params[param][step], &raise->raises, &raised);
    raise->counts[step] += raised;
    return result;
}

static void histogram_quantile_at(struct histogram_quantile *self, size_t group, size_t step)
{
    size_t bucket_count = classic_buckets_at(&self->buckets, step);
    bool native = self->has_natives && self->natives[step];
    if (native && bucket_count > 0)
        note_classic_and_native(&self->op.query->annotations, self->vector_begin,
                                histogram_quantile_metric(self, group));
    if (native == (bucket_count > 0))
        return;
    for (size_t i = 0; i < histogram_quantile_result_count(self); i++)
        *histogram_quantile_result(self, i, step) =
            native ? native_at(self, group, self->natives[step], i, step)
                   : classic_at(self, group, i, step, bucket_count);
}

/* All variants of a set, into self->rows; its loners are held. */
static bool histogram_quantile_set(struct histogram_quantile *self, size_t group, struct err *err)
{
    size_t steps = self->op.grid.count;
    if (!histogram_quantile_read(self, group, err))
        return false;
    histogram_quantile_clear(self);
    for (size_t s = 0; s < steps; s++)
        histogram_quantile_at(self, group, s);
    return query_alive(self->op.query, err);
}

/* The sets, each once: first those of which nobody wants a row, since they may be worth a note. */
static const uint32_t *histogram_quantile_work(const struct histogram_quantile *self,
                                               size_t *ret_unwanted_count)
{
    const struct op *op = &self->op;
    size_t sets = self->series.sets.count;
    uint32_t *work = arena_array(op->query->arena, uint32_t, sets);
    bool *wanted = arena_array(op->query->arena, bool, sets);
    size_t count = 0;
    for (size_t i = 0; i < op->order_count; i++)
        wanted[histogram_series_set(&self->series, op->order[i])] = true;
    for (size_t i = 0; i < sets; i++)
        if (!wanted[i])
            work[count++] = (uint32_t)i;
    *ret_unwanted_count = count;
    for (size_t i = 0; i < op->order_count; i++) {
        uint32_t set = histogram_series_set(&self->series, op->order[i]);
        if (wanted[set])
            work[count++] = set;
        wanted[set] = false;
    }
    return work;
}

/* Rows for the variants of one histogram, which all but an only one are computed in. */
static bool histogram_quantile_take_rows(struct histogram_quantile *self, struct err *err)
{
    row_store_init(&self->store, self->op.query, self->op.grid.count);
    self->rows = arena_array(self->op.query->arena, double *, self->variant_count);
    self->held = arena_array(self->op.query->arena, struct held_row, self->op.series_count);
    self->is_read = arena_array(self->op.query->arena, bool, self->series.sets.count);
    if (!arena_check(self->op.query->arena, err))
        return false;
    for (size_t v = 0; v < self->variant_count; v++) {
        self->rows[v] = row_store_take(&self->store, err);
        if (!self->rows[v])
            return false;
    }
    return true;
}

static bool histogram_quantile_arrange(struct op *op, struct err *err)
{
    struct histogram_quantile *self = CONTAINER(struct histogram_quantile, op, op);
    if (op->series_count == 0)
        return true;
    size_t unwanted_count;
    const uint32_t *work = histogram_quantile_work(self, &unwanted_count);
    size_t max = groups_size_max(&self->series.sets, work, self->series.sets.count);
    self->in = (struct row_reader){.op = op->children[0]};
    if (!arena_check(op->query->arena, err) || !tile_take_for(&self->output, op, err) ||
        !classic_buckets_init(&self->buckets, op->query, max, op->grid.count, err) ||
        !histogram_quantile_take_rows(self, err) ||
        !groups_arrange(&self->series.sets, op->children[0], work, self->series.sets.count, err))
        return false;
    self->buckets.several = !self->is_fraction && self->param_count > 1;
    for (size_t i = 0; i < unwanted_count; i++)
        if (!histogram_quantile_set(self, work[i], err))
            return false;
    if (op->order_count == 0)
        histogram_raises_tell(&self->raises, op, self->vector_begin);
    return true;
}

/* The only variant is computed where it is to go. */
static bool histogram_quantile_only_row(struct histogram_quantile *self, size_t group, double *out,
                                        struct err *err)
{
    double *own = self->rows[0];
    self->rows[0] = out;
    bool done = histogram_quantile_set(self, group, err);
    self->rows[0] = own;
    return done;
}

/* One of several: with the first of a set's rows that is due, all are computed. */
static bool histogram_quantile_row(struct histogram_quantile *self, uint32_t series, double *out,
                                   struct err *err)
{
    uint32_t group = histogram_series_set(&self->series, series);
    if (self->variant_count == 1 && !(self->series.has_loner && self->series.has_loner[group]))
        return histogram_quantile_only_row(self, group, out, err);
    if (!self->is_read[group]) {
        if (!histogram_quantile_set(self, group, err) || !histogram_quantile_hold(self, group, err))
            return false;
        self->is_read[group] = true;
    }
    struct held_row *held = &self->held[self->series.results[series]];
    for (size_t s = 0; s < self->op.grid.count; s++)
        out[s] = held->values ? held->values[s] : value_stale();
    row_store_drop(&self->store, held);
    return true;
}

static bool histogram_quantile_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct histogram_quantile *self = CONTAINER(struct histogram_quantile, op, op);
    struct batch out = tile_next(&self->output, op);
    for (size_t i = 0; i < out.row_count; i++)
        if (!histogram_quantile_row(self, op->order[op->rows_done + i], batch_row(&out, i), err))
            return false;
    if (op->rows_done + out.row_count == op->order_count)
        histogram_raises_tell(&self->raises, op, self->vector_begin);
    *ret = out;
    return true;
}

static void histogram_quantile_close(struct op *op)
{
    struct histogram_quantile *self = CONTAINER(struct histogram_quantile, op, op);
    tile_give(&self->output);
    classic_buckets_done(&self->buckets);
    row_store_done(&self->store);
    arena_destroy(self->arena);
    self->arena = NULL;
}

static const struct op_class histogram_quantile_class = {
    .name = "histogram_quantile",
    .open = histogram_quantile_open,
    .arrange = histogram_quantile_arrange,
    .pull = histogram_quantile_pull,
    .close = histogram_quantile_close,
};

static struct histogram_quantile *histogram_quantile_new(struct query *query, struct op *buckets,
                                                         size_t vector_begin)
{
    struct histogram_quantile *self = arena_new(query->arena, struct histogram_quantile);
    op_init(&self->op, &histogram_quantile_class, query, &buckets->grid);
    op_add_child(&self->op, buckets);
    self->vector_begin = vector_begin;
    self->raises.query = query;
    self->raises.step_count = buckets->grid.count;
    return self;
}

static void histogram_quantile_add_param(struct histogram_quantile *self, struct op *param)
{
    op_add_child(&self->op, param);
    self->param_count++;
}

struct op *op_histogram_quantile_new(struct query *query, struct op *buckets, struct op *phi,
                                     size_t phi_begin, size_t vector_begin)
{
    struct histogram_quantile *self = histogram_quantile_new(query, buckets, vector_begin);
    histogram_quantile_add_param(self, phi);
    size_t *begin = arena_new(query->arena, size_t);
    *begin = phi_begin;
    self->param_begins = begin;
    return &self->op;
}

struct op *op_histogram_fraction_new(struct query *query, struct op *buckets, struct op *lower,
                                     struct op *upper, size_t vector_begin)
{
    struct histogram_quantile *self = histogram_quantile_new(query, buckets, vector_begin);
    self->is_fraction = true;
    histogram_quantile_add_param(self, lower);
    histogram_quantile_add_param(self, upper);
    return &self->op;
}

struct op *op_histogram_quantiles_new(struct query *query, struct op *buckets, struct op **phis,
                                      const size_t *phi_begins, size_t phi_count, struct str label,
                                      size_t vector_begin)
{
    struct histogram_quantile *self = histogram_quantile_new(query, buckets, vector_begin);
    for (size_t i = 0; i < phi_count; i++)
        histogram_quantile_add_param(self, phis[i]);
    self->param_begins = phi_begins;
    self->labelled = true;
    self->label = label;
    return &self->op;
}
