/*
 * `query-tee`: opens what is to be served, listens, and waits for a signal. The first one lets
 * answers and comparisons under way end, the second ends the process at once.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "query-tee/commands.h"
#include "query-tee/judge.h"
#include "query-tee/ledger.h"
#include "query-tee/page.h"
#include "query-tee/tee.h"
#include "query-tee/tracer.h"

/* Shapes of queries that are told apart. */
#define SHAPES_MAX 500

/* Connections to backends that wait for a next request. */
#define IDLE_CONNECTIONS_MAX 256

#define METRICS_CONNECTIONS_MAX 16
#define READ_TIMEOUT_MS 300000
#define WRITE_TIMEOUT_MS 60000
#define PEM_SIZE_MAX ((size_t)1 << 20)

/* Prometheus's limit for remote read, which has the longest requests. */
#define REQUEST_SIZE_MAX ((size_t)32 << 20)

/* Copies of requests may hold this part of what bodies of answers may. */
#define REQUESTS_OF_BODIES 2

void metrics_handle(void *context, const struct request *request, struct answer *answer)
{
    struct tee *tee = context;
    if (!str_eq(request->path, STR("/metrics"))) {
        answer_error_text(answer, 404, "404 page not found");
        return;
    }
    answer->status = 200;
    struct exposition exposition = {
        .out = &answer->body,
        .proto = exposition_wants_proto(request_header(request, "Accept")),
    };
    answer->content_type = exposition.proto ? exposition_proto_type : exposition_text_type;
    answer->compress = true;
    tally_print(tee->tally, &exposition);
    page_print_gauges(tee, &exposition);
    exposition_end(&exposition);
}

static void tee_open_tables(struct tee *tee)
{
    const struct tee_options *options = &tee->options;
    budget_init(&tee->memory_budget, NULL, "--proxy.bodies-memory",
                (size_t)options->bodies_memory_max);
    budget_init(&tee->disk_budget, NULL, "--proxy.bodies-disk", (size_t)options->bodies_disk_max);
    budget_init(&tee->request_budget, NULL, "--proxy.bodies-memory",
                (size_t)options->bodies_memory_max / REQUESTS_OF_BODIES);
    tee->tally = tally_create();
    tee->shapes = shapes_create(tee->backends.count, SHAPES_MAX);
    tee->summary = summary_create(tee->backends.count);
    tee->rounds.client = client_create(IDLE_CONNECTIONS_MAX);
    /* A thread for each ask that may need one: of a request that is waited for, of one that is not,
     * and of what is asked again. */
    tee->rounds.crew = crew_create((size_t)options->connection_max * tee->backends.count +
                                   (size_t)options->grpc_connection_max * tee->backends.count +
                                   (size_t)options->in_flight_max * tee->backends.count +
                                   2 * (size_t)options->compare_queue_max);
    tee->rounds.spool = (struct spool_options){
        .memory_max = (size_t)options->body_memory_max,
        .size_max = (uint64_t)options->body_size_max,
        .memory = &tee->memory_budget,
        .disk = &tee->disk_budget,
        .folder = options->temp_folder,
    };
    tee->rounds.timeout_ms = options->read_timeout_ms;
    tee->rounds.cluster_label = options->cluster_label;
    tee->rounds.cancel = &tee->cancel;
}

static size_t request_size_max(void *context, struct str path)
{
    return REQUEST_SIZE_MAX;
}

static bool tee_listen(struct tee *tee, const struct listen_options *more, int64_t port,
                       struct listener **ret_listener, struct err *err)
{
    AUTO(buf_done) struct buf address = {0};
    buf_printf(&address, "%s:%lld", tee->options.http_address, (long long)port);
    struct listen_options options = *more;
    options.address = buf_terminated(&address);
    options.read_timeout_ms = READ_TIMEOUT_MS;
    options.write_timeout_ms = WRITE_TIMEOUT_MS;
    options.body_budget = &tee->request_budget;
    options.context = tee;
    return listener_open(&options, ret_listener, err);
}

static void run_grpc(void *context, void (*work)(void *item), void *item)
{
    struct tee *tee = context;
    crew_run(tee->grpc_crew, work, item);
}

