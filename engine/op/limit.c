/*
 * limitk over many steps needs a group's rows in natural order, and gives them in another: a group
 * is read when the first of its series is due, and the rows in which a point is left are held. No
 * more than k have one at a step.
 */
#include "engine/op/limit.h"

#include <string.h>

#include "engine/fn/go_heap.h"
#include "engine/op/group_reader.h"
#include "engine/op/histogram_row.h"
#include "engine/op/names.h"
#include "engine/op/param.h"
#include "engine/op/row_store.h"
#include "engine/op/tile.h"
#include "model/notes.h"
#include "model/sample.h"

struct limit {
    struct op op;
    struct grouping grouping;
    struct groups groups;
    struct param param;
    bool by_ratio;
    size_t param_begin;

    /* One step: what was chosen, as series of the child. */
    uint32_t *source;

    double *hashes; /* limit_ratio: by series of the child */

    /* limitk over many steps. */
    size_t *k;        /* by step */
    uint32_t *counts; /* by step: points of the group at hand */
    bool *is_read;    /* by group */
    bool *is_wanted;  /* by series */
    struct held_row *held;
    struct row_store store;
    struct group_reader in;
    struct tile output;
};

/* Prometheus cuts ratios to [-1, 1]; in [-1, 0) the last hashes are meant. */
static bool ratio_takes(double ratio, double hash)
{
    if (ratio == 0)
        return false;
    if (ratio > 0)
        return hash < (ratio > 1 ? 1 : ratio);
    return hash >= 1 + (ratio < -1 ? -1 : ratio);
}

static double *limit_hashes(const struct op *child)
{
    const struct query *query = child->query;
    double *hashes = arena_array(query->arena, double, child->series_count);
    AUTO(buf_done) struct buf scratch = {0};
    for (size_t i = 0; i < child->series_count; i++)
        hashes[i] =
            (double)labels_prometheus_hash(query->symbols, child->labels[i], &scratch) / 0x1p64;
    return hashes;
}

static bool limit_check_ratio(const struct limit *self, struct err *err)
{
    struct annotations *notes = &self->op.query->annotations;
    if (self->param.has_nan)
        return err_set(err, ERR_EXECUTION, "Ratio value is NaN");
    if (self->param.max > 1)
        note_ratio(notes, self->param_begin, self->param.max, 1);
    if (self->param.min < -1)
        note_ratio(notes, self->param_begin, self->param.min, -1);
    return true;
}

/* One step: Prometheus leaves the points of a group in the order of a heap by value. */
static bool limit_open_one_step(struct limit *self, struct err *err)
{
    struct op *op = &self->op;
    const struct op *child = op->children[0];
    struct arena *arena = op->query->arena;
    size_t k = self->by_ratio ? child->series_count
                              : param_count(self->param.steps[0], child->series_count);
    struct go_item *items = arena_array(arena, struct go_item, child->series_count);
    self->source = arena_array(arena, uint32_t, child->series_count);
    op->labels = arena_array(arena, const struct labels *, child->series_count);
    if (!arena_check(arena, err))
        return false;

    for (size_t group = 0; k > 0 && group < self->groups.count; group++) {
        const uint32_t *members = groups_members(&self->groups, group);
        struct go_heap heap = {.items = items};
        for (size_t i = 0; i < groups_size(&self->groups, group) && heap.count < k; i++) {
            double v = child->settled[members[i]];
            if (!self->by_ratio || ratio_takes(self->param.steps[0], self->hashes[members[i]]))
                go_heap_offer(&heap, k, value_is_stale(v) ? 0 : v, members[i]);
        }
        for (size_t i = 0; i < heap.count; i++) {
            op->labels[op->series_count] = child->labels[items[i].index];
            self->source[op->series_count++] = items[i].index;
        }
    }
    return names_follow(op, child, self->source, err);
}

static bool limit_open_many_steps(struct limit *self, struct err *err)
{
    struct op *op = &self->op;
    const struct op *child = op->children[0];
    struct arena *arena = op->query->arena;
    op->labels = child->labels;
    op->series_count = child->series_count;
    op->drops_name = child->drops_name;
    if (self->by_ratio)
        return true;

    self->k = arena_array(arena, size_t, op->grid.count);
    for (size_t s = 0; s < op->grid.count; s++)
        self->k[s] = param_count(self->param.steps[s], op->series_count);
    self->counts = arena_array(arena, uint32_t, op->grid.count);
    self->is_read = arena_array(arena, bool, self->groups.count);
    self->is_wanted = arena_array(arena, bool, op->series_count);
    self->held = arena_array(arena, struct held_row, op->series_count);
    row_store_init(&self->store, op->query, op->grid.count);
    return arena_check(arena, err);
}

static bool limit_open(struct op *op, struct err *err)
{
    struct limit *self = CONTAINER(struct limit, op, op);
    struct op *child = op->children[0];
    if (!param_read(&self->param, op->children[1], err) || !op_open(child, err))
        return false;
    group_reader_init(&self->in, child);
    if (self->by_ratio ? self->param.max == 0 && self->param.min == 0 : self->param.max < 1)
        return true;
    if (self->by_ratio) {
        if (!limit_check_ratio(self, err))
            return false;
        self->hashes = limit_hashes(child);
    } else if (!param_check_count(&self->param, err)) {
        return false;
    }
    if (!groups_init(&self->groups, &self->grouping, child, err))
        return false;
    return op->grid.count == 1 ? limit_open_one_step(self, err) : limit_open_many_steps(self, err);
}

