#include "engine/op.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "engine/op/shared.h"
#include "model/sample.h"

void op_init(struct op *op, const struct op_class *class, struct query *query,
             const struct grid *grid)
{
    op->class = class;
    op->query = query;
    op->grid = *grid;
}

void op_add_child(struct op *op, struct op *child)
{
    assert(op->child_count < OP_CHILDREN_MAX);
    op->children[op->child_count++] = child;
}

/* What is told from now on has the operator's rank. Returns the rank before. */
static size_t op_take_rank(const struct op *op)
{
    size_t before = op->query->annotations.rank;
    op->query->annotations.rank = op->rank;
    return before;
}

static void op_give_rank(const struct op *op, size_t before)
{
    op->query->annotations.rank = before;
}

/* Puts the series that tell something behind those that are wanted. */
static void op_add_unwanted(struct op *op)
{
    const bool *tells = op->class->tells ? op->class->tells(op) : NULL;
    if (!tells)
        return;
    struct arena *arena = op->query->arena;
    uint32_t *order = arena_array(arena, uint32_t, op->series_count);
    bool *wanted = arena_array(arena, bool, op->series_count);
    for (size_t i = 0; i < op->wanted_count; i++) {
        order[i] = op->order[i];
        wanted[order[i]] = true;
    }
    for (size_t i = 0; i < op->series_count; i++)
        if (tells[i] && !wanted[i])
            order[op->order_count++] = (uint32_t)i;
    op->order = order;
}

static bool op_set_order(struct op *op, const uint32_t *order, size_t count, struct err *err)
{
    op->order = order;
    op->order_count = op->wanted_count = count;
    op->state = OP_PULLING;
    if (op->settled)
        return true;
    if (count < op->series_count)
        op_add_unwanted(op);
    if (!arena_check(op->query->arena, err))
        return false;
    size_t rank = op_take_rank(op);
    bool arranged = op->class->arrange(op, err);
    op_give_rank(op, rank);
    return arranged;
}

static bool op_natural_order(struct op *op, struct err *err)
{
    uint32_t *order = arena_array(op->query->arena, uint32_t, op->series_count);
    for (size_t i = 0; i < op->series_count; i++)
        order[i] = (uint32_t)i;
    return arena_check(op->query->arena, err) && op_set_order(op, order, op->series_count, err);
}

/* The histogram of a settled row, for as long as the query lives. */
static void op_settle_histogram(struct op *op, size_t index, const struct histogram *h)
{
    struct arena *arena = op->query->arena;
    if (!op->settled_histograms) {
        op->settled_histograms = arena_array(arena, const struct histogram *, op->series_count);
        op->handout_histograms = arena_array(arena, const struct histogram *, BATCH_VALUES);
    }
    op->settled_histograms[index] = histogram_keep(arena, h);
}

/* What is known of the series that have a point. */
struct op_settled {
    double *values;
    const struct labels **labels;
    bool *drops_name;
    size_t count;
};

/* Appends the points of a batch, whose rows are those of the series [done, ...). */
static void op_settle_batch(struct op *op, const struct batch *batch, size_t done,
                            struct op_settled *settled)
{
    for (size_t row = 0; row < batch->row_count; row++) {
        const struct histogram *h = batch->histograms ? batch->histograms[row] : NULL;
        if (!h && value_is_stale(batch->values[row]))
            continue;
        if (h)
            op_settle_histogram(op, settled->count, h);
        if (settled->drops_name)
            settled->drops_name[settled->count] = op->drops_name[done + row];
        settled->labels[settled->count] = op->labels[done + row];
        settled->values[settled->count++] = batch->values[row];
    }
}

