#include "query-tee/tracer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/mem.h"
#include "http/json_write.h"

/* How often a batch is sent before it is given up, and how long is waited in between. */
#define TRIES_MAX 3
#define TRY_WAIT_MS 1000

/* At the end, what there is may still be sent for so long. */
#define END_WAIT_MS 2000

/* Of a collector's answer nothing is wanted but its status. */
#define ANSWER_SIZE_MAX ((size_t)64 << 10)

/* A span as JSON. */
struct entry {
    struct entry *next;
    size_t size;
    char text[];
};

struct tracer {
    struct tracer_options options;
    struct client *client;
    pthread_t thread;
    _Atomic bool cancel;

    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_cond_t done;
    struct entry *first;
    struct entry **last;
    size_t count;
    struct tracer_counts counts;
    bool ending;
    bool ended;
};

static void entries_free(struct entry *entry)
{
    while (entry) {
        struct entry *next = entry->next;
        free(entry);
        entry = next;
    }
}

static void put_resource_attribute(struct json *json, const char *key, struct str value)
{
    json_object(json);
    json_key(json, "key");
    json_text(json, key);
    json_key(json, "value");
    json_object(json);
    json_key(json, "stringValue");
    json_string(json, value);
    json_object_end(json);
    json_object_end(json);
}

static void put_resource(const struct tracer_options *options, struct json *json)
{
    json_key(json, "resource");
    json_object(json);
    json_key(json, "attributes");
    json_array(json);
    put_resource_attribute(json, "service.name", str_of(options->service_name));
    for (size_t i = 0; i < options->attribute_count; i++)
        put_resource_attribute(json, options->attributes[i].key, options->attributes[i].text);
    json_array_end(json);
    json_object_end(json);
}

/* {"resourceSpans":[{"resource":...,"scopeSpans":[{"scope":...,"spans":[...]}]}]} */
static void put_batch(const struct tracer_options *options, const struct entry *batch,
                      struct buf *out)
{
    struct json json = {.out = out};
    json_object(&json);
    json_key(&json, "resourceSpans");
    json_array(&json);
    json_object(&json);
    put_resource(options, &json);
    json_key(&json, "scopeSpans");
    json_array(&json);
    json_object(&json);
    json_key(&json, "scope");
    json_object(&json);
    json_key(&json, "name");
    json_text(&json, "query-tee");
    json_object_end(&json);
    json_key(&json, "spans");
    json_array(&json);
    for (; batch; batch = batch->next)
        json_raw(&json, (struct str){batch->text, batch->size});
    json_array_end(&json);
    json_object_end(&json);
    json_array_end(&json);
    json_object_end(&json);
    json_array_end(&json);
    json_object_end(&json);
}

enum sent { SENT_GOOD, SENT_NEVER, SENT_MAYBE_LATER };

static enum sent tracer_post(struct tracer *tracer, struct str body)
{
    const struct tracer_options *options = &tracer->options;
    struct client_header headers[TRACER_HEADERS_MAX + 1] = {{"Content-Type", "application/json"}};
    memcpy(headers + 1, options->headers, options->header_count * sizeof *headers);
    struct client_request request = {
        .url = options->url,
        .body = body,
        .headers = headers,
        .header_count = options->header_count + 1,
        .timeout_ms = options->timeout_ms,
        .size_max = ANSWER_SIZE_MAX,
        .cancel = &tracer->cancel,
    };
    struct client_answer answer;
    struct err unused;
    if (!client_ask(tracer->client, &request, &answer, &unused))
        return SENT_MAYBE_LATER;
    int status = answer.status;
    client_answer_done(&answer);
    if (status >= 200 && status < 300)
        return SENT_GOOD;
    return status == 429 || (status >= 502 && status <= 504) ? SENT_MAYBE_LATER : SENT_NEVER;
}

/* With the mutex held, for so long or until the end is wanted. */
static void tracer_wait(struct tracer *tracer, int64_t wait_ms, bool until_batch)
{
    int64_t until_ns = clock_deadline_ns(clock_monotonic_ns(), wait_ms);
    bool early = true;
    while (early && !tracer->ending && !(until_batch && tracer->count >= tracer->options.batch_max))
        early = cond_wait_until(&tracer->changed, &tracer->mutex, until_ns);
}

/* With the mutex held: the oldest spans, taken out. */
static struct entry *tracer_cut_batch(struct tracer *tracer, size_t *ret_count)
{
    struct entry *batch = tracer->first, **link = &tracer->first;
    size_t count = 0;
    for (; *link && count < tracer->options.batch_max; count++)
        link = &(*link)->next;
    tracer->first = *link;
    *link = NULL;
    if (!tracer->first)
        tracer->last = &tracer->first;
    tracer->count -= count;
    *ret_count = count;
    return count ? batch : NULL;
}

