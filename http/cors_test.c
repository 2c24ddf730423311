#include "http/cors.h"

#include "base/test.h"

static const char *header(const struct answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->header_count; i++)
        if (strcmp(answer->headers[i].name, name) == 0)
            return answer->headers[i].value;
    return NULL;
}

START_TEST(says_that_the_origin_matters)
{
    struct err err;
    struct cors cors;
    ck_assert(cors_init(&cors, STR(".*"), &err));
    struct answer answer = {0};
    cors_answer_origin(&cors, NULL, &answer);
    ck_assert_uint_eq(answer.header_count, 1);
    ck_assert_str_eq(header(&answer, "Vary"), "Origin");
    cors_done(&cors);
}
END_TEST

START_TEST(lets_any_origin_in)
{
    struct err err;
    struct cors cors;
    ck_assert(cors_init(&cors, STR(".*"), &err));
    struct answer answer = {0};
    cors_answer_origin(&cors, "https://a.example", &answer);
    ck_assert_str_eq(header(&answer, "Access-Control-Allow-Origin"), "https://a.example");
    ck_assert_str_eq(header(&answer, "Access-Control-Allow-Methods"), "GET, POST, OPTIONS");
    ck_assert_str_eq(header(&answer, "Access-Control-Expose-Headers"), "Date");
    cors_done(&cors);
}
END_TEST

START_TEST(lets_only_matching_origins_in)
{
    struct err err;
    struct cors cors;
    ck_assert(cors_init(&cors, STR("https?://(a|b)\\.example"), &err));
    struct answer good = {0};
    cors_answer_origin(&cors, "https://b.example", &good);
    ck_assert_str_eq(header(&good, "Access-Control-Allow-Origin"), "https://b.example");
    struct answer bad = {0};
    cors_answer_origin(&cors, "https://b.example.org", &bad);
    ck_assert_ptr_null(header(&bad, "Access-Control-Allow-Origin"));
    cors_done(&cors);
}
END_TEST

START_TEST(refuses_a_bad_pattern)
{
    struct err err;
    struct cors cors;
    ck_assert(!cors_init(&cors, STR("("), &err));
    ck_assert_int_eq(err.kind, ERR_BAD_DATA);
    cors_done(&cors);
}
END_TEST

TEST_MAIN("cors", says_that_the_origin_matters, lets_any_origin_in, lets_only_matching_origins_in,
          refuses_a_bad_pattern)
