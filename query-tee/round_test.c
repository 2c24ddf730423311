#include "query-tee/round.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/test.h"
#include "http/listen.h"

/* Backends here answer what their context says: a status, after some milliseconds or LATE. */
struct said {
    int status;
    unsigned delay_ms;
    const char *text;
    bool packed;
    const char *coding; /* that nobody asked for; NULL: none */
};

/* Once what is looked at has happened. */
#define LATE UINT_MAX

static _Atomic bool has_happened;

static void handle(void *context, const struct request *request, struct answer *answer)
{
    const struct said *said = context;
    while (said->delay_ms == LATE && !atomic_load(&has_happened))
        usleep(500);
    usleep(said->delay_ms == LATE ? 0 : said->delay_ms * 1000);
    answer->status = said->status;
    answer->content_type = "text/plain";
    answer->compress = said->packed;
    if (said->coding)
        answer_header(answer, "Content-Encoding", said->coding);
    const char *given = request_header(request, "X-Given");
    buf_printf(&answer->body, "%s %s %.*s %s", said->text, request->method, STR_ARGS(request->uri),
               given ? given : "");
}

#define COUNT_MAX 3

static struct listener *listeners[COUNT_MAX];
static struct backend backends[COUNT_MAX];
static struct backend *picked[COUNT_MAX];
static struct round_options options;
static struct said said[COUNT_MAX];
static _Atomic int done_count;
static _Atomic bool cancel;

static void done(struct round *round, void *context)
{
    atomic_fetch_add(&done_count, 1);
}

static void open_backends(size_t count)
{
    struct err err;
    atomic_store(&has_happened, false);
    for (size_t i = 0; i < count; i++) {
        struct listen_options listen = {
            .address = "127.0.0.1:0",
            .connection_max = 4,
            .handle = handle,
            .context = &said[i],
        };
        ck_assert(listener_open(&listen, &listeners[i], &err));
        static char urls[COUNT_MAX][64];
        snprintf(urls[i], sizeof urls[i], "http://%s", listener_address(listeners[i]));
        backends[i] = (struct backend){.name = urls[i], .base = urls[i]};
        picked[i] = &backends[i];
    }
    options = (struct round_options){
        .client = client_create(4),
        .crew = crew_create(8),
        .spool = {.memory_max = 1 << 20, .size_max = 1 << 20},
        .timeout_ms = 5000,
        .cluster_label = "",
        .cancel = &cancel,
    };
    ck_assert(client_loop_create(4, &options.loop, &err));
}

static struct round *start(size_t count)
{
    static const struct client_header header = {"X-Given", "sent"};
    struct round_request request = {
        .method = "GET",
        .path = "/api/v1/query",
        .query = "query=up",
        .unpacked = true,
        .headers = &header,
        .header_count = 1,
    };
    struct round *round = round_create(&options, arena_create(NULL), &request, picked, count,
                                       (struct round_notice){done, NULL});
    round_start(round, &cancel);
    return round;
}

/* All have answered, and the notice has been given. */
static void wait_for_the_end(void)
{
    while (atomic_load(&options.round_count) > 0)
        usleep(500);
}

static void finish(struct round *round, size_t count)
{
    atomic_store(&has_happened, true);
    wait_for_the_end();
    round_unref(round);
    crew_destroy(options.crew);
    client_loop_destroy(options.loop);
    client_destroy(options.client);
    for (size_t i = 0; i < count; i++)
        listener_close(listeners[i]);
    ck_assert_int_eq(done_count, 1);
    ck_assert_int_eq(options.round_count, 0);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(backends[i].in_flight, 0);
}

static void check_body(const struct ask *ask, const char *expected)
{
    char text[200];
    size_t size, all = 0;
    struct err err;
    while (spool_read(ask->body, all, text + all, sizeof text - 1 - all, &size, &err) && size > 0)
        all += size;
    text[all] = '\0';
    ck_assert_str_eq(text, expected);
    spool_unfollow(ask->body);
}

