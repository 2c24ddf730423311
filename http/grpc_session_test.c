#include "http/grpc_session.h"

#include "base/clock.h"
#include "base/test.h"
#include "http/coding.h"
#include "http/grpc_http.h"
#include "http/test_grpc_client.h"

/* A session and its client, with nothing between them. */
static struct grpc_session *session;
static struct test_client client;
static struct budget budget;
static struct grpc_call *called[4];
static size_t called_count;

#define BUDGET_SIZE ((size_t)1 << 20)
#define MESSAGE_SIZE_MAX ((size_t)100000)

static void remember(void *context, struct grpc_call *call)
{
    ck_assert_uint_lt(called_count, ARRAY_COUNT(called));
    called[called_count++] = call;
}

static void begin_with_window(int32_t window)
{
    static const struct grpc_session_options options = {
        .path = GRPC_HTTP_PATH,
        .message_size_max = MESSAGE_SIZE_MAX,
        .call_max = 2,
        .read_timeout_ms = 1000,
        .write_timeout_ms = 60000,
        .budget = &budget,
        .called = remember,
        .context = &client,
    };
    called_count = 0;
    budget_init(&budget, NULL, "--limit", BUDGET_SIZE);
    session = grpc_session_create(&options);
    test_client_init(&client, window);
}

static void begin(void)
{
    begin_with_window(0);
}

/* Both send until both are silent; at most `piece` bytes at a time to the session. */
static void talk_in_pieces(size_t piece)
{
    AUTO(buf_done) struct buf up = {0}, down = {0};
    struct err err;
    do {
        buf_clear(&up);
        buf_clear(&down);
        test_client_give(&client, &up);
        for (size_t at = 0; at < up.len; at += piece) {
            struct str bytes = {up.ptr + at, piece < up.len - at ? piece : up.len - at};
            ck_assert(grpc_session_take(session, bytes, &err));
        }
        ck_assert(grpc_session_give(session, &down, &err));
        test_client_take(&client, buf_view(&down));
    } while (up.len + down.len > 0);
}

static void talk(void)
{
    talk_in_pieces(SIZE_MAX);
}

static void end(void)
{
    grpc_session_destroy(session);
    test_client_done(&client);
    ck_assert_uint_eq(budget.used_bytes, 0);
}

static struct test_stream *call(struct test_call what)
{
    return test_client_call(&client, &what);
}

static void answer(struct grpc_call *to, struct str text)
{
    struct buf head = {0}, body = {0};
    grpc_prefix_append(text.len, &head);
    buf_str(&body, text);
    grpc_call_answer(to, GRPC_OK, NULL, &head, &body);
}

/* Lets the client make a call that is refused. */
static void check_refused(struct test_call what, const char *line)
{
    begin();
    struct test_stream *stream = call(what);
    talk();
    ck_assert_msg(test_stream_says(stream, line), "%s", buf_terminated(&stream->headers));
    ck_assert(stream->closed);
    ck_assert_uint_eq(called_count, 0);
    ck_assert_uint_eq(grpc_session_call_count(session), 0);
    end();
}

START_TEST(hands_out_a_message_and_takes_one_back)
{
    begin();
    struct test_stream *stream = call((struct test_call){.message = STR("question")});
    talk();
    ck_assert_uint_eq(called_count, 1);
    ck_assert(str_eq(called[0]->message, STR("question")));
    ck_assert_ptr_eq(grpc_call_context(called[0]), &client);

    answer(called[0], STR("answer"));
    talk();
    ck_assert(stream->closed);
    ck_assert_uint_eq(stream->error, 0);
    ck_assert(str_eq(buf_view(&stream->body), ((struct str){"\0\0\0\0\x06"
                                                            "answer",
                                                            11})));
    ck_assert(test_stream_says(stream, ":status: 200"));
    ck_assert(test_stream_says(stream, "content-type: application/grpc"));
    ck_assert(test_stream_says(stream, "grpc-status: 0"));
    ck_assert_uint_eq(grpc_session_call_count(session), 0);
    end();
}
END_TEST

START_TEST(takes_bytes_one_by_one)
{
    begin();
    call((struct test_call){.message = STR("one"), .type = "application/grpc+proto"});
    call((struct test_call){.message = STR("")});
    talk_in_pieces(1);
    ck_assert_uint_eq(called_count, 2);
    ck_assert(str_eq(called[0]->message, STR("one")));
    ck_assert_uint_eq(called[1]->message.len, 0);
    for (size_t i = 0; i < called_count; i++)
        answer(called[i], STR(""));
    talk();
    end();
}
END_TEST

