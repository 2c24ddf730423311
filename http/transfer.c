#include "http/transfer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

/* Headers together; nobody needs more. */
#define HEADERS_SIZE_MAX ((size_t)256 << 10)

static void library_start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

void transfer_library_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, library_start);
}

bool transfer_init(struct transfer *transfer, const struct client_request *request, struct err *err)
{
    *transfer = (struct transfer){.request = *request};
    if (request->timeout_ms)
        transfer->end_ns = clock_deadline_ns(clock_monotonic_ns(), request->timeout_ms);
    return client_setup_init(&transfer->setup, request, err);
}

void transfer_done(struct transfer *transfer)
{
    client_setup_done(&transfer->setup);
}

int transfer_status(const struct transfer *transfer)
{
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

const char *transfer_header(const struct transfer *transfer, const char *name)
{
    struct curl_header *header = NULL;
    CURLHcode code = curl_easy_header(transfer->easy, name, 0, CURLH_HEADER, -1, &header);
    return code == CURLHE_OK ? header->value : NULL;
}

const char *transfer_shown(const struct transfer *transfer)
{
    return transfer->setup.shown.ptr;
}

/* Is this status one of an answer, or do libcurl's own ways lead on from it? */
static bool transfer_status_is_last(const struct transfer *transfer)
{
    int status = transfer_status(transfer);
    bool follows = transfer->request.access && transfer->request.access->follow_redirects;
    return status >= 200 &&
           !(follows && status >= 300 && status < 400 && transfer_header(transfer, "location"));
}

static size_t transfer_take_header(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t len = size * count;
    transfer->headers_size += len;
    if (transfer->headers_size > HEADERS_SIZE_MAX)
        return 0;
    bool blank = len <= 2 && (bytes[0] == '\r' || bytes[0] == '\n');
    if (blank && transfer_status_is_last(transfer))
        transfer->opened = true;
    return len;
}

void transfer_begin(struct transfer *transfer, CURL *easy)
{
    transfer->easy = easy;
    client_setup_apply(&transfer->setup, &transfer->request, easy);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->words);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, transfer_take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
}

void transfer_end(struct transfer *transfer, CURLcode code)
{
    /* Headers that break off are enough for libcurl. */
    bool cut = code == CURLE_OK && !transfer->opened;
    transfer->code = cut ? CURLE_PARTIAL_FILE : code;
    transfer->ended = true;
}

bool transfer_look(const struct transfer *transfer, struct err *err)
{
    const _Atomic bool *cancel = transfer->request.cancel;
    if (cancel && atomic_load_explicit(cancel, memory_order_relaxed))
        return err_set(err, ERR_CANCELED, "%s: canceled", transfer_shown(transfer));
    if (transfer->end_ns && clock_monotonic_ns() >= transfer->end_ns)
        return err_set(err, ERR_TIMEOUT, "%s: %s in %.3g s", transfer_shown(transfer),
                       transfer->opened ? "the answer did not end" : "there was no answer",
                       (double)transfer->request.timeout_ms / 1000);
    return true;
}

int transfer_wait_ms(const struct transfer *transfer)
{
    if (!transfer->end_ns)
        return TRANSFER_LOOK_MS;
    int64_t left_ms = (transfer->end_ns - clock_monotonic_ns()) / 1000000 + 1;
    if (left_ms < 0)
        return 0;
    return left_ms < TRANSFER_LOOK_MS ? (int)left_ms : TRANSFER_LOOK_MS;
}

bool transfer_fail(const struct transfer *transfer, struct err *err)
{
    const char *url = transfer_shown(transfer);
    if (transfer->headers_size > HEADERS_SIZE_MAX)
        return err_set(err, ERR_LIMIT, "%s: the headers of the answer are larger than %zu bytes",
                       url, HEADERS_SIZE_MAX);
    return err_set(err, transfer->code == CURLE_URL_MALFORMAT ? ERR_BAD_DATA : ERR_IO, "%s: %s",
                   url, transfer->words[0] ? transfer->words : curl_easy_strerror(transfer->code));
}

bool transfer_is_packed(const struct transfer *transfer)
{
    const struct client_request *request = &transfer->request;
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, "accept-encoding") == 0)
            return false;
    const char *coding = transfer_header(transfer, "content-encoding");
    return coding && (strcasecmp(coding, "gzip") == 0 || strcasecmp(coding, "deflate") == 0);
}
