#include "http/params.h"

#include "base/test.h"

static struct params parse(struct arena *arena, const char *text)
{
    struct params params = {0};
    params_parse(&params, str_of(text), arena);
    return params;
}

#define CHECK_VALUE(params, name, expected) \
    ck_assert(str_eq(params_get((params), (name)), str_of(expected)))

START_TEST(decodes_names_and_values)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct params params =
        parse(arena, "query=sum%28rate(x%5B5m%5D)%29+%2B+1&match%5B%5D=up&&empty");
    ck_assert_uint_eq(params.count, 3);
    CHECK_VALUE(&params, "query", "sum(rate(x[5m])) + 1");
    CHECK_VALUE(&params, "match[]", "up");
    CHECK_VALUE(&params, "empty", "");
    CHECK_VALUE(&params, "missing", "");
    ck_assert_ptr_null(params.fault);
}
END_TEST

START_TEST(gives_all_values_in_order)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct params params = parse(arena, "match[]=a&other=1&match[]=b");
    params_parse(&params, STR("match[]=c"), arena);
    size_t at = 0;
    struct str value;
    const char *expected[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++) {
        ck_assert(params_next(&params, "match[]", &at, &value));
        ck_assert(str_eq(value, str_of(expected[i])));
    }
    ck_assert(!params_next(&params, "match[]", &at, &value));
    CHECK_VALUE(&params, "match[]", "a");
}
END_TEST

START_TEST(leaves_bad_pairs_out_and_remembers_the_first)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct params params = parse(arena, "a=%zz1&b=2;c=3&d=4&e=%");
    ck_assert_uint_eq(params.count, 1);
    CHECK_VALUE(&params, "d", "4");
    ck_assert_str_eq(params.fault, "invalid URL escape \"%zz\"");

    params = parse(arena, "x=%4");
    ck_assert_str_eq(params.fault, "invalid URL escape \"%4\"");
    params = parse(arena, "x=1;y=2&z=%");
    ck_assert_str_eq(params.fault, "invalid semicolon separator in query");
}
END_TEST

START_TEST(keeps_zero_bytes_and_what_is_no_text)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct params params = parse(arena, "q=a%00b%FF");
    struct str value = params_get(&params, "q");
    ck_assert_uint_eq(value.len, 4);
    ck_assert_int_eq(memcmp(value.ptr, "a\0b\xff", 4), 0);
}
END_TEST

START_TEST(bounds_the_number_of_parameters)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    AUTO(buf_done) struct buf text = {0};
    for (size_t i = 0; i < PARAMS_COUNT_MAX + 10; i++)
        buf_text(&text, "a=1&");
    struct params params = {0};
    params_parse(&params, buf_view(&text), arena);
    ck_assert_uint_eq(params.count, PARAMS_COUNT_MAX);
    ck_assert_str_eq(params.fault, "too many parameters");
}
END_TEST

START_TEST(encodes_what_decodes_to_the_same)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    AUTO(buf_done) struct buf out = {0};
    percent_encode(STR("a b+c/\xc3\xa9~"), &out);
    ck_assert_str_eq(buf_terminated(&out), "a%20b%2Bc%2F%C3%A9~");
    struct str back;
    ck_assert(percent_decode(buf_view(&out), true, arena, &back));
    ck_assert(str_eq(back, STR("a b+c/\xc3\xa9~")));
}
END_TEST

TEST_MAIN("params", decodes_names_and_values, gives_all_values_in_order,
          leaves_bad_pairs_out_and_remembers_the_first, keeps_zero_bytes_and_what_is_no_text,
          bounds_the_number_of_parameters, encodes_what_decodes_to_the_same)
