#include "query-tee/test_tee.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define PATIENCE_MS 20000
#define FLAGS_MAX 16

static void remember_header(void *context, const char *name, const char *value)
{
    buf_printf(context, "%s: %s\n", name, value);
}

static void backend_handle(void *context, const struct request *request, struct answer *answer)
{
    struct test_backend *self = context;
    pthread_mutex_lock(&self->mutex);
    self->asked++;
    buf_clear(&self->uri);
    buf_clear(&self->headers);
    buf_str(&self->uri, request->uri);
    request_each_header(request, remember_header, &self->headers);
    int wait_ms = self->wait_ms;
    answer->status = self->status;
    answer->content_type = "application/json";
    buf_text(&answer->body, self->body);
    if (self->then)
        self->body = self->then;
    pthread_mutex_unlock(&self->mutex);
    answer_header(answer, "Retry-After", "7");
    for (int i = 0; i < wait_ms && !atomic_load(request->cancel); i++)
        usleep(1000);
}

static void backend_open(struct test_backend *self)
{
    struct listen_options options = {
        .address = "127.0.0.1:0",
        .connection_max = 32,
        .read_timeout_ms = PATIENCE_MS,
        .write_timeout_ms = PATIENCE_MS,
        .handle = backend_handle,
        .context = self,
    };
    struct err err;
    pthread_mutex_init(&self->mutex, NULL);
    ck_assert_msg(listener_open(&options, &self->listener, &err), "%s", err.msg);
    snprintf(self->name, sizeof self->name, "%s", listener_address(self->listener));
    test_backend_say(self, 200,
                     "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}");
}

void test_tee_open(struct test_tee *self, size_t backend_count, const char *const *flags,
                   size_t flag_count)
{
    static char endpoints[200], preferred[100];
    char *argv[FLAGS_MAX];
    int argc = 0;
    struct err err;
    *self = (struct test_tee){.tee = mem_new(struct tee), .arena = arena_create(NULL)};
    signal(SIGPIPE, SIG_IGN);
    endpoints[0] = '\0';
    for (size_t i = 0; i < backend_count; i++) {
        backend_open(&self->backends[i]);
        snprintf(endpoints + strlen(endpoints), sizeof endpoints - strlen(endpoints), "%shttp://%s",
                 i ? "," : "--backend.endpoints=", self->backends[i].name);
    }
    snprintf(preferred, sizeof preferred, "--backend.preferred=%s", self->backends[0].name);
    const char *const always[] = {
        endpoints,
        preferred,
        "--server.http-service-address=127.0.0.1",
        "--server.http-service-port=0",
        "--server.metrics-port=0",
        "--server.grpc-service-port=0",
        "--log.level=error",
    };
    ck_assert_uint_le(ARRAY_COUNT(always) + flag_count, FLAGS_MAX);
    for (size_t i = 0; i < ARRAY_COUNT(always); i++)
        argv[argc++] = (char *)(uintptr_t)always[i];
    for (size_t i = 0; i < flag_count; i++)
        argv[argc++] = (char *)(uintptr_t)flags[i];

    struct tee *tee = self->tee;
    tee->arena = arena_create(NULL);
    ck_assert_msg(options_read(argc, argv, &tee->options, &err), "%s", err.msg);
    tee->options.log.fd = -1; /* what is told there is not looked at */
    ck_assert_msg(backends_read(&tee->options, tee->arena, &tee->backends, &err), "%s", err.msg);
    ck_assert_msg(tee_open(tee, &err), "%s", err.msg);
}

void test_tee_close(struct test_tee *self)
{
    tee_close(self->tee);
    for (size_t i = 0; i < TEST_BACKENDS_MAX; i++) {
        struct test_backend *backend = &self->backends[i];
        listener_close(backend->listener);
        buf_done(&backend->uri);
        buf_done(&backend->headers);
    }
    arena_destroy(self->arena);
}

void test_backend_say(struct test_backend *backend, int status, const char *body)
{
    pthread_mutex_lock(&backend->mutex);
    backend->status = status;
    backend->body = body;
    backend->then = NULL;
    pthread_mutex_unlock(&backend->mutex);
}

void test_backend_say_then(struct test_backend *backend, const char *body)
{
    pthread_mutex_lock(&backend->mutex);
    backend->then = body;
    pthread_mutex_unlock(&backend->mutex);
}

