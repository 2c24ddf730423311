/*
 * Learns what a backend has. Names tell what most metrics are (_total, _bucket), metadata and a
 * look at one sample the rest: many backends know no metadata.
 */
#include "query-tee/fuzz/catalog.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/quote.h"
#include "http/params.h"

struct learning {
    const struct catalog_source *source;
    struct dice *dice;
    struct arena *arena;
    json_t *metadata; /* NULL: the backend has none */
};

static void json_free_auto(json_t **json)
{
    json_decref(*json);
}

#define AUTO_JSON __attribute__((cleanup(json_free_auto)))

/* The `data` of an answer; the caller owns it. */
static bool source_ask(const struct catalog_source *source, const char *path, json_t **ret_data,
                       struct err *err)
{
    AUTO(buf_done) struct buf body = {0};
    if (!source->ask(source->context, path, &body, err))
        return false;
    json_error_t fault;
    AUTO_JSON json_t *answer = json_loadb(body.ptr, body.len, JSON_ALLOW_NUL, &fault);
    if (!answer)
        return err_set(err, ERR_CORRUPT, "%s: the answer is no JSON: %s", path, fault.text);
    json_t *data = json_object_get(answer, "data");
    if (!data)
        return err_set(err, ERR_CORRUPT, "%s: the answer has no data", path);
    *ret_data = json_incref(data);
    return true;
}

/* "start=...&end=...", whole seconds that hold all of it. */
static void time_append(const struct catalog_source *source, struct buf *out)
{
    buf_printf(out, "start=%lld&end=%lld", (long long)(source->begin_ms / 1000),
               (long long)((source->end_ms + 999) / 1000));
}

static void match_append(const char *name, struct buf *out)
{
    AUTO(buf_done) struct buf matcher = {0};
    buf_text(&matcher, "{__name__=");
    quote_append(&matcher, str_of(name));
    buf_byte(&matcher, '}');
    percent_encode(buf_view(&matcher), out);
}

/* Does the newest sample of the metric say that it is a native histogram? */
static bool metric_is_native(const struct learning *self, const char *name)
{
    AUTO(buf_done) struct buf path = {0};
    struct err err = {0};
    buf_text(&path, "/api/v1/query?limit=1&query=");
    match_append(name, &path);
    buf_printf(&path, "&time=%lld", (long long)(self->source->end_ms / 1000));
    AUTO_JSON json_t *data = NULL;
    if (!source_ask(self->source, buf_terminated(&path), &data, &err))
        return false;
    json_t *first = json_array_get(json_object_get(data, "result"), 0);
    return json_object_get(first, "histogram") != NULL;
}

static enum catalog_type metric_type(const struct learning *self, const char *name)
{
    struct str text = str_of(name);
    if (str_ends(text, STR("_bucket")))
        return CATALOG_BUCKETS;
    if (str_ends(text, STR("_total")) || str_ends(text, STR("_count")) ||
        str_ends(text, STR("_sum")))
        return CATALOG_COUNTER;
    const json_t *known = json_array_get(json_object_get(self->metadata, name), 0);
    const char *type = json_string_value(json_object_get(known, "type"));
    if (type && strcmp(type, "counter") == 0)
        return CATALOG_COUNTER;
    if (type && strcmp(type, "histogram") != 0 && strcmp(type, "gaugehistogram") != 0 &&
        strcmp(type, "unknown") != 0)
        return CATALOG_GAUGE;
    return metric_is_native(self, name) ? CATALOG_NATIVE : CATALOG_GAUGE;
}

static void label_add_value(struct catalog_label *label, const char *value, struct arena *arena)
{
    if (label->value_count == CATALOG_VALUES_MAX)
        return;
    for (size_t i = 0; i < label->value_count; i++)
        if (strcmp(label->values[i], value) == 0)
            return;
    label->values[label->value_count++] = arena_text(arena, str_of(value));
}

#define METRIC_LABELS_MAX 32

static void metric_add_label(struct catalog_metric *metric, const char *name, const char *value,
                             struct arena *arena)
{
    size_t at = 0;
    while (at < metric->label_count && strcmp(metric->labels[at].name, name) != 0)
        at++;
    if (at == METRIC_LABELS_MAX)
        return;
    if (at == metric->label_count)
        metric->labels[metric->label_count++] = (struct catalog_label){
            .name = arena_text(arena, str_of(name)),
            .values = arena_array(arena, const char *, CATALOG_VALUES_MAX),
        };
    label_add_value(&metric->labels[at], value, arena);
}

