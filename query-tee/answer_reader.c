#include "query-tee/answer_reader.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "query-tee/json_read.h"
#include "query-tee/spool.h"

/*
 * A window slides over the body. Each step reads one thing from it: a member of the envelope, or an
 * item. If the window ends within it, nothing has happened; the window takes in more, and the step
 * begins anew. The window at least doubles each time, so that this costs a constant factor, and it
 * is kept several items large, so that the factor is close to one.
 */

#define READ_SIZE_MIN 4096 /* after going to a place: its item may be all that is wanted */
#define READ_SIZE_MAX (256u << 10)
#define WINDOW_ITEMS 4
#define ANNOTATION_COUNT_MAX 10000

enum where {
    AT_BEGIN,
    AT_TOP,  /* among the members of the answer */
    AT_DATA, /* among the members of a query's data */
    AT_ITEMS,
    AT_END,
};

struct position {
    enum where where;
    enum where above; /* of the items */
    char close;       /* what ends the items */
    bool first;       /* no member has come yet */
};

struct answer_reader {
    struct spool *spool;
    enum answer_kind kind;
    size_t item_size_max;

    uint64_t offset; /* of the window in the body */
    char *window;
    size_t begin; /* what has been read ends here */
    size_t end;
    size_t cap;
    size_t read_size;
    bool last; /* the window holds the end of the body */

    struct position position;
    struct answer_item item;
    uint64_t place;
    struct answer_envelope envelope;
    struct arena *arena; /* of the envelope */
};

struct answer_reader *answer_reader_create(struct spool *spool, enum answer_kind kind,
                                           size_t item_size_max)
{
    struct answer_reader *reader = mem_new(struct answer_reader);
    reader->spool = spool;
    reader->kind = kind;
    reader->item_size_max = item_size_max;
    reader->item.size_max = item_size_max;
    reader->read_size = READ_SIZE_MAX;
    reader->arena = arena_create(NULL);
    return reader;
}

void answer_reader_destroy(struct answer_reader *reader)
{
    if (!reader)
        return;
    answer_item_done(&reader->item);
    arena_destroy(reader->arena);
    free(reader->window);
    free(reader);
}

static bool reader_too_large(const struct answer_reader *reader, struct err *err)
{
    return err_set(err, ERR_LIMIT, "byte %" PRIu64 ": a series, or a text, of more than %zu bytes",
                   reader->offset + reader->begin, reader->item_size_max);
}

/* Takes in more of the body behind what has not been read yet. */
static bool reader_fill(struct answer_reader *reader, struct err *err)
{
    size_t have = reader->end - reader->begin;
    size_t wanted = reader->item.size_bytes * WINDOW_ITEMS;
    if (have >= reader->item_size_max)
        return reader_too_large(reader, err);
    if (wanted < have * 2)
        wanted = have * 2;
    if (wanted > reader->item_size_max)
        wanted = reader->item_size_max;
    if (wanted < have + reader->read_size)
        wanted = have + reader->read_size;
    if (reader->read_size < READ_SIZE_MAX)
        reader->read_size *= 2;

    if (have > 0)
        memmove(reader->window, reader->window + reader->begin, have);
    reader->offset += reader->begin;
    reader->begin = 0;
    reader->end = have;
    if (wanted > reader->cap) {
        reader->window = mem_resize(reader->window, char, wanted);
        reader->cap = wanted;
    }
    while (reader->end < wanted && !reader->last) {
        size_t size = 0;
        if (!spool_read(reader->spool, reader->offset + reader->end, reader->window + reader->end,
                        wanted - reader->end, &size, err))
            return false;
        reader->end += size;
        reader->last = size == 0;
    }
    return true;
}

static struct str reader_text(struct answer_reader *reader, struct json_string string)
{
    AUTO(buf_done) struct buf plain = {0};
    json_unescape(string, &plain);
    return (struct str){arena_text(reader->arena, buf_view(&plain)), plain.len};
}

static bool read_text(struct answer_reader *reader, struct json_reader *json, struct str *ret_text)
{
    struct json_string string;
    if (!json_read_string(json, &string))
        return false;
    *ret_text = reader_text(reader, string);
    return true;
}

