/* A server's answer, read back: only what is shown is looked at. */
#include <jansson.h>
#include <math.h>
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

static bool point_read(json_t *point, struct shown_series *series)
{
    double v;
    bool out_of_range;
    json_t *time = json_array_get(point, 0);
    if (!json_is_number(time) ||
        !float_parse(string_of(json_array_get(point, 1)), &v, &out_of_range))
        return false;
    double time_ms = json_number_value(time) * 1000;
    if (fabs(time_ms) > TIME_MS_MAX)
        return false;
    series->times_ms[series->count] = (int64_t)(time_ms < 0 ? time_ms - 0.5 : time_ms + 0.5);
    series->values[series->count++] = v;
    return true;
}

static bool series_read(struct shown *shown, json_t *item)
{
    AUTO(buf_done) struct buf name = {0};
    metric_print(json_object_get(item, "metric"), &name);
    json_t *point = json_object_get(item, "value");
    json_t *points = json_object_get(item, "values");
    if (point)
        return point_read(point, shown_add(shown, buf_view(&name), 1));
    if (shown->kind == RESULT_VECTOR || !json_is_array(points)) {
        shown_add_note(shown, STR("native histograms are left out"));
        return true;
    }
    struct shown_series *series = shown_add(shown, buf_view(&name), json_array_size(points));
    size_t index;
    json_array_foreach(points, index, point)
    {
        if (!point_read(point, series))
            return false;
    }
    return true;
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