/* A text without zero bytes, which a query cannot have. */
static bool is_plain_text(const json_t *json)
{
    return json_is_string(json) && strlen(json_string_value(json)) == json_string_length(json);
}

static bool metric_learn(const struct learning *self, const char *name,
                         struct catalog_metric *ret_metric, struct err *err)
{
    AUTO(buf_done) struct buf path = {0};
    buf_printf(&path, "/api/v1/series?limit=%d&", CATALOG_SERIES_MAX);
    time_append(self->source, &path);
    buf_text(&path, "&match[]=");
    match_append(name, &path);
    AUTO_JSON json_t *series = NULL;
    if (!source_ask(self->source, buf_terminated(&path), &series, err))
        return false;

    struct catalog_metric metric = {
        .name = arena_text(self->arena, str_of(name)),
        .type = metric_type(self, name),
        .labels = arena_array(self->arena, struct catalog_label, METRIC_LABELS_MAX),
    };
    for (size_t i = 0; i < json_array_size(series) && i < CATALOG_SERIES_MAX; i++) {
        const char *label;
        json_t *value;
        json_object_foreach(json_array_get(series, i), label, value)
        {
            if (strcmp(label, "__name__") != 0 && is_plain_text(value))
                metric_add_label(&metric, label, json_string_value(value), self->arena);
        }
    }
    *ret_metric = metric;
    return true;
}

/* The first `count` of the order are a random choice. */
static size_t *choose(size_t all, size_t count, struct dice *dice, struct arena *arena)
{
    size_t *order = arena_array(arena, size_t, all);
    for (size_t i = 0; i < all; i++)
        order[i] = i;
    for (size_t i = 0; i < count; i++) {
        size_t other = i + dice_below(dice, all - i);
        size_t saved = order[i];
        order[i] = order[other];
        order[other] = saved;
    }
    return order;
}

static bool learn_metrics(const struct learning *self, json_t *names, struct catalog *catalog,
                          struct err *err)
{
    size_t all = json_array_size(names);
    size_t count = all < self->source->metric_max ? all : self->source->metric_max;
    const size_t *order = choose(all, count, self->dice, self->arena);
    catalog->metrics = arena_array(self->arena, struct catalog_metric, count);
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(names, order[i]));
        if (!name)
            return err_set(err, ERR_CORRUPT, "a metric's name is no text");
        if (!metric_learn(self, name, &catalog->metrics[catalog->count], err))
            return false;
        catalog->type_counts[catalog->metrics[catalog->count++].type]++;
    }
    return true;
}

bool catalog_learn(struct catalog *ret_catalog, const struct catalog_source *source,
                   struct dice *dice, struct arena *arena, struct err *err)
{
    AUTO(buf_done) struct buf path = {0};
    buf_text(&path, "/api/v1/label/__name__/values?");
    time_append(source, &path);
    AUTO_JSON json_t *names = NULL;
    if (!source_ask(source, buf_terminated(&path), &names, err))
        return false;
    if (json_array_size(names) == 0)
        return err_set(err, ERR_NOT_FOUND, "there are no metrics between %lld and %lld",
                       (long long)(source->begin_ms / 1000), (long long)(source->end_ms / 1000));

    AUTO_JSON json_t *metadata = NULL;
    struct err ignored = {0};
    if (!source_ask(source, "/api/v1/metadata?limit_per_metric=1", &metadata, &ignored))
        metadata = NULL;
    const struct learning self = {source, dice, arena, metadata};
    struct catalog catalog = {0};
    if (!learn_metrics(&self, names, &catalog, err))
        return false;
    *ret_catalog = catalog;
    return true;
}

const struct catalog_metric *catalog_pick(const struct catalog *catalog, enum catalog_type type,
                                          struct dice *dice)
{
    if (catalog->type_counts[type] == 0)
        return &catalog->metrics[dice_below(dice, catalog->count)];
    size_t left = dice_below(dice, catalog->type_counts[type]);
    const struct catalog_metric *metric = catalog->metrics;
    while (metric->type != type || left-- > 0)
        metric++;
    return metric;
}

const struct catalog_label *catalog_pick_label(const struct catalog *catalog, struct dice *dice)
{
    for (size_t tries = 0; tries < 8; tries++) {
        const struct catalog_metric *metric = &catalog->metrics[dice_below(dice, catalog->count)];
        if (metric->label_count > 0)
            return &metric->labels[dice_below(dice, metric->label_count)];
    }
    return NULL;
}
