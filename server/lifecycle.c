#include "server/lifecycle.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cond.h"

/* So often is looked at `cancel`. */
#define WAIT_SLICE_NS 20000000

void lifecycle_init(struct lifecycle *lifecycle)
{
    atomic_init(&lifecycle->phase, PHASE_STARTING);
    atomic_init(&lifecycle->open, false);
    atomic_init(&lifecycle->quit_wanted, false);
    atomic_init(&lifecycle->stop_ms, 0);
    lifecycle->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&lifecycle->lock, NULL);
    pthread_cond_init(&lifecycle->changed, NULL);
}

void lifecycle_done(struct lifecycle *lifecycle)
{
    if (lifecycle->wake_fd >= 0)
        close(lifecycle->wake_fd);
    pthread_cond_destroy(&lifecycle->changed);
    pthread_mutex_destroy(&lifecycle->lock);
}

enum phase lifecycle_phase(const struct lifecycle *lifecycle)
{
    return (enum phase)atomic_load(&lifecycle->phase);
}

static void lifecycle_wake(struct lifecycle *lifecycle)
{
    uint64_t one = 1;
    while (write(lifecycle->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void lifecycle_take_wake(struct lifecycle *lifecycle)
{
    uint64_t count;
    while (read(lifecycle->wake_fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
}

static void lifecycle_change(struct lifecycle *lifecycle, bool from_start, enum phase phase)
{
    pthread_mutex_lock(&lifecycle->lock);
    if (!from_start || lifecycle_phase(lifecycle) == PHASE_STARTING)
        atomic_store(&lifecycle->phase, phase);
    pthread_cond_broadcast(&lifecycle->changed);
    pthread_mutex_unlock(&lifecycle->lock);
    lifecycle_wake(lifecycle);
}

void lifecycle_opened(struct lifecycle *lifecycle, bool good)
{
    atomic_store(&lifecycle->open, good);
    lifecycle_change(lifecycle, true, good ? PHASE_READY : PHASE_FAILED);
}

void lifecycle_stop(struct lifecycle *lifecycle)
{
    atomic_store(&lifecycle->stop_ms, clock_now_ms());
    lifecycle_change(lifecycle, false, PHASE_STOPPING);
}

bool lifecycle_quit(struct lifecycle *lifecycle)
{
    bool first = !atomic_exchange(&lifecycle->quit_wanted, true);
    lifecycle_wake(lifecycle);
    return first;
}

bool lifecycle_wait_ready(struct lifecycle *lifecycle, const _Atomic bool *cancel)
{
    pthread_mutex_lock(&lifecycle->lock);
    while (lifecycle_phase(lifecycle) == PHASE_STARTING && !atomic_load(cancel))
        cond_wait_until(&lifecycle->changed, &lifecycle->lock,
                        clock_monotonic_ns() + WAIT_SLICE_NS);
    pthread_mutex_unlock(&lifecycle->lock);
    return lifecycle_is_ready(lifecycle);
}
