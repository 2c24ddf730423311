/*
 * Each stream has a line: a handle of libcurl's and the connection under it, driven by whoever
 * reads the stream. A line whose body came to its end waits in the client for the next request to
 * the same server.
 */
#include "http/client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/transfer.h"
#include "http/unpacker.h"

/* Bytes that are held unread before the server has to wait. */
#define HELD_SIZE_MAX ((size_t)256 << 10)

#define ASK_PIECE_SIZE ((size_t)64 << 10)

struct line {
    CURLM *multi;
    CURL *easy;
    struct buf origin; /* where the kept connection leads */
    struct line *next; /* that waits as well; the last one used comes first */
};

struct client {
    pthread_mutex_t mutex;
    struct line *idle;
    size_t idle_count;
    size_t idle_max;
};

struct client_stream {
    struct client *client;
    struct transfer transfer;
    struct line *line;
    struct unpacker *unpacker; /* NULL: the body comes as it is */
    struct buf held;           /* of the body, as it came; from `taken` on not yet read */
    size_t taken;
    size_t size; /* of the body so far, unpacked */
    bool paused;
};

struct client *client_create(size_t idle_max)
{
    transfer_library_start();
    struct client *client = mem_new(struct client);
    client->idle_max = idle_max;
    pthread_mutex_init(&client->mutex, NULL);
    return client;
}

static void line_destroy(struct line *line)
{
    curl_easy_cleanup(line->easy);
    curl_multi_cleanup(line->multi);
    buf_done(&line->origin);
    free(line);
}

void client_destroy(struct client *client)
{
    if (!client)
        return;
    while (client->idle) {
        struct line *line = client->idle;
        client->idle = line->next;
        line_destroy(line);
    }
    pthread_mutex_destroy(&client->mutex);
    free(client);
}

/* One whose connection leads there, or a new one; NULL if libcurl makes none. */
static struct line *client_take_line(struct client *client, struct str origin)
{
    pthread_mutex_lock(&client->mutex);
    struct line **link = &client->idle;
    while (*link && !str_eq(buf_view(&(*link)->origin), origin))
        link = &(*link)->next;
    struct line *line = *link;
    if (line) {
        *link = line->next;
        client->idle_count--;
    }
    pthread_mutex_unlock(&client->mutex);
    if (line)
        return line;

    line = mem_new(struct line);
    buf_str(&line->origin, origin);
    line->easy = curl_easy_init();
    line->multi = curl_multi_init();
    if (line->easy && line->multi) {
        /* One more than needed: a redirect may lead elsewhere and back. */
        curl_multi_setopt(line->multi, CURLMOPT_MAXCONNECTS, 2L);
        return line;
    }
    line_destroy(line);
    return NULL;
}

/* Keeps the line; the one that has waited longest goes for it where there are too many. */
static void client_keep_line(struct client *client, struct line *line)
{
    curl_easy_reset(line->easy);
    pthread_mutex_lock(&client->mutex);
    line->next = client->idle;
    client->idle = line;
    struct line *dropped = NULL;
    if (++client->idle_count > client->idle_max) {
        struct line **link = &client->idle;
        while ((*link)->next)
            link = &(*link)->next;
        dropped = TAKE(*link);
        client->idle_count--;
    }
    pthread_mutex_unlock(&client->mutex);
    if (dropped)
        line_destroy(dropped);
}

static size_t stream_take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct client_stream *stream = context;
    size_t len = size * count;
    stream->transfer.opened = true;
    if (stream->held.len - stream->taken >= HELD_SIZE_MAX) {
        stream->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    buf_append(&stream->held, bytes, len);
    return len;
}

/* Moves what can be moved without waiting. */
static bool stream_move(struct client_stream *stream, struct err *err)
{
    struct line *line = stream->line;
    int running = 0, left = 0;
    CURLMcode code = curl_multi_perform(line->multi, &running);
    if (code != CURLM_OK)
        return err_set(err, ERR_IO, "%s: %s", transfer_shown(&stream->transfer),
                       curl_multi_strerror(code));
    const CURLMsg *message = running ? NULL : curl_multi_info_read(line->multi, &left);
    if (message && message->msg == CURLMSG_DONE)
        transfer_end(&stream->transfer, message->data.result);
    return true;
}

/* Waits a little at most, and moves what has come by then. What was held has been taken. */
static bool stream_step(struct client_stream *stream, struct err *err)
{
    struct line *line = stream->line;
    if (!transfer_look(&stream->transfer, err))
        return false;
    buf_clear(&stream->held);
    stream->taken = 0;
    if (stream->paused) {
        stream->paused = false;
        curl_easy_pause(line->easy, CURLPAUSE_CONT);
        return stream_move(stream, err);
    }
    curl_multi_poll(line->multi, NULL, 0, transfer_wait_ms(&stream->transfer), NULL);
    return stream_move(stream, err);
}