START_TEST(waits_for_the_preferred_backend)
{
    said[0] = (struct said){200, 0, "first", false, NULL};
    said[1] = (struct said){500, 100, "preferred", false, NULL};
    open_backends(2);
    backends[1].preferred = true;
    struct round *round = start(2);
    struct ask *ask = round_choose(round, &cancel);
    ck_assert_ptr_eq(ask->backend, &backends[1]);
    ck_assert_int_eq(ask->status, 500);
    ck_assert_str_eq(ask->content_type, "text/plain");
    check_body(ask, "preferred GET /api/v1/query?query=up sent");
    ck_assert_ptr_eq(round_ask_of(round, &backends[0])->backend, &backends[0]);
    finish(round, 2);
}
END_TEST

START_TEST(takes_the_first_good_answer)
{
    said[0] = (struct said){429, 0, "busy", false, NULL};
    said[1] = (struct said){422, 60, "good", false, NULL};
    said[2] = (struct said){200, LATE, "late", false, NULL};
    open_backends(3);
    struct round *round = start(3);
    struct ask *ask = round_choose(round, &cancel);
    check_body(ask, "good GET /api/v1/query?query=up sent");
    finish(round, 3);
}
END_TEST

START_TEST(takes_a_bad_answer_before_none)
{
    said[0] = (struct said){503, 50, "bad", false, NULL};
    open_backends(1);
    backends[1] = (struct backend){.name = "none", .base = "http://127.0.0.1:1"};
    picked[1] = &backends[1];
    struct round *round = start(2);
    ck_assert_int_eq(round_choose(round, &cancel)->status, 503);
    wait_for_the_end();
    const struct ask *none = round_ask_of(round, &backends[1]);
    ck_assert_int_eq(none->status, 0);
    ck_assert_int_eq(none->failure, ERR_IO);
    ck_assert_ptr_nonnull(none->failure_text);
    spool_unfollow(round_ask_of(round, &backends[0])->body);
    finish(round, 1);
}
END_TEST

START_TEST(gives_a_backend_its_own_headers)
{
    static struct client_header own = {"x-given", "own"};
    said[0] = (struct said){200, 0, "yes", false, NULL};
    open_backends(1);
    backends[0].headers = &own;
    backends[0].header_count = 1;
    struct round *round = start(1);
    check_body(round_choose(round, &cancel), "yes GET /api/v1/query?query=up own");
    finish(round, 1);
}
END_TEST

/* It cannot be unpacked, and so it is said how it is packed. */
START_TEST(hands_on_a_coding_that_nobody_asked_for)
{
    said[0] = (struct said){.status = 200, .text = "odd", .coding = "br"};
    open_backends(1);
    struct round *round = start(1);
    struct ask *ask = round_choose(round, &cancel);
    check_body(ask, "odd GET /api/v1/query?query=up sent");
    ck_assert(ask->packed);
    ck_assert_uint_eq(ask->header_count, 1);
    ck_assert_str_eq(ask->headers[0].name, "Content-Encoding");
    ck_assert_str_eq(ask->headers[0].value, "br");
    finish(round, 1);
}
END_TEST

static void check_left(bool preferred)
{
    said[0] = (struct said){200, LATE, "late", false, NULL};
    open_backends(1);
    backends[0].preferred = preferred;
    atomic_store(&cancel, true);
    struct round *round = start(1);
    struct ask *ask = round_choose(round, &cancel);
    if (preferred)
        ck_assert_int_eq(ask->failure, ERR_CANCELED);
    else
        ck_assert_ptr_null(ask);
    finish(round, 1);
    atomic_store(&cancel, false);
}

START_TEST(gives_up_the_preferred_ask_of_a_client_that_has_gone)
{
    check_left(true);
}
END_TEST

START_TEST(chooses_for_nobody_who_has_gone)
{
    check_left(false);
}
END_TEST

/* More than memory takes; random enough that packing leaves most of it. */
static const char *long_text(void)
{
    static char text[(1 << 20) + 1];
    uint32_t random = 1;
    for (size_t i = 0; i + 1 < sizeof text; i++) {
        random = random * 1664525 + 1013904223;
        text[i] = (char)('a' + (random >> 24) % 26);
    }
    return text;
}

