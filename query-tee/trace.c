#include "query-tee/trace.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Two hexadecimal digits. */
static bool byte_parse(struct str text, uint8_t *ret_byte)
{
    if (text.len != 2)
        return false;
    int high = digit_value(text.ptr[0]), low = digit_value(text.ptr[1]);
    if (high < 0 || low < 0)
        return false;
    *ret_byte = (uint8_t)(high << 4 | low);
    return true;
}

static bool id_is_set(const uint8_t *id, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (id[i])
            return true;
    return false;
}

/* Hexadecimal digits, as many as the id has room for or, with zeros in front, fewer. */
static bool id_parse(struct str text, uint8_t *out, size_t size, bool whole)
{
    if (text.len == 0 || text.len > 2 * size || (whole && text.len != 2 * size))
        return false;
    memset(out, 0, size);
    for (size_t i = 0; i < text.len; i++) {
        int value = digit_value(text.ptr[text.len - 1 - i]);
        if (value < 0)
            return false;
        out[size - 1 - i / 2] |= (uint8_t)(value << (i % 2 ? 4 : 0));
    }
    return id_is_set(out, size);
}

void trace_id_text(const uint8_t *id, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        *out++ = digits[id[i] >> 4];
        *out++ = digits[id[i] & 15];
    }
    *out = '\0';
}

/* The text up to a separator, which is taken off too. */
static struct str part_next(struct str *rest, char separator)
{
    const char *end = rest->len ? memchr(rest->ptr, separator, rest->len) : NULL;
    struct str part = {rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len};
    size_t taken = part.len + (end != NULL);
    rest->ptr += taken;
    rest->len -= taken;
    return part;
}

/* What a client says. Zeroed: nothing. */
struct parent {
    bool found;
    bool decided; /* whether it is recorded: */
    bool sampled;
    uint8_t trace_id[TRACE_ID_SIZE];
    uint8_t span_id[SPAN_ID_SIZE];
};

/* "00-<32 digits>-<16 digits>-<flags>"; later versions may have more behind. */
static bool parent_read_w3c(struct str text, struct parent *ret_parent)
{
    struct parent parent = {.found = true, .decided = true};
    uint8_t version = 0, flags = 0;
    if (!byte_parse(part_next(&text, '-'), &version) || version == 0xff ||
        !id_parse(part_next(&text, '-'), parent.trace_id, TRACE_ID_SIZE, true) ||
        !id_parse(part_next(&text, '-'), parent.span_id, SPAN_ID_SIZE, true) ||
        !byte_parse(part_next(&text, '-'), &flags) || (version == 0 && text.len > 0))
        return false;
    parent.sampled = flags & 1;
    *ret_parent = parent;
    return true;
}

/* "1", "true" and "d" (for debugging): yes. */
static void parent_decide(struct str text, struct parent *parent)
{
    parent->sampled = str_eq(text, STR("1")) || str_eq(text, STR("d")) || str_eq(text, STR("true"));
    parent->decided = parent->sampled || str_eq(text, STR("0")) || str_eq(text, STR("false"));
}

/* "<trace>-<span>-<sampled>-<parent>", the last two optional. */
static bool parent_read_b3(struct str text, struct parent *ret_parent)
{
    struct parent parent = {.found = true};
    if (!id_parse(part_next(&text, '-'), parent.trace_id, TRACE_ID_SIZE, false) ||
        !id_parse(part_next(&text, '-'), parent.span_id, SPAN_ID_SIZE, true))
        return false;
    parent_decide(part_next(&text, '-'), &parent);
    *ret_parent = parent;
    return true;
}

static struct str header_of(const struct request *request, const char *name)
{
    const char *value = request_header(request, name);
    return value ? str_of(value) : (struct str){"", 0};
}

static bool parent_read_b3_parts(const struct request *request, struct parent *ret_parent)
{
    struct parent parent = {.found = true};
    if (!id_parse(header_of(request, "X-B3-TraceId"), parent.trace_id, TRACE_ID_SIZE, false) ||
        !id_parse(header_of(request, "X-B3-SpanId"), parent.span_id, SPAN_ID_SIZE, true))
        return false;
    parent_decide(header_of(request, "X-B3-Sampled"), &parent);
    if (str_eq(header_of(request, "X-B3-Flags"), STR("1")))
        parent.decided = parent.sampled = true;
    *ret_parent = parent;
    return true;
}

/* "<trace>:<span>:<parent>:<flags>", zeros in front left out; colons may be written as %3A. */
static bool parent_read_jaeger(struct str text, struct arena *arena, struct parent *ret_parent)
{
    struct parent parent = {.found = true, .decided = true};
    if (!percent_decode(text, false, arena, &text) ||
        !id_parse(part_next(&text, ':'), parent.trace_id, TRACE_ID_SIZE, false) ||
        !id_parse(part_next(&text, ':'), parent.span_id, SPAN_ID_SIZE, false))
        return false;
    part_next(&text, ':');
    struct str flags = part_next(&text, ':');
    if (flags.len == 0 || flags.len > 2 || digit_value(flags.ptr[flags.len - 1]) < 0)
        return false;
    parent.sampled = digit_value(flags.ptr[flags.len - 1]) & 1;
    *ret_parent = parent;
    return true;
}

