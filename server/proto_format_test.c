#include "server/proto_format.h"

#include "base/test.h"

static const struct text_format escaped = {.protobuf = true};

/* What is written, in hexadecimal digits. */
static void check(const struct buf *out, const char *expected)
{
    AUTO(buf_done) struct buf digits = {0};
    for (size_t i = 0; i < out->len; i++)
        buf_printf(&digits, "%02x", (unsigned char)out->ptr[i]);
    ck_assert_str_eq(buf_terminated(&digits), expected);
}

START_TEST(a_family_stands_behind_its_length)
{
    AUTO(buf_done) struct buf out = {0};
    proto_put_family(escaped, STR("a.b"), EXPOSED_GAUGE_HISTOGRAM, 200, &out);
    check(&out,
          "cf01"
          "0a03"
          "615f62"
          "1805");
}
END_TEST

static void check_sample(const struct exposed_sample *sample, const char *expected)
{
    AUTO(buf_done) struct buf out = {0};
    proto_put_sample(escaped, sample, &out);
    check(&out, expected);
}

START_TEST(a_float_with_labels)
{
    const struct exposed_label labels[] = {{STR("x.y"), STR("z")}, {STR("instance"), STR("")}};
    const struct exposed_sample sample = {labels, 2, 300, 1, NULL};
    check_sample(&sample,
                 "2226"
                 "0a08"
                 "0a03"
                 "785f79"
                 "1201"
                 "7a"
                 "0a0c"
                 "0a08"
                 "696e7374616e6365"
                 "1200"
                 "2a09"
                 "09"
                 "000000000000f03f"
                 "30ac02");
}
END_TEST

START_TEST(buckets_of_an_exponential_schema)
{
    static const struct histogram_span span = {-1, 1};
    static const double counts[] = {2};
    const struct histogram h = {.schema = -1,
                                .count = 2,
                                .sum = -1,
                                .zero_threshold = 0,
                                .negative = {&span, counts, 1, 1}};
    const struct exposed_sample sample = {NULL, 0, 1, 0, &h};
    check_sample(&sample,
                 "2239"
                 "3001"
                 "3a35"
                 "11"
                 "000000000000f0bf"
                 "21"
                 "0000000000000040"
                 "2801"
                 "31"
                 "0000000000000000"
                 "41"
                 "0000000000000000"
                 "4a04"
                 "0801"
                 "1001"
                 "59"
                 "0000000000000040");
}
END_TEST

START_TEST(custom_bounds_as_classic_buckets)
{
    static const struct histogram_span span = {1, 1};
    static const double counts[] = {2}, bounds[] = {0, 1};
    const struct histogram h = {.schema = HISTOGRAM_SCHEMA_CUSTOM,
                                .count = 2,
                                .sum = 1,
                                .positive = {&span, counts, 1, 1},
                                .custom_bounds = bounds,
                                .custom_bound_count = 2};
    const struct exposed_sample sample = {NULL, 0, 1, 0, &h};
    check_sample(&sample,
                 "223e"
                 "3001"
                 "3a3a"
                 "11"
                 "000000000000f03f"
                 "1a12"
                 "11"
                 "0000000000000000"
                 "21"
                 "0000000000000000"
                 "1a12"
                 "11"
                 "000000000000f03f"
                 "21"
                 "0000000000000040"
                 "21"
                 "0000000000000040");
}
END_TEST

TEST_MAIN("proto_format", a_family_stands_behind_its_length, a_float_with_labels,
          buckets_of_an_exponential_schema, custom_bounds_as_classic_buckets)
