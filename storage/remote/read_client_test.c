#include "storage/remote/read_client.h"

#include <stdio.h>

#include "base/crc32c.h"
#include "base/proto_writer.h"
#include "base/test.h"
#include "base/varint.h"
#include "storage/remote/read_request.h"
#include "storage/remote/test_message.h"
#include "storage/remote/test_server.h"

static const char *const one[] = {"__name__", "x", "a", "1", NULL};
static const char *const two[] = {"__name__", "x", "a", "2", NULL};
static const int64_t times[] = {1000, 2000, 3000};
static const double values[] = {1, 2, 3};

static struct test_server server;

static void begin(void)
{
    test_server_init(&server);
}

static void check_selected(const struct read_client_options *options, const char *expected)
{
    AUTO(buf_done) struct buf out = {0};
    ck_assert_int_eq(test_client_select(options, NULL, 0, 0, 5000, &out), ERR_NONE);
    ck_assert_str_eq(buf_terminated(&out), expected);
    test_server_done(&server);
}

START_TEST(takes_frames)
{
    begin();
    test_server_frame(&server, one, times, values, 3);
    test_server_frame(&server, two, times, values, 2);
    struct read_client_options options = test_server_options(&server, "there");
    check_selected(&options,
                   "{__name__=\"x\", a=\"1\"} 1000:1 2000:2 3000:3\n"
                   "{__name__=\"x\", a=\"2\"} 1000:1 2000:2\n");
}
END_TEST

START_TEST(takes_them_in_pieces_of_any_size)
{
    for (size_t piece = 1; piece < 300; piece += 7) {
        begin();
        server.piece_size = piece;
        test_server_frame(&server, one, times, values, 3);
        test_server_frame(&server, two, times, values, 1);
        struct read_client_options options = test_server_options(&server, "there");
        check_selected(&options,
                       "{__name__=\"x\", a=\"1\"} 1000:1 2000:2 3000:3\n"
                       "{__name__=\"x\", a=\"2\"} 1000:1\n");
    }
}
END_TEST

START_TEST(takes_a_series_of_many_frames)
{
    begin();
    test_server_frame(&server, one, times, values, 1);
    test_server_frame(&server, one, times + 1, values + 1, 1);
    test_server_frame(&server, two, times, values, 1);
    test_server_frame(&server, one, times + 1, values + 1, 2); /* late, and partly again */
    struct read_client_options options = test_server_options(&server, "there");
    check_selected(&options,
                   "{__name__=\"x\", a=\"1\"} 1000:1 2000:2 3000:3\n"
                   "{__name__=\"x\", a=\"2\"} 1000:1\n");
}
END_TEST

START_TEST(puts_more_than_it_holds_into_a_file)
{
    begin();
    static int64_t many_times[120];
    static double many[120];
    uint64_t noise = 1;
    for (int i = 0; i < 120; i++) {
        noise = noise * 6364136223846793005u + 1442695040888963407u;
        many_times[i] = i * 1000;
        many[i] = value_of_bits(noise >> 2);
    }
    char name[16];
    const char *labels[] = {"__name__", name, NULL};
    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof name, "x%03d", i);
        test_server_frame(&server, labels, many_times, many, 120);
    }
    struct read_client_options options = test_server_options(&server, "there");
    AUTO(buf_done) struct buf out = {0};
    ck_assert_int_eq(test_client_select(&options, NULL, 0, 0, 200000, &out), ERR_NONE);
    size_t lines = 0, samples = 0;
    for (size_t i = 0; i < out.len; i++) {
        lines += out.ptr[i] == '\n';
        samples += out.ptr[i] == ':';
    }
    ck_assert_uint_eq(lines, 600);
    ck_assert_uint_eq(samples, 600 * 120);
    ck_assert_uint_gt(server.spool_budget.peak_bytes, 500000);
    ck_assert_uint_eq(server.spool_budget.used_bytes, 0);
    test_server_done(&server);
}
END_TEST

START_TEST(takes_samples)
{
    begin();
    AUTO(buf_done) struct buf part = {0};
    AUTO(buf_done) struct buf series = {0};
    AUTO(buf_done) struct buf result = {0};
    AUTO(buf_done) struct buf message = {0};
    message_text(&part, 1, "__name__");
    message_text(&part, 2, "x");
    message_end(&series, 1, &part);
    for (int i = 0; i < 3; i++) {
        message_double(&part, 1, values[i]);
        message_varint(&part, 2, (uint64_t)times[i]);
        message_end(&series, 2, &part);
    }
    message_varint(&part, 1, 7); /* an integer histogram of seven observations in no bucket */
    message_double(&part, 3, 1.5);
    message_varint(&part, 6, 7);
    message_varint(&part, 15, 2500);
    message_end(&series, 4, &part);
    message_end(&result, 1, &series);
    message_end(&message, 1, &result);
    message_snappy(&server.answer, buf_view(&message));
    server.content_type = TEST_SAMPLED;
    struct read_client_options options = test_server_options(&server, "there");
    check_selected(&options, "{__name__=\"x\"} 1000:1 2000:2 3000:3 2500:h7\n");
}
END_TEST

