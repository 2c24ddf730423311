#include "server/self_monitor.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cond.h"
#include "base/mem.h"
#include "server/recorder.h"
#include "server/server.h"

/* As Prometheus: a scrape that is so little late has the time it was due, which packs better. */
#define TOLERANCE_MS 2

struct self_monitor {
    struct server *server;
    struct recorder *recorder; /* the thread's, and behind its end who stops it */
    struct buf text;           /* the thread's */
    char *instance;
    int64_t interval_ms;
    pthread_t thread;
    pthread_mutex_t lock; /* of what is below */
    pthread_cond_t ends;
    bool ending;
    struct self_monitor_state state;
};

static void monitor_log(struct self_monitor *monitor, bool was_good, bool good,
                        const struct err *err)
{
    if (was_good == good)
        return;
    struct log_line line =
        good ? log_begin(&monitor->server->log, LOG_LEVEL_INFO, "Own metrics are recorded again")
             : log_begin(&monitor->server->log, LOG_LEVEL_WARN, "Own metrics cannot be recorded");
    if (!good)
        log_str(&line, "err", (struct str){err->msg, strcspn(err->msg, "\n")});
    log_end(&line);
}

static void monitor_round(struct self_monitor *monitor, int64_t due_ms)
{
    int64_t begin_ns = clock_monotonic_ns();
    int64_t now_ms = clock_now_ms();
    buf_clear(&monitor->text);
    metrics_print(monitor->server, &monitor->text);
    struct scrape scrape = {
        .t_ms = now_ms >= due_ms && now_ms - due_ms <= TOLERANCE_MS ? due_ms : now_ms,
        .duration_ns = clock_monotonic_ns() - begin_ns,
        .text = buf_view(&monitor->text),
    };
    struct append_result result;
    struct err err;
    err_clear(&err);
    bool good = recorder_take(monitor->recorder, &scrape, &result, &err);

    pthread_mutex_lock(&monitor->lock);
    struct self_monitor_state *state = &monitor->state;
    bool was_good = !state->fault[0];
    state->t_ms = scrape.t_ms;
    state->duration_ns = scrape.duration_ns;
    snprintf(state->fault, sizeof state->fault, "%s", good ? "" : err.msg);
    pthread_mutex_unlock(&monitor->lock);
    monitor_log(monitor, was_good, good, &err);
}

/* False: it is to end. */
static bool monitor_wait(struct self_monitor *monitor, int64_t until_ns)
{
    bool early = true;
    pthread_mutex_lock(&monitor->lock);
    while (!monitor->ending && early)
        early = cond_wait_until(&monitor->ends, &monitor->lock, until_ns);
    bool ending = monitor->ending;
    pthread_mutex_unlock(&monitor->lock);
    return !ending;
}

static void *monitor_thread(void *context)
{
    struct self_monitor *monitor = context;
    const _Atomic bool never = false; /* who ends it has ended the lifecycle before */
    if (!lifecycle_wait_ready(&monitor->server->lifecycle, &never))
        return NULL;
    int64_t begin_ns = clock_monotonic_ns(), begin_ms = clock_now_ms();
    int64_t due_ms = 0; /* since the begin */
    do {
        monitor_round(monitor, begin_ms + due_ms);
        int64_t passed_ms = (clock_monotonic_ns() - begin_ns) / 1000000;
        due_ms = (passed_ms / monitor->interval_ms + 1) * monitor->interval_ms;
    } while (monitor_wait(monitor, clock_deadline_ns(begin_ns, due_ms)));
    return NULL;
}

bool self_monitor_start(struct server *server, struct self_monitor **ret_monitor, struct err *err)
{
    struct self_monitor *monitor = mem_new(struct self_monitor);
    monitor->server = server;
    monitor->instance = mem_strdup(listener_address(atomic_load(&server->listener)));
    monitor->interval_ms = server->options.self_monitor_interval_ms;
    monitor->state.t_ms = INT64_MIN;
    monitor->recorder =
        recorder_create(server->db, server->metadata, SELF_MONITOR_JOB, monitor->instance);
    pthread_mutex_init(&monitor->lock, NULL);
    pthread_cond_init(&monitor->ends, NULL);
    int failed = pthread_create(&monitor->thread, NULL, monitor_thread, monitor);
    if (failed) {
        monitor->ending = true;
        self_monitor_destroy(monitor);
        return err_set(err, ERR_IO, "cannot start a thread: %s", strerror(failed));
    }
    *ret_monitor = monitor;
    return true;
}

void self_monitor_stop(struct self_monitor *monitor)
{
    if (!monitor)
        return;
    pthread_mutex_lock(&monitor->lock);
    bool was_good = !monitor->state.fault[0];
    monitor->ending = true;
    pthread_cond_signal(&monitor->ends);
    pthread_mutex_unlock(&monitor->lock);
    pthread_join(monitor->thread, NULL);
    struct err err;
    if (!recorder_end(monitor->recorder, clock_now_ms(), &err))
        monitor_log(monitor, was_good, false, &err);
}

void self_monitor_destroy(struct self_monitor *monitor)
{
    if (!monitor)
        return;
    recorder_destroy(monitor->recorder);
    pthread_cond_destroy(&monitor->ends);
    pthread_mutex_destroy(&monitor->lock);
    buf_done(&monitor->text);
    free(monitor->instance);
    free(monitor);
}

void self_monitor_state(struct self_monitor *monitor, struct self_monitor_state *ret_state)
{
    pthread_mutex_lock(&monitor->lock);
    *ret_state = monitor->state;
    pthread_mutex_unlock(&monitor->lock);
}

const char *self_monitor_instance(const struct self_monitor *monitor)
{
    return monitor->instance;
}
