/*
 * /api/v1/status/self_metrics: what /metrics shows, as JSON: families by name, in the form that
 * protobuf's messages of them have in JSON. Counts are texts there, as are values that JSON has no
 * numbers for.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/float_text.h"
#include "base/regex.h"
#include "server/api.h"
#include "server/exposition.h"
#include "server/routes.h"
#include "server/server.h"

/* A family and its samples, which follow each other. */
struct shown_family {
    const struct exposition_family *family;
    const struct exposition_sample *samples;
    size_t count;
};

/* What stands behind the family's name in that of a sample; false: it is another family's. */
static bool sample_suffix(const struct exposition_family *family,
                          const struct exposition_sample *sample, struct str *ret_suffix)
{
    struct str name = sample->labels[0].value;
    if (!str_starts(name, family->name))
        return false;
    *ret_suffix = (struct str){name.ptr + family->name.len, name.len - family->name.len};
    bool parted = family->type == APPEND_METRIC_HISTOGRAM || family->type == APPEND_METRIC_SUMMARY;
    return ret_suffix->len == 0 ||
           (parted && (str_eq(*ret_suffix, STR("_bucket")) || str_eq(*ret_suffix, STR("_sum")) ||
                       str_eq(*ret_suffix, STR("_count"))));
}

static int family_cmp(const void *a, const void *b)
{
    return str_cmp(((const struct shown_family *)a)->family->name,
                   ((const struct shown_family *)b)->family->name);
}

/* Sorted by name; those without samples are left out. */
static size_t families_find(const struct exposition *shown, struct shown_family *ret_families)
{
    size_t count = 0, at = 0;
    for (size_t i = 0; i < shown->family_count; i++) {
        struct shown_family found = {&shown->families[i], &shown->samples[at], 0};
        struct str suffix;
        for (; at < shown->sample_count; at++, found.count++)
            if (!sample_suffix(found.family, &shown->samples[at], &suffix))
                break;
        if (found.count > 0)
            ret_families[count++] = found;
    }
    qsort(ret_families, count, sizeof *ret_families, family_cmp);
    return count;
}

static const struct wal_label *label_find(const struct exposition_sample *sample, struct str name)
{
    for (size_t i = 1; i < sample->label_count; i++)
        if (str_eq(sample->labels[i].name, name))
            return &sample->labels[i];
    return NULL;
}

static void put_number(struct json *json, const char *key, double v)
{
    json_key(json, key);
    if (isnan(v))
        json_text(json, "NaN");
    else if (isinf(v))
        json_text(json, v > 0 ? "Infinity" : "-Infinity");
    else
        json_double(json, v);
}

static void put_count(struct json *json, const char *key, double v)
{
    char text[FLOAT_TEXT_SIZE];
    snprintf(text, sizeof text, "%.0f", v);
    json_key(json, key);
    json_text(json, text);
}

/* `apart`: the label that the parts of a metric differ by. */
static void put_labels(struct json *json, const struct exposition_sample *sample, struct str apart)
{
    bool any = false;
    for (size_t i = 1; i < sample->label_count; i++) {
        const struct wal_label *label = &sample->labels[i];
        if (str_eq(label->name, apart))
            continue;
        if (!any) {
            json_key(json, "label");
            json_array(json);
        }
        any = true;
        json_object(json);
        json_key(json, "name");
        json_string(json, label->name);
        json_key(json, "value");
        json_string(json, label->value);
        json_object_end(json);
    }
    if (any)
        json_array_end(json);
}

static void put_single(struct json *json, const char *kind, const struct exposition_sample *sample)
{
    put_labels(json, sample, STR(""));
    json_key(json, kind);
    json_object(json);
    put_number(json, "value", sample->v);
    json_object_end(json);
}

/* One bucket or quantile; that of +Inf says no more than the count. */
static void put_part(struct json *json, bool histogram, const struct exposition_sample *sample)
{
    const struct wal_label *label = label_find(sample, histogram ? STR("le") : STR("quantile"));
    double bound;
    bool range;
    if (!label || !float_parse(label->value, &bound, &range) || isinf(bound))
        return;
    json_object(json);
    if (histogram) {
        put_count(json, "cumulativeCount", sample->v);
        put_number(json, "upperBound", bound);
    } else {
        put_number(json, "quantile", bound);
        put_number(json, "value", sample->v);
    }
    json_object_end(json);
}

/* A histogram or summary: its parts, sum and count. Answers how many samples it has. */
static size_t put_parted(struct json *json, const struct shown_family *shown, size_t begin)
{
    bool histogram = shown->family->type == APPEND_METRIC_HISTOGRAM;
    struct str apart = histogram ? STR("le") : STR("quantile");
    size_t parts = 0;
    while (begin + parts < shown->count && label_find(&shown->samples[begin + parts], apart))
        parts++;
    const struct exposition_sample *sample = &shown->samples[begin + parts]; /* sum, and count */
    put_labels(json, sample, apart);
    json_key(json, histogram ? "histogram" : "summary");
    json_object(json);
    put_count(json, "sampleCount", sample[1].v);
    put_number(json, "sampleSum", sample[0].v);
    if (parts > (histogram ? 1 : 0)) {
        json_key(json, histogram ? "bucket" : "quantile");
        json_array(json);
        for (size_t i = 0; i < parts; i++)
            put_part(json, histogram, &shown->samples[begin + i]);
        json_array_end(json);
    }
    json_object_end(json);
    return parts + 2;
}

static void put_family(struct json *json, const struct shown_family *shown)
{
    enum append_metric type = shown->family->type;
    bool counter = type == APPEND_METRIC_COUNTER, gauge = type == APPEND_METRIC_GAUGE;
    json_object(json);
    json_key(json, "name");
    json_string(json, shown->family->name);
    json_key(json, "help");
    json_string(json, shown->family->help);
    json_key(json, "type");
    json_text(json, counter                           ? "COUNTER"
                    : gauge                           ? "GAUGE"
                    : type == APPEND_METRIC_HISTOGRAM ? "HISTOGRAM"
                                                      : "SUMMARY");
    json_key(json, "metric");
    json_array(json);
    for (size_t at = 0; at < shown->count;) {
        json_object(json);
        if (counter || gauge)
            put_single(json, counter ? "counter" : "gauge", &shown->samples[at++]);
        else
            at += put_parted(json, shown, at);
        json_object_end(json);
    }
    json_array_end(json);
    json_object_end(json);
}

void route_self_metrics(struct server *server, const struct request *request, struct answer *answer)
{
    AUTO(regex_destroy) struct regex *pattern = NULL;
    AUTO(buf_done) struct buf text = {0};
    struct str wanted = params_get(&request->params, "metric_name_pattern");
    struct exposition shown;
    struct err err;
    err_clear(&err);
    if (wanted.len && !regex_create(wanted, &pattern, &err)) {
        api_fail(answer, FAULT_BAD_DATA, "invalid metric_name_pattern: %s", err.msg);
        return;
    }
    metrics_print(server, &text);
    if (!exposition_read(buf_view(&text), request->arena, &shown, &err)) {
        api_fail(answer, FAULT_INTERNAL, "error gathering self metrics: %s", err.msg);
        return;
    }
    struct shown_family *families =
        arena_array(request->arena, struct shown_family, shown.family_count);
    size_t count = families_find(&shown, families);
    struct json json = api_begin(answer);
    json_array(&json);
    for (size_t i = 0; i < count; i++)
        if (!pattern || regex_matches(pattern, families[i].family->name))
            put_family(&json, &families[i]);
    json_array_end(&json);
    api_end(&json);
}