START_TEST(asks_as_prometheus_does)
{
    begin();
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct matcher *matchers[2];
    struct err err;
    ck_assert(matcher_new(arena, MATCH_EQUAL, STR("__name__"), STR("x"), &matchers[0], &err));
    ck_assert(matcher_new(arena, MATCH_NOT_REGEX, STR("dc"), STR("b.*"), &matchers[1], &err));
    const struct read_pair external[] = {{STR("cluster"), STR("one")}, {STR("dc"), STR("e")}};
    struct read_client_options options = test_server_options(&server, "there");
    options.external_labels = external;
    options.external_label_count = 2;
    static const char *const labels[] = {"__name__", "x", "cluster", "one", "dc", "e", NULL};
    test_server_frame(&server, labels, times, values, 1);
    AUTO(buf_done) struct buf out = {0};
    ck_assert_int_eq(test_client_select(&options, matchers, 2, 500, 5000, &out), ERR_NONE);
    ck_assert_str_eq(buf_terminated(&out), "{__name__=\"x\", dc=\"e\"} 1000:1\n");

    struct read_request request;
    ck_assert(read_request_decode(buf_view(&server.asked), arena, &request, &err));
    ck_assert_uint_eq(request.count, 1);
    const struct read_query *query = &request.queries[0];
    ck_assert_int_eq(query->begin_ms, 500);
    ck_assert_int_eq(query->end_ms, 5000);
    ck_assert_int_eq(query->hint_begin_ms, 500);
    ck_assert_int_eq(query->hint_end_ms, 5000);
    ck_assert_uint_eq(query->matcher_count, 3);
    ck_assert_uint_eq(query->matchers[1].type, 3);
    ck_assert(str_eq(query->matchers[1].value, STR("b.*")));
    ck_assert(str_eq(query->matchers[2].name, STR("cluster")));
    ck_assert(str_eq(query->matchers[2].value, STR("one")));
    ck_assert_uint_eq(request.accepted_count, 2);
    ck_assert_int_eq(request.accepted[0], READ_STREAMED_CHUNKS);
    ck_assert_int_eq(request.accepted[1], READ_SAMPLES);
    matcher_done(matchers[0]);
    matcher_done(matchers[1]);
    test_server_done(&server);
}
END_TEST

START_TEST(joins_what_external_labels_told_apart)
{
    begin();
    const struct read_pair external = {STR("a"), STR("1")};
    struct read_client_options options = test_server_options(&server, "there");
    options.external_labels = &external;
    options.external_label_count = 1;
    static const char *const bare[] = {"__name__", "x", NULL};
    test_server_frame(&server, one, times, values, 2);
    test_server_frame(&server, bare, times + 2, values + 2, 1);
    check_selected(&options, "{__name__=\"x\"} 1000:1 2000:2 3000:3\n");
}
END_TEST

/* With and without a matcher x="1", is the server asked? */
static bool wants(const struct read_client_options *options, bool matcher,
                  struct select_request *request, int64_t local_begin_ms)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct matcher *made;
    struct err err;
    ck_assert(matcher_new(arena, MATCH_EQUAL, STR("x"), STR("1"), &made, &err));
    request->matchers = &made;
    request->matcher_count = matcher;
    struct read_client *client = read_client_create(options);
    bool wanted = read_client_wants(client, request, local_begin_ms);
    read_client_destroy(client);
    matcher_done(made);
    return wanted;
}

START_TEST(knows_when_to_ask)
{
    begin();
    const struct read_pair required = {STR("x"), STR("1")}, other = {STR("x"), STR("2")};
    struct read_client_options options = test_server_options(&server, "there");
    struct select_request request = {.begin_ms = 100, .end_ms = 200};
    ck_assert(wants(&options, false, &request, 150));
    ck_assert_int_eq(request.end_ms, 200);
    options.required = &required;
    options.required_count = 1;
    ck_assert(wants(&options, true, &request, 150));
    ck_assert(!wants(&options, false, &request, 150));
    options.required = &other;
    ck_assert(!wants(&options, true, &request, 150));

    options.required_count = 0;
    options.read_recent = false;
    ck_assert(!wants(&options, true, &request, 99));
    ck_assert(wants(&options, true, &request, 300));
    ck_assert_int_eq(request.end_ms, 200);
    ck_assert(wants(&options, true, &request, 150));
    ck_assert_int_eq(request.end_ms, 150);
}
END_TEST

/* What comes is refused with these words, which name the server. */
static void check_refused(enum err_kind kind, const char *words)
{
    struct read_client_options options = test_server_options(&server, "there");
    AUTO(buf_done) struct buf out = {0};
    ck_assert_int_eq(test_client_select(&options, NULL, 0, 0, 5000, &out), kind);
    ck_assert_msg(strstr(buf_terminated(&out), words), "%s", buf_terminated(&out));
    ck_assert_msg(strstr(buf_terminated(&out), "there"), "%s", buf_terminated(&out));
    test_server_done(&server);
}

