#include "server/config/config.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/test.h"

static void gather(void *context, const char *message)
{
    buf_printf(context, "%s\n", message);
}

/* Reads a text that is good; the warnings are as expected, a line each. */
static struct config read_good(const char *text, const char *warnings)
{
    AUTO(buf_done) struct buf told = {0};
    struct config_source source = {"etc/m.yml", gather, &told};
    struct config config;
    struct err err;
    ck_assert_msg(config_read(&source, str_of(text), &config, &err), "%s", err.msg);
    ck_assert_str_eq(buf_terminated(&told), warnings);
    return config;
}

static void check_refused(const char *text, const char *words)
{
    AUTO(buf_done) struct buf told = {0};
    struct config_source source = {"etc/m.yml", gather, &told};
    struct config config;
    struct err err;
    ck_assert_msg(!config_read(&source, str_of(text), &config, &err), "%s", text);
    ck_assert_msg(strncmp(err.msg, words, strlen(words)) == 0, "%s", err.msg);
}

START_TEST(has_defaults)
{
    static const char *const empty[] = {"", "# words\n", "global:\n", "remote_read:\nstorage:\n"};
    for (size_t i = 0; i < ARRAY_COUNT(empty); i++) {
        AUTO(config_done) struct config config = read_good(empty[i], "");
        ck_assert_uint_eq(config.external_labels.count, 0);
        ck_assert_uint_eq(config.endpoint_count, 0);
        ck_assert_int_eq(config.out_of_order_window_ms, 0);
        ck_assert_int_eq(config.exemplar_count_max, -1);
    }
}
END_TEST

START_TEST(reads_what_concerns_the_store)
{
    AUTO(config_done)
    struct config config = read_good(
        "global:\n"
        "  scrape_interval: 15s\n"
        "  external_labels: {replica: b, cluster: one}\n"
        "storage:\n"
        "  tsdb: {out_of_order_time_window: 30m}\n"
        "  exemplars: {max_exemplars: 7}\n",
        "");
    ck_assert_uint_eq(config.external_labels.count, 2);
    ck_assert_str_eq(config.external_labels.items[0].name, "cluster");
    ck_assert_str_eq(config.external_labels.items[0].value, "one");
    ck_assert_str_eq(config.external_labels.items[1].name, "replica");
    ck_assert_int_eq(config.out_of_order_window_ms, 30 * 60 * 1000);
    ck_assert_int_eq(config.exemplar_count_max, 7);
}
END_TEST

START_TEST(reads_endpoints)
{
    AUTO(config_done)
    struct config config = read_good(
        "remote_read:\n"
        "  - url: http://a:9090/api/v1/read\n"
        "  - url: https://b/read\n"
        "    name: b\n"
        "    remote_timeout: 5s\n"
        "    chunked_read_limit: 1000\n"
        "    headers: {X-Scope-OrgID: team}\n"
        "    basic_auth: {username: ann, password_file: secret}\n"
        "    tls_config: {ca_file: /ca.pem, server_name: inside, insecure_skip_verify: yes}\n"
        "    required_matchers: {job: api}\n"
        "    read_recent: true\n"
        "    filter_external_labels: false\n"
        "    follow_redirects: False\n"
        "    proxy_url: http://proxy\n"
        "    partial: true\n"
        "  - {url: 'http://c', authorization: {credentials: key}}\n"
        "  - {url: 'http://d', bearer_token_file: /key, proxy_from_environment: true}\n",
        "");
    ck_assert_uint_eq(config.endpoint_count, 4);
    const struct config_endpoint *a = &config.endpoints[0], *b = &config.endpoints[1];
    ck_assert_str_eq(a->url, "http://a:9090/api/v1/read");
    ck_assert_ptr_null(a->name);
    ck_assert_int_eq(a->timeout_ms, 60000);
    ck_assert_int_eq(a->frame_size_max, 50000000);
    ck_assert(a->filter_external_labels && a->access.follow_redirects);
    ck_assert(!a->read_recent && !a->partial && !a->access.insecure_skip_verify);
    ck_assert_str_eq(a->access.proxy, "");
    ck_assert_ptr_null(a->credentials_type);

    ck_assert_str_eq(b->name, "b");
    ck_assert_int_eq(b->timeout_ms, 5000);
    ck_assert_int_eq(b->frame_size_max, 1000);
    ck_assert_str_eq(b->headers.items[0].name, "X-Scope-OrgID");
    ck_assert_str_eq(b->access.user, "ann");
    ck_assert_str_eq(b->password_file, "etc/secret");
    ck_assert_str_eq(b->access.ca_file, "/ca.pem");
    ck_assert_str_eq(b->access.server_name, "inside");
    ck_assert_str_eq(b->required_matchers.items[0].value, "api");
    ck_assert(!b->filter_external_labels && !b->access.follow_redirects);
    ck_assert(b->read_recent && b->partial && b->access.insecure_skip_verify);
    ck_assert_str_eq(b->access.proxy, "http://proxy");

    ck_assert_str_eq(config.endpoints[2].credentials_type, "Bearer");
    ck_assert_str_eq(config.endpoints[2].credentials, "key");
    ck_assert_str_eq(config.endpoints[3].credentials_file, "/key");
    ck_assert_ptr_null(config.endpoints[3].access.proxy);
}
END_TEST

