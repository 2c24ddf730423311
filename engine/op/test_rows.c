#include "engine/op/test_rows.h"

#include <string.h>

#include "base/test.h"
#include "model/sample.h"

struct test_rows {
    struct op op;
    const double *values;
    double *buffer;
    size_t rows_per_batch;
    unsigned every;                       /* see op_test_rows_mix */
    const struct histogram *const *given; /* see op_test_rows_add */
    const struct histogram **histograms;
    const struct row_place *places; /* see op_test_rows_place */
    struct row_place *placed;
    struct arena *arena;
};

void test_query_init(struct test_query *test)
{
    *test = (struct test_query){.arena = arena_create(NULL)};
    struct query *query = &test->query;
    query->arena = test->arena;
    query->symbols = symbols_new(test->arena);
    budget_init(&query->budget, NULL, "--query.memory-limit", 0);
    annotations_init(&query->annotations, test->arena);
    query->pool = pool_create(1 << 20);
    query->thread_count = 1;
    query->lookback_ms = 300000;
}

void test_query_done(struct test_query *test)
{
    symbols_done(test->query.symbols);
    pool_destroy(test->query.pool);
    arena_destroy(test->arena);
}

const struct labels *test_labels(struct query *query, const char *const *texts)
{
    struct labels_builder builder = {0};
    labels_builder_reset(&builder, query->symbols, &labels_empty);
    for (; *texts; texts += 2)
        labels_builder_set(&builder, symbols_add(query->symbols, str_of(texts[0])),
                           symbols_add(query->symbols, str_of(texts[1])));
    const struct labels *labels = labels_builder_labels(&builder, query->arena);
    labels_builder_done(&builder);
    return labels;
}

static bool test_rows_open(struct op *op, struct err *err)
{
    return true;
}

static bool test_rows_arrange(struct op *op, struct err *err)
{
    return true;
}

/* That of the batch's point at index i. */
static const struct histogram *test_rows_given(const struct test_rows *self, size_t i)
{
    size_t steps = self->op.grid.count;
    size_t series = self->op.order[self->op.rows_done + i / steps];
    return self->given ? self->given[series * steps + i % steps] : NULL;
}

static void test_rows_mix(struct test_rows *self, struct batch *batch)
{
    arena_destroy(self->arena);
    self->arena = arena_create(NULL);
    batch->histograms = self->histograms;
    for (size_t i = 0; i < batch->row_count * batch->step_count; i++) {
        double v = batch->values[i];
        const struct histogram *given = test_rows_given(self, i);
        batch->histograms[i] = given ? histogram_copy(self->arena, given) : NULL;
        if (self->every == 0 || value_is_stale(v) || value_bits(v) % self->every != 0)
            continue;
        batch->histograms[i] = histogram_copy(self->arena, &(struct histogram){.count = v});
        batch->values[i] = value_stale();
    }
}

static void test_rows_take_column(struct test_rows *self)
{
    self->histograms = arena_array(self->op.query->arena, const struct histogram *,
                                   self->rows_per_batch * self->op.grid.count);
}

void op_test_rows_mix(struct op *op, unsigned every)
{
    struct test_rows *self = CONTAINER(struct test_rows, op, op);
    self->every = every;
    test_rows_take_column(self);
}

void op_test_rows_add(struct op *op, const struct histogram *const *histograms)
{
    struct test_rows *self = CONTAINER(struct test_rows, op, op);
    self->given = histograms;
    test_rows_take_column(self);
}

void test_rows_unmix(double *row, const struct histogram *const *histograms, size_t steps)
{
    for (size_t s = 0; histograms && s < steps; s++) {
        if (!histograms[s])
            continue;
        ck_assert(value_is_stale(row[s]));
        row[s] = histograms[s]->count;
    }
}

static bool test_rows_pull(struct op *op, struct batch *ret, struct err *err)
{
    struct test_rows *self = CONTAINER(struct test_rows, op, op);
    size_t steps = op->grid.count;
    size_t count = op->order_count - op->rows_done;
    if (count > self->rows_per_batch)
        count = self->rows_per_batch;
    for (size_t i = 0; i < count; i++)
        memcpy(self->buffer + i * steps, self->values + op->order[op->rows_done + i] * steps,
               steps * sizeof(double));
    *ret = (struct batch){.values = self->buffer, .row_count = count, .step_count = steps};
    for (size_t i = 0; self->places && i < count; i++)
        self->placed[i] = self->places[op->order[op->rows_done + i]];
    ret->places = self->placed;
    if (self->histograms)
        test_rows_mix(self, ret);
    return true;
}

static const bool *test_rows_holds(struct op *op)
{
    const struct test_rows *self = CONTAINER(struct test_rows, op, op);
    if (!self->given)
        return self->histograms ? op_all_series(op) : NULL;
    bool *holds = arena_array(op->query->arena, bool, op->series_count);
    for (size_t i = 0; i < op->series_count; i++)
        holds[i] = row_has_histogram(self->given + i * op->grid.count, op->grid.count);
    return holds;
}

static void test_rows_close(struct op *op)
{
    struct test_rows *self = CONTAINER(struct test_rows, op, op);
    arena_destroy(self->arena);
    self->arena = NULL;
}

static const struct op_class test_rows_class = {
    .name = "test_rows",
    .open = test_rows_open,
    .holds = test_rows_holds,
    .arrange = test_rows_arrange,
    .pull = test_rows_pull,
    .close = test_rows_close,
};

/* For operators above it is another kind of child. */
static const struct op_class test_rows_placing_class = {
    .name = "test_rows",
    .places_rows = true,
    .open = test_rows_open,
    .holds = test_rows_holds,
    .arrange = test_rows_arrange,
    .pull = test_rows_pull,
    .close = test_rows_close,
};

void op_test_rows_place(struct op *op, const struct row_place *places)
{
    struct test_rows *self = CONTAINER(struct test_rows, op, op);
    op->class = &test_rows_placing_class;
    self->places = places;
    self->placed = arena_array(op->query->arena, struct row_place, self->rows_per_batch);
}

struct op *op_test_rows_new(struct query *query, const struct grid *grid,
                            const struct labels **labels, const double *values, size_t series_count,
                            size_t rows_per_batch)
{
    struct test_rows *self = arena_new(query->arena, struct test_rows);
    op_init(&self->op, &test_rows_class, query, grid);
    self->op.labels = labels;
    self->op.series_count = series_count;
    self->values = values;
    self->rows_per_batch = rows_per_batch;
    self->buffer = arena_array(query->arena, double, rows_per_batch * grid->count);
    return &self->op;
}
