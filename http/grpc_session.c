/*
 * gRPC over libnghttp2, which keeps HTTP/2's own rules: frames, header compression, flow control,
 * and the limits on floods of what costs a client nothing.
 *
 * A stream of HTTP/2 is a call:
 *
 *     HEADERS   :method POST, :path, content-type application/grpc, grpc-encoding
 *     DATA      packed u8 | length u32, big endian | message
 *
 *     HEADERS   :status 200
 *     DATA      the same, never packed
 *     HEADERS   grpc-status, grpc-message
 *
 * An answer without a message is the last HEADERS alone. A call is freed when its stream closes,
 * unless it runs: then when it is answered.
 */
#include "http/grpc_session.h"

#include <assert.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/unpacker.h"

#define PREFIX_SIZE ((size_t)5)

/* Of all headers of a call, as HTTP/2 counts them. */
#define HEADERS_SIZE_MAX ((size_t)64 << 10)
#define HEADER_OVERHEAD ((size_t)32)

/* What a client may have on its way to us unseen, on one stream and on all. */
#define STREAM_WINDOW ((int32_t)256 << 10)
#define CONNECTION_WINDOW ((int32_t)1 << 20)

#define GIVE_SIZE ((size_t)64 << 10)

/* Frames that wait to be sent, besides one for each call: who lets more come does not read them. */
#define UNSENT_MAX ((size_t)10000)

/* So much a message is given at first; it doubles from there. */
#define MESSAGE_SIZE_FIRST ((size_t)4096)

#define UNPACK_PIECE_SIZE ((size_t)64 << 10)

#define NO_ROOM "too many large requests at once; try again later"

struct grpc_session {
    struct grpc_session_options options;
    nghttp2_session *http;
    struct grpc_call *calls;
    size_t call_count;
    bool stopping;
};

static void call_unlink(struct grpc_call *call)
{
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    call->session->call_count--;
    call->session = NULL;
}

static void call_drop_message(struct grpc_call *call)
{
    buf_done(&call->received);
    buf_done(&call->unpacked);
    budget_release(call->budget, call->charged);
    call->charged = 0;
}

static void call_free(struct grpc_call *call)
{
    if (call->session)
        call_unlink(call);
    call_drop_message(call);
    buf_done(&call->head);
    buf_done(&call->body);
    budget_release(call->answer_budget, call->answer_charged);
    free(call);
}

static void call_enter(struct grpc_call *call, enum grpc_phase phase)
{
    call->phase = phase;
    call->since_ns = clock_monotonic_ns();
}

static struct grpc_call *call_create(struct grpc_session *session, int32_t stream_id)
{
    struct grpc_call *call = mem_new(struct grpc_call);
    call->stream_id = stream_id;
    call->budget = session->options.budget;
    call->message_size_max = session->options.message_size_max;
    call->coding_known = true;
    call_enter(call, GRPC_READING);

    call->session = session;
    call->next = session->calls;
    call->link = &session->calls;
    if (call->next)
        call->next->link = &call->next;
    session->calls = call;
    session->call_count++;
    return call;
}

static nghttp2_nv header(const char *name, const char *value)
{
    return (nghttp2_nv){
        .name = (uint8_t *)(uintptr_t)name,
        .value = (uint8_t *)(uintptr_t)value,
        .namelen = strlen(name),
        .valuelen = strlen(value),
    };
}

/* Text for people as a header may hold it. */
static void message_append(const char *text, struct buf *out)
{
    for (; *text; text++)
        if (*text >= ' ' && *text <= '~' && *text != '%')
            buf_byte(out, *text);
        else
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
}

