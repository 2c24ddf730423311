#include "storage/remote/read_request.h"

#include "base/test.h"
#include "storage/remote/test_message.h"

static struct arena *arena;
static struct buf message, inside;
static struct read_request request;
static struct err err;

static void begin(void)
{
    arena = arena_create(NULL);
    request = (struct read_request){0};
    err_clear(&err);
}

static void end(void)
{
    arena_destroy(arena);
    buf_done(&message);
    buf_done(&inside);
    message = inside = (struct buf){0};
}

static bool decode(void)
{
    return read_request_decode(buf_view(&message), arena, &request, &err);
}

static void add_matcher(struct buf *query, unsigned type, const char *name, const char *value)
{
    struct buf matcher = {0};
    message_varint(&matcher, 1, type);
    message_text(&matcher, 2, name);
    message_text(&matcher, 3, value);
    message_end(query, 3, &matcher);
    buf_done(&matcher);
}

START_TEST(reads_queries_matchers_and_hints)
{
    begin();
    struct buf hints = {0};
    message_varint(&inside, 1, (uint64_t)-5);
    message_varint(&inside, 2, 7);
    add_matcher(&inside, 0, "a", "x");
    add_matcher(&inside, 3, "b", "y.*");
    message_varint(&hints, 1, 15000);
    message_text(&hints, 2, "rate");
    message_varint(&hints, 3, 1);
    message_varint(&hints, 4, 2);
    message_text(&hints, 5, "job");
    message_varint(&hints, 6, 1);
    message_varint(&hints, 7, 300000);
    message_end(&inside, 4, &hints);
    message_end(&message, 1, &inside);
    message_varint(&inside, 2, 9);
    message_end(&message, 1, &inside);
    message_text(&message, 77, "not known");
    ck_assert_msg(decode(), "%s", err.msg);

    ck_assert_uint_eq(request.count, 2);
    const struct read_query *query = &request.queries[0];
    ck_assert_int_eq(query->begin_ms, -5);
    ck_assert_int_eq(query->end_ms, 7);
    ck_assert_uint_eq(query->matcher_count, 2);
    ck_assert(str_eq(query->matchers[1].value, STR("y.*")));
    ck_assert(query->has_hints);
    ck_assert_int_eq(query->hint_begin_ms, 1);
    ck_assert_int_eq(query->hint_end_ms, 2);
    ck_assert(str_eq(query->hint_function, STR("rate")));
    ck_assert(!request.queries[1].has_hints);
    buf_done(&hints);
    end();
}
END_TEST

static void expect_type(const uint64_t *types, size_t count, bool packed,
                        enum read_answer_type expected)
{
    begin();
    for (size_t i = 0; i < count && !packed; i++)
        message_varint(&message, 2, types[i]);
    if (packed)
        message_varints(&message, 2, types, count);
    enum read_answer_type type;
    ck_assert_msg(decode(), "%s", err.msg);
    ck_assert_uint_eq(request.accepted_count, count);
    ck_assert(read_request_negotiate(&request, &type, &err));
    ck_assert_int_eq(type, expected);
    end();
}

START_TEST(the_first_type_that_there_is_wins)
{
    expect_type(NULL, 0, false, READ_SAMPLES);
    expect_type((uint64_t[]){0, 1}, 2, true, READ_SAMPLES);
    expect_type((uint64_t[]){1, 0}, 2, true, READ_STREAMED_CHUNKS);
    expect_type((uint64_t[]){300, 1, 0}, 3, true, READ_STREAMED_CHUNKS);
    expect_type((uint64_t[]){300, 0, 1}, 3, false, READ_SAMPLES);

    begin();
    message_varint(&message, 2, 2);
    message_varint(&message, 2, 17);
    enum read_answer_type type;
    ck_assert(decode());
    ck_assert(!read_request_negotiate(&request, &type, &err));
    ck_assert_int_eq(err.kind, ERR_BAD_DATA);
    ck_assert_str_eq(err.msg,
                     "server does not support any of the requested response types: [2 17]; "
                     "supported: map[SAMPLES:{} STREAMED_XOR_CHUNKS:{}]");
    end();
}
END_TEST

START_TEST(makes_matchers_of_all_kinds)
{
    begin();
    const char *values[] = {"x", "x", "x|y", "x.*"};
    for (unsigned i = 0; i < 4; i++)
        add_matcher(&inside, i, "a", values[i]);
    message_end(&message, 1, &inside);
    ck_assert(decode());
    struct matcher *matchers[4];
    size_t count;
    ck_assert(read_query_matchers(&request.queries[0], arena, matchers, &count, &err));
    ck_assert_uint_eq(count, 4);
    ck_assert(matcher_matches(matchers[0], STR("x")));
    ck_assert(!matcher_matches(matchers[1], STR("x")));
    ck_assert(matcher_matches(matchers[2], STR("y")));
    ck_assert(!matcher_matches(matchers[3], STR("xyz")));
    for (size_t i = 0; i < count; i++)
        matcher_done(matchers[i]);
    end();
}
END_TEST

START_TEST(refuses_matchers_that_are_none)
{
    begin();
    add_matcher(&inside, 0, "a", "x");
    add_matcher(&inside, 2, "a", "(");
    message_end(&message, 1, &inside);
    add_matcher(&inside, 4, "a", "x");
    message_end(&message, 1, &inside);
    ck_assert(decode());
    struct matcher *matchers[2];
    size_t count;
    ck_assert(!read_query_matchers(&request.queries[0], arena, matchers, &count, &err));
    ck_assert_uint_eq(count, 1);
    matcher_done(matchers[0]);
    ck_assert(!read_query_matchers(&request.queries[1], arena, matchers, &count, &err));
    ck_assert_str_eq(err.msg, "invalid matcher type");
    end();
}
END_TEST

/* Cut anywhere but between two fields, a message is refused. */
START_TEST(refuses_what_is_cut_short)
{
    begin();
    message_varint(&inside, 1, 1000);
    add_matcher(&inside, 0, "a", "x");
    message_end(&message, 1, &inside);
    size_t whole = message.len;
    for (message.len = 1; message.len < whole; message.len++) {
        err_clear(&err);
        ck_assert(!decode());
        ck_assert_str_eq(err.msg, "unexpected EOF");
    }
    ck_assert(decode());
    end();
}
END_TEST

START_TEST(charges_what_it_makes)
{
    begin();
    struct budget budget;
    budget_init(&budget, NULL, "--limit", 100000);
    struct arena *small = arena_create(&budget);
    for (size_t i = 0; i < 50000; i++)
        message_text(&message, 1, "");
    ck_assert(!read_request_decode(buf_view(&message), small, &request, &err));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    arena_destroy(small);
    end();
}
END_TEST

TEST_MAIN("read_request", reads_queries_matchers_and_hints, the_first_type_that_there_is_wins,
          makes_matchers_of_all_kinds, refuses_matchers_that_are_none, refuses_what_is_cut_short,
          charges_what_it_makes)