/* With one step: pulls every row now, and forgets the series that have no point. */
static bool op_settle(struct op *op, struct err *err)
{
    if (!op_natural_order(op, err))
        return false;

    struct arena *arena = op->query->arena;
    size_t count = op->series_count;
    struct op_settled settled = {
        /* Behind the values: room to hand out a batch of them in another order. */
        .values = arena_array(arena, double, count + BATCH_VALUES),
        .labels = arena_array(arena, const struct labels *, count),
        .drops_name = op->drops_name ? arena_array(arena, bool, count) : NULL,
    };
    for (size_t done = 0; done < count;) {
        struct batch batch;
        if (!arena_check(arena, err) || op_pull(op, &batch, err) != PULL_BATCH)
            return false;
        op_settle_batch(op, &batch, done, &settled);
        done += batch.row_count;
    }
    op->labels = settled.labels;
    op->drops_name = settled.drops_name;
    op->series_count = settled.count;
    op->settled = settled.values;
    op->handout = settled.values + count;
    op->order = NULL;
    op->order_count = op->wanted_count = 0;
    op->rows_done = 0;
    op->state = OP_OPEN;
    return arena_check(arena, err);
}

bool op_open(struct op *op, struct err *err)
{
    assert(op->state == OP_NEW);
    int64_t begin_ns = op->query->measure ? clock_monotonic_ns() : 0;
    size_t rank = op_take_rank(op);
    bool opened = query_alive(op->query, err) && op->class->open(op, err) &&
                  arena_check(op->query->arena, err);
    op_give_rank(op, rank);
    if (opened) {
        op->state = OP_OPEN;
        if (op->grid.count == 1)
            opened = op_settle(op, err);
    }
    if (op->query->measure)
        op->open_ns += (uint64_t)(clock_monotonic_ns() - begin_ns);
    return opened;
}

bool op_arrange(struct op *op, const uint32_t *order, size_t count, struct err *err)
{
    assert(op->state == OP_OPEN);
    return op_set_order(op, order, count, err);
}

/* Rows that op_open settled, as the consumer ordered them. */
static bool op_pull_settled(struct op *op, struct batch *ret, struct err *err)
{
    size_t left = op->order_count - op->rows_done;
    size_t count = left < BATCH_VALUES ? left : BATCH_VALUES;
    const uint32_t *order = op->order + op->rows_done;

    double *values = op->handout;
    for (size_t i = 0; i < count; i++)
        values[i] = op->settled[order[i]];
    *ret = (struct batch){.values = values, .row_count = count, .step_count = 1};
    if (!op->settled_histograms)
        return true;
    ret->histograms = op->handout_histograms;
    for (size_t i = 0; i < count; i++)
        ret->histograms[i] = op->settled_histograms[order[i]];
    return true;
}

/* The next batch of all that are to be made. */
static bool op_make_rows(struct op *op, struct batch *ret, struct err *err)
{
    if (!query_alive(op->query, err))
        return false;
    int64_t begin_ns = op->query->measure ? clock_monotonic_ns() : 0;
    size_t rank = op_take_rank(op);
    bool pulled = op->settled ? op_pull_settled(op, ret, err) : op->class->pull(op, ret, err);
    op_give_rank(op, rank);
    if (op->query->measure) {
        op->pull_ns += (uint64_t)(clock_monotonic_ns() - begin_ns);
        op->pull_count++;
    }
    if (!pulled)
        return false;

    if (!op->class->places_rows)
        ret->places = NULL;
    op->rows_done += ret->row_count;
    assert(ret->row_count > 0 && ret->step_count == op->grid.count);
    assert(op->rows_done <= op->order_count);
    return true;
}

enum pull op_pull(struct op *op, struct batch *ret, struct err *err)
{
    if (op->state == OP_OPEN && !op_natural_order(op, err))
        return PULL_ERR;
    assert(op->state == OP_PULLING);
    if (op->rows_done >= op->wanted_count) {
        op->state = OP_DONE;
        return PULL_END;
    }
    if (!op_make_rows(op, ret, err))
        return PULL_ERR;
    if (op->rows_done > op->wanted_count)
        ret->row_count -= op->rows_done - op->wanted_count;
    return PULL_BATCH;
}

