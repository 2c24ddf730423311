/*
 * Whether a series is alone at a step depends on all others of its match group: so a group is read
 * as a whole, with the first of its results that is due, and all its results are worked out.
 */
#include "engine/op/join_fill.h"

#include <assert.h>
#include <string.h>

#include "engine/op/histogram_row.h"
#include "engine/op/join_clash.h"
#include "engine/op/join_plan.h"
#include "engine/op/join_points.h"
#include "engine/op/names.h"
#include "engine/op/presence.h"
#include "engine/op/query_map.h"
#include "engine/op/row_store.h"
#include "engine/op/tile.h"
#include "model/sample.h"

/* Two series that meet; JOIN_NONE stands for the fill value. */
struct fill_pair {
    uint32_t group;
    uint32_t many, one;
    uint32_t next;     /* the group's next pair */
    uint32_t conflict; /* of the group's pairs, those that may not both have a point */
};

struct join_fill {
    struct op op;
    struct join_plan plan;
    struct join_points points;
    struct join_clash clash;
    struct fill_values fill; /* left: for the many side, right: for the one side */

    struct fill_pair *pairs; /* by series of the result */
    uint32_t *group_first;   /* pairs, chained */
    uint32_t *group_last;
    uint32_t *group_conflicts;
    bool *is_done; /* by group */

    struct held_row *many, *one; /* of the group at hand, by series */
    double *alone;               /* the fill value where it stands for a partner */
    uint64_t *one_there;         /* at which steps the group has a point there, */
    uint64_t *matched;           /* and where two met */
    struct tile scratch;         /* one result */
    struct held_row *held;       /* results to come; empty: it has no point */
    struct row_store store;
    struct row_reader many_rows, one_rows;
    struct tile output;
};

static bool join_fill_add_pair(struct join_fill *self, struct labels_builder *builder,
                               uint32_t group, uint32_t many, uint32_t one, struct err *err)
{
    struct op *op = &self->op;
    const struct join_plan *plan = &self->plan;
    uint32_t index = (uint32_t)op->series_count++;
    self->pairs[index] = (struct fill_pair){group, many, one, JOIN_NONE, 0};
    if (self->group_first[group] == JOIN_NONE)
        self->group_first[group] = index;
    else
        self->pairs[self->group_last[group]].next = index;
    self->group_last[group] = index;

    /* A filled side has the labels by which the group meets. */
    const struct labels *alone = plan->many.labels[group];
    op->labels[index] =
        join_plan_labels(plan, builder, many == JOIN_NONE ? alone : plan->many_op->labels[many],
                         one == JOIN_NONE ? alone : plan->one_op->labels[one]);
    return arena_check(op->query->arena, err);
}

static bool join_fill_reserve(struct join_fill *self, struct err *err)
{
    const struct join_plan *plan = &self->plan;
    struct op *op = &self->op;
    struct arena *arena = op->query->arena;
    size_t count = plan->many_op->series_count + plan->one_op->series_count;
    for (size_t g = 0; g < plan->many.count; g++)
        count += groups_size(&plan->many, g) * groups_size(&plan->one, g);
    if (count >= JOIN_NONE)
        return err_set(err, ERR_LIMIT, "vector matching gives %zu series, at most %u", count,
                       JOIN_NONE - 1);
    size_t bytes = count * (sizeof *self->pairs + sizeof *op->labels + sizeof *self->held);
    if (!budget_charge(&op->query->budget, bytes, err))
        return false;
    budget_release(&op->query->budget, bytes);
    self->pairs = arena_array(arena, struct fill_pair, count);
    self->held = arena_array(arena, struct held_row, count);
    op->labels = arena_array(arena, const struct labels *, count);
    self->group_first = arena_array(arena, uint32_t, plan->many.count);
    self->group_last = arena_array(arena, uint32_t, plan->many.count);
    self->group_conflicts = arena_array(arena, uint32_t, plan->many.count);
    memset(self->group_first, 0xff, plan->many.count * sizeof *self->group_first);
    return arena_check(arena, err);
}

