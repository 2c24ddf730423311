#include "server/demo/fleet.h"

#include "base/test.h"
#include "model/sample.h"
#include "model/symbols.h"

static struct arena *arena;
static struct symbols *symbols;
static struct fleet fleet;

static const struct fleet_options options = {
    .instance_count = 8,
    .begin_ms = 1760000000000,
    .end_ms = 1760000000000 + 3 * 3600000,
    .interval_ms = 15000,
    .seed = 1,
};

static void begin(uint64_t seed)
{
    struct fleet_options own = options;
    own.seed = seed;
    arena = arena_create(NULL);
    symbols = symbols_new(arena);
    fleet_init(&fleet, &own, arena, symbols);
}

static void end(void)
{
    symbols_done(symbols);
    arena_destroy(arena);
}

/* One number out of all that a run gives. */
static uint64_t digest(uint64_t seed)
{
    uint64_t sum = 0;
    begin(seed);
    for (size_t i = 0; i < fleet.target_count; i++) {
        struct target *target = &fleet.targets[i];
        for (int64_t at; (at = target_next_ms(target)) != INT64_MAX;) {
            target_scrape(target);
            for (size_t k = 0; k < target->count; k++)
                sum = random_mix(sum ^ value_bits(target->values[k]) ^ (uint64_t)at);
        }
    }
    end();
    return sum;
}

START_TEST(gives_the_same_for_the_same_seed)
{
    ck_assert_uint_eq(digest(1), digest(1));
    ck_assert_uint_ne(digest(1), digest(2));
}
END_TEST

START_TEST(scrapes_within_the_time_and_in_order)
{
    begin(1);
    for (size_t i = 0; i < fleet.target_count; i++) {
        struct target *target = &fleet.targets[i];
        int64_t last_ms = target->begin_ms - 1;
        for (int64_t at; (at = target_next_ms(target)) != INT64_MAX;) {
            ck_assert_int_gt(at, last_ms);
            ck_assert_int_le(at, target->end_ms);
            last_ms = at;
            target_scrape(target);
        }
    }
    end();
}
END_TEST

START_TEST(has_outages_resets_and_targets_that_leave)
{
    size_t down = 0, resets = 0, left = 0;
    begin(1);
    for (size_t i = 0; i < fleet.target_count; i++) {
        struct target *target = &fleet.targets[i];
        double last_start = 0;
        size_t start_series = target->count - 1; /* start and boot times are declared last */
        while (target_next_ms(target) != INT64_MAX) {
            bool ends = target_ends(target);
            target_scrape(target);
            double up = target->values[target->up];
            double started = target->values[start_series];
            left += ends;
            down += up == 0;
            ck_assert_int_eq(value_is_stale(started), up != 1);
            resets += last_start != 0 && up == 1 && started != last_start;
            if (up == 1)
                last_start = started;
        }
    }
    end();
    ck_assert_uint_gt(down, 0);
    ck_assert_uint_gt(resets, 0);
    ck_assert_uint_eq(left, 2);
}
END_TEST

/* Buckets never fall along `le`, and +Inf equals the count. */
static void check_histograms(const struct target *target)
{
    double last = -1;
    uint32_t inf = symbols_find(symbols, STR("+Inf"));
    uint32_t bucket = symbols_find(symbols, STR("http_request_duration_seconds_bucket"));
    uint32_t count = symbols_find(symbols, STR("http_request_duration_seconds_count"));
    double last_inf = 0;
    for (size_t i = 0; i < target->count; i++) {
        uint32_t name = labels_get(target->labels[i], SYM_NAME);
        double v = target->values[i];
        if (name == bucket) {
            ck_assert(v >= last);
            last = v;
            if (labels_get(target->labels[i], SYM_LE) == inf) {
                last = -1;
                last_inf = v;
            }
        } else if (name == count) {
            ck_assert(v == last_inf);
        }
    }
}

START_TEST(has_histograms_that_add_up)
{
    begin(3);
    struct target *target = &fleet.targets[0];
    while (target_next_ms(target) != INT64_MAX) {
        target_scrape(target);
        if (target->values[target->up] == 1)
            check_histograms(target);
    }
    end();
}
END_TEST

TEST_MAIN("fleet", gives_the_same_for_the_same_seed, scrapes_within_the_time_and_in_order,
          has_outages_resets_and_targets_that_leave, has_histograms_that_add_up)
