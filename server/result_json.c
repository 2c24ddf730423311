/*
 * Most of a large answer is points, [1435781451.781,"1"], and a point costs about as much as the
 * arithmetic that made it. So: time and brackets are one piece of text, copied with a fixed size;
 * a value equal to its neighbour is copied too; room is asked for once for many points.
 */
#include "server/result_json.h"

#include <assert.h>
#include <string.h>

#include "base/float_text.h"
#include "base/mem.h"
#include "base/quote.h"
#include "model/sample.h"
#include "server/histogram_json.h"

/* `,[1435781451.781,"`: copied whole, whatever its length. */
struct point_time {
    char text[31];
    uint8_t len;
};

static_assert(sizeof(struct point_time) == 32, "copied as two vectors");

/* A value in JSON's layout has at most 25 characters; what is written may be more. */
#define VALUE_SIZE 32
#define VALUE_ROOM 40
#define POINT_SIZE (sizeof(struct point_time) + VALUE_ROOM)
#define POINTS_AT_ONCE 256

static size_t unsigned_text(char *out, uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    memcpy(out, digits + at, sizeof digits - at);
    return sizeof digits - at;
}

size_t time_json(char *out, int64_t time_ms)
{
    uint64_t ms = (uint64_t)time_ms;
    size_t len = 0;
    if (time_ms < 0) {
        out[len++] = '-';
        ms = -ms;
    }
    len += unsigned_text(out + len, ms / 1000);
    unsigned part = (unsigned)(ms % 1000);
    if (part) {
        out[len++] = '.';
        out[len++] = (char)('0' + part / 100);
        out[len++] = (char)('0' + part / 10 % 10);
        out[len++] = (char)('0' + part % 10);
    }
    return len;
}

static void point_time_init(struct point_time *time, int64_t time_ms)
{
    size_t len = 0;
    time->text[len++] = ',';
    time->text[len++] = '[';
    len += time_json(time->text + len, time_ms);
    time->text[len++] = ',';
    time->text[len++] = '"';
    time->len = (uint8_t)len;
}

void labels_json(const struct symbols *symbols, const struct labels *labels, struct buf *out)
{
    buf_byte(out, '{');
    for (uint32_t i = 0; i < labels->count; i++) {
        buf_text(out, i ? ",\"" : "\"");
        json_escape(out, symbols_get(symbols, labels->pairs[i].name));
        buf_text(out, "\":\"");
        json_escape(out, symbols_get(symbols, labels->pairs[i].value));
        buf_byte(out, '"');
    }
    buf_byte(out, '}');
}

/* Scalars and strings go through Go's encoding/json: no zeros behind the time, no exponents. */
static void result_json_single(double time_ms, struct str value, bool escape, struct buf *out)
{
    buf_byte(out, '[');
    out->len += float_text_gojson(buf_reserve(out, FLOAT_TEXT_SIZE), time_ms / 1000);
    buf_text(out, ",\"");
    if (escape)
        json_escape_html(out, value);
    else
        buf_str(out, value);
    buf_text(out, "\"]");
}

void result_json_begin(struct result_json *json, const struct result_info *info, struct buf *out)
{
    static const char *const kinds[] = {
        [RESULT_SCALAR] = "scalar",
        [RESULT_VECTOR] = "vector",
        [RESULT_MATRIX] = "matrix",
        [RESULT_STRING] = "string",
    };
    *json = (struct result_json){.info = *info};
    if (info->kind == RESULT_MATRIX && !info->instant) {
        json->times = mem_new_array(struct point_time, info->grid.count);
        for (size_t i = 0; i < info->grid.count; i++)
            point_time_init(&json->times[i], grid_time(&info->grid, i));
    }
    buf_printf(out, "{\"resultType\":\"%s\",\"result\":", kinds[info->kind]);
    if (info->kind == RESULT_STRING)
        result_json_single((double)info->grid.start_ms, info->string, true, out);
    else if (info->kind != RESULT_SCALAR)
        buf_byte(out, '[');
}

/* Points one after another; each begins with a comma, the first one's is taken out by the caller.
 */