/* In Prometheus's order: the many side's series with their partners, then those of the one side. */
static bool join_fill_pairs(struct join_fill *self, struct err *err)
{
    const struct join_plan *plan = &self->plan;
    AUTO(labels_builder_done) struct labels_builder builder = {0};
    bool good = join_fill_reserve(self, err);
    for (uint32_t i = 0; good && i < plan->many_op->series_count; i++) {
        uint32_t group = plan->many.of_series[i];
        const uint32_t *members = groups_members(&plan->one, group);
        for (size_t k = 0; good && k < groups_size(&plan->one, group); k++)
            good = join_fill_add_pair(self, &builder, group, i, members[k], err);
        if (good && self->fill.has_right)
            good = join_fill_add_pair(self, &builder, group, i, JOIN_NONE, err);
    }
    for (uint32_t i = 0; good && self->fill.has_left && i < plan->one_op->series_count; i++)
        good = join_fill_add_pair(self, &builder, plan->one.of_series[i], JOIN_NONE, i, err);
    return good;
}

/* Which results of a group may not both have a point: all; with group_*, those of equal labels. */
static bool join_fill_conflicts(struct join_fill *self, struct err *err)
{
    const struct op *op = &self->op;
    for (size_t g = 0; g < self->plan.many.count; g++)
        self->group_conflicts[g] = self->plan.card == CARD_ONE_TO_ONE;
    if (self->plan.card == CARD_ONE_TO_ONE)
        return true;

    AUTO(query_map_done) struct query_map found = {.query = op->query};
    for (uint32_t i = 0; i < op->series_count; i++) {
        struct fill_pair *pair = &self->pairs[i];
        uint64_t hash = labels_hash(op->labels[i]) + pair->group;
        struct map_probe at = map_find(&found.map, hash);
        while (map_hit(&found.map, &at) && (self->pairs[at.index].group != pair->group ||
                                            !labels_equal(op->labels[at.index], op->labels[i])))
            map_next(&found.map, &at);
        if (map_hit(&found.map, &at)) {
            pair->conflict = self->pairs[at.index].conflict;
            continue;
        }
        pair->conflict = self->group_conflicts[pair->group]++;
        if (!query_map_insert(&found, hash, i, err))
            return false;
    }
    return true;
}

static bool join_fill_open(struct op *op, struct err *err)
{
    struct join_fill *self = CONTAINER(struct join_fill, op, op);
    struct join_plan *plan = &self->plan;
    struct op *many = op->children[self->points.swapped];
    struct op *one = op->children[!self->points.swapped];
    if (!op_open(op->children[0], err) || !op_open(op->children[1], err) ||
        !groups_init_both(&plan->many, &plan->one, &plan->signature, many, one, err))
        return false;
    plan->many_op = many;
    plan->one_op = one;
    if (op->grid.count == 1 && !join_clash_check_settled(plan, err))
        return false;
    self->many_rows.op = many;
    self->one_rows.op = one;
    if (!join_fill_pairs(self, err) || !join_fill_conflicts(self, err))
        return false;

    struct arena *arena = op->query->arena;
    size_t words = presence_words(op->grid.count);
    self->is_done = arena_array(arena, bool, plan->many.count);
    self->many = arena_array(arena, struct held_row, many->series_count);
    self->one = arena_array(arena, struct held_row, one->series_count);
    self->one_there = arena_array(arena, uint64_t, words);
    self->matched = arena_array(arena, uint64_t, words);
    row_store_init(&self->store, op->query, op->grid.count);
    join_clash_init(&self->clash, plan, op->grid.count);
    memset(self->clash.many, 0xff, words * sizeof(uint64_t));
    return !self->points.arith.return_bool || !op->query->modes.delayed_names ||
           names_drop(op, METADATA_DROPPED, err);
}

/* The child hands out a group's members next; their points are added to `there`, if asked for. */
static bool join_fill_read(struct join_fill *self, struct row_reader *rows,
                           const struct groups *groups, size_t group, struct held_row *held,
                           struct err *err)
{
    const uint32_t *members = groups_members(groups, group);
    for (size_t i = 0; i < groups_size(groups, group); i++) {
        double *row;
        if (row_reader_next(rows, &row, err) != PULL_BATCH ||
            !row_store_hold(&self->store, row, rows->histograms, &held[members[i]], err))
            return false;
        if (held != self->one)
            continue;
        presence_add(self->one_there, row, rows->histograms, self->op.grid.count);
        if (!join_clash_add_one(&self->clash, members[i], (struct point_row){row, rows->histograms},
                                err))
            return false;
    }
    return true;
}

