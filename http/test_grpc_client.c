#include "http/test_grpc_client.h"

#include <check.h>
#include <string.h>

#include "http/grpc_http.h"

static struct test_stream *stream_of(struct test_client *client, int32_t id)
{
    for (size_t i = 0; i < client->stream_count; i++)
        if (client->streams[i].id == id)
            return &client->streams[i];
    return NULL;
}

static int header_came(nghttp2_session *http, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                       nghttp2_rcbuf *value, uint8_t flags, void *context)
{
    struct test_stream *stream = stream_of(context, frame->hd.stream_id);
    buf_printf(&stream->headers, "%s: %s\n", (const char *)nghttp2_rcbuf_get_buf(name).base,
               (const char *)nghttp2_rcbuf_get_buf(value).base);
    return 0;
}

static int data_came(nghttp2_session *http, uint8_t flags, int32_t id, const uint8_t *data,
                     size_t size, void *context)
{
    buf_append(&stream_of(context, id)->body, data, size);
    return 0;
}

static int frame_came(nghttp2_session *http, const nghttp2_frame *frame, void *context)
{
    struct test_client *client = context;
    client->goodbye |= frame->hd.type == NGHTTP2_GOAWAY;
    return 0;
}

static int stream_closes(nghttp2_session *http, int32_t id, uint32_t error, void *context)
{
    struct test_stream *stream = stream_of(context, id);
    stream->closed = true;
    stream->error = error;
    return 0;
}

/* NOLINTNEXTLINE(readability-function-size): the library's signature */
static ssize_t request_read(nghttp2_session *http, int32_t id, uint8_t *out, size_t size_max,
                            uint32_t *flags, nghttp2_data_source *source, void *context)
{
    struct test_stream *stream = source->ptr;
    size_t size = stream->request.len - stream->sent;
    if (size > size_max)
        size = size_max;
    if (size > 0)
        memcpy(out, stream->request.ptr + stream->sent, size);
    stream->sent += size;
    if (stream->sent == stream->request.len && !stream->open)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return size == 0 && stream->open ? NGHTTP2_ERR_DEFERRED : (ssize_t)size;
}

void test_client_init(struct test_client *client, int32_t window)
{
    *client = (struct test_client){0};
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    ck_assert_int_eq(nghttp2_session_callbacks_new(&callbacks), 0);
    ck_assert_int_eq(nghttp2_option_new(&option), 0);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, header_came);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, data_came);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame_came);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_closes);
    nghttp2_option_set_no_auto_window_update(option, window > 0);
    ck_assert_int_eq(nghttp2_session_client_new2(&client->http, callbacks, client, option), 0);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    nghttp2_settings_entry setting = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t)window};
    ck_assert_int_eq(nghttp2_submit_settings(client->http, 0, &setting, window > 0), 0);
}

void test_client_done(struct test_client *client)
{
    nghttp2_session_del(client->http);
    for (size_t i = 0; i < client->stream_count; i++) {
        buf_done(&client->streams[i].request);
        buf_done(&client->streams[i].headers);
        buf_done(&client->streams[i].body);
    }
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

struct test_stream *test_client_call(struct test_client *client, const struct test_call *call)
{
    ck_assert_uint_lt(client->stream_count, TEST_STREAMS_MAX);
    struct test_stream *stream = &client->streams[client->stream_count++];
    nghttp2_nv headers[] = {
        header(":method", call->method ? call->method : "POST"),
        header(":scheme", "http"),
        header(":authority", "localhost"),
        header(":path", call->path ? call->path : GRPC_HTTP_PATH),
        header("content-type", call->type ? call->type : "application/grpc"),
        header("te", "trailers"),
        header("grpc-encoding", call->encoding ? call->encoding : "identity"),
    };
    stream->open = call->open;
    if (!call->bare) {
        grpc_prefix_append(call->message.len + call->extra, &stream->request);
        stream->request.ptr[0] = (char)call->packed;
    }
    buf_str(&stream->request, call->message);
    nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = request_read};
    stream->id =
        nghttp2_submit_request(client->http, NULL, headers,
                               ARRAY_COUNT(headers) - (call->encoding == NULL), &provider, NULL);
    ck_assert_int_gt(stream->id, 0);
    return stream;
}

void test_client_take(struct test_client *client, struct str bytes)
{
    ssize_t got = nghttp2_session_mem_recv(client->http, (const uint8_t *)bytes.ptr, bytes.len);
    ck_assert_int_eq(got, (ssize_t)bytes.len);
}

void test_client_give(struct test_client *client, struct buf *out)
{
    for (;;) {
        const uint8_t *bytes;
        ssize_t size = nghttp2_session_mem_send(client->http, &bytes);
        ck_assert_int_ge(size, 0);
        if (size == 0)
            return;
        buf_append(out, bytes, (size_t)size);
    }
}

bool test_stream_says(const struct test_stream *stream, const char *line)
{
    struct str all = buf_view(&stream->headers), wanted = str_of(line);
    while (all.len > 0) {
        const char *end = memchr(all.ptr, '\n', all.len);
        if (str_eq((struct str){all.ptr, (size_t)(end - all.ptr)}, wanted))
            return true;
        all.len -= (size_t)(end + 1 - all.ptr);
        all.ptr = end + 1;
    }
    return false;
}
