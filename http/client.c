#include "http/client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

DEFINE_AUTO(CURL *, curl_easy_cleanup)

struct client_body {
    struct buf *out;
    size_t size_max;
    bool too_large;
};

static void client_start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t client_take(char *bytes, size_t size, size_t count, void *context)
{
    struct client_body *body = context;
    size_t len = size * count;
    if (body->size_max && body->out->len + len > body->size_max) {
        body->too_large = true;
        return 0;
    }
    buf_append(body->out, bytes, len);
    return len;
}

/* Called now and then; anything but 0 ends the transfer. */
static int client_look(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const _Atomic bool *cancel = context;
    return atomic_load_explicit(cancel, memory_order_relaxed);
}

static enum err_kind client_err_kind(CURLcode code)
{
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return ERR_CANCELED;
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return ERR_BAD_DATA;
    return code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_IO;
}

/* Leaves an empty one behind. */
static struct buf body_take(struct buf *body)
{
    struct buf taken = *body;
    *body = (struct buf){0};
    return taken;
}

bool client_ask(const struct client_request *request, struct client_answer *ret_answer,
                struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, client_start);

    AUTO(curl_easy_cleanup) CURL *curl = curl_easy_init();
    if (!curl)
        return err_set(err, ERR_IO, "%s: the HTTP client does not start", request->url);
    AUTO(buf_done) struct buf bytes = {0};
    struct client_body body = {&bytes, request->size_max, false};
    char words[CURL_ERROR_SIZE] = "";
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "millrace");
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, client_take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    if (request->timeout_ms)
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    if (request->cancel) {
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, client_look);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, request->cancel);
    }
    if (request->form)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->form);

    CURLcode code = curl_easy_perform(curl);
    if (body.too_large)
        return err_set(err, ERR_LIMIT, "%s: the answer is larger than %zu bytes", request->url,
                       request->size_max);
    if (code != CURLE_OK)
        return err_set(err, client_err_kind(code), "%s: %s", request->url,
                       words[0] ? words : curl_easy_strerror(code));
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    *ret_answer = (struct client_answer){(int)status, body_take(&bytes)};
    return true;
}

void client_answer_done(struct client_answer *answer)
{
    buf_done(&answer->body);
}
