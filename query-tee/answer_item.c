#include "query-tee/answer_item.h"

#include <math.h>
#include <stdlib.h>

#include "base/float_text.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/quote.h"

/*
 * Labels become JSON again, without spaces, with as few escapes as there can be, and sorted: then
 * two label sets are equal if their texts are. Most come in just that form, and are copied pair by
 * pair.
 */

#define LABEL_COUNT_MAX 1024

struct label_pair {
    struct str name; /* as it is escaped */
    struct str all;  /* "name":"value" */
};

void answer_item_done(struct answer_item *item)
{
    free(item->points);
    buf_done(&item->label_text);
    arena_destroy(item->arena);
    *item = (struct answer_item){0};
}

static void item_begin(struct answer_item *item)
{
    item->labels = (struct str){0};
    item->point_count = 0;
    item->too_large = false;
    if (!item->arena)
        item->arena = arena_create(NULL);
    arena_reset(item->arena);
    buf_clear(&item->label_text);
}

static bool item_end(struct answer_item *item, const struct json_reader *json, const char *begin)
{
    item->size_bytes = (size_t)(json->at - begin);
    item->hash = hash_bytes(item->labels.ptr, item->labels.len);
    return true;
}

static struct str item_unescape(struct answer_item *item, struct json_string string)
{
    if (!string.escaped)
        return string.text;
    AUTO(buf_done) struct buf plain = {0};
    json_unescape(string, &plain);
    return arena_str(item->arena, buf_view(&plain));
}

/* A quoted text in its shortest form. */
static void text_append(struct json_string string, struct buf *out)
{
    buf_byte(out, '"');
    if (string.escaped) {
        AUTO(buf_done) struct buf plain = {0};
        json_unescape(string, &plain);
        json_escape(out, buf_view(&plain));
    } else {
        buf_str(out, string.text);
    }
    buf_byte(out, '"');
}

static int label_pair_cmp(const void *a, const void *b)
{
    const struct label_pair *left = a;
    const struct label_pair *right = b;
    return str_cmp(left->name, right->name);
}

/* Where the pairs of an object lie in the text that is made of it. */
struct label_list {
    size_t begin; /* its brace */
    size_t ends[LABEL_COUNT_MAX];
    size_t name_lens[LABEL_COUNT_MAX];
    size_t count;
};

static struct label_pair label_list_get(const struct label_list *list, size_t index,
                                        const char *text)
{
    size_t begin = index == 0 ? list->begin + 1 : list->ends[index - 1] + 1; /* behind the comma */
    const char *at = text + (begin - list->begin);
    return (struct label_pair){{at, list->name_lens[index]}, {at, list->ends[index] - begin}};
}

static bool label_list_is_sorted(const struct label_list *list, const char *text)
{
    for (size_t i = 1; i < list->count; i++)
        if (str_cmp(label_list_get(list, i - 1, text).name, label_list_get(list, i, text).name) >=
            0)
            return false;
    return true;
}

/* Writes the object anew, from its brace on, with its pairs in order. */
static bool labels_sort(struct answer_item *item, struct json_reader *json, struct buf *out,
                        const struct label_list *list)
{
    struct str object = {out->ptr + list->begin, out->len - list->begin};
    struct str text = arena_str(item->arena, object);
    struct label_pair *pairs = arena_array(item->arena, struct label_pair, list->count);
    for (size_t i = 0; i < list->count; i++)
        pairs[i] = label_list_get(list, i, text.ptr);
    qsort(pairs, list->count, sizeof(*pairs), label_pair_cmp);
    for (size_t i = 1; i < list->count; i++)
        if (str_eq(pairs[i - 1].name, pairs[i].name))
            return json_fault(json, "a label stands twice");

    out->len = list->begin;
    for (size_t i = 0; i < list->count; i++) {
        buf_byte(out, i > 0 ? ',' : '{');
        buf_str(out, pairs[i].all);
    }
    return true;
}

/* Appends an object of strings. */
static bool labels_read(struct answer_item *item, struct json_reader *json, struct buf *out)
{
    struct label_list list;
    bool there = true;
    list.begin = out->len;
    if (!json_take(json, '{'))
        return false;
    buf_byte(out, '{');
    for (list.count = 0;; list.count++) {
        struct json_string name;
        struct json_string value;
        if (!json_member(json, '}', list.count == 0, &there))
            return false;
        if (!there)
            break;
        if (list.count == LABEL_COUNT_MAX)
            return json_fault(json, "too many labels");
        if (!json_read_key(json, &name) || !json_read_string(json, &value))
            return false;

        if (list.count > 0)
            buf_byte(out, ',');
        size_t begin = out->len;
        text_append(name, out);
        list.name_lens[list.count] = out->len - begin;
        buf_byte(out, ':');
        text_append(value, out);
        list.ends[list.count] = out->len;
    }
    if (!label_list_is_sorted(&list, out->ptr + list.begin) && !labels_sort(item, json, out, &list))
        return false;
    buf_byte(out, '}');
    return true;
}

