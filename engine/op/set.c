/*
 * What decides about a point is whether any series of its group, on the other side, has one at the
 * step: a bit a step, which is held from the group's first use to its last. With one step the
 * sides name exactly the series that have a point, so that labels alone decide and nothing of the
 * other side is read.
 *
 * `and`, `unless`: rows of the left side go through in place, each asking for its group's bits,
 * which the right side makes. `or`: rows of the right side ask for the bits of the left, which are
 * also results; a left row that is needed for its bits before its turn is held.
 */
#include "engine/op/set.h"

#include <assert.h>
#include <string.h>

#include "engine/op/group.h"
#include "engine/op/histogram_row.h"
#include "engine/op/presence.h"
#include "engine/op/row_store.h"
#include "engine/op/tile.h"

struct set {
    struct op op;
    enum binary_op kind;
    struct grouping signature;
    struct groups left, right;     /* with the same numbers on both sides */
    const struct groups *deciding; /* its presence decides about the other side's points */
    size_t left_count;             /* series of the left side */

    uint32_t *source; /* of each series: number on the left, or left_count + on the right */

    /* How many rows to come ask for a group's bits; the bits, NULL if not made (or not any more).
     */
    uint32_t *uses;
    uint64_t **bits;

    /* `or`: of left series, whether they are results to come, have been read, are held for their
     * turn; of groups, whether all of the left side has been read. */
    bool *wanted, *read;
    struct held_row *held;
    bool *complete;

    struct row_reader left_rows, right_rows;
    struct row_store bit_store;
    struct row_store row_store;
    struct tile output; /* `or` */
};

static bool set_has_decider(const struct set *self, uint32_t group)
{
    return groups_size(self->deciding, group) > 0;
}

static void set_add_series(struct set *self, const struct groups *side, const struct op *child,
                           bool with_decider, bool without_decider)
{
    struct op *op = &self->op;
    size_t offset = child == op->children[0] ? 0 : self->left_count;
    for (size_t i = 0; i < child->series_count; i++) {
        if (!(set_has_decider(self, side->of_series[i]) ? with_decider : without_decider))
            continue;
        op->labels[op->series_count] = child->labels[i];
        self->source[op->series_count++] = (uint32_t)(offset + i);
    }
}

/* What holds for the series that results come from, by result; NULL: nothing. */
static const bool *set_of_sources(const struct set *self, const bool *left, const bool *right)
{
    const struct op *op = &self->op;
    if (!left && !right)
        return NULL;
    bool *of = arena_array(op->query->arena, bool, op->series_count);
    for (size_t i = 0; i < op->series_count; i++) {
        size_t source = self->source[i];
        bool is_left = source < self->left_count;
        const bool *side = is_left ? left : right;
        of[i] = side && side[is_left ? source : source - self->left_count];
    }
    return of;
}

static bool set_open(struct op *op, struct err *err)
{
    struct set *self = CONTAINER(struct set, op, op);
    struct op *left = op->children[0];
    struct op *right = op->children[1];
    if (!op_open(left, err) || !op_open(right, err) ||
        !groups_init_both(&self->left, &self->right, &self->signature, left, right, err))
        return false;
    self->left_rows.op = left;
    self->right_rows.op = right;
    self->left_count = left->series_count;

    struct arena *arena = op->query->arena;
    size_t count = left->series_count + right->series_count;
    op->labels = arena_array(arena, const struct labels *, count);
    self->source = arena_array(arena, uint32_t, count);
    self->uses = arena_array(arena, uint32_t, self->left.count);
    self->bits = arena_array(arena, uint64_t *, self->left.count);
    row_store_init(&self->bit_store, op->query, presence_words(op->grid.count));
    row_store_init(&self->row_store, op->query, op->grid.count);

    bool exact = op->grid.count == 1;
    if (self->kind == BINARY_OR) {
        self->held = arena_array(arena, struct held_row, self->left_count);
        self->wanted = arena_array(arena, bool, self->left_count);
        self->read = arena_array(arena, bool, self->left_count);
        self->complete = arena_array(arena, bool, self->left.count);
        set_add_series(self, &self->left, left, true, true);
        set_add_series(self, &self->right, right, !exact, true);
    } else {
        bool keeps = self->kind == BINARY_AND;
        set_add_series(self, &self->left, left, keeps || !exact, !keeps);
    }
    op->drops_name = set_of_sources(self, left->drops_name, right->drops_name);
    return arena_check(arena, err);
}

static const bool *set_holds(struct op *op)
{
    const struct set *self = CONTAINER(struct set, op, op);
    return set_of_sources(self, op_holds(op->children[0]), op_holds(op->children[1]));
}

/* Must the points of this group be looked at one by one? Else all of them stay. */
static bool set_is_decided(const struct set *self, uint32_t group)
{
    return self->op.grid.count > 1 && set_has_decider(self, group);
}

