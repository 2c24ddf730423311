/*
 *     ReadRequest   1 queries Query...   2 accepted_response_types enum..., packed
 *     Query         1 start_timestamp_ms int64  2 end_timestamp_ms int64  3 matchers
 * LabelMatcher... 4 hints ReadHints LabelMatcher  1 type enum  2 name string  3 value string
 *     ReadHints     2 func string  3 start_ms int64  4 end_ms int64
 */
#include "storage/remote/read_ask.h"

#include <snappy-c.h>

#include "base/proto_writer.h"
#include "storage/remote/read_request.h"

bool read_ask_adds(const struct read_client_options *options, const struct select_request *request,
                   struct str name)
{
    bool external = false;
    for (size_t i = 0; i < options->external_label_count && !external; i++)
        external = str_eq(options->external_labels[i].name, name);
    for (size_t i = 0; i < request->matcher_count && external; i++)
        external = !str_eq(request->matchers[i]->name, name);
    return external;
}

static void put_matcher(struct buf *out, uint64_t type, struct str name, struct str value)
{
    AUTO(buf_done) struct buf matcher = {0};
    put_number_set(&matcher, 1, type);
    put_bytes_set(&matcher, 2, name);
    put_bytes_set(&matcher, 3, value);
    put_bytes(out, 3, buf_view(&matcher));
}

static void put_query(const struct read_client_options *options,
                      const struct select_request *request, struct buf *out)
{
    static const uint64_t types[] = {
        [MATCH_EQUAL] = 0, [MATCH_NOT_EQUAL] = 1, [MATCH_REGEX] = 2, [MATCH_NOT_REGEX] = 3};
    bool whole = request->whole_begin_ms != 0 || request->whole_end_ms != 0;
    int64_t begin_ms = whole ? request->whole_begin_ms : request->begin_ms;
    int64_t end_ms = whole ? request->whole_end_ms : request->end_ms;
    put_number_set(out, 1, (uint64_t)begin_ms);
    put_number_set(out, 2, (uint64_t)end_ms);
    for (size_t i = 0; i < request->matcher_count; i++) {
        const struct matcher *matcher = request->matchers[i];
        put_matcher(out, types[matcher->kind], matcher->name, matcher->value);
    }
    for (size_t i = 0; i < options->external_label_count; i++)
        if (read_ask_adds(options, request, options->external_labels[i].name))
            put_matcher(out, types[MATCH_EQUAL], options->external_labels[i].name,
                        options->external_labels[i].value);
    AUTO(buf_done) struct buf hints = {0};
    put_bytes_set(&hints, 2, request->labels_only ? STR("series") : STR(""));
    put_number_set(&hints, 3, (uint64_t)request->begin_ms);
    put_number_set(&hints, 4, (uint64_t)request->end_ms);
    put_bytes(out, 4, buf_view(&hints));
}

void read_ask_put(const struct read_client_options *options, const struct select_request *request,
                  struct buf *out)
{
    /* Series without samples come in no frame. */
    struct str accepted = request->labels_only ? STR("\0") : STR("\1\0");
    AUTO(buf_done) struct buf query = {0};
    AUTO(buf_done) struct buf message = {0};
    put_query(options, request, &query);
    put_bytes(&message, 1, buf_view(&query));
    put_bytes(&message, 2, accepted);

    size_t size = snappy_max_compressed_length(message.len);
    snappy_compress(message.ptr, message.len, buf_reserve(out, size), &size);
    out->len += size;
}
