#include "engine/engine.h"

#include <assert.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/mem.h"
#include "engine/running.h"

#define ENGINE_POOL_KEEP_BYTES ((size_t)8 << 20)
#define ENGINE_CONCURRENCY_DEFAULT 20
#define ENGINE_WAIT_SLICE_NS 20000000

struct engine *engine_create(struct storage *storage, const struct engine_options *options)
{
    struct engine *engine = mem_new(struct engine);
    engine->storage = storage;
    engine->options = *options;
    if (engine->options.thread_count == 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        engine->options.thread_count = cores > 0 ? (size_t)cores : 1;
    }
    if (engine->options.concurrency_max == 0)
        engine->options.concurrency_max = ENGINE_CONCURRENCY_DEFAULT;
    if (engine->options.lookback_ms == 0)
        engine->options.lookback_ms = 300000;
    if (engine->options.subquery_step_ms == 0)
        engine->options.subquery_step_ms = 60000;
    budget_init(&engine->budget, NULL, "--query.memory-total", options->memory_total_bytes);
    engine->pool = pool_create(ENGINE_POOL_KEEP_BYTES);
    /* The thread of the query is one of those that work for it. */
    if (engine->options.thread_count > 1)
        engine->workers = workers_create(engine->options.thread_count - 1);
    pthread_mutex_init(&engine->lock, NULL);
    pthread_cond_init(&engine->turn, NULL);
    return engine;
}

void engine_destroy(struct engine *engine)
{
    if (!engine)
        return;
    assert(engine->running_count == 0);
    workers_destroy(engine->workers);
    pool_destroy(engine->pool);
    pthread_cond_destroy(&engine->turn);
    pthread_mutex_destroy(&engine->lock);
    free(engine);
}

/* Who comes back from a pause goes first: what has begun should end. */
static bool engine_is_full(const struct engine *engine, bool again)
{
    return engine->running_count >= engine->options.concurrency_max ||
           (!again && engine->again_count > 0);
}

bool engine_enter(struct engine *engine, const struct query *query, bool again, struct err *err)
{
    pthread_mutex_lock(&engine->lock);
    engine->waiting_count++;
    engine->again_count += again;
    bool alive = true;
    while (engine_is_full(engine, again)) {
        alive = query_alive(query, err);
        if (!alive)
            break;
        /* In slices, for nobody signals when the client goes away. */
        int64_t until_ns = clock_monotonic_ns() + ENGINE_WAIT_SLICE_NS;
        cond_wait_until(&engine->turn, &engine->lock, until_ns);
    }
    engine->waiting_count--;
    engine->again_count -= again;
    if (alive) {
        engine->running_count++;
        engine->queries_total += !again;
    }
    if (again)
        pthread_cond_broadcast(&engine->turn);
    pthread_mutex_unlock(&engine->lock);
    return alive;
}

void engine_leave(struct engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    engine->running_count--;
    pthread_cond_broadcast(&engine->turn);
    pthread_mutex_unlock(&engine->lock);
}

void engine_add_samples(struct engine *engine, uint64_t samples_read)
{
    pthread_mutex_lock(&engine->lock);
    engine->samples_total += samples_read;
    pthread_mutex_unlock(&engine->lock);
}

void engine_stats(struct engine *engine, struct engine_stats *ret_stats)
{
    pthread_mutex_lock(&engine->lock);
    *ret_stats = (struct engine_stats){
        .queries_running = engine->running_count,
        .queries_waiting = engine->waiting_count,
        .queries_total = engine->queries_total,
        .samples_total = engine->samples_total,
        .memory_used_bytes = engine->budget.used_bytes,
        .memory_peak_bytes = engine->budget.peak_bytes,
    };
    pthread_mutex_unlock(&engine->lock);
}
