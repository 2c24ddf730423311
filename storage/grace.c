/*
 * Epochs in a row: readers count in the newest, and objects are given to the newest. An object may
 * be seen by readers of its own epoch and of older ones; so epochs are emptied from the oldest on,
 * as far as they have no readers.
 */
#include "storage/grace.h"

#include <assert.h>

#include "base/mem.h"

struct grace_item {
    void *object;
    void (*destroy)(void *object);
};

struct grace_epoch {
    struct grace_epoch *next;
    size_t readers;
    struct grace_item *items;
    size_t count, cap;
};

void grace_init(struct grace *grace)
{
    pthread_mutex_init(&grace->lock, NULL);
    grace->oldest = grace->newest = mem_new(struct grace_epoch);
}

static void grace_destroy_items(struct grace_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        items[i].destroy(items[i].object);
    free(items);
}

/* Takes out one epoch's items that nobody sees any more; false: there are none. With the lock. */
static bool grace_take(struct grace *grace, struct grace_item **ret_items, size_t *ret_count)
{
    while (grace->oldest->readers == 0) {
        struct grace_epoch *epoch = grace->oldest;
        *ret_items = TAKE(epoch->items);
        *ret_count = epoch->count;
        epoch->count = epoch->cap = 0;
        bool last = epoch == grace->newest;
        if (!last) {
            grace->oldest = epoch->next;
            free(epoch);
        }
        if (*ret_items)
            return true;
        if (last)
            return false;
    }
    return false;
}

/* Objects are destroyed without the lock. */
static void grace_collect(struct grace *grace)
{
    struct grace_item *items;
    size_t count;
    for (;;) {
        pthread_mutex_lock(&grace->lock);
        bool taken = grace_take(grace, &items, &count);
        pthread_mutex_unlock(&grace->lock);
        if (!taken)
            return;
        grace_destroy_items(items, count);
    }
}

void grace_done(struct grace *grace)
{
    if (!grace->newest)
        return;
    grace_collect(grace);
    assert(grace->oldest == grace->newest && grace->newest->readers == 0);
    free(grace->newest);
    grace->oldest = grace->newest = NULL;
    pthread_mutex_destroy(&grace->lock);
}

struct grace_epoch *grace_enter(struct grace *grace)
{
    pthread_mutex_lock(&grace->lock);
    struct grace_epoch *epoch = grace->newest;
    epoch->readers++;
    pthread_mutex_unlock(&grace->lock);
    return epoch;
}

void grace_leave(struct grace *grace, struct grace_epoch *epoch)
{
    pthread_mutex_lock(&grace->lock);
    assert(epoch->readers > 0);
    epoch->readers--;
    pthread_mutex_unlock(&grace->lock);
    grace_collect(grace);
}

void grace_free(struct grace *grace, void *object, void (*destroy)(void *object))
{
    pthread_mutex_lock(&grace->lock);
    struct grace_epoch *epoch = grace->newest;
    mem_grow(epoch->items, struct grace_item, epoch->count, &epoch->cap);
    epoch->items[epoch->count++] = (struct grace_item){object, destroy};
    pthread_mutex_unlock(&grace->lock);
}

void grace_advance(struct grace *grace)
{
    pthread_mutex_lock(&grace->lock);
    if (grace->newest->count > 0) {
        struct grace_epoch *epoch = mem_new(struct grace_epoch);
        grace->newest->next = epoch;
        grace->newest = epoch;
    }
    pthread_mutex_unlock(&grace->lock);
    grace_collect(grace);
}
