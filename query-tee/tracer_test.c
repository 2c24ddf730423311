#include "query-tee/tracer.h"

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/test.h"
#include "http/listen.h"

/* A collector on loopback: what it was sent, and what it answers. */
static struct listener *collector;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static json_t *batches[8]; /* under the mutex, with their number */
static size_t batch_count;
static char seen_token[32];
static _Atomic int status = 200;
static _Atomic bool silent;
static _Atomic int asked;

#define PATIENCE_MS 20000

static void collect(void *context, const struct request *request, struct answer *answer)
{
    atomic_fetch_add(&asked, 1);
    while (atomic_load(&silent) && !atomic_load(request->cancel))
        usleep(1000);
    answer->status = atomic_load(&status);
    if (answer->status != 200)
        return;
    pthread_mutex_lock(&mutex);
    ck_assert(str_eq(request->path, STR("/v1/traces")));
    ck_assert_str_eq(request_header(request, "Content-Type"), "application/json");
    const char *token = request_header(request, "X-Token");
    snprintf(seen_token, sizeof seen_token, "%s", token ? token : "");
    ck_assert_uint_lt(batch_count, ARRAY_COUNT(batches));
    batches[batch_count] = json_loadb(request->body.ptr, request->body.len, 0, NULL);
    ck_assert_ptr_nonnull(batches[batch_count]);
    batch_count++;
    pthread_mutex_unlock(&mutex);
}

static struct tracer *begin(struct tracer_options options)
{
    struct listen_options listen = {
        .address = "127.0.0.1:0",
        .connection_max = 4,
        .read_timeout_ms = PATIENCE_MS,
        .write_timeout_ms = PATIENCE_MS,
        .handle = collect,
    };
    struct err err;
    struct tracer *tracer;
    static char url[64];
    ck_assert_msg(listener_open(&listen, &collector, &err), "%s", err.msg);
    snprintf(url, sizeof url, "http://%s/v1/traces", listener_address(collector));
    options.url = url;
    options.service_name = "a tee";
    options.timeout_ms = PATIENCE_MS;
    options.queue_max = options.queue_max ? options.queue_max : 100;
    options.batch_max = options.batch_max ? options.batch_max : 100;
    ck_assert(tracer_create(&options, &tracer, &err));
    return tracer;
}

static void end(void)
{
    listener_close(collector);
    for (size_t i = 0; i < batch_count; i++)
        json_decref(batches[i]);
}

static void take(struct tracer *tracer, int64_t number)
{
    static const uint8_t trace_id[TRACE_ID_SIZE] = {1}, id[SPAN_ID_SIZE] = {2};
    struct span span = {.trace_id = trace_id, .id = id, .name = "a span", .kind = SPAN_CLIENT};
    span_number(&span, "number", number);
    tracer_take(tracer, &span);
}

static uint64_t count_of(struct tracer *tracer, char what)
{
    struct tracer_counts counts = tracer_counts(tracer);
    return what == 's' ? counts.sent : what == 'q' ? counts.queue_full : counts.failed;
}

static void wait_for_count(struct tracer *tracer, char what, uint64_t wanted)
{
    int64_t end_ns = clock_monotonic_ns() + INT64_C(1000000) * PATIENCE_MS;
    while (count_of(tracer, what) < wanted) {
        ck_assert(clock_monotonic_ns() < end_ns);
        usleep(1000);
    }
}

static const json_t *inside(const json_t *json, const char *array)
{
    return json_array_get(json_object_get(json, array), 0);
}

/* The spans of a batch. */
static const json_t *spans_of(const json_t *batch)
{
    return json_object_get(inside(inside(batch, "resourceSpans"), "scopeSpans"), "spans");
}

START_TEST(writes_a_span)
{
    static const uint8_t trace_id[TRACE_ID_SIZE] = {0x0a, 0xf7, [15] = 0x9c};
    static const uint8_t id[SPAN_ID_SIZE] = {0xb7}, parent[SPAN_ID_SIZE] = {0xff};
    AUTO(buf_done) struct buf out = {0}, long_text = {0};
    struct span span = {
        .trace_id = trace_id,
        .id = id,
        .parent_id = parent,
        .name = "a \"name\"",
        .kind = SPAN_SERVER,
        .begin_ns = INT64_C(1760000000123000000),
        .end_ns = INT64_C(1760000001123000000),
        .failed = true,
        .failure = "why",
    };
    span_text(&span, "text", (struct str){0});
    span_number(&span, "number", -7);
    span_append(&span, &out);
    ck_assert_str_eq(
        buf_terminated(&out),
        "{\"traceId\":\"0af7000000000000000000000000009c\",\"spanId\":\"b700000000000000\","
        "\"parentSpanId\":\"ff00000000000000\",\"name\":\"a \\\"name\\\"\",\"kind\":2,"
        "\"startTimeUnixNano\":\"1760000000123000000\",\"endTimeUnixNano\":\"1760000001123000000\","
        "\"attributes\":[{\"key\":\"text\",\"value\":{\"stringValue\":\"\"}},"
        "{\"key\":\"number\",\"value\":{\"intValue\":\"-7\"}}],"
        "\"status\":{\"code\":2,\"message\":\"why\"}}");

    for (size_t i = 0; i < SPAN_TEXT_SIZE_MAX / 2 + 1; i++)
        buf_text(&long_text, i ? "\xc3\xa4" : "x");
    span = (struct span){.trace_id = trace_id, .id = id, .name = ""};
    span_text(&span, "text", buf_view(&long_text));
    buf_clear(&out);
    span_append(&span, &out);
    json_t *json = json_loads(buf_terminated(&out), 0, NULL);
    ck_assert_ptr_null(json_object_get(json, "status"));
    const json_t *value = json_object_get(inside(json, "attributes"), "value");
    ck_assert_uint_eq(json_string_length(json_object_get(value, "stringValue")),
                      SPAN_TEXT_SIZE_MAX - 1);
    json_decref(json);
}
END_TEST

