/*
 * The child is asked for equal series one after another, so that one row at a time is merged.
 *
 * Where whole series are united (label_replace, unary minus, names dropped late) Prometheus looks
 * at floats and histograms apart, so that one of each can come at one time. A query's answer has
 * both then, or the histogram where there is room for one only, and a subquery's window sees both:
 * consumers of rows make no difference, so the last operators hand both out. Else the next
 * operation takes the float, and the histogram stays in the way of all histograms behind it.
 */
#include "engine/op/dedup.h"

#include <string.h>

#include "engine/op/group.h"
#include "engine/op/histogram_row.h"
#include "engine/op/names.h"
#include "engine/op/shared.h"
#include "engine/op/source.h"
#include "engine/op/tile.h"
#include "model/sample.h"

struct dedup {
    struct op op;
    enum dedup_mode mode;
    struct groups sets; /* series with equal labels */
    bool plain;         /* there are none */
    struct row_reader rows;
    struct tile output;

    size_t stages_below; /* of a source below: what is handed down later goes through this */
    const struct map_stage *late; /* such stages, where they must come behind */
    size_t late_count;
};

/* Do members of a set differ in whether they will lose their name? */
static bool dedup_names_differ(const struct dedup *self)
{
    const struct op *child = self->op.children[0];
    for (size_t i = 0; child->drops_name && i < child->series_count; i++) {
        uint32_t first = groups_members(&self->sets, self->sets.of_series[i])[0];
        if (child->drops_name[i] != child->drops_name[first])
            return true;
    }
    return false;
}

/* Are whole series united? Prometheus then keeps the order of those that have a point. */
static bool dedup_unites(const struct dedup *self)
{
    return self->mode == DEDUP_UNITE || self->mode == DEDUP_UNITE_WHOLE ||
           self->mode == DEDUP_UNITE_LONE;
}

/* begins[series]: the step of its first point; grid.count: it has none. */
static bool dedup_find_begins(struct dedup *self, struct op *rows_of, size_t *begins,
                              struct err *err)
{
    struct row_reader rows = {.op = rows_of};
    for (size_t i = 0; i < rows_of->series_count; i++) {
        double *row;
        if (row_reader_next(&rows, &row, err) != PULL_BATCH)
            return false;
        size_t s = 0;
        while (s < self->op.grid.count && value_is_stale(row[s]) &&
               !(rows.histograms && rows.histograms[s]))
            s++;
        begins[i] = s;
    }
    return true;
}

/*
 * Over many steps the points say where a set stands; and, with delayed name removal, whether it
 * keeps or loses its name: as the series does that Prometheus sees first. Then all rows are read
 * beforehand. *ret_begins stays NULL where that makes no difference.
 */
static bool dedup_read_begins(struct dedup *self, size_t **ret_begins, struct err *err)
{
    struct op *op = &self->op;
    if (self->plain || op->grid.count == 1 || !(dedup_unites(self) || dedup_names_differ(self)))
        return true;
    size_t *begins = arena_array(op->query->arena, size_t, op->series_count);
    struct shared *shared = shared_new(op->query, op->children[0]);
    struct op *again = op_shared_new(op->query, shared);
    struct op *now = op_shared_new(op->query, shared);
    op->children[0] = again;
    bool good = arena_check(op->query->arena, err) && op_open(now, err) && op_open(again, err) &&
                dedup_find_begins(self, now, begins, err);
    op_close(now);
    *ret_begins = begins;
    return good;
}

/* Finds the sets again, with the series without a point behind all others. */
static bool dedup_order_sets(struct dedup *self, const size_t *begins, struct err *err)
{
    const struct op *child = self->op.children[0];
    uint32_t *order = arena_array(child->query->arena, uint32_t, child->series_count);
    size_t count = 0;
    if (!arena_check(child->query->arena, err))
        return false;
    for (size_t i = 0; i < child->series_count; i++)
        if (begins[i] < child->grid.count)
            order[count++] = (uint32_t)i;
    for (size_t i = 0; i < child->series_count; i++)
        if (begins[i] == child->grid.count)
            order[count++] = (uint32_t)i;
    struct grouping grouping = grouping_equal();
    return groups_init_ordered(&self->sets, &grouping, child, order, err);
}