static size_t set_add_members(const struct groups *side, size_t group, uint32_t *order,
                              size_t count)
{
    size_t size = groups_size(side, group);
    memcpy(order + count, groups_members(side, group), size * sizeof *order);
    return count + size;
}

static double *set_read(struct row_reader *rows, struct err *err)
{
    double *row;
    return row_reader_next(rows, &row, err) == PULL_BATCH ? row : NULL;
}

/* The group's bits, cleared if they are new. */
static uint64_t *set_bits(struct set *self, uint32_t group, struct err *err)
{
    if (!self->bits[group]) {
        size_t words = presence_words(self->op.grid.count);
        self->bits[group] = (uint64_t *)(void *)row_store_take(&self->bit_store, err);
        if (self->bits[group])
            memset(self->bits[group], 0, words * sizeof(uint64_t));
    }
    return self->bits[group];
}

static void set_release(struct set *self, uint32_t group)
{
    if (--self->uses[group] > 0)
        return;
    row_store_give(&self->bit_store, (double *)(void *)self->bits[group]);
    self->bits[group] = NULL;
}

static bool set_filter_arrange(struct op *op, struct err *err)
{
    struct set *self = CONTAINER(struct set, op, op);
    struct arena *arena = op->query->arena;
    uint32_t *left = arena_array(arena, uint32_t, op->order_count);
    uint32_t *right = arena_array(arena, uint32_t, op->children[1]->series_count);
    size_t right_count = 0;
    for (size_t i = 0; i < op->order_count; i++) {
        left[i] = self->source[op->order[i]];
        uint32_t group = self->left.of_series[left[i]];
        if (set_is_decided(self, group) && self->uses[group]++ == 0)
            right_count = set_add_members(&self->right, group, right, right_count);
    }
    return arena_check(arena, err) && op_arrange(op->children[0], left, op->order_count, err) &&
           op_arrange(op->children[1], right, right_count, err);
}

/* The presence of a group's right side: its rows are the next ones there, unless it is held. */
static const uint64_t *set_filter_bits(struct set *self, uint32_t group, struct err *err)
{
    if (self->bits[group])
        return self->bits[group];
    uint64_t *bits = set_bits(self, group, err);
    size_t count = groups_size(&self->right, group);
    for (size_t i = 0; bits && i < count; i++) {
        const double *row = set_read(&self->right_rows, err);
        if (!row)
            return NULL;
        presence_add(bits, row, self->right_rows.histograms, self->op.grid.count);
    }
    return bits;
}

static bool set_filter_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct set *self = CONTAINER(struct set, op, op);
    if (op_pull(op->children[0], ret, err) != PULL_BATCH)
        return false;
    for (size_t i = 0; i < ret->row_count; i++) {
        uint32_t series = self->source[op->order[op->rows_done + i]];
        uint32_t group = self->left.of_series[series];
        if (!set_is_decided(self, group))
            continue;
        const uint64_t *bits = set_filter_bits(self, group, err);
        if (!bits)
            return false;
        if (self->kind == BINARY_AND)
            presence_keep(batch_row(ret, i), batch_row_histograms(ret, i), bits, ret->step_count);
        else
            presence_drop(batch_row(ret, i), batch_row_histograms(ret, i), bits, ret->step_count);
        set_release(self, group);
    }
    return true;
}

static bool set_or_source_is_left(const struct set *self, uint32_t source)
{
    return source < self->left_count;
}

/* `queued` marks the left series that are in the order already. */
static size_t set_or_queue_left(uint32_t series, bool *queued, uint32_t *order, size_t count)
{
    if (!queued[series])
        order[count++] = series;
    queued[series] = true;
    return count;
}

static bool set_or_arrange(struct op *op, struct err *err)
{
    struct set *self = CONTAINER(struct set, op, op);
    struct arena *arena = op->query->arena;
    uint32_t *left = arena_array(arena, uint32_t, self->left_count);
    uint32_t *right = arena_array(arena, uint32_t, op->children[1]->series_count);
    bool *queued = arena_array(arena, bool, self->left_count);
    size_t left_count = 0, right_count = 0;

    for (size_t i = 0; i < op->order_count; i++) {
        uint32_t source = self->source[op->order[i]];
        if (set_or_source_is_left(self, source)) {
            self->wanted[source] = true;
            left_count = set_or_queue_left(source, queued, left, left_count);
            continue;
        }
        uint32_t series = source - (uint32_t)self->left_count;
        right[right_count++] = series;
        uint32_t group = self->right.of_series[series];
        if (!set_is_decided(self, group) || self->uses[group]++ > 0)
            continue;
        const uint32_t *members = groups_members(&self->left, group);
        for (size_t k = 0; k < groups_size(&self->left, group); k++)
            left_count = set_or_queue_left(members[k], queued, left, left_count);
    }
    return arena_check(arena, err) && op_arrange(op->children[0], left, left_count, err) &&
           op_arrange(op->children[1], right, right_count, err) &&
           tile_take_for(&self->output, op, err);
}

