/* A server's answer, read back: only what is shown is looked at. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/float_text.h"
#include "base/mem.h"
#include "model/labels.h"
#include "model/symbols.h"
#include "server/show/shown.h"

/* Beyond this a double is no exact number of milliseconds. */
#define TIME_MS_MAX 0x1p53

static void json_free_auto(json_t **json)
{
    json_decref(*json);
}

static struct str string_of(const json_t *json)
{
    if (!json_is_string(json))
        return STR("");
    return (struct str){json_string_value(json), json_string_length(json)};
}

/* The metric as our own printing shows it; members are few, and need not be sorted by us. */
static void metric_print(json_t *metric, struct buf *out)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct symbols *symbols = symbols_new(arena);
    struct labels_builder builder = {0};
    const char *name;
    json_t *value;
    labels_builder_reset(&builder, symbols, &labels_empty);
    json_object_foreach(metric, name, value)
    {
        labels_builder_set(&builder, symbols_add(symbols, str_of(name)),
                           symbols_add(symbols, string_of(value)));
    }
    labels_print_metric(symbols, labels_builder_labels(&builder, arena), out);
    labels_builder_done(&builder);
    symbols_done(symbols);
}

static bool point_time(json_t *point, int64_t *ret_ms)
{
    json_t *time = json_array_get(point, 0);
    double time_ms = json_number_value(time) * 1000;
    if (!json_is_number(time) || fabs(time_ms) > TIME_MS_MAX)
        return false;
    *ret_ms = (int64_t)(time_ms < 0 ? time_ms - 0.5 : time_ms + 0.5);
    return true;
}

static bool point_read(json_t *point, struct shown_series *series)
{
    double v;
    bool out_of_range;
    int64_t time_ms;
    if (!point_time(point, &time_ms) ||
        !float_parse(string_of(json_array_get(point, 1)), &v, &out_of_range))
        return false;
    shown_add_value(series, time_ms, v);
    return true;
}

/* {count:8, sum:-1.5, [-1,-0.5):1, ...}: as a histogram of this process is shown. */
static bool histogram_read(struct shown *shown, json_t *point, struct shown_series *series)
{
    AUTO(buf_done) struct buf text = {0};
    json_t *h = json_array_get(point, 1);
    int64_t time_ms;
    if (!point_time(point, &time_ms) || !json_is_object(h))
        return false;
    buf_printf(&text, "{count:%.*s, sum:%.*s", STR_ARGS(string_of(json_object_get(h, "count"))),
               STR_ARGS(string_of(json_object_get(h, "sum"))));
    size_t index;
    json_t *bucket;
    json_array_foreach(json_object_get(h, "buckets"), index, bucket)
    {
        json_int_t bounds = json_integer_value(json_array_get(bucket, 0));
        buf_printf(&text, ", %c%.*s,%.*s%c:%.*s", bounds & 1 ? '[' : '(',
                   STR_ARGS(string_of(json_array_get(bucket, 1))),
                   STR_ARGS(string_of(json_array_get(bucket, 2))),
                   bounds == 0 || bounds == 3 ? ']' : ')',
                   STR_ARGS(string_of(json_array_get(bucket, 3))));
    }
    buf_byte(&text, '}');
    shown_add_histogram(shown, series, time_ms, buf_view(&text));
    return true;
}

static int point_cmp(const void *a, const void *b)
{
    double left = json_number_value(json_array_get(*(json_t *const *)a, 0));
    double right = json_number_value(json_array_get(*(json_t *const *)b, 0));
    return (left > right) - (left < right);
}

static bool points_read(struct shown *shown, json_t *floats, json_t *histograms, struct str name)
{
    size_t float_count = json_array_size(floats);
    size_t count = float_count + json_array_size(histograms);
    struct shown_series *series = shown_add(shown, name, count);
    json_t **points = mem_new_array(json_t *, count);
    for (size_t i = 0; i < count; i++)
        points[i] = i < float_count ? json_array_get(floats, i)
                                    : json_array_get(histograms, i - float_count);
    if (float_count && float_count < count)
        qsort(points, count, sizeof *points, point_cmp);
    bool good = true;
    for (size_t i = 0; good && i < count; i++)
        good = json_is_object(json_array_get(points[i], 1))
                   ? histogram_read(shown, points[i], series)
                   : point_read(points[i], series);
    free(points);
    return good;
}

static bool series_read(struct shown *shown, json_t *item)
{
    AUTO(buf_done) struct buf name = {0};
    metric_print(json_object_get(item, "metric"), &name);
    json_t *value = json_object_get(item, "value");
    json_t *histogram = json_object_get(item, "histogram");
    if (value)
        return point_read(value, shown_add(shown, buf_view(&name), 1));
    if (histogram)
        return histogram_read(shown, histogram, shown_add(shown, buf_view(&name), 1));
    return shown->kind == RESULT_MATRIX &&
           points_read(shown, json_object_get(item, "values"), json_object_get(item, "histograms"),
                       buf_view(&name));
}

static bool data_read(struct shown *shown, json_t *data)
{
    struct str type = string_of(json_object_get(data, "resultType"));
    json_t *result = json_object_get(data, "result");
    if (str_eq(type, STR("string"))) {
        shown->kind = RESULT_STRING;
        shown->string = arena_str(shown->arena, string_of(json_array_get(result, 1)));
        return true;
    }
    if (str_eq(type, STR("scalar"))) {
        shown->kind = RESULT_SCALAR;
        return point_read(result, shown_add(shown, STR(""), 1));
    }
    shown->kind = str_eq(type, STR("matrix")) ? RESULT_MATRIX : RESULT_VECTOR;
    size_t index;
    json_t *item;
    json_array_foreach(result, index, item)
    {
        if (!series_read(shown, item))
            return false;
    }
    return json_is_array(result);
}

static void notes_read(struct shown *shown, json_t *notes)
{
    size_t index;
    json_t *note;
    json_array_foreach(notes, index, note)
    {
        shown_add_note(shown, string_of(note));
    }
}

bool shown_read_json(struct shown *shown, struct str text, struct err *err)
{
    json_error_t fault;
    AUTO(json_free) json_t *root = json_loadb(text.ptr ? text.ptr : "", text.len, 0, &fault);
    if (!root)
        return err_set(err, ERR_IO, "the server's answer is no JSON: %.60s", fault.text);
    if (str_eq(string_of(json_object_get(root, "status")), STR("error"))) {
        struct str type = string_of(json_object_get(root, "errorType"));
        struct str words = string_of(json_object_get(root, "error"));
        bool asked_wrongly = str_eq(type, STR("bad_data"));
        return err_set(err, asked_wrongly ? ERR_BAD_DATA : ERR_EXECUTION, "%.*s", STR_ARGS(words));
    }
    if (!data_read(shown, json_object_get(root, "data")))
        return err_set(err, ERR_IO, "the server's answer is not as Prometheus's API gives it");
    notes_read(shown, json_object_get(root, "warnings"));
    notes_read(shown, json_object_get(root, "infos"));
    return true;
}
