/*
 * `millrace serve`: listens, opens what is to be served, and waits for signals. SIGHUP reads the
 * configuration again. The first SIGTERM or SIGINT lets running queries end, or ends the opening;
 * the second ends the process at once.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "server/opening.h"
#include "server/routes.h"
#include "server/serve_flags.h"
#include "server/server.h"

static void feature_told(void *context, struct str name, bool known)
{
    struct server *server = context;
    struct log_line line =
        known ? log_begin(&server->log, LOG_LEVEL_INFO, "Feature enabled")
              : log_begin(&server->log, LOG_LEVEL_WARN, "Unknown option for --enable-feature");
    log_str(&line, known ? "feature" : "option", name);
    log_end(&line);
}

static bool serve_listen(struct server *server, struct err *err)
{
    const struct serve_options *options = &server->options;
    struct listen_options listen_options = {
        .address = options->listen_address,
        .connection_max = (size_t)options->connection_max,
        .read_timeout_ms = options->read_timeout_ms,
        .write_timeout_ms = options->write_timeout_ms,
        .body_size_max = routes_body_size_max,
        .body_budget = &server->request_budget,
        .handle = routes_handle,
        .finished = routes_finished,
        .context = server,
    };
    struct listener *listener = NULL;
    if (!listener_open(&listen_options, &listener, err))
        return false;
    atomic_store(&server->listener, listener);
    struct log_line line =
        log_begin(&server->log, LOG_LEVEL_INFO, "Start listening for connections");
    log_text(&line, "address", listener_address(listener));
    log_end(&line);
    return true;
}

/* What requests need that come before the database is open. */
static bool serve_prepare(struct server *server, struct err *err)
{
    const struct serve_options *options = &server->options;
    if (!cors_init(&server->cors, str_of(options->cors_origin), err))
        return err_wrap(err, "flag --web.cors.origin");
    if (!prefix_init(&server->prefix, options->external_url, options->route_prefix, err))
        return false;
    budget_init(&server->listing_budget, NULL, "--query.memory-limit",
                (size_t)options->memory_limit);
    budget_init(&server->request_budget, NULL, "--web.request-memory",
                (size_t)options->request_memory);
    budget_init(&server->spool_budget, NULL, "--storage.remote.read-spool-limit",
                (size_t)options->spool_limit);
    receiver_init(&server->receiver, server);
    gate_init(&server->read_gate, (size_t)options->read_concurrency_max);
    server->client = client_create((size_t)options->concurrency_max);
    server->metadata = metadata_create();
    if (server->features.exemplars)
        server->exemplars = exemplars_create(server->settings.now->exemplar_count_max);
    return true;
}

static void serve_close(struct server *server)
{
    self_monitor_stop(atomic_load(&server->self_monitor));
    listener_close(atomic_load(&server->listener));
    self_monitor_destroy(atomic_load(&server->self_monitor));
    if (server->engine)
        engine_destroy(server->engine);
    settings_end(server);
    db_close(server->db);
    exemplars_destroy(server->exemplars);
    metadata_destroy(server->metadata);
    cors_done(&server->cors);
    prefix_done(&server->prefix);
    gate_done(&server->read_gate);
    client_destroy(server->client);
    lifecycle_done(&server->lifecycle);
    for (size_t i = 0; i < QUERY_PART_COUNT; i++)
        recent_times_done(&server->query_times[i]);
    read_metrics_done(&server->read_metrics);
    free(server->flag_texts);
    free(server);
}

