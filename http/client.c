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
#include "http/client_setup.h"
#include "http/unpacker.h"

/* Bytes that are held unread before the server has to wait. */
#define HELD_SIZE_MAX ((size_t)256 << 10)

/* Headers together; nobody needs more. */
#define HEADERS_SIZE_MAX ((size_t)256 << 10)

/* How often cancellation is looked at. */
#define LOOK_PERIOD_MS 50

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
    struct client_request request;
    struct client_setup setup;
    struct line *line;
    struct unpacker *unpacker; /* NULL: the body comes as it is */
    struct buf held;           /* of the body, as it came; from `taken` on not yet read */
    size_t taken;
    size_t size; /* of the body so far, unpacked */
    size_t headers_size;
    int64_t end_ns; /* the deadline; 0: none */
    char words[CURL_ERROR_SIZE];
    CURLcode code; /* how the transfer ended */
    bool opened;   /* the answer's own headers are there */
    bool paused;
    bool ended; /* all of the body has come, or nothing more will */
};

static void client_start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct client *client_create(size_t idle_max)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, client_start);
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

/* Is this status one of an answer, or do libcurl's own ways lead on from it? */
static bool stream_status_is_last(struct client_stream *stream)
{
    int status = client_stream_status(stream);
    bool follows = stream->request.access && stream->request.access->follow_redirects;
    return status >= 200 &&
           !(follows && status >= 300 && status < 400 && client_stream_header(stream, "location"));
}

static size_t stream_take_header(char *bytes, size_t size, size_t count, void *context)
{
    struct client_stream *stream = context;
    size_t len = size * count;
    stream->headers_size += len;
    if (stream->headers_size > HEADERS_SIZE_MAX)
        return 0;
    bool blank = len <= 2 && (bytes[0] == '\r' || bytes[0] == '\n');
    if (blank && stream_status_is_last(stream))
        stream->opened = true;
    return len;
}

static size_t stream_take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct client_stream *stream = context;
    size_t len = size * count;
    stream->opened = true;
    if (stream->held.len - stream->taken >= HELD_SIZE_MAX) {
        stream->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    buf_append(&stream->held, bytes, len);
    return len;
}

static bool stream_fail_transfer(struct client_stream *stream, struct err *err)
{
    const char *url = buf_terminated(&stream->setup.shown);
    if (stream->headers_size > HEADERS_SIZE_MAX)
        return err_set(err, ERR_LIMIT, "%s: the headers of the answer are larger than %zu bytes",
                       url, HEADERS_SIZE_MAX);
    return err_set(err, stream->code == CURLE_URL_MALFORMAT ? ERR_BAD_DATA : ERR_IO, "%s: %s", url,
                   stream->words[0] ? stream->words : curl_easy_strerror(stream->code));
}

/* Looks whether the answer is still wanted. */
static bool stream_look(struct client_stream *stream, struct err *err)
{
    const _Atomic bool *cancel = stream->request.cancel;
    if (cancel && atomic_load_explicit(cancel, memory_order_relaxed))
        return err_set(err, ERR_CANCELED, "%s: canceled", buf_terminated(&stream->setup.shown));
    if (stream->end_ns && clock_monotonic_ns() >= stream->end_ns)
        return err_set(err, ERR_TIMEOUT, "%s: %s in %.3g s", buf_terminated(&stream->setup.shown),
                       stream->opened ? "the answer did not end" : "there was no answer",
                       (double)stream->request.timeout_ms / 1000);
    return true;
}

/* How long nothing needs to be looked at. */
static int stream_wait_ms(const struct client_stream *stream)
{
    if (!stream->end_ns)
        return LOOK_PERIOD_MS;
    int64_t left_ms = (stream->end_ns - clock_monotonic_ns()) / 1000000 + 1;
    if (left_ms < 0)
        return 0;
    return left_ms < LOOK_PERIOD_MS ? (int)left_ms : LOOK_PERIOD_MS;
}

/* Moves bytes until some are held, the headers came or the transfer ended; waits a little at most.
 */