static void result_json_points(const struct result_json *json, const struct result_row *row,
                               struct buf *out)
{
    uint64_t last_bits = STALE_BITS; /* no value has them */
    char repeated[VALUE_SIZE] = "";
    const char *last_text = repeated;
    size_t last_len = 0;
    struct point_time own;
    for (size_t begin = 0; begin < row->count; begin += POINTS_AT_ONCE) {
        size_t end = row->count - begin < POINTS_AT_ONCE ? row->count : begin + POINTS_AT_ONCE;
        char *at = buf_reserve(out, (end - begin + 1) * POINT_SIZE);
        char *const start = at;
        last_bits = STALE_BITS; /* what was written may have moved */
        for (size_t i = begin; i < end; i++) {
            uint64_t bits = value_bits(row->values[i]);
            const struct point_time *time = &own;
            if (bits == STALE_BITS)
                continue;
            if (row->times_ms)
                point_time_init(&own, row->times_ms[i]);
            else
                time = &json->times[i];
            memcpy(at, time, sizeof *time);
            at += time->len;
            if (bits != last_bits) {
                last_len = float_text_json(at, row->values[i]);
                last_bits = bits;
                last_text = at;
            } else {
                if (last_text != repeated)
                    memcpy(repeated, last_text, VALUE_SIZE);
                last_text = repeated;
                memcpy(at, repeated, VALUE_SIZE);
            }
            at += last_len;
            *at++ = '"';
            *at++ = ']';
        }
        out->len += (size_t)(at - start);
    }
}

static void result_json_histograms(const struct result_json *json, const struct result_row *row,
                                   struct buf *out)
{
    bool any = false;
    for (size_t i = 0; i < row->count; i++) {
        if (!row->histograms[i])
            continue;
        buf_text(out, any ? ",[" : ",\"histograms\":[[");
        int64_t time_ms = row->times_ms ? row->times_ms[i] : grid_time(&json->info.grid, i);
        out->len += time_json(buf_reserve(out, TIME_JSON_SIZE), time_ms);
        buf_byte(out, ',');
        histogram_json(row->histograms[i], out);
        buf_byte(out, ']');
        any = true;
    }
    if (any)
        buf_byte(out, ']');
}

static void result_json_series(const struct result_json *json, const struct result_row *row,
                               struct buf *out)
{
    static const char VALUES[] = ",\"values\":";
    buf_text(out, "{\"metric\":");
    labels_json(json->info.symbols, row->labels, out);
    size_t before = out->len;
    buf_text(out, VALUES);
    size_t first = out->len;
    result_json_points(json, row, out);
    if (out->len == first) {
        out->len = before;
    } else {
        out->ptr[first] = '['; /* in place of the first point's comma */
        buf_byte(out, ']');
    }
    if (row->histograms)
        result_json_histograms(json, row, out);
    buf_byte(out, '}');
}

static void result_json_sample(const struct result_json *json, const struct result_row *row,
                               struct buf *out)
{
    buf_text(out, "{\"metric\":");
    labels_json(json->info.symbols, row->labels, out);
    const struct histogram *h = row->histograms ? row->histograms[0] : NULL;
    buf_text(out, h ? ",\"histogram\":[" : ",\"value\":[");
    out->len += time_json(buf_reserve(out, TIME_JSON_SIZE), json->info.grid.start_ms);
    buf_byte(out, ',');
    if (h) {
        histogram_json(h, out);
    } else {
        buf_byte(out, '"');
        out->len += float_text_json(buf_reserve(out, FLOAT_TEXT_SIZE), row->values[0]);
        buf_byte(out, '"');
    }
    buf_text(out, "]}");
}

void result_json_row(struct result_json *json, const struct result_row *row, struct buf *out)
{
    if (json->info.kind == RESULT_SCALAR) {
        char text[FLOAT_TEXT_SIZE];
        struct str value = {text, float_text_f(text, row->values[0])};
        result_json_single((double)json->info.grid.start_ms, value, false, out);
        return;
    }
    if (json->row_count++)
        buf_byte(out, ',');
    if (json->info.kind == RESULT_VECTOR)
        result_json_sample(json, row, out);
    else
        result_json_series(json, row, out);
}

void result_json_end(struct result_json *json, struct buf *out)
{
    if (json->info.kind == RESULT_VECTOR || json->info.kind == RESULT_MATRIX)
        buf_byte(out, ']');
}

void result_json_done(struct result_json *json)
{
    free(json->times);
    json->times = NULL;
}
