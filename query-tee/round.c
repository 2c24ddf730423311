#include "query-tee/round.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/mem.h"
#include "query-tee/asking.h"

struct round *round_create(struct round_options *options, struct arena *arena,
                           const struct round_request *request, struct backend *const *backends,
                           size_t count, struct round_notice notice)
{
    struct round *round = arena_new(arena, struct round);
    atomic_init(&round->ref_count, 1);
    round->options = options;
    round->arena = arena;
    round->request = *request;
    round->asks = arena_array(arena, struct ask, count);
    round->ask_count = count;
    round->running = count;
    round->notice = notice;
    pthread_mutex_init(&round->mutex, NULL);
    pthread_cond_init(&round->changed, NULL);
    for (size_t i = 0; i < count; i++)
        round->asks[i] = (struct ask){
            .round = round,
            .backend = backends[i],
            .body = spool_create(&options->spool),
        };
    return round;
}

struct round *round_ref(struct round *round)
{
    atomic_fetch_add_explicit(&round->ref_count, 1, memory_order_relaxed);
    return round;
}

void round_unref(struct round *round)
{
    if (!round || atomic_fetch_sub_explicit(&round->ref_count, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < round->ask_count; i++)
        spool_destroy(round->asks[i].body);
    pthread_cond_destroy(&round->changed);
    pthread_mutex_destroy(&round->mutex);
    arena_destroy(round->arena);
}

void ask_announce(struct ask *ask)
{
    struct round *round = ask->round;
    pthread_mutex_lock(&round->mutex);
    ask->turn = ++round->turns;
    ask->state = ASK_ANSWERING;
    pthread_cond_broadcast(&round->changed);
    pthread_mutex_unlock(&round->mutex);
}

void ask_end(struct ask *ask, int64_t duration_ns, const struct err *err)
{
    struct round *round = ask->round;
    atomic_fetch_sub(&ask->backend->in_flight, 1);
    pthread_mutex_lock(&round->mutex);
    ask->duration_ns = duration_ns;
    ask->size = spool_size(ask->body);
    if (err) {
        ask->failure = err->kind;
        ask->failure_text = arena_text(round->arena, str_of(err->msg));
    }
    if (ask->turn == 0)
        ask->turn = ++round->turns;
    ask->state = ASK_DONE;
    bool last = --round->running == 0;
    pthread_cond_broadcast(&round->changed);
    pthread_mutex_unlock(&round->mutex);
    if (!last)
        return;
    if (round->notice.done)
        round->notice.done(round, round->notice.context);
    atomic_fetch_sub(&round->options->round_count, 1);
}

void ask_desert(struct ask *ask)
{
    atomic_store(&ask->deserted, true);
    spool_unfollow(ask->body);
}

void round_start(struct round *round, const _Atomic bool *gone)
{
    struct ask *own = NULL;
    atomic_fetch_add(&round->options->round_count, 1);
    for (size_t i = 0; i < round->ask_count; i++) {
        atomic_fetch_add(&round->asks[i].backend->in_flight, 1);
        round_ref(round);
        if (gone && round->asks[i].backend->preferred)
            own = &round->asks[i];
    }
    struct asking *asking = NULL;
    if (own) {
        spool_follow(own->body);
        asking = asking_send(own, gone);
    }
    for (size_t i = 0; i < round->ask_count; i++)
        if (&round->asks[i] != own)
            asking_run(&round->asks[i]);
    if (asking)
        asking_read(asking);
}

static bool status_is_good(int status)
{
    return (status >= 200 && status < 300) || (status >= 400 && status < 500 && status != 429);
}

/* With the mutex held: the answer to hand on, or NULL while that is open. */
static struct ask *round_look(struct round *round)
{
    struct ask *good = NULL, *first = NULL;
    bool all = true;
    for (size_t i = 0; i < round->ask_count; i++) {
        struct ask *ask = &round->asks[i];
        if (ask->backend->preferred)
            return ask->turn ? ask : NULL;
        all &= ask->turn != 0;
        if (ask->turn == 0)
            continue;
        if (status_is_good(ask->status) && (!good || ask->turn < good->turn))
            good = ask;
        /* One that answered badly is better than one that did not answer. */
        if (!first || (ask->status != 0) > (first->status != 0) ||
            ((ask->status != 0) == (first->status != 0) && ask->turn < first->turn))
            first = ask;
    }
    if (good)
        return good;
    return all ? first : NULL;
}

struct ask *round_choose(struct round *round, const _Atomic bool *gone)
{
    struct ask *chosen;
    for (size_t i = 0; i < round->ask_count; i++)
        if (round->asks[i].backend->preferred)
            spool_follow(round->asks[i].body);
    pthread_mutex_lock(&round->mutex);
    while (!(chosen = round_look(round)) && !atomic_load(gone))
        cond_wait_until(&round->changed, &round->mutex,
                        clock_monotonic_ns() + TRANSFER_LOOK_MS * INT64_C(1000000));
    pthread_mutex_unlock(&round->mutex);
    if (chosen) {
        spool_follow(chosen->body);
        return chosen;
    }
    for (size_t i = 0; i < round->ask_count; i++)
        spool_unfollow(round->asks[i].body);
    return NULL;
}

struct ask *round_ask_of(struct round *round, const struct backend *backend)
{
    for (size_t i = 0; i < round->ask_count; i++)
        if (round->asks[i].backend == backend)
            return &round->asks[i];
    return NULL;
}