static void pack(struct str text, struct buf *out)
{
    struct packer *packer = packer_create(CODING_GZIP);
    packer_append(packer, text, true, out);
    packer_destroy(packer);
}

START_TEST(unpacks_what_is_packed)
{
    AUTO(buf_done) struct buf packed = {0};
    pack(STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), &packed);
    begin();
    call((struct test_call){.message = buf_view(&packed), .encoding = "gzip", .packed = true});
    call((struct test_call){.message = STR("plain"), .encoding = "gzip"});
    talk();
    ck_assert_uint_eq(called_count, 2);
    ck_assert(str_eq(called[0]->message, buf_view(&packed))); /* that is left to who answers */
    struct err err;
    for (size_t i = 0; i < called_count; i++)
        ck_assert_int_eq(grpc_call_unpack(called[i], &err), GRPC_OK);
    ck_assert(str_eq(called[0]->message, STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")));
    ck_assert(str_eq(called[1]->message, STR("plain")));
    for (size_t i = 0; i < called_count; i++)
        answer(called[i], STR(""));
    end();
}
END_TEST

static void check_not_unpacked(struct str message, enum grpc_status wanted, const char *words)
{
    struct err err;
    begin();
    call((struct test_call){.message = message, .packed = true, .encoding = "gzip"});
    talk();
    ck_assert_uint_eq(called_count, 1);
    ck_assert_int_eq(grpc_call_unpack(called[0], &err), wanted);
    ck_assert_str_eq(err.msg, words);
    grpc_call_answer(called[0], wanted, err.msg, NULL, NULL);
    talk();
    end();
}

START_TEST(refuses_to_unpack_what_is_no_gzip_or_too_large)
{
    AUTO(buf_done) struct buf zeros = {0}, packed = {0};
    memset(buf_reserve(&zeros, MESSAGE_SIZE_MAX + 1), 0, MESSAGE_SIZE_MAX + 1);
    zeros.len = MESSAGE_SIZE_MAX + 1;
    pack(buf_view(&zeros), &packed);
    check_not_unpacked(STR("abc"), GRPC_INTERNAL, "this is no gzip");
    check_not_unpacked(buf_view(&packed), GRPC_RESOURCE_EXHAUSTED,
                       "received message larger than max (100000 bytes)");
    buf_clear(&packed);
    pack(STR("cut short"), &packed);
    check_not_unpacked((struct str){packed.ptr, packed.len - 9}, GRPC_INTERNAL, "this is no gzip");
}
END_TEST

START_TEST(refuses_what_is_no_call_of_its_method)
{
    check_refused((struct test_call){.path = "/httpgrpc.HTTP/Other"}, "grpc-status: 12");
    check_refused((struct test_call){.encoding = "snappy"}, "grpc-status: 12");
    check_refused((struct test_call){.encoding = "snappy"}, "grpc-accept-encoding: identity,gzip");
    check_refused((struct test_call){.method = "PUT"}, ":status: 405");
    check_refused((struct test_call){.type = "application/grpcx"}, ":status: 415");
    check_refused((struct test_call){.type = "text/html"}, ":status: 415");
}
END_TEST

START_TEST(refuses_messages_that_are_none)
{
    check_refused((struct test_call){.message = STR("abc"), .extra = 1}, "grpc-status: 13");
    check_refused((struct test_call){.message = STR("\0\0"), .bare = true}, "grpc-status: 13");
    check_refused((struct test_call){.message = STR(""), .bare = true}, "grpc-status: 13");
    check_refused((struct test_call){.message = STR("\0\0\0\0\x01"
                                                    "ab"),
                                     .bare = true},
                  "grpc-status: 13");
    check_refused((struct test_call){.message = STR("abc"), .packed = true}, "grpc-status: 13");
}
END_TEST

START_TEST(refuses_messages_that_are_too_large)
{
    AUTO(buf_done) struct buf zeros = {0};
    memset(buf_reserve(&zeros, MESSAGE_SIZE_MAX + 1), 0, MESSAGE_SIZE_MAX + 1);
    zeros.len = MESSAGE_SIZE_MAX + 1;
    check_refused((struct test_call){.message = buf_view(&zeros)}, "grpc-status: 8");
    check_refused((struct test_call){.message = buf_view(&zeros)},
                  "grpc-message: received message larger than max (100000 bytes)");
}
END_TEST

/* Before all of it has come; and what is small is heard to its end. */
START_TEST(tells_at_once_what_is_too_large)
{
    begin();
    struct test_stream *stream =
        call((struct test_call){.message = STR("a"), .extra = MESSAGE_SIZE_MAX, .open = true});
    struct test_stream *other =
        call((struct test_call){.message = STR("a"), .path = "/a.B/C", .open = true});
    talk();
    ck_assert(test_stream_says(stream, "grpc-status: 8"));
    ck_assert(stream->closed);
    ck_assert_uint_eq(stream->error, NGHTTP2_NO_ERROR);
    ck_assert(!other->closed);
    ck_assert_uint_eq(other->headers.len, 0);
    end();
}
END_TEST

START_TEST(refuses_messages_that_find_no_memory)
{
    struct err err;
    begin();
    ck_assert(budget_charge(&budget, BUDGET_SIZE, &err));
    struct test_stream *stream = call((struct test_call){.message = STR("a")});
    talk();
    ck_assert(test_stream_says(stream, "grpc-status: 8"));
    budget_release(&budget, BUDGET_SIZE);
    end();
}
END_TEST

START_TEST(writes_errors_for_people)
{
    begin();
    struct test_stream *stream = call((struct test_call){.message = STR("a")});
    talk();
    grpc_call_answer(called[0], GRPC_INTERNAL, "100 %\n", NULL, NULL);
    talk();
    ck_assert(test_stream_says(stream, "grpc-status: 13"));
    ck_assert(test_stream_says(stream, "grpc-message: 100 %25%0A"));
    ck_assert_uint_eq(stream->body.len, 0);
    end();
}
END_TEST

START_TEST(counts_calls_that_were_taken_back_while_they_run)
{
    begin();
    for (int i = 0; i < 2; i++) {
        struct test_stream *stream = call((struct test_call){.message = STR("a")});
        talk();
        ck_assert(!atomic_load(&called[i]->cancel));
        nghttp2_submit_rst_stream(client.http, 0, stream->id, NGHTTP2_CANCEL);
        talk();
        ck_assert(atomic_load(&called[i]->cancel));
    }
    ck_assert_uint_eq(grpc_session_call_count(session), 2);
    struct test_stream *third = call((struct test_call){.message = STR("a")});
    talk();
    ck_assert(third->closed);
    ck_assert_uint_eq(third->error, NGHTTP2_REFUSED_STREAM);

    answer(called[0], STR("nobody reads it"));
    ck_assert_uint_eq(grpc_session_call_count(session), 1);
    struct test_stream *fourth = call((struct test_call){.message = STR("b")});
    talk();
    ck_assert(!fourth->closed);
    answer(called[1], STR("nobody reads it"));
    answer(called[2], STR("read"));
    talk();
    ck_assert(test_stream_says(fourth, "grpc-status: 0"));
    end();
}
END_TEST

START_TEST(makes_no_more_than_the_client_takes)
{
    begin_with_window(1000);
    AUTO(buf_done) struct buf long_text = {0};
    memset(buf_reserve(&long_text, 50000), 'x', 50000);
    long_text.len = 50000;
    struct test_stream *stream = call((struct test_call){.message = STR("a")});
    talk();
    answer(called[0], buf_view(&long_text));
    talk();
    ck_assert_uint_eq(stream->body.len, 1000);
    while (!stream->closed) {
        nghttp2_session_consume(client.http, stream->id, 1000);
        talk();
    }
    ck_assert_uint_eq(stream->body.len, 50005);
    ck_assert(test_stream_says(stream, "grpc-status: 0"));
    end();
}
END_TEST

START_TEST(ends_calls_whose_client_keeps_it_waiting)
{
    begin_with_window(1);
    int64_t now_ns = clock_monotonic_ns();
    struct test_stream *slow = call((struct test_call){.message = STR("a"), .open = true});
    struct test_stream *deaf = call((struct test_call){.message = STR("a")});
    talk();
    answer(called[0], STR("answer"));
    talk();
    grpc_session_check_times(session, now_ns + 500 * 1000000);
    talk();
    ck_assert(!slow->closed && !deaf->closed);
    grpc_session_check_times(session, now_ns + INT64_C(30000) * 1000000);
    talk();
    ck_assert(test_stream_says(slow, "grpc-status: 4"));
    ck_assert(slow->closed && !deaf->closed);
    grpc_session_check_times(session, now_ns + INT64_C(120000) * 1000000);
    talk();
    ck_assert(deaf->closed);
    ck_assert_uint_eq(deaf->error, NGHTTP2_CANCEL);
    end();
}
END_TEST

START_TEST(ends_when_the_last_call_has_its_answer)
{
    begin();
    struct test_stream *stream = call((struct test_call){.message = STR("a")});
    talk();
    grpc_session_stop(session);
    talk();
    ck_assert(client.goodbye);
    ck_assert(!grpc_session_is_over(session));
    answer(called[0], STR("last words"));
    ck_assert(!grpc_session_is_over(session));
    talk();
    ck_assert(test_stream_says(stream, "grpc-status: 0"));
    ck_assert(grpc_session_is_over(session));
    end();
}
END_TEST

START_TEST(cancels_what_runs_when_it_is_destroyed)
{
    begin();
    call((struct test_call){.message = STR("a")});
    call((struct test_call){.message = STR("a"), .open = true});
    talk();
    grpc_session_destroy(session);
    ck_assert(atomic_load(&called[0]->cancel));
    ck_assert_ptr_null(grpc_call_context(called[0]));
    ck_assert(str_eq(called[0]->message, STR("a")));
    answer(called[0], STR("nobody reads it"));
    test_client_done(&client);
    ck_assert_uint_eq(budget.used_bytes, 0);
}
END_TEST

START_TEST(closes_on_what_is_no_http2)
{
    struct err err;
    begin();
    ck_assert(!grpc_session_take(session, STR("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), &err));
    ck_assert_int_eq(err.kind, ERR_BAD_DATA);
    end();
}
END_TEST

START_TEST(closes_on_a_flood_of_pings)
{
    struct err err;
    AUTO(buf_done) struct buf flood = {0};
    begin();
    talk();
    for (int i = 0; i < 2000; i++) {
        static const uint8_t ping[] = {0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
        buf_append(&flood, ping, sizeof ping);
    }
    ck_assert(!grpc_session_take(session, buf_view(&flood), &err));
    end();
}
END_TEST

static void put_frame(struct buf *out, uint8_t type, uint8_t flags, uint32_t stream_id,
                      struct str payload)
{
    const uint8_t head[] = {0,
                            0,
                            (uint8_t)payload.len,
                            type,
                            flags,
                            (uint8_t)(stream_id >> 24),
                            (uint8_t)(stream_id >> 16),
                            (uint8_t)(stream_id >> 8),
                            (uint8_t)stream_id};
    buf_append(out, head, sizeof head);
    buf_str(out, payload);
}

/* Each of its calls is refused, and it reads none of that; nor does it look at our settings. */
START_TEST(ends_a_client_that_makes_us_talk_and_does_not_listen)
{
    const size_t most = 100000;
    AUTO(buf_done) struct buf bytes = {0};
    struct err err;
    begin();
    buf_text(&bytes, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    put_frame(&bytes, NGHTTP2_SETTINGS, 0, 0, STR(""));
    size_t count = 0;
    while (count < most && grpc_session_take(session, buf_view(&bytes), &err)) {
        buf_clear(&bytes);
        put_frame(&bytes, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, (uint32_t)(2 * count++ + 1),
                  STR("\x83\x86\x84")); /* POST http / */
    }
    ck_assert_uint_gt(count, 1000);
    ck_assert_uint_lt(count, most);
    ck_assert_int_eq(err.kind, ERR_BAD_DATA);
    end();
}
END_TEST

TEST_MAIN("grpc_session", hands_out_a_message_and_takes_one_back, takes_bytes_one_by_one,
          unpacks_what_is_packed, refuses_to_unpack_what_is_no_gzip_or_too_large,
          refuses_what_is_no_call_of_its_method, refuses_messages_that_are_none,
          refuses_messages_that_are_too_large, tells_at_once_what_is_too_large,
          refuses_messages_that_find_no_memory, writes_errors_for_people,
          counts_calls_that_were_taken_back_while_they_run, makes_no_more_than_the_client_takes,
          ends_calls_whose_client_keeps_it_waiting, ends_when_the_last_call_has_its_answer,
          cancels_what_runs_when_it_is_destroyed, closes_on_what_is_no_http2,
          closes_on_a_flood_of_pings, ends_a_client_that_makes_us_talk_and_does_not_listen)
