/*
 * Rows are asked for in one of two orders. Group after group: then one group is open at a time, but
 * where groups lie scattered among the series the storage is gone through once for each. Or as the
 * series stand, all groups open: once, which is why it is done wherever their states are small.
 * Members of a group come in the same order both ways.
 */
#include "engine/op/aggregate.h"

#include <assert.h>

#include "engine/fn/aggregate.h"
#include "engine/op/aggregate_histograms.h"
#include "engine/op/group_reader.h"
#include "engine/op/histogram_row.h"
#include "engine/op/tile.h"
#include "model/notes.h"
#include "model/sample.h"

/* What the states of groups that are open together may take. */
#define AGGREGATE_STATES_BYTES ((size_t)4 << 20)

struct aggregate_rows {
    struct op op;
    const struct aggregate_kernel *kernel;
    struct grouping grouping;
    struct groups groups;
    struct tile output;
    struct aggregate_histograms histograms;
    double *states; /* of one group; or of all, by group */
    size_t states_size;
    double *state;    /* of the group at hand */
    uint32_t *firsts; /* by group, as `first`; NULL: one group is open at a time */
    bool has_read;    /* all rows, into the states of all groups */
    struct batch in;  /* what the child gave last; `at` rows of it are used up */
    size_t at;
    struct group_reader ordered; /* instead, where the child may place its rows */

    uint32_t first; /* of the group at hand: the member that has a point; UINT32_MAX: not yet */
    struct row_place *places;
};

static bool aggregate_open(struct op *op, struct err *err)
{
    struct aggregate_rows *self = CONTAINER(struct aggregate_rows, op, op);
    struct op *child = op->children[0];
    if (!op_open(child, err) || !groups_init(&self->groups, &self->grouping, child, err))
        return false;
    op->labels = self->groups.labels;
    op->series_count = self->groups.count;
    return groups_names(&self->groups, op, child, err);
}

static bool aggregate_adds_up(const struct aggregate_rows *self)
{
    return self->histograms.op == AGGREGATE_sum || self->histograms.op == AGGREGATE_avg;
}

/* Do the groups lie scattered, and is their state small? Sums of histograms are not. */
static bool aggregate_opens_all(const struct aggregate_rows *self)
{
    const struct op *op = &self->op;
    struct op *child = op->children[0];
    size_t bytes = self->kernel->arrays * op->grid.count * sizeof *self->state;
    if (op->order_count < 2 || child->class->places_rows || op->grid.count == 1 ||
        self->groups.count > AGGREGATE_STATES_BYTES / bytes)
        return false;
    bool together = true;
    for (size_t i = 1; i < child->series_count && together; i++)
        together = self->groups.members[i - 1] < self->groups.members[i];
    return !together && !(aggregate_adds_up(self) && op_holds(child));
}

/* The members of the groups that are wanted, as they stand. */
static bool aggregate_arrange_all(struct aggregate_rows *self, struct err *err)
{
    struct op *op = &self->op;
    struct op *child = op->children[0];
    struct arena *arena = op->query->arena;
    bool *wanted = arena_array(arena, bool, self->groups.count);
    uint32_t *order = arena_array(arena, uint32_t, child->series_count);
    self->firsts = arena_array(arena, uint32_t, self->groups.count);
    if (!arena_check(arena, err))
        return false;
    size_t count = 0;
    for (size_t i = 0; i < op->order_count; i++)
        wanted[op->order[i]] = true;
    for (size_t i = 0; i < child->series_count; i++)
        if (wanted[self->groups.of_series[i]])
            order[count++] = (uint32_t)i;
    return op_arrange(child, order, count, err);
}

static bool aggregate_arrange(struct op *op, struct err *err)
{
    struct aggregate_rows *self = CONTAINER(struct aggregate_rows, op, op);
    if (!tile_take_for(&self->output, op, err))
        return false;
    self->places = arena_array(op->query->arena, struct row_place, self->output.row_max);
    group_reader_init(&self->ordered, op->children[0]);
    bool all = aggregate_opens_all(self);
    self->states_size = self->kernel->arrays * op->grid.count * (all ? self->groups.count : 1);
    self->states = pool_take(op->query->pool, &op->query->budget, self->states_size, err);
    self->state = self->states;
    if (!self->states)
        return false;
    return all ? aggregate_arrange_all(self, err)
               : groups_arrange(&self->groups, op->children[0], op->order, op->order_count, err);
}

/* What count and group need of a histogram is that it is there. */
static void aggregate_count_histograms(double *row, const struct histogram *const *histograms,
                                       size_t steps)
{
    for (size_t s = 0; s < steps; s++)
        if (histograms[s])
            row[s] = 0;
}

