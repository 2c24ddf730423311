#include "server/param.h"

#include "base/test.h"

static struct err err;

static int64_t parsed_ms(const char *text)
{
    struct moment moment = {0};
    ck_assert_msg(moment_parse(str_of(text), &moment, &err), "%s", text);
    return moment_ms(moment);
}

START_TEST(reads_seconds)
{
    ck_assert_int_eq(parsed_ms("1760002000"), 1760002000000);
    ck_assert_int_eq(parsed_ms("1760002000.1239"), 1760002000124);
    ck_assert_int_eq(parsed_ms("1.760002e9"), 1760002000000);
    ck_assert_int_eq(parsed_ms("-5"), -5000);
    ck_assert_int_eq(parsed_ms("-5.25"), -5250);
    ck_assert_int_eq(parsed_ms("0x10p0"), 16000);
}
END_TEST

START_TEST(wraps_what_does_not_fit_as_go_does)
{
    ck_assert_int_eq(parsed_ms("1e30"), 0);
    ck_assert_int_eq(parsed_ms("-1e30"), 0);
}
END_TEST

START_TEST(reads_dates)
{
    ck_assert_int_eq(parsed_ms("2025-10-09T09:26:40Z"), 1760002000000);
    ck_assert_int_eq(parsed_ms("2025-10-09T09:56:40.5+00:30"), 1760002000500);
    ck_assert_int_eq(parsed_ms("2025-10-09T09:26:40.123456789-00:00"), 1760002000123);
    ck_assert_int_eq(parsed_ms("2024-02-29T00:00:00Z"), 1709164800000);
    ck_assert_int_eq(parsed_ms("1969-12-31T23:59:59.999Z"), -1);
    ck_assert_int_eq(parsed_ms("0001-01-01T00:00:00Z"), INT64_C(-62135596800000));
    ck_assert_int_eq(parsed_ms("-292273086-05-16T16:47:06Z"), INT64_C(-9223309901257974000));
    ck_assert_int_eq(parsed_ms("292277025-08-18T07:12:54.999999999Z"),
                     INT64_C(9223309901257974999));
}
END_TEST

START_TEST(refuses_what_is_no_time)
{
    static const char *const texts[] = {"",
                                        "x",
                                        "2025-02-29T00:00:00Z",
                                        "2025-13-01T00:00:00Z",
                                        "1_000",
                                        "1 ",
                                        "2025-10-09T24:00:00Z",
                                        "2025-10-09 09:26:40Z",
                                        "infinit",
                                        "--1",
                                        "2025-10-09T09:26:40",
                                        "2025-10-09T09:26:40.Z",
                                        "2025-1-09",
                                        "2025-10-09T09:26:40Zx"};
    struct moment moment;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        ck_assert_msg(!moment_parse(str_of(texts[i]), &moment, &err), "%s", texts[i]);
    ck_assert(!moment_parse(STR("a\"b"), &moment, &err));
    ck_assert_str_eq(err.msg, "cannot parse \"a\\\"b\" to a valid timestamp");
}
END_TEST

START_TEST(subtracts_and_cuts)
{
    struct moment a = {10, 500}, b = {9, 999999999};
    ck_assert_int_eq(moment_sub_ns(a, b), 501);
    ck_assert_int_eq(moment_sub_ns(b, a), -501);
    ck_assert_int_eq(moment_sub_ns(MOMENT_MAX, MOMENT_MIN), INT64_MAX);
    ck_assert_int_eq(moment_sub_ns(MOMENT_MIN, MOMENT_MAX), INT64_MIN);
    ck_assert(moment_before(b, a) && !moment_before(a, b) && !moment_before(a, a));
}
END_TEST

START_TEST(reads_intervals)
{
    int64_t ns;
    ck_assert(interval_parse(STR("15"), &ns, &err) && ns == INT64_C(15000000000));
    ck_assert(interval_parse(STR("0.0001"), &ns, &err) && ns == 100000);
    ck_assert(interval_parse(STR("-1"), &ns, &err) && ns == -INT64_C(1000000000));
    ck_assert(interval_parse(STR("1h30m"), &ns, &err) && ns == INT64_C(5400000000000));
    ck_assert(!interval_parse(STR("1e30"), &ns, &err));
    ck_assert_str_eq(err.msg, "cannot parse \"1e30\" to a valid duration. It overflows int64");
    ck_assert(!interval_parse(STR("soon"), &ns, &err));
    ck_assert_str_eq(err.msg, "cannot parse \"soon\" to a valid duration");
}
END_TEST

START_TEST(reads_limits)
{
    int64_t limit;
    ck_assert(limit_parse(STR(""), &limit, &err) && limit == 0);
    ck_assert(limit_parse(STR("+12"), &limit, &err) && limit == 12);
    ck_assert(!limit_parse(STR("-3"), &limit, &err));
    ck_assert_str_eq(err.msg, "limit must be non-negative");
    ck_assert(!limit_parse(STR("x"), &limit, &err));
    ck_assert_str_eq(err.msg, "strconv.Atoi: parsing \"x\": invalid syntax");
    ck_assert(!limit_parse(STR("9223372036854775808"), &limit, &err));
    ck_assert_str_eq(err.msg, "strconv.Atoi: parsing \"9223372036854775808\": value out of range");
    ck_assert(number_parse(STR("-9223372036854775808"), &limit, &err) && limit == INT64_MIN);
    ck_assert(!number_parse(STR("-"), &limit, &err));
}
END_TEST

START_TEST(reads_numbers_and_truth_as_go_does)
{
    int64_t number;
    bool truth;
    ck_assert(int32_parse(STR("-2147483648"), &number, &err) && number == INT32_MIN);
    ck_assert(!int32_parse(STR("2147483648"), &number, &err));
    ck_assert_str_eq(err.msg, "strconv.ParseInt: parsing \"2147483648\": value out of range");
    ck_assert(!int32_parse(STR("1x"), &number, &err));
    ck_assert_str_eq(err.msg, "strconv.ParseInt: parsing \"1x\": invalid syntax");
    ck_assert(bool_parse(STR("t"), &truth, &err) && truth);
    ck_assert(bool_parse(STR("FALSE"), &truth, &err) && !truth);
    ck_assert(!bool_parse(STR("yes"), &truth, &err));
    ck_assert_str_eq(err.msg, "strconv.ParseBool: parsing \"yes\": invalid syntax");
}
END_TEST

START_TEST(unescapes_names)
{
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"plain", "plain"},
        {"U__label_2e_dotted", "label.dotted"},
        {"U__a__b", "a_b"},
        {"U___fc_mlaut", "\xc3\xbcmlaut"},
        {"U___1F600_", "\xf0\x9f\x98\x80"},
        {"U__", ""},
        {"U__a_", "U__a_"},
        {"U__a_2e", "U__a_2e"},
        {"U__a_zz_", "U__a_zz_"},
        {"U__a_d800_", "U__a_d800_"},
        {"U__a_10ffff_", "U__a_10ffff_"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        AUTO(buf_done) struct buf out = {0};
        name_unescape(str_of(cases[i].text), &out);
        ck_assert_str_eq(buf_terminated(&out), cases[i].expected);
    }
}
END_TEST

TEST_MAIN("param", reads_seconds, wraps_what_does_not_fit_as_go_does, reads_dates,
          refuses_what_is_no_time, subtracts_and_cuts, reads_intervals, reads_limits,
          reads_numbers_and_truth_as_go_does, unescapes_names)