static bool stream_step(struct client_stream *stream, struct err *err)
{
    struct line *line = stream->line;
    if (!stream_look(stream, err))
        return false;
    bool was_opened = stream->opened;
    buf_clear(&stream->held);
    stream->taken = 0;
    if (stream->paused) {
        stream->paused = false;
        curl_easy_pause(line->easy, CURLPAUSE_CONT);
    }
    int running = 0, left = 0;
    CURLMcode code = curl_multi_perform(line->multi, &running);
    if (code != CURLM_OK)
        return err_set(err, ERR_IO, "%s: %s", buf_terminated(&stream->setup.shown),
                       curl_multi_strerror(code));
    const CURLMsg *message = curl_multi_info_read(line->multi, &left);
    if (message && message->msg == CURLMSG_DONE) {
        stream->ended = true;
        /* Headers that break off are enough for libcurl. */
        bool cut = message->data.result == CURLE_OK && !stream->opened;
        stream->code = cut ? CURLE_PARTIAL_FILE : message->data.result;
    } else if (stream->held.len == 0 && stream->opened == was_opened) {
        curl_multi_poll(line->multi, NULL, 0, stream_wait_ms(stream), NULL);
    }
    return true;
}

/* Makes of the answer's headers what reading needs. */
static void stream_begin_body(struct client_stream *stream)
{
    const char *coding = client_stream_header(stream, "content-encoding");
    const struct client_request *request = &stream->request;
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, "accept-encoding") == 0)
            return; /* whoever chose the coding unpacks it */
    if (coding && (strcasecmp(coding, "gzip") == 0 || strcasecmp(coding, "deflate") == 0))
        stream->unpacker = unpacker_create();
}

static void stream_start(struct client_stream *stream)
{
    CURL *easy = stream->line->easy;
    client_setup_apply(&stream->setup, &stream->request, easy);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, stream->words);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, stream_take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, stream);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, stream_take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, stream);
    curl_multi_add_handle(stream->line->multi, easy);
}

bool client_open(struct client *client, const struct client_request *request,
                 struct client_stream **ret_stream, struct err *err)
{
    AUTO(client_stream_close) struct client_stream *stream = mem_new(struct client_stream);
    stream->client = client;
    stream->request = *request;
    if (request->timeout_ms)
        stream->end_ns = clock_monotonic_ns() + request->timeout_ms * 1000000;
    if (!client_setup_init(&stream->setup, request, err))
        return false;
    stream->line = client_take_line(client, buf_view(&stream->setup.origin));
    if (!stream->line)
        return err_set(err, ERR_IO, "%s: the HTTP client does not start", request->url);
    stream_start(stream);
    while (!stream->opened && !stream->ended)
        if (!stream_step(stream, err))
            return false;
    if (stream->ended && stream->code != CURLE_OK && stream->held.len == 0)
        return stream_fail_transfer(stream, err);
    stream_begin_body(stream);
    *ret_stream = TAKE(stream);
    return true;
}

int client_stream_status(const struct client_stream *stream)
{
    long status = 0;
    curl_easy_getinfo(stream->line->easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

const char *client_stream_header(struct client_stream *stream, const char *name)
{
    struct curl_header *header = NULL;
    CURLHcode code = curl_easy_header(stream->line->easy, name, 0, CURLH_HEADER, -1, &header);
    return code == CURLHE_OK ? header->value : NULL;
}

/* Gives of what is held. *ret_got 0: nothing is. */
static bool stream_give(struct client_stream *stream, char *bytes, size_t cap, size_t *ret_got,
                        struct err *err)
{
    struct str left = {stream->held.ptr + stream->taken, stream->held.len - stream->taken};
    if (stream->unpacker) {
        size_t before = left.len;
        if (!unpacker_read(stream->unpacker, &left, bytes, cap, ret_got, err))
            return err_wrap(err, "%s", buf_terminated(&stream->setup.shown));
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
        if (stream->request.size_max && stream->size > stream->request.size_max)
            return err_set(err, ERR_LIMIT, "%s: the answer is larger than %zu bytes",
                           buf_terminated(&stream->setup.shown), stream->request.size_max);
        if (*ret_got > 0)
            return true;
        if (stream->ended)
            break;
        if (!stream_step(stream, err))
            return false;
    }
    if (stream->code != CURLE_OK)
        return stream_fail_transfer(stream, err);
    if (stream->unpacker && !unpacker_complete(stream->unpacker))
        return err_set(err, ERR_IO, "%s: the packed answer breaks off",
                       buf_terminated(&stream->setup.shown));
    return true;
}

void client_stream_close(struct client_stream *stream)
{
    if (!stream)
        return;
    if (stream->line) {
        /* Of a transfer under way this closes the connection. */
        curl_multi_remove_handle(stream->line->multi, stream->line->easy);
        if (stream->ended && stream->code == CURLE_OK)
            client_keep_line(stream->client, stream->line);
        else
            line_destroy(stream->line);
    }
    unpacker_destroy(stream->unpacker);
    client_setup_done(&stream->setup);
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
