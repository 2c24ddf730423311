#include "engine/op/info.h"

#include "base/test.h"
#include "engine/op/test_matrix.h"
#include "model/matcher.h"
#include "storage/test_storage.h"

#define STEPS 4

struct fixture {
    struct test_query test;
    struct test_storage storage;
    struct vector_selector selector;
    struct matcher *matchers[2];
};

static void fixture_init(struct fixture *f)
{
    *f = (struct fixture){0};
    test_query_init(&f->test);
    test_storage_init(&f->storage);
    f->test.query.storage = &f->storage.storage;
    f->selector.matchers = f->matchers;
}

static void fixture_done(struct fixture *f)
{
    for (size_t i = 0; i < f->selector.matcher_count; i++)
        matcher_done(f->matchers[i]);
    test_query_done(&f->test);
    test_storage_done(&f->storage);
}

static void fixture_match(struct fixture *f, enum match_kind kind, const char *name,
                          const char *value)
{
    struct err err = {0};
    ck_assert(matcher_new(f->test.query.arena, kind, str_of(name), str_of(value),
                          &f->matchers[f->selector.matcher_count++], &err));
}

/* An info metric with samples at these steps. */
static void fixture_add(struct fixture *f, const char *name, const char *version, size_t first,
                        size_t count)
{
    int64_t times_ms[STEPS];
    double values[STEPS];
    for (size_t i = 0; i < count; i++) {
        times_ms[i] = (int64_t)((first + i) * 1000);
        values[i] = 1;
    }
    test_storage_add(&f->storage,
                     (const char *const[]){"__name__", name, "instance", "i", "job", "j", "version",
                                           version, "z", "9", NULL},
                     times_ms, values, count);
}

static const struct plan_select *fixture_select(struct query *query)
{
    struct plan_select *select = arena_new(query->arena, struct plan_select);
    *select = (struct plan_select){
        .refs = {0, 1000, STEPS}, .range_ms = 500, .begin_ms = -499, .end_ms = 3000};
    return select;
}

/* info() of one series of that instance and job, which has the step's number at each step. */
static struct op *fixture_op(struct fixture *f)
{
    static const double values[] = {0, 1, 2, 3};
    struct query *query = &f->test.query;
    struct grid grid = {0, 1000, STEPS};
    const struct labels **labels = arena_array(query->arena, const struct labels *, 1);
    labels[0] = TEST_LABELS(query, "__name__", "m", "instance", "i", "job", "j");
    struct op *base = op_test_rows_new(query, &grid, labels, values, 1, 1);
    op_test_rows_mix(base, 1);
    return op_info_new(query, base, f->selector.matcher_count ? &f->selector : NULL,
                       fixture_select(query));
}

/* The rows come last one first; -1: no point. */
static void gives(struct op *op, const char *const *texts, const double *values, size_t count)
{
    struct err err = {0};
    struct query *query = op->query;
    ck_assert_msg(op_open(op, &err), "%s", err.msg);
    ck_assert_uint_eq(op->series_count, count);
    uint32_t *order = arena_array(query->arena, uint32_t, count);
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)(count - 1 - i);
    ck_assert(op_arrange(op, order, count, &err));
    struct row_reader rows = {.op = op};
    double *row;
    for (size_t i = count; i-- > 0;) {
        AUTO(buf_done) struct buf text = {0};
        labels_print_metric(query->symbols, op->labels[i], &text);
        ck_assert_str_eq(buf_terminated(&text), texts[i]);
        ck_assert_int_eq(row_reader_next(&rows, &row, &err), PULL_BATCH);
        test_rows_unmix(row, rows.histograms, STEPS);
        for (size_t s = 0; s < STEPS; s++) {
            double wanted = values[i * STEPS + s];
            ck_assert(wanted < 0 ? value_is_stale(row[s]) : row[s] == wanted);
        }
    }
    op_close(op);
    ck_assert_uint_eq(query->budget.used_bytes, 0);
}

#define BASE "m{instance=\"i\", job=\"j\""

START_TEST(labels_change_from_step_to_step)
{
    struct fixture f;
    fixture_init(&f);
    fixture_add(&f, "target_info", "1", 0, 1);
    fixture_add(&f, "target_info", "2", 1, 2);
    fixture_add(&f, "other_info", "3", 0, 4);
    gives(fixture_op(&f),
          (const char *const[]){BASE ", version=\"1\", z=\"9\"}", BASE ", version=\"2\", z=\"9\"}",
                                BASE "}"},
          (const double[]){0, -1, -1, -1, -1, 1, 2, -1, -1, -1, -1, 3}, 3);
    fixture_done(&f);
}
END_TEST

