#include "server/text_format.h"

#include <math.h>

#include "base/test.h"

#define FORMAT "text/plain; version=0.0.4; charset=utf-8; escaping="

#define PROTOBUF "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
#define PROTOBUF_NAME \
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited" \
    "; escaping="

START_TEST(gives_what_is_asked_for_most)
{
    static const struct {
        const char *accept;
        const char *name;
    } cases[] = {
        {NULL, FORMAT "underscores"},
        {"", FORMAT "underscores"},
        {"*/*", FORMAT "underscores"},
        {"text/html, application/json", FORMAT "underscores"},
        {"text/plain", FORMAT "underscores"},
        {"text/plain;version=1.0.0;escaping=allow-utf-8", FORMAT "allow-utf-8"},
        {"text/plain ; version=1.0.0 ; escaping=underscores", FORMAT "underscores"},
        {"text/plain;escaping=underscores;q=0.2,text/plain;escaping=allow-utf-8;q=0.3",
         FORMAT "allow-utf-8"},
        {"text/plain;escaping=underscores;q=0.3,text/plain;escaping=allow-utf-8;q=0.3",
         FORMAT "underscores"},
        {"text/plain;version=2.0.0,text/plain;version=0.0.4;escaping=allow-utf-8;q=0.1",
         FORMAT "allow-utf-8"},
        {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
         "application/openmetrics-text;version=0.0.1;q=0.5,"
         "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/"
         "*;q=0.2",
         FORMAT "allow-utf-8"},
        {"application/openmetrics-text;escaping=allow-utf-8,text/plain;version=0.0.4;q=0.3",
         FORMAT "allow-utf-8"},
        {"text/plain;escaping=dots", FORMAT "dots"},
        {"text/plain;escaping=values", FORMAT "values"},
        {"text/html;escaping=dots,text/plain;escaping=nonsense;q=0.5", FORMAT "dots"},
        {";;;,,,=;q=x,q", FORMAT "underscores"},
        {PROTOBUF "encoding=delimited;escaping=allow-utf-8;q=0.7,text/plain;q=0.6",
         PROTOBUF_NAME "allow-utf-8"},
        {PROTOBUF "encoding=delimited", PROTOBUF_NAME "underscores"},
        {PROTOBUF "encoding=delimited;q=0.1,text/plain", FORMAT "underscores"},
        {PROTOBUF "encoding=text", FORMAT "underscores"},
        {"application/vnd.google.protobuf;encoding=delimited", FORMAT "underscores"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        ck_assert_str_eq(text_format_name(text_format_negotiate(cases[i].accept)), cases[i].name);
}
END_TEST

START_TEST(takes_any_number_of_formats)
{
    AUTO(buf_done) struct buf accept = {0};
    for (int i = 0; i < 1000; i++)
        buf_text(&accept, "a/b,");
    buf_text(&accept, "text/plain;escaping=allow-utf-8");
    ck_assert_str_eq(text_format_name(text_format_negotiate(buf_terminated(&accept))),
                     FORMAT "underscores");
}
END_TEST

static void put(struct text_format format, const char *metric, const char *label, struct buf *out)
{
    const struct exposed_label one = {label ? str_of(label) : STR(""), STR("a\\b\"c\nd")};
    const struct exposed_sample sample = {&one, label ? 1 : 0, 1760000400123, .25, NULL};
    text_put_type(format, str_of(metric), EXPOSED_UNTYPED, out);
    text_put_sample(format, str_of(metric), &sample, out);
}

START_TEST(quotes_names_or_writes_underscores)
{
    AUTO(buf_done) struct buf out = {0};
    put((struct text_format){.escaping = TEXT_AS_IS}, "up", NULL, &out);
    put((struct text_format){.escaping = TEXT_AS_IS}, "job:up", "job", &out);
    put((struct text_format){.escaping = TEXT_AS_IS}, "a.b", NULL, &out);
    put((struct text_format){.escaping = TEXT_AS_IS}, "a\"b", "\xc3\xbc", &out);
    put((struct text_format){0}, "1a.b9", "\xc3\xbc.x", &out);
    ck_assert_str_eq(buf_terminated(&out),
                     "# TYPE up untyped\n"
                     "up 0.25 1760000400123\n"
                     "# TYPE job:up untyped\n"
                     "job:up{job=\"a\\\\b\\\"c\\nd\"} 0.25 1760000400123\n"
                     "# TYPE \"a.b\" untyped\n"
                     "{\"a.b\"} 0.25 1760000400123\n"
                     "# TYPE \"a\\\"b\" untyped\n"
                     "{\"a\\\"b\",\"\xc3\xbc\"=\"a\\\\b\\\"c\\nd\"} 0.25 1760000400123\n"
                     "# TYPE _a_b9 untyped\n"
                     "_a_b9{__x=\"a\\\\b\\\"c\\nd\"} 0.25 1760000400123\n");
}
END_TEST

START_TEST(writes_values_as_go_does)
{
    static const struct {
        double v;
        const char *text;
    } cases[] = {{1e21, "1e+21"}, {1234567, "1.234567e+06"}, {-1, "-1"},         {-0.0, "0"},
                 {NAN, "NaN"},    {INFINITY, "+Inf"},        {-INFINITY, "-Inf"}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        AUTO(buf_done) struct buf out = {0};
        AUTO(buf_done) struct buf expected = {0};
        const struct exposed_sample sample = {.time_ms = -5, .v = cases[i].v};
        text_put_sample((struct text_format){0}, STR("a"), &sample, &out);
        buf_printf(&expected, "a %s -5\n", cases[i].text);
        ck_assert_str_eq(buf_terminated(&out), buf_terminated(&expected));
    }
}
END_TEST

START_TEST(writes_names_that_can_be_read_back)
{
    AUTO(buf_done) struct buf out = {0};
    put((struct text_format){.escaping = TEXT_DOTS}, "a_b", NULL, &out);
    put((struct text_format){.escaping = TEXT_DOTS}, "a_b.c-d", NULL, &out);
    put((struct text_format){.escaping = TEXT_VALUES}, "1_b.\xc3\xbc\xff", NULL, &out);
    ck_assert_str_eq(buf_terminated(&out),
                     "# TYPE a_b untyped\n"
                     "a_b 0.25 1760000400123\n"
                     "# TYPE a__b_dot_c__d untyped\n"
                     "a__b_dot_c__d 0.25 1760000400123\n"
                     "# TYPE U___31___b_2e__fc__fffd_ untyped\n"
                     "U___31___b_2e__fc__fffd_ 0.25 1760000400123\n");
}
END_TEST

/* Spans with a gap, one that is empty, and a bucket above all bounds. */
START_TEST(tells_custom_bounds_in_classic_buckets)
{
    static const struct histogram_span spans[] = {{0, 2}, {0, 0}, {2, 2}};
    static const double counts[] = {3, 2, 1, 7}, bounds[] = {-.5, -0.0, .5, 1, 2};
    const struct histogram h = {
        .schema = HISTOGRAM_SCHEMA_CUSTOM,
        .count = 13,
        .sum = 1.25,
        .positive = {spans, counts, ARRAY_COUNT(spans), ARRAY_COUNT(counts)},
        .custom_bounds = bounds,
        .custom_bound_count = ARRAY_COUNT(bounds),
    };
    const struct exposed_label label = {STR("x"), STR("y")};
    const struct exposed_sample sample = {&label, 1, 7, 0, &h};
    AUTO(buf_done) struct buf out = {0};
    text_put_type((struct text_format){0}, STR("h"), exposed_type(&h), &out);
    text_put_sample((struct text_format){0}, STR("h"), &sample, &out);
    ck_assert_str_eq(buf_terminated(&out),
                     "# TYPE h histogram\n"
                     "h_bucket{x=\"y\",le=\"-0.5\"} 3 7\n"
                     "h_bucket{x=\"y\",le=\"0\"} 5 7\n"
                     "h_bucket{x=\"y\",le=\"0.5\"} 5 7\n"
                     "h_bucket{x=\"y\",le=\"1\"} 5 7\n"
                     "h_bucket{x=\"y\",le=\"2\"} 6 7\n"
                     "h_bucket{x=\"y\",le=\"+Inf\"} 13 7\n"
                     "h_sum{x=\"y\"} 1.25 7\n"
                     "h_count{x=\"y\"} 13 7\n");
}
END_TEST

START_TEST(tells_no_observations_in_the_last_bucket_alone)
{
    const struct histogram h = {.schema = HISTOGRAM_SCHEMA_CUSTOM};
    const struct exposed_sample sample = {NULL, 0, 7, 0, &h};
    AUTO(buf_done) struct buf out = {0};
    text_put_sample((struct text_format){.escaping = TEXT_AS_IS}, STR("a.b"), &sample, &out);
    text_put_sample((struct text_format){.escaping = TEXT_VALUES}, STR("a.b"), &sample, &out);
    ck_assert_str_eq(buf_terminated(&out),
                     "{\"a.b_bucket\",le=\"+Inf\"} 0 7\n"
                     "{\"a.b_sum\"} 0 7\n"
                     "{\"a.b_count\"} 0 7\n"
                     "U__a_2e_b_bucket{le=\"+Inf\"} 0 7\n"
                     "U__a_2e_b_sum 0 7\n"
                     "U__a_2e_b_count 0 7\n");
}
END_TEST

TEST_MAIN("text_format", gives_what_is_asked_for_most, takes_any_number_of_formats,
          quotes_names_or_writes_underscores, writes_names_that_can_be_read_back,
          writes_values_as_go_does, tells_custom_bounds_in_classic_buckets,
          tells_no_observations_in_the_last_bucket_alone)