/* Reads the next left row, which is `series`, and notes its presence if a right row will ask. */
static double *set_or_read_left(struct set *self, uint32_t series, struct err *err)
{
    double *row = set_read(&self->left_rows, err);
    uint32_t group = self->left.of_series[series];
    self->read[series] = true;
    if (!row || self->uses[group] == 0)
        return row;
    uint64_t *bits = set_bits(self, group, err);
    if (!bits)
        return NULL;
    presence_add(bits, row, self->left_rows.histograms, self->op.grid.count);
    return row;
}

static bool set_or_put(struct set *self, const double *row,
                       const struct histogram *const *histograms, struct batch *out, size_t at,
                       struct err *err)
{
    memcpy(batch_row(out, at), row, out->step_count * sizeof *row);
    return tile_copy(&self->output, out, at, histograms, err);
}

static bool set_or_left_row(struct set *self, uint32_t series, struct batch *out, size_t at,
                            struct err *err)
{
    struct held_row *held = &self->held[series];
    const double *row = held->values ? held->values : set_or_read_left(self, series, err);
    const struct histogram *const *histograms =
        held->values ? held->histograms : self->left_rows.histograms;
    if (!row || !set_or_put(self, row, histograms, out, at, err))
        return false;
    self->wanted[series] = false;
    row_store_drop(&self->row_store, held);
    return true;
}

/* Reads what is still unread of a group's left side: the next rows there. */
static bool set_or_complete(struct set *self, uint32_t group, struct err *err)
{
    const uint32_t *members = groups_members(&self->left, group);
    for (size_t i = 0; i < groups_size(&self->left, group); i++) {
        uint32_t series = members[i];
        if (self->read[series])
            continue;
        const double *row = set_or_read_left(self, series, err);
        if (!row)
            return false;
        if (!self->wanted[series])
            continue;
        if (!row_store_hold(&self->row_store, row, self->left_rows.histograms, &self->held[series],
                            err))
            return false;
    }
    self->complete[group] = true;
    return true;
}

static bool set_or_right_row(struct set *self, uint32_t series, struct batch *out, size_t at,
                             struct err *err)
{
    uint32_t group = self->right.of_series[series];
    bool decided = set_is_decided(self, group);
    if (decided && !self->complete[group] && !set_or_complete(self, group, err))
        return false;
    const double *row = set_read(&self->right_rows, err);
    if (!row || !set_or_put(self, row, self->right_rows.histograms, out, at, err))
        return false;
    if (decided) {
        presence_drop(batch_row(out, at), batch_row_histograms(out, at), self->bits[group],
                      out->step_count);
        set_release(self, group);
    }
    return true;
}

static bool set_or_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct set *self = CONTAINER(struct set, op, op);
    struct batch out = tile_next(&self->output, op);
    for (size_t i = 0; i < out.row_count; i++) {
        uint32_t source = self->source[op->order[op->rows_done + i]];
        bool done = set_or_source_is_left(self, source)
                        ? set_or_left_row(self, source, &out, i, err)
                        : set_or_right_row(self, source - (uint32_t)self->left_count, &out, i, err);
        if (!done)
            return false;
        tile_cut(&self->output, &out, i);
    }
    *ret = out;
    return true;
}

static void set_close(struct op *op)
{
    struct set *self = CONTAINER(struct set, op, op);
    for (size_t i = 0; self->held && i < self->left_count; i++)
        row_store_drop(&self->row_store, &self->held[i]);
    row_store_done(&self->bit_store);
    row_store_done(&self->row_store);
    tile_give(&self->output);
}

static const struct op_class set_filter_class = {
    .name = "set_filter",
    .open = set_open,
    .holds = set_holds,
    .arrange = set_filter_arrange,
    .pull = set_filter_pull,
    .close = set_close,
};

static const struct op_class set_or_class = {
    .name = "set_or",
    .open = set_open,
    .holds = set_holds,
    .arrange = set_or_arrange,
    .pull = set_or_pull,
    .close = set_close,
};

struct op *op_set_new(struct query *query, struct op *left, struct op *right,
                      const struct binary *binary)
{
    assert(binary_op_is_set(binary->op));
    struct set *self = arena_new(query->arena, struct set);
    bool is_or = binary->op == BINARY_OR;
    op_init(&self->op, is_or ? &set_or_class : &set_filter_class, query, &left->grid);
    op_add_child(&self->op, left);
    op_add_child(&self->op, right);
    self->kind = binary->op;
    self->deciding = is_or ? &self->left : &self->right;
    self->signature = grouping_matching(query, binary->matching);
    return &self->op;
}