/* How it ended; behind a message as trailers, else all there is of an answer. */
static void call_submit_end(struct grpc_call *call, enum grpc_status status, const char *text,
                            bool alone)
{
    AUTO(buf_done) struct buf message = {0};
    char number[16];
    nghttp2_nv headers[5];
    size_t count = 0;
    snprintf(number, sizeof number, "%d", (int)status);

    if (alone) {
        headers[count++] = header(":status", "200");
        headers[count++] = header("content-type", "application/grpc");
        if (status == GRPC_UNIMPLEMENTED)
            headers[count++] = header("grpc-accept-encoding", "identity,gzip");
    }
    headers[count++] = header("grpc-status", number);
    if (text) {
        message_append(text, &message);
        headers[count++] = header("grpc-message", buf_terminated(&message));
    }
    nghttp2_session *http = call->session->http;
    if (alone)
        nghttp2_submit_response(http, call->stream_id, headers, count, NULL);
    else
        nghttp2_submit_trailer(http, call->stream_id, headers, count);
}

/* What comes is dropped from here on; the client is told at its end, or by call_tell_refusal. */
static void call_refuse(struct grpc_call *call, enum grpc_status status, const char *text)
{
    assert(!call->refused);
    call->refused = true;
    call->refusal = status;
    snprintf(call->refusal_text, sizeof call->refusal_text, "%s", text);
    call_drop_message(call);
}

/* What is no gRPC at all is answered in HTTP's own words. */
static void call_refuse_http(struct grpc_call *call, const char *status)
{
    call_refuse(call, GRPC_INTERNAL, "");
    call->refusal_http = status;
}

static void call_tell_refusal(struct grpc_call *call)
{
    call_enter(call, GRPC_SENDING);
    if (call->refusal_http) {
        nghttp2_nv headers[] = {header(":status", call->refusal_http)};
        nghttp2_submit_response(call->session->http, call->stream_id, headers, 1, NULL);
    } else {
        call_submit_end(call, call->refusal, call->refusal_text, true);
    }
}

static struct grpc_call *call_of(nghttp2_session *http, int32_t stream_id)
{
    return nghttp2_session_get_stream_user_data(http, stream_id);
}

static int stream_begins(nghttp2_session *http, const nghttp2_frame *frame, void *context)
{
    struct grpc_session *session = context;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    /* Calls that their client took back, and opened others for, count while they run. */
    if (session->call_count >= session->options.call_max || session->stopping)
        return nghttp2_submit_rst_stream(http, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                         NGHTTP2_REFUSED_STREAM);
    struct grpc_call *call = call_create(session, frame->hd.stream_id);
    nghttp2_session_set_stream_user_data(http, frame->hd.stream_id, call);
    return 0;
}

static bool is_grpc_type(struct str type)
{
    struct str grpc = STR("application/grpc");
    return str_starts(type, grpc) &&
           (type.len == grpc.len || type.ptr[grpc.len] == '+' || type.ptr[grpc.len] == ';');
}

