#include "server/feature_flags.h"

#include "base/test.h"

struct told {
    size_t known, unknown;
};

static void count(void *context, struct str name, bool known)
{
    struct told *told = context;
    if (known)
        told->known++;
    else
        told->unknown++;
}

START_TEST(sets_what_a_query_sees)
{
    struct told told = {0};
    struct features features = features_read(
        "promql-delayed-name-removal,,use-start-timestamps,promql-duration-expr,nonsense", count,
        &told);
    ck_assert(features.modes.delayed_names);
    ck_assert(features.modes.start_timestamps);
    ck_assert(!features.modes.type_and_unit);
    ck_assert(!features.parse.experimental_functions);
    ck_assert(!features.starts);
    ck_assert(features_read("st-storage", NULL, NULL).starts);
    ck_assert(!features.step_stats);
    ck_assert(features_read("promql-per-step-stats", NULL, NULL).step_stats);
    ck_assert(features_read("x,metadata-wal-records", NULL, NULL).metadata);
    ck_assert_uint_eq(told.known, 3);
    ck_assert_uint_eq(told.unknown, 1);
}
END_TEST

START_TEST(all_is_off_by_default)
{
    struct features features = features_read("", NULL, NULL);
    ck_assert(!features.parse.experimental_functions && !features.parse.extended_selectors &&
              !features.parse.fill_modifiers && !features.modes.delayed_names &&
              !features.modes.type_and_unit && !features.modes.start_timestamps);
}
END_TEST

TEST_MAIN("features", sets_what_a_query_sees, all_is_off_by_default)