static void join_fill_drop(struct join_fill *self, const struct groups *groups, size_t group,
                           struct held_row *held)
{
    const uint32_t *members = groups_members(groups, group);
    for (size_t i = 0; i < groups_size(groups, group); i++)
        row_store_drop(&self->store, &held[members[i]]);
}

/* The fill value at the steps whose bit is not set. */
static struct point_row join_fill_alone(struct join_fill *self, double value, const uint64_t *bits)
{
    for (size_t s = 0; s < self->op.grid.count; s++)
        self->alone[s] = bits[s / 64] >> s % 64 & 1 ? value_stale() : value;
    return (struct point_row){self->alone, NULL};
}

static struct point_row join_fill_row(const struct held_row *held)
{
    return (struct point_row){held->values, held->histograms};
}

/* Works a pair out, and holds what comes out if it has a point. */
static bool join_fill_meet(struct join_fill *self, uint32_t index, uint64_t *seen, struct err *err)
{
    const struct fill_pair *pair = &self->pairs[index];
    const struct join_meeting meeting = {
        .place = index,
        .many = pair->many == JOIN_NONE ? join_fill_alone(self, self->fill.left, self->matched)
                                        : join_fill_row(&self->many[pair->many]),
        .one = pair->one == JOIN_NONE ? join_fill_alone(self, self->fill.right, self->one_there)
                                      : join_fill_row(&self->one[pair->one]),
    };
    tile_begin(&self->scratch);
    struct batch out = tile_batch(&self->scratch, 1);
    const uint64_t *failed;
    if (!join_points_meet(&self->points, &meeting, &self->scratch, &out, 0, &failed, err))
        return false;
    if (!join_points_mark(&self->points, &meeting, failed, seen,
                          pair->many == JOIN_NONE ? NULL : self->matched))
        return join_plan_conflict_error(&self->plan, err);
    return !point_row_any(out.values, out.histograms, out.step_count) ||
           row_store_hold(&self->store, out.values, out.histograms, &self->held[index], err);
}

static bool join_fill_group(struct join_fill *self, size_t group, struct err *err)
{
    const struct join_plan *plan = &self->plan;
    size_t words = presence_words(self->op.grid.count);
    memset(self->one_there, 0, words * sizeof(uint64_t));
    memset(self->matched, 0, words * sizeof(uint64_t));
    join_clash_begin_group(&self->clash);
    if (!join_fill_read(self, &self->many_rows, &plan->many, group, self->many, err) ||
        !join_fill_read(self, &self->one_rows, &plan->one, group, self->one, err))
        return false;

    AUTO(arena_destroy) struct arena *arena = arena_create(&self->op.query->budget);
    uint64_t *seen = arena_array(arena, uint64_t, self->group_conflicts[group] * words);
    bool good = arena_check(arena, err);
    for (uint32_t i = self->group_first[group]; good && i != JOIN_NONE; i = self->pairs[i].next)
        good = join_fill_meet(self, i, seen + self->pairs[i].conflict * words, err);
    join_fill_drop(self, &plan->many, group, self->many);
    join_fill_drop(self, &plan->one, group, self->one);
    self->is_done[group] = true;
    return good && query_alive(self->op.query, err);
}

/* The groups, each once: first those of which nobody wants a result, since they may be in error. */
static uint32_t *join_fill_work(const struct join_fill *self, size_t *ret_unwanted_count)
{
    const struct op *op = &self->op;
    size_t groups = self->plan.many.count;
    uint32_t *work = arena_array(op->query->arena, uint32_t, groups);
    bool *wanted = arena_array(op->query->arena, bool, groups);
    size_t count = 0;
    for (size_t i = 0; i < op->order_count; i++)
        wanted[self->pairs[op->order[i]].group] = true;
    for (size_t g = 0; g < groups; g++)
        if (!wanted[g])
            work[count++] = (uint32_t)g;
    *ret_unwanted_count = count;
    for (size_t i = 0; i < op->order_count; i++) {
        uint32_t group = self->pairs[op->order[i]].group;
        if (wanted[group])
            work[count++] = group;
        wanted[group] = false;
    }
    return work;
}

