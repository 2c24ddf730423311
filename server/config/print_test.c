#include "server/config/print.h"

#include "base/test.h"

static void ignore(void *context, const char *message)
{
}

static void check(const char *text, const struct config_shown *with, const char *expected)
{
    const struct config_source source = {"etc/f.yml", ignore, NULL};
    struct config config;
    struct err err = {0};
    ck_assert_msg(config_read(&source, str_of(text), &config, &err), "%s", err.msg);
    struct config_shown shown = *with;
    shown.config = &config;
    AUTO(buf_done) struct buf out = {0};
    config_print(&shown, &out);
    ck_assert_str_eq(buf_terminated(&out), expected);
    config_done(&config);
}

static const struct config_shown nothing = {.exemplar_count_max = -1};

START_TEST(shows_what_holds_without_a_file)
{
    check("", &nothing,
          "global:\n  scrape_interval: 1m\n  scrape_timeout: 10s\n  evaluation_interval: 1m\n");
    const struct config_retention retention = {.time_ms = INT64_C(15) * 24 * 3600000};
    check("", &(struct config_shown){.retention = &retention, .exemplar_count_max = 7},
          "global:\n  scrape_interval: 1m\n  scrape_timeout: 10s\n  evaluation_interval: 1m\n"
          "storage:\n  tsdb:\n    retention:\n      time: 15d\n"
          "  exemplars:\n    max_exemplars: 7\n");
}
END_TEST

START_TEST(shows_all_that_is_read)
{
    const struct config_retention retention = {.size_bytes = (INT64_C(1) << 30) + (512 << 20),
                                               .percentage = 12.5};
    check(
        "global: {scrape_interval: 5s, evaluation_interval: 90s, external_labels: {b: 'yes'}}\n"
        "storage: {tsdb: {out_of_order_time_window: 30m}}\n"
        "remote_read:\n"
        "- url: http://u:p@h:1/x\n"
        "  name: one\n"
        "  headers: {A: b}\n"
        "  read_recent: true\n"
        "  filter_external_labels: false\n"
        "  partial: true\n"
        "  remote_timeout: 0s\n"
        "  proxy_url: http://v:q@p\n"
        "  basic_auth: {username: u, password_file: pw}\n"
        "- url: http://u@h/\n"
        "  bearer_token: abc\n"
        "  required_matchers: {job: x}\n"
        "  tls_config: {ca_file: /ca}\n"
        "  follow_redirects: false\n"
        "  proxy_from_environment: true\n",
        &(struct config_shown){.retention = &retention, .exemplar_count_max = -1},
        "global:\n"
        "  scrape_interval: 5s\n"
        "  scrape_timeout: 5s\n"
        "  evaluation_interval: 1m30s\n"
        "  external_labels:\n"
        "    b: \"yes\"\n"
        "storage:\n"
        "  tsdb:\n"
        "    outofordertimewindow: 1800000\n"
        "    out_of_order_time_window: 30m\n"
        "    retention:\n"
        "      size: 1GiB512MiB\n"
        "      percentage: 12.5\n"
        "remote_read:\n"
        "- url: http://u:xxxxx@h:1/x\n"
        "  chunked_read_limit: 50000000\n"
        "  headers:\n"
        "    A: b\n"
        "  read_recent: true\n"
        "  name: one\n"
        "  basic_auth:\n"
        "    username: u\n"
        "    password_file: etc/pw\n"
        "  follow_redirects: true\n"
        "  proxy_url: http://v:xxxxx@p\n"
        "  partial: true\n"
        "- url: http://u@h/\n"
        "  remote_timeout: 1m\n"
        "  chunked_read_limit: 50000000\n"
        "  authorization:\n"
        "    type: Bearer\n"
        "    credentials: <secret>\n"
        "  tls_config:\n"
        "    ca_file: /ca\n"
        "    insecure_skip_verify: false\n"
        "  follow_redirects: false\n"
        "  proxy_from_environment: true\n"
        "  required_matchers:\n"
        "    job: x\n"
        "  filter_external_labels: true\n");
}
END_TEST

TEST_MAIN("config_print", shows_what_holds_without_a_file, shows_all_that_is_read)
