/*
 * A hash join whose sides can be had in any order: both are asked for their rows in the order in
 * which the results need them, so that a row is held only from its first use to its last, and not
 * at all if there is but one.
 *
 * The work is a list of pairs: first those that are not wanted but may be in conflict with another,
 * which happens to them while arranging; then the wanted ones, in their order. Duplicates of the
 * one side need more: Prometheus sees them at any step at which the other side has a point,
 * partner or not, so that then everything is read.
 */
#include "engine/op/join.h"

#include <assert.h>
#include <string.h>

#include "engine/op/join_clash.h"
#include "engine/op/join_plan.h"
#include "engine/op/join_points.h"
#include "engine/op/names.h"
#include "engine/op/presence.h"
#include "engine/op/row_store.h"
#include "engine/op/tile.h"
#include "model/sample.h"

struct join {
    struct op op;
    struct join_plan plan;
    struct join_points points;

    /* How often the pairs to come use each; and what is held for them, NULL if nothing. */
    uint32_t *many_uses, *class_uses, *conflict_uses;
    struct held_row *many_held, *class_held;
    uint64_t **conflict_seen;

    struct row_reader many_rows, one_rows;
    struct row_store rows;
    struct row_store bits;
    struct tile output;
    struct tile scratch; /* for pairs that are not wanted */
    struct join_clash clash;
};

static bool join_open(struct op *op, struct err *err)
{
    struct join *self = CONTAINER(struct join, op, op);
    struct join_plan *plan = &self->plan;
    struct op *many = op->children[self->points.swapped];
    struct op *one = op->children[!self->points.swapped];
    if (!op_open(op->children[0], err) || !op_open(op->children[1], err) ||
        !join_plan_open(plan, many, one, err))
        return false;
    if (op->grid.count == 1 && many->series_count > 0 && !join_clash_check_settled(plan, err))
        return false;
    self->many_rows.op = many;
    self->one_rows.op = one;
    op->labels = plan->labels;
    op->series_count = plan->pair_count;

    struct arena *arena = op->query->arena;
    self->many_uses = arena_array(arena, uint32_t, plan->many_op->series_count);
    self->many_held = arena_array(arena, struct held_row, plan->many_op->series_count);
    self->class_uses = arena_array(arena, uint32_t, plan->class_count);
    self->class_held = arena_array(arena, struct held_row, plan->class_count);
    self->conflict_uses = arena_array(arena, uint32_t, plan->conflict_count);
    self->conflict_seen = arena_array(arena, uint64_t *, plan->conflict_count);
    row_store_init(&self->rows, op->query, op->grid.count);
    row_store_init(&self->bits, op->query, presence_words(op->grid.count));
    if (plan->may_clash)
        join_clash_init(&self->clash, plan, op->grid.count);
    /* Names go at once, but for those that `bool` takes away. */
    return !self->points.arith.return_bool || !op->query->modes.delayed_names ||
           names_drop(op, METADATA_DROPPED, err);
}

/* The pairs to go through: first what may hold an error though it is not wanted. */
struct join_work {
    uint32_t *pairs;
    size_t silent_count;
    size_t count;
    uint32_t *many_order, *one_order;
    size_t many_count, one_count;
    size_t bare_count;     /* of many_order: series read for their presence only */
    uint32_t *lone_groups; /* whose one side is read for its duplicates only */
    size_t lone_count;
};

static void join_work_pairs(const struct join *self, struct join_work *work)
{
    const struct op *op = &self->op;
    const struct join_plan *plan = &self->plan;
    work->pairs = arena_array(op->query->arena, uint32_t, plan->pair_count);
    uint8_t *wanted = arena_array(op->query->arena, uint8_t, plan->pair_count);
    for (size_t i = 0; i < op->order_count; i++)
        wanted[op->order[i]] = 1;
    for (size_t i = 0; i < plan->pair_count; i++)
        if (!wanted[i] && (plan->may_clash || plan->pairs[i].conflict != JOIN_NONE))
            work->pairs[work->count++] = (uint32_t)i;
    work->silent_count = work->count;
    for (size_t i = 0; i < op->order_count; i++)
        work->pairs[work->count++] = op->order[i];
}

