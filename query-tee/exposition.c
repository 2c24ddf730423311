#include "query-tee/exposition.h"

#include <stdlib.h>
#include <string.h>

#include "base/float_text.h"
#include "base/proto_writer.h"

const char exposition_text_type[] = "text/plain; version=0.0.4; charset=utf-8";
const char exposition_proto_type[] =
    "application/vnd.google.protobuf; "
    "proto=io.prometheus.client.MetricFamily; encoding=delimited";

/* Fields of io.prometheus.client's messages. */
enum { FAMILY_NAME = 1, FAMILY_HELP, FAMILY_TYPE, FAMILY_METRIC };
enum { TYPE_COUNTER = 0, TYPE_GAUGE = 1, TYPE_HISTOGRAM = 4 };
enum { METRIC_LABEL = 1, METRIC_GAUGE = 2, METRIC_COUNTER = 3, METRIC_HISTOGRAM = 7 };
enum { LABEL_NAME = 1, LABEL_VALUE };
enum { VALUE = 1 };
enum {
    HISTOGRAM_COUNT = 1,
    HISTOGRAM_SUM = 2,
    HISTOGRAM_BUCKET = 3,
    HISTOGRAM_SCHEMA = 5,
    HISTOGRAM_ZERO_THRESHOLD = 6,
    HISTOGRAM_ZERO_COUNT = 7,
    HISTOGRAM_NEGATIVE_SPAN = 9,
    HISTOGRAM_NEGATIVE_DELTA = 10,
    HISTOGRAM_POSITIVE_SPAN = 12,
    HISTOGRAM_POSITIVE_DELTA = 13,
};
enum { BUCKET_COUNT = 1, BUCKET_BOUND };
enum { SPAN_OFFSET = 1, SPAN_LENGTH };

/* The share that one of the types in an Accept header is wanted with; -1: it is not there. */
static double accept_quality(const char *accept, const char *type)
{
    const char *at = strstr(accept, type);
    if (!at)
        return -1;
    size_t size = strcspn(at, ",");
    const char *q = memmem(at, size, "q=", 2);
    return q ? strtod(q + 2, NULL) : 1;
}

bool exposition_wants_proto(const char *accept)
{
    if (!accept)
        return false;
    double proto = accept_quality(accept, "application/vnd.google.protobuf");
    return proto > 0 && strstr(accept, "io.prometheus.client.MetricFamily") &&
           strstr(accept, "encoding=delimited") && proto >= accept_quality(accept, "text/plain");
}

static void put_text_number(struct buf *out, double v)
{
    out->len += float_text_g(buf_reserve(out, FLOAT_TEXT_SIZE), v);
}

void exposition_end(struct exposition *exposition)
{
    if (exposition->proto && exposition->name) {
        put_uvarint(exposition->out, exposition->family.len);
        buf_str(exposition->out, buf_view(&exposition->family));
    }
    buf_done(&exposition->family);
    exposition->name = NULL;
}

