#include "http/client.h"

#include "base/test.h"
#include "http/listen.h"

static void echo(void *context, const struct request *request, struct answer *answer)
{
    answer->status = 200;
    answer->content_type = "text/plain";
    answer->compress = true;
    struct str said = params_get(&request->params, "say");
    buf_printf(&answer->body, "%s %.*s", request->method, STR_ARGS(said));
}

static struct listener *server(void)
{
    struct listen_options options = {.address = "127.0.0.1:0", .connection_max = 8, .handle = echo};
    struct listener *listener = NULL;
    struct err err;
    ck_assert(listener_open(&options, &listener, &err));
    return listener;
}

static void check_answer(const char *path, const char *form, const char *expected)
{
    struct listener *listener = server();
    AUTO(buf_done) struct buf url = {0};
    buf_printf(&url, "http://%s%s", listener_address(listener), path);
    struct client_request request = {.url = buf_terminated(&url), .form = form};
    AUTO(client_answer_done) struct client_answer answer = {0};
    struct err err;
    ck_assert_msg(client_ask(&request, &answer, &err), "%s", err.msg);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(buf_terminated(&answer.body), expected);
    listener_close(listener);
}

START_TEST(gets)
{
    check_answer("/x?say=hello%20you", NULL, "GET hello you");
}
END_TEST

START_TEST(posts_forms)
{
    check_answer("/x?say=url", "say=form", "POST form");
}
END_TEST

START_TEST(bounds_the_answer)
{
    struct listener *listener = server();
    AUTO(buf_done) struct buf url = {0};
    buf_printf(&url, "http://%s/?say=12345678", listener_address(listener));
    struct client_request request = {.url = buf_terminated(&url), .size_max = 5};
    struct client_answer answer = {0};
    struct err err;
    ck_assert(!client_ask(&request, &answer, &err));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    listener_close(listener);
}
END_TEST

START_TEST(says_what_was_wrong_with_the_url)
{
    struct client_answer answer = {0};
    struct err err;
    ck_assert(!client_ask(&(struct client_request){.url = "gopher://x"}, &answer, &err));
    ck_assert_int_eq(err.kind, ERR_BAD_DATA);
    ck_assert(!client_ask(&(struct client_request){.url = "http://127.0.0.1:1/"}, &answer, &err));
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.msg, "http://127.0.0.1:1/: "));
}
END_TEST

TEST_MAIN("client", gets, posts_forms, bounds_the_answer, says_what_was_wrong_with_the_url)
