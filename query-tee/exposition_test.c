#include "query-tee/exposition.h"

#include "base/proto_reader.h"
#include "base/test.h"

static struct err err;

START_TEST(knows_who_takes_protobuf)
{
    static const char proto[] =
        "application/vnd.google.protobuf;"
        "proto=io.prometheus.client.MetricFamily;encoding=delimited";
    AUTO(buf_done) struct buf accept = {0};
    ck_assert(exposition_wants_proto(proto));
    buf_printf(&accept, "%s;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", proto);
    ck_assert(exposition_wants_proto(buf_terminated(&accept)));
    buf_clear(&accept);
    buf_printf(&accept, "text/plain;version=0.0.4;q=0.6,%s;q=0.3", proto);
    ck_assert(!exposition_wants_proto(buf_terminated(&accept)));
    ck_assert(!exposition_wants_proto(NULL));
    ck_assert(!exposition_wants_proto("text/plain"));
    ck_assert(!exposition_wants_proto("application/vnd.google.protobuf;proto=another.Message"));
}
END_TEST

START_TEST(writes_text)
{
    AUTO(buf_done) struct buf out = {0};
    struct exposition exposition = {.out = &out};
    struct native native = {0};
    native_observe(&native, 1);
    struct exposition_histogram histogram = {
        .count = 3,
        .sum = 2.5,
        .bounds = (const double[]){0.5, 1},
        .buckets = (const uint64_t[]){1, 1},
        .bound_count = 2,
        .native = &native,
    };
    exposition_family(&exposition, "a_total", "All.", "counter");
    exposition_count(&exposition, "x=\"1\"", 1000000);
    exposition_family(&exposition, "b", "Some.", "gauge");
    exposition_value(&exposition, "", 0.25);
    exposition_family(&exposition, "c", "Many.", "histogram");
    exposition_histogram(&exposition, "x=\"1\"", &histogram);
    exposition_end(&exposition);
    ck_assert_str_eq(buf_terminated(&out),
                     "# HELP a_total All.\n# TYPE a_total counter\n"
                     "a_total{x=\"1\"} 1000000\n"
                     "# HELP b Some.\n# TYPE b gauge\nb 0.25\n"
                     "# HELP c Many.\n# TYPE c histogram\n"
                     "c_bucket{x=\"1\",le=\"0.5\"} 1\n"
                     "c_bucket{x=\"1\",le=\"1\"} 2\n"
                     "c_bucket{x=\"1\",le=\"+Inf\"} 3\n"
                     "c_sum{x=\"1\"} 2.5\nc_count{x=\"1\"} 3\n");
    native_done(&native);
}
END_TEST

/* The bytes of the n-th field of that number, or none; numbers come as their value. */
static struct str field_of(struct str message, uint32_t number, size_t n, uint64_t *ret_number)
{
    struct proto_reader r = proto_reader_of(message, "Message", &err);
    while (proto_next(&r)) {
        if (r.number != number || n-- > 0) {
            proto_skip(&r);
        } else if (r.wire == PROTO_BYTES) {
            return proto_bytes(&r, "Field");
        } else if (r.wire == PROTO_FIXED64) {
            double v = proto_double(&r, "Field");
            memcpy(ret_number, &v, sizeof v);
            return (struct str){"", 0};
        } else {
            *ret_number = proto_number(&r, "Field");
            return (struct str){"", 0};
        }
    }
    *ret_number = UINT64_MAX;
    return (struct str){0};
}

static struct str bytes_of(struct str message, uint32_t number, size_t n)
{
    uint64_t unused;
    return field_of(message, number, n, &unused);
}

static uint64_t number_of(struct str message, uint32_t number, size_t n)
{
    uint64_t got;
    field_of(message, number, n, &got);
    return got;
}

static int64_t signed_of(struct str message, uint32_t number, size_t n)
{
    return proto_unzigzag(number_of(message, number, n));
}