static bool join_fill_arrange(struct op *op, struct err *err)
{
    struct join_fill *self = CONTAINER(struct join_fill, op, op);
    const struct join_plan *plan = &self->plan;
    size_t unwanted_count;
    const uint32_t *work = join_fill_work(self, &unwanted_count);
    self->alone = op_take_row(op, err);
    if (!self->alone || !tile_take(&self->scratch, op->query, 1, op->grid.count, err) ||
        !arena_check(op->query->arena, err) || !tile_take_for(&self->output, op, err) ||
        !groups_arrange(&plan->many, self->many_rows.op, work, plan->many.count, err) ||
        !groups_arrange(&plan->one, self->one_rows.op, work, plan->one.count, err))
        return false;
    for (size_t i = 0; i < unwanted_count; i++) {
        if (!join_fill_group(self, work[i], err))
            return false;
        for (uint32_t k = self->group_first[work[i]]; k != JOIN_NONE; k = self->pairs[k].next)
            row_store_drop(&self->store, &self->held[k]);
    }
    if (op->order_count == 0)
        join_points_note(&self->points);
    return true;
}

static bool join_fill_give(struct join_fill *self, uint32_t series, struct batch *out, size_t at,
                           struct err *err)
{
    uint32_t group = self->pairs[series].group;
    if (!self->is_done[group] && !join_fill_group(self, group, err))
        return false;
    struct held_row *held = &self->held[series];
    double *row = batch_row(out, at);
    for (size_t s = 0; s < out->step_count; s++)
        row[s] = held->values ? held->values[s] : value_stale();
    bool good = tile_copy(&self->output, out, at, held->histograms, err);
    row_store_drop(&self->store, held);
    return good;
}

static bool join_fill_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct join_fill *self = CONTAINER(struct join_fill, op, op);
    struct batch out = tile_next(&self->output, op);
    for (size_t i = 0; i < out.row_count; i++) {
        if (!join_fill_give(self, op->order[op->rows_done + i], &out, i, err))
            return false;
        tile_cut(&self->output, &out, i);
    }
    if (op->rows_done + out.row_count == op->order_count)
        join_points_note(&self->points);
    *ret = out;
    return true;
}

static void join_fill_drop_all(struct row_store *store, struct held_row *held, size_t count)
{
    for (size_t i = 0; held && i < count; i++)
        row_store_drop(store, &held[i]);
}

static void join_fill_close(struct op *op)
{
    struct join_fill *self = CONTAINER(struct join_fill, op, op);
    if (self->many && self->one) {
        join_fill_drop_all(&self->store, self->many, self->plan.many_op->series_count);
        join_fill_drop_all(&self->store, self->one, self->plan.one_op->series_count);
    }
    join_fill_drop_all(&self->store, self->held, op->series_count);
    row_store_done(&self->store);
    tile_give(&self->output);
    tile_give(&self->scratch);
    op_give_row(op, self->alone);
    self->alone = NULL;
}

static const bool *join_fill_holds(struct op *op)
{
    const struct join_fill *self = CONTAINER(struct join_fill, op, op);
    const bool *many = op_holds(self->many_rows.op), *one = op_holds(self->one_rows.op);
    if (!many && !one)
        return NULL;
    bool *holds = arena_array(op->query->arena, bool, op->series_count);
    for (size_t i = 0; i < op->series_count; i++) {
        const struct fill_pair *pair = &self->pairs[i];
        holds[i] = (many && pair->many != JOIN_NONE && many[pair->many]) ||
                   (one && pair->one != JOIN_NONE && one[pair->one]);
    }
    return holds;
}

static const bool *join_fill_tells(struct op *op)
{
    return join_points_tells(&CONTAINER(struct join_fill, op, op)->points, op);
}

static const struct op_class join_fill_class = {
    .name = "join_fill",
    .open = join_fill_open,
    .holds = join_fill_holds,
    .tells = join_fill_tells,
    .arrange = join_fill_arrange,
    .pull = join_fill_pull,
    .close = join_fill_close,
};

struct op *op_join_fill_new(struct query *query, struct op *left, struct op *right,
                            const struct binary *binary, size_t begin)
{
    const struct vector_matching *matching = binary->matching;
    assert(matching->card != CARD_MANY_TO_MANY);
    struct join_fill *self = arena_new(query->arena, struct join_fill);
    op_init(&self->op, &join_fill_class, query, &left->grid);
    op_add_child(&self->op, left);
    op_add_child(&self->op, right);
    self->points = join_points_of(query, &left->grid, binary, begin);
    /* Prometheus's `left` is the many side here, also with group_right. */
    self->fill = matching->fill;
    join_plan_init(&self->plan, query, matching, join_plan_drops_name(query, binary));
    return &self->op;
}