static bool tee_listen_grpc(struct tee *tee, struct err *err)
{
    const struct tee_options *options = &tee->options;
    if (options->grpc_port == 0)
        return true;
    AUTO(buf_done) struct buf address = {0};
    buf_printf(&address, "%s:%lld",
               *options->grpc_address ? options->grpc_address : options->http_address,
               (long long)options->grpc_port);
    tee->grpc_crew = crew_create((size_t)options->grpc_connection_max);
    struct grpc_listen_options grpc = {
        .address = buf_terminated(&address),
        .connection_max = (size_t)options->grpc_connection_max,
        .call_max = (size_t)options->grpc_call_max,
        .request_size_max = (size_t)options->grpc_request_size_max,
        .request_budget = &tee->request_budget,
        .read_timeout_ms = READ_TIMEOUT_MS,
        .write_timeout_ms = WRITE_TIMEOUT_MS,
        .http =
            {
                .answer_size_max = (size_t)options->grpc_answer_size_max,
                .answer_budget = &tee->memory_budget,
                .handle = proxy_handle,
                .finished = proxy_finished,
                .context = tee,
            },
        .run = run_grpc,
        .run_context = tee,
    };
    if (!grpc_listener_open(&grpc, &tee->grpc, err))
        return err_wrap(err, "gRPC (--server.grpc-service-port=0: none)");
    return true;
}

static bool tee_read_pem(const char *path, struct buf *out, const char **ret_text, struct err *err)
{
    *ret_text = NULL;
    if (!*path)
        return true;
    if (!file_read(path, PEM_SIZE_MAX, out, err))
        return err_wrap(err, "flags --server.http-tls-cert-path, --server.http-tls-key-path");
    *ret_text = buf_terminated(out);
    return true;
}

static bool tee_open_listeners(struct tee *tee, struct err *err)
{
    AUTO(buf_done) struct buf cert = {0}, key = {0};
    struct listen_options proxy = {
        .connection_max = (size_t)tee->options.connection_max,
        .body_size_max = request_size_max,
        .handle = proxy_handle,
        .finished = proxy_finished,
    };
    struct listen_options metrics = {
        .connection_max = METRICS_CONNECTIONS_MAX,
        .handle = metrics_handle,
    };
    return tee_read_pem(tee->options.tls_cert_path, &cert, &proxy.tls_cert, err) &&
           tee_read_pem(tee->options.tls_key_path, &key, &proxy.tls_key, err) &&
           tee_listen_grpc(tee, err) && /* before the metrics, which tell of it */
           tee_listen(tee, &metrics, tee->options.metrics_port, &tee->metrics, err) &&
           tee_listen(tee, &proxy, tee->options.http_port, &tee->proxy, err);
}

/* The environment says whether spans are sent, and where to. */
static bool tee_open_tracer(struct tee *tee, struct err *err)
{
    struct tracer_options options;
    struct err warning;
    tracer_options_read(getenv, tee->arena, &options, &warning);
    if (warning.kind != ERR_NONE) {
        struct log_line line = log_begin(&tee->options.log, LOG_LEVEL_WARN,
                                         "The environment says something that is left out");
        log_text(&line, "err", warning.msg);
        log_end(&line);
    }
    return !options.url || tracer_create(&options, &tee->tracer, err);
}

bool tee_open(struct tee *tee, struct err *err)
{
    tee->start_ms = clock_now_ms();
    atomic_store(&tee->random, (uint64_t)clock_monotonic_ns());
    tee_open_tables(tee);
    if (!client_loop_create(IDLE_CONNECTIONS_MAX, &tee->rounds.loop, err) ||
        !ledger_create(tee, &tee->ledger, err))
        return false;
    if (!tee_open_tracer(tee, err))
        return false;
    if (tee->options.compare && !judge_create(tee, &tee->judge, err))
        return false;
    return tee_open_listeners(tee, err);
}

/* The end: waits until nothing is asked and nothing compared; false: not until then. */
static bool tee_wait_idle(struct tee *tee, int64_t end_ns)
{
    if (tee->judge)
        judge_hurry(tee->judge);
    for (;;) {
        /* In the order in which rounds go: what one has given away the next has. */
        if (atomic_load(&tee->rounds.round_count) == 0 && ledger_is_idle(tee->ledger) &&
            (!tee->judge || judge_is_idle(tee->judge)))
            return true;
        if (clock_monotonic_ns() >= end_ns)
            return false;
        usleep(5000);
    }
}