static double double_of(struct str message, uint32_t number)
{
    uint64_t bits = number_of(message, number, 0);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* The next family, without the length in front. */
static struct str family_next(struct str *rest)
{
    struct proto_reader r = proto_reader_of(*rest, "", &err);
    uint64_t size = proto_uvarint(&r);
    struct str family = {(const char *)r.at, size};
    ck_assert_uint_le(size, (size_t)(r.end - r.at));
    rest->len = (size_t)(r.end - r.at) - size;
    rest->ptr = family.ptr + size;
    return family;
}

START_TEST(writes_messages_of_values)
{
    AUTO(buf_done) struct buf out = {0};
    struct exposition exposition = {.out = &out, .proto = true};
    exposition_family(&exposition, "a_total", "All.", "counter");
    exposition_count(&exposition, "x=\"1\",y=\"a\\\\b\\\"c\\nd\"", 7);
    exposition_count(&exposition, "", 8);
    exposition_family(&exposition, "b", "Some.", "gauge");
    exposition_value(&exposition, "", 0.25);
    exposition_end(&exposition);

    struct str rest = buf_view(&out);
    struct str a = family_next(&rest), b = family_next(&rest);
    ck_assert_uint_eq(rest.len, 0);
    ck_assert(str_eq(bytes_of(a, 1, 0), STR("a_total")));
    ck_assert(str_eq(bytes_of(a, 2, 0), STR("All.")));
    ck_assert_uint_eq(number_of(a, 3, 0), 0);
    struct str metric = bytes_of(a, 4, 0), label = bytes_of(metric, 1, 1);
    ck_assert(str_eq(bytes_of(label, 1, 0), STR("y")));
    ck_assert(str_eq(bytes_of(label, 2, 0), STR("a\\b\"c\nd")));
    ck_assert(double_of(bytes_of(metric, 3, 0), 1) == 7);
    ck_assert(double_of(bytes_of(bytes_of(a, 4, 1), 3, 0), 1) == 8);
    ck_assert_uint_eq(number_of(b, 3, 0), 1);
    ck_assert(double_of(bytes_of(bytes_of(b, 4, 0), 2, 0), 1) == 0.25);
}
END_TEST

START_TEST(writes_native_histograms)
{
    AUTO(buf_done) struct buf out = {0};
    struct exposition exposition = {.out = &out, .proto = true};
    struct native native = {0};
    static const double values[] = {1, 1, 1, 1.05, 4, -2, 0};
    for (size_t i = 0; i < ARRAY_COUNT(values); i++)
        native_observe(&native, values[i]);
    struct exposition_histogram histogram = {
        .count = 7,
        .sum = 6.05,
        .bounds = (const double[]){0, 2},
        .buckets = (const uint64_t[]){2, 4},
        .bound_count = 2,
        .native = &native,
    };
    exposition_family(&exposition, "c", "Many.", "histogram");
    exposition_histogram(&exposition, "", &histogram);
    exposition_end(&exposition);

    struct str rest = buf_view(&out), family = family_next(&rest);
    ck_assert_uint_eq(number_of(family, 3, 0), 4);
    struct str got = bytes_of(bytes_of(family, 4, 0), 7, 0);
    ck_assert_uint_eq(number_of(got, 1, 0), 7);
    ck_assert(double_of(got, 2) == 6.05);
    ck_assert_uint_eq(number_of(bytes_of(got, 3, 1), 1, 0), 6);
    ck_assert(double_of(bytes_of(got, 3, 1), 2) == 2);
    ck_assert_int_eq(signed_of(got, 5, 0), 3);
    ck_assert(double_of(got, 6) == 1e-9);
    ck_assert_uint_eq(number_of(got, 7, 0), 1);
    /* 1 ends bucket 0, 1.05 lies in bucket 1, 4 ends bucket 16: two runs, fourteen apart. */
    ck_assert_int_eq(signed_of(bytes_of(got, 12, 0), 1, 0), 0);
    ck_assert_uint_eq(number_of(bytes_of(got, 12, 0), 2, 0), 2);
    ck_assert_int_eq(signed_of(bytes_of(got, 12, 1), 1, 0), 14);
    ck_assert_uint_eq(number_of(bytes_of(got, 12, 1), 2, 0), 1);
    ck_assert_int_eq(signed_of(got, 13, 0), 3);
    ck_assert_int_eq(signed_of(got, 13, 1), -2);
    ck_assert_int_eq(signed_of(got, 13, 2), 0);
    ck_assert_uint_eq(number_of(got, 13, 3), UINT64_MAX);
    ck_assert_int_eq(signed_of(bytes_of(got, 9, 0), 1, 0), 8);
    ck_assert_int_eq(signed_of(got, 10, 0), 1);
    native_done(&native);
}
END_TEST

TEST_MAIN("exposition", knows_who_takes_protobuf, writes_text, writes_messages_of_values,
          writes_native_histograms)