/* By set: the member whose point comes first. */
static uint32_t *dedup_firsts(const struct dedup *self, const size_t *begins)
{
    uint32_t *firsts = arena_array(self->op.query->arena, uint32_t, self->sets.count);
    for (size_t set = 0; set < self->sets.count; set++) {
        const uint32_t *members = groups_members(&self->sets, set);
        firsts[set] = members[0];
        for (size_t i = 1; begins && i < groups_size(&self->sets, set); i++)
            if (begins[members[i]] < begins[firsts[set]])
                firsts[set] = members[i];
    }
    return firsts;
}

static bool dedup_open(struct op *op, struct err *err)
{
    struct dedup *self = CONTAINER(struct dedup, op, op);
    if (!op_open_as_child(op, err))
        return false;

    struct grouping grouping = grouping_equal();
    if (!groups_init(&self->sets, &grouping, op->children[0], err))
        return false;
    self->plain = self->sets.count == op->series_count;
    if (!self->plain && op->grid.count > 1 && op_is_source(op->children[0]))
        self->late = op_source_take_stages(op->children[0], self->stages_below, &self->late_count);
    size_t *begins = NULL;
    if (!dedup_read_begins(self, &begins, err) ||
        (begins && dedup_unites(self) && !dedup_order_sets(self, begins, err)))
        return false;
    op->labels = self->sets.labels;
    op->series_count = self->sets.count;
    return names_follow(op, op->children[0], dedup_firsts(self, begins), err);
}

/* Adds the points of `from`; false where both have one. */
static bool row_merge(double *into, const double *from, size_t steps)
{
    bool apart = true;
    for (size_t i = 0; i < steps; i++) {
        if (value_is_stale(from[i]))
            continue;
        apart = apart && value_is_stale(into[i]);
        into[i] = from[i];
    }
    return apart;
}

/* The same for the histograms of the row that the child gave last, in the output's arena. */
static bool dedup_merge_histograms(struct dedup *self, struct tile *output, struct batch *out,
                                   size_t at, bool *apart, struct err *err)
{
    const struct histogram *const *from = self->rows.histograms;
    size_t steps = self->op.grid.count;
    if (!row_has_histogram(from, steps))
        return true;
    const struct histogram **into = tile_histograms(output, out, at, err);
    if (!into)
        return false;
    for (size_t i = 0; i < steps; i++) {
        if (!from[i])
            continue;
        *apart = *apart && !into[i];
        into[i] = histogram_keep(output->arena, from[i]);
    }
    return arena_check(output->arena, err);
}

/* No step has both a float and a histogram? */
static bool dedup_kinds_apart(const struct batch *out, size_t at)
{
    const struct histogram *const *histograms = batch_row_histograms(out, at);
    const double *values = batch_row(out, at);
    for (size_t i = 0; histograms && i < out->step_count; i++)
        if (histograms[i] && !value_is_stale(values[i]))
            return false;
    return true;
}

/* What the next operation sees where both kinds come at one step. */
static void dedup_block_histograms(const struct batch *out, size_t at)
{
    const struct histogram **histograms = batch_row_histograms(out, at);
    const double *values = batch_row(out, at);
    bool blocked = false;
    for (size_t i = 0; histograms && i < out->step_count; i++) {
        blocked = blocked || (histograms[i] && !value_is_stale(values[i]));
        if (blocked)
            histograms[i] = NULL;
    }
}