START_TEST(refuses_what_is_no_answer)
{
    begin();
    server.status = 500;
    buf_text(&server.answer, "out of order\n");
    check_refused(ERR_IO,
                  "remote_read: remote server there returned http status 500: out of order");
    begin();
    server.status = 500;
    server.read_kind = ERR_IO;
    buf_text(&server.answer, "out of");
    check_refused(ERR_IO, "remote_read: remote server there returned http status 500: out of");
    begin();
    server.content_type = "text/html";
    check_refused(ERR_IO, "unsupported content type: text/html");
    begin();
    server.content_type = TEST_SAMPLED;
    buf_text(&server.answer, "\xff\xff\xff\xff\xff\xff");
    check_refused(ERR_CORRUPT, "snappy");
    begin();
    server.content_type = TEST_SAMPLED;
    message_snappy(&server.answer, STR(""));
    check_refused(ERR_CORRUPT, "responses: want 1, got 0");
}
END_TEST

START_TEST(a_complaint_can_be_canceled)
{
    begin();
    server.status = 500;
    server.read_kind = ERR_CANCELED;
    buf_text(&server.answer, "out of");
    struct read_client_options options = test_server_options(&server, "there");
    AUTO(buf_done) struct buf out = {0};
    ck_assert_int_eq(test_client_select(&options, NULL, 0, 0, 5000, &out), ERR_CANCELED);
    test_server_done(&server);
}
END_TEST

START_TEST(refuses_damaged_frames)
{
    for (size_t len = 1; len < 60; len++) {
        begin();
        test_server_frame(&server, one, times, values, 3);
        ck_assert_uint_gt(server.answer.len, 60);
        server.answer.len = len;
        check_refused(ERR_CORRUPT, "breaks off");
    }
    for (size_t at = 1; at < 60; at++) {
        begin();
        test_server_frame(&server, one, times, values, 3);
        server.answer.ptr[at] ^= 4;
        check_refused(ERR_CORRUPT, "checksum");
    }
    begin();
    put_uvarint(&server.answer, 100001);
    check_refused(ERR_CORRUPT, "exceeded the limit 100000 bytes");
}
END_TEST

/* A frame with one label and one chunk, as they are given. */
static void put_odd(const char *name, const char *value, int64_t begin_ms, uint64_t encoding)
{
    AUTO(buf_done) struct buf part = {0};
    AUTO(buf_done) struct buf series = {0};
    AUTO(buf_done) struct buf message = {0};
    begin();
    message_text(&part, 1, name);
    message_text(&part, 2, value);
    message_end(&series, 1, &part);
    message_varint(&part, 1, (uint64_t)begin_ms);
    message_varint(&part, 2, 2000);
    message_varint(&part, 3, encoding);
    message_text(&part, 4, "zz");
    message_end(&series, 2, &part);
    message_end(&message, 1, &series);
    test_server_put_frame(&server, buf_view(&message));
}

START_TEST(refuses_what_no_server_may_send)
{
    put_odd("", "x", 1000, 1);
    check_refused(ERR_CORRUPT, "invalid label name");
    put_odd("a\xff", "x", 1000, 1);
    check_refused(ERR_CORRUPT, "invalid label name");
    put_odd("a", "\xff", 1000, 1);
    check_refused(ERR_CORRUPT, "invalid label value");
    put_odd("a", "x", 1000, 0);
    check_refused(ERR_CORRUPT, "unknown encoding 0");
    put_odd("a", "x", 1000, 77);
    check_refused(ERR_CORRUPT, "unknown encoding 77");
    put_odd("a", "x", 2001, 1);
    check_refused(ERR_CORRUPT, "ends before it begins");
    put_odd("a", "x", 1000, 1); /* a chunk that is none is found when it is read */
    check_refused(ERR_CORRUPT, "remote_read: remote server there");

    begin();
    static const char *const twice[] = {"a", "1", "a", "2", NULL};
    test_server_frame(&server, twice, times, values, 1);
    check_refused(ERR_CORRUPT, "duplicate label with name: a");

    begin();
    test_server_put_frame(&server, STR("\x10\x01"));
    check_refused(ERR_CORRUPT, "a query that was not asked");
    begin();
    test_server_put_frame(&server, STR("\x0a\x05zz"));
    check_refused(ERR_CORRUPT, "there");
}
END_TEST

TEST_MAIN("read_client", takes_frames, takes_them_in_pieces_of_any_size,
          takes_a_series_of_many_frames, puts_more_than_it_holds_into_a_file, takes_samples,
          asks_as_prometheus_does, joins_what_external_labels_told_apart, knows_when_to_ask,
          refuses_what_is_no_answer, a_complaint_can_be_canceled, refuses_damaged_frames,
          refuses_what_no_server_may_send)
