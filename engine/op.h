#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "engine/batch.h"
#include "engine/query.h"
#include "model/labels.h"

/*
 * An operator hands out rows of its series, a batch at a time, when its consumer pulls.
 *
 * The life of an operator, always in this order:
 *
 *     op_<name>_new   built for one plan node, on operators already built
 *     op_open         once: opens what it stands on, then tells the labels of all its series
 *     op_arrange      at most once: which of them are wanted, and in which order
 *     op_pull         until PULL_END: the next rows, in that order
 *     op_finish       of the root, once it is at its end: what nobody has asked for
 *     op_close        once, from any state, also after an error; closes what it stands on
 *
 * An operator may name more series than will have points: a row may be missing throughout. With one
 * step (instant queries) op_open itself pulls all rows and leaves out the series without a point,
 * so that labels, order and duplicates are then exactly Prometheus's.
 *
 * Thread: the one that runs the query.
 */
struct op;

enum pull {
    PULL_ERR = -1, /* err is set; only op_close may follow */
    PULL_END = 0,
    PULL_BATCH = 1,
};

struct op_class {
    const char *name;

    /*
     * Opens the children, then sets op->labels and op->series_count: the series in natural order,
     * that is the order in which Prometheus's engine would give them.
     */
    bool (*open)(struct op *op, struct err *err);

    /*
     * Optional; asked after open, where the consumer leaves series out. In the arena, by series.
     *
     * holds: which rows may have native histograms; NULL: none.
     * tells: in making which rows the operator itself may meet an error, or something to tell the
     * user of, which Prometheus would do wanted or not; NULL: none. What its children tell they
     * tell themselves.
     */
    const bool *(*holds)(struct op *op);
    const bool *(*tells)(struct op *op);

    /*
     * Only the series op->order[0 .. order_count) are to be made, in that order, each at most once:
     * those that the consumer wants, and behind them those that tell something. Called before the
     * first pull, with the natural order if the consumer asked for none. Passes on to the children
     * what follows from it.
     */
    bool (*arrange)(struct op *op, struct err *err);

    /*
     * Fills *ret with at least one row: the next rows of the order. Rows come without gaps:
     * op->rows_done tells how many went before. Never called when all rows have been handed out.
     * The batch is the operator's until its next pull; the consumer may write into it.
     */
    bool (*pull)(struct op *op, struct batch *ret, struct err *err);

    /*
     * Optional; once all rows are made, with query->count_samples. Adds to `steps`, one a step, the
     * samples that Prometheus counts for this operator and what it stands on. Without it that is
     * what the children count.
     */
    void (*count)(const struct op *op, uint64_t *steps);

    bool places_rows; /* batches may have places; else they are taken off */

    void (*close)(struct op *op); /* optional: what the arena cannot free */
};

enum op_state { OP_NEW, OP_OPEN, OP_PULLING, OP_DONE, OP_CLOSED };

#define OP_CHILDREN_MAX 11 /* histogram_quantiles of ten */

struct op {
    const struct op_class *class;
    struct query *query;
    struct grid grid;
    struct op *children[OP_CHILDREN_MAX];
    size_t child_count;

    /* After open. In the arena. */
    const struct labels **labels;
    size_t series_count;
    /*
     * With delayed name removal: which series will lose their name in the end, by series; NULL:
     * none. Their labels still have it.
     */
    const bool *drops_name;

    /* After arrange: series of the rows to come. */
    const uint32_t *order;
    size_t order_count;
    size_t wanted_count; /* so many of them go to the consumer; the others to nobody */

    const bool *holds; /* what class->holds said; in the arena */
    bool holds_known;

    size_t rows_done;
    size_t rank; /* of what it tells the user: model/annotations.h */
    enum op_state state;
    const char *detail; /* what EXPLAIN says behind the name; may be NULL */

    /* Where there is one step: the points settled at open, and room to hand out a batch of them. */
    double *settled;
    double *handout;
    const struct histogram **settled_histograms; /* NULL: no point is one */
    const struct histogram **handout_histograms;

    /* Counted if query->measure. */
    uint64_t pull_count;
    uint64_t open_ns;
    uint64_t pull_ns;
};

/* For constructors: all but the children. */
void op_init(struct op *op, const struct op_class *class, struct query *query,
             const struct grid *grid);
void op_add_child(struct op *op, struct op *child);

/* The calls of consumers; they hold the rules above, so that no operator has to. NULL closes fine.
 */
bool op_open(struct op *op, struct err *err) MUST_CHECK;
bool op_arrange(struct op *op, const uint32_t *order, size_t count, struct err *err) MUST_CHECK;
enum pull op_pull(struct op *op, struct batch *ret, struct err *err) MUST_CHECK;
void op_close(struct op *op);

/*
 * Makes all rows that have not been made, here and below, but for those without an error or a note:
 * Prometheus evaluates what a query says, whether it has a part in the result or not.
 */
bool op_finish(struct op *op, struct err *err) MUST_CHECK;

/* Adds up what `count` says, from the root down. */
void op_count_samples(const struct op *op, uint64_t *steps);

/* Which series of an opened operator may have native histograms; NULL: none. In the arena. */
const bool *op_holds(struct op *op);

/* For `tells`: true for each of its series. */
const bool *op_all_series(struct op *op);

/*
 * For operators whose series are exactly their first child's: methods. The first opens the child
 * and takes over its labels; the second hands the order down.
 */
bool op_open_as_child(struct op *op, struct err *err);
bool op_arrange_as_child(struct op *op, struct err *err);
const bool *op_holds_as_child(struct op *op);

/*
 * Reads an operator row by row. The row is valid until the next call, and may be written to.
 * PULL_END when no row is left.
 *
 *     struct row_reader rows = {.op = child};
 *     while ((got = row_reader_next(&rows, &row, err)) == PULL_BATCH) ...
 */
struct row_reader {
    struct op *op;
    struct batch batch;
    size_t at;
    const struct histogram **histograms; /* of the row handed out; NULL: it has none */
};

enum pull row_reader_next(struct row_reader *reader, double **ret_row, struct err *err) MUST_CHECK;

/* The place of the row handed out; NULL: where its series stands. */
static inline const struct row_place *row_reader_place(const struct row_reader *reader)
{
    return reader->batch.places ? &reader->batch.places[reader->at - 1] : NULL;
}

/*
 * Opens a scalar operator and reads its only row: one value a step, in the arena, never missing.
 * For scalar arguments, which are small.
 */
bool op_read_scalar(struct op *op, const double **ret_steps, struct err *err) MUST_CHECK;

/*
 * The rows of a consumer that must hold several at once (sorting, joins, unarranged input): fixed
 * slots of one row each, taken from the pool and charged.
 */
double *op_take_row(struct op *op, struct err *err) MUST_CHECK;
void op_give_row(struct op *op, double *row);