void test_backend_delay(struct test_backend *backend, int wait_ms)
{
    pthread_mutex_lock(&backend->mutex);
    backend->wait_ms = wait_ms;
    pthread_mutex_unlock(&backend->mutex);
}

bool test_backend_got(struct test_backend *backend, const char *uri)
{
    pthread_mutex_lock(&backend->mutex);
    bool got = str_eq(buf_view(&backend->uri), str_of(uri));
    pthread_mutex_unlock(&backend->mutex);
    return got;
}

size_t test_backend_asked(struct test_backend *backend)
{
    pthread_mutex_lock(&backend->mutex);
    size_t asked = backend->asked;
    pthread_mutex_unlock(&backend->mutex);
    return asked;
}

static bool has_line(const char *text, const char *line)
{
    size_t size = strlen(line);
    for (const char *at = text; (at = strstr(at, line)); at += size)
        if ((at == text || at[-1] == '\n') && (at[size] == '\n' || at[size] == '\0'))
            return true;
    return false;
}

bool test_backend_was_told(struct test_backend *backend, const char *line)
{
    pthread_mutex_lock(&backend->mutex);
    bool told = has_line(buf_terminated(&backend->headers), line);
    pthread_mutex_unlock(&backend->mutex);
    return told;
}

/* A request with one header. */
struct headed {
    struct request request;
    const char *name;
    const char *value;
};

static const char *headed_header(const struct request *request, const char *name)
{
    const struct headed *self = CONTAINER_CONST(struct headed, request, request);
    return self->name && strcasecmp(self->name, name) == 0 ? self->value : NULL;
}

static void headed_each_header(const struct request *request,
                               void (*header)(void *context, const char *name, const char *value),
                               void *context)
{
    const struct headed *self = CONTAINER_CONST(struct headed, request, request);
    if (self->name)
        header(context, self->name, self->value);
}

static const struct request_class headed_class = {.header = headed_header,
                                                  .each_header = headed_each_header};

void test_tee_ask(struct test_tee *self, const char *method, const char *uri, const char *header,
                  struct test_answer *ret_answer)
{
    static const _Atomic bool never;
    struct headed headed = {.request = {
                                .method = method,
                                .uri = str_of(uri),
                                .arena = self->arena,
                                .cancel = &never,
                                .class = &headed_class,
                            }};
    if (header) {
        const char *colon = strchr(header, ':');
        headed.name = arena_text(self->arena, (struct str){header, (size_t)(colon - header)});
        headed.value = colon + 2;
    }
    struct test_answer got = {0};
    struct answer answer = {0};
    ck_assert(request_read_uri(&headed.request));
    proxy_handle(self->tee, &headed.request, &answer);
    answer_hold(&answer, SIZE_MAX);
    got.status = answer.status;
    if (answer.content_type)
        remember_header(&got.headers, "Content-Type", answer.content_type);
    for (size_t i = 0; i < answer.header_count; i++)
        remember_header(&got.headers, answer.headers[i].name, answer.headers[i].value);
    struct exchange_end end = {
        .request = &headed.request,
        .answer = &answer,
        .bytes = answer.body.len,
        .duration_ns = 1000,
        .complete = true,
    };
    proxy_finished(self->tee, &end);
    buf_str(&got.body, buf_view(&answer.body));
    buf_terminated(&got.body);
    answer_done(&answer);
    *ret_answer = got;
}

void test_answer_done(struct test_answer *answer)
{
    buf_done(&answer->body);
    buf_done(&answer->headers);
}

bool test_answer_says(struct test_answer *answer, const char *line)
{
    return has_line(buf_terminated(&answer->headers), line);
}

int test_tee_get(struct test_tee *self, const char *uri)
{
    struct test_answer answer;
    test_tee_ask(self, "GET", uri, NULL, &answer);
    test_answer_done(&answer);
    return answer.status;
}

bool test_tee_tells(struct test_tee *self, const char *line)
{
    struct answer answer = {0};
    struct request request = {.method = "GET", .path = STR("/metrics")};
    metrics_handle(self->tee, &request, &answer);
    bool told = has_line(buf_terminated(&answer.body), line);
    answer_done(&answer);
    return told;
}

void test_tee_wait_for(struct test_tee *self, const char *line)
{
    int64_t end_ns = clock_monotonic_ns() + INT64_C(1000000) * PATIENCE_MS;
    while (!test_tee_tells(self, line)) {
        ck_assert_msg(clock_monotonic_ns() < end_ns, "%s", line);
        usleep(1000);
    }
}