static void join_work_add_group(const struct join_plan *plan, struct join_work *work, size_t group)
{
    size_t size = groups_size(&plan->one, group);
    memcpy(work->one_order + work->one_count, groups_members(&plan->one, group),
           size * sizeof *work->one_order);
    work->one_count += size;
}

/* Where duplicates are possible: what else they may depend on. */
static void join_work_strays(const struct join_plan *plan, struct join_work *work)
{
    for (size_t i = 0; i < plan->many_op->series_count; i++)
        if (groups_size(&plan->one, plan->many.of_series[i]) == 0)
            work->many_order[work->many_count++] = (uint32_t)i;
    work->bare_count = work->many_count;

    work->lone_groups = arena_array(plan->query->arena, uint32_t, plan->one.count);
    for (size_t group = 0; group < plan->one.count; group++) {
        if (groups_size(&plan->many, group) > 0 || groups_size(&plan->one, group) < 2)
            continue;
        work->lone_groups[work->lone_count++] = (uint32_t)group;
        join_work_add_group(plan, work, group);
    }
}

/* Both sides' orders, each series where the work first needs it; counts the uses. */
static void join_work_order(struct join *self, struct join_work *work)
{
    const struct join_plan *plan = &self->plan;
    struct arena *arena = self->op.query->arena;
    work->many_order = arena_array(arena, uint32_t, plan->many_op->series_count);
    work->one_order = arena_array(arena, uint32_t, plan->one_op->series_count);
    uint8_t *group_done = arena_array(arena, uint8_t, plan->one.count);
    if (plan->may_clash)
        join_work_strays(plan, work);

    for (size_t i = 0; i < work->count; i++) {
        const struct join_pair *pair = &plan->pairs[work->pairs[i]];
        uint32_t group = plan->class_group[pair->class];
        if (self->many_uses[pair->many]++ == 0)
            work->many_order[work->many_count++] = pair->many;
        if (!group_done[group])
            join_work_add_group(plan, work, group);
        group_done[group] = 1;
        self->class_uses[pair->class]++;
        if (pair->conflict != JOIN_NONE)
            self->conflict_uses[pair->conflict]++;
    }
}

/* The next row; without values if there is an error. */
static struct point_row join_read(struct row_reader *rows, struct err *err)
{
    double *row;
    if (row_reader_next(rows, &row, err) != PULL_BATCH)
        return (struct point_row){0};
    return (struct point_row){row, rows->histograms};
}

static struct point_row join_held(const struct held_row *held)
{
    return (struct point_row){held->values, held->histograms};
}

static struct point_row join_hold(struct join *self, struct point_row row, struct held_row *held,
                                  struct err *err)
{
    if (!row_store_hold(&self->rows, row.values, row.histograms, held, err))
        return (struct point_row){0};
    return join_held(held);
}

/* The row of a series of the many side: the next one there, unless it is held. */
static struct point_row join_many_row(struct join *self, uint32_t many, struct err *err)
{
    if (self->many_held[many].values)
        return join_held(&self->many_held[many]);
    struct point_row row = join_read(&self->many_rows, err);
    if (!row.values || (self->plan.may_clash && !join_clash_add_many(&self->clash, row, err)))
        return (struct point_row){0};
    if (self->many_uses[many] > 1)
        return join_hold(self, row, &self->many_held[many], err);
    return row;
}

/* A row without a point for each class of the group that is used. */
static bool join_hold_classes(struct join *self, uint32_t group, struct err *err)
{
    const struct join_plan *plan = &self->plan;
    for (uint32_t c = plan->class_begin[group]; c < plan->class_begin[group + 1]; c++) {
        if (self->class_uses[c] == 0)
            continue;
        double *row = self->class_held[c].values = row_store_take(&self->rows, err);
        if (!row)
            return false;
        for (size_t i = 0; i < self->op.grid.count; i++)
            row[i] = value_stale();
    }
    return true;
}