/* The next rows of the child, all of one label set, as one row of the batch. */
static bool dedup_row(struct dedup *self, size_t member_count, struct tile *output,
                      struct batch *out, size_t at, struct err *err)
{
    size_t steps = self->op.grid.count;
    double *ret_row = batch_row(out, at);
    bool found = false;
    for (size_t i = 0; i < member_count; i++) {
        double *row;
        if (row_reader_next(&self->rows, &row, err) != PULL_BATCH)
            return false;
        bool apart = true;
        if (i == 0)
            memcpy(ret_row, row, steps * sizeof *row);
        else
            apart = row_merge(ret_row, row, steps);
        if (!dedup_merge_histograms(self, output, out, at, &apart, err))
            return false;
        if (i > 0 && self->mode == DEDUP_MERGE)
            apart = apart && dedup_kinds_apart(out, at);
        if (self->mode == DEDUP_STRICT && point_row_any(row, self->rows.histograms, steps)) {
            apart = !found;
            found = true;
        }
        if (!apart)
            return err_set(err, ERR_EXECUTION,
                           "vector cannot contain metrics with the same labelset");
    }
    if (self->mode == DEDUP_UNITE_LONE && !dedup_kinds_apart(out, at))
        return err_set(err, ERR_EXECUTION, "unexpected number of samples");
    if (self->mode == DEDUP_UNITE)
        dedup_block_histograms(out, at);
    return true;
}

static const bool *dedup_holds(struct op *op)
{
    const struct dedup *self = CONTAINER(struct dedup, op, op);
    for (size_t i = 0; i < self->late_count; i++)
        if (!map_stage_gives_histograms(&self->late[i]))
            return NULL;
    return groups_hold(&self->sets, op->children[0]);
}

/* Sets of several series may hold an error. */
static const bool *dedup_tells(struct op *op)
{
    const struct dedup *self = CONTAINER(struct dedup, op, op);
    if (self->plain)
        return NULL;
    if (self->late_count > 0)
        return op_all_series(op);
    bool *tells = arena_array(op->query->arena, bool, op->series_count);
    for (size_t i = 0; i < op->series_count; i++)
        tells[i] = groups_size(&self->sets, i) > 1;
    return tells;
}

static bool dedup_arrange(struct op *op, struct err *err)
{
    struct dedup *self = CONTAINER(struct dedup, op, op);
    if (self->plain)
        return op_arrange_as_child(op, err);
    self->rows = (struct row_reader){.op = op->children[0]};
    return groups_arrange(&self->sets, op->children[0], op->order, op->order_count, err) &&
           tile_take_for(&self->output, op, err);
}

static bool dedup_do_late(struct dedup *self, struct batch *out, struct err *err)
{
    for (size_t i = 0; i < self->late_count; i++) {
        unsigned refused = map_stage_apply(&self->late[i], out, self->output.arena);
        map_stage_note(&self->late[i], self->op.query, refused);
    }
    return !self->output.arena || arena_check(self->output.arena, err);
}

static bool dedup_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct dedup *self = CONTAINER(struct dedup, op, op);
    if (self->plain)
        return op_pull(op->children[0], ret, err) == PULL_BATCH;

    struct batch out = tile_next(&self->output, op);
    for (size_t i = 0; i < out.row_count; i++) {
        uint32_t set = op->order[op->rows_done + i];
        if (!dedup_row(self, groups_size(&self->sets, set), &self->output, &out, i, err))
            return false;
        tile_cut(&self->output, &out, i);
    }
    *ret = out;
    return dedup_do_late(self, ret, err);
}

static void dedup_close(struct op *op)
{
    struct dedup *self = CONTAINER(struct dedup, op, op);
    tile_give(&self->output);
}

static const struct op_class dedup_class = {
    .name = "dedup",
    .open = dedup_open,
    .holds = dedup_holds,
    .tells = dedup_tells,
    .arrange = dedup_arrange,
    .pull = dedup_pull,
    .close = dedup_close,
};

struct op *op_dedup_new(struct query *query, struct op *child, enum dedup_mode mode)
{
    struct dedup *self = arena_new(query->arena, struct dedup);
    op_init(&self->op, &dedup_class, query, &child->grid);
    op_add_child(&self->op, child);
    self->mode = mode;
    self->stages_below = op_is_source(child) ? op_source_stage_count(child) : 0;
    return &self->op;
}
