#include "query-tee/options.h"

#include <stdio.h>

#include "base/test.h"

static struct tee_options options;
static struct err err;

static bool read_one(const char *arg)
{
    char text[256];
    char *argv[] = {text};
    snprintf(text, sizeof text, "%s", arg);
    return options_read(1, argv, &options, &err);
}

START_TEST(has_the_defaults_of_mimir)
{
    ck_assert(options_read(0, NULL, &options, &err));
    ck_assert_int_eq(options.read_timeout_ms, 150000);
    ck_assert_int_eq(options.http_port, 80);
    ck_assert_int_eq(options.metrics_port, 9900);
    ck_assert_int_eq(options.skip_recent_ms, 120000);
    ck_assert_int_eq(options.slow_ms, 10000);
    ck_assert(options.tolerance == 1e-6);
    ck_assert(options.proportion == 1);
    ck_assert(options.add_time && !options.compare && !options.passthrough);
    ck_assert_int_eq(options.skip_before_ms, INT64_MIN);
}
END_TEST

START_TEST(reads_times)
{
    static const struct {
        const char *arg;
        int64_t expected_ms;
    } cases[] = {
        {"-proxy.compare-skip-samples-before=1760002400", 1760002400000},
        {"-proxy.compare-skip-samples-before=2025-10-09", 1759968000000},
        {"-proxy.compare-skip-samples-before=2025-10-09T09:33", 1760002380000},
        {"-proxy.compare-skip-samples-before=2025-10-09T09:33:20Z", 1760002400000},
        {"-proxy.compare-skip-samples-before=2025-10-09T11:33:20+02:00", 1760002400000},
        {"-proxy.compare-skip-samples-before=0", INT64_MIN},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        ck_assert(read_one(cases[i].arg));
        ck_assert_int_eq(options.skip_before_ms, cases[i].expected_ms);
    }
    ck_assert(!read_one("-proxy.compare-skip-samples-before=yesterday"));
}
END_TEST

START_TEST(refuses_what_makes_no_sense)
{
    ck_assert(!read_one("--proxy.secondary-backends-request-proportion=1.5"));
    ck_assert(!read_one("--server.http-service-port=70000"));
    ck_assert(!read_one("--server.http-tls-cert-path=cert.pem"));
    ck_assert(!read_one("--server.path-prefix=prometheus"));
    ck_assert(!read_one("--log.level=loud"));
    ck_assert(!read_one("--proxy.compare-concurrency=0"));
    ck_assert(!read_one("serve"));
    ck_assert_str_eq(err.msg, "no such command: \"serve\"");
}
END_TEST

TEST_MAIN("options", has_the_defaults_of_mimir, reads_times, refuses_what_makes_no_sense)
