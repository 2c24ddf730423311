#include "server/gate.h"

#include "base/cond.h"

/* Nobody signals when a client goes away. */
#define GATE_WAIT_SLICE_NS 20000000

void gate_init(struct gate *gate, size_t limit)
{
    *gate = (struct gate){.limit = limit};
    pthread_mutex_init(&gate->lock, NULL);
    pthread_cond_init(&gate->turn, NULL);
}

void gate_done(struct gate *gate)
{
    pthread_cond_destroy(&gate->turn);
    pthread_mutex_destroy(&gate->lock);
}

bool gate_enter(struct gate *gate, const _Atomic bool *cancel, struct err *err)
{
    bool alive = true;
    pthread_mutex_lock(&gate->lock);
    gate->waiting++;
    while (alive && gate->limit && gate->inside >= gate->limit) {
        cond_wait_until(&gate->turn, &gate->lock, clock_monotonic_ns() + GATE_WAIT_SLICE_NS);
        alive = !atomic_load(cancel);
    }
    gate->waiting--;
    gate->inside += alive;
    pthread_mutex_unlock(&gate->lock);
    return alive || err_set(err, ERR_CANCELED, "context canceled");
}

void gate_leave(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->inside--;
    pthread_cond_signal(&gate->turn);
    pthread_mutex_unlock(&gate->lock);
}

size_t gate_count(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    size_t count = gate->inside + gate->waiting;
    pthread_mutex_unlock(&gate->lock);
    return count;
}
