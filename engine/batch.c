/*
 * One free list a power of two, under one lock: buffers are taken and given back once per batch of
 * thousands of values, so that the lock is never hot. What is kept is bounded; the rest goes back
 * to the heap.
 */
#include "engine/batch.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

#define POOL_CLASSES 40
#define POOL_SIZE_MIN 512

struct pool_free {
    struct pool_free *next;
};

struct pool {
    pthread_mutex_t lock;
    struct pool_free *free[POOL_CLASSES];
    size_t kept_bytes;
    size_t keep_bytes_max;
};

struct pool *pool_create(size_t keep_bytes_max)
{
    struct pool *pool = mem_new(struct pool);
    pthread_mutex_init(&pool->lock, NULL);
    pool->keep_bytes_max = keep_bytes_max;
    return pool;
}

void pool_destroy(struct pool *pool)
{
    if (!pool)
        return;
    for (size_t i = 0; i < POOL_CLASSES; i++) {
        while (pool->free[i]) {
            struct pool_free *at = pool->free[i];
            pool->free[i] = at->next;
            free(at);
        }
    }
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static size_t pool_class(size_t count, size_t *ret_bytes)
{
    assert(count <= SIZE_MAX / 16);
    size_t class = 0;
    size_t bytes = POOL_SIZE_MIN;
    while (bytes < count * sizeof(double)) {
        bytes *= 2;
        class ++;
    }
    assert(class < POOL_CLASSES);
    *ret_bytes = bytes;
    return class;
}

double *pool_take(struct pool *pool, struct budget *budget, size_t count, struct err *err)
{
    size_t bytes;
    size_t class = pool_class(count, &bytes);
    if (!budget_charge(budget, bytes, err))
        return NULL;

    pthread_mutex_lock(&pool->lock);
    struct pool_free *taken = pool->free[class];
    if (taken) {
        pool->free[class] = taken->next;
        pool->kept_bytes -= bytes;
    }
    pthread_mutex_unlock(&pool->lock);
    if (taken)
        return (double *)taken;

    void *fresh = aligned_alloc(64, bytes);
    if (!fresh) {
        budget_release(budget, bytes);
        err_set(err, ERR_LIMIT, "out of memory");
        return NULL;
    }
    return fresh;
}

void pool_give(struct pool *pool, struct budget *budget, double *values, size_t count)
{
    if (!values)
        return;
    size_t bytes;
    size_t class = pool_class(count, &bytes);
    budget_release(budget, bytes);

    struct pool_free *given = (struct pool_free *)(void *)values;
    pthread_mutex_lock(&pool->lock);
    bool keep = pool->kept_bytes + bytes <= pool->keep_bytes_max;
    if (keep) {
        given->next = pool->free[class];
        pool->free[class] = given;
        pool->kept_bytes += bytes;
    }
    pthread_mutex_unlock(&pool->lock);
    if (!keep)
        free(values);
}