static int header_came(nghttp2_session *http, const nghttp2_frame *frame, nghttp2_rcbuf *name_buf,
                       nghttp2_rcbuf *value_buf, uint8_t flags, void *context)
{
    struct grpc_session *session = context;
    struct grpc_call *call = call_of(http, frame->hd.stream_id);
    if (!call || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    nghttp2_vec name_vec = nghttp2_rcbuf_get_buf(name_buf);
    nghttp2_vec value_vec = nghttp2_rcbuf_get_buf(value_buf);
    struct str name = {(const char *)name_vec.base, name_vec.len};
    struct str value = {(const char *)value_vec.base, value_vec.len};
    call->header_size += name.len + value.len + HEADER_OVERHEAD;
    if (call->header_size > HEADERS_SIZE_MAX)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* the stream is reset */

    if (str_eq(name, STR(":method"))) {
        call->method_good = str_eq(value, STR("POST"));
    } else if (str_eq(name, STR(":path"))) {
        call->path_good = str_eq(value, str_of(session->options.path));
    } else if (str_eq(name, STR("content-type"))) {
        call->type_good = is_grpc_type(value);
    } else if (str_eq(name, STR("grpc-encoding"))) {
        call->packed = str_eq(value, STR("gzip"));
        call->coding_known = call->packed || str_eq(value, STR("identity"));
    }
    return 0;
}

/* All headers are there: is this a call of ours? */
static void call_check_headers(struct grpc_call *call)
{
    if (!call->method_good)
        call_refuse_http(call, "405");
    else if (!call->type_good)
        call_refuse_http(call, "415");
    else if (!call->path_good)
        call_refuse(call, GRPC_UNIMPLEMENTED, "unknown service or method");
    else if (!call->coding_known)
        call_refuse(call, GRPC_UNIMPLEMENTED, "messages are unpacked from gzip alone");
}

/* Room for more bytes, charged before it is taken. */
static bool call_grow(struct grpc_call *call, struct buf *into, size_t more)
{
    size_t size = into->cap ? into->cap : MESSAGE_SIZE_FIRST;
    struct err unused;
    while (size - into->len < more)
        size *= 2;
    if (size == into->cap)
        return true;
    if (!budget_charge(call->budget, size - into->cap, &unused))
        return false;
    call->charged += size - into->cap;
    buf_reserve(into, size - into->len);
    return true;
}

/* The size that the prefix says. */
static size_t call_message_size(const struct grpc_call *call)
{
    const uint8_t *at = (const uint8_t *)call->received.ptr;
    return (size_t)at[1] << 24 | (size_t)at[2] << 16 | (size_t)at[3] << 8 | at[4];
}

static void call_set_size_error(const struct grpc_call *call, struct err *err)
{
    err_set(err, ERR_LIMIT, "received message larger than max (%zu bytes)", call->message_size_max);
}

static void call_check_size(struct grpc_call *call)
{
    if (call->received.len < PREFIX_SIZE)
        return;
    size_t size = call_message_size(call);
    struct err err;
    if (size > call->message_size_max) {
        call_set_size_error(call, &err);
        call_refuse(call, GRPC_RESOURCE_EXHAUSTED, err.msg);
    } else if (call->received.len > PREFIX_SIZE + size) {
        call_refuse(call, GRPC_INTERNAL, "there is more than one message");
    }
}

static int data_came(nghttp2_session *http, uint8_t flags, int32_t stream_id, const uint8_t *data,
                     size_t size, void *context)
{
    struct grpc_call *call = call_of(http, stream_id);
    if (!call || call->refused || call->phase != GRPC_READING)
        return 0;
    if (call_grow(call, &call->received, size)) {
        buf_append(&call->received, data, size);
        call_check_size(call);
    } else {
        call_refuse(call, GRPC_RESOURCE_EXHAUSTED, NO_ROOM);
    }
    if (call->refused) /* there may be much to come, in vain */
        call_tell_refusal(call);
    return 0;
}

enum grpc_status grpc_call_unpack(struct grpc_call *call, struct err *err)
{
    if (!call->unpacks)
        return GRPC_OK;
    AUTO(unpacker_destroy) struct unpacker *unpacker = unpacker_create();
    struct str packed = call->message;
    struct buf *out = &call->unpacked;
    struct err unused;
    size_t got = 1;
    while (got > 0) {
        if (!call_grow(call, out, UNPACK_PIECE_SIZE)) {
            err_set(err, ERR_LIMIT, NO_ROOM);
            return GRPC_RESOURCE_EXHAUSTED;
        }
        if (!unpacker_read(unpacker, &packed, out->ptr + out->len, UNPACK_PIECE_SIZE, &got,
                           &unused))
            break;
        out->len += got;
        if (out->len > call->message_size_max) {
            call_set_size_error(call, err);
            return GRPC_RESOURCE_EXHAUSTED;
        }
    }
    if (got > 0 || !unpacker_complete(unpacker)) {
        err_set(err, ERR_BAD_DATA, "this is no gzip");
        return GRPC_INTERNAL;
    }
    call->message = buf_view(out);
    return GRPC_OK;
}

/* The client has said all it wanted. */
static void call_received(struct grpc_call *call)
{
    if (call->received.len < PREFIX_SIZE ||
        call->received.len < PREFIX_SIZE + call_message_size(call)) {
        call_refuse(call, GRPC_INTERNAL, "the message is cut short");
        return;
    }
    call->unpacks = call->packed && call->received.ptr[0] == 1;
    if (call->received.ptr[0] != 0 && !call->unpacks) {
        call_refuse(call, GRPC_INTERNAL, "the message is packed in no way that was named");
        return;
    }
    call->message = (struct str){call->received.ptr + PREFIX_SIZE, call_message_size(call)};
    call_enter(call, GRPC_RUNNING);
    const struct grpc_session_options *options = &call->session->options;
    options->called(options->context, call);
}

static int frame_came(nghttp2_session *http, const nghttp2_frame *frame, void *context)
{
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    struct grpc_call *call = call_of(http, frame->hd.stream_id);
    if (!call)
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        call_check_headers(call);
    if (call->phase == GRPC_READING && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
        if (!call->refused)
            call_received(call);
        if (call->refused)
            call_tell_refusal(call);
    }
    return 0;
}

/* After an answer that came before the request's end, the client need not go on with it. */
static int frame_sent(nghttp2_session *http, const nghttp2_frame *frame, void *context)
{
    if (frame->hd.type == NGHTTP2_HEADERS && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) &&
        nghttp2_session_get_stream_remote_close(http, frame->hd.stream_id) == 0)
        nghttp2_submit_rst_stream(http, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
    return 0;
}

static int stream_closes(nghttp2_session *http, int32_t stream_id, uint32_t why, void *context)
{
    struct grpc_call *call = call_of(http, stream_id);
    if (!call)
        return 0;
    nghttp2_session_set_stream_user_data(http, stream_id, NULL);
    if (call->phase == GRPC_RUNNING) {
        atomic_store(&call->cancel, true);
        call->stream_id = 0;
    } else {
        call_free(call);
    }
    return 0;
}

/* NOLINTNEXTLINE(readability-function-size): the library's signature */
static ssize_t answer_read(nghttp2_session *http, int32_t stream_id, uint8_t *out, size_t size_max,
                           uint32_t *flags, nghttp2_data_source *source, void *context)
{
    struct grpc_call *call = source->ptr;
    size_t size = 0;
    while (size < size_max && call->sent < call->head.len + call->body.len) {
        bool in_head = call->sent < call->head.len;
        const struct buf *from = in_head ? &call->head : &call->body;
        size_t at = in_head ? call->sent : call->sent - call->head.len;
        size_t part = from->len - at < size_max - size ? from->len - at : size_max - size;
        memcpy(out + size, from->ptr + at, part);
        size += part;
        call->sent += part;
    }
    call->since_ns = clock_monotonic_ns();
    if (call->sent == call->head.len + call->body.len) {
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        call_submit_end(call, GRPC_OK, NULL, false);
    }
    return (ssize_t)size;
}

static void session_open(struct grpc_session *session)
{
    nghttp2_session_callbacks *callbacks = NULL;
    int got = nghttp2_session_callbacks_new(&callbacks);
    assert(got == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, stream_begins);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, header_came);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, data_came);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame_came);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_closes);
    got = nghttp2_session_server_new(&session->http, callbacks, session);
    assert(got == 0);
    nghttp2_session_callbacks_del(callbacks);
}

