#include "base/float_text.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/test.h"

typedef size_t write_fn(char *out, double v);

static void says(write_fn *write, double v, const char *want)
{
    char text[FLOAT_TEXT_SIZE + 1];
    size_t len = write(text, v);
    ck_assert_uint_lt(len, FLOAT_TEXT_SIZE);
    text[len] = '\0';
    ck_assert_str_eq(text, want);
}

START_TEST(plain)
{
    says(float_text_f, 0, "0");
    says(float_text_f, -0.0, "-0");
    says(float_text_f, 1e21, "1000000000000000000000");
    says(float_text_f, 0.1, "0.1");
    says(float_text_f, -123.456, "-123.456");
    says(float_text_f, 1e-7, "0.0000001");
    says(float_text_f, 9007199254740993.0, "9007199254740992");
    says(float_text_f, INFINITY, "+Inf");
    says(float_text_f, -INFINITY, "-Inf");
    says(float_text_f, NAN, "NaN");
    says(float_text_f, 1.2345678901234567e17, "123456789012345660");
}
END_TEST

START_TEST(json_turns_to_exponents_at_the_ends)
{
    says(float_text_json, 1e21, "1e+21");
    says(float_text_json, 1e20, "100000000000000000000");
    says(float_text_json, 1e-6, "0.000001");
    says(float_text_json, 9.99e-7, "9.99e-07");
    says(float_text_json, 5e-324, "5e-324");
    says(float_text_json, -1.5e300, "-1.5e+300");
    says(float_text_gojson, 9.99e-7, "9.99e-7");
    says(float_text_gojson, 1.5e21, "1.5e+21");
    says(float_text_gojson, 1.5, "1.5");
}
END_TEST

START_TEST(general_has_its_limit_at_six)
{
    says(float_text_g, 100000, "100000");
    says(float_text_g, 1000000, "1e+06");
    says(float_text_g, 1234567, "1.234567e+06");
    says(float_text_g, 0.0001, "0.0001");
    says(float_text_g, 0.00001, "1e-05");
}
END_TEST

START_TEST(given_digits)
{
    char text[FLOAT_TEXT_SIZE];
    size_t len = float_text_fixed(text, 10.0005, 3);
    ck_assert(str_eq((struct str){text, len}, STR("10.001")) ||
              str_eq((struct str){text, len}, STR("10.000")));
    len = float_text_g_digits(text, 1234, 2);
    ck_assert(str_eq((struct str){text, len}, STR("1.2e+03")));
    len = float_text_g_digits(text, 0.5, 2);
    ck_assert(str_eq((struct str){text, len}, STR("0.5")));
    len = float_text_g_digits(text, 10, 2);
    ck_assert(str_eq((struct str){text, len}, STR("10")));
}
END_TEST

static bool reads(const char *text, double *v)
{
    bool range;
    return float_parse(str_of(text), v, &range);
}

START_TEST(parse_takes_what_go_takes)
{
    double v;
    ck_assert(reads("1e3", &v) && v == 1000);
    ck_assert(reads("+.5", &v) && v == 0.5);
    ck_assert(reads("5.", &v) && v == 5);
    ck_assert(reads("-0", &v) && signbit(v));
    ck_assert(reads("+Inf", &v) && v == INFINITY);
    ck_assert(reads("-infinity", &v) && v == -INFINITY);
    ck_assert(reads("NaN", &v) && isnan(v));
    ck_assert(reads("0x1p4", &v) && v == 16);
    ck_assert(reads("1e-400", &v) && v == 0);
    const char *refused[] = {"",   "+",   "1_000", "1e", "0x1", "+nan", "1 ",
                             " 1", "--1", "infi",  ".",  "e5",  "1e400"};
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++)
        ck_assert_msg(!reads(refused[i], &v), "took %s", refused[i]);
}
END_TEST

START_TEST(reads_back_what_it_wrote)
{
    uint64_t state = 1;
    for (int i = 0; i < 200000; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        uint64_t bits = state ^ (state >> 33);
        double v, back;
        memcpy(&v, &bits, sizeof v);
        if (isnan(v))
            continue;
        char text[FLOAT_TEXT_SIZE];
        bool range;
        size_t len = i % 2 ? float_text_json(text, v) : float_text_f(text, v);
        ck_assert(float_parse((struct str){text, len}, &back, &range));
        ck_assert_mem_eq(&v, &back, sizeof v);
    }
}
END_TEST

/* Two ways through different code, for any number of digits in front of the point and behind it. */
START_TEST(plain_and_json_agree_where_both_are_plain)
{
    uint64_t state = 7;
    for (int i = 0; i < 400000; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        double v = (double)(state >> (11 + i % 50));
        for (uint64_t k = state % 24; k > 0; k--)
            v /= 10;
        v = i % 3 ? v : -v;
        if (v != 0 && (fabs(v) < 1e-6 || fabs(v) >= 1e21))
            continue;
        char left[FLOAT_TEXT_SIZE], right[FLOAT_TEXT_SIZE];
        struct str a = {left, float_text_json(left, v)};
        struct str b = {right, float_text_f(right, v)};
        ck_assert_msg(str_eq(a, b), "%.*s against %.*s", STR_ARGS(a), STR_ARGS(b));
        ck_assert_uint_le(a.len, 25);
    }
}
END_TEST

TEST_MAIN("float_text", plain, json_turns_to_exponents_at_the_ends, general_has_its_limit_at_six,
          given_digits, parse_takes_what_go_takes, reads_back_what_it_wrote,
          plain_and_json_agree_where_both_are_plain)