static bool read_texts(struct answer_reader *reader, struct json_reader *json,
                       struct str **ret_texts, size_t *ret_count)
{
    struct json_reader probe = *json;
    char next;
    if (!json_skip(&probe, NULL)) {
        *json = probe;
        return false;
    }
    if (!json_peek(json, &next))
        return false;
    if (next == 'n')
        return json_read_word(json, "null");
    if (!json_take(json, '['))
        return false;

    struct str *texts = NULL;
    size_t count = 0;
    size_t cap = 0;
    bool there = true;
    bool read = true;
    for (;;) {
        read = json_member(json, ']', count == 0, &there);
        if (!read || !there)
            break;
        if (count == ANNOTATION_COUNT_MAX) {
            read = json_fault(json, "too many annotations");
            break;
        }
        mem_grow(texts, struct str, count, &cap);
        read = read_text(reader, json, &texts[count]);
        if (!read)
            break;
        count++;
    }
    if (read && count > 0) {
        *ret_texts = arena_array(reader->arena, struct str, count);
        memcpy(*ret_texts, texts, count * sizeof(*texts));
    }
    if (read)
        *ret_count = count;
    free(texts);
    return read;
}

/* The value behind "data". */
static bool read_data(struct answer_reader *reader, struct json_reader *json)
{
    struct position *position = &reader->position;
    char next;
    if (!json_peek(json, &next))
        return false;
    if (reader->envelope.has_data)
        return json_fault(json, "data stands twice");
    if (next == 'n')
        return json_read_word(json, "null");

    bool object = reader->kind == ANSWER_QUERY || reader->kind == ANSWER_METADATA;
    if (!json_take(json, object ? '{' : '['))
        return false;
    *position = (struct position){
        .where = reader->kind == ANSWER_QUERY ? AT_DATA : AT_ITEMS,
        .above = AT_TOP,
        .close = object ? '}' : ']',
        .first = true,
    };
    reader->envelope.has_data = true;
    return true;
}

/* The value behind "result". */
static bool read_result(struct answer_reader *reader, struct json_reader *json, bool *ret_item)
{
    char next;
    if (!json_peek(json, &next))
        return false;
    if (next == 'n')
        return json_read_word(json, "null");
    if (!json_take(json, '[') || !json_peek(json, &next))
        return false;
    if (next == '{' || next == ']') {
        reader->position =
            (struct position){.where = AT_ITEMS, .above = AT_DATA, .close = ']', .first = true};
        return true;
    }
    reader->envelope.pair = true;
    *ret_item = true;
    return answer_item_pair(&reader->item, json);
}

static bool read_item(struct answer_reader *reader, struct json_reader *json)
{
    switch (reader->kind) {
    case ANSWER_QUERY:
        return answer_item_series(&reader->item, json);
    case ANSWER_STRINGS:
        return answer_item_text(&reader->item, json);
    case ANSWER_SERIES:
        return answer_item_labels(&reader->item, json);
    case ANSWER_METADATA:
        return answer_item_metadata(&reader->item, json);
    case ANSWER_EXEMPLARS:
        return answer_item_exemplars(&reader->item, json);
    }
    return json_fault(json, "an unknown kind of answer");
}

/* One member of the answer, or its end. */
static bool step_top(struct answer_reader *reader, struct json_reader *json)
{
    struct answer_envelope *envelope = &reader->envelope;
    struct json_string key;
    bool there = true;
    if (!json_member(json, '}', reader->position.first, &there))
        return false;
    reader->position.first = false;
    if (!there) {
        reader->position.where = AT_END;
        return json_read_end(json);
    }
    if (!json_read_key(json, &key))
        return false;
    if (str_eq(key.text, STR("status")))
        return read_text(reader, json, &envelope->status);
    if (str_eq(key.text, STR("errorType")))
        return read_text(reader, json, &envelope->error_type);
    if (str_eq(key.text, STR("error")))
        return read_text(reader, json, &envelope->error);
    if (str_eq(key.text, STR("warnings")))
        return read_texts(reader, json, &envelope->warnings, &envelope->warning_count);
    if (str_eq(key.text, STR("infos")))
        return read_texts(reader, json, &envelope->infos, &envelope->info_count);
    if (str_eq(key.text, STR("data")))
        return read_data(reader, json);
    return json_skip(json, NULL);
}