static void check_long_body(struct ask *ask)
{
    static char bytes[1 << 20];
    size_t size, all = 0;
    struct err err;
    while (all < sizeof bytes &&
           spool_read(ask->body, all, bytes + all, sizeof bytes - all, &size, &err) && size > 0)
        all += size;
    ck_assert_msg(ask->failure == ERR_NONE, "%s", ask->failure_text);
    ck_assert_uint_eq(all, sizeof bytes);
    ck_assert(memcmp(bytes, long_text(), sizeof bytes) == 0);
}

/* One backend is asked here, the other by the loop, and memory takes little of either. */
static struct round *start_long(bool packed)
{
    said[0] = (struct said){200, 0, "short", false, NULL};
    said[1] = (struct said){200, 0, long_text(), packed, NULL};
    open_backends(2);
    backends[0].preferred = true;
    options.spool.memory_max = 32 << 10;
    options.spool.size_max = 2 << 20;
    return start(2);
}

START_TEST(reads_a_long_body_beside_the_preferred_one)
{
    struct round *round = start_long(false);
    check_body(round_choose(round, &cancel), "short GET /api/v1/query?query=up sent");
    wait_for_the_end();
    check_long_body(&round->asks[1]);
    finish(round, 2);
}
END_TEST

START_TEST(unpacks_a_long_body_beside_the_preferred_one)
{
    struct round *round = start_long(true);
    check_body(round_choose(round, &cancel), "short GET /api/v1/query?query=up sent");
    wait_for_the_end();
    check_long_body(&round->asks[1]);
    finish(round, 2);
}
END_TEST

START_TEST(fails_what_is_too_long_beside_the_preferred_one)
{
    said[0] = (struct said){200, 0, "short", false, NULL};
    said[1] = (struct said){200, 0, long_text(), true, NULL};
    open_backends(2);
    backends[0].preferred = true;
    options.spool.memory_max = options.spool.size_max = 512 << 10;
    struct round *round = start(2);
    check_body(round_choose(round, &cancel), "short GET /api/v1/query?query=up sent");
    wait_for_the_end();
    ck_assert_int_eq(round->asks[1].failure, ERR_LIMIT);
    finish(round, 2);
}
END_TEST

/* Whoever follows the preferred one's body is who reads it, too, at first. */
static void check_handed_on(uint64_t size_max)
{
    static char bytes[1 << 20];
    size_t size, all = 0;
    struct err err;
    said[0] = (struct said){200, 0, long_text(), false, NULL};
    open_backends(1);
    backends[0].preferred = true;
    options.spool.memory_max = 0;
    options.spool.size_max = size_max;
    options.spool.folder = "/missing";
    struct round *round = start(1);
    struct ask *ask = round_choose(round, &cancel);
    while (all < sizeof bytes &&
           spool_read(ask->body, all, bytes + all, sizeof bytes - all, &size, &err) && size > 0) {
        all += size;
        spool_followed(ask->body, all);
    }
    ck_assert_uint_eq(all, sizeof bytes);
    ck_assert(memcmp(bytes, long_text(), sizeof bytes) == 0);
    spool_unfollow(ask->body);
    finish(round, 1);
}

START_TEST(hands_on_what_nothing_has_room_for)
{
    check_handed_on(2 << 20);
}
END_TEST

START_TEST(hands_on_what_is_longer_than_is_kept)
{
    check_handed_on(10);
}
END_TEST

TEST_MAIN("round", waits_for_the_preferred_backend, takes_the_first_good_answer,
          takes_a_bad_answer_before_none, gives_a_backend_its_own_headers,
          hands_on_a_coding_that_nobody_asked_for,
          gives_up_the_preferred_ask_of_a_client_that_has_gone, chooses_for_nobody_who_has_gone,
          reads_a_long_body_beside_the_preferred_one, unpacks_a_long_body_beside_the_preferred_one,
          fails_what_is_too_long_beside_the_preferred_one, hands_on_what_nothing_has_room_for,
          hands_on_what_is_longer_than_is_kept)
