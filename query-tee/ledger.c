/*
 * Rounds wait in a list, in the order they were done. Who puts in the first one wakes the thread,
 * which then sleeps on for a moment, and takes all that have come by then.
 */
#include "query-tee/ledger.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "query-tee/judge.h"
#include "query-tee/shape.h"
#include "query-tee/tee.h"
#include "query-tee/tracing.h"

/* How long rounds come together. */
#define GATHER_US 4000

struct ledger {
    struct tee *tee;
    pthread_t thread;
    bool thread_there;

    pthread_mutex_t mutex;
    pthread_cond_t round_came;
    struct round *first;
    struct round **last;
    bool running;
    bool ending;
};

const char *tee_method_label(const char *method)
{
    static const char *const known[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"};
    for (size_t i = 0; i < ARRAY_COUNT(known); i++)
        if (strcmp(method, known[i]) == 0)
            return known[i];
    return "OTHER";
}

static const char *failure_name(enum err_kind kind)
{
    switch (kind) {
    case ERR_TIMEOUT:
        return "timeout";
    case ERR_LIMIT:
        return "too_large";
    case ERR_CANCELED:
        return "canceled";
    case ERR_NONE:
    case ERR_BAD_DATA:
    case ERR_EXECUTION:
    case ERR_UNSUPPORTED:
    case ERR_NOT_FOUND:
    case ERR_CORRUPT:
    case ERR_IO:
        break;
    }
    return "broken";
}

static void count_answer(struct tee *tee, const struct round *round, const struct ask *ask,
                         struct str shape)
{
    const char *name = ask->backend->name;
    const char *route = tee_route_name(round->request.route);
    bool failed = ask->failure != ERR_NONE;
    if (ask->failure == ERR_CANCELED) { /* by us: that says nothing of the backend */
        tally_add(tee->tally, TALLY_FAILURES, 1, "backend=\"%s\",reason=\"%s\"", name,
                  failure_name(ask->failure));
        return;
    }
    tally_observe(tee->tally, TALLY_REQUEST_SECONDS, (double)ask->duration_ns / 1e9,
                  "backend=\"%s\",method=\"%s\",route=\"%s\",status_code=\"%d\"", name,
                  tee_method_label(round->request.method), route, ask->status ? ask->status : 500);
    if (failed)
        tally_add(tee->tally, TALLY_FAILURES, 1, "backend=\"%s\",reason=\"%s\"", name,
                  ask->status || ask->failure != ERR_IO ? failure_name(ask->failure) : "no_answer");
    else
        tally_observe(tee->tally, TALLY_SIZE_BYTES, (double)ask->size,
                      "backend=\"%s\",route=\"%s\"", name, route);
    size_t index = tee_backend_index(tee, ask->backend);
    summary_add_answer(tee->summary, index, failed || ask->status >= 500, ask->duration_ns,
                       ask->size);
    if (!failed && round->request.route)
        shapes_add_answer(tee->shapes, shape, index, ask->duration_ns, ask->size);
}

static void count_ratio(struct tee *tee, const struct round *round, const struct ask *preferred,
                        const struct ask *other)
{
    double a = (double)preferred->duration_ns / 1e9, b = (double)other->duration_ns / 1e9;
    const char *route = tee_route_name(round->request.route);
    tally_observe(tee->tally, TALLY_RELATIVE_SECONDS, b - a,
                  "route=\"%s\",secondary_backend=\"%s\"", route, other->backend->name);
    if (a > 0)
        tally_observe(tee->tally, TALLY_PROPORTIONAL, b / a,
                      "route=\"%s\",secondary_backend=\"%s\"", route, other->backend->name);
}

/* The backends' times lie far apart. What was given up has none. */
static void log_slow(struct tee *tee, const struct round *round)
{
    const struct ask *fastest = &round->asks[0], *slowest = fastest;
    for (size_t i = 0; i < round->ask_count; i++) {
        const struct ask *ask = &round->asks[i];
        if (ask->failure == ERR_CANCELED)
            return;
        if (ask->duration_ns < fastest->duration_ns)
            fastest = ask;
        if (ask->duration_ns > slowest->duration_ns)
            slowest = ask;
    }
    if (tee->options.slow_ms == 0 ||
        (slowest->duration_ns - fastest->duration_ns) / 1000000 < tee->options.slow_ms)
        return;
    const struct round_request *request = &round->request;
    struct log_line line =
        log_begin(&tee->options.log, LOG_LEVEL_WARN,
                  "response time difference between backends exceeded threshold");
    log_text(&line, "route_name", tee_route_name(request->route));
    log_text(&line, "path", request->path);
    log_str(&line, "query", request->params);
    log_text(&line, "user", request->tenant ? request->tenant : "");
    log_text(&line, "fastest_backend", fastest->backend->name);
    log_duration(&line, "fastest_duration", fastest->duration_ns);
    log_text(&line, "slowest_backend", slowest->backend->name);
    log_duration(&line, "slowest_duration", slowest->duration_ns);
    log_end(&line);
}

static void ledger_count(struct tee *tee, struct round *round)
{
    AUTO(buf_done) struct buf shape = {0};
    if (round->request.promql.len > 0)
        shape_append(round->request.promql, &shape);
    else if (round->request.route)
        buf_text(&shape, round->request.route->path);
    const struct ask *preferred =
        tee->backends.preferred ? round_ask_of(round, tee->backends.preferred) : NULL;
    for (size_t i = 0; i < round->ask_count; i++) {
        const struct ask *ask = &round->asks[i];
        count_answer(tee, round, ask, buf_view(&shape));
        if (preferred && ask != preferred && preferred->failure == ERR_NONE &&
            ask->failure == ERR_NONE)
            count_ratio(tee, round, preferred, ask);
    }
    log_slow(tee, round);
    tracing_asks(tee, round);
    if (tee->judge && round->request.route && round->request.route->compared)
        judge_take(tee->judge, round);
}

/* With the mutex held: all that wait, as a list; NULL: it is the end. */
static struct round *ledger_wait(struct ledger *ledger)
{
    while (!ledger->first && !ledger->ending)
        pthread_cond_wait(&ledger->round_came, &ledger->mutex);
    if (!ledger->ending) {
        pthread_mutex_unlock(&ledger->mutex);
        usleep(GATHER_US);
        pthread_mutex_lock(&ledger->mutex);
    }
    struct round *first = ledger->first;
    ledger->first = NULL;
    ledger->last = &ledger->first;
    return first;
}

static void *ledger_run(void *context)
{
    struct ledger *ledger = context;
    struct round *next;
    pthread_setname_np(pthread_self(), "ledger");
    pthread_mutex_lock(&ledger->mutex);
    while ((next = ledger_wait(ledger))) {
        ledger->running = true;
        pthread_mutex_unlock(&ledger->mutex);
        while (next) {
            struct round *round = next;
            next = round->next_done;
            ledger_count(ledger->tee, round);
            round_unref(round);
        }
        pthread_mutex_lock(&ledger->mutex);
        ledger->running = false;
    }
    pthread_mutex_unlock(&ledger->mutex);
    return NULL;
}

void ledger_take(struct ledger *ledger, struct round *round)
{
    round_ref(round);
    pthread_mutex_lock(&ledger->mutex);
    bool first = !ledger->first;
    round->next_done = NULL;
    *ledger->last = round;
    ledger->last = &round->next_done;
    pthread_mutex_unlock(&ledger->mutex);
    if (first)
        pthread_cond_signal(&ledger->round_came);
}

bool ledger_is_idle(struct ledger *ledger)
{
    pthread_mutex_lock(&ledger->mutex);
    bool idle = !ledger->first && !ledger->running;
    pthread_mutex_unlock(&ledger->mutex);
    return idle;
}

bool ledger_create(struct tee *tee, struct ledger **ret_ledger, struct err *err)
{
    struct ledger *ledger = mem_new(struct ledger);
    ledger->tee = tee;
    ledger->last = &ledger->first;
    pthread_mutex_init(&ledger->mutex, NULL);
    pthread_cond_init(&ledger->round_came, NULL);
    ledger->thread_there = pthread_create(&ledger->thread, NULL, ledger_run, ledger) == 0;
    if (ledger->thread_there) {
        *ret_ledger = ledger;
        return true;
    }
    err_set(err, ERR_IO, "cannot start a thread: %s", strerror(errno));
    ledger_destroy(ledger);
    return false;
}

void ledger_destroy(struct ledger *ledger)
{
    if (!ledger)
        return;
    if (ledger->thread_there) {
        pthread_mutex_lock(&ledger->mutex);
        ledger->ending = true;
        pthread_cond_signal(&ledger->round_came);
        pthread_mutex_unlock(&ledger->mutex);
        pthread_join(ledger->thread, NULL);
    }
    pthread_cond_destroy(&ledger->round_came);
    pthread_mutex_destroy(&ledger->mutex);
    free(ledger);
}