/* Reads a group with several series of the one side; holds a row for each class that is used. */
static bool join_read_group(struct join *self, uint32_t group, struct err *err)
{
    const struct join_plan *plan = &self->plan;
    if (!join_hold_classes(self, group, err))
        return false;
    join_clash_begin_group(&self->clash);
    const uint32_t *members = groups_members(&plan->one, group);
    for (size_t k = 0; k < groups_size(&plan->one, group); k++) {
        uint32_t one = members[k];
        struct point_row row = join_read(&self->one_rows, err);
        if (!row.values || !join_clash_add_one(&self->clash, one, row, err))
            return false;
        struct held_row *held = &self->class_held[plan->class_of[one]];
        if (held->values && !row_store_merge(&self->rows, held, row.values, row.histograms, err))
            return false;
    }
    return true;
}

static struct point_row join_class_row(struct join *self, uint32_t class, struct err *err)
{
    struct held_row *held = &self->class_held[class];
    if (held->values)
        return join_held(held);
    uint32_t group = self->plan.class_group[class];
    if (groups_size(&self->plan.one, group) > 1)
        return join_read_group(self, group, err) ? join_held(held) : (struct point_row){0};
    struct point_row row = join_read(&self->one_rows, err);
    if (row.values && self->class_uses[class] > 1)
        return join_hold(self, row, held, err);
    return row;
}

/* Of the pairs of one conflict no two may have a result at one step. */
static bool join_conflict_check(struct join *self, uint32_t conflict,
                                const struct join_meeting *meeting, const uint64_t *failed,
                                struct err *err)
{
    uint64_t *seen = self->conflict_seen[conflict];
    if (!seen) {
        seen = (uint64_t *)(void *)row_store_take(&self->bits, err);
        if (!seen)
            return false;
        memset(seen, 0, presence_words(self->op.grid.count) * sizeof *seen);
        self->conflict_seen[conflict] = seen;
    }
    return join_points_mark(&self->points, meeting, failed, seen, NULL) ||
           join_plan_conflict_error(&self->plan, err);
}

static void join_release(struct join *self, const struct join_pair *pair)
{
    if (--self->many_uses[pair->many] == 0)
        row_store_drop(&self->rows, &self->many_held[pair->many]);
    if (--self->class_uses[pair->class] == 0)
        row_store_drop(&self->rows, &self->class_held[pair->class]);
    if (pair->conflict != JOIN_NONE && --self->conflict_uses[pair->conflict] == 0) {
        row_store_give(&self->bits, (double *)(void *)self->conflict_seen[pair->conflict]);
        self->conflict_seen[pair->conflict] = NULL;
    }
}

/* One pair of the work, into a row of the batch. */
static bool join_do(struct join *self, const struct join_pair *pair, struct tile *output,
                    struct batch *out, size_t at, struct err *err)
{
    struct join_meeting meeting = {.place = pair->many};
    meeting.many = join_many_row(self, pair->many, err);
    if (!meeting.many.values)
        return false;
    meeting.one = join_class_row(self, pair->class, err);
    if (!meeting.one.values)
        return false;
    const uint64_t *failed;
    if (!join_points_meet(&self->points, &meeting, output, out, at, &failed, err))
        return false;
    if (pair->conflict != JOIN_NONE &&
        !join_conflict_check(self, pair->conflict, &meeting, failed, err))
        return false;
    join_release(self, pair);
    return true;
}

/* A pair that nobody wants, but that may be in conflict with another. */
static bool join_do_unwanted(struct join *self, const struct join_pair *pair, struct err *err)
{
    struct tile *scratch = &self->scratch;
    if (!scratch->values && !tile_take(scratch, self->op.query, 1, self->op.grid.count, err))
        return false;
    tile_begin(scratch);
    struct batch out = tile_batch(scratch, 1);
    return join_do(self, pair, scratch, &out, 0, err);
}