void exposition_family(struct exposition *exposition, const char *name, const char *help,
                       const char *kind)
{
    exposition_end(exposition);
    exposition->name = name;
    exposition->kind = kind;
    if (!exposition->proto) {
        buf_printf(exposition->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
        return;
    }
    put_bytes(&exposition->family, FAMILY_NAME, str_of(name));
    put_bytes(&exposition->family, FAMILY_HELP, str_of(help));
    put_number(&exposition->family, FAMILY_TYPE,
               *kind == 'h'   ? TYPE_HISTOGRAM
               : *kind == 'g' ? TYPE_GAUGE
                              : TYPE_COUNTER);
}

/* The value between quotes that `at` points behind the first of, and the place behind it. */
static const char *read_label_value(const char *at, struct buf *out)
{
    for (; *at && *at != '"'; at++) {
        if (*at == '\\' && at[1]) {
            at++;
            buf_byte(out, *at == 'n' ? '\n' : *at);
        } else {
            buf_byte(out, *at);
        }
    }
    return *at ? at + 1 : at;
}

static void put_labels(struct buf *out, const char *labels)
{
    while (*labels) {
        const char *equals = strchr(labels, '=');
        AUTO(buf_done) struct buf label = {0}, value = {0};
        const char *behind = read_label_value(equals + 2, &value);
        put_bytes(&label, LABEL_NAME, (struct str){labels, (size_t)(equals - labels)});
        put_bytes(&label, LABEL_VALUE, buf_view(&value));
        put_bytes(out, METRIC_LABEL, buf_view(&label));
        labels = *behind == ',' ? behind + 1 : behind;
    }
}

static void put_metric(struct exposition *exposition, const char *labels, uint32_t number,
                       const struct buf *inside)
{
    AUTO(buf_done) struct buf metric = {0};
    put_labels(&metric, labels);
    put_bytes(&metric, number, buf_view(inside));
    put_bytes(&exposition->family, FAMILY_METRIC, buf_view(&metric));
}

static void put_name(struct exposition *exposition, const char *labels)
{
    if (*labels)
        buf_printf(exposition->out, "%s{%s} ", exposition->name, labels);
    else
        buf_printf(exposition->out, "%s ", exposition->name);
}

void exposition_value(struct exposition *exposition, const char *labels, double v)
{
    if (exposition->proto) {
        AUTO(buf_done) struct buf value = {0};
        put_double(&value, VALUE, v);
        put_metric(exposition, labels, *exposition->kind == 'g' ? METRIC_GAUGE : METRIC_COUNTER,
                   &value);
        return;
    }
    put_name(exposition, labels);
    put_text_number(exposition->out, v);
    buf_byte(exposition->out, '\n');
}

void exposition_count(struct exposition *exposition, const char *labels, uint64_t n)
{
    if (exposition->proto) {
        exposition_value(exposition, labels, (double)n);
        return;
    }
    put_name(exposition, labels);
    buf_printf(exposition->out, "%llu\n", (unsigned long long)n);
}

/* Runs of neighbours, each with the gap in front of it; counts as differences. */
static void put_native_side(struct buf *out, const struct native_side *side, uint32_t span,
                            uint32_t delta)
{
    int32_t next = 0;
    for (size_t begin = 0, end; begin < side->count; begin = end) {
        for (end = begin + 1; end < side->count; end++)
            if (side->buckets[end].index != side->buckets[end - 1].index + 1)
                break;
        AUTO(buf_done) struct buf run = {0};
        put_number(&run, SPAN_OFFSET, proto_zigzag(side->buckets[begin].index - next));
        put_number(&run, SPAN_LENGTH, end - begin);
        put_bytes(out, span, buf_view(&run));
        next = side->buckets[end - 1].index + 1;
    }
    int64_t before = 0;
    for (size_t i = 0; i < side->count; i++) {
        int64_t count = (int64_t)side->buckets[i].count;
        put_number(out, delta, proto_zigzag(count - before));
        before = count;
    }
}

static void put_native(struct buf *out, const struct native *native)
{
    put_number(out, HISTOGRAM_SCHEMA, proto_zigzag(NATIVE_SCHEMA));
    put_double(out, HISTOGRAM_ZERO_THRESHOLD, NATIVE_ZERO_THRESHOLD);
    put_number(out, HISTOGRAM_ZERO_COUNT, native->zero_count);
    put_native_side(out, &native->negative, HISTOGRAM_NEGATIVE_SPAN, HISTOGRAM_NEGATIVE_DELTA);
    put_native_side(out, &native->positive, HISTOGRAM_POSITIVE_SPAN, HISTOGRAM_POSITIVE_DELTA);
}

static void put_histogram(struct exposition *exposition, const char *labels,
                          const struct exposition_histogram *histogram)
{
    AUTO(buf_done) struct buf inside = {0};
    uint64_t sum = 0;
    put_number(&inside, HISTOGRAM_COUNT, histogram->count);
    put_double(&inside, HISTOGRAM_SUM, histogram->sum);
    for (size_t i = 0; i < histogram->bound_count; i++) {
        AUTO(buf_done) struct buf bucket = {0};
        sum += histogram->buckets[i];
        put_number(&bucket, BUCKET_COUNT, sum);
        put_double(&bucket, BUCKET_BOUND, histogram->bounds[i]);
        put_bytes(&inside, HISTOGRAM_BUCKET, buf_view(&bucket));
    }
    if (histogram->native)
        put_native(&inside, histogram->native);
    put_metric(exposition, labels, METRIC_HISTOGRAM, &inside);
}

void exposition_histogram(struct exposition *exposition, const char *labels,
                          const struct exposition_histogram *histogram)
{
    if (exposition->proto) {
        put_histogram(exposition, labels, histogram);
        return;
    }
    const char *name = exposition->name, *comma = *labels ? "," : "";
    struct buf *out = exposition->out;
    uint64_t sum = 0;
    for (size_t i = 0; i < histogram->bound_count; i++) {
        sum += histogram->buckets[i];
        buf_printf(out, "%s_bucket{%s%sle=\"", name, labels, comma);
        put_text_number(out, histogram->bounds[i]);
        buf_printf(out, "\"} %llu\n", (unsigned long long)sum);
    }
    buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n%s_sum{%s} ", name, labels, comma,
               (unsigned long long)histogram->count, name, labels);
    put_text_number(out, histogram->sum);
    buf_printf(out, "\n%s_count{%s} %llu\n", name, labels, (unsigned long long)histogram->count);
}
