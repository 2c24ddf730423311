#include "storage/test_life.h"

#include <stdio.h>

#include "base/test.h"
#include "storage/head_append.h"
#include "storage/head_delete.h"

uint64_t test_dice(struct test_life *life, uint64_t sides)
{
    life->dice = life->dice * 6364136223846793005u + 1442695040888963407u;
    return (life->dice >> 33) % sides;
}

static void append(struct head *head, struct append_series *series, struct wal_label *labels)
{
    struct err local = {0}; /* there may be another value at its time */
    series->labels = labels;
    series->label_count = 2;
    struct append_batch batch = {.series = series, .count = 1, .future_ms = INT64_MAX};
    struct append_result result;
    if (!head_append(head, &batch, APPEND_KEEP_GOOD, &result, &local))
        ck_assert_int_eq(local.kind, ERR_BAD_DATA);
}

static void append_histogram(struct test_life *life, struct head *head, struct wal_label *labels,
                             int64_t t_ms)
{
    static const double bounds[] = {0.5, 1, 2};
    bool is_float = test_dice(life, 2), is_custom = labels[0].value.ptr[0] == 'c';
    uint64_t counts[3];
    double total = 0;
    uint64_t whole = 0;
    for (int i = 0; i < 3; i++) {
        counts[i] = 1 + (uint64_t)t_ms / 1000 + test_dice(life, 3);
        whole += counts[i];
        total += (double)counts[i];
        counts[i] = is_float ? value_bits((double)counts[i]) : counts[i];
    }
    struct histogram_span span = {.offset = is_custom ? 0 : (int32_t)test_dice(life, 3),
                                  .length = 3};
    struct append_histogram sample = {
        .t_ms = t_ms,
        .raw = {.is_float = is_float,
                .sum =
                    test_dice(life, 20) ? (double)test_dice(life, 100) : value_of_bits(STALE_BITS),
                .count = is_float ? value_bits(total) : whole,
                .schema = is_custom ? HISTOGRAM_SCHEMA_CUSTOM : 1,
                .custom_bounds = is_custom ? bounds : NULL,
                .custom_bound_count = is_custom ? 3 : 0,
                .sides[0] = {&span, counts, 1, 3}},
    };
    append(head, &(struct append_series){.histograms = &sample, .histogram_count = 1}, labels);
}

static void append_any(struct test_life *life, struct head *head)
{
    static const char *const names[] = {"float", "histogram", "custom", "both"};
    char number[8];
    snprintf(number, sizeof number, "%d", (int)test_dice(life, 5));
    const char *name = names[test_dice(life, 4)];
    struct wal_label labels[] = {{STR("__name__"), str_of(name)}, {STR("n"), str_of(number)}};
    life->t_ms += (int64_t)test_dice(life, 20) * 1000;
    int64_t at_ms = life->t_ms - (test_dice(life, 30) ? 0 : (int64_t)test_dice(life, 400000));
    if (name[0] == 'f' || (name[0] == 'b' && test_dice(life, 2))) {
        double v = test_dice(life, 15) ? (double)test_dice(life, 1000) : value_of_bits(STALE_BITS);
        struct append_sample sample = {.t_ms = at_ms, .v = v};
        append(head, &(struct append_series){.samples = &sample, .sample_count = 1}, labels);
    } else {
        append_histogram(life, head, labels, at_ms);
    }
}

static void delete_any(struct test_life *life, struct head *head)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct matcher *some;
    struct err local = {0};
    ck_assert(matcher_new(arena, MATCH_EQUAL, STR("n"), STR("1"), &some, &local));
    int64_t begin_ms = life->t_ms - (int64_t)test_dice(life, 500000);
    struct time_range range = {begin_ms, begin_ms + (int64_t)test_dice(life, 100000)};
    ck_assert_msg(head_delete(head, &some, 1, range, &local), "%s", local.msg);
    matcher_done(some);
}

void test_life_go(struct test_life *life, struct head *head, int samples)
{
    for (int i = 0; i < samples; i++)
        append_any(life, head);
    if (test_dice(life, 2))
        delete_any(life, head);
}
