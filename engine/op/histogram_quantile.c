/*
 * A histogram's buckets are put in the order of their bounds once: each row goes to its place as it
 * comes from the child. At a step the buckets that have a point there are then met in order, equal
 * bounds side by side. Only where the bounds do not tell the order, which is rare, rows stay in the
 * child's order and each step sorts what it has, as Prometheus always does.
 */
#include "engine/op/histogram_quantile.h"

#include "base/float_text.h"
#include "engine/fn/bucket_quantile.h"
#include "engine/fn/columns.h"
#include "engine/fn/quantile.h"
#include "engine/op/group.h"
#include "engine/op/row_output.h"
#include "model/notes.h"

#define PLACE_NONE UINT32_MAX /* of a bucket without a bound */

struct histogram_quantile {
    struct op op;
    size_t phi_begin;
    size_t vector_begin;
    struct groups groups;
    const double *phi;
    struct row_output output;
    struct row_reader in;
    uint32_t bad_le; /* the last that was warned of, + 1 */

    /* Of the histogram at hand; room for the largest of those wanted. */
    size_t buckets_max;
    double *counts; /* columns of the buckets that have a bound */
    double *bounds; /* at their places */
    uint32_t *places;
    bool ambiguous;         /* places are not sorted; each step is */
    struct bucket *buckets; /* at one step */
    struct go_item *items;

    /* For sorting: the members that have a bound, the bounds, and their order. */
    uint32_t *bounded;
    double *unsorted;
    uint32_t *sorted;
    void *sort_space;

    struct bucket_raises raises;
    uint64_t *raised; /* histograms, at each step */
};

/* At every step, whether or not there are buckets. */
static void histogram_quantile_check_phi(const struct histogram_quantile *self)
{
    for (size_t s = 0; s < self->op.grid.count; s++) {
        double result;
        bool again = s > 0 && value_bits(self->phi[s]) == value_bits(self->phi[s - 1]);
        if (!again && !quantile_phi_valid(self->phi[s], &result))
            note_quantile(&self->op.query->annotations, self->phi_begin, self->phi[s]);
    }
}

static bool histogram_quantile_open(struct op *op, struct err *err)
{
    struct histogram_quantile *self = CONTAINER(struct histogram_quantile, op, op);
    struct op *child = op->children[0];
    struct grouping grouping = grouping_except(op->query, SYM_LE);
    if (!op_open(child, err) || !groups_init(&self->groups, &grouping, child, err) ||
        !op_read_scalar(op->children[1], &self->phi, err))
        return false;
    histogram_quantile_check_phi(self);

    op->labels = arena_array(op->query->arena, const struct labels *, self->groups.count);
    for (size_t i = 0; i < self->groups.count; i++)
        op->labels[i] = labels_drop_name(self->groups.labels[i], op->query->arena);
    op->series_count = self->groups.count;
    return true;
}

static uint32_t histogram_quantile_le(const struct histogram_quantile *self, uint32_t series)
{
    return labels_get(self->op.children[0]->labels[series], SYM_LE);
}

/* Finds the places of a histogram's members by their bounds; returns how many have one. */
static size_t histogram_quantile_place(struct histogram_quantile *self, const uint32_t *members,
                                       size_t member_count)
{
    size_t count = 0;
    for (size_t i = 0; i < member_count; i++) {
        struct str le =
            symbols_get(self->op.query->symbols, histogram_quantile_le(self, members[i]));
        bool out_of_range;
        self->places[i] = PLACE_NONE;
        if (float_parse(le, &self->unsorted[count], &out_of_range))
            self->bounded[count++] = (uint32_t)i;
    }
    quantile_sort(self->unsorted, count, self->sorted, self->sort_space);
    for (size_t place = 0; place < count; place++)
        self->bounds[place] = self->unsorted[self->sorted[place]];

    self->ambiguous = bounds_ambiguous(self->bounds, count);
    for (size_t place = 0; place < count; place++) {
        size_t from = self->ambiguous ? place : self->sorted[place];
        self->bounds[place] = self->unsorted[from];
        self->places[self->bounded[from]] = (uint32_t)place;
    }
    return count;
}

