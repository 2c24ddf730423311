#include "engine/op.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
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

/* Children that will not be asked for a row may still hold an error, or a note. */
static bool op_arrange_unasked(struct op *op, struct err *err)
{
    for (size_t i = 0; i < op->child_count; i++)
        if (op->children[i]->state == OP_OPEN && !op_arrange(op->children[i], NULL, 0, err))
            return false;
    return true;
}

static bool op_set_order(struct op *op, const uint32_t *order, size_t count, struct err *err)
{
    op->order = order;
    op->order_count = count;
    op->state = OP_PULLING;
    if (op->settled)
        return true;
    return op->class->arrange(op, err) && (count > 0 || op_arrange_unasked(op, err));
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
    op->settled_histograms[index] = histogram_copy(arena, h);
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
        if (op->drops_name)
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
    op->order_count = 0;
    op->rows_done = 0;
    op->state = OP_OPEN;
    return arena_check(arena, err);
}

bool op_open(struct op *op, struct err *err)
{
    assert(op->state == OP_NEW);
    int64_t begin_ns = op->query->measure ? clock_monotonic_ns() : 0;
    bool opened = query_alive(op->query, err) && op->class->open(op, err) &&
                  arena_check(op->query->arena, err);
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

enum pull op_pull(struct op *op, struct batch *ret, struct err *err)
{
    if (op->state == OP_OPEN && !op_natural_order(op, err))
        return PULL_ERR;
    assert(op->state == OP_PULLING);
    if (op->rows_done == op->order_count) {
        op->state = OP_DONE;
        return PULL_END;
    }
    if (!query_alive(op->query, err))
        return PULL_ERR;

    int64_t begin_ns = op->query->measure ? clock_monotonic_ns() : 0;
    bool pulled = op->settled ? op_pull_settled(op, ret, err) : op->class->pull(op, ret, err);
    if (op->query->measure) {
        op->pull_ns += (uint64_t)(clock_monotonic_ns() - begin_ns);
        op->pull_count++;
    }
    if (!pulled)
        return PULL_ERR;

    op->rows_done += ret->row_count;
    assert(ret->row_count > 0 && ret->step_count == op->grid.count);
    assert(op->rows_done <= op->order_count);
    return PULL_BATCH;
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
