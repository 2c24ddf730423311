#pragma once

#include "base/buf.h"
#include "engine/engine.h"

/*
 * A query's result as the API writes it:
 *
 *     {"resultType":"matrix","result":[{"metric":{...},"values":[[t,"v"],...]},...]
 *
 * up to the end of "result"; the brace is left open for "stats". Texts of the grid's times are
 * rendered once and copied into each row.
 *
 *     result_json_begin    the head
 *     result_json_row      once a row
 *     result_json_end      the end of "result"
 *     result_json_done
 */
struct result_json {
    struct result_info info;
    struct point_time *times; /* one a step of a range query */
    size_t row_count;
};

void result_json_begin(struct result_json *json, const struct result_info *info, struct buf *out);
void result_json_row(struct result_json *json, const struct result_row *row, struct buf *out);
void result_json_end(struct result_json *json, struct buf *out);
void result_json_done(struct result_json *json);

/* A label set as a JSON object: its strings escaped no more than JSON demands. */
void labels_json(const struct symbols *symbols, const struct labels *labels, struct buf *out);

/* "1435781451.781"; at most 21 bytes. */
size_t time_json(char *out, int64_t time_ms);

#define TIME_JSON_SIZE 24
