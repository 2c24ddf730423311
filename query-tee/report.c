#include "query-tee/report.h"

#include "base/quote.h"
#include "http/json_write.h"
#include "query-tee/shape.h"

static void report_text(struct json *json, const char *key, struct str text)
{
    json_key(json, key);
    if (text.ptr)
        json_string(json, text);
    else
        json_null(json);
}

static void report_number(struct json *json, const char *key, uint64_t number)
{
    json_key(json, key);
    json_uint(json, number);
}

static void report_side(struct json *json, const char *key, const struct report_side *side)
{
    json_key(json, key);
    json_object(json);
    report_text(json, "backend", str_of(side->backend));
    json_key(json, "status");
    json_int(json, side->status);
    json_key(json, "seconds");
    json_double(json, (double)side->latency_ns / 1e9);
    report_number(json, "bytes", side->size_bytes);
    json_object_end(json);
}

static void report_example(struct json *json, const struct difference *difference)
{
    struct str labels = difference->labels;
    json_object(json);
    if (labels.ptr) {
        json_key(json, "series");
        if (difference->labelled && utf8_valid(labels))
            json_raw(json, labels);
        else
            json_string(json, labels);
    }
    if (difference->timed) {
        json_key(json, "time");
        json_double(json, (double)difference->time_ms / 1000);
    }
    report_text(json, "preferred", difference->preferred);
    report_text(json, "other", difference->other);
    json_object_end(json);
}

static void report_classes(struct json *json, const struct comparison *comparison)
{
    json_key(json, "classes");
    json_object(json);
    for (size_t i = 0; i < DIFF_COUNT; i++) {
        if (comparison->counts[i] == 0)
            continue;
        json_key(json, difference_name((enum difference_class)i));
        json_object(json);
        report_number(json, "count", comparison->counts[i]);
        json_key(json, "examples");
        json_array(json);
        for (size_t j = 0; j < comparison->example_counts[i]; j++)
            report_example(json, &comparison->examples[i][j]);
        json_array_end(json);
        json_object_end(json);
    }
    json_object_end(json);
}

void report_append(const struct report *report, struct buf *out)
{
    AUTO(buf_done) struct buf text = {0};
    struct json json = {.out = out};
    json_object(&json);
    json_key(&json, "time");
    json_time(&json, report->time_ms);
    report_text(&json, "route", str_of(report->route));
    buf_text(&text, report->path);
    if (report->params.len > 0) {
        buf_byte(&text, '?');
        buf_str(&text, report->params);
    }
    report_text(&json, "request", buf_view(&text));
    if (report->query.len > 0) {
        buf_clear(&text);
        shape_append(report->query, &text);
        report_text(&json, "query", report->query);
        report_text(&json, "shape", buf_view(&text));
        report_text(&json, "range",
                    str_of(shape_range(report->start_ms, report->end_ms, report->step_ms)));
        report_text(&json, "steps",
                    str_of(shape_steps(report->start_ms, report->end_ms, report->step_ms)));
    }
    report_side(&json, "preferred", &report->preferred);
    report_side(&json, "other", &report->other);
    report_classes(&json, report->comparison);
    report_number(&json, "series", report->comparison->series_count);
    report_number(&json, "points", report->comparison->point_count);
    report_number(&json, "points_skipped", report->comparison->points_skipped);
    if (report->comparison->skip_reason)
        report_text(&json, "partial", str_of(report->comparison->skip_reason));
    json_object_end(&json);
    buf_byte(out, '\n');
}