static void histogram_quantile_warn_le(struct histogram_quantile *self, uint32_t le)
{
    if (self->bad_le == le + 1)
        return;
    self->bad_le = le + 1;
    note_bad_bucket(&self->op.query->annotations, self->vector_begin,
                    symbols_get(self->op.query->symbols, le), (struct str){0});
}

/* The child hands out this histogram's members next. */
static bool histogram_quantile_read(struct histogram_quantile *self, const uint32_t *members,
                                    size_t member_count, struct columns *columns, struct err *err)
{
    for (size_t i = 0; i < member_count; i++) {
        double *row;
        if (row_reader_next(&self->in, &row, err) != PULL_BATCH)
            return false;
        if (self->places[i] != PLACE_NONE)
            columns_put(columns, self->places[i], row);
        else if (row_has_point(row, columns->step_count))
            histogram_quantile_warn_le(self, histogram_quantile_le(self, members[i]));
    }
    return true;
}

static double histogram_quantile_at(struct histogram_quantile *self, const struct columns *columns,
                                    size_t step)
{
    const double *counts = columns_at(columns, step);
    size_t stride = columns_width(columns->step_count);
    size_t count =
        self->ambiguous
            ? buckets_gather_sorting(self->bounds, columns->row_count, counts, stride, self->items,
                                     self->buckets)
            : buckets_gather(self->bounds, columns->row_count, counts, stride, self->buckets);
    if (count == 0)
        return value_stale();

    bool raised;
    double result = bucket_quantile(self->phi[step], self->buckets, count, &self->raises, &raised);
    self->raised[step] += raised;
    return result;
}

static bool histogram_quantile_row(struct histogram_quantile *self, size_t group, double *out,
                                   struct err *err)
{
    size_t steps = self->op.grid.count;
    const uint32_t *members = groups_members(&self->groups, group);
    size_t member_count = groups_size(&self->groups, group);
    size_t bucket_count = histogram_quantile_place(self, members, member_count);
    struct columns columns = {self->counts, bucket_count, steps};
    if (!histogram_quantile_read(self, members, member_count, &columns, err))
        return false;

    for (size_t s = 0; s < steps; s++)
        out[s] = histogram_quantile_at(self, &columns, s);
    return query_alive(self->op.query, err);
}

/*
 * Prometheus merges, after each step, the histograms of all steps so far with themselves once more,
 * and so counts them twice. Users see that count, so it is ours too.
 */
static void histogram_quantile_tell_raises(const struct histogram_quantile *self)
{
    const struct grid *grid = &self->op.grid;
    struct annotation_raises told = {
        .bound_min = self->raises.bound_min,
        .bound_max = self->raises.bound_max,
        .raise_max = self->raises.raise_max,
    };
    bool any = false;
    for (size_t s = 0; s < grid->count; s++) {
        uint64_t here = self->raised[s];
        told.count = any ? 2 * (told.count + here) : here;
        if (here == 0)
            continue;
        if (!any)
            told.begin_ms = grid_time(grid, s);
        told.end_ms = grid_time(grid, s);
        any = true;
    }
    if (any)
        annotations_add_raises(&self->op.query->annotations, self->vector_begin, &told);
}

/* All histograms, first those that nobody wants: their buckets may be worth a note too. */
static const uint32_t *histogram_quantile_work(const struct op *op)
{
    uint32_t *work = arena_array(op->query->arena, uint32_t, op->series_count);
    bool *wanted = arena_array(op->query->arena, bool, op->series_count);
    size_t count = 0;
    for (size_t i = 0; i < op->order_count; i++)
        wanted[op->order[i]] = true;
    for (size_t i = 0; i < op->series_count; i++)
        if (!wanted[i])
            work[count++] = (uint32_t)i;
    for (size_t i = 0; i < op->order_count; i++)
        work[count++] = op->order[i];
    return work;
}

