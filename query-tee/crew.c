#include "query-tee/crew.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/cond.h"
#include "base/mem.h"

/* How long a thread without work stays. */
#define IDLE_MS 10000

/* Work is C all the way down, and shallow. */
#define STACK_SIZE ((size_t)512 << 10)

struct job {
    void (*work)(void *context);
    void *context;
    struct job *next;
};

/* A thread that has left, or is about to, and is still to be joined. */
struct leaver {
    pthread_t thread;
    struct leaver *next;
};

struct crew {
    pthread_mutex_t mutex;
    pthread_cond_t job_came;
    pthread_cond_t thread_left;
    struct job *first;
    struct job **last;
    size_t job_count; /* that wait */
    size_t thread_max;
    size_t thread_count;
    size_t busy_count;
    struct leaver *leavers;
    bool ending;
};

struct crew *crew_create(size_t thread_max)
{
    struct crew *crew = mem_new(struct crew);
    crew->thread_max = thread_max;
    crew->last = &crew->first;
    pthread_mutex_init(&crew->mutex, NULL);
    pthread_cond_init(&crew->job_came, NULL);
    pthread_cond_init(&crew->thread_left, NULL);
    return crew;
}

/* With the mutex held: the next job, or NULL when it is time to go. */
static struct job *crew_wait(struct crew *crew)
{
    int64_t until_ns = clock_deadline_ns(clock_monotonic_ns(), IDLE_MS);
    bool early = true;
    while (!crew->first && !crew->ending && early)
        early = cond_wait_until(&crew->job_came, &crew->mutex, until_ns);
    struct job *job = crew->first;
    if (job) {
        crew->first = job->next;
        crew->job_count--;
        if (!crew->first)
            crew->last = &crew->first;
    }
    return job;
}

static void *crew_thread(void *context)
{
    struct crew *crew = context;
    struct leaver *leaver = mem_new(struct leaver);
    struct job *job;
    pthread_setname_np(pthread_self(), "ask");
    pthread_mutex_lock(&crew->mutex);
    while ((job = crew_wait(crew))) {
        crew->busy_count++;
        pthread_mutex_unlock(&crew->mutex);
        job->work(job->context);
        free(job);
        pthread_mutex_lock(&crew->mutex);
        crew->busy_count--;
    }
    leaver->thread = pthread_self();
    leaver->next = crew->leavers;
    crew->leavers = leaver;
    crew->thread_count--;
    pthread_cond_broadcast(&crew->thread_left);
    pthread_mutex_unlock(&crew->mutex);
    return NULL;
}

/* With the mutex held, which it lets go of for a moment: threads end for good, with all that
 * libraries do at their end. */
static void crew_join_leavers(struct crew *crew)
{
    while (crew->leavers) {
        struct leaver *leaver = crew->leavers;
        crew->leavers = leaver->next;
        pthread_mutex_unlock(&crew->mutex);
        pthread_join(leaver->thread, NULL);
        free(leaver);
        pthread_mutex_lock(&crew->mutex);
    }
}

/* With the mutex held. No thread to be had: those there are do it. */
static void crew_add_thread(struct crew *crew)
{
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    if (pthread_create(&thread, &attr, crew_thread, crew) == 0)
        crew->thread_count++;
    pthread_attr_destroy(&attr);
}

void crew_run(struct crew *crew, void (*work)(void *context), void *context)
{
    struct job *job = mem_new(struct job);
    job->work = work;
    job->context = context;
    pthread_mutex_lock(&crew->mutex);
    crew_join_leavers(crew);
    *crew->last = job;
    crew->last = &job->next;
    crew->job_count++;
    /* Threads that are idle, or have not come to it yet, are enough for what waits. */
    if (crew->busy_count + crew->job_count > crew->thread_count &&
        crew->thread_count < crew->thread_max)
        crew_add_thread(crew);
    bool alone = crew->thread_count == 0;
    pthread_cond_signal(&crew->job_came);
    pthread_mutex_unlock(&crew->mutex);
    if (!alone)
        return;

    /* The machine has no thread for us: the caller's does it. */
    pthread_mutex_lock(&crew->mutex);
    struct job *own = crew->first ? crew_wait(crew) : NULL;
    pthread_mutex_unlock(&crew->mutex);
    if (own) {
        own->work(own->context);
        free(own);
    }
}

size_t crew_thread_count(struct crew *crew)
{
    pthread_mutex_lock(&crew->mutex);
    size_t count = crew->thread_count;
    pthread_mutex_unlock(&crew->mutex);
    return count;
}

void crew_destroy(struct crew *crew)
{
    if (!crew)
        return;
    pthread_mutex_lock(&crew->mutex);
    crew->ending = true;
    pthread_cond_broadcast(&crew->job_came);
    while (crew->thread_count > 0)
        pthread_cond_wait(&crew->thread_left, &crew->mutex);
    crew_join_leavers(crew);
    pthread_mutex_unlock(&crew->mutex);
    pthread_cond_destroy(&crew->job_came);
    pthread_cond_destroy(&crew->thread_left);
    pthread_mutex_destroy(&crew->mutex);
    free(crew);
}
