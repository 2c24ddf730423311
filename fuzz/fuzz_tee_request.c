/* What the proxy reads of a client's request by itself: the query's reach, times, passwords,
 * traces. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "query-tee/base64.h"
#include "query-tee/reach.h"
#include "query-tee/time_text.h"
#include "query-tee/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A client whose every header is the same text. */
struct same {
    struct request request;
    const char *text;
};

static const char *same_header(const struct request *request, const char *name)
{
    return CONTAINER_CONST(struct same, request, request)->text;
}

static const struct request_class same_class = {.header = same_header};

/* What a client says of its trace goes on as something that reads alike. */
static void check_trace(struct str text)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    static const struct trace_sampler sampler = {true, 1};
    struct same same = {{.class = &same_class, .arena = arena}, arena_text(arena, text)};
    struct trace trace, again;
    struct client_header headers[TRACE_HEADERS_MAX];
    trace_begin(&sampler, &same.request, &trace);
    size_t count = trace_headers(&trace, 0, arena, headers);
    assert(count >= 1 && count <= TRACE_HEADERS_MAX);
    same.text = headers[0].value;
    trace_begin(&sampler, &same.request, &again);
    assert(again.has_parent && again.sampled == trace.sampled);
    assert(memcmp(again.trace_id, trace.trace_id, TRACE_ID_SIZE) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct reach reach;
    check_trace(text);
    if (reach_of_query(text, 1000000, 2000000, 300000, &reach))
        assert(reach.oldest_ms <= reach.newest_ms);

    int64_t time_ms;
    AUTO(buf_done) struct buf out = {0};
    if (time_text_parse(text, &time_ms)) {
        int64_t again_ms;
        time_text_append(time_ms, &out);
        assert(time_text_parse(buf_view(&out), &again_ms) && again_ms == time_ms);
    }

    buf_clear(&out);
    if (base64_decode(text, &out)) {
        AUTO(buf_done) struct buf packed = {0};
        base64_encode(buf_view(&out), &packed);
        assert(packed.len == size);
    }
    return 0;
}
