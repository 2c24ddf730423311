#include "base/test.h"
#include "query-tee/tracer.h"

/* An environment of pairs of names and values. */
static const char *const *environment;
static struct arena *arena;
static struct tracer_options got;
static struct err warning;

static char *get(const char *name)
{
    for (const char *const *at = environment; *at; at += 2)
        if (strcmp(at[0], name) == 0)
            return (char *)(uintptr_t)at[1];
    return NULL;
}

static void read_from(const char *const *pairs)
{
    arena_destroy(arena);
    arena = arena_create(NULL);
    environment = pairs;
    tracer_options_read(get, arena, &got, &warning);
}

#define READ(...) read_from((const char *const[]){__VA_ARGS__, NULL})

#define ENDPOINT "OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"

static void end(void)
{
    arena_destroy(TAKE(arena));
}

START_TEST(is_off_without_an_endpoint)
{
    READ("OTEL_SERVICE_NAME", "x");
    ck_assert_ptr_null(got.url);
    READ("OTEL_EXPORTER_OTLP_ENDPOINT", "");
    ck_assert_ptr_null(got.url);
    READ(ENDPOINT, "OTEL_SDK_DISABLED", "true");
    ck_assert_ptr_null(got.url);
    READ(ENDPOINT, "OTEL_TRACES_EXPORTER", "none");
    ck_assert_ptr_null(got.url);
    ck_assert_int_eq(warning.kind, ERR_NONE);
    end();
}
END_TEST

START_TEST(has_defaults)
{
    READ(ENDPOINT);
    ck_assert_str_eq(got.url, "http://localhost:4318/v1/traces");
    ck_assert_str_eq(got.service_name, "query-tee");
    ck_assert(got.sampler.parent_based && got.sampler.ratio == 1);
    ck_assert_uint_eq(got.queue_max, 2048);
    ck_assert_uint_eq(got.batch_max, 512);
    ck_assert_int_eq(got.delay_ms, 5000);
    ck_assert_int_eq(got.timeout_ms, 10000);
    ck_assert_uint_eq(got.header_count + got.attribute_count, 0);
    end();
}
END_TEST

START_TEST(reads_what_is_said)
{
    READ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a/base/", "OTEL_EXPORTER_OTLP_HEADERS",
         "X-Token=a%20b , y=z", "OTEL_RESOURCE_ATTRIBUTES", "service.name=one,zone=b",
         "OTEL_TRACES_SAMPLER", "traceidratio", "OTEL_TRACES_SAMPLER_ARG", "0.25",
         "OTEL_EXPORTER_OTLP_TIMEOUT", "500", "OTEL_BSP_SCHEDULE_DELAY", "10");
    ck_assert_int_eq(warning.kind, ERR_NONE);
    ck_assert_str_eq(got.url, "http://a/base/v1/traces");
    ck_assert_uint_eq(got.header_count, 2);
    ck_assert_str_eq(got.headers[0].name, "X-Token");
    ck_assert_str_eq(got.headers[0].value, "a b");
    ck_assert_str_eq(got.headers[1].value, "z");
    ck_assert_str_eq(got.service_name, "one");
    ck_assert_uint_eq(got.attribute_count, 1);
    ck_assert_str_eq(got.attributes[0].key, "zone");
    ck_assert(!got.sampler.parent_based && got.sampler.ratio == 0.25);
    ck_assert_int_eq(got.timeout_ms, 500);
    ck_assert_int_eq(got.delay_ms, 10);
    end();
}
END_TEST

START_TEST(prefers_what_is_for_traces)
{
    READ(ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://b/as-it-is",
         "OTEL_EXPORTER_OTLP_HEADERS", "a=1", "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "b=2",
         "OTEL_SERVICE_NAME", "two", "OTEL_RESOURCE_ATTRIBUTES", "service.name=one",
         "OTEL_TRACES_SAMPLER", "parentbased_always_off");
    ck_assert_str_eq(got.url, "https://b/as-it-is");
    ck_assert_uint_eq(got.header_count, 1);
    ck_assert_str_eq(got.headers[0].name, "b");
    ck_assert_str_eq(got.service_name, "two");
    ck_assert(got.sampler.parent_based && got.sampler.ratio == 0);
    end();
}
END_TEST

START_TEST(says_what_it_does_not_understand)
{
    READ(ENDPOINT, "OTEL_TRACES_SAMPLER", "jaeger_remote");
    ck_assert_ptr_nonnull(strstr(warning.msg, "OTEL_TRACES_SAMPLER: \"jaeger_remote\" is not"));
    ck_assert(got.sampler.parent_based && got.sampler.ratio == 1);
    READ(ENDPOINT, "OTEL_TRACES_SAMPLER", "traceidratio", "OTEL_TRACES_SAMPLER_ARG", "2");
    ck_assert_ptr_nonnull(strstr(warning.msg, "OTEL_TRACES_SAMPLER_ARG: \"2\" is not"));
    ck_assert(got.sampler.ratio == 1);
    READ(ENDPOINT, "OTEL_BSP_MAX_QUEUE_SIZE", "many");
    ck_assert_uint_eq(got.queue_max, 2048);
    ck_assert_int_eq(warning.kind, ERR_BAD_DATA);
    READ(ENDPOINT, "OTEL_EXPORTER_OTLP_HEADERS", "nothing,a=b%0d%0ac: d,e=f");
    ck_assert_uint_eq(got.header_count, 1);
    ck_assert_str_eq(got.headers[0].name, "e");
    READ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317");
    ck_assert_ptr_null(got.url);
    ck_assert_int_eq(warning.kind, ERR_BAD_DATA);
    READ(ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    ck_assert_ptr_null(got.url);
    ck_assert_int_eq(warning.kind, ERR_BAD_DATA);
    end();
}
END_TEST

TEST_MAIN("tracer_options", is_off_without_an_endpoint, has_defaults, reads_what_is_said,
          prefers_what_is_for_traces, says_what_it_does_not_understand)