START_TEST(warns_of_what_it_leaves_out)
{
    AUTO(config_done)
    struct config config = read_good(
        "global: {scrape_interval: 1m, made_up: 1}\n"
        "scrape_configs: [{job_name: a}]\n"
        "remote_write: []\n"
        "other: 1\n"
        "remote_read:\n"
        "  - url: http://a\n"
        "    tls_config:\n"
        "      min_version: TLS12\n",
        "etc/m.yml:1: global.made_up is unknown, and left out\n"
        "etc/m.yml:4: other is unknown, and left out\n"
        "etc/m.yml:8: tls_config.min_version is unknown, and left out\n"
        "etc/m.yml:2: Millrace does not do scrape_configs, remote_write: left out\n");
    ck_assert_uint_eq(config.endpoint_count, 1);
}
END_TEST

START_TEST(refuses_in_one_sentence)
{
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"a: [\n", "etc/m.yml:2: no YAML: "},
        {"words", "etc/m.yml:1: the whole: a map is wanted here"},
        {"global: []\n", "etc/m.yml:1: global: a map is wanted here"},
        {"global: {}\nglobal: {}\n", "etc/m.yml:2: global is there twice; first in line 1"},
        {"global:\n  external_labels: {\"\": x}\n", "etc/m.yml:2: \"\" is no label name"},
        {"global:\n  external_labels: {a: x, a: y}\n", "etc/m.yml:2: a is there twice"},
        {"global:\n  external_labels: {a: [x]}\n", "etc/m.yml:2: a single value is wanted"},
        {"storage: {tsdb: {out_of_order_time_window: soon}}\n",
         "etc/m.yml:1: not a valid duration string: \"soon\""},
        {"storage: {exemplars: {max_exemplars: -1}}\n", "etc/m.yml:1: \"-1\" is no number"},
        {"remote_read: {url: 'http://a'}\n", "etc/m.yml:1: remote_read: a list is wanted here"},
        {"remote_read:\n  -\n", "etc/m.yml:2: remote_read: a map is wanted here"},
        {"remote_read:\n  - name: x\n", "etc/m.yml:2: remote_read needs a url"},
        {"remote_read:\n  - url: ftp://x\n", "etc/m.yml:2: \"ftp://x\" is no URL"},
        {"remote_read:\n  - {url: 'http://a', name: x}\n  - {url: 'http://b', name: x}\n",
         "etc/m.yml:3: two endpoints of remote_read are called \"x\""},
        {"remote_read:\n  - {url: 'http://a', read_recent: maybe}\n",
         "etc/m.yml:2: \"maybe\" is not true or false"},
        {"remote_read:\n  - {url: 'http://a', headers: {Host: x}}\n",
         "etc/m.yml:2: Host is a reserved header"},
        {"remote_read:\n  - {url: 'http://a', headers: {A b: x}}\n",
         "etc/m.yml:2: \"A b\" is no header"},
        {"remote_read:\n  - {url: 'http://a', headers: {A: \"x\\r\\nB: y\"}}\n",
         "etc/m.yml:2: \"A\" is no header"},
        {"remote_read:\n  - {url: 'http://a', authorization: {type: Basic}}\n",
         "etc/m.yml:2: for basic authentication there is basic_auth"},
        {"remote_read:\n  - {url: 'http://a', authorization: {}, basic_auth: {username: x}}\n",
         "etc/m.yml:2: basic_auth, authorization, bearer_token and bearer_token_file exclude"},
        {"remote_read:\n  - {url: 'http://a', basic_auth: {password: x, password_file: y}}\n",
         "etc/m.yml:2: password and password_file exclude each other"},
        {"remote_read:\n  - {url: 'http://a', tls_config: {cert_file: x}}\n",
         "etc/m.yml:2: cert_file and key_file go together"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        check_refused(cases[i].text, cases[i].words);
}
END_TEST