START_TEST(a_selector_names_metrics_and_labels)
{
    struct fixture f;
    fixture_init(&f);
    fixture_add(&f, "target_info", "1", 0, 4);
    fixture_add(&f, "other_info", "3", 1, 2);
    fixture_match(&f, MATCH_EQUAL, "__name__", "other_info");
    fixture_match(&f, MATCH_REGEX, "version", ".+");
    gives(fixture_op(&f), (const char *const[]){BASE ", version=\"3\"}"},
          (const double[]){-1, 1, 2, -1}, 1);
    fixture_done(&f);
}
END_TEST

START_TEST(names_that_are_excluded_leave_all_others)
{
    struct fixture f;
    fixture_init(&f);
    fixture_add(&f, "target_info", "1", 0, 4);
    fixture_add(&f, "other_info", "3", 0, 4);
    fixture_match(&f, MATCH_NOT_EQUAL, "__name__", "target_info");
    gives(fixture_op(&f), (const char *const[]){BASE ", version=\"3\", z=\"9\"}"},
          (const double[]){0, 1, 2, 3}, 1);
    fixture_done(&f);
}
END_TEST

static void refuses(struct fixture *f, const char *message)
{
    struct err err = {0};
    struct op *op = fixture_op(f);
    struct batch batch;
    enum pull got = op_open(op, &err) ? PULL_BATCH : PULL_ERR;
    while (got == PULL_BATCH)
        got = op_pull(op, &batch, &err);
    ck_assert_int_eq(got, PULL_ERR);
    ck_assert_str_eq(err.msg, message);
    op_close(op);
    ck_assert_uint_eq(f->test.query.budget.used_bytes, 0);
}

START_TEST(refuses_two_of_one_time)
{
    struct fixture f;
    fixture_init(&f);
    fixture_add(&f, "target_info", "1", 2, 1);
    fixture_add(&f, "target_info", "2", 2, 1);
    refuses(&f,
            "found duplicate series for info metric: existing {__name__=\"target_info\", "
            "instance=\"i\", job=\"j\", version=\"1\", z=\"9\"} @ 2000, new "
            "{__name__=\"target_info\", instance=\"i\", job=\"j\", version=\"2\", "
            "z=\"9\"} @ 2000");
    fixture_done(&f);
}
END_TEST

START_TEST(base_series_without_a_point_ask_for_nothing)
{
    struct fixture f;
    fixture_init(&f);
    fixture_add(&f, "target_info", "1", 2, 1);
    fixture_add(&f, "target_info", "2", 2, 1);
    struct query *query = &f.test.query;
    double values[2 * STEPS];
    for (size_t i = 0; i < 2 * STEPS; i++)
        values[i] = i < STEPS ? (double)i : MISSING;
    const struct labels *labels[] = {
        TEST_LABELS(query, "__name__", "m", "instance", "other", "job", "j"),
        TEST_LABELS(query, "__name__", "m", "instance", "i", "job", "j"),
    };
    struct op *base = op_test_rows_new(query, &(struct grid){0, 1000, STEPS}, labels, values, 2, 1);
    gives(op_info_new(query, base, NULL, fixture_select(query)),
          (const char *const[]){"m{instance=\"other\", job=\"j\"}", BASE "}",
                                BASE ", version=\"1\", z=\"9\"}"},
          (const double[]){0, 1, 2, 3, -1, -1, -1, -1, -1, -1, -1, -1}, 3);
    fixture_done(&f);
}
END_TEST

START_TEST(refuses_metrics_that_contradict_each_other)
{
    struct fixture f;
    fixture_init(&f);
    fixture_add(&f, "target_info", "1", 0, 4);
    fixture_add(&f, "other_info", "3", 3, 1);
    fixture_match(&f, MATCH_REGEX, "__name__", ".+_info");
    refuses(&f, "conflicting label: version");
    fixture_done(&f);
}
END_TEST

TEST_MAIN("info", labels_change_from_step_to_step, a_selector_names_metrics_and_labels,
          names_that_are_excluded_leave_all_others, refuses_two_of_one_time,
          refuses_metrics_that_contradict_each_other, base_series_without_a_point_ask_for_nothing)