/* Before any thread is made, so that all have it. */
static void signals_block(sigset_t *ends)
{
    sigset_t all;
    sigemptyset(ends);
    sigaddset(ends, SIGTERM);
    sigaddset(ends, SIGINT);
    all = *ends;
    sigaddset(&all, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file over its limit is a write that fails, as a full disk is */
}

/* The next signal there is; 0: none. */
static int signal_take(int fd)
{
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

static void log_ending(struct server *server, int number)
{
    struct log_line line =
        log_begin(&server->log, LOG_LEVEL_INFO, "Ending; running queries may end first");
    if (number)
        log_text(&line, "signal", number == SIGINT ? "SIGINT" : "SIGTERM");
    else
        log_text(&line, "request", "/-/quit");
    log_end(&line);
}

/* What is to be done about a signal, or a change of the lifecycle. False: it is to end. */
static bool serve_step(struct server *server, int number, bool *reload)
{
    struct lifecycle *lifecycle = &server->lifecycle;
    if (number == SIGTERM || number == SIGINT || atomic_load(&lifecycle->quit_wanted)) {
        log_ending(server, number == SIGHUP ? 0 : number);
        return false;
    }
    *reload |= number == SIGHUP;
    if (*reload && lifecycle_is_ready(lifecycle)) { /* which waits for the opening */
        struct err err;
        err_clear(&err);
        if (!settings_reload(server, &err))
            err_clear(&err); /* it has been told, and all is as before */
        *reload = false;
    }
    return lifecycle_phase(lifecycle) != PHASE_FAILED;
}

static void serve_wait(struct server *server, int signal_fd)
{
    struct pollfd fds[] = {
        {.fd = signal_fd, .events = POLLIN},
        {.fd = server->lifecycle.wake_fd, .events = POLLIN},
    };
    bool reload = false, go_on = true;
    while (go_on) {
        if (poll(fds, ARRAY_COUNT(fds), -1) < 0)
            continue;
        if (fds[1].revents)
            lifecycle_take_wake(&server->lifecycle);
        go_on = serve_step(server, fds[0].revents ? signal_take(signal_fd) : 0, &reload);
    }
}

/* Serves until it is to end. */
static bool serve_run(struct server *server, const sigset_t *ends, struct err *err)
{
    sigset_t waited = *ends;
    sigaddset(&waited, SIGHUP);
    struct opening opening = {0};
    int signal_fd = signalfd(-1, &waited, SFD_CLOEXEC);
    if (signal_fd < 0 || server->lifecycle.wake_fd < 0)
        return err_set(err, ERR_IO, "cannot wait for signals: %s", strerror(errno));
    if (!opening_begin(&opening, server, err)) {
        close(signal_fd);
        return false;
    }
    serve_wait(server, signal_fd);
    bool failed = lifecycle_phase(&server->lifecycle) == PHASE_FAILED;
    lifecycle_stop(&server->lifecycle);
    if (!lifecycle_is_open(&server->lifecycle))
        atomic_store(&server->reading.cancel, true);
    signal(SIGHUP, SIG_IGN);
    pthread_sigmask(SIG_UNBLOCK, &waited, NULL); /* the next one ends the process */
    listener_drain(atomic_load(&server->listener), failed ? 0 : server->options.drain_timeout_ms);
    opening_wait(&opening);
    close(signal_fd);
    if (failed)
        *err = opening.err;
    return !failed;
}

int command_serve(int argc, char **argv)
{
    struct server *server = mem_new(struct server);
    struct err err;
    bool help = false;
    server->start_ms = clock_now_ms();
    lifecycle_init(&server->lifecycle);
    settings_init(server);
    for (size_t i = 0; i < QUERY_PART_COUNT; i++)
        recent_times_init(&server->query_times[i]);
    read_metrics_init(&server->read_metrics);
    if (!serve_flags_read(server, argc, argv, &help, &err) ||
        (!help && !settings_begin(server, &err))) {
        fprintf(stderr, "millrace: %s (millrace serve --help lists the flags)\n", err.msg);
        serve_close(server);
        return EXIT_USAGE;
    }
    if (help) {
        serve_flags_help();
        serve_close(server);
        return 0;
    }
    sigset_t ends;
    signals_block(&ends);
    server->features = features_read(server->options.features, feature_told, server);
    bool good =
        serve_prepare(server, &err) && serve_listen(server, &err) && serve_run(server, &ends, &err);
    if (!good) {
        struct log_line line = log_begin(&server->log, LOG_LEVEL_ERROR, "Cannot serve");
        log_text(&line, "err", err.msg);
        log_end(&line);
    }
    struct log log = server->log;
    serve_close(server);
    if (good)
        log_message(&log, LOG_LEVEL_INFO, "See you next time!");
    return good ? 0 : EXIT_FAILED;
}