START_TEST(takes_in_other_maps)
{
    AUTO(config_done)
    struct config config = read_good(
        "remote_read:\n"
        "  - &base {url: 'http://a', remote_timeout: 5s, name: a}\n"
        "  - {<<: *base, name: b}\n"
        "  - {<<: [*base, {read_recent: true}], name: c, url: 'http://c'}\n",
        "");
    ck_assert_str_eq(config.endpoints[1].url, "http://a");
    ck_assert_str_eq(config.endpoints[1].name, "b");
    ck_assert_int_eq(config.endpoints[1].timeout_ms, 5000);
    ck_assert_str_eq(config.endpoints[2].url, "http://c");
    ck_assert(config.endpoints[2].read_recent);
}
END_TEST

START_TEST(bounds_what_aliases_multiply)
{
    AUTO(buf_done) struct buf text = {0};
    buf_text(&text, "other: &a {x0: 0");
    for (int i = 1; i < 5000; i++)
        buf_printf(&text, ", x%d: %d", i, i);
    buf_text(&text, "}\nremote_read:\n");
    for (int i = 0; i < 500; i++)
        buf_printf(&text, "  - {<<: *a, url: 'http://a'}\n");
    check_refused(buf_terminated(&text), "etc/m.yml:1: with its aliases the file has more than");
}
END_TEST

static void check_expanded(const char *text, const char *expected, const char *missing)
{
    AUTO(buf_done) struct buf out = {0};
    AUTO(buf_done) struct buf told = {0};
    config_expand(str_of(text), gather, &told, &out);
    ck_assert_str_eq(buf_terminated(&out), expected);
    ck_assert_str_eq(buf_terminated(&told), missing);
}

START_TEST(expands_as_go_does)
{
    setenv("CONFIG_TEST_A", "one", 1);
    unsetenv("CONFIG_TEST_B");
    check_expanded("x$CONFIG_TEST_A-y", "xone-y", "");
    check_expanded("x${CONFIG_TEST_A}y", "xoney", "");
    check_expanded("$CONFIG_TEST_B.", ".", "CONFIG_TEST_B\n");
    check_expanded("$$CONFIG_TEST_A ${$} $", "$CONFIG_TEST_A $ $", "");
    check_expanded("$ a", "$ a", "");
    check_expanded("a${}b${c", "abc", "");
    check_expanded("$1$*x", "x", "1\n*\n");
}
END_TEST

START_TEST(expands_external_labels)
{
    setenv("CONFIG_TEST_A", "one", 1);
    unsetenv("CONFIG_TEST_B");
    AUTO(config_done)
    struct config config =
        read_good("global:\n  external_labels:\n    a: $CONFIG_TEST_A\n    b: $CONFIG_TEST_B\n",
                  "etc/m.yml:3: the environment has no CONFIG_TEST_B, which is taken for empty\n");
    ck_assert_uint_eq(config.external_labels.count, 1);
    ck_assert_str_eq(config.external_labels.items[0].value, "one");
}
END_TEST

START_TEST(says_that_there_is_no_file)
{
    struct config_source source = {"/nowhere/m.yml", gather, NULL};
    struct config config;
    struct err err;
    ck_assert(!config_open(&source, &config, &err));
    ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
    source.path = NULL;
    ck_assert(config_open(&source, &config, &err));
    config_done(&config);
}
END_TEST

TEST_MAIN("config", has_defaults, reads_what_concerns_the_store, reads_endpoints,
          warns_of_what_it_leaves_out, refuses_in_one_sentence, takes_in_other_maps,
          bounds_what_aliases_multiply, expands_as_go_does, expands_external_labels,
          says_that_there_is_no_file)