/* A row that has histograms, or comes behind one that has, in a group that adds them up. */
static bool aggregate_add_both(struct aggregate_rows *self, double *row,
                               const struct histogram *const *histograms,
                               const struct labels *labels, double *scratch, struct err *err)
{
    size_t steps = self->op.grid.count;
    if (!self->histograms.any) {
        self->kernel->end(self->state, scratch, steps);
        if (!aggregate_histograms_begin(&self->histograms, scratch, err))
            return false;
    }
    self->kernel->add(self->state, row, 1, steps);
    return aggregate_histograms_add(&self->histograms, row, histograms, labels, err);
}

/* The same, of a group that does what it does with histograms. */
static bool aggregate_add_row(struct aggregate_rows *self, double *row,
                              const struct histogram *const *histograms,
                              const struct labels *labels, double *scratch, struct err *err)
{
    size_t steps = self->op.grid.count;
    bool has = row_has_histogram(histograms, steps);
    if (aggregate_adds_up(self) && (has || self->histograms.any))
        return aggregate_add_both(self, row, histograms, labels, scratch, err);
    if (has) {
        if (self->histograms.op == AGGREGATE_count || self->histograms.op == AGGREGATE_group)
            aggregate_count_histograms(row, histograms, steps);
        else
            note_histogram_ignored(&self->op.query->annotations, self->histograms.begin,
                                   self->kernel->name);
    }
    self->kernel->add(self->state, row, 1, steps);
    return true;
}

/* The next `count` rows of the batch, members [from, ...) of the group. */
static bool aggregate_add_rows(struct aggregate_rows *self, const uint32_t *members, size_t count,
                               double *scratch, struct err *err)
{
    if (!self->in.histograms && !self->histograms.any) {
        self->kernel->add(self->state, batch_row(&self->in, self->at), count, self->op.grid.count);
        return true;
    }
    for (size_t i = 0; i < count; i++)
        if (!aggregate_add_row(self, batch_row(&self->in, self->at + i),
                               batch_row_histograms(&self->in, self->at + i),
                               self->op.children[0]->labels[members[i]], scratch, err))
            return false;
    return true;
}

/* The group's members in the order of their places. */
static bool aggregate_add_ordered(struct aggregate_rows *self, const uint32_t *members,
                                  size_t count, double *scratch, struct err *err)
{
    struct group_row row;
    enum pull got;
    group_reader_begin(&self->ordered, members, count);
    while ((got = group_reader_next(&self->ordered, &row, err)) == PULL_BATCH) {
        uint32_t series = members[row.member];
        if (self->first == UINT32_MAX &&
            point_row_any(row.values, row.histograms, self->op.grid.count))
            self->first = series;
        if (!aggregate_add_row(self, row.values, row.histograms,
                               self->op.children[0]->labels[series], scratch, err))
            return false;
    }
    return got == PULL_END;
}

/* The next `count` rows of the child, which are there: members of the group at hand. */
static bool aggregate_take_rows(struct aggregate_rows *self, const uint32_t *members, size_t count,
                                double *scratch, struct err *err)
{
    for (size_t i = 0; i < count && self->first == UINT32_MAX; i++)
        if (point_row_any(batch_row(&self->in, self->at + i),
                          batch_row_histograms(&self->in, self->at + i), self->op.grid.count))
            self->first = members[i];
    if (!aggregate_add_rows(self, members, count, scratch, err))
        return false;
    self->at += count;
    return true;
}

/* Rows are there: the child's next ones. */
static bool aggregate_fetch(struct aggregate_rows *self, struct err *err)
{
    if (self->at < self->in.row_count)
        return true;
    self->at = 0;
    return op_pull(self->op.children[0], &self->in, err) == PULL_BATCH;
}

/* The group's members where they stand in their order already. */
static bool aggregate_add_members(struct aggregate_rows *self, const uint32_t *members, size_t left,
                                  double *scratch, struct err *err)
{
    while (left > 0) {
        if (!aggregate_fetch(self, err))
            return false;
        size_t there = self->in.row_count - self->at;
        size_t count = left < there ? left : there;
        if (!aggregate_take_rows(self, members, count, scratch, err))
            return false;
        members += count;
        left -= count;
    }
    return true;
}

static void aggregate_enter(struct aggregate_rows *self, uint32_t group)
{
    self->state = self->states + group * self->kernel->arrays * self->op.grid.count;
    self->first = self->firsts[group];
}