/* The wanted series' groups, in the order in which they are first due. */
static size_t limit_group_order(struct limit *self, uint32_t *group_order)
{
    bool *queued = arena_array(self->op.query->arena, bool, self->groups.count);
    size_t count = 0;
    for (size_t i = 0; i < self->op.order_count; i++) {
        uint32_t series = self->op.order[i];
        uint32_t group = self->groups.of_series[series];
        self->is_wanted[series] = true;
        if (!queued[group])
            group_order[count++] = group;
        queued[group] = true;
    }
    return count;
}

static bool limit_arrange(struct op *op, struct err *err)
{
    struct limit *self = CONTAINER(struct limit, op, op);
    struct arena *arena = op->query->arena;
    if (self->source) {
        uint32_t *order = arena_array(arena, uint32_t, op->order_count);
        for (size_t i = 0; i < op->order_count; i++)
            order[i] = self->source[op->order[i]];
        return arena_check(arena, err) && op_arrange(op->children[0], order, op->order_count, err);
    }
    if (self->by_ratio || op->order_count == 0)
        return op_arrange_as_child(op, err);

    uint32_t *group_order = arena_array(arena, uint32_t, self->groups.count);
    if (!arena_check(arena, err) || !tile_take_for(&self->output, op, err))
        return false;
    size_t count = limit_group_order(self, group_order);
    return groups_arrange(&self->groups, op->children[0], group_order, count, err);
}

/* Takes away the points for which there is no more room; true if one is left. */
static bool limit_cut_row(struct limit *self, double *row, const struct histogram **histograms)
{
    bool any = false;
    for (size_t s = 0; s < self->op.grid.count; s++) {
        if (value_is_stale(row[s]) && !(histograms && histograms[s]))
            continue;
        if (self->counts[s] < self->k[s]) {
            self->counts[s]++;
            any = true;
            continue;
        }
        row[s] = value_stale();
        if (histograms)
            histograms[s] = NULL;
    }
    return any;
}

/* The child hands out the group's members next. */
static bool limit_read_group(struct limit *self, uint32_t group, struct err *err)
{
    const uint32_t *members = groups_members(&self->groups, group);
    memset(self->counts, 0, self->op.grid.count * sizeof *self->counts);
    group_reader_begin(&self->in, members, groups_size(&self->groups, group));
    struct group_row row;
    enum pull got;
    while ((got = group_reader_next(&self->in, &row, err)) == PULL_BATCH) {
        uint32_t series = members[row.member];
        bool any = limit_cut_row(self, row.values, row.histograms);
        if (any && self->is_wanted[series] &&
            !row_store_hold(&self->store, row.values, row.histograms, &self->held[series], err))
            return false;
    }
    self->is_read[group] = true;
    return got == PULL_END;
}

static bool limit_series_row(struct limit *self, uint32_t series, struct batch *out, size_t at,
                             struct err *err)
{
    uint32_t group = self->groups.of_series[series];
    if (!self->is_read[group] && !limit_read_group(self, group, err))
        return false;
    struct held_row *held = &self->held[series];
    if (!held->values) {
        for (size_t s = 0; s < out->step_count; s++)
            batch_row(out, at)[s] = value_stale();
        return true;
    }
    memcpy(batch_row(out, at), held->values, out->step_count * sizeof *held->values);
    bool copied = tile_copy(&self->output, out, at, held->histograms, err);
    row_store_drop(&self->store, held);
    return copied;
}

static bool limitk_pull(struct limit *self, struct batch *ret, struct err *err)
{
    struct op *op = &self->op;
    struct batch out = tile_next(&self->output, op);
    for (size_t i = 0; i < out.row_count; i++) {
        if (!limit_series_row(self, op->order[op->rows_done + i], &out, i, err))
            return false;
        tile_cut(&self->output, &out, i);
    }
    *ret = out;
    return true;
}

static bool limit_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct limit *self = CONTAINER(struct limit, op, op);
    if (!self->source && !self->by_ratio)
        return limitk_pull(self, ret, err);
    if (op_pull(op->children[0], ret, err) != PULL_BATCH)
        return false;
    if (self->source)
        return true;
    for (size_t i = 0; i < ret->row_count; i++) {
        double hash = self->hashes[op->order[op->rows_done + i]];
        const struct histogram **histograms = batch_row_histograms(ret, i);
        for (size_t s = 0; s < ret->step_count; s++) {
            if (ratio_takes(self->param.steps[s], hash))
                continue;
            batch_row(ret, i)[s] = value_stale();
            if (histograms)
                histograms[s] = NULL;
        }
    }
    return true;
}

static void limit_close(struct op *op)
{
    struct limit *self = CONTAINER(struct limit, op, op);
    for (size_t i = 0; self->held && i < op->children[0]->series_count; i++)
        row_store_drop(&self->store, &self->held[i]);
    row_store_done(&self->store);
    group_reader_done(&self->in);
    tile_give(&self->output);
}

static const struct op_class limit_class = {
    .name = "limit",
    .open = limit_open,
    .holds = op_holds_as_child,
    .arrange = limit_arrange,
    .pull = limit_pull,
    .close = limit_close,
};

static struct limit *limit_new(struct query *query, struct op *child, struct op *param,
                               const struct grouping *grouping)
{
    struct limit *self = arena_new(query->arena, struct limit);
    op_init(&self->op, &limit_class, query, &child->grid);
    op_add_child(&self->op, child);
    op_add_child(&self->op, param);
    self->grouping = *grouping;
    return self;
}

struct op *op_limitk_new(struct query *query, struct op *child, struct op *param,
                         const struct grouping *grouping)
{
    return &limit_new(query, child, param, grouping)->op;
}

struct op *op_limit_ratio_new(struct query *query, struct op *child, struct op *param,
                              const struct grouping *grouping, size_t param_begin)
{
    struct limit *self = limit_new(query, child, param, grouping);
    self->by_ratio = true;
    self->param_begin = param_begin;
    return &self->op;
}
