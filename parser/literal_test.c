#include "parser/literal.h"

#include <math.h>

#include "base/test.h"

static double number(const char *text)
{
    struct err err = {0};
    double value = 0;
    ck_assert_msg(literal_number(str_of(text), &value, &err), "%s: %s", text, err.msg);
    return value;
}

static void refuses_number(const char *text, const char *message)
{
    struct err err = {0};
    double value = 0;
    ck_assert(!literal_number(str_of(text), &value, &err));
    ck_assert_str_eq(err.msg, message);
}

START_TEST(reads_integers_of_three_bases)
{
    ck_assert_double_eq(number("42"), 42);
    ck_assert_double_eq(number("0"), 0);
    ck_assert_double_eq(number("0x1F"), 31);
    ck_assert_double_eq(number("0X_1f"), 31);
    ck_assert_double_eq(number("0755"), 493);
    ck_assert_double_eq(number("1_000_000"), 1e6);
    ck_assert_double_eq(number("0_7"), 7);
}
END_TEST

START_TEST(reads_floats)
{
    ck_assert_double_eq(number(".5"), 0.5);
    ck_assert_double_eq(number("5."), 5);
    ck_assert_double_eq(number("1.5e-3"), 0.0015);
    ck_assert_double_eq(number("1_0.5_0e1_0"), 10.5e10);
    ck_assert_double_eq(number("08"), 8);
    ck_assert_double_eq(number("9223372036854775808"), 0x1p63);
    ck_assert_double_infinite(number("inf"));
    ck_assert_double_nan(number("NaN"));
}
END_TEST

START_TEST(refuses_numbers_as_go)
{
    refuses_number("1e",
                   "error parsing number: strconv.ParseFloat: parsing \"1e\": invalid syntax");
    refuses_number("0x",
                   "error parsing number: strconv.ParseFloat: parsing \"0x\": invalid syntax");
    refuses_number("1_",
                   "error parsing number: strconv.ParseFloat: parsing \"1_\": invalid syntax");
    refuses_number(
        "1e400", "error parsing number: strconv.ParseFloat: parsing \"1e400\": value out of range");
    refuses_number("0xfffffffffffffffff",
                   "error parsing number: strconv.ParseFloat: parsing "
                   "\"0xfffffffffffffffff\": invalid syntax");
}
END_TEST

START_TEST(durations_are_seconds)
{
    struct err err = {0};
    double seconds = 0;
    ck_assert(literal_duration(STR("1h30m"), &seconds, &err));
    ck_assert_double_eq(seconds, 5400);
    ck_assert(literal_duration(STR("1s7ms"), &seconds, &err));
    ck_assert_double_eq(seconds, 1.007);
    ck_assert(!literal_duration(STR("5m1h"), &seconds, &err));
    ck_assert_str_eq(err.msg, "not a valid duration string: \"5m1h\"");
}
END_TEST

static void reads_string(struct str text, struct str wanted)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct str got = literal_string(text, arena);
    ck_assert_msg(str_eq(got, wanted), "%.*s: %.*s", STR_ARGS(text), STR_ARGS(got));
}

START_TEST(takes_strings_out_of_their_quotes)
{
    reads_string(STR("\"\""), STR(""));
    reads_string(STR("'a\"b'"), STR("a\"b"));
    reads_string(STR("`a\\n`"), STR("a\\n"));
    reads_string(STR("\"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\""), STR("\a\b\f\n\r\t\v\\\""));
    reads_string(STR("'\\''"), STR("'"));
    reads_string(STR("\"\\000\\101\\377\\x41\\xfF\""), STR("\0A\377A\377"));
    reads_string(STR("\"\\u00e9\\U0001F600\""), STR("\303\251\360\237\230\200"));
}
END_TEST

START_TEST(converts_to_integers_as_go_on_amd64)
{
    ck_assert_int_eq(int64_of(-1.9), -1);
    ck_assert_int_eq(int64_of(0x1p63), INT64_MIN);
    ck_assert_int_eq(int64_of(-0x1p63), INT64_MIN);
    ck_assert_int_eq(int64_of(NAN), INT64_MIN);
}
END_TEST

TEST_MAIN("literal", reads_integers_of_three_bases, reads_floats, refuses_numbers_as_go,
          durations_are_seconds, takes_strings_out_of_their_quotes,
          converts_to_integers_as_go_on_amd64)