/* Every row into its group: those next to each other in one go. */
static bool aggregate_read_all(struct aggregate_rows *self, double *scratch, struct err *err)
{
    const struct op *child = self->op.children[0];
    const uint32_t *of_series = self->groups.of_series;
    for (uint32_t group = 0; group < self->groups.count; group++) {
        self->firsts[group] = UINT32_MAX;
        aggregate_enter(self, group);
        self->kernel->begin(self->state, self->op.grid.count);
    }
    for (size_t row = 0; row < child->wanted_count;) {
        if (!aggregate_fetch(self, err))
            return false;
        const uint32_t *series = child->order + row;
        uint32_t group = of_series[series[0]];
        size_t there = self->in.row_count - self->at, count = 1;
        while (count < there && of_series[series[count]] == group)
            count++;
        aggregate_enter(self, group);
        if (!aggregate_take_rows(self, series, count, scratch, err))
            return false;
        self->firsts[group] = self->first;
        row += count;
    }
    return true;
}

/* Prometheus numbers groups as it meets them: by their first member that has a point. */
static void aggregate_place_row(struct aggregate_rows *self, uint32_t group, struct batch *out,
                                size_t at)
{
    const struct groups *groups = &self->groups;
    uint32_t before = group + 1;
    while (self->first != UINT32_MAX && before < groups->count &&
           groups_members(groups, before)[0] < self->first)
        before++;
    self->places[at] = (struct row_place){before, self->first};
    if (before > group + 1)
        out->places = self->places;
}

/* The child hands out this group's members next. */
static bool aggregate_read_group(struct aggregate_rows *self, uint32_t group, double *scratch,
                                 struct err *err)
{
    const uint32_t *members = groups_members(&self->groups, group);
    size_t count = groups_size(&self->groups, group);
    self->first = UINT32_MAX;
    self->kernel->begin(self->state, self->op.grid.count);
    return self->op.children[0]->class->places_rows
               ? aggregate_add_ordered(self, members, count, scratch, err)
               : aggregate_add_members(self, members, count, scratch, err);
}

static bool aggregate_group_row(struct aggregate_rows *self, uint32_t group, struct batch *out,
                                size_t at, struct err *err)
{
    double *row = batch_row(out, at);
    if (self->firsts)
        aggregate_enter(self, group);
    else if (!aggregate_read_group(self, group, row, err))
        return false;
    aggregate_place_row(self, group, out, at);
    self->kernel->end(self->state, row, self->op.grid.count);
    if (!self->histograms.any)
        return true;
    const struct histogram **to = tile_histograms(&self->output, out, at, err);
    return to && aggregate_histograms_end(&self->histograms, row, to, self->output.arena, err);
}

static bool aggregate_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct aggregate_rows *self = CONTAINER(struct aggregate_rows, op, op);
    struct batch out = tile_next(&self->output, op);
    if (self->firsts && !self->has_read) {
        if (!aggregate_read_all(self, batch_row(&out, 0), err))
            return false;
        self->has_read = true;
    }
    for (size_t i = 0; i < out.row_count; i++) {
        if (!aggregate_group_row(self, op->order[op->rows_done + i], &out, i, err))
            return false;
        tile_cut(&self->output, &out, i);
    }
    *ret = out;
    return true;
}

static void aggregate_close(struct op *op)
{
    struct aggregate_rows *self = CONTAINER(struct aggregate_rows, op, op);
    tile_give(&self->output);
    aggregate_histograms_done(&self->histograms);
    group_reader_done(&self->ordered);
    pool_give(op->query->pool, &op->query->budget, self->states, self->states_size);
    self->states = NULL;
}

static const bool *aggregate_holds(struct op *op)
{
    const struct aggregate_rows *self = CONTAINER(struct aggregate_rows, op, op);
    return aggregate_adds_up(self) ? groups_hold(&self->groups, op->children[0]) : NULL;
}

static const bool *aggregate_tells(struct op *op)
{
    const struct aggregate_rows *self = CONTAINER(struct aggregate_rows, op, op);
    bool counts = self->histograms.op == AGGREGATE_count || self->histograms.op == AGGREGATE_group;
    return counts ? NULL : groups_hold(&self->groups, op->children[0]);
}

static const struct op_class aggregate_class = {
    .name = "aggregate",
    .open = aggregate_open,
    .holds = aggregate_holds,
    .tells = aggregate_tells,
    .arrange = aggregate_arrange,
    .pull = aggregate_pull,
    .places_rows = true,
    .close = aggregate_close,
};

struct op *op_aggregate_new(struct query *query, struct op *child, enum aggregate_op op,
                            const struct grouping *grouping, size_t expr_begin)
{
    struct aggregate_rows *self = arena_new(query->arena, struct aggregate_rows);
    op_init(&self->op, &aggregate_class, query, &child->grid);
    op_add_child(&self->op, child);
    self->kernel = aggregate_kernel(op);
    assert(self->kernel);
    self->grouping = *grouping;
    self->histograms = (struct aggregate_histograms){
        .query = query,
        .step_count = child->grid.count,
        .op = op,
        .begin = expr_begin,
    };
    return &self->op;
}