/* What is not wanted, but may hold an error. */
static bool join_do_silent(struct join *self, const struct join_work *work, struct err *err)
{
    for (size_t i = 0; i < work->bare_count; i++) {
        struct point_row row = join_read(&self->many_rows, err);
        if (!row.values || !join_clash_add_many(&self->clash, row, err))
            return false;
    }
    for (size_t i = 0; i < work->lone_count; i++)
        if (!join_read_group(self, work->lone_groups[i], err))
            return false;
    for (size_t i = 0; i < work->silent_count; i++)
        if (!join_do_unwanted(self, &self->plan.pairs[work->pairs[i]], err))
            return false;
    return true;
}

static bool join_arrange(struct op *op, struct err *err)
{
    struct join *self = CONTAINER(struct join, op, op);
    struct join_work work = {0};
    join_work_pairs(self, &work);
    join_work_order(self, &work);
    if (!arena_check(op->query->arena, err))
        return false;
    if (!op_arrange(self->many_rows.op, work.many_order, work.many_count, err) ||
        !op_arrange(self->one_rows.op, work.one_order, work.one_count, err) ||
        !join_do_silent(self, &work, err))
        return false;
    if (op->order_count == 0)
        join_points_note(&self->points);
    return tile_take_for(&self->output, op, err);
}

static bool join_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct join *self = CONTAINER(struct join, op, op);
    struct batch out = tile_next(&self->output, op);
    for (size_t i = 0; i < out.row_count; i++) {
        const struct join_pair *pair = &self->plan.pairs[op->order[op->rows_done + i]];
        if (!join_do(self, pair, &self->output, &out, i, err))
            return false;
        tile_cut(&self->output, &out, i);
    }
    if (op->rows_done + out.row_count == op->order_count)
        join_points_note(&self->points);
    *ret = out;
    return true;
}

static void join_close(struct op *op)
{
    struct join *self = CONTAINER(struct join, op, op);
    for (size_t i = 0; self->many_held && i < self->plan.many_op->series_count; i++)
        row_store_drop(&self->rows, &self->many_held[i]);
    for (size_t i = 0; self->class_held && i < self->plan.class_count; i++)
        row_store_drop(&self->rows, &self->class_held[i]);
    row_store_done(&self->rows);
    row_store_done(&self->bits);
    tile_give(&self->output);
    tile_give(&self->scratch);
}

static const bool *join_holds(struct op *op)
{
    const struct join *self = CONTAINER(struct join, op, op);
    const struct join_plan *plan = &self->plan;
    struct arena *arena = op->query->arena;
    const bool *many = op_holds(self->many_rows.op), *one = op_holds(self->one_rows.op);
    if (!many && !one)
        return NULL;
    bool *classes = arena_array(arena, bool, plan->class_count);
    for (size_t i = 0; one && i < plan->one_op->series_count; i++)
        classes[plan->class_of[i]] |= one[i];
    bool *holds = arena_array(arena, bool, plan->pair_count);
    for (size_t i = 0; i < plan->pair_count; i++)
        holds[i] = (many && many[plan->pairs[i].many]) || classes[plan->pairs[i].class];
    return holds;
}

static const bool *join_tells(struct op *op)
{
    return join_points_tells(&CONTAINER(struct join, op, op)->points, op);
}

static const struct op_class join_class = {
    .name = "join",
    .open = join_open,
    .holds = join_holds,
    .tells = join_tells,
    .arrange = join_arrange,
    .pull = join_pull,
    .close = join_close,
};

struct op *op_join_new(struct query *query, struct op *left, struct op *right,
                       const struct binary *binary, size_t begin)
{
    const struct vector_matching *matching = binary->matching;
    assert(matching->card != CARD_MANY_TO_MANY);
    assert(!matching->fill.has_left && !matching->fill.has_right);
    struct join *self = arena_new(query->arena, struct join);
    op_init(&self->op, &join_class, query, &left->grid);
    op_add_child(&self->op, left);
    op_add_child(&self->op, right);
    self->points = join_points_of(query, &left->grid, binary, begin);
    join_plan_init(&self->plan, query, matching, join_plan_drops_name(query, binary));
    return &self->op;
}