struct grpc_session *grpc_session_create(const struct grpc_session_options *options)
{
    struct grpc_session *session = mem_new(struct grpc_session);
    session->options = *options;
    session_open(session);
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, (uint32_t)options->call_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)HEADERS_SIZE_MAX},
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
    };
    nghttp2_submit_settings(session->http, NGHTTP2_FLAG_NONE, settings, ARRAY_COUNT(settings));
    nghttp2_session_set_local_window_size(session->http, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW);
    return session;
}

void grpc_session_destroy(struct grpc_session *session)
{
    if (!session)
        return;
    for (struct grpc_call *call = session->calls, *next; call; call = next) {
        next = call->next;
        if (call->phase == GRPC_RUNNING) {
            atomic_store(&call->cancel, true);
            call_unlink(call);
        } else {
            call_free(call);
        }
    }
    nghttp2_session_del(session->http);
    free(session);
}

bool grpc_session_take(struct grpc_session *session, struct str bytes, struct err *err)
{
    ssize_t got = nghttp2_session_mem_recv(session->http, (const uint8_t *)bytes.ptr, bytes.len);
    if (got < 0)
        return err_set(err, ERR_BAD_DATA, "not HTTP/2: %s", nghttp2_strerror((int)got));
    if (nghttp2_session_get_outbound_queue_size(session->http) >
        UNSENT_MAX + session->options.call_max)
        return err_set(err, ERR_BAD_DATA, "HTTP/2: the client does not read what is said to it");
    return true;
}