/* One member of a query's data. */
static bool step_data(struct answer_reader *reader, struct json_reader *json, bool *ret_item)
{
    struct json_string key;
    bool there = true;
    if (!json_member(json, '}', reader->position.first, &there))
        return false;
    reader->position.first = false;
    if (!there) {
        reader->position = (struct position){.where = AT_TOP};
        return true;
    }
    if (!json_read_key(json, &key))
        return false;
    if (str_eq(key.text, STR("resultType")))
        return read_text(reader, json, &reader->envelope.result_type);
    if (str_eq(key.text, STR("result")))
        return read_result(reader, json, ret_item);
    return json_skip(json, NULL);
}

static bool step_items(struct answer_reader *reader, struct json_reader *json, bool *ret_item)
{
    char next;
    bool there = true;
    if (!json_member(json, reader->position.close, reader->position.first, &there))
        return false;
    reader->position.first = false;
    if (!there) {
        reader->position = (struct position){.where = reader->position.above};
        return true;
    }
    if (!json_peek(json, &next))
        return false;
    reader->place = reader->offset + (size_t)(json->at - reader->window);
    *ret_item = true;
    return read_item(reader, json);
}

static bool reader_step(struct answer_reader *reader, struct json_reader *json, bool *ret_item)
{
    switch (reader->position.where) {
    case AT_BEGIN:
        reader->position = (struct position){.where = AT_TOP, .first = true};
        return json_take(json, '{');
    case AT_TOP:
        return step_top(reader, json);
    case AT_DATA:
        return step_data(reader, json, ret_item);
    case AT_ITEMS:
        return step_items(reader, json, ret_item);
    case AT_END:
        break;
    }
    return true;
}

/* What a step says that did not succeed: false with the error, or the window has grown. */
static bool reader_again(struct answer_reader *reader, const struct json_reader *json,
                         struct err *err)
{
    if (json->more)
        return reader_fill(reader, err);
    if (reader->item.too_large)
        return reader_too_large(reader, err);
    size_t at = json->at && reader->window ? (size_t)(json->at - reader->window) : 0;
    return err_set(err, ERR_CORRUPT, "byte %" PRIu64 ": %s", reader->offset + at, json->fault);
}

static struct json_reader reader_json(const struct answer_reader *reader)
{
    const char *window = reader->window ? reader->window : "";
    return (struct json_reader){
        .at = window + reader->begin, .end = window + reader->end, .last = reader->last};
}

enum answer_pull answer_reader_next(struct answer_reader *reader, struct err *err)
{
    while (reader->position.where != AT_END) {
        struct json_reader json = reader_json(reader);
        struct position before = reader->position;
        struct answer_envelope envelope = reader->envelope;
        bool item = false;
        if (reader_step(reader, &json, &item)) {
            reader->begin = (size_t)(json.at - reader->window);
            if (item)
                return ANSWER_ITEM;
            continue;
        }
        reader->position = before;
        reader->envelope = envelope;
        if (!reader_again(reader, &json, err))
            return ANSWER_ERR;
    }
    return ANSWER_END;
}

bool answer_reader_pass_same(struct answer_reader *reader, const struct answer_reader *like)
{
    if (reader->position.where != AT_ITEMS || like->position.where != AT_ITEMS || !reader->window)
        return false;
    size_t size = like->item.size_bytes;
    size_t comma = !reader->position.first;
    const char *at = reader->window + reader->begin;
    if (reader->end - reader->begin < comma + size || (comma && *at != ',') ||
        memcmp(at + comma, like->window + (like->place - like->offset), size) != 0)
        return false;
    reader->begin += comma + size;
    reader->position.first = false;
    return true;
}

bool answer_reader_item_at(struct answer_reader *reader, uint64_t place, struct err *err)
{
    if (place >= reader->offset && place < reader->offset + reader->end) {
        reader->begin = (size_t)(place - reader->offset);
    } else {
        reader->offset = place;
        reader->begin = 0;
        reader->end = 0;
        reader->read_size = READ_SIZE_MIN;
        reader->last = false;
    }
    reader->place = place;
    for (;;) {
        struct json_reader json = reader_json(reader);
        if (read_item(reader, &json)) {
            reader->begin = (size_t)(json.at - reader->window);
            return true;
        }
        if (!reader_again(reader, &json, err))
            return false;
    }
}

const struct answer_item *answer_reader_item(const struct answer_reader *reader)
{
    return &reader->item;
}

uint64_t answer_reader_place(const struct answer_reader *reader)
{
    return reader->place;
}

const struct answer_envelope *answer_reader_envelope(const struct answer_reader *reader)
{
    return &reader->envelope;
}