/* Shares of traces, so that all who ask of one decide alike. */
static bool trace_is_in_share(const uint8_t trace_id[TRACE_ID_SIZE], double ratio)
{
    uint64_t low = 0;
    for (size_t i = TRACE_ID_SIZE - 8; i < TRACE_ID_SIZE; i++)
        low = low << 8 | trace_id[i];
    return (double)(low >> 11) * 0x1p-53 < ratio;
}

void trace_begin(const struct trace_sampler *sampler, const struct request *request,
                 struct trace *ret_trace)
{
    struct trace trace = {.on = true};
    struct parent w3c = {0}, b3 = {0}, parts = {0}, jaeger = {0};
    parent_read_w3c(header_of(request, "traceparent"), &w3c);
    if (parent_read_b3(header_of(request, "b3"), &b3))
        trace.forms |= TRACE_B3;
    if (parent_read_b3_parts(request, &parts))
        trace.forms |= TRACE_B3_PARTS;
    if (parent_read_jaeger(header_of(request, "uber-trace-id"), request->arena, &jaeger))
        trace.forms |= TRACE_JAEGER;

    const struct parent *parents[] = {&w3c, &b3, &parts, &jaeger};
    const struct parent *parent = NULL;
    for (size_t i = 0; i < ARRAY_COUNT(parents) && !parent; i++)
        if (parents[i]->found)
            parent = parents[i];
    arc4random_buf(trace.span_id, SPAN_ID_SIZE);
    if (parent) {
        trace.has_parent = true;
        memcpy(trace.trace_id, parent->trace_id, TRACE_ID_SIZE);
        memcpy(trace.parent_id, parent->span_id, SPAN_ID_SIZE);
    } else {
        arc4random_buf(trace.trace_id, TRACE_ID_SIZE);
    }
    trace.sampled = parent && parent->decided && sampler->parent_based
                        ? parent->sampled
                        : trace_is_in_share(trace.trace_id, sampler->ratio);
    *ret_trace = trace;
}

bool trace_owns_header(const char *name)
{
    static const char *const owned[] = {
        "traceparent",       "b3",           "X-B3-TraceId", "X-B3-SpanId",
        "X-B3-ParentSpanId", "X-B3-Sampled", "X-B3-Flags",   "uber-trace-id",
    };
    for (size_t i = 0; i < ARRAY_COUNT(owned); i++)
        if (strcasecmp(owned[i], name) == 0)
            return true;
    return false;
}

/* Any numbers do that are none of another ask; so no place is needed to remember them. */
void trace_ask_id(const struct trace *trace, size_t ask, uint8_t ret_id[SPAN_ID_SIZE])
{
    uint64_t id;
    memcpy(&id, trace->span_id, sizeof id);
    if (!trace->again)
        id += (ask + 1) * UINT64_C(0x9E3779B97F4A7C15);
    memcpy(ret_id, &id, sizeof id);
}

size_t trace_headers(const struct trace *trace, size_t ask, struct arena *arena,
                     struct client_header headers[TRACE_HEADERS_MAX])
{
    if (!trace->on)
        return 0;
    char whole[2 * TRACE_ID_SIZE + 1], own[2 * SPAN_ID_SIZE + 1], span[2 * SPAN_ID_SIZE + 1];
    uint8_t id[SPAN_ID_SIZE];
    size_t count = 0;
    int sampled = trace->sampled;
    trace_ask_id(trace, ask, id);
    trace_id_text(trace->trace_id, TRACE_ID_SIZE, whole);
    trace_id_text(trace->span_id, SPAN_ID_SIZE, own);
    trace_id_text(id, SPAN_ID_SIZE, span);
    headers[count++] = (struct client_header){
        "traceparent", arena_printf(arena, "00-%s-%s-%02x", whole, span, (unsigned)sampled)};
    if (trace->forms & TRACE_B3)
        headers[count++] = (struct client_header){
            "b3", arena_printf(arena, "%s-%s-%d-%s", whole, span, sampled, own)};
    if (trace->forms & TRACE_B3_PARTS) {
        headers[count++] = (struct client_header){"X-B3-TraceId", arena_text(arena, str_of(whole))};
        headers[count++] = (struct client_header){"X-B3-SpanId", arena_text(arena, str_of(span))};
        headers[count++] = (struct client_header){"X-B3-Sampled", sampled ? "1" : "0"};
    }
    if (trace->forms & TRACE_JAEGER)
        headers[count++] = (struct client_header){
            "uber-trace-id", arena_printf(arena, "%s:%s:%s:%d", whole, span, own, sampled)};
    return count;
}
