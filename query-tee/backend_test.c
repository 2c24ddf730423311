#include "query-tee/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/test.h"
#include "query-tee/backend_config.h"

static struct tee_options options;
static struct backends backends;
static struct arena *arena;
static struct err err;

static void setup(void)
{
    options = (struct tee_options){
        .endpoints = "",
        .preferred = "",
        .config_file = "",
        .tls_ca_path = "",
        .proportion = 1,
    };
    arena = arena_create(NULL);
}

static bool read_backends(const char *endpoints, const char *preferred)
{
    options.endpoints = endpoints;
    options.preferred = preferred;
    return backends_read(&options, arena, &backends, &err);
}

START_TEST(reads_urls)
{
    setup();
    ck_assert_msg(
        read_backends("http://a:9090/prometheus/, https://me:p%40ss@b ,http://x@b:80,", "a"), "%s",
        err.msg);
    ck_assert_uint_eq(backends.count, 3);
    ck_assert_str_eq(backends.items[0].base, "http://a:9090/prometheus");
    ck_assert_str_eq(backends.items[0].name, "a");
    ck_assert(backends.items[0].preferred && backends.preferred == &backends.items[0]);
    ck_assert_ptr_null(backends.items[0].user);
    ck_assert_str_eq(backends.items[1].base, "https://b:443");
    ck_assert_str_eq(backends.items[1].name, "b:443");
    ck_assert_str_eq(backends.items[1].user, "me");
    ck_assert_str_eq(backends.items[1].password, "p@ss");
    ck_assert_str_eq(backends.items[2].name, "b:80");
    ck_assert_str_eq(backends.items[2].user, "x");
    arena_destroy(arena);
}
END_TEST

START_TEST(says_what_is_wrong_with_the_list)
{
    setup();
    ck_assert(!read_backends("", ""));
    ck_assert(!read_backends("ftp://a", ""));
    ck_assert(!read_backends("http://a,http://a:80", ""));
    ck_assert_str_eq(err.msg, "flag --backend.endpoints: a:80 is there twice");
    ck_assert(!read_backends("http://a,http://b", "c"));
    ck_assert_str_eq(err.msg, "flag --backend.preferred: \"c\" is the host of no backend");
    ck_assert(!read_backends("http://a:1,http://a:2", "a"));
    ck_assert(read_backends("http://a:1,http://a:2", "a:2"));
    options.compare = true;
    ck_assert(!read_backends("http://a:1,http://a:2", ""));
    options.compare = false;
    options.proportion = 0.5;
    ck_assert(!read_backends("http://a:1,http://a:2", ""));
    ck_assert(read_backends("http://a:1,http://a:2", "a:1"));
    ck_assert(backends.items[0].proportion == 1 && backends.items[1].proportion == 0.5);
    arena_destroy(arena);
}
END_TEST

static bool parse(const char *text)
{
    ck_assert(read_backends("http://a:1,http://b:2,http://b:3", "a"));
    return backend_config_parse(str_of(text), arena, &backends, &err);
}

START_TEST(reads_the_file_of_backends)
{
    setup();
    ck_assert_msg(parse("b:2:\n"
                        "  request_headers:\n"
                        "    Cache-Control: ['no-store']\n"
                        "    X-Two: [one, two]\n"
                        "  request_proportion: 0.25\n"
                        "b:3:\n"
                        "  min_data_queried_age: 24h\n"
                        "  request_headers: {X-One: one}\n"),
                  "%s", err.msg);
    ck_assert_uint_eq(backends.items[1].header_count, 3);
    ck_assert_str_eq(backends.items[1].headers[0].name, "Cache-Control");
    ck_assert_str_eq(backends.items[1].headers[0].value, "no-store");
    ck_assert_str_eq(backends.items[1].headers[2].value, "two");
    ck_assert(backends.items[1].proportion == 0.25);
    ck_assert(backends.items[2].proportion == 1);
    ck_assert_int_eq(backends.items[2].min_age_ms, 86400000);
    ck_assert(parse("{\"b\": {\"request_proportion\": 0.5}}"));
    ck_assert(backends.items[1].proportion == 0.5 && backends.items[2].proportion == 0.5);
    ck_assert(parse("") && parse("a:\n"));
    arena_destroy(arena);
}
END_TEST

START_TEST(says_what_is_wrong_with_the_file)
{
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"c:\n  request_proportion: 1\n", "1: \"c\" is the host of no backend"},
        {"b:\n  request_share: 1\n", "2: unknown key \"request_share\""},
        {"b:\n  request_proportion: 2\n", "2: request_proportion is a number between 0 and 1"},
        {"a:\n  request_proportion: 0.5\n", "2: the preferred backend gets all requests"},
        {"b:\n  min_data_queried_age: long\n", "2: min_data_queried_age is a duration such as 24h"},
        {"b:\n  request_headers:\n    'a b': c\n", "3: this is no name of a header"},
        {"b:\n  request_headers:\n    a: \"b\\nc\"\n",
         "3: the value of a header is a text of one line"},
        {"b: [1]\n", "1: what is said of a backend is a map"},
        {"- 1\n", "1: the file is a map of backends"},
    };
    setup();
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        ck_assert(!parse(cases[i].text));
        ck_assert_str_eq(err.msg, cases[i].expected);
    }
    options.config_file = "/missing.yaml";
    ck_assert(!read_backends("http://a", ""));
    ck_assert_ptr_nonnull(strstr(err.msg, "flag --backend.config-file: /missing.yaml"));
    arena_destroy(arena);
}
END_TEST

/* "user:password" in base64. */
#define SENT "Basic dXNlcjpwYXNzd29yZA=="

START_TEST(merges_authorizations)
{
    setup();
    ck_assert(
        read_backends("http://a,http://me:my@b,http://me@c,"
                      "http://__REQUEST_HEADER_X_SCOPE_ORGID__:key@d",
                      ""));
    const struct backend *items = backends.items;
    ck_assert_str_eq(backend_authorization(&items[0], SENT, NULL, arena), SENT);
    ck_assert_ptr_null(backend_authorization(&items[0], NULL, "t", arena));
    ck_assert_str_eq(backend_authorization(&items[1], SENT, NULL, arena), "Basic bWU6bXk=");
    ck_assert_str_eq(backend_authorization(&items[2], SENT, NULL, arena), "Basic bWU6cGFzc3dvcmQ=");
    ck_assert_str_eq(backend_authorization(&items[2], "Bearer x", NULL, arena), "Basic bWU6");
    ck_assert_str_eq(backend_authorization(&items[2], NULL, NULL, arena), "Basic bWU6");
    ck_assert_str_eq(backend_authorization(&items[3], SENT, "t1", arena), "Basic dDE6a2V5");
    arena_destroy(arena);
}
END_TEST

TEST_MAIN("backend", reads_urls, says_what_is_wrong_with_the_list, reads_the_file_of_backends,
          says_what_is_wrong_with_the_file, merges_authorizations)