static bool item_labels_read(struct answer_item *item, struct json_reader *json)
{
    buf_clear(&item->label_text);
    if (!labels_read(item, json, &item->label_text))
        return false;
    item->labels = buf_view(&item->label_text);
    return true;
}

/* Reads the members of a list or an object with the function given; unknown ones are its to skip.
 */
HOT_INLINE bool list_read(struct answer_item *item, struct json_reader *json,
                          bool (*member)(struct answer_item *item, struct json_reader *json))
{
    bool there = true;
    if (!json_take(json, '['))
        return false;
    for (bool first = true;; first = false) {
        if (!json_member(json, ']', first, &there))
            return false;
        if (!there)
            return true;
        if (!member(item, json))
            return false;
    }
}

static bool object_read(struct answer_item *item, struct json_reader *json, void *context,
                        bool (*member)(struct answer_item *item, struct json_reader *json,
                                       struct str key, void *context))
{
    bool there = true;
    if (!json_take(json, '{'))
        return false;
    for (bool first = true;; first = false) {
        struct json_string key;
        if (!json_member(json, '}', first, &there))
            return false;
        if (!there)
            return true;
        if (!json_read_key(json, &key) || !member(item, json, key.text, context))
            return false;
    }
}

static unsigned digit_of(char c)
{
    return (unsigned)c - '0'; /* beyond 9: it is none */
}

/* 1700000000 or 1700000000.123 and a comma, as nearly all times come; false for all others. */
static bool time_plain(struct json_reader *json, int64_t *ret_ms)
{
    const char *at = json->at;
    int64_t seconds = 0;
    int64_t ms = 0;
    if (json->end - at < 20 || *at < '1' || *at > '9')
        return false;
    for (const char *end = at + 12; at < end && digit_of(*at) <= 9; at++)
        seconds = seconds * 10 + digit_of(*at);
    if (*at == '.') {
        unsigned a = digit_of(at[1]);
        unsigned b = digit_of(at[2]);
        unsigned c = digit_of(at[3]);
        if (a > 9 || b > 9 || c > 9)
            return false;
        ms = a * 100 + b * 10 + c;
        at += 4;
    }
    if (*at != ',')
        return false;
    *ret_ms = seconds * 1000 + ms;
    json->at = at;
    return true;
}

static bool time_read(struct json_reader *json, int64_t *ret_ms)
{
    struct str text;
    double seconds;
    bool range;
    if (time_plain(json, ret_ms))
        return true;
    if (!json_read_number(json, &text))
        return false;
    if (!float_parse(text, &seconds, &range) || !(fabs(seconds) < 4e15))
        return json_fault(json, "a time out of range");
    *ret_ms = llround(seconds * 1000);
    return true;
}

static bool item_point(struct answer_item *item, struct json_reader *json, int64_t time_ms,
                       struct str text, enum point_kind kind)
{
    if (text.len > UINT32_MAX)
        return json_fault(json, "too long a value");
    if (item->point_count == item->point_cap) {
        if ((item->point_cap + 1) * 2 * sizeof(*item->points) > item->size_max) {
            item->too_large = true;
            return json_fault(json, "too many points");
        }
        mem_grow(item->points, struct answer_point, item->point_count, &item->point_cap);
    }
    item->points[item->point_count++] =
        (struct answer_point){time_ms, text.ptr, (uint32_t)text.len, kind};
    return true;
}

/* From behind the bracket: a time, a comma, the value, a bracket. */
static bool pair_rest(struct answer_item *item, struct json_reader *json)
{
    struct json_string string;
    struct str text = {0};
    int64_t time_ms = 0;
    char next = 0;
    if (!time_read(json, &time_ms) || !json_take(json, ',') || !json_peek(json, &next))
        return false;
    enum point_kind kind = next == '{' ? POINT_HISTOGRAM : POINT_TEXT;
    if (kind == POINT_HISTOGRAM) {
        if (!json_skip(json, &text))
            return false;
    } else {
        if (!json_read_string(json, &string))
            return false;
        text = item_unescape(item, string);
    }
    return json_take(json, ']') && item_point(item, json, time_ms, text, kind);
}

static bool pair_read(struct answer_item *item, struct json_reader *json)
{
    return json_take(json, '[') && pair_rest(item, json);
}

static bool points_ascend(const struct answer_point *points, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (points[i - 1].time_ms >= points[i].time_ms)
            return false;
    return true;
}

/* Floats and histograms come as two lists; `half` is where the second one begins. */
static bool points_merge(struct answer_item *item, struct json_reader *json, size_t half)
{
    size_t count = item->point_count;
    struct answer_point *points = item->points;
    if (points_ascend(points, count))
        return true;

    struct answer_point *merged = arena_room(item->arena, struct answer_point, count);
    size_t left = 0;
    size_t right = half;
    for (size_t i = 0; i < count; i++) {
        bool first =
            right == count || (left < half && points[left].time_ms < points[right].time_ms);
        merged[i] = points[first ? left++ : right++];
    }
    memcpy(points, merged, count * sizeof(*points));
    return points_ascend(points, count) ||
           json_fault(json, "points are not in the order of their times");
}