static bool histogram_quantile_do_unwanted(struct histogram_quantile *self, const uint32_t *groups,
                                           size_t count, struct err *err)
{
    if (count == 0)
        return true;
    double *scratch = op_take_row(&self->op, err);
    bool good = scratch != NULL;
    for (size_t i = 0; good && i < count; i++)
        good = histogram_quantile_row(self, groups[i], scratch, err);
    op_give_row(&self->op, scratch);
    if (good && self->op.order_count == 0)
        histogram_quantile_tell_raises(self);
    return good;
}

static bool histogram_quantile_arrange(struct op *op, struct err *err)
{
    struct histogram_quantile *self = CONTAINER(struct histogram_quantile, op, op);
    struct arena *arena = op->query->arena;
    if (op->series_count == 0)
        return true;

    const uint32_t *work = histogram_quantile_work(op);
    size_t max = groups_size_max(&self->groups, work, op->series_count);
    self->buckets_max = max;
    self->bounds = arena_array(arena, double, max);
    self->bounded = arena_array(arena, uint32_t, max);
    self->unsorted = arena_array(arena, double, max);
    self->places = arena_array(arena, uint32_t, max);
    self->sorted = arena_array(arena, uint32_t, max);
    self->buckets = arena_array(arena, struct bucket, max);
    self->items = arena_array(arena, struct go_item, max);
    self->sort_space = arena_array(arena, char, QUANTILE_SORT_SPACE(max));
    self->raised = arena_array(arena, uint64_t, op->grid.count);
    if (!arena_check(arena, err) || !row_output_take(&self->output, op, err))
        return false;

    self->counts =
        pool_take(op->query->pool, &op->query->budget, columns_size(max, op->grid.count), err);
    self->in = (struct row_reader){.op = op->children[0]};
    size_t unwanted_count = op->series_count - op->order_count;
    return self->counts &&
           groups_arrange(&self->groups, op->children[0], work, op->series_count, err) &&
           histogram_quantile_do_unwanted(self, work, unwanted_count, err);
}

static bool histogram_quantile_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct histogram_quantile *self = CONTAINER(struct histogram_quantile, op, op);
    struct batch out = row_output_next(&self->output, op);
    for (size_t i = 0; i < out.row_count; i++)
        if (!histogram_quantile_row(self, op->order[op->rows_done + i], batch_row(&out, i), err))
            return false;
    if (op->rows_done + out.row_count == op->order_count)
        histogram_quantile_tell_raises(self);
    *ret = out;
    return true;
}

static void histogram_quantile_close(struct op *op)
{
    struct histogram_quantile *self = CONTAINER(struct histogram_quantile, op, op);
    row_output_give(&self->output, op);
    pool_give(op->query->pool, &op->query->budget, self->counts,
              columns_size(self->buckets_max, op->grid.count));
    self->counts = NULL;
}

static const struct op_class histogram_quantile_class = {
    .name = "histogram_quantile",
    .open = histogram_quantile_open,
    .arrange = histogram_quantile_arrange,
    .pull = histogram_quantile_pull,
    .close = histogram_quantile_close,
};

struct op *op_histogram_quantile_new(struct query *query, struct op *buckets, struct op *phi,
                                     size_t phi_begin, size_t vector_begin)
{
    struct histogram_quantile *self = arena_new(query->arena, struct histogram_quantile);
    op_init(&self->op, &histogram_quantile_class, query, &buckets->grid);
    op_add_child(&self->op, buckets);
    op_add_child(&self->op, phi);
    self->phi_begin = phi_begin;
    self->vector_begin = vector_begin;
    self->raises = BUCKET_RAISES_NONE;
    return &self->op;
}