/* With the mutex held, which it lets go of while it sends. */
static void tracer_send(struct tracer *tracer)
{
    size_t count;
    struct entry *batch = tracer_cut_batch(tracer, &count);
    if (!batch)
        return;
    pthread_mutex_unlock(&tracer->mutex);
    AUTO(buf_done) struct buf body = {0};
    put_batch(&tracer->options, batch, &body);
    entries_free(batch);
    enum sent sent = tracer_post(tracer, buf_view(&body));
    pthread_mutex_lock(&tracer->mutex);
    for (int tries = 1; sent == SENT_MAYBE_LATER && tries < TRIES_MAX && !tracer->ending; tries++) {
        tracer_wait(tracer, TRY_WAIT_MS * tries, false);
        pthread_mutex_unlock(&tracer->mutex);
        sent = tracer_post(tracer, buf_view(&body));
        pthread_mutex_lock(&tracer->mutex);
    }
    if (sent == SENT_GOOD)
        tracer->counts.sent += count;
    else
        tracer->counts.failed += count;
}

static void *tracer_thread(void *context)
{
    struct tracer *tracer = context;
    pthread_setname_np(pthread_self(), "tracer");
    pthread_mutex_lock(&tracer->mutex);
    while (!tracer->ending) {
        while (tracer->count == 0 && !tracer->ending)
            pthread_cond_wait(&tracer->changed, &tracer->mutex);
        tracer_wait(tracer, tracer->options.delay_ms, true);
        tracer_send(tracer);
    }
    while (tracer->count > 0 && !atomic_load(&tracer->cancel))
        tracer_send(tracer);
    tracer->ended = true;
    pthread_cond_signal(&tracer->done);
    pthread_mutex_unlock(&tracer->mutex);
    return NULL;
}

bool tracer_create(const struct tracer_options *options, struct tracer **ret_tracer,
                   struct err *err)
{
    struct tracer *tracer = mem_new(struct tracer);
    tracer->options = *options;
    tracer->last = &tracer->first;
    tracer->client = client_create(1);
    pthread_mutex_init(&tracer->mutex, NULL);
    pthread_cond_init(&tracer->changed, NULL);
    pthread_cond_init(&tracer->done, NULL);
    int got = pthread_create(&tracer->thread, NULL, tracer_thread, tracer);
    if (got == 0) {
        *ret_tracer = tracer;
        return true;
    }
    tracer->ended = tracer->ending = true;
    client_destroy(tracer->client);
    free(tracer);
    return err_set(err, ERR_IO, "cannot start a thread: %s", strerror(got));
}

void tracer_destroy(struct tracer *tracer)
{
    if (!tracer)
        return;
    int64_t until_ns = clock_deadline_ns(clock_monotonic_ns(), END_WAIT_MS);
    bool early = true;
    pthread_mutex_lock(&tracer->mutex);
    tracer->ending = true;
    pthread_cond_signal(&tracer->changed);
    while (early && !tracer->ended)
        early = cond_wait_until(&tracer->done, &tracer->mutex, until_ns);
    pthread_mutex_unlock(&tracer->mutex);
    atomic_store(&tracer->cancel, true);
    pthread_join(tracer->thread, NULL);
    entries_free(tracer->first);
    client_destroy(tracer->client);
    pthread_cond_destroy(&tracer->done);
    pthread_cond_destroy(&tracer->changed);
    pthread_mutex_destroy(&tracer->mutex);
    free(tracer);
}

const struct trace_sampler *tracer_sampler(const struct tracer *tracer)
{
    return &tracer->options.sampler;
}

static struct entry *entry_create(const struct span *span)
{
    AUTO(buf_done) struct buf text = {0};
    span_append(span, &text);
    struct entry *entry = mem_new_(1, sizeof *entry + text.len);
    entry->size = text.len;
    memcpy(entry->text, text.ptr, text.len);
    return entry;
}

void tracer_take(struct tracer *tracer, const struct span *span)
{
    struct entry *entry = entry_create(span);
    pthread_mutex_lock(&tracer->mutex);
    bool room = tracer->count < tracer->options.queue_max;
    if (room) {
        *tracer->last = entry;
        tracer->last = &entry->next;
        tracer->count++;
    } else {
        tracer->counts.queue_full++;
    }
    if (tracer->count == 1 || tracer->count == tracer->options.batch_max)
        pthread_cond_signal(&tracer->changed);
    pthread_mutex_unlock(&tracer->mutex);
    if (!room)
        free(entry);
}

struct tracer_counts tracer_counts(struct tracer *tracer)
{
    pthread_mutex_lock(&tracer->mutex);
    struct tracer_counts counts = tracer->counts;
    pthread_mutex_unlock(&tracer->mutex);
    return counts;
}