static bool series_member(struct answer_item *item, struct json_reader *json, struct str key,
                          void *context)
{
    size_t *half = context;
    size_t before = item->point_count;
    if (str_eq(key, STR("metric")))
        return item_labels_read(item, json);

    bool read;
    if (str_eq(key, STR("values")) || str_eq(key, STR("histograms")))
        read = list_read(item, json, pair_read);
    else if (str_eq(key, STR("value")) || str_eq(key, STR("histogram")))
        read = pair_read(item, json);
    else
        read = json_skip(json, NULL);
    if (before > 0 && item->point_count > before)
        *half = before;
    return read;
}

bool answer_item_series(struct answer_item *item, struct json_reader *json)
{
    size_t half = 0;
    const char *begin = json->at;
    item_begin(item);
    if (!object_read(item, json, &half, series_member))
        return false;
    if (!item->labels.ptr)
        return json_fault(json, "a series without labels");
    return points_merge(item, json, half) && item_end(item, json, begin);
}

bool answer_item_pair(struct answer_item *item, struct json_reader *json)
{
    const char *begin = json->at;
    item_begin(item);
    item->labels = STR("");
    return pair_rest(item, json) && item_end(item, json, begin);
}

bool answer_item_text(struct answer_item *item, struct json_reader *json)
{
    struct json_string string;
    const char *begin = json->at;
    item_begin(item);
    if (!json_read_string(json, &string))
        return false;
    item->labels = item_unescape(item, string);
    return item_end(item, json, begin);
}

bool answer_item_labels(struct answer_item *item, struct json_reader *json)
{
    const char *begin = json->at;
    item_begin(item);
    return item_labels_read(item, json) && item_end(item, json, begin);
}

static int point_cmp(const void *a, const void *b)
{
    const struct answer_point *left = a;
    const struct answer_point *right = b;
    if (left->time_ms != right->time_ms)
        return left->time_ms < right->time_ms ? -1 : 1;
    return str_cmp(answer_point_text(left), answer_point_text(right));
}

static void points_sort(struct answer_item *item)
{
    if (item->point_count > 1)
        qsort(item->points, item->point_count, sizeof(*item->points), point_cmp);
}

static bool metadata_entry(struct answer_item *item, struct json_reader *json)
{
    AUTO(buf_done) struct buf text = {0};
    return labels_read(item, json, &text) &&
           item_point(item, json, 0, arena_str(item->arena, buf_view(&text)), POINT_TEXT);
}

bool answer_item_metadata(struct answer_item *item, struct json_reader *json)
{
    struct json_string name;
    const char *begin = json->at;
    item_begin(item);
    if (!json_read_key(json, &name) || !list_read(item, json, metadata_entry))
        return false;
    points_sort(item);
    item->labels = item_unescape(item, name);
    return item_end(item, json, begin);
}

struct exemplar {
    struct json_string value;
    int64_t time_ms;
    struct buf labels;
};

static bool exemplar_member(struct answer_item *item, struct json_reader *json, struct str key,
                            void *context)
{
    struct exemplar *exemplar = context;
    if (str_eq(key, STR("labels"))) {
        buf_clear(&exemplar->labels);
        return labels_read(item, json, &exemplar->labels);
    }
    if (str_eq(key, STR("value")))
        return json_read_string(json, &exemplar->value);
    if (str_eq(key, STR("timestamp")))
        return time_read(json, &exemplar->time_ms);
    return json_skip(json, NULL);
}

/* {"labels":{...},"value":"...","timestamp":...} */
static bool exemplar_read(struct answer_item *item, struct json_reader *json)
{
    AUTO(buf_done) struct buf text = {0};
    struct exemplar exemplar = {.value = {{"", 0}, false}};
    bool read = object_read(item, json, &exemplar, exemplar_member);
    if (read) {
        json_unescape(exemplar.value, &text);
        buf_byte(&text, ' ');
        buf_str(&text, buf_view(&exemplar.labels));
        struct str kept = arena_str(item->arena, buf_view(&text));
        read = item_point(item, json, exemplar.time_ms, kept, POINT_TEXT);
    }
    buf_done(&exemplar.labels);
    return read;
}

static bool exemplars_member(struct answer_item *item, struct json_reader *json, struct str key,
                             void *context)
{
    if (str_eq(key, STR("seriesLabels")))
        return item_labels_read(item, json);
    if (str_eq(key, STR("exemplars")))
        return list_read(item, json, exemplar_read);
    return json_skip(json, NULL);
}

bool answer_item_exemplars(struct answer_item *item, struct json_reader *json)
{
    const char *begin = json->at;
    item_begin(item);
    if (!object_read(item, json, NULL, exemplars_member))
        return false;
    if (!item->labels.ptr)
        return json_fault(json, "exemplars without a series");
    points_sort(item);
    return item_end(item, json, begin);
}
