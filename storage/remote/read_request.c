/*
 * prometheus.ReadRequest:
 *
 *     1 queries {
 *         1 start_timestamp_ms int64    2 end_timestamp_ms int64
 *         3 matchers { 1 type enum, 2 name string, 3 value string }
 *         4 hints { 1 step_ms int64, 2 func string, 3 start_ms int64, 4 end_ms int64,
 *                   5 grouping string, 6 by bool, 7 range_ms int64 }
 *     }
 *     2 accepted_response_types enum, repeated, packed or not
 */
#include "storage/remote/read_request.h"

#include "base/buf.h"
#include "base/proto_reader.h"

struct read_decoder {
    struct arena *arena;
    struct err *err;
    struct read_request *request;
};

static void read_decode_matcher(struct proto_reader *outer, struct read_query *query)
{
    struct proto_reader r = proto_message(outer, "Matchers", "LabelMatcher");
    struct read_matcher *matcher = &query->matchers[query->matcher_count++];
    while (proto_next(&r))
        switch (r.number) {
        case 1:
            matcher->type = proto_number(&r, "Type");
            break;
        case 2:
            matcher->name = proto_bytes(&r, "Name");
            break;
        case 3:
            matcher->value = proto_bytes(&r, "Value");
            break;
        default:
            proto_skip(&r);
        }
    outer->failed = r.failed;
}

/* All fields are looked at, for what is wrong in them; three are used. */
static void read_decode_hints(struct proto_reader *outer, struct read_query *query)
{
    struct proto_reader r = proto_message(outer, "Hints", "ReadHints");
    query->has_hints = true;
    while (proto_next(&r))
        switch (r.number) {
        case 1:
            proto_number(&r, "StepMs");
            break;
        case 2:
            query->hint_function = proto_bytes(&r, "Func");
            break;
        case 3:
            query->hint_begin_ms = (int64_t)proto_number(&r, "StartMs");
            break;
        case 4:
            query->hint_end_ms = (int64_t)proto_number(&r, "EndMs");
            break;
        case 5:
            proto_bytes(&r, "Grouping");
            break;
        case 6:
            proto_number(&r, "By");
            break;
        case 7:
            proto_number(&r, "RangeMs");
            break;
        default:
            proto_skip(&r);
        }
    outer->failed = r.failed;
}

static bool read_decode_query(struct read_decoder *decoder, struct str bytes)
{
    struct read_query *query = &decoder->request->queries[decoder->request->count++];
    size_t counts[5];
    proto_count(bytes, NULL, counts, ARRAY_COUNT(counts));
    query->matchers = arena_try_array(decoder->arena, struct read_matcher, counts[3], decoder->err);
    if (!query->matchers)
        return false;
    struct proto_reader r = proto_reader_of(bytes, "Query", decoder->err);
    while (proto_next(&r))
        switch (r.number) {
        case 1:
            query->begin_ms = (int64_t)proto_number(&r, "StartTimestampMs");
            break;
        case 2:
            query->end_ms = (int64_t)proto_number(&r, "EndTimestampMs");
            break;
        case 3:
            read_decode_matcher(&r, query);
            break;
        case 4:
            read_decode_hints(&r, query);
            break;
        default:
            proto_skip(&r);
        }
    return proto_good(&r);
}

static bool read_make_room(struct read_decoder *decoder, struct str bytes)
{
    static const enum proto_run runs[] = {[2] = PROTO_VARINTS};
    size_t counts[ARRAY_COUNT(runs)];
    proto_count(bytes, runs, counts, ARRAY_COUNT(counts));
    struct read_request *request = decoder->request;
    request->queries = arena_try_array(decoder->arena, struct read_query, counts[1], decoder->err);
    request->accepted = arena_try_array(decoder->arena, int32_t, counts[2], decoder->err);
    return request->queries && request->accepted;
}

static void read_decode_types(struct proto_reader *r, struct read_request *request)
{
    if (r->wire != PROTO_BYTES) {
        request->accepted[request->accepted_count++] =
            (int32_t)proto_number(r, "AcceptedResponseTypes");
        return;
    }
    struct proto_reader run = proto_message(r, "AcceptedResponseTypes", "");
    while (run.at < run.end && !run.failed)
        request->accepted[request->accepted_count++] = (int32_t)proto_uvarint(&run);
    r->failed = run.failed;
}

bool read_request_decode(struct str bytes, struct arena *arena, struct read_request *ret_request,
                         struct err *err)
{
    struct read_request request = {0};
    struct read_decoder decoder = {.arena = arena, .err = err, .request = &request};
    if (!read_make_room(&decoder, bytes))
        return false;
    struct proto_reader r = proto_reader_of(bytes, "ReadRequest", err);
    while (proto_next(&r))
        switch (r.number) {
        case 1: {
            struct str query = proto_bytes(&r, "Queries");
            if (r.failed || !read_decode_query(&decoder, query))
                return false;
            break;
        }
        case 2:
            read_decode_types(&r, &request);
            break;
        default:
            proto_skip(&r);
        }
    if (!proto_good(&r))
        return false;
    *ret_request = request;
    return true;
}

bool read_request_negotiate(const struct read_request *request, enum read_answer_type *ret_type,
                            struct err *err)
{
    *ret_type = READ_SAMPLES;
    for (size_t i = 0; i < request->accepted_count; i++) {
        if (request->accepted[i] != READ_SAMPLES && request->accepted[i] != READ_STREAMED_CHUNKS)
            continue;
        *ret_type = (enum read_answer_type)request->accepted[i];
        return true;
    }
    if (request->accepted_count == 0)
        return true;
    AUTO(buf_done) struct buf text = {0};
    for (size_t i = 0; i < request->accepted_count && text.len < 200; i++)
        buf_printf(&text, "%s%d", i ? " " : "", request->accepted[i]);
    return err_set(err, ERR_BAD_DATA,
                   "server does not support any of the requested response types: [%s]; supported: "
                   "map[SAMPLES:{} STREAMED_XOR_CHUNKS:{}]",
                   buf_terminated(&text));
}

bool read_query_matchers(const struct read_query *query, struct arena *arena,
                         struct matcher **matchers, size_t *count, struct err *err)
{
    static const enum match_kind kinds[] = {MATCH_EQUAL, MATCH_NOT_EQUAL, MATCH_REGEX,
                                            MATCH_NOT_REGEX};
    *count = 0;
    for (size_t i = 0; i < query->matcher_count; i++) {
        const struct read_matcher *given = &query->matchers[i];
        if ((uint32_t)given->type >= ARRAY_COUNT(kinds))
            return err_set(err, ERR_BAD_DATA, "invalid matcher type");
        if (!matcher_new(arena, kinds[(uint32_t)given->type], given->name, given->value,
                         &matchers[i], err))
            return false;
        ++*count;
    }
    return true;
}