static int64_t ms_until(int64_t end_ns)
{
    int64_t now_ns = clock_monotonic_ns();
    return now_ns < end_ns ? (end_ns - now_ns) / 1000000 : 0;
}

/* What is under way may end within --proxy.drain-timeout. */
static void tee_drain(struct tee *tee)
{
    int64_t end_ns = clock_deadline_ns(clock_monotonic_ns(), tee->options.drain_ms);
    if (tee->grpc)
        grpc_listener_stop(tee->grpc);
    listener_drain(tee->proxy, tee->options.drain_ms);
    if (tee->grpc)
        grpc_listener_wait(tee->grpc, ms_until(end_ns));
    if (!tee_wait_idle(tee, end_ns))
        log_message(&tee->options.log, LOG_LEVEL_WARN,
                    "Not everything under way has ended in time; the rest is given up");
}

void tee_close(struct tee *tee)
{
    atomic_store(&tee->cancel, true);
    listener_close(tee->proxy);
    listener_close(tee->metrics); /* which tell of what is closed here */
    grpc_listener_close(tee->grpc);
    crew_destroy(tee->grpc_crew);
    if (tee->ledger)
        tee_wait_idle(tee, INT64_MAX);
    crew_destroy(tee->rounds.crew);
    ledger_destroy(tee->ledger);
    judge_destroy(tee->judge);
    tracer_destroy(tee->tracer);
    client_loop_destroy(tee->rounds.loop);
    client_destroy(tee->rounds.client);
    shapes_destroy(tee->shapes);
    summary_destroy(tee->summary);
    tally_destroy(tee->tally);
    arena_destroy(tee->arena);
    free(tee);
}

static void signals_block(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file over its limit is a write that fails, as a full disk is */
}

/* Serves until a signal comes. */
static void tee_run(struct tee *tee, const sigset_t *signals)
{
    const struct log *log = &tee->options.log;
    struct log_line line = log_begin(log, LOG_LEVEL_INFO, "Server is ready");
    log_text(&line, "address", listener_address(tee->proxy));
    log_text(&line, "metrics", listener_address(tee->metrics));
    log_text(&line, "grpc", tee->grpc ? grpc_listener_address(tee->grpc) : "none");
    log_text(&line, "preferred",
             tee->backends.preferred ? tee->backends.preferred->name : "the first good answer");
    log_number(&line, "backends", (int64_t)tee->backends.count);
    log_text(&line, "compare", tee->judge ? "true" : "false");
    log_end(&line);

    int number = 0;
    while (sigwait(signals, &number) != 0)
        ;
    line = log_begin(log, LOG_LEVEL_INFO, "Ending; answers and comparisons under way may end");
    log_text(&line, "signal", number == SIGINT ? "SIGINT" : "SIGTERM");
    log_end(&line);
    pthread_sigmask(SIG_UNBLOCK, signals, NULL); /* the next one ends the process */
    tee_drain(tee);
}

/* -1: go on and serve. */
static int tee_read(struct tee *tee, int argc, char **argv)
{
    struct err err;
    bool good = options_read(argc, argv, &tee->options, &err);
    if (good && tee->options.help) {
        AUTO(buf_done) struct buf out = {0};
        options_help(&out);
        fwrite(out.ptr, 1, out.len, stdout);
        return 0;
    }
    if (good && backends_read(&tee->options, tee->arena, &tee->backends, &err))
        return -1;
    fprintf(stderr, "query-tee: %s (query-tee --help lists the flags)\n", err.msg);
    return EXIT_USAGE;
}

int command_serve(int argc, char **argv)
{
    struct tee *tee = mem_new(struct tee);
    struct err err;
    tee->arena = arena_create(NULL);
    int code = tee_read(tee, argc, argv);
    if (code >= 0) {
        tee_close(tee);
        return code;
    }
    sigset_t signals;
    signals_block(&signals); /* before any thread is made, so that all have it */
    bool good = tee_open(tee, &err);
    if (good) {
        tee_run(tee, &signals);
    } else {
        struct log_line line = log_begin(&tee->options.log, LOG_LEVEL_ERROR, "Cannot serve");
        log_text(&line, "err", err.msg);
        log_end(&line);
    }
    struct log log = tee->options.log;
    tee_close(tee);
    if (good)
        log_message(&log, LOG_LEVEL_INFO, "See you next time!");
    return good ? 0 : EXIT_FAILED;
}