START_TEST(sends_spans_in_batches)
{
    struct tracer *tracer = begin((struct tracer_options){
        .headers = {{"X-Token", "secret"}},
        .header_count = 1,
        .attributes = {{.key = "zone", .text = STR("b")}},
        .attribute_count = 1,
        .batch_max = 3,
        .delay_ms = 10,
    });
    for (int i = 0; i < 7; i++)
        take(tracer, i);
    wait_for_count(tracer, 's', 7);
    tracer_destroy(tracer);
    ck_assert_uint_ge(batch_count, 3);
    ck_assert_str_eq(seen_token, "secret");
    const json_t *spans = spans_of(batches[0]);
    ck_assert_uint_le(json_array_size(spans), 3);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(spans, 0), "name")),
                     "a span");
    const json_t *resource = json_object_get(inside(batches[0], "resourceSpans"), "resource");
    ck_assert_uint_eq(json_array_size(json_object_get(resource, "attributes")), 2);
    end();
}
END_TEST

START_TEST(sends_the_rest_at_its_end)
{
    struct tracer *tracer = begin((struct tracer_options){.delay_ms = 3600000});
    take(tracer, 1);
    take(tracer, 2);
    tracer_destroy(tracer);
    ck_assert_uint_eq(batch_count, 1);
    ck_assert_uint_eq(json_array_size(spans_of(batches[0])), 2);
    end();
}
END_TEST

START_TEST(drops_what_the_queue_has_no_room_for)
{
    atomic_store(&silent, true);
    struct tracer *tracer = begin((struct tracer_options){.queue_max = 5, .batch_max = 1});
    take(tracer, 0);
    int64_t end_ns = clock_monotonic_ns() + INT64_C(1000000) * PATIENCE_MS;
    while (atomic_load(&asked) == 0) {
        ck_assert(clock_monotonic_ns() < end_ns);
        usleep(1000);
    }
    for (int i = 0; i < 8; i++)
        take(tracer, i);
    ck_assert_uint_eq(tracer_counts(tracer).queue_full, 3);
    atomic_store(&silent, false);
    wait_for_count(tracer, 's', 6);
    tracer_destroy(tracer);
    end();
}
END_TEST

START_TEST(gives_up_what_is_refused)
{
    struct tracer *tracer = begin((struct tracer_options){.batch_max = 1});
    atomic_store(&status, 400);
    take(tracer, 1);
    wait_for_count(tracer, 'f', 1);
    ck_assert_int_eq(atomic_load(&asked), 1);
    atomic_store(&status, 200);
    take(tracer, 2);
    wait_for_count(tracer, 's', 1);
    tracer_destroy(tracer);
    end();
}
END_TEST

START_TEST(tries_again_where_that_may_help)
{
    struct tracer *tracer = begin((struct tracer_options){.batch_max = 1});
    atomic_store(&status, 503);
    take(tracer, 1);
    int64_t end_ns = clock_monotonic_ns() + INT64_C(1000000) * PATIENCE_MS;
    while (atomic_load(&asked) == 0) {
        ck_assert(clock_monotonic_ns() < end_ns);
        usleep(1000);
    }
    atomic_store(&status, 200);
    wait_for_count(tracer, 's', 1);
    ck_assert_int_ge(atomic_load(&asked), 2);
    tracer_destroy(tracer);
    end();
}
END_TEST

/* A collector that never answers holds up nobody for long. */
START_TEST(ends_without_its_collector)
{
    atomic_store(&silent, true);
    struct tracer *tracer = begin((struct tracer_options){.batch_max = 1});
    int64_t begin_ns = clock_monotonic_ns();
    take(tracer, 1);
    take(tracer, 2);
    tracer_destroy(tracer);
    ck_assert_int_lt(clock_monotonic_ns() - begin_ns, INT64_C(1000000) * PATIENCE_MS / 2);
    atomic_store(&silent, false);
    end();
}
END_TEST

TEST_MAIN("tracer", writes_a_span, sends_spans_in_batches, sends_the_rest_at_its_end,
          drops_what_the_queue_has_no_room_for, gives_up_what_is_refused,
          tries_again_where_that_may_help, ends_without_its_collector)