static bool op_finish_rows(struct op *op, struct err *err)
{
    if (op->state == OP_NEW || op->settled)
        return true;
    if (op->state == OP_OPEN && !op_arrange(op, NULL, 0, err))
        return false;
    while (op->rows_done < op->order_count) {
        struct batch batch;
        if (!op_make_rows(op, &batch, err))
            return false;
    }
    return true;
}

bool op_finish(struct op *op, struct err *err)
{
    if (!op)
        return true;
    if (!op_finish_rows(op, err) || !op_finish(op_shared_below(op), err))
        return false;
    for (size_t i = 0; i < op->child_count; i++)
        if (!op_finish(op->children[i], err))
            return false;
    return true;
}

void op_count_samples(const struct op *op, uint64_t *steps)
{
    if (op->class->count) {
        op->class->count(op, steps);
        return;
    }
    for (size_t i = 0; i < op->child_count; i++)
        if (op->children[i])
            op_count_samples(op->children[i], steps);
}

const bool *op_holds(struct op *op)
{
    if (op->holds_known)
        return op->holds;
    op->holds_known = true;
    if (!op->settled) {
        op->holds = op->class->holds ? op->class->holds(op) : NULL;
    } else if (op->settled_histograms) {
        bool *holds = arena_array(op->query->arena, bool, op->series_count);
        for (size_t i = 0; i < op->series_count; i++)
            holds[i] = op->settled_histograms[i];
        op->holds = holds;
    }
    return op->holds;
}

void op_close(struct op *op)
{
    if (!op || op->state == OP_CLOSED)
        return;
    op->state = OP_CLOSED;
    if (op->class->close)
        op->class->close(op);
    for (size_t i = 0; i < op->child_count; i++)
        op_close(op->children[i]);
}

const bool *op_all_series(struct op *op)
{
    bool *all = arena_array(op->query->arena, bool, op->series_count);
    for (size_t i = 0; i < op->series_count; i++)
        all[i] = true;
    return all;
}

bool op_open_as_child(struct op *op, struct err *err)
{
    if (!op_open(op->children[0], err))
        return false;
    op->labels = op->children[0]->labels;
    op->series_count = op->children[0]->series_count;
    op->drops_name = op->children[0]->drops_name;
    return true;
}

bool op_arrange_as_child(struct op *op, struct err *err)
{
    return op_arrange(op->children[0], op->order, op->order_count, err);
}

const bool *op_holds_as_child(struct op *op)
{
    return op_holds(op->children[0]);
}

enum pull row_reader_next(struct row_reader *reader, double **ret_row, struct err *err)
{
    if (reader->at == reader->batch.row_count) {
        enum pull got = op_pull(reader->op, &reader->batch, err);
        if (got != PULL_BATCH)
            return got;
        reader->at = 0;
    }
    reader->histograms = batch_row_histograms(&reader->batch, reader->at);
    *ret_row = batch_row(&reader->batch, reader->at++);
    return PULL_BATCH;
}

bool op_read_scalar(struct op *op, const double **ret_steps, struct err *err)
{
    struct row_reader rows = {.op = op};
    double *row;
    if (!op_open(op, err))
        return false;
    assert(op->series_count == 1);
    if (row_reader_next(&rows, &row, err) != PULL_BATCH)
        return false;

    double *steps = arena_array(op->query->arena, double, op->grid.count);
    if (!arena_check(op->query->arena, err))
        return false;
    memcpy(steps, row, op->grid.count * sizeof *steps);
    *ret_steps = steps;
    return true;
}

double *op_take_row(struct op *op, struct err *err)
{
    return pool_take(op->query->pool, &op->query->budget, op->grid.count, err);
}

void op_give_row(struct op *op, double *row)
{
    pool_give(op->query->pool, &op->query->budget, row, op->grid.count);
}