bool client_start(struct client *client, const struct client_request *request,
                  struct client_stream **ret_stream, struct err *err)
{
    AUTO(client_stream_close) struct client_stream *stream = mem_new(struct client_stream);
    stream->client = client;
    if (!transfer_init(&stream->transfer, request, err))
        return false;
    stream->line = client_take_line(client, buf_view(&stream->transfer.setup.origin));
    if (!stream->line)
        return err_set(err, ERR_IO, "%s: the HTTP client does not start", request->url);
    CURL *easy = stream->line->easy;
    transfer_begin(&stream->transfer, easy);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, stream_take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, stream);
    curl_multi_add_handle(stream->line->multi, easy);
    if (!stream_move(stream, err))
        return false;
    *ret_stream = TAKE(stream);
    return true;
}

bool client_stream_await(struct client_stream *stream, struct err *err)
{
    while (!stream->transfer.opened && !stream->transfer.ended)
        if (!stream_step(stream, err))
            return false;
    if (stream->transfer.ended && stream->transfer.code != CURLE_OK && stream->held.len == 0)
        return transfer_fail(&stream->transfer, err);
    if (transfer_is_packed(&stream->transfer))
        stream->unpacker = unpacker_create();
    return true;
}

bool client_open(struct client *client, const struct client_request *request,
                 struct client_stream **ret_stream, struct err *err)
{
    AUTO(client_stream_close) struct client_stream *stream = NULL;
    if (!client_start(client, request, &stream, err) || !client_stream_await(stream, err))
        return false;
    *ret_stream = TAKE(stream);
    return true;
}

void client_stream_cancel_by(struct client_stream *stream, const _Atomic bool *cancel)
{
    stream->transfer.request.cancel = cancel;
}

struct transfer *client_stream_transfer(struct client_stream *stream)
{
    return &stream->transfer;
}

int client_stream_status(const struct client_stream *stream)
{
    return transfer_status(&stream->transfer);
}

const char *client_stream_header(struct client_stream *stream, const char *name)
{
    return transfer_header(&stream->transfer, name);
}

/* Gives of what is held. *ret_got 0: nothing is. */
static bool stream_give(struct client_stream *stream, char *bytes, size_t cap, size_t *ret_got,
                        struct err *err)
{
    struct str left = {stream->held.ptr + stream->taken, stream->held.len - stream->taken};
    if (stream->unpacker) {
        size_t before = left.len;
        if (!unpacker_read(stream->unpacker, &left, bytes, cap, ret_got, err))
            return err_wrap(err, "%s", transfer_shown(&stream->transfer));
        stream->taken += before - left.len;
        return true;
    }
    *ret_got = left.len < cap ? left.len : cap;
    if (*ret_got)
        memcpy(bytes, left.ptr, *ret_got);
    stream->taken += *ret_got;
    return true;
}

bool client_stream_read(struct client_stream *stream, void *bytes, size_t cap, size_t *ret_got,
                        struct err *err)
{
    for (;;) {
        if (!stream_give(stream, bytes, cap, ret_got, err))
            return false;
        stream->size += *ret_got;
        if (stream->transfer.request.size_max && stream->size > stream->transfer.request.size_max)
            return err_set(err, ERR_LIMIT, "%s: the answer is larger than %zu bytes",
                           transfer_shown(&stream->transfer), stream->transfer.request.size_max);
        if (*ret_got > 0)
            return true;
        if (stream->transfer.ended)
            break;
        if (!stream_step(stream, err))
            return false;
    }
    if (stream->transfer.code != CURLE_OK)
        return transfer_fail(&stream->transfer, err);
    if (stream->unpacker && !unpacker_complete(stream->unpacker))
        return err_set(err, ERR_IO, "%s: the packed answer breaks off",
                       transfer_shown(&stream->transfer));
    return true;
}

void client_stream_close(struct client_stream *stream)
{
    if (!stream)
        return;
    if (stream->line) {
        /* Of a transfer under way this closes the connection. */
        curl_multi_remove_handle(stream->line->multi, stream->line->easy);
        if (stream->transfer.ended && stream->transfer.code == CURLE_OK)
            client_keep_line(stream->client, stream->line);
        else
            line_destroy(stream->line);
    }
    unpacker_destroy(stream->unpacker);
    transfer_done(&stream->transfer);
    buf_done(&stream->held);
    free(stream);
}

bool client_ask(struct client *client, const struct client_request *request,
                struct client_answer *ret_answer, struct err *err)
{
    AUTO(client_stream_close) struct client_stream *stream = NULL;
    if (!client_open(client, request, &stream, err))
        return false;
    AUTO(client_answer_done) struct client_answer answer = {client_stream_status(stream), {0}};
    size_t got = 0;
    do {
        char *piece = buf_reserve(&answer.body, ASK_PIECE_SIZE);
        if (!client_stream_read(stream, piece, ASK_PIECE_SIZE, &got, err))
            return false;
        answer.body.len += got;
    } while (got > 0);
    *ret_answer = answer;
    answer.body = (struct buf){0};
    return true;
}

void client_answer_done(struct client_answer *answer)
{
    buf_done(&answer->body);
}