bool grpc_session_give(struct grpc_session *session, struct buf *out, struct err *err)
{
    size_t before = out->len;
    while (out->len - before < GIVE_SIZE) {
        const uint8_t *bytes;
        ssize_t size = nghttp2_session_mem_send(session->http, &bytes);
        if (size < 0)
            return err_set(err, ERR_BAD_DATA, "HTTP/2: %s", nghttp2_strerror((int)size));
        if (size == 0)
            return true;
        buf_append(out, bytes, (size_t)size);
    }
    return true;
}

bool grpc_session_is_over(const struct grpc_session *session)
{
    if (nghttp2_session_want_write(session->http))
        return false;
    return !nghttp2_session_want_read(session->http) ||
           (session->stopping && session->call_count == 0);
}

void grpc_session_stop(struct grpc_session *session)
{
    if (session->stopping)
        return;
    session->stopping = true;
    nghttp2_submit_goaway(session->http, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(session->http), NGHTTP2_NO_ERROR,
                          NULL, 0);
}

void grpc_session_check_times(struct grpc_session *session, int64_t now_ns)
{
    for (struct grpc_call *call = session->calls; call; call = call->next) {
        int64_t waited_ms = (now_ns - call->since_ns) / 1000000;
        if (call->phase == GRPC_READING && waited_ms > session->options.read_timeout_ms) {
            if (!call->refused)
                call_refuse(call, GRPC_DEADLINE_EXCEEDED, "the request did not come in time");
            call_tell_refusal(call);
        } else if (call->phase == GRPC_SENDING && waited_ms > session->options.write_timeout_ms) {
            nghttp2_submit_rst_stream(session->http, NGHTTP2_FLAG_NONE, call->stream_id,
                                      NGHTTP2_CANCEL);
        }
    }
}

size_t grpc_session_call_count(const struct grpc_session *session)
{
    return session->call_count;
}

void grpc_call_answer(struct grpc_call *call, enum grpc_status status, const char *text,
                      struct buf *head, struct buf *body)
{
    assert(call->phase == GRPC_RUNNING);
    assert((status == GRPC_OK) == (head != NULL));
    if (head) {
        call->head = *head;
        call->body = *body;
        *head = *body = (struct buf){0};
    }
    call_drop_message(call);
    if (!call->session || call->stream_id == 0) {
        call_free(call);
        return;
    }
    call_enter(call, GRPC_SENDING);
    if (status != GRPC_OK) {
        call_submit_end(call, status, text, true);
        return;
    }
    nghttp2_nv headers[] = {header(":status", "200"), header("content-type", "application/grpc")};
    nghttp2_data_provider provider = {.source.ptr = call, .read_callback = answer_read};
    nghttp2_submit_response(call->session->http, call->stream_id, headers, ARRAY_COUNT(headers),
                            &provider);
}

void *grpc_call_context(const struct grpc_call *call)
{
    return call->session ? call->session->options.context : NULL;
}

void grpc_prefix_append(size_t size, struct buf *out)
{
    assert(size <= UINT32_MAX);
    const uint8_t prefix[PREFIX_SIZE] = {0, (uint8_t)(size >> 24), (uint8_t)(size >> 16),
                                         (uint8_t)(size >> 8), (uint8_t)size};
    buf_append(out, prefix, sizeof prefix);
}
